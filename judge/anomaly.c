#include "judge/anomaly.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "base/stats.h"
#include "judge/forest.h"
#include "judge/inputs.h"
#include "judge/task.h"

enum source { REAL, SYNTHETIC, SOURCES };
#define SEED 20160411u
enum purpose { TASK = 31, THIN = 34 };

struct work {
	struct fm_task task;          /* for the floor, synthetic is the other half of real */
	struct fm_rows attacks;       /* test rows that are not background */
	float *test, *score[SOURCES]; /* test rows: background, then attacks; and their scores */
	struct fm_inputs *inputs;
	size_t f, ntest;
	int rc[SOURCES];
	struct fm_error err[SOURCES];
};

/* Keep at most FM_ANOMALY_ROWS rows of r, chosen at random. */
static int thin(struct fm_rows *r, uint64_t purpose, struct fm_error *err)
{
	uint32_t *chosen = NULL;
	int rc;

	if (r->n <= FM_ANOMALY_ROWS)
		return FM_OK;
	if ((rc = fm_alloc(&chosen, FM_ANOMALY_ROWS, sizeof *chosen, "a choice of rows", err)) < 0)
		return rc;
	fm_rows_choose(SEED, purpose, r->n, FM_ANOMALY_ROWS, chosen);
	for (size_t i = 0; i < FM_ANOMALY_ROWS; i++)
		r->row[i] = r->row[chosen[i]];
	r->n = FM_ANOMALY_ROWS;
	free(chosen);
	return FM_OK;
}

/* Choose the background rows for training and testing, and the attacks of the test. */
static int split_labels(struct work *w, const struct fm_table *real, struct fm_error *err)
{
	size_t labels = real->dict[FM_LABEL].n;
	uint32_t *label = NULL, background;
	size_t attacks = 0, kept = 0;
	int rc;

	if ((rc = fm_alloc(&label, w->task.test.n + labels + 1, sizeof *label, "labels", err)) < 0 ||
	    (rc = fm_label_background(real, &background, err)) < 0 ||
	    (rc = fm_rows_labels(&w->task.test, real, label, err)) < 0)
		goto out;
	for (size_t i = 0; i < w->task.test.n; i++) {
		uint32_t row = w->task.test.row[i];
		if (label[i] == background)
			w->task.test.row[kept++] = row;
		else
			w->attacks.row[attacks++] = row;
	}
	w->task.test.n = kept;
	w->attacks.n = attacks;
	uint8_t *keep = (uint8_t *)label; /* as many bytes at least as there are labels */
	memset(keep, 0, labels + 1);
	keep[background] = 1;
	if ((rc = fm_rows_keep_labels(&w->task.real, real, keep, labels, err)) < 0)
		goto out;
	rc = fm_rows_keep_labels(&w->task.synthetic, real, keep, labels, err);
out:
	free(label);
	return rc;
}

/* draw: -1: synthetic rows are its own; else those of real's other half in that draw. */
static int choose_rows(struct work *w, const struct fm_table *real, int draw, struct fm_error *err)
{
	int rc;

	w->attacks.t = w->task.test.t;
	if ((rc = fm_alloc(&w->attacks.row, w->task.test.n + 1, sizeof *w->attacks.row, "a choice of rows", err)) < 0)
		return rc;
	if (w->task.present >> FM_LABEL & 1u && (rc = split_labels(w, real, err)) < 0)
		return rc;
	if (draw >= 0) {
		fm_rows_halve(&w->task.real, 0, draw);
		fm_rows_halve(&w->task.synthetic, 1, draw);
	}
	if ((rc = thin(&w->task.real, THIN, err)) < 0 || (rc = thin(&w->task.synthetic, THIN + 1, err)) < 0 ||
	    (rc = thin(&w->task.test, THIN + 2, err)) < 0 || (rc = thin(&w->attacks, THIN + 3, err)) < 0)
		return rc;
	w->ntest = w->task.test.n + w->attacks.n;
	return FM_OK;
}

static void detect(void *ctx, int k, int thread)
{
	struct work *w = ctx;
	const struct fm_rows *r = k == REAL ? &w->task.real : &w->task.synthetic;
	struct fm_error *err = &w->err[k];
	struct fm_forest *forest = NULL;
	float *x = NULL;
	int rc;

	(void)thread;
	if ((rc = fm_alloc(&x, (r->n ? r->n : 1) * w->f, sizeof *x, "features", err)) < 0 ||
	    (rc = fm_alloc(&w->score[k], w->ntest ? w->ntest : 1, sizeof **w->score, "scores", err)) < 0 ||
	    (rc = fm_inputs_fill(w->inputs, r->t, r->row, r->n, x, err)) < 0 ||
	    (rc = fm_forest_grow(&forest, x, r->n, w->f, SEED, err)) < 0)
		goto out;
	fm_forest_score(forest, w->test, w->ntest, w->score[k]);
out:
	w->rc[k] = rc;
	fm_forest_free(forest);
	free(x);
}

/* Spearman's correlation of the two detectors' scores over the background rows. */
static int agreement(const struct work *w, double *rho, struct fm_error *err)
{
	size_t n = w->task.test.n;
	double *x = NULL;
	int rc;

	if ((rc = fm_alloc(&x, 2 * n + 1, sizeof *x, "scores", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		x[i] = (double)w->score[REAL][i];
		x[n + i] = (double)w->score[SYNTHETIC][i];
	}
	rc = fm_spearman(x, x + n, n, rho, err);
	free(x);
	return rc;
}

static int report_auc(const struct work *w, struct fm_metrics *out, struct fm_error *err)
{
	static const char *const name[] = {"anomaly.auc_real", "anomaly.auc_synthetic"};
	struct fm_auc auc[2];
	int *positive = NULL, rc;
	double lo, hi;

	if ((rc = fm_alloc(&positive, w->ntest, sizeof *positive, "labels", err)) < 0)
		return rc;
	for (size_t i = w->task.test.n; i < w->ntest; i++)
		positive[i] = 1;
	for (int k = REAL; k <= SYNTHETIC; k++) {
		if ((rc = fm_auc(&auc[k], w->score[k], positive, w->ntest, err)) < 0)
			goto out;
		fm_interval(auc[k].value, FM_Z95_SHORT * sqrt(auc[k].variance), &lo, &hi);
		if ((rc = fm_metrics_add_ci(out, name[k], auc[k].value, (int64_t)w->ntest, lo, hi, err)) < 0)
			goto out;
	}
	rc = fm_metrics_add(out, "anomaly.auc_drop", auc[REAL].value - auc[SYNTHETIC].value, (int64_t)w->ntest, err);
out:
	free(positive);
	return rc;
}

/* Make and try both detectors; draw: as above. */
static int judge(struct work *w, const struct fm_table *real, int draw, struct fm_pool *pool, struct fm_error *err)
{
	const struct fm_rows *test = &w->task.test;
	int rc;

	if ((rc = fm_inputs_new(&w->inputs, real, w->task.present, FM_INPUTS_BYTES | FM_INPUTS_FLAGS, err)) < 0)
		return rc;
	w->f = fm_inputs_width(w->inputs);
	if (w->f == 0 || (rc = choose_rows(w, real, draw, err)) < 0)
		return rc;
	if ((rc = fm_alloc(&w->test, (w->ntest + 1) * w->f, sizeof *w->test, "features", err)) < 0 ||
	    (rc = fm_inputs_fill(w->inputs, test->t, test->row, test->n, w->test, err)) < 0 ||
	    (rc = fm_inputs_fill(w->inputs, test->t, w->attacks.row, w->attacks.n, w->test + test->n * w->f, err)) < 0)
		return rc;
	fm_pool_run(pool, SOURCES, detect, w);
	for (int k = 0; k < SOURCES; k++)
		if (w->rc[k] < 0)
			return fm_fail(err, w->rc[k], "%s", w->err[k].message);
	return FM_OK;
}

static void work_free(struct work *w)
{
	for (int k = 0; k < SOURCES; k++)
		free(w->score[k]);
	free(w->attacks.row);
	free(w->test);
	fm_inputs_free(w->inputs);
	fm_task_free(&w->task);
	free(w);
}

int fm_anomaly(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
	       struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err)
{
	struct work *w = NULL;
	double rho;
	int rc;

	if ((rc = fm_alloc(&w, 1, sizeof *w, "anomaly detection", err)) < 0)
		return rc;
	if ((rc = fm_task_choose(&w->task, &(struct fm_judged){real, synthetic, holdout}, SIZE_MAX, SIZE_MAX, TASK,
				 err)) < 0 ||
	    (rc = judge(w, real, -1, pool, err)) < 0 || w->f == 0 ||
	    (w->attacks.n >= FM_ANOMALY_ATTACKS && (rc = report_auc(w, out, err)) < 0) ||
	    (rc = agreement(w, &rho, err)) < 0)
		goto out;
	rc = fm_metrics_add(out, "anomaly.score_correlation", rho, (int64_t)w->task.test.n, err);
out:
	work_free(w);
	return rc;
}

/* Two halves of real flows in one draw. */
static int one_floor(const struct fm_judged *of, int draw, struct fm_pool *pool, struct fm_metric *m,
		     struct fm_error *err)
{
	struct work *w = NULL;
	int rc;

	if ((rc = fm_alloc(&w, 1, sizeof *w, "anomaly detection", err)) < 0)
		return rc;
	if ((rc = fm_task_choose(&w->task, of, SIZE_MAX, SIZE_MAX, TASK, err)) < 0 ||
	    (rc = judge(w, of->real, draw, pool, err)) < 0 || w->f == 0)
		goto out;
	m->n = (int64_t)w->task.test.n;
	m->value = (double)NAN;
	if (w->task.real.n && w->task.synthetic.n)
		rc = agreement(w, &m->value, err);
out:
	work_free(w);
	return rc;
}

int fm_anomaly_floor(const struct fm_table *real, const struct fm_table *holdout, struct fm_pool *pool,
		     const char *prefix, struct fm_metrics *out, struct fm_error *err)
{
	int draws = fm_task_is_tiny(real) ? 2 : fm_task_draws(real), rc;
	double value[FM_TASK_DRAWS];
	struct fm_metric m = {.n = -1};
	size_t n = 0;
	char name[64];

	for (int k = 0; k < draws; k++) {
		if ((rc = one_floor(&(struct fm_judged){real, real, holdout}, draws > 1 ? k + 1 : 0, pool, &m, err)) <
		    0)
			return rc;
		if (!isnan(m.value))
			value[n++] = m.value;
	}
	if (m.n < 0)
		return FM_OK;
	if (fm_task_is_tiny(real))
		n = 0;
	snprintf(name, sizeof name, "%sanomaly.score_correlation", prefix);
	return fm_metrics_add(out, name, fm_task_floor(value, n, FM_HIGH), m.n, err);
}
