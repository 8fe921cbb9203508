/*
 * sort.h - sorts the rows of a trace by te, however many there are, in bounded memory.
 *
 * Rows are taken chunk by chunk. When FM_SORT_ROWS of them have come they are sorted and written as a run to a file
 * without a name; at the end the runs are merged. On disk each row lies once, without its dictionaries.
 *
 *     struct fm_sorter *s = NULL;
 *     if ((rc = fm_sorter_new(&s, dir, ties, err)) < 0) goto out;
 *     for each chunk: fm_sorter_add(s, chunk, err)
 *     rc = fm_sorter_finish(s, take, ctx, err)       take(ctx, chunk, err) for each chunk in order
 *     fm_sorter_free(s)
 *
 * Category values are numbered in the order in which they come in the sorted rows, so the chunks equal those that a
 * reader makes of the same trace in order. Codes of addresses stay those of the rows that came in.
 */
#ifndef FM_TRACES_SORT_H
#define FM_TRACES_SORT_H

#include <stddef.h>

#include "base/error.h"
#include "base/table.h"

/* The order of rows with the same te. */
enum fm_sort_ties {
	FM_SORT_ARRIVAL,  /* as they came */
	FM_SORT_REVERSED, /* the last one first: for a trace whose newest rows come first */
	FM_SORT_TEXT,     /* by fm_text_order_compare, then as they came: for a trace whose order says nothing */
};
#define FM_SORT_ROWS ((size_t)1 << 19) /* in memory: about 50 bytes each */

struct fm_sorter;
/* dir: a folder for the runs, borrowed; nothing is left in it. rows: in memory at once, 0 is FM_SORT_ROWS. */
int fm_sorter_new(struct fm_sorter **s, const char *dir, enum fm_sort_ties ties, size_t rows,
		  struct fm_error *err) FM_MUST_CHECK;
/* Add a chunk with te; all chunks come from one reader. FM_ESYSTEM: the disk is full. */
int fm_sorter_add(struct fm_sorter *s, const struct fm_table *chunk, struct fm_error *err) FM_MUST_CHECK;
/* Gives all rows to `take`, at most FM_TRACE_CHUNK at a time; a negative result of `take` ends it and is returned. Only
 * fm_sorter_free may be called after it. */
int fm_sorter_finish(struct fm_sorter *s, int (*take)(void *ctx, struct fm_table *chunk, struct fm_error *err),
		     void *ctx, struct fm_error *err) FM_MUST_CHECK;
void fm_sorter_free(struct fm_sorter *s); /* NULL is fine */

#endif
