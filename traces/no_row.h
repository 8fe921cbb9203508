/* no_row.h - lines of a table that are no rows, told by their n > 0 bytes alone, without the CR or LF at their end. */
#ifndef FM_TRACES_NO_ROW_H
#define FM_TRACES_NO_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "manifests/dialect.h"

/* Blanks, tabs and carriage returns. */
bool fm_no_row_blank(const char *s, size_t n);
/* Begins like a line of the summary that nfdump writes for people. */
bool fm_no_row_summary(const char *s, size_t n);
/* Several lines, ended by CR alone, as old programs wrote them. */
bool fm_no_row_cr(const char *s, size_t n);
/* An object of JSON, or a list of them. */
bool fm_no_row_json(const char *s, size_t n);
/* A line that was drawn: +------+-----+ of MySQL, ----+---- and behind the rows (60 rows) of PostgreSQL, |---|---| of
 * Markdown. */
bool fm_no_row_ruler(const char *s, size_t n);
/* Only delimiters, as a spreadsheet leaves them below its last row. */
bool fm_no_row_empty(const struct fm_dialect *d, const char *s, size_t n);

#endif
