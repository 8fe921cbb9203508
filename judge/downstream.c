#include "judge/downstream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"
#include "judge/inputs.h"
#include "judge/network.h"
#include "judge/task.h"

enum { MOST_STEPS = 1500, LEAST_STEPS = 150, ROWS_PER_STEP = 10 };
#define SEED 20160411u
#define NEEDS (1u << FM_TE | 1u << FM_TD | 1u << FM_SP | 1u << FM_DP | 1u << FM_PR | 1u << FM_PKT | 1u << FM_BYT)

/* Features and target of one table's chosen rows. */
struct data {
	struct fm_rows *rows;
	float *x, *y; /* (n, f), (n) */
};

static int data_fill(struct data *d, struct fm_rows *rows, const struct fm_inputs *f, struct fm_error *err)
{
	size_t n = rows->n ? rows->n : 1;
	int rc;

	d->rows = rows;
	if ((rc = fm_alloc(&d->x, n * fm_inputs_width(f), sizeof *d->x, "features", err)) < 0 ||
	    (rc = fm_alloc(&d->y, n, sizeof *d->y, "targets", err)) < 0)
		return rc;
	for (size_t i = 0; i < rows->n; i++)
		d->y[i] = (float)log1p((double)rows->t->byt[rows->row[i]]);
	return fm_inputs_fill(f, rows->t, rows->row, rows->n, d->x, err);
}

static void data_free(struct data *d)
{
	free(d->x);
	free(d->y);
}

/* Standardise all data by the means and deviations of the real training rows. */
static void standardise(struct data data[3], size_t f)
{
	struct fm_scale x, y;

	fm_scale_make(&x, data[0].x, data[0].rows->n, f);
	fm_scale_make(&y, data[0].y, data[0].rows->n, 1);
	for (int k = 0; k < 3; k++) {
		fm_scale_apply(&x, data[k].x, data[k].rows->n, f);
		fm_scale_apply(&y, data[k].y, data[k].rows->n, 1);
	}
}

struct work {
	struct fm_task task;
	struct data data[3]; /* real, synthetic, test */
	size_t f;
	int steps;
	double mse[2]; /* errors after learning from real and from synthetic rows */
	int rc[2];
	struct fm_error err[2];
};

static void learn(void *ctx, int k, int thread)
{
	struct work *w = ctx;
	const struct data *d = &w->data[k], *test = &w->data[2];
	size_t n = test->rows->n;
	struct fm_network *net = NULL;
	float *out = NULL;
	double sum = 0;

	(void)thread;
	if ((w->rc[k] = fm_alloc(&out, n ? n : 1, sizeof *out, "predictions", &w->err[k])) < 0 ||
	    (w->rc[k] = fm_network_regress(&net, &(struct fm_network_in){d->x, d->rows->n, w->f, w->steps, SEED}, d->y,
					   &w->err[k])) < 0)
		goto out;
	fm_network_predict(net, test->x, n, out);
	for (size_t i = 0; i < n; i++) {
		double e = (double)out[i] - (double)test->y[i];
		sum += e * e;
	}
	w->mse[k] = n ? sum / (double)n : (double)NAN;
out:
	fm_network_free(net);
	free(out);
}

static double ratio_of(const struct work *w)
{
	return w->mse[0] == w->mse[1] ? 1.0 : w->mse[1] / w->mse[0];
}

static int report(const struct work *w, struct fm_metrics *out, struct fm_error *err)
{
	int64_t n = (int64_t)w->task.test.n;
	int rc;

	if ((rc = fm_metrics_add(out, "downstream.mse_real", w->mse[0], n, err)) < 0 ||
	    (rc = fm_metrics_add(out, "downstream.mse_synthetic", w->mse[1], n, err)) < 0)
		return rc;
	return fm_metrics_add(out, "downstream.mse_ratio", ratio_of(w), n, err);
}

/* Learn from both and try what was learned; draw: 0: synthetic rows are its own, else those of real's other half in
 * that draw. w->f is 0 where a column is not there. */
static int judge(struct work *w, const struct fm_judged *of, int draw, struct fm_pool *pool, struct fm_error *err)
{
	struct fm_rows *rows[3] = {&w->task.real, &w->task.synthetic, &w->task.test};
	struct fm_inputs *f = NULL;
	int rc;

	if ((rc = fm_task_choose(&w->task, of, FM_DOWNSTREAM_ROWS, FM_DOWNSTREAM_ROWS, 3, err)) < 0 ||
	    (w->task.present & NEEDS) != NEEDS)
		return rc;
	if (draw) {
		fm_rows_halve(&w->task.real, 0, draw);
		fm_rows_halve(&w->task.synthetic, 1, draw);
	}
	if ((rc = fm_inputs_new(&f, of->real, w->task.present, FM_INPUTS_TIME, err)) < 0)
		return rc;
	for (int k = 0; k < 3; k++)
		if ((rc = data_fill(&w->data[k], rows[k], f, err)) < 0)
			goto out;
	w->f = fm_inputs_width(f);
	standardise(w->data, w->f);
	w->steps = (int)(w->task.real.n / ROWS_PER_STEP);
	w->steps = w->steps > MOST_STEPS ? MOST_STEPS : w->steps < LEAST_STEPS ? LEAST_STEPS : w->steps;
	fm_pool_run(pool, 2, learn, w);
	for (int k = 0; k < 2 && rc >= 0; k++)
		if (w->rc[k] < 0)
			rc = fm_fail(err, w->rc[k], "%s", w->err[k].message);
out:
	fm_inputs_free(f);
	return rc;
}

static void work_free(struct work *w)
{
	for (int k = 0; k < 3; k++)
		data_free(&w->data[k]);
	fm_task_free(&w->task);
	free(w);
}

int fm_downstream(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		  struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err)
{
	struct work *w = NULL;
	int rc;

	if ((rc = fm_alloc(&w, 1, sizeof *w, "the prediction task", err)) < 0)
		return rc;
	if ((rc = judge(w, &(struct fm_judged){real, synthetic, holdout}, 0, pool, err)) < 0 || !w->f)
		goto out;
	/* With fewer than five real rows and no holdout there is nothing to test on, and the errors are NaN. */
	rc = report(w, out, err);
out:
	work_free(w);
	return rc;
}

int fm_downstream_floor(const struct fm_table *real, const struct fm_table *holdout, struct fm_pool *pool,
			const char *prefix, struct fm_metrics *out, struct fm_error *err)
{
	int draws = fm_task_draws(real), rc;
	double value[FM_TASK_DRAWS], floor;
	size_t got = 0;
	int64_t n = 0;
	char name[64];

	for (int k = 1; k <= draws && draws > 1; k++) {
		struct work *w = NULL;
		double ratio = (double)NAN;

		if ((rc = fm_alloc(&w, 1, sizeof *w, "the prediction task", err)) < 0)
			return rc;
		rc = judge(w, &(struct fm_judged){real, real, holdout}, k, pool, err);
		if (rc >= 0 && w->f && w->task.real.n && w->task.synthetic.n)
			ratio = ratio_of(w);
		if (!isnan(ratio))
			value[got++] = fmax(ratio, 1 / ratio);
		n = (int64_t)w->task.test.n;
		work_free(w);
		if (rc < 0)
			return rc;
	}
	floor = fm_task_floor(value, got, FM_LOW);
	if (!isfinite(floor))
		return FM_OK;
	snprintf(name, sizeof name, "%sdownstream.mse_ratio", prefix);
	return fm_metrics_add(out, name, floor, n, err);
}
