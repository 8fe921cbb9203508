/*
 * anomaly.h - comparing a detector that learned ordinary traffic from synthetic flows with one that learned it from
 * real flows.
 *
 * Both are isolation forests (forest.h) over flows of the background label (task.h; all flows where there is no
 * label), and both score the same real flows that neither has seen.
 *
 *     anomaly.auc_real, anomaly.auc_synthetic   area under the ROC curve of the score against "is not background",
 *                                               with DeLong's 95 % interval; anomaly.auc_drop: real - synthetic. Only
 *                                               where the test has at least FM_ANOMALY_ATTACKS rows that are not
 *                                               background
 *     anomaly.score_correlation                 Spearman's correlation of the two detectors' scores over the test's
 *                                               background flows: 1 when they find the same ones odd.  It needs no
 *                                               labels
 *     floor.anomaly.score_correlation           the same of two detectors that both learned from real flows, each
 *                                               from its own half, over the holdout. Where the smaller of training
 *                                               and holdout has fewer than 2,048 rows, one draw says nothing: the
 *                                               least of eight draws of halves (task.h); NaN of under 256 rows
 *
 * Features: ports, log duration, packets, bytes and bytes per packet, protocol, and TCP flags, forwarding and type of
 * service where all tables have them.
 */
#ifndef FM_JUDGE_ANOMALY_H
#define FM_JUDGE_ANOMALY_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

#define FM_ANOMALY_ROWS 20000 /* most rows of each kind */
#define FM_ANOMALY_ATTACKS 10

/* holdout NULL: every fifth of the real rows is the test. */
int fm_anomaly(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
	       struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

/* The metrics of the noise floor; prefix is put before each name. */
int fm_anomaly_floor(const struct fm_table *real, const struct fm_table *holdout, struct fm_pool *pool,
		     const char *prefix, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
