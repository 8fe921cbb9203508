/*
 * plan.h - when the windows to be made begin and how long they last, drawn from the model's histograms of time.
 */
#ifndef FM_MODEL_PLAN_H
#define FM_MODEL_PLAN_H

#include "model/codec.h"

struct fm_plan {
	size_t n;             /* windows */
	uint8_t *slot, *span; /* (n) conditions */
	int64_t *start_ms;    /* (n), rising: the time from which the first flow's gap is counted */
};
/* Windows for `rows` flows.  Fewer rows than the source had leave holes between windows, as a split does; more overlap. */
int fm_plan_make(struct fm_plan *plan, const struct fm_codec *c, uint64_t rows, uint64_t seed, struct fm_error *err) FM_MUST_CHECK;
void fm_plan_free(struct fm_plan *plan);

#endif
