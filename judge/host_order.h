/*
 * host_order.h - the rows of a table by source and by conversation, each in order of time: the basis of the judges of
 * hosts.
 *
 * Times are whole seconds since 1970, hours are of the clock (UTC).
 */
#ifndef FM_JUDGE_HOST_ORDER_H
#define FM_JUDGE_HOST_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

/* The whole second, minute (60), hour (3600) of a time in milliseconds, rounded down. */
static inline int64_t fm_slot_of(int64_t te, int64_t seconds)
{
	int64_t slot = seconds * 1000;

	return te / slot - (te % slot < 0);
}

/* The rows by_time (rows) sorted by source, or by conversation, which is (sa, da, dp, pr), and by time within one. *row
 * is released by free(), also after a failure. */
int fm_order_by_source(const struct fm_table *t, const uint32_t *by_time, uint32_t **row,
		       struct fm_error *err) FM_MUST_CHECK;
int fm_order_by_conversation(const struct fm_table *t, const uint32_t *by_time, uint32_t **row,
			     struct fm_error *err) FM_MUST_CHECK;
bool fm_same_conversation(const struct fm_table *t, size_t a, size_t b);

/* The gaps between the times of rows row[0 .. n), in order of time, in seconds: mean and coefficient of variation, 0
 * where the mean is 0; both NaN below two gaps. */
void fm_gaps_of(const struct fm_table *t, const uint32_t *row, size_t n, double *mean, double *cv);

/* The number of distinct values v[i] < 2^32 in each of `groups` groups, where group[i] is that of row i; most, when not
 * NULL: how often the most frequent value occurs.  Both are (groups). */
int fm_count_distinct(const uint32_t *group, const uint32_t *v, size_t n, size_t groups, uint32_t *distinct,
		      uint32_t *most, struct fm_error *err) FM_MUST_CHECK;

/* Group the rows by (source, hour), numbered in order of source, then of time: group (rows); returns the number of
 * groups. */
size_t fm_group_host_hours(const struct fm_table *t, const uint32_t *by_source, uint32_t *group);

#endif
