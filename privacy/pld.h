/*
 * pld.h - the privacy loss distribution of a composition, in one direction: an epsilon that is never too small, on a
 * grid whose step is halved until it is not too large either.
 *
 *     struct fm_use uses[] = {{&training, 3000}, {&counts, 1}};
 *     struct fm_pld *d = NULL;
 *
 *     if ((rc = fm_pld_new(&d, uses, 2, 1e-6, err)) < 0)
 *         goto out;
 *     do
 *         if ((rc = fm_pld_refine(d, 1e-3, err)) < 0)
 *             goto out;
 *     while (!fm_pld_settled(d, 1e-3));
 *     printf("%g\n", fm_pld_epsilon(d));
 *     out:
 *     fm_pld_free(d);
 *
 * One pass puts the losses of each mechanism on a grid (loss.h), tilts them by e^(theta x) so that the sum's mean comes
 * nearer to epsilon, multiplies the powers of their Fourier transforms, transforms back and undoes the tilt.  theta is
 * half of the one that minimises the bound by moments, so that where the answer is read the tilted probabilities are
 * large, and what rounding adds to them is a small share even of a delta of 1e-10.  Covered on the safe side: each
 * point's rounding error, with a bound that is computed with the transform; the upper tail that leaves the window, by
 * Chernoff's bound; the cut tails of each mechanism.  What wraps around into the window only adds.
 */
#ifndef FM_PRIVACY_PLD_H
#define FM_PRIVACY_PLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "privacy/loss.h"

struct fm_pld;

/* n uses, copied, at one delta; their losses live as long as the fm_pld. */
int fm_pld_new(struct fm_pld **d, const struct fm_use *uses, size_t n, double delta,
	       struct fm_error *err) FM_MUST_CHECK;
void fm_pld_free(struct fm_pld *d);

/* The first grid, or one of half the step, or another way (direct.h).  No effect once the grid is as fine as it gets.
 * share: the one that fm_pld_settled will be called with. */
int fm_pld_refine(struct fm_pld *d, double share, struct fm_error *err) FM_MUST_CHECK;

/* An upper bound on the composition's epsilon; infinity before the first refinement.  A refinement never raises it. */
double fm_pld_epsilon(const struct fm_pld *d);

/* Whether the last halving lowered epsilon by less than a share of it, or nothing is left to gain.  The excess falls as
 * the square of the step, or in proportion to a step that is still wide, so less than that share remains. */
int fm_pld_settled(const struct fm_pld *d, double share);

/* By how much the last refinement lowered it; infinity where that is not known. */
double fm_pld_gap(const struct fm_pld *d);

/* Whether the grid is as fine as it gets. */
int fm_pld_at_finest(const struct fm_pld *d);

#endif
