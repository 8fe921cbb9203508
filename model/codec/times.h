/*
 * times.h - what the codec keeps of when flows happen.
 */
#ifndef FM_MODEL_CODEC_TIMES_H
#define FM_MODEL_CODEC_TIMES_H

#include <stdint.h>

#include "model/codec/tokens.h"

/* When flows happen: training windows by time slot, and the durations of the windows of a slot. */
#define FM_SLOTS 48
#define FM_SPANS 32
#define FM_LAGS 16
#define FM_COUNTS 8
#define FM_KINDS 32
struct fm_times {
	int64_t first_ms, last_ms;
	double source_windows;             /* windows of the source: its rows / window */
	uint32_t slot[FM_SLOTS];           /* training windows that begin in it */
	uint32_t span[FM_SLOTS][FM_SPANS]; /* buckets of 4 log2(1 + seconds): the window and the gap before it */
	/* The logarithms of durations in their slots: correlation of windows i and i + 1 + l, and skewness. */
	double follow[FM_LAGS], skew;
	/* A window's class: the most frequent of its labels when label 0, the most frequent of the trace, is left out;
	 * 0 when there is no other. */
	int nclasses;
	uint32_t class_windows[FM_MAXCLASSES]; /* training windows of a class */
	uint32_t class_slot[FM_MAXCLASSES]
			   [FM_SLOTS]; /* windows of a class that begin in a slot; weights where it may be any */
	double class_share[FM_MAXCLASSES][FM_MAXCLASSES]; /* mean share of each label in the windows of a class */
	/* The mean number of flows of a label in windows of other classes that have any; 1 where fewer than k such
	 * windows have. */
	double class_run[FM_MAXCLASSES];
	/* Flows of the class's own label in its windows: the quantiles at (i + 1/2) / FM_COUNTS (label_counts.h). */
	double class_count[FM_MAXCLASSES][FM_COUNTS];
	/* Buckets of the durations of a class's windows, as quantiles too; all -1 where fewer than k windows have the
	 * class. */
	double class_span[FM_MAXCLASSES][FM_COUNTS];
};

#endif
