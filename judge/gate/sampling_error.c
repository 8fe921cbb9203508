#include "judge/gate/sampling_error.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "manifests/registry.h"

/* Student's t, 97.5 %, of 1, 2, ... degrees of freedom. */
static const double t_975[FM_SAMPLING_GROUPS - 1] = {12.706204736174694, 4.302652729749462,  3.1824463052837078,
						     2.7764451051977934, 2.5705818356363146, 2.4469118511449692,
						     2.3646242515927845};

/* *out: a subsample without the stretches of one group; NULL where t is NULL. */
static int without(struct fm_table **out, const struct fm_table *t, size_t group, struct fm_error *err)
{
	uint32_t *row = NULL;
	size_t n = 0;
	int rc;

	*out = NULL;
	if (!t)
		return FM_OK;
	if ((rc = fm_alloc(&row, t->rows + 1, sizeof *row, "a choice of rows", err)) < 0)
		return rc;
	for (size_t k = 0; k < FM_SUBSAMPLE_STRETCHES; k++)
		for (size_t i = fm_subsample_stretch(t->rows, k);
		     k % FM_SAMPLING_GROUPS != group && i < fm_subsample_stretch(t->rows, k + 1); i++)
			row[n++] = (uint32_t)i;
	rc = fm_table_take(out, t, row, n, err);
	free(row);
	return rc;
}

/* Add up the squared differences of the metrics of m without one group. */
static void add_squares(const struct fm_metrics *m, const struct fm_metrics *part, double *sum)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct fm_metric *v = fm_metrics_find(part, m->m[i].name);
		double d = v ? v->value - m->m[i].value : NAN;
		sum[i] += d * d;
	}
}

void fm_sampling_interval(struct fm_metric *m, double variance, int groups)
{
	const struct fm_metric_kind *kind = fm_metric_kind(m->name);
	double half = groups >= 2 && groups <= FM_SAMPLING_GROUPS ? t_975[groups - 2] * sqrt(variance) : NAN;

	if (!isfinite(half) || !isfinite(m->value) || isfinite(m->ci_lo))
		return;
	m->ci_lo = m->value - half;
	m->ci_hi = m->value + half;
	fm_metric_within(m->name, &m->ci_lo, &m->ci_hi);
	if (kind && kind->good == FM_LOW && m->value >= kind->ideal && m->ci_lo < kind->ideal)
		m->ci_lo = kind->ideal;
	if (kind && kind->good == FM_HIGH && m->value <= kind->ideal && m->ci_hi > kind->ideal)
		m->ci_hi = kind->ideal;
}

int fm_sampling_error(const struct fm_subsamples *sub, fm_measure_again *again, void *ctx, struct fm_metrics *m,
		      struct fm_error *err)
{
	double *sum = NULL, G = FM_SAMPLING_GROUPS;
	int rc = FM_OK;

	if (!sub->own[0] && !sub->own[1])
		return FM_OK;
	if ((rc = fm_alloc(&sum, m->n + 1, sizeof *sum, "sampling errors", err)) < 0)
		return rc;
	for (size_t g = 0; g < FM_SAMPLING_GROUPS && rc >= 0; g++) {
		const struct fm_table *t[3] = {sub->real, sub->synthetic, sub->holdout};
		struct fm_table *fewer[2] = {NULL, NULL};
		struct fm_metrics part = {0};
		for (int k = 0; k < 2 && rc >= 0; k++)
			if ((rc = without(&fewer[k], sub->own[k], g, err)) >= 0 && fewer[k])
				t[k] = fewer[k];
		if (rc >= 0 && (rc = again(ctx, t, &part, err)) >= 0)
			add_squares(m, &part, sum);
		fm_metrics_free(&part);
		for (int k = 0; k < 2; k++)
			fm_table_free(fewer[k]);
	}
	for (size_t i = 0; i < m->n && rc >= 0; i++)
		fm_sampling_interval(&m->m[i], (1 - sub->share) * (G - 1) / G * sum[i], FM_SAMPLING_GROUPS);
	free(sum);
	return rc;
}
