/*
 * mixture.h - a variational Gaussian mixture of one column with a Dirichlet process prior (Blei, Jordan 2006; Bishop,
 * Pattern Recognition and Machine Learning, 2006, 10.2), from which CTGAN takes the modes of a continuous column (Xu et
 * al. 2019, 4.2).
 *
 * The priors are those of the reference: 10 components, concentration 0.001, mean and variance of the column with one
 * observation's weight, at most 100 rounds, ending when the bound changes by less than 0.001.  Modes of weight 0.005
 * and less are not used.  It starts from k-means.  Equal values are counted once, so that a round costs the number of
 * distinct values.  The same bits everywhere: no libm, one chain of sums.
 */
#ifndef FM_MODEL_CTGAN_MIXTURE_H
#define FM_MODEL_CTGAN_MIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FM_MODES_MOST 10
#define FM_MODE_WEIGHT 0.005

/* A value and how many rows have it. */
struct fm_mixture_value {
	double x;
	double rows;
};

/* All components, in the order of the fit; used[]: those of a weight above FM_MODE_WEIGHT. */
struct fm_mixture {
	int n;
	double weight[FM_MODES_MOST], mean[FM_MODES_MOST], sd[FM_MODES_MOST];
	/* The expected logs of the weight and of the factor of the density, for the posterior of a value. */
	double bias[FM_MODES_MOST];
	int rounds;
};

/* Distinct finite values in rising order.  seed: of the start of k-means.  start (n), unless NULL: receives the
 * component in which k-means put each value.  FM_EINPUT without a value. */
int fm_mixture_fit(struct fm_mixture *m, const struct fm_mixture_value *v, size_t n, uint64_t seed, uint8_t *start,
		   struct fm_error *err) FM_MUST_CHECK;
/* p (m->n): the probability of each component given x; the sum is 1. */
void fm_mixture_posterior(const struct fm_mixture *m, double x, double *p);
/* Keep only the components in use, with weights that sum to 1. */
void fm_mixture_prune(struct fm_mixture *m);

/* The digamma function and the log of gamma, x > 0, to 1e-12. */
double fm_det_digamma(double x);
double fm_det_lgamma(double x);

#endif
