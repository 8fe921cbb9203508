/*
 * gaussian_table.h - the discrete Gaussian of a large sigma by cells, so that a draw takes one look-up and is rarely
 * rejected: for many draws of one sigma, such as the noise of a step's gradients.
 *
 * |x| = t v + u, 0 <= u < t = 2^shift, sigma / t from 8 to 16.  A cell v is drawn with a probability in proportion to
 * M(v) = exp(-(t v)^2 / (2 sigma^2)), the weight of its first value, which is the largest; u is uniform, and x is kept
 * with probability exp(-x^2 / (2 sigma^2)) / M(v), on average 19 times in 20.  So each x has a probability in
 * proportion to exp(-x^2 / (2 sigma^2)).
 *
 * A cell is found like Bernoulli(exp(-1)) in noise.c: the random digits of a draw are compared with those of
 * C(v) = (M(0) + ... + M(v)) / (M(0) + M(1) + ...), 64 of them nearly always, and 256 where these do not decide.  The
 * digits are calculated in integers, with 320 behind the point, from exp(-t^2 / (2 sigma^2)) by its series; cells are
 * left out from the first M(v) below 2^-270 on, which is beyond 19 sigma.  The probability that a draw differs from one
 * with all digits and cells is below 2^-240, about that of guessing the key; 2^50 draws add less than 2^-190 to a
 * delta.
 */
#ifndef FM_PRIVACY_GAUSSIAN_TABLE_H
#define FM_PRIVACY_GAUSSIAN_TABLE_H

#include <stdint.h>

enum { FM_GAUSSIAN_WORDS = 4, FM_GAUSSIAN_CELLS = 320 };

struct fm_gaussian_table {
	unsigned shift;
	unsigned n;                                            /* cells */
	uint64_t t2, q;                                        /* t^2 den, 2 num: t^2 / (2 sigma^2) = t2 / q */
	uint64_t digits[FM_GAUSSIAN_WORDS][FM_GAUSSIAN_CELLS]; /* digits of C(v): the first 64, the next 64, ... */
	uint16_t first[256];                                   /* the first cell that a draw's first 8 digits allow */
};

/* sigma^2 = num / den, sigma from FM_GAUSSIAN_LARGE (noise.h) to FM_GAUSSIAN_MAX. */
void fm_gaussian_table_make(struct fm_gaussian_table *t, uint64_t num, uint64_t den);

/* The cell of a draw whose digits are word[0], word[1], ...; from: a cell that is not beyond it. */
unsigned fm_gaussian_cell(const struct fm_gaussian_table *t, unsigned from, const uint64_t word[FM_GAUSSIAN_WORDS]);

#endif
