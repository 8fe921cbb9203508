#include "judge/classification.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/rng.h"
#include "base/stats.h"
#include "judge/inputs.h"
#include "judge/linear.h"
#include "judge/network.h"
#include "judge/task.h"
#include "judge/trees.h"

enum { CLASSES = 16, NONE = CLASSES, DRAWS = 200 };
enum { MOST_STEPS = 1500, LEAST_STEPS = 150, ROWS_PER_STEP = 10 };
enum learner { TREES, LOGISTIC, NETWORK, LEARNERS };
enum source { FROM_REAL, FROM_SYNTHETIC, SOURCES };
#define SEED 20160411u

static const char *const learner_name[LEARNERS] = {"trees", "logistic", "network"};
static const char *const source_name[SOURCES] = {"trtr", "tstr"};

/* Rows as the classifiers see them. */
struct data {
	float *x, *z; /* (n, f): as they are, for trees; standardised by real's, for the others */
	int *y;       /* (n) */
	size_t n;
};
/* What one classifier made of the test rows. */
struct answer {
	uint8_t *class; /* (test rows); NONE when nothing was learned */
	double f1[CLASSES], macro;
	struct fm_auc auc;
	int rc;
	struct fm_error err;
};
struct work {
	struct fm_task task;
	struct data data[SOURCES], test;
	struct answer answer[LEARNERS][SOURCES];
	struct fm_scale scale;
	uint32_t label[CLASSES]; /* codes of real's dictionary */
	char name[CLASSES][FM_METRIC_LABEL + 12];
	size_t tested[CLASSES]; /* test rows of each */
	size_t f;
	int classes, background; /* background: a class, or NONE when too few rows have it */
};

/* ---- the classes ---- */

static int count_labels(const struct fm_rows *r, const struct fm_table *real, size_t *count, struct fm_error *err)
{
	size_t labels = real->dict[FM_LABEL].n;
	uint32_t *label = NULL;
	int rc;

	if ((rc = fm_alloc(&label, r->n ? r->n : 1, sizeof *label, "labels", err)) < 0 ||
	    (rc = fm_rows_labels(r, real, label, err)) < 0)
		goto out;
	for (size_t i = 0; i < r->n; i++)
		if (label[i] < labels)
			count[label[i]]++;
out:
	free(label);
	return rc;
}

/* Make different names, even for labels that begin with the same letters. */
static void name_classes(struct work *w, const struct fm_table *real)
{
	for (int c = 0; c < w->classes; c++) {
		char plain[FM_METRIC_LABEL];
		int again = 1;
		fm_label_name(real, w->label[c], plain);
		snprintf(w->name[c], sizeof w->name[c], "%s", plain);
		for (int b = 0; b < c; b++)
			if (strcmp(w->name[b], w->name[c]) == 0) {
				snprintf(w->name[c], sizeof w->name[c], "%s-%d", plain, ++again);
				b = -1; /* from the start */
			}
	}
}

static int find_classes(struct work *w, const struct fm_table *real, uint8_t *keep, struct fm_error *err)
{
	size_t labels = real->dict[FM_LABEL].n, *trained = NULL, *tested;
	uint32_t background;
	int rc;

	if ((rc = fm_alloc(&trained, 2 * labels + 1, sizeof *trained, "counts of labels", err)) < 0)
		return rc;
	tested = trained + labels;
	if ((rc = count_labels(&w->task.real, real, trained, err)) < 0 ||
	    (rc = count_labels(&w->task.test, real, tested, err)) < 0 ||
	    (rc = fm_label_background(real, &background, err)) < 0)
		goto out;
	w->background = NONE;
	for (; w->classes < CLASSES; w->classes++) {
		size_t best = labels;
		for (size_t i = 0; i < labels; i++)
			if (!keep[i] && trained[i] >= FM_CLASS_ROWS && tested[i] >= FM_CLASS_ROWS &&
			    (best == labels || trained[i] > trained[best]))
				best = i;
		if (best == labels)
			break;
		keep[best] = 1;
		w->label[w->classes] = (uint32_t)best;
		w->tested[w->classes] = tested[best];
		if (best == background)
			w->background = w->classes;
	}
	name_classes(w, real);
out:
	free(trained);
	return rc;
}

/* ---- the rows ---- */

static int data_fill(struct data *d, struct fm_rows *r, const struct work *w, const struct fm_inputs *f,
		     const struct fm_table *real, const uint8_t *keep, struct fm_error *err)
{
	size_t labels = real->dict[FM_LABEL].n;
	uint32_t *label = NULL;
	int rc;

	if ((rc = fm_rows_keep_labels(r, real, keep, labels, err)) < 0)
		return rc;
	d->n = r->n;
	size_t n = d->n ? d->n : 1;
	if ((rc = fm_alloc(&d->x, n * w->f, sizeof *d->x, "features", err)) < 0 ||
	    (rc = fm_alloc(&d->z, n * w->f, sizeof *d->z, "features", err)) < 0 ||
	    (rc = fm_alloc(&d->y, n, sizeof *d->y, "classes", err)) < 0 ||
	    (rc = fm_alloc(&label, n, sizeof *label, "labels", err)) < 0 ||
	    (rc = fm_rows_labels(r, real, label, err)) < 0 ||
	    (rc = fm_inputs_fill(f, r->t, r->row, r->n, d->x, err)) < 0)
		goto out;
	for (size_t i = 0; i < d->n; i++)
		for (int c = 0; c < w->classes; c++)
			if (w->label[c] == label[i])
				d->y[i] = c;
	memcpy(d->z, d->x, n * w->f * sizeof *d->z);
out:
	free(label);
	return rc;
}

static void data_free(struct data *d)
{
	free(d->x);
	free(d->z);
	free(d->y);
}

/* ---- learning ---- */

/* All rows get the only class there is to learn; p (n, classes). */
static void predict_constant(const struct work *w, const struct data *train, float *p)
{
	for (size_t i = 0; i < w->test.n && train->n > 0; i++)
		p[i * (size_t)w->classes + (size_t)train->y[0]] = 1.0f;
}

static int predict_trees(const struct work *w, const struct data *train, float *p, struct fm_error *err)
{
	struct fm_trees_opts opts = {
	    .classes = w->classes, .rounds = 40, .leaves = 31, .rate = 0.2, .lambda = 1.0, .least = 1.0};
	struct fm_trees *t = NULL;
	int rc;

	if ((rc = fm_trees_train(&t, &opts, train->x, train->y, train->n, w->f, err)) < 0)
		goto out;
	rc = fm_trees_predict(t, w->test.x, w->test.n, p, err);
out:
	fm_trees_free(t);
	return rc;
}

static int predict_logistic(const struct work *w, const struct data *train, float *p, struct fm_error *err)
{
	struct fm_linear *l = NULL;
	int rc;

	if ((rc = fm_linear_train(&l, train->z, train->y, w->classes, train->n, w->f, err)) < 0)
		goto out;
	fm_linear_predict(l, w->test.z, w->test.n, p);
out:
	fm_linear_free(l);
	return rc;
}

static int predict_network(const struct work *w, const struct data *train, float *p, struct fm_error *err)
{
	size_t steps = w->data[FROM_REAL].n / ROWS_PER_STEP;
	struct fm_network *net = NULL;
	int rc;

	steps = steps > MOST_STEPS ? MOST_STEPS : steps < LEAST_STEPS ? LEAST_STEPS : steps;
	if ((rc = fm_network_classify(&net, &(struct fm_network_in){train->z, train->n, w->f, (int)steps, SEED},
				      train->y, w->classes, err)) < 0)
		goto out;
	fm_network_predict(net, w->test.z, w->test.n, p);
out:
	fm_network_free(net);
	return rc;
}

static int one_class(const struct data *d)
{
	for (size_t i = 1; i < d->n; i++)
		if (d->y[i] != d->y[0])
			return 0;
	return 1;
}

/* ---- scoring ---- */

/* F1 of each class from counts[true class][predicted class]; 0 for a class that is neither there nor predicted. */
static double f1_scores(size_t (*counts)[CLASSES + 1], int classes, double *f1)
{
	double macro = 0;

	for (int c = 0; c < classes; c++) {
		size_t hit = counts[c][c], is = 0, said = 0;
		for (int k = 0; k <= CLASSES; k++)
			is += counts[c][k];
		for (int k = 0; k < classes; k++)
			said += counts[k][c];
		f1[c] = is + said ? 2.0 * (double)hit / (double)(is + said) : 0.0;
		macro += f1[c] / classes;
	}
	return macro;
}

static int score(const struct work *w, struct answer *a, const float *p, struct fm_error *err)
{
	size_t counts[CLASSES][CLASSES + 1] = {{0}};
	float *attack = NULL;
	int *positive = NULL, rc;

	if ((rc = fm_alloc(&attack, w->test.n, sizeof *attack, "scores", err)) < 0 ||
	    (rc = fm_alloc(&positive, w->test.n, sizeof *positive, "scores", err)) < 0)
		goto out;
	for (size_t i = 0; i < w->test.n; i++) {
		const float *q = p + i * (size_t)w->classes;
		float best = 0;
		a->class[i] = NONE;
		for (int c = 0; c < w->classes; c++)
			if (q[c] > best) {
				best = q[c];
				a->class[i] = (uint8_t)c;
			}
		counts[w->test.y[i]][a->class[i]]++;
		if (w->background != NONE) {
			attack[i] = 1.0f - q[w->background];
			positive[i] = w->test.y[i] != w->background;
		}
	}
	a->macro = f1_scores(counts, w->classes, a->f1);
	rc = fm_auc(&a->auc, attack, positive, w->test.n, err);
out:
	free(attack);
	free(positive);
	return rc;
}

/* The slowest first; the two of liblinear run one after the other anyway. */
static const struct job {
	enum learner learner;
	enum source source;
} jobs[LEARNERS * SOURCES] = {
    {TREES, FROM_REAL},   {TREES, FROM_SYNTHETIC},   {LOGISTIC, FROM_REAL},
    {NETWORK, FROM_REAL}, {NETWORK, FROM_SYNTHETIC}, {LOGISTIC, FROM_SYNTHETIC},
};

static void run_job(void *ctx, int shard, int thread)
{
	struct work *w = ctx;
	const struct job *j = &jobs[shard];
	struct answer *a = &w->answer[j->learner][j->source];
	const struct data *train = &w->data[j->source];
	float *p = NULL;

	(void)thread;
	if ((a->rc = fm_alloc(&p, w->test.n * (size_t)w->classes, sizeof *p, "predictions", &a->err)) < 0 ||
	    (a->rc = fm_alloc(&a->class, w->test.n, sizeof *a->class, "predictions", &a->err)) < 0)
		goto out;
	if (one_class(train))
		predict_constant(w, train, p);
	else if (j->learner == TREES)
		a->rc = predict_trees(w, train, p, &a->err);
	else if (j->learner == LOGISTIC)
		a->rc = predict_logistic(w, train, p, &a->err);
	else
		a->rc = predict_network(w, train, p, &a->err);
	if (a->rc < 0)
		goto out;
	a->rc = score(w, a, p, &a->err);
out:
	free(p);
}

/* ---- the drop's interval ---- */

/* The 95 % interval of the drop in macro-F1 over test rows drawn again with replacement. */
static void bootstrap(const struct work *w, enum learner l, double *lo, double *hi)
{
	const uint8_t *real = w->answer[l][FROM_REAL].class, *synthetic = w->answer[l][FROM_SYNTHETIC].class;
	double drop[DRAWS], f1[CLASSES];

	for (int k = 0; k < DRAWS; k++) {
		size_t r[CLASSES][CLASSES + 1] = {{0}}, s[CLASSES][CLASSES + 1] = {{0}};
		struct fm_rng rng;
		fm_rng_init(&rng, SEED, FM_RNG_JUDGE, (uint64_t)k, 4);
		for (size_t i = 0; i < w->test.n; i++) {
			size_t row = fm_rng_below(&rng, (uint32_t)w->test.n);
			r[w->test.y[row]][real[row]]++;
			s[w->test.y[row]][synthetic[row]]++;
		}
		drop[k] = f1_scores(r, w->classes, f1) - f1_scores(s, w->classes, f1);
	}
	qsort(drop, DRAWS, sizeof *drop, fm_compare_doubles);
	*lo = drop[DRAWS / 40];
	*hi = drop[DRAWS - 1 - DRAWS / 40];
}

/* ---- reporting ---- */

static int report_source(const struct work *w, enum source s, struct fm_metrics *out, struct fm_error *err)
{
	int64_t n = (int64_t)w->test.n;
	char name[96];
	double lo, hi;
	int rc;

	for (int l = 0; l < LEARNERS; l++) {
		const struct answer *a = &w->answer[l][s];

		fm_interval(a->auc.value, FM_Z95_SHORT * sqrt(a->auc.variance), &lo, &hi);
		snprintf(name, sizeof name, "%s.macro_f1.%s", source_name[s], learner_name[l]);
		if ((rc = fm_metrics_add(out, name, a->macro, n, err)) < 0)
			return rc;
		snprintf(name, sizeof name, "%s.auc.%s", source_name[s], learner_name[l]);
		if (w->background != NONE && (rc = fm_metrics_add_ci(out, name, a->auc.value, n, lo, hi, err)) < 0)
			return rc;
		for (int c = 0; c < w->classes; c++) {
			snprintf(name, sizeof name, "%s.f1.%s.%s", source_name[s], learner_name[l], w->name[c]);
			if ((rc = fm_metrics_add(out, name, a->f1[c], (int64_t)w->tested[c], err)) < 0)
				return rc;
		}
	}
	return FM_OK;
}

static int report_drops(const struct work *w, struct fm_metrics *out, struct fm_error *err)
{
	int64_t n = (int64_t)w->test.n;
	double mean = 0, lo, hi;
	char name[96];
	int rc;

	for (int l = 0; l < LEARNERS; l++) {
		double drop = w->answer[l][FROM_REAL].macro - w->answer[l][FROM_SYNTHETIC].macro;
		mean += drop / LEARNERS;
		bootstrap(w, (enum learner)l, &lo, &hi);
		snprintf(name, sizeof name, "tstr.macro_f1_drop.%s", learner_name[l]);
		if ((rc = fm_metrics_add_ci(out, name, drop, n, lo, hi, err)) < 0)
			return rc;
	}
	return fm_metrics_add(out, "tstr.macro_f1_drop.mean", mean, n, err);
}

static int report_ranks(const struct work *w, struct fm_metrics *out, struct fm_error *err)
{
	double f1[SOURCES][LEARNERS * CLASSES], rho;
	size_t n = 0;
	int rc;

	for (int l = 0; l < LEARNERS; l++)
		for (int c = 0; c < w->classes; c++, n++)
			for (int s = 0; s < SOURCES; s++)
				f1[s][n] = w->answer[l][s].f1[c];
	if ((rc = fm_spearman(f1[0], f1[1], n, &rho, err)) < 0 ||
	    (rc = fm_metrics_add(out, "tstr.rank_correlation", rho, (int64_t)n, err)) < 0)
		return rc;
	return fm_metrics_add(out, "tstr.rank_kendall", fm_kendall(f1[0], f1[1], n), (int64_t)n, err);
}

/* ---- all of it ---- */

static int learn_and_report(struct work *w, const struct fm_table *real, const uint8_t *keep, struct fm_pool *pool,
			    struct fm_metrics *out, struct fm_error *err)
{
	struct fm_rows *rows[3] = {&w->task.real, &w->task.synthetic, &w->task.test};
	struct data *data[3] = {&w->data[FROM_REAL], &w->data[FROM_SYNTHETIC], &w->test};
	struct fm_inputs *f = NULL;
	int rc;

	if ((rc = fm_inputs_new(&f, real, w->task.present,
				FM_INPUTS_BYTES | FM_INPUTS_COARSE_TIME | FM_INPUTS_FLAGS | FM_INPUTS_PORTS, err)) < 0)
		return rc;
	w->f = fm_inputs_width(f);
	for (int k = 0; k < 3 && w->f; k++)
		if ((rc = data_fill(data[k], rows[k], w, f, real, keep, err)) < 0)
			break;
	fm_inputs_free(f);
	if (rc < 0 || !w->f)
		return rc;
	fm_scale_make(&w->scale, data[0]->x, data[0]->n, w->f);
	for (int k = 0; k < 3; k++)
		fm_scale_apply(&w->scale, data[k]->z, data[k]->n, w->f);
	fm_pool_run(pool, LEARNERS * SOURCES, run_job, w);
	for (int k = 0; k < LEARNERS * SOURCES; k++) {
		const struct answer *a = &w->answer[jobs[k].learner][jobs[k].source];
		if (a->rc < 0)
			return fm_fail(err, a->rc, "%s", a->err.message);
	}
	if ((rc = report_source(w, FROM_SYNTHETIC, out, err)) < 0 || (rc = report_source(w, FROM_REAL, out, err)) < 0 ||
	    (rc = report_drops(w, out, err)) < 0)
		return rc;
	return report_ranks(w, out, err);
}

int fm_classification(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		      struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err)
{
	struct work *w = NULL;
	uint8_t *keep = NULL;
	int rc;

	if ((rc = fm_alloc(&w, 1, sizeof *w, "classification", err)) < 0)
		return rc;
	if ((rc = fm_task_choose(&w->task, &(struct fm_judged){real, synthetic, holdout}, FM_CLASS_TRAIN, FM_CLASS_TEST,
				 21, err)) < 0)
		goto out;
	if (!FM_HAS(real, FM_LABEL) || (holdout && !FM_HAS(holdout, FM_LABEL))) {
		rc = fm_metrics_add(out, "downstream.label_classes", 0, (int64_t)w->task.real.n, err);
		goto out;
	}
	if ((rc = fm_alloc(&keep, real->dict[FM_LABEL].n + 1, sizeof *keep, "labels", err)) < 0 ||
	    (rc = find_classes(w, real, keep, err)) < 0 ||
	    (rc = fm_metrics_add(out, "downstream.label_classes", w->classes, (int64_t)w->task.real.n, err)) < 0)
		goto out;
	if (w->classes > 1 && FM_HAS(synthetic, FM_LABEL))
		rc = learn_and_report(w, real, keep, pool, out, err);
out:
	for (int s = 0; s < SOURCES; s++)
		data_free(&w->data[s]);
	data_free(&w->test);
	for (int l = 0; l < LEARNERS; l++)
		for (int s = 0; s < SOURCES; s++)
			free(w->answer[l][s].class);
	fm_task_free(&w->task);
	free(keep);
	free(w);
	return rc;
}
