/*
 * interrupt.h - SIGTERM in a child process: the process ends at once, or in good order where it watches for the signal.
 *
 *     fm_interrupt_handle();             once, before the work
 *     fm_interrupt_watch(true);          from here on the process watches
 *     while (!fm_interrupted()) ...      saves what it has before it returns
 *     fm_interrupt_watch(false);
 */
#ifndef FM_BASE_INTERRUPT_H
#define FM_BASE_INTERRUPT_H

#include <stdbool.h>

void fm_interrupt_handle(void);
void fm_interrupt_watch(bool on);
bool fm_interrupted(void);

#endif
