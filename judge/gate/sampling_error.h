/*
 * sampling_error.h - how far a metric of a subsample may be from that of all rows.
 *
 * The stretches of a subsample are dealt in turn into FM_SAMPLING_GROUPS groups, and what was measured of the subsample
 * is measured again without each group: the delete-a-group jackknife (Tukey 1958; Kott, The Delete-a-Group Jackknife,
 * Journal of Official Statistics 17, 2001, eq. 2).  With G groups, V_g the metric without group g and V that of the
 * subsample,
 *
 *     variance = (1 - f) (G - 1)/G sum_g (V_g - V)^2
 *
 * where f is the share of rows that the subsample has: of a subsample that is nearly the whole little is left to
 * chance.  The interval is that of Student's t with G - 1 degrees of freedom, 95 %.  It says what other stretches, of
 * as many rows, would have said.  Divergences of columns with many values are the larger the fewer rows there are, here
 * as in any sample: their floors are of as many.
 */
#ifndef FM_JUDGE_GATE_SAMPLING_ERROR_H
#define FM_JUDGE_GATE_SAMPLING_ERROR_H

#include "judge/gate/subsample.h"
#include "manifests/metrics.h"

#define FM_SAMPLING_GROUPS 8

/* What measured the subsample, of fewer of its rows: training, synthetic, holdout. */
typedef int fm_measure_again(void *ctx, const struct fm_table *const t[3], struct fm_metrics *out,
			     struct fm_error *err);

/* Give the metrics of m, which were measured of training and synthetic rows of sub, their intervals, where they have
 * none yet; those that `again` does not measure, or not without some group, stay without one.  Does nothing where
 * neither table is a subsample.  Their rows are held once more. */
int fm_sampling_error(const struct fm_subsamples *sub, fm_measure_again *again, void *ctx, struct fm_metrics *m,
		      struct fm_error *err) FM_MUST_CHECK;

/* The interval of a metric that has none yet, from the variance of its value, which was found out from `groups` groups,
 * 2 to FM_SAMPLING_GROUPS; it does not go beyond the best value that the metric can have. */
void fm_sampling_interval(struct fm_metric *m, double variance, int groups);

#endif
