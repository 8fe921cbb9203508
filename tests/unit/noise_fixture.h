/*
 * noise_fixture.h - a fixed key, and how far draws are from the probabilities that they should have: Pearson's
 * chi-square, for the tests of noise and for make_noise.c.
 */
#ifndef FM_TESTS_NOISE_FIXTURE_H
#define FM_TESTS_NOISE_FIXTURE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/secret.h"
#include "privacy/noise.h"

/* A key that is the same in each run: byte i is seed + 3 i. */
static inline int noise_key(struct fm_secret *key, uint8_t seed)
{
	if (fm_secret_new(key, FM_STREAM_KEY, NULL) < 0)
		return -1;
	for (size_t i = 0; i < key->len; i++)
		key->data[i] = (uint8_t)(seed + 3 * i);
	return 0;
}

/* How many standard deviations a chi-square of df degrees of freedom is from its mean (Wilson, Hilferty 1931). */
static inline double chi_square_z(double chi, double df)
{
	double v = 2 / (9 * df);

	return (cbrt(chi / df) - (1 - v)) / sqrt(v);
}

/* The z of n draws against probabilities in proportion to weight(ctx, x), x from -reach to reach, outside of which
 * there is less than one part in 10^12; neighbours are put together until ten draws are expected.  HUGE_VAL for a draw
 * out of reach. */
static inline double chi_square(const int64_t *draws, size_t n, int64_t reach,
				double (*weight)(const void *ctx, double x), const void *ctx, double *chi_out,
				size_t *df_out)
{
	size_t cells = 2 * (size_t)reach + 1, df = 0;
	uint64_t *count = calloc(cells, sizeof(*count));
	double total = 0, chi = 0, expected = 0, got = 0, left = (double)n;
	int out = 0;

	for (int64_t x = -reach; x <= reach; x++)
		total += weight(ctx, (double)x);
	for (size_t i = 0; i < n; i++)
		if (draws[i] < -reach || draws[i] > reach)
			out = 1;
		else
			count[draws[i] + reach]++;
	for (size_t c = 0; c < cells; c++) {
		double e = (double)n * weight(ctx, (double)c - (double)reach) / total;

		expected += e;
		left -= e;
		got += (double)count[c];
		if ((expected >= 10 && left >= 10) || c + 1 == cells) {
			chi += (got - expected) * (got - expected) / expected;
			df++;
			expected = got = 0;
		}
	}
	free(count);
	df--;
	if (chi_out != NULL)
		*chi_out = chi;
	if (df_out != NULL)
		*df_out = df;
	return out ? HUGE_VAL : chi_square_z(chi, (double)df);
}

static inline double gaussian_weight(const void *sigma, double x)
{
	double s = *(const double *)sigma;

	return exp(-x * x / (2 * s * s));
}

/* Of a large sigma, whose values are too many to be counted one by one: of those from x width on, width of them. */
struct gaussian_bins {
	double sigma;
	int64_t width;
};
static inline double gaussian_bin_weight(const void *ctx, double x)
{
	const struct gaussian_bins *b = (const struct gaussian_bins *)ctx;
	double from = fabs(x + 0.5) * (double)b->width - 0.5 - 0.5 * (double)b->width, s = b->sigma * sqrt(2);

	/* of the mirrored bin of the two, for bin -1 has the values -width ... -1, and bin 0 those from 0 on */
	if (x < 0)
		from++;
	return (erfc(from / s) - erfc((from + (double)b->width) / s)) / 2;
}
static inline void gaussian_bins_of(int64_t *draws, size_t n, int64_t width)
{
	for (size_t i = 0; i < n; i++)
		draws[i] = draws[i] >= 0 ? draws[i] / width : -((width - 1 - draws[i]) / width);
}

static inline double laplace_weight(const void *scale, double x)
{
	return exp(-fabs(x) / *(const double *)scale);
}

#endif
