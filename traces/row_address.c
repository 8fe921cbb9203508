#include "base/num.h"
#include "traces/row.h"
#include "traces/row_parts.h"
#include "traces/value.h"

#define DP_NO_IPV6 "is an IPv6 address, and privacy.mode dp takes IPv4 alone"

void fm_row_set_address(struct fm_row *r, int c, const struct fm_address *a)
{
	uint32_t *code = (uint32_t *)r->t->col[c] + r->t->rows;

	if (fm_address_dict_add(r->t->addresses, a, fm_dialect_is_internal(r->d, a), code, &r->error) < 0)
		fm_row_refuse(r, "%s", r->error.message);
}

/* One word of an address; the fourth completes it. An IPv4 address is the fourth word, after three zeros. */
static void take_address_part(struct fm_row *r, int k, const char *s, size_t n)
{
	int c = r->d->cols[k].col, end = c == FM_DA;
	struct fm_address a;
	uint32_t ip;
	uint64_t v;

	if (fm_parse_u64(s, n, UINT32_MAX, &v)) {
		fm_row_refuse_value(r, k, "is not a number of 32 bits, as parts of an address and its family are");
		return;
	}
	if (r->d->cols[k].format == FM_FMT_FAMILY) {
		r->family6 = v == 10 || v == 24 || v == 28 || v == 30; /* Linux, and the BSDs */
		if (!r->family6 && v != 2)
			fm_row_refuse_value(r, k, "is of a family that is neither IPv4 nor IPv6");
		return;
	}
	r->word[end][r->nwords[end]++] = (uint32_t)v;
	if (r->nwords[end] < 4)
		return;
	if (!r->family6 && !r->word[end][0] && !r->word[end][1] && !r->word[end][2]) {
		a = fm_address_of_ipv4(r->word[end][3]);
		fm_row_set_address(r, c, &a);
		return;
	}
	for (int i = 0; i < 16; i++)
		a.b[i] = (uint8_t)(r->word[end][i / 4] >> (24 - 8 * (i % 4)));
	if (fm_address_ipv4(&a, &ip)) {
		fm_row_set_address(r, c, &a);
		return;
	}
	if (r->ipv4_only) {
		fm_row_refuse_value(r, k, DP_NO_IPV6);
		return;
	}
	r->ipv6 |= 1u << c;
	fm_row_set_address(r, c, &a);
}

void fm_row_address(struct fm_row *r, int k, const char *s, size_t n)
{
	struct fm_address a;
	uint32_t ip;
	const char *why = NULL;
	int c = r->d->cols[k].col;

	if (r->d->cols[k].format == FM_FMT_ADDRESS_WORD || r->d->cols[k].format == FM_FMT_FAMILY) {
		take_address_part(r, k, s, n);
		return;
	}
	if (r->d->cols[k].format == FM_FMT_ADDRESS_PORT) {
		bool dotted;

		why = fm_value_split_port(&s, &n, &((uint16_t *)r->t->col[c == FM_SA ? FM_SP : FM_DP])[r->t->rows],
					  &dotted);
		if (!why && dotted)
			r->dotted = k + 1;
	}
	why = why ? why : fm_value_address(r->d, k, s, n, &a);
	if (!why && fm_address_ipv4(&a, &ip)) {
		fm_row_set_address(r, c, &a);
		return;
	}
	if (!why && r->ipv4_only)
		why = DP_NO_IPV6;
	if (why) {
		fm_row_refuse_value(r, k, why);
		return;
	}
	r->ipv6 |= 1u << c;
	fm_row_set_address(r, c, &a);
}

void fm_row_check_families(struct fm_row *r)
{
	static const enum fm_col ends[] = {FM_SA, FM_DA};
	const struct fm_address none = {{0}};

	for (int i = 0; i < 2; i++) {
		if (r->ipv6 >> ends[i] & 1u)
			continue;
		if (!((r->lacks | r->zero) >> ends[i] & 1u)) {
			fm_row_refuse(r, "sa and da are of two families, IPv4 and IPv6");
			return;
		}
		fm_row_set_address(r, ends[i], &none);
	}
}
