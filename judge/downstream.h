/*
 * downstream.h - does a model that learned from synthetic flows work on real ones?
 *
 * The prediction task of the method's paper: a small network learns the bytes of a flow from its other fields, once
 * from real training flows and once from synthetic ones; both are tested on the same real flows that neither has
 * seen.
 *
 *     downstream.mse_real, downstream.mse_synthetic   mean squared error of log(1 + byt), standardised by the real
 *                                                     training rows (1 is what their mean alone would give)
 *     downstream.mse_ratio                            synthetic / real: 1 is as good as real flows
 *     floor.downstream.mse_ratio                      the same of two halves of the real flows, the larger over the
 *                                                     smaller, at worst in 8 or 32 draws (task.h); there where the
 *                                                     smaller of training and holdout has fewer than 2,048 rows, and
 *                                                     one error over another is mostly chance
 *
 * Features are those of the reference's feats() without addresses and without bytes: ports and whether they are below
 * 1024, log(1 + td in ms), log(1 + pkt), place in time, protocol; standardised by the real training rows and kept
 * within 10 standard deviations.  The network has hidden layers of 64 and 32 ReLU units and is trained for a fixed
 * number of steps of Adam (Kingma and Ba 2015): 1,500 where there are 15,000 real rows or more, in proportion for
 * fewer, and as many steps for synthetic rows as for real ones.  Weights, batches and rows are drawn from a fixed seed:
 * the same tables give the same values, on every x86-64.
 */
#ifndef FM_JUDGE_DOWNSTREAM_H
#define FM_JUDGE_DOWNSTREAM_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

#define FM_DOWNSTREAM_ROWS 20000 /* most rows of each table */

/* holdout NULL: every fifth of the real rows (chosen at random) is kept out of training as the test.  Adds nothing when
 * a table lacks a column of the task. */
int fm_downstream(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		  struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;
/* The floor, its name behind prefix; nothing where the real rows are enough. */
int fm_downstream_floor(const struct fm_table *real, const struct fm_table *holdout, struct fm_pool *pool,
			const char *prefix, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
