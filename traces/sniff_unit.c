/* The unit of a column of durations that is guessed, by the times from start to end (sniff_parts.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "manifests/dialect.h"
#include "traces/sniff_parts.h"
#include "traces/value.h"

static const struct {
	const char *name;
	enum fm_format format;
} units[] = {{"seconds", FM_FMT_SECONDS},
	     {"milliseconds", FM_FMT_MILLISECONDS},
	     {"microseconds", FM_FMT_MICROSECONDS},
	     {"nanoseconds", FM_FMT_NANOSECONDS}};
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
