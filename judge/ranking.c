#include "judge/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"

/* A double as a key of the same order; -0 is 0. */
static uint64_t key_of(double v)
{
	uint64_t u;

	v += 0.0;
	memcpy(&u, &v, sizeof u);
	return u >> 63 ? ~u : u | (uint64_t)1 << 63;
}

int fm_midranks(const double *x, size_t n, double *rank, struct fm_error *err)
{
	uint64_t *key = NULL;
	uint32_t *row = NULL;
	int rc;

	if (n >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "cannot rank %zu values", n);
	if ((rc = fm_alloc(&key, n ? n : 1, sizeof *key, "ranks", err)) != FM_OK ||
	    (rc = fm_alloc(&row, n ? n : 1, sizeof *row, "ranks", err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < n; i++) {
		key[i] = key_of(x[i]);
		row[i] = (uint32_t)i;
	}
	if ((rc = fm_sort_u64(key, row, n, err)) != FM_OK)
		goto out;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && key[j] == key[i]; j++)
			;
		for (size_t k = i; k < j; k++)
			rank[row[k]] = 0.5 * (double)(i + 1 + j);
	}
out:
	free(key);
	free(row);
	return rc;
}

/* Sum of squared deviations of v over the count - 1, of the rows that are (not) positive. */
static double variance(const double *v, const int *positive, int want, size_t n, double mean, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		if (!positive[i] == !want)
			sum += (v[i] - mean) * (v[i] - mean);
	return sum / (double)(count - 1);
}

int fm_auc(struct fm_auc *a, const float *score, const int *positive, size_t n, struct fm_error *err)
{
	double *x = NULL, *all, *within, *v;
	size_t np = 0, nn = 0;
	int rc;

	*a = (struct fm_auc){.value = NAN, .variance = NAN};
	if ((rc = fm_alloc(&x, 4 * (n ? n : 1), sizeof *x, "an area under a curve", err)) != FM_OK)
		return rc;
	all = x + n;
	within = all + n;
	v = within + n;
	for (size_t i = 0; i < n; i++)
		x[i] = (double)score[i];
	if ((rc = fm_midranks(x, n, all, err)) != FM_OK)
		goto out;
	/* Ranks among the rows of the same kind: positives first, then negatives, each put back in place. */
	for (size_t i = 0; i < n; i++)
		np += positive[i] != 0;
	nn = n - np;
	a->positives = np;
	a->negatives = nn;
	if (np == 0 || nn == 0)
		goto out;
	for (size_t i = 0, p = 0, q = np; i < n; i++)
		v[positive[i] ? p++ : q++] = (double)score[i];
	if ((rc = fm_midranks(v, np, within, err)) != FM_OK ||
	    (rc = fm_midranks(v + np, nn, within + np, err)) != FM_OK)
		goto out;
	/* What each row adds: the share of the other kind that it is on the right side of (DeLong's V10 and V01). */
	double sum = 0;
	for (size_t i = 0, p = 0, q = np; i < n; i++) {
		if (positive[i]) {
			v[i] = (all[i] - within[p++]) / (double)nn;
			sum += v[i];
		} else {
			v[i] = 1.0 - (all[i] - within[q++]) / (double)np;
		}
	}
	a->value = sum / (double)np;
	if (np > 1 && nn > 1)
		a->variance = variance(v, positive, 1, n, a->value, np) / (double)np +
			      variance(v, positive, 0, n, a->value, nn) / (double)nn;
out:
	free(x);
	return rc;
}

int fm_spearman(const double *a, const double *b, size_t n, double *rho, struct fm_error *err)
{
	double *ra = NULL, *rb, mean = 0.5 * (double)(n + 1), ab = 0, aa = 0, bb = 0;
	int rc, same = 1;

	*rho = NAN;
	if (n < 2)
		return FM_OK;
	if ((rc = fm_alloc(&ra, 2 * n, sizeof *ra, "ranks", err)) != FM_OK)
		return rc;
	rb = ra + n;
	if ((rc = fm_midranks(a, n, ra, err)) != FM_OK || (rc = fm_midranks(b, n, rb, err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < n; i++) {
		ab += (ra[i] - mean) * (rb[i] - mean);
		aa += (ra[i] - mean) * (ra[i] - mean);
		bb += (rb[i] - mean) * (rb[i] - mean);
		same &= a[i] == b[i];
	}
	*rho = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : same;
out:
	free(ra);
	return rc;
}

double fm_kendall(const double *a, const double *b, size_t n)
{
	double sum = 0, pairs_a = 0, pairs_b = 0;
	int same = 1;

	if (n < 2)
		return NAN;
	for (size_t i = 0; i < n; i++) {
		same &= a[i] == b[i];
		for (size_t j = 0; j < i; j++) {
			int u = (a[i] > a[j]) - (a[i] < a[j]), v = (b[i] > b[j]) - (b[i] < b[j]);
			sum += u * v;
			pairs_a += u != 0;
			pairs_b += v != 0;
		}
	}
	return pairs_a > 0 && pairs_b > 0 ? sum / sqrt(pairs_a * pairs_b) : same;
}
