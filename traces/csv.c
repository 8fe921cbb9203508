/* csv.c - a text of delimited columns, or of JSON, as batches of rows (reader.h): files, and what is said of them. */
#include "traces/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "traces/csv_ahead.h"
#include "traces/file_order.h"
#include "traces/reader.h"

#define AHEAD_ROWS 65536                  /* with fewer wanted rows nothing is parsed ahead */
#define AHEAD_BYTES ((uint64_t)256 << 10) /* nor with a single shorter file */

struct fm_reader {
	struct fm_trace_opts own; /* those of the caller, with the file that is being read */
	struct fm_file_order files;
	uint64_t consumed_before; /* bytes of the files before */
	uint64_t bytes;           /* after decompression */
	struct fm_csv_input *input;
	struct fm_csv *c;
	bool open_end;              /* the source has ended */
	struct fm_csv_ahead *ahead; /* NULL: blocks are read and parsed one by one */
	struct fm_csv_piece *piece; /* the piece that is being parsed here, as it was not joined */
};

/* At the end: what was read and is worth a word. */
static void say_passed_over(const struct fm_reader *r)
{
	const struct fm_csv *c = r->c;
	const struct fm_row *row = c->row;

	if (c->comments)
		fm_log("%s: %llu line%s of comment %s passed over", r->own.path, (unsigned long long)c->comments,
		       c->comments == 1 ? "" : "s", c->comments == 1 ? "is" : "are");
	if (c->others)
		fm_log("%s: %llu row%s of another kind than dialect %s reads %s passed over", r->own.path,
		       (unsigned long long)c->others, c->others == 1 ? "" : "s", r->own.dialect->name,
		       c->others == 1 ? "is" : "are");
	if (c->empty)
		fm_warn("%s: %llu line%s delimiters alone %s passed over", r->own.path, (unsigned long long)c->empty,
			c->empty == 1 ? " of" : "s of", c->empty == 1 ? "is" : "are");
	if (c->summary)
		fm_log("%s: %llu lines of nfdump's summary are passed over", r->own.path,
		       (unsigned long long)c->summary);
	if (c->headers)
		fm_warn("%s: the header stands %llu times more between the rows: passed over", r->own.path,
			(unsigned long long)c->headers);
	for (int k = 0; k < FM_NFLOWCOL; k++)
		if (row->lacking[k] && row->lacking[k] == c->good)
			fm_warn("%s: column %s is missing in every row: it is 0 in all of them now", r->own.path,
				fm_cols[k].name);
}

/* A file begins, after the last line of the one before; input is NULL where it cannot be opened. */
static void next_file(struct fm_reader *r, const char *path, struct fm_csv_input *input)
{
	r->consumed_before += fm_source_total(r->input->source);
	fm_csv_input_close(r->input);
	r->input = input;
	r->own.path = path;
	fm_csv_file(r->c);
	if (!r->own.quiet)
		fm_log("%s: its lines are counted from %llu on", path, (unsigned long long)r->c->line + 1);
}

/* After the last line of a file: is it whole? In JSON its brackets tell, in text the end of its last line. */
static void say_open(struct fm_reader *r)
{
	if (!r->own.quiet && r->c->unended)
		fm_warn(
		    "%s: the last line, %llu, has no line end: if the file was cut off there, its last value is too",
		    r->own.path, (unsigned long long)r->c->unended);
	r->c->unended = 0;
	if (!r->own.quiet && fm_json_list_is_open(&r->input->list))
		fm_warn("%s: its JSON is not closed at its end: the file was cut off, and the flows behind are lost",
			r->own.path);
}

static int damaged(const struct fm_reader *r, int rc, struct fm_error *err)
{
	if (r->input && fm_source_damaged(r->input->source) && fm_csv_line(r->c))
		fm_error_prefix(err, "after line %llu: ", (unsigned long long)fm_csv_line(r->c));
	return rc;
}

/* After the last line of the last file. */
static int end(struct fm_reader *r, struct fm_error *err)
{
	const struct fm_csv *c = r->c;
	const struct fm_dialect *d = r->own.dialect;

	r->open_end = true;
	if (!r->own.quiet)
		say_passed_over(r);
	if (c->some || r->own.may_be_empty)
		return FM_OK;
	if (c->unmarked) {
		char word[FM_TEXT_SHELL_MAX];

		return fm_fail(
		    err, FM_EINPUT,
		    "%s: no line begins with %s, as the header of dialect %s does: another dialect is needed "
		    "(source.dialect; flowmint dialects lists the built-in ones), or, where the header was taken out, "
		    "what flowmint sniff %s prints",
		    r->own.path, d->header_mark, d->name,
		    fm_text_shell(r->own.path, strlen(r->own.path), "FILE", word, sizeof word));
	}
	if (c->others)
		return fm_fail(err, FM_EINPUT,
			       "%s holds no row of the kind that dialect %s reads: its %llu rows are of another kind",
			       r->own.path, d->name, (unsigned long long)c->others);
	return fm_fail(err, FM_EINPUT, "%s holds no row%s", r->own.path,
		       c->begun ? " but its header" : ": it is empty");
}

/* The next block of the source; at its end the line that has no LF. */
static int more(struct fm_reader *r, struct fm_error *err)
{
	struct fm_csv *c = r->c;
	const char *path;
	int rc;

	if ((rc = fm_csv_input_next(r->input, r->own.dialect, &c->left, &c->nleft, err)) < 0) {
		c->nleft = 0;
		return damaged(r, rc, err);
	}
	r->bytes += c->nleft;
	if (c->nleft)
		return FM_OK;
	if ((rc = fm_csv_end(c, err)) < 0 || c->replies)
		return rc;
	say_open(r);
	if (!(path = fm_file_order_next(&r->files)))
		return end(r, err);
	next_file(r, path, NULL);
	return fm_csv_input_open(&r->input, path, r->own.member, err);
}

static int read_block(struct fm_reader *r, struct fm_error *err)
{
	int rc = FM_OK;

	while (!fm_csv_is_full(r->c) && !r->open_end)
		if ((rc = fm_csv_take(r->c, err)) < 0 || (!fm_csv_is_full(r->c) && (rc = more(r, err)) < 0))
			break;
	return rc;
}

/* After the lines of a piece. */
static int end_piece(struct fm_reader *r, struct fm_error *err)
{
	const struct fm_csv_piece p = *r->piece;
	int rc;

	if (p.ends && ((rc = fm_csv_end(r->c, err)) < 0 || r->c->replies))
		return rc;
	if (p.ends && p.rc >= 0)
		say_open(r);
	r->piece = NULL;
	if ((rc = fm_csv_ahead_done(r->ahead, r->c, err)) < 0)
		return rc;
	if (p.rc < 0) {
		if (err)
			*err = p.error;
		return damaged(r, p.rc, err);
	}
	return p.last ? end(r, err) : FM_OK;
}

/* The next piece that was parsed ahead, or what fits into the batch of one that must be parsed here. */
static int read_piece(struct fm_reader *r, struct fm_error *err)
{
	struct fm_csv *c = r->c;
	bool joined;
	int rc;

	if (!r->piece) {
		if ((rc = fm_csv_ahead_next(r->ahead, &r->piece, err)) < 0)
			return rc;
		if (r->piece->path != r->own.path) {
			next_file(r, r->piece->path, r->piece->starts);
			r->piece->starts = NULL;
		}
		r->bytes += r->piece->n;
		if ((rc = fm_csv_ahead_join(r->ahead, c, &joined, err)) < 0)
			return rc;
		if (joined)
			return end_piece(r, err);
		c->left = r->piece->data;
		c->nleft = r->piece->n;
	}
	if ((rc = fm_csv_take(c, err)) < 0 || fm_csv_is_full(c))
		return rc;
	return end_piece(r, err);
}

static int next(struct fm_reader *r, size_t limit, struct fm_batch *b, struct fm_error *err)
{
	struct fm_csv *c = r->c;
	uint64_t missing = c->row->missing_values;
	int rc;

	fm_csv_batch(c, limit);
	rc = r->ahead ? read_piece(r, err) : read_block(r, err);
	*b = (struct fm_batch){.rows = c->chunk,
			       .place = c->place,
			       .said = c->said,
			       .bad = c->bad,
			       .nbad = c->nbad,
			       .missing_values = c->row->missing_values - missing,
			       .labels_met = c->row->labels_met,
			       .end = r->open_end};
	return rc;
}

static int stop(struct fm_reader *r, struct fm_error *err)
{
	return fm_source_stop(r->input->source, err);
}

/* Where the first member of an archive cannot be read, the better message is that there are others and none was
 * chosen. */
static void explain(struct fm_reader *r, struct fm_error *err)
{
	struct fm_source *s = r->input ? r->input->source : NULL;
	struct fm_error others;

	if (s && !fm_source_damaged(s) && fm_source_stop(s, &others) == FM_EINPUT && !fm_source_damaged(s) && err)
		*err = others;
}

static struct fm_reader_at at(const struct fm_reader *r)
{
	const struct fm_csv *c = r->c;
	const struct fm_source *s = r->input->source;

	return (struct fm_reader_at){r->consumed_before + fm_source_consumed(s),
				     r->files.n ? r->files.total : fm_source_total(s), r->bytes - c->nleft,
				     c->comments + c->summary + c->headers + c->others + c->empty};
}

static void close_reader(struct fm_reader *r)
{
	if (!r)
		return;
	fm_csv_ahead_close(r->ahead);
	fm_csv_free(r->c);
	fm_csv_input_close(r->input);
	fm_file_order_free(&r->files);
	free(r);
}

/* Threads read ahead, so it must be a file with an end, and all or many rows must be wanted. */
static bool is_worth_threads(const struct fm_reader *r)
{
	uint64_t total = r->files.n ? r->files.total : fm_source_total(r->input->source);

	return r->own.threads > 1 && (!r->own.rows || r->own.rows > AHEAD_ROWS) &&
	       (r->files.n > 1 || total > AHEAD_BYTES);
}

static int open_reader(struct fm_reader **out, const struct fm_trace_opts *o, struct fm_error *err)
{
	struct fm_reader *r;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&r, 1, sizeof *r, "a reader", err)) < 0)
		return rc;
	if ((rc = fm_file_order(&r->files, &fm_reader_csv, o, &r->own, err)) < 0 ||
	    (rc = fm_csv_input_open(&r->input, r->own.path, o->member, err)) < 0 ||
	    (rc = fm_csv_new(&r->c, &r->own, is_worth_threads(r) ? FM_CSV_AHEAD_ROWS : FM_TRACE_CHUNK, NULL, err)) < 0)
		goto out;
	if (is_worth_threads(r) &&
	    (rc = fm_csv_ahead_new(&r->ahead, &r->own, &r->files, r->input, o->threads, err)) < 0)
		goto out;
	*out = r;
	r = NULL;
out:
	close_reader(r);
	return rc;
}

const struct fm_reader_kind fm_reader_csv = {
    .name = "csv",
    .place = "line",
    .open = open_reader,
    .next = next,
    .stop = stop,
    .explain = explain,
    .at = at,
    .close = close_reader,
};
