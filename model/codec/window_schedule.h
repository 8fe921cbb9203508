/*
 * window_schedule.h - when the windows to be made begin and how long they last, drawn from the model's histograms of
 * time.
 */
#ifndef FM_MODEL_CODEC_WINDOW_SCHEDULE_H
#define FM_MODEL_CODEC_WINDOW_SCHEDULE_H

#include "base/rng.h"
#include "model/codec/codec.h"

struct fm_window_schedule {
	size_t n;                   /* windows */
	uint8_t *slot, *span, *cls; /* (n) conditions */
	uint8_t *kind;              /* (n) another one (window_kinds.h); NULL: not told */
	int64_t *start_ms;          /* (n), rising: the time from which the first flow's gap is counted */
	int64_t *end_ms;            /* (n) when the next one begins, of all that a source has, made or not */
	/* (n, classes) flows of each label; NULL: the network decides, for one label or more than FM_MAXCLASSES */
	uint16_t *budget;
};
struct fm_window_schedule_opts {
	uint64_t rows, seed;
	int hours[2]; /* hours of the day [from, to) in UTC; {0, 24}: all */
	int nlabels;  /* wanted shares of flows by label token; 0: as learned */
	int label[FM_MAXCLASSES];
	double share[FM_MAXCLASSES];
};
/* Windows for o->rows flows.  Where fewer are made in a slot than the source had there are holes between windows, as in
 * a split; where more are, they are shorter. Labels are asked for by making more windows of their class, and saying how
 * many flows of it each has (label_budget.h).  FM_EINPUT when no slot lies in the hours, or no training window holds
 * the label. */
int fm_window_schedule_make(struct fm_window_schedule *schedule, const struct fm_codec *c,
			    const struct fm_window_schedule_opts *o, struct fm_error *err) FM_MUST_CHECK;
/* Which of the n windows of a slot are made, and of which class: order (n) gets the class + 1, or 0.  span: their
 * buckets of duration; of[cl * FM_SLOTS]: windows of class cl.  Windows of a rarer class last as long as was learned,
 * as far as there are such windows. */
int fm_window_schedule_classes(uint32_t *order, const uint32_t *span, size_t n, const size_t *of,
			       const struct fm_times *t, struct fm_rng *r, struct fm_error *err) FM_MUST_CHECK;
/* Fill schedule->budget from its windows' classes: a share o->share of all flows for each wanted label and none for
 * others.  The label of a class is spread over the windows of that class as evenly as possible; the rest is the most
 * frequent label. */
int fm_window_schedule_labels(struct fm_window_schedule *schedule, const struct fm_codec *c,
			      const struct fm_window_schedule_opts *o, struct fm_error *err) FM_MUST_CHECK;
/* The same in the learned shares: counts of a class's own label as learned (label_counts.h), those of other labels by
 * their mean. */
int fm_window_schedule_own_labels(struct fm_window_schedule *schedule, const struct fm_codec *c, uint64_t seed,
				  struct fm_error *err) FM_MUST_CHECK;
void fm_window_schedule_free(struct fm_window_schedule *schedule);

#endif
