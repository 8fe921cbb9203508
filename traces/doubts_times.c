/* doubts_times.c - times that are far from those of the other rows (doubts.h). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "traces/doubts.h"

#define DAY_MS INT64_C(86400000)
#define FAR_SPANS 10 /* a piece is far when it is this many lengths of the others away */

/* The year of a time since 1970, by the days of a Gregorian year: at most a day off the calendar's. */
static size_t year_of(int64_t ms)
{
	int64_t year = ms < 0 ? 0 : ms / INT64_C(31556952000);

	return year < FM_DOUBT_YEARS ? (size_t)year : FM_DOUBT_YEARS - 1;
}

static int64_t gap_between(const struct fm_doubt_pieces *p, size_t a, size_t b)
{
	int64_t gap = p->at[b].least_ms > p->at[a].least_ms ? p->at[b].least_ms - p->at[a].most_ms
							    : p->at[a].least_ms - p->at[b].most_ms;

	return gap > 0 ? gap : 0;
}

static void add_examples(struct fm_examples *to, const struct fm_examples *from)
{
	struct fm_examples both = {.n = to->n + from->n};
	size_t t = 0, f = 0;

	for (size_t i = 0; i < FM_DOUBT_EXAMPLES && i < both.n; i++)
		both.line[i] =
		    f >= from->n || (t < to->n && to->line[t] < from->line[f]) ? to->line[t++] : from->line[f++];
	*to = both;
}

/* Make b a part of a. */
static void join(struct fm_doubt_pieces *p, size_t a, size_t b)
{
	if (p->at[b].least_ms < p->at[a].least_ms)
		p->at[a].least_ms = p->at[b].least_ms;
	if (p->at[b].most_ms > p->at[a].most_ms)
		p->at[a].most_ms = p->at[b].most_ms;
	add_examples(&p->at[a].rows, &p->at[b].rows);
	p->at[b] = p->at[--p->n];
}

/* The piece that is nearest to piece a; a where it is the only one. */
static size_t nearest(const struct fm_doubt_pieces *p, size_t a)
{
	size_t best = a;

	for (size_t i = 0; i < p->n; i++)
		if (i != a && (best == a || gap_between(p, i, a) < gap_between(p, best, a)))
			best = i;
	return best;
}

static void put_in_piece(struct fm_doubt_pieces *p, int64_t ms, uint64_t place)
{
	size_t at = p->n++, next;

	p->at[at].least_ms = p->at[at].most_ms = ms;
	p->at[at].rows = (struct fm_examples){0};
	fm_examples_add(&p->at[at].rows, place);
	while ((next = nearest(p, at)) != at &&
	       (p->n == FM_DOUBT_PIECES || gap_between(p, at, next) <= FM_DOUBT_GAP_MS)) {
		if (next > at) {
			size_t swap = at;

			at = next;
			next = swap;
		}
		join(p, next, at);
		at = next;
	}
	p->last = at;
}

void fm_doubts_time(struct fm_doubts *d, int64_t ms, uint64_t place)
{
	struct fm_doubt_pieces *p = &d->pieces;
	int64_t *least = &p->at[p->last].least_ms, *most = &p->at[p->last].most_ms,
		more = p->n == 1 ? FM_DOUBT_GAP_MS : 0;

	fm_examples_add(&d->year[year_of(ms)], place);
	if (!p->n || ms < *least - more || ms > *most + more) {
		put_in_piece(p, ms, place);
		return;
	}
	fm_examples_add(&p->at[p->last].rows, place);
	*least = ms < *least ? ms : *least;
	*most = ms > *most ? ms : *most;
}

/* Groups of years with at least one empty year between them: the largest is the trace; warn of the others. */
static int far_years(const struct fm_doubts *d, const char *path, struct fm_error *err)
{
	size_t from[FM_DOUBT_YEARS], to[FM_DOUBT_YEARS] = {0}, n = 0, best = 0;
	uint64_t rows[FM_DOUBT_YEARS];
	char lines[FM_EXAMPLES_MAX], what[256];

	for (size_t y = 0; y < FM_DOUBT_YEARS; y++) {
		if (!d->year[y].n)
			continue;
		if (n == 0 || y > to[n - 1] + 2) {
			from[n] = y;
			rows[n++] = 0;
		}
		to[n - 1] = y;
		rows[n - 1] += d->year[y].n;
	}
	/* A clock that was never set says 1970, however many rows have it. */
	for (size_t g = 1; g < n; g++)
		best = rows[g] > rows[best] || (g == 1 && from[0] == 0) ? g : best;
	for (size_t g = 0; g < n; g++) {
		if (g == best)
			continue;
		snprintf(what, sizeof what,
			 "%llu of %llu rows have times about %zu, %zu years from the others (%s): the trace spans %zu "
			 "years",
			 (unsigned long long)rows[g], (unsigned long long)d->rows, 1970 + from[g],
			 g < best ? from[best] - to[g] : from[g] - to[best],
			 fm_examples_text(&d->year[from[g]], d->place, lines), to[n - 1] - from[0]);
		if ((double)rows[g] > FM_DOUBT_FAR_SHARE * (double)d->rows)
			return fm_fail(err, FM_EINPUT,
				       "%s: %s; over a quarter of the rows is more than a wrong clock: ingest each "
				       "time on its own",
				       path, what);
		fm_warn("%s: %s; a wrong clock? leave them out before ingest", path, what);
	}
	return FM_OK;
}

/* Are there two empty years between the pieces, so that far_years has said it? */
static bool is_years_apart(const struct fm_doubts *d, size_t a, size_t b)
{
	const struct fm_doubt_pieces *p = &d->pieces;
	bool after = p->at[b].least_ms > p->at[a].most_ms;
	size_t from = year_of(p->at[after ? a : b].most_ms), to = year_of(p->at[after ? b : a].least_ms);

	for (size_t y = from + 1; y + 1 < to; y++)
		if (!d->year[y].n && !d->year[y + 1].n)
			return true;
	return false;
}

/* Pieces that are nearer: over a month away, and over ten times as long as the largest one. */
static void far_pieces(const struct fm_doubts *d, const char *path)
{
	const struct fm_doubt_pieces *p = &d->pieces;
	char lines[FM_EXAMPLES_MAX];
	size_t most = 0;

	for (size_t i = 1; i < p->n; i++)
		most = p->at[i].rows.n > p->at[most].rows.n ? i : most;
	for (size_t i = 0; i < p->n; i++) {
		int64_t gap = gap_between(p, most, i), span = p->at[most].most_ms - p->at[most].least_ms;
		uint64_t rows = p->at[i].rows.n;

		if (i == most || gap <= FAR_SPANS * span || is_years_apart(d, most, i))
			continue;
		fm_warn(
		    "%s: %llu of %llu rows have times %lld days %s those of most others (%s), which span %lld day%s: "
		    "a wrong clock? leave them out before ingest",
		    path, (unsigned long long)rows, (unsigned long long)d->rows, (long long)(gap / DAY_MS),
		    p->at[i].least_ms < p->at[most].least_ms ? "before" : "after",
		    fm_examples_text(&p->at[i].rows, d->place, lines), (long long)(span / DAY_MS) + 1,
		    span < DAY_MS ? "" : "s");
	}
}

/* NTP counts from 1900: its time of 2024 is 2094 when it is read as a time since 1970. */
static void all_to_come(const struct fm_doubts *d, const char *path)
{
	const struct fm_doubt_pieces *p = &d->pieces;
	int64_t now_ms = (int64_t)time(NULL) * 1000, least_ms = INT64_MAX;

	for (size_t i = 0; i < p->n; i++)
		least_ms = p->at[i].least_ms < least_ms ? p->at[i].least_ms : least_ms;
	if (p->n && least_ms > now_ms + DAY_MS)
		fm_warn("%s: all %llu times lie in the future, in %zu or later: do they count from another time than "
			"1970, as "
			"NTP's from 1900 do (relative_to in the dialect), or is the clock of this machine wrong?",
			path, (unsigned long long)d->rows, 1970 + year_of(least_ms));
}

int fm_doubts_times(const struct fm_doubts *d, const char *path, struct fm_error *err)
{
	int rc = far_years(d, path, err);

	if (rc == FM_OK) {
		far_pieces(d, path);
		all_to_come(d, path);
	}
	return rc;
}
