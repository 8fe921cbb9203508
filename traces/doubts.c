#include "traces/doubts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

/* The year of a time since 1970, by the days of a Gregorian year: at most a day beside the calendar's. */
static size_t year_of(int64_t ms)
{
	int64_t year = ms < 0 ? 0 : ms / INT64_C(31556952000);

	return year < FM_DOUBT_YEARS ? (size_t)year : FM_DOUBT_YEARS - 1;
}

static int grow_labels(struct fm_doubts *d, size_t n, struct fm_error *err)
{
	uint64_t *label = n > d->nlabels ? reallocarray(d->label, n, sizeof *label) : d->label;

	if (n <= d->nlabels)
		return FM_OK;
	if (!label)
		return fm_fail(err, FM_ESYSTEM, "out of memory: lines of labels");
	memset(label + d->nlabels, 0, (n - d->nlabels) * sizeof *label);
	d->label = label;
	d->nlabels = n;
	return FM_OK;
}

int fm_doubts_look(struct fm_doubts *d, const struct fm_table *t, const uint64_t *place, struct fm_error *err)
{
	int rc = FM_HAS(t, FM_LABEL) ? grow_labels(d, t->dict[FM_LABEL].n, err) : FM_OK;

	for (size_t i = 0; i < t->rows && rc == FM_OK; i++) {
		if (FM_HAS(t, FM_TE)) {
			int64_t ms = t->te[i];
			size_t year = year_of(ms);

			d->back += d->rows > 0 && ms < d->last_ms;
			d->forward += d->rows > 0 && ms > d->last_ms;
			if (!d->rows)
				d->first_ms = ms;
			d->last_ms = ms;
			if (!d->year[year]++)
				d->first_of_year[year] = place[i];
		}
		if (FM_HAS(t, FM_LABEL) && !d->label[t->label[i]])
			d->label[t->label[i]] = place[i];
		d->rows++;
	}
	return rc;
}

/* Groups of years with at least one empty year between them: the largest is the trace, of the others is warned. */
static void far_years(const struct fm_doubts *d, const char *path)
{
	size_t from[FM_DOUBT_YEARS], to[FM_DOUBT_YEARS] = {0}, n = 0, best = 0;
	uint64_t rows[FM_DOUBT_YEARS];

	for (size_t y = 0; y < FM_DOUBT_YEARS; y++) {
		if (!d->year[y])
			continue;
		if (n == 0 || y > to[n - 1] + 2) {
			from[n] = y;
			rows[n++] = 0;
		}
		to[n - 1] = y;
		rows[n - 1] += d->year[y];
	}
	for (size_t g = 1; g < n; g++)
		best = rows[g] > rows[best] ? g : best;
	for (size_t g = 0; g < n; g++)
		if (g != best)
			fm_warn("%s: %llu of %llu rows have times about %zu, %zu years from the others (first at line "
				"%llu): the trace spans %zu years; a wrong clock? leave them out before ingest",
				path, (unsigned long long)rows[g], (unsigned long long)d->rows, 1970 + from[g],
				g < best ? from[best] - to[g] : from[g] - to[best],
				(unsigned long long)d->first_of_year[from[g]], to[n - 1] - from[0]);
}

/* A label as the eye sees it: small letters, without blanks of any kind. */
static size_t looks(const char *s, char out[FM_DICT_VALUE_MAX + 1])
{
	size_t n = 0, all = strlen(s), len;
	uint32_t code;

	for (size_t i = 0; i < all; i += len) {
		if ((len = fm_utf8_next(s + i, all - i, &code)) == 0)
			len = 1;
		if (code <= ' ' || code == 0xa0 || (code >= 0x2000 && code <= 0x200f) || code == 0x202f ||
		    code == 0x2060 || code == 0x3000 || code == 0xfeff)
			continue;
		for (size_t k = 0; k < len; k++)
			out[n++] = (char)(len == 1 && s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i + k]);
	}
	out[n] = 0;
	return n;
}

struct look {
	char text[FM_DICT_VALUE_MAX + 1];
	uint64_t place;
};

static int compare_looks(const void *a, const void *b)
{
	const struct look *x = a, *y = b;
	int text = strcmp(x->text, y->text);

	return text ? text : (x->place > y->place) - (x->place < y->place);
}

static int similar_labels(const struct fm_doubts *d, const char *path, const struct fm_dict *labels,
			  struct fm_error *err)
{
	struct look *look = calloc(labels->n + 1, sizeof *look);
	size_t n = 0, pairs = 0, first = 0;

	if (!look)
		return fm_fail(err, FM_ESYSTEM, "out of memory: labels");
	for (size_t i = 0; i < labels->n && i < d->nlabels; i++) {
		if (!d->label[i])
			continue;
		looks(labels->value[i], look[n].text);
		look[n++].place = d->label[i];
	}
	qsort(look, n, sizeof *look, compare_looks);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(look[i - 1].text, look[i].text) && !pairs++)
			first = i;
	if (pairs)
		fm_warn(
		    "%s: %zu label%s differ%s from another in case or blanks alone (lines %llu and %llu, for one) and "
		    "count%s as another class: map one to the other with labels in the dialect",
		    path, pairs, pairs == 1 ? "" : "s", pairs == 1 ? "s" : "",
		    (unsigned long long)look[first - 1].place, (unsigned long long)look[first].place,
		    pairs == 1 ? "s" : "");
	free(look);
	return FM_OK;
}

int fm_doubts_judge(const struct fm_doubts *d, const char *path, const struct fm_dict *labels, struct fm_error *err)
{
	if (d->rows && d->year[0] == d->rows)
		return fm_fail(err, FM_EINPUT,
			       "%s: all %llu times lie in 1970: the unit of the time column is wrong, seconds read as "
			       "milliseconds or the like (format in the dialect)",
			       path, (unsigned long long)d->rows);
	if (d->back > 2 * d->forward && d->last_ms < d->first_ms && d->back * 10 > d->rows)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: the newest rows come first (%llu of %llu rows are earlier than the row before them): "
		    "turn the file round (tac) or sort it by its time",
		    path, (unsigned long long)d->back, (unsigned long long)d->rows);
	far_years(d, path);
	return similar_labels(d, path, labels, err);
}

void fm_doubts_free(struct fm_doubts *d)
{
	free(d->label);
}
