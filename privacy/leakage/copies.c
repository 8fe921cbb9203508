#include "privacy/leakage/copies.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "privacy/leakage/codes.h"

#define SAME                                                                                                           \
	(1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_DP | 1u << FM_PR | 1u << FM_PKT | 1u << FM_BYT |           \
	 1u << FM_LABEL)
/* The columns that identify a flow. */
#define FLOW (1u << FM_TE | 1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_DP | 1u << FM_PR)
#define ROW_BYTES 64 /* memory of a row while it is looked at, with that for sorting */
#define AHEAD 1024   /* rows of one hash that are compared with a class's first */
#define LEAST_ROWS 65536

uint32_t fm_kept_before(const struct fm_kept *k, size_t row)
{
	size_t word = row >> 6;

	if (!k->left_out)
		return (uint32_t)row;
	uint64_t behind = row & 63 ? k->left_out[word] << (64 - (row & 63)) : 0;
	return k->before[word] + (uint32_t)(row & 63) - (uint32_t)__builtin_popcountll(behind);
}

uint32_t fm_kept_row(const struct fm_kept *k, uint32_t n)
{
	size_t lo = 0, words = k->rows / 64 + 1;

	if (!k->left_out)
		return n;
	while (words > 1) { /* the last word that does not begin after the n-th */
		size_t half = words / 2;
		if (k->before[lo + half] <= n) {
			lo += half;
			words -= half;
		} else {
			words = half;
		}
	}
	size_t row = lo << 6;
	for (uint32_t at = k->before[lo];; row++) {
		if (k->left_out[lo] >> (row & 63) & 1u)
			continue;
		if (at++ == n)
			return (uint32_t)row;
	}
}

/* ---- the classes ---- */

struct search {
	const struct fm_table *side[2];
	uint32_t *code[2][FM_NCOL];
	unsigned columns; /* columns that both sides have */
	struct fm_copies *out;
};
/* A row of either side. */
struct place {
	int64_t te;
	uint64_t hash; /* hash of all columns but time */
	uint32_t td, row;
	uint8_t side, taken;
};

static uint64_t hash_of(const struct search *s, unsigned columns, int side, size_t row)
{
	uint64_t h = 0;

	for (int c = 0; c < FM_NFLOWCOL; c++)
		if (columns >> c & 1u)
			h = fm_mix(h + 0x9e3779b97f4a7c15u + fm_coded(s->side[side], s->code[side], c, row));
	return h;
}

/* The order never depends on the side, except for rows that are equal in everything compared. */
static int by_time(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->te != y->te)
		return x->te < y->te ? -1 : 1;
	if (x->td != y->td)
		return x->td < y->td ? -1 : 1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void leave_out(struct search *s, const struct place *p)
{
	struct fm_kept *k = &s->out->side[p->side];

	k->left_out[p->row >> 6] |= (uint64_t)1 << (p->row & 63);
	k->kept--;
}

static uint64_t lot(const struct place *p)
{
	return fm_mix(((uint64_t)p->side << 32 | p->row) + 0x2545f4914f6cdd1du);
}

/* Find the classes among the n rows of one hash. */
static void classes(struct search *s, struct place *p, size_t n)
{
	qsort(p, n, sizeof *p, by_time);
	for (size_t i = 0, seen[2] = {0}; i < n; i++) {
		if (i > 0 && by_time(&p[i], &p[i - 1]) != 0)
			seen[0] = seen[1] = 0;
		s->out->equal[p[i].side] += seen[p[i].side]++ > 0;
	}
	if ((s->columns & FLOW) != FLOW)
		return;
	for (size_t i = 0; i < n; i++) {
		struct place *kept = &p[i];
		if (p[i].taken)
			continue;
		for (size_t j = i + 1; j < n && j < i + AHEAD && p[j].te - p[i].te <= FM_COPIES_APART; j++) {
			uint32_t apart = p[j].td > p[i].td ? p[j].td - p[i].td : p[i].td - p[j].td;
			if (p[j].taken || apart > FM_COPIES_APART)
				continue;
			p[j].taken = 1;
			int other = lot(&p[j]) < lot(kept);
			leave_out(s, other ? kept : &p[j]);
			kept = other ? &p[j] : kept;
		}
	}
}

static int look_at(struct search *s, const uint64_t *key, const uint32_t *row, size_t n, struct fm_error *err)
{
	size_t first = s->side[0]->rows, most = 0;
	struct place *p = NULL;
	int rc;

	for (size_t i = 0, to; i < n; i = to) {
		for (to = i + 1; to < n && key[to] == key[i]; to++)
			;
		most = to - i > most ? to - i : most;
	}
	if (most < 2)
		return FM_OK;
	if ((rc = fm_alloc(&p, most, sizeof *p, "rows of one flow", err)) < 0)
		return rc;
	for (size_t i = 0, to, looked = 0; i < n; i = to) {
		for (to = i + 1; to < n && key[to] == key[i]; to++)
			;
		for (size_t k = i; k < to && to - i > 1; k++, looked++) {
			int side = row[k] >= first;
			uint32_t at = side ? row[k] - (uint32_t)first : row[k];
			const struct fm_table *t = s->side[side];
			p[k - i] = (struct place){.te = s->columns >> FM_TE & 1u ? t->te[at] : 0,
						  .td = FM_HAS(t, FM_TD) ? t->td[at] : 0,
						  .hash = hash_of(s, s->columns & ~(1u << FM_TE), side, at),
						  .row = at,
						  .side = (uint8_t)side};
			for (int c = 0; c < 2 && looked % 1024 == 1023; c++)
				if (s->side[c])
					fm_table_forget(s->side[c], 0, s->side[c]->rows);
		}
		if (to - i > 1)
			classes(s, p, to - i);
	}
	free(p);
	return FM_OK;
}

/* All rows, the hashes of one range at a time. */
static int look_at_all(struct search *s, size_t memory, struct fm_error *err)
{
	size_t rows[2] = {s->side[0]->rows, s->side[1] ? s->side[1]->rows : 0}, all = rows[0] + rows[1],
	       fit = memory / ROW_BYTES > LEAST_ROWS ? memory / ROW_BYTES : LEAST_ROWS, parts = all / fit + 1;
	uint64_t *key = NULL;
	uint32_t *row = NULL;
	int rc = FM_OK;

	for (size_t part = 0; part < parts; part++) {
		size_t n = 0, cap = 0;
		for (int side = 0; side < 2; side++)
			for (size_t i = 0; i < rows[side]; i++) {
				uint64_t h = hash_of(s, s->columns & SAME, side, i);
				fm_table_forget_behind(s->side[side], i);
				if ((h >> 32) * parts >> 32 != part)
					continue;
				if (n == cap) {
					cap = cap ? 2 * cap : all / parts + all / 8 / parts + 1024;
					uint64_t *keys = reallocarray(key, cap, sizeof *key);
					key = keys ? keys : key;
					uint32_t *numbers = reallocarray(row, cap, sizeof *row);
					row = numbers ? numbers : row;
					if (!keys || !numbers) {
						rc = fm_fail(err, FM_ESYSTEM, "out of memory: %zu rows", cap);
						goto out;
					}
				}
				key[n] = h;
				row[n++] = (uint32_t)(side ? rows[0] + i : i);
			}
		if ((rc = fm_sort_u64(key, row, n, err)) < 0 || (rc = look_at(s, key, row, n, err)) < 0)
			goto out;
		free(key);
		free(row);
		key = NULL;
		row = NULL;
	}
out:
	free(key);
	free(row);
	return rc;
}

static int open_side(struct fm_kept *k, const struct fm_table *t, struct fm_error *err)
{
	int rc;

	*k = (struct fm_kept){.rows = t ? t->rows : 0, .kept = t ? t->rows : 0};
	if (!t)
		return FM_OK;
	if ((rc = fm_alloc(&k->left_out, t->rows / 64 + 1, sizeof *k->left_out, "copies", err)) < 0)
		return rc;
	return fm_alloc(&k->before, t->rows / 64 + 1, sizeof *k->before, "copies", err);
}

static void count_before(struct fm_kept *k)
{
	if (k->kept == k->rows) {
		free(k->left_out);
		free(k->before);
		k->left_out = NULL;
		k->before = NULL;
		return;
	}
	for (size_t w = 1; w <= k->rows / 64; w++)
		k->before[w] = k->before[w - 1] + 64 - (uint32_t)__builtin_popcountll(k->left_out[w - 1]);
}

int fm_copies_find(struct fm_copies **out, const struct fm_table *train, const struct fm_table *holdout, size_t memory,
		   struct fm_error *err)
{
	struct search s = {.side = {train, holdout},
			   .columns = train->present & FM_COLS_UGR16 & (holdout ? holdout->present : ~0u)};
	int rc;

	*out = NULL;
	if (train->rows + (holdout ? holdout->rows : 0) >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "copies cannot be looked for in %u rows or more", UINT32_MAX);
	if ((rc = fm_alloc(&s.out, 1, sizeof *s.out, "copies", err)) < 0)
		return rc;
	if ((rc = open_side(&s.out->side[0], train, err)) < 0 || (rc = open_side(&s.out->side[1], holdout, err)) < 0)
		goto out;
	if (holdout && (rc = fm_codes_like(holdout, train, s.columns, s.code[1], err)) < 0)
		goto out;
	if (s.columns && (rc = look_at_all(&s, memory, err)) < 0)
		goto out;
	count_before(&s.out->side[0]);
	count_before(&s.out->side[1]);
out:
	fm_codes_free(s.code[1]);
	if (rc < 0)
		fm_copies_free(s.out);
	else
		*out = s.out;
	return rc;
}

void fm_copies_free(struct fm_copies *c)
{
	if (!c)
		return;
	for (int k = 0; k < 2; k++) {
		free(c->side[k].left_out);
		free(c->side[k].before);
	}
	free(c);
}
