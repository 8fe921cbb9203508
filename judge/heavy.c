#include "judge/heavy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "base/stats.h"
#include "judge/column.h"

enum { KEYS = 4, TOPS = 2, RANKED = 100, OVERLAP = 20, PORTS = 65536 };
static const struct {
	const char *name;
	enum fm_col c;
} keys[KEYS] = {{"SA", FM_SA}, {"DA", FM_DA}, {"SP", FM_SP}, {"DP", FM_DP}};
static const size_t tops[TOPS] = {10, 100};

/* Shares of one column of one table. */
struct shares {
	double flows[TOPS], bytes[TOPS];
};
struct work {
	const struct fm_table *t[2]; /* real, synthetic */
	struct shares shares[KEYS][2];
	double overlap[KEYS], rank[KEYS];
	int rc[KEYS];
	struct fm_error err[KEYS];
	double gap; /* sum of the gaps of the shares */
	size_t gaps;
};

static int compare_falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

/* The shares of the largest weights (tops) in the sum of n; 0 when the sum is 0. */
static void top_shares(double *weight, size_t n, double share[TOPS])
{
	double sum = 0, all = 0;

	qsort(weight, n, sizeof *weight, compare_falling);
	for (size_t i = 0; i < n; i++)
		all += weight[i];
	for (size_t i = 0, k = 0; k < TOPS; k++) {
		for (; i < n && i < tops[k]; i++)
			sum += weight[i];
		share[k] = all > 0 ? fmin(1.0, sum / all) : 0.0;
	}
}

static int count_shares(const struct fm_table *t, enum fm_col c, struct shares *s, struct fm_error *err)
{
	double *flows = NULL, *bytes;
	uint64_t *key = NULL;
	uint32_t *row = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_column_keys(t, t, c, &key, err)) < 0 ||
	    (rc = fm_alloc(&row, t->rows, sizeof *row, "an order of rows", err)) < 0 ||
	    (rc = fm_alloc(&flows, 2 * t->rows, sizeof *flows, "shares", err)) < 0)
		goto out;
	bytes = flows + t->rows;
	for (size_t i = 0; i < t->rows; i++)
		row[i] = (uint32_t)i;
	if ((rc = fm_sort_u64(key, row, t->rows, err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++) {
		n += i > 0 && key[i] != key[i - 1];
		flows[n]++;
		bytes[n] += FM_HAS(t, FM_BYT) ? (double)t->byt[row[i]] : 0.0;
	}
	top_shares(flows, n + 1, s->flows);
	top_shares(bytes, n + 1, s->bytes);
out:
	free(key);
	free(row);
	free(flows);
	return rc;
}

/* ---- ports ---- */

/* The most frequent ports of count (PORTS), at most `most`; returns how many there are. */
static size_t most_frequent(const double *count, size_t most, uint32_t *port)
{
	size_t n = 0;

	for (uint32_t p = 0; p < PORTS; p++) {
		size_t at = n;
		if (count[p] <= 0 || (n == most && count[p] <= count[port[n - 1]]))
			continue;
		n += n < most;
		for (at = n - 1; at > 0 && count[port[at - 1]] < count[p]; at--)
			port[at] = port[at - 1];
		port[at] = p;
	}
	return n;
}

static int compare_ports(const struct fm_table *const t[2], enum fm_col c, double *overlap, double *rank,
			 struct fm_error *err)
{
	uint32_t top[2][RANKED];
	double *count[2] = {NULL}, a[RANKED], b[RANKED];
	size_t n[2], both = 0;
	int rc;

	if ((rc = fm_alloc(&count[0], 2 * PORTS, sizeof **count, "port counts", err)) < 0)
		return rc;
	count[1] = count[0] + PORTS;
	for (int k = 0; k < 2; k++) {
		const uint16_t *v = t[k]->col[c];
		for (size_t i = 0; i < t[k]->rows; i++)
			count[k][v[i]]++;
		n[k] = most_frequent(count[k], RANKED, top[k]);
	}
	size_t few = n[0] < OVERLAP ? n[0] : OVERLAP, theirs = n[1] < OVERLAP ? n[1] : OVERLAP;
	for (size_t i = 0; i < few; i++)
		for (size_t j = 0; j < theirs; j++)
			both += top[0][i] == top[1][j];
	*overlap = (double)both / (double)few;
	for (size_t i = 0; i < n[0]; i++) {
		a[i] = count[0][top[0][i]] / (double)t[0]->rows;
		b[i] = count[1][top[0][i]] / (double)t[1]->rows;
	}
	/* A single port has no order. */
	rc = fm_spearman(a, b, n[0], rank, err);
	if (n[0] == 1)
		*rank = b[0] > 0;
	free(count[0]);
	return rc;
}

static void count_all(void *ctx, int k, int thread)
{
	struct work *w = ctx;
	enum fm_col c = keys[k].c;

	(void)thread;
	if (!FM_HAS(w->t[0], c) || !FM_HAS(w->t[1], c))
		return;
	for (int s = 0; s < 2; s++)
		if ((w->rc[k] = count_shares(w->t[s], c, &w->shares[k][s], &w->err[k])) < 0)
			return;
	if (fm_cols[c].kind == FM_KIND_PORT)
		w->rc[k] = compare_ports(w->t, c, &w->overlap[k], &w->rank[k], &w->err[k]);
}

/* ---- reporting ---- */

static int add(struct fm_metrics *out, const char *prefix, const char *key, const char *what, double v, size_t n,
	       struct fm_error *err)
{
	char name[96];

	snprintf(name, sizeof name, "%sheavy.%s%s", prefix, key, what);
	return fm_metrics_add(out, name, v, (int64_t)n, err);
}

static int report_shares(struct work *w, int k, const char *of, const char *prefix, struct fm_metrics *out,
			 struct fm_error *err)
{
	static const char *const side[2] = {"real", "synthetic"};
	int bytes = of[0] == 'b', rc;
	double v[2];
	char what[48];

	for (int top = 0; top < TOPS; top++) {
		for (int s = 0; s < 2; s++) {
			v[s] = bytes ? w->shares[k][s].bytes[top] : w->shares[k][s].flows[top];
			snprintf(what, sizeof what, "_%s_top%zu_%s", of, tops[top], side[s]);
			if ((rc = add(out, prefix, keys[k].name, what, v[s], w->t[s]->rows, err)) < 0)
				return rc;
		}
		w->gap += fabs(v[0] - v[1]);
		w->gaps++;
	}
	return FM_OK;
}

int fm_heavy(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	     struct fm_metrics *out, struct fm_error *err)
{
	unsigned present = real->present & synthetic->present;
	struct work *w = NULL;
	size_t n = synthetic->rows;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "heavy hitters", err)) < 0)
		return rc;
	w->t[0] = real;
	w->t[1] = synthetic;
	fm_pool_run(pool, KEYS, count_all, w);
	for (int k = 0; k < KEYS; k++) {
		if (w->rc[k] < 0) {
			rc = fm_fail(err, w->rc[k], "%s", w->err[k].message);
			goto out;
		}
		if (!(present >> keys[k].c & 1u))
			continue;
		if ((rc = report_shares(w, k, "flows", prefix, out, err)) < 0)
			goto out;
		if (present >> FM_BYT & 1u && (rc = report_shares(w, k, "bytes", prefix, out, err)) < 0)
			goto out;
		if (fm_cols[keys[k].c].kind != FM_KIND_PORT)
			continue;
		if ((rc = add(out, prefix, keys[k].name, "_overlap20", w->overlap[k], n, err)) < 0 ||
		    (rc = add(out, prefix, keys[k].name, "_rank100", w->rank[k], n, err)) < 0)
			goto out;
	}
	if (w->gaps)
		rc = add(out, prefix, "share_gap", "", w->gap / (double)w->gaps, n, err);
out:
	free(w);
	return rc;
}
