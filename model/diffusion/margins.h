/*
 * margins.h - choosing among windows that were drawn, so that together they resemble the training windows.
 *
 * Windows are drawn one by one, and errors of the network and of chance add up: one more scan fills a window, a service
 * has a tenth more flows than it had.  So for one window in FM_SPARE_EVERY another is drawn with the same conditions.
 * It takes the place of that window, or of one near it in time with the same conditions, where that brings the whole
 * nearer to what was learned; the window that it replaced may take the place of another.
 *
 * What is learned is counts of the training flows by role, service (label, protocol, port), source port, flags,
 * packets, duration and bytes per packet, in tokens; and of the training windows by their number of flows of each
 * relation, of different services and of different sources, in powers of two.  Counts of fewer than min_count flows or
 * windows are added up to one number for each kind.  The distance is the sum over the counts of (made - wanted)^2 /
 * (wanted + 1), Pearson's statistic, and windows are exchanged one by one, each where the distance falls most, while it
 * falls (iterated conditional modes: Besag, On the Statistical Analysis of Dirty Pictures, 1986).
 */
#ifndef FM_MODEL_DIFFUSION_MARGINS_H
#define FM_MODEL_DIFFUSION_MARGINS_H

#include <jansson.h>

#include "model/codec/window_schedule.h"
#include "model/diffusion/sampler.h"

#define FM_SPARE_EVERY 3

struct fm_margin {
	uint64_t key;
	uint64_t count;
};
struct fm_margins {
	struct fm_margin *at; /* (n), by rising key; n 0: nothing was learned, and nothing is chosen */
	size_t n;
	uint64_t windows; /* windows counted */
};

int fm_margins_fit(struct fm_margins *m, const struct fm_encoded *e, int window, int min_count,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_margins_free(struct fm_margins *m);
json_t *fm_margins_json(const struct fm_margins *m);
/* FM_EINPUT for anything but a list by rising key; j NULL: no counts. */
int fm_margins_from_json(struct fm_margins *m, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

/* The windows to be drawn for a schedule: its own, and behind them a spare one for every FM_SPARE_EVERYth, which begins
 * when that does.  classes: the width of schedule->budget. */
int fm_margins_drafts(const struct fm_margins *m, struct fm_window_schedule *drafts,
		      const struct fm_window_schedule *schedule, int classes, struct fm_error *err) FM_MUST_CHECK;
/* What was drawn: the windows of a schedule, and behind them the spare ones. */
struct fm_drafts {
	const struct fm_window_schedule *schedule; /* borrowed: made by fm_margins_drafts */
	size_t windows;                            /* windows wanted */
	int classes;
};
/* Of the windows x drawn for the drafts, put the chosen ones into the first d->windows places. */
int fm_margins_choose(const struct fm_margins *m, const struct fm_drafts *d, const struct fm_sampled *x, int window,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
