/*
 * direct.h - adding up the losses of a composition product by product, without a Fourier transform, on points that are
 * closer together the nearer they are to 0.
 *
 * A step with a small sampling rate has almost no loss most of the time and rarely a large one.  On equally spaced
 * points (pld.h) a loss near 0 goes to 0 and to the first point, which widens it, unless that point is so near that
 * millions are needed to reach the rare losses.  Here 1,000 points do.  The sum of two losses on such points is not one
 * of them, and goes to its two neighbours so that its mass under P and under Q is kept (loss.h); so the pair of sums
 * leaks no less, and may be added to itself again: 2^k steps take k products.  All numbers are masses, above 0, so
 * rounding is a small share of each, however small they are; that share is added.
 */
#ifndef FM_PRIVACY_DIRECT_H
#define FM_PRIVACY_DIRECT_H

#include <stddef.h>

#include "base/error.h"
#include "privacy/loss.h"

struct fm_direct_terms {
	double delta;
	double tail;        /* mass of P that may be cut off at either end of one use */
	double bottom, top; /* sums below the bottom are moved up to it, above the top they count as infinite */
	double share;       /* distance of two points over their distance from 0, where that is large */
};

/* An upper bound on the epsilon of n uses in one direction, at least 0; infinity where more than delta counts as an
 * infinite loss. */
int fm_direct_epsilon(const struct fm_use *uses, size_t n, const struct fm_direct_terms *terms, double *epsilon,
		      struct fm_error *err) FM_MUST_CHECK;

/* The losses of 2^doublings uses of one mechanism: *out, whose points *x the caller frees with it (fm_losses_free). */
int fm_direct_double(const struct fm_loss *l, int doublings, const struct fm_direct_terms *terms, struct fm_losses *out,
		     double **x, struct fm_error *err) FM_MUST_CHECK;

/* An upper bound on the products of two masses that this takes; a processor does some 250 million per second. */
double fm_direct_products(const struct fm_use *uses, size_t n, const struct fm_direct_terms *terms);

#endif
