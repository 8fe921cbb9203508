/* Who began the flow of a row, and its reply (row_parts.h). */
#include <string.h>

#include "traces/protocol.h"
#include "traces/row_parts.h"
#include "traces/value.h"

void fm_row_aside(struct fm_row *r, int k, const char *s, size_t n)
{
	uint64_t flows;

	if (r->d->cols[k].counts_flows && !fm_value_count(r->d, k, s, n, &flows) && flows > 1)
		r->said |= FM_SAID_SEVERAL;
	if (r->d->cols[k].samples && n && fm_value_count(r->d, k, s, n, &r->sampling))
		fm_row_refuse(r, "the sampling rate is no whole number (column %s)", r->d->cols[k].name);
	for (int i = 0; i < r->d->cols[k].nreversed; i++)
		r->reversed =
		    r->reversed || (strlen(r->d->cols[k].reversed[i]) == n && !memcmp(r->d->cols[k].reversed[i], s, n));
}

void fm_row_multiply(struct fm_row *r, uint64_t rate)
{
	uint64_t *const counts[] = {&r->t->pkt[r->t->rows], &r->t->byt[r->t->rows], &r->reply[0], &r->reply[1]};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		if (__builtin_mul_overflow(*counts[i], rate, counts[i]) || *counts[i] > INT64_MAX)
			fm_row_refuse(r, "packets or bytes are, times the sampling rate, over 2^63 - 1");
}

void fm_row_turn(struct fm_row *r)
{
	const struct fm_table *t = r->t;
	size_t i = t->rows;

	if (FM_HAS(t, FM_SA) && FM_HAS(t, FM_DA)) {
		uint32_t sa = t->sa[i];

		t->sa[i] = t->da[i];
		t->da[i] = sa;
	}
	if (FM_HAS(t, FM_SP) && FM_HAS(t, FM_DP) && !(FM_HAS(t, FM_PR) && fm_row_icmp_number(r))) {
		uint16_t sp = t->sp[i];

		t->sp[i] = t->dp[i];
		t->dp[i] = sp;
	}
	for (int c = 0; c < 2 && r->has_ways; c++) {
		uint64_t *there = c ? &t->byt[i] : &t->pkt[i], back = r->reply[c];

		r->reply[c] = *there;
		*there = back;
	}
}

bool fm_row_has_reply(const struct fm_row *r)
{
	return r->reply[0] || r->reply[1];
}

void fm_row_put_reply(struct fm_row *r, size_t of)
{
	struct fm_table *t = r->t;
	size_t to = t->rows++;
	uint32_t sa = t->sa[of], da = t->da[of];
	uint16_t sp = t->sp[of], dp = t->dp[of];
	int number;

	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(t, c))
			memmove((char *)t->col[c] + to * fm_cols[c].width, (char *)t->col[c] + of * fm_cols[c].width,
				fm_cols[c].width);
	t->sa[to] = da;
	t->da[to] = sa;
	t->pkt[to] = r->reply[0];
	t->byt[to] = r->reply[1];
	number = fm_protocol_number(t->dict[FM_PR].value[t->pr[of]], strlen(t->dict[FM_PR].value[t->pr[of]]));
	if (fm_protocol_is_icmp(number)) {
		t->dp[to] = fm_protocol_icmp_reply(number, dp);
		return;
	}
	t->sp[to] = dp;
	t->dp[to] = sp;
}
