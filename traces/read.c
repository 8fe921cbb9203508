#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "traces/row.h"
#include "traces/source.h"
#include "traces/trace.h"

#define TEXT_MAX 512     /* of a bad row, escaped */
#define SNIFF_BYTES 4096 /* looked at for binary data */
#define EARLY_ROWS 10000 /* after so many a hopeless share of bad rows ends the reading */

struct reader {
	const struct fm_trace_opts *o;
	struct fm_source *source;
	struct fm_table *chunk;
	struct fm_row *row;
	struct csv_parser csv;
	bool csv_open;
	unsigned csv_rows;  /* rows that libcsv has ended in this line */
	struct fm_buf head; /* the fields of the first line, each with a NUL behind it */
	int nhead;          /* their number; -1: not reading the first line */
	uint64_t line;
	bool begun, ended;   /* begun: the first line that is not blank has been seen */
	struct fm_buf carry; /* a line that the last block cut, at most FM_TRACE_MAXLINE + 2 bytes of it */
	int64_t last_ms;
	uint64_t first_bad_line;
	char first_bad[256];
	struct fm_trace_stats st;
};

static void on_field(void *s, size_t n, void *ctx)
{
	struct reader *r = ctx;

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
	struct reader *r = ctx;

	(void)end;
	r->csv_rows++;
}

static int csv_start(struct reader *r, struct fm_error *err)
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
static int csv_line(struct reader *r, const char *s, size_t n, const char **why, struct fm_error *err)
{
	*why = NULL;
	r->csv_rows = 0;
	if (csv_parse(&r->csv, s, n, on_field, on_row, r) != n ||
	    csv_parse(&r->csv, "\n", 1, on_field, on_row, r) != 1) {
		if (csv_error(&r->csv) == CSV_ENOMEM || csv_error(&r->csv) == CSV_ETOOBIG)
			return fm_fail(err, FM_ESYSTEM, "out of memory: a field of line %llu",
				       (unsigned long long)r->line);
		*why = "misplaced quotes";
	} else if (r->csv_rows == 0) {
		*why = "a quote is not closed on its line";
	} else if (r->csv_rows > 1) {
		*why = "a carriage return inside the row";
	}
	return *why ? csv_start(r, err) : FM_OK;
}

static int too_many_bad(const struct reader *r, struct fm_error *err)
{
	uint64_t all = r->st.rows + r->st.bad;

	if (!r->st.rows)
		return fm_fail(err, FM_EINPUT, "%s: none of %llu rows can be read by dialect %s; line %llu: %s",
			       r->o->path, (unsigned long long)all, r->o->dialect->name,
			       (unsigned long long)r->first_bad_line, r->first_bad);
	return fm_fail(
	    err, FM_EINPUT,
	    "%s: %llu of %llu rows are bad, over the limit of %g %% (source.max_bad_share); first at line %llu: %s",
	    r->o->path, (unsigned long long)r->st.bad, (unsigned long long)all, r->o->max_bad_share * 100,
	    (unsigned long long)r->first_bad_line, r->first_bad);
}

static bool is_hopeless(const struct reader *r)
{
	double bad = (double)r->st.bad, all = bad + (double)r->st.rows, max = r->o->max_bad_share;

	if (!r->o->limit_bad || all < EARLY_ROWS || bad <= max * all)
		return false;
	return bad > all / 2 || (r->o->rows && bad > max * (bad + (double)r->o->rows));
}

static int bad_row(struct reader *r, const char *s, size_t n, const char *reason, struct fm_error *err)
{
	char text[TEXT_MAX + 1];
	struct fm_trace_bad bad = {.line = r->line, .reason = reason, .text = text};

	if (!r->st.bad++) {
		r->first_bad_line = r->line;
		snprintf(r->first_bad, sizeof r->first_bad, "%s", reason);
	}
	if (r->o->bad) {
		fm_row_escape(s, n < TEXT_MAX ? n : TEXT_MAX, text, sizeof text);
		r->o->bad(r->o->ctx, &bad);
	}
	return is_hopeless(r) ? too_many_bad(r, err) : FM_OK;
}

static int give_chunk(struct reader *r, struct fm_error *err)
{
	int rc = FM_OK;

	if (r->chunk->rows && r->o->chunk)
		rc = r->o->chunk(r->o->ctx, r->chunk, err);
	r->chunk->rows = 0;
	return rc;
}

static int good_row(struct reader *r, struct fm_error *err)
{
	if (FM_HAS(r->chunk, FM_TE)) {
		int64_t ms = r->chunk->te[r->chunk->rows - 1];

		r->st.unsorted += r->st.rows && ms < r->last_ms;
		r->last_ms = ms;
	}
	r->st.rows++;
	r->ended = r->o->rows && r->st.rows == r->o->rows;
	return r->chunk->rows == FM_TRACE_CHUNK ? give_chunk(r, err) : FM_OK;
}

static const char *head_next(const char *field)
{
	return field + strlen(field) + 1;
}

static void head_list(const struct reader *r, struct fm_buf *b)
{
	const char *f = r->head.data;
	char text[48];

	for (int i = 0; i < r->nhead && i < 40; i++, f = head_next(f)) {
		fm_row_escape(f, strlen(f), text, sizeof text);
		fm_buf_printf(b, "%s%s", i ? "," : "", text);
	}
}

/* Is the first line of a file without a header one?  No value is in it, and it has as many fields as there are columns
 * or the name of one. */
static int refuse_header(struct reader *r, struct fm_error *err)
{
	const struct fm_dialect *d = r->o->dialect;
	const char *f = r->head.data;
	struct fm_buf names = {0};
	bool named = false;

	for (int i = 0; i < r->nhead; i++, f = head_next(f)) {
		if (fm_row_is_numeric(f, strlen(f)))
			return FM_OK;
		for (int k = 0; k < d->ncols; k++)
			named = named || !strcasecmp(d->cols[k].name, f);
	}
	if (r->nhead < 2 || (!named && r->nhead != d->ncols))
		return FM_OK;
	head_list(r, &names);
	fm_fail(err, FM_EINPUT,
		"%s: line %llu is a header (%s) where dialect %s has none: use a dialect with header: true", r->o->path,
		(unsigned long long)r->line, names.data ? names.data : "", d->name);
	fm_buf_free(&names);
	return FM_EINPUT;
}

/* Find the dialect's columns in the header. */
static int take_header(struct reader *r, struct fm_error *err)
{
	const struct fm_dialect *d = r->o->dialect;
	struct fm_buf names = {0}, lacking = {0};
	const char *f = r->head.data;
	int rc = FM_OK, values = 0;
	bool found[FM_DIALECT_MAXCOLS] = {0};

	head_list(r, &names);
	if (r->nhead > FM_ROW_MAXFIELDS) {
		rc = fm_fail(err, FM_EINPUT, "%s: %d columns, over the limit of %d", r->o->path, r->nhead,
			     FM_ROW_MAXFIELDS);
		goto out;
	}
	for (int i = 0; i < r->nhead; i++, f = head_next(f)) {
		r->row->map[i] = -1;
		values += fm_row_is_numeric(f, strlen(f));
		for (int k = 0; k < d->ncols; k++) {
			if (d->cols[k].col < 0 || strcmp(d->cols[k].name, f) != 0)
				continue;
			if (found[k]) {
				rc = fm_fail(err, FM_EINPUT, "%s: column %s stands twice in the header", r->o->path, f);
				goto out;
			}
			found[k] = true;
			r->row->map[i] = (int16_t)k;
		}
	}
	r->row->nfields = r->nhead;
	for (int k = 0; k < d->ncols; k++)
		if (d->cols[k].col >= 0 && !found[k])
			fm_buf_printf(&lacking, "%s%s", lacking.len ? ", " : "", d->cols[k].name);
	if (lacking.len && values)
		rc = fm_fail(err, FM_EINPUT,
			     "%s: line %llu is no header (%s) where dialect %s needs one with %s: "
			     "use a dialect with header: false, or put the header in",
			     r->o->path, (unsigned long long)r->line, names.data ? names.data : "", d->name,
			     lacking.data ? lacking.data : "");
	else if (lacking.len)
		rc = fm_fail(err, FM_EINPUT, "%s: the header lacks %s, which dialect %s needs; it has %s", r->o->path,
			     lacking.data ? lacking.data : "", d->name, names.data ? names.data : "");
out:
	fm_buf_free(&names);
	fm_buf_free(&lacking);
	return rc;
}

/* The first line that is not blank. *is_row: it is to be read as a row. */
static int first_line(struct reader *r, const char *s, size_t n, bool *is_row, struct fm_error *err)
{
	const char *why;
	int rc;

	*is_row = !r->o->dialect->header;
	r->nhead = 0;
	rc = csv_line(r, s, n, &why, err);
	if (!rc && !why)
		rc = fm_buf_check(&r->head, err);
	if (!rc && why && r->o->dialect->header)
		rc = fm_fail(err, FM_EINPUT, "%s: line %llu: the header cannot be read: %s", r->o->path,
			     (unsigned long long)r->line, why);
	if (!rc && !why)
		rc = r->o->dialect->header ? take_header(r, err) : refuse_header(r, err);
	fm_buf_free(&r->head);
	r->nhead = -1;
	return rc;
}

/* One line without its LF. */
static int take_line(struct reader *r, const char *s, size_t n, struct fm_error *err)
{
	const char *why = NULL;
	bool is_row;
	int rc;

	r->line++;
	if (r->line == 1 && n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) {
		s += 3;
		n -= 3;
	}
	if (n && s[n - 1] == '\r')
		n--;
	if (!n || ((*s == ' ' || *s == '\t' || *s == '\r') && is_blank(s, n)))
		return FM_OK;
	if (n > FM_TRACE_MAXLINE)
		return bad_row(r, s, n, "the line is over 1 MiB long", err);
	if (memchr(s, 0, n))
		return bad_row(r, s, n, "a NUL byte in the row", err);
	if (!r->begun) {
		r->begun = true;
		if ((rc = first_line(r, s, n, &is_row, err)) || !is_row)
			return rc;
	}
	fm_row_begin(r->row);
	if ((rc = csv_line(r, s, n, &why, err)))
		return rc;
	if (why)
		return bad_row(r, s, n, why, err);
	return fm_row_end(r->row) ? good_row(r, err) : bad_row(r, s, n, r->row->reason, err);
}

/* A line that began in an earlier block: keep it, or of one that is too long only the beginning. */
static int keep(struct reader *r, const char *s, size_t n, struct fm_error *err)
{
	size_t room = FM_TRACE_MAXLINE + 2 - r->carry.len; /* one byte too long, and a CR */

	fm_buf_add(&r->carry, s, n < room ? n : room);
	return fm_buf_check(&r->carry, err);
}

static int take_block(struct reader *r, const char *s, size_t n, struct fm_error *err)
{
	int rc = FM_OK;

	while (n && !rc && !r->ended) {
		const char *lf = memchr(s, '\n', n);
		size_t m = lf ? (size_t)(lf - s) : n;

		if (r->carry.len || !lf) {
			rc = keep(r, s, m, err);
			if (!rc && lf) {
				rc = take_line(r, r->carry.data, r->carry.len, err);
				r->carry.len = 0;
			}
		} else {
			rc = take_line(r, s, m, err);
		}
		m += lf != NULL;
		s += m;
		n -= m;
	}
	return rc;
}

struct magic {
	const char *bytes;
	size_t n;
	const char *what;
};
static const struct magic magics[] = {
    {"\xff\xfe", 2, "UTF-16 text: convert it with iconv -f UTF-16 -t UTF-8"},
    {"\xfe\xff", 2, "UTF-16 text: convert it with iconv -f UTF-16 -t UTF-8"},
    {"\xd4\xc3\xb2\xa1", 4, "a packet capture: make flow records of it first"},
    {"\xa1\xb2\xc3\xd4", 4, "a packet capture: make flow records of it first"},
    {"\x0a\x0d\x0d\x0a", 4, "a packet capture: make flow records of it first"},
    {"\x0c\xa5", 2, "an nfcapd file: write it as CSV with nfdump -r FILE -o csv"},
    {"\x1f\x8b", 2, "gzip data once more: unpack it first"},
    {"\xfd\x37zXZ", 5, "xz data once more: unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "zstd data once more: unpack it first"},
    {"PK\x03\x04", 4, "a zip archive once more: unpack it first"},
    {"PAR1", 4, "a Parquet file: write it as CSV first"},
    {"SQLite format 3", 15, "a SQLite data base: write the flows as CSV first"},
};

/* The first block: is this text at all? Single bad bytes are left to their rows. */
static int refuse_binary(const struct reader *r, const char *s, size_t n, struct fm_error *err)
{
	size_t strange = 0;

	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (n >= magics[i].n && !memcmp(s, magics[i].bytes, magics[i].n))
			return fm_fail(err, FM_EINPUT, "%s is not a CSV file but %s", r->o->path, magics[i].what);
	n = n < SNIFF_BYTES ? n : SNIFF_BYTES;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		strange += (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f || c >= 0x80;
	}
	if (strange > 8 && strange > n / 4)
		return fm_fail(err, FM_EINPUT, "%s is not a CSV file: binary data at its beginning", r->o->path);
	return FM_OK;
}

static int read_all(struct reader *r, struct fm_error *err)
{
	int rc;

	for (bool first = true; !r->ended; first = false) {
		const char *s;
		size_t n;

		if ((rc = fm_source_next(r->source, &s, &n, err))) {
			if (fm_source_damaged(r->source) && r->line)
				fm_error_prefix(err, "after line %llu: ", (unsigned long long)r->line);
			return rc;
		}
		if (!n)
			break;
		if (first && (rc = refuse_binary(r, s, n, err)))
			return rc;
		r->st.bytes += n;
		if ((rc = take_block(r, s, n, err)))
			return rc;
		if (r->o->progress)
			r->o->progress(r->o->ctx, fm_source_consumed(r->source), fm_source_total(r->source),
				       r->st.rows);
	}
	if (r->ended)
		return fm_source_stop(r->source, err);
	return r->carry.len ? take_line(r, r->carry.data, r->carry.len, err) : FM_OK;
}

static int check_result(const struct reader *r, struct fm_error *err)
{
	double all = (double)(r->st.rows + r->st.bad);

	if (r->st.bad && (!r->st.rows || (r->o->limit_bad && (double)r->st.bad > r->o->max_bad_share * all)))
		return too_many_bad(r, err);
	if (!r->st.rows)
		return fm_fail(err, FM_EINPUT, "%s holds no row%s", r->o->path,
			       r->begun ? " but its header" : ": it is empty");
	return FM_OK;
}

/* The first member of an archive is no good: that there are others, and none was chosen, is the better message. */
static int blame_choice(struct reader *r, int rc, struct fm_error *err)
{
	struct fm_error others;

	if (fm_source_stop(r->source, &others) == FM_EINPUT && !fm_source_damaged(r->source) && err)
		*err = others;
	return rc;
}

int fm_trace_read(const struct fm_trace_opts *o, struct fm_trace_stats *stats, struct fm_error *err)
{
	struct reader r = {.o = o, .nhead = -1};
	int rc;

	if ((rc = fm_source_open(&r.source, o->path, o->member, err)) ||
	    (rc = fm_table_new(&r.chunk, o->dialect->present, err)) ||
	    (rc = fm_table_reserve(r.chunk, FM_TRACE_CHUNK, err)) ||
	    (rc = fm_alloc(&r.row, 1, sizeof *r.row, "a row", err)) || (rc = csv_start(&r, err)))
		goto out;
	fm_row_init(r.row, o->dialect, o->missing, r.chunk);
	rc = read_all(&r, err);
	if (!rc)
		rc = give_chunk(&r, err);
	if (!rc)
		rc = check_result(&r, err);
	if (rc == FM_EINPUT && !fm_source_damaged(r.source))
		rc = blame_choice(&r, rc, err);
	r.st.missing_values = r.row->missing_values;
out:
	if (stats)
		*stats = r.st;
	if (r.csv_open)
		csv_free(&r.csv);
	free(r.row);
	fm_buf_free(&r.head);
	fm_buf_free(&r.carry);
	fm_table_free(r.chunk);
	fm_source_close(r.source);
	return rc;
}

int fm_trace_chunk_copy(struct fm_table *dst, const struct fm_table *chunk, size_t first, size_t rows,
			struct fm_error *err)
{
	size_t cap = dst->cap ? dst->cap : FM_TRACE_CHUNK;
	int rc;

	while (cap < dst->rows + rows)
		cap += cap / 2;
	if (cap > dst->cap && (rc = fm_table_reserve(dst, cap, err)))
		return rc;
	for (int c = 0; c < FM_NCOL; c++) {
		size_t w = fm_cols[c].width;

		if (!FM_HAS(dst, c) || !FM_HAS(chunk, c))
			continue;
		memcpy((char *)dst->col[c] + dst->rows * w, (const char *)chunk->col[c] + first * w, rows * w);
		for (size_t i = dst->dict[c].n; i < chunk->dict[c].n; i++)
			if (fm_dict_index(&dst->dict[c], chunk->dict[c].value[i], strlen(chunk->dict[c].value[i]),
					  true) != (int)i)
				return fm_fail(err, FM_ESYSTEM, "out of memory: values of column %s", fm_cols[c].name);
	}
	dst->rows += rows;
	return FM_OK;
}

struct load {
	struct fm_table *t;
	const struct fm_trace_opts *o;
};

static int load_chunk(void *ctx, struct fm_table *chunk, struct fm_error *err)
{
	struct load *l = ctx;
	size_t first = l->t->rows;
	int rc;

	if (l->o->spill && !l->t->spilled && first && first + chunk->rows > FM_TRACE_IN_MEMORY &&
	    (rc = fm_table_spill(l->t, l->o->spill, err)))
		return rc;
	if ((rc = fm_trace_chunk_copy(l->t, chunk, 0, chunk->rows, err)))
		return rc;
	fm_table_forget(l->t, first, l->t->rows);
	return FM_OK;
}

static void load_bad(void *ctx, const struct fm_trace_bad *bad)
{
	struct load *l = ctx;

	if (l->o->bad)
		l->o->bad(l->o->ctx, bad);
}

static void load_progress(void *ctx, uint64_t bytes_read, uint64_t bytes_total, uint64_t rows)
{
	struct load *l = ctx;

	if (l->o->progress)
		l->o->progress(l->o->ctx, bytes_read, bytes_total, rows);
}

int fm_trace_load(struct fm_table **t, const struct fm_trace_opts *o, double max_bad_share,
		  struct fm_trace_stats *stats, struct fm_error *err)
{
	struct load l = {.o = o};
	struct fm_trace_opts mine = *o;
	int rc;

	*t = NULL;
	if ((rc = fm_table_new(&l.t, o->dialect->present, err)))
		return rc;
	mine.chunk = load_chunk;
	mine.bad = load_bad;
	mine.progress = load_progress;
	mine.ctx = &l;
	mine.limit_bad = true;
	mine.max_bad_share = max_bad_share;
	if ((rc = fm_trace_read(&mine, stats, err))) {
		fm_table_free(l.t);
		return rc;
	}
	*t = l.t;
	return FM_OK;
}
