/*
 * structure.h - flows in their order: gaps, bursts, the day, who answers whom, and the number of peers.
 *
 *     time.IAT      JSD of log(1 + gap to the next flow in ms): 100 bins over real, one below, one above
 *     time.RATE     JSD of the number of flows per second (0 .. 511, 512 and more)
 *     time.DAY      JSD of the hour of the day (UTC)
 *     time.PAIR_real, time.PAIR_synthetic   share of flows whose reversed 5-tuple is among the 64 flows before it
 *     time.PAIR_gap                         |real - synthetic|
 *     time.FANOUT   JSD of the number of distinct destinations of a source (powers of two); time.FANIN the reverse
 *     time.RUN      JSD of the length of runs of flows with one source address (256 and more together)
 *
 * Flows are taken in order of te, ties in row order.  With fewer than two flows in a table IAT is NaN.
 */
#ifndef FM_JUDGE_STRUCTURE_H
#define FM_JUDGE_STRUCTURE_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

/* fm_day adds time.DAY alone, fm_structure all the others.  A metric whose columns either table lacks is left out. */
int fm_day(const struct fm_table *real, const struct fm_table *synthetic, const char *prefix, struct fm_metrics *out,
	   struct fm_error *err) FM_MUST_CHECK;
int fm_structure(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool,
		 const char *prefix, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
