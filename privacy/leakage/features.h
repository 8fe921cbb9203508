/*
 * features.h - flows as points, for the Euclidean searches (neighbours.h).
 *
 * Time as it is, and duration, packets and bytes as log(1 + x), each less its training mean, over its training standard
 * deviation, and at most FM_FEATURE_LARGEST.  Addresses, ports and categories (by their text) have no meaningful order:
 * each value has a random place of its own in a square of such a size that two values are as far from each other, on
 * average, as two training rows are in one of the numbers.  A value has the same place in every table and on every
 * machine.
 */
#ifndef FM_PRIVACY_LEAKAGE_FEATURES_H
#define FM_PRIVACY_LEAKAGE_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "privacy/leakage/copies.h"

#define FM_FEATURE_LARGEST 1000.0

struct fm_features {
	unsigned columns; /* columns that count: asked for and in the training table */
	int dim;          /* 1 for a number, 2 for anything else; at least 1 */
	double mean[FM_NCOL], scale[FM_NCOL];
};
/* columns: a set of bits 1 << enum fm_col; win, gap and fwd are ignored. */
void fm_features_fit(struct fm_features *f, const struct fm_table *train, unsigned columns);
/* Code these rows, in rising order: *x (n, f->dim), freed by the caller. A column that the table lacks is constant. */
int fm_features_code(const struct fm_features *f, const struct fm_choice *rows, float **x,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
