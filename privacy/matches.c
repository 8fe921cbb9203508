/* matches.c - rows of the synthetic table that a real table has too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "privacy/leak.h"
#include "privacy/leakage.h"
#include "privacy/match.h"

static const struct column_set {
	const char *name;
	unsigned without;
	double share[3]; /* of the family's error budget: unique, lone, solitary */
	int extremes;    /* are those that lie apart tested too? */
} column_sets[] = {
    /* No fresh row is met in all columns (leak.rows_equal is 0): no budget is needed there.  A copy with its addresses
     * is a copy without them too: a quarter is enough. */
    {"", 0, {0, 0, 0}, 0},
    {"_no_time", 1u << FM_TE, {FM_LEAK_SHARE_UNIQUE / 4, FM_LEAK_SHARE_LONE / 4, 0}, 0},
    {"_no_addr_time",
     1u << FM_TE | 1u << FM_SA | 1u << FM_DA,
     {FM_LEAK_SHARE_UNIQUE, FM_LEAK_SHARE_LONE, FM_LEAK_SHARE_SOLITARY},
     1},
};
enum { NSETS = sizeof column_sets / sizeof *column_sets };

static int matched_share(struct fm_leak *l, const struct fm_match_index *train, const struct fm_table *rows,
			 const char *metric, const char *set, struct fm_error *err)
{
	size_t matched;
	int rc;

	if ((rc = fm_match(train, rows, NULL, &matched, err)) != FM_OK)
		return rc;
	return fm_leak_share(l, metric, set, (double)matched, rows->rows, 1, err);
}

/* ---- records: real rows that occur once in training and holdout together ---- */

/* Add to list those of side[own] that occur there once, on the other side never, and among the synthetic rows: each
 * once, however often it is emitted. */
static int emitted_records(const struct fm_table *const side[2], int own, const struct fm_match_index *const sides[2],
			   const struct fm_match_index *synthetic, struct fm_leak_record *list, size_t *n,
			   struct fm_error *err)
{
	const struct fm_match_index *in[3] = {sides[own], sides[!own], synthetic};
	uint32_t *times[3] = {NULL};
	size_t matched;
	int rc;

	for (int k = 0; k < 3; k++)
		if ((rc = fm_alloc(&times[k], side[own]->rows + 1, sizeof **times, "match counts", err)) != FM_OK ||
		    (rc = fm_match(in[k], side[own], times[k], &matched, err)) != FM_OK)
			goto out;
	for (size_t i = 0; i < side[own]->rows; i++)
		if (times[0][i] == 1 && times[1][i] == 0 && times[2][i] > 0)
			list[(*n)++] = (struct fm_leak_record){.row = (uint32_t)i, .side = (uint8_t)own, .apart = 3};
out:
	for (int k = 0; k < 3; k++)
		free(times[k]);
	return rc;
}

/* ---- which records are lone or solitary: no other real row differs from them in one column alone, in two ---- */

struct hashed {
	const struct fm_table *t;
	uint32_t *code[FM_NCOL]; /* a category's number in the training table */
	uint64_t *sum;           /* (rows) the sum of the terms of all columns */
};

static uint64_t term(const struct hashed *h, int c, size_t row)
{
	uint64_t v;

	switch (fm_cols[c].width) {
	case 2:
		v = ((const uint16_t *)h->t->col[c])[row];
		break;
	case 4:
		v = ((const uint32_t *)h->t->col[c])[row];
		break;
	default:
		v = ((const uint64_t *)h->t->col[c])[row];
	}
	if (h->code[c])
		v = h->code[c][v];
	v += (uint64_t)(c + 1) * 0x9e3779b97f4a7c15u; /* SplitMix64 (Steele, Lea and Flood 2014) */
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

static int hash_rows(struct hashed *h, const struct fm_table *t, const struct fm_table *train, unsigned columns,
		     struct fm_error *err)
{
	int rc;

	h->t = t;
	for (int c = 0; c < FM_NCOL && t != train; c++)
		if (columns >> c & 1u && fm_cols[c].kind == FM_KIND_CATEGORY) {
			if ((rc = fm_alloc(&h->code[c], t->dict[c].n + 1, sizeof **h->code, "category codes", err)) !=
				FM_OK ||
			    (rc = fm_dict_match(&train->dict[c], &t->dict[c], h->code[c], err)) != FM_OK)
				return rc;
		}
	if ((rc = fm_alloc(&h->sum, t->rows + 1, sizeof *h->sum, "row hashes", err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < t->rows; i++)
		for (int c = 0; c < FM_NCOL; c++)
			if (columns >> c & 1u)
				h->sum[i] += term(h, c, i);
	return FM_OK;
}

static void hashed_close(struct hashed *h)
{
	for (int c = 0; c < FM_NCOL; c++)
		free(h->code[c]);
	free(h->sum);
}

static size_t first_not_below(const uint64_t *sorted, size_t n, uint64_t v)
{
	size_t at = 0;

	while (n > 0) {
		size_t half = n / 2;
		if (sorted[at + half] < v) {
			at += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return at;
}

/* A row's hash without columns c and d (or c alone, d being c). */
static uint64_t without(const struct hashed *h, size_t row, int c, int d)
{
	return h->sum[row] - term(h, c, row) - (d == c ? 0 : term(h, d, row));
}

/* Most rows are like no record: a small table of bits says so before a search does. */
#define SIEVE_BITS 16
struct sieve {
	uint64_t word[1 << (SIEVE_BITS - 6)];
};

static int maybe(const struct sieve *s, uint64_t v)
{
	return s->word[v >> (64 - SIEVE_BITS + 6)] >> (v >> (64 - SIEVE_BITS) & 63) & 1;
}

/* Without columns c and d: a record that another row equals is no more than `level` columns apart.  By 64-bit hash: a
 * false alarm makes a record count less.  key, times (n): work space. */
static int drop_columns(const struct hashed side[2], int c, int d, uint8_t level, struct fm_leak_record *list, size_t n,
			uint64_t *key, uint32_t *times, struct fm_error *err)
{
	struct sieve sieve = {{0}};
	int rc;

	for (size_t i = 0; i < n; i++) {
		uint64_t v = key[i] = without(&side[list[i].side], list[i].row, c, d);
		sieve.word[v >> (64 - SIEVE_BITS + 6)] |= (uint64_t)1 << (v >> (64 - SIEVE_BITS) & 63);
	}
	if ((rc = fm_sort_u64(key, NULL, n, err)) != FM_OK)
		return rc;
	memset(times, 0, n * sizeof *times);
	for (int k = 0; k < 2; k++)
		for (size_t r = 0; r < side[k].t->rows; r++) {
			uint64_t v = without(&side[k], r, c, d);
			if (!maybe(&sieve, v))
				continue;
			size_t at = first_not_below(key, n, v);
			if (at < n && key[at] == v)
				times[at]++;
		}
	for (size_t i = 0; i < n; i++) {
		uint64_t v = without(&side[list[i].side], list[i].row, c, d);
		if (times[first_not_below(key, n, v)] > 1 && list[i].apart > level) /* one of them is the record */
			list[i].apart = level;
	}
	return FM_OK;
}

static int furthest_first(const void *a, const void *b)
{
	const struct fm_leak_record *x = a, *y = b;

	if (x->apart != y->apart)
		return x->apart < y->apart ? 1 : -1;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* How far apart the records are: all begin at 3, and come out sorted by it. */
static int set_apart(const struct fm_leak *l, unsigned columns, struct fm_leak_record *list, size_t n,
		     struct fm_error *err)
{
	struct hashed side[2] = {0};
	uint64_t *key = NULL;
	uint32_t *times = NULL;
	int rc;

	if ((rc = hash_rows(&side[0], l->train, l->train, columns, err)) != FM_OK ||
	    (rc = hash_rows(&side[1], l->holdout, l->train, columns, err)) != FM_OK ||
	    (rc = fm_alloc(&key, n + 1, sizeof *key, "row hashes", err)) != FM_OK ||
	    (rc = fm_alloc(&times, n + 1, sizeof *times, "match counts", err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < n; i++)
		list[i].hash = side[list[i].side].sum[list[i].row];
	for (int c = 0; c < FM_NCOL && rc == FM_OK && n > 0; c++)
		if (columns >> c & 1u)
			rc = drop_columns(side, c, c, 1, list, n, key, times, err);
	qsort(list, n, sizeof *list, furthest_first);
	while (n > 0 && list[n - 1].apart < 3)
		n--;
	for (int c = 0; c < FM_NCOL && rc == FM_OK; c++)
		for (int d = c + 1; d < FM_NCOL && rc == FM_OK && n > 0; d++)
			if (columns >> c & 1u && columns >> d & 1u)
				rc = drop_columns(side, c, d, 2, list, n, key, times, err);
out:
	hashed_close(&side[0]);
	hashed_close(&side[1]);
	free(key);
	free(times);
	return rc;
}

/* ---- the paired tests ---- */

/* Records that are `apart` columns from all others at least. */
static int paired(struct fm_leak *l, const char *set, const struct fm_leak_record *list, size_t n, int apart,
		  double share, struct fm_error *err)
{
	static const char *const names[] = {"unique", "lone", "solitary"};
	const char *name = names[apart - 1];
	struct fm_block_test test;
	uint32_t *votes = NULL;
	char part[40];
	int rc;

	if ((rc = fm_alloc(&votes, l->blocks->n + 1, sizeof *votes, "votes", err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (list[i].apart >= apart)
			votes[l->blocks->of_row[list[i].side][list[i].row]]++;
	/* Who has learned a distribution meets no solitary record more often for it: nothing is granted there. */
	if ((rc = fm_block_test(l->blocks, votes, apart > 1 ? FM_LEAK_PAIRS : FM_LEAK_BLOCKS,
				apart == 3 ? 0.5 : FM_LEAK_GRANTED, &test, err)) != FM_OK ||
	    (rc = fm_leak_verdict(l, name, set, &test, share, err)) != FM_OK)
		goto out;
	snprintf(part, sizeof part, "%s_block_most", name);
	rc = fm_leak_add(l, part, set, test.most, l->blocks->train, err);
out:
	free(votes);
	return rc;
}

static int set_matches(struct fm_leak *l, const struct column_set *set, unsigned columns, struct fm_error *err)
{
	const struct fm_table *side[2] = {l->train, l->holdout};
	struct fm_match_index *x[2] = {NULL, NULL}, *xs = NULL;
	struct fm_leak_record *list = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_match_index_new(&x[0], l->train, columns, err)) != FM_OK ||
	    (rc = matched_share(l, x[0], l->synthetic, "rows_equal", set->name, err)) != FM_OK || !l->holdout)
		goto out;
	if ((rc = matched_share(l, x[0], l->holdout, "holdout_equal", set->name, err)) != FM_OK ||
	    (rc = fm_match_index_new(&x[1], l->holdout, columns, err)) != FM_OK ||
	    (rc = fm_match_index_new(&xs, l->synthetic, columns, err)) != FM_OK ||
	    (rc = fm_alloc(&list, l->train->rows + l->holdout->rows + 1, sizeof *list, "records", err)) != FM_OK)
		goto out;
	const struct fm_match_index *sides[2] = {x[0], x[1]};
	for (int k = 0; k < 2; k++)
		if ((rc = emitted_records(side, k, sides, xs, list, &n, err)) != FM_OK)
			goto out;
	if ((rc = set_apart(l, columns, list, n, err)) != FM_OK)
		goto out;
	for (int apart = 1; apart <= 3 && rc == FM_OK; apart++)
		rc = paired(l, set->name, list, n, apart, set->share[apart - 1], err);
	if (rc == FM_OK && set->extremes)
		rc = fm_leak_extremes(l, set->name, list, n, err);
out:
	fm_match_index_free(x[0]);
	fm_match_index_free(x[1]);
	fm_match_index_free(xs);
	free(list);
	return rc;
}

int fm_leak_matches(struct fm_leak *l, struct fm_error *err)
{
	unsigned present =
	    l->train->present & l->synthetic->present & FM_COLS_UGR16 & (l->holdout ? l->holdout->present : ~0u);
	int rc = FM_OK;

	for (size_t i = 0; i < NSETS && rc == FM_OK; i++) {
		unsigned columns = present & ~column_sets[i].without;
		if (columns)
			rc = set_matches(l, &column_sets[i], columns, err);
	}
	return rc;
}
