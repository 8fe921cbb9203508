/*
 * margins.h - distances between the distributions of one field, without bins.
 *
 *     ks.TD SP DP PKT BYT   Kolmogorov and Smirnov's distance: the largest difference of the two tables' distribution
 *                           functions, 0 .. 1
 *     ks.TOP                half the sum of |share in real - share in synthetic| over real's 200 most frequent
 *                           services, a service being (destination port, protocol); equally frequent services are in
 *                           order of the text "PORT/PROTOCOL"
 *
 * They equal the reference scorer's all_ks().
 */
#ifndef FM_JUDGE_MARGINS_H
#define FM_JUDGE_MARGINS_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

/* A metric whose columns either table lacks is left out. */
int fm_margins(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	       struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
