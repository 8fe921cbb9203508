/*
 * label_weights.h - rare labels' share of the capacity.
 *
 * In the flows of a label, the columns that are drawn given it weigh sqrt(largest / count) times as much as in those of
 * the most frequent label, but at most `most` (train.balance) times; the mean weight over the training flows is 1.  The
 * weight depends on nothing but the label, so what is learned of a column given the label stays the same.
 */
#ifndef FM_MODEL_DIFFUSION_LABEL_WEIGHTS_H
#define FM_MODEL_DIFFUSION_LABEL_WEIGHTS_H

#include "model/codec/codec.h"

/* *weight: (labels), freed by the caller; NULL where all weigh the same: one label, more labels than classes, or most
 * 1. */
int fm_label_weights(float **weight, int labels, const struct fm_encoded *e, int window, int most,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
