/*
 * threshold.h - stability thresholds: the noisy count from which on a key may be named (counts.h).
 *
 * A unit with m items may have them on keys that no other unit has, with c_1 + ... + c_j <= m items.  The probability
 * that one of these keys is named is at most sum_i P[noise >= threshold - c_i], which is convex in each c_i where the
 * argument is above 0, and so largest in a corner: one key with m - j + 1 items and j - 1 with one, for some j.  The
 * tail is that of fm_gaussian_tail.
 */
#ifndef FM_PRIVACY_THRESHOLD_H
#define FM_PRIVACY_THRESHOLD_H

#include <stdint.h>

/* An upper bound on that probability for discrete Gaussian noise of sigma and at most m items; 1 for a threshold below
 * m + 2. */
double fm_threshold_chance(double sigma, unsigned m, int64_t threshold);
/* The smallest threshold whose bound is at most delta (>= 1e-300), and that bound. */
int64_t fm_threshold_least(double sigma, unsigned m, double delta, double *chance);

#endif
