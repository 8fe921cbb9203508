/* A dialect to start from: delimiter and header from the first lines, columns from their names and values. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifests/dialect.h"
#include "traces/hints.h"
#include "traces/no_flows.h"
#include "traces/sniff.h"
#include "traces/sniff_parts.h"

/* The first line is a header where none of its fields is a value, but some of the fields below are. */
static void find_header(struct fm_sniff_page *p)
{
	const char *format;
	uint64_t number;
	int values = 0, below = 0;

	for (int k = 0; k < p->nfields && p->nlines > 1; k++) {
		enum fm_sniff_kind first = fm_sniff_kind_of(&p->cell[0][k], &format, &number), second = EMPTY;

		/* Some have a line of units below the names. */
		for (int i = 1; i < p->nlines && i < 4 && (second <= EMPTY || second >= PROTOCOL); i++)
			second = fm_sniff_kind_of(&p->cell[i][k], &format, &number);
		values += first > EMPTY && first < PROTOCOL;
		below += second > EMPTY && second < PROTOCOL;
	}
	p->header = p->marked || p->json || (!values && below >= 2);
}

void fm_sniff_take(struct fm_sniff_guess *g, int col, bool start, const char *why)
{
	g->col = col;
	g->start = start;
	g->why = why;
	if (fm_cols[col].kind == FM_KIND_ADDRESS && (g->kind == INTEGER || g->kind == DECIMAL || g->kind == EPOCH))
		g->format = "ipv4-integer";
}

/* ---- the file ---- */

#define COMMENT_MAX 15 /* bytes of a word of comment */

static void put_quoted(struct fm_buf *out, const char *s, size_t n)
{
	fm_buf_puts(out, "\"");
	for (size_t i = 0; i < n && i < FM_SNIFF_NAME; i++) {
		if (s[i] == '"' || s[i] == '\\')
			fm_buf_puts(out, "\\");
		fm_buf_add(out, &s[i], 1);
	}
	fm_buf_puts(out, "\"");
}

static bool has_name(const void *ctx, const char *name)
{
	const struct fm_sniff_page *p = ctx;

	for (int k = 0; k < p->ncells[0]; k++)
		if (strlen(name) == p->cell[0][k].n && !strncasecmp(name, p->cell[0][k].s, p->cell[0][k].n))
			return true;
	return false;
}

/* Java's CICFlowMeter, which has microseconds and a few names of its own for both ways. */
static bool is_cicflowmeter(const struct fm_sniff_page *p)
{
	static const char *const names[] = {"Total Length of Fwd Packet", "Total Length of Fwd Packets",
					    "TotLen Fwd Pkts"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (has_name(p, names[i]))
			return true;
	return false;
}

/* Is a value of column k 12:34? */
static bool has_one_colon(const struct fm_sniff_page *p, int k)
{
	for (int i = p->header; i < p->nlines; i++) {
		const struct fm_sniff_field f = k < p->ncells[i] ? p->cell[i][k] : (struct fm_sniff_field){"", 0};
		const char *colon = memchr(f.s, ':', f.n);

		if (colon && !memchr(f.s, '.', f.n) && !memchr(colon + 1, ':', (size_t)(f.s + f.n - colon) - 1))
			return true;
	}
	return false;
}

static const char *duration_format(const struct fm_sniff_page *p, int k, const struct fm_sniff_guess *g,
				   const char **why)
{
	const struct fm_sniff_field bare = p->header ? fm_sniff_bare(p, k) : (struct fm_sniff_field){"", 0};
	const char *unit;
	char name[64] = "";

	for (size_t i = 0; p->header && i < p->cell[0][k].n && i < sizeof name - 1; i++)
		name[i] = (char)tolower((unsigned char)p->cell[0][k].s[i]);
	if (fm_sniff_is_hms(p, k, p->header)) {
		if (has_one_colon(p, k))
			*why = "minutes and seconds: or hours and minutes?";
		return NULL;
	}
	if (g->unit) {
		*why = "its unit by the times from start to end";
		return g->unit;
	}
	if (strstr(name, "flow duration") && is_cicflowmeter(p))
		return "microseconds";
	if (strstr(name, "event.duration")) /* Elastic Common Schema */
		return "nanoseconds";
	if (strstr(name, "+msec")) /* SiLK's: seconds, with milliseconds */
		return "seconds";
	if ((unit = fm_sniff_unit_name(bare.s, bare.n)) || (unit = fm_sniff_unit_within(name, p->types)))
		return unit;
	if (g->kind == EPOCH) {
		*why = "the unit is a guess by the size of the values";
		return "nanoseconds";
	}
	if (g->most > 100000 || g->fine) {
		*why = g->fine ? "no seconds, by the packets: the unit is a guess"
			       : "the unit is a guess by the size of the values";
		return "microseconds";
	}
	*why = strstr(name, "min") || strstr(name, "hour") ? "by its name in another unit: have it written in seconds"
							   : "the unit is a guess";
	return "seconds";
}

/* Does each time end with its offset from UTC? */
static bool has_offset(const struct fm_sniff_page *p, int k)
{
	for (int i = p->header; i < p->nlines; i++) {
		const struct fm_sniff_field *f = &p->cell[i][k];

		if (k < p->ncells[i] && f->n && f->s[f->n - 1] != 'Z' && !(f->n > 6 && strchr("+-", f->s[f->n - 6])))
			return false;
	}
	return true;
}

/* Does the date of the first time have slashes? */
static bool has_slashes(const struct fm_sniff_page *p, int k)
{
	for (int i = p->header; i < p->nlines; i++)
		if (k < p->ncells[i] && p->cell[i][k].n > 4)
			return p->cell[i][k].s[4] == '/';
	return false;
}

/* Has a value two words: a date and a time of day, or a number and its K? */
static bool has_blank(const struct fm_sniff_page *p, int k)
{
	for (int i = p->header; i < p->nlines; i++)
		if (k < p->ncells[i] && memchr(p->cell[i][k].s, ' ', p->cell[i][k].n))
			return true;
	return false;
}

/* Has a number of column k a K, M, G or T behind it? */
static bool is_scaled(const struct fm_sniff_page *p, int k)
{
	for (int i = p->header; i < p->nlines; i++) {
		struct fm_sniff_field f = k < p->ncells[i] ? p->cell[i][k] : (struct fm_sniff_field){"", 0};
		const char *format;
		uint64_t number;
		enum fm_sniff_kind kind;

		if (f.n < 2 || !memchr("KMGT", f.s[f.n - 1] & ~0x20, 4))
			continue;
		for (f.n--; f.n && f.s[f.n - 1] == ' ';)
			f.n--;
		if ((kind = fm_sniff_kind_of(&f, &format, &number)) == INTEGER || kind == DECIMAL)
			return true;
	}
	return false;
}

static bool is_nfdump(const struct fm_sniff_page *p)
{
	return p->header && p->cell[0][0].n > 5 && !memcmp(p->cell[0][0].s, "Date ", 5);
}

static void put_column(const struct fm_sniff_page *p, int k, const struct fm_sniff_guess *g, struct fm_buf *out)
{
	const char *why = g->why, *format = g->format, *unit = NULL;
	char month_first[64];
	bool two = false, scaled = false;

	fm_buf_puts(out, "  - {name: ");
	if (p->header)
		put_quoted(out, p->cell[0][k].s, p->cell[0][k].n);
	else
		fm_buf_printf(out, "c%d", k + 1);
	if (g->aside) {
		fm_buf_printf(out, ", %s\n", g->aside);
		return;
	}
	if (g->col >= 0) {
		if (g->also) {
			fm_buf_puts(out, ", also: [");
			put_quoted(out, g->also->s, g->also->n);
			fm_buf_puts(out, "]");
		}
		fm_buf_printf(out, ", column: %s", g->start ? "start" : fm_cols[g->col].name);
		if (fm_cols[g->col].kind == FM_KIND_PORT && g->mixed && g->fraction)
			format = "type.code";
		if (g->col == FM_TD && (unit = p->zeek ? "seconds" : duration_format(p, k, g, &why)))
			format = unit;
		two = fm_cols[g->col].kind == FM_KIND_TIME && p->blanks && has_blank(p, k);
		if (fm_cols[g->col].kind == FM_KIND_TIME && (p->blanks || p->delimiter == ' ') && !two &&
		    !strcmp(format, "datetime"))
			format = has_offset(p, k)    ? "rfc3339"
				 : has_slashes(p, k) ? "%Y/%m/%dT%H:%M:%S.%f"
						     : "%Y-%m-%dT%H:%M:%S.%f";  /* no blank inside */
		if (format && g->either && p->header && has_name(p, "sTime")) { /* SiLK has the month first */
			snprintf(month_first, sizeof month_first, "%s", format);
			month_first[1] = 'm';
			month_first[4] = 'd';
			format = month_first;
		}
		if (format) {
			fm_buf_puts(out, ", format: ");
			put_quoted(out, format, strlen(format));
		}
		if (two)
			fm_buf_puts(out, ", words: 2");
		if (fm_cols[g->col].kind == FM_KIND_COUNT &&
		    ((p->blanks && (is_nfdump(p) || has_blank(p, k))) || (scaled = is_scaled(p, k)))) {
			fm_buf_puts(out, ", suffix: 1000");
			why = scaled ? "a K is 1000 of them: or 1024?" : why;
		}
		if (g->sum)
			fm_buf_puts(out, ", sum: true");
		if (g->reply)
			fm_buf_puts(out, ", reply: true");
		if (format && !strcmp(format, "days-1900"))
			why = "days of a spreadsheet; days-1904 where this would be four years too early";
		if (g->either && format != month_first)
			why = "the day first, or the month? Both can be read";
	}
	fm_buf_puts(out, "}");
	if (why)
		fm_buf_printf(out, "   # %s", why);
	if (g->only_time)
		fm_buf_printf(out,
			      "%s the only time, so it is taken as te; it is start if you add a column of the duration "
			      "or the end",
			      why ? ";" : "   #");
	fm_buf_puts(out, "\n");
}

static bool has(const struct fm_sniff_guess *g, int n, int col, bool start)
{
	for (int k = 0; k < n; k++)
		if (g[k].col == col && g[k].start == start)
			return true;
	return false;
}

/* Is the port in the column of the address? */
static bool has_in_address(const struct fm_sniff_guess *g, int n, int col)
{
	for (int k = 0; k < n; k++)
		if (g[k].col == (col == FM_SP ? FM_SA : FM_DA) && g[k].format && !strcmp(g[k].format, "address-port"))
			return true;
	return false;
}

/* The line absent that a source without those columns would have, or why none will do. */
static int put_absent(unsigned absent, struct fm_buf *out, struct fm_error *err)
{
	struct fm_error why = {0};
	struct fm_dialect *d = NULL;
	struct fm_buf text = {0};
	char names[64];
	int rc;

	fm_columns_text(absent, names, sizeof names);
	for (char *p = names; (p = strchr(p, ' ')); p++)
		*p = ',';
	fm_buf_add(&text, out->data, out->len);
	fm_buf_printf(&text, "absent: [%s]\n", names);
	if ((rc = fm_buf_check(&text, err)) < 0)
		return rc;
	rc = fm_dialect_parse(&d, "guess", text.data, text.len, &why);
	fm_dialect_free(d);
	fm_buf_free(&text);
	if (rc == FM_ESYSTEM)
		return fm_fail(err, rc, "%s", why.message);
	if (rc < 0) {
		const char *said = strstr(why.message, ": "); /* behind the place */

		fm_buf_printf(out, "# no line absent will do: %s\n", said ? said + 2 : why.message);
		return FM_OK;
	}
	fm_buf_printf(
	    out, "# absent: [%s]   # a line for a source that does not have them: what needs them is not measured\n",
	    names);
	return FM_OK;
}

/* Is column k a duration or a time by its name, though it was not taken for one? */
static bool is_unread_time(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int k,
			   struct fm_sniff_name *name)
{
	return p->header && k < p->ncells[0] && g[k].col < 0 && !g[k].aside && fm_sniff_column(p, k, name) &&
	       name->way == FM_WAY_ONE && (name->col == FM_TE || name->col == FM_TD);
}

/* A start alone, without a duration or an end, be they of a form that is not read, is the one time that a flow has,
 * which te takes. */
static void take_one_time(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	struct fm_sniff_name name;
	bool only = true;

	if (!has(g, p->nfields, FM_TE, true) || has(g, p->nfields, FM_TE, false) || has(g, p->nfields, FM_TD, false))
		return;
	for (int k = 0; k < p->nfields; k++)
		if (is_unread_time(p, g, k, &name) && (name.col == FM_TD || !name.start))
			return;
	for (int k = 0; k < p->nfields; k++)
		if (g[k].col == FM_TE) {
			g[k].start = false;
			g[k].only_time = only;
			only = false; /* of a date and a time of day the first says it */
		}
}

/* What a flow needs but no column was found for. */
static int put_lacking(const struct fm_sniff_guess *g, int n, struct fm_buf *out, bool *is_whole, struct fm_error *err)
{
	static const int needed[] = {FM_SA, FM_DA, FM_SP, FM_DP, FM_PR, FM_PKT, FM_BYT};
	int times = has(g, n, FM_TE, true) + has(g, n, FM_TE, false) + has(g, n, FM_TD, false);
	bool whole = times >= 2, ends = has(g, n, FM_TE, true) || has(g, n, FM_TE, false);
	unsigned absent = whole ? 0 : (ends ? 0 : 1u << FM_TE) | (has(g, n, FM_TD, false) ? 0 : 1u << FM_TD);

	if (times == 1 && ends)
		fm_buf_puts(out, "  # not found: a duration (td), or a start\n");
	else if (times < 2)
		fm_buf_puts(out, "  # not found: two of start, te and td\n");
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!has(g, n, needed[i], false) &&
		    !(fm_cols[needed[i]].kind == FM_KIND_PORT && has_in_address(g, n, needed[i]))) {
			fm_buf_printf(out, "  # not found: %s\n", fm_cols[needed[i]].name);
			absent |= 1u << needed[i];
			whole = false;
		}
	*is_whole = whole;
	return whole ? FM_OK : put_absent(absent, out, err);
}

/* Zeek and Argus have type and code of ICMP in forms of their own. */
static const char *icmp_of(const struct fm_sniff_page *p)
{
	if (p->zeek || (p->header && (has_name(p, "id.orig_p") || has_name(p, "id_orig_p"))))
		return "icmp: zeek\n";
	for (int k = 0; p->header && has_name(p, "Sport") && has_name(p, "Dport") && k < p->ncells[0]; k++)
		if (p->cell[0][k].n == 3 && !strncasecmp(p->cell[0][k].s, "Dir", 3) && fm_sniff_has_arrows(p, k))
			return "icmp: argus\n";
	return "";
}

/* Columns that by their names are what was not found: counts in another unit, and times, and what their values are
 * instead. */
static void put_why_not(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, struct fm_buf *out)
{
	for (int k = 0; k < p->nfields && k < p->ncells[0] && p->header; k++) {
		const struct fm_sniff_field *f = NULL;
		struct fm_sniff_name name;
		const char *format;
		uint64_t number;

		if (g[k].col < 0 && fm_sniff_other_unit(p->cell[0][k].s, p->cell[0][k].n, &name) &&
		    !has(g, p->nfields, name.col, false)) {
			fm_buf_puts(out, "# ");
			put_quoted(out, p->cell[0][k].s, p->cell[0][k].n);
			fm_buf_printf(out, " is in another unit: have it written in %s\n",
				      name.col == FM_PKT ? "packets" : "bytes");
		}
		if (!is_unread_time(p, g, k, &name) || has(g, p->nfields, name.col, name.start))
			continue;
		for (int i = 1; i < p->nlines && !f; i++)
			if (k < p->ncells[i] && fm_sniff_kind_of(&p->cell[i][k], &format, &number) != EMPTY)
				f = &p->cell[i][k];
		if (!f)
			continue;
		fm_buf_puts(out, "# ");
		put_quoted(out, p->cell[0][k].s, p->cell[0][k].n);
		fm_buf_printf(out, " is one by its name, but its first value %s\n",
			      name.col == FM_TD ? fm_hint_duration(f->s, f->n)
						: fm_hint_clock(f->s, f->n,
								"is a time of another form: give its pattern as the "
								"format of the column"));
	}
}

/* Types or units in a line below the names: ClickHouse's TSVWithNamesAndTypes. The line is a comment, unless the names
 * or a row would be too. */
static void put_line_of_kinds(const struct fm_sniff_page *p, struct fm_buf *out)
{
	const struct fm_sniff_field *line = &p->line[1];
	size_t n;

	if (!p->header || p->json || p->blanks || p->arff || p->nlines < 3 || p->marked || !p->cell[1][0].n)
		return;
	for (int k = 0; k < p->ncells[1]; k++)
		if (p->cell[1][k].n && !fm_sniff_is_kind(p->cell[1][k].s, p->cell[1][k].n))
			return;
	n = (size_t)(p->cell[1][0].s + p->cell[1][0].n - line->s);
	n = n < COMMENT_MAX ? n : COMMENT_MAX;
	for (int i = 0; i < p->nlines; i++)
		if (i != 1 && p->line[i].n >= n && !memcmp(p->line[i].s, line->s, n))
			return;
	fm_buf_puts(out, "comment: [\"#\", ");
	put_quoted(out, line->s, n);
	fm_buf_puts(out, "]   # the line below the names\n");
}

/* Is the word one of the labels? */
static bool is_label(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, const struct fm_sniff_field *f)
{
	for (int i = p->header; i < p->nlines; i++)
		for (int k = 0; k < p->ncells[i] && k < p->nfields; k++)
			if (g[k].col == FM_LABEL && p->cell[i][k].n == f->n &&
			    !strncasecmp(p->cell[i][k].s, f->s, f->n))
				return true;
	return false;
}

/* -1 is no port. */
static bool is_no_port(const struct fm_sniff_guess *g, const struct fm_sniff_field *f)
{
	return g->col >= 0 && fm_cols[g->col].kind == FM_KIND_PORT && f->n == 2 && !memcmp(f->s, "-1", 2);
}

/* The words for no value, such as NULL, that columns which are read have. As flags, a way or a type of service None is
 * a value like others, and as a label it is one even where other columns have it for none: their rows are bad then,
 * which is seen, as a class that is lost is not. */
static void put_missing(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, struct fm_buf *out)
{
	const struct fm_sniff_field *put[8];
	int n = 0;

	for (int i = p->header; i < p->nlines; i++)
		for (int k = 0; k < p->ncells[i] && k < p->nfields && n < 8; k++) {
			const struct fm_sniff_field *f = &p->cell[i][k];
			bool is = g[k].col >= 0 && (fm_cols[g[k].col].kind != FM_KIND_CATEGORY || g[k].col == FM_PR) &&
				  fm_hint_is_nothing(f->s, f->n) && (f->n != 3 || strncasecmp(f->s, "nan", 3) != 0);

			is = is || is_no_port(&g[k], f);
			for (int m = 0; m < n && is; m++)
				is = put[m]->n != f->n || strncasecmp(put[m]->s, f->s, f->n) != 0;
			if (!is || is_label(p, g, f))
				continue;
			put[n++] = f;
			fm_buf_puts(out, ", ");
			put_quoted(out, f->s, f->n);
		}
}

/* How many columns a dialect has lines for: of a wide file without a header, those up to the last that is read. */
static int columns_of(const struct fm_sniff_page *p, const struct fm_sniff_guess *g)
{
	int n = p->nfields;

	while ((!p->header || p->blanks) && p->nfields > FM_DIALECT_MAXCOLS && n > 1 && g[n - 1].col < 0 &&
	       !g[n - 1].aside)
		n--;
	return n;
}

static int put_file(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, const struct fm_buf *why_not,
		    struct fm_buf *out, bool *whole, struct fm_error *err)
{
	int rc, shown = columns_of(p, g);

	fm_buf_printf(out,
		      "# Guessed from the first %d lines: look at each line before you use it (docs/traces.md has the "
		      "keys).\nname: mine\n",
		      p->nlines);
	if (p->utf16)
		fm_buf_puts(out, "encoding: utf-16\n");
	if (p->json)
		fm_buf_puts(out, "lines: json\n");
	else
		fm_buf_printf(out, "header: %s\n", p->header && !p->blanks ? "true" : "false");
	if (p->marked)
		fm_buf_puts(out, "header_mark: \"#fields\"\nquote: none\n");
	if (p->zeek || (p->bare && !p->marked))
		fm_buf_puts(out, "quote: none\n");
	if (p->zeek || shown < p->nfields)
		fm_buf_puts(out, "extra_columns: true\n");
	if (p->arff)
		fm_buf_puts(out, "comment: [\"@\", \"%\"]   # what ARFF has before the rows\n");
	put_line_of_kinds(p, out);
	if (p->blanks) {
		fm_buf_puts(out, "delimiter: blanks\n");
		if (p->header) {
			fm_buf_puts(out, "comment: [");
			put_quoted(out, p->cell[0][0].s, p->cell[0][0].n < COMMENT_MAX ? p->cell[0][0].n : COMMENT_MAX);
			fm_buf_puts(out, "]   # the line of names\n");
		}
	} else if (!p->json && (unsigned char)p->delimiter < ' ' && p->delimiter != '\t') {
		fm_buf_printf(out, "delimiter: \"\\x%02x\"\n", p->delimiter);
	} else if (!p->json) {
		fm_buf_printf(out, "delimiter: \"%s\"\n", p->delimiter == '\t' ? "\\t" : (char[2]){p->delimiter, 0});
	}
	if (p->decimal)
		fm_buf_printf(out, "decimal: \"%c\"%s\n", p->decimal,
			      p->guessed_mark ? "   # a guess: or does it stand between thousands?" : "");
	if (p->thousands)
		fm_buf_printf(out, "thousands: \"%c\"%s\n", p->thousands,
			      p->guessed_mark && p->thousands == ',' ? "   # a guess: or is it a decimal comma?" : "");
	fm_buf_printf(out, "%smissing: [\"\", \"-\", \"nan\"", icmp_of(p));
	put_missing(p, g, out);
	fm_buf_puts(out, "]\ncolumns:\n");
	for (int k = 0; k < shown; k++)
		if (g[k].col >= 0 || g[k].aside || !p->header || p->blanks)
			put_column(p, k, &g[k], out);
	if (p->wide)
		fm_buf_printf(out, "  # the columns behind the first %d were not looked at\n", FM_SNIFF_FIELDS);
	if ((rc = put_lacking(g, p->nfields, out, whole, err)) < 0)
		return rc;
	fm_buf_add(out, why_not->data, why_not->len);
	for (int k = 0, others = 0; k < p->nfields && p->header; k++) {
		if (g[k].col >= 0 || g[k].aside || g[k].joined)
			continue;
		fm_buf_puts(out, others++ ? ", " : "# Not read: ");
		put_quoted(out, p->cell[0][k].s, p->cell[0][k].n);
	}
	if (p->header)
		fm_buf_puts(out, "\n");
	return fm_buf_check(out, err);
}

int fm_sniff_guess(const char *path, const char *member, struct fm_buf *yaml, bool *whole, struct fm_error *err)
{
	struct fm_sniff_guess g[FM_SNIFF_FIELDS];
	struct fm_buf why_not = {0};
	const char *no_flows;
	struct fm_sniff_page *p;
	bool ordered = false;
	int rc, td;

	*whole = false;
	if ((rc = fm_alloc(&p, 1, sizeof *p, "the first lines", err)) < 0)
		return rc;
	if ((rc = fm_sniff_page(p, path, member, 0, err)) < 0)
		goto out;
	p->names = fm_sniff_has_no_value(p, 0);
	if ((rc = fm_sniff_other(p, path, err)) < 0)
		goto out;
	find_header(p);
	if (p->nlines == 1 && !p->json && p->names) {
		rc = fm_fail(err, FM_EINPUT, "%s has a line of names and no flow below it", path);
		goto out;
	}
	fm_sniff_marks(p);
	for (int k = 0; k < p->nfields; k++)
		fm_sniff_look(p, k, p->header, &g[k]);
	if (p->header && (no_flows = fm_no_flows(has_name, p))) {
		rc = fm_fail(err, FM_EINPUT, "%s %s", path, no_flows);
		goto out;
	}
	p->zeek = fm_sniff_is_zeek(p);
	if (p->zeek)
		fm_sniff_by_zeek(p, g);
	else if (p->header)
		fm_sniff_by_name(p, g);
	else if ((rc = fm_sniff_by_order(p, g, &ordered, err)) < 0)
		goto out;
	else if (!ordered)
		fm_sniff_by_place(p, g);
	if (fm_sniff_taken_by(g, p->nfields, FM_TE, true) < 0 && fm_sniff_taken_by(g, p->nfields, FM_TE, false) < 0)
		fm_sniff_by_halves(p, g, p->header);
	if ((td = fm_sniff_taken_by(g, p->nfields, FM_TD, false)) >= 0) {
		if ((rc = fm_sniff_unit(p, g, td, &g[td].unit, err)) < 0)
			goto out;
		g[td].fine = fm_sniff_is_fine(p, g, td);
	}
	put_why_not(p, g, &why_not);
	take_one_time(p, g);
	if ((rc = fm_buf_check(&why_not, err)) >= 0)
		rc = put_file(p, g, &why_not, yaml, whole, err);
out:
	fm_buf_free(&why_not);
	fm_buf_free(&p->text);
	free(p);
	return rc;
}
