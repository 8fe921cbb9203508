#include "privacy/leakage/features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

#define USABLE (FM_COLS_UGR16 & ~(1u << FM_FWD))

static int is_number(int c)
{
	return c == FM_TE || c == FM_TD || c == FM_PKT || c == FM_BYT;
}

static double number(const struct fm_table *t, int c, size_t row)
{
	switch (c) {
	case FM_TE:
		return (double)t->te[row];
	case FM_TD:
		return log1p((double)t->td[row]);
	case FM_PKT:
		return log1p((double)t->pkt[row]);
	default:
		return log1p((double)t->byt[row]);
	}
}

void fm_features_fit(struct fm_features *f, const struct fm_table *train, unsigned columns)
{
	*f = (struct fm_features){.columns = columns & train->present & USABLE};
	for (int c = 0; c < FM_NCOL; c++) {
		if (!(f->columns >> c & 1u))
			continue;
		f->dim += is_number(c) ? 1 : 2;
		if (!is_number(c))
			continue;
		double mean = 0, squares = 0;
		for (size_t i = 0; i < train->rows; i++) { /* Welford (1962) */
			double v = number(train, c, i), d = v - mean;
			mean += d / (double)(i + 1);
			squares += d * (v - mean);
			fm_table_forget_behind(train, i);
		}
		double sd = train->rows ? sqrt(squares / (double)train->rows) : 0;
		f->mean[c] = mean;
		f->scale[c] = sd > 0 ? 1 / sd : 1;
	}
	f->dim = f->dim ? f->dim : 1;
}

/* The place of a value: two coordinates of variance 1/2 each, so that the mean squared difference of two values is 2,
 * as for numbers.
 */
static void place(int c, uint64_t value, float *x)
{
	const float half_side = 1.2247449f; /* sqrt(3 / 2) */
	struct fm_rng r;

	fm_rng_init(&r, value, FM_RNG_JUDGE, 9000 + (uint64_t)c, 0);
	x[0] = (2 * fm_rng_uniform(&r) - 1) * half_side;
	x[1] = (2 * fm_rng_uniform(&r) - 1) * half_side;
}

static uint64_t text_hash(const char *s) /* FNV-1a (Fowler, Noll, Vo) */
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h;
}

static size_t chosen(const struct fm_choice *rows, size_t i)
{
	return rows->row ? rows->row[i] : rows->first + i;
}

static int code_categories(int c, const struct fm_choice *rows, size_t dim, float *x, struct fm_error *err)
{
	const struct fm_dict *d = &rows->t->dict[c];
	const uint16_t *v = rows->t->col[c];
	float(*places)[2] = NULL;
	int rc;

	if ((rc = fm_alloc(&places, d->n + 1, sizeof *places, "places of categories", err)) < 0)
		return rc;
	for (size_t i = 0; i < d->n; i++)
		place(c, text_hash(d->value[i]), places[i]);
	for (size_t i = 0, last = 0; i < rows->n; i++) {
		memcpy(x + i * dim, places[v[chosen(rows, i)]], sizeof *places);
		if (rows->row)
			fm_table_forget_passed(rows->t, rows->row, i, &last);
	}
	free(places);
	return FM_OK;
}

int fm_features_code(const struct fm_features *f, const struct fm_choice *rows, float **out, struct fm_error *err)
{
	const struct fm_table *t = rows->t;
	size_t n = rows->n, dim = (size_t)f->dim;
	float *x = NULL, *at;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&x, n * dim + 1, sizeof *x, "flows as points", err)) < 0)
		return rc;
	at = x;
	for (int c = 0; c < FM_NCOL; at += f->columns >> c & 1u ? (is_number(c) ? 1 : 2) : 0, c++) {
		if (!((f->columns & t->present) >> c & 1u))
			continue;
		if (fm_cols[c].kind == FM_KIND_CATEGORY) {
			if ((rc = code_categories(c, rows, dim, at, err)) < 0)
				goto out;
			continue;
		}
		for (size_t i = 0, last = 0; i < n; i++) {
			size_t r = chosen(rows, i);
			if (rows->row)
				fm_table_forget_passed(t, rows->row, i, &last);
			if (is_number(c)) {
				double v = (number(t, c, r) - f->mean[c]) * f->scale[c];
				at[i * dim] = (float)fmax(-FM_FEATURE_LARGEST, fmin(FM_FEATURE_LARGEST, v));
			} else {
				place(c, fm_table_key(t, c, r), at + i * dim);
			}
		}
	}
	*out = x;
	x = NULL;
out:
	free(x);
	return rc;
}
