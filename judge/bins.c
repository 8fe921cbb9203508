#include "judge/bins.h"

#include <math.h>

#include "judge/column.h"

double fm_bins_scale(const struct fm_table *t, enum fm_col c, size_t row)
{
	double x = fm_column_number(t, c, row);

	if (c == FM_TE)
		return x;
	if (c == FM_TD)
		x = x * 1000.0;
	return log1p(x > 0 ? x : 0.0);
}

struct fm_bins fm_bins_of(const struct fm_table *t, enum fm_col c)
{
	size_t lo = 0, hi = 0; /* the scale rises with the column, so their extremes are at the same rows */

	for (size_t i = 1; i < t->rows; i++) {
		uint64_t key = fm_column_key(t, c, i);
		if (key < fm_column_key(t, c, lo))
			lo = i;
		if (key > fm_column_key(t, c, hi))
			hi = i;
	}
	struct fm_bins b = {.lo = fm_bins_scale(t, c, lo), .hi = fm_bins_scale(t, c, hi)};
	if (b.hi <= b.lo)
		b.hi = b.lo + 1.0;
	b.tolerance = 1e-9 * fmax(1.0, fabs(b.hi));
	return b;
}

int fm_bins_cell(const struct fm_bins *b, double w)
{
	double at = floor((w - b->lo) / (b->hi - b->lo) * FM_BINS);
	int i = at < -1 ? -1 : at > FM_BINS ? FM_BINS : (int)at;

	if (w >= b->hi && w <= b->hi + b->tolerance)
		i = FM_BINS - 1;
	if (w < b->lo && w >= b->lo - b->tolerance)
		i = 0;
	return i + 1;
}

void fm_bins_count(const struct fm_bins *b, const struct fm_table *t, enum fm_col c, uint64_t count[FM_BIN_CELLS])
{
	for (size_t i = 0; i < t->rows; i++)
		count[fm_bins_cell(b, fm_bins_scale(t, c, i))]++;
}
