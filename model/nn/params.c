/* params.c - the layout of a network's parameters. */
#include "model/nn/params.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/detmath.h"
#include "base/rng.h"

size_t fm_layout_add(struct fm_layout *l, int rows, int cols, float std, const char *name, ...)
{
	va_list ap;
	assert(l->n < FM_MAXTENSORS);
	struct fm_tensor *t = &l->tensor[l->n++];
	va_start(ap, name);
	vsnprintf(t->name, sizeof t->name, name, ap);
	va_end(ap);
	t->rows = rows;
	t->cols = cols;
	t->std = std;
	t->at = l->nfloats;
	l->nfloats += ((size_t)rows * (size_t)cols + 15) & ~(size_t)15;
	return t->at;
}

/* The initial bias of head h for a flow d places ahead. */
static float near_bias(int h, int d)
{
	static const struct {
		int at;
		float slope;
	} look[4] = {{-1, 1.0f}, {1, 1.0f}, {0, 0.2f}, {0, 0}};
	float x = (float)(d < look[h % 4].at ? look[h % 4].at - d : d - look[h % 4].at) * look[h % 4].slope;
	return x < 8 ? -x : -8;
}

void fm_layout_init(const struct fm_layout *l, fm_real *p, uint64_t seed)
{
	for (int i = 0; i < l->n; i++) {
		const struct fm_tensor *t = &l->tensor[i];
		size_t n = (size_t)t->rows * (size_t)t->cols;
		struct fm_rng r;
		fm_rng_init(&r, seed, FM_RNG_INIT, (uint64_t)i, 0);
		for (size_t k = 0; t->std == FM_STD_NEAR && k < n; k++)
			p[t->at + k] = near_bias((int)(k / (size_t)t->cols), (int)(k % (size_t)t->cols) - t->cols / 2);
		for (size_t k = 0; t->std != FM_STD_NEAR && k < n; k++) {
			/* Irwin-Hall: the sum of twelve uniforms has variance 1; near enough to normal for a start, and
			 * the same bits everywhere. */
			float s = -6.0f;
			for (int j = 0; t->std > 0 && j < 12; j++)
				s += fm_rng_uniform(&r);
			p[t->at + k] = t->std > 0 ? s * t->std : 0.0f;
		}
	}
}
