#include "privacy/leakage/leakage_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/rows.h"
#include "base/stats.h"
#include "privacy/leakage/leakage.h"

int fm_leak_add_ci(struct fm_leak *l, const char *name, const char *columns, struct fm_estimate e, struct fm_error *err)
{
	char full[64];

	snprintf(full, sizeof full, "leak.%s%s", name, columns);
	return fm_metrics_add_ci(l->out, full, e.value, (int64_t)e.n, e.lo, e.hi, err);
}

int fm_leak_add(struct fm_leak *l, const char *name, const char *columns, double v, size_t n, struct fm_error *err)
{
	char full[64];

	snprintf(full, sizeof full, "leak.%s%s", name, columns);
	return fm_metrics_add(l->out, full, v, (int64_t)n, err);
}

int fm_leak_share(struct fm_leak *l, const char *name, const char *columns, double hits, size_t n, double design,
		  struct fm_error *err)
{
	double lo, hi;

	if (n == 0)
		return fm_leak_add_ci(l, name, columns, (struct fm_estimate){NAN, 0, NAN, NAN}, err);
	design = design > 1 ? design : 1;
	fm_wilson(hits / design, (double)n / design, &lo, &hi);
	return fm_leak_add_ci(l, name, columns, (struct fm_estimate){hits / (double)n, n, lo, hi}, err);
}

int fm_leak_count(struct fm_leak *l, const char *name, const char *columns, double hits, size_t n, struct fm_error *err)
{
	double lo, hi;

	fm_wilson(hits, (double)n, &lo, &hi);
	return fm_leak_add_ci(l, name, columns, (struct fm_estimate){hits, n, lo * (double)n, hi * (double)n}, err);
}

int fm_leak_test(struct fm_leak *l, const char *name, const char *columns, const struct fm_cluster_test *test,
		 double share, struct fm_error *err)
{
	size_t n = (size_t)(test->train + test->holdout);
	char part[40];
	int rc;

	snprintf(part, sizeof part, "%s_z", name);
	if ((rc = fm_leak_add(l, part, columns, test->z, n, err)) < 0)
		return rc;
	snprintf(part, sizeof part, "%s_p", name);
	if ((rc = fm_leak_add(l, part, columns, test->p, n, err)) < 0)
		return rc;
	if (share > 0)
		l->family = fmin(l->family, test->p / share);
	l->spent += share;
	return FM_OK;
}

int fm_leak_verdict(struct fm_leak *l, const char *name, const char *columns, const struct fm_cluster_test *test,
		    double share, struct fm_error *err)
{
	char part[40];
	int rc;

	if ((rc = fm_leak_test(l, name, columns, test, share, err)) < 0)
		return rc;
	snprintf(part, sizeof part, "%s_train", name);
	if ((rc = fm_leak_count(l, part, columns, test->train, l->train->rows, err)) < 0)
		return rc;
	snprintf(part, sizeof part, "%s_holdout", name);
	return fm_leak_count(l, part, columns, test->holdout, l->holdout->rows, err);
}

int fm_leak_choose(const struct fm_table *t, const struct fm_kept *kept, size_t most, enum fm_leak_purpose purpose,
		   uint32_t **row, size_t *n, struct fm_error *err)
{
	size_t rows = kept ? kept->kept : t->rows;
	int rc;

	*n = rows < most ? rows : most;
	if ((rc = fm_alloc(row, *n + 1, sizeof **row, "a choice of rows", err)) < 0)
		return rc;
	fm_rows_choose(FM_LEAK_SEED, purpose, rows, *n, *row);
	for (size_t i = 0; i < *n && kept; i++)
		(*row)[i] = fm_kept_row(kept, (*row)[i]);
	return FM_OK;
}
