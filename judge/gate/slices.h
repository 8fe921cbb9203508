/*
 * slices.h - structure in time of tables that are too large to be judged at once.
 *
 * A subsample of many short stretches (subsample.h) keeps pairs and gaps, but not what happens over minutes: between
 * two stretches nothing happens, and that would look like the calm before a burst.  So time is cut into FM_SLICES equal
 * parts, and the beginning of each is judged by itself, as long as the memory allows and over the same time in all
 * tables.  A metric is the mean over the slices, with Student's 95 % interval for such a mean (narrower the larger the
 * share of all rows that is judged).  What grows with the number of flows, such as the number of hosts, is that of a
 * slice.
 */
#ifndef FM_JUDGE_GATE_SLICES_H
#define FM_JUDGE_GATE_SLICES_H

#include "judge/gate/sampling_error.h"

#define FM_SLICES FM_SAMPLING_GROUPS

/* Append to out what `measure` gives for tables t, of at most `most` rows per slice each.  t[2] may be NULL. Rows must
 * rise in time; a table without FM_TE, or whose rows do not rise, is cut by its number of rows.  Slices in which a
 * table has fewer than two rows are left out; FM_EINPUT where none is left. */
int fm_measure_slices(const struct fm_table *const t[3], size_t most, fm_measure_again *measure, void *ctx,
		      struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
