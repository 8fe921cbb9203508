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
/* The files of o->path by the times of their first rows, which are read for it; those without a row are left out with a
 * warning. total: bytes of all. FM_EINPUT names a file that cannot be read. */
int fm_file_order(const struct fm_reader_kind *kind, const struct fm_trace_opts *o, struct fm_file **file, size_t *n,
		  uint64_t *total, struct fm_error *err) FM_MUST_CHECK;
void fm_file_order_free(struct fm_file *file, size_t n);

#endif
