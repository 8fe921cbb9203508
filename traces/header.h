/* header.h - the first line of a trace: finds the columns by their names, or tells what is wrong when it is a header,
 * or is none. */
#ifndef FM_TRACES_HEADER_H
#define FM_TRACES_HEADER_H

#include <stdint.h>

#include "base/error.h"
#include "traces/row.h"
#include "traces/trace.h"

struct fm_header {
	const struct fm_trace_opts *o;
	struct fm_row *row;
	const char *fields; /* n of them, each with a NUL behind it */
	int n;
	uint64_t line;
	const char *rest; /* nrest bytes behind the line, or NULL */
	size_t nrest;
};
/* Find the dialect's columns: fills row->map and row->nfields. */
int fm_header_take(const struct fm_header *h, struct fm_error *err) FM_MUST_CHECK;
/* A line between rows is no header, the header once more (perhaps in another case), or a header with columns in other
 * places than the rows are read by, as in joined files. */
enum fm_header_again { FM_HEADER_NONE, FM_HEADER_SAME, FM_HEADER_MOVED };
enum fm_header_again fm_header_again(const struct fm_header *h);
/* The dialect has no header: FM_EINPUT when the line is one. */
int fm_header_refuse(const struct fm_header *h, struct fm_error *err) FM_MUST_CHECK;
/* Is the line a row rather than a header? It has values, and none of the dialect's names. */
bool fm_header_is_row(const struct fm_header *h);
/* The delimiter that cuts s into `wanted` columns, or into more than one if wanted is 0 (not known); 0: none does. */
char fm_delimiter_of(const char *s, size_t n, char not, int wanted);
const char *fm_delimiter_name(char c, char text[3]); /* text, a tab as \t */

#endif
