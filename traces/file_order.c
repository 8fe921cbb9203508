#include "traces/file_order.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "traces/files.h"

/* The time of the first row of a file; *none: it has no row, as hours without a flow have. */
static int first_time(const struct fm_reader_kind *kind, const struct fm_trace_opts *o, int64_t *ms, bool *none,
		      struct fm_error *err)
{
	struct fm_reader *r = NULL;
	struct fm_batch b = {0};
	struct stat st;
	size_t bad = 0;
	int rc;

	*none = stat(o->path, &st) == 0 && st.st_size == 0;
	if (*none)
		return FM_OK;
	if ((rc = kind->open(&r, o, err)) < 0)
		return rc;
	for (; !b.end && !(b.rows && b.rows->rows); bad += b.nbad)
		if ((rc = kind->next(r, 1, &b, err)) < 0)
			goto out;
	*none = b.rows->rows == 0 && !bad;
	if (!b.rows->rows)
		*ms = INT64_MAX; /* only bad rows: they are counted, at the end */
	else
		*ms = FM_HAS(b.rows, FM_TE) ? b.rows->te[0] : 0;
out:
	kind->close(r);
	return rc;
}

static int compare_files(const void *a, const void *b)
{
	const struct fm_file *x = a, *y = b;

	return x->first_ms != y->first_ms ? (x->first_ms < y->first_ms ? -1 : 1) : (x->at > y->at) - (x->at < y->at);
}

void fm_file_order_free(struct fm_file_order *order)
{
	for (size_t i = 0; order->file && i < order->n; i++)
		free(order->file[i].path);
	free(order->file);
	*order = (struct fm_file_order){0};
}

/* The files that hold a row, in the list's order. */
static int look(struct fm_file_order *order, const struct fm_reader_kind *kind, const struct fm_trace_opts *o,
		struct fm_error *err)
{
	struct fm_trace_opts one = *o;
	char path[FM_FILE_PATH];
	size_t at = 0;
	bool none;
	int rc;

	one.path = path;
	one.quiet = one.may_be_empty = true;
	for (const char *list = o->path; fm_files_next(&list, path); at++) {
		struct fm_file *f = &order->file[order->n];
		struct stat st;

		if ((rc = first_time(kind, &one, &f->first_ms, &none, err)) < 0)
			return rc;
		if (none) {
			if (!o->quiet)
				fm_warn("%s holds no row: it is passed over", path);
			continue;
		}
		f->at = at;
		order->total += stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
		if (!(f->path = strdup(path)))
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		order->n++;
	}
	return order->n ? FM_OK : fm_fail(err, FM_EINPUT, "none of %zu files holds a row", at);
}

int fm_file_order(struct fm_file_order *order, const struct fm_reader_kind *kind, const struct fm_trace_opts *o,
		  struct fm_trace_opts *first, struct fm_error *err)
{
	size_t n = fm_files_count(o->path);
	int rc;

	*order = (struct fm_file_order){0};
	*first = *o;
	if (n <= 1)
		return FM_OK;
	if ((rc = fm_alloc(&order->file, n, sizeof *order->file, "files", err)) < 0 ||
	    (rc = look(order, kind, o, err)) < 0)
		return rc;
	qsort(order->file, order->n, sizeof *order->file, compare_files);
	first->path = order->file[0].path;
	if (!o->quiet)
		fm_log("%zu files in the order of %s, from %s to %s", order->n,
		       o->dialect->absent >> FM_TE & 1u ? "the list, as they tell no times" : "time", first->path,
		       order->file[order->n - 1].path);
	return FM_OK;
}

const char *fm_file_order_next(struct fm_file_order *order)
{
	return order->now + 1 < order->n ? order->file[++order->now].path : NULL;
}
