/*
 * label_counts.h - how many flows of its own label the windows of a class have.
 *
 * A label is a cause: what else a flow is depends on it.  So the schedule says how many flows of each label a window
 * has, the network says first of all which flows these are (label_budget.h), and all else is made given that.
 */
#ifndef FM_MODEL_CODEC_LABEL_COUNTS_H
#define FM_MODEL_CODEC_LABEL_COUNTS_H

#include <stddef.h>

#include "model/codec/times.h"

/* Counts of one class's windows, own[0..n) of `window` flows each, which are sorted here: times->class_count[cl].  Of
 * fewer than k windows only the mean is kept, class_share[cl][cl], which is set already. */
void fm_label_counts_fit(struct fm_times *times, int cl, uint16_t *own, size_t n, int window, int min_count);
/* Buckets of the durations of the class's windows, own[0..n), which are sorted here: times->class_span[cl].  None of
 * fewer than k windows. */
void fm_label_spans_fit(struct fm_times *times, int cl, uint16_t *own, size_t n, int min_count);
/* The bucket at quantile u of [0, 1) of a class; negative where it is not known. */
double fm_label_span_at(const struct fm_times *times, int cl, double u);
/* The count at quantile u of [0, 1) of the class's windows, at least 1. */
double fm_label_counts_at(const struct fm_times *times, int cl, double u);

#endif
