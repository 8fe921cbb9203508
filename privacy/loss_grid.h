/* loss_grid.h - the points of a distribution of privacy losses, and mass put between two of them. */
#ifndef FM_PRIVACY_LOSS_GRID_H
#define FM_PRIVACY_LOSS_GRID_H

#include "privacy/loss.h"
#include "privacy/special.h"

/* The error of a loss at an edge that was found by search. */
#define FM_LOSS_EDGE_ERROR (32 * FM_UNIT)
/* Above this loss e^x is not computed: all such mass goes to the upper point. */
#define FM_LOSS_LARGE 600.0

double fm_losses_point(const struct fm_losses *d, size_t i);
double fm_losses_step(const struct fm_losses *d, size_t i);
/* Allocate the points for losses from low to high: as many of step d->h as needed, or the points d->x. */
int fm_losses_new(struct fm_losses *d, double low, double high, size_t most, struct fm_error *err) FM_MUST_CHECK;
/* Send mass p under P and q under Q, with losses between the points i and i + 1, to both: b to the upper point with (p
 * - q e^x) / (1 - e^-h) = b, x the lower point's loss.  over: p - q e^x; error: a bound on its error. */
void fm_losses_put(struct fm_losses *d, size_t i, double p, double over, double error);
/* The cell that holds x. */
size_t fm_losses_cell(const struct fm_losses *d, double x);
/* One atom: mass p at the loss x. */
void fm_losses_put_atom(struct fm_losses *d, double p, double x);

#endif
