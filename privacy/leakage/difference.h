/*
 * difference.h - what two releases made from one trace reveal when they are compared.
 *
 * A row in both releases is one that the model makes often or that was copied twice; and an update whose rows are close
 * to those of the previous release is a copy of it.  Columns are named as in leakage.h:
 *
 *     leak.release_equalCOLUMNS         share of the current rows that the previous release has too, Wilson interval
 *     leak.release_share_nearerCOLUMNS  share of the current rows nearer to a row of the previous release than to
 *                                       another current row (outside their cluster of FM_CLUSTER_ROWS), a tie counting
 *                                       half: 0.5 for two independent draws of one model at equal numbers of rows
 *     leak.release_dcr_medianCOLUMNS    the median distance to the nearest row of the previous release
 *     leak.release_own_medianCOLUMNS    the median distance to the nearest other row of the current one
 *
 * The distances are Euclidean (features.h), scaled by the current release, of at most FM_LEAKAGE_ROWS current rows to
 * all rows of either.  Only released rows are looked at, no private row.
 */
#ifndef FM_PRIVACY_LEAKAGE_DIFFERENCE_H
#define FM_PRIVACY_LEAKAGE_DIFFERENCE_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

/* memory: bytes that may be taken for what grows with the number of rows.  FM_EINPUT when either has no rows. */
int fm_leak_difference(const struct fm_table *previous, const struct fm_table *current, struct fm_pool *pool,
		       size_t memory, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
