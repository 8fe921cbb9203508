/*
 * tables.h - what is measured of the encoded records: every attribute by itself and chosen pairs, with noise; and the
 * estimates made from the answers.
 *
 * Estimates.  The one-way table of an attribute is the mean, weighted by inverse variances, of its own answer and of
 * the sums over its pairs (Qardaji, Yang, Li 2014), made non-negative by subtracting the same amount everywhere and
 * cutting at zero (norm-sub: Wang et al., NDSS 2020, section 4.4).  A pair's cell is shrunk towards what the pairs with
 * `kind` imply when the two attributes depend on each other through the kind alone,
 *
 *     prior(x, y) = sum_k m(k) p(x | k) p(y | k),   est = prior + w (noisy - prior),   w = t^2 / (t^2 + sigma^2),
 *
 * with t = FM_PRIOR_SD * prior (the empirical Bayes estimate of a normal mean), or is the noisy answer where that
 * stands more than FM_STANDS_OUT sigma above the prior.  The prior of a pair with kind is that of a coarser kind. Last,
 * rows and columns are scaled to the one-way tables in turn (Deming, Stephan 1940), which keeps what is zero zero.
 */
#ifndef FM_MODEL_MARGINALS_TABLES_H
#define FM_MODEL_MARGINALS_TABLES_H

#include "model/marginals/domains.h"

#define FM_PRIOR_SD 0.5
#define FM_STANDS_OUT 3.5
#define FM_TABLES_MAX 96

struct fm_table2 {
	enum fm_attr x, y;
	double weight, sigma;
	double *cell; /* (size[x], size[y]): noisy, then estimated */
};
struct fm_tables {
	int size[FM_NATTRS];
	double *one[FM_NATTRS]; /* (size[a]) */
	double one_sigma;
	int npairs;
	struct fm_table2 pair[FM_TABLES_MAX];
	double total;
};

double fm_tables_weight(void); /* as fm_domain_weight, for fm_tables_measure */
/* tok: (FM_NATTRS, n) columns. */
int fm_tables_measure(struct fm_tables *t, const struct fm_domains *d, const uint32_t *tok, size_t n, double scale,
		      struct fm_counts *counts, struct fm_error *err) FM_MUST_CHECK;
int fm_tables_estimate(struct fm_tables *t, const struct fm_domains *d, struct fm_error *err) FM_MUST_CHECK;
/* The pair of two attributes in either order, or NULL. */
const struct fm_table2 *fm_tables_find(const struct fm_tables *t, enum fm_attr x, enum fm_attr y);
/* prior(x, y) as above, (size[x], size[y]): from the estimated pairs with kind. */
void fm_tables_prior(const struct fm_tables *t, enum fm_attr x, enum fm_attr y, double *prior);
void fm_tables_free(struct fm_tables *t);
/* Make v >= 0 with sum `total`: subtract one amount from all, and cut at zero. */
int fm_norm_sub(double *v, size_t n, double total, struct fm_error *err) FM_MUST_CHECK;

#endif
