/* csv.c - a text of delimited columns as batches of rows (reader.h): lines, libcsv, header, dialect. */
#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "traces/binary.h"
#include "traces/fields.h"
#include "traces/file_order.h"
#include "traces/files.h"
#include "traces/header.h"
#include "traces/reader.h"
#include "traces/row.h"
#include "traces/source.h"
#include "traces/utf16.h"

#define TEXT_MAX 512 /* of a bad row, escaped */
#define BAD_MAX 256  /* bad rows of a batch */

struct bad_text {
	char reason[256], text[TEXT_MAX + 1], label[FM_DICT_VALUE_MAX + 1];
};

struct fm_reader {
	struct fm_trace_opts own; /* those of the caller, with the file that is being read */
	const struct fm_trace_opts *o;
	struct fm_file_order files;
	uint64_t lines_before, consumed_before; /* of the files before; bytes of all, 0: unknown */
	uint64_t file_bytes;                    /* of this one, after decompression */
	struct fm_source *source;
	struct fm_table *chunk;
	uint64_t *place; /* (FM_TRACE_CHUNK) */
	size_t limit;    /* good rows of this batch */
	struct fm_trace_bad *bad;
	struct bad_text *bad_text; /* (BAD_MAX) behind bad */
	size_t nbad;
	struct fm_row *row;
	struct csv_parser csv;
	bool csv_open;
	unsigned csv_rows;  /* rows that libcsv has ended in this line */
	struct fm_buf head; /* the fields of the first line, each with a NUL behind it */
	int nhead;          /* their number; -1: not reading the first line */
	uint64_t line, bytes, good;
	bool begun, some;           /* the first line that is not blank has been seen; a row, good or bad, too */
	bool unmarked;              /* all lines so far that are not blank lack the header's mark */
	struct fm_buf header;       /* that line, for it may come once more */
	uint64_t headers;           /* how often it did */
	uint64_t comments, summary; /* lines of comments and of nfdump's summary */
	int footer;                 /* lines of a summary that are still to come */
	bool open_end;              /* the source has ended */
	const char *left;           /* of the last block, nleft bytes not looked at yet */
	size_t nleft;
	struct fm_utf16 utf16;
	struct fm_buf decoded; /* the last block, out of UTF-16 */
	bool json;             /* this file has an object a line */
	struct fm_json_fields values;
	struct fm_buf carry; /* a line that the last block cut, at most FM_TRACE_MAXLINE + 2 bytes of it */
};

/* The line in the file that is being read; r->line counts on over all of them. */
static uint64_t line_here(const struct fm_reader *r)
{
	return r->line - r->lines_before;
}

static void on_field(void *s, size_t n, void *ctx)
{
	struct fm_reader *r = ctx;

	if (r->nhead >= 0) {
		fm_buf_add(&r->head, s ? s : "", n);
		fm_buf_add(&r->head, "", 1);
		r->nhead++;
	} else if (!r->csv_rows) {
		fm_row_field(r->row, s ? s : "", n);
	}
}

static void on_row(int end, void *ctx)
{
	struct fm_reader *r = ctx;

	(void)end;
	r->csv_rows++;
}

static int csv_start(struct fm_reader *r, struct fm_error *err)
{
	if (r->csv_open)
		csv_free(&r->csv);
	r->csv_open = false;
	if (csv_init(&r->csv, CSV_STRICT))
		return fm_fail(err, FM_ESYSTEM, "libcsv cannot start");
	r->csv_open = true;
	csv_set_delim(&r->csv, (unsigned char)r->o->dialect->delimiter);
	return FM_OK;
}

static bool is_blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r')
			return false;
	return true;
}

/* One line through libcsv.  *why is NULL, or why its fields are not to be had. */
static int csv_line(struct fm_reader *r, const char *s, size_t n, const char **why, struct fm_error *err)
{
	*why = NULL;
	r->csv_rows = 0;
	if (csv_parse(&r->csv, s, n, on_field, on_row, r) != n ||
	    csv_parse(&r->csv, "\n", 1, on_field, on_row, r) != 1) {
		if (csv_error(&r->csv) == CSV_ENOMEM || csv_error(&r->csv) == CSV_ETOOBIG)
			return fm_fail(err, FM_ESYSTEM, "out of memory: a field of line %llu",
				       (unsigned long long)line_here(r));
		*why = "misplaced quotes";
	} else if (r->csv_rows == 0) {
		*why = "a quote is not closed on its line";
	} else if (r->csv_rows > 1) {
		*why = "a carriage return inside the row";
	}
	return *why ? csv_start(r, err) : FM_OK;
}

/* label: NULL where it is not known. */
static void bad_row(struct fm_reader *r, const char *s, size_t n, const char *reason, const char *label)
{
	struct bad_text *t = &r->bad_text[r->nbad];

	snprintf(t->reason, sizeof t->reason, "%s", reason);
	fm_row_escape(s, n < TEXT_MAX ? n : TEXT_MAX, t->text, sizeof t->text);
	if (label)
		snprintf(t->label, sizeof t->label, "%s", label);
	r->bad[r->nbad++] = (struct fm_trace_bad){
	    .line = r->line, .reason = t->reason, .text = t->text, .label = label ? t->label : NULL};
	r->some = true;
}

static void good_row(struct fm_reader *r)
{
	r->place[r->chunk->rows - 1] = r->line;
	r->good++;
	r->some = true;
}

static bool is_full(const struct fm_reader *r)
{
	return r->chunk->rows >= r->limit || r->nbad == BAD_MAX;
}

static const char nfdump_line[] = "Date first seen  ";

static int delimited(const struct fm_reader *r, const char *s, size_t n)
{
	int cuts = 0;

	for (size_t i = 0; i < n; i++)
		cuts += s[i] == r->o->dialect->delimiter;
	return cuts + 1;
}

/* The fields of one line; *why as of csv_line. */
static int split_line(struct fm_reader *r, const char *s, size_t n, const char **why, struct fm_error *err)
{
	if (!r->o->dialect->no_quotes && !r->o->dialect->blanks)
		return csv_line(r, s, n, why, err);
	*why = NULL;
	r->csv_rows = 0;
	if (r->o->dialect->blanks)
		fm_fields_blanks(r->o->dialect, s, n, on_field, r);
	else
		fm_fields_plain(r->o->dialect, s, n, on_field, r);
	return FM_OK;
}

/* Lines that are no rows: comments, the header once more, nfdump's summary (a line "Summary" and two behind it). */
static bool is_passed_over(struct fm_reader *r, const char *s, size_t n)
{
	const struct fm_dialect *d = r->o->dialect;
	const size_t mark = strlen(d->header_mark);

	if (mark && !r->begun) {
		r->unmarked = n < mark || memcmp(s, d->header_mark, mark) != 0;
		r->comments += r->unmarked;
		return r->unmarked;
	}
	if (r->header.len && n == r->header.len && !memcmp(s, r->header.data, n)) {
		r->headers++;
		return true;
	}
	if (r->footer) {
		r->footer--;
		r->summary++;
		return true;
	}
	for (int i = 0; i < d->ncomment; i++) {
		size_t len = strlen(d->comment[i]);

		if (n >= len && !memcmp(s, d->comment[i], len)) {
			r->comments++;
			return true;
		}
	}
	if (*s == 'S' && n == 7 && !memcmp(s, "Summary", 7)) {
		r->footer = 2;
		r->summary++;
		return true;
	}
	return false;
}

/* A second header by a mark, as in joined files, with other columns or another order of them. */
static int refuse_other_header(const struct fm_reader *r, const char *s, size_t n, struct fm_error *err)
{
	size_t mark = strlen(r->o->dialect->header_mark);

	if (!mark || !r->begun || n < mark || memcmp(s, r->o->dialect->header_mark, mark) != 0 ||
	    (n == r->header.len && !memcmp(s, r->header.data, n)))
		return FM_OK;
	return fm_fail(err, FM_EINPUT,
		       "%s: line %llu is a header with other columns than the one before: files of different columns "
		       "were joined; read them one by one",
		       r->o->path, (unsigned long long)line_here(r));
}

/* The first line that is not blank. *is_row: it is to be read as a row. */
static int first_line(struct fm_reader *r, const char *s, size_t n, bool *is_row, struct fm_error *err)
{
	struct fm_header h;
	const char *why;
	int rc;

	*is_row = !r->o->dialect->header;
	if (n > sizeof nfdump_line - 1 && !memcmp(s, nfdump_line, sizeof nfdump_line - 1) && delimited(r, s, n) < 2)
		return fm_fail(err, FM_EINPUT,
			       "%s: line %llu is the header of nfdump's output for people, which is no CSV: write "
			       "the flows with nfdump -r FILE -o csv",
			       r->o->path, (unsigned long long)line_here(r));
	r->nhead = 0;
	if (*r->o->dialect->header_mark) {
		size_t mark = strlen(r->o->dialect->header_mark);

		s += mark + (mark < n);
		n -= mark + (mark < n);
	}
	if ((rc = split_line(r, s, n, &why, err)) < 0 || (rc = fm_buf_check(&r->head, err)) < 0)
		goto out;
	h = (struct fm_header){.o = r->o, .row = r->row, .fields = r->head.data, .n = r->nhead, .line = line_here(r)};
	if (why && r->o->dialect->header)
		rc = fm_fail(err, FM_EINPUT, "%s: line %llu: the header cannot be read: %s", r->o->path,
			     (unsigned long long)line_here(r), why);
	if (why)
		goto out;
	if (r->o->dialect->header_optional && fm_header_is_row(&h)) {
		*is_row = true;
		r->header.len = 0;
		fm_row_in_order(r->row);
	} else {
		rc = r->o->dialect->header ? fm_header_take(&h, err) : fm_header_refuse(&h, err);
	}
out:
	fm_buf_free(&r->head);
	r->nhead = -1;
	return rc;
}

/* Several lines, ended by CR alone, as old programs wrote them? */
static bool is_all_one_line(const char *s, size_t n)
{
	const char *cr = memchr(s, '\r', n), *end = s + n;

	return cr && cr + 1 < end && memchr(cr + 1, '\r', (size_t)(end - cr - 1));
}

/* One line without its LF. */
static int take_line(struct fm_reader *r, const char *s, size_t n, struct fm_error *err)
{
	const char *why = NULL;
	bool is_row;
	int rc;

	r->line++;
	if (line_here(r) == 1 && n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) {
		s += 3;
		n -= 3;
	}
	if (n && s[n - 1] == '\r')
		n--;
	if (!n || ((*s == ' ' || *s == '\t' || *s == '\r') && is_blank(s, n)))
		return FM_OK;
	if (n > FM_TRACE_MAXLINE)
		why = "the line is over 1 MiB long";
	else if (memchr(s, 0, n))
		why = "a NUL byte in the row";
	if (why) {
		bad_row(r, s, n, why, NULL);
		return FM_OK;
	}
	if ((rc = refuse_other_header(r, s, n, err)) < 0)
		return rc;
	if (is_passed_over(r, s, n))
		return FM_OK;
	if (!r->begun && is_all_one_line(s, n))
		return fm_fail(err, FM_EINPUT,
			       "%s: its lines end with a carriage return alone: write it anew with tr '\\r' '\\n'",
			       r->o->path);
	if (!r->begun && *s == '{') {
		if (!r->o->dialect->json)
			return fm_fail(err, FM_EINPUT,
				       "%s: line %llu is JSON: a dialect with lines: json is needed, such as zeek-json",
				       r->o->path, (unsigned long long)line_here(r));
		r->begun = r->json = true;
		fm_row_in_order(r->row);
	}
	if (!r->begun) {
		r->begun = true;
		if (r->o->dialect->header)
			fm_buf_add(&r->header, s, n);
		if ((rc = first_line(r, s, n, &is_row, err)) < 0 || !is_row)
			return rc;
	}
	fm_row_begin(r->row);
	r->csv_rows = 0;
	if ((rc = r->json ? fm_fields_json(&r->values, r->o->dialect, s, n, on_field, r, &why, err)
			  : split_line(r, s, n, &why, err)))
		return rc;
	if (!why && fm_row_end(r->row))
		good_row(r);
	else if (r->row->error.code == FM_ESYSTEM)
		return fm_fail(err, FM_ESYSTEM, "%s", r->row->error.message);
	else {
		char theirs[3], other = 0, label[FM_DICT_VALUE_MAX + 1];

		if (!why && r->row->field == 1)
			other = fm_delimiter_of(s, n, r->o->dialect->delimiter, r->row->nfields);
		if (other)
			snprintf(r->row->reason, sizeof r->row->reason,
				 "1 column where %d are expected: the delimiter seems to be '%s' (delimiter in the "
				 "dialect)",
				 r->row->nfields, fm_delimiter_name(other, theirs));
		bad_row(r, s, n, why ? why : r->row->reason, why ? NULL : fm_row_bad_label(r->row, label));
	}
	return FM_OK;
}

/* A line that began in an earlier block: keep it, or of one that is too long only the beginning. */
static int keep(struct fm_reader *r, const char *s, size_t n, struct fm_error *err)
{
	size_t room = FM_TRACE_MAXLINE + 2 - r->carry.len; /* one byte too long, and a CR */

	fm_buf_add(&r->carry, s, n < room ? n : room);
	return fm_buf_check(&r->carry, err);
}

/* What is left of the block, up to where the batch is full. */
static int take_block(struct fm_reader *r, struct fm_error *err)
{
	while (r->nleft && !is_full(r)) {
		const char *lf = memchr(r->left, '\n', r->nleft), *line = r->left;
		size_t m = lf ? (size_t)(lf - r->left) : r->nleft, n = m;
		int rc;

		r->left += m + (lf != NULL);
		r->nleft -= m + (lf != NULL);
		if (r->carry.len || !lf) {
			if ((rc = keep(r, line, n, err)) < 0)
				return rc;
			if (!lf)
				continue;
			line = r->carry.data;
			n = r->carry.len;
			r->carry.len = 0;
		}
		if ((rc = take_line(r, line, n, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* At the end: what was read and is worth a word. */
static void say_passed_over(const struct fm_reader *r)
{
	const struct fm_row *row = r->row;

	if (r->comments)
		fm_log("%s: %llu lines of comment are passed over", r->o->path, (unsigned long long)r->comments);
	if (r->summary)
		fm_log("%s: %llu lines of nfdump's summary are passed over", r->o->path,
		       (unsigned long long)r->summary);
	if (r->headers)
		fm_warn("%s: the header stands %llu times more between the rows: passed over", r->o->path,
			(unsigned long long)r->headers);
	for (int c = 0; c < FM_NFLOWCOL; c++)
		if (row->lacking[c] && row->lacking[c] == r->good)
			fm_warn("%s: column %s is missing in every row: it is 0 in all of them now", r->o->path,
				fm_cols[c].name);
}

/* Behind the last line of a file: the one at path. */
static int next_file(struct fm_reader *r, const char *path, struct fm_error *err)
{
	r->consumed_before += fm_source_total(r->source);
	fm_source_close(r->source);
	r->source = NULL;
	r->own.path = path;
	r->lines_before = r->line;
	r->file_bytes = 0;
	r->begun = r->json = false;
	r->utf16 = (struct fm_utf16){0};
	r->header.len = 0;
	r->footer = 0;
	if (!r->o->quiet)
		fm_log("%s: its lines are counted from %llu on", r->o->path, (unsigned long long)r->line + 1);
	return fm_source_open(&r->source, r->o->path, r->o->member, err);
}

/* The next block of the source; at its end the line that has no LF. */
static int more(struct fm_reader *r, struct fm_error *err)
{
	const char *path;
	int rc;

	if ((rc = fm_source_next(r->source, &r->left, &r->nleft, err)) < 0) {
		r->nleft = 0;
		if (fm_source_damaged(r->source) && line_here(r))
			fm_error_prefix(err, "after line %llu: ", (unsigned long long)line_here(r));
		return rc;
	}
	if (r->nleft && r->o->dialect->encoding == FM_ENCODING_UTF16) {
		r->decoded.len = 0;
		fm_utf16_add(&r->utf16, r->left, r->nleft, &r->decoded);
		if ((rc = fm_buf_check(&r->decoded, err)) < 0)
			return rc;
		r->left = r->decoded.data;
		r->nleft = r->decoded.len;
		if (!r->nleft) /* half a character */
			return FM_OK;
	}
	if (r->nleft) {
		if (!r->file_bytes && (rc = fm_binary_refuse(r->o->path, r->left, r->nleft, err)))
			return rc;
		r->bytes += r->nleft;
		r->file_bytes += r->nleft;
		return FM_OK;
	}
	if (r->carry.len && (rc = take_line(r, r->carry.data, r->carry.len, err)))
		return rc;
	r->carry.len = 0;
	if ((path = fm_file_order_next(&r->files)))
		return next_file(r, path, err);
	r->open_end = true;
	if (!r->o->quiet)
		say_passed_over(r);
	if (!r->some && r->unmarked && !r->o->may_be_empty)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: no line begins with %s, as the header of dialect %s does: another dialect is needed "
		    "(source.dialect; flowmint dialects lists the built-in ones)",
		    r->o->path, r->o->dialect->header_mark, r->o->dialect->name);
	if (!r->some && !r->o->may_be_empty)
		return fm_fail(err, FM_EINPUT, "%s holds no row%s", r->o->path,
			       r->begun ? " but its header" : ": it is empty");
	return FM_OK;
}

static int next(struct fm_reader *r, size_t limit, struct fm_batch *b, struct fm_error *err)
{
	uint64_t missing = r->row->missing_values;
	int rc = FM_OK;

	r->chunk->rows = r->nbad = 0;
	r->limit = limit < FM_TRACE_CHUNK ? limit : FM_TRACE_CHUNK;
	while (!is_full(r) && !r->open_end)
		if ((rc = take_block(r, err)) < 0 || (!is_full(r) && (rc = more(r, err)) < 0))
			break;
	*b = (struct fm_batch){.rows = r->chunk,
			       .place = r->place,
			       .bad = r->bad,
			       .nbad = r->nbad,
			       .missing_values = r->row->missing_values - missing,
			       .end = r->open_end};
	return rc;
}

static int stop(struct fm_reader *r, struct fm_error *err)
{
	return fm_source_stop(r->source, err);
}

/* The first member of an archive is no good: that there are others, and none was chosen, is the better message. */
static void explain(struct fm_reader *r, struct fm_error *err)
{
	struct fm_error others;

	if (!fm_source_damaged(r->source) && fm_source_stop(r->source, &others) == FM_EINPUT &&
	    !fm_source_damaged(r->source) && err)
		*err = others;
}

static struct fm_reader_at at(const struct fm_reader *r)
{
	return (struct fm_reader_at){r->consumed_before + fm_source_consumed(r->source),
				     r->files.n ? r->files.total : fm_source_total(r->source), r->bytes - r->nleft,
				     r->comments + r->summary + r->headers};
}

static void close_reader(struct fm_reader *r)
{
	if (!r)
		return;
	if (r->csv_open)
		csv_free(&r->csv);
	free(r->row);
	free(r->place);
	free(r->bad);
	free(r->bad_text);
	fm_buf_free(&r->head);
	fm_buf_free(&r->header);
	fm_buf_free(&r->carry);
	fm_buf_free(&r->decoded);
	fm_buf_free(&r->values.scratch);
	fm_table_free(r->chunk);
	fm_source_close(r->source);
	fm_file_order_free(&r->files);
	free(r);
}

static int open_file(struct fm_reader **out, const struct fm_trace_opts *o, struct fm_error *err)
{
	struct fm_reader *r;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&r, 1, sizeof *r, "a reader", err)) < 0)
		return rc;
	r->own = *o;
	r->o = &r->own;
	r->nhead = -1;
	if ((rc = fm_source_open(&r->source, o->path, o->member, err)) < 0 ||
	    (rc = fm_table_new(&r->chunk, o->dialect->present, err)) < 0 ||
	    (rc = fm_table_reserve(r->chunk, FM_TRACE_CHUNK, err)) < 0 ||
	    (rc = fm_address_dict_new(&r->chunk->addresses, err)) < 0 ||
	    (rc = fm_alloc(&r->place, FM_TRACE_CHUNK, sizeof *r->place, "line numbers", err)) < 0 ||
	    (rc = fm_alloc(&r->bad, BAD_MAX, sizeof *r->bad, "bad rows", err)) < 0 ||
	    (rc = fm_alloc(&r->bad_text, BAD_MAX, sizeof *r->bad_text, "bad rows", err)) < 0 ||
	    (rc = fm_alloc(&r->row, 1, sizeof *r->row, "a row", err)) < 0 || (rc = csv_start(r, err)) < 0) {
		close_reader(r);
		return rc;
	}
	fm_row_init(r->row, o->dialect, o->missing, r->chunk);
	r->row->ipv4_only = o->ipv4_only;
	*out = r;
	return FM_OK;
}

static int open_reader(struct fm_reader **out, const struct fm_trace_opts *o, struct fm_error *err)
{
	struct fm_file_order files;
	struct fm_trace_opts first;
	int rc;

	*out = NULL;
	if ((rc = fm_file_order(&files, &fm_reader_csv, o, &first, err)) < 0 ||
	    (rc = open_file(out, &first, err)) < 0) {
		fm_file_order_free(&files);
		return rc;
	}
	(*out)->files = files;
	return FM_OK;
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
