/*
 * gaussian_table.h - the discrete Gaussian of a large sigma by cells, so that a draw takes one look and hardly a
 * rejection: for many draws of one sigma, such as the noise of a step's gradients.
 *
 * |x| = t v + u, 0 <= u < t = 2^shift, sigma / t from 8 to 16: a cell v comes with the probability that a discrete
 * Gaussian's largest value in it has, in proportion to M(v) = exp(-(t v)^2 / (2 sigma^2)); u comes evenly, and is kept
 * with probability exp(-(x^2 - (t v)^2) / (2 sigma^2)), which is seldom below 3/4.  So each x has its probability, in
 * proportion to exp(-x^2 / (2 sigma^2)).
 *
 * The cell is found as Bernoulli(exp(-1)) is (noise.c): random digits are compared with those of
 * C(v) = (M(0) + ... + M(v)) / (M(0) + M(1) + ...), 64 of them nearly always, all 256 where these do not decide.
 * The digits are calculated in integers, with 320 behind the point, from exp(-t^2 / (2 sigma^2)) by its series.  That
 * the first 250 digits of a draw decide otherwise than all would, cells from 2^-266 on (19.4 sigma) being left out,
 * has a chance below 2^-240: that of guessing the key is not much less.
 */
#ifndef FM_PRIVACY_GAUSSIAN_TABLE_H
#define FM_PRIVACY_GAUSSIAN_TABLE_H

#include <stdint.h>

enum { FM_GAUSSIAN_WORDS = 4, FM_GAUSSIAN_CELLS = 320 };

struct fm_gaussian_table {
	unsigned shift;
	unsigned n;                                            /* cells */
	uint64_t t2, q;                                        /* t^2 den, 2 num: t^2 / (2 sigma^2) = t2 / q */
	uint64_t digits[FM_GAUSSIAN_WORDS][FM_GAUSSIAN_CELLS]; /* of C(v), the first 64, the next, ... */
	uint16_t first[256];                                   /* the first cell that a draw's first 8 digits allow */
};

/* sigma^2 = num / den, sigma from FM_GAUSSIAN_LARGE (noise.h) to FM_GAUSSIAN_MAX. */
void fm_gaussian_table_make(struct fm_gaussian_table *t, uint64_t num, uint64_t den);

/* The cell of a draw whose digits are word[0], word[1], ...; from: a cell that it is in or beyond. */
unsigned fm_gaussian_cell(const struct fm_gaussian_table *t, unsigned from, const uint64_t word[FM_GAUSSIAN_WORDS]);

#endif
