/* no_row.h - lines of a table that are no rows, by their n bytes alone, n over 0: neither CR nor LF is behind them. */
#ifndef FM_TRACES_NO_ROW_H
#define FM_TRACES_NO_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "manifests/dialect.h"

/* Blanks, tabs and carriage returns. */
bool fm_no_row_blank(const char *s, size_t n);
/* Begins as a line of the summary does that nfdump writes for people. */
bool fm_no_row_summary(const char *s, size_t n);
/* Several lines, ended by CR alone, as old programs wrote them. */
bool fm_no_row_cr(const char *s, size_t n);
/* An object of JSON, or a list of them. */
bool fm_no_row_json(const char *s, size_t n);
/* Delimiters alone, as a spreadsheet leaves them below its last row. */
bool fm_no_row_empty(const struct fm_dialect *d, const char *s, size_t n);

#endif
