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

void fm_heads(const struct fm_kernels *k, const struct fm_head *h, int n, fm_real tau, const fm_real *x,
	      const fm_real *noise, fm_real *y)
{
	for (int i = 0; i < n; i++) {
		int at = h[i].at;

		if (h[i].kind == FM_HEAD_TANH) {
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
		int at = h[i].at;

		if (h[i].kind == FM_HEAD_CHOICE) {
			k->softmax_back(d + at, y + at, d + at, 1, h[i].n, 1 / tau);
			continue;
		}
		for (int j = at; j < at + h[i].n; j++)
			d[j] *= h[i].kind == FM_HEAD_TANH ? 1 - y[j] * y[j] : y[j] * (1 - y[j]);
	}
}
