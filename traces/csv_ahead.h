/*
 * csv_ahead.h - a text is parsed ahead of its reader by several threads, to the rows, counts and line numbers that it
 * gives in sequence.
 *
 * The text is cut at line ends into blocks, which wait in a ring of bounded size. Each block is parsed by itself, by
 * dictionaries of its own, and joined in the order of the text: values and addresses that are new get the numbers that
 * they would have in sequence. What the lines of a block hang on beyond the first line of their file (the summary of
 * nfdump goes over several lines), a block that is full of bad rows, and a fault of any kind is left to the reader,
 * which parses the block as if there were no threads. Files that come next are decompressed beside the one that is
 * parsed, as far as their blocks in memory reach.
 *
 *     struct fm_csv_piece *p;
 *     while (!(rc = fm_csv_ahead_next(a, &p, err))) {
 *             if (p->starts) ...                          a file begins: take it over
 *             if (!fm_csv_ahead_join(a, p, c)) ...        p->data, p->n are to be parsed into c
 *             if (p->ends && (rc = fm_csv_end(c, err)) ...
 *             fm_csv_ahead_done(a, c)
 *             if (p->rc < 0) ...                          the text ends in a fault
 *             if (p->last) break;
 *     }
 */
#ifndef FM_TRACES_CSV_AHEAD_H
#define FM_TRACES_CSV_AHEAD_H

#include "traces/csv.h"
#include "traces/file_order.h"

#define FM_CSV_AHEAD_ROWS 4096U /* of a block; the reader parses one that has more */

struct fm_csv_piece {
	struct fm_csv_input *starts; /* a file that begins here, but the first; who sets it NULL closes it */
	const char *path;            /* of the file */
	const char *data;            /* whole lines, but in lines that are longer than a block, and at a file's end */
	size_t n;
	bool ends, last; /* it is the end of the file; of the trace */
	int rc;          /* negative: behind it nothing can be read */
	struct fm_error error;
};
struct fm_csv_ahead;
/* first is the trace's first file, which stays the caller's; order is without files where it is the only one. All
 * outlive a. */
int fm_csv_ahead_new(struct fm_csv_ahead **a, const struct fm_trace_opts *o, const struct fm_file_order *order,
		     struct fm_csv_input *first, int nthreads, struct fm_error *err) FM_MUST_CHECK;
/* The next piece, valid until fm_csv_ahead_next is called after fm_csv_ahead_done. */
int fm_csv_ahead_next(struct fm_csv_ahead *a, struct fm_csv_piece **piece, struct fm_error *err) FM_MUST_CHECK;
/* Make the piece's rows the batch of c, which is empty; *joined: that could be done. */
int fm_csv_ahead_join(struct fm_csv_ahead *a, struct fm_csv *c, bool *joined, struct fm_error *err) FM_MUST_CHECK;
/* c has all of the piece. */
int fm_csv_ahead_done(struct fm_csv_ahead *a, const struct fm_csv *c, struct fm_error *err) FM_MUST_CHECK;
void fm_csv_ahead_close(struct fm_csv_ahead *a);

#endif
