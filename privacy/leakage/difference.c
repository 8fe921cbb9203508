#include "privacy/leakage/difference.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/stats.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/leakage_parts.h"
#include "privacy/leakage/match.h"

#define ADDR_TIME (1u << FM_TE | 1u << FM_SA | 1u << FM_DA)
static const struct set {
	const char *name;
	unsigned columns;
} match_sets[] = {{"", ~0u}, {"_no_time", ~(1u << FM_TE)}, {"_no_addr_time", ~ADDR_TIME}},
  distance_sets[] = {{"", ~0u}, {"_no_addr_time", ~ADDR_TIME}, {"_sizes", 1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT}};

static int equal_rows(struct fm_leak *l, const struct fm_table *previous, const struct set *set, unsigned columns,
		      struct fm_error *err)
{
	struct fm_match m = {.train = previous, .synthetic = l->synthetic, .columns = columns, .memory = l->memory};
	int rc;

	if ((rc = fm_match(&m, err)) < 0)
		return rc;
	return fm_leak_share(l, "release_equal", set->name, (double)m.synthetic_equal, l->synthetic->rows, 1, err);
}

/* Squared distances of the queries to the nearest row of t: *d2 (m), freed by the caller. */
static int nearest(const struct fm_features *f, const struct fm_table *t, const struct fm_queries *asked, double **d2,
		   struct fm_error *err)
{
	uint32_t *row = NULL;
	int rc;

	if ((rc = fm_alloc(d2, asked->m + 1, sizeof **d2, "distances", err)) < 0 ||
	    (rc = fm_alloc(&row, asked->m + 1, sizeof *row, "distances", err)) < 0)
		return rc;
	rc = fm_leak_nearest(&(struct fm_searched){f, t, NULL}, asked, row, *d2, err);
	free(row);
	return rc;
}

static int add_median(struct fm_leak *l, const char *name, const char *set, double *d2, size_t n, struct fm_error *err)
{
	fm_sort_double(d2, n);
	double median = fm_quantile(d2, n, 0.5);
	return fm_leak_add(l, name, set, isfinite(median) ? sqrt(median) : NAN, n, err);
}

static int distances(struct fm_leak *l, const struct fm_table *previous, const struct set *set, unsigned columns,
		     const uint32_t *chosen, size_t n, struct fm_error *err)
{
	const struct fm_clusters *b = l->clusters;
	double *before = NULL, *own = NULL, nearer = 0;
	struct fm_span *skip = NULL;
	struct fm_features f;
	float *q = NULL;
	int rc;

	fm_features_fit(&f, l->synthetic, columns);
	if ((rc = fm_features_code(&f, &(struct fm_choice){l->synthetic, chosen, 0, n}, &q, err)) < 0 ||
	    (rc = fm_alloc(&skip, n + 1, sizeof *skip, "distances", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		skip[i] =
		    b->n > 1 ? b->rows[fm_cluster_of(b, 0, chosen[i])] : (struct fm_span){chosen[i], chosen[i] + 1};
	if ((rc = nearest(&f, previous, &(struct fm_queries){q, n, 1, NULL, l->pool}, &before, err)) < 0 ||
	    (rc = nearest(&f, l->synthetic, &(struct fm_queries){q, n, 1, skip, l->pool}, &own, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		nearer += before[i] < own[i] ? 1.0 : before[i] == own[i] ? 0.5 : 0.0;
	if ((rc = fm_leak_share(l, "release_share_nearer", set->name, nearer, n, 1, err)) < 0 ||
	    (rc = add_median(l, "release_dcr_median", set->name, before, n, err)) < 0)
		goto out;
	rc = add_median(l, "release_own_median", set->name, own, n, err);
out:
	free(before);
	free(own);
	free(skip);
	free(q);
	return rc;
}

int fm_leak_difference(const struct fm_table *previous, const struct fm_table *current, struct fm_pool *pool,
		       size_t memory, struct fm_metrics *out, struct fm_error *err)
{
	unsigned common = previous->present & current->present & FM_COLS_UGR16;
	struct fm_leak l = {.synthetic = current, .pool = pool, .out = out, .memory = memory};
	struct fm_clusters *clusters = NULL;
	uint32_t *chosen = NULL;
	size_t n;
	int rc;

	if (previous->rows == 0 || current->rows == 0)
		return fm_fail(err, FM_EINPUT, "the %s release has no rows: the two cannot be compared",
			       previous->rows ? "current" : "previous");
	if ((rc = fm_clusters_new(&clusters, current, NULL, NULL, err)) < 0 ||
	    (rc = fm_leak_choose(current, NULL, FM_LEAKAGE_ROWS, FM_LEAK_SYNTHETIC, &chosen, &n, err)) < 0)
		goto out;
	l.clusters = clusters;
	for (size_t k = 0; k < sizeof match_sets / sizeof *match_sets; k++) {
		unsigned columns = common & match_sets[k].columns;
		if (columns && (rc = equal_rows(&l, previous, &match_sets[k], columns, err)) < 0)
			goto out;
	}
	for (size_t k = 0; k < sizeof distance_sets / sizeof *distance_sets; k++) {
		unsigned columns = common & distance_sets[k].columns;
		if (columns && (rc = distances(&l, previous, &distance_sets[k], columns, chosen, n, err)) < 0)
			goto out;
	}
out:
	free(chosen);
	fm_clusters_free(clusters);
	return rc;
}
