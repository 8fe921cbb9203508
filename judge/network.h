/*
 * network.h - a network of two hidden layers that predicts a number or a class, trained by Adam.
 *
 *     y = relu(relu(X W1 + b1) W2 + b2) W3 + b3         X (N, F), W1 (F, 64), W2 (64, 32), W3 (32, outputs)
 *
 * A number is learned by mean squared error, a class by the cross-entropy of softmax(y).  Initial weights (He et al.
 * 2015, uniform) and batches come from the seed.  It works in the calling thread alone, on the kernels of base: the
 * same rows give the same bits on every x86-64, and several networks may be trained at once.
 */
#ifndef FM_JUDGE_NETWORK_H
#define FM_JUDGE_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fm_network;

/* What a network learns from, n and f at least 1. */
struct fm_network_in {
	const float *x; /* (n, f) row by row, standardised */
	size_t n, f;
	int steps; /* steps, each on 256 rows drawn with replacement */
	uint64_t seed;
};

/* y (n): numbers; or classes 0 .. classes - 1, at least one class. */
int fm_network_regress(struct fm_network **w, const struct fm_network_in *in, const float *y,
		       struct fm_error *err) FM_MUST_CHECK;
int fm_network_classify(struct fm_network **w, const struct fm_network_in *in, const int *y, int classes,
			struct fm_error *err) FM_MUST_CHECK;
/* Predictions for x (n, f): the numbers (n), or the probabilities (n, classes). */
void fm_network_predict(struct fm_network *w, const float *x, size_t n, float *out);
void fm_network_free(struct fm_network *w);

#endif
