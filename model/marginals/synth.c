#include "model/marginals/synth.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SHARDS 64
#define STRONGEST 30.0f /* the largest ratio of a pair to its prior; the inverse is the least */

/* Attributes in the order in which they are drawn. */
static const enum fm_attr drawn[FM_NATTRS] = {FM_A_KIND,   FM_A_SIZE, FM_B_SIZE,  FM_A_TD,    FM_B_TD,  FM_A_CLIENT,
					      FM_A_SERVER, FM_A_TIME, FM_A_PORT,  FM_NEAR,    FM_A_FLG, FM_B_FLG,
					      FM_A_TOS,    FM_B_TOS,  FM_A2_SIZE, FM_B2_SIZE, FM_A2_TD, FM_B2_TD,
					      FM_B_GAP,    FM_A2_GAP, FM_B2_GAP,  FM_A_LABEL};

struct draw {
	struct fm_synth *s;
	enum fm_attr attr;
	int size, nfactors;
	const float *by_kind;           /* (kinds, size) */
	const float *factor[FM_NATTRS]; /* (size of y, size) */
	enum fm_attr with[FM_NATTRS];
	float *work; /* (SHARDS, size) */
	const struct fm_guide *guide;
	bool drawn[FM_NATTRS];
	float *ratio; /* (SHARDS, FM_GUIDE_ROWS, size), where there is a guide */
	uint64_t seed;
};

static void draw_shard(void *ctx, int shard, int thread)
{
	struct draw *d = ctx;
	struct fm_synth *s = d->s;
	size_t from = s->n * (size_t)shard / SHARDS, to = s->n * ((size_t)shard + 1) / SHARDS;
	float *w = d->work + (size_t)shard * (size_t)d->size;
	const int size = d->size;

	float *ratio = d->ratio ? d->ratio + (size_t)shard * FM_GUIDE_ROWS * (size_t)size : NULL;

	for (size_t i = from; i < to; i++) {
		size_t place = (i - from) % FM_GUIDE_ROWS;
		struct fm_rng rng;
		float sum = 0, want;
		int x = 0;

		if (ratio && place == 0)
			d->guide->ratio(d->guide->ctx, thread, s, d->attr, d->drawn, i,
					to - i < FM_GUIDE_ROWS ? (int)(to - i) : FM_GUIDE_ROWS, ratio);

		memcpy(w, d->by_kind + (size_t)s->tok[FM_A_KIND][i] * (size_t)size, (size_t)size * sizeof *w);
		for (int f = 0; f < d->nfactors; f++) {
			const float *r = d->factor[f] + (size_t)s->tok[d->with[f]][i] * (size_t)size;

			for (int k = 0; k < size; k++)
				w[k] *= r[k];
		}
		for (int k = 0; ratio && k < size; k++)
			w[k] *= ratio[place * (size_t)size + (size_t)k];
		for (int k = 0; k < size; k++)
			w[k] = sum += w[k];
		fm_rng_init(&rng, d->seed, FM_RNG_SAMPLE, i, (uint32_t)d->attr);
		want = fm_rng_uniform(&rng) * sum;
		while (x + 1 < size && w[x] <= want)
			x++;
		s->tok[d->attr][i] = (uint16_t)x;
	}
}

/* The ratio of the estimate to the prior from the kinds alone, transposed to (y, x). */
static int factor_make(float **out, const struct fm_tables *t, enum fm_attr x, enum fm_attr y, struct fm_error *err)
{
	const struct fm_table2 *p = fm_tables_find(t, x, y);
	int nx = t->size[x], ny = t->size[y], rc;
	double *prior = NULL;

	if ((rc = fm_alloc(&prior, (size_t)nx * (size_t)ny, sizeof *prior, "a prior", err)) < 0 ||
	    (rc = fm_alloc(out, (size_t)nx * (size_t)ny, sizeof **out, "a factor", err)) < 0)
		goto out;
	fm_tables_prior(t, y, x, prior);
	for (int b = 0; b < ny; b++)
		for (int a = 0; a < nx; a++) {
			double est = p->x == x ? p->cell[(size_t)a * (size_t)ny + (size_t)b]
					       : p->cell[(size_t)b * (size_t)nx + (size_t)a];
			double was = prior[(size_t)b * (size_t)nx + (size_t)a];
			float r = was > 1e-9 ? (float)(est / was) : STRONGEST;

			if (was <= 1e-9 && est <= 1e-9)
				r = 1 / STRONGEST;
			(*out)[(size_t)b * (size_t)nx + (size_t)a] = r > STRONGEST       ? STRONGEST
								     : r < 1 / STRONGEST ? 1 / STRONGEST
											 : r;
		}
out:
	free(prior);
	return rc;
}

static int by_kind_make(float **out, const struct fm_tables *t, enum fm_attr x, struct fm_error *err)
{
	const struct fm_table2 *p = fm_tables_find(t, FM_A_KIND, x);
	size_t nk = (size_t)t->size[FM_A_KIND], nx = (size_t)t->size[x];
	int rc;

	if ((rc = fm_alloc(out, nk * nx, sizeof **out, "a table", err)) < 0)
		return rc;
	for (size_t k = 0; k < nk; k++)
		for (size_t a = 0; a < nx; a++)
			(*out)[k * nx + a] = (float)(p->cell[k * nx + a] > 0 && t->one[FM_A_KIND][k] > 0
							 ? p->cell[k * nx + a] / t->one[FM_A_KIND][k]
							 : 0);
	return FM_OK;
}

static int draw_attr(struct fm_synth *s, const struct fm_tables *t, int place, const struct fm_synth_opts *o,
		     struct fm_error *err)
{
	struct draw d = {
	    .s = s, .attr = drawn[place], .size = t->size[drawn[place]], .guide = o->guide, .seed = o->seed};
	float *by_kind = NULL, *factor[FM_NATTRS] = {0};
	int rc;

	if ((rc = by_kind_make(&by_kind, t, d.attr, err)) < 0 ||
	    (rc = fm_alloc(&d.work, SHARDS * (size_t)d.size, sizeof *d.work, "weights", err)) < 0)
		goto out;
	if (o->guide &&
	    (rc = fm_alloc(&d.ratio, SHARDS * FM_GUIDE_ROWS * (size_t)d.size, sizeof *d.ratio, "weights", err)) < 0)
		goto out;
	for (int q = 0; q < place; q++)
		d.drawn[drawn[q]] = true;
	for (int q = 1; q < place; q++) {
		if (fm_tables_find(t, d.attr, drawn[q]) == NULL)
			continue;
		if ((rc = factor_make(&factor[d.nfactors], t, d.attr, drawn[q], err)) < 0)
			goto out;
		d.factor[d.nfactors] = factor[d.nfactors];
		d.with[d.nfactors++] = drawn[q];
	}
	d.by_kind = by_kind;
	fm_pool_run(o->pool, SHARDS, draw_shard, &d);
out:
	free(by_kind);
	free(d.work);
	free(d.ratio);
	for (int i = 0; i < FM_NATTRS; i++)
		free(factor[i]);
	return rc;
}

void fm_synth_kinds(struct fm_synth *s, const struct fm_tables *t)
{
	double run = 0;
	int k = -1;

	for (size_t i = 0; i < s->n; i++) {
		double at = ((double)i + 0.5) / (double)s->n * t->total;

		while (k + 1 < t->size[FM_A_KIND] && (k < 0 || run <= at))
			run += t->one[FM_A_KIND][++k];
		s->tok[FM_A_KIND][i] = (uint16_t)k;
	}
}

int fm_synth_make(struct fm_synth *s, const struct fm_tables *t, const struct fm_synth_opts *o, struct fm_error *err)
{
	int rc = FM_OK;

	memset(s, 0, sizeof *s);
	s->n = o->n;
	for (int a = 0; a < FM_NATTRS; a++)
		if ((rc = fm_alloc(&s->tok[a], s->n + 1, sizeof **s->tok, "records", err)) < 0)
			goto out;
	fm_synth_kinds(s, t);
	for (int i = 1; i < FM_NATTRS; i++)
		if ((rc = draw_attr(s, t, i, o, err)) < 0)
			goto out;
	rc = fm_synth_update(s, t, o, err);
out:
	if (rc < 0)
		fm_synth_free(s);
	return rc;
}

void fm_synth_free(struct fm_synth *s)
{
	for (int a = 0; a < FM_NATTRS; a++)
		free(s->tok[a]);
	memset(s, 0, sizeof *s);
}
