/*
 * clip.h - clipping gradients, rounding them to an integer grid, summing them and adding noise.
 *
 * Why a grid.  Sums of floating-point numbers depend on their order and round, so one more record may move a sum by
 * more than its clipped gradient ("Widespread underestimation of sensitivity", Casacuberta et al., CCS 2022), and a
 * floating-point Gaussian reveals in its low bits what it was added to (Mironov, CCS 2012).  On a grid of a power of
 * two, sums of integers are the same in any order and on any threads, and the discrete Gaussian (noise.h) has no low
 * bits.
 *
 *     fm_grid_set(&grid, clip, dim, 0, 0, err);
 *     for each record of the batch: fm_grid_add_unit(&grid, gradient, sum);        or fm_grid_add_sum for sums of many
 *     struct fm_grid_noise noise = {{&key, "train/noise", step}, multiplier, expected_batch, pool};
 *     fm_grid_noisy_mean(&grid, &noise, sum, mean, err);
 *     charge: sensitivity fm_grid_sensitivity(&grid), scale fm_grid_scale(&grid, multiplier), discrete Gaussian
 *
 * What rounding costs, in steps of the grid; c = clip / step.
 *
 * Each record by itself (touched = 0): coordinates are rounded toward zero.  |trunc(x)| <= |x|, so the norm of what is
 * added is at most that of the gradient: the sensitivity is c and no more.  It is checked in integers, and a record
 * beyond c is shrunk, so that this holds whatever the arithmetic of the clip did.  The price is a bias of up to one
 * step per coordinate.
 *
 * Sums of records that were added up in floating point (touched = T): rounded to the nearest.  One more or less record
 * changes at most T sums (1 when a record's sum does not depend on other records; all of a step's when sums are filled
 * in turn); each is off its true value by at most e clip in L2, e = sum_error, with and without the record; and
 * |round(x) - round(y)| <= |x - y| + 1 in each coordinate.  Sensitivity  c + T (2 e c + sqrt(dim)).
 *
 * Rounding a record to the nearest instead would add sqrt(dim) / 2 to the sensitivity.  Rounding at random, repeated
 * until the norm's square is at most c^2 + dim / 4 + sqrt(2 log(1 / beta)) (c + sqrt(dim) / 2), would raise it to the
 * root of that (Kairouz, Liu, Steinke, ICML 2021, the distributed discrete Gaussian mechanism).  Rounding toward zero
 * keeps the sensitivity c, which is sound and costs nothing; with c = 2^10 sqrt(dim) its bias is a thousandth of the
 * mean size of a coordinate of a clipped gradient, and no secret bits are used up.
 */
#ifndef FM_PRIVACY_CLIP_H
#define FM_PRIVACY_CLIP_H

#include "base/secret.h"
#include "base/thread.h"
#include "privacy/noise.h"

/* Choose the clip: the q-quantile (the least norm that at least q n of all norms do not exceed) of the norms of n
 * records that are not private, such as synthetic ones; norm is sorted.  FM_EINPUT unless 0 < q <= 1, n > 0, and all
 * norms are finite, none is negative and the quantile is above 0. */
int fm_clip_choose(double *norm, size_t n, double q, double *clip, struct fm_error *err) FM_MUST_CHECK;
/* The factor for a gradient of this norm: 1, or clip / norm rounded down; 0 for a norm that is not a number. */
double fm_clip_weight(double norm, double clip);

struct fm_grid {
	double clip;      /* largest L2 norm of a unit's gradient; with norms of a relative error, clip (1 + error) */
	double step;      /* a power of two */
	size_t dim;       /* coordinates */
	unsigned touched; /* sums that a unit may change, 0: each unit is put on the grid by itself */
	double sum_error; /* L2 error of a sum in floating point, as a share of clip */
	uint64_t norm2;   /* touched = 0: the largest square of a unit's norm, in steps */
};
/* The step is the largest power of two with clip / step >= min(2^10 max(touched, 1) sqrt(dim), 2^21).  FM_EINPUT unless
 * clip is positive and finite, 0 < dim <= 2^32, touched <= 2^16, 0 <= sum_error <= 1. */
int fm_grid_set(struct fm_grid *g, double clip, size_t dim, unsigned touched, double sum_error,
		struct fm_error *err) FM_MUST_CHECK;
/* Where noise of `multiplier` times the sensitivity is more than can be drawn, double the step until it can: the
 * rounding of a coarser grid is far below such noise.  Only for grids with touched = 0; returns 0 where no step will
 * do. */
int fm_grid_coarsen(struct fm_grid *g, double multiplier) FM_MUST_CHECK;
double fm_grid_sensitivity(const struct fm_grid *g); /* in steps, rounded up */

enum fm_grid_added { FM_GRID_AS_IT_IS, FM_GRID_SHRUNK, FM_GRID_DROPPED };
/* sum[dim] += a unit's gradient[dim] in steps, rounded toward zero.  A gradient beyond the clip is shrunk to it; one
 * with a coordinate that is not finite adds nothing. */
enum fm_grid_added fm_grid_add_unit(const struct fm_grid *g, const float *gradient, int64_t *sum);
/* total[dim] += a sum[dim] of clipped gradients in steps, rounded to the nearest.  FM_EINPUT for a sum that is not
 * finite or beyond 2^40 steps: then total is unchanged. */
int fm_grid_add_sum(const struct fm_grid *g, const float *sum, int64_t *total, struct fm_error *err) FM_MUST_CHECK;

/* The standard deviation, in steps, of the noise for a noise multiplier: multiplier times the sensitivity, rounded up
 * (noise.h); 0 where that is out of range. */
double fm_grid_scale(const struct fm_grid *g, double multiplier);
/* The noise of one step's sum, and the divisor of the mean. */
struct fm_grid_noise {
	struct fm_stream_name of; /* one draw per coordinate */
	double multiplier;
	double divisor;       /* public: the expected size of the batch, not its actual size */
	struct fm_pool *pool; /* NULL: the caller's thread alone; any pool gives the same bits */
};
/* mean[i] = (sum[i] + draw i) / divisor, in units of the gradient. */
int fm_grid_noisy_mean(const struct fm_grid *g, const struct fm_grid_noise *noise, const int64_t *sum, float *mean,
		       struct fm_error *err) FM_MUST_CHECK;
/* The same for coordinates [from, from + n) only; sum and mean (n) are those of the slice. */
int fm_grid_noisy_slice(const struct fm_grid *g, const struct fm_grid_noise *noise, size_t from, size_t n,
			const int64_t *sum, float *mean, struct fm_error *err) FM_MUST_CHECK;

#endif
