/*
 * oom.h - did the kernel kill a process for want of memory?  What counts its kills is read before and after.
 *
 * A control group counts the kills of its own processes: memory.events of the one hierarchy, memory.oom_control of the
 * older ones.  Where neither can be read, /proc/vmstat has the kills of the whole machine.
 */
#ifndef FM_PIPELINE_WALLS_OOM_H
#define FM_PIPELINE_WALLS_OOM_H

#include <stdint.h>

struct fm_oom {
	int64_t group, machine; /* kills so far; -1: not known */
};
struct fm_oom fm_oom_now(void);
/* The same with the files below root instead of "", for tests. */
struct fm_oom fm_oom_below(const char *root);
/* What is to be said of a process that SIGKILL ended between the two. */
const char *fm_oom_words(struct fm_oom before, struct fm_oom after);

#endif
