/* Files that are no table of flows, told by their first lines, with what makes them one (sniff_parts.h). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/table.h"
#include "base/text.h"
#include "traces/json_line.h"
#include "traces/no_row.h"
#include "traces/sniff_json.h"
#include "traces/sniff_parts.h"

static bool has_text(const struct fm_sniff_page *p, const char *s)
{
	return p->text.data && memmem(p->text.data, p->text.len, s, strlen(s));
}

/* Lists of values in place of objects, one a line or all in one; [2001:db8::1]:443 in front of a row is none. */
static bool has_bare_lists(const struct fm_sniff_page *p)
{
	const struct fm_sniff_field *line = p->line;
	size_t n = p->nlines ? line->n : 0;

	n -= n && line->s[n - 1] == ',';
	if (n < 3 || *line->s != '[' || line->s[n - 1] != ']')
		return false;
	return line->s[1] == '[' || line->s[1] == '"' ||
	       (isdigit((unsigned char)line->s[1]) && !memchr(line->s, ']', n - 1));
}

static bool begins_as_json(const struct fm_sniff_page *p)
{
	return p->nlines && (*p->line[0].s == '{' || !strncmp(p->line[0].s, "[{", 2));
}

/* Do the names of columns, but for those of JSON inside of JSON, tell a flow? */
static bool tells_flow(const struct fm_sniff_page *p)
{
	unsigned cols = 0;

	for (int k = 0; k < p->nfields && k < p->ncells[0]; k++) {
		struct fm_sniff_name name;

		if (fm_sniff_column(p, k, &name))
			cols |= 1u << name.col;
	}
	return cols >> FM_SA & 1u && cols >> FM_DA & 1u && __builtin_popcount(cols) >= FM_SNIFF_FEWEST;
}

/* Does each key end with a number, as those of lists of values do: start.0, start.1? */
static bool has_indices(const struct fm_sniff_page *p)
{
	for (int k = 0; k < p->nfields; k++) {
		const struct fm_sniff_field *f = &p->cell[0][k];
		size_t n = f->n;

		while (n && isdigit((unsigned char)f->s[n - 1]))
			n--;
		if (n < 2 || n == f->n || f->s[n - 1] != '.')
			return false;
	}
	return p->nfields > 1;
}

/* JSON that stands in the key k as a text. */
static int json_inside(const struct fm_sniff_page *p, int k, const char *path, struct fm_error *err)
{
	const struct fm_sniff_field *key = &p->cell[0][k];
	char command[4 * FM_JSON_KEY_MAX];
	struct fm_buf jq = {0};
	int rc;

	if (!fm_sniff_jq_key(&jq, key->s, key->n))
		jq.len = 0;
	if ((rc = fm_buf_check(&jq, err)) >= 0)
		rc =
		    fm_fail(err, FM_EINPUT,
			    "%s has JSON as a text inside of JSON, in the key %.*s, as logs of containers do: jq -r %s "
			    "FILE writes it out",
			    path, (int)key->n, key->s,
			    jq.len ? fm_text_shell(jq.data, jq.len, "PATH", command, sizeof command) : "PATH");
	fm_buf_free(&jq);
	return rc;
}

/* JSON of which no line is an object, or whose objects hold the flows further inside. */
static int other_json(const struct fm_sniff_page *p, const char *path, struct fm_error *err)
{
	const struct fm_sniff_field *value = p->cell[1];
	char command[4 * FM_SNIFF_LIST];

	if (has_text(p, "\"flowTuples\""))
		return fm_fail(
		    err, FM_EINPUT,
		    "%s is a flow log of Azure, which has flowTuples, records of one time each and without a "
		    "duration: join those of a flow first (by its begin and its end, B and E), as CSV with two "
		    "times, or with a time and a duration",
		    path);
	if (p->vflow)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s is of vFlow, whose records are lists of elements with their numbers in IANA's registry: "
		    "jq -c '.DataSets[] | map({(\"e\" + (.I | tostring)): .V}) | add' FILE writes each as an object "
		    "(e8 is the source's address)",
		    path);
	if ((p->json && has_indices(p)) ||
	    (begins_as_json(p) && !p->json && has_text(p, "\"columns\"") && has_text(p, "\"data\"")))
		return fm_fail(err, FM_EINPUT,
			       "%s has the columns of the table one by one, as pandas' to_json() writes it: "
			       "to_json(PATH, orient=\"records\", lines=True) writes an object for each flow",
			       path);
	for (int k = 0; p->json && p->nlines > 1 && k < p->nfields && k < p->ncells[1] && !tells_flow(p); k++)
		if (value[k].n > 2 && value[k].s[0] == '{' && (value[k].s[1] == '"' || value[k].s[1] == '\\'))
			return json_inside(p, k, path, err);
	if (*p->list && (!p->json || p->nfields < FM_SNIFF_FEWEST)) {
		char program[FM_SNIFF_LIST + 2];

		snprintf(program, sizeof program, "%s[]", p->list);
		return fm_fail(err, FM_EINPUT,
			       "%s has its records in a list inside of an object: jq -c %s FILE writes each on a line "
			       "of its own",
			       path, fm_text_shell(program, strlen(program), "PATH[]", command, sizeof command));
	}
	if (!p->json && has_bare_lists(p))
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has lists of values without names as its records: jq -r '%s' FILE writes them as CSV "
		    "without a header",
		    path, p->line[0].s[1] == '[' ? ".[] | @csv" : "@csv");
	if (p->json || !begins_as_json(p))
		return FM_OK;
	if (p->line[0].n > 1 && p->line[0].s[1] == '\'')
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has dictionaries as Python shows them, with single quotes, and no JSON: json.dumps() "
		    "writes each as JSON",
		    path);
	return fm_fail(
	    err, FM_EINPUT,
	    "%s begins as JSON does, and none of its lines is an object: jq -c . FILE writes each object on a "
	    "line of its own",
	    path);
}

/* name=value, or with another mark between them (octets>:130) */
static bool is_pair(const struct fm_sniff_field *f, char mark)
{
	size_t i = 0;

	while (i < f->n && f->s[i] && (isalnum((unsigned char)f->s[i]) || strchr("_.-<>", f->s[i])))
		i++;
	if (!i || i == f->n || f->s[i] != mark || !isalpha((unsigned char)*f->s))
		return false;
	return mark == '=' || (i + 1 < f->n && f->s[i + 1] != mark); /* of names and = many have no value behind it */
}

/* ="value", which Excel leaves as it stands */
static bool is_formula(const struct fm_sniff_field *f)
{
	return f->n > 1 && f->s[0] == '=' && f->s[1] == '"'; /* the quote at its end was taken away */
}

/* The traffic log of PAN-OS in which sessions only begin. */
static bool are_starts_of_panos(const struct fm_sniff_page *p)
{
	enum { TYPE = 3, SUBTYPE = 4, ELAPSED = 36 };
	int starts = 0;

	for (int i = 0; i < p->nlines && p->delimiter == ',' && !p->json; i++) {
		const struct fm_sniff_field *f = p->cell[i];

		if (p->ncells[i] <= ELAPSED || f[TYPE].n != 7 || memcmp(f[TYPE].s, "TRAFFIC", 7) != 0 ||
		    f[SUBTYPE].n != 5 || memcmp(f[SUBTYPE].s, "start", 5) != 0)
			return false;
		starts++;
	}
	return starts > 0;
}

/* What yafscii writes without --tabular: 10.0.0.1:53 => 192.0.2.7:35203 ... (1/130 -> ...) */
static bool is_yafscii(const struct fm_sniff_page *p)
{
	int lines = 0;

	for (int i = 0; i < p->nlines; i++) {
		const struct fm_sniff_field *f = &p->line[i];

		lines +=
		    memmem(f->s, f->n, " => ", 4) && (memmem(f->s, f->n, " <-> ", 5) || memmem(f->s, f->n, " ->)", 4));
	}
	return p->nlines > 0 && lines == p->nlines;
}

/* JSON at the end of a line, behind text that is no row: of a table it is the last column. */
static bool has_json_behind(const struct fm_sniff_page *p, int i)
{
	const struct fm_sniff_field *line = &p->line[i];
	const char *json = memmem(line->s, line->n, "{\"", 2);
	int before = 0;

	if (line->n < 4 || *line->s == '{' || line->s[line->n - 1] != '}' || !json)
		return false;
	for (int k = 0; k < p->ncells[i] && p->cell[i][k].s + p->cell[i][k].n <= json && p->delimiter != ' '; k++)
		before++;
	return before < FM_SNIFF_FEWEST || p->blanks;
}

static bool is_between(const struct fm_sniff_field *f, char quote)
{
	return f->n > 1 && *f->s == quote && f->s[f->n - 1] == quote;
}

/* A table whose columns are cut by U+2502, as DuckDB and SQLite draw it. */
static bool is_drawn(const struct fm_sniff_page *p)
{
	int drawn = 0;

	for (int i = 0; i < p->nlines; i++)
		drawn += p->line[i].n > 3 && !memcmp(p->line[i].s, "\xe2\x94\x82", 3);
	return drawn * 2 > p->nlines;
}

/* Logs, whose lines name their values, or have JSON behind a time. */
static int other_log(const struct fm_sniff_page *p, const char *path, struct fm_error *err)
{
	int pairs = 0, colons = 0, cells = 0, json = 0, single = 0, formulas = 0, some = 0, values = p->nlines > 1;

	for (int i = 0; i < p->nlines && !p->json; i++) {
		json += has_json_behind(p, i);
		for (int k = 0; k < p->ncells[i] && k < FM_SNIFF_FIELDS; k++) {
			cells++;
			pairs += is_pair(&p->cell[i][k], '=');
			colons += is_pair(&p->cell[i][k], ':');
			formulas += i == values && is_formula(&p->cell[i][k]);
			some += i == values && p->cell[i][k].n > 0;
			single += i == values && is_between(&p->cell[i][k], '\'');
		}
	}
	if (is_drawn(p))
		return fm_fail(err, FM_EINPUT,
			       "%s is a table drawn with lines, for people: have it written as CSV (.mode csv)", path);
	if (json * 2 > p->nlines)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has JSON behind other text on its lines, as syslog writes it: have the JSON written alone; "
		    "where it has the times of the flows, sed 's/^[^{]*//' FILE leaves out what stands before it",
		    path);
	if (pairs > 4 && pairs * 2 > cells)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has a name before each value (name=value): write it as JSON or CSV first, as Miller does: "
		    "mlr --idkvp --ifs ' ' --ojsonl cat FILE",
		    path);
	if (colons > 4 && colons * 2 > cells)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has a name before each value (name:value): write it as JSON or CSV first, as Miller does: "
		    "mlr --idkvp --ifs ' ' --ips ':' --ojsonl cat FILE",
		    path);
	if (is_yafscii(p))
		return fm_fail(err, FM_EINPUT,
			       "%s is what yafscii writes for people: have it written with yafscii --tabular "
			       "--print-header",
			       path);
	if (are_starts_of_panos(p))
		return fm_fail(err, FM_EINPUT,
			       "%s is a traffic log of PAN-OS in which sessions only begin, before their packets are "
			       "counted: have it log them at their end",
			       path);
	if (formulas * 2 > some)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has its values as formulas of Excel (=\"80\"): sed 's/\"*=\"*\\([^\",;\\t]*\\)\"*/\\1/g' FILE "
		    "writes the values alone",
		    path);
	if (single * 2 > some)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has its values between single quotes, which are none in CSV: have it written with double "
		    "quotes (sed \"s/'/\\\"/g\" FILE, where no value has a quote inside)",
		    path);
	return FM_OK;
}

static int filled(const struct fm_sniff_page *p, int row)
{
	int n = 0;

	for (int k = 0; k < p->ncells[row] && k < FM_SNIFF_FIELDS; k++)
		n += p->cell[row][k].n > 0;
	return n;
}

/* A title before the names, and names that lack the first one. */
static int other_header(const struct fm_sniff_page *p, const char *path, struct fm_error *err)
{
	int titles = 0, lines = 1, wider = 0;
	bool values = false; /* before the table: a title may say when it was made, and a row has more of them */

	if (p->json || p->marked || p->blanks || p->nfields < FM_SNIFF_FEWEST || p->nlines < 3)
		return FM_OK;
	for (; titles < p->nlines - 1 && filled(p, titles) * 2 < p->nfields; titles++)
		values = values || !fm_sniff_has_no_value(p, titles);
	if (titles && (!values || fm_sniff_has_no_value(p, titles)) && titles < FM_SNIFF_TITLES &&
	    filled(p, titles) * 4 > p->nfields * 3) {
		for (const char *s = p->text.data; s < p->line[titles].s; s++)
			lines += *s == '\n';
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: the table seems to begin on line %d: take away the lines before it (tail -n +%d FILE)", path,
		    lines, lines);
	}
	for (int i = 1; i < p->nlines; i++)
		wider += p->ncells[i] == p->ncells[0] + 1 && p->cell[i][p->ncells[0]].n > 0;
	if (p->ncells[0] + 1 == p->nfields && !p->wide && p->names && wider == p->nlines - 1)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: its rows have a column more than its names: R's write.table() has none for the names of "
		    "rows; write it without them (row.names = FALSE), or put a name in front of line 1",
		    path);
	return FM_OK;
}

int fm_sniff_other(const struct fm_sniff_page *p, const char *path, struct fm_error *err)
{
	int rc;

	if ((rc = other_json(p, path, err)) < 0 || (rc = other_log(p, path, err)) < 0 ||
	    (rc = other_header(p, path, err)) < 0)
		return rc;
	if (p->nlines == 1 && fm_no_row_cr(p->line[0].s, p->line[0].n))
		return fm_fail(err, FM_EINPUT,
			       "%s: its lines end with a carriage return alone: write it anew with tr '\\r' '\\n'",
			       path);
	if (p->nlines && fm_no_row_summary(p->line[0].s, p->line[0].n))
		return fm_fail(err, FM_EINPUT, "%s begins with nfdump's summary, and no flow stands before it", path);
	if (p->nfields < 2)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: no tab, semicolon, bar, comma or blank cuts its first lines into columns of flows: another "
		    "program has to write it as CSV first",
		    path);
	if (p->nfields < FM_SNIFF_FEWEST)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: %d columns are too few for flows, which have a time, two addresses, packets and bytes at "
		    "least",
		    path, p->nfields);
	return FM_OK;
}
