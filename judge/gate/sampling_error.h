/*
 * sampling_error.h - how far a metric of a subsample may be from that of all rows.
 *
 * The stretches of a subsample are assigned in turn to FM_SAMPLING_GROUPS groups, and what was measured on the
 * subsample is measured again without each group: the delete-a-group jackknife (Tukey 1958; Kott, The Delete-a-Group
 * Jackknife, Journal of Official Statistics 17, 2001, eq. 2).  With G groups, V_g the metric without group g and V that
 * of the subsample,
 *
 *     variance = (1 - f) (G - 1)/G sum_g (V_g - V)^2
 *
 * where f is the share of rows in the subsample: a subsample of nearly all rows leaves little to chance.  The interval
 * is the 95 % interval of Student's t with G - 1 degrees of freedom.  It says what other stretches of as many rows
 * would have given.  Divergences of columns with many values are larger for fewer rows, as in any sample: their floors
 * are measured on as many rows.
 */
#ifndef FM_JUDGE_GATE_SAMPLING_ERROR_H
#define FM_JUDGE_GATE_SAMPLING_ERROR_H

#include "judge/gate/subsample.h"
#include "manifests/metrics.h"

#define FM_SAMPLING_GROUPS 8

/* Measures again what was measured on the subsample, on fewer of its rows: training, synthetic, holdout. */
typedef int fm_measure_again(void *ctx, const struct fm_table *const t[3], struct fm_metrics *out,
			     struct fm_error *err);

/* Give intervals to the metrics of m, measured on the training and synthetic rows of sub, that have none yet; those
 * that `again` does not measure, or not without some group, stay without one.  Does nothing where neither table is a
 * subsample.  Takes memory for one more copy of their rows. */
int fm_sampling_error(const struct fm_subsamples *sub, fm_measure_again *again, void *ctx, struct fm_metrics *m,
		      struct fm_error *err) FM_MUST_CHECK;

/* The interval of a metric that has none yet, from the variance of its value, estimated from `groups` groups, 2 to
 * FM_SAMPLING_GROUPS; it does not go beyond the best possible value. */
void fm_sampling_interval(struct fm_metric *m, double variance, int groups);

#endif
