/*
 * pld_parts.h - the losses of one mechanism of a composition (pld.h) on the grid of a pass: of one use, or of 2^k uses
 * that were added up before (direct.h), where so many so small losses would need a finer grid than their sum.
 */
#ifndef FM_PRIVACY_PLD_PARTS_H
#define FM_PRIVACY_PLD_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "privacy/direct.h"
#include "privacy/loss.h"

struct fm_part {
	const struct fm_loss *loss; /* borrowed */
	uint64_t count;             /* of these losses in the composition */
	struct fm_losses made;      /* of several uses, on points of their own; made.p is NULL where it is one use */
	double *points;             /* (made.n) owned: made.x */
	/* On the grid, while there is one. */
	struct fm_losses losses;
	double *log_p;    /* (losses.n) */
	double last_mass; /* log of the tilted mass at the last theta looked at */
	double log_mass;  /* the same at the tilt used */
};

/* The logarithm of a tilted mass, K(theta), and its first two derivatives: mean and variance. */
struct fm_moments {
	double log_mass, mean, variance;
	double rounding; /* relative error of a tilted path's chance */
};

/* On a grid of step h; fm_loss_discretise says what tail and most are. */
int fm_part_discretise(struct fm_part *p, double h, double tail, size_t most, struct fm_error *err) FM_MUST_CHECK;
void fm_part_drop(struct fm_part *p); /* the grid */
void fm_part_free(struct fm_part *p);

/* log of the sum over the grid of p e^(theta x), with mean and variance under that weight: of one of the part's losses.
 */
struct fm_moments fm_part_moments(const struct fm_part *p, double theta);

/* How often a part's losses would be added to themselves; 0: it has too few uses. */
int fm_part_doublings(const struct fm_part *p);

/* Make a part of 2^k uses at once out of one of single uses; *rest: the uses that are left over, to be one more part.
 * Where at these terms more than delta would count as an infinite loss, or all of it, the part stays as it is. */
int fm_part_double(struct fm_part *p, int k, const struct fm_direct_terms *terms, uint64_t *rest,
		   struct fm_error *err) FM_MUST_CHECK;

/* Add up 2^k uses of each of *n parts that has many, on points that are closer together the nearer they are to 0; what
 * is left of its uses is one more part, for which there is room.  The parts are on a grid, theta is the tilt that
 * minimises the bound by moments, lean the one used; of the terms, bottom and top are found here, and the share is one
 * part's: each of several may have a wider one, as it is less of the sum. */
int fm_parts_double(struct fm_part *parts, size_t *n, double theta, double lean, const struct fm_direct_terms *terms,
		    struct fm_error *err) FM_MUST_CHECK;

#endif
