/* Files that are no table of flows, told by their first lines, with what makes them one (sniff_parts.h). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "traces/no_row.h"
#include "traces/sniff_parts.h"

static bool has_text(const struct fm_sniff_page *p, const char *s)
{
	return p->text.data && memmem(p->text.data, p->text.len, s, strlen(s));
}

static bool begins_as_json(const struct fm_sniff_page *p)
{
	return p->nlines && (*p->line[0].s == '{' || !strncmp(p->line[0].s, "[{", 2));
}

/* JSON of which no line is an object, or whose objects hold the flows further inside. */
static int other_json(const struct fm_sniff_page *p, const char *path, struct fm_error *err)
{
	const struct fm_sniff_field *key = p->cell[0], *value = p->cell[1];

	if (has_text(p, "\"flowTuples\""))
		return fm_fail(
		    err, FM_EINPUT,
		    "%s is a flow log of Azure, which has flowTuples, records of one time each and without a "
		    "duration: join those of a flow first (by its begin and its end, B and E), as CSV with two "
		    "times, or with a time and a duration",
		    path);
	if ((p->json && p->nfields > 1 && key[0].n > 2 && !memcmp(key[0].s + key[0].n - 2, ".0", 2) && key[1].n > 2 &&
	     !memcmp(key[1].s + key[1].n - 2, ".1", 2)) ||
	    (begins_as_json(p) && !p->json && has_text(p, "\"columns\"") && has_text(p, "\"data\"")))
		return fm_fail(err, FM_EINPUT,
			       "%s has the columns of the table one by one, as pandas' to_json() writes it: "
			       "to_json(PATH, orient=\"records\", lines=True) writes an object for each flow",
			       path);
	for (int k = 0; p->json && p->nlines > 1 && k < p->nfields && k < p->ncells[1]; k++)
		if (value[k].n > 2 && value[k].s[0] == '{' && (value[k].s[1] == '"' || value[k].s[1] == '\\'))
			return fm_fail(
			    err, FM_EINPUT,
			    "%s has JSON as a text inside of JSON, in the key %.*s, as logs of containers do: "
			    "jq -r '.\"%.*s\"' FILE writes it out",
			    path, (int)key[k].n, key[k].s, (int)key[k].n, key[k].s);
	if (*p->list && (!p->json || p->nfields < FM_SNIFF_FEWEST))
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has its records in a list inside of an object: jq -c '%s[]' FILE writes each on a line "
		    "of its own",
		    path, p->list);
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

/* name=value */
static bool is_pair(const struct fm_sniff_field *f)
{
	size_t i = 0;

	while (i < f->n && (isalnum((unsigned char)f->s[i]) || strchr("_.-", f->s[i])))
		i++;
	return i > 0 && i < f->n && f->s[i] == '=' && isalpha((unsigned char)*f->s);
}

static bool has_json_behind(const struct fm_sniff_field *line)
{
	return line->n > 3 && *line->s != '{' && line->s[line->n - 1] == '}' && memmem(line->s, line->n, "{\"", 2);
}

static bool is_between(const struct fm_sniff_field *f, char quote)
{
	return f->n > 1 && *f->s == quote && f->s[f->n - 1] == quote;
}

/* Logs, whose lines name their values, or have JSON behind a time. */
static int other_log(const struct fm_sniff_page *p, const char *path, struct fm_error *err)
{
	int pairs = 0, cells = 0, json = 0, single = 0, some = 0, values = p->nlines > 1;

	for (int i = 0; i < p->nlines && !p->json; i++) {
		json += has_json_behind(&p->line[i]);
		for (int k = 0; k < p->ncells[i] && k < FM_SNIFF_FIELDS; k++) {
			cells++;
			pairs += is_pair(&p->cell[i][k]);
			some += i == values && p->cell[i][k].n > 0;
			single += i == values && is_between(&p->cell[i][k], '\'');
		}
	}
	if (json * 2 > p->nlines)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has JSON behind other text on its lines: sed 's/^[^{]*//' FILE leaves the JSON alone", path);
	if (pairs > 4 && pairs * 2 > cells)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has a name before each value (name=value): write it as JSON or CSV first, as Miller does: "
		    "mlr --idkvp --ifs ' ' --ojsonl cat FILE",
		    path);
	if (single * 2 > some)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s has its values between single quotes, which are none in CSV: have it written with double "
		    "quotes (sed \"s/'/\\\"/g\" FILE)",
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

	if (p->json || p->marked || p->blanks || p->nfields < FM_SNIFF_FEWEST || p->nlines < 3)
		return FM_OK;
	while (titles < p->nlines - 1 && filled(p, titles) * 2 < p->nfields)
		titles++;
	if (titles && titles < FM_SNIFF_TITLES && filled(p, titles) * 4 > p->nfields * 3) {
		for (const char *s = p->text.data; s < p->line[titles].s; s++)
			lines += *s == '\n';
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: the table seems to begin on line %d: take away the lines before it (tail -n +%d FILE)", path,
		    lines, lines);
	}
	for (int i = 1; i < p->nlines; i++)
		wider += p->ncells[i] == p->ncells[0] + 1 && p->cell[i][p->ncells[0]].n > 0;
	if (p->ncells[0] + 1 == p->nfields && p->names && wider == p->nlines - 1)
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
