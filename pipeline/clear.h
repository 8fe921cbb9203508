/*
 * clear.h - where what is encrypted in a workspace lies decrypted while somebody works with it.
 *
 * A folder of mode 0700 in memory (/dev/shm, where that is a tmpfs with room enough), which reaches no disk but swap;
 * else WORKSPACE/clear.  FLOWMINT_CLEAR names another place.  It is removed when the work is done.  What a killed
 * process left is removed when the workspace is opened next, and memory is empty after a restart.
 */
#ifndef FM_PIPELINE_CLEAR_H
#define FM_PIPELINE_CLEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define FM_CLEAR_FOLDER "clear"

/* An empty folder for need bytes, in a new string.  alone: for who holds the workspace's lock; others get one each. */
int fm_clear_open(char **dir, const char *workspace, bool alone, uint64_t need, struct fm_error *err) FM_MUST_CHECK;
/* Remove it, and free dir; NULL is fine. */
void fm_clear_close(char *dir);
/* For who holds the lock: what processes of this machine left that are no more.  Those of another one that shares the
 * disk are not touched, and told of when they are a day old. */
int fm_clear_sweep(const char *workspace, struct fm_error *err) FM_MUST_CHECK;

#endif
