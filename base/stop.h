/*
 * stop.h - SIGINT, SIGTERM, SIGHUP and SIGXCPU during a run: held back until a place where the run can end in good
 * order.
 *
 *     fm_stop_hold();                    blocked from here on; may be nested
 *     ppoll(..., fm_stop_waiting())      where they may come
 *     if (fm_stop_signal()) ...          which one came, or waits to come; 0: none
 *     fm_stop_release();
 *
 * The exit status of a run that one of them stopped is 128 plus its number: FM_STOPPED (error.h); that of one which has
 * used up its processor time (SIGXCPU) is FM_ESYSTEM's.  A signal that was ignored before, as under nohup, stays
 * ignored.
 */
#ifndef FM_BASE_STOP_H
#define FM_BASE_STOP_H

#include <signal.h>

#include "base/error.h"

void fm_stop_hold(void);
void fm_stop_release(void);
int fm_stop_signal(void);
const sigset_t *fm_stop_waiting(void);
/* In a child: as if nothing was held. */
void fm_stop_forget(void);
/* At the beginning of main: a process that uses up its processor time, and holds nothing back, says so on standard
 * error and ends with FM_ESYSTEM's status.  `ulimit -t` sets a limit at which the kernel kills without a word, so
 * SIGXCPU comes before it, at the least a quarter of a second. */
void fm_stop_watch_time(const char *program);
/* FM_STOPPED, or for SIGXCPU FM_ESYSTEM: "stopped by signal 15 (Terminated)", and the words that follow. */
int fm_stop_fail(int sig, struct fm_error *err, const char *words, ...) FM_PRINTF(3, 4);
/* FM_OK, or fm_stop_fail with a message that says where it was. */
int fm_stop_check(const char *where, struct fm_error *err) FM_MUST_CHECK;

#endif
