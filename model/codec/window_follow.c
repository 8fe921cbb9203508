/* window_follow.c - how the durations of windows follow each other. */
#include "model/codec/window_follow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

struct value {
	double x;
	uint32_t at;
};

static int compare_values(const void *a, const void *b)
{
	const struct value *x = a, *y = b;
	if (x->x != y->x)
		return x->x < y->x ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Logarithms of the lengths of the n windows of one slot, minus their mean. */
static void logarithms(const int64_t *length, size_t n, double *x)
{
	double mean = 0;
	for (size_t i = 0; i < n; i++) {
		x[i] = fm_det_log((double)(length[i] > 0 ? length[i] : 0) + 500);
		mean += x[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++)
		x[i] -= mean;
}

int fm_window_follow_fit(struct fm_times *times, const struct fm_window_lengths *w, int min_count, struct fm_error *err)
{
	double *z = NULL, square = 0, cube = 0;
	int rc;
	if ((rc = fm_alloc(&z, w->n + 1, sizeof *z, "durations of windows", err)) < 0)
		return rc;
	for (size_t i = 0, j; i < w->n; i = j) {
		for (j = i; j < w->n && w->slot[j] == w->slot[i]; j++)
			;
		logarithms(w->length + i, j - i, z + i);
	}
	for (size_t i = 0; i < w->n; i++) {
		square += z[i] * z[i] / (double)w->n;
		cube += z[i] * z[i] * z[i] / (double)w->n;
	}
	times->skew = w->n >= (size_t)min_count && square > 0 ? cube / (square * sqrt(square)) : 0;
	for (int l = 0; l < FM_LAGS; l++) {
		double sum = 0;
		size_t pairs = 0;
		for (size_t i = 0, j = 0; i < w->n; i++) {
			while (j < w->n && w->number[j] < w->number[i] + (uint32_t)l + 1)
				j++;
			if (j < w->n && w->number[j] == w->number[i] + (uint32_t)l + 1) {
				sum += z[i] * z[j];
				pairs++;
			}
		}
		if (pairs >= (size_t)min_count && square > 0)
			/* The mean square is over all windows, so the correlation of a few pairs could exceed 1. */
			times->follow[l] = fmax(-1, fmin(1, sum / (double)pairs / square));
		else
			times->follow[l] = 0;
	}
	free(z);
	return FM_OK;
}

/* A draw of mean 0 and variance 1: normal, minus, by its share `sudden`, a squared exponential, which has mean 2 and
 * variance 20.
 */
static double innovation(struct fm_window_follow *f)
{
	double u = fm_normal_quantile(fm_rng_uniform53(&f->rng) + 0x1p-54),
	       e = -fm_det_log(1 - fm_rng_uniform53(&f->rng));
	return sqrt(1 - f->sudden * f->sudden) * u + f->sudden * (2 - e * e) / sqrt(20);
}

void fm_window_follow_begin(struct fm_window_follow *f, const struct fm_times *times, uint64_t seed)
{
	double variance = 1, next[FM_LAGS];
	memset(f, 0, sizeof *f);
	fm_rng_init(&f->rng, seed, FM_RNG_SCHEDULE, UINT32_MAX, 0);
	for (int m = 0; m < FM_LAGS; m++) { /* one lag more at a time */
		double k = times->follow[m];
		for (int i = 0; i < m; i++)
			k -= f->weight[i] * times->follow[m - 1 - i];
		k /= variance;
		if (!(k > -0.99 && k < 0.99)) /* no such sequence exists: use the lags before only */
			break;
		for (int i = 0; i < m; i++)
			next[i] = f->weight[i] - k * f->weight[m - 1 - i];
		next[m] = k;
		memcpy(f->weight, next, sizeof *next * (size_t)(m + 1));
		variance *= 1 - k * k;
	}
	f->sigma = sqrt(variance);
	f->sudden = times->skew < -2 ? 1 : times->skew < 0 ? -times->skew / 2 : 0;
	for (int i = 0; i < FM_LAGS; i++)
		f->before[i] = innovation(f);
}

int fm_window_follow_ranks(struct fm_window_follow *f, uint32_t *rank, size_t n, struct fm_error *err)
{
	struct value *v = NULL;
	int rc;
	if ((rc = fm_alloc(&v, n + 1, sizeof *v, "a schedule", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		double x = f->sigma * innovation(f);
		for (int l = 0; l < FM_LAGS; l++)
			x += f->weight[l] * f->before[l];
		memmove(f->before + 1, f->before, sizeof *f->before * (FM_LAGS - 1));
		f->before[0] = x;
		v[i] = (struct value){x, (uint32_t)i};
	}
	qsort(v, n, sizeof *v, compare_values);
	for (size_t i = 0; i < n; i++)
		rank[v[i].at] = (uint32_t)i;
	free(v);
	return FM_OK;
}
