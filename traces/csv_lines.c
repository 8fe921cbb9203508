/* csv_lines.c - the lines of a text of delimited columns, or of JSON: libcsv, header, comments, dialect. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/csv.h"
#include "traces/header.h"
#include "traces/no_row.h"

static void on_field(void *s, size_t n, void *ctx)
{
	struct fm_csv *c = ctx;

	if (c->nhead >= 0) {
		fm_buf_add(&c->head, s ? s : "", n);
		fm_buf_add(&c->head, "", 1);
		c->nhead++;
	} else if (!c->csv_rows) {
		fm_row_field(c->row, s ? s : "", n);
	}
}

/* A field of a row that does not go through libcsv. */
static void on_value(void *s, size_t n, void *row)
{
	fm_row_field(row, s, n);
}

static void on_row(int end, void *ctx)
{
	struct fm_csv *c = ctx;

	(void)end;
	c->csv_rows++;
}

static int csv_start(struct fm_csv *c, struct fm_error *err)
{
	if (c->csv_open)
		csv_free(&c->csv);
	c->csv_open = false;
	if (csv_init(&c->csv, CSV_STRICT))
		return fm_fail(err, FM_ESYSTEM, "libcsv cannot start");
	c->csv_open = true;
	csv_set_delim(&c->csv, (unsigned char)c->o->dialect->delimiter);
	return FM_OK;
}

/* One line through libcsv.  *why is NULL, or why its fields cannot be had. */
static int csv_line(struct fm_csv *c, const char *s, size_t n, const char **why, struct fm_error *err)
{
	*why = NULL;
	c->csv_rows = 0;
	if (csv_parse(&c->csv, s, n, on_field, on_row, c) != n ||
	    csv_parse(&c->csv, "\n", 1, on_field, on_row, c) != 1) {
		if (csv_error(&c->csv) == CSV_ENOMEM || csv_error(&c->csv) == CSV_ETOOBIG)
			return fm_fail(err, FM_ESYSTEM, "out of memory: a field of line %llu",
				       (unsigned long long)fm_csv_line(c));
		*why = memmem(s, n, "\\\"", 2)
			   ? "misplaced quotes: CSV doubles a quote inside of quotes, and has no backslash before it"
		       : memmem(s, n, "=\"", 2)
			   ? "misplaced quotes: a formula of a spreadsheet (=\"...\"): have values written"
			   : "misplaced quotes";
	} else if (c->csv_rows == 0) {
		*why = "a quote is not closed on its line";
	} else if (c->csv_rows > 1) {
		*why = "a carriage return inside the row";
	}
	return *why ? csv_start(c, err) : FM_OK;
}

/* label: NULL where it is not known. */
static void bad_row(struct fm_csv *c, const char *s, size_t n, const char *reason, const char *label)
{
	struct fm_csv_bad_text *t = &c->bad_text[c->nbad];

	snprintf(t->reason, sizeof t->reason, "%s", reason);
	fm_row_escape(s, n < FM_CSV_TEXT ? n : FM_CSV_TEXT, t->text, sizeof t->text);
	if (label)
		snprintf(t->label, sizeof t->label, "%s", label);
	c->bad[c->nbad++] = (struct fm_trace_bad){
	    .line = c->line, .reason = t->reason, .text = t->text, .label = label ? t->label : NULL};
	c->some = true;
}

/* The reply of the last row, as a row after it. */
static void put_reply(struct fm_csv *c, size_t of)
{
	fm_row_put_reply(c->row, of);
	c->place[c->chunk->rows - 1] = c->line;
	c->said[c->chunk->rows - 1] = 0;
	c->replies = false;
}

/* A row of both ways whose reply has no room in the batch stays the batch's last one: the reply begins the next
 * batch. */
static void good_row(struct fm_csv *c)
{
	c->place[c->chunk->rows - 1] = c->line;
	c->said[c->chunk->rows - 1] = (uint8_t)c->row->said;
	c->good++;
	c->some = true;
	if (!c->row->has_ways || !fm_row_has_reply(c->row))
		return;
	if (!c->chunk->pkt[c->chunk->rows - 1] && !c->chunk->byt[c->chunk->rows - 1]) {
		c->chunk->rows--; /* only the answer was seen */
		put_reply(c, c->chunk->rows);
	} else if (c->chunk->rows < c->limit)
		put_reply(c, c->chunk->rows - 1);
	else
		c->replies = true;
}

static const char nfdump_line[] = "Date first seen  ";

static int delimited(const struct fm_csv *c, const char *s, size_t n)
{
	int cuts = 0;

	for (size_t i = 0; i < n; i++)
		cuts += s[i] == c->o->dialect->delimiter;
	return cuts + 1;
}

/* The fields of one line; *why as of csv_line. */
static int split_line(struct fm_csv *c, const char *s, size_t n, const char **why, struct fm_error *err)
{
	*why = NULL;
	c->csv_rows = 0;
	if (!c->o->dialect->no_quotes && !c->o->dialect->blanks)
		return (c->nhead < 0 ? fm_fields_unquoted(c->o->dialect, s, n, on_value, c->row)
				     : fm_fields_unquoted(c->o->dialect, s, n, on_field, c))
			   ? FM_OK
			   : csv_line(c, s, n, why, err);
	if (c->o->dialect->blanks)
		fm_fields_blanks(c->o->dialect, s, n, on_field, c);
	else
		fm_fields_plain(c->o->dialect, s, n, on_field, c);
	return FM_OK;
}

static size_t leading_blanks(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (s[i] == ' ' || s[i] == '\t'))
		i++;
	return i;
}

/* Before its header Zeek says what stands for no value (LogAscii::unset_field). */
static void take_unset(struct fm_csv *c, const char *s, size_t n)
{
	static const char says[] = "#unset_field";
	const size_t name = sizeof says; /* with the delimiter behind it */

	n -= n && s[n - 1] == '\r';
	if (n > name && !memcmp(s, says, name - 1) && s[name - 1] == c->o->dialect->delimiter)
		fm_row_unset(c->row, s + name, n - name);
}

/* Lines that are no rows: comments, the line "sep=;" of Excel, the header once more, nfdump's summary (a line "Summary"
 * and two after it). */
static bool is_passed_over(struct fm_csv *c, const char *s, size_t n)
{
	const struct fm_dialect *d = c->o->dialect;
	const size_t mark = strlen(d->header_mark), blanks = d->blanks ? leading_blanks(s, n) : 0;

	if (mark && !c->begun) {
		c->unmarked = n < mark || memcmp(s, d->header_mark, mark) != 0;
		take_unset(c, s, n);
		c->comments += c->unmarked;
		return c->unmarked;
	}
	if (c->header.len && n == c->header.len && !memcmp(s, c->header.data, n)) {
		c->headers++;
		return true;
	}
	if (c->footer) {
		c->footer--;
		c->summary++;
		return true;
	}
	for (int i = 0; i < d->ncomment; i++) {
		size_t len = strlen(d->comment[i]);

		if ((n >= len && !memcmp(s, d->comment[i], len)) ||
		    (n >= blanks + len && !memcmp(s + blanks, d->comment[i], len))) {
			c->comments++;
			return true;
		}
	}
	if (*s == 'S' && n == 7 && !memcmp(s, "Summary", 7)) {
		c->footer = 2;
		c->summary++;
		return true;
	}
	if ((*s == '+' || *s == '-' || *s == '|' || *s == '(') && fm_no_row_ruler(s, n)) {
		c->comments++;
		return true;
	}
	if ((*s == 'S' || *s == 'T' || *s == 'N') && fm_no_row_summary(s, n)) {
		c->summary++;
		return true;
	}
	if (!c->begun && ((n == 5 && !memcmp(s, "sep=", 4)) || (n == 7 && !memcmp(s, "\"sep=", 5)))) {
		c->comments++;
		return true;
	}
	return false;
}

/* Refuse a second header after a mark, as in joined files, with other columns or another order of them. */
static int refuse_other_header(const struct fm_csv *c, const char *s, size_t n, struct fm_error *err)
{
	size_t mark = strlen(c->o->dialect->header_mark);

	if (!mark || !c->begun || n < mark || memcmp(s, c->o->dialect->header_mark, mark) != 0 ||
	    (n == c->header.len && !memcmp(s, c->header.data, n)))
		return FM_OK;
	return fm_fail(err, FM_EINPUT,
		       "%s: line %llu is a header with other columns than the one before: files of different columns "
		       "were joined; read them one by one",
		       c->o->path, (unsigned long long)fm_csv_line(c));
}

/* The first line that is not blank. *is_row: it is to be read as a row. */
static int first_line(struct fm_csv *c, const char *s, size_t n, bool *is_row, struct fm_error *err)
{
	struct fm_header h;
	const char *why;
	int rc;

	*is_row = !c->o->dialect->header;
	if (n > sizeof nfdump_line - 1 && !memcmp(s, nfdump_line, sizeof nfdump_line - 1) && delimited(c, s, n) < 2)
		return fm_fail(err, FM_EINPUT,
			       "%s: line %llu is the header of nfdump's output for people, which is no CSV: write "
			       "the flows with nfdump -r FILE -o csv",
			       c->o->path, (unsigned long long)fm_csv_line(c));
	c->nhead = 0;
	if (*c->o->dialect->header_mark) {
		size_t mark = strlen(c->o->dialect->header_mark);

		s += mark + (mark < n);
		n -= mark + (mark < n);
	}
	if ((rc = split_line(c, s, n, &why, err)) < 0 || (rc = fm_buf_check(&c->head, err)) < 0)
		goto out;
	h = (struct fm_header){.o = c->o,
			       .row = c->row,
			       .fields = c->head.data,
			       .n = c->nhead,
			       .line = fm_csv_line(c),
			       .rest = c->left,
			       .nrest = c->nleft};
	if (why && c->o->dialect->header)
		rc = fm_fail(err, FM_EINPUT, "%s: line %llu: the header cannot be read: %s", c->o->path,
			     (unsigned long long)fm_csv_line(c), why);
	if (why)
		goto out;
	if (c->o->dialect->header_optional && fm_header_is_row(&h)) {
		*is_row = true;
		c->header.len = 0;
		fm_row_in_order(c->row);
	} else {
		rc = c->o->dialect->header ? fm_header_take(&h, err) : fm_header_refuse(&h, err);
	}
out:
	fm_buf_free(&c->head);
	c->nhead = -1;
	return rc;
}

/* Is a line that is no row a header? *again: it is the earlier header once more; a header with columns in other places
 * is refused, because the rows after it would be read wrongly. */
static int look_for_header(struct fm_csv *c, const char *s, size_t n, bool *again, struct fm_error *err)
{
	enum fm_header_again is = FM_HEADER_NONE;
	struct fm_header h;
	const char *why;
	int rc;

	*again = false;
	if (c->json || c->o->dialect->blanks || (*s >= '0' && *s <= '9'))
		return FM_OK;
	c->nhead = 0;
	if ((rc = split_line(c, s, n, &why, err)) < 0 || (rc = fm_buf_check(&c->head, err)) < 0)
		goto out;
	h = (struct fm_header){.o = c->o, .row = c->row, .fields = c->head.data, .n = c->nhead};
	if (!why)
		is = fm_header_again(&h);
	*again = is == FM_HEADER_SAME;
	if (is == FM_HEADER_MOVED)
		rc = fm_fail(err, FM_EINPUT,
			     "%s: line %llu is a header whose columns stand in other places than those of the rows "
			     "before: files of different columns were joined; have them as files of their own "
			     "(source.path takes a list)",
			     c->o->path, (unsigned long long)fm_csv_line(c));
out:
	fm_buf_free(&c->head);
	c->nhead = -1;
	return rc;
}

/* After the fields of a line that is no good row; why: NULL, or why it has no fields. */
static int bad_line(struct fm_csv *c, const char *s, size_t n, const char *why, struct fm_error *err)
{
	bool again = false;
	int rc;

	if (!why && !c->row->other && (rc = look_for_header(c, s, n, &again, err)) < 0)
		return rc;
	if (again)
		c->headers++;
	else if (!why && c->row->other)
		c->others++;
	else if (!why && !c->json && fm_no_row_empty(c->o->dialect, s, n))
		c->empty++;
	else if (c->row->error.code == FM_ESYSTEM)
		return fm_fail(err, FM_ESYSTEM, "%s", c->row->error.message);
	else if (c->row->error.code && c->o->ipv4_only) /* the row is good, but other rows have filled a dictionary */
		return fm_fail(err, FM_EINPUT,
			       "%s, and in privacy.mode dp no row may be left out for what others say: map the values "
			       "of the column to fewer in the dialect",
			       c->row->error.message);
	else {
		char theirs[3], other = 0, label[FM_DICT_VALUE_MAX + 1];

		if (!why && c->row->field != c->row->nfields)
			other = fm_delimiter_of(s, n, c->o->dialect->delimiter, c->row->nfields);
		if (other)
			snprintf(c->row->reason, sizeof c->row->reason,
				 "%d column%s where %d are expected: the delimiter seems to be '%s' (delimiter in the "
				 "dialect)",
				 c->row->field, c->row->field == 1 ? "" : "s", c->row->nfields,
				 fm_delimiter_name(other, theirs));
		bad_row(c, s, n, why ? why : c->row->reason, why ? NULL : fm_row_bad_label(c->row, label));
	}
	return FM_OK;
}

/* A row, by its first byte: no comment, header, summary or byte-order mark. */
static inline bool is_row(const struct fm_csv *c, const char *s)
{
	return c->begun && !c->footer && !c->json && !c->not_row[(unsigned char)*s] &&
	       !(c->header.len && *s == *c->header.data);
}

/* Read lines by the short ways, up to one that needs the general way. */
static int take_rows(struct fm_csv *c, struct fm_error *err)
{
	int rc = FM_OK;

	while (c->nleft >= FM_ROW_AHEAD && !fm_csv_is_full(c) && is_row(c, c->left) && rc >= 0) {
		const char *s = c->left;
		size_t n;

		fm_row_begin(c->row);
		if (!(n = c->row->line(c->row, s)))
			break;
		c->line++;
		c->left += n;
		c->nleft -= n;
		if (fm_row_end(c->row))
			good_row(c);
		else
			rc = bad_line(c, s, n - 1 - (n > 1 && s[n - 2] == '\r'), NULL, err);
	}
	return rc;
}

/* One line without its LF. */
static int take_line(struct fm_csv *c, const char *s, size_t n, struct fm_error *err)
{
	const char *why = NULL;
	bool is_first;
	int rc;

	c->line++;
	if (n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) { /* of this file or a joined one */
		s += 3;
		n -= 3;
	}
	if (n && s[n - 1] == '\r')
		n--;
	if (!n || ((*s == ' ' || *s == '\t' || *s == '\r') && fm_no_row_blank(s, n)))
		return FM_OK;
	if (n > FM_TRACE_MAXLINE)
		why = "the line is over 1 MiB long";
	else if (memchr(s, 0, n))
		why = "a NUL byte in the row";
	if (why) {
		bad_row(c, s, n, why, NULL);
		return FM_OK;
	}
	if ((rc = refuse_other_header(c, s, n, err)) < 0)
		return rc;
	if (is_passed_over(c, s, n))
		return FM_OK;
	if (!c->begun && fm_no_row_empty(c->o->dialect, s, n)) {
		c->empty++;
		return FM_OK;
	}
	if (!c->begun && fm_no_row_cr(s, n))
		return fm_fail(err, FM_EINPUT,
			       "%s: its lines end with a carriage return alone: write it anew with tr '\\r' '\\n'",
			       c->o->path);
	if (!c->begun && fm_no_row_json(s, n)) {
		if (!c->o->dialect->json)
			return fm_fail(err, FM_EINPUT,
				       "%s: line %llu is JSON: a dialect with lines: json is needed, such as zeek-json "
				       "(flowmint sniff says which)",
				       c->o->path, (unsigned long long)fm_csv_line(c));
		c->begun = c->json = true;
		fm_row_in_order(c->row);
	}
	if (!c->begun) {
		c->begun = true;
		if (c->o->dialect->header)
			fm_buf_add(&c->header, s, n);
		if ((rc = first_line(c, s, n, &is_first, err)) < 0 || !is_first)
			return rc;
	}
	fm_row_begin(c->row);
	c->csv_rows = 0;
	if ((rc = c->json ? fm_fields_json(&c->values, c->o->dialect, s, n, on_field, c, &why, err)
			  : split_line(c, s, n, &why, err)))
		return rc;
	if (!why && fm_row_end(c->row)) {
		good_row(c);
		return FM_OK;
	}
	return bad_line(c, s, n, why, err);
}

/* A line that began in an earlier block: keep it, or only the beginning if it is too long. */
static int keep(struct fm_csv *c, const char *s, size_t n, struct fm_error *err)
{
	size_t room = FM_TRACE_MAXLINE + 2 - c->carry.len; /* one byte too long, and a CR */

	fm_buf_add(&c->carry, s, n < room ? n : room);
	return fm_buf_check(&c->carry, err);
}

int fm_csv_take(struct fm_csv *c, struct fm_error *err)
{
	if (c->replies && !fm_csv_is_full(c))
		put_reply(c, c->last);
	while (c->nleft && !fm_csv_is_full(c)) {
		const char *lf, *line;
		size_t m, n;
		int rc;

		if (!c->carry.len && (rc = take_rows(c, err)) < 0)
			return rc;
		if (!c->nleft || fm_csv_is_full(c))
			break;
		line = c->left;
		lf = memchr(line, '\n', c->nleft);
		m = n = lf ? (size_t)(lf - c->left) : c->nleft;
		c->left += m + (lf != NULL);
		c->nleft -= m + (lf != NULL);
		if (c->carry.len || !lf) {
			if ((rc = keep(c, line, n, err)) < 0)
				return rc;
			if (!lf)
				continue;
			line = c->carry.data;
			n = c->carry.len;
			c->carry.len = 0;
		}
		if ((rc = take_line(c, line, n, err)) < 0)
			return rc;
	}
	return FM_OK;
}

int fm_csv_end(struct fm_csv *c, struct fm_error *err)
{
	bool cut = c->carry.len > 0 && !c->json;
	uint64_t good = c->good;
	int rc = c->carry.len ? take_line(c, c->carry.data, c->carry.len, err) : FM_OK;

	if (cut && c->good > good)
		c->unended = c->line;

	c->carry.len = 0;
	return rc;
}

void fm_csv_file(struct fm_csv *c)
{
	c->lines_before = c->line;
	c->begun = c->json = false;
	c->header.len = 0;
	c->footer = 0;
	fm_row_unset(c->row, "", 0);
}

void fm_csv_batch(struct fm_csv *c, size_t limit)
{
	c->last = c->chunk->rows ? c->chunk->rows - 1 : 0;
	c->chunk->rows = c->nbad = 0;
	c->limit = limit < c->cap ? limit : c->cap;
}

int fm_csv_follow(struct fm_csv *c, const struct fm_csv *of, struct fm_error *err)
{
	c->begun = of->begun;
	c->unmarked = of->unmarked;
	c->json = of->json;
	c->footer = 0;
	c->header.len = 0;
	fm_buf_add(&c->header, of->header.data, of->header.len);
	fm_row_follow(c->row, of->row);
	return fm_buf_check(&c->header, err);
}

/* Note the first bytes of lines that are no rows, or may be none. */
static void know_rows(struct fm_csv *c)
{
	static const char others[] = " \t\r\xefSTN{[+-|(";
	const struct fm_dialect *d = c->o->dialect;

	memset(c->not_row, d->blanks, sizeof c->not_row);
	for (const char *p = others; *p; p++)
		c->not_row[(unsigned char)*p] = true;
	c->not_row[0] = true;
	c->not_row[(unsigned char)*d->header_mark] = true;
	for (int i = 0; i < d->ncomment; i++)
		c->not_row[(unsigned char)*d->comment[i]] = true;
}

int fm_csv_new(struct fm_csv **out, const struct fm_trace_opts *o, size_t cap, struct fm_row_memory *memory,
	       struct fm_error *err)
{
	struct fm_csv *c;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&c, 1, sizeof *c, "lines of a trace", err)) < 0)
		return rc;
	c->o = o;
	c->nhead = -1;
	c->cap = cap;
	if ((rc = fm_table_new(&c->chunk, o->dialect->present, err)) < 0 ||
	    (rc = fm_table_room(c->chunk, cap, err)) < 0 || (rc = fm_address_dict_new(&c->chunk->addresses, err)) < 0 ||
	    (rc = fm_alloc_room(&c->place, cap, sizeof *c->place, "line numbers", err)) < 0 ||
	    (rc = fm_alloc_room(&c->said, cap, sizeof *c->said, "what rows say", err)) < 0 ||
	    (rc = fm_alloc(&c->bad, FM_CSV_BAD_MAX, sizeof *c->bad, "bad rows", err)) < 0 ||
	    (rc = fm_alloc_room(&c->bad_text, FM_CSV_BAD_MAX, sizeof *c->bad_text, "bad rows", err)) < 0 ||
	    (rc = fm_alloc(&c->row, 1, sizeof *c->row, "a row", err)) < 0 ||
	    (!memory && (rc = fm_alloc(&c->memory, 1, sizeof *c->memory, "recent values", err)) < 0) ||
	    (rc = csv_start(c, err)) < 0) {
		fm_csv_free(c);
		return rc;
	}
	fm_row_init(c->row, o->dialect, o->missing, c->chunk, memory ? memory : c->memory);
	know_rows(c);
	c->row->ipv4_only = o->ipv4_only;
	*out = c;
	return FM_OK;
}

void fm_csv_free(struct fm_csv *c)
{
	if (!c)
		return;
	if (c->csv_open)
		csv_free(&c->csv);
	free(c->row);
	free(c->memory);
	free(c->place);
	free(c->said);
	free(c->bad);
	free(c->bad_text);
	fm_buf_free(&c->head);
	fm_buf_free(&c->header);
	fm_buf_free(&c->carry);
	fm_buf_free(&c->values.scratch);
	fm_table_free(c->chunk);
	free(c);
}
