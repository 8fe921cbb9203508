/* The columns of a dialect: what each fills, in which form, and whether together they make a flow. */
#include "manifests/dialect_loader.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* In order of enum fm_format. */
static const char *const format_names[] = {
    "datetime", "seconds",       "milliseconds", "microseconds", "address",      "ipv4-integer", "integer",
    "text",     "nanoseconds",   "rfc3339",      "pattern",      "hms",          "type.code",    "lower",
    "number",   "named-address", "address-word", "family",       "address-port", "icmp-type",    "icmp-code",
    "days",     "days-1900",     "days-1904",    "minutes",      "hours"};
/* Former names of three of them, which read only IPv4 then. */
static const struct {
	const char *name;
	enum fm_format format;
} former[] = {{"ipv4", FM_FMT_ADDRESS}, {"named-ipv4", FM_FMT_NAMED_ADDRESS}, {"ipv4-port", FM_FMT_ADDRESS_PORT}};
#define BIT(f) (1u << (f))
#define SECONDS (BIT(FM_FMT_SECONDS) | BIT(FM_FMT_MILLISECONDS) | BIT(FM_FMT_MICROSECONDS) | BIT(FM_FMT_NANOSECONDS))
#define UNITS (SECONDS | BIT(FM_FMT_DAYS))
#define CLOCKS (BIT(FM_FMT_DATETIME) | BIT(FM_FMT_RFC3339) | BIT(FM_FMT_PATTERN))
#define DAYS (BIT(FM_FMT_DAYS_1900) | BIT(FM_FMT_DAYS_1904))

/* The formats that a column of each kind may have, and the one it has when the dialect names none. */
static const struct {
	unsigned formats;
	enum fm_format dflt;
} kinds[] = {
    [FM_KIND_TIME] = {CLOCKS | UNITS | DAYS, FM_FMT_DATETIME},
    [FM_KIND_DURATION] = {UNITS | BIT(FM_FMT_HMS) | BIT(FM_FMT_MINUTES) | BIT(FM_FMT_HOURS), FM_FMT_SECONDS},
    [FM_KIND_ADDRESS] = {BIT(FM_FMT_ADDRESS) | BIT(FM_FMT_IPV4_INTEGER) | BIT(FM_FMT_NAMED_ADDRESS) |
			     BIT(FM_FMT_ADDRESS_PORT) | BIT(FM_FMT_ADDRESS_WORD) | BIT(FM_FMT_FAMILY),
			 FM_FMT_ADDRESS},
    [FM_KIND_PORT] = {BIT(FM_FMT_INTEGER) | BIT(FM_FMT_TYPE_CODE) | BIT(FM_FMT_ICMP_TYPE) | BIT(FM_FMT_ICMP_CODE),
		      FM_FMT_INTEGER},
    [FM_KIND_CATEGORY] = {BIT(FM_FMT_TEXT) | BIT(FM_FMT_LOWER) | BIT(FM_FMT_NUMBER), FM_FMT_TEXT},
    [FM_KIND_COUNT] = {BIT(FM_FMT_INTEGER), FM_FMT_INTEGER},
};
/* A flow needs these. */
static const enum fm_col needed[] = {FM_TE, FM_TD, FM_SA, FM_DA, FM_SP, FM_DP, FM_PR, FM_PKT, FM_BYT};

int fm_dialect_absent(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	const char *names[COUNT_OF(needed)];
	int rc;

	for (size_t i = 0; i < COUNT_OF(needed); i++)
		names[i] = fm_cols[needed[i]].name;
	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "absent", err)) < 0)
		return rc;
	for (const struct fm_yaml *e = v->first; e; e = e->next) {
		char text[64];
		size_t i = 0;

		if ((rc = fm_yaml_text(e, "absent", text, sizeof(text), err)) < 0)
			return rc;
		while (i < COUNT_OF(needed) && strcmp(names[i], text) != 0)
			i++;
		if (i == COUNT_OF(needed))
			return fm_dialect_unknown(e, "column of a flow", text, names, COUNT_OF(needed), err);
		d->absent |= 1u << needed[i];
	}
	return FM_OK;
}

int fm_dialect_unknown(const struct fm_yaml *v, const char *kind, const char *word, const char *const *candidates,
		       size_t n, struct fm_error *err)
{
	const char *near = fm_suggest(word, candidates, n);
	char list[512] = "";
	size_t len = 0;

	if (near)
		return fm_yaml_fail(v, err, "unknown %s '%.64s', did you mean '%s'?", kind, word, near);
	for (size_t i = 0; i < n && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", candidates[i]);
	return fm_yaml_fail(v, err, "unknown %s '%.64s': there are %s", kind, word, list);
}

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
	return fm_dialect_unknown(v, "column", word, names, FM_NFLOWCOL + 1, err);
}

static int column_format(const struct fm_yaml *v, enum fm_format *format, char pattern[FM_TIME_PATTERN_MAX],
			 struct fm_error *err)
{
	char word[FM_TIME_PATTERN_MAX];
	int rc;

	if ((rc = fm_yaml_text(v, "format", word, sizeof(word), err)) < 0)
		return rc;
	if (strchr(word, '%')) {
		if (fm_time_pattern_expand(word, pattern))
			return fm_yaml_fail(v, err, "the pattern '%s' is too long", word);
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
	for (size_t i = 0; i < COUNT_OF(former); i++)
		if (strcmp(former[i].name, word) == 0) {
			*format = former[i].format;
			return FM_OK;
		}
	return fm_dialect_unknown(v, "format", word, format_names, COUNT_OF(format_names), err);
}

/* Check that the keys of a column agree with each other, its format and its kind. */
static int column_more(const struct fm_dialect *d, int i, const struct fm_yaml *v, struct fm_error *err)
{
	const char *name = d->cols[i].name, *fault;
	enum fm_format format = d->cols[i].format;
	bool count = fm_cols[d->cols[i].col].kind == FM_KIND_COUNT;

	if (format == FM_FMT_PATTERN &&
	    (fault = fm_time_pattern_fault(d->cols[i].pattern, d->cols[i].day_starts, d->cols[i].part || d->relative)))
		return fm_yaml_fail(v, err, "column '%s': the pattern '%s' cannot be used: %s", name,
				    d->cols[i].pattern, fault);
	if (format != FM_FMT_PATTERN && d->cols[i].day_starts >= 0)
		return fm_yaml_fail(v, err, "column '%s': day_starts is for a pattern with %%I and without %%p", name);
	if (d->cols[i].part && fm_format_is_days(format))
		return fm_yaml_fail(v, err,
				    "column '%s': days have their time of day in them, and are no part of a sum", name);
	if ((format == FM_FMT_LOWER || format == FM_FMT_NUMBER) && d->cols[i].col != FM_PR)
		return fm_yaml_fail(v, err, "column '%s': '%s' cannot be read as %s", name,
				    fm_cols[d->cols[i].col].name, format_names[format]);
	if (!count && (d->cols[i].suffix || (d->cols[i].role == FM_ROLE_SUM && d->cols[i].col != FM_LABEL)))
		return fm_yaml_fail(v, err, "column '%s': %s, not for %s", name,
				    d->cols[i].suffix ? "suffix is for pkt and byt"
						      : "sum is for pkt, byt, te, start and label",
				    fm_cols[d->cols[i].col].name);
	if (fm_dialect_is_icmp(d, i) && d->cols[i].col != FM_DP)
		return fm_yaml_fail(v, err, "column '%s': '%s' cannot be read as %s: type and code of ICMP are dp",
				    name, fm_cols[d->cols[i].col].name, format_names[format]);
	if (!count && d->cols[i].role == FM_ROLE_REPLY)
		return fm_yaml_fail(v, err, "column '%s': reply is for pkt and byt, not for %s", name,
				    fm_cols[d->cols[i].col].name);
	if (d->cols[i].nonly || fm_dialect_is_aside(d, i))
		return fm_yaml_fail(v, err, "column '%s': %s is for a column that fills none", name,
				    d->cols[i].nonly       ? "only"
				    : d->cols[i].nreversed ? "reversed"
				    : d->cols[i].samples   ? "sampling"
							   : "flows");
	return FM_OK;
}

static bool is_part_of_address(const struct fm_dialect *d, int i)
{
	return d->cols[i].format == FM_FMT_ADDRESS_WORD || d->cols[i].format == FM_FMT_FAMILY;
}

/* May two columns fill the same table column?  Where one of them, or both, are parts. */
static bool may_share(const struct fm_dialect *d, int i, int j)
{
	return d->cols[i].role == FM_ROLE_SUM || d->cols[i].part || is_part_of_address(d, i) ||
	       is_part_of_address(d, j) || (fm_dialect_is_icmp(d, i) && d->cols[i].format != d->cols[j].format) ||
	       fm_dialect_is_icmp(d, j);
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
		if (col >= 0 && d->cols[j].col == col && d->cols[j].role == d->cols[i].role && !may_share(d, i, j))
			return fm_yaml_fail(v, err, "columns '%s' and '%s' both fill '%s'", d->cols[j].name, name,
					    fm_cols[col].name);
	}
	if (col < 0) {
		if (has_format || has_decimals || d->cols[i].suffix || d->cols[i].role != FM_ROLE_VALUE)
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
	if (has_decimals && !(BIT(d->cols[i].format) & (SECONDS | CLOCKS | BIT(FM_FMT_HMS))))
		return fm_yaml_fail(v, err, "column '%s': decimals are for times, not for %s", name,
				    format_names[d->cols[i].format]);
	if (fm_format_long_ms(d->cols[i].format))
		d->cols[i].decimals = FM_LONG_DECIMALS;
	else if (!has_decimals)
		d->cols[i].decimals = d->cols[i].format == FM_FMT_SECONDS || d->cols[i].format == FM_FMT_HMS ? 3 : -1;
	d->present |= d->cols[i].role == FM_ROLE_REPLY || fm_dialect_is_icmp(d, i) ? 0 : 1u << col;
	if (d->cols[i].format == FM_FMT_ADDRESS_PORT)
		d->present |= 1u << (col == FM_SA ? FM_SP : FM_DP);
	return FM_OK;
}

/* Other names of the column. */
static int column_also(struct fm_dialect *d, int i, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "also", err)) < 0)
		return rc;
	if (v->n == 0 || v->n > COUNT_OF(d->cols[i].also))
		return fm_yaml_fail(v, err, "also takes 1 to %zu names, not %zu", COUNT_OF(d->cols[i].also), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next)
		if ((rc = fm_yaml_text(e, "also", d->cols[i].also[d->cols[i].nalso++], sizeof(d->cols[i].also[0]),
				       err)) < 0)
			return rc;
	return FM_OK;
}

static int column_others(struct fm_dialect *d, int i, const struct fm_yaml *v, struct fm_error *err)
{
	char word[16];
	int rc;

	if ((rc = fm_yaml_text(v, "others", word, sizeof(word), err)) < 0)
		return rc;
	d->cols[i].skips_others = strcmp(word, "skip") == 0;
	if (!d->cols[i].skips_others && strcmp(word, "bad") != 0)
		return fm_yaml_fail(v, err, "others takes skip or bad, not '%s'", word);
	return FM_OK;
}

/* The values of a column that rows must have one of. */
static int column_only(struct fm_dialect *d, int i, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "only", err)) < 0)
		return rc;
	if (v->n == 0 || v->n > COUNT_OF(d->cols[i].only))
		return fm_yaml_fail(v, err, "only takes 1 to %zu words, not %zu", COUNT_OF(d->cols[i].only), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next)
		if ((rc = fm_yaml_text(e, "only", d->cols[i].only[d->cols[i].nonly++], sizeof(d->cols[i].only[0]),
				       err)) < 0)
			return rc;
	return FM_OK;
}

/* The words that mark rows with source and destination exchanged. */
static int column_reversed(struct fm_dialect *d, int i, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "reversed", err)) < 0)
		return rc;
	if (v->n == 0 || v->n > COUNT_OF(d->cols[i].reversed))
		return fm_yaml_fail(v, err, "reversed takes 1 to %zu words, not %zu", COUNT_OF(d->cols[i].reversed),
				    v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next)
		if ((rc = fm_yaml_text(e, "reversed", d->cols[i].reversed[d->cols[i].nreversed++],
				       sizeof(d->cols[i].reversed[0]), err)) < 0)
			return rc;
	return FM_OK;
}

/* What the keys of one column said that its struct does not hold. */
struct column_keys {
	bool has_format, has_decimals, sum, reply;
};

static int read_column_key(struct fm_dialect *d, int i, const struct fm_yaml *e, struct column_keys *seen,
			   struct fm_error *err)
{
	static const char *const keys[] = {"name", "column",     "format",   "decimals", "suffix",
					   "sum",  "day_starts", "only",     "words",    "reply",
					   "also", "others",     "reversed", "flows",    "sampling"};
	int64_t n = -1;
	int rc;

	if (strcmp(e->key, "name") == 0)
		return fm_yaml_text(e, "name", d->cols[i].name, sizeof(d->cols[i].name), err);
	if (strcmp(e->key, "column") == 0)
		return column_target(e, &d->cols[i].col, &d->cols[i].role, err);
	if (strcmp(e->key, "only") == 0)
		return column_only(d, i, e, err);
	if (strcmp(e->key, "also") == 0)
		return column_also(d, i, e, err);
	if (strcmp(e->key, "others") == 0)
		return column_others(d, i, e, err);
	if (strcmp(e->key, "reversed") == 0)
		return column_reversed(d, i, e, err);
	if (strcmp(e->key, "flows") == 0)
		return fm_yaml_bool(e, "flows", &d->cols[i].counts_flows, err);
	if (strcmp(e->key, "sampling") == 0)
		return fm_yaml_bool(e, "sampling", &d->cols[i].samples, err);
	if (strcmp(e->key, "sum") == 0)
		return fm_yaml_bool(e, "sum", &seen->sum, err);
	if (strcmp(e->key, "reply") == 0)
		return fm_yaml_bool(e, "reply", &seen->reply, err);
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
	} else if (strcmp(e->key, "words") == 0) {
		if ((rc = fm_yaml_int(e, "words", 1, 8, &n, err)) < 0)
			return rc;
		d->cols[i].words = (int)n;
	} else if (strcmp(e->key, "suffix") == 0) {
		if ((rc = fm_yaml_int(e, "suffix", 1000, 1024, &n, err)) < 0)
			return rc;
		if (n != 1000 && n != 1024)
			return fm_yaml_fail(e, err, "suffix takes 1000 or 1024, what a K stands for");
		d->cols[i].suffix = (int)n;
	} else {
		return fm_dialect_unknown(e, "key of a column", e->key, keys, COUNT_OF(keys), err);
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
	d->cols[i].words = 1;
	for (const struct fm_yaml *e = v->first; e; e = e->next)
		if ((rc = read_column_key(d, i, e, &seen, err)) < 0)
			return rc;
	if (d->cols[i].name[0] == '\0')
		return fm_yaml_fail(v, err, "column %d has no name", i + 1);
	if (!!d->cols[i].nonly + !!d->cols[i].nreversed + d->cols[i].counts_flows + d->cols[i].samples > 1)
		return fm_yaml_fail(v, err, "column '%s': of only, reversed, flows and sampling a column has one",
				    d->cols[i].name);
	if (d->cols[i].skips_others && !d->cols[i].nonly)
		return fm_yaml_fail(v, err, "column '%s': others is for a column with only", d->cols[i].name);
	if (seen.sum && d->cols[i].col == FM_TE)
		d->cols[i].part = true;
	else if (seen.sum)
		d->cols[i].role = FM_ROLE_SUM;
	if (seen.reply && (seen.sum || d->cols[i].role == FM_ROLE_START))
		return fm_yaml_fail(v, err, "column '%s': reply is for pkt and byt, and not beside sum",
				    d->cols[i].name);
	if (seen.reply)
		d->cols[i].role = FM_ROLE_REPLY;
	return column_check(d, i, v, seen.has_format, seen.has_decimals, err);
}

const char *fm_dialect_missing_word(const struct fm_dialect *d, int i, size_t *n)
{
	const char *s = d->missing[i] + strspn(d->missing[i], " ");

	*n = strlen(s);
	while (*n && s[*n - 1] == ' ')
		--*n;
	return s;
}

bool fm_dialect_is_missing(const struct fm_dialect *d, const char *s, size_t n)
{
	for (int i = 0; i < d->nmissing; i++) {
		size_t len;
		const char *word = fm_dialect_missing_word(d, i, &len);

		if ((len == n && !strncasecmp(word, s, n)) ||
		    (strlen(d->missing[i]) == n && !strncasecmp(d->missing[i], s, n)))
			return true;
	}
	return false;
}

bool fm_dialect_is_name(const struct fm_dialect *d, int k, const char *s, size_t n, bool any_case)
{
	for (int i = -1; i < d->cols[k].nalso; i++) {
		const char *name = i < 0 ? d->cols[k].name : d->cols[k].also[i];

		if (strlen(name) == n && (any_case ? !strncasecmp(name, s, n) : !memcmp(name, s, n)))
			return true;
	}
	return false;
}

static bool has_role(const struct fm_dialect *d, enum fm_col col, enum fm_role role)
{
	for (int i = 0; i < d->ncols; i++)
		if (d->cols[i].col == (int)col && d->cols[i].role == role)
			return true;
	return false;
}

/* A date and a time of day in two columns: each once, and no other column for that time. */
static int check_parts(const struct fm_dialect *d, const struct fm_yaml *v, enum fm_role role, struct fm_error *err)
{
	int dates = 0, clocks = 0, parts = 0, halves = 0, zones = 0;

	for (int i = 0; i < d->ncols; i++) {
		bool pattern = d->cols[i].format == FM_FMT_PATTERN;
		bool date = pattern && fm_time_pattern_has_date(d->cols[i].pattern);
		bool clock = pattern && fm_time_pattern_has_clock(d->cols[i].pattern);

		if (!d->cols[i].part || d->cols[i].role != role)
			continue;
		parts++;
		dates += date;
		clocks += clock;
		halves += date != clock;
		zones += pattern && fm_time_pattern_has_zone(d->cols[i].pattern);
	}
	if (halves && (parts != 2 || dates != 1 || clocks != 1))
		return fm_yaml_fail(
		    v, err,
		    "a time in two columns takes a pattern with a date and one with a time of day, both with "
		    "sum: true");
	if (zones > 1)
		return fm_yaml_fail(v, err, "a time in several columns has its zone (%%z or %%Z) in one of them");
	return FM_OK;
}

/* Addresses in 32-bit words: four columns for each address, and none besides but the family, which comes before
 * them. */
static int check_words(const struct fm_dialect *d, const struct fm_yaml *v, enum fm_col col, struct fm_error *err)
{
	int words = 0, others = 0;
	bool early = true;

	for (int i = 0; i < d->ncols; i++) {
		bool family = d->cols[i].format == FM_FMT_FAMILY;

		early = early && !(family && words);
		if (d->cols[i].col != (int)col || family)
			continue;
		words += d->cols[i].format == FM_FMT_ADDRESS_WORD;
		others += d->cols[i].format != FM_FMT_ADDRESS_WORD;
	}
	if ((words && (words != 4 || others || !early)) || words + others == 0)
		return fm_yaml_fail(v, err,
				    "%s as address-word takes four columns, the first bits first, and a column with "
				    "format: family stands before them",
				    fm_cols[col].name);
	return FM_OK;
}

int fm_dialect_columns(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "columns", err)) < 0)
		return rc;
	if (v->n == 0 || v->n > FM_DIALECT_MAXCOLS)
		return fm_yaml_fail(v, err, "columns takes 1 to %d of them, not %zu", FM_DIALECT_MAXCOLS, v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next)
		if ((rc = read_column(d, d->ncols++, e, err)) < 0)
			return rc;
	if (d->present >> FM_SA & d->present >> FM_DA & 1u &&
	    ((rc = check_words(d, v, FM_SA, err)) < 0 || (rc = check_words(d, v, FM_DA, err)) < 0))
		return rc;
	if ((rc = check_parts(d, v, FM_ROLE_VALUE, err)) < 0 || (rc = check_parts(d, v, FM_ROLE_START, err)) < 0)
		return rc;
	if (has_role(d, FM_PKT, FM_ROLE_REPLY) != has_role(d, FM_BYT, FM_ROLE_REPLY))
		return fm_yaml_fail(v, err, "reply takes two columns, one for pkt and one for byt");
	if (has_role(d, FM_TE, FM_ROLE_VALUE) && has_role(d, FM_TE, FM_ROLE_START))
		d->present |= 1u << FM_TD;
	for (size_t i = 0; i < COUNT_OF(needed); i++)
		if (!((d->present | d->absent) >> needed[i] & 1u))
			return fm_yaml_fail(v, err,
					    "no column fills '%s': a dialect needs two of start, te and td, and sa, "
					    "da, sp, dp, pr, pkt and byt; absent names those that the source does not "
					    "have",
					    fm_cols[needed[i]].name);
	return FM_OK;
}
