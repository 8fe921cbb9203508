/*
 * draws.h - the random numbers of a batch: normals, Gumbel noise, masks of dropout.  A number is a function of (seed,
 * stream, what, row, step).
 */
#ifndef FM_MODEL_NN_DRAWS_H
#define FM_MODEL_NN_DRAWS_H

#include "base/kernels.h"
#include "base/rng.h"
#include "base/thread.h"

struct fm_draw_key {
	struct fm_pool *pool;
	uint64_t seed;
	enum fm_rng_stream stream;
	uint32_t step;
};
/* x (n) from one row's numbers. */
void fm_draw_normal_row(struct fm_rng *r, float *x, int n);
/* x (rows, n); what: below 2^15, a different one for each use in a step. */
void fm_draw_normals(const struct fm_draw_key *d, int what, float *x, int rows, int n);
void fm_draw_gumbels(const struct fm_draw_key *d, int what, float *x, int rows, int n);
/* 0 or 2 with equal probability. */
void fm_draw_masks(const struct fm_draw_key *d, int what, float *x, int rows, int n);

#endif
