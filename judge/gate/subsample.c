#include "judge/gate/subsample.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"

size_t fm_subsample_most(size_t memory)
{
	size_t most = memory / (3 * FM_SUBSAMPLE_BYTES);

	return most > FM_SUBSAMPLE_STRETCHES ? most : FM_SUBSAMPLE_STRETCHES;
}

size_t fm_subsample_stretch(size_t n, size_t k)
{
	return n * k / FM_SUBSAMPLE_STRETCHES;
}

int fm_subsample(struct fm_table **out, const struct fm_table *t, size_t most, struct fm_error *err)
{
	uint32_t *row = NULL;
	size_t n = 0;
	int rc;

	*out = NULL;
	if (t->rows <= most)
		return FM_OK;
	if (t->rows >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "a table of %zu rows is over the judges' limit of %u", t->rows,
			       UINT32_MAX - 1);
	if ((rc = fm_alloc(&row, most, sizeof *row, "a choice of rows", err)) < 0)
		return rc;
	for (size_t k = 0; k < FM_SUBSAMPLE_STRETCHES; k++) {
		size_t first = t->rows / FM_SUBSAMPLE_STRETCHES * k,
		       some = fm_subsample_stretch(most, k + 1) - fm_subsample_stretch(most, k);
		for (size_t i = 0; i < some; i++)
			row[n++] = (uint32_t)(first + i);
	}
	rc = fm_table_take(out, t, row, n, err);
	fm_table_forget(t, 0, t->rows);
	free(row);
	return rc;
}

int fm_subsamples_make(struct fm_subsamples *c, const struct fm_table *real, const struct fm_table *synthetic,
		       const struct fm_table *holdout, size_t memory, struct fm_error *err)
{
	const struct fm_table *whole[3] = {real, synthetic, holdout};
	int rc;

	*c = (struct fm_subsamples){.share = 1, .most = fm_subsample_most(memory)};
	for (int k = 0; k < 3; k++) {
		if (whole[k] && (rc = fm_subsample(&c->own[k], whole[k], c->most, err)) < 0) {
			fm_subsamples_free(c);
			return rc;
		}
		double share = c->own[k] ? (double)c->own[k]->rows / (double)whole[k]->rows : 1;
		c->share = share < c->share ? share : c->share;
	}
	c->real = c->own[0] ? c->own[0] : real;
	c->synthetic = c->own[1] ? c->own[1] : synthetic;
	c->holdout = c->own[2] ? c->own[2] : holdout;
	return FM_OK;
}

size_t fm_subsamples_bytes(const struct fm_subsamples *c)
{
	size_t bytes = 0;

	for (int k = 0; k < 3; k++)
		for (int col = 0; c->own[k] && col < FM_NCOL; col++)
			bytes += FM_HAS(c->own[k], col) ? c->own[k]->rows * fm_cols[col].width : 0;
	return bytes;
}

void fm_subsamples_free(struct fm_subsamples *c)
{
	for (int k = 0; k < 3; k++)
		fm_table_free(c->own[k]);
	*c = (struct fm_subsamples){0};
}
