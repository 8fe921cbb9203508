/*
 * host.h - time beyond the window: lifetimes and habits of hosts and conversations.
 *
 * A conversation is (sa, da, dp, pr).  Times are whole seconds, rounded down.
 *
 *     host.LIFE, host.TALK       JSD of the seconds from the first flow of a source (of a conversation) to its last, by
 *                                powers of two: floor(log2(1 + seconds))
 *     host.BEACON                among conversations with 20 flows or more, the share whose gaps have a coefficient of
 *                                variation below 1/2; 0 where there is none
 *     host.SWEEPS, SWEEPS200     (source, hour) pairs with more than 100 (200) distinct destinations, per million flows
 *     host.BURST10, 60, 600      (variance - mean) / mean^2 of the flows in slots of that many seconds: the excess over
 *                                chance, at any rate of flows.  Slots begin with the first flow; the last one, which
 *                                may be too short, is left out where there are more than two
 *     host.LAG1, LAG10           correlation of the flows of one minute with those of the next (the tenth next); 0
 *                                where there are too few minutes or all are equal
 *     host.hosts, host.pairs     distinct addresses, distinct (sa, da)
 *     host.bytes, host.largest10 total bytes, and the share that the ten largest flows carry
 *
 * All but LIFE and TALK come as _real, _synthetic and _gap.  For shares and correlations (BEACON, LAG, largest10) the
 * gap is |synthetic - real|; for the others it is that over |real|, or 1 where real is 0 and synthetic is not.
 *
 * All but SWEEPS200 and the last four equal the reference scorer's hosts().  Memory: about 60 bytes for each row.
 */
#ifndef FM_JUDGE_HOST_H
#define FM_JUDGE_HOST_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

/* A metric whose columns either table lacks is left out. */
int fm_host(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	    struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
