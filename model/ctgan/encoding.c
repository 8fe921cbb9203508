/* encoding.c - rows of a flow table as CTGAN's vectors, and back. */
#include "model/ctgan/encoding.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

#define VALUES_MOST 65535

/* ---- columns ---- */

static struct fm_gan_column *column_add(struct fm_gan_codec *c, enum fm_col col)
{
	struct fm_gan_column *k = &c->column[c->ncolumns++];

	k->col = col;
	k->cond = -1;
	return k;
}

/* Which columns there are, before anything is learned. */
static void columns_choose(struct fm_gan_codec *c, bool bits)
{
	for (int col = 0; col < FM_NFLOWCOL; col++) {
		enum fm_kind kind = fm_cols[col].kind;

		if (!(c->present >> col & 1))
			continue;
		if (kind == FM_KIND_ADDRESS && bits) {
			for (int b = 31; b >= 0; b--) {
				struct fm_gan_column *k = column_add(c, (enum fm_col)col);

				k->kind = FM_GAN_BIT;
				k->bit = b;
				k->n = 2;
			}
			continue;
		}
		column_add(c, (enum fm_col)col)->kind = kind == FM_KIND_CATEGORY ? FM_GAN_CATEGORY : FM_GAN_NUMBER;
		c->column[c->ncolumns - 1].log = bits && (kind == FM_KIND_DURATION || kind == FM_KIND_COUNT);
	}
}

/* Where each column stands in vectors and conditions. */
static void columns_lay(struct fm_gan_codec *c)
{
	c->row = c->cond = c->ngroups = 0;
	for (int i = 0; i < c->ncolumns; i++) {
		struct fm_gan_column *k = &c->column[i];

		k->at = c->row;
		if (k->kind == FM_GAN_NUMBER) {
			c->group[c->ngroups++] = (struct fm_gan_group){c->row++, 1, true};
		} else {
			k->cond = c->cond;
			c->cond += k->n;
		}
		c->group_of[i] = c->ngroups;
		c->group[c->ngroups++] = (struct fm_gan_group){c->row, k->n, false};
		c->row += k->n;
	}
}

static uint32_t raw_address(const struct fm_table *t, enum fm_col col, size_t i)
{
	struct fm_address a = fm_table_address(t, ((const uint32_t *)t->col[col])[i]);

	return fm_address_fold(&a);
}

static double number_of(const struct fm_gan_codec *c, const struct fm_gan_column *k, const struct fm_table *t, size_t i)
{
	double x;

	if (k->col == FM_TE)
		return (double)(t->te[i] - c->first_ms);
	x = fm_cols[k->col].kind == FM_KIND_ADDRESS ? (double)raw_address(t, k->col, i)
						    : (double)fm_table_value(t, k->col, i);
	return k->log ? fm_det_log1p(x) : x;
}

static int compare_double(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

static int number_fit(const struct fm_gan_codec *c, struct fm_gan_column *k, const struct fm_table *t, uint64_t seed,
		      struct fm_error *err)
{
	struct fm_mixture_value *v = NULL;
	double *x = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_alloc(&x, t->rows, sizeof *x, "a column", err)) < 0 ||
	    (rc = fm_alloc(&v, t->rows, sizeof *v, "a column", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		x[i] = number_of(c, k, t, i);
	qsort(x, t->rows, sizeof *x, compare_double);
	for (size_t i = 0; i < t->rows; i++) {
		if (i == 0 || x[i] > v[n - 1].x)
			v[n++].x = x[i];
		v[n - 1].rows++;
	}
	if ((rc = fm_mixture_fit(&k->mix, v, n, seed, NULL, err)) < 0)
		goto out;
	fm_mixture_prune(&k->mix);
	k->n = k->mix.n;
out:
	free(x);
	free(v);
	return rc;
}

/* Values of at least min_count rows, in the order of the dictionary; code[value] is a value's index. */
static int category_fit(struct fm_gan_column *k, const struct fm_table *t, int min_count, uint16_t *code,
			struct fm_error *err)
{
	const struct fm_dict *d = &t->dict[k->col];
	double *count = NULL;
	size_t most = 0;
	int rc;

	if ((rc = fm_alloc(&count, d->n + 1, sizeof *count, "values", err)) < 0 ||
	    (rc = fm_alloc(&k->value, d->n + 1, sizeof *k->value, "values", err)) < 0 ||
	    (rc = fm_alloc(&k->count, d->n + 1, sizeof *k->count, "values", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		count[fm_table_value(t, k->col, i)]++;
	for (size_t i = 0; i < d->n; i++)
		most = count[i] > count[most] ? i : most;
	for (size_t i = 0; i < d->n; i++) {
		if (count[i] < min_count && i != most)
			continue;
		code[i] = (uint16_t)k->n;
		k->count[k->n] = count[i];
		if (!(k->value[k->n++] = strdup(d->value[i]))) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory for values");
			goto out;
		}
	}
	for (size_t i = 0; i < d->n; i++)
		if (count[i] < min_count && i != most) {
			code[i] = code[most];
			k->count[code[most]] += count[i];
		}
out:
	free(count);
	return rc;
}

/* ---- learning ---- */

struct fitting {
	struct fm_gan_codec *c;
	const struct fm_table *t;
	const struct fm_gan_codec_opts *o;
	struct fm_gan_rows *rows;
	struct fm_error err[FM_GAN_COLUMNS];
	int rc[FM_GAN_COLUMNS];
};

static int column_fit(struct fitting *f, int at, struct fm_error *err)
{
	struct fm_gan_column *k = &f->c->column[at];
	const struct fm_table *t = f->t;
	uint16_t *code = f->rows->code + (size_t)at * t->rows, *of = NULL;
	float *alpha = f->rows->alpha + (size_t)at * t->rows;
	int rc;

	if (k->kind == FM_GAN_BIT) {
		if ((rc = fm_alloc(&k->count, 2, sizeof *k->count, "values", err)) < 0)
			return rc;
		for (size_t i = 0; i < t->rows; i++) {
			code[i] = raw_address(t, k->col, i) >> k->bit & 1;
			k->count[code[i]]++;
		}
		return FM_OK;
	}
	if (k->kind == FM_GAN_CATEGORY) {
		if ((rc = fm_alloc(&of, t->dict[k->col].n + 1, sizeof *of, "values", err)) < 0)
			return rc;
		rc = category_fit(k, t, f->o->min_count, of, err);
		for (size_t i = 0; rc == FM_OK && i < t->rows; i++)
			code[i] = of[fm_table_value(t, k->col, i)];
		free(of);
		return rc;
	}
	if ((rc = number_fit(f->c, k, t, f->o->seed + (uint64_t)at, err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++) {
		double p[FM_MODES_MOST], x = number_of(f->c, k, t, i), total = 0, goal, a;
		struct fm_rng r;
		int m = 0;

		fm_rng_init(&r, f->o->seed, FM_RNG_NOISE, i, 0x80000000u + (uint32_t)at);
		fm_mixture_posterior(&k->mix, x, p);
		for (int j = 0; j < k->n; j++)
			total += p[j] += 1e-6;
		goal = fm_rng_uniform53(&r) * total;
		while (m + 1 < k->n && goal >= p[m])
			goal -= p[m++];
		a = (x - k->mix.mean[m]) / (4 * k->mix.sd[m]);
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

static void sides_fit(struct fm_gan_codec *c, const struct fm_table *t, int min_count)
{
	uint64_t in[256] = {0}, all[256] = {0};

	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < t->rows; i++) {
			uint32_t octet = raw_address(t, s ? FM_DA : FM_SA, i) >> 24;

			all[octet]++;
			in[octet] += fm_table_inside(t, (s ? t->da : t->sa)[i]);
		}
	for (int o = 0; o < 256; o++)
		c->inside[o] = all[o] >= (uint64_t)min_count && 2 * in[o] > all[o];
}

int fm_gan_codec_fit(struct fm_gan_codec **out, struct fm_gan_rows *rows, const struct fm_table *t,
		     const struct fm_gan_codec_opts *o, struct fm_error *err)
{
	struct fm_gan_codec *c = NULL;
	struct fitting *f = NULL;
	int rc;

	*out = NULL;
	memset(rows, 0, sizeof *rows);
	if (t->rows == 0 || t->rows >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "%zu flows are %s to learn from", t->rows,
			       t->rows ? "too many" : "too few");
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0 ||
	    (rc = fm_alloc(&f, 1, sizeof *f, "the codec", err)) < 0)
		goto out;
	*f = (struct fitting){.c = c, .t = t, .o = o, .rows = rows};
	c->present = t->present & FM_COLS_UGR16;
	c->rows = t->rows;
	c->first_ms = c->last_ms = t->te[0];
	c->step_ms = 1000;
	for (size_t i = 0; i < t->rows; i++) {
		c->first_ms = t->te[i] < c->first_ms ? t->te[i] : c->first_ms;
		c->last_ms = t->te[i] > c->last_ms ? t->te[i] : c->last_ms;
		c->step_ms = t->te[i] % 1000 ? 1 : c->step_ms;
	}
	columns_choose(c, o->bits);
	sides_fit(c, t, o->min_count);
	if ((rc = fm_alloc(&rows->code, (size_t)c->ncolumns * t->rows, sizeof *rows->code, "coded rows", err)) < 0 ||
	    (rc = fm_alloc(&rows->alpha, (size_t)c->ncolumns * t->rows, sizeof *rows->alpha, "coded rows", err)) < 0)
		goto out;
	rows->n = t->rows;
	fm_pool_run(o->pool, c->ncolumns, fit_job, f);
	for (int i = 0; i < c->ncolumns; i++)
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
	for (int i = 0; i < c->ncolumns; i++) {
		for (int j = 0; c->column[i].value && j < c->column[i].n; j++)
			free(c->column[i].value[j]);
		free(c->column[i].value);
		free(c->column[i].count);
	}
	free(c);
}

void fm_gan_vector(const struct fm_gan_codec *c, const struct fm_gan_rows *rows, size_t i, float *x)
{
	memset(x, 0, sizeof *x * (size_t)c->row);
	for (int j = 0; j < c->ncolumns; j++) {
		const struct fm_gan_column *k = &c->column[j];
		size_t at = (size_t)j * rows->n + i;

		if (k->kind == FM_GAN_NUMBER)
			x[k->at] = rows->alpha[at];
		x[k->at + (k->kind == FM_GAN_NUMBER) + rows->code[at]] = 1;
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

static double within(double x, double low, double high)
{
	return x > low ? (x < high ? x : high) : low; /* NaN: low */
}

static double number_back(const struct fm_gan_column *k, const float *x)
{
	int m = largest(x + 1, k->n);
	double v = within(x[0], -1, 1) * 4 * k->mix.sd[m] + k->mix.mean[m];

	return k->log ? fm_det_expm1(within(v, 0, 40)) : v;
}

static void number_put(const struct fm_gan_codec *c, const struct fm_gan_column *k, double v, struct fm_table *t,
		       size_t i)
{
	switch (fm_cols[k->col].kind) {
	case FM_KIND_TIME:
		v = within(v, 0, (double)(c->last_ms - c->first_ms));
		t->te[i] = c->first_ms + (int64_t)(v / (double)c->step_ms + 0.5) * c->step_ms;
		break;
	case FM_KIND_PORT:
		((uint16_t *)t->col[k->col])[i] = (uint16_t)(within(v, 0, 65535) + 0.5);
		break;
	case FM_KIND_COUNT:
		((uint64_t *)t->col[k->col])[i] = (uint64_t)(within(v, 1, 1e15) + 0.5);
		break;
	default:
		((uint32_t *)t->col[k->col])[i] = (uint32_t)(within(v, 0, 4294967295.0) + 0.5);
	}
}

void fm_gan_decode(const struct fm_gan_codec *c, const float *x, struct fm_table *t, size_t i)
{
	for (int j = 0; j < c->ncolumns; j++) {
		const struct fm_gan_column *k = &c->column[j];

		if (k->kind == FM_GAN_NUMBER) {
			number_put(c, k, number_back(k, x + k->at), t, i);
		} else if (k->kind == FM_GAN_CATEGORY) {
			((uint16_t *)t->col[k->col])[i] = (uint16_t)largest(x + k->at, k->n);
		} else {
			uint32_t *a = &((uint32_t *)t->col[k->col])[i];

			*a = k->bit == 31 ? 0 : *a;
			*a |= (uint32_t)largest(x + k->at, 2) << k->bit;
		}
	}
}

int fm_gan_table_new(struct fm_table **t, const struct fm_gan_codec *c, size_t rows, struct fm_error *err)
{
	int rc;

	if ((rc = fm_table_new(t, c->present, err)) < 0)
		return rc;
	if ((rc = fm_table_reserve(*t, rows, err)) < 0)
		goto out;
	(*t)->rows = rows;
	for (int j = 0; j < c->ncolumns; j++) {
		const struct fm_gan_column *k = &c->column[j];

		for (int v = 0; k->kind == FM_GAN_CATEGORY && v < k->n; v++)
			if (fm_dict_index(&(*t)->dict[k->col], k->value[v], strlen(k->value[v]), true) != v) {
				rc = fm_fail(err, FM_EINPUT, "the model's values of %s are damaged",
					     fm_cols[k->col].name);
				goto out;
			}
	}
out:
	if (rc < 0) {
		fm_table_free(*t);
		*t = NULL;
	}
	return rc;
}

/* ---- as JSON ---- */

json_t *fm_gan_codec_json(const struct fm_gan_codec *c)
{
	json_t *columns = json_array(), *inside = json_array();

	for (int i = 0; i < c->ncolumns; i++) {
		const struct fm_gan_column *k = &c->column[i];
		json_t *modes = json_array(), *values = json_array(), *counts = json_array();

		for (int m = 0; k->kind == FM_GAN_NUMBER && m < k->n; m++)
			json_array_append_new(modes, json_pack("[f,f,f,f]", k->mix.weight[m], k->mix.mean[m],
							       k->mix.sd[m], k->mix.bias[m]));
		for (int v = 0; k->kind != FM_GAN_NUMBER && v < k->n; v++) {
			if (k->kind == FM_GAN_CATEGORY)
				json_array_append_new(values, json_string(k->value[v]));
			json_array_append_new(counts, json_integer((json_int_t)k->count[v]));
		}
		json_array_append_new(columns, json_pack("{s:i, s:i, s:b, s:i, s:o, s:o, s:o}", "column", (int)k->col,
							 "kind", (int)k->kind, "log", k->log, "bit", k->bit, "modes",
							 modes, "values", values, "counts", counts));
	}
	for (int o = 0; o < 256; o++)
		if (c->inside[o])
			json_array_append_new(inside, json_integer(o));
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "columns", columns, "inside", inside, "present",
			 (json_int_t)c->present, "first_ms", (json_int_t)c->first_ms, "last_ms", (json_int_t)c->last_ms,
			 "step_ms", (json_int_t)c->step_ms, "rows", (json_int_t)c->rows);
}

static int damaged(struct fm_error *err, int column)
{
	return fm_fail(err, FM_EINPUT, "the model's codec is damaged: column %d", column);
}

static int modes_read(struct fm_gan_column *k, const json_t *modes, int at, struct fm_error *err)
{
	k->n = k->mix.n = (int)json_array_size(modes);
	if (k->n < 1 || k->n > FM_MODES_MOST)
		return damaged(err, at);
	for (int m = 0; m < k->n; m++) {
		const json_t *v = json_array_get(modes, (size_t)m);

		k->mix.weight[m] = json_number_value(json_array_get(v, 0));
		k->mix.mean[m] = json_number_value(json_array_get(v, 1));
		k->mix.sd[m] = json_number_value(json_array_get(v, 2));
		k->mix.bias[m] = json_number_value(json_array_get(v, 3));
		if (!(k->mix.sd[m] > 0))
			return damaged(err, at);
	}
	return FM_OK;
}

static int values_read(struct fm_gan_column *k, const json_t *values, const json_t *counts, int at,
		       struct fm_error *err)
{
	size_t n = json_array_size(counts);
	int rc;

	if (n < 1 || n > VALUES_MOST || (k->kind == FM_GAN_BIT ? n != 2 : json_array_size(values) != n))
		return damaged(err, at);
	if ((rc = fm_alloc(&k->count, n, sizeof *k->count, "values", err)) < 0 ||
	    (rc = fm_alloc(&k->value, n, sizeof *k->value, "values", err)) < 0)
		return rc;
	for (k->n = 0; (size_t)k->n < n; k->n++) {
		const char *text = json_string_value(json_array_get(values, (size_t)k->n));

		k->count[k->n] = (double)json_integer_value(json_array_get(counts, (size_t)k->n));
		if (k->count[k->n] < 0)
			return damaged(err, at);
		if (k->kind == FM_GAN_CATEGORY && (!text || !(k->value[k->n] = strdup(text))))
			return damaged(err, at);
	}
	return FM_OK;
}

int fm_gan_codec_from_json(struct fm_gan_codec **out, const json_t *j, struct fm_error *err)
{
	const json_t *columns = json_object_get(j, "columns"), *v;
	struct fm_gan_codec *c = NULL;
	size_t i;
	int rc;

	*out = NULL;
	if (json_array_size(columns) < 1 || json_array_size(columns) > FM_GAN_COLUMNS)
		return damaged(err, 0);
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0)
		return rc;
	c->present = (unsigned)json_integer_value(json_object_get(j, "present")) & FM_COLS_UGR16;
	c->first_ms = json_integer_value(json_object_get(j, "first_ms"));
	c->last_ms = json_integer_value(json_object_get(j, "last_ms"));
	c->step_ms = json_integer_value(json_object_get(j, "step_ms"));
	c->rows = (uint64_t)json_integer_value(json_object_get(j, "rows"));
	json_array_foreach(json_object_get(j, "inside"), i, v) c->inside[json_integer_value(v) & 255] = 1;
	json_array_foreach(columns, i, v)
	{
		struct fm_gan_column *k = column_add(c, FM_TE);
		json_int_t col = json_integer_value(json_object_get(v, "column")),
			   kind = json_integer_value(json_object_get(v, "kind"));

		if (col < 0 || col >= FM_NFLOWCOL || !(c->present >> col & 1) || kind < 0 || kind > FM_GAN_BIT ||
		    (kind == FM_GAN_CATEGORY) != (fm_cols[col].kind == FM_KIND_CATEGORY) ||
		    (kind == FM_GAN_BIT && fm_cols[col].kind != FM_KIND_ADDRESS)) {
			rc = damaged(err, (int)i);
			goto out;
		}
		k->col = (enum fm_col)col;
		k->kind = (int)kind;
		k->log = json_is_true(json_object_get(v, "log"));
		k->bit = (int)json_integer_value(json_object_get(v, "bit")) & 31;
		rc = k->kind == FM_GAN_NUMBER
			 ? modes_read(k, json_object_get(v, "modes"), (int)i, err)
			 : values_read(k, json_object_get(v, "values"), json_object_get(v, "counts"), (int)i, err);
		if (rc < 0)
			goto out;
	}
	if (c->step_ms < 1 || c->last_ms < c->first_ms)
		rc = damaged(err, 0);
	columns_lay(c);
out:
	if (rc < 0)
		fm_gan_codec_free(c);
	else
		*out = c;
	return rc;
}
