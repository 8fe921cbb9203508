/*
 * margins.h - choosing among windows that were drawn, so that together they are as the training windows were.
 *
 * Windows are drawn one by one, and what the network gets wrong, or chance does, adds up: a scan more fills a window,
 * a service has a tenth more flows than it had.  So for one window in FM_SPARE_EVERY another is drawn with the same
 * conditions, and takes the place of that window, or of one near it in time that has the same conditions too, where
 * that brings the whole nearer to what was learned; what it replaced may take the place of another.
 *
 * Learned are counts of the training flows by role, service (label, protocol, port), source port, flags, packets,
 * duration and bytes a packet, in tokens, and of the training windows by how many flows of each relation, different
 * services and different sources they have, in powers of two.  Counts of fewer than min_count flows or windows are
 * added up, one number a kind.  The distance is the sum over the counts of (made - wanted)^2 / (wanted + 1), Pearson's
 * statistic, and windows are exchanged one by one, each where it falls most, while it falls (iterated conditional
 * modes: Besag, On the Statistical Analysis of Dirty Pictures, 1986).
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
	uint64_t windows; /* that were counted */
};

int fm_margins_fit(struct fm_margins *m, const struct fm_encoded *e, int window, int min_count,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_margins_free(struct fm_margins *m);
json_t *fm_margins_json(const struct fm_margins *m);
/* FM_EINPUT for what is no list by rising key; j NULL: none. */
int fm_margins_from_json(struct fm_margins *m, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

/* The windows to be drawn for a schedule: its own, and behind them the others of one in FM_SPARE_EVERY, which begin
 * when they do.  classes: of schedule->budget. */
int fm_margins_drafts(const struct fm_margins *m, struct fm_window_schedule *drafts,
		      const struct fm_window_schedule *schedule, int classes, struct fm_error *err) FM_MUST_CHECK;
/* What was drawn: the windows of a schedule, and behind them the others. */
struct fm_drafts {
	const struct fm_window_schedule *schedule; /* borrowed: of fm_margins_drafts */
	size_t windows;                            /* that are wanted */
	int classes;
};
/* Of windows drawn for those drafts, x, put the chosen ones into the places of those that are wanted. */
int fm_margins_choose(const struct fm_margins *m, const struct fm_drafts *d, const struct fm_sampled *x, int window,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
