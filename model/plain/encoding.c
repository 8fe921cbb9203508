/* encoding.c - rows of a flow table as scaled numbers, and back. */
#include "model/plain/encoding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ROW_MOST 65536 /* most numbers of a vector */

static int width_of(const struct fm_row_column *k)
{
	return k->kind == FM_ROW_CATEGORY || k->kind == FM_ROW_VALUE ? k->n : 1;
}

/* The number that stands for a row's own value; it gives a one-hot a variance of about 1, as numbers have.
 */
static float one_of(const struct fm_row_column *k)
{
	return k->kind == FM_ROW_BIT ? 1.0f : __builtin_sqrtf((float)k->n);
}

/* Set the place of each column. */
static int columns_lay(struct fm_plain_codec *c, struct fm_error *err)
{
	double all = 0;
	int rc;

	c->row = 0;
	for (int i = 0; i < c->flows.n; i++) {
		c->column[i].at = c->row;
		c->row += width_of(&c->flows.column[i]);
		if (c->row > ROW_MOST)
			return fm_fail(err, FM_EINPUT,
				       "a flow would be %d numbers, as its categories have so many values: set "
				       "model.min_count higher",
				       c->row);
	}
	if ((rc = fm_alloc(&c->most, (size_t)c->row, sizeof *c->most, "the codec", err)) < 0 ||
	    (rc = fm_alloc(&c->number, (size_t)c->row, sizeof *c->number, "the codec", err)) < 0 ||
	    (rc = fm_alloc(&c->share, (size_t)c->row, sizeof *c->share, "the codec", err)) < 0)
		return rc;
	for (int i = 0; i < c->flows.n; i++)
		all += sqrt(width_of(&c->flows.column[i]));
	for (int i = 0; i < c->flows.n; i++) {
		const struct fm_row_column *k = &c->flows.column[i];
		int width = width_of(k);

		for (int j = 0; j < width; j++) {
			c->most[c->column[i].at + j] = k->kind == FM_ROW_NUMBER ? c->column[i].most : one_of(k);
			c->number[c->column[i].at + j] = k->kind == FM_ROW_NUMBER;
			c->share[c->column[i].at + j] = (float)(1 / (sqrt(width) * all));
		}
	}
	return FM_OK;
}

static int compare_double(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

/* x (t->rows) is scratch. */
static void number_fit(const struct fm_row_columns *flows, const struct fm_row_column *k, struct fm_plain_column *p,
		       const struct fm_table *t, int few_rows, double *x)
{
	size_t n = t->rows, few = (size_t)few_rows < n ? (size_t)few_rows : n;
	double sum = 0, square = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i] = fm_row_number(flows, k, t, i);
	p->mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		square += (x[i] - p->mean) * (x[i] - p->mean);
	p->sd = sqrt(square / (double)n);
	p->sd = p->sd > 0 ? p->sd : 1;
	for (size_t i = 0; i < n; i++)
		x[i] = fabs(x[i] - p->mean) / p->sd;
	qsort(x, n, sizeof *x, compare_double);
	p->most = (float)(x[n - few] > 1 ? x[n - few] : 1);
}

int fm_plain_codec_fit(struct fm_plain_codec **out, const struct fm_table *t, enum fm_plain_how how, int min_count,
		       int k, struct fm_error *err)
{
	unsigned columns = FM_ROW_LOGS | (how == FM_PLAIN_BITS     ? FM_ROW_ADDRESS_BITS | FM_ROW_PORT_BITS
					  : how == FM_PLAIN_VALUES ? FM_ROW_VALUES
								   : 0);
	struct fm_plain_codec *c = NULL;
	uint16_t *code = NULL;
	double *x = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0 ||
	    (rc = fm_row_columns_choose(&c->flows, t, columns, k, err)) < 0 ||
	    (rc = fm_alloc(&x, t->rows, sizeof *x, "a column", err)) < 0 ||
	    (rc = fm_alloc(&code, t->rows, sizeof *code, "a column", err)) < 0)
		goto out;
	for (int i = 0; i < c->flows.n; i++) {
		struct fm_row_column *column = &c->flows.column[i];

		if (column->kind == FM_ROW_NUMBER)
			number_fit(&c->flows, column, &c->column[i], t, k, x);
		else if ((rc = fm_row_column_fit(column, t, min_count, code, err)) < 0)
			goto out;
	}
	rc = columns_lay(c, err);
out:
	free(x);
	free(code);
	if (rc < 0)
		fm_plain_codec_free(c);
	else
		*out = c;
	return rc;
}

void fm_plain_codec_free(struct fm_plain_codec *c)
{
	if (!c)
		return;
	fm_row_columns_close(&c->flows);
	free(c->most);
	free(c->number);
	free(c->share);
	free(c);
}

int fm_plain_encode(const struct fm_plain_codec *c, const struct fm_table *t, size_t first, size_t n, float *x,
		    struct fm_error *err)
{
	if ((t->present & c->flows.present) != c->flows.present)
		return fm_fail(err, FM_EINPUT, "the table lacks columns that the model has");
	for (size_t i = 0; i < n; i++, x += c->flows.n)
		for (int j = 0; j < c->flows.n; j++) {
			const struct fm_row_column *k = &c->flows.column[j];
			const struct fm_plain_column *p = &c->column[j];
			double v, most = (double)p->most;

			if (k->kind != FM_ROW_NUMBER) {
				x[j] = (float)fm_row_code(k, t, first + i);
				continue;
			}
			v = (fm_row_number(&c->flows, k, t, first + i) - p->mean) / p->sd;
			x[j] = (float)(v > most ? most : v < -most ? -most : v);
		}
	return FM_OK;
}

void fm_plain_vector(const struct fm_plain_codec *c, const float *x, float *v)
{
	memset(v, 0, sizeof *v * (size_t)c->row);
	for (int j = 0; j < c->flows.n; j++) {
		const struct fm_row_column *k = &c->flows.column[j];
		int at = c->column[j].at;

		if (k->kind == FM_ROW_NUMBER)
			v[at] = x[j];
		else if (k->kind == FM_ROW_BIT)
			v[at] = x[j] > 0 ? 1.0f : -1.0f;
		else
			v[at + (int)x[j]] = one_of(k);
	}
}

void fm_plain_decode(const struct fm_plain_codec *c, const float *x, struct fm_table *t, size_t i)
{
	for (int j = 0; j < c->flows.n; j++) {
		const struct fm_row_column *k = &c->flows.column[j];
		const struct fm_plain_column *p = &c->column[j];
		const float *v = x + p->at;
		int code = k->kind == FM_ROW_BIT && v[0] > 0;

		if (k->kind == FM_ROW_NUMBER) {
			fm_row_number_put(&c->flows, k, (double)v[0] * p->sd + p->mean, t, i);
			continue;
		}
		for (int m = 1; k->kind != FM_ROW_BIT && m < k->n; m++)
			code = v[m] > v[code] ? m : code;
		fm_row_code_put(k, code, t, i);
	}
}

/* ---- as JSON ---- */

json_t *fm_plain_codec_json(const struct fm_plain_codec *c)
{
	json_t *j = fm_row_columns_json(&c->flows), *columns = json_object_get(j, "columns");

	for (int i = 0; i < c->flows.n; i++)
		if (c->flows.column[i].kind == FM_ROW_NUMBER)
			json_object_set_new(
			    json_array_get(columns, (size_t)i), "scale",
			    json_pack("[f,f,f]", c->column[i].mean, c->column[i].sd, (double)c->column[i].most));
	return j;
}

int fm_plain_codec_from_json(struct fm_plain_codec **out, const json_t *j, struct fm_error *err)
{
	const json_t *columns = json_object_get(j, "columns");
	struct fm_plain_codec *c = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0 ||
	    (rc = fm_row_columns_from_json(&c->flows, j, err)) < 0)
		goto out;
	for (int i = 0; i < c->flows.n; i++) {
		const json_t *scale = json_object_get(json_array_get(columns, (size_t)i), "scale");
		struct fm_plain_column *p = &c->column[i];

		if (c->flows.column[i].kind != FM_ROW_NUMBER)
			continue;
		p->mean = json_number_value(json_array_get(scale, 0));
		p->sd = json_number_value(json_array_get(scale, 1));
		p->most = (float)json_number_value(json_array_get(scale, 2));
		if (!(p->sd > 0) || !(p->most > 0)) {
			rc = fm_row_columns_damaged(err, i);
			goto out;
		}
	}
	rc = columns_lay(c, err);
out:
	if (rc < 0)
		fm_plain_codec_free(c);
	else
		*out = c;
	return rc;
}
