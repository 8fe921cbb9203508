#include "judge/host_histogram.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "judge/column.h"
#include "judge/host_order.h"

enum { BUSY_CELLS = FM_BUSY_HOSTS * FM_BUSY_SLOTS, MINUTE = 60 };

/* A table's rows in order of time, and by source. */
struct side {
	const struct fm_table *t;
	uint32_t *by_time, *by_source;
	uint64_t minutes[FM_POWERS], life[FM_POWERS], busy[BUSY_CELLS];
};

/* 0: 0, 1: 1, 2-3: 2, ... */
static int power_of(uint64_t x)
{
	int b = x ? 64 - __builtin_clzll(x) : 0;

	return b < FM_POWERS ? b : FM_POWERS - 1;
}

static void count_minutes(struct side *s)
{
	const struct fm_table *t = s->t;
	int64_t before = 0;

	for (size_t i = 0, j; i < t->rows; i = j) {
		int64_t minute = fm_slot_of(t->te[s->by_time[i]], MINUTE);
		for (j = i + 1; j < t->rows && fm_slot_of(t->te[s->by_time[j]], MINUTE) == minute;)
			j++;
		s->minutes[0] += i > 0 ? (uint64_t)(minute - before - 1) : 0;
		s->minutes[power_of(j - i)]++;
		before = minute;
	}
}

static size_t end_of_source(const struct side *s, size_t i)
{
	size_t j = i + 1;

	while (j < s->t->rows && s->t->sa[s->by_source[j]] == s->t->sa[s->by_source[i]])
		j++;
	return j;
}

/* Count lifetimes, and find where the rows of the busiest sources begin in by_source and how many there are, the
 * busiest first. */
static size_t count_lives(struct side *s, size_t first[FM_BUSY_HOSTS], size_t rows[FM_BUSY_HOSTS])
{
	const struct fm_table *t = s->t;
	size_t n = 0;

	for (size_t i = 0, j; i < t->rows; i = j) {
		j = end_of_source(s, i);
		int64_t seconds = fm_slot_of(t->te[s->by_source[j - 1]], 1) - fm_slot_of(t->te[s->by_source[i]], 1);
		s->life[power_of((uint64_t)seconds + 1) - 1]++;
		size_t at = n;
		while (at > 0 && rows[at - 1] < j - i)
			at--;
		if (at == FM_BUSY_HOSTS)
			continue;
		n += n < FM_BUSY_HOSTS;
		memmove(rows + at + 1, rows + at, (n - at - 1) * sizeof *rows);
		memmove(first + at + 1, first + at, (n - at - 1) * sizeof *first);
		rows[at] = j - i;
		first[at] = i;
	}
	return n;
}

static void count_busy(struct side *s, double lo, double hi)
{
	size_t first[FM_BUSY_HOSTS], rows[FM_BUSY_HOSTS], n = count_lives(s, first, rows);

	for (size_t h = 0; h < n; h++)
		for (size_t i = first[h]; i < first[h] + rows[h]; i++) {
			double at = ((double)s->t->te[s->by_source[i]] * 1000 - lo) / (hi - lo) * FM_BUSY_SLOTS;
			size_t slot = at <= 0 ? 0 : at >= FM_BUSY_SLOTS ? FM_BUSY_SLOTS - 1 : (size_t)at;
			s->busy[h * FM_BUSY_SLOTS + slot]++;
		}
}

static json_t *counts_of(const uint64_t *count, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)count[i]));
	return list;
}

int fm_host_histograms(const struct fm_table *real, const struct fm_table *synthetic, bool cells_of_real, json_t *list,
		       struct fm_error *err)
{
	struct side *s = NULL;
	int rc, bad = 0;

	if (!FM_HAS(real, FM_TE) || !FM_HAS(synthetic, FM_TE) || !FM_HAS(real, FM_SA) || !FM_HAS(synthetic, FM_SA))
		return FM_OK;
	if ((rc = fm_alloc(&s, 2, sizeof *s, "hosts in time", err)) < 0)
		return rc;
	s[0].t = real;
	s[1].t = synthetic;
	for (int k = 0; k < 2; k++)
		if ((rc = fm_rows_by_time(s[k].t, &s[k].by_time, err)) < 0 ||
		    (rc = fm_order_by_source(s[k].t, s[k].by_time, &s[k].by_source, err)) < 0)
			goto out;
	const struct side *by = &s[cells_of_real ? 0 : 1];
	double lo = (double)by->t->te[by->by_time[0]] * 1000,
	       hi = (double)by->t->te[by->by_time[by->t->rows - 1]] * 1000 + 1000;
	for (int k = 0; k < 2; k++) {
		count_minutes(&s[k]);
		count_busy(&s[k], lo, hi);
	}
	bad |= json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "name", "MINUTES", "kind", "powers",
						     "real", counts_of(s[0].minutes, FM_POWERS), "synthetic",
						     counts_of(s[1].minutes, FM_POWERS)));
	bad |= json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "name", "LIFE", "kind", "powers", "real",
						     counts_of(s[0].life, FM_POWERS), "synthetic",
						     counts_of(s[1].life, FM_POWERS)));
	bad |= json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:f, s:o, s:o}", "name", "BUSY", "kind", "hosts",
						     "lo", lo, "hi", hi, "real", counts_of(s[0].busy, BUSY_CELLS),
						     "synthetic", counts_of(s[1].busy, BUSY_CELLS)));
	if (bad)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the histograms of hosts");
out:
	for (int k = 0; k < 2; k++) {
		free(s[k].by_time);
		free(s[k].by_source);
	}
	free(s);
	return rc;
}
