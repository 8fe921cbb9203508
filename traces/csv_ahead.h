/*
 * csv_ahead.h - several threads parse a text ahead of its reader, to the same rows, counts and line numbers as in
 * sequence.
 *
 * The text is cut at line ends into blocks, which wait in a ring of bounded size. Each block is parsed by itself, with
 * dictionaries of its own, and joined in the order of the text: new values and addresses get the numbers that they
 * would have in sequence. A block whose meaning depends on more than the first line of its file (the summary of nfdump
 * has several lines), a block full of bad rows, and any fault are left to the reader, which parses the block as if
 * there were no threads. Later files are decompressed while an earlier one is parsed, as far as memory for their blocks
 * allows.
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

#define FM_CSV_AHEAD_ROWS 4096U /* rows of a block; the reader parses a block with more */

struct fm_csv_piece {
	struct fm_csv_input *starts; /* a later file that begins here; who takes it over sets this NULL */
	const char *path;            /* of the file */
	const char *data;            /* whole lines, except within lines longer than a block, and at a file's end */
	size_t n;
	bool ends, last; /* it is the end of the file; of the trace */
	int rc;          /* negative: nothing after this piece can be read */
	struct fm_error error;
};
struct fm_csv_ahead;
/* first: the trace's first file, which stays the caller's; order: without files where that is the only one. All outlive
 * a. */
int fm_csv_ahead_new(struct fm_csv_ahead **a, const struct fm_trace_opts *o, const struct fm_file_order *order,
		     struct fm_csv_input *first, int nthreads, struct fm_error *err) FM_MUST_CHECK;
/* The next piece, valid until fm_csv_ahead_next is called after fm_csv_ahead_done. */
int fm_csv_ahead_next(struct fm_csv_ahead *a, struct fm_csv_piece **piece, struct fm_error *err) FM_MUST_CHECK;
/* Make the piece's rows the batch of c, which is empty; *joined: whether that was possible. */
int fm_csv_ahead_join(struct fm_csv_ahead *a, struct fm_csv *c, bool *joined, struct fm_error *err) FM_MUST_CHECK;
/* To be called when c has all of the piece. */
int fm_csv_ahead_done(struct fm_csv_ahead *a, const struct fm_csv *c, struct fm_error *err) FM_MUST_CHECK;
void fm_csv_ahead_close(struct fm_csv_ahead *a);

#endif
