/*
 * regressor.h - a network of two hidden layers that predicts one number, trained by Adam on mean squared error.
 *
 *     y = relu(relu(X W1 + b1) W2 + b2) w3 + b3         X (N, F), W1 (F, 64), W2 (64, 32), w3 (32)
 *
 * Initial weights (He et al. 2015, uniform) and batches come from the seed; training runs in the calling thread.  OpenBLAS multiplies: Debian's
 * serial build must not be called by two threads at once.
 */
#ifndef FM_JUDGE_REGRESSOR_H
#define FM_JUDGE_REGRESSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fm_regressor;

/* x (n, f) row by row, y (n); n and f at least 1, steps of 256 rows drawn with replacement. */
int fm_regressor_train(struct fm_regressor **r, const float *x, const float *y, size_t n, size_t f, int steps,
		       uint64_t seed, struct fm_error *err) FM_MUST_CHECK;
/* Mean squared error over x (n, f), y (n). */
double fm_regressor_mse(struct fm_regressor *r, const float *x, const float *y, size_t n);
void fm_regressor_free(struct fm_regressor *r);

#endif
