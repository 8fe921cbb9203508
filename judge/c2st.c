#include "judge/c2st.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/rows.h"
#include "judge/column.h"
#include "judge/inputs.h"
#include "judge/ranking.h"
#include "judge/trees.h"
#include "judge/windows.h"

enum { FOLDS = 3, LEAST = 2 * FOLDS, FEW_SEGMENTS = 30, MOST_SEGMENTS = 200 };
enum { FLOWS_IN_SEGMENT = 256, WINDOWS_IN_SEGMENT = 8 };
#define SEED 20160411u
enum purpose { DRAW_REAL = 11, DRAW_SYNTHETIC, SHUFFLE_REAL, SHUFFLE_SYNTHETIC, DEAL };

/* The reference's: scikit-learn's histogram gradient boosting with its default settings: 20 rows a leaf, here a
 * twentieth of the rows where that is fewer. */
static struct fm_trees_opts options(size_t rows)
{
	return (struct fm_trees_opts){.classes = 2,
				      .rounds = 100,
				      .leaves = 31,
				      .rate = 0.1,
				      .lambda = 0.0,
				      .least = fmin(5.0, (double)rows / 80)};
}

/* Rows of both sides of one test: the first n of x are real. */
struct sample {
	const char *name;
	float *x; /* (2 n, f); NULL when there are too few rows */
	size_t n, f;
	uint8_t *segment; /* (2 n): rows of one go to one fold */
	uint8_t *fold;    /* (2 n) */
};

/* Segments of n rows, about `each` rows in one. */
static size_t count_segments(size_t n, size_t each)
{
	size_t s = n / each;

	s = s > MOST_SEGMENTS ? MOST_SEGMENTS : s < FEW_SEGMENTS ? FEW_SEGMENTS : s;
	return s < n ? s : n;
}

struct result {
	struct fm_auc auc;
	int rc;
	struct fm_error err;
};

/* ---- folds ---- */

/* A permutation of 0 .. n - 1. */
static void shuffle(uint32_t *row, size_t n, uint64_t purpose)
{
	struct fm_rng r;

	fm_rng_init(&r, SEED, FM_RNG_JUDGE, purpose, 0);
	for (size_t i = 0; i < n; i++)
		row[i] = (uint32_t)i;
	for (size_t i = n; i > 1; i--) {
		size_t j = fm_rng_below(&r, (uint32_t)i);
		uint32_t k = row[j];
		row[j] = row[i - 1];
		row[i - 1] = k;
	}
}

/* FNV-1a over a row; -0 and 0 do not both occur. */
static uint64_t hash_row(const float *x, size_t f)
{
	const unsigned char *p = (const unsigned char *)x;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < f * sizeof *x; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* Keys of the n rows from x on, sorted, and which row each belongs to (within a key, in shuffled order). */
static int sort_rows(const float *x, size_t n, size_t f, uint64_t purpose, uint64_t *key, uint32_t *row,
		     struct fm_error *err)
{
	shuffle(row, n, purpose);
	for (size_t i = 0; i < n; i++)
		key[i] = hash_row(x + row[i] * f, f);
	return fm_sort_u64(key, row, n, err);
}

/* The fold of each of `segments` segments of time: every three neighbours go to three folds, in random order. */
static void deal_segments(uint8_t *fold, size_t segments)
{
	uint8_t turn[FOLDS] = {0};
	struct fm_rng r;

	fm_rng_init(&r, SEED, FM_RNG_JUDGE, DEAL, 0);
	for (size_t s = 0; s < segments; s++) {
		if (s % FOLDS == 0)
			for (int k = 0; k < FOLDS; k++) {
				size_t j = fm_rng_below(&r, (uint32_t)k + 1);
				turn[k] = turn[j];
				turn[j] = (uint8_t)k;
			}
		fold[s] = turn[s % FOLDS];
	}
}

/* Each row gets the fold of its segment; a synthetic row that equals a real one, each real row taken once, that row's.
 */
static int assign_folds(struct sample *s, struct fm_error *err)
{
	size_t n = s->n, f = s->f;
	uint8_t dealt[MOST_SEGMENTS];
	uint64_t *key = NULL, *key2;
	uint32_t *row = NULL, *row2;
	int rc;

	if ((rc = fm_alloc(&s->fold, 2 * n, sizeof *s->fold, "folds", err)) != FM_OK)
		return rc;
	if ((rc = fm_alloc(&key, 2 * n, sizeof *key, "folds", err)) != FM_OK ||
	    (rc = fm_alloc(&row, 2 * n, sizeof *row, "folds", err)) != FM_OK)
		goto out;
	key2 = key + n;
	row2 = row + n;
	deal_segments(dealt, MOST_SEGMENTS);
	for (size_t i = 0; i < 2 * n; i++)
		s->fold[i] = dealt[s->segment[i]];
	if ((rc = sort_rows(s->x, n, f, SHUFFLE_REAL, key, row, err)) != FM_OK ||
	    (rc = sort_rows(s->x + n * f, n, f, SHUFFLE_SYNTHETIC, key2, row2, err)) != FM_OK)
		goto out;
	for (size_t i = 0, j = 0; i < n && j < n;) {
		if (key[i] == key2[j])
			s->fold[n + row2[j++]] = s->fold[row[i++]];
		else if (key[i] < key2[j])
			i++;
		else
			j++;
	}
out:
	free(key);
	free(row);
	return rc;
}

/* ---- one fold ---- */

static int judge_fold(const struct sample *s, int fold, struct fm_auc *auc, struct fm_error *err)
{
	size_t all = 2 * s->n, f = s->f, ntrain = 0, ntest = 0;
	struct fm_trees *t = NULL;
	float *x = NULL, *p = NULL, *score = NULL;
	int *y = NULL, rc;

	*auc = (struct fm_auc){.value = NAN, .variance = NAN};
	if ((rc = fm_alloc(&x, all * f, sizeof *x, "a fold", err)) != FM_OK ||
	    (rc = fm_alloc(&y, all, sizeof *y, "a fold", err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < all; i++) /* to train with from the front, to test on from the back */
		if (s->fold[i] != fold) {
			memcpy(x + ntrain * f, s->x + i * f, f * sizeof *x);
			y[ntrain++] = i >= s->n;
		}
	for (size_t i = 0; i < all; i++)
		if (s->fold[i] == fold) {
			memcpy(x + (ntrain + ntest) * f, s->x + i * f, f * sizeof *x);
			y[ntrain + ntest++] = i >= s->n;
		}
	if (ntrain == 0 || ntest == 0)
		goto out;
	struct fm_trees_opts opts = options(ntrain);
	if ((rc = fm_trees_train(&t, &opts, x, y, ntrain, f, err)) != FM_OK ||
	    (rc = fm_alloc(&p, 2 * ntest, sizeof *p, "predictions", err)) != FM_OK ||
	    (rc = fm_alloc(&score, ntest, sizeof *score, "scores", err)) != FM_OK ||
	    (rc = fm_trees_predict(t, x + ntrain * f, ntest, p, err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < ntest; i++)
		score[i] = p[2 * i + 1];
	rc = fm_auc(auc, score, y + ntrain, ntest, err);
out:
	fm_trees_free(t);
	free(x);
	free(y);
	free(p);
	free(score);
	return rc;
}

struct work {
	const struct sample *sample;
	struct result *result; /* FOLDS of each sample */
};

static void run_fold(void *ctx, int shard, int thread)
{
	const struct work *w = ctx;
	const struct sample *s = &w->sample[shard / FOLDS];
	struct result *r = &w->result[shard];

	(void)thread;
	if (s->x)
		r->rc = judge_fold(s, shard % FOLDS, &r->auc, &r->err);
	else
		r->auc.value = NAN;
}

/* Mean of the folds that have rows of both kinds, and 1.96 standard errors to both sides. */
static void join_folds(const struct result *r, double auc[3])
{
	double value = 0, var = 0, folds = 0;

	for (int k = 0; k < FOLDS; k++) {
		if (isnan(r[k].auc.value))
			continue;
		value += r[k].auc.value;
		var += r[k].auc.variance;
		folds++;
	}
	auc[0] = value / folds; /* NaN when there is none */
	double error = 1.96 * sqrt(var) / folds;
	auc[1] = isnan(error) ? NAN : fmax(0.0, auc[0] - error);
	auc[2] = isnan(error) ? NAN : fmin(1.0, auc[0] + error);
}

/* All folds of all samples, side by side; auc (samples, 3). */
static int judge_samples(struct sample *sample, size_t samples, struct fm_pool *pool, double (*auc)[3],
			 struct fm_error *err)
{
	struct work w = {.sample = sample};
	int rc;

	for (size_t i = 0; i < samples; i++) {
		struct sample *s = &sample[i];
		if (s->x && (rc = assign_folds(s, err)) != FM_OK)
			return rc;
	}
	if ((rc = fm_alloc(&w.result, samples * FOLDS, sizeof *w.result, "folds", err)) != FM_OK)
		return rc;
	fm_pool_run(pool, (int)samples * FOLDS, run_fold, &w);
	for (size_t i = 0; i < samples * FOLDS && rc == FM_OK; i++)
		if (w.result[i].rc != FM_OK)
			rc = fm_fail(err, w.result[i].rc, "%s", w.result[i].err.message);
	for (size_t i = 0; i < samples && rc == FM_OK; i++)
		join_folds(w.result + i * FOLDS, auc[i]);
	free(w.result);
	return rc;
}

int fm_c2st_rows(const float *x, size_t n, size_t f, struct fm_pool *pool, double auc[3], struct fm_error *err)
{
	struct sample s = {.n = n, .f = f};
	double one[1][3] = {{NAN, NAN, NAN}};
	int rc = FM_OK;

	if (n < LEAST)
		goto out;
	if ((rc = fm_alloc(&s.segment, 2 * n, sizeof *s.segment, "folds", err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < 2 * n; i++)
		s.segment[i] = (uint8_t)(i % n % MOST_SEGMENTS);
	s.x = (float *)(uintptr_t)x; /* only read */
	rc = judge_samples(&s, 1, pool, one, err);
out:
	free(s.segment);
	free(s.fold);
	memcpy(auc, one[0], sizeof one[0]);
	return rc;
}

/* ---- the tables' rows ---- */

/* n rows of t drawn at random, in order of time, and the segment of each: of time when blocks is set, by its place in
 * t; else as many rows to each of three at random. */
static int draw_rows(const struct fm_table *t, size_t n, uint64_t purpose, int blocks, uint32_t *row, uint8_t *segment,
		     struct fm_error *err)
{
	size_t segments = count_segments(n, FLOWS_IN_SEGMENT);
	uint32_t *order = NULL;
	int rc;

	if (!blocks) {
		shuffle(row, n, purpose + SHUFFLE_REAL - DRAW_REAL);
		for (size_t i = 0; i < n; i++)
			segment[row[i]] = (uint8_t)(i % FOLDS);
		fm_rows_choose(SEED, purpose, t->rows, n, row);
		return FM_OK;
	}

	if (FM_HAS(t, FM_TE) && (rc = fm_rows_by_time(t, &order, err)) != FM_OK)
		return rc;
	fm_rows_choose(SEED, purpose, t->rows, n, row);
	for (size_t i = 0; i < n; i++) {
		segment[i] = (uint8_t)((uint64_t)row[i] * segments / t->rows);
		row[i] = order ? order[row[i]] : row[i];
	}
	free(order);
	return FM_OK;
}

static int take_flows(struct sample *s, const struct fm_table *real, const struct fm_table *synthetic, unsigned what,
		      int blocks, struct fm_error *err)
{
	const struct fm_table *side[2] = {real, synthetic};
	size_t fewer = real->rows < synthetic->rows ? real->rows : synthetic->rows;
	struct fm_inputs *f = NULL;
	uint32_t *row = NULL;
	int rc;

	s->n = fewer < FM_C2ST_FLOWS ? fewer : FM_C2ST_FLOWS;
	if ((rc = fm_inputs_new(&f, real, real->present & synthetic->present, what, err)) != FM_OK)
		return rc;
	s->f = fm_inputs_width(f);
	if (s->n < LEAST || s->f == 0)
		goto out;
	if ((rc = fm_alloc(&row, s->n, sizeof *row, "a choice of rows", err)) != FM_OK ||
	    (rc = fm_alloc(&s->segment, 2 * s->n, sizeof *s->segment, "folds", err)) != FM_OK ||
	    (rc = fm_alloc(&s->x, 2 * s->n * s->f, sizeof *s->x, "features", err)) != FM_OK)
		goto out;
	for (size_t k = 0; k < 2 && rc == FM_OK; k++) {
		rc = draw_rows(side[k], s->n, k ? DRAW_SYNTHETIC : DRAW_REAL, blocks, row, s->segment + k * s->n, err);
		if (rc == FM_OK)
			rc = fm_inputs_fill(f, side[k], row, s->n, s->x + k * s->n * s->f, err);
	}
out:
	fm_inputs_free(f);
	free(row);
	return rc;
}

static int take_windows(struct sample *s, const struct fm_table *real, const struct fm_table *synthetic, size_t size,
			struct fm_error *err)
{
	const struct fm_table *side[2] = {real, synthetic};
	size_t fewer = (real->rows < synthetic->rows ? real->rows : synthetic->rows) / size;
	struct fm_windows *w = NULL;
	uint32_t *which = NULL;
	int rc;

	s->n = fewer < FM_C2ST_WINDOWS ? fewer : FM_C2ST_WINDOWS;
	if ((rc = fm_windows_new(&w, real, real->present & synthetic->present, size, err)) != FM_OK)
		return rc;
	s->f = fm_windows_width(w);
	if (s->n < LEAST)
		goto out;
	if ((rc = fm_alloc(&which, s->n, sizeof *which, "a choice of windows", err)) != FM_OK ||
	    (rc = fm_alloc(&s->segment, 2 * s->n, sizeof *s->segment, "folds", err)) != FM_OK ||
	    (rc = fm_alloc(&s->x, 2 * s->n * s->f, sizeof *s->x, "windows", err)) != FM_OK)
		goto out;
	for (size_t k = 0; k < 2 && rc == FM_OK; k++) {
		size_t windows = side[k]->rows / size, segments = count_segments(s->n, WINDOWS_IN_SEGMENT);
		fm_rows_choose(SEED, k ? DRAW_SYNTHETIC : DRAW_REAL, windows, s->n, which);
		for (size_t i = 0; i < s->n; i++)
			s->segment[k * s->n + i] = (uint8_t)((uint64_t)which[i] * segments / windows);
		rc = fm_windows_fill(w, side[k], which, s->n, s->x + k * s->n * s->f, err);
	}
out:
	fm_windows_free(w);
	free(which);
	return rc;
}

#define FLOW (FM_INPUTS_BYTES | FM_INPUTS_TIME | FM_INPUTS_LABEL)

static const struct test {
	const char *name;
	unsigned what; /* features of a flow */
	int blocks;    /* folds of time, not of single rows */
	size_t window; /* flows in one, 0: single flows */
} tests[] = {
    {"flow_auc", FLOW, 0, 0},
    {"flow_blocks_auc", FLOW | FM_INPUTS_FLAGS, 1, 0},
    {"window_auc", 0, 1, 64},
    {"window32_auc", 0, 1, 32},
};
enum { NTESTS = sizeof tests / sizeof *tests };

int fm_c2st(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	    struct fm_metrics *out, struct fm_error *err)
{
	unsigned present = real->present & synthetic->present;
	struct sample sample[NTESTS] = {{0}};
	double auc[NTESTS][3];
	size_t n = 0;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) != FM_OK ||
	    (rc = fm_judge_check(synthetic, "synthetic", err)) != FM_OK)
		return rc;
	for (int i = 0; i < NTESTS && rc == FM_OK; i++) {
		const struct test *t = &tests[i];
		if (t->window && !(present >> FM_TE & 1u))
			continue;
		sample[n].name = t->name;
		rc = t->window ? take_windows(&sample[n], real, synthetic, t->window, err)
			       : take_flows(&sample[n], real, synthetic, t->what, t->blocks, err);
		n += rc != FM_OK || sample[n].f > 0;
	}
	if (rc == FM_OK)
		rc = judge_samples(sample, n, pool, auc, err);
	for (size_t i = 0; i < n && rc == FM_OK; i++) {
		char name[64];
		snprintf(name, sizeof name, "%sc2st.%s", prefix, sample[i].name);
		rc = fm_metrics_add_ci(out, name, auc[i][0], (int64_t)(2 * sample[i].n), auc[i][1], auc[i][2], err);
	}
	for (size_t i = 0; i < n; i++) {
		free(sample[i].x);
		free(sample[i].segment);
		free(sample[i].fold);
	}
	return rc;
}
