/* heads.c - scalars and choices of a last layer. */
#include "model/nn/heads.h"

#include <stddef.h>

static fm_real within(fm_real x, fm_real most)
{
	return x > most ? most : x < -most ? -most : x;
}

void fm_tanh(const struct fm_kernels *k, fm_real *y, const fm_real *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] = 2 * within(x[i], 15);
	k->exp(y, y, (size_t)n);
	for (int i = 0; i < n; i++)
		y[i] = 1 - 2 / (y[i] + 1);
}

void fm_logistic(const struct fm_kernels *k, fm_real *y, const fm_real *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] = -within(x[i], 30);
	k->exp(y, y, (size_t)n);
	for (int i = 0; i < n; i++)
		y[i] = 1 / (1 + y[i]);
}

/* The number of heads from i on that are choices of two, at most PAIRS. */
#define PAIRS 64
static int pairs_at(const struct fm_head *h, int i, int n)
{
	int m = 0;

	while (m < PAIRS && i + m < n && h[i + m].kind == FM_HEAD_CHOICE && h[i + m].n == 2 &&
	       h[i + m].at == h[i].at + 2 * m)
		m++;
	return m;
}

/* softmax of pairs: the logistic function of their differences. */
static void pairs(const struct fm_kernels *k, fm_real *y, const fm_real *x, const fm_real *noise, int n, fm_real scale)
{
	fm_real d[PAIRS] = {0};

	for (int i = 0; i < n; i++)
		d[i] =
		    scale * (x[2 * i + 1] + (noise ? noise[2 * i + 1] : 0) - (x[2 * i] + (noise ? noise[2 * i] : 0)));
	fm_logistic(k, d, d, n);
	for (int i = 0; i < n; i++) {
		y[2 * i] = 1 - d[i];
		y[2 * i + 1] = d[i];
	}
}

static void pairs_back(const fm_real *y, fm_real *d, int n, fm_real scale)
{
	for (int i = 0; i < n; i++) {
		fm_real slope = scale * y[2 * i] * y[2 * i + 1] * (d[2 * i + 1] - d[2 * i]);

		d[2 * i] = -slope;
		d[2 * i + 1] = slope;
	}
}

void fm_heads(const struct fm_kernels *k, const struct fm_head *h, int n, fm_real tau, const fm_real *x,
	      const fm_real *noise, fm_real *y)
{
	for (int i = 0; i < n; i++) {
		int at = h[i].at, two = pairs_at(h, i, n);

		if (two > 0) {
			pairs(k, y + at, x + at, noise ? noise + at : NULL, two, 1 / tau);
			i += two - 1;
		} else if (h[i].kind == FM_HEAD_TANH) {
			fm_tanh(k, y + at, x + at, h[i].n);
		} else if (h[i].kind == FM_HEAD_UNIT) {
			fm_logistic(k, y + at, x + at, h[i].n);
		} else {
			for (int j = at; j < at + h[i].n; j++)
				y[j] = x[j] + (noise ? noise[j] : 0);
			k->softmax(y + at, y + at, 1, h[i].n, 1 / tau);
		}
	}
}

void fm_heads_back(const struct fm_kernels *k, const struct fm_head *h, int n, fm_real tau, const fm_real *y,
		   fm_real *d)
{
	for (int i = 0; i < n; i++) {
		int at = h[i].at, two = pairs_at(h, i, n);

		if (two > 0) {
			pairs_back(y + at, d + at, two, 1 / tau);
			i += two - 1;
			continue;
		}
		if (h[i].kind == FM_HEAD_CHOICE) {
			k->softmax_back(d + at, y + at, d + at, 1, h[i].n, 1 / tau);
			continue;
		}
		for (int j = at; j < at + h[i].n; j++)
			d[j] *= h[i].kind == FM_HEAD_TANH ? 1 - y[j] * y[j] : y[j] * (1 - y[j]);
	}
}
