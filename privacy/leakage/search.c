/* search.c - the Euclidean neighbours of some rows among all rows of a table, however many those are. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/neighbours.h"
#include "privacy/leakage/features.h"
#include "privacy/leakage/leakage_parts.h"

#define PART ((size_t)1 << 18) /* rows that are coded at a time: 36 MiB of points at 17 dimensions */

int fm_leak_nearest(const struct fm_features *f, const struct fm_table *t, const struct fm_queries *asked,
		    uint32_t *row, double *d2, struct fm_error *err)
{
	struct fm_points *points = NULL;
	float *x = NULL;
	int rc = FM_OK;

	fm_neighbours_none(asked->m, asked->k, row, d2);
	for (size_t from = 0; from < t->rows; from += PART) {
		size_t n = t->rows - from < PART ? t->rows - from : PART;
		if ((rc = fm_features_code(f, t, NULL, from, n, &x, err)) < 0 ||
		    (rc = fm_points_new(&points, x, n, f->dim, err)) < 0)
			goto out;
		free(x);
		x = NULL;
		if ((rc = fm_neighbours_more(points, (uint32_t)from, asked, row, d2, err)) < 0)
			goto out;
		fm_points_free(points);
		points = NULL;
		fm_table_forget(t, from, from + n);
	}
out:
	free(x);
	fm_points_free(points);
	return rc;
}
