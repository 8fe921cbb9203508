/*
 * match.h - rows of one table that another table has too, column by column equal.
 *
 * Rows are found by a 64-bit hash and compared in full: a match is one, whatever the hash says.  Categories are compared by
 * their text.
 */
#ifndef FM_PRIVACY_MATCH_H
#define FM_PRIVACY_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

/* The rows of one table in order of hash over a set of columns, ready to be looked up. */
struct fm_match_index;
/* columns: a set of bits 1 << enum fm_col, all of them present in t.  t must outlive the index.  FM_EINPUT for 2^32 rows. */
int fm_match_index_new(struct fm_match_index **x, const struct fm_table *t, unsigned columns,
		       struct fm_error *err) FM_MUST_CHECK;
void fm_match_index_free(struct fm_match_index *x);

/* times[i] = how many rows of the index equal row i of `rows` (t->rows values, or NULL); *matched = rows with at least one.
 * `rows` must have the columns too. */
int fm_match(const struct fm_match_index *x, const struct fm_table *rows, uint32_t *times, size_t *matched,
	     struct fm_error *err) FM_MUST_CHECK;

#endif
