#include "base/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/rows.h"

double fm_draw_normal(struct fm_rng *r)
{
	double u = 1.0 - fm_rng_uniform53(r), v = fm_rng_uniform53(r);

	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void fm_wilson(double hits, double n, double *lo, double *hi)
{
	const double z = FM_Z95, z2 = z * z;

	*lo = 0.0;
	*hi = 1.0;
	if (n <= 0)
		return;
	double p = hits / n, centre = p + z2 / (2 * n), half = z * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
	if (hits > 0) /* exactly, whatever the rounding: no hits reach down to 0, all hits up to 1 */
		*lo = fmax(0.0, (centre - half) / (1 + z2 / n));
	if (hits < n)
		*hi = fmin(1.0, (centre + half) / (1 + z2 / n));
}

void fm_interval(double value, double half, double *lo, double *hi)
{
	bool known = !isnan(value) && !isnan(half);

	*lo = known ? fmax(0.0, value - half) : NAN;
	*hi = known ? fmin(1.0, value + half) : NAN;
}

double fm_rule_of_three(size_t n)
{
	return fmin(1, 3 / (double)n);
}

void fm_sort_double(double *v, size_t n)
{
	qsort(v, n, sizeof *v, fm_compare_doubles);
}

double fm_quantile(const double *v, size_t n, double q)
{
	double at = (double)(n - 1) * q, below = floor(at);
	size_t i = (size_t)below, j = i + 1 < n ? i + 1 : i;

	/* No interpolation where v[i] is the answer: with an infinite neighbour it would give NaN. */
	return v[i] == v[j] || at <= below ? v[i] : v[i] + (v[j] - v[i]) * (at - below);
}

void fm_quantile_interval(const double *v, size_t n, double q, double *lo, double *hi)
{
	double half = FM_Z95_SHORT * sqrt(q * (1 - q) / (double)n);

	*lo = fm_quantile(v, n, fmax(0, q - half));
	*hi = fm_quantile(v, n, fmin(1, q + half));
}

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
	if ((rc = fm_alloc(&key, n ? n : 1, sizeof *key, "ranks", err)) < 0 ||
	    (rc = fm_alloc(&row, n ? n : 1, sizeof *row, "ranks", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		key[i] = key_of(x[i]);
		row[i] = (uint32_t)i;
	}
	if ((rc = fm_sort_u64(key, row, n, err)) < 0)
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

/* For each row how many rows of the other kind score below it, ties counted half.  Positives are those that positive[i]
 * says, np of them. */
static int count_wins(const double *score, const int *positive, size_t n, size_t np, double *win, struct fm_error *err)
{
	double *all = NULL, *within, *v;
	int rc;

	if ((rc = fm_alloc(&all, 3 * (n ? n : 1), sizeof *all, "an area under a curve", err)) < 0)
		return rc;
	within = all + n;
	v = within + n;
	/* Ranks among all less those among the rows of the same kind: positives first, then negatives. */
	for (size_t i = 0, p = 0, q = np; i < n; i++)
		v[positive[i] ? p++ : q++] = score[i];
	if ((rc = fm_midranks(score, n, all, err)) < 0 || (rc = fm_midranks(v, np, within, err)) < 0 ||
	    (rc = fm_midranks(v + np, n - np, within + np, err)) < 0)
		goto out;
	for (size_t i = 0, p = 0, q = np; i < n; i++)
		win[i] = all[i] - within[positive[i] ? p++ : q++];
out:
	free(all);
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
	double *x = NULL, *v, sum = 0;
	size_t np = 0, nn;
	int rc;

	*a = (struct fm_auc){.value = NAN, .variance = NAN};
	if ((rc = fm_alloc(&x, 2 * (n ? n : 1), sizeof *x, "an area under a curve", err)) < 0)
		return rc;
	v = x + n;
	for (size_t i = 0; i < n; i++) {
		x[i] = (double)score[i];
		np += positive[i] != 0;
	}
	nn = n - np;
	a->positives = np;
	a->negatives = nn;
	if (np == 0 || nn == 0 || (rc = count_wins(x, positive, n, np, v, err)) < 0)
		goto out;
	/* What each row adds: the share of the other kind that it is on the right side of (DeLong's V10 and V01). */
	for (size_t i = 0; i < n; i++) {
		v[i] = positive[i] ? v[i] / (double)nn : 1.0 - v[i] / (double)np;
		sum += positive[i] ? v[i] : 0;
	}
	a->value = sum / (double)np;
	if (np > 1 && nn > 1)
		a->variance = variance(v, positive, 1, n, a->value, np) / (double)np +
			      variance(v, positive, 0, n, a->value, nn) / (double)nn;
out:
	free(x);
	return rc;
}

struct component {
	double v;
	uint32_t cluster;
};

static int by_cluster(const void *a, const void *b)
{
	uint32_t x = ((const struct component *)a)->cluster, y = ((const struct component *)b)->cluster;

	return (x > y) - (x < y);
}

/* The variance of the mean of n components, clusters being independent of each other. */
static double cluster_variance(struct component *c, size_t n, double mean)
{
	double sum = 0, squares = 0;

	qsort(c, n, sizeof *c, by_cluster);
	for (size_t i = 0; i < n; i++) {
		sum += c[i].v - mean;
		if (i + 1 == n || c[i + 1].cluster != c[i].cluster) {
			squares += sum * sum;
			sum = 0;
		}
	}
	return squares / ((double)n * (double)n);
}

int fm_auc_clustered(struct fm_auc *a, const double *score, size_t n, size_t m, const uint32_t *const cluster[2],
		     struct fm_error *err)
{
	struct component *c = NULL;
	int *positive = NULL, rc;
	double *win = NULL, sum = 0;

	*a = (struct fm_auc){.value = NAN, .variance = NAN, .positives = n, .negatives = m};
	if (n == 0 || m == 0)
		return FM_OK;
	if ((rc = fm_alloc(&c, n + m, sizeof *c, "an area under a curve", err)) < 0 ||
	    (rc = fm_alloc(&positive, n + m, sizeof *positive, "an area under a curve", err)) < 0 ||
	    (rc = fm_alloc(&win, n + m, sizeof *win, "an area under a curve", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		positive[i] = 1;
	if ((rc = count_wins(score, positive, n + m, n, win, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		c[i] = (struct component){win[i] / (double)m, cluster[0] ? cluster[0][i] : (uint32_t)i};
		sum += c[i].v;
	}
	for (size_t i = 0; i < m; i++)
		c[n + i] =
		    (struct component){((double)n - win[n + i]) / (double)n, cluster[1] ? cluster[1][i] : (uint32_t)i};
	a->value = sum / (double)n;
	a->variance = cluster_variance(c, n, a->value) + cluster_variance(c + n, m, a->value);
out:
	free(c);
	free(positive);
	free(win);
	return rc;
}

int fm_spearman(const double *a, const double *b, size_t n, double *rho, struct fm_error *err)
{
	double *ra = NULL, *rb, mean = 0.5 * (double)(n + 1), ab = 0, aa = 0, bb = 0;
	int rc, same = 1;

	*rho = NAN;
	if (n < 2)
		return FM_OK;
	if ((rc = fm_alloc(&ra, 2 * n, sizeof *ra, "ranks", err)) < 0)
		return rc;
	rb = ra + n;
	if ((rc = fm_midranks(a, n, ra, err)) < 0 || (rc = fm_midranks(b, n, rb, err)) < 0)
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
