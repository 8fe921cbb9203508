#include "judge/host_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"

/* A stable sort of row by key(row), which is filled by the caller in the order of row. */
static int copy_order(const uint32_t *by_time, size_t n, uint32_t **row, uint64_t **key, struct fm_error *err)
{
	int rc;

	*row = NULL;
	*key = NULL;
	if ((rc = fm_alloc(row, n, sizeof **row, "an order of rows", err)) < 0 ||
	    (rc = fm_alloc(key, n, sizeof **key, "keys of rows", err)) < 0)
		return rc;
	memcpy(*row, by_time, n * sizeof **row);
	return FM_OK;
}

int fm_order_by_source(const struct fm_table *t, const uint32_t *by_time, uint32_t **row, struct fm_error *err)
{
	uint64_t *key;
	int rc;

	if ((rc = copy_order(by_time, t->rows, row, &key, err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		key[i] = t->sa[(*row)[i]];
	rc = fm_sort_u64(key, *row, t->rows, err);
out:
	free(key);
	return rc;
}

int fm_order_by_conversation(const struct fm_table *t, const uint32_t *by_time, uint32_t **row, struct fm_error *err)
{
	uint64_t *key;
	int rc;

	if ((rc = copy_order(by_time, t->rows, row, &key, err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		key[i] = (uint64_t)t->dp[(*row)[i]] << 16 | t->pr[(*row)[i]];
	if ((rc = fm_sort_u64(key, *row, t->rows, err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		key[i] = (uint64_t)t->sa[(*row)[i]] << 32 | t->da[(*row)[i]];
	rc = fm_sort_u64(key, *row, t->rows, err);
out:
	free(key);
	return rc;
}

bool fm_same_conversation(const struct fm_table *t, size_t a, size_t b)
{
	return t->sa[a] == t->sa[b] && t->da[a] == t->da[b] && t->dp[a] == t->dp[b] && t->pr[a] == t->pr[b];
}

void fm_gaps_of(const struct fm_table *t, const uint32_t *row, size_t n, double *mean, double *cv)
{
	double gaps = (double)n - 1, sum = 0, square = 0;

	*mean = *cv = NAN;
	if (n < 3)
		return;
	for (size_t i = 1; i < n; i++) {
		double gap = (double)(fm_slot_of(t->te[row[i]], 1) - fm_slot_of(t->te[row[i - 1]], 1));
		sum += gap;
		square += gap * gap;
	}
	*mean = sum / gaps;
	*cv = *mean > 0 ? sqrt(fmax(square / gaps - *mean * *mean, 0)) / *mean : 0;
}

int fm_count_distinct(const uint32_t *group, const uint32_t *v, size_t n, size_t groups, uint32_t *distinct,
		      uint32_t *most, struct fm_error *err)
{
	uint64_t *key = NULL;
	int rc;

	if ((rc = fm_alloc(&key, n, sizeof *key, "values of a group", err)) < 0)
		return rc;
	memset(distinct, 0, groups * sizeof *distinct);
	if (most)
		memset(most, 0, groups * sizeof *most);
	for (size_t i = 0; i < n; i++)
		key[i] = (uint64_t)group[i] << 32 | v[i];
	if ((rc = fm_sort_u64(key, NULL, n, err)) < 0)
		goto out;
	for (size_t i = 0, j; i < n; i = j) {
		size_t g = key[i] >> 32;
		for (j = i + 1; j < n && key[j] == key[i];)
			j++;
		distinct[g]++;
		if (most && j - i > most[g])
			most[g] = (uint32_t)(j - i);
	}
out:
	free(key);
	return rc;
}

size_t fm_group_host_hours(const struct fm_table *t, const uint32_t *by_source, uint32_t *group)
{
	size_t groups = 0;

	for (size_t i = 0; i < t->rows; i++) {
		uint32_t at = by_source[i], before = by_source[i ? i - 1 : 0];
		groups += i == 0 || t->sa[at] != t->sa[before] ||
			  fm_slot_of(t->te[at], 3600) != fm_slot_of(t->te[before], 3600);
		group[at] = (uint32_t)(groups - 1);
	}
	return groups;
}
