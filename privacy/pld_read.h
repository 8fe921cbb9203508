/*
 * pld_read.h - the smallest epsilon at which delta is kept, read off a composition whose losses are known on a window
 * of equally spaced points (pld.h); the composition alone, or with one Gaussian beside it that was put on no grid.
 *
 * With a Gaussian whose sensitivity is mu times its deviation
 *
 *     delta(epsilon) = sum over the points x of p(x) delta_mu(epsilon - x),
 *     delta_mu(t) = P(Z > t / mu - mu / 2) - e^t P(Z > t / mu + mu / 2)
 *
 * (Dong, Roth, Su 2022, Corollary 2.13): what the pair leaks at epsilon where the loss of the others is x.  So a
 * count's Gaussian, whose losses are spread over many times the step that 100,000 steps of training need, costs no
 * points.
 */
#ifndef FM_PRIVACY_PLD_READ_H
#define FM_PRIVACY_PLD_READ_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A composition on the points x = origin + i h for low <= i < low + n; n is a power of two.  tilted[i mod n] + off is
 * at least the tilted probability of the loss x, which is e^(theta x - log_mass) times its own. */
struct fm_sums {
	double h, origin;
	double origin_error; /* a bound on the rounding of the origin */
	int64_t low;
	size_t n;
	double *tilted; /* (n), borrowed; overwritten */
	double off, theta, log_mass;
	double log_below; /* log of a bound on the tilted mass of the losses below the window */
};

/* The epsilon, at least 0, for a delta of `spare`; infinity where none keeps to it.  *rounding: about how much of it is
 * that of `off`. */
double fm_sums_epsilon(struct fm_sums *s, double spare, double *rounding);
/* The same with a Gaussian beside them, mu > 0, searched from guess > 0 on; at most 2e-6 of it above the smallest. */
double fm_sums_epsilon_beside(struct fm_sums *s, double mu, double spare, double guess, double *rounding);

#endif
