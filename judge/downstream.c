#include "judge/downstream.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "judge/column.h"
#include "judge/regressor.h"

enum { PLAIN = 7, MOST_PROTOCOLS = 64, MOST_STEPS = 1500, LEAST_STEPS = 150, ROWS_PER_STEP = 10 };
#define SEED 20160411u
#define NEEDS (1u << FM_TE | 1u << FM_TD | 1u << FM_SP | 1u << FM_DP | 1u << FM_PR | 1u << FM_PKT | 1u << FM_BYT)
#define LIMIT 10.0 /* standard deviations */

/* Features and target of one table, and how to standardise them. */
struct scale {
	double mean[PLAIN + MOST_PROTOCOLS + 1], sd[PLAIN + MOST_PROTOCOLS + 1]; /* the last used one is the target's */
	double first, span;                                                      /* of time */
	size_t f;                                                                /* features; protocols are f - PLAIN */
};
struct data {
	const struct fm_table *t;
	uint32_t *row; /* the rows taken */
	size_t n;
	uint32_t *protocol; /* by dictionary index: real's index, or over */
	float *x, *y;       /* (n, f), (n) */
};

static void features(const struct fm_table *t, const uint32_t *protocol, size_t i, const struct scale *s, double *x)
{
	x[0] = t->sp[i];
	x[1] = t->dp[i];
	x[2] = t->sp[i] < 1024;
	x[3] = t->dp[i] < 1024;
	x[4] = log1p((double)t->td[i]);
	x[5] = log1p((double)t->pkt[i]);
	x[6] = ((double)t->te[i] - s->first) / s->span;
	for (size_t k = PLAIN; k < s->f; k++)
		x[k] = 0;
	size_t p = PLAIN + (size_t)protocol[t->pr[i]];
	if (p < s->f)
		x[p] = 1;
	x[s->f] = log1p((double)t->byt[i]);
}

/* Means and deviations over the real training rows. */
static void scale_make(struct scale *s, const struct data *d)
{
	double x[PLAIN + MOST_PROTOCOLS + 1];
	int64_t lo = d->t->te[d->row[0]], hi = lo;
	size_t protocols = d->t->dict[FM_PR].n;

	for (size_t i = 0; i < d->n; i++) {
		int64_t te = d->t->te[d->row[i]];
		lo = te < lo ? te : lo;
		hi = te > hi ? te : hi;
	}
	*s = (struct scale){.first = (double)lo, .span = hi > lo ? (double)hi - (double)lo : 1.0};
	s->f = PLAIN + (protocols < MOST_PROTOCOLS ? protocols : MOST_PROTOCOLS);
	for (size_t i = 0; i < d->n; i++) {
		features(d->t, d->protocol, d->row[i], s, x);
		for (size_t k = 0; k <= s->f; k++)
			s->mean[k] += x[k] / (double)d->n;
	}
	for (size_t i = 0; i < d->n; i++) {
		features(d->t, d->protocol, d->row[i], s, x);
		for (size_t k = 0; k <= s->f; k++)
			s->sd[k] += (x[k] - s->mean[k]) * (x[k] - s->mean[k]) / (double)d->n;
	}
	for (size_t k = 0; k <= s->f; k++)
		s->sd[k] = s->sd[k] > 1e-12 ? sqrt(s->sd[k]) : 1.0;
}

static int data_fill(struct data *d, const struct scale *s, struct fm_error *err)
{
	double x[PLAIN + MOST_PROTOCOLS + 1];
	int rc;

	if ((rc = fm_alloc(&d->x, d->n * s->f, sizeof *d->x, "features", err)) != FM_OK ||
	    (rc = fm_alloc(&d->y, d->n, sizeof *d->y, "targets", err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < d->n; i++) {
		features(d->t, d->protocol, d->row[i], s, x);
		for (size_t k = 0; k < s->f; k++)
			d->x[i * s->f + k] = (float)fmin(LIMIT, fmax(-LIMIT, (x[k] - s->mean[k]) / s->sd[k]));
		d->y[i] = (float)((x[s->f] - s->mean[s->f]) / s->sd[s->f]);
	}
	return FM_OK;
}

static int data_take(struct data *d, const struct fm_table *t, const struct fm_table *real, uint64_t purpose,
		     struct fm_error *err)
{
	size_t n = t->rows < FM_DOWNSTREAM_ROWS ? t->rows : FM_DOWNSTREAM_ROWS, k = t->dict[FM_PR].n;
	int rc;

	d->t = t;
	if ((rc = fm_alloc(&d->row, n, sizeof *d->row, "a choice of rows", err)) != FM_OK ||
	    (rc = fm_alloc(&d->protocol, k ? k : 1, sizeof *d->protocol, "protocol codes", err)) != FM_OK)
		return rc;
	d->n = n;
	fm_rows_choose(SEED, purpose, t->rows, n, d->row);
	return fm_dict_match(&real->dict[FM_PR], &t->dict[FM_PR], d->protocol, err);
}

/* Give every fifth row of d to test: without a holdout, real rows that the training does not see. */
static int data_split(struct data *d, struct data *test, struct fm_error *err)
{
	size_t k = d->t->dict[FM_PR].n, kept = 0;
	int rc;

	test->t = d->t;
	if ((rc = fm_alloc(&test->row, d->n, sizeof *test->row, "a choice of rows", err)) != FM_OK ||
	    (rc = fm_alloc(&test->protocol, k ? k : 1, sizeof *test->protocol, "protocol codes", err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < k; i++)
		test->protocol[i] = d->protocol[i];
	for (size_t i = 0; i < d->n; i++) {
		if (i % 5 == 4)
			test->row[test->n++] = d->row[i];
		else
			d->row[kept++] = d->row[i];
	}
	d->n = kept;
	return FM_OK;
}

static void data_free(struct data *d)
{
	free(d->row);
	free(d->protocol);
	free(d->x);
	free(d->y);
}

struct work {
	struct data data[2], test; /* real, synthetic */
	size_t f;
	int steps;
	double mse[2];
};

static int learn(struct work *w, int k, struct fm_error *err)
{
	const struct data *d = &w->data[k];
	struct fm_regressor *r = NULL;
	int rc;

	if ((rc = fm_regressor_train(&r, d->x, d->y, d->n, w->f, w->steps, SEED, err)) != FM_OK)
		return rc;
	w->mse[k] = fm_regressor_mse(r, w->test.x, w->test.y, w->test.n);
	fm_regressor_free(r);
	return FM_OK;
}

int fm_downstream(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		  struct fm_metrics *out, struct fm_error *err)
{
	struct work *w = NULL;
	struct scale *s = NULL;
	double ratio;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) != FM_OK ||
	    (rc = fm_judge_check(synthetic, "synthetic", err)) != FM_OK ||
	    (holdout && (rc = fm_judge_check(holdout, "holdout", err)) != FM_OK))
		return rc;
	if ((real->present & synthetic->present & (holdout ? holdout->present : ~0u) & NEEDS) != NEEDS)
		return FM_OK;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "the prediction task", err)) != FM_OK ||
	    (rc = fm_alloc(&s, 1, sizeof *s, "the prediction task", err)) != FM_OK)
		goto out;
	if ((rc = data_take(&w->data[0], real, real, 3, err)) != FM_OK ||
	    (rc = data_take(&w->data[1], synthetic, real, 4, err)) != FM_OK)
		goto out;
	if ((rc = holdout ? data_take(&w->test, holdout, real, 5, err) : data_split(&w->data[0], &w->test, err)) !=
	    FM_OK)
		goto out;
	scale_make(s, &w->data[0]);
	w->f = s->f;
	w->steps = (int)(w->data[0].n / ROWS_PER_STEP);
	w->steps = w->steps > MOST_STEPS ? MOST_STEPS : w->steps < LEAST_STEPS ? LEAST_STEPS : w->steps;
	for (int k = 0; k < 2; k++)
		if ((rc = data_fill(&w->data[k], s, err)) != FM_OK)
			goto out;
	/* With fewer than five real rows and no holdout there is nothing to test on, and the errors are NaN. */
	if (w->test.n > 0 && (rc = data_fill(&w->test, s, err)) != FM_OK)
		goto out;
	/* One after the other: Debian's serial OpenBLAS (0.3.21) gives wrong products when two threads call it at once. */
	for (int k = 0; k < 2; k++)
		if ((rc = learn(w, k, err)) != FM_OK)
			goto out;
	ratio = w->mse[0] == w->mse[1] ? 1.0 : w->mse[1] / w->mse[0];
	if ((rc = fm_metrics_add(out, "downstream.mse_real", w->mse[0], (int64_t)w->test.n, err)) != FM_OK ||
	    (rc = fm_metrics_add(out, "downstream.mse_synthetic", w->mse[1], (int64_t)w->test.n, err)) != FM_OK)
		goto out;
	rc = fm_metrics_add(out, "downstream.mse_ratio", ratio, (int64_t)w->test.n, err);
out:
	if (w) {
		data_free(&w->data[0]);
		data_free(&w->data[1]);
		data_free(&w->test);
	}
	free(w);
	free(s);
	return rc;
}
