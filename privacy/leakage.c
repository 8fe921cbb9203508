#include "privacy/leakage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "privacy/match.h"
#include "privacy/nearest.h"

#define SEED 20160411u
enum purpose { EQUAL_TRAIN = 101, EQUAL_HOLDOUT, SYNTHETIC };

void fm_wilson(double hits, double n, double *lo, double *hi)
{
	const double z = 1.959963984540054, z2 = z * z;

	*lo = 0.0;
	*hi = 1.0;
	if (n <= 0)
		return;
	double p = hits / n, centre = p + z2 / (2 * n), half = z * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
	if (hits > 0) /* without rounding's help: no hit reaches down to 0, all reach up to 1 */
		*lo = fmax(0.0, (centre - half) / (1 + z2 / n));
	if (hits < n)
		*hi = fmin(1.0, (centre + half) / (1 + z2 / n));
}

static int add_share(struct fm_metrics *out, const char *name, const char *columns, double hits, size_t n,
		     struct fm_error *err)
{
	char full[64];
	double lo, hi;

	snprintf(full, sizeof full, "leak.%s%s", name, columns);
	fm_wilson(hits, (double)n, &lo, &hi);
	return fm_metrics_add_ci(out, full, hits / (double)n, (int64_t)n, lo, hi, err);
}

static int add(struct fm_metrics *out, const char *name, const char *columns, double v, size_t n, struct fm_error *err)
{
	char full[64];

	snprintf(full, sizeof full, "leak.%s%s", name, columns);
	return fm_metrics_add(out, full, v, (int64_t)n, err);
}

/* ---- matches ---- */

static const struct column_set {
	const char *name;
	unsigned without;
} column_sets[] = {
    {"", 0},
    {"_no_time", 1u << FM_TE},
    {"_no_addr_time", 1u << FM_TE | 1u << FM_SA | 1u << FM_DA},
};
enum { NSETS = sizeof column_sets / sizeof *column_sets };

static int matched_share(const struct fm_table *train, const struct fm_table *rows, unsigned columns,
			 const char *metric, const char *set, struct fm_metrics *out, struct fm_error *err)
{
	struct fm_match_index *x = NULL;
	size_t matched;
	int rc;

	if ((rc = fm_match_index_new(&x, train, columns, err)) != FM_OK)
		return rc;
	if ((rc = fm_match(x, rows, NULL, &matched, err)) == FM_OK)
		rc = add_share(out, metric, set, (double)matched, rows->rows, err);
	fm_match_index_free(x);
	return rc;
}

/* Rows of side[own] that occur there once, in the other side never and among the synthetic rows: each counted once, however
 * often it is emitted, for repeats are no independent evidence and would widen z (seen on real flows: a deviation of 1.3). */
static int unique_of(const struct fm_table *const side[2], int own, const struct fm_match_index *const sides[2],
		     const struct fm_match_index *synthetic, size_t *unique, struct fm_error *err)
{
	size_t n = side[own]->rows, matched;
	uint32_t *times[3] = {NULL};
	const struct fm_match_index *in[3] = {sides[own], sides[!own], synthetic};
	int rc;

	for (int k = 0; k < 3; k++)
		if ((rc = fm_alloc(&times[k], n, sizeof **times, "match counts", err)) != FM_OK ||
		    (rc = fm_match(in[k], side[own], times[k], &matched, err)) != FM_OK)
			goto out;
	*unique = 0;
	for (size_t i = 0; i < n; i++)
		*unique += times[0][i] == 1 && times[1][i] == 0 && times[2][i] > 0;
out:
	for (int k = 0; k < 3; k++)
		free(times[k]);
	return rc;
}

static int unique_matches(const struct fm_table *train, const struct fm_table *holdout,
			  const struct fm_table *synthetic, unsigned columns, const char *set, struct fm_metrics *out,
			  struct fm_error *err)
{
	struct fm_match_index *x[2] = {NULL, NULL}, *xs = NULL;
	const struct fm_table *side[2] = {train, holdout};
	size_t unique[2], n = train->rows;
	int rc;

	if ((rc = fm_match_index_new(&x[0], train, columns, err)) != FM_OK ||
	    (rc = fm_match_index_new(&x[1], holdout, columns, err)) != FM_OK ||
	    (rc = fm_match_index_new(&xs, synthetic, columns, err)) != FM_OK)
		goto out;
	const struct fm_match_index *sides[2] = {x[0], x[1]};
	if ((rc = unique_of(side, 0, sides, xs, &unique[0], err)) != FM_OK ||
	    (rc = unique_of(side, 1, sides, xs, &unique[1], err)) != FM_OK)
		goto out;
	double a = (double)unique[0], b = (double)unique[1];
	if ((rc = add(out, "unique_train", set, a, n, err)) != FM_OK ||
	    (rc = add(out, "unique_holdout", set, b, n, err)) != FM_OK)
		goto out;
	rc = add(out, "unique_z", set, a + b > 0 ? (a - b) / sqrt(a + b) : 0.0, n, err);
out:
	fm_match_index_free(x[0]);
	fm_match_index_free(x[1]);
	fm_match_index_free(xs);
	return rc;
}

static int matches(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
		   struct fm_metrics *out, struct fm_error *err)
{
	unsigned present = train->present & synthetic->present & FM_COLS_UGR16 & (holdout ? holdout->present : ~0u);
	struct fm_table *fewer = NULL;
	int rc = FM_OK;

	if (holdout && train->rows > holdout->rows) {
		if ((rc = fm_table_sample(&fewer, train, holdout->rows, SEED, EQUAL_TRAIN, err)) != FM_OK)
			return rc;
	} else if (holdout && holdout->rows > train->rows) {
		if ((rc = fm_table_sample(&fewer, holdout, train->rows, SEED, EQUAL_HOLDOUT, err)) != FM_OK)
			return rc;
	}
	const struct fm_table *t = holdout && train->rows > holdout->rows ? fewer : train;
	const struct fm_table *h = holdout && holdout->rows > train->rows ? fewer : holdout;

	for (size_t i = 0; i < NSETS; i++) {
		const struct column_set *set = &column_sets[i];
		unsigned columns = present & ~set->without;
		if (columns == 0)
			continue;
		if ((rc = matched_share(train, synthetic, columns, "rows_equal", set->name, out, err)) != FM_OK)
			goto out;
		if (!holdout)
			continue;
		if ((rc = matched_share(train, holdout, columns, "holdout_equal", set->name, out, err)) != FM_OK)
			goto out;
		if ((rc = unique_matches(t, h, synthetic, columns, set->name, out, err)) != FM_OK)
			goto out;
	}
out:
	fm_table_free(fewer);
	return rc;
}

/* ---- distances ---- */

/* Code n rows of t, chosen when there are more. */
static int code_some(const struct fm_gower *g, const struct fm_table *t, size_t n, enum purpose purpose,
		     struct fm_gower_rows *out, struct fm_error *err)
{
	uint32_t *row = NULL;
	int rc;

	if (n == t->rows)
		return fm_gower_code(g, t, NULL, n, out, err);
	if ((rc = fm_alloc(&row, n, sizeof *row, "a choice of rows", err)) != FM_OK)
		return rc;
	fm_rows_choose(SEED, purpose, t->rows, n, row);
	rc = fm_gower_code(g, t, row, n, out, err);
	free(row);
	return rc;
}

static int by_distance(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* The q-quantile of sorted distances, interpolated. */
static double quantile(const int32_t *d, size_t n, double q)
{
	double at = (double)(n - 1) * q, below = floor(at);
	size_t i = (size_t)below, j = i + 1 < n ? i + 1 : i;

	return d[i] + (d[j] - d[i]) * (at - below);
}

static int add_distances(struct fm_metrics *out, const char *of, const char *set, int32_t *d, size_t n, double unit,
			 struct fm_error *err)
{
	char name[32];
	int rc;

	qsort(d, n, sizeof *d, by_distance);
	snprintf(name, sizeof name, "dcr_median_%s", of);
	if ((rc = add(out, name, set, quantile(d, n, 0.5) * unit, n, err)) != FM_OK)
		return rc;
	snprintf(name, sizeof name, "dcr_p5_%s", of);
	return add(out, name, set, quantile(d, n, 0.05) * unit, n, err);
}

static int distances(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
		     const struct column_set *set, struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err)
{
	size_t refs = train->rows < holdout->rows ? train->rows : holdout->rows;
	size_t n = synthetic->rows < FM_LEAKAGE_ROWS ? synthetic->rows : FM_LEAKAGE_ROWS;
	unsigned columns = synthetic->present & holdout->present & ~set->without;
	struct fm_gower_rows t = {0}, h = {0}, s = {0};
	int32_t *dt = NULL, *dh = NULL;
	struct fm_gower *g = NULL;
	double nearer = 0;
	int rc;

	if ((rc = fm_gower_new(&g, train, columns, err)) != FM_OK ||
	    (rc = code_some(g, train, refs, EQUAL_TRAIN, &t, err)) != FM_OK ||
	    (rc = code_some(g, holdout, refs, EQUAL_HOLDOUT, &h, err)) != FM_OK ||
	    (rc = code_some(g, synthetic, n, SYNTHETIC, &s, err)) != FM_OK ||
	    (rc = fm_alloc(&dt, n, sizeof *dt, "distances", err)) != FM_OK ||
	    (rc = fm_alloc(&dh, n, sizeof *dh, "distances", err)) != FM_OK)
		goto out;
	fm_gower_nearest(g, &s, &t, pool, dt);
	fm_gower_nearest(g, &s, &h, pool, dh);
	for (size_t i = 0; i < n; i++)
		nearer += dt[i] < dh[i] ? 1.0 : dt[i] == dh[i] ? 0.5 : 0.0;
	if ((rc = add_share(out, "share_nearer_train", set->name, nearer, n, err)) != FM_OK ||
	    (rc = add_distances(out, "train", set->name, dt, n, fm_gower_unit(g), err)) != FM_OK)
		goto out;
	rc = add_distances(out, "holdout", set->name, dh, n, fm_gower_unit(g), err);
out:
	free(dt);
	free(dh);
	fm_gower_rows_close(&t);
	fm_gower_rows_close(&h);
	fm_gower_rows_close(&s);
	fm_gower_free(g);
	return rc;
}

int fm_leakage(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
	       struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err)
{
	int rc;

	if (train->rows == 0 || synthetic->rows == 0)
		return fm_fail(err, FM_EINPUT, "the %s table has no rows: leakage cannot be judged",
			       train->rows ? "synthetic" : "training");
	if (holdout && holdout->rows == 0)
		holdout = NULL;
	if ((rc = matches(train, holdout, synthetic, out, err)) != FM_OK || !holdout)
		return rc;
	/* Not without time alone: that adds little to the other two, and a search is the dear part. */
	if ((rc = distances(train, holdout, synthetic, &column_sets[0], pool, out, err)) != FM_OK)
		return rc;
	return distances(train, holdout, synthetic, &column_sets[NSETS - 1], pool, out, err);
}
