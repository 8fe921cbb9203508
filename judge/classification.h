/*
 * classification.h - the labels as a task: comparing classifiers that learned from synthetic flows with the same ones
 * that learned from real flows, both tested on real holdout (train on synthetic, test on real; train on real, test on
 * real).
 *
 *     downstream.label_classes    classes with at least FM_CLASS_ROWS rows in the real training sample and in the
 *                                 test, 0 where the real flows have no label; n the training rows.  With fewer than two
 *                                 there is nothing to classify: no other metric is added
 *     tstr.macro_f1.C, trtr.macro_f1.C     mean over the classes of F1, for the classifiers C: trees
 *                                          (gradient-boosted, trees.h), logistic (linear.h), network (network.h)
 *     tstr.macro_f1_drop.C        trtr - tstr, with the 95 % interval of a bootstrap over the test rows; .mean: of
 *                                 the three
 *     tstr.f1.C.LABEL, trtr.f1.C.LABEL     F1 of one class, n its test rows
 *     tstr.auc.C, trtr.auc.C      area under the ROC curve of 1 - p(background) against "is not background" (task.h),
 *                                 DeLong's 95 % interval
 *     tstr.rank_correlation       Spearman's correlation of the F1 under synthetic with that under real training,
 *                                 over all classifiers and classes: 1 when both give the same order; tstr.rank_kendall:
 *                                 Kendall's tau-b
 *
 * Features are those of the reference's feats() without addresses; TCP flags, forwarding and type of service where all
 * tables have them; and real's most frequent ports (inputs.h).  At most FM_CLASS_TRAIN rows of real and of synthetic,
 * FM_CLASS_TEST of holdout and the 16 most frequent classes; rows of other classes are left out.  A class that
 * synthetic lacks is never predicted and has F1 0.  Values do not depend on threads; those of `logistic` depend on the
 * BLAS kernel in their last digits.
 */
#ifndef FM_JUDGE_CLASSIFICATION_H
#define FM_JUDGE_CLASSIFICATION_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

#define FM_CLASS_ROWS 20
#define FM_CLASS_TRAIN 30000
#define FM_CLASS_TEST 20000

/* holdout NULL: every fifth of the real rows is the test.  Adds only label_classes when a table lacks the label or
 * every feature. */
int fm_classification(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		      struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
