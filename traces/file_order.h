/* file_order.h - the files of a trace in the order of time. */
#ifndef FM_TRACES_FILE_ORDER_H
#define FM_TRACES_FILE_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "traces/reader.h"

struct fm_file {
	char *path;
	int64_t first_ms; /* of its first row */
	size_t at;        /* in the list */
};
/* What a reader holds of them; all 0 where the trace is one file. */
struct fm_file_order {
	struct fm_file *file; /* (n) in the order of time */
	size_t n, now;        /* now: the one that is read */
	uint64_t total;       /* bytes of all */
};
/* The files of o->path by the times of their first rows, which are read for it; files without a row are left out with a
 * warning. first: o with the path of the first file, which the order owns unless there is only one. FM_EINPUT names a
 * file that cannot be read. Free by fm_file_order_free, after a failure too. */
int fm_file_order(struct fm_file_order *order, const struct fm_reader_kind *kind, const struct fm_trace_opts *o,
		  struct fm_trace_opts *first, struct fm_error *err) FM_MUST_CHECK;
/* The path of the next file, which is read now; NULL: this was the last. */
const char *fm_file_order_next(struct fm_file_order *order);
void fm_file_order_free(struct fm_file_order *order);

#endif
