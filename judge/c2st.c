#include "judge/c2st.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/rows.h"
#include "base/stats.h"
#include "judge/column.h"
#include "judge/inputs.h"
#include "judge/trees.h"
#include "judge/windows.h"

enum { FOLDS = 3, LEAST = 2 * FOLDS, MOST_SEGMENTS = 200 };
enum { FLOWS_IN_SEGMENT = 256, WINDOWS_IN_SEGMENT = 8 };
#define SEED 20160411u
enum purpose { DRAW_REAL = 11, DRAW_SYNTHETIC, SHUFFLE_REAL, SHUFFLE_SYNTHETIC, DEAL };

struct fm_trees_opts fm_c2st_trees(size_t rows)
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
	uint8_t *segment; /* (2 n): rows of one segment go to one fold */
	uint8_t *fold;    /* (2 n) */
};

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
	fm_rng_shuffle(&r, row, n);
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

/* The sorted keys of the n rows from x on, and the row of each (shuffled within a key). */
static int sort_rows(const float *x, size_t n, size_t f, uint64_t purpose, uint64_t *key, uint32_t *row,
		     struct fm_error *err)
{
	shuffle(row, n, purpose);
	for (size_t i = 0; i < n; i++)
		key[i] = hash_row(x + row[i] * f, f);
	return fm_sort_u64(key, row, n, err);
}

/* The fold of each of `segments` segments of time: each three neighbours go to different folds, in random order. */
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

static int shuffle_segments(struct sample *s, struct fm_error *err)
{
	uint32_t *row = NULL;
	int rc;

	if ((rc = fm_alloc(&row, s->n, sizeof *row, "folds", err)) < 0 ||
	    (rc = fm_alloc(&s->segment, 2 * s->n, sizeof *s->segment, "folds", err)) < 0)
		goto out;
	for (size_t k = 0; k < 2; k++) {
		shuffle(row, s->n, k ? SHUFFLE_SYNTHETIC : SHUFFLE_REAL);
		for (size_t i = 0; i < s->n; i++)
			s->segment[k * s->n + row[i]] = (uint8_t)(i % FOLDS);
	}
out:
	free(row);
	return rc;
}

/* Does each fold get at most three fifths of either side's rows? */
static int folds_are_even(const struct sample *s)
{
	uint8_t dealt[MOST_SEGMENTS];

	deal_segments(dealt, MOST_SEGMENTS);
	for (size_t k = 0; k < 2; k++) {
		size_t count[FOLDS] = {0};
		for (size_t i = 0; i < s->n; i++)
			count[dealt[s->segment[k * s->n + i]]]++;
		for (int fold = 0; fold < FOLDS; fold++)
			if (count[fold] > s->n / 5 * 3 + 1)
				return 0;
	}
	return 1;
}

/* Cut time into segments with about equal numbers of rows, `each` of either side or more where there would be too many
 * segments; their limits are common to both sides.  Where time does not separate the rows (one second for a whole
 * table), each side is divided by itself in row order.  when (2 n): times. */
static int cut_segments(struct sample *s, const uint64_t *when, size_t each, struct fm_error *err)
{
	size_t n = s->n, segments = n / each;
	uint64_t *pool = NULL;
	int rc;

	segments = segments > MOST_SEGMENTS ? MOST_SEGMENTS : segments < LEAST ? LEAST : segments;
	if ((rc = fm_alloc(&s->segment, 2 * n, sizeof *s->segment, "folds", err)) < 0 ||
	    (rc = fm_alloc(&pool, 2 * n, sizeof *pool, "times", err)) < 0)
		return rc;
	memcpy(pool, when, 2 * n * sizeof *pool);
	if ((rc = fm_sort_u64(pool, NULL, 2 * n, err)) < 0)
		goto out;
	for (size_t i = 0; i < 2 * n; i++) {
		size_t lo = 0, hi = segments - 1; /* how many limits are at or before its time */
		while (lo < hi) {
			size_t middle = (lo + hi) / 2;
			if (pool[(middle + 1) * 2 * n / segments] <= when[i])
				lo = middle + 1;
			else
				hi = middle;
		}
		s->segment[i] = (uint8_t)lo;
	}
	if (!folds_are_even(s))
		for (size_t i = 0; i < 2 * n; i++)
			s->segment[i] = (uint8_t)(i % n * segments / n);
out:
	free(pool);
	return rc;
}

/* Each row gets the fold of its segment; a synthetic row that equals a real one gets the fold of that row, where each
 * real row is matched once.
 */
static int assign_folds(struct sample *s, struct fm_error *err)
{
	size_t n = s->n, f = s->f;
	uint8_t dealt[MOST_SEGMENTS];
	uint64_t *key = NULL, *key2;
	uint32_t *row = NULL, *row2;
	int rc;

	if ((rc = fm_alloc(&s->fold, 2 * n, sizeof *s->fold, "folds", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&key, 2 * n, sizeof *key, "folds", err)) < 0 ||
	    (rc = fm_alloc(&row, 2 * n, sizeof *row, "folds", err)) < 0)
		goto out;
	key2 = key + n;
	row2 = row + n;
	deal_segments(dealt, MOST_SEGMENTS);
	for (size_t i = 0; i < 2 * n; i++)
		s->fold[i] = dealt[s->segment[i]];
	if ((rc = sort_rows(s->x, n, f, SHUFFLE_REAL, key, row, err)) < 0 ||
	    (rc = sort_rows(s->x + n * f, n, f, SHUFFLE_SYNTHETIC, key2, row2, err)) < 0)
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
	if ((rc = fm_alloc(&x, all * f, sizeof *x, "a fold", err)) < 0 ||
	    (rc = fm_alloc(&y, all, sizeof *y, "a fold", err)) < 0)
		goto out;
	for (size_t i = 0; i < all; i++) /* training rows from the front, test rows from the back */
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
	struct fm_trees_opts opts = fm_c2st_trees(ntrain);
	if ((rc = fm_trees_train(&t, &opts, x, y, ntrain, f, err)) < 0 ||
	    (rc = fm_alloc(&p, 2 * ntest, sizeof *p, "predictions", err)) < 0 ||
	    (rc = fm_alloc(&score, ntest, sizeof *score, "scores", err)) < 0 ||
	    (rc = fm_trees_predict(t, x + ntrain * f, ntest, p, err)) < 0)
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

/* The mean over the folds that have rows of both kinds, and 1.96 standard errors to either side. */
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
	fm_interval(auc[0], FM_Z95_SHORT * sqrt(var) / folds, &auc[1], &auc[2]);
}

/* All folds of all samples, side by side; auc (samples, 3). */
static int judge_samples(struct sample *sample, size_t samples, struct fm_pool *pool, double (*auc)[3],
			 struct fm_error *err)
{
	struct work w = {.sample = sample};
	int rc;

	for (size_t i = 0; i < samples; i++) {
		struct sample *s = &sample[i];
		if (s->x && (rc = assign_folds(s, err)) < 0)
			return rc;
	}
	if ((rc = fm_alloc(&w.result, samples * FOLDS, sizeof *w.result, "folds", err)) < 0)
		return rc;
	fm_pool_run(pool, (int)samples * FOLDS, run_fold, &w);
	for (size_t i = 0; i < samples * FOLDS; i++)
		if (w.result[i].rc < 0) {
			rc = fm_fail(err, w.result[i].rc, "%s", w.result[i].err.message);
			goto out;
		}
	for (size_t i = 0; i < samples; i++)
		join_folds(w.result + i * FOLDS, auc[i]);
out:
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
	if ((rc = fm_alloc(&s.segment, 2 * n, sizeof *s.segment, "folds", err)) < 0)
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

/* n rows of t drawn at random, in order of time where t has it; when (n): their times as keys. */
static int draw_rows(const struct fm_table *t, size_t n, uint64_t purpose, uint32_t *row, uint64_t *when,
		     struct fm_error *err)
{
	uint32_t *order = NULL;
	int rc;

	if (FM_HAS(t, FM_TE) && (rc = fm_rows_by_time(t, &order, err)) < 0)
		return rc;
	fm_rows_choose(SEED, purpose, t->rows, n, row);
	for (size_t i = 0; i < n; i++) {
		row[i] = order ? order[row[i]] : row[i];
		when[i] = order ? fm_column_key(t, FM_TE, row[i]) : 0;
	}
	free(order);
	return FM_OK;
}

static int take_flows(struct sample *s, const struct fm_table *const side[2], unsigned what, int blocks,
		      struct fm_error *err)
{
	size_t fewer = side[0]->rows < side[1]->rows ? side[0]->rows : side[1]->rows;
	struct fm_inputs *f = NULL;
	uint64_t *when = NULL;
	uint32_t *row = NULL;
	int rc;

	s->n = fewer < FM_C2ST_FLOWS ? fewer : FM_C2ST_FLOWS;
	if ((rc = fm_inputs_new(&f, side[0], side[0]->present & side[1]->present, what, err)) < 0)
		return rc;
	s->f = fm_inputs_width(f);
	if (s->n < LEAST || s->f == 0)
		goto out;
	if ((rc = fm_alloc(&row, s->n, sizeof *row, "a choice of rows", err)) < 0 ||
	    (rc = fm_alloc(&when, 2 * s->n, sizeof *when, "times", err)) < 0 ||
	    (rc = fm_alloc(&s->x, 2 * s->n * s->f, sizeof *s->x, "features", err)) < 0)
		goto out;
	for (size_t k = 0; k < 2; k++)
		if ((rc = draw_rows(side[k], s->n, k ? DRAW_SYNTHETIC : DRAW_REAL, row, when + k * s->n, err)) < 0 ||
		    (rc = fm_inputs_fill(f, side[k], row, s->n, s->x + k * s->n * s->f, err)) < 0)
			goto out;
	rc = blocks ? cut_segments(s, when, FLOWS_IN_SEGMENT, err) : shuffle_segments(s, err);
out:
	fm_inputs_free(f);
	free(when);
	free(row);
	return rc;
}

/* n of t's windows drawn at random, and the time at which each begins. */
static int draw_windows(const struct fm_table *t, size_t size, size_t n, uint64_t purpose, uint32_t *which,
			uint64_t *when, struct fm_error *err)
{
	uint32_t *order = NULL;
	int rc;

	if ((rc = fm_rows_by_time(t, &order, err)) < 0)
		return rc;
	fm_rows_choose(SEED, purpose, t->rows / size, n, which);
	for (size_t i = 0; i < n; i++)
		when[i] = fm_column_key(t, FM_TE, order[which[i] * size]);
	free(order);
	return FM_OK;
}

static int take_windows(struct sample *s, const struct fm_table *const side[2], size_t size, struct fm_error *err)
{
	size_t fewer = (side[0]->rows < side[1]->rows ? side[0]->rows : side[1]->rows) / size;
	struct fm_windows *w = NULL;
	uint32_t *which = NULL;
	uint64_t *when = NULL;
	int rc;

	s->n = fewer < FM_C2ST_WINDOWS ? fewer : FM_C2ST_WINDOWS;
	if ((rc = fm_windows_new(&w, side[0], side[0]->present & side[1]->present, size, err)) < 0)
		return rc;
	s->f = fm_windows_width(w);
	if (s->n < LEAST)
		goto out;
	if ((rc = fm_alloc(&which, s->n, sizeof *which, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&when, 2 * s->n, sizeof *when, "times", err)) < 0 ||
	    (rc = fm_alloc(&s->x, 2 * s->n * s->f, sizeof *s->x, "windows", err)) < 0)
		goto out;
	for (size_t k = 0; k < 2; k++)
		if ((rc = draw_windows(side[k], size, s->n, k ? DRAW_SYNTHETIC : DRAW_REAL, which, when + k * s->n,
				       err)) < 0 ||
		    (rc = fm_windows_fill(w, side[k], which, s->n, s->x + k * s->n * s->f, err)) < 0)
			goto out;
	rc = cut_segments(s, when, WINDOWS_IN_SEGMENT, err);
out:
	fm_windows_free(w);
	free(which);
	free(when);
	return rc;
}

#define FLOW (FM_INPUTS_BYTES | FM_INPUTS_TIME | FM_INPUTS_LABEL)

static const struct test {
	const char *name;
	unsigned what; /* features of a flow */
	int blocks;    /* folds of time, not of single rows */
	size_t window; /* flows in a window; 0: single flows */
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
	const struct fm_table *const side[2] = {real, synthetic};
	unsigned present = real->present & synthetic->present;
	struct sample sample[NTESTS] = {{0}};
	double auc[NTESTS][3];
	size_t n = 0;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	for (int i = 0; i < NTESTS; i++) {
		const struct test *t = &tests[i];
		if ((t->window || t->blocks) && !(present >> FM_TE & 1u))
			continue;
		sample[n].name = t->name;
		rc = t->window ? take_windows(&sample[n], side, t->window, err)
			       : take_flows(&sample[n], side, t->what, t->blocks, err);
		n += rc < 0 || sample[n].f > 0;
		if (rc < 0)
			goto out;
	}
	if ((rc = judge_samples(sample, n, pool, auc, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		char name[64];
		snprintf(name, sizeof name, "%sc2st.%s", prefix, sample[i].name);
		if ((rc = fm_metrics_add_ci(out, name, auc[i][0], (int64_t)(2 * sample[i].n), auc[i][1], auc[i][2],
					    err)) < 0)
			goto out;
	}
out:
	for (size_t i = 0; i < n; i++) {
		free(sample[i].x);
		free(sample[i].segment);
		free(sample[i].fold);
	}
	return rc;
}
