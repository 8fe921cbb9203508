#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "model/marginals/tables.h"

int fm_norm_sub(double *v, size_t n, double total, struct fm_error *err)
{
	double *sorted = NULL, sum = 0, off = 0;
	int rc;

	if ((rc = fm_alloc(&sorted, n + 1, sizeof *sorted, "a table", err)) < 0)
		return rc;
	memcpy(sorted, v, n * sizeof *v);
	qsort(sorted, n, sizeof *sorted, fm_compare_doubles);
	/* Find the largest k values that each stay above zero. */
	for (size_t k = 1; k <= n; k++) {
		double x = sorted[n - k];

		sum += x;
		if (x - (sum - total) / (double)k > 0)
			off = (sum - total) / (double)k;
	}
	for (size_t i = 0; i < n; i++)
		v[i] = v[i] > off ? v[i] - off : 0;
	free(sorted);
	return FM_OK;
}

/* Weighted means of all answers about each attribute's values. */
static int one_way(struct fm_tables *t, const struct fm_domains *d, struct fm_error *err)
{
	static const struct {
		enum fm_attr attr;
		enum fm_axis_id axis;
	} axis[] = {{FM_A_KIND, FM_X_KIND},   {FM_A_TIME, FM_X_TIME},    {FM_A_PORT, FM_X_CLIENT},
		    {FM_A_SIZE, FM_X_A_SIZE}, {FM_B_SIZE, FM_X_B_SIZE},  {FM_A_TD, FM_X_A_TD},
		    {FM_B_TD, FM_X_B_TD},     {FM_A2_SIZE, FM_X_A_SIZE}, {FM_B2_SIZE, FM_X_B_SIZE},
		    {FM_A2_TD, FM_X_A_TD},    {FM_B2_TD, FM_X_B_TD}};
	double *weight[FM_NATTRS], *mean[FM_NATTRS] = {0};
	double sum = 0, sum_weight = 0;
	int rc;

	for (int a = 0; a < FM_NATTRS; a++) {
		double w = 1 / (t->one_sigma * t->one_sigma);

		if ((rc = fm_alloc(&mean[a], 2 * (size_t)t->size[a], sizeof(double), "a table", err)) < 0)
			goto out;
		weight[a] = mean[a] + t->size[a];
		for (int i = 0; i < t->size[a]; i++) {
			weight[a][i] = w;
			mean[a][i] = w * t->one[a][i];
		}
	}
	for (int i = 0; i < t->npairs; i++) {
		const struct fm_table2 *p = &t->pair[i];
		int nx = t->size[p->x], ny = t->size[p->y];
		double wx = 1 / (p->sigma * p->sigma * ny), wy = 1 / (p->sigma * p->sigma * nx);

		for (int x = 0; x < nx; x++)
			for (int y = 0; y < ny; y++) {
				double v = p->cell[(size_t)x * (size_t)ny + (size_t)y];

				mean[p->x][x] += wx * v;
				mean[p->y][y] += wy * v;
			}
		for (int x = 0; x < nx; x++)
			weight[p->x][x] += wx;
		for (int y = 0; y < ny; y++)
			weight[p->y][y] += wy;
	}
	for (int a = 0; a < FM_NATTRS; a++) {
		double all = 0, variance = 0;

		for (int i = 0; i < t->size[a]; i++) {
			t->one[a][i] = mean[a][i] / weight[a][i];
			all += t->one[a][i];
			variance += 1 / weight[a][i];
		}
		sum += all / variance;
		sum_weight += 1 / variance;
	}
	t->total = sum / sum_weight < 1 ? 1 : sum / sum_weight;
	for (size_t i = 0; i < sizeof axis / sizeof *axis; i++) {
		const struct fm_axis *x = &d->axis[axis[i].axis];

		for (int k = 0; k < x->ntokens; k++)
			if (fm_axis_mass(x, k) <= 0)
				t->one[axis[i].attr][k] = -1e12; /* stands for no leaf: no record has it */
	}
	for (int a = 0; a < FM_NATTRS; a++)
		if ((rc = fm_norm_sub(t->one[a], (size_t)t->size[a], t->total, err)) < 0)
			goto out;
out:
	for (int a = 0; a < FM_NATTRS; a++)
		free(mean[a]);
	return rc;
}

/* Scale rows and columns in turn to the one-way tables. */
static void scale_to(double *cell, int nx, int ny, const double *mx, const double *my, double *sum)
{
	for (int round = 0; round < 20; round++) {
		for (int x = 0; x < nx; x++) {
			double *row = cell + (size_t)x * (size_t)ny, s = 0;

			for (int y = 0; y < ny; y++)
				s += row[y];
			s = s > 0 ? mx[x] / s : 0;
			for (int y = 0; y < ny; y++)
				row[y] *= s;
		}
		memset(sum, 0, (size_t)ny * sizeof *sum);
		for (int x = 0; x < nx; x++)
			for (int y = 0; y < ny; y++)
				sum[y] += cell[(size_t)x * (size_t)ny + (size_t)y];
		for (int y = 0; y < ny; y++)
			sum[y] = sum[y] > 0 ? my[y] / sum[y] : 0;
		for (int x = 0; x < nx; x++)
			for (int y = 0; y < ny; y++)
				cell[(size_t)x * (size_t)ny + (size_t)y] *= sum[y];
	}
}

static void shrink(double *cell, const double *prior, size_t n, double sigma)
{
	for (size_t i = 0; i < n; i++) {
		double sd = FM_PRIOR_SD * prior[i], w = sd * sd / (sd * sd + sigma * sigma), off = cell[i] - prior[i];

		if (off <= FM_STANDS_OUT * sigma)
			off *= w;
		cell[i] = prior[i] + off > 0 ? prior[i] + off : 0;
	}
}

/* A coarser kind of a token's first leaf: protocol, side, and whether there are flows each way. */
static int coarser_kind(const struct fm_domains *d, int token)
{
	const struct fm_axis *k = &d->axis[FM_X_KIND];
	struct fm_kind_parts p = fm_kind_parts(k->first[token] < k->nleaves ? k->leaf[k->first[token]] : 0);
	int proto = p.proto < 3 ? p.proto : 3, ways = !p.a ? 0 : !p.b ? 1 : p.a + p.b == 2 ? 2 : 3;

	return ((proto * 2 + p.server_inside) * 2 + (p.service < 2)) * 4 + ways;
}
#define COARSER 64

/* Which of `absent` (1) and present (2) the leaves of a kind allow. */
static int kind_allows(const struct fm_axis *k, int token, enum fm_attr a)
{
	int allows = 0;
	double before = 0;

	for (uint32_t j = k->first[token]; j < k->first[token + 1]; j++) {
		struct fm_kind_parts p = fm_kind_parts(k->leaf[j]);

		if (k->cum[j] > before)
			allows |= fm_kind_has(&p, a) ? 2 : 1;
		before = k->cum[j];
	}
	return allows;
}

static bool may_be_absent(enum fm_attr a)
{
	static const struct fm_kind_parts none = {0};

	return !fm_kind_has(&none, a);
}

/* Set the cells of the pair (kind, y) that no record can be in to 0. */
static void rule_out(const struct fm_domains *d, double *cell, enum fm_attr a, int nk, int ny)
{
	for (int k = 0; k < nk && may_be_absent(a); k++) {
		int allows = kind_allows(&d->axis[FM_X_KIND], k, a);

		for (int y = 0; y < ny; y++)
			if (!(allows & (y == ny - 1 ? 1 : 2)))
				cell[(size_t)k * (size_t)ny + (size_t)y] = 0;
	}
}

/* The pair (kind, y): its prior is the coarser kind's share of y. */
static int kind_pair(struct fm_tables *t, const struct fm_domains *d, struct fm_table2 *p, double *prior, double *sum,
		     struct fm_error *err)
{
	int nk = t->size[FM_A_KIND], ny = t->size[p->y], rc;
	double *group = NULL, mass[COARSER] = {0};
	int members[COARSER] = {0};

	if ((rc = fm_alloc(&group, (size_t)COARSER * (size_t)ny, sizeof *group, "a table", err)) < 0)
		return rc;
	rule_out(d, p->cell, p->y, nk, ny);
	for (int k = 0; k < nk; k++) {
		int g = coarser_kind(d, k);

		mass[g] += t->one[FM_A_KIND][k];
		members[g]++;
		for (int y = 0; y < ny; y++)
			group[g * ny + y] += p->cell[(size_t)k * (size_t)ny + (size_t)y];
	}
	for (int g = 0; g < COARSER; g++) {
		double sigma = p->sigma, n = members[g], all = 0;

		if (members[g] == 0)
			continue;
		for (int y = 0; y < ny; y++) {
			double *v = &group[g * ny + y], indep = mass[g] * t->one[p->y][y] / t->total;

			double sd = FM_PRIOR_SD * indep, w = sd * sd / (sd * sd + n * sigma * sigma), off = *v - indep;

			if (off * off <= FM_STANDS_OUT * FM_STANDS_OUT * n * sigma * sigma || off < 0)
				off *= w;
			*v = indep + off > 0 ? indep + off : 0;
			all += *v;
		}
		for (int y = 0; all > 0 && y < ny; y++)
			group[g * ny + y] /= all;
	}
	for (int k = 0; k < nk; k++)
		for (int y = 0; y < ny; y++)
			prior[(size_t)k * (size_t)ny + (size_t)y] =
			    t->one[FM_A_KIND][k] * group[coarser_kind(d, k) * ny + y];
	rule_out(d, prior, p->y, nk, ny);
	shrink(p->cell, prior, (size_t)nk * (size_t)ny, p->sigma);
	scale_to(p->cell, nk, ny, t->one[FM_A_KIND], t->one[p->y], sum);
	free(group);
	return FM_OK;
}

/* sum_k m(k) p(x|k) p(y|k), from the pairs (kind, x) and (kind, y). */
void fm_tables_prior(const struct fm_tables *t, enum fm_attr ax, enum fm_attr ay, double *prior)
{
	const double *kx = fm_tables_find(t, FM_A_KIND, ax)->cell, *ky = fm_tables_find(t, FM_A_KIND, ay)->cell;
	int nk = t->size[FM_A_KIND], nx = t->size[ax], ny = t->size[ay];

	memset(prior, 0, (size_t)nx * (size_t)ny * sizeof *prior);
	for (int k = 0; k < nk; k++) {
		const double *px = kx + (size_t)k * (size_t)nx, *py = ky + (size_t)k * (size_t)ny;
		double m = t->one[FM_A_KIND][k];

		for (int x = 0; m > 0 && x < nx; x++) {
			double w = px[x] / m, *row = prior + (size_t)x * (size_t)ny;

			for (int y = 0; w > 0 && y < ny; y++)
				row[y] += w * py[y];
		}
	}
}

int fm_tables_estimate(struct fm_tables *t, const struct fm_domains *d, struct fm_error *err)
{
	double *prior = NULL, *sum = NULL;
	size_t most = 1, longest = 1;
	int rc;

	for (int i = 0; i < t->npairs; i++) {
		size_t nx = (size_t)t->size[t->pair[i].x], ny = (size_t)t->size[t->pair[i].y];

		most = nx * ny > most ? nx * ny : most;
		longest = ny > longest ? ny : longest;
	}
	if ((rc = fm_alloc(&prior, most, sizeof *prior, "a prior", err)) < 0 ||
	    (rc = fm_alloc(&sum, longest, sizeof *sum, "a prior", err)) < 0 || (rc = one_way(t, d, err)) < 0)
		goto out;
	for (int i = 0; i < t->npairs; i++)
		if (t->pair[i].x == FM_A_KIND && (rc = kind_pair(t, d, &t->pair[i], prior, sum, err)) < 0)
			goto out;
	for (int i = 0; i < t->npairs; i++) {
		struct fm_table2 *p = &t->pair[i];
		int nx = t->size[p->x], ny = t->size[p->y];

		if (p->x == FM_A_KIND)
			continue;
		fm_tables_prior(t, p->x, p->y, prior);
		shrink(p->cell, prior, (size_t)nx * (size_t)ny, p->sigma);
		scale_to(p->cell, nx, ny, t->one[p->x], t->one[p->y], sum);
	}
out:
	free(prior);
	free(sum);
	return rc;
}
