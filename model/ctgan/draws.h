/*
 * draws.h - the random numbers of a batch: normals, Gumbel noise, masks of dropout.  A number is a function of (seed,
 * stream, what, row, step).
 */
#ifndef FM_MODEL_CTGAN_DRAWS_H
#define FM_MODEL_CTGAN_DRAWS_H

#include "base/kernels.h"
#include "base/rng.h"
#include "base/thread.h"

struct fm_gan_draws {
	struct fm_pool *pool;
	uint64_t seed;
	enum fm_rng_stream stream;
	uint32_t step;
};
/* x (rows, n); what: below 2^15, another for each use in a step. */
void fm_gan_draw_normal(const struct fm_gan_draws *d, int what, float *x, int rows, int n);
void fm_gan_draw_gumbel(const struct fm_gan_draws *d, int what, float *x, int rows, int n);
/* 0 or 2, alike probable. */
void fm_gan_draw_mask(const struct fm_gan_draws *d, int what, float *x, int rows, int n);

#endif
