/*
 * log.h - messages and the live progress line, both on standard error.  Standard output carries answers only.
 * Control characters and what is not UTF-8 are escaped (text.h).
 */
#ifndef FM_BASE_LOG_H
#define FM_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

void fm_log(const char *fmt, ...) FM_PRINTF(1, 2);  /* one line of chatter; silent after fm_log_quiet(1) */
void fm_warn(const char *fmt, ...) FM_PRINTF(1, 2); /* "flowmint: warning: ..."; silent after fm_log_quiet(2) */
void fm_log_quiet(int quiet);                       /* 2: of what is measured and thrown away */
int fm_log_is_quiet(void);
void fm_log_hide_rows(int hide);                      /* from here on each line goes through fm_text_hide_rows */
void fm_detail(const char *fmt, ...) FM_PRINTF(1, 2); /* one line, only after fm_log_verbose(1) */
void fm_log_verbose(int verbose);
int fm_log_is_verbose(void);

/* Progress of one loop.  On a terminal: one line redrawn at most 5 times a second, "stage  42 %  11,200 flows/s  0:43
 * left  NOTE"; elsewhere a line at the start, one every 30 s and one at the end.  Totals of 0 mean unknown (no
 * percentage, no time left). Not thread-safe: the thread that owns the loop calls it. */
struct fm_progress {
	const char *stage, *unit;
	uint64_t total, done;
	uint64_t before;       /* the part of done that an earlier process did, left out of the speed */
	double started, drawn; /* monotonic seconds */
	int live;
	int uneven; /* may be set after the start: steps differ in duration, so neither speed nor time left is shown
		     */
};
void fm_progress_begin(struct fm_progress *p, const char *stage, const char *unit, uint64_t total);
/* The same where an earlier process did some of it. */
void fm_progress_go_on(struct fm_progress *p, const char *stage, const char *unit, uint64_t total, uint64_t before);
void fm_progress_step(struct fm_progress *p, uint64_t done, const char *note); /* note may be NULL */
void fm_progress_end(struct fm_progress *p, const char *note);

/* Where another process can look at the progress of this one: a page of memory that both share. */
struct fm_progress_view {
	char stage[32], unit[32];
	uint64_t done, total; /* total 0: not known */
	uint64_t before;      /* of done, by an earlier process */
	int64_t began;        /* seconds since 1970 */
	int uneven;           /* the share done says nothing about the time left */
};
struct fm_progress_shared;
struct fm_progress_shared *fm_progress_shared_new(void); /* NULL without memory */
void fm_progress_shared_free(struct fm_progress_shared *s);
/* From here on every progress of this process shows there; NULL: no more. */
void fm_progress_show(struct fm_progress_shared *s);
/* What was shown last; 0 where it is just being changed, or nothing was shown. */
int fm_progress_look(const struct fm_progress_shared *s, struct fm_progress_view *v);

/* Columns of the terminal on standard error, if it can redraw a line (lines there are kept short); 0: no such terminal.
 */
int fm_log_terminal(void);
/* For a child whose standard error goes through its parent: what fm_log_terminal() returned in the parent. */
void fm_log_say_terminal(int columns);
/* May a line of details, one of many, be logged now?  On a terminal and with -v always; elsewhere when 30 s have passed
 * since *last, which is then set to now. */
bool fm_log_due(double *last);
double fm_seconds(void); /* monotonic clock */

#endif
