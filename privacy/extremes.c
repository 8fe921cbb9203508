/*
 * extremes.c - are the emitted records that lie apart from all other real ones those of the training side?
 *
 * Only lone records count, and of them those whose duration, packets and bytes no other real row has.  A row that a
 * generator makes for itself hardly ever meets one: leak.isolated is the test of their number.
 *
 * leak.extreme is for a few copies of the strangest records.  They are ranked by how far the next real row is, on
 * either side, which does not look at the side that they are on; those that were copied come first.  A record's weight
 * falls with its rank, and the test is that of blocks.h, exact: how likely is so large a sum of training's weights,
 * were each on its side by chance?  Two records of one window stand or fall together.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "privacy/leak.h"
#include "privacy/leakage.h"

#define SIZES (1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT)

#define RANKS 32 /* that have a weight */
#define FIRST 10000
#define FALL 0.75 /* a rank's weight over that of the one before */

struct ranked {
	struct fm_leak_record record;
	double d2; /* to the next real row */
};

/* Ties are broken by what a record holds: a row number would know the side. */
static int by_hash(const struct ranked *x, const struct ranked *y)
{
	return (x->record.hash > y->record.hash) - (x->record.hash < y->record.hash);
}

static int most_apart(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->record.apart != y->record.apart)
		return x->record.apart < y->record.apart ? 1 : -1;
	return by_hash(x, y);
}

static int farthest(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->d2 != y->d2)
		return x->d2 < y->d2 ? 1 : -1;
	return by_hash(x, y);
}

/* Each record's distance to the next real row: r[i].d2. */
static int measure(const struct fm_leak *l, unsigned columns, struct ranked *r, size_t n, struct fm_error *err)
{
	const struct fm_table *side[2] = {l->train, l->holdout};
	struct fm_span *skip = NULL;
	struct fm_features f;
	uint32_t *row = NULL;
	float *q = NULL, *one = NULL;
	double *d2 = NULL;
	int rc;

	fm_features_fit(&f, l->train, columns);
	size_t dim = (size_t)f.dim;
	if ((rc = fm_alloc(&q, n * dim, sizeof *q, "records", err)) != FM_OK ||
	    (rc = fm_alloc(&skip, n, sizeof *skip, "records", err)) != FM_OK ||
	    (rc = fm_alloc(&row, n, sizeof *row, "neighbours", err)) != FM_OK ||
	    (rc = fm_alloc(&d2, n, sizeof *d2, "neighbours", err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < n; i++) {
		if ((rc = fm_features_code(&f, side[r[i].record.side], &r[i].record.row, 0, 1, &one, err)) != FM_OK)
			goto out;
		memcpy(q + i * dim, one, dim * sizeof *q);
		free(one);
		one = NULL;
		r[i].d2 = INFINITY;
	}
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < n; i++) { /* not itself */
			uint32_t own = r[i].record.side == k ? r[i].record.row : 0;
			skip[i] = (struct fm_span){own, own + (r[i].record.side == k)};
		}
		if ((rc = fm_leak_nearest(&f, side[k], q, n, 1, skip, l->pool, row, d2, err)) != FM_OK)
			goto out;
		for (size_t i = 0; i < n; i++)
			r[i].d2 = fmin(r[i].d2, d2[i]);
	}
out:
	free(q);
	free(one);
	free(skip);
	free(row);
	free(d2);
	return rc;
}

static int isolated(struct fm_leak *l, const char *columns, const struct ranked *r, size_t n, struct fm_error *err)
{
	struct fm_block_test test;
	uint32_t *votes = NULL;
	int rc;

	if ((rc = fm_alloc(&votes, l->blocks->n + 1, sizeof *votes, "votes", err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		votes[fm_block_of(l->blocks, r[i].record.side, r[i].record.row)]++;
	if ((rc = fm_block_test(l->blocks, votes, FM_LEAK_PAIRS, FM_LEAK_GRANTED, &test, err)) == FM_OK)
		rc = fm_leak_verdict(l, "isolated", columns, &test, FM_LEAK_SHARE_ISOLATED, err);
	free(votes);
	return rc;
}

/* Who has learned a distribution meets no extreme more often for it: nothing is granted there. */
static int extreme(struct fm_leak *l, const char *columns, const struct ranked *r, size_t n, struct fm_error *err)
{
	uint32_t unit[RANKS] = {0}, awaits[RANKS]; /* the block whose second record would join the unit */
	struct fm_block_test test = {.p = 1};
	double weight = FIRST, squares = 0, pi = l->blocks->pi;
	size_t units = 0, sum = 0, train = 0;
	int rc;

	n = n < RANKS ? n : RANKS;
	for (size_t i = 0; i < n; i++, weight *= FALL) {
		uint32_t w = (uint32_t)lround(weight), side = r[i].record.side;
		uint32_t block = fm_block_of(l->blocks, (int)side, r[i].record.row);
		size_t u = 0;
		while (u < units && awaits[u] != block)
			u++;
		awaits[u] = u < units ? UINT32_MAX : block;
		units += u == units;
		unit[u] += w;
		sum += w;
		train += side ? 0 : w;
		test.train += !side;
		test.holdout += side;
	}
	for (size_t u = 0; u < units; u++)
		squares += (double)unit[u] * unit[u];
	if (n > 0 && pi > 0 && pi < 1) {
		test.z = ((double)train - pi * (double)sum) / sqrt(pi * (1 - pi) * squares);
		if ((rc = fm_units_tail(unit, units, pi, train, &test.p, err)) != FM_OK)
			return rc;
	}
	return fm_leak_verdict(l, "extreme", columns, &test, FM_LEAK_SHARE_EXTREME, err);
}

int fm_leak_extremes(struct fm_leak *l, const char *columns, const struct fm_leak_record *list, size_t n,
		     struct fm_error *err)
{
	unsigned sizes = SIZES & l->train->present & l->holdout->present & l->synthetic->present;
	struct ranked *r = NULL;
	size_t found = 0;
	int rc;

	if (!sizes)
		return FM_OK;
	if ((rc = fm_alloc(&r, n + 1, sizeof *r, "records", err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (list[i].apart >= 2)
			r[found++].record = list[i];
	qsort(r, found, sizeof *r, most_apart);
	n = found < FM_LEAKAGE_RECORDS ? found : FM_LEAKAGE_RECORDS;
	if (n > 0 && (rc = measure(l, sizes, r, n, err)) != FM_OK)
		goto out;
	qsort(r, n, sizeof *r, farthest);
	while (n > 0 && r[n - 1].d2 == 0)
		n--;
	if ((rc = isolated(l, columns, r, n, err)) == FM_OK)
		rc = extreme(l, columns, r, n, err);
out:
	free(r);
	return rc;
}
