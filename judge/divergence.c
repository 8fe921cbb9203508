#include "judge/divergence.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"

/* One cell's part of 2 * JSD. */
static double cell(double p, double q)
{
	double m = (p + q) / 2, t = 0;

	if (p > 0)
		t += p * log(p / m);
	if (q > 0)
		t += q * log(q / m);
	return t;
}

static double half(long double sum)
{
	return sum > 0 ? (double)(sum / 2) : 0.0; /* rounding may leave equal distributions just below zero */
}

double fm_jsd_counts(const uint64_t *p, const uint64_t *q, size_t k)
{
	long double sum = 0;
	double np = 0, nq = 0;

	for (size_t i = 0; i < k; i++) {
		np += (double)p[i];
		nq += (double)q[i];
	}
	if (np == 0 || nq == 0)
		return NAN;
	for (size_t i = 0; i < k; i++)
		sum += cell((double)p[i] / np, (double)q[i] / nq);
	return half(sum);
}

double fm_jsd_sorted(const uint64_t *x, size_t nx, const uint64_t *y, size_t ny)
{
	long double sum = 0;
	size_t i = 0, j = 0;

	if (nx == 0 || ny == 0)
		return NAN;
	while (i < nx || j < ny) {
		uint64_t v = j >= ny || (i < nx && x[i] <= y[j]) ? x[i] : y[j];
		size_t i0 = i, j0 = j;
		while (i < nx && x[i] == v)
			i++;
		while (j < ny && y[j] == v)
			j++;
		sum += cell((double)(i - i0) / (double)nx, (double)(j - j0) / (double)ny);
	}
	return half(sum);
}

size_t fm_run_counts(const uint64_t *x, size_t n, uint64_t *count)
{
	size_t k = 0;

	for (size_t i = 0, i0; i < n; k++) {
		for (i0 = i; i < n && x[i] == x[i0];)
			i++;
		if (count)
			count[k] = i - i0;
	}
	return k;
}

int fm_jsd_ranked(const uint64_t *x, size_t nx, const uint64_t *y, size_t ny, double *jsd, struct fm_error *err)
{
	size_t kx = fm_run_counts(x, nx, NULL), ky = fm_run_counts(y, ny, NULL), k = kx > ky ? kx : ky;
	uint64_t *a = NULL, *b = NULL;
	int rc = FM_OK;

	*jsd = NAN;
	if (k == 0)
		return FM_OK;
	if ((rc = fm_alloc(&a, k, sizeof *a, "counts by rank", err)) < 0)
		goto out;
	if ((rc = fm_alloc(&b, k, sizeof *b, "counts by rank", err)) < 0)
		goto out;
	/* Rising counts with padding zeros in front are, read from the end, falling counts with the zeros behind. */
	fm_run_counts(x, nx, a);
	fm_run_counts(y, ny, b);
	if ((rc = fm_sort_u64(a, NULL, k, err)) < 0 || (rc = fm_sort_u64(b, NULL, k, err)) < 0)
		goto out;
	*jsd = fm_jsd_counts(a, b, k);
out:
	free(a);
	free(b);
	return rc;
}

double fm_emd_sorted(const uint64_t *x, size_t nx, const uint64_t *y, size_t ny)
{
	long double sum = 0;
	uint64_t at = 0;
	size_t i = 0, j = 0;

	if (nx == 0 || ny == 0)
		return NAN;
	while (i < nx || j < ny) {
		uint64_t v = j >= ny || (i < nx && x[i] <= y[j]) ? x[i] : y[j];
		if (i + j > 0)
			sum += fabsl((long double)i / (long double)nx - (long double)j / (long double)ny) *
			       (long double)(v - at);
		while (i < nx && x[i] == v)
			i++;
		while (j < ny && y[j] == v)
			j++;
		at = v;
	}
	return (double)sum;
}
