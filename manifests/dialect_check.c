/* What the keys of a dialect mean together. */
#include "manifests/dialect_loader.h"

#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool is_comment(const struct fm_dialect *d, const char *line)
{
	size_t mark = strlen(d->header_mark);

	if (mark && strncmp(line, d->header_mark, mark) == 0)
		return false;
	for (int i = 0; i < d->ncomment; i++)
		if (strncmp(line, d->comment[i], strlen(d->comment[i])) == 0)
			return true;
	return false;
}

/* What is written around the header must be passed over when it is read. */
static int check_around(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	for (int i = 0; i < d->nbefore + d->nafter; i++) {
		const char *line = i < d->nbefore ? d->before[i] : d->after[i - d->nbefore];

		if (!d->header || d->json || d->packets || d->ipfix)
			return fm_yaml_fail(root, err, "before_header and after_header are for header: true");
		if (!is_comment(d, line))
			return fm_yaml_fail(root, err,
					    "before_header and after_header take comments: '%.64s' begins with no word "
					    "of comment",
					    line);
	}
	return FM_OK;
}

static int check_packets(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	static const char *const keys[] = {"active_timeout", "inactive_timeout"};

	for (size_t i = 0; !d->packets && i < COUNT_OF(keys); i++)
		if (fm_yaml_child(root, keys[i]))
			return fm_yaml_fail(root, err, "%s is for lines: packets", keys[i]);
	if (!d->packets && !d->ipfix && fm_yaml_child(root, "direction"))
		return fm_yaml_fail(root, err, "direction is for lines: packets and lines: ipfix");
	if ((d->packets || d->ipfix) && (d->present >> FM_FWD & 1u || d->present >> FM_LABEL & 1u))
		return fm_yaml_fail(root, err, "lines: %s has neither fwd nor label: %s do not tell them",
				    d->packets ? "packets" : "ipfix", d->packets ? "packets" : "its records");
	return FM_OK;
}

/* Refuse a zone where no column's time needs it: the zone would be ignored, and the user means other times than
 * those. */
static int check_zone(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	const struct fm_yaml *v = fm_yaml_child(root, "timezone");

	if (!v || d->relative || (!d->zone && !d->timezone))
		return FM_OK;
	for (int i = 0; i < d->ncols; i++)
		if (d->cols[i].col == FM_TE &&
		    (d->cols[i].format == FM_FMT_DATETIME || fm_format_before_1970(d->cols[i].format) ||
		     (d->cols[i].format == FM_FMT_PATTERN &&
		      (!fm_dialect_says_zone(d, i) || fm_time_pattern_has_zone_name(d->cols[i].pattern)))))
			return FM_OK;
	return fm_yaml_fail(v, err,
			    "timezone is for times without an offset that a clock tells, and no column has such: "
			    "numbers count from 1970 in UTC, and rfc3339 and %%z say their offset");
}

/* Marks of numbers that could be taken for each other, or for the delimiter. */
static int check_marks(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	const struct fm_yaml *decimal = fm_yaml_child(root, "decimal"), *thousands = fm_yaml_child(root, "thousands"),
			     *last = thousands ? thousands : decimal;
	bool together = d->no_quotes || d->blanks;

	if (d->decimal != ',' && !d->thousands)
		return FM_OK;
	if (d->json || d->packets || d->ipfix)
		return fm_yaml_fail(last, err, "decimal and thousands are for lines: delimited");
	if (d->thousands == d->decimal)
		return fm_yaml_fail(last, err, "decimal and thousands are the same mark, '%c'%s", d->thousands,
				    d->thousands == '.' ? ": where points stand between thousands, decimal is \",\""
							: "");
	if (together && d->thousands == d->delimiter)
		return fm_yaml_fail(thousands, err, "thousands is the delimiter too, and no quotes tell the two apart");
	if (together && d->decimal == ',' && d->delimiter == ',')
		return fm_yaml_fail(decimal, err, "decimal is the delimiter too, and no quotes tell the two apart");
	return FM_OK;
}

/* A label of several columns is written in the first of them: the others are written as unset, which must be read as
 * nothing. */
static int check_joined(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	int n = 0, joined = 0;

	for (int i = 0; i < d->ncols; i++) {
		n += d->cols[i].col == FM_LABEL;
		joined += d->cols[i].col == FM_LABEL && d->cols[i].role == FM_ROLE_SUM;
	}
	if (joined && joined < n)
		return fm_yaml_fail(root, err, "a label of several columns has sum: true on each of them");
	if (n > FM_DIALECT_JOINED)
		return fm_yaml_fail(root, err, "a label has at most %d columns, not %d", FM_DIALECT_JOINED, n);
	if (n > 1 &&
	    ((*d->unset && !fm_dialect_is_missing(d, d->unset, strlen(d->unset))) || (d->blanks && !*d->unset)))
		return fm_yaml_fail(root, err, "a label of several columns needs unset to be a word of missing");
	return FM_OK;
}

const char *fm_dialect_constant(const struct fm_dialect *d, int k)
{
	if (d->cols[k].nonly)
		return d->cols[k].only[0];
	if (fm_dialect_is_aside(d, k))
		return d->cols[k].nreversed ? "->" : "1";
	return *d->unset ? d->unset : d->blanks ? "-" : "";
}

bool fm_dialect_begins_comment(const struct fm_dialect *d, const char *s)
{
	for (int i = 0; i < d->ncomment; i++)
		if (strncmp(s, d->comment[i], strlen(d->comment[i])) == 0)
			return true;
	return *d->header_mark && strncmp(s, d->header_mark, strlen(d->header_mark)) == 0;
}

/* What would end the text too early, or begin no row, needs quotes; a dialect without them could not read what it
 * writes. */
static int check_constants(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	for (int i = 0; i < d->ncols && (d->no_quotes || d->blanks) && !d->json; i++) {
		const char *s = fm_dialect_constant(d, i), *what = NULL;
		size_t n = strlen(s);

		if (d->cols[i].col >= 0)
			continue;
		if (i == 0 && fm_dialect_begins_comment(d, s))
			what = "begins a line as a comment";
		else if (n && d->no_quotes && !d->blanks && strchr(s, d->delimiter))
			what = "has the delimiter in it";
		else if (n && !d->blanks && (*s == ' ' || s[n - 1] == ' '))
			what = "has a blank around it, which readers leave out";
		else if (d->blanks && strchr(s, ' ') && (!d->cols[i].nonly || d->cols[i].words == 1))
			what = "has a blank in it, which ends a value";
		if (what)
			return fm_yaml_fail(
			    root, err, "column '%s' is written as '%s' (%s), which %s, and the dialect has no quotes",
			    d->cols[i].name, s,
			    d->cols[i].nonly ? "only"
			    : *d->unset      ? "unset"
					     : "as the key unset is not there",
			    what);
	}
	return FM_OK;
}

/* What the keys mean together. */
static int check_whole(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	int rc;

	if (d->name[0] == '\0')
		return fm_yaml_fail(root, err, "a dialect needs a name");
	if (d->ncols == 0)
		return fm_yaml_fail(root, err, "a dialect needs columns");
	if (d->nlabels && !(d->present >> FM_LABEL & 1u))
		return fm_yaml_fail(root, err, "labels maps a column that no column fills: label");
	if (d->header_mark[0] && !d->header)
		return fm_yaml_fail(root, err, "header_mark is for header: true");
	if (d->json && (!d->header || d->header_mark[0] || d->header_optional))
		return fm_yaml_fail(root, err, "lines: json has no header: leave header and header_mark out");
	for (int i = 0; i < d->ncols; i++)
		if (d->cols[i].samples && d->sampling > 1)
			return fm_yaml_fail(root, err, "sampling is a number or a column, not both");
	if (d->blanks && d->header)
		return fm_yaml_fail(root, err,
				    "delimiter: blanks is for header: false: name the header's first word in comment");
	if (d->extra_columns && d->header && !d->header_optional)
		return fm_yaml_fail(root, err,
				    "extra_columns is for header: false: with a header, columns are found by name");
	if ((rc = check_joined(d, root, err)) < 0)
		return rc;
	for (int i = 0; i < d->ncols && d->icmp; i++)
		if (d->cols[i].format == FM_FMT_TYPE_CODE || d->cols[i].format == FM_FMT_ADDRESS_PORT ||
		    fm_dialect_is_icmp(d, i))
			return fm_yaml_fail(root, err, "icmp: zeek and argus are for ports with format: integer");
	for (int i = 0; i < d->ncols && d->relative; i++) {
		enum fm_format f = d->cols[i].format;

		if (d->cols[i].part)
			return fm_yaml_fail(root, err, "relative_to and a time that is a sum do not go together");
		if (d->cols[i].col == FM_TE &&
		    (f == FM_FMT_DATETIME || f == FM_FMT_RFC3339 || fm_format_before_1970(f) ||
		     (f == FM_FMT_PATTERN && fm_time_pattern_has_date(d->cols[i].pattern))))
			return fm_yaml_fail(
			    root, err,
			    "column '%s' has dates, and relative_to is for times that count from a start: "
			    "give it a unit such as seconds, or a pattern of a time of day",
			    d->cols[i].name);
	}
	for (int i = 0; i < d->ncols; i++) {
		if (!d->blanks && (strchr(d->cols[i].name, d->delimiter) || strchr(d->cols[i].name, '"')))
			return fm_yaml_fail(root, err, "column name '%s' has a quote or the delimiter in it",
					    d->cols[i].name);
		/* Times are written with a blank between date and hour. */
		if (d->cols[i].words > 1 && !d->blanks)
			return fm_yaml_fail(root, err, "column '%s': words is for delimiter: blanks", d->cols[i].name);
		if (d->cols[i].col >= 0 && d->cols[i].format == FM_FMT_DATETIME && d->delimiter == ' ' &&
		    d->cols[i].words != 2)
			return fm_yaml_fail(root, err, "the delimiter is a blank, which column '%s' has inside%s",
					    d->cols[i].name, d->blanks ? ": give it words: 2" : "");
	}
	return FM_OK;
}

/* What a dialect without some columns of a flow may still say. */
static int check_absent(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	const unsigned sizes = 1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT, both = 1u << FM_SA | 1u << FM_DA,
		       ends = both | 1u << FM_SP | 1u << FM_DP, pr = 1u << FM_PR, counts = 1u << FM_PKT | 1u << FM_BYT;
	const struct fm_yaml *v = fm_yaml_child(root, "absent");
	char text[64];

	if (!d->absent)
		return FM_OK;
	if (d->packets || d->ipfix)
		return fm_yaml_fail(v, err, "absent is for tables: packets and records of IPFIX tell what flows have");
	if (d->absent & d->present)
		return fm_yaml_fail(v, err, "absent names what a column fills: %s",
				    fm_columns_text(d->absent & d->present, text, sizeof(text)));
	if ((d->absent & both) && (d->absent & both) != both)
		return fm_yaml_fail(v, err, "absent: a source has both addresses or none: sa and da");
	if ((d->absent & sizes) == sizes)
		return fm_yaml_fail(v, err, "absent: of td, pkt and byt a source needs one at least");
	if ((d->absent & both) && d->ninternal)
		return fm_yaml_fail(v, err, "internal is for addresses, and absent names them: sa da");
	if (d->absent & (1u << FM_SP | 1u << FM_DP | pr) && d->icmp)
		return fm_yaml_fail(v, err, "icmp is for sources with sp, dp and pr, which absent names");
	if (d->absent & counts && (d->sampling > 1))
		return fm_yaml_fail(v, err, "sampling is for sources with pkt and byt, which absent names");
	for (int i = 0; i < d->ncols; i++) {
		const char *what = NULL;

		/* In a reversed row the one port would belong to the other end. */
		if (d->cols[i].nreversed && (d->absent >> FM_SP & 1u) != (d->absent >> FM_DP & 1u))
			what = "reversed";
		else if (d->cols[i].role == FM_ROLE_REPLY && d->absent & (ends | pr | counts))
			what = "reply";
		else if (d->cols[i].samples && d->absent & counts)
			what = "a sampling rate";
		else if (d->cols[i].role == FM_ROLE_START && d->absent >> FM_TD & 1u)
			what = "start";
		else if ((d->cols[i].format == FM_FMT_TYPE_CODE || fm_dialect_is_icmp(d, i)) &&
			 d->absent & (1u << FM_SP | 1u << FM_DP | pr))
			what = "type and code of ICMP";
		if (what)
			return fm_yaml_fail(v, err, "column '%s': %s needs what absent names: %s", d->cols[i].name,
					    what, fm_columns_text(d->absent, text, sizeof(text)));
	}
	return FM_OK;
}

int fm_dialect_check(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err)
{
	int rc;

	if ((rc = check_whole(d, root, err)) < 0 || (rc = check_around(d, root, err)) < 0 ||
	    (rc = check_marks(d, root, err)) < 0 || (rc = check_zone(d, root, err)) < 0 ||
	    (rc = check_absent(d, root, err)) < 0 || (rc = check_constants(d, root, err)) < 0)
		return rc;
	return check_packets(d, root, err);
}
