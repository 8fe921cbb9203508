/*
 * scan_windows.h - the windows of a scan follow each other.
 *
 * A scanner asks the hosts of a network one after the other, often in seconds, so that its flows fill several windows
 * in a row.  Windows are drawn one by one: those in which flows sweep over targets with a service lie anywhere in the
 * trace.  So for each brief scan (host_reach.h), windows with long sweeps of its service, about equally long,
 * are gathered near one of them, at a place where the schedule has windows of about their durations in a row, until
 * they hold as many events as the scan has.  They change places with the windows that were there: no window is lost,
 * and the schedule keeps its times.
 */
#ifndef FM_MODEL_CODEC_SCAN_WINDOWS_H
#define FM_MODEL_CODEC_SCAN_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/codec/codec.h"
#include "model/codec/host_reach.h"
#include "model/codec/window_schedule.h"

struct fm_made_windows {
	const struct fm_codec *codec;
	const struct fm_window_schedule *schedule;
	const uint32_t *order; /* (schedule->n) its windows in order of time */
	const uint16_t *tok;   /* (schedule->n, window, FM_NTOK) */
	const float *res;      /* (schedule->n, window, FM_NRES) */
};
/* content (schedule->n): the window whose flows come at each place of the order.  of (schedule->n): the scan that this
 * place belongs to, plus 1; 0: none.  The caller has both. */
int fm_scan_windows_gather(const struct fm_made_windows *w, const struct fm_scan *scan, size_t nscans,
			   uint32_t *content, uint32_t *of, struct fm_error *err) FM_MUST_CHECK;

/* All scans of what is made, while its windows are decoded in order of time.  Borrows *w. */
struct fm_scan_plan;
int fm_scan_plan_new(struct fm_scan_plan **p, const struct fm_made_windows *w, struct fm_reach *reach,
		     struct fm_error *err) FM_MUST_CHECK;
void fm_scan_plan_free(struct fm_scan_plan *p);
/* The window at a place of the order, which is decoded now. */
size_t fm_scan_plan_window(struct fm_scan_plan *p, size_t place);
/* The scan of this service (as if not answered) that this window is part of; NULL: none. */
const struct fm_scan *fm_scan_plan_under_way(const struct fm_scan_plan *p, uint32_t service);
/* A scan whose flows have one source port in a window keeps that port in the next one.  Is this a flow of the scan that
 * the window is part of?  Then *sp is its source port. */
bool fm_scan_plan_port(struct fm_scan_plan *p, int pr, uint16_t *sp, uint16_t dp);

#endif
