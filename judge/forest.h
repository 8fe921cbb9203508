/*
 * forest.h - an isolation forest: how soon random cuts isolate a row (Liu, Ting and Zhou, ICDM 2008).
 *
 * 100 trees, each over 256 of the rows.  Cuts are drawn from the seed; the same rows give the same bits.
 */
#ifndef FM_JUDGE_FOREST_H
#define FM_JUDGE_FOREST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fm_forest;

/* x (n, f) of rows taken to be normal; n = 0 makes a forest that scores all rows equally. */
int fm_forest_grow(struct fm_forest **forest, const float *x, size_t n, size_t f, uint64_t seed,
		   struct fm_error *err) FM_MUST_CHECK;
/* The anomaly score (n) of x (n, f), 0 .. 1: 2^(-mean depth / expected depth), 0.5 for the average row. */
void fm_forest_score(const struct fm_forest *forest, const float *x, size_t n, float *score);
void fm_forest_free(struct fm_forest *forest);

#endif
