#include "manifests/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "manifests/cidr.h"
#include "manifests/embed.h"
#include "manifests/yaml.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* In order of enum fm_format. */
static const char *const format_names[] = {
    "datetime",    "seconds", "milliseconds", "microseconds", "ipv4",      "ipv4-integer", "integer", "text",
    "nanoseconds", "rfc3339", "pattern",      "hms",          "type.code", "lower",        "number",  "named-ipv4"};
#define BIT(f) (1u << (f))
#define UNITS (BIT(FM_FMT_SECONDS) | BIT(FM_FMT_MILLISECONDS) | BIT(FM_FMT_MICROSECONDS) | BIT(FM_FMT_NANOSECONDS))
#define CLOCKS (BIT(FM_FMT_DATETIME) | BIT(FM_FMT_RFC3339) | BIT(FM_FMT_PATTERN))

/* What a column of a kind may be written as, and what it is when the dialect does not say. */
static const struct {
	unsigned formats;
	enum fm_format dflt;
} kinds[] = {
    [FM_KIND_TIME] = {CLOCKS | UNITS, FM_FMT_DATETIME},
    [FM_KIND_DURATION] = {UNITS | BIT(FM_FMT_HMS), FM_FMT_SECONDS},
    [FM_KIND_ADDRESS] = {BIT(FM_FMT_IPV4) | BIT(FM_FMT_IPV4_INTEGER) | BIT(FM_FMT_NAMED_IPV4), FM_FMT_IPV4},
    [FM_KIND_PORT] = {BIT(FM_FMT_INTEGER) | BIT(FM_FMT_TYPE_CODE), FM_FMT_INTEGER},
    [FM_KIND_CATEGORY] = {BIT(FM_FMT_TEXT) | BIT(FM_FMT_LOWER) | BIT(FM_FMT_NUMBER), FM_FMT_TEXT},
    [FM_KIND_COUNT] = {BIT(FM_FMT_INTEGER), FM_FMT_INTEGER},
};
/* A flow is no flow without these. */
static const enum fm_col needed[] = {FM_TE, FM_TD, FM_SA, FM_DA, FM_SP, FM_DP, FM_PR, FM_PKT, FM_BYT};

static int unknown(const struct fm_yaml *v, const char *kind, const char *word, const char *const *candidates, size_t n,
		   struct fm_error *err)
{
	const char *near = fm_suggest(word, candidates, n);
	char list[256] = "";
	size_t len = 0;

	if (near)
		return fm_yaml_fail(v, err, "unknown %s '%.64s', did you mean '%s'?", kind, word, near);
	for (size_t i = 0; i < n && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", candidates[i]);
	return fm_yaml_fail(v, err, "unknown %s '%.64s': there are %s", kind, word, list);
}

/* ---- columns ---- */

static int column_target(const struct fm_yaml *v, int *col, enum fm_role *role, struct fm_error *err)
{
	const char *names[FM_NFLOWCOL + 1];
	char word[64];
	int rc;

	if ((rc = fm_yaml_text(v, "column", word, sizeof(word), err)) < 0)
		return rc;
	if (strcmp(word, "start") == 0) {
		*col = FM_TE;
		*role = FM_ROLE_START;
		return FM_OK;
	}
	*col = fm_col_find(word);
	if (*col >= 0 && *col < FM_NFLOWCOL)
		return FM_OK;
	for (int i = 0; i < FM_NFLOWCOL; i++)
		names[i] = fm_cols[i].name;
	names[FM_NFLOWCOL] = "start";
	return unknown(v, "column", word, names, FM_NFLOWCOL + 1, err);
}

static int column_format(const struct fm_yaml *v, enum fm_format *format, char pattern[FM_TIME_PATTERN_MAX],
			 struct fm_error *err)
{
	char word[FM_TIME_PATTERN_MAX];
	int rc;

	if ((rc = fm_yaml_text(v, "format", word, sizeof(word), err)) < 0)
		return rc;
	if (strchr(word, '%')) {
		strcpy(pattern, word);
		*format = FM_FMT_PATTERN;
		return FM_OK;
	}
	if (strcmp(word, "pattern") == 0)
		return fm_yaml_fail(v, err, "format takes the pattern itself, such as \"%%d/%%m/%%Y %%H:%%M\"");
	for (size_t i = 0; i < COUNT_OF(format_names); i++)
		if (strcmp(format_names[i], word) == 0) {
			*format = (enum fm_format)i;
			return FM_OK;
		}
	return unknown(v, "format", word, format_names, COUNT_OF(format_names), err);
}

/* What the keys of a column say together, with its format and its kind. */
static int column_more(const struct fm_dialect *d, int i, const struct fm_yaml *v, struct fm_error *err)
{
	const char *name = d->cols[i].name, *fault;
	enum fm_format format = d->cols[i].format;
	bool count = fm_cols[d->cols[i].col].kind == FM_KIND_COUNT;

	if (format == FM_FMT_PATTERN && (fault = fm_time_pattern_fault(d->cols[i].pattern, d->cols[i].day_starts)))
		return fm_yaml_fail(v, err, "column '%s': the pattern '%s' cannot be used: %s", name,
				    d->cols[i].pattern, fault);
	if (format != FM_FMT_PATTERN && d->cols[i].day_starts >= 0)
		return fm_yaml_fail(v, err, "column '%s': day_starts is for a pattern with %%I and without %%p", name);
	if ((format == FM_FMT_LOWER || format == FM_FMT_NUMBER) && d->cols[i].col != FM_PR)
		return fm_yaml_fail(v, err, "column '%s': '%s' cannot be read as %s", name,
				    fm_cols[d->cols[i].col].name, format_names[format]);
	if (!count && (d->cols[i].suffix || d->cols[i].role == FM_ROLE_SUM))
		return fm_yaml_fail(v, err, "column '%s': suffix and sum are for pkt and byt, not for %s", name,
				    fm_cols[d->cols[i].col].name);
	return FM_OK;
}

/* Format and decimals against the kind of the column. */
static int column_check(struct fm_dialect *d, int i, const struct fm_yaml *v, bool has_format, bool has_decimals,
			struct fm_error *err)
{
	const char *name = d->cols[i].name;
	int col = d->cols[i].col, rc;

	for (int j = 0; j < i; j++) {
		if (strcmp(d->cols[j].name, name) == 0)
			return fm_yaml_fail(v, err, "two columns are named '%s'", name);
		if (col >= 0 && d->cols[j].col == col && d->cols[j].role == d->cols[i].role &&
		    d->cols[i].role != FM_ROLE_SUM)
			return fm_yaml_fail(v, err, "columns '%s' and '%s' both fill '%s'", d->cols[j].name, name,
					    fm_cols[col].name);
	}
	if (col < 0) {
		if (has_format || has_decimals || d->cols[i].suffix || d->cols[i].role == FM_ROLE_SUM)
			return fm_yaml_fail(v, err, "column '%s' has a format but no column to fill: add column: NAME",
					    name);
		d->cols[i].format = FM_FMT_TEXT;
		return FM_OK;
	}
	if (!has_format)
		d->cols[i].format = kinds[fm_cols[col].kind].dflt;
	if (!(kinds[fm_cols[col].kind].formats & BIT(d->cols[i].format)))
		return fm_yaml_fail(v, err, "column '%s': '%s' cannot be read as %s", name, fm_cols[col].name,
				    format_names[d->cols[i].format]);
	if ((rc = column_more(d, i, v, err)) < 0)
		return rc;
	if (has_decimals && !(BIT(d->cols[i].format) & (UNITS | CLOCKS | BIT(FM_FMT_HMS))))
		return fm_yaml_fail(v, err, "column '%s': decimals are for times, not for %s", name,
				    format_names[d->cols[i].format]);
	if (!has_decimals)
		d->cols[i].decimals = d->cols[i].format == FM_FMT_SECONDS || d->cols[i].format == FM_FMT_HMS ? 3 : -1;
	d->present |= 1u << col;
	return FM_OK;
}

/* What the keys of one column said beside what stands in its struct fm_dialect_col. */
struct column_keys {
	bool has_format, has_decimals, sum;
};

static int read_column_key(struct fm_dialect *d, int i, const struct fm_yaml *e, struct column_keys *seen,
			   struct fm_error *err)
{
	static const char *const keys[] = {"name", "column", "format", "decimals", "suffix", "sum", "day_starts"};
	int64_t n = -1;
	int rc;

	if (strcmp(e->key, "name") == 0)
		return fm_yaml_text(e, "name", d->cols[i].name, sizeof(d->cols[i].name), err);
	if (strcmp(e->key, "column") == 0)
		return column_target(e, &d->cols[i].col, &d->cols[i].role, err);
	if (strcmp(e->key, "format") == 0) {
		seen->has_format = true;
		return column_format(e, &d->cols[i].format, d->cols[i].pattern, err);
	}
	if (strcmp(e->key, "decimals") == 0) {
		seen->has_decimals = true;
		if ((rc = fm_yaml_int(e, "decimals", 0, 9, &n, err)) < 0)
			return rc;
		d->cols[i].decimals = n > 0 ? (int)n : -1; /* 0: no point either */
	} else if (strcmp(e->key, "day_starts") == 0) {
		if ((rc = fm_yaml_int(e, "day_starts", 0, 23, &n, err)) < 0)
			return rc;
		d->cols[i].day_starts = (int)n;
	} else if (strcmp(e->key, "suffix") == 0) {
		if ((rc = fm_yaml_int(e, "suffix", 1000, 1024, &n, err)) < 0)
			return rc;
		if (n != 1000 && n != 1024)
			return fm_yaml_fail(e, err, "suffix takes 1000 or 1024, what a K stands for");
		d->cols[i].suffix = (int)n;
	} else if (strcmp(e->key, "sum") == 0) {
		if ((rc = fm_yaml_bool(e, "sum", &seen->sum, err)) < 0)
			return rc;
		d->cols[i].role = seen->sum ? FM_ROLE_SUM : d->cols[i].role;
	} else {
		return unknown(e, "key of a column", e->key, keys, COUNT_OF(keys), err);
	}
	return FM_OK;
}

static int read_column(struct fm_dialect *d, int i, const struct fm_yaml *v, struct fm_error *err)
{
	struct column_keys seen = {0};
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_MAP, "a column", err)) < 0)
		return rc;
	d->cols[i].col = -1;
	d->cols[i].decimals = d->cols[i].day_starts = -1;
	for (const struct fm_yaml *e = v->first; e; e = e->next)
		if ((rc = read_column_key(d, i, e, &seen, err)) < 0)
			return rc;
	if (d->cols[i].name[0] == '\0')
		return fm_yaml_fail(v, err, "column %d has no name", i + 1);
	return column_check(d, i, v, seen.has_format, seen.has_decimals, err);
}

static bool has_role(const struct fm_dialect *d, enum fm_col col, enum fm_role role)
{
	for (int i = 0; i < d->ncols; i++)
		if (d->cols[i].col == (int)col && d->cols[i].role == role)
			return true;
	return false;
}

static int read_columns(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "columns", err)) < 0)
		return rc;
	if (v->n == 0 || v->n > FM_DIALECT_MAXCOLS)
		return fm_yaml_fail(v, err, "columns takes 1 to %d of them, not %zu", FM_DIALECT_MAXCOLS, v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next)
		if ((rc = read_column(d, d->ncols++, e, err)) < 0)
			return rc;
	if (has_role(d, FM_TE, FM_ROLE_VALUE) && has_role(d, FM_TE, FM_ROLE_START))
		d->present |= 1u << FM_TD;
	for (size_t i = 0; i < COUNT_OF(needed); i++)
		if (!(d->present >> needed[i] & 1u))
			return fm_yaml_fail(v, err,
					    "no column fills '%s': a dialect needs two of start, te and td, and sa, "
					    "da, sp, dp, pr, pkt and byt",
					    fm_cols[needed[i]].name);
	return FM_OK;
}

/* ---- the other keys ---- */

static int read_name(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_text(v, "name", d->name, sizeof(d->name), err)) < 0)
		return rc;
	if (d->name[0] == '\0' || d->name[strspn(d->name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] != '\0')
		return fm_yaml_fail(v, err, "name takes small letters, digits, '.', '_' and '-', not '%s'", d->name);
	return FM_OK;
}

static int read_delimiter(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	/* Any printable byte that is no part of a value, or a tab. */
	if (v->kind == FM_YAML_SCALAR && strlen(v->text) == 1 && strchr("\t !#$%&*+,/;<=>@^_`|~", v->text[0])) {
		d->delimiter = v->text[0];
		return FM_OK;
	}
	return fm_yaml_fail(v, err, "delimiter takes one character between quotes such as \",\", \";\" or \"\\t\"");
}

static int read_newline(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	if (v->kind != FM_YAML_SCALAR || (strcmp(v->text, "\n") != 0 && strcmp(v->text, "\r\n") != 0))
		return fm_yaml_fail(v, err, "newline takes \"\\n\" or \"\\r\\n\" (between double quotes)");
	strcpy(d->newline, v->text);
	return FM_OK;
}

static int read_missing(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "missing", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->missing))
		return fm_yaml_fail(v, err, "missing takes at most %zu words, not %zu", COUNT_OF(d->missing), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next) {
		/* null and ~ are words here like any other. */
		struct fm_yaml word = *e;
		word.plain = false;
		if ((rc = fm_yaml_text(&word, "missing", d->missing[d->nmissing++], sizeof(d->missing[0]), err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int read_internal(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "internal", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->internal))
		return fm_yaml_fail(v, err, "internal takes at most %zu ranges, not %zu", COUNT_OF(d->internal), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next, d->ninternal++) {
		char text[32];
		struct fm_error why;
		struct fm_cidr c = {0};
		if ((rc = fm_yaml_text(e, "internal", text, sizeof(text), err)) < 0)
			return rc;
		if (fm_cidr_parse(&c, text, &why) < 0)
			return fm_yaml_fail(e, err, "internal: %s", why.message);
		d->internal[d->ninternal].base = c.base;
		d->internal[d->ninternal].mask = c.mask;
	}
	return FM_OK;
}

static int read_labels(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_MAP, "labels", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->labels))
		return fm_yaml_fail(v, err, "labels takes at most %zu pairs, not %zu", COUNT_OF(d->labels), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next, d->nlabels++) {
		if (strlen(e->key) >= sizeof(d->labels[0].from))
			return fm_yaml_fail(e, err, "labels: '%.64s...' is longer than %zu bytes", e->key,
					    sizeof(d->labels[0].from) - 1);
		strcpy(d->labels[d->nlabels].from, e->key);
		if ((rc = fm_yaml_text(e, "labels", d->labels[d->nlabels].to, sizeof(d->labels[0].to), err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* A list of words, none of them empty. */
static int read_comment(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "comment", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->comment))
		return fm_yaml_fail(v, err, "comment takes at most %zu words, not %zu", COUNT_OF(d->comment), v->n);
	d->ncomment = 0;
	for (const struct fm_yaml *e = v->first; e; e = e->next) {
		char *word = d->comment[d->ncomment++];
		if ((rc = fm_yaml_text(e, "comment", word, sizeof(d->comment[0]), err)) < 0)
			return rc;
		if (!*word)
			return fm_yaml_fail(e, err, "comment: the empty word begins every line");
	}
	return FM_OK;
}

static int read_timezone(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	const char *s = text;
	int rc;

	if ((rc = fm_yaml_text(v, "timezone", text, sizeof(text), err)) < 0)
		return rc;
	if (strcmp(text, "UTC") == 0)
		return FM_OK;
	if (fm_time_offset_read(&s, text + strlen(text), &d->timezone) || *s)
		return fm_yaml_fail(
		    v, err,
		    "timezone takes UTC or a difference to it such as \"+02:00\", not '%s': a zone with "
		    "summer time has one hour twice, so split the trace there",
		    text);
	return FM_OK;
}

static int read_encoding(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	int rc;

	if ((rc = fm_yaml_text(v, "encoding", text, sizeof(text), err)) < 0)
		return rc;
	if (strcmp(text, "windows-1252") == 0)
		d->encoding = FM_ENCODING_WINDOWS_1252;
	else if (strcmp(text, "utf-8") != 0)
		return fm_yaml_fail(v, err, "encoding takes utf-8 or windows-1252, not '%s'", text);
	return FM_OK;
}

static int read_quote(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	int rc;

	if ((rc = fm_yaml_text(v, "quote", text, sizeof(text), err)) < 0)
		return rc;
	d->no_quotes = strcmp(text, "none") == 0;
	if (!d->no_quotes && strcmp(text, "double") != 0)
		return fm_yaml_fail(v, err, "quote takes double or none, not '%s'", text);
	return FM_OK;
}

static int read_hosts(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[32];
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_MAP, "hosts", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->hosts))
		return fm_yaml_fail(v, err, "hosts takes at most %zu names, not %zu", COUNT_OF(d->hosts), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next, d->nhosts++) {
		if (strlen(e->key) >= sizeof(d->hosts[0].name))
			return fm_yaml_fail(e, err, "hosts: '%.64s...' is too long", e->key);
		strcpy(d->hosts[d->nhosts].name, e->key);
		if ((rc = fm_yaml_text(e, "hosts", text, sizeof(text), err)) < 0)
			return rc;
		if (fm_parse_ipv4(text, strlen(text), &d->hosts[d->nhosts].ip))
			return fm_yaml_fail(e, err, "hosts: '%s' is not an IPv4 address", text);
	}
	return FM_OK;
}

static int read_key(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	static const char *const keys[] = {
	    "name",   "description", "header",  "delimiter",   "newline",       "missing",  "internal", "columns",
	    "labels", "quote",       "comment", "header_mark", "extra_columns", "timezone", "encoding", "hosts"};

	if (strcmp(v->key, "name") == 0)
		return read_name(d, v, err);
	if (strcmp(v->key, "description") == 0)
		return fm_yaml_text(v, "description", d->description, sizeof(d->description), err);
	if (strcmp(v->key, "header") == 0)
		return fm_yaml_bool(v, "header", &d->header, err);
	if (strcmp(v->key, "delimiter") == 0)
		return read_delimiter(d, v, err);
	if (strcmp(v->key, "newline") == 0)
		return read_newline(d, v, err);
	if (strcmp(v->key, "missing") == 0)
		return read_missing(d, v, err);
	if (strcmp(v->key, "internal") == 0)
		return read_internal(d, v, err);
	if (strcmp(v->key, "columns") == 0)
		return read_columns(d, v, err);
	if (strcmp(v->key, "labels") == 0)
		return read_labels(d, v, err);
	if (strcmp(v->key, "quote") == 0)
		return read_quote(d, v, err);
	if (strcmp(v->key, "comment") == 0)
		return read_comment(d, v, err);
	if (strcmp(v->key, "header_mark") == 0)
		return fm_yaml_text(v, "header_mark", d->header_mark, sizeof(d->header_mark), err);
	if (strcmp(v->key, "extra_columns") == 0)
		return fm_yaml_bool(v, "extra_columns", &d->extra_columns, err);
	if (strcmp(v->key, "timezone") == 0)
		return read_timezone(d, v, err);
	if (strcmp(v->key, "encoding") == 0)
		return read_encoding(d, v, err);
	if (strcmp(v->key, "hosts") == 0)
		return read_hosts(d, v, err);
	return unknown(v, "key", v->key, keys, COUNT_OF(keys), err);
}

/* What the keys mean together. */
static int check_whole(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	if (d->name[0] == '\0')
		return fm_yaml_fail(root, err, "a dialect needs a name");
	if (d->ncols == 0)
		return fm_yaml_fail(root, err, "a dialect needs columns");
	if (d->nlabels && !(d->present >> FM_LABEL & 1u))
		return fm_yaml_fail(root, err, "labels maps a column that no column fills: label");
	if (d->header_mark[0] && !d->header)
		return fm_yaml_fail(root, err, "header_mark is for header: true");
	if (d->extra_columns && d->header)
		return fm_yaml_fail(root, err,
				    "extra_columns is for header: false: with a header, columns are found by name");
	for (int i = 0; i < d->ncols; i++) {
		if (strchr(d->cols[i].name, d->delimiter) || strchr(d->cols[i].name, '"'))
			return fm_yaml_fail(root, err, "column name '%s' has a quote or the delimiter in it",
					    d->cols[i].name);
		/* Times are written with a space between date and hour. */
		if (d->cols[i].col >= 0 && d->cols[i].format == FM_FMT_DATETIME && d->delimiter == ' ')
			return fm_yaml_fail(root, err, "the delimiter is a blank, which column '%s' has inside",
					    d->cols[i].name);
	}
	return FM_OK;
}

/* Lines that begin with # are not rows, except a header that does. */
static void default_comment(struct fm_dialect *d)
{
	for (int i = 0; i < d->ncols; i++)
		if (d->cols[i].name[0] == '#')
			return;
	d->ncomment = 1;
	strcpy(d->comment[0], "#");
}

static int parse(struct fm_dialect *d, const char *name, const char *text, size_t n, struct fm_error *err)
{
	struct fm_yaml_doc doc = {.name = name, .code = FM_EINPUT};
	struct fm_arena *arena = NULL;
	struct fm_yaml *root;
	int rc;

	d->delimiter = ',';
	strcpy(d->newline, "\n");
	d->nmissing = 1; /* the empty field */
	if ((rc = fm_arena_new(&arena, 64 << 10, err)) < 0 ||
	    (rc = fm_yaml_parse(&root, &doc, arena, text, n, err)) < 0 ||
	    (rc = fm_yaml_want(root, FM_YAML_MAP, "a dialect", err)) < 0)
		goto out;
	if (fm_yaml_child(root, "missing"))
		d->nmissing = 0;
	for (const struct fm_yaml *v = root->first; v; v = v->next)
		if ((rc = read_key(d, v, err)) < 0)
			goto out;
	if (!fm_yaml_child(root, "comment"))
		default_comment(d);
	rc = check_whole(d, root, err);
out:
	fm_arena_free(arena);
	return rc;
}

/* ---- the ways in ---- */

bool fm_dialect_is_file(const char *name)
{
	size_t n = strlen(name);

	return strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".yaml") == 0);
}

int fm_dialect_check_name(const char *name, struct fm_error *err)
{
	const char *names[16], *near;
	char list[256];
	struct fm_embed e;
	size_t n = 0;

	if (fm_dialect_is_file(name) || fm_embed_find(&e, FM_EMBED_DIALECT, name))
		return FM_OK;
	while (n < COUNT_OF(names) && fm_embed_at(&e, FM_EMBED_DIALECT, n))
		names[n++] = e.name;
	near = fm_suggest(name, names, n);
	return fm_fail(err, FM_EINPUT,
		       "unknown dialect '%.64s'%s%s%s (built in: %s; a file of your own has a '/' or ends in .yaml)",
		       name, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "",
		       fm_embed_names(FM_EMBED_DIALECT, list, sizeof(list)));
}

int fm_dialect_blame(struct fm_error *err)
{
	char list[256];

	return fm_error_prefix(err, "source.dialect is a file of your own (built in: %s): ",
			       fm_embed_names(FM_EMBED_DIALECT, list, sizeof(list)));
}

int fm_dialect_load(struct fm_dialect **d, const char *name, struct fm_error *err)
{
	struct fm_buf file = {0};
	struct fm_embed e = {.name = name};
	char title[128];
	int rc;

	*d = NULL;
	if ((rc = fm_dialect_check_name(name, err)) < 0)
		return rc;
	if (fm_dialect_is_file(name)) {
		if ((rc = fm_file_read(name, FM_YAML_MAXBYTES, &file, err)) < 0) {
			fm_dialect_blame(err);
			goto out;
		}
		e.text = file.data ? file.data : "";
		e.n = file.len;
	} else {
		fm_embed_find(&e, FM_EMBED_DIALECT, name);
		snprintf(title, sizeof(title), "dialect %s", e.name);
		e.name = title;
	}
	if ((rc = fm_alloc(d, 1, sizeof(**d), "a dialect", err)) < 0)
		goto out;
	if ((rc = parse(*d, e.name, e.text, e.n, err)) < 0) {
		fm_dialect_free(*d);
		*d = NULL;
	}
out:
	fm_buf_free(&file);
	return rc;
}

bool fm_dialect_is_internal(const struct fm_dialect *d, uint32_t ip)
{
	for (int i = 0; i < d->ninternal; i++)
		if ((ip & d->internal[i].mask) == d->internal[i].base)
			return true;
	return false;
}

void fm_dialect_free(struct fm_dialect *d)
{
	free(d);
}
