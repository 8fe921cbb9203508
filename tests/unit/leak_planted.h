/*
 * leak_planted.h - generators that leak a known share of the training rows, for the leakage checks' tests.
 *
 * From one trace: windows of FM_CLUSTER_ROWS rows are dealt out at random to training, holdout and a pool of fresh rows
 * that neither has.  A planted generator emits fresh rows and replaces some of them:
 *
 *     fresh         none                          windows       none, and its rows are whole windows
 *     copyP         the share P by training rows  noiseP        all by training rows, numbers off by a share of up to P
 *     outliersN     N by the training rows whose sizes are the farthest from any other training row's
 *     cluster         one window's worth of rows by one training window
 *
 * A disguise of 1 leaves the replaced row's time, of 2 its addresses too.
 */
#ifndef FM_TEST_LEAK_PLANTED_H
#define FM_TEST_LEAK_PLANTED_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/neighbours.h"
#include "base/rng.h"
#include "base/rows.h"
#include "base/table.h"
#include "privacy/leakage/clusters.h"
#include "privacy/leakage/features.h"
#include "privacy/leakage/leakage.h"

struct planted {
	struct fm_table *train, *holdout, *pool;
};

/* What a second exporter makes of a trace: the share `share` of the flows stands there twice, the copy `delay` ms
 * later, in order of time.  *flow (rows of *out), to be freed: which flow each row is. */
static inline int planted_double(struct fm_table **out, uint32_t **flow, const struct fm_table *trace, double share,
				 int64_t delay, uint64_t seed, struct fm_error *err)
{
	size_t rows = trace->rows, n = 0;
	uint32_t *row = NULL;
	uint64_t *key = NULL;
	struct fm_rng r;
	int rc;

	*out = NULL;
	*flow = NULL;
	if ((rc = fm_alloc(&row, 2 * rows, sizeof *row, "rows", err)) < 0 ||
	    (rc = fm_alloc(&key, 2 * rows, sizeof *key, "times", err)) < 0)
		goto out;
	fm_rng_init(&r, seed, FM_RNG_JUDGE, 34, 0);
	for (size_t i = 0; i < rows; i++) {
		int twice = fm_rng_uniform53(&r) < share;
		for (int k = 0; k <= twice; k++) {
			row[n] = (uint32_t)i;
			key[n++] = (uint64_t)(trace->te[i] + k * delay);
		}
	}
	if (delay && (rc = fm_sort_u64(key, row, n, err)) < 0)
		goto out;
	if ((rc = fm_table_take(out, trace, row, n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		(*out)->te[i] = (int64_t)key[i];
	*flow = row;
	row = NULL;
out:
	free(row);
	free(key);
	return rc;
}

static inline void planted_close(struct planted *p)
{
	fm_table_free(p->train);
	fm_table_free(p->holdout);
	fm_table_free(p->pool);
	*p = (struct planted){0};
}

/* The rows of n windows, in order; without those of a flow that is marked, where marked is not NULL. */
static inline int planted_side(struct fm_table **out, const struct fm_table *trace, uint32_t *window, size_t n,
			       const uint32_t *flow, const uint8_t *marked, struct fm_error *err)
{
	uint64_t *key = NULL;
	uint32_t *row = NULL;
	size_t rows = 0;
	int rc;

	if ((rc = fm_alloc(&key, n + 1, sizeof *key, "windows", err)) < 0 ||
	    (rc = fm_alloc(&row, n * FM_CLUSTER_ROWS + 1, sizeof *row, "rows", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		key[i] = window[i];
	if ((rc = fm_sort_u64(key, NULL, n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n * FM_CLUSTER_ROWS; i++) {
		uint32_t at = (uint32_t)key[i / FM_CLUSTER_ROWS] * FM_CLUSTER_ROWS + (uint32_t)(i % FM_CLUSTER_ROWS);
		if (!marked || !marked[flow[at]])
			row[rows++] = at;
	}
	rc = fm_table_take(out, trace, row, rows, err);
out:
	free(key);
	free(row);
	return rc;
}

/* Windows of about `train` and `holdout` rows; the pool is what is left, without rows of a flow that either has: flow
 * says which flow each row is, NULL each its own. */
static inline int planted_split_flows(struct planted *p, const struct fm_table *trace, const uint32_t *flow,
				      size_t train, size_t holdout, uint64_t seed, struct fm_error *err)
{
	size_t n = trace->rows / FM_CLUSTER_ROWS, nt = train / FM_CLUSTER_ROWS, nh = holdout / FM_CLUSTER_ROWS;
	uint32_t *window = NULL;
	uint8_t *marked = NULL;
	struct fm_rng r;
	int rc;

	*p = (struct planted){0};
	if (nt + nh >= n)
		return fm_fail(err, FM_EINPUT, "the trace has too few rows to plant leaks in");
	if ((rc = fm_alloc(&window, n, sizeof *window, "windows", err)) < 0 ||
	    (flow && (rc = fm_alloc(&marked, trace->rows, 1, "flows", err)) < 0))
		goto out;
	fm_rng_init(&r, seed, FM_RNG_JUDGE, 31, 0);
	for (size_t i = 0; i < n; i++) { /* Fisher and Yates, inside out */
		size_t j = fm_rng_below(&r, (uint32_t)i + 1);
		window[i] = window[j];
		window[j] = (uint32_t)i;
	}
	for (size_t i = 0; i < (nt + nh) * FM_CLUSTER_ROWS && flow; i++)
		marked[flow[window[i / FM_CLUSTER_ROWS] * (size_t)FM_CLUSTER_ROWS + i % FM_CLUSTER_ROWS]] = 1;
	if ((rc = planted_side(&p->train, trace, window, nt, NULL, NULL, err)) < 0 ||
	    (rc = planted_side(&p->holdout, trace, window + nt, nh, NULL, NULL, err)) < 0)
		goto out;
	rc = planted_side(&p->pool, trace, window + nt + nh, n - nt - nh, flow, marked, err);
out:
	free(window);
	free(marked);
	if (rc < 0)
		planted_close(p);
	return rc;
}

static inline int planted_split(struct planted *p, const struct fm_table *trace, size_t train, size_t holdout,
				uint64_t seed, struct fm_error *err)
{
	return planted_split_flows(p, trace, NULL, train, holdout, seed, err);
}

static inline void planted_copy(struct fm_table *to, size_t i, const struct fm_table *from, size_t j, int disguise)
{
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		if (!FM_HAS(to, c) || (disguise >= 1 && c == FM_TE) || (disguise >= 2 && (c == FM_SA || c == FM_DA)))
			continue;
		memcpy((char *)to->col[c] + i * fm_cols[c].width, (const char *)from->col[c] + j * fm_cols[c].width,
		       fm_cols[c].width);
	}
}

static inline uint64_t planted_noisy(uint64_t v, double level, struct fm_rng *r)
{
	return (uint64_t)llround((double)v * (1 + level * (2 * fm_rng_uniform53(r) - 1)));
}

struct planted_far {
	double d2;
	uint32_t row;
};

static inline int planted_farthest(const void *a, const void *b)
{
	const struct planted_far *x = a, *y = b;

	return x->d2 != y->d2 ? (x->d2 < y->d2 ? 1 : -1) : (x->row > y->row) - (x->row < y->row);
}

/* The training rows in order of how far the nearest other one is, by duration, packets and bytes: *far (train rows). */
static inline int planted_outliers(const struct fm_table *train, struct planted_far **far, struct fm_error *err)
{
	size_t n = train->rows;
	struct fm_points *points = NULL;
	uint32_t *row = NULL;
	struct fm_features f;
	double *d2 = NULL;
	float *x = NULL;
	int rc;

	*far = NULL;
	fm_features_fit(&f, train, 1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT);
	if ((rc = fm_features_code(&f, &(struct fm_choice){train, NULL, 0, n}, &x, err)) != FM_OK ||
	    (rc = fm_points_new(&points, x, n, f.dim, err)) != FM_OK ||
	    (rc = fm_alloc(&row, 2 * n, sizeof *row, "neighbours", err)) != FM_OK ||
	    (rc = fm_alloc(&d2, 2 * n, sizeof *d2, "neighbours", err)) != FM_OK ||
	    (rc = fm_alloc(far, n, sizeof **far, "outliers", err)) != FM_OK ||
	    (rc = fm_neighbours(points, &(struct fm_queries){.q = x, .m = n, .k = 2}, row, d2, err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < n; i++)
		(*far)[i] = (struct planted_far){d2[2 * i + 1], (uint32_t)i};
	qsort(*far, n, sizeof **far, planted_farthest);
out:
	free(x);
	free(row);
	free(d2);
	fm_points_free(points);
	return rc;
}

/* n rows of a generator; NULL pool rows are drawn without replacement.  FM_EINPUT for a name that is none. */
static inline int planted_generate(struct fm_table **out, const struct planted *p, const char *generator, int disguise,
				   size_t n, uint64_t seed, struct fm_error *err)
{
	int whole = strcmp(generator, "windows") == 0, rc;
	size_t nt = p->train->rows;
	uint32_t *row = NULL;
	struct fm_rng r;

	*out = NULL;
	fm_rng_init(&r, seed, FM_RNG_JUDGE, 32, 0);
	if ((rc = fm_alloc(&row, n + FM_CLUSTER_ROWS, sizeof *row, "rows", err)) != FM_OK)
		return rc;
	if (whole) {
		size_t windows = (n + FM_CLUSTER_ROWS - 1) / FM_CLUSTER_ROWS;
		fm_rows_choose(seed, 33, p->pool->rows / FM_CLUSTER_ROWS, windows, row);
		for (size_t i = n; i-- > 0;)
			row[i] = row[i / FM_CLUSTER_ROWS] * FM_CLUSTER_ROWS + (uint32_t)(i % FM_CLUSTER_ROWS);
	} else {
		fm_rows_choose(seed, 33, p->pool->rows, n, row);
	}
	rc = fm_table_take(out, p->pool, row, n, err);
	free(row);
	if (rc != FM_OK)
		return rc;
	struct fm_table *s = *out;
	if (strncmp(generator, "copy", 4) == 0) {
		size_t copies = (size_t)llround(atof(generator + 4) * (double)n);
		for (size_t k = 0; k < copies; k++)
			planted_copy(s, k * n / copies, p->train, fm_rng_below(&r, (uint32_t)nt), disguise);
	} else if (strncmp(generator, "noise", 5) == 0) {
		double level = atof(generator + 5);
		for (size_t i = 0; i < n; i++) {
			planted_copy(s, i, p->train, fm_rng_below(&r, (uint32_t)nt), disguise);
			s->td[i] = (uint32_t)planted_noisy(s->td[i], level, &r);
			s->pkt[i] = planted_noisy(s->pkt[i], level, &r);
			s->byt[i] = planted_noisy(s->byt[i], level, &r);
		}
	} else if (strncmp(generator, "outliers", 8) == 0) {
		size_t wanted = (size_t)atoi(generator + 8);
		struct planted_far *far = NULL;
		if ((rc = planted_outliers(p->train, &far, err)) != FM_OK) {
			free(far);
			fm_table_free(s);
			*out = NULL;
			return rc;
		}
		for (size_t k = 0; k < wanted && k < nt; k++)
			planted_copy(s, k * n / wanted, p->train, far[k].row, disguise);
		free(far);
	} else if (strcmp(generator, "cluster") == 0) {
		size_t first = fm_rng_below(&r, (uint32_t)(nt / FM_CLUSTER_ROWS)) * (size_t)FM_CLUSTER_ROWS;
		for (size_t k = 0; k < FM_CLUSTER_ROWS && k < n; k++)
			planted_copy(s, k, p->train, first + k, disguise);
	} else if (strcmp(generator, "fresh") != 0 && !whole) {
		fm_table_free(s);
		*out = NULL;
		return fm_fail(err, FM_EINPUT, "no planted generator is called %s", generator);
	}
	return FM_OK;
}

#endif
