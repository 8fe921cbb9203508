/*
 * stats.h - the statistics that several rooms need: ranks, areas under curves, quantiles, intervals, the normal
 * distribution.
 *
 * They use the C library's functions and are for judging.  What generates takes its own from detmath.h.
 */
#ifndef FM_BASE_STATS_H
#define FM_BASE_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

/* ---- the normal distribution ---- */

#define FM_Z95 1.959963984540054 /* the 97.5 % quantile: 95 % lie within it */
#define FM_Z95_SHORT 1.96        /* the value that some published numbers were made with: they must not change */
/* The tail of the normal distribution is in privacy/special.h, which has the same bits with any C library. */
double fm_draw_normal(struct fm_rng *r); /* a standard normal (Box and Muller 1958) */

/* ---- intervals of shares, within [0, 1], 95 % ---- */

/* Wilson's for hits of n (Wilson 1927); [0, 1] for n = 0.  hits may end in a half. */
void fm_wilson(double hits, double n, double *lo, double *hi);
/* value and half to both sides; both NaN where either is no number. */
void fm_interval(double value, double half, double *lo, double *hi);
/* How far a share may be from one that showed no variation in n trials: 3 / n, at most 1 (the rule of three, Hanley and
 * Lippman-Hand 1983). */
double fm_rule_of_three(size_t n);

/* ---- quantiles ---- */

void fm_sort_double(double *v, size_t n);
/* The q-quantile of n rising values, interpolated; n > 0. */
double fm_quantile(const double *sorted, size_t n, double q);
/* Its 95 % interval, whose ranks are binomial (David and Nagaraja, Order Statistics, 2003, 7.1). */
void fm_quantile_interval(const double *sorted, size_t n, double q, double *lo, double *hi);

/* ---- areas under curves ---- */

/* The chance that a positive scores above a negative, ties counted half, and its variance over samples (DeLong, DeLong
 * and Clarke-Pearson, Biometrics 44, 1988, by midranks). */
struct fm_auc {
	double value, variance; /* value: NaN without a positive or a negative; variance: NaN with fewer than two */
	size_t positives, negatives;
};
/* Rows independent of each other; positive[i]: what row i is. */
int fm_auc(struct fm_auc *a, const float *score, const int *positive, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* Rows of one cluster may depend on each other, rows of two clusters may not (Obuchowski 1997): positives score[0..n),
 * negatives score[n..n+m), with the cluster of each row of either side in cluster[side] (numbered side by side); NULL:
 * each row is a cluster.  variance is there from one row of either side on. */
int fm_auc_clustered(struct fm_auc *a, const double *score, size_t n, size_t m, const uint32_t *const cluster[2],
		     struct fm_error *err) FM_MUST_CHECK;

/* ---- ranks ---- */

/* Ranks 1 .. n of x, ties at the mean of theirs. */
int fm_midranks(const double *x, size_t n, double *rank, struct fm_error *err) FM_MUST_CHECK;

/* Spearman's rho with ties and Kendall's tau-b (n up to some thousands: every pair is looked at), -1 .. 1.  Where a
 * sample is constant there is no order to keep: 1 when a equals b throughout, else 0; n < 2 is NaN. */
int fm_spearman(const double *a, const double *b, size_t n, double *rho, struct fm_error *err) FM_MUST_CHECK;
double fm_kendall(const double *a, const double *b, size_t n);

#endif
