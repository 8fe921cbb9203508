/*
 * plan.h - when the windows to be made begin and how long they last, drawn from the model's histograms of time.
 */
#ifndef FM_MODEL_CODEC_PLAN_H
#define FM_MODEL_CODEC_PLAN_H

#include "model/codec/codec.h"

struct fm_plan {
	size_t n;             /* windows */
	uint8_t *slot, *span, *cls; /* (n) conditions */
	int64_t *start_ms;    /* (n), rising: the time from which the first flow's gap is counted */
	uint16_t *quota;      /* (n, classes) flows of each label, where labels are asked for; else NULL: as the network makes them */
};
struct fm_plan_opts {
	uint64_t rows, seed;
	int hours[2];              /* hours of the day [from, to) in UTC; {0, 24}: all */
	int nlabels;               /* wanted shares of flows by label token; 0: as they were */
	int label[FM_MAXCLASSES];
	double share[FM_MAXCLASSES];
};
/* Windows for o->rows flows.  Fewer rows than the source had leave holes between windows, as a split does; more overlap.
 * Labels are asked for by making more windows of their class, and saying how many flows of it each has (quota.h).  FM_EINPUT when no slot lies in the hours, or no window that was
 * learned holds the label. */
int fm_plan_make(struct fm_plan *plan, const struct fm_codec *c, const struct fm_plan_opts *o, struct fm_error *err) FM_MUST_CHECK;
void fm_plan_free(struct fm_plan *plan);

#endif
