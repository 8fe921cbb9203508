/* The times of a row (row_parts.h): start, end and duration, two of which give the third. */
#include <string.h>

#include "traces/row_parts.h"
#include "traces/value.h"

/* A part of a time, such as milliseconds beside seconds. */
static void time_part(struct fm_row *r, int k, const char *s, size_t n)
{
	bool start = r->d->cols[k].role == FM_ROLE_START, *has = start ? &r->has_start : &r->has_te;
	int64_t ms, *sum = start ? &r->start_ms : &r->t->te[r->t->rows];
	struct fm_time_said said;
	const char *why = fm_value_time(r->d, k, s, n, &ms, &said);

	if (why && !(start && r->tells_all)) {
		fm_row_refuse_value(r, k, why);
		return;
	}
	if (why)
		return;
	*sum = ms + (*has ? *sum : 0);
	*has = true;
	if (r->d->cols[k].format == FM_FMT_PATTERN) {
		unsigned role = 1u << r->d->cols[k].role;

		if (said.zoned || !(r->clock_parts & role))
			r->zone[r->d->cols[k].role] = said;
		r->clock_parts |= role;
	}
}

void fm_row_time(struct fm_row *r, int k, const char *s, size_t n)
{
	bool start = r->d->cols[k].role == FM_ROLE_START;
	struct fm_row_time *last = &r->time[r->d->cols[k].role];
	struct fm_time_said zone;
	const char *why;

	if (r->d->cols[k].part) {
		time_part(r, k, s, n);
		return;
	}
	if (!n || n != last->len || memcmp(s, last->text, n) != 0) {
		last->len = 0;
		if ((why = fm_value_time(r->d, k, s, n, &last->ms, &zone))) {
			if (!start || !r->tells_all)
				fm_row_refuse_value(r, k, why);
			return;
		}
		last->said = fm_value_is_rounded(s, n) ? FM_SAID_ROUNDED_TIME : 0;
		last->said |= zone.zoned ? FM_SAID_OFFSET : 0;
		last->said |= fm_format_is_days(r->d->cols[k].format) && fm_value_is_coarse(s, n) ? FM_SAID_COARSE : 0;
		if (n <= sizeof last->text) {
			memcpy(last->text, s, n);
			last->len = n;
		}
	}
	r->said |= last->said;
	if (start) {
		r->start_ms = last->ms;
		r->has_start = true;
	} else {
		r->t->te[r->t->rows] = last->ms;
		r->has_te = true;
	}
}

void fm_row_duration(struct fm_row *r, int k, const char *s, size_t n)
{
	const char *why = fm_value_duration(r->d, k, s, n, &r->t->td[r->t->rows]);

	if (why)
		fm_row_refuse_value(r, k, why);
}

/* The first column that has a part of a time of this role. */
static int first_part(const struct fm_dialect *d, int role)
{
	int k = 0;

	while (k + 1 < d->ncols && (!d->cols[k].part || (int)d->cols[k].role != role))
		k++;
	return k;
}

/* Times that were put together from a date and a time of day: they are by the clock of the zone that one of these says,
 * or else by the dialect's. */
static void set_clocks(struct fm_row *r)
{
	for (int role = FM_ROLE_VALUE; role <= FM_ROLE_START; role++) {
		int64_t *ms = role == FM_ROLE_START ? &r->start_ms : &r->t->te[r->t->rows];
		const char *why;

		if (!(r->clock_parts >> role & 1u))
			continue;
		why = fm_value_by_clock(r->d, &r->zone[role], ms);
		if (!why && (*ms < 0 || *ms >= FM_TIME_END_MS))
			why = "lies outside the years 1970 to 2261";
		if (why && role == FM_ROLE_START && r->tells_all)
			r->has_start = false;
		else if (why)
			fm_row_refuse_value(r, first_part(r->d, role), why);
		r->said |= r->zone[role].zoned ? FM_SAID_OFFSET : 0;
	}
}

/* Where the trace tells start, end and duration, one of them can be wrong. */
static void compare_times(struct fm_row *r)
{
	int64_t te = r->t->te[r->t->rows], td = r->t->td[r->t->rows], off = te - r->start_ms - td;
	int64_t may = te % 60000 || r->start_ms % 60000 ? FM_ROW_CLOCKS_MS : 60000; /* for clocks without seconds */

	if (off > may || off < -may)
		r->said |= te == r->start_ms ? FM_SAID_ONE_TIME : FM_SAID_OTHER_TD;
}

/* From a start with a duration or an end make te and td, which the table has. */
void fm_row_end_times(struct fm_row *r)
{
	int64_t *te = &r->t->te[r->t->rows];
	uint32_t *td = &r->t->td[r->t->rows];

	if (r->clock_parts)
		set_clocks(r);
	if (!r->has_start || r->bad)
		return;
	if (r->tells_all && !(r->lacks >> FM_TD & 1u)) {
		compare_times(r);
		return;
	}
	if (r->lacks >> FM_TD & r->has_te & 1u) {
		r->lacks &= ~(1u << FM_TD);
		r->nmissing--;
	}
	if (!r->has_te)
		*te = r->start_ms + *td;
	else if (*te < r->start_ms && *te < 2 * INT64_C(86400000))
		fm_row_refuse(
		    r, "te lies before the start, in 1970: the end was never set. A dialect that reads the start as "
		       "te, with absent: [td], goes without it");
	else if (*te < r->start_ms)
		fm_row_refuse(r, "te lies before the start");
	else if (*te - r->start_ms > UINT32_MAX)
		fm_row_refuse(r, "td is over 49 days (te less the start)");
	else
		*td = (uint32_t)(*te - r->start_ms);
}
