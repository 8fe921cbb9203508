/* hamming.c - which emitted records are lone (every other real row differs from them in at least two columns) or
 * solitary (in at least three).
 *
 * A row's hash is the sum of one term per column, so the hash without a column or two is a subtraction.  One pass over
 * the real rows looks for the records without each of several columns (or pairs of columns) at once.  Matches are by
 * 64-bit hash: a false match makes a record count less. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "privacy/leakage/leakage_parts.h"
#include "privacy/leakage/match.h"

#define CHUNK ((size_t)1 << 16)
enum { BATCH = FM_LEAK_HAMMING_BATCH, LEAST_SIEVE = 12, MOST_SIEVE = 24 };

/* The records without columns c and d (without one where both are the same). */
struct drop {
	int c, d;
	uint64_t *key;   /* (n) rising */
	uint32_t *times; /* (n) real rows that match, at the first of equal keys */
	uint64_t *sieve; /* most rows match no record: a table of bits rules them out before a search */
};
struct pass {
	const struct fm_table *side[2];
	const struct fm_kept *kept[2];
	uint32_t *code[2][FM_NCOL];
	unsigned columns;
	size_t n;         /* records */
	unsigned shift;   /* shift of a hash to its bit of the sieve */
	size_t shards[2]; /* shards of each side */
	struct drop drop[BATCH];
	int ndrops;
};

/* The terms of a row's columns; returns their sum. */
static uint64_t terms(const struct pass *p, int side, size_t row, uint64_t term[FM_NCOL])
{
	uint64_t sum = 0;

	for (int c = 0; c < FM_NCOL; c++)
		if (p->columns >> c & 1u) {
			term[c] = fm_mix(fm_coded(p->side[side], p->code[side], c, row) +
					 (uint64_t)(c + 1) * 0x9e3779b97f4a7c15u);
			sum += term[c];
		}
	return sum;
}

/* The same for the i-th record; from time to time the memory of rows read is released. */
static uint64_t record_terms(const struct pass *p, const struct fm_leak_record *list, size_t i, uint64_t term[FM_NCOL])
{
	for (int k = 0; k < 2 && (i + 1) % 1024 == 0; k++)
		fm_table_forget(p->side[k], 0, p->side[k]->rows);
	return terms(p, list[i].side, list[i].row, term);
}

static uint64_t without(const struct drop *d, uint64_t sum, const uint64_t term[FM_NCOL])
{
	return sum - term[d->c] - (d->d == d->c ? 0 : term[d->d]);
}

/* One run of rows of one side against all records. */
static void meet_rows(void *ctx, int shard, int thread)
{
	const struct pass *p = ctx;
	int side = (size_t)shard >= p->shards[0];
	size_t from = ((size_t)shard - (side ? p->shards[0] : 0)) * CHUNK, rows = p->side[side]->rows,
	       to = rows - from < CHUNK ? rows : from + CHUNK;
	uint64_t term[FM_NCOL] = {0};

	(void)thread;
	for (size_t r = from; r < to; r++) {
		if (!fm_kept_has(p->kept[side], r))
			continue;
		uint64_t sum = terms(p, side, r, term);
		for (int k = 0; k < p->ndrops; k++) {
			const struct drop *d = &p->drop[k];
			uint64_t v = without(d, sum, term), bit = v >> p->shift;
			if (!(d->sieve[bit >> 6] >> (bit & 63) & 1))
				continue;
			size_t at = fm_keys_below(d->key, p->n, v);
			if (at < p->n && d->key[at] == v)
				__atomic_fetch_add(&d->times[at], 1, __ATOMIC_RELAXED);
		}
	}
	fm_table_forget(p->side[side], from, to);
}

/* A record equal to another row in all but the dropped columns has a Hamming distance of at most `level`: lower it. */
static void lower(const struct pass *p, uint8_t level, struct fm_leak_record *list)
{
	uint64_t term[FM_NCOL] = {0};

	for (size_t i = 0; i < p->n; i++) {
		uint64_t sum = record_terms(p, list, i, term);
		for (int k = 0; k < p->ndrops && list[i].hamming > level; k++) {
			const struct drop *d = &p->drop[k];
			if (d->times[fm_keys_below(d->key, p->n, without(d, sum, term))] > 1) /* one is the record */
				list[i].hamming = level;
		}
	}
}

/* One pass over the real rows for the first p->ndrops of p->drop, whose c and d are set. */
static int run_pass(struct pass *p, struct fm_pool *pool, uint8_t level, struct fm_leak_record *list,
		    struct fm_error *err)
{
	uint64_t term[FM_NCOL] = {0};
	unsigned bits = LEAST_SIEVE;
	int rc = FM_OK;

	if (p->ndrops == 0)
		return FM_OK;
	while (bits < MOST_SIEVE && (size_t)1 << bits < 16 * p->n)
		bits++;
	p->shift = 64 - bits;
	for (int k = 0; k < p->ndrops; k++) {
		struct drop *d = &p->drop[k];
		if ((rc = fm_alloc(&d->key, p->n, sizeof *d->key, "row hashes", err)) < 0 ||
		    (rc = fm_alloc(&d->times, p->n, sizeof *d->times, "match counts", err)) < 0 ||
		    (rc = fm_alloc(&d->sieve, ((size_t)1 << bits) / 64, sizeof *d->sieve, "row hashes", err)) < 0)
			goto out;
	}
	for (size_t i = 0; i < p->n; i++) {
		uint64_t sum = record_terms(p, list, i, term);
		for (int k = 0; k < p->ndrops; k++) {
			uint64_t v = p->drop[k].key[i] = without(&p->drop[k], sum, term), bit = v >> p->shift;
			p->drop[k].sieve[bit >> 6] |= (uint64_t)1 << (bit & 63);
		}
	}
	for (int k = 0; k < p->ndrops; k++)
		if ((rc = fm_sort_u64(p->drop[k].key, NULL, p->n, err)) < 0)
			goto out;
	fm_pool_run(pool, (int)(p->shards[0] + p->shards[1]), meet_rows, p);
	lower(p, level, list);
out:
	for (int k = 0; k < p->ndrops; k++) {
		free(p->drop[k].key);
		free(p->drop[k].times);
		free(p->drop[k].sieve);
		p->drop[k] = (struct drop){0};
	}
	p->ndrops = 0;
	return rc;
}

static int add_drop(struct pass *p, int c, int d, struct fm_pool *pool, uint8_t level, struct fm_leak_record *list,
		    struct fm_error *err)
{
	p->drop[p->ndrops++] = (struct drop){.c = c, .d = d};
	return p->ndrops < BATCH ? FM_OK : run_pass(p, pool, level, list, err);
}

static int furthest_first(const void *a, const void *b)
{
	const struct fm_leak_record *x = a, *y = b;

	if (x->hamming != y->hamming)
		return x->hamming < y->hamming ? 1 : -1;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

int fm_leak_set_hamming(struct fm_leak *l, unsigned columns, struct fm_leak_record *list, size_t n,
			struct fm_error *err)
{
	struct pass p = {.side = {l->train, l->holdout},
			 .kept = {fm_leak_kept(l, 0), fm_leak_kept(l, 1)},
			 .columns = columns,
			 .n = n};
	int rc;

	if (n == 0)
		return FM_OK;
	for (int k = 0; k < 2; k++) {
		p.shards[k] = (p.side[k]->rows + CHUNK - 1) / CHUNK;
		if ((rc = fm_codes_like(p.side[k], l->train, columns, p.code[k], err)) < 0)
			goto out;
	}
	for (size_t i = 0; i < n; i++)
		list[i].hamming = 3;
	for (int c = 0; c < FM_NCOL; c++)
		if (columns >> c & 1u && (rc = add_drop(&p, c, c, l->pool, 1, list, err)) < 0)
			goto out;
	if ((rc = run_pass(&p, l->pool, 1, list, err)) < 0)
		goto out;
	qsort(list, n, sizeof *list, furthest_first);
	while (p.n > 0 && list[p.n - 1].hamming < 3)
		p.n--;
	for (int c = 0; c < FM_NCOL && p.n > 0; c++)
		for (int d = c + 1; d < FM_NCOL; d++)
			if (columns >> c & columns >> d & 1u && (rc = add_drop(&p, c, d, l->pool, 2, list, err)) < 0)
				goto out;
	if (p.n > 0)
		rc = run_pass(&p, l->pool, 2, list, err);
out:
	fm_codes_free(p.code[0]);
	fm_codes_free(p.code[1]);
	return rc;
}
