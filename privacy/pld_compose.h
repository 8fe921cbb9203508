/*
 * pld_compose.h - the sum of the losses of all parts (pld_parts.h), on the points of a window: the transforms of their
 * tilted probabilities, to the power of their uses, multiplied and transformed back.
 *
 * The transform of a sum of many losses is next to 0 but at few frequencies.  Where its bound is below 2^-100 it is
 * taken to be 0, which counts as an error; and once few frequencies are left, the next parts' are summed up one by one
 * instead of by a transform of the whole window.
 */
#ifndef FM_PRIVACY_PLD_COMPOSE_H
#define FM_PRIVACY_PLD_COMPOSE_H

#include <stddef.h>

#include "base/error.h"
#include "privacy/pld_parts.h"

/* x (window, a power of two): at i mod window the probability of the loss i h, tilted by theta, whose sum is 1; *off: a
 * bound on what rounding took off each.  The parts are on one grid, and their log_mass is that of theta. */
int fm_parts_compose(const struct fm_part *parts, size_t n, double theta, size_t window, double *x, double *off,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
