/*
 * decode_order.h - windows and flows in order of time, while flows are made.
 */
#ifndef FM_MODEL_CODEC_DECODE_ORDER_H
#define FM_MODEL_CODEC_DECODE_ORDER_H

#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/table.h"
#include "model/codec/window_schedule.h"

/* The windows of a schedule by when they begin, ties in their order: *order, freed by the caller. */
int fm_order_windows(const struct fm_window_schedule *schedule, uint32_t **order, struct fm_error *err) FM_MUST_CHECK;
/* Sort the rows by te; ties keep their order. */
int fm_order_rows(struct fm_table *t, struct fm_error *err) FM_MUST_CHECK;

/* In a trace whose flows of one time stand in the order of their text, it is chance which flow falls on which tick. So
 * the rows [first, first + n) of a window keep their order, and each run of related flows without gaps gets the time of
 * a random arrival before the next window begins. */
struct fm_arrivals {
	int64_t start_ms, end_ms;  /* of the window */
	int64_t step;              /* of ticks, from first_ms on */
	int64_t first_ms, last_ms; /* the first and the last time that there is */
};
void fm_spread_arrivals(struct fm_table *t, size_t first, size_t n, const uint16_t *tok, const struct fm_arrivals *a,
			struct fm_rng *rng);

#endif
