#include "judge/gate/slices.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"

/* Rows [from, to) of a table. */
struct range {
	size_t from, to;
};

static bool rises(const struct fm_table *t)
{
	if (!FM_HAS(t, FM_TE))
		return false;
	for (size_t i = 1; i < t->rows; i++)
		if (t->te[i] < t->te[i - 1])
			return false;
	return true;
}

/* The first row at or after a time. */
static size_t row_at(const struct fm_table *t, int64_t te)
{
	size_t from = 0, n = t->rows;

	while (n > 0) {
		size_t half = n / 2;
		if (t->te[from + half] < te) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

/* From share a of the time that a table spans to share b of it. */
static struct range by_time(const struct fm_table *t, double a, double b)
{
	double begin = (double)t->te[0], span = (double)t->te[t->rows - 1] - begin + 1;

	return (struct range){row_at(t, (int64_t)(begin + span * a)), row_at(t, (int64_t)(begin + span * b))};
}

static struct range by_rows(const struct fm_table *t, double a, double b)
{
	return (struct range){(size_t)((double)t->rows * a), (size_t)((double)t->rows * b)};
}

/* Cut slice s of tables t, from its beginning and as long as a share `share` of all time; has no table more than `most`
 * rows in it? */
static bool cut_at(const struct fm_table *const t[3], size_t most, bool timed, int s, double share, struct range r[3])
{
	double a = (double)s / FM_SLICES;
	bool fits = true;

	for (int k = 0; k < 3 && t[k]; k++) {
		r[k] = timed ? by_time(t[k], a, a + share) : by_rows(t[k], a, a + share);
		fits &= r[k].to - r[k].from <= most;
	}
	return fits;
}

/* Cut a slice as long as fits, by bisection. */
static void cut(const struct fm_table *const t[3], size_t most, bool timed, int s, struct range r[3])
{
	double fits = 0, doubt = 1.0 / FM_SLICES;

	if (cut_at(t, most, timed, s, doubt, r))
		return;
	for (int i = 0; i < 40; i++) {
		doubt /= 2;
		fits += cut_at(t, most, timed, s, fits + doubt, r) ? doubt : 0;
	}
	cut_at(t, most, timed, s, fits, r);
}

static int take(struct fm_table **out, const struct fm_table *t, struct range r, struct fm_error *err)
{
	uint32_t *row = NULL;
	int rc;

	if ((rc = fm_alloc(&row, r.to - r.from + 1, sizeof *row, "a slice of rows", err)) < 0)
		return rc;
	for (size_t i = r.from; i < r.to; i++)
		row[i - r.from] = (uint32_t)i;
	rc = fm_table_take(out, t, row, r.to - r.from, err);
	fm_table_forget(t, 0, t->rows);
	free(row);
	return rc;
}

static int measure_slice(const struct fm_table *const t[3], const struct range r[3], fm_measure_again *measure,
			 void *ctx, struct fm_metrics *out, struct fm_error *err)
{
	struct fm_table *part[3] = {NULL, NULL, NULL};
	int rc = FM_OK;

	for (int k = 0; k < 3 && t[k] && rc >= 0; k++)
		rc = take(&part[k], t[k], r[k], err);
	if (rc >= 0)
		rc = measure(ctx, (const struct fm_table *const[3]){part[0], part[1], part[2]}, out, err);
	for (int k = 0; k < 3; k++)
		fm_table_free(part[k]);
	return rc;
}

/* The mean of a metric over those of the n slices that have it.  others: the share of all rows in no slice. */
static int add_mean(const struct fm_metrics *slice, int n, const char *name, double others, struct fm_metrics *out,
		    struct fm_error *err)
{
	double value[FM_SLICES], sum = 0, square = 0;
	int64_t rows = 0;
	int have = 0, rc;

	for (int s = 0; s < n; s++) {
		const struct fm_metric *m = fm_metrics_find(&slice[s], name);
		if (!m || !isfinite(m->value))
			continue;
		value[have++] = m->value;
		sum += m->value;
		rows += m->n;
	}
	for (int i = 0; i < have; i++)
		square += (value[i] - sum / have) * (value[i] - sum / have);
	if ((rc = fm_metrics_add(out, name, have > 0 ? sum / have : NAN, rows, err)) < 0)
		return rc;
	fm_sampling_interval(&out->m[out->n - 1], others * square / ((double)have * (have - 1)), have);
	return FM_OK;
}

int fm_measure_slices(const struct fm_table *const t[3], size_t most, fm_measure_again *measure, void *ctx,
		      struct fm_metrics *out, struct fm_error *err)
{
	struct fm_metrics slice[FM_SLICES] = {0};
	bool timed = rises(t[0]) && rises(t[1]) && (!t[2] || rises(t[2]));
	double judged[3] = {0, 0, 0}, share = 1;
	int n = 0, rc = FM_OK;

	for (int s = 0; s < FM_SLICES && rc >= 0; s++) {
		struct range r[3];
		bool empty = false;
		cut(t, most / FM_SLICES, timed, s, r);
		for (int k = 0; k < 3 && t[k]; k++)
			empty |= r[k].to - r[k].from < 2;
		for (int k = 0; k < 3 && t[k] && !empty; k++)
			judged[k] += (double)(r[k].to - r[k].from) / (double)t[k]->rows;
		if (!empty)
			rc = measure_slice(t, r, measure, ctx, &slice[n++], err);
	}
	if (rc >= 0 && n == 0)
		rc = fm_fail(
		    err, FM_EINPUT,
		    "there is no slice of time in which every table has two flows: are they of the same trace?");
	for (int k = 0; k < 3 && t[k]; k++)
		share = judged[k] < share ? judged[k] : share;
	/* names in the order of the first slice, then those that only later ones have */
	for (int s = 0; s < n && rc >= 0; s++)
		for (size_t i = 0; i < slice[s].n && rc >= 0; i++) {
			const char *name = slice[s].m[i].name;
			bool new = true;
			for (int before = 0; before < s; before++)
				new &= fm_metrics_find(&slice[before], name) == NULL;
			rc = new ? add_mean(slice, n, name, 1 - share, out, err) : FM_OK;
		}
	for (int s = 0; s < n; s++)
		fm_metrics_free(&slice[s]);
	return rc;
}
