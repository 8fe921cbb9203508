/*
 * burst.h - the shape of bursts: how unevenly flows and bytes arrive.
 *
 *     burst.dispersion_Ss_real, _synthetic  variance over mean of the number of flows in slots of S seconds, S 1, 10
 *                                           and 60 (1 for flows that arrive at random, more for bursty ones)
 *     burst.dispersion_gap                  mean over S of |ln((1 + real) / (1 + synthetic))|, where real is scaled to
 *                                           synthetic's number of flows per second, with which the dispersion's excess
 *                                           over 1 grows; where real has fewer than 2,048 flows, of each table's
 *                                           middle, without the first and the last twentieth of its flows
 *     burst.lag1_real, _synthetic           correlation of the numbers of flows of one second and the next; 0 when all
 *                                           are equal
 *     burst.lag1_gap                        |real - synthetic|
 *     burst.LENGTH, burst.FLOWS             JSD of the length in seconds and of the number of flows of a burst, by
 *                                           powers of two; a burst is a run of seconds each with more flows than the
 *                                           table's mean second. Bursts in only one table: ln 2, in none: 0
 *     burst.VOLUME                          JSD of log(1 + bytes) of the seconds that have flows, in 100 bins over
 *                                           real's range, one below and one above
 *
 * Slots are cut from the table's first second on, in whole seconds since 1970, and include the empty ones.
 */
#ifndef FM_JUDGE_BURST_H
#define FM_JUDGE_BURST_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

/* Adds nothing when a table lacks te. */
int fm_burst(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	     struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
