#include "judge/noisy_jsd.h"

#include <math.h>
#include <stdlib.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/stats.h"

enum { DRAWS = 400 };
#define SEED 0x7061696420676174u /* public */
#define LN2 0.69314718055994530942

static double part(double p, double m)
{
	return p > 0 ? p * fm_det_log(p / m) : 0;
}

/* The divergence of shares q from counts h; ln 2 where no count is above 0. */
static double divergence(const double *h, const double *q, size_t k)
{
	double n = 0, sum = 0;

	for (size_t i = 0; i < k; i++)
		n += h[i] > 0 ? h[i] : 0;
	if (!(n > 0))
		return LN2;
	for (size_t i = 0; i < k; i++) {
		double p = h[i] > 0 ? h[i] / n : 0, m = (p + q[i]) / 2;

		sum += part(p, m) + part(q[i], m);
	}
	return sum > 0 ? sum / 2 : 0;
}

struct moments {
	double mean, deviation;
};

/* Moments of the divergence of at + noise; draw (k) is scratch. */
static struct moments with_noise(const double *at, const double *q, size_t k, double sigma, uint64_t row, double *draw)
{
	double sum = 0, squares = 0;

	for (uint32_t d = 0; d < DRAWS; d++) {
		struct fm_rng r;
		double j;

		fm_rng_init(&r, SEED, FM_RNG_JUDGE, row, d);
		for (size_t i = 0; i < k; i++)
			draw[i] = at[i] + sigma * fm_normal_quantile((fm_rng_uniform53(&r) * 0x1p53 + 0.5) * 0x1p-53);
		j = divergence(draw, q, k);
		sum += j;
		squares += j * j;
	}
	sum /= DRAWS;
	squares = squares / DRAWS - sum * sum;
	return (struct moments){sum, sqrt(squares > 0 ? squares : 0)};
}

int fm_jsd_noisy(const int64_t *noisy, const uint64_t *exact, size_t k, double sigma, struct fm_noisy_jsd *out,
		 struct fm_error *err)
{
	double *work = NULL, *h, *q, *at, *draw, total = 0, all = 0;
	int rc;

	*out = (struct fm_noisy_jsd){.excess = LN2};
	if (!(sigma > 0))
		return fm_fail(err, FM_EINPUT, "the deviation of noise cannot be %g", sigma);
	if ((rc = fm_alloc(&work, 4 * k + 1, sizeof *work, "a noisy histogram", err)) < 0)
		return rc;
	h = work;
	q = h + k;
	at = q + k;
	draw = at + k;
	for (size_t i = 0; i < k; i++) {
		h[i] = (double)noisy[i];
		total += h[i];
		all += (double)exact[i];
	}
	if (!(total >= 1) || all == 0)
		goto out;
	for (size_t i = 0; i < k; i++) {
		q[i] = (double)exact[i] / all;
		at[i] = total * q[i];
	}
	out->total = (int64_t)total;
	out->noise = with_noise(at, q, k, sigma, 0, draw).mean;
	out->excess = divergence(h, q, k) - out->noise;
	out->half = FM_Z95 * with_noise(h, q, k, sigma, 1, draw).deviation;
out:
	free(work);
	return rc;
}

static double within(double v)
{
	return v < 0 ? 0 : v > LN2 ? LN2 : v;
}

struct fm_noisy_range fm_noisy_range(const struct fm_noisy_jsd *j, size_t n)
{
	struct fm_noisy_range r = {.total = j[0].total};
	double excess = 0, noise = 0, squares = 0, half;

	for (size_t i = 0; i < n; i++) {
		excess += j[i].excess / (double)n;
		noise += j[i].noise / (double)n;
		squares += j[i].half * j[i].half;
		r.total = j[i].total < r.total ? j[i].total : r.total;
	}
	half = sqrt(squares) / (double)n;
	r.least = within(excess - half);
	r.most = within(within(excess) + noise + half);
	return r;
}
