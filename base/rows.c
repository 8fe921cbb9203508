#include "base/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

int fm_sort_u64(uint64_t *key, uint32_t *row, size_t n, struct fm_error *err)
{
	size_t(*count)[256] = NULL;
	uint64_t *key2 = NULL;
	uint32_t *row2 = NULL;
	int rc;

	if (n < 2)
		return FM_OK;
	if ((rc = fm_alloc(&count, 8, sizeof *count, "a sort's counts", err)) < 0)
		goto out;
	if ((rc = fm_alloc(&key2, n, sizeof *key2, "a sort", err)) < 0)
		goto out;
	if (row && (rc = fm_alloc(&row2, n, sizeof *row2, "a sort", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		for (int b = 0; b < 8; b++)
			count[b][(key[i] >> (8 * b)) & 255]++;

	uint64_t *k = key, *k2 = key2;
	uint32_t *r = row, *r2 = row2;
	for (int b = 0; b < 8; b++) {
		size_t *c = count[b], at = 0;
		if (c[(k[0] >> (8 * b)) & 255] == n)
			continue; /* every key has the same byte here */
		for (int v = 0; v < 256; v++) {
			size_t here = c[v];
			c[v] = at;
			at += here;
		}
		for (size_t i = 0; i < n; i++) {
			size_t to = c[(k[i] >> (8 * b)) & 255]++;
			k2[to] = k[i];
			if (row)
				r2[to] = r[i];
		}
		uint64_t *ks = k;
		uint32_t *rs = r;
		k = k2, k2 = ks;
		r = r2, r2 = rs;
	}
	if (k != key) {
		memcpy(key, k, n * sizeof *key);
		if (row)
			memcpy(row, r, n * sizeof *row);
	}
out:
	free(count);
	free(key2);
	free(row2);
	return rc;
}

void fm_rows_choose(uint64_t seed, uint64_t purpose, size_t rows, size_t n, uint32_t *chosen)
{
	struct fm_rng r;
	size_t got = 0;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, purpose, 0);
	for (size_t i = 0; got < n && i < rows; i++)
		if (rows - i == n - got || fm_rng_below(&r, (uint32_t)(rows - i)) < n - got)
			chosen[got++] = (uint32_t)i;
}

int fm_table_take(struct fm_table **out, const struct fm_table *t, const uint32_t *row, size_t n, struct fm_error *err)
{
	struct fm_table *s = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_table_new(&s, t->present, err)) < 0)
		return rc;
	if ((rc = fm_table_reserve(s, n, err)) < 0)
		goto out;
	for (int c = 0; c < FM_NCOL; c++) {
		if (!FM_HAS(t, c))
			continue;
		if (fm_cols[c].kind == FM_KIND_CATEGORY && (rc = fm_dict_copy(&s->dict[c], &t->dict[c], err)) < 0)
			goto out;
		switch (fm_cols[c].width) {
		case 2:
			for (size_t i = 0; i < n; i++)
				((uint16_t *)s->col[c])[i] = ((const uint16_t *)t->col[c])[row[i]];
			break;
		case 4:
			for (size_t i = 0; i < n; i++)
				((uint32_t *)s->col[c])[i] = ((const uint32_t *)t->col[c])[row[i]];
			break;
		default:
			for (size_t i = 0; i < n; i++)
				((uint64_t *)s->col[c])[i] = ((const uint64_t *)t->col[c])[row[i]];
		}
		fm_table_forget(t, 0, t->rows);
	}
	s->addresses = fm_address_dict_hold(t->addresses);
	s->rows = n;
	*out = s;
	s = NULL;
out:
	fm_table_free(s);
	return rc;
}

int fm_table_sample(struct fm_table **out, const struct fm_table *t, size_t n, uint64_t seed, uint64_t purpose,
		    struct fm_error *err)
{
	uint32_t *row = NULL;
	int rc;

	*out = NULL;
	if (n > t->rows || t->rows > UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "cannot choose %zu of %zu rows", n, t->rows);
	if ((rc = fm_alloc(&row, n ? n : 1, sizeof *row, "a choice of rows", err)) < 0)
		return rc;
	fm_rows_choose(seed, purpose, t->rows, n, row);
	rc = fm_table_take(out, t, row, n, err);
	free(row);
	return rc;
}

struct entry {
	const char *value;
	uint32_t index;
};

static int entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->value, ((const struct entry *)b)->value);
}

int fm_dict_match(const struct fm_dict *a, const struct fm_dict *b, uint32_t *code, struct fm_error *err)
{
	struct entry *e = NULL;
	int rc;

	if ((rc = fm_alloc(&e, a->n ? a->n : 1, sizeof *e, "a dictionary's order", err)) < 0)
		return rc;
	for (size_t i = 0; i < a->n; i++)
		e[i] = (struct entry){a->value[i], (uint32_t)i};
	qsort(e, a->n, sizeof *e, entry_compare);
	for (size_t i = 0; i < b->n; i++) {
		struct entry key = {b->value[i], 0};
		const struct entry *hit = bsearch(&key, e, a->n, sizeof *e, entry_compare);
		code[i] = hit ? hit->index : (uint32_t)(a->n + i);
	}
	free(e);
	return FM_OK;
}
