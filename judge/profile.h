/*
 * profile.h - can synthetic hosts be told from real ones by their behaviour in an hour?
 *
 *     host.PROFILE   area under the curve of boosted trees (trees.h) that tell real from synthetic (source, hour) pairs
 *                    of FM_PROFILE_LEAST flows or more, with a 95 % interval that lets the hours of a host depend on
 *                    each other; 0.5 is guessing.  NaN with fewer than 50 such pairs on a side
 *
 * A profile has logarithms of the flows, of the distinct destinations, destination ports and source ports; share of the
 * busiest destination port; mean and deviation of log(1 + byt); means of log(1 + pkt) and log(1 + td); length and
 * active minutes; mean gap and its coefficient of variation; shares of flows whose reverse pair of hosts occurs and of
 * ports below 1024.  A feature of a column that either table lacks is left out.
 *
 * As the reference scorer's profile_auc(), five folds with all hours of an address in one; at most FM_PROFILE_MOST
 * pairs of a side are chosen at random.
 */
#ifndef FM_JUDGE_PROFILE_H
#define FM_JUDGE_PROFILE_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

#define FM_PROFILE_LEAST 5    /* least flows of a pair */
#define FM_PROFILE_MOST 20000 /* most pairs of a side */

/* Adds nothing when a table lacks te or sa. */
int fm_profile(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	       struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
