/*
 * linear.h - a classifier by logistic regression, one class against the rest, by liblinear (Fan et al., JMLR 9,
 * 2008).
 *
 * Trust-region Newton steps on the L2-regularised likelihood with C = 1.  liblinear's sums come from the BLAS: they are
 * equal on machines with the same BLAS kernel, and there is one training at a time (the function waits for another
 * thread's).
 */
#ifndef FM_JUDGE_LINEAR_H
#define FM_JUDGE_LINEAR_H

#include <stddef.h>

#include "base/error.h"

struct fm_linear;

/* x (n, f), standardised, y (n) in 0 .. classes - 1, not all of which need occur; n, f and classes at least 1. */
int fm_linear_train(struct fm_linear **l, const float *x, const int *y, int classes, size_t n, size_t f,
		    struct fm_error *err) FM_MUST_CHECK;
/* Probabilities p (n, classes) of x (n, f); 0 for a class that did not occur. */
void fm_linear_predict(const struct fm_linear *l, const float *x, size_t n, float *p);
void fm_linear_free(struct fm_linear *l);

#endif
