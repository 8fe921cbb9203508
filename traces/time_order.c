#include "traces/time_order.h"

#define MINUTE_MS INT64_C(60000)
#define FORWARD 16 /* rows before a fall and behind it */
#define FAN 8      /* parts of a block */
#define ROWS 7     /* steps down that make a descent of rows, */
#define BLOCKS 4   /* and of blocks */

static int bin_of(int64_t ms) /* above 0 */
{
	return 63 - __builtin_clzll((unsigned long long)ms);
}

/* A block lies behind where both its ends lie over a minute behind those of a block before it. */
static void look_behind(struct fm_time_order *o, const struct fm_time_order_level *b)
{
	int64_t low = o->most_min - b->min_ms, high = o->most_max - b->max_ms, by = low < high ? low : high;
	bool behind = b->begun && by > MINUTE_MS;

	o->by_blocks.falls += behind && !o->is_behind;
	o->by_blocks.rows += behind ? FAN * FAN : 0;
	o->is_behind = behind;
	if (behind && by > o->by_blocks.deepest_ms)
		o->by_blocks.deepest_ms = by;
	o->most_min = b->begun && o->most_min > b->min_ms ? o->most_min : b->min_ms;
	o->most_max = b->begun && o->most_max > b->max_ms ? o->most_max : b->max_ms;
}

/* A fall is a step back between rows that go forward, to over a minute before one of the rows shortly before it: the
 * row just before may be a long flow among short ones. */
static void look_for_fall(struct fm_time_order *o, int64_t ms, int64_t gap)
{
	const int64_t *before = &o->recent[o->rows % FM_TIME_ORDER_RECENT];

	if (gap < 0) {
		o->fell = o->forward >= FORWARD && ms < *before - MINUTE_MS;
		o->peak_ms = o->max_ms;
		o->depth_ms = *before - ms;
		o->forward = 0;
	}
	o->fell = o->fell && ms < o->peak_ms - MINUTE_MS;
	o->forward++;
	if (!o->fell || o->forward < FORWARD)
		return;
	if (o->forward == FORWARD) {
		o->by_steps.falls++;
		o->by_steps.rows += FORWARD - 1;
		if (o->depth_ms > o->by_steps.deepest_ms)
			o->by_steps.deepest_ms = o->depth_ms;
	}
	o->by_steps.rows++;
}

/* The next block of a level: it continues a descent where neither end is later; `steps` steps down are needed. */
static void descend(struct fm_time_order_level *b, int64_t min_ms, int64_t max_ms, unsigned steps)
{
	if (!b->begun || min_ms > b->last_min || max_ms > b->last_max) {
		b->steps = 0;
		b->length = 1;
	} else {
		b->steps += min_ms < b->last_min && max_ms < b->last_max;
		b->length++;
	}
	if (b->steps >= steps) {
		b->descending += b->length;
		b->length = 0; /* counted */
	}
	b->last_min = min_ms;
	b->last_max = max_ms;
	b->begun = true;
}

/* Add a part to the block of a level; a full block becomes a part of the next level. */
static void put_part(struct fm_time_order *o, int k, int64_t min_ms, int64_t max_ms)
{
	for (; k < FM_TIME_ORDER_LEVELS; k++) {
		struct fm_time_order_level *b = &o->level[k];

		b->min_ms = b->n && b->min_ms < min_ms ? b->min_ms : min_ms;
		b->max_ms = b->n && b->max_ms > max_ms ? b->max_ms : max_ms;
		if (++b->n < FAN)
			return;
		b->n = 0;
		if (k == FM_TIME_ORDER_BEHIND)
			look_behind(o, b);
		min_ms = b->min_ms;
		max_ms = b->max_ms;
		descend(b, min_ms, max_ms, BLOCKS);
	}
}

int64_t fm_time_order_step(struct fm_time_order *o, int64_t ms)
{
	int64_t gap = o->begun ? ms - o->last_ms : 0;

	if (gap < 0)
		o->steps_back[bin_of(-gap)]++;
	if (o->begun && ms < o->max_ms)
		o->behind[bin_of(o->max_ms - ms)]++;
	descend(&o->level[0], ms, ms, ROWS);
	put_part(o, 1, ms, ms);
	look_for_fall(o, ms, gap);
	o->recent[o->rows % FM_TIME_ORDER_RECENT] = ms;
	o->min_ms = o->begun && o->min_ms < ms ? o->min_ms : ms;
	o->max_ms = o->begun && o->max_ms > ms ? o->max_ms : ms;
	o->last_ms = ms;
	o->begun = true;
	o->rows++;
	return gap;
}

/* Rows in the bins that lie wholly from limit on. */
static uint64_t rows_from(const uint64_t bins[FM_TIME_ORDER_BINS], int64_t limit)
{
	uint64_t n = 0;

	for (int i = 0; i < FM_TIME_ORDER_BINS - 1; i++)
		if (INT64_C(1) << i >= limit)
			n += bins[i];
	return n;
}

static bool descends(const struct fm_time_order *o)
{
	uint64_t rows = FAN;

	for (int k = 1; k < FM_TIME_ORDER_LEVELS; k++, rows *= FAN)
		if (o->level[k].descending * rows * 10 > o->rows)
			return true;
	return o->level[0].descending * 2 > o->rows;
}

uint64_t fm_time_order_behind(const struct fm_time_order *o)
{
	uint64_t by_steps = o->by_steps.rows * 20 > o->rows ? o->by_steps.rows : 0; /* long flows cause some of them */

	return o->by_blocks.rows > by_steps ? o->by_blocks.rows : by_steps;
}

static bool lies_behind(const struct fm_time_order *o, bool joined)
{
	bool winter = o->by_blocks.falls <= 1 && o->by_steps.falls <= 1 &&
		      o->by_blocks.deepest_ms <= FM_TIME_ORDER_WINTER_MS &&
		      o->by_steps.deepest_ms <= FM_TIME_ORDER_WINTER_MS;

	if (joined)
		return fm_time_order_behind(o) * 20 > o->rows || (!winter && (o->by_blocks.rows || o->by_steps.rows));
	return fm_time_order_behind(o) * 10 > o->rows && !winter;
}

bool fm_time_order_found(const struct fm_time_order *o, bool joined)
{
	int64_t span = o->max_ms - o->min_ms, step = span / 16, behind = span / 4;

	step = step > MINUTE_MS ? step : MINUTE_MS;
	behind = behind > FM_TIME_ORDER_WINTER_MS ? behind : FM_TIME_ORDER_WINTER_MS;
	return rows_from(o->steps_back, step) * 10 <= o->rows && rows_from(o->behind, behind) * 10 <= o->rows &&
	       !descends(o) && !lies_behind(o, joined);
}
