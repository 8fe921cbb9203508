/*
 * bins.h - a numeric column in equal bins over a table's range: used by jsd.TS, TD, PKT, BYT and the histograms.
 *
 * Time is binned as it is, in microseconds; duration (in milliseconds), packets and bytes on log(1 + x).
 *
 *     struct fm_bins b = fm_bins_of(real, FM_BYT);
 *     uint64_t count[FM_BIN_CELLS] = {0};
 *     fm_bins_count(&b, synthetic, FM_BYT, count);
 */
#ifndef FM_JUDGE_BINS_H
#define FM_JUDGE_BINS_H

#include <stdint.h>

#include "base/table.h"

#define FM_BINS 100
#define FM_BIN_CELLS (FM_BINS + 2) /* 0 is below the range, FM_BINS + 1 above it */

struct fm_bins {
	double lo, hi, tolerance; /* on the scale of fm_bins_scale */
};

/* Bins over the range of column c of a table with at least one row; the range is one unit wide where all values are
 * equal. */
struct fm_bins fm_bins_of(const struct fm_table *t, enum fm_col c);
/* The place of a row's value on the scale: microseconds, or log(1 + x) of milliseconds, packets, bytes. */
double fm_bins_scale(const struct fm_table *t, enum fm_col c, size_t row);
/* The cell, 0 .. FM_BINS + 1, of a place on the scale; the upper end of the range, within the tolerance, is in cell
 * FM_BINS.
 */
int fm_bins_cell(const struct fm_bins *b, double at);
/* Add 1 to the cell of each row. */
void fm_bins_count(const struct fm_bins *b, const struct fm_table *t, enum fm_col c, uint64_t count[FM_BIN_CELLS]);

#endif
