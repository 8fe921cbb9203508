#include "privacy/match.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"

struct fm_match_index {
	const struct fm_table *t;
	unsigned columns;
	uint64_t *hash; /* rising */
	uint32_t *row;  /* the row of each hash */
};

static uint64_t value(const struct fm_table *t, int c, size_t row)
{
	switch (fm_cols[c].width) {
	case 2:
		return ((const uint16_t *)t->col[c])[row];
	case 4:
		return ((const uint32_t *)t->col[c])[row];
	default:
		return ((const uint64_t *)t->col[c])[row];
	}
}

/* The value in the index's numbering; code[c] NULL: the table is the index's own or the column no category. */
static uint64_t coded(const struct fm_table *t, uint32_t *const code[FM_NCOL], int c, size_t row)
{
	uint64_t v = value(t, c, row);

	return code && code[c] ? code[c][v] : v;
}

static uint64_t mix(uint64_t h) /* the finaliser of SplitMix64 (Steele, Lea and Flood 2014) */
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 27) * 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

static uint64_t row_hash(const struct fm_table *t, uint32_t *const code[FM_NCOL], unsigned columns, size_t row)
{
	uint64_t h = 0;

	for (int c = 0; c < FM_NCOL; c++)
		if (columns >> c & 1u)
			h = mix(h + 0x9e3779b97f4a7c15u + coded(t, code, c, row));
	return h;
}

int fm_match_index_new(struct fm_match_index **out, const struct fm_table *t, unsigned columns, struct fm_error *err)
{
	struct fm_match_index *x = NULL;
	int rc;

	*out = NULL;
	if (t->rows >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "a table of %zu rows is over the leakage checks' limit of %u", t->rows,
			       UINT32_MAX - 1);
	if ((t->present & columns) != columns)
		return fm_fail(err, FM_EINPUT, "a column to match rows by is missing");
	if ((rc = fm_alloc(&x, 1, sizeof *x, "an index of rows", err)) != FM_OK)
		return rc;
	x->t = t;
	x->columns = columns;
	if ((rc = fm_alloc(&x->hash, t->rows + 1, sizeof *x->hash, "an index of rows", err)) != FM_OK ||
	    (rc = fm_alloc(&x->row, t->rows + 1, sizeof *x->row, "an index of rows", err)) != FM_OK)
		goto fail;
	for (size_t i = 0; i < t->rows; i++) {
		x->hash[i] = row_hash(t, NULL, columns, i);
		x->row[i] = (uint32_t)i;
	}
	if ((rc = fm_sort_u64(x->hash, x->row, t->rows, err)) != FM_OK)
		goto fail;
	*out = x;
	return FM_OK;
fail:
	fm_match_index_free(x);
	return rc;
}

void fm_match_index_free(struct fm_match_index *x)
{
	if (!x)
		return;
	free(x->hash);
	free(x->row);
	free(x);
}

static int equal(const struct fm_match_index *x, size_t at, const struct fm_table *t, uint32_t *const code[FM_NCOL],
		 size_t row)
{
	for (int c = 0; c < FM_NCOL; c++)
		if (x->columns >> c & 1u && value(x->t, c, x->row[at]) != coded(t, code, c, row))
			return 0;
	return 1;
}

static int same(const struct fm_table *t, unsigned columns, size_t a, size_t b)
{
	for (int c = 0; c < FM_NCOL; c++)
		if (columns >> c & 1u && value(t, c, a) != value(t, c, b))
			return 0;
	return 1;
}

int fm_match(const struct fm_match_index *x, const struct fm_table *t, uint32_t *times, size_t *matched,
	     struct fm_error *err)
{
	uint32_t *code[FM_NCOL] = {NULL}, *row = NULL, found = 0;
	size_t n = t->rows, at = 0;
	uint64_t *hash = NULL;
	int rc = FM_OK;

	*matched = 0;
	if (n >= UINT32_MAX || (t->present & x->columns) != x->columns)
		return fm_fail(err, FM_EINPUT,
			       "the two tables cannot be matched: too many rows, or a column is missing");
	for (int c = 0; c < FM_NCOL; c++)
		if (x->columns >> c & 1u && fm_cols[c].kind == FM_KIND_CATEGORY && t != x->t) {
			if ((rc = fm_alloc(&code[c], t->dict[c].n + 1, sizeof **code, "category codes", err)) != FM_OK)
				goto out;
			if ((rc = fm_dict_match(&x->t->dict[c], &t->dict[c], code[c], err)) != FM_OK)
				goto out;
		}
	if ((rc = fm_alloc(&hash, n + 1, sizeof *hash, "row hashes", err)) != FM_OK ||
	    (rc = fm_alloc(&row, n + 1, sizeof *row, "row hashes", err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < n; i++) {
		hash[i] = row_hash(t, code, x->columns, i);
		row[i] = (uint32_t)i;
	}
	if ((rc = fm_sort_u64(hash, row, n, err)) != FM_OK)
		goto out;

	/* Both sides rise, so one walk meets all.  Equal rows lie together and are looked up once. */
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || hash[i] != hash[i - 1] || !same(t, x->columns, row[i], row[i - 1])) {
			while (at < x->t->rows && x->hash[at] < hash[i])
				at++;
			found = 0;
			for (size_t k = at; k < x->t->rows && x->hash[k] == hash[i]; k++)
				found += (uint32_t)equal(x, k, t, code, row[i]);
		}
		if (times)
			times[row[i]] = found;
		*matched += found > 0;
	}
out:
	for (int c = 0; c < FM_NCOL; c++)
		free(code[c]);
	free(hash);
	free(row);
	return rc;
}
