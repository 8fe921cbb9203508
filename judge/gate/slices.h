/*
 * slices.h - structure in time of tables that are too large to be judged at once.
 *
 * A subsample of many short stretches (subsample.h) keeps pairs and gaps, but not what happens over minutes: between
 * two stretches nothing happens, and that would look like the calm before a burst.  So time is cut into FM_SLICES equal
 * parts, the beginning of each is judged by itself, as long as the memory allows and the same time of all tables, and a
 * metric is the mean over the slices, with Student's interval, 95 %, of a mean of as many (finite: the less the larger
 * the share of all rows that is judged).  What grows with the number of flows, such as the number of hosts, is that of
 * a slice.
 */
#ifndef FM_JUDGE_GATE_SLICES_H
#define FM_JUDGE_GATE_SLICES_H

#include "judge/gate/sampling_error.h"

#define FM_SLICES FM_SAMPLING_GROUPS

/* Append what `measure` says of tables t, of which at most `most` rows each are looked at, to out.  t[2] may be NULL.
 * Rows are taken to rise in time; a table without FM_TE, or whose rows do not, is cut by its number of rows.  Slices in
 * which a table has fewer than two rows are left out; FM_EINPUT where none is left. */
int fm_measure_slices(const struct fm_table *const t[3], size_t most, fm_measure_again *measure, void *ctx,
		      struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
