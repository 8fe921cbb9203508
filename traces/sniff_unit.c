/* What times and packets tell of each other (sniff_parts.h): the unit of durations, which of two times is the first,
 * and which date goes with which time of day. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "manifests/dialect.h"
#include "manifests/time_pattern.h"
#include "traces/sniff_parts.h"
#include "traces/value.h"

static const struct {
	const char *name;
	enum fm_format format;
} units[] = {{"seconds", FM_FMT_SECONDS},           {"milliseconds", FM_FMT_MILLISECONDS},
	     {"microseconds", FM_FMT_MICROSECONDS}, {"nanoseconds", FM_FMT_NANOSECONDS},
	     {"minutes", FM_FMT_MINUTES},           {"hours", FM_FMT_HOURS}};
#define NUNITS ((int)(sizeof units / sizeof *units))

/* Columns of d: the times at both ends, and the duration in each unit. */
enum { START, END, FIRST_UNIT };

static void set_format(struct fm_dialect *d, int k, const char *format)
{
	d->cols[k].col = FM_TE;
	d->cols[k].day_starts = -1;
	if (strchr(format, '%')) {
		d->cols[k].format = FM_FMT_PATTERN;
		snprintf(d->cols[k].pattern, sizeof d->cols[k].pattern, "%s", format);
	}
	for (int u = 0; u < NUNITS; u++)
		if (!strcmp(format, units[u].name))
			d->cols[k].format = units[u].format;
}

static bool time_at(const struct fm_dialect *d, int column, const struct fm_sniff_page *p, int i, int k, int64_t *ms)
{
	struct fm_time_said said;

	return k < p->ncells[i] && !fm_value_time(d, column, p->cell[i][k].s, p->cell[i][k].n, ms, &said);
}

/* In how many rows is column td, in each unit, about as long as from start to end? */
static int count_rows(const struct fm_sniff_page *p, struct fm_dialect *d, int start, int end, int td, int fits[NUNITS])
{
	int rows = 0;

	for (int i = p->header; i < p->nlines; i++) {
		int64_t from, to;
		uint32_t ms;

		if (td >= p->ncells[i] || !time_at(d, START, p, i, start, &from) || !time_at(d, END, p, i, end, &to) ||
		    to <= from)
			continue;
		rows++;
		for (int u = 0; u < NUNITS; u++)
			fits[u] += !fm_value_duration(d, FIRST_UNIT + u, p->cell[i][td].s, p->cell[i][td].n, &ms) &&
				   llabs((int64_t)ms - (to - from)) <= (to - from) / 8;
	}
	return rows;
}

int fm_sniff_unit(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int td, const char **unit,
		  struct fm_error *err)
{
	int start = fm_sniff_taken_by(g, p->nfields, FM_TE, true), end = fm_sniff_taken_by(g, p->nfields, FM_TE, false);
	int fits[NUNITS] = {0}, rows, best = 0, others = 0, rc;
	struct fm_dialect *d;

	*unit = NULL;
	if (start < 0 || end < 0)
		return FM_OK;
	if ((rc = fm_alloc(&d, 1, sizeof *d, "units of durations", err)) < 0)
		return rc;
	set_format(d, START, g[start].format);
	set_format(d, END, g[end].format);
	for (int u = 0; u < NUNITS; u++) {
		d->cols[FIRST_UNIT + u].col = FM_TD;
		d->cols[FIRST_UNIT + u].format = units[u].format;
	}
	rows = count_rows(p, d, start, end, td, fits);
	free(d);
	for (int u = 1; u < NUNITS; u++)
		best = fits[u] > fits[best] ? u : best;
	for (int u = 0; u < NUNITS; u++)
		others += u != best ? fits[u] : 0;
	if (fits[best] * 4 > rows && others * 4 < fits[best])
		*unit = units[best].name;
	return FM_OK;
}

void fm_sniff_order(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int a, int b, int order[3])
{
	struct fm_error ignored;
	struct fm_dialect *d;

	order[0] = order[1] = order[2] = 0;
	if (fm_alloc(&d, 1, sizeof *d, "times", &ignored) < 0)
		return;
	set_format(d, START, g[a].format);
	set_format(d, END, g[b].format);
	for (int i = p->header; i < p->nlines; i++) {
		int64_t from, to;

		if (time_at(d, START, p, i, a, &from) && time_at(d, END, p, i, b, &to) &&
		    llabs(to - from) <= UINT32_MAX)
			order[1 + (from > to) - (from < to)]++;
	}
	free(d);
}

const char *fm_sniff_unit_within(const char *name, bool types)
{
	const size_t n = strlen(name);

	if (strstr(name, "nano") || strstr(name, "_ns"))
		return "nanoseconds";
	if (strstr(name, "ms") || strstr(name, "milli"))
		return "milliseconds";
	if (strstr(name, "micro") || strstr(name, "us)") || strstr(name, "us]") || strstr(name, "_us"))
		return "microseconds";
	return n > 2 && !strcmp(name + n - 2, "_s") && !types ? "seconds" : NULL;
}

#define LONGEST_GAP 1800 /* seconds; what counts flows has forgotten them long before */
#define FEWEST_FINE 3    /* rows: a flow may be idle for hours */

bool fm_sniff_is_fine(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int td)
{
	int rows = 0, fine = 0;

	if (g[td].fraction) /* a unit below seconds seldom has parts */
		return false;
	for (int i = p->header; i < p->nlines; i++) {
		uint64_t packets = 0, some, lasts = 0;

		for (int k = 0; k < p->nfields; k++)
			if (g[k].col == FM_PKT && fm_sniff_counts_at(p, i, k, td, &some, &lasts) && some < UINT32_MAX)
				packets += some;
		rows += packets > 1 && lasts > 0;
		fine += packets > 1 && lasts / (packets - 1) > LONGEST_GAP;
	}
	return fine >= FEWEST_FINE && fine * 2 >= rows;
}

/* A date and a time of day in two columns, where no column has both. */
void fm_sniff_by_halves(const struct fm_sniff_page *p, struct fm_sniff_guess *g, int from)
{
	static const char *const halves[2][6] = {{"%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d"},
						 {"%H:%M:%S", "%H:%M:%S.%f", "%H:%M", "%I:%M:%S %p", "%I:%M %p", NULL}};
	int at[2] = {-1, -1}, form[2] = {0};

	for (int k = 0; k < p->nfields; k++)
		for (int i = 0; i < 12; i++) {
			const char *pattern = halves[i / 6][i % 6];
			int row = from;
			int64_t ms;

			while (pattern && row < p->nlines && k < p->ncells[row] &&
			       !fm_time_pattern_read(pattern, -1, NULL, p->cell[row][k].s, p->cell[row][k].n, &ms))
				row++;
			if (row == p->nlines && row > from && at[i / 6] < 0 && g[k].col < 0) {
				at[i / 6] = k;
				form[i / 6] = i % 6;
			}
		}
	for (int h = 0; h < 2 && at[0] >= 0 && at[1] >= 0 && at[0] != at[1]; h++) {
		fm_sniff_take(&g[at[h]], FM_TE, true, h ? "the time of day" : "the date: or is it the end (te)?");
		g[at[h]].format = halves[h][form[h]];
		g[at[h]].sum = true;
	}
}
