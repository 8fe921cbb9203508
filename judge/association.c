#include "judge/association.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "judge/column.h"
#include "judge/divergence.h"

enum { NSHARED = 10, NPAIRS = NSHARED * (NSHARED - 1) / 2, TOP_PORTS = 20, DECILES = 9 };
static const enum fm_col shared[NSHARED] = {FM_SA, FM_DA, FM_SP, FM_DP, FM_PR, FM_TE, FM_TD, FM_PKT, FM_BYT, FM_LABEL};

struct result {
	double difference, jsd;
	int rc;
	struct fm_error err;
};
struct work {
	const struct fm_table *table[2]; /* real, synthetic */
	uint32_t *category[NSHARED][2];
	struct result column[NSHARED], pair[NPAIRS];
};

/* ---- categories ---- */

static int log2_of(uint64_t v)
{
	return 63 - __builtin_clzll(v);
}

/* Each address as floor(log2(its popularity rank in its own table)). */
static int by_popularity(const struct fm_table *t, enum fm_col c, uint32_t *category, struct fm_error *err)
{
	size_t n = t->rows, k = 0;
	uint64_t *key = NULL, *rarity = NULL;
	uint32_t *row = NULL, *which = NULL, *rank = NULL;
	int rc;

	if ((rc = fm_column_keys(t, t, c, &key, err)) < 0)
		return rc;
	if ((rc = fm_alloc(&row, n, sizeof *row, "an order of rows", err)) < 0 ||
	    (rc = fm_alloc(&rarity, n, sizeof *rarity, "address counts", err)) < 0 ||
	    (rc = fm_alloc(&which, n, sizeof *which, "address ranks", err)) < 0 ||
	    (rc = fm_alloc(&rank, n, sizeof *rank, "address ranks", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		row[i] = (uint32_t)i;
	if ((rc = fm_sort_u64(key, row, n, err)) < 0)
		goto out;
	k = fm_run_counts(key, n, rarity);
	for (size_t i = 0; i < k; i++) {
		rarity[i] =
		    n - rarity[i]; /* most frequent first; the sort is stable, so ties stay in order of address */
		which[i] = (uint32_t)i;
	}
	if ((rc = fm_sort_u64(rarity, which, k, err)) < 0)
		goto out;
	for (size_t i = 0; i < k; i++)
		rank[which[i]] = (uint32_t)i + 1;
	for (size_t i = 0, a = 0; i < n; i++) {
		a += i > 0 && key[i] != key[i - 1];
		category[row[i]] = (uint32_t)log2_of(rank[a]);
	}
out:
	free(key);
	free(rarity);
	free(row);
	free(which);
	free(rank);
	return rc;
}

/* The most frequent ports of real are categories 0 to 19, the others 20 + range. */
static int by_port(const struct fm_table *const table[2], enum fm_col c, uint32_t *category[2], struct fm_error *err)
{
	const uint16_t *x = table[0]->col[c];
	uint32_t *count = NULL;
	uint8_t *top;
	int rc;

	if ((rc = fm_alloc(&count, 65536 + 65536 / 4, sizeof *count, "port counts", err)) < 0)
		return rc;
	top = (uint8_t *)(count + 65536); /* 1 + category of a top port */
	for (size_t i = 0; i < table[0]->rows; i++)
		count[x[i]]++;
	for (int k = 0; k < TOP_PORTS; k++) { /* ties: the lower port first */
		int best = -1;
		for (int port = 0; port < 65536; port++)
			if (count[port] > 0 && !top[port] && (best < 0 || count[port] > count[best]))
				best = port;
		if (best < 0)
			break;
		top[best] = (uint8_t)(k + 1);
	}
	for (int s = 0; s < 2; s++) {
		const uint16_t *port = table[s]->col[c];
		for (size_t i = 0; i < table[s]->rows; i++) {
			uint16_t p = port[i];
			uint32_t range = p < 1024 ? 0 : p < 32768 ? 1 : p < 49152 ? 2 : 3;
			category[s][i] = top[p] ? top[p] - 1u : TOP_PORTS + range;
		}
	}
	free(count);
	return FM_OK;
}

/* The values of real by number; all values that no real row has are one more category. */
static int by_value(const struct fm_table *const table[2], enum fm_col c, uint32_t *category[2], struct fm_error *err)
{
	uint32_t known = (uint32_t)table[0]->dict[c].n;
	uint64_t *x = NULL, *y = NULL;
	uint8_t *seen = NULL;
	int rc;

	if ((rc = fm_column_keys(table[0], table[0], c, &x, err)) < 0 ||
	    (rc = fm_column_keys(table[1], table[0], c, &y, err)) < 0 ||
	    (rc = fm_alloc(&seen, known + 1u, 1, "categories", err)) < 0)
		goto out;
	for (size_t i = 0; i < table[0]->rows; i++) {
		category[0][i] = (uint32_t)x[i];
		seen[x[i]] = 1;
	}
	for (size_t i = 0; i < table[1]->rows; i++)
		category[1][i] = y[i] < known && seen[y[i]] ? (uint32_t)y[i] : known;
out:
	free(x);
	free(y);
	free(seen);
	return rc;
}

/* NumPy's quantile (method "linear") of sorted rows, with its order of operations: an edge at a whole number decides on
 * which side the rows with that number are, as in the reference scorer.  fm_quantile rounds differently. */
static double quantile(const struct fm_table *t, enum fm_col c, const uint32_t *sorted, double q)
{
	double at = (double)(t->rows - 1) * q, below = floor(at), share = at - below;
	size_t i = (size_t)below, j = i + 1 < t->rows ? i + 1 : i;
	double a = fm_column_number(t, c, sorted[i]), b = fm_column_number(t, c, sorted[j]);

	return share >= 0.5 ? b - (b - a) * (1 - share) : a + (b - a) * share;
}

/* The category is the number of real's distinct deciles below the value. */
static int by_decile(const struct fm_table *const table[2], enum fm_col c, uint32_t *category[2], struct fm_error *err)
{
	size_t n = table[0]->rows;
	double edge[DECILES];
	uint64_t *key = NULL;
	uint32_t *row = NULL, nedges = 0;
	int rc;

	if ((rc = fm_column_keys(table[0], table[0], c, &key, err)) < 0 ||
	    (rc = fm_alloc(&row, n, sizeof *row, "an order of rows", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		row[i] = (uint32_t)i;
	if ((rc = fm_sort_u64(key, row, n, err)) < 0)
		goto out;
	for (int k = 1; k <= DECILES; k++) {
		double e = quantile(table[0], c, row, k / 10.0);
		if (nedges == 0 || e > edge[nedges - 1])
			edge[nedges++] = e;
	}
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < table[s]->rows; i++) {
			double v = fm_column_number(table[s], c, i);
			uint32_t k = 0;
			while (k < nedges && edge[k] < v)
				k++;
			category[s][i] = k;
		}
out:
	free(key);
	free(row);
	return rc;
}

static void categorise(void *ctx, int shard, int thread)
{
	struct work *w = ctx;
	enum fm_col c = shared[shard];
	struct result *r = &w->column[shard];
	uint32_t **category = w->category[shard];

	(void)thread;
	for (int s = 0; s < 2; s++) {
		r->rc = fm_alloc(&category[s], w->table[s]->rows, sizeof **category, "categories", &r->err);
		if (r->rc < 0)
			return;
	}
	if (!FM_HAS(w->table[0], c) || !FM_HAS(w->table[1], c))
		return; /* all in category 0 */
	switch (fm_cols[c].kind) {
	case FM_KIND_ADDRESS:
		for (int s = 0; s < 2; s++)
			if ((r->rc = by_popularity(w->table[s], c, category[s], &r->err)) < 0)
				return;
		break;
	case FM_KIND_PORT:
		r->rc = by_port(w->table, c, category, &r->err);
		break;
	case FM_KIND_CATEGORY:
		r->rc = by_value(w->table, c, category, &r->err);
		break;
	default:
		r->rc = by_decile(w->table, c, category, &r->err);
	}
}

/* ---- pairs ---- */

/* Counts of the distinct values of one side of the pairs, and each pair's place among them. */
static int side(const uint64_t *pair, size_t n, int shift, uint32_t *place, uint64_t *count, size_t *k,
		struct fm_error *err)
{
	uint64_t *key = NULL;
	uint32_t *row = NULL;
	int rc;

	if ((rc = fm_alloc(&key, n, sizeof *key, "a contingency table", err)) < 0 ||
	    (rc = fm_alloc(&row, n, sizeof *row, "a contingency table", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		key[i] = (uint32_t)(pair[i] >> shift);
		row[i] = (uint32_t)i;
	}
	if ((rc = fm_sort_u64(key, row, n, err)) < 0)
		goto out;
	*k = fm_run_counts(key, n, count);
	for (size_t i = 0, at = 0; i < n; i++) {
		at += i > 0 && key[i] != key[i - 1];
		place[row[i]] = (uint32_t)at;
	}
out:
	free(key);
	free(row);
	return rc;
}

int fm_cramers_v(const uint64_t *pair, size_t n, double *v, struct fm_error *err)
{
	uint64_t *na = NULL, *nb = NULL;
	uint32_t *pa = NULL, *pb = NULL;
	size_t ka = 0, kb = 0;
	int rc;

	*v = 0.0;
	if (n < 2)
		return FM_OK;
	if ((rc = fm_alloc(&na, n, sizeof *na, "a contingency table", err)) < 0 ||
	    (rc = fm_alloc(&nb, n, sizeof *nb, "a contingency table", err)) < 0 ||
	    (rc = fm_alloc(&pa, n, sizeof *pa, "a contingency table", err)) < 0 ||
	    (rc = fm_alloc(&pb, n, sizeof *pb, "a contingency table", err)) < 0)
		goto out;
	if ((rc = side(pair, n, 32, pa, na, &ka, err)) < 0 || (rc = side(pair, n, 0, pb, nb, &kb, err)) < 0)
		goto out;
	if (ka < 2 || kb < 2)
		goto out;

	/* chi^2 = sum (t - e)^2 / e = sum t^2 / e - n, where only cells that occur add to the sum */
	long double sum = 0;
	for (size_t i = 0; i < n;) {
		size_t i0 = i;
		while (i < n && pair[i] == pair[i0])
			i++;
		double t = (double)(i - i0);
		sum += t * t / ((double)na[pa[i0]] * (double)nb[pb[i0]] / (double)n);
	}
	double rows = (double)n, a = (double)ka - 1, b = (double)kb - 1;
	double phi2 = (double)(sum - (long double)n) / rows - a * b / (rows - 1);
	double least = fmin(a - a * a / (rows - 1), b - b * b / (rows - 1));
	if (least > 0)
		*v = sqrt(fmin(1.0, fmax(0.0, phi2) / least));
out:
	free(na);
	free(nb);
	free(pa);
	free(pb);
	return rc;
}

static void judge_pair(void *ctx, int shard, int thread)
{
	struct work *w = ctx;
	struct result *r = &w->pair[shard];
	uint64_t *pair[2] = {NULL, NULL};
	double v[2] = {0, 0};
	int x = 0, y;

	(void)thread;
	for (y = shard + 1; y >= NSHARED; x++) /* pair number -> (x, y), x < y, row by row */
		y += x + 2 - NSHARED;
	for (int s = 0; s < 2; s++) {
		size_t n = w->table[s]->rows;
		if ((r->rc = fm_alloc(&pair[s], n, sizeof *pair[s], "pairs of categories", &r->err)) < 0)
			goto out;
		for (size_t i = 0; i < n; i++)
			pair[s][i] = (uint64_t)w->category[x][s][i] << 32 | w->category[y][s][i];
		if ((r->rc = fm_sort_u64(pair[s], NULL, n, &r->err)) < 0)
			goto out;
		if ((r->rc = fm_cramers_v(pair[s], n, &v[s], &r->err)) < 0)
			goto out;
	}
	r->difference = fabs(v[0] - v[1]);
	r->jsd = fm_jsd_sorted(pair[0], w->table[0]->rows, pair[1], w->table[1]->rows);
out:
	free(pair[0]);
	free(pair[1]);
}

static int add(struct fm_metrics *out, const char *prefix, const char *name, double v, size_t n, struct fm_error *err)
{
	char full[64];

	snprintf(full, sizeof full, "%s%s", prefix, name);
	return fm_metrics_add(out, full, v, (int64_t)n, err);
}

int fm_association(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool,
		   const char *prefix, struct fm_metrics *out, struct fm_error *err)
{
	double mean = 0, worst = 0, jsd = 0;
	size_t n = synthetic->rows;
	struct work *w = NULL;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "association", err)) < 0)
		return rc;
	w->table[0] = real;
	w->table[1] = synthetic;
	fm_pool_run(pool, NSHARED, categorise, w);
	for (int i = 0; i < NSHARED; i++)
		if (w->column[i].rc < 0) {
			rc = fm_fail(err, w->column[i].rc, "%s", w->column[i].err.message);
			goto out;
		}
	fm_pool_run(pool, NPAIRS, judge_pair, w);
	for (int i = 0; i < NPAIRS; i++) {
		const struct result *r = &w->pair[i];
		if (r->rc < 0) {
			rc = fm_fail(err, r->rc, "%s", r->err.message);
			goto out;
		}
		mean += r->difference;
		jsd += r->jsd;
		worst = fmax(worst, r->difference);
	}
	if ((rc = add(out, prefix, "assoc.mean", mean / NPAIRS, n, err)) < 0 ||
	    (rc = add(out, prefix, "assoc.max", worst, n, err)) < 0)
		goto out;
	rc = add(out, prefix, "pair_jsd", jsd / NPAIRS, n, err);
out:
	for (int i = 0; i < NSHARED; i++) {
		free(w->category[i][0]);
		free(w->category[i][1]);
	}
	free(w);
	return rc;
}
