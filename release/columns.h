/*
 * columns.h - what a column of the emitted CSV means, in words that the data sheet and the schema share.
 */
#ifndef FM_RELEASE_COLUMNS_H
#define FM_RELEASE_COLUMNS_H

#include "base/mem.h"
#include "manifests/dialect.h"

/* For the schema: the two forms of calendar times, and what an address looks like. */
#define FM_TIME_FORMAT "%Y-%m-%d %H:%M:%S"
#define FM_TIME_PART_FORMAT FM_TIME_FORMAT ".%f"
/* ... and their parts where they are two values. */
#define FM_DATE_FORMAT "%Y-%m-%d"
#define FM_CLOCK_FORMAT "%H:%M:%S"
#define FM_CLOCK_PART_FORMAT FM_CLOCK_FORMAT ".%f"
#define FM_ADDRESS_PATTERN "([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-f:]{2,39})"

const char *fm_data_suffix(const struct fm_dialect *d);           /* of a file in it: "csv" or "jsonl" */
const char *fm_column_meaning(const struct fm_dialect *d, int k); /* of column k of the dialect */
/* "times, addresses and protocols": what flows lack; absent: a sum of bits of enum fm_col. */
void fm_columns_absent(unsigned absent, struct fm_buf *out);
/* Values that column k has in a row: between blanks its words are values of their own to readers of tables, a time that
 * is two words a date and a time of day.  cell: which of them, from 0; the name of each is another one. */
#define FM_CELL_NAME 80
int fm_column_cells(const struct fm_dialect *d, int k);
const char *fm_cell_name(const struct fm_dialect *d, int k, int cell, char name[FM_CELL_NAME]);
const char *fm_cell_type(const struct fm_dialect *d, int k, int cell); /* as fm_column_type, or date, or time */
/* Is the header that is written a row of these names to other readers?  Not behind a mark, nor where blanks part a name
 * that has one inside. */
bool fm_header_has_names(const struct fm_dialect *d);
/* col: enum fm_col, or -1 for a column that is written empty. */
const char *fm_column_unit(int col, enum fm_format format); /* "" when it has none */
const char *fm_column_type(int col, enum fm_format format,
			   int decimals); /* Frictionless: datetime, number, integer, string */

#endif
