/* Columns of a row that have several names, and those of ICMP alone (row.h). */
#include <string.h>

#include "base/num.h"
#include "traces/row_parts.h"
#include "traces/value.h"

#define NO_ICMP (-2) /* r->icmp: NO_ICMP - k, where column k has neither type nor code */

/* 0.0.0.0 and :: stand in the column of the family that a row is not of, and are an address where no other one is told,
 * as of a host that asks for its first by DHCP. True: the field is one of them, which is remembered. */
static bool take_zeros(struct fm_row *r, int k, const char *s, size_t n)
{
	const uint64_t bit = UINT64_C(1) << k;
	struct fm_address a;
	uint32_t ip;
	bool ipv4;

	if (r->column[k].kind != FM_KIND_ADDRESS || r->d->cols[k].format == FM_FMT_ADDRESS_PORT ||
	    fm_value_address(r->d, k, s, n, &a))
		return false;
	ipv4 = fm_address_ipv4(&a, &ip);
	if (ipv4 ? ip != 0 : memcmp(&a, &(struct fm_address){{0}}, sizeof a) != 0)
		return false;
	r->zeros |= bit;
	r->zeros4 |= ipv4 ? bit : 0;
	return true;
}

bool fm_row_take_apart(struct fm_row *r, int k, const char *s, size_t n)
{
	uint64_t v;

	if (!fm_dialect_is_icmp(r->d, k)) {
		if (take_zeros(r, k, s, n))
			return true;
		if (r->told >> k & 1u)
			fm_row_refuse_value(r, k, "is told twice, by two columns");
		r->told |= UINT64_C(1) << k;
		return r->bad;
	}
	/* In rows of other protocols some write -1: what is none is a fault where it is read (fm_row_end_apart). */
	r->icmp[r->d->cols[k].format == FM_FMT_ICMP_CODE] = fm_parse_u64(s, n, 255, &v) ? NO_ICMP - k : (int)v;
	return true;
}

/* Column k gave no value but zeros: of IPv4, unless the other end is of IPv6 (fm_row_check_families) or both were ::
 * alone. */
static void set_zeros(struct fm_row *r, int k)
{
	const unsigned ends = 1u << FM_SA | 1u << FM_DA;
	int c = r->d->cols[k].col;

	r->zero |= 1u << c;
	fm_row_set_address(r, c, &(struct fm_address){.b = {[10] = 0xff, [11] = 0xff}});
	if ((r->zero & ends) == ends && !r->zeros4 && !r->ipv4_only) {
		r->ipv6 |= 1u << c;
		fm_row_set_address(r, c, &(struct fm_address){{0}});
	}
}

void fm_row_end_apart(struct fm_row *r)
{
	bool icmp = false;

	for (int ports = 0; ports < 2; ports++) {
		for (int k = 0; k < r->d->ncols && !r->bad; k++) {
			if (!r->column[k].apart || fm_dialect_is_icmp(r->d, k) || r->told >> k & 1u ||
			    (r->column[k].kind == FM_KIND_PORT) != (ports > 0) || (ports && icmp))
				continue;
			if (r->zeros >> k & 1u)
				set_zeros(r, k);
			else
				fm_row_missing(r, k);
		}
		if (r->bad)
			return;
		for (int i = 0; i < 2 && !ports; i++)
			if (r->icmp[i] <= NO_ICMP && fm_row_icmp_number(r))
				fm_row_refuse_value(r, NO_ICMP - r->icmp[i],
						    "is no type or code of ICMP, which are 0 to 255");
		icmp = r->icmp[0] >= 0 && fm_row_icmp_number(r);
		if (icmp && !ports) {
			r->t->sp[r->t->rows] = 0;
			r->t->dp[r->t->rows] = (uint16_t)(r->icmp[0] * 256 + (r->icmp[1] < 0 ? 0 : r->icmp[1]));
		}
	}
}
