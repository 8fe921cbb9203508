/* The first lines of a file of which a dialect is guessed (sniff_parts.h), cut into fields. */
#include <string.h>
#include <strings.h>

#include "base/table.h"
#include "traces/no_row.h"
#include "traces/sniff_json.h"
#include "traces/sniff_parts.h"
#include "traces/source.h"
#include "traces/utf16.h"

#define TEXT_MAX ((size_t)1 << 18) /* looked at */

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

/* UTF-16, which only a dialect reads, as UTF-8. */
static int decode(struct fm_sniff_page *p, struct fm_error *err)
{
	struct fm_utf16 u = {0};
	struct fm_buf out = {0};

	if (!(p->utf16 = fm_utf16_begins(p->text.data, p->text.len)))
		return FM_OK;
	fm_utf16_add(&u, p->text.data, p->text.len, &out);
	fm_buf_free(&p->text);
	p->text = out;
	return fm_buf_check(&p->text, err);
}

static void cut_lines(struct fm_sniff_page *p)
{
	const char *s = p->text.data ? p->text.data : "", *end = s + p->text.len, *lf;

	if (end - s >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	for (; s < end && p->nlines < FM_SNIFF_LINES; s = lf + 1) {
		size_t n, quote = s < end && *s == '"';

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
		} else if (!p->nlines && n == 5 + 2 * quote && !memcmp(s + quote, "sep=", 4)) {
			p->delimiter = s[quote + 4]; /* as Excel says it */
		} else if (n > 9 && *s == '#' && !p->nlines && !p->hash.n) {
			p->hash = (struct fm_sniff_field){s, n};
		} else if (n > 9 && !p->nlines && !strncasecmp(s, "@relation", 9)) {
			p->arff = true;
		} else if (n && *s != '#' && !(p->arff && (*s == '@' || *s == '%')) && !fm_no_row_ruler(s, n)) {
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

/* How many fields a line has, the first FM_SNIFF_FIELDS of them in out; a delimiter between quotes is none, but in
 * lines that were made of JSON, and where quotes are bytes like others. */
static int cut_fields(const struct fm_sniff_field *line, char delimiter, bool no_quotes, struct fm_sniff_field *out)
{
	size_t from = 0;
	bool quoted = false;
	int n = 0;

	for (size_t i = 0; i <= line->n; i++) {
		if (i < line->n && line->s[i] == '"' && !no_quotes)
			quoted = !quoted;
		if (i < line->n && (quoted || line->s[i] != delimiter))
			continue;
		if (n < FM_SNIFF_FIELDS && out)
			out[n] = trimmed(line->s + from, i - from);
		n++;
		from = i + 1;
	}
	return n;
}

/* Do quotes stand inside of fields, and around none, as in a column of JSON? */
static bool has_bare_quotes(const struct fm_sniff_page *p)
{
	bool bare = false;

	for (int i = 0; i < p->nlines && !p->json; i++) {
		const char *end = p->line[i].s + p->line[i].n;

		for (const char *s = p->line[i].s; s < end; s++) {
			const char *before = s, *behind = s + 1;

			if (*s != '"')
				continue;
			while (before > p->line[i].s && before[-1] == ' ')
				before--;
			while (behind < end && *behind == ' ')
				behind++;
			if (before == p->line[i].s || before[-1] == p->delimiter || behind == end ||
			    *behind == p->delimiter)
				return false;
			bare = true;
		}
	}
	return bare;
}

/* The words of a line. */
static int cut_words(const struct fm_sniff_field *line, struct fm_sniff_field *out)
{
	int n = 0;

	for (size_t at = 0, to; at < line->n && n < FM_SNIFF_FIELDS; at = to) {
		for (; at < line->n && (line->s[at] == ' ' || line->s[at] == '\t'); at++)
			;
		for (to = at; to < line->n && line->s[to] != ' ' && line->s[to] != '\t'; to++)
			;
		if (to > at && out)
			out[n] = (struct fm_sniff_field){line->s + at, to - at};
		n += to > at;
	}
	return n;
}

/* The delimiter that gives the most columns, and the same number of them in four lines of five below a title; blanks
 * where no other delimiter gives enough for a flow. */
static void find_delimiter(struct fm_sniff_page *p)
{
	static const char candidates[] = "\t;|,^~\x01$# ";
	int words, same = 0;

	p->delimiter = ',';
	for (const char *c = candidates; *c; c++) {
		int want = p->nlines ? cut_fields(&p->line[p->nlines / 2], *c, false, NULL) : 0, alike = 0, from = 0;

		if (strchr("^~\x01$# ", *c) && p->nfields >= FM_SNIFF_FEWEST)
			break;
		while (want >= FM_SNIFF_FEWEST && from < p->nlines / 2 && from < FM_SNIFF_TITLES &&
		       cut_fields(&p->line[from], *c, false, NULL) != want)
			from++;
		for (int i = from; i < p->nlines; i++)
			alike += cut_fields(&p->line[i], *c, false, NULL) == want;
		if (want > p->nfields && want > 1 && alike * 5 >= (p->nlines - from) * 4) {
			p->nfields = want;
			p->delimiter = *c;
		}
	}
	if (p->delimiter != ' ' && p->nfields >= FM_SNIFF_FEWEST)
		return;
	words = p->nlines ? cut_words(&p->line[0], NULL) : 0;
	for (int i = 0; i < p->nlines; i++)
		same += cut_words(&p->line[i], NULL) == words;
	if (words >= FM_SNIFF_FEWEST && same * 5 >= p->nlines * 4 && words != p->nfields) {
		p->blanks = true;
		p->nfields = words;
	}
}

/* Bytes of the name without an ending for a type, as tables of Azure and LogScale have it: SrcIP_s, DestPort_d. */
static size_t without_type(const struct fm_sniff_field *f)
{
	size_t n = f->n > 6 && !memcmp(f->s + f->n - 6, " [UTC]", 6) ? f->n - 6 : f->n;

	return n > 3 && f->s[n - 2] == '_' && strchr("bdst", f->s[n - 1]) ? n - 2 : f->n;
}

/* Is there another column of that name but for its ending: pkts_s beside pkts_d, of source and destination? */
static bool has_twin(const struct fm_sniff_page *p, int at)
{
	size_t n = without_type(&p->cell[0][at]);

	for (int k = 0; k < p->ncells[0]; k++)
		if (k != at && without_type(&p->cell[0][k]) == n && p->cell[0][k].n == n + 2 &&
		    !strncasecmp(p->cell[0][k].s, p->cell[0][at].s, n))
			return true;
	return false;
}

/* Of an address, a port or a protocol a last s or d is no unit, as nothing counts them by the second, but of a text or
 * a number; src_b are bytes. */
static bool is_typed(int col, char ending)
{
	return (fm_cols[col].kind == FM_KIND_ADDRESS || fm_cols[col].kind == FM_KIND_PORT || col == FM_PR) &&
	       strchr("sd", ending);
}

/* Does one of those columns have such an ending? Then the others' are types too. */
static bool has_types(const struct fm_sniff_page *p)
{
	for (int k = 0; k < p->ncells[0]; k++) {
		const struct fm_sniff_field *f = &p->cell[0][k];
		struct fm_sniff_name name;
		size_t n = without_type(f);

		if (n < f->n && fm_sniff_name(f->s, n, &name) && is_typed(name.col, f->s[n + 1]) && !has_twin(p, k))
			return true;
	}
	return false;
}

struct fm_sniff_field fm_sniff_bare(const struct fm_sniff_page *p, int k)
{
	struct fm_sniff_field f = p->cell[0][k];
	struct fm_sniff_name name;
	size_t n = without_type(&f);
	bool rate; /* or of one way */

	if (n == f.n || !fm_sniff_name(f.s, n, &name))
		return f;
	rate = fm_cols[name.col].kind == FM_KIND_COUNT && (f.s[n + 1] == 's' || has_twin(p, k));
	/* start_s is in seconds where it is of no type */
	if (is_typed(name.col, f.s[n + 1]) || (fm_cols[name.col].kind == FM_KIND_TIME && f.s[n + 1] == 's') ||
	    (p->types && !rate))
		f.n = n;
	return f;
}

bool fm_sniff_column(const struct fm_sniff_page *p, int k, struct fm_sniff_name *out)
{
	struct fm_sniff_field f = fm_sniff_bare(p, k);

	return p->cell[0][k].n <= FM_SNIFF_NAME && fm_sniff_name(f.s, f.n, out);
}

/* Is a comment before the rows their header, as numpy and flow-export write it: as many fields, with names? */
static void take_hash(struct fm_sniff_page *p)
{
	struct fm_sniff_name name;
	int names = 0;

	if (p->json || p->marked || !p->hash.n ||
	    cut_fields(&p->hash, p->delimiter, false, p->cell[0]) !=
		cut_fields(&p->line[p->nlines / 2], p->delimiter, false, NULL))
		return;
	for (int k = 0; k < p->nfields; k++)
		names += fm_sniff_name(p->cell[0][k].s, p->cell[0][k].n, &name);
	if (names < 3)
		return;
	p->nlines -= p->nlines == FM_SNIFF_LINES;
	memmove(p->line + 1, p->line, (size_t)p->nlines++ * sizeof *p->line);
	p->line[0] = p->hash;
}

int fm_sniff_page(struct fm_sniff_page *p, const char *path, const char *member, char delimiter, struct fm_error *err)
{
	int rc;

	if ((rc = read_page(p, path, member, err)) < 0 || (rc = decode(p, err)) < 0 || (rc = fm_sniff_json(p, err)) < 0)
		return rc;
	cut_lines(p);
	if (p->json || delimiter)
		p->delimiter = p->json ? '\t' : delimiter;
	if (p->json || (p->delimiter && !delimiter))
		p->nfields = p->nlines ? cut_fields(&p->line[p->nlines / 2], p->delimiter, p->json, NULL) : 0;
	else if (!delimiter)
		find_delimiter(p);
	p->bare = !p->blanks && has_bare_quotes(p);
	p->nfields = p->nfields < FM_SNIFF_FIELDS ? p->nfields : FM_SNIFF_FIELDS;
	if (!p->blanks)
		take_hash(p);
	for (int i = 0; i < p->nlines; i++) {
		int n = p->blanks ? cut_words(&p->line[i], p->cell[i])
				  : cut_fields(&p->line[i], p->delimiter, p->json || p->bare, p->cell[i]);

		p->wide = p->wide || n > FM_SNIFF_FIELDS;
		p->ncells[i] = n < FM_SNIFF_FIELDS ? n : FM_SNIFF_FIELDS;
	}
	if (!delimiter && !p->json && !p->marked && p->nlines &&
	    (p->nfields < FM_SNIFF_FEWEST || (p->delimiter == ' ' && !p->blanks && p->ncells[0] != p->nfields)))
		fm_sniff_titles(p);
	p->types = p->nlines > 0 && has_types(p);
	return FM_OK;
}
