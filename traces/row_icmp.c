/* Type and code of ICMP in a row (row_parts.h): a port with a point in it, and the forms of other tools. */
#include <string.h>

#include "traces/icmp.h"
#include "traces/row_parts.h"

/* 80.0 that was read as type.code is port 80 where the row is not ICMP: a program that stores missing values wrote it
 * as a decimal. */
static bool is_whole_port(struct fm_row *r)
{
	int k = r->dotted - 1;
	uint16_t *port;

	if (r->d->cols[k].format != FM_FMT_TYPE_CODE)
		return false;
	port = &((uint16_t *)r->t->col[r->d->cols[k].col])[r->t->rows];
	if (*port % 256)
		return false;
	*port /= 256;
	return true;
}

int fm_row_icmp_number(const struct fm_row *r)
{
	const struct fm_dict *d = &r->t->dict[FM_PR];
	uint16_t i = FM_HAS(r->t, FM_PR) ? r->t->pr[r->t->rows] : 0;
	const char *pr = r->nfresh >> FM_PR & 1u ? NULL : i < d->n ? d->value[i] : NULL;
	size_t n = pr ? strlen(pr) : r->fresh[FM_PR].len;

	pr = pr ? pr : r->fresh[FM_PR].text;
	return n == 4 && !memcmp(pr, "ICMP", 4) ? 1 : n == 5 && !memcmp(pr, "ICMP6", 5) ? 58 : 0;
}

/* 8.0 is type and code only in an ICMP row. */
void fm_row_check_dotted(struct fm_row *r)
{
	bool icmp = fm_row_icmp_number(r) != 0, type_code = r->d->cols[r->dotted - 1].format != FM_FMT_INTEGER;

	if (icmp && r->d->icmp) /* each of the two is in a column of its own */
		return;
	if (icmp && !type_code)
		fm_row_refuse_value(
		    r, r->dotted - 1,
		    "has a point in an ICMP row: give the column format: type.code if it is type and code");
	else if (!icmp && type_code && !is_whole_port(r))
		fm_row_refuse_value(r, r->dotted - 1, "is type.code in a row that is not ICMP");
}

/* The row is of ICMPv6, if its protocol says ICMP and its addresses are IPv6. */
static void name_icmp6(struct fm_row *r)
{
	int i = fm_dict_index(&r->t->dict[FM_PR], "ICMP6", 5, false);

	r->nfresh &= ~(1u << FM_PR);
	if (i >= 0) {
		r->t->pr[r->t->rows] = (uint16_t)i;
		return;
	}
	memcpy(r->fresh[FM_PR].text, "ICMP6", 5);
	r->fresh[FM_PR].len = 5;
	r->nfresh |= 1u << FM_PR;
}

void fm_row_icmp(struct fm_row *r)
{
	uint16_t *sp = &r->t->sp[r->t->rows], *dp = &r->t->dp[r->t->rows];
	int number = fm_row_icmp_number(r);

	if (!number)
		return;
	if (number == 1 && r->ipv6 && r->d->icmp == FM_ICMP_ZEEK) {
		name_icmp6(r);
		number = 58;
	}
	if (!fm_icmp_read(r->d->icmp, number, sp, dp))
		fm_row_refuse(r, "its ports are no type and code of ICMP as the dialect has them");
}
