/*
 * heads.h - the outputs of a network's last layer: scalars under tanh or the logistic function, and choices under
 * softmax.
 */
#ifndef FM_MODEL_NN_HEADS_H
#define FM_MODEL_NN_HEADS_H

#include "base/kernels.h"

/* `n` numbers of a row: one choice, or n scalars. */
struct fm_head {
	int at, n;
	enum { FM_HEAD_CHOICE, FM_HEAD_TANH, FM_HEAD_UNIT } kind; /* UNIT: the logistic function, 0 to 1 */
};
/* y from logits x, one row; noise (or NULL) is added to the logits of choices, which are then divided by tau. */
void fm_heads(const struct fm_kernels *k, const struct fm_head *h, int n, fm_real tau, const fm_real *x,
	      const fm_real *noise, fm_real *y);
/* The gradient d of y becomes that of the logits. */
void fm_heads_back(const struct fm_kernels *k, const struct fm_head *h, int n, fm_real tau, const fm_real *y,
		   fm_real *d);

/* y (n) = tanh(x), 1 / (1 + exp(-x)); in place is fine. */
void fm_tanh(const struct fm_kernels *k, fm_real *y, const fm_real *x, int n);
void fm_logistic(const struct fm_kernels *k, fm_real *y, const fm_real *x, int n);

#endif
