#include "traces/time_order.h"

#define MINUTE_MS INT64_C(60000)

static int bin_of(int64_t ms) /* above 0 */
{
	return 63 - __builtin_clzll((unsigned long long)ms);
}

int64_t fm_time_order_step(struct fm_time_order *o, int64_t ms)
{
	int64_t gap = o->begun ? ms - o->last_ms : 0;

	if (gap < 0)
		o->steps_back[bin_of(-gap)]++;
	if (o->begun && ms < o->max_ms)
		o->behind[bin_of(o->max_ms - ms)]++;
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

bool fm_time_order_found(const struct fm_time_order *o)
{
	int64_t span = o->max_ms - o->min_ms, step = span / 16, behind = span / 4;

	step = step > MINUTE_MS ? step : MINUTE_MS;
	behind = behind > 61 * MINUTE_MS ? behind : 61 * MINUTE_MS;
	return rows_from(o->steps_back, step) * 10 <= o->rows && rows_from(o->behind, behind) * 10 <= o->rows;
}
