/*
 * clear.h - where the encrypted products of a workspace lie decrypted while somebody works with them.
 *
 * A folder of mode 0700 in memory (/dev/shm, where that is a tmpfs with enough room), which reaches no disk except by
 * swapping; else WORKSPACE/clear.  FLOWMINT_CLEAR names another place.  It is locked (flock(2)) while
 * somebody works in it, and removed when the work is done.  What a killed process left is removed when the workspace is
 * opened next, and memory is empty after a restart.  No process removes a folder that is locked, whatever workspace is
 * under its path now, and in whatever namespace of processes the other one is.
 */
#ifndef FM_PIPELINE_CLEAR_H
#define FM_PIPELINE_CLEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define FM_CLEAR_FOLDER "clear"

/* An empty folder for need bytes, in a new string.  alone: the caller holds the workspace's lock; without the lock each
 * call gets a folder of its own, and so does who finds that of the workspace's path locked. */
int fm_clear_open(char **dir, const char *workspace, bool alone, uint64_t need, struct fm_error *err) FM_MUST_CHECK;
/* Remove it, and free dir; NULL is fine. */
void fm_clear_close(char *dir);
/* For the holder of the lock: remove what ended processes of this machine left.  What another machine that shares the
 * disk left is not touched, and is reported when it is a day old. */
int fm_clear_sweep(const char *workspace, struct fm_error *err) FM_MUST_CHECK;

#endif
