/* A dialect to start from: delimiter and header from the first lines, columns from their names and values. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "manifests/dialect.h"
#include "manifests/time_pattern.h"
#include "traces/no_flows.h"
#include "traces/protocol.h"
#include "traces/sniff.h"
#include "traces/sniff_json.h"
#include "traces/sniff_names.h"
#include "traces/sniff_parts.h"
#include "traces/source.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_MAX ((size_t)1 << 18) /* looked at */

/* ---- lines and fields ---- */

static int read_page(struct fm_sniff_page *p, const char *path, const char *member, struct fm_error *err)
{
	struct fm_source *source = NULL;
	const char *data;
	size_t n = 1;
	int rc;

	if ((rc = fm_source_open(&source, path, member, err)) < 0)
		goto out;
	while (p->text.len < TEXT_MAX && n) {
		if ((rc = fm_source_next(source, &data, &n, err)) < 0)
			goto out;
		fm_buf_add(&p->text, data, n < TEXT_MAX - p->text.len ? n : TEXT_MAX - p->text.len);
	}
	rc = fm_buf_check(&p->text, err);
out:
	fm_source_close(source);
	return rc;
}

static void cut_lines(struct fm_sniff_page *p)
{
	const char *s = p->text.data ? p->text.data : "", *end = s + p->text.len, *lf;

	if (end - s >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	for (; s < end && p->nlines < FM_SNIFF_LINES; s = lf + 1) {
		size_t n;

		if (!(lf = memchr(s, '\n', (size_t)(end - s)))) {
			if (p->nlines) /* perhaps cut */
				return;
			lf = end;
		}
		n = (size_t)(lf - s);
		n -= n && s[n - 1] == '\r';
		if (n > 8 && memcmp(s, "#fields", 7) == 0 && !p->nlines) {
			p->marked = true;
			p->line[p->nlines++] = (struct fm_sniff_field){s + 8, n - 8};
		} else if (n && *s != '#') {
			p->line[p->nlines++] = (struct fm_sniff_field){s, n};
		}
	}
}

static struct fm_sniff_field trimmed(const char *s, size_t n)
{
	while (n && (*s == ' ' || *s == '"')) {
		s++;
		n--;
	}
	while (n && (s[n - 1] == ' ' || s[n - 1] == '"'))
		n--;
	return (struct fm_sniff_field){s, n};
}

/* The fields of a line; a delimiter between quotes is none. */
static int cut_fields(const struct fm_sniff_field *line, char delimiter, struct fm_sniff_field *out)
{
	size_t from = 0;
	bool quoted = false;
	int n = 0;

	for (size_t i = 0; i <= line->n; i++) {
		if (i < line->n && line->s[i] == '"')
			quoted = !quoted;
		if (i < line->n && (quoted || line->s[i] != delimiter))
			continue;
		if (n < FM_SNIFF_FIELDS && out)
			out[n] = trimmed(line->s + from, i - from);
		n += n < FM_SNIFF_FIELDS;
		from = i + 1;
	}
	return n;
}

/* The delimiter that gives the most columns, the same number of them in four lines of five. */
static void find_delimiter(struct fm_sniff_page *p)
{
	static const char candidates[] = "\t;|,";

	p->delimiter = ',';
	for (const char *c = candidates; *c; c++) {
		int want = p->nlines ? cut_fields(&p->line[p->nlines / 2], *c, NULL) : 0, same = 0;

		for (int i = 0; i < p->nlines; i++)
			same += cut_fields(&p->line[i], *c, NULL) == want;
		if (want > p->nfields && want > 1 && same * 5 >= p->nlines * 4) {
			p->nfields = want;
			p->delimiter = *c;
		}
	}
}

int fm_sniff_page(struct fm_sniff_page *p, const char *path, const char *member, char delimiter, struct fm_error *err)
{
	int rc;

	if ((rc = read_page(p, path, member, err)) < 0 ||
	    (rc = fm_sniff_json(&p->text, FM_SNIFF_FIELDS, &p->json, err)) < 0)
		return rc;
	cut_lines(p);
	if (!delimiter || p->json)
		find_delimiter(p);
	else
		p->delimiter = delimiter;
	for (int i = 0; i < p->nlines; i++)
		p->ncells[i] = cut_fields(&p->line[i], p->delimiter, p->cell[i]);
	return FM_OK;
}

/* ---- kinds of values ---- */

static const char *const patterns[] = {
    "%Y/%m/%d %H:%M:%S.%f", "%d/%m/%Y %H:%M:%S.%f", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M",       "%d/%m/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M %p",    "%m/%d/%Y %H:%M:%S",    "%m/%d/%Y %H:%M",    "%m/%d/%Y %I:%M:%S %p", "%Y%m%d %H:%M:%S",
    "%Y%m%dT%H%M%S%z",      "%d.%m.%Y %H:%M:%S",    "%b %d %Y %H:%M:%S", "%d %b %Y %H:%M:%S",    "%Y-%m-%d %H:%M"};

/* Can s be read by form i: 0 is datetime, the others are patterns? */
static bool is_clock(const struct fm_sniff_field *f, size_t i)
{
	char text[20];
	int64_t ms;

	if (i)
		return fm_time_pattern_read(patterns[i - 1], -1, f->s, f->n, &ms) == 0;
	if (f->n < 19 || f->n > 40)
		return false;
	memcpy(text, f->s, 19);
	if (text[10] == 'T' && text[4] == '/' && text[7] == '/')
		text[4] = text[7] = '-';
	return fm_parse_time_ms(text, 19, &ms) == 0;
}

static bool is_any_clock(const struct fm_sniff_field *f)
{
	for (size_t i = 0; i <= COUNT_OF(patterns); i++)
		if (is_clock(f, i))
			return true;
	return false;
}

/* The unit of seconds since 1970 in the years 1990 to 2100, or NULL. */
static const char *epoch_format(double v)
{
	static const struct {
		const char *name;
		double scale;
	} units[] = {{"seconds", 1}, {"milliseconds", 1e3}, {"microseconds", 1e6}, {"nanoseconds", 1e9}};

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (v >= 631152000 * units[i].scale && v < 4102444800 * units[i].scale)
			return units[i].name;
	return NULL;
}

static bool is_missing(const struct fm_sniff_field *f)
{
	return !f->n || (f->n == 1 && *f->s == '-') || (f->n == 3 && strncasecmp(f->s, "nan", 3) == 0);
}

enum fm_sniff_kind fm_sniff_kind_of(const struct fm_sniff_field *f, const char **format, uint64_t *number)
{
	struct fm_address a;
	double v;

	*format = NULL;
	*number = 0;
	if (is_missing(f))
		return EMPTY;
	if (fm_address_parse(f->s, f->n, &a) == 0)
		return ADDRESS;
	if (fm_parse_double(f->s, f->n, &v) == 0) {
		if ((*format = epoch_format(v)))
			return EPOCH;
		return fm_parse_u64(f->s, f->n, INT64_MAX, number) == 0 ? INTEGER : DECIMAL;
	}
	if (is_any_clock(f))
		return CLOCK;
	return f->n < 32 && fm_protocol_number(f->s, f->n) >= 0 ? PROTOCOL : WORD;
}

/* The form that reads most of a column of clock times: 11/4 can be read by two, 31/12 by one. */
static const char *clock_of(const struct fm_sniff_page *p, int k, int from)
{
	const char *best = "datetime";
	int most = 0;

	for (size_t i = 0; i <= COUNT_OF(patterns); i++) {
		int n = 0;

		for (int row = from; row < p->nlines; row++)
			n += k < p->ncells[row] && is_clock(&p->cell[row][k], i);
		if (n > most) {
			most = n;
			best = i ? patterns[i - 1] : "datetime";
		}
	}
	return best;
}

/* Can each date of the column be read with the month first too? */
static bool reads_month_first(const struct fm_sniff_page *p, int k, int from)
{
	for (int row = from; row < p->nlines; row++) {
		const struct fm_sniff_field *f = &p->cell[row][k];
		char *end;

		if (k >= p->ncells[row] || !f->n)
			continue;
		(void)strtoul(f->s, &end, 10);
		if (*end != '/' || strtoul(end + 1, NULL, 10) > 12)
			return false;
	}
	return true;
}

/* The kind of most values of column k, from line `from` on. */
static void look_at_column(const struct fm_sniff_page *p, int k, int from, struct fm_sniff_guess *g)
{
	int count[WORD + 1] = {0}, most = 0;
	const char *format, *epoch = NULL;
	uint64_t number, before = 0;

	*g = (struct fm_sniff_guess){.kind = EMPTY, .col = -1, .counts = p->nlines - from > 2, .constant = true};
	for (int i = from; i < p->nlines; i++) {
		enum fm_sniff_kind kind = EMPTY;

		if (k < p->ncells[i]) {
			kind = fm_sniff_kind_of(&p->cell[i][k], &format, &number);
			epoch = kind == EPOCH ? format : epoch;
			g->most = number > g->most ? number : g->most;
		}
		g->counts = g->counts && kind == INTEGER && (i == from || number == before + 1);
		before = number;
		g->constant = g->constant && k < p->ncells[i] && k < p->ncells[from] &&
			      p->cell[i][k].n == p->cell[from][k].n &&
			      !memcmp(p->cell[i][k].s, p->cell[from][k].s, p->cell[i][k].n);
		count[kind]++;
	}
	for (int i = CLOCK; i <= WORD; i++)
		if (count[i] > most) {
			most = count[i];
			g->kind = (enum fm_sniff_kind)i;
		}
	if (g->kind == INTEGER && count[DECIMAL])
		g->kind = DECIMAL;
	if (g->kind == CLOCK) {
		g->format = clock_of(p, k, from);
		g->either = strncmp(g->format, "%d/%m", 5) == 0 && reads_month_first(p, k, from);
	}
	if (g->kind == EPOCH)
		g->format = epoch;
}

/* The first line is a header where none of its fields is a value, and below are some. */
static void find_header(struct fm_sniff_page *p)
{
	const char *format;
	uint64_t number;
	int values = 0, below = 0;

	for (int k = 0; k < p->nfields && p->nlines > 1; k++) {
		enum fm_sniff_kind first = fm_sniff_kind_of(&p->cell[0][k], &format, &number),
				   second = fm_sniff_kind_of(&p->cell[1][k], &format, &number);

		values += first > EMPTY && first < PROTOCOL;
		below += second > EMPTY && second < PROTOCOL;
	}
	p->header = p->marked || p->json || (!values && below >= 2);
}

/* Can values of that kind fill the column? */
static bool can_fill(const struct fm_sniff_guess *g, int col)
{
	switch (fm_cols[col].kind) {
	case FM_KIND_TIME:
		return g->kind == CLOCK || g->kind == EPOCH;
	case FM_KIND_DURATION:
		return g->kind == INTEGER || g->kind == DECIMAL;
	case FM_KIND_ADDRESS:
		return g->kind == ADDRESS || (g->kind == INTEGER && g->most <= UINT32_MAX) || g->kind == EPOCH;
	case FM_KIND_PORT:
		return (g->kind == INTEGER && g->most <= 65535) || g->kind == DECIMAL || g->kind == EMPTY ||
		       g->kind == WORD;
	case FM_KIND_COUNT:
		return g->kind == INTEGER || g->kind == DECIMAL || g->kind == WORD;
	default:
		return true;
	}
}

static bool is_taken(const struct fm_sniff_guess *g, int n, int col, bool start)
{
	for (int i = 0; i < n; i++)
		if (g[i].col == col && g[i].start == start && !g[i].sum)
			return true;
	return false;
}

void fm_sniff_take(struct fm_sniff_guess *g, int col, bool start, const char *why)
{
	g->col = col;
	g->start = start;
	g->why = why;
	if (fm_cols[col].kind == FM_KIND_ADDRESS && (g->kind == INTEGER || g->kind == EPOCH))
		g->format = "ipv4-integer";
}

/* A time with a name of its own inside a flow (flow.start) is meant rather than that of the record around it. */
static bool has_inner_start(const struct fm_sniff_page *p)
{
	for (int k = 0; k < p->ncells[0] && p->json; k++)
		if (p->cell[0][k].n == 10 && !memcmp(p->cell[0][k].s, "flow.start", 10))
			return true;
	return false;
}

/* Packets and bytes of two ways that have columns each: sums, of the payload only where nothing else tells bytes, or
 * the way back beside a column of the other one. */
static void by_name_of_way(const struct fm_sniff_page *p, struct fm_sniff_guess *g, enum fm_sniff_way way)
{
	bool taken[FM_NCOL];

	for (int c = 0; c < FM_NCOL; c++) {
		taken[c] = is_taken(g, p->nfields, c, false);
		for (int k = 0; k < p->nfields; k++)
			taken[c] = taken[c] || (g[k].col == c && g[k].sum);
	}
	for (int k = 0; k < p->nfields; k++) {
		struct fm_sniff_name name;

		if (k >= p->ncells[0] || !fm_sniff_name(p->cell[0][k].s, p->cell[0][k].n, &name) || name.way != way ||
		    taken[name.col] != (way == FM_WAY_REPLY) || !can_fill(&g[k], name.col))
			continue;
		fm_sniff_take(&g[k], name.col, false,
			      way == FM_WAY_REPLY     ? "by its name: the way back"
			      : way == FM_WAY_PAYLOAD ? "by its name: one way of two, the payload alone"
						      : "by its name: one way of two");
		g[k].sum = way != FM_WAY_REPLY;
		g[k].reply = way == FM_WAY_REPLY;
	}
}

static void by_name(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	bool inner = has_inner_start(p);

	for (int k = 0; k < p->nfields; k++) {
		struct fm_sniff_name name;

		if (k >= p->ncells[0] || !fm_sniff_name(p->cell[0][k].s, p->cell[0][k].n, &name) ||
		    name.way != FM_WAY_ONE)
			continue;
		if (inner && p->cell[0][k].n == 9 && !memcmp(p->cell[0][k].s, "timestamp", 9))
			continue;
		if ((name.col == FM_LABEL && g[k].constant && p->json) ||
		    (fm_cols[name.col].kind != FM_KIND_ADDRESS && !can_fill(&g[k], name.col)) ||
		    is_taken(g, p->nfields, name.col, name.start))
			continue;
		fm_sniff_take(&g[k], name.col, name.start, "by its name");
	}
	by_name_of_way(p, g, FM_WAY_REPLY);
	by_name_of_way(p, g, FM_WAY_SUM);
	by_name_of_way(p, g, FM_WAY_PAYLOAD);
	for (int k = 0; k < p->nfields && k < p->ncells[0] && !p->json; k++)
		g[k].aside = g[k].col < 0 ? fm_sniff_aside(p->cell[0][k].s, p->cell[0][k].n) : NULL;
}

/* ---- the file ---- */

static void put_quoted(struct fm_buf *out, const char *s, size_t n)
{
	fm_buf_puts(out, "\"");
	for (size_t i = 0; i < n && i < 63; i++) {
		if (s[i] == '"' || s[i] == '\\')
			fm_buf_puts(out, "\\");
		fm_buf_add(out, &s[i], 1);
	}
	fm_buf_puts(out, "\"");
}

static const char *duration_format(const struct fm_sniff_page *p, int k, const struct fm_sniff_guess *g,
				   const char **why)
{
	char name[64] = "";

	for (size_t i = 0; p->header && i < p->cell[0][k].n && i < sizeof name - 1; i++)
		name[i] = (char)tolower((unsigned char)p->cell[0][k].s[i]);
	if (strstr(name, "ms") || strstr(name, "milli"))
		return "milliseconds";
	if (strstr(name, "micro") || strstr(name, "us)"))
		return "microseconds";
	if (g->kind == INTEGER && g->most > 100000) {
		*why = "the unit is a guess by the size of the values";
		return "microseconds";
	}
	*why = "the unit is a guess";
	return "seconds";
}

static void put_column(const struct fm_sniff_page *p, int k, const struct fm_sniff_guess *g, struct fm_buf *out)
{
	const char *why = g->why, *format = g->format, *unit = NULL;

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
		fm_buf_printf(out, ", column: %s", g->start ? "start" : fm_cols[g->col].name);
		if (g->col == FM_TD && (unit = p->zeek ? "seconds" : duration_format(p, k, g, &why)))
			format = unit;
		if (format) {
			fm_buf_puts(out, ", format: ");
			put_quoted(out, format, strlen(format));
		}
		if (g->sum)
			fm_buf_puts(out, ", sum: true");
		if (g->reply)
			fm_buf_puts(out, ", reply: true");
		if (g->either)
			why = "the day first, or the month? Both can be read";
	}
	fm_buf_puts(out, "}");
	if (g->col >= 0 && why)
		fm_buf_printf(out, "   # %s", why);
	fm_buf_puts(out, "\n");
}

static bool has(const struct fm_sniff_guess *g, int n, int col, bool start)
{
	for (int k = 0; k < n; k++)
		if (g[k].col == col && g[k].start == start)
			return true;
	return false;
}

/* What a flow needs and no column was found for. */
static bool put_lacking(const struct fm_sniff_guess *g, int n, struct fm_buf *out)
{
	static const int needed[] = {FM_SA, FM_DA, FM_SP, FM_DP, FM_PR, FM_PKT, FM_BYT};
	int times = has(g, n, FM_TE, true) + has(g, n, FM_TE, false) + has(g, n, FM_TD, false);
	bool whole = times >= 2;

	if (times < 2)
		fm_buf_puts(out, "  # not found: two of start, te and td\n");
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!has(g, n, needed[i], false)) {
			fm_buf_printf(out, "  # not found: %s\n", fm_cols[needed[i]].name);
			whole = false;
		}
	return whole;
}

static bool has_name(const void *ctx, const char *name)
{
	const struct fm_sniff_page *p = ctx;

	for (int k = 0; k < p->ncells[0]; k++)
		if (strlen(name) == p->cell[0][k].n && !strncasecmp(name, p->cell[0][k].s, p->cell[0][k].n))
			return true;
	return false;
}

/* Zeek and Argus have type and code of ICMP in forms of their own. */
static const char *icmp_of(const struct fm_sniff_page *p)
{
	if (p->zeek || (p->header && has_name(p, "id.orig_p")))
		return "icmp: zeek\n";
	return p->header && has_name(p, "Sport") && has_name(p, "Dport") && has_name(p, "Dir") ? "icmp: argus\n" : "";
}

static bool put_file(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, struct fm_buf *out)
{
	bool whole;

	fm_buf_printf(out,
		      "# Guessed from the first %d lines: look at each line before you use it (docs/traces.md has the "
		      "keys).\nname: mine\n",
		      p->nlines);
	if (p->json)
		fm_buf_puts(out, "lines: json\n");
	else
		fm_buf_printf(out, "header: %s\n", p->header ? "true" : "false");
	if (p->marked)
		fm_buf_puts(out, "header_mark: \"#fields\"\nquote: none\n");
	if (p->zeek)
		fm_buf_puts(out, "quote: none\nextra_columns: true\n");
	if (!p->json)
		fm_buf_printf(out, "delimiter: \"%s\"\n", p->delimiter == '\t' ? "\\t" : (char[2]){p->delimiter, 0});
	fm_buf_printf(out, "%smissing: [\"\", \"-\", \"nan\"]\ncolumns:\n", icmp_of(p));
	for (int k = 0; k < p->nfields; k++)
		if (g[k].col >= 0 || g[k].aside || !p->header)
			put_column(p, k, &g[k], out);
	whole = put_lacking(g, p->nfields, out);
	for (int k = 0, others = 0; k < p->nfields && p->header; k++) {
		if (g[k].col >= 0 || g[k].aside)
			continue;
		fm_buf_puts(out, others++ ? ", " : "# Not read: ");
		put_quoted(out, p->cell[0][k].s, p->cell[0][k].n);
	}
	if (p->header)
		fm_buf_puts(out, "\n");
	return whole;
}

#define FEWEST 5 /* columns of a flow */

int fm_sniff_guess(const char *path, const char *member, struct fm_buf *yaml, bool *whole, struct fm_error *err)
{
	struct fm_sniff_guess g[FM_SNIFF_FIELDS];
	const char *no_flows;
	struct fm_sniff_page *p;
	int rc;

	*whole = false;
	if ((rc = fm_alloc(&p, 1, sizeof *p, "the first lines", err)) < 0)
		return rc;
	if ((rc = fm_sniff_page(p, path, member, 0, err)) < 0)
		goto out;
	if (p->nfields < FEWEST) {
		rc =
		    p->nfields < 2
			? fm_fail(
			      err, FM_EINPUT,
			      "%s: no tab, semicolon, bar or comma cuts its first lines into columns: another program "
			      "has to write it as CSV first",
			      path)
			: fm_fail(err, FM_EINPUT,
				  "%s: %d columns are too few for flows, which have a time, two addresses, packets and "
				  "bytes at least",
				  path, p->nfields);
		goto out;
	}
	find_header(p);
	for (int k = 0; k < p->nfields; k++)
		look_at_column(p, k, p->header, &g[k]);
	if (p->header && (no_flows = fm_no_flows(has_name, p))) {
		rc = fm_fail(err, FM_EINPUT, "%s %s", path, no_flows);
		goto out;
	}
	p->zeek = fm_sniff_is_zeek(p);
	if (p->zeek)
		fm_sniff_by_zeek(p, g);
	else if (p->header)
		by_name(p, g);
	else
		fm_sniff_by_place(g, p->nfields);
	if (!is_taken(g, p->nfields, FM_TE, true) && !is_taken(g, p->nfields, FM_TE, false))
		fm_sniff_by_halves(p, g, p->header);
	*whole = put_file(p, g, yaml);
	rc = fm_buf_check(yaml, err);
out:
	fm_buf_free(&p->text);
	free(p);
	return rc;
}
