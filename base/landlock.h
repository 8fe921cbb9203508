/*
 * landlock.h - hold this process to some files and folders, by the kernel's own look at each that is opened
 * (Linux 5.13). No TCP port, no abstract socket and no signal to others either, where the kernel knows these.
 */
#ifndef FM_BASE_LANDLOCK_H
#define FM_BASE_LANDLOCK_H

#include <stdbool.h>

#include "base/error.h"

struct fm_landlock_path {
	const char *path; /* a file, or a folder with all below it */
	bool writable;    /* files and folders may be made, changed and removed there */
};
/* The version of it that this kernel has, 0: none. */
int fm_landlock_version(void);
/* For good, also for what it starts; FM_OK without effect where the kernel has no Landlock.  The process must have
 * given up new privileges (PR_SET_NO_NEW_PRIVS). */
int fm_landlock_hold(const struct fm_landlock_path *path, int n, struct fm_error *err) FM_MUST_CHECK;

#endif
