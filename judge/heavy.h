/*
 * heavy.h - heavy hitters, as users of telemetry see them: how much traffic the busiest hosts and ports carry, and
 * which ports these are.
 *
 *     heavy.K_flows_topN_real, _synthetic    share of the flows that the N busiest values of K carry, for K in SA,
 *                                            DA, SP, DP
 *     heavy.K_bytes_topN_real, _synthetic    the same for bytes, the busiest by bytes; N is 10 and 100
 *     heavy.share_gap                        mean of |real - synthetic| over all of these
 *     heavy.SP_overlap20, heavy.DP_overlap20 share of real's 20 most frequent ports that are among those of synthetic
 *     heavy.SP_rank100, heavy.DP_rank100     Spearman's correlation of the numbers of flows of real's 100 most
 *                                            frequent ports
 *
 * Addresses count by rank only, ports by identity.  With fewer than N values the share is 1, and the overlap and
 * correlation are over those that there are; ties are broken by the smaller port.
 */
#ifndef FM_JUDGE_HEAVY_H
#define FM_JUDGE_HEAVY_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

/* A metric whose columns either table lacks is left out. */
int fm_heavy(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	     struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
