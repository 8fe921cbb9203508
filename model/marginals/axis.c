#include "model/marginals/axis.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"

#define SURE 4   /* standard deviations: 8 of 250,000 empty leaves reach it */
#define TAIL 3.5 /* the same, for the cells of a row or of a tail together */

/* The leaves that are tokens by themselves: those with the `most` largest counts of at least in->own; leaves with equal
 * counts are all in or all out.  Returns their least count; *own: how many they are. */
static int64_t own_from(const struct fm_axis_in *in, size_t most, double *sorted, size_t *own)
{
	size_t n = 0, first;

	for (uint32_t i = 0; i < in->nleaves; i++)
		if ((double)in->leaf[i] >= in->own)
			sorted[n++] = (double)in->leaf[i];
	qsort(sorted, n, sizeof *sorted, fm_compare_doubles);
	first = n > most ? n - most : 0;
	while (first > 0 && first < n && sorted[first] <= sorted[first - 1])
		first++;
	*own = n - first;
	if (first > 0)
		return first < n ? (int64_t)sorted[first] : INT64_MAX;
	return (int64_t)in->own + ((double)(int64_t)in->own < in->own);
}

/* Join coarse cells to groups: group[c].  rest[c]: records of the cell outside leaves that are tokens. */
static int join_cells(const struct fm_axis_in *in, const double *rest, uint32_t *group)
{
	uint32_t row = in->row ? in->row : in->ncoarse;
	int n = 0;

	for (uint32_t r = 0; r < in->ncoarse; r += row) {
		uint32_t end = r + row < in->ncoarse ? r + row : in->ncoarse;
		double sum = 0;
		int started = n;
		double all = 0;

		for (uint32_t c = r; c < end; c++)
			all += rest[c] > 0 ? rest[c] : 0;
		/* A row with too few records goes on with the group before it. */
		if (in->row && all < in->join && n > 0) {
			for (uint32_t c = r; c < end; c++)
				group[c] = (uint32_t)n - 1;
			continue;
		}
		for (uint32_t c = r; c < end; c++) {
			group[c] = (uint32_t)n;
			sum += rest[c] > 0 ? rest[c] : 0;
			if (!in->row || sum >= in->join) {
				n++;
				sum = 0;
			}
		}
		if (group[end - 1] == (uint32_t)n) { /* too few at the row's end */
			if (n > started)
				for (uint32_t c = end; c-- > r && group[c] == (uint32_t)n;)
					group[c] = (uint32_t)n - 1;
			else
				n++;
		}
	}
	return n;
}

/* The expected count of each coarse cell: its own where that is twice the noise, else the product of its row and its
 * column, where these are known. */
static int expect(const struct fm_axis_in *in, double *left, struct fm_error *err)
{
	uint32_t width = in->row ? in->row : in->ncoarse, rows = (in->ncoarse + width - 1) / width;
	double *row = NULL, *column, all = 0, s = in->coarse_sigma;
	int rc = fm_alloc(&row, rows + width, sizeof *row, "an axis", err);

	if (rc < 0)
		return rc;
	column = row + rows;
	for (uint32_t c = 0; c < in->ncoarse; c++) {
		row[c / width] += (double)in->coarse[c];
		column[c % width] += (double)in->coarse[c];
	}
	for (uint32_t i = 0; i < rows; i++)
		if (row[i] * row[i] < 4 * s * s * width || row[i] < 0)
			row[i] = 0;
	for (uint32_t i = 0; i < width; i++) {
		if (column[i] * column[i] < 4 * s * s * rows || column[i] < 0)
			column[i] = 0;
		all += column[i];
	}
	for (uint32_t c = 0; c < in->ncoarse; c++) {
		double y = (double)in->coarse[c], product = all > 0 ? row[c / width] * column[c % width] / all : 0;

		left[c] = y > 2 * s ? y : product < 2 * s ? product : 2 * s;
	}
	free(row);
	return FM_OK;
}

/* Leaves that stand above the noise get their count.  The rest of a token is shared among its cells by their expected
 * counts, and within a cell among the other leaves by their widths. */
static void weigh(struct fm_axis *a, const struct fm_axis_in *in, const double *mass, const uint32_t *cell,
		  double *left, double *blank)
{
	memset(blank, 0, in->ncoarse * sizeof *blank);
	for (uint32_t l = 0; l < in->nleaves; l++) {
		double y = (double)in->leaf[l];

		if (y > SURE * in->leaf_sigma)
			left[cell[l]] -= y;
		else
			blank[cell[l]] += in->width ? in->width[l] : 1;
	}
	for (int k = 0; k < a->ntokens; k++) {
		double sure = 0, widths = 0, cells = 0, rest, run = 0;

		for (uint32_t j = a->first[k]; j < a->first[k + 1]; j++) {
			uint32_t l = a->leaf[j], c = cell[l];
			double y = (double)in->leaf[l], w = in->width ? in->width[l] : 1;

			if (y > SURE * in->leaf_sigma) {
				sure += y;
			} else {
				widths += w;
				if (left[c] > 0 && blank[c] > 0)
					cells += left[c] * w / blank[c];
			}
		}
		rest = mass[k] > sure ? mass[k] - sure : 0;
		if (sure <= 0 && rest <= 0)
			rest = 1; /* where the widths are 0 too, the token has no possible leaf */
		for (uint32_t j = a->first[k]; j < a->first[k + 1]; j++) {
			uint32_t l = a->leaf[j], c = cell[l];
			double y = (double)in->leaf[l], w = in->width ? in->width[l] : 1;

			if (y > SURE * in->leaf_sigma)
				run += y;
			else if (cells > 0)
				run += left[c] > 0 && blank[c] > 0 ? rest * (left[c] * w / blank[c]) / cells : 0;
			else
				run += widths > 0 ? rest * w / widths : 0;
			a->cum[j] = run;
		}
	}
}

/* Sum i of n is over `terms` cells, i * step + j * apart. Returns the last sum that is TAIL deviations above its noise,
 * alone or together with all sums behind it; n where none is. */
static uint32_t last_sure(const struct fm_axis_in *in, uint32_t n, uint32_t step, uint32_t terms, uint32_t apart)
{
	double sum = 0, s = TAIL * in->coarse_sigma;

	for (uint32_t i = n; i-- > 0;) {
		double one = 0;

		for (uint32_t j = 0; j < terms && i * step + j * apart < in->ncoarse; j++)
			one += (double)in->coarse[i * step + j * apart];
		sum += one;
		if ((one > 0 && one * one >= s * s * terms) || (sum > 0 && sum * sum >= s * s * terms * (n - i)))
			return i;
	}
	return n;
}

/* Cells of sizes widen: each is as wide as all before it. Beyond the last cell that is not empty there is only noise,
 * and a few records that do not exist would outweigh all that do. So the counts of those cells, in leaf and coarse,
 * become 0, and their leaves have no width. */
static void cut_tail(const struct fm_axis_in *in, int64_t *leaf, int64_t *coarse, double *leaf_width, bool *guess)
{
	uint32_t width = in->row ? in->row : in->ncoarse, rows = (in->ncoarse + width - 1) / width;
	uint32_t row = last_sure(in, rows, width, width, 1), column = last_sure(in, width, 1, row + 1, width);

	*guess = rows > 1 && row == rows;
	if (column == width)
		column = rows > 1 ? width - 1 : 0;
	for (uint32_t c = 0; c < in->ncoarse; c++)
		coarse[c] = *guess || c / width > row || c % width > column ? 0 : in->coarse[c];
	for (uint32_t l = 0; l < in->nleaves; l++) {
		uint32_t c = in->coarse_of(l);
		bool beyond = c / width > row || c % width > column;

		leaf[l] = *guess || beyond ? 0 : in->leaf[l];
		leaf_width[l] = beyond ? 0 : in->width ? in->width[l] : 1;
	}
}

/* Decide which leaves are tokens by themselves (those with *own records) and which group each cell is in; returns the
 * number of groups.  Together they are at most FM_AXIS_TOKENS; if need be, fewer leaves are tokens and more cells are
 * joined. */
static int divide(const struct fm_axis_in *in, const uint32_t *cell, double *sorted, double *rest, uint32_t *group,
		  int64_t *own)
{
	struct fm_axis_in sooner = *in;
	size_t most = (size_t)in->most, alone;
	int groups;

	for (;;) {
		*own = own_from(in, most, sorted, &alone);
		for (uint32_t c = 0; c < in->ncoarse; c++)
			rest[c] = (double)in->coarse[c] < 3 * in->coarse_sigma ? 0 : (double)in->coarse[c];
		for (uint32_t l = 0; l < in->nleaves; l++)
			if (in->leaf[l] >= *own)
				rest[cell[l]] -= (double)in->leaf[l];
		groups = join_cells(&sooner, rest, group);
		if (groups + alone <= FM_AXIS_TOKENS)
			return groups;
		if (most > FM_AXIS_TOKENS / 4)
			most /= 2;
		else
			sooner.join *= 2;
	}
}

static int build(struct fm_axis *a, const struct fm_axis_in *in, struct fm_error *err)
{
	double *rest = NULL, *blank = NULL, *mass = NULL, *sorted = NULL;
	uint32_t *group = NULL, *cell = NULL;
	int64_t own;
	int rc;

	*a = (struct fm_axis){.nleaves = in->nleaves};
	if ((rc = fm_alloc(&rest, in->ncoarse, sizeof *rest, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&blank, in->ncoarse, sizeof *blank, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&mass, in->nleaves + in->ncoarse, sizeof *mass, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&sorted, in->nleaves, sizeof *sorted, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&group, in->ncoarse, sizeof *group, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&cell, in->nleaves, sizeof *cell, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&a->token, in->nleaves, sizeof *a->token, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&a->leaf, in->nleaves, sizeof *a->leaf, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&a->cum, in->nleaves, sizeof *a->cum, "an axis", err)) < 0)
		goto out;
	for (uint32_t l = 0; l < in->nleaves; l++)
		cell[l] = in->coarse_of(l);
	a->ntokens = divide(in, cell, sorted, rest, group, &own);
	for (uint32_t c = 0; c < in->ncoarse; c++)
		mass[group[c]] += rest[c];
	for (uint32_t l = 0; l < in->nleaves; l++) {
		if (in->leaf[l] >= own) {
			mass[a->ntokens] = (double)in->leaf[l];
			a->token[l] = (uint16_t)a->ntokens++;
		} else {
			a->token[l] = (uint16_t)group[cell[l]];
		}
	}
	if ((rc = fm_alloc(&a->first, (size_t)a->ntokens + 1, sizeof *a->first, "an axis", err)) < 0)
		goto out;
	for (uint32_t l = 0; l < in->nleaves; l++)
		a->first[a->token[l] + 1]++;
	for (int k = 0; k < a->ntokens; k++)
		a->first[k + 1] += a->first[k];
	for (uint32_t l = in->nleaves; l-- > 0;) {
		/* Filled from behind: first[k + 1] walks down to first[k]. */
		a->leaf[--a->first[a->token[l] + 1]] = l;
	}
	memmove(a->first, a->first + 1, (size_t)a->ntokens * sizeof *a->first);
	a->first[a->ntokens] = in->nleaves;
	if ((rc = expect(in, rest, err)) < 0)
		goto out;
	weigh(a, in, mass, cell, rest, blank);
out:
	free(blank);
	free(rest);
	free(mass);
	free(sorted);
	free(group);
	free(cell);
	if (rc < 0)
		fm_axis_free(a);
	return rc;
}

int fm_axis_build(struct fm_axis *a, const struct fm_axis_in *in, struct fm_error *err)
{
	struct fm_axis_in cut = *in;
	int64_t *leaf = NULL, *coarse = NULL;
	double *width = NULL;
	bool guess;
	int rc;

	if (!in->tail)
		return build(a, in, err);
	*a = (struct fm_axis){.nleaves = in->nleaves};
	if ((rc = fm_alloc(&leaf, in->nleaves, sizeof *leaf, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&coarse, in->ncoarse, sizeof *coarse, "an axis", err)) < 0 ||
	    (rc = fm_alloc(&width, in->nleaves, sizeof *width, "an axis", err)) < 0)
		goto out;
	cut_tail(in, leaf, coarse, width, &guess);
	cut.leaf = leaf;
	cut.coarse = coarse;
	cut.width = width;
	if ((rc = build(a, &cut, err)) < 0)
		goto out;
	a->guess = guess;
out:
	free(leaf);
	free(coarse);
	free(width);
	return rc;
}

double fm_axis_mass(const struct fm_axis *a, int token)
{
	if (token >= a->ntokens) /* an attribute that the record does not have */
		return 0;
	return a->first[token] < a->first[token + 1] ? a->cum[a->first[token + 1] - 1] : 0;
}

uint32_t fm_axis_draw(const struct fm_axis *a, int token, double u)
{
	double mass = fm_axis_mass(a, token), want = u * mass;
	uint32_t lo, hi;

	if (token >= a->ntokens)
		return a->nleaves - 1;
	lo = a->first[token];
	hi = a->first[token + 1] - 1;
	if (lo > hi || hi >= a->nleaves)
		return lo < a->nleaves ? a->leaf[lo] : a->nleaves - 1;
	if (want <= 0 && mass <= 0) /* no possible leaf: the first */
		return a->leaf[lo];
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (a->cum[mid] > want)
			hi = mid;
		else
			lo = mid + 1;
	}
	return a->leaf[lo];
}

void fm_axis_free(struct fm_axis *a)
{
	free(a->token);
	free(a->first);
	free(a->leaf);
	free(a->cum);
	*a = (struct fm_axis){0};
}
