/* conditions.c - which conditions, and which rows have them. */
#include "model/ctgan/conditions.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

struct discrete {
	int column;
	double *sum[2]; /* (n) running sums of counts, and of their logs */
	uint32_t *row;  /* (rows) by value */
	size_t *first;  /* (n + 1) where a value's rows begin */
};

struct fm_gan_conditions {
	const struct fm_gan_codec *c;
	size_t rows;
	int n;
	struct discrete d[FM_ROW_COLUMNS];
};

static int rows_sort(struct discrete *d, const struct fm_gan_column *k, const uint16_t *code, size_t rows,
		     struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(&d->row, rows, sizeof *d->row, "rows by value", err)) < 0 ||
	    (rc = fm_alloc(&d->first, (size_t)k->n + 2, sizeof *d->first, "rows by value", err)) < 0)
		return rc;
	for (size_t i = 0; i < rows; i++)
		d->first[code[i] + 2]++;
	for (int v = 2; v < k->n + 2; v++)
		d->first[v] += d->first[v - 1];
	for (size_t i = 0; i < rows; i++)
		d->row[d->first[code[i] + 1]++] = (uint32_t)i;
	return FM_OK;
}

int fm_gan_conditions_new(struct fm_gan_conditions **out, const struct fm_gan_codec *c, const struct fm_gan_rows *rows,
			  struct fm_error *err)
{
	struct fm_gan_conditions *t = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&t, 1, sizeof *t, "conditions", err)) < 0)
		return rc;
	t->c = c;
	t->rows = rows ? rows->n : 0;
	for (int i = 0; i < c->flows.n; i++) {
		const struct fm_gan_column *k = &c->column[i];
		struct discrete *d = &t->d[t->n];

		if (k->cond < 0)
			continue;
		t->n++;
		d->column = i;
		for (int w = 0; w < 2; w++) {
			double sum = 0;

			if ((rc = fm_alloc(&d->sum[w], (size_t)k->n, sizeof(double), "conditions", err)) < 0)
				goto out;
			for (int v = 0; v < k->n; v++)
				d->sum[w][v] = sum += w ? fm_det_log1p(k->of->count[v]) : k->of->count[v];
		}
		if (rows && (rc = rows_sort(d, k, rows->code + (size_t)i * rows->n, rows->n, err)) < 0)
			goto out;
	}
out:
	if (rc < 0)
		fm_gan_conditions_free(t);
	else
		*out = t;
	return rc;
}

void fm_gan_conditions_free(struct fm_gan_conditions *t)
{
	for (int i = 0; t && i < t->n; i++) {
		free(t->d[i].sum[0]);
		free(t->d[i].sum[1]);
		free(t->d[i].row);
		free(t->d[i].first);
	}
	free(t);
}

struct fm_gan_condition fm_gan_condition_draw(const struct fm_gan_conditions *t, bool logs, struct fm_rng *r)
{
	struct fm_gan_condition k = {-1, 0};
	const struct discrete *d;
	double goal;
	int n;

	if (t->n == 0)
		return k;
	d = &t->d[fm_rng_below(r, (uint32_t)t->n)];
	k.column = d->column;
	n = t->c->column[k.column].n;
	goal = fm_rng_uniform53(r) * d->sum[logs][n - 1];
	while (k.value + 1 < n && goal >= d->sum[logs][k.value])
		k.value++;
	return k;
}

size_t fm_gan_condition_row(const struct fm_gan_conditions *t, struct fm_gan_condition k, struct fm_rng *r)
{
	for (int i = 0; i < t->n; i++)
		if (t->d[i].column == k.column) {
			const struct discrete *d = &t->d[i];
			size_t n = d->first[k.value + 1] - d->first[k.value];

			return n ? d->row[d->first[k.value] + fm_rng_below(r, (uint32_t)n)] : 0;
		}
	return fm_rng_below(r, (uint32_t)t->rows);
}

void fm_gan_condition_vector(const struct fm_gan_codec *c, struct fm_gan_condition k, float *x)
{
	memset(x, 0, sizeof *x * (size_t)c->cond);
	if (k.column >= 0)
		x[c->column[k.column].cond + k.value] = 1;
}
