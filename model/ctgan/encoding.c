/* encoding.c - rows of a flow table as CTGAN's vectors, and back. */
#include "model/ctgan/encoding.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

/* Set the place of each column in vectors and conditions. */
static void columns_lay(struct fm_gan_codec *c)
{
	c->row = c->cond = c->ngroups = 0;
	for (int i = 0; i < c->flows.n; i++) {
		struct fm_gan_column *k = &c->column[i];

		k->of = &c->flows.column[i];
		k->at = c->row;
		k->cond = -1;
		if (k->of->kind == FM_ROW_NUMBER) {
			c->group[c->ngroups++] = (struct fm_head){c->row++, 1, FM_HEAD_TANH};
			k->n = k->mix.n;
		} else {
			k->n = k->of->n;
			k->cond = c->cond;
			c->cond += k->n;
		}
		c->group_of[i] = c->ngroups;
		c->group[c->ngroups++] = (struct fm_head){c->row, k->n, FM_HEAD_CHOICE};
		c->row += k->n;
	}
}

static int compare_double(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

static int number_fit(struct fm_gan_codec *c, int at, const struct fm_table *t, uint64_t seed, struct fm_error *err)
{
	const struct fm_row_column *of = &c->flows.column[at];
	struct fm_mixture *mix = &c->column[at].mix;
	struct fm_mixture_value *v = NULL;
	double *x = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_alloc(&x, t->rows, sizeof *x, "a column", err)) < 0 ||
	    (rc = fm_alloc(&v, t->rows, sizeof *v, "a column", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		x[i] = fm_row_number(&c->flows, of, t, i);
	qsort(x, t->rows, sizeof *x, compare_double);
	for (size_t i = 0; i < t->rows; i++) {
		if (i == 0 || x[i] > v[n - 1].x)
			v[n++].x = x[i];
		v[n - 1].rows++;
	}
	if ((rc = fm_mixture_fit(mix, v, n, seed, NULL, err)) < 0)
		goto out;
	fm_mixture_prune(mix);
out:
	free(x);
	free(v);
	return rc;
}

/* ---- learning ---- */

struct fitting {
	struct fm_gan_codec *c;
	const struct fm_table *t;
	const struct fm_gan_codec_opts *o;
	struct fm_gan_rows *rows;
	struct fm_error err[FM_ROW_COLUMNS];
	int rc[FM_ROW_COLUMNS];
};

static int column_fit(struct fitting *f, int at, struct fm_error *err)
{
	struct fm_row_columns *flows = &f->c->flows;
	struct fm_row_column *of = &flows->column[at];
	const struct fm_mixture *mix = &f->c->column[at].mix;
	const struct fm_table *t = f->t;
	uint16_t *code = f->rows->code + (size_t)at * t->rows;
	float *alpha = f->rows->alpha + (size_t)at * t->rows;
	int rc;

	if (of->kind != FM_ROW_NUMBER)
		return fm_row_column_fit(of, t, f->o->min_count, code, err);
	if ((rc = number_fit(f->c, at, t, f->o->seed + (uint64_t)at, err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++) {
		double p[FM_MODES_MOST], x = fm_row_number(flows, of, t, i), total = 0, goal, a;
		struct fm_rng r;
		int m = 0;

		fm_rng_init(&r, f->o->seed, FM_RNG_NOISE, i, 0x80000000u + (uint32_t)at);
		fm_mixture_posterior(mix, x, p);
		for (int j = 0; j < mix->n; j++)
			total += p[j] += 1e-6;
		goal = fm_rng_uniform53(&r) * total;
		while (m + 1 < mix->n && goal >= p[m])
			goal -= p[m++];
		a = (x - mix->mean[m]) / (4 * mix->sd[m]);
		code[i] = (uint16_t)m;
		alpha[i] = (float)(a > 0.99 ? 0.99 : a < -0.99 ? -0.99 : a);
	}
	return FM_OK;
}

static void fit_job(void *ctx, int at, int thread)
{
	struct fitting *f = ctx;

	(void)thread;
	f->rc[at] = column_fit(f, at, &f->err[at]);
}

int fm_gan_codec_fit(struct fm_gan_codec **out, struct fm_gan_rows *rows, const struct fm_table *t,
		     const struct fm_gan_codec_opts *o, struct fm_error *err)
{
	struct fm_gan_codec *c = NULL;
	struct fitting *f = NULL;
	int rc;

	*out = NULL;
	memset(rows, 0, sizeof *rows);
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0 ||
	    (rc = fm_alloc(&f, 1, sizeof *f, "the codec", err)) < 0)
		goto out;
	*f = (struct fitting){.c = c, .t = t, .o = o, .rows = rows};
	if ((rc = fm_row_columns_choose(&c->flows, t, o->bits ? FM_ROW_LOGS | FM_ROW_ADDRESS_BITS : 0, o->k, err)) < 0)
		goto out;
	if ((rc = fm_alloc(&rows->code, (size_t)c->flows.n * t->rows, sizeof *rows->code, "coded rows", err)) < 0 ||
	    (rc = fm_alloc(&rows->alpha, (size_t)c->flows.n * t->rows, sizeof *rows->alpha, "coded rows", err)) < 0)
		goto out;
	rows->n = t->rows;
	fm_pool_run(o->pool, c->flows.n, fit_job, f);
	for (int i = 0; i < c->flows.n; i++)
		if ((rc = f->rc[i]) < 0) {
			*err = f->err[i];
			goto out;
		}
	columns_lay(c);
out:
	free(f);
	if (rc < 0) {
		fm_gan_codec_free(c);
		fm_gan_rows_free(rows);
	} else {
		*out = c;
	}
	return rc;
}

void fm_gan_rows_free(struct fm_gan_rows *r)
{
	free(r->code);
	free(r->alpha);
	memset(r, 0, sizeof *r);
}

void fm_gan_codec_free(struct fm_gan_codec *c)
{
	if (!c)
		return;
	fm_row_columns_close(&c->flows);
	free(c);
}

void fm_gan_vector(const struct fm_gan_codec *c, const struct fm_gan_rows *rows, size_t i, float *x)
{
	memset(x, 0, sizeof *x * (size_t)c->row);
	for (int j = 0; j < c->flows.n; j++) {
		const struct fm_gan_column *k = &c->column[j];
		size_t at = (size_t)j * rows->n + i;

		if (k->of->kind == FM_ROW_NUMBER)
			x[k->at] = rows->alpha[at];
		x[k->at + (k->of->kind == FM_ROW_NUMBER) + rows->code[at]] = 1;
	}
}

/* ---- back ---- */

static int largest(const float *x, int n)
{
	int m = 0;

	for (int i = 1; i < n; i++)
		m = x[i] > x[m] ? i : m;
	return m;
}

static int hash_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int fm_gan_distinct(const struct fm_gan_codec *c, const float *x, int n)
{
	uint64_t *rows = calloc((size_t)n, sizeof *rows);
	int different = 0;

	if (!rows)
		return -1;
	for (int r = 0; r < n; r++, x += c->row)
		for (int i = 0; i < c->flows.n; i++) {
			const struct fm_head *g = &c->group[c->group_of[i]];
			const float *at = x + g->at;
			int m = 0;

			for (int j = 1; j < g->n; j++)
				m = at[j] > at[m] ? j : m;
			/* Fibonacci hashing (Knuth 1998, 6.4), a column at a time. */
			rows[r] = (rows[r] ^ (rows[r] >> 32) ^ (uint64_t)m) * UINT64_C(0x9e3779b97f4a7c15);
		}
	qsort(rows, (size_t)n, sizeof *rows, hash_order);
	for (int r = 0; r < n; r++)
		different += r == 0 || rows[r] != rows[r - 1];
	free(rows);
	return different;
}

void fm_gan_decode(const struct fm_gan_codec *c, const float *x, struct fm_table *t, size_t i)
{
	for (int j = 0; j < c->flows.n; j++) {
		const struct fm_gan_column *k = &c->column[j];
		const float *one = x + k->at + (k->of->kind == FM_ROW_NUMBER);
		int m = largest(one, k->n);
		double alpha = x[k->at];

		if (k->of->kind != FM_ROW_NUMBER) {
			fm_row_code_put(k->of, m, t, i);
			continue;
		}
		alpha = alpha > -1 ? (alpha < 1 ? alpha : 1) : -1; /* NaN: -1 */
		fm_row_number_put(&c->flows, k->of, alpha * 4 * k->mix.sd[m] + k->mix.mean[m], t, i);
	}
}

/* ---- as JSON ---- */

json_t *fm_gan_codec_json(const struct fm_gan_codec *c)
{
	json_t *j = fm_row_columns_json(&c->flows), *columns = json_object_get(j, "columns");

	for (int i = 0; i < c->flows.n; i++) {
		const struct fm_mixture *mix = &c->column[i].mix;
		json_t *modes;

		if (c->flows.column[i].kind != FM_ROW_NUMBER)
			continue;
		modes = json_array();
		for (int m = 0; m < mix->n; m++)
			json_array_append_new(
			    modes, json_pack("[f,f,f,f]", mix->weight[m], mix->mean[m], mix->sd[m], mix->bias[m]));
		json_object_set_new(json_array_get(columns, (size_t)i), "modes", modes);
	}
	return j;
}

static int modes_read(struct fm_mixture *mix, const json_t *modes, int at, struct fm_error *err)
{
	mix->n = (int)json_array_size(modes);
	if (mix->n < 1 || mix->n > FM_MODES_MOST)
		return fm_row_columns_damaged(err, at);
	for (int m = 0; m < mix->n; m++) {
		const json_t *v = json_array_get(modes, (size_t)m);

		mix->weight[m] = json_number_value(json_array_get(v, 0));
		mix->mean[m] = json_number_value(json_array_get(v, 1));
		mix->sd[m] = json_number_value(json_array_get(v, 2));
		mix->bias[m] = json_number_value(json_array_get(v, 3));
		if (!(mix->sd[m] > 0))
			return fm_row_columns_damaged(err, at);
	}
	return FM_OK;
}

int fm_gan_codec_from_json(struct fm_gan_codec **out, const json_t *j, struct fm_error *err)
{
	const json_t *columns = json_object_get(j, "columns");
	struct fm_gan_codec *c = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0 ||
	    (rc = fm_row_columns_from_json(&c->flows, j, err)) < 0)
		goto out;
	for (int i = 0; i < c->flows.n; i++)
		if (c->flows.column[i].kind == FM_ROW_NUMBER &&
		    (rc = modes_read(&c->column[i].mix, json_object_get(json_array_get(columns, (size_t)i), "modes"), i,
				     err)) < 0)
			goto out;
	columns_lay(c);
out:
	if (rc < 0)
		fm_gan_codec_free(c);
	else
		*out = c;
	return rc;
}
