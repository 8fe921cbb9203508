/*
 * loss_discrete.h - the privacy loss of the discrete Gaussian (loss.h): by its atoms, or where it is so wide that a
 * cell of the grid holds many of them, by a formula for their sums.
 */
#ifndef FM_PRIVACY_LOSS_DISCRETE_H
#define FM_PRIVACY_LOSS_DISCRETE_H

#include "privacy/loss.h"

/* A whole number of units beyond which less than `tail` of the mass lies at either end. */
double fm_discrete_reach(const struct fm_loss *l, double tail);

/* The losses on the points of d, new, of which h or x and n are given; fm_loss_discretise says what tail and most are.
 */
int fm_discrete_discretise(const struct fm_loss *l, double tail, size_t most, struct fm_losses *d,
			   struct fm_error *err) FM_MUST_CHECK;

/* fm_loss_epsilon of a discrete Gaussian. */
int fm_discrete_epsilon(const struct fm_loss *l, double delta, double *epsilon, struct fm_error *err) FM_MUST_CHECK;

#endif
