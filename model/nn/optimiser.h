/*
 * optimiser.h - AdamW with a moving average of the weights, over one array of parameters and any number of threads.
 *
 * A step is two calls, so that noise or clipping by the norm can come in between:
 *
 *     norm = fm_optimiser_sum(o, parts, n);     the parts of a gradient, each of some windows, meet in parts[0]
 *     fm_optimiser_step(o, arrays, parts[0], &step);
 *
 * Work is cut into chunks of fixed size, and parts meet in a fixed tree (parts.h): the bits do not depend on the
 * threads.
 */
#ifndef FM_MODEL_NN_OPTIMISER_H
#define FM_MODEL_NN_OPTIMISER_H

#include "base/thread.h"
#include "model/nn/params.h"

#define FM_BETA1 0.9 /* AdamW's beta1 and beta2, where denoisers are trained */
#define FM_BETA2 0.98

/* Arrays over the layout: weights, both moments, the weights' moving average. */
struct fm_train_arrays {
	float *w, *m, *v, *ema;
	float *best; /* ema at an earlier step, or NULL: not kept.  The optimiser leaves it alone */
};

/* One step (Loshchilov, Hutter 2019): m and v are moving averages of g and g^2 with decays beta1 and beta2, then
 *
 *     w -= rate (c1 m / (sqrt(c2 v) + 1e-8) + weight_decay w),  c = 1 / (1 - beta^t)
 *     ema += (1 - ema_decay) (w - ema)
 */
struct fm_adamw {
	double beta1, beta2;
	double beta1_t, beta2_t; /* beta1^t, beta2^t, where t counts this step */
	double rate, weight_decay;
	double ema_decay; /* 0: ema is w */
	double scale;     /* factor of g: below 1 where its norm is clipped */
};

/* For a layout of nfloats; pool is borrowed, NULL: the caller's thread alone. */
struct fm_optimiser;
int fm_optimiser_new(struct fm_optimiser **o, size_t nfloats, struct fm_pool *pool, struct fm_error *err) FM_MUST_CHECK;
void fm_optimiser_free(struct fm_optimiser *o);
/* The sum of n parts (nfloats), n a power of two, is left in part[0]; the others are destroyed.  Returns its norm. */
double fm_optimiser_sum(struct fm_optimiser *o, float *const *part, int n);
void fm_optimiser_step(struct fm_optimiser *o, const struct fm_train_arrays *a, const float *g,
		       const struct fm_adamw *step);

/* Learning rate at a step: linear warm-up, then a half cosine to 1 % of the peak. */
double fm_train_rate(double peak, int warmup, int step, int steps);
/* As many steps as asked for; 0: so many passes over the windows, but not fewer than the least steps that teach
 * anything, nor more than 15,000: more teach little. */
struct fm_passes {
	int passes, least;
};
int fm_train_steps(int asked, struct fm_passes p, size_t windows, int batch);

#endif
