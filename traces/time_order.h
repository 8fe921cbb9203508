/*
 * time_order.h - are the rows of a trace in the order of time?
 *
 * Collectors write flows in the order in which they ended or began, and the other of the two times steps back a little
 * all the time: that is an order. None is where over a tenth of the rows are earlier
 *
 *     than the row before them by over a minute and a sixteenth of the trace's length, or
 *     than the latest row before them by over 61 minutes (a clock that is set back for winter) and a quarter of it, as
 *     in files that were joined in a wrong order.
 */
#ifndef FM_TRACES_TIME_ORDER_H
#define FM_TRACES_TIME_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#define FM_TIME_ORDER_BINS 64

/* Zero-initialised is before the first row. */
struct fm_time_order {
	bool begun; /* the times hold values */
	int64_t last_ms, min_ms, max_ms;
	uint64_t rows;
	uint64_t steps_back[FM_TIME_ORDER_BINS]; /* [i]: rows that lie 2^i to 2^(i+1) ms before the row before them */
	uint64_t behind[FM_TIME_ORDER_BINS];     /* the same before the latest of all rows before them */
};
/* The next row; returns the time since the row before it, below 0 where it is earlier. */
int64_t fm_time_order_step(struct fm_time_order *o, int64_t ms);
bool fm_time_order_found(const struct fm_time_order *o);

#endif
