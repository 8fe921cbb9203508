/*
 * ingest_absent.c - what the store holds in columns of a flow that a trace does not have (absent in its dialect).
 *
 * The rule is public and depends on nothing of a row but its number, so nothing private is in it.  Every row has the
 * same values, except for the time, which grows by a millisecond a row: so windows are of neighbours in the file, gaps
 * tell nothing, and no hour of a day is learned.  Models learn whole flows; what they make of these columns is not
 * handed out (stages/generate.c).
 */
#include "stages/ingest.h"

#define FIRST_MS INT64_C(946684800000) /* 2000-01-01 */
#define FROM 0xc0000201                /* 192.0.2.1 and 192.0.2.2: addresses of documentation (RFC 5737) */
#define TO 0xc0000202

static int fill_addresses(struct fm_table *t, size_t first, struct fm_error *err)
{
	struct fm_address from = fm_address_of_ipv4(FROM), to = fm_address_of_ipv4(TO);
	uint32_t sa, da;
	int rc;

	if ((rc = fm_address_dict_add(t->addresses, &from, false, &sa, err)) < 0 ||
	    (rc = fm_address_dict_add(t->addresses, &to, false, &da, err)) < 0)
		return rc;
	for (size_t i = first; i < t->rows; i++) {
		t->sa[i] = sa;
		t->da[i] = da;
	}
	return FM_OK;
}

int fm_ingest_absent(struct fm_ingest *g, size_t first, struct fm_error *err)
{
	const unsigned absent = g->dialect->absent;
	struct fm_table *t = g->pending;
	int pr = 0, rc;

	if (!absent)
		return FM_OK;
	if (absent >> FM_PR & 1u && (pr = fm_dict_index(&t->dict[FM_PR], "-", 1, true)) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (absent >> FM_SA & 1u && (rc = fill_addresses(t, first, err)) < 0)
		return rc;
	for (size_t i = first; i < t->rows; i++) {
		if (absent >> FM_TE & 1u)
			t->te[i] = FIRST_MS + (int64_t)g->filled++;
		if (absent >> FM_TD & 1u)
			t->td[i] = 0;
		if (absent >> FM_SP & 1u)
			t->sp[i] = 0;
		if (absent >> FM_DP & 1u)
			t->dp[i] = 0;
		if (absent >> FM_PR & 1u)
			t->pr[i] = (uint16_t)pr;
		if (absent >> FM_PKT & 1u)
			t->pkt[i] = 1;
		if (absent >> FM_BYT & 1u)
			t->byt[i] = 0;
	}
	return FM_OK;
}
