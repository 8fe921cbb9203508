#include "judge/anomaly.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "judge/forest.h"
#include "judge/inputs.h"
#include "judge/ranking.h"
#include "judge/task.h"

/* A is half of the real rows, B the other half: the floor is how well those two agree. */
enum source { REAL, SYNTHETIC, HALF_A, HALF_B, SOURCES };
#define SEED 20160411u
enum purpose { TASK = 31, THIN = 34 };

struct work {
	struct fm_task task;
	struct fm_rows attacks; /* test rows that are not background */
	struct fm_rows train[SOURCES];
	float *test, *score[SOURCES]; /* of the test: background rows, then attacks */
	struct fm_inputs *features;
	size_t f, ntest;
	int rc[SOURCES];
	struct fm_error err[SOURCES];
};

/* Cut r to at most FM_ANOMALY_ROWS rows, at random. */
static int thin(struct fm_rows *r, uint64_t purpose, struct fm_error *err)
{
	uint32_t *chosen = NULL;
	int rc;

	if (r->n <= FM_ANOMALY_ROWS)
		return FM_OK;
	if ((rc = fm_alloc(&chosen, FM_ANOMALY_ROWS, sizeof *chosen, "a choice of rows", err)) != FM_OK)
		return rc;
	fm_rows_choose(SEED, purpose, r->n, FM_ANOMALY_ROWS, chosen);
	for (size_t i = 0; i < FM_ANOMALY_ROWS; i++)
		r->row[i] = r->row[chosen[i]];
	r->n = FM_ANOMALY_ROWS;
	free(chosen);
	return FM_OK;
}

static int copy_rows(struct fm_rows *to, const struct fm_rows *from, struct fm_error *err)
{
	int rc;

	*to = (struct fm_rows){.t = from->t};
	if ((rc = fm_alloc(&to->row, from->n ? from->n : 1, sizeof *to->row, "a choice of rows", err)) != FM_OK)
		return rc;
	memcpy(to->row, from->row, from->n * sizeof *to->row);
	to->n = from->n;
	return FM_OK;
}

/* Background for training and testing, and the test's attacks. */
static int split_labels(struct work *w, const struct fm_table *real, struct fm_error *err)
{
	size_t labels = real->dict[FM_LABEL].n;
	uint32_t *label = NULL, background;
	size_t attacks = 0, kept = 0;
	int rc;

	if ((rc = fm_alloc(&label, w->task.test.n + labels + 1, sizeof *label, "labels", err)) != FM_OK ||
	    (rc = fm_label_background(real, &background, err)) != FM_OK ||
	    (rc = fm_rows_labels(&w->task.test, real, label, err)) != FM_OK)
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
	if ((rc = fm_rows_keep_labels(&w->task.real, real, keep, labels, err)) == FM_OK)
		rc = fm_rows_keep_labels(&w->task.synthetic, real, keep, labels, err);
out:
	free(label);
	return rc;
}

static int choose_rows(struct work *w, const struct fm_table *real, struct fm_error *err)
{
	int rc;

	if ((rc = copy_rows(&w->attacks, &w->task.test, err)) != FM_OK)
		return rc;
	w->attacks.n = 0;
	if (w->task.present >> FM_LABEL & 1u && (rc = split_labels(w, real, err)) != FM_OK)
		return rc;
	const struct fm_rows *from[SOURCES] = {&w->task.real, &w->task.synthetic, &w->task.real, &w->task.real};
	for (int k = 0; k < SOURCES; k++)
		if ((rc = copy_rows(&w->train[k], from[k], err)) != FM_OK)
			return rc;
	for (int k = HALF_A; k <= HALF_B; k++) {
		struct fm_rows *r = &w->train[k];
		size_t kept = 0;
		for (size_t i = (size_t)(k - HALF_A); i < r->n; i += 2)
			r->row[kept++] = r->row[i];
		r->n = kept;
	}
	for (int k = 0; k < SOURCES; k++)
		if ((rc = thin(&w->train[k], THIN, err)) != FM_OK)
			return rc;
	if ((rc = thin(&w->task.test, THIN + 1, err)) != FM_OK || (rc = thin(&w->attacks, THIN + 2, err)) != FM_OK)
		return rc;
	w->ntest = w->task.test.n + w->attacks.n;
	return FM_OK;
}

static void detect(void *ctx, int k, int thread)
{
	struct work *w = ctx;
	const struct fm_rows *r = &w->train[k];
	struct fm_error *err = &w->err[k];
	struct fm_forest *forest = NULL;
	float *x = NULL;
	int rc;

	(void)thread;
	if ((rc = fm_alloc(&x, (r->n ? r->n : 1) * w->f, sizeof *x, "features", err)) == FM_OK &&
	    (rc = fm_alloc(&w->score[k], w->ntest ? w->ntest : 1, sizeof **w->score, "scores", err)) == FM_OK &&
	    (rc = fm_inputs_fill(w->features, r->t, r->row, r->n, x, err)) == FM_OK &&
	    (rc = fm_forest_grow(&forest, x, r->n, w->f, SEED + (uint64_t)(k == HALF_B), err)) == FM_OK)
		fm_forest_score(forest, w->test, w->ntest, w->score[k]);
	w->rc[k] = rc;
	fm_forest_free(forest);
	free(x);
}

/* Spearman's correlation of two detectors' scores over the background rows. */
static int agreement(const struct work *w, enum source a, enum source b, double *rho, struct fm_error *err)
{
	size_t n = w->task.test.n;
	double *x = NULL;
	int rc;

	if ((rc = fm_alloc(&x, 2 * n + 1, sizeof *x, "scores", err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < n; i++) {
		x[i] = (double)w->score[a][i];
		x[n + i] = (double)w->score[b][i];
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

	if ((rc = fm_alloc(&positive, w->ntest, sizeof *positive, "labels", err)) != FM_OK)
		return rc;
	for (size_t i = w->task.test.n; i < w->ntest; i++)
		positive[i] = 1;
	for (int k = REAL; k <= SYNTHETIC && rc == FM_OK; k++) {
		if ((rc = fm_auc(&auc[k], w->score[k], positive, w->ntest, err)) != FM_OK)
			break;
		double error = 1.96 * sqrt(auc[k].variance);
		rc = fm_metrics_add_ci(out, name[k], auc[k].value, (int64_t)w->ntest, fmax(0, auc[k].value - error),
				       fmin(1, auc[k].value + error), err);
	}
	free(positive);
	if (rc != FM_OK)
		return rc;
	return fm_metrics_add(out, "anomaly.auc_drop", auc[REAL].value - auc[SYNTHETIC].value, (int64_t)w->ntest, err);
}

static int report(const struct work *w, struct fm_metrics *out, struct fm_error *err)
{
	int64_t n = (int64_t)w->task.test.n;
	double rho, floor_rho;
	int rc;

	if (w->attacks.n >= FM_ANOMALY_ATTACKS && (rc = report_auc(w, out, err)) != FM_OK)
		return rc;
	if ((rc = agreement(w, REAL, SYNTHETIC, &rho, err)) != FM_OK ||
	    (rc = agreement(w, HALF_A, HALF_B, &floor_rho, err)) != FM_OK ||
	    (rc = fm_metrics_add(out, "anomaly.score_correlation", rho, n, err)) != FM_OK)
		return rc;
	return fm_metrics_add(out, "floor.anomaly.score_correlation", floor_rho, n, err);
}

int fm_anomaly(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
	       struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err)
{
	struct work *w = NULL;
	int rc;

	if ((rc = fm_alloc(&w, 1, sizeof *w, "anomaly detection", err)) != FM_OK)
		return rc;
	if ((rc = fm_task_choose(&w->task, real, synthetic, holdout, SIZE_MAX, SIZE_MAX, TASK, err)) != FM_OK ||
	    (rc = fm_inputs_new(&w->features, real, w->task.present, FM_INPUTS_BYTES | FM_INPUTS_FLAGS, err)) != FM_OK)
		goto out;
	w->f = fm_inputs_width(w->features);
	if (w->f == 0 || (rc = choose_rows(w, real, err)) != FM_OK)
		goto out;
	if ((rc = fm_alloc(&w->test, (w->ntest ? w->ntest : 1) * w->f, sizeof *w->test, "features", err)) != FM_OK ||
	    (rc = fm_inputs_fill(w->features, w->task.test.t, w->task.test.row, w->task.test.n, w->test, err)) !=
		FM_OK ||
	    (rc = fm_inputs_fill(w->features, w->task.test.t, w->attacks.row, w->attacks.n,
				 w->test + w->task.test.n * w->f, err)) != FM_OK)
		goto out;
	fm_pool_run(pool, SOURCES, detect, w);
	for (int k = 0; k < SOURCES && rc == FM_OK; k++)
		if (w->rc[k] != FM_OK)
			rc = fm_fail(err, w->rc[k], "%s", w->err[k].message);
	if (rc == FM_OK)
		rc = report(w, out, err);
out:
	for (int k = 0; k < SOURCES; k++) {
		free(w->score[k]);
		free(w->train[k].row);
	}
	free(w->attacks.row);
	free(w->test);
	fm_inputs_free(w->features);
	fm_task_free(&w->task);
	free(w);
	return rc;
}
