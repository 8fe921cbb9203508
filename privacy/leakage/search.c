/* search.c - the Euclidean neighbours of some rows among all rows of a table, however many there are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/neighbours.h"
#include "privacy/leakage/features.h"
#include "privacy/leakage/leakage_parts.h"

#define PART ((size_t)1 << 18) /* rows coded at a time: 36 MiB of points of 17 dimensions */

/* Search the kept rows with numbers [first, end). */
static int search(const struct fm_searched *in, size_t first, size_t end, const struct fm_queries *asked, uint32_t *row,
		  double *d2, struct fm_error *err)
{
	const struct fm_kept *kept = in->kept;
	const struct fm_table *t = in->t;
	size_t rows = kept ? kept->kept : t->rows;
	struct fm_queries by_number = *asked;
	struct fm_points *points = NULL;
	struct fm_span *skip = NULL;
	uint32_t *of = NULL;
	float *x = NULL;
	int rc = FM_OK;

	fm_neighbours_none(asked->m, asked->k, row, d2);
	kept = rows < t->rows ? kept : NULL;
	if (kept && (rc = fm_alloc(&of, PART, sizeof *of, "a choice of rows", err)) < 0)
		goto out;
	if (kept && asked->skip) { /* the n-th kept row is searched as number n */
		if ((rc = fm_alloc(&skip, asked->m + 1, sizeof *skip, "rows to pass over", err)) < 0)
			goto out;
		for (size_t i = 0; i < asked->m; i++)
			skip[i] = (struct fm_span){fm_kept_before(kept, asked->skip[i].from),
						   fm_kept_before(kept, asked->skip[i].to)};
		by_number.skip = skip;
	}
	for (size_t from = first, at = kept && first < end ? fm_kept_row(kept, (uint32_t)first) : 0; from < end;
	     from += PART) {
		size_t n = end - from < PART ? end - from : PART;
		for (size_t i = 0; i < n && kept; at++)
			if (fm_kept_has(kept, at))
				of[i++] = (uint32_t)at;
		if ((rc = fm_features_code(in->f, &(struct fm_choice){t, of, from, n}, &x, err)) < 0 ||
		    (rc = fm_points_new(&points, x, n, in->f->dim, err)) < 0)
			goto out;
		free(x);
		x = NULL;
		if ((rc = fm_neighbours_more(points, (uint32_t)from, &by_number, row, d2, err)) < 0)
			goto out;
		fm_points_free(points);
		points = NULL;
		fm_table_forget(t, kept ? 0 : from, kept ? at : from + n);
	}
	for (size_t i = 0; i < asked->m * (size_t)asked->k && kept; i++)
		if (row[i] != FM_NO_NEIGHBOUR)
			row[i] = fm_kept_row(kept, row[i]);
out:
	free(of);
	free(skip);
	free(x);
	fm_points_free(points);
	return rc;
}

static size_t searched(const struct fm_searched *in)
{
	return in->kept ? in->kept->kept : in->t->rows;
}

int fm_leak_nearest(const struct fm_searched *in, const struct fm_queries *asked, uint32_t *row, double *d2,
		    struct fm_error *err)
{
	return search(in, 0, searched(in), asked, row, d2, err);
}

/* ---- in parts ---- */

/* Check n neighbours from another process: existing rows, at possible distances. */
static bool are_neighbours(const uint32_t *row, const double *d2, size_t n, size_t rows)
{
	for (size_t i = 0; i < n; i++)
		if (row[i] == FM_NO_NEIGHBOUR ? d2[i] != INFINITY : row[i] >= rows || !isfinite(d2[i]) || d2[i] < 0)
			return false;
	return true;
}

/* Merge two lists of the k nearest, in order of distance and then of row; the second list has later rows. */
static void merge(const uint32_t *at, const double *d, int k, uint32_t *row, double *d2)
{
	uint32_t rows[FM_NEIGHBOURS_MAX];
	double near[FM_NEIGHBOURS_MAX];

	for (int i = 0, a = 0, b = 0; i < k; i++) {
		bool later = d[b] < d2[a];
		near[i] = later ? d[b] : d2[a];
		rows[i] = later ? at[b++] : row[a++];
	}
	memcpy(row, rows, (size_t)k * sizeof *rows);
	memcpy(d2, near, (size_t)k * sizeof *near);
}

int fm_leak_search(struct fm_leak *l, const char *name, const struct fm_searched *in, const struct fm_queries *asked,
		   uint32_t *row, double *d2, struct fm_error *err)
{
	size_t n = asked->m * (size_t)asked->k, from, to;
	struct fm_division *v = l->division;
	uint32_t *at = NULL;
	double *d = NULL;
	int rc;

	if (!v)
		return fm_leak_nearest(in, asked, row, d2, err);
	fm_neighbours_none(asked->m, asked->k, row, d2);
	if ((rc = fm_alloc(&at, n + 1, sizeof *at, "neighbours", err)) < 0 ||
	    (rc = fm_alloc(&d, n + 1, sizeof *d, "neighbours", err)) < 0)
		goto out;
	for (uint32_t i = 0; i < fm_division_of(v); i++) {
		if (fm_division_skips(v, i))
			continue;
		fm_division_range(v, i, searched(in), &from, &to);
		if ((rc = fm_division_begin(v, i, name, err)) < 0)
			goto out;
		if (fm_division_has(v, i)) {
			if ((rc = fm_division_get(v, i, at, n * sizeof *at, err)) < 0 ||
			    (rc = fm_division_get(v, i, d, n * sizeof *d, err)) < 0)
				goto out;
			if (!are_neighbours(at, d, n, in->t->rows)) {
				rc = fm_division_refuse(v, i, err);
				goto out;
			}
		} else if ((rc = search(in, from, to, asked, at, d, err)) < 0 ||
			   (rc = fm_division_put(v, at, n * sizeof *at, err)) < 0 ||
			   (rc = fm_division_put(v, d, n * sizeof *d, err)) < 0) {
			goto out;
		}
		if ((rc = fm_division_end(v, i, err)) < 0)
			goto out;
		for (size_t q = 0; q < n; q += (size_t)asked->k)
			merge(at + q, d + q, asked->k, row + q, d2 + q);
	}
out:
	free(at);
	free(d);
	return rc;
}

static bool are_closest(const uint32_t *row, const int32_t *d, size_t n, size_t rows)
{
	for (size_t i = 0; i < n; i++)
		if (d[i] < 0 || (row[i] != FM_GOWER_TIED && row[i] >= rows))
			return false;
	return true;
}

int fm_leak_closest(struct fm_leak *l, const char *name, const struct fm_gower *g, const struct fm_gower_rows *from,
		    struct fm_gower_among *among, const struct fm_leak_found *found, struct fm_error *err)
{
	struct fm_division *v = l->division;
	uint32_t *at = NULL;
	int32_t *d = NULL;
	int rc;

	if ((rc = fm_alloc(&at, from->n + 1, sizeof *at, "distances", err)) < 0 ||
	    (rc = fm_alloc(&d, from->n + 1, sizeof *d, "distances", err)) < 0)
		goto out;
	for (size_t i = 0; i < from->n; i++) {
		found->distance[i] = INT32_MAX;
		found->row[i] = FM_GOWER_TIED;
	}
	for (uint32_t i = 0; i < fm_division_of(v); i++) {
		if (fm_division_skips(v, i))
			continue;
		fm_division_range(v, i, among->t->rows, &among->from, &among->to);
		if ((rc = fm_division_begin(v, i, name, err)) < 0)
			goto out;
		if (fm_division_has(v, i)) {
			if ((rc = fm_division_get(v, i, at, from->n * sizeof *at, err)) < 0 ||
			    (rc = fm_division_get(v, i, d, from->n * sizeof *d, err)) < 0)
				goto out;
			if (!are_closest(at, d, from->n, among->t->rows)) {
				rc = fm_division_refuse(v, i, err);
				goto out;
			}
		} else if ((rc = fm_gower_nearest_of(g, from, among, l->pool, d, at, err)) < 0 ||
			   (rc = fm_division_put(v, at, from->n * sizeof *at, err)) < 0 ||
			   (rc = fm_division_put(v, d, from->n * sizeof *d, err)) < 0) {
			goto out;
		}
		if ((rc = fm_division_end(v, i, err)) < 0)
			goto out;
		fm_gower_merge(d, at, from->n, found->distance, found->row);
	}
out:
	free(at);
	free(d);
	return rc;
}
