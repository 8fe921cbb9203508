/*
 * landlock.h - restrict this process to some files and folders: the kernel checks each that is opened (Linux 5.13). TCP
 * ports, abstract sockets and signals to other processes are refused too, where the kernel knows these rights.
 */
#ifndef FM_BASE_LANDLOCK_H
#define FM_BASE_LANDLOCK_H

#include <stdbool.h>

#include "base/error.h"

struct fm_landlock_path {
	const char *path; /* a file, or a folder and everything below it */
	bool writable;    /* files and folders may be made, changed and removed there */
};
/* The version of Landlock that this kernel has; 0: none. */
int fm_landlock_version(void);
/* Restrict this process, and those it starts, to the n paths for good; FM_OK without effect where the kernel has no
 * Landlock.  The process must have given up new privileges (PR_SET_NO_NEW_PRIVS). */
int fm_landlock_hold(const struct fm_landlock_path *path, int n, struct fm_error *err) FM_MUST_CHECK;

#endif
