#include "traces/header.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "manifests/embed.h"
#include "traces/no_flows.h"

static const char *head_next(const char *field)
{
	return field + strlen(field) + 1;
}

/* Does the header have column k of dialect d, by any of its names? */
static bool head_has_column(const struct fm_header *r, const struct fm_dialect *d, int k, bool any_case)
{
	const char *f = r->fields;

	for (int i = 0; i < r->n; i++, f = head_next(f))
		if (fm_dialect_is_name(d, k, f, strlen(f), any_case))
			return true;
	return false;
}

/* List the names in a line that is surely a header, because it has names of the dialect; any other line may be a
 * private row. */
static void head_list(const struct fm_header *r, struct fm_buf *b)
{
	const char *f = r->fields;
	char text[48];

	for (int i = 0; i < r->n && i < 40; i++, f = head_next(f)) {
		fm_row_escape(f, strlen(f), text, sizeof text);
		fm_buf_printf(b, "%s%s", i ? "," : "", text);
	}
}

/* Is it d's header, or, where the line has values, a row of as many columns as d has without a header? */
static bool is_of(const struct fm_header *r, const struct fm_dialect *d, bool values)
{
	if (d->delimiter != r->o->dialect->delimiter || *d->header_mark || d->header == values)
		return false;
	for (int k = 0; k < d->ncols && !values; k++)
		if (fm_row_needs(d, k) && !head_has_column(r, d, k, false))
			return false;
	return !values || d->ncols == r->n;
}

/* The built-in dialect to which the first line belongs; *name is empty when there is none. */
static int fitting_dialect(const struct fm_header *r, bool values, char name[64], struct fm_error *err)
{
	struct fm_embed e;
	int rc;

	*name = 0;
	for (size_t i = 0; !*name && fm_embed_at(&e, FM_EMBED_DIALECT, i); i++) {
		struct fm_dialect *d = NULL;

		if ((rc = fm_dialect_load(&d, e.name, err)) < 0)
			return rc;
		/* The columns of capture dialects are part of others' columns too. */
		if (!d->packets && !d->ipfix && is_of(r, d, values))
			snprintf(name, 64, "%s", d->name);
		fm_dialect_free(d);
	}
	return FM_OK;
}

static bool has_name(const void *ctx, const char *name)
{
	const struct fm_header *r = ctx;
	const char *f = r->fields;

	for (int i = 0; i < r->n; i++, f = head_next(f))
		if (!strcasecmp(f, name))
			return true;
	return false;
}

/* Is the first line of a file without a header one?  It is when it has no value, and as many fields as there are
 * columns, or the name of one, or all that a built-in dialect reads. */
int fm_header_refuse(const struct fm_header *r, struct fm_error *err)
{
	const struct fm_dialect *d = r->o->dialect;
	const char *f = r->fields, *no_flows;
	char fits[64], word[FM_TEXT_SHELL_MAX];
	bool named = false;
	int rc;

	for (int i = 0; i < r->n; i++, f = head_next(f)) {
		if (fm_row_is_numeric(f, strlen(f)))
			return FM_OK;
	}
	for (int k = 0; k < d->ncols; k++)
		named = named || head_has_column(r, d, k, true);
	if (r->n < 2)
		return FM_OK;
	if ((no_flows = fm_no_flows(has_name, r)))
		return fm_fail(err, FM_EINPUT, "%s %s", r->o->path, no_flows);
	if ((rc = fitting_dialect(r, false, fits, err)) < 0)
		return rc;
	if (!*fits && !named && r->n != d->ncols)
		return FM_OK;
	if (*fits)
		return fm_fail(err, FM_EINPUT,
			       "%s: line %llu is a header where dialect %s has none: it is that of dialect %s; set "
			       "source.dialect: %s",
			       r->o->path, (unsigned long long)r->line, d->name, fits, fits);
	return fm_fail(
	    err, FM_EINPUT,
	    "%s: line %llu is a header where dialect %s has none: flowmint sniff %s prints a dialect file to "
	    "start from; or write a dialect file of your own with the lines \"name: mine\", \"header: true\" and "
	    "\"columns:\" "
	    "with a list of the header's names (docs/traces.md). Then set source.dialect to it",
	    r->o->path, (unsigned long long)r->line, d->name,
	    fm_text_shell(r->o->path, strlen(r->o->path), "FILE", word, sizeof word));
}

bool fm_header_is_row(const struct fm_header *r)
{
	const char *f = r->fields;
	int values = 0;

	for (int i = 0; i < r->n; i++, f = head_next(f))
		values += fm_row_is_numeric(f, strlen(f));
	for (int k = 0; k < r->o->dialect->ncols; k++)
		if (head_has_column(r, r->o->dialect, k, true))
			return false;
	return values > 0;
}

/* Does the header have each of the dialect's names, apart from upper and lower case? */
static bool in_another_case(const struct fm_header *r)
{
	const struct fm_dialect *d = r->o->dialect;

	for (int k = 0; k < d->ncols; k++)
		if (fm_row_needs(d, k) && !head_has_column(r, d, k, true))
			return false;
	return true;
}

enum fm_header_again fm_header_again(const struct fm_header *r)
{
	const struct fm_dialect *d = r->o->dialect;
	const char *f = r->fields, *last = f;
	bool moved;

	if (!in_another_case(r))
		return FM_HEADER_NONE;
	for (int i = 1; i < r->n; i++)
		last = head_next(last);
	/* It may end with the delimiter, as rows may, and as the first header may. */
	moved = r->n != r->row->nfields && !(r->n == r->row->nfields + 1 && !*last) &&
		!(r->n == r->row->nfields - 1 && r->row->open_ended);
	for (int i = 0; i < r->row->nfields && i < r->n && !moved; i++, f = head_next(f)) {
		int k = r->row->map[i];

		moved = k >= 0 && fm_row_reads(d, k) && !fm_dialect_is_name(d, k, f, strlen(f), true);
	}
	return moved ? FM_HEADER_MOVED : FM_HEADER_SAME;
}

const char *fm_delimiter_name(char c, char text[3])
{
	text[0] = c == '\t' ? '\\' : c;
	text[1] = c == '\t' ? 't' : 0;
	text[2] = 0;
	return text;
}

char fm_delimiter_of(const char *s, size_t n, char not, int wanted)
{
	static const char candidates[] = ";\t|,";

	for (const char *c = candidates; *c; c++) {
		int cuts = 0;

		for (size_t i = 0; i < n; i++)
			cuts += s[i] == *c;
		if (*c != not &&cuts > 0 && (!wanted || cuts + 1 == wanted))
			return *c;
	}
	return 0;
}

/* The other delimiter that a header with only one column seems to have; 0: none. */
static char other_delimiter(const struct fm_header *r)
{
	return r->n == 1 ? fm_delimiter_of(r->fields, strlen(r->fields), r->o->dialect->delimiter, 0) : 0;
}

#define TITLES 16 /* lines that may stand before a header */

/* The first of the next lines that has all the names which the dialect needs; 0: none has. */
static uint64_t header_below(const struct fm_header *r)
{
	const struct fm_dialect *d = r->o->dialect;
	const char *s = r->rest, *end = s + r->nrest, *lf;

	for (uint64_t i = 1; s && i <= TITLES && (lf = memchr(s, '\n', (size_t)(end - s))); i++, s = lf + 1) {
		int k = 0;

		while (k < d->ncols &&
		       (!fm_row_needs(d, k) || memmem(s, (size_t)(lf - s), d->cols[k].name, strlen(d->cols[k].name))))
			k++;
		if (k == d->ncols)
			return r->line + i;
	}
	return 0;
}

static int refuse_head(const struct fm_header *r, const char *lacking, bool known, bool values, struct fm_error *err)
{
	const struct fm_dialect *d = r->o->dialect;
	struct fm_buf names = {0};
	char other = other_delimiter(r), theirs[3], ours[3], fits[64], word[FM_TEXT_SHELL_MAX];
	const char *no_flows = fm_no_flows(has_name, r);
	uint64_t below = known ? 0 : header_below(r);
	int rc;

	if (below)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: the header of dialect %s is line %llu: take away the lines before it (tail -n +%llu FILE)",
		    r->o->path, d->name, (unsigned long long)below, (unsigned long long)below);
	if (no_flows)
		return fm_fail(err, FM_EINPUT, "%s %s", r->o->path, no_flows);
	if ((rc = fitting_dialect(r, values, fits, err)) < 0)
		return rc;
	head_list(r, &names);
	if (other)
		fm_fail(err, FM_EINPUT,
			"%s: line %llu has one column where dialect %s needs %s: the delimiter seems to be '%s', not "
			"'%s' (delimiter in the dialect)",
			r->o->path, (unsigned long long)r->line, d->name, lacking, fm_delimiter_name(other, theirs),
			fm_delimiter_name(d->delimiter, ours));
	else if (in_another_case(r))
		fm_fail(err, FM_EINPUT,
			"%s: the header has the names %s in another case: write them in dialect %s as the file does",
			r->o->path, lacking, d->name);
	else if (values)
		fm_fail(err, FM_EINPUT,
			"%s: line %llu is no header where dialect %s needs one with %s: use a dialect with header: "
			"false, or put the header in%s%s%s",
			r->o->path, (unsigned long long)r->line, d->name, lacking, *fits ? "; the built-in " : "", fits,
			*fits ? " has none, and as many columns" : "");
	else if (*fits)
		fm_fail(err, FM_EINPUT,
			"%s: line %llu is not the header of dialect %s: it is that of dialect %s; set source.dialect: "
			"%s",
			r->o->path, (unsigned long long)r->line, d->name, fits, fits);
	else if (known)
		fm_fail(err, FM_EINPUT, "%s: the header lacks %s, which dialect %s needs; it has %s", r->o->path,
			lacking, d->name, names.data ? names.data : "");
	else
		fm_fail(err, FM_EINPUT,
			"%s: line %llu has none of the names %s that the header of dialect %s has: another dialect is "
			"needed (source.dialect); flowmint sniff %s finds it, or prints one to start from",
			r->o->path, (unsigned long long)r->line, lacking, d->name,
			fm_text_shell(r->o->path, strlen(r->o->path), "FILE", word, sizeof word));
	fm_buf_free(&names);
	return FM_EINPUT;
}

/* Does the header have the name of field f once before? */
static bool stands_before(const struct fm_header *r, const char *f)
{
	const char *g = r->fields;

	for (; g < f; g = head_next(g))
		if (!strcmp(g, f))
			return true;
	return false;
}

/* Find the dialect's columns in the header. */
int fm_header_take(const struct fm_header *r, struct fm_error *err)
{
	const struct fm_dialect *d = r->o->dialect;
	struct fm_buf lacking = {0};
	const char *f = r->fields;
	int rc = FM_OK, values = 0;
	bool found[FM_DIALECT_MAXCOLS] = {0}, known = false;

	if (r->n > FM_ROW_MAXFIELDS) {
		rc =
		    fm_fail(err, FM_EINPUT, "%s: %d columns, over the limit of %d", r->o->path, r->n, FM_ROW_MAXFIELDS);
		goto out;
	}
	r->row->open_ended = false;
	for (int i = 0; i < r->n; i++, f = head_next(f)) {
		r->row->map[i] = -1;
		r->row->open_ended = i > 0 && !*f;
		values += fm_row_is_numeric(f, strlen(f));
		for (int k = 0; k < d->ncols; k++) {
			known = known || fm_dialect_is_name(d, k, f, strlen(f), true);
			if (!fm_row_reads(d, k) || !fm_dialect_is_name(d, k, f, strlen(f), false))
				continue;
			if (found[k] && (!d->cols[k].nalso || stands_before(r, f))) {
				rc = fm_fail(
				    err, FM_EINPUT,
				    "%s: column %s stands twice in the header: give one of the two another name",
				    r->o->path, f);
				goto out;
			}
			found[k] = true;
			r->row->map[i] = (int16_t)k;
		}
	}
	r->row->nfields = r->n;
	fm_row_mapped(r->row);
	for (int k = 0; k < d->ncols; k++)
		if (fm_row_needs(d, k) && !found[k])
			fm_buf_printf(&lacking, "%s%s", lacking.len ? ", " : "", d->cols[k].name);
	if ((rc = fm_buf_check(&lacking, err)) < 0) /* without memory for what it lacks it would lack nothing */
		goto out;
	if (lacking.len)
		rc = refuse_head(r, lacking.data, known, values > 0, err);
out:
	fm_buf_free(&lacking);
	return rc;
}
