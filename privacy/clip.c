#include "privacy/clip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/secret.h"

#define SUM_MOST 0x1p40 /* most steps of a coordinate of a sum */
#define NOISE_AT_ONCE ((size_t)1 << 17)

int fm_clip_choose(double *norm, size_t n, double q, double *clip, struct fm_error *err)
{
	size_t rank;

	if (n == 0 || !(q > 0 && q <= 1))
		return fm_fail(err, FM_EINPUT, "a clip is a quantile, above 0, of at least one norm; this is %g of %zu",
			       q, n);
	for (size_t i = 0; i < n; i++)
		if (!(norm[i] >= 0 && isfinite(norm[i])))
			return fm_fail(err, FM_EINPUT, "norm %zu of the records that choose the clip is %g", i,
				       norm[i]);
	qsort(norm, n, sizeof(*norm), fm_compare_doubles);
	rank = (size_t)ceil(q * (double)n);
	*clip = norm[(rank > n ? n : rank == 0 ? 1 : rank) - 1];
	if (*clip == 0)
		return fm_fail(err, FM_EINPUT,
			       "%g of the norms that choose the clip are 0; choose it by a larger share", q);
	return FM_OK;
}

double fm_clip_weight(double norm, double clip)
{
	if (!(norm >= 0 && isfinite(norm)))
		return 0;
	return norm <= clip ? 1 : nextafter(clip / norm, 0);
}

static void step_set(struct fm_grid *g, double step)
{
	double c = g->clip / step; /* exact, and below 2^23 */

	g->step = step;
	/* No more than c^2: the relative error of the product is at most 2^-53. */
	g->norm2 = (uint64_t)(c * c * (1 - 0x1p-50));
}

int fm_grid_set(struct fm_grid *g, double clip, size_t dim, unsigned touched, double sum_error, struct fm_error *err)
{
	double steps;
	int e;

	if (!(clip > 0 && isfinite(clip)) || dim == 0 || dim > (size_t)1 << 32 || touched > 1 << 16 ||
	    !(sum_error >= 0 && sum_error <= 1))
		return fm_fail(
		    err, FM_EINPUT,
		    "a grid for gradients of norm %g, %zu coordinates, %u sums per unit and an error of %g is out of "
		    "range",
		    clip, dim, touched, sum_error);
	steps = 0x1p10 * (touched == 0 ? 1 : touched) * sqrt((double)dim);
	if (steps > 0x1p21)
		steps = 0x1p21;
	(void)frexp(clip / steps, &e); /* clip / steps is in [2^(e - 1), 2^e) */
	*g = (struct fm_grid){clip, 0, dim, touched, sum_error, 0};
	step_set(g, ldexp(1, e - 1));
	return FM_OK;
}

int fm_grid_coarsen(struct fm_grid *g, double multiplier)
{
	while (g->touched == 0 && g->norm2 >= 4 &&
	       multiplier * fm_grid_sensitivity(g) * (1 + 0x1p-50) > FM_GAUSSIAN_MAX)
		step_set(g, 2 * g->step);
	return fm_grid_scale(g, multiplier) > 0;
}

double fm_grid_sensitivity(const struct fm_grid *g)
{
	double c = g->clip / g->step;

	if (g->touched == 0)
		return c;
	return (c + g->touched * (2 * g->sum_error * c + sqrt((double)g->dim))) * (1 + 0x1p-50);
}

/* sum += trunc(gradient factor), where the square of its norm is at most norm2 and each number is finite; else 0, and
 * sum is unchanged. *norm: the norm of gradient factor before truncation. */
static int add_within(const struct fm_grid *g, const float *gradient, double factor, int64_t *sum, double *norm)
{
	double most = 0x1p31, cut2 = 0, whole2 = 0;
	int small = 1;

	for (size_t i = 0; i < g->dim; i++) {
		double x = gradient[i] * factor, cut;
		int within = x > -most && x < most;

		cut = (double)(int64_t)(within ? x : 0); /* toward zero */
		small &= within;
		whole2 += x * x;
		cut2 += cut * cut;
	}
	*norm = sqrt(whole2);
	/* A sum of integers in doubles is exact up to 2^53, and norm2 is below 2^45: an inexact sum is far above
	 * norm2. */
	if (!small || !(cut2 <= (double)g->norm2))
		return 0;
	for (size_t i = 0; i < g->dim; i++)
		sum[i] += (int64_t)(gradient[i] * factor);
	return 1;
}

enum fm_grid_added fm_grid_add_unit(const struct fm_grid *g, const float *gradient, int64_t *sum)
{
	double scale = 1 / g->step, norm;

	if (add_within(g, gradient, scale, sum, &norm))
		return FM_GRID_AS_IT_IS;
	/* The relative error of the norm is 2^-53 dim; 2^-20 is more than that, and a negligible loss. */
	if (!isfinite(norm) ||
	    !add_within(g, gradient, scale * (sqrt((double)g->norm2) / norm * (1 - 0x1p-20)), sum, &norm))
		return FM_GRID_DROPPED;
	return FM_GRID_SHRUNK;
}

int fm_grid_add_sum(const struct fm_grid *g, const float *sum, int64_t *total, struct fm_error *err)
{
	double scale = 1 / g->step;

	for (size_t i = 0; i < g->dim; i++)
		if (!(fabs(sum[i] * scale) < SUM_MOST))
			return fm_fail(err, FM_EINPUT,
				       "coordinate %zu of a sum of gradients is %g: no number for a grid of %g", i,
				       (double)sum[i], g->step);
	for (size_t i = 0; i < g->dim; i++) {
		double x = sum[i] * scale + 0.5; /* of 24 digits and below 2^40: exact to the half */
		int64_t cut = (int64_t)x;

		total[i] += cut - ((double)cut > x); /* the next integer below */
	}
	return FM_OK;
}

static int gaussian_of(const struct fm_grid *g, double multiplier, struct fm_gaussian *gaussian, struct fm_error *err)
{
	/* The product is rounded up, and fm_gaussian_set rounds up again. */
	return fm_gaussian_set(gaussian, multiplier * fm_grid_sensitivity(g) * (1 + 0x1p-51), err);
}

double fm_grid_scale(const struct fm_grid *g, double multiplier)
{
	struct fm_gaussian gaussian;

	return gaussian_of(g, multiplier, &gaussian, NULL) < 0 ? 0 : fm_gaussian_sigma(&gaussian);
}

int fm_grid_noisy_slice(const struct fm_grid *g, const struct fm_grid_noise *noise, size_t from, size_t n,
			const int64_t *sum, float *mean, struct fm_error *err)
{
	size_t room = n < 1 ? 1 : n < NOISE_AT_ONCE ? n : NOISE_AT_ONCE;
	struct fm_gaussian gaussian;
	int64_t *draws = NULL;
	int rc;

	if (!(noise->divisor > 0 && isfinite(noise->divisor)))
		return fm_fail(err, FM_EINPUT, "there is no mean over %g records", noise->divisor);
	if ((rc = gaussian_of(g, noise->multiplier, &gaussian, err)) < 0 ||
	    (rc = fm_alloc(&draws, room, sizeof(*draws), "noise", err)) < 0)
		return rc;
	for (size_t at = 0; at < n; at += room) {
		size_t some = n - at < room ? n - at : room;
		if ((rc = fm_gaussian_fill(&noise->of, &gaussian, noise->pool, from + at, draws, some, err)) < 0)
			goto out;
		/* The noisy integers are no secret: floating point after them costs no privacy. */
		for (size_t i = 0; i < some; i++)
			mean[at + i] = (float)((double)(sum[at + i] + draws[i]) * g->step / noise->divisor);
	}
out:
	explicit_bzero(draws, room * sizeof(*draws));
	free(draws);
	return rc;
}

int fm_grid_noisy_mean(const struct fm_grid *g, const struct fm_grid_noise *noise, const int64_t *sum, float *mean,
		       struct fm_error *err)
{
	return fm_grid_noisy_slice(g, noise, 0, g->dim, sum, mean, err);
}
