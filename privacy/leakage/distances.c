/* distances.c - synthetic rows near real ones: nearer to training than to the holdout, or attached to one lonely
 * record. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/stats.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/leakage_parts.h"
#include "privacy/leakage/nearest.h"

#define SIZES (1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT)

static const struct group {
	const char *name;
	unsigned columns;
	double attached_share; /* share of the family's error budget */
} groups[] = {
    {"", ~0u, 0},
    {"_no_addr_time", ~(1u << FM_TE | 1u << FM_SA | 1u << FM_DA), FM_LEAK_SHARE_ATTACHED},
    {"_sizes", SIZES, FM_LEAK_SHARE_ATTACHED},
};
enum { NGROUPS = sizeof groups / sizeof *groups };

/* The q-quantile of n rising values, with its interval. */
static int add_quantile(struct fm_leak *l, const char *name, const char *group, const double *v, size_t n, double q,
			struct fm_error *err)
{
	double lo, hi;

	fm_quantile_interval(v, n, q, &lo, &hi);
	return fm_leak_add_ci(l, name, group, (struct fm_estimate){fm_quantile(v, n, q), n, lo, hi}, err);
}

/* What a search by Gower's distance found for n synthetic rows on either side. */
struct closest {
	int32_t *d[2];
	uint32_t *row[2];
	double unit;
};

/* c: distances to training (side 0) and to holdout rows; work (n). */
static int add_closest(struct fm_leak *l, const struct closest *c, int side, const char *group, size_t n, double *work,
		       struct fm_error *err)
{
	const char *name = side ? "holdout" : "train";
	char full[32];
	int rc;

	for (size_t i = 0; i < n; i++)
		work[i] = c->d[side][i] * c->unit;
	fm_sort_double(work, n);
	snprintf(full, sizeof full, "dcr_median_%s", name);
	if ((rc = add_quantile(l, full, group, work, n, 0.5, err)) < 0)
		return rc;
	snprintf(full, sizeof full, "dcr_p5_%s", name);
	return add_quantile(l, full, group, work, n, 0.05, err);
}

/* The share nearer to training, from the weights of rows won by either side and of even ones, with an interval that
 * lets the rows of a cluster depend on each other (one sum of residuals per cluster) and is no narrower than Wilson's.
 * winner[i]: the cluster that won row i, or one of the values below. */
#define EVEN UINT32_MAX
#define MANY_TRAIN (UINT32_MAX - 1) /* several rows of training are nearest: no single cluster has won */
#define MANY_HOLDOUT (UINT32_MAX - 2)
static int add_share(struct fm_leak *l, const char *group, const uint32_t *winner, size_t n, const double weight[2],
		     struct fm_error *err)
{
	double all = 0, nearer = 0, variance = 0, lo, hi, *sum = NULL;
	int rc;

	if ((rc = fm_alloc(&sum, l->clusters->n + 1, sizeof *sum, "residuals", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		int even = winner[i] == EVEN, train = winner[i] == MANY_TRAIN || winner[i] < l->clusters->train;
		all += even ? 1 : weight[!train];
		nearer += even ? 0.5 : train ? weight[0] : 0;
	}
	double share = nearer / all;
	for (size_t i = 0; i < n; i++) {
		int even = winner[i] == EVEN, train = winner[i] == MANY_TRAIN || winner[i] < l->clusters->train;
		double residual = even ? 0.5 - share : weight[!train] * (train - share);
		if (winner[i] < l->clusters->n)
			sum[winner[i]] += residual;
		else
			variance += residual * residual;
	}
	/* The number of clusters of either side is fixed: only the differences of clusters from the mean of their side
	 * vary. */
	for (int k = 0; k < 2; k++) {
		size_t first = k ? l->clusters->train : 0, end = k ? l->clusters->n : l->clusters->train,
		       clusters = end - first;
		double mean = 0;
		for (size_t b = first; b < end; b++)
			mean += sum[b] / (double)clusters;
		for (size_t b = first; b < end && clusters > 1; b++)
			variance += (sum[b] - mean) * (sum[b] - mean) * (double)clusters / (double)(clusters - 1);
	}
	double half = FM_Z95 * sqrt(variance) / all;
	fm_wilson(share * (double)n, (double)n, &lo, &hi);
	rc = fm_leak_add_ci(
	    l, "share_nearer_train", group,
	    (struct fm_estimate){share, n, fmax(0, fmin(lo, share - half)), fmin(1, fmax(hi, share + half))}, err);
	free(sum);
	return rc;
}

/* The results of the distances to both sides (n).  The nearest real row gets the vote, where there is only one. */
static int share_nearer(struct fm_leak *l, const char *group, int32_t *const d[2], uint32_t *const row[2], size_t n,
			struct fm_error *err)
{
	int equal = l->train->rows == l->holdout->rows, rc;
	double odds = sqrt(l->clusters->pi / (1 - l->clusters->pi)), weight[2] = {1 / odds, odds};
	uint32_t *votes = NULL, *winner = NULL;
	struct fm_cluster_test test;

	if ((rc = fm_alloc(&votes, l->clusters->n + 1, sizeof *votes, "votes", err)) < 0 ||
	    (rc = fm_alloc(&winner, n + 1, sizeof *winner, "votes", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		int side = d[1][i] < d[0][i], apart = d[0][i] != d[1][i], one = apart && row[side][i] != FM_GOWER_TIED;
		winner[i] = EVEN;
		if (one)
			votes[winner[i] = fm_cluster_of(l->clusters, side, row[side][i])]++;
		else if (equal && apart)
			winner[i] = side ? MANY_HOLDOUT : MANY_TRAIN;
	}
	if ((rc = fm_cluster_test(l->clusters, votes, FM_LEAK_CLUSTERS, FM_LEAK_GRANTED, &test, err)) < 0 ||
	    (rc = fm_leak_test(l, "nearer", group, &test, FM_LEAK_SHARE_NEARER, err)) < 0)
		goto out;
	rc = add_share(l, group, winner, n, weight, err);
out:
	free(votes);
	free(winner);
	return rc;
}

static void closest_close(struct closest *c)
{
	for (int k = 0; k < 2; k++) {
		free(c->d[k]);
		free(c->row[k]);
	}
}

/* Search by Gower's distance.  both: ranks among the rows of both sides, copies left out; else among training's rows,
 * where all rows count. */
static int closest_open(struct closest *c, struct fm_leak *l, const struct group *group, int both,
			const uint32_t *chosen, size_t n, struct fm_error *err)
{
	unsigned columns = l->synthetic->present & l->holdout->present & group->columns;
	const struct fm_table *side[2] = {l->train, l->holdout};
	struct fm_gower_rows from = {0};
	struct fm_gower *g = NULL;
	char name[FM_DIVISION_NAME];
	int rc;

	*c = (struct closest){0};
	if ((rc = fm_gower_new(&g, l->train, both ? l->holdout : NULL, columns, err)) < 0 ||
	    (rc = fm_gower_code(g, &(struct fm_choice){l->synthetic, chosen, 0, n}, &from, err)) < 0)
		goto out;
	c->unit = fm_gower_unit(g);
	for (int k = 0; k < 2; k++) {
		struct fm_gower_among among = {.t = side[k], .kept = both ? fm_leak_kept(l, k) : NULL};
		snprintf(name, sizeof name, "%s%s/%d", both ? "vote" : "closest", group->name, k);
		if ((rc = fm_alloc(&c->d[k], n + 1, sizeof **c->d, "distances", err)) < 0 ||
		    (rc = fm_alloc(&c->row[k], n + 1, sizeof **c->row, "distances", err)) < 0 ||
		    (rc = fm_leak_closest(l, name, g, &from, &among, &(struct fm_leak_found){c->d[k], c->row[k]},
					  err)) < 0)
			goto out;
	}
out:
	fm_gower_rows_close(&from);
	fm_gower_free(g);
	return rc;
}

/* The vote of the chosen synthetic rows (n). */
static int vote(struct fm_leak *l, const struct group *group, const uint32_t *chosen, size_t n, struct fm_error *err)
{
	struct closest c;
	int rc;

	if ((rc = closest_open(&c, l, group, 1, chosen, n, err)) < 0 || fm_division_makes(l->division))
		goto out;
	rc = share_nearer(l, group->name, c.d, c.row, n, err);
out:
	closest_close(&c);
	return rc;
}

/* The distances themselves, for fewer rows, as the reference scorer computes them. */
static int closest(struct fm_leak *l, const struct group *group, const uint32_t *chosen, size_t n, struct fm_error *err)
{
	struct closest c;
	double *work = NULL;
	int rc;

	if ((rc = closest_open(&c, l, group, 0, chosen, n, err)) < 0 || fm_division_makes(l->division) ||
	    (rc = fm_alloc(&work, n + 1, sizeof *work, "distances", err)) < 0 ||
	    (rc = add_closest(l, &c, 0, group->name, n, work, err)) < 0)
		goto out;
	rc = add_closest(l, &c, 1, group->name, n, work, err);
out:
	free(work);
	closest_close(&c);
	return rc;
}

/* ---- the two nearest of each side, Euclidean ---- */

struct pairs {
	uint32_t *row[2]; /* (n, 2) rows of training and of the holdout */
	double *d2[2];
};

static double ratio(const double d2[2])
{
	if (!isfinite(d2[1]))
		return 1; /* no second row to stand out from */
	return d2[1] > 0 ? sqrt(d2[0] / d2[1]) : 1;
}

static int add_ratios(struct fm_leak *l, const char *name, const char *group, const double *d2, size_t n, double *work,
		      struct fm_error *err)
{
	char full[32];
	int rc;

	for (size_t i = 0; i < n; i++)
		work[i] = ratio(d2 + 2 * i);
	fm_sort_double(work, n);
	snprintf(full, sizeof full, "nndr_p5_%s", name);
	if ((rc = add_quantile(l, full, group, work, n, 0.05, err)) < 0)
		return rc;
	snprintf(full, sizeof full, "nndr_median_%s", name);
	return add_quantile(l, full, group, work, n, 0.5, err);
}

/* The nearest and second nearest over both sides: their distances, and *side and *row of the nearest. */
static void merge(const struct pairs *p, size_t i, double d2[2], int *side, uint32_t *row)
{
	const double *t = p->d2[0] + 2 * i, *h = p->d2[1] + 2 * i;

	*side = h[0] < t[0];
	*row = p->row[*side][2 * i];
	d2[0] = *side ? h[0] : t[0];
	d2[1] = *side ? fmin(t[0], h[1]) : fmin(h[0], t[1]);
}

/* Records that a synthetic row is close to though all other real rows are far: among the FM_LEAK_FAR share of the
 * synthetic rows whose second nearest real row is farthest, those closer to the nearest one than FM_LEAK_NEAR of that
 * distance. */
static int attached(struct fm_leak *l, const struct group *group, const struct pairs *p, size_t n, double *work,
		    struct fm_error *err)
{
	struct fm_cluster_test test;
	uint32_t *votes = NULL, row;
	uint64_t *place = NULL;
	double d2[2];
	size_t found = 0;
	int side, rc;

	if ((rc = fm_alloc(&votes, l->clusters->n + 1, sizeof *votes, "votes", err)) < 0 ||
	    (rc = fm_alloc(&place, n, sizeof *place, "records", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		merge(p, i, d2, &side, &row);
		work[i] = d2[1];
	}
	fm_sort_double(work, n);
	double far = fm_quantile(work, n, 1 - FM_LEAK_FAR);
	for (size_t i = 0; i < n; i++) {
		merge(p, i, d2, &side, &row);
		if (d2[1] > 0 && isfinite(d2[1]) && d2[1] >= far && d2[0] <= d2[1] * FM_LEAK_NEAR * FM_LEAK_NEAR)
			place[found++] = (uint64_t)side << 32 | row;
	}
	qsort(place, found, sizeof *place, fm_compare_u64);
	for (size_t i = 0; i < found; i++)
		if (i == 0 || place[i] != place[i - 1]) /* once, no matter how often it is emitted */
			votes[fm_cluster_of(l->clusters, (int)(place[i] >> 32), (uint32_t)place[i])]++;
	if ((rc = fm_cluster_test(l->clusters, votes, FM_LEAK_PAIRS, 0.5, &test, err)) < 0 ||
	    (rc = fm_leak_test(l, "attached", group->name, &test, group->attached_share, err)) < 0 ||
	    (rc = fm_leak_count(l, "attached_train", group->name, test.train, n, err)) < 0)
		goto out;
	rc = fm_leak_count(l, "attached_holdout", group->name, test.holdout, n, err);
out:
	free(votes);
	free(place);
	return rc;
}

/* The two nearest rows of a side to each query: row[side], d2[side] (m, 2), freed by the caller. */
static int search(struct fm_leak *l, const struct group *group, int side, const struct fm_features *f,
		  const struct fm_queries *asked, struct pairs *p, struct fm_error *err)
{
	uint32_t **row = &p->row[side];
	double **d2 = &p->d2[side];
	char name[FM_DIVISION_NAME];
	int rc;

	snprintf(name, sizeof name, "two%s/%d", group->name, side);
	if ((rc = fm_alloc(row, 2 * asked->m + 1, sizeof **row, "neighbours", err)) < 0 ||
	    (rc = fm_alloc(d2, 2 * asked->m + 1, sizeof **d2, "neighbours", err)) < 0)
		return rc;
	return fm_leak_search(l, name, &(struct fm_searched){f, side ? l->holdout : l->train, fm_leak_kept(l, side)},
			      asked, *row, *d2, err);
}

static int euclidean(struct fm_leak *l, const struct group *group, const uint32_t *chosen, size_t n,
		     struct fm_error *err)
{
	struct fm_features f;
	struct pairs p = {{NULL, NULL}, {NULL, NULL}};
	struct fm_queries asked = {.m = n, .k = 2, .pool = l->pool};
	double *work = NULL;
	float *q = NULL;
	int rc;

	fm_features_fit(&f, l->train, group->columns & l->synthetic->present & l->holdout->present);
	if ((rc = fm_features_code(&f, &(struct fm_choice){l->synthetic, chosen, 0, n}, &q, err)) < 0 ||
	    (rc = fm_alloc(&work, n, sizeof *work, "distances", err)) < 0)
		goto out;
	asked.q = q;
	for (int k = 0; k < 2; k++)
		if ((rc = search(l, group, k, &f, &asked, &p, err)) < 0)
			goto out;
	if (fm_division_makes(l->division) || (rc = add_ratios(l, "train", group->name, p.d2[0], n, work, err)) < 0 ||
	    (rc = add_ratios(l, "holdout", group->name, p.d2[1], n, work, err)) < 0)
		goto out;
	rc = attached(l, group, &p, n, work, err);
out:
	for (int k = 0; k < 2; k++) {
		free(p.row[k]);
		free(p.d2[k]);
	}
	free(work);
	free(q);
	return rc;
}

int fm_leak_distances(struct fm_leak *l, struct fm_error *err)
{
	unsigned common = l->train->present & l->synthetic->present & l->holdout->present & FM_COLS_UGR16;
	uint32_t *chosen = NULL, *fewer = NULL;
	size_t n, nfewer;
	int rc;

	if ((rc = fm_leak_choose(l->synthetic, NULL, FM_LEAKAGE_ROWS, FM_LEAK_SYNTHETIC, &chosen, &n, err)) < 0 ||
	    (rc = fm_leak_choose(l->synthetic, NULL, FM_LEAKAGE_CLOSEST, FM_LEAK_SYNTHETIC, &fewer, &nfewer, err)) < 0)
		goto out;
	for (int g = 0; g < NGROUPS; g++) {
		if (!(common & groups[g].columns))
			continue;
		if ((rc = vote(l, &groups[g], chosen, n, err)) < 0 ||
		    (!l->tests_alone && (rc = closest(l, &groups[g], fewer, nfewer, err)) < 0) ||
		    (rc = euclidean(l, &groups[g], chosen, n, err)) < 0)
			goto out;
	}
out:
	free(chosen);
	free(fewer);
	return rc;
}
