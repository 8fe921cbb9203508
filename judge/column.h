/*
 * column.h - one column of a flow table as keys and as numbers, in the units that the metrics are defined in.
 */
#ifndef FM_JUDGE_COLUMN_H
#define FM_JUDGE_COLUMN_H

#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

/* The value of any column as an unsigned key; te keeps its order. */
uint64_t fm_column_key(const struct fm_table *t, enum fm_col c, size_t row);

/* A numeric column in the metrics' units, as a CSV reader with binary floating point would read it: te in microseconds,
 * td in seconds, pkt and byt as they are. */
double fm_column_number(const struct fm_table *t, enum fm_col c, size_t row);

/* All keys of a column, in row order or sorted.  Categories are numbered by the dictionary of `like` (values that it
 * lacks come after), so that the keys of two tables compare.  *key is released by free(). */
int fm_column_keys(const struct fm_table *t, const struct fm_table *like, enum fm_col c, uint64_t **key,
		   struct fm_error *err) FM_MUST_CHECK;

/* The rows of t in order of te, ties in row order.  *row is released by free(). */
int fm_rows_by_time(const struct fm_table *t, uint32_t **row, struct fm_error *err) FM_MUST_CHECK;

/* Refuse tables for which no metric is defined: no rows, or 2^32 rows or more. */
int fm_judge_check(const struct fm_table *t, const char *what, struct fm_error *err) FM_MUST_CHECK;

#endif
