/* optimiser.c - sums of gradients and steps of AdamW, a chunk of the parameters at a time. */
#include "model/nn/optimiser.h"

#include <math.h>
#include <stdlib.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "model/nn/parts.h"

#define CHUNK FM_PARTS_CHUNK

struct fm_optimiser {
	const struct fm_kernels *k;
	struct fm_pool *pool;
	size_t nfloats;
	int chunks;
	double *norm2; /* (chunks) */
	/* the current call */
	float *const *part;
	int nparts, span; /* span: the power of two that holds nparts */
	const struct fm_train_arrays *a;
	const float *g;
	const struct fm_adamw *step;
};

int fm_optimiser_new(struct fm_optimiser **out, size_t nfloats, struct fm_pool *pool, struct fm_error *err)
{
	struct fm_optimiser *o = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&o, 1, sizeof *o, "the optimiser", err)) < 0)
		return rc;
	*o = (struct fm_optimiser){
	    .k = fm_kernels(), .pool = pool, .nfloats = nfloats, .chunks = (int)((nfloats + CHUNK - 1) / CHUNK)};
	if ((rc = fm_alloc(&o->norm2, (size_t)o->chunks, sizeof *o->norm2, "norms", err)) < 0)
		fm_optimiser_free(o);
	else
		*out = o;
	return rc;
}

void fm_optimiser_free(struct fm_optimiser *o)
{
	if (!o)
		return;
	free(o->norm2);
	free(o);
}

static void chunk_range(const struct fm_optimiser *o, int chunk, size_t *at, size_t *n)
{
	*at = (size_t)chunk * CHUNK;
	*n = o->nfloats - *at < CHUNK ? o->nfloats - *at : CHUNK;
}

static void sum_job(void *ctx, int chunk, int thread)
{
	struct fm_optimiser *o = ctx;
	size_t at, n;

	(void)thread;
	chunk_range(o, chunk, &at, &n);
	fm_parts_add(o->k, o->part, o->nparts, 0, o->span, at, n);
	o->norm2[chunk] = o->k->sumsq(o->part[0] + at, n);
}

double fm_optimiser_sum(struct fm_optimiser *o, float *const *part, int n)
{
	double sum = 0;

	o->part = part;
	o->nparts = n;
	for (o->span = 1; o->span < n;)
		o->span *= 2;
	fm_pool_run(o->pool, o->chunks, sum_job, o);
	for (int i = 0; i < o->chunks; i++)
		sum += o->norm2[i];
	return sqrt(sum);
}

static void step_job(void *ctx, int chunk, int thread)
{
	struct fm_optimiser *o = ctx;
	const struct fm_train_arrays *a = o->a;
	const struct fm_adamw *s = o->step;
	struct fm_adamw_rates by = {
	    .scale = (float)s->scale,
	    .rate = (float)s->rate,
	    .b1 = (float)s->beta1,
	    .b2 = (float)s->beta2,
	    .c1 = (float)(1 / (1 - s->beta1_t)),
	    .c2 = (float)(1 / (1 - s->beta2_t)),
	    .decay = (float)s->weight_decay,
	    .ema_decay = (float)s->ema_decay,
	};
	size_t at, n;

	(void)thread;
	chunk_range(o, chunk, &at, &n);
	o->k->adamw(a->w + at, a->m + at, a->v + at, a->ema + at, o->g + at, n, &by);
}

void fm_optimiser_step(struct fm_optimiser *o, const struct fm_train_arrays *a, const float *g,
		       const struct fm_adamw *step)
{
	o->a = a;
	o->g = g;
	o->step = step;
	fm_pool_run(o->pool, o->chunks, step_job, o);
}

double fm_train_rate(double peak, int warmup, int step, int steps)
{
	double warm = step < warmup ? (step + 1.0) / warmup : 1.0;
	return peak * warm * (0.01 + 0.99 * 0.5 * (1 + fm_det_cos(3.14159265358979323846 * step / steps)));
}

int fm_train_steps(int asked, struct fm_passes p, size_t windows, int batch)
{
	size_t steps = (size_t)p.passes * windows / (size_t)batch;

	return asked > 0 ? asked : steps < (size_t)p.least ? p.least : steps > 15000 ? 15000 : (int)steps;
}
