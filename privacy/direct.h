/*
 * direct.h - a composition's losses added up product by product, without a Fourier transform, on points that lie the
 * closer together the nearer they are to 0.
 *
 * A step of a small sampling rate loses next to nothing most of the time and much very rarely.  On points of equal
 * distances (pld.h) what is near 0 goes to 0 and to the first point, which widens it, unless that point is so near
 * that millions are needed to reach the rare ones.  Here 1,000 points do.  The sum of two losses from such points is
 * none of them, and goes to the two about it so that its mass under P and under Q is kept (loss.h); so the pair of sums
 * leaks no less, and may be added to itself again: 2^k steps take k products.  All numbers are masses, above 0, so that
 * rounding is a small share of each, however small; the share is added.
 */
#ifndef FM_PRIVACY_DIRECT_H
#define FM_PRIVACY_DIRECT_H

#include <stddef.h>

#include "base/error.h"
#include "privacy/loss.h"

struct fm_direct_terms {
	double delta;
	double tail;        /* of P at either end of one use: what may be cut off */
	double bottom, top; /* sums below the bottom are moved up to it, above the top they count as infinite */
	double share;       /* distance of two points over that from 0, where that is large */
};

/* An upper bound on the epsilon of n uses in one direction, at least 0; infinity where what counts as infinite is more
 * than delta. */
int fm_direct_epsilon(const struct fm_use *uses, size_t n, const struct fm_direct_terms *terms, double *epsilon,
		      struct fm_error *err) FM_MUST_CHECK;

/* Products of two masses that this takes at most, of which a processor does some 250 million in a second. */
double fm_direct_products(const struct fm_use *uses, size_t n, const struct fm_direct_terms *terms);

#endif
