#include "judge/column.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"

uint64_t fm_column_key(const struct fm_table *t, enum fm_col c, size_t row)
{
	return c == FM_TE ? fm_key_i64(t->te[row]) : fm_table_key(t, (int)c, row);
}

double fm_column_number(const struct fm_table *t, enum fm_col c, size_t row)
{
	if (c == FM_TE)
		return (double)t->te[row] * 1000.0;
	if (c == FM_TD)
		return (double)t->td[row] / 1000.0; /* rounded once: the double nearest to the decimal text */
	return (double)fm_column_key(t, c, row);
}

int fm_column_keys(const struct fm_table *t, const struct fm_table *like, enum fm_col c, uint64_t **key,
		   struct fm_error *err)
{
	uint32_t *code = NULL;
	uint64_t *k = NULL;
	int rc;

	*key = NULL;
	if ((rc = fm_alloc(&k, t->rows ? t->rows : 1, sizeof *k, fm_cols[c].name, err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++)
		k[i] = fm_column_key(t, c, i);
	if (fm_cols[c].kind == FM_KIND_CATEGORY && t != like) {
		size_t n = t->dict[c].n;
		if ((rc = fm_alloc(&code, n ? n : 1, sizeof *code, "a category code", err)) < 0)
			goto out;
		if ((rc = fm_dict_match(&like->dict[c], &t->dict[c], code, err)) < 0)
			goto out;
		for (size_t i = 0; i < t->rows; i++)
			k[i] = code[k[i]];
	}
	*key = k;
	k = NULL;
out:
	free(code);
	free(k);
	return rc;
}

int fm_rows_by_time(const struct fm_table *t, uint32_t **row, struct fm_error *err)
{
	uint64_t *key = NULL;
	int rc;

	*row = NULL;
	if ((rc = fm_column_keys(t, t, FM_TE, &key, err)) < 0)
		return rc;
	if ((rc = fm_alloc(row, t->rows ? t->rows : 1, sizeof **row, "an order of rows", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		(*row)[i] = (uint32_t)i;
	rc = fm_sort_u64(key, *row, t->rows, err);
out:
	free(key);
	if (rc < 0) {
		free(*row);
		*row = NULL;
	}
	return rc;
}

int fm_judge_check(const struct fm_table *t, const char *what, struct fm_error *err)
{
	if (t->rows == 0)
		return fm_fail(err, FM_EINPUT, "the %s table has no rows: nothing can be compared with it", what);
	if (t->rows >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT,
			       "the %s table has %zu rows, over the judges' limit of %u: compare a part of it", what,
			       t->rows, UINT32_MAX - 1);
	return FM_OK;
}
