/*
 * stop.h - SIGINT, SIGTERM and SIGHUP during a run: held back until a place where the run can end in good order.
 *
 *     fm_stop_hold();                    blocked from here on; may be nested
 *     ppoll(..., fm_stop_waiting())      where they may come
 *     if (fm_stop_signal()) ...          which one came, or waits to come; 0: none
 *     fm_stop_release();
 *
 * The exit status of a run that one of them stopped is 128 plus its number: FM_STOPPED (error.h).  A signal that was
 * ignored before, as under nohup, stays ignored.
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
/* FM_OK, or FM_STOPPED with a message that says where it was. */
int fm_stop_check(const char *where, struct fm_error *err) FM_MUST_CHECK;

#endif
