/*
 * rows.h - putting rows in order and choosing among them: what the judges and the leakage checks both need.
 *
 * Rows are numbered by uint32_t here: a table of 2^32 rows or more is refused by those that judge it.
 */
#ifndef FM_BASE_ROWS_H
#define FM_BASE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

/* Sort keys rising, stable, and carry row[] (n values, or NULL) along.  Radix sort; needs as much memory again. */
int fm_sort_u64(uint64_t *key, uint32_t *row, size_t n, struct fm_error *err) FM_MUST_CHECK;

/* How many of n rising keys are below v. */
static inline size_t fm_keys_below(const uint64_t *key, size_t n, uint64_t v)
{
	size_t at = 0;

	while (n > 0) {
		size_t half = n / 2;
		if (key[at + half] < v) {
			at += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return at;
}

/* A signed value as a key that sorts the same way. */
static inline uint64_t fm_key_i64(int64_t v)
{
	return (uint64_t)v ^ ((uint64_t)1 << 63);
}

/* Choose n of rows rows without replacement, all sets equally likely, in rising order (Knuth, TAOCP 2, 3.4.2, algorithm
 * S).  A function of (seed, purpose, rows, n) alone.  n <= rows < 2^32. */
void fm_rows_choose(uint64_t seed, uint64_t purpose, size_t rows, size_t n, uint32_t *chosen);

/* A new in-memory table of the given rows, in that order, with the dictionaries of t (of addresses the
 * same one). */
int fm_table_take(struct fm_table **out, const struct fm_table *t, const uint32_t *row, size_t n,
		  struct fm_error *err) FM_MUST_CHECK;
/* The same for n rows chosen by fm_rows_choose. */
int fm_table_sample(struct fm_table **out, const struct fm_table *t, size_t n, uint64_t seed, uint64_t purpose,
		    struct fm_error *err) FM_MUST_CHECK;

/* code[i] for each value i of b: its index in a, or a->n + i when a does not have it. */
int fm_dict_match(const struct fm_dict *a, const struct fm_dict *b, uint32_t *code, struct fm_error *err) FM_MUST_CHECK;

#endif
