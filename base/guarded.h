/*
 * guarded.h - may others change what a file says?
 */
#ifndef FM_BASE_GUARDED_H
#define FM_BASE_GUARDED_H

#include <stdbool.h>

#include "base/error.h"

/* FM_EINPUT: others may put another `what` in the place of path, as the mode or the owner of the folder that it is in
 * lets them, or, with `itself`, of the file, and of the folder that a link leads to. */
int fm_file_guarded(const char *path, const char *what, bool itself, struct fm_error *err) FM_MUST_CHECK;

#endif
