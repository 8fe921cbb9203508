/* search.c - the Euclidean neighbours of some rows among all rows of a table, however many those are. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/neighbours.h"
#include "privacy/leakage/features.h"
#include "privacy/leakage/leakage_parts.h"

#define PART ((size_t)1 << 18) /* rows that are coded at a time: 36 MiB of points at 17 dimensions */

int fm_leak_nearest(const struct fm_features *f, const struct fm_table *t, const struct fm_kept *kept,
		    const struct fm_queries *asked, uint32_t *row, double *d2, struct fm_error *err)
{
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
	for (size_t from = 0, at = 0; from < rows; from += PART) {
		size_t n = rows - from < PART ? rows - from : PART;
		for (size_t i = 0; i < n && kept; at++)
			if (fm_kept_has(kept, at))
				of[i++] = (uint32_t)at;
		if ((rc = fm_features_code(f, t, of, from, n, &x, err)) < 0 ||
		    (rc = fm_points_new(&points, x, n, f->dim, err)) < 0)
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
