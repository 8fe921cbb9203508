/*
 * time_order.h - are the rows of a trace in the order of time?
 *
 * Collectors write flows in the order in which they ended or began, and the other of the two times steps back a little
 * all the time: that counts as an order. There is none where over a tenth of the rows are one of these:
 *
 *     earlier than the row before them by over a minute and a sixteenth of the trace's length;
 *
 *     earlier than the latest row before them by over 61 minutes (a clock that is set back for winter) and a quarter of
 *     it, as in files that were joined in a wrong order;
 *
 *     in descents, as where pieces have their newest rows first: blocks of 8, 64, 512, 4,096 or 32,768 rows, whose
 *     earliest and latest times both go back four times in a row. (Of flows that began in order and are told by their
 *     ends, or the other way, one of the two goes on.) Where half of all rows go back seven times in a row, no block
 *     need do so;
 *
 *     behind, as where traces of two exporters follow each other piece by piece: in blocks of 64 rows whose earliest
 *     and latest times are both over a minute earlier than those of blocks before them, or behind a single step back
 *     between 16 rows or more that go forward. Of several files any such row is enough. One fall alone of up to 61
 *     minutes may be a clock that is set back: in a single file it is taken for one, and in several where it is of
 *     under a twentieth of the rows.
 */
#ifndef FM_TRACES_TIME_ORDER_H
#define FM_TRACES_TIME_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#define FM_TIME_ORDER_BINS 64
#define FM_TIME_ORDER_LEVELS 6 /* rows, and blocks of 8, 64, ... */
#define FM_TIME_ORDER_RECENT 8
#define FM_TIME_ORDER_WINTER_MS INT64_C(3660000)
#define FM_TIME_ORDER_BEHIND 2 /* the level of blocks that are checked for lying behind */

/* Blocks of one size. */
struct fm_time_order_level {
	int64_t min_ms, max_ms;     /* the times of the block that is being filled */
	int64_t last_min, last_max; /* the times of the block before */
	unsigned n;                 /* parts in it */
	uint64_t steps, length;     /* steps down in a row; blocks of the descent, not counted yet */
	bool begun;                 /* there is one before */
	uint64_t descending;        /* blocks in descents that are long enough */
};
/* Zero-initialised is before the first row. */
struct fm_time_order {
	bool begun; /* the times hold values */
	int64_t last_ms, min_ms, max_ms;
	uint64_t rows;
	uint64_t steps_back[FM_TIME_ORDER_BINS]; /* [i]: rows that lie 2^i to 2^(i+1) ms before the row before them */
	uint64_t behind[FM_TIME_ORDER_BINS];     /* the same before the latest of all rows before them */
	struct fm_time_order_level level[FM_TIME_ORDER_LEVELS];
	int64_t most_min, most_max; /* of all blocks so far */
	struct {
		uint64_t falls, rows; /* rows that lie behind, and in how many pieces */
		int64_t deepest_ms;   /* the most by which a piece begins behind */
	} by_blocks, by_steps;
	bool is_behind;                       /* the block before lay behind */
	int64_t recent[FM_TIME_ORDER_RECENT]; /* times of the last rows */
	uint64_t forward;                     /* rows since the last step back */
	bool fell;                            /* that step may be a fall; */
	int64_t peak_ms, depth_ms;            /* from this time, by this much */
};
/* The next row; returns the time since the row before it, below 0 where it is earlier. */
int64_t fm_time_order_step(struct fm_time_order *o, int64_t ms);
/* About how many rows lie behind. */
uint64_t fm_time_order_behind(const struct fm_time_order *o);
/* Are the rows in order?  joined: the trace has several files. */
bool fm_time_order_found(const struct fm_time_order *o, bool joined);

#endif
