/*
 * held.h - the release folder is, when a run publishes, the folder that was checked when the run began.
 *
 * Hours lie between the two.  A descriptor on the folder, or on the nearest one above it where it is not there yet, is
 * kept from the first look on.  What is then made below is entered without following a link, so nobody leads a release
 * elsewhere by a link or another folder under the same path.  A link that is there from the beginning is the user's.
 *
 *     fm_held_begin(&run->held, out, above, err)   before the run
 *     fm_held_lock(&run->held, out, &fd, err)      fd: the folder, made where it was not there, and locked
 *     fm_held_check(fd, out, err)                   is it still under its path?
 *     fm_held_end(&run->held)
 */
#ifndef FM_PIPELINE_HELD_H
#define FM_PIPELINE_HELD_H

#include <stdbool.h>

#include "base/error.h"

struct fm_held {
	bool held;
	int fd;     /* of the folder that was there; nothing can be read or written by it */
	char *rest; /* what of the path was not there, "a/b" or "" */
};
/* above: the part of the path out that is there.  FM_ESYSTEM: the folder cannot be opened. */
int fm_held_begin(struct fm_held *h, const char *out, const char *above, struct fm_error *err) FM_MUST_CHECK;
/* A descriptor on the folder, for the caller to close, and the lock of all who publish there with it, for which it
 * waits. Where nothing is held, the folder is made and opened as it is.  FM_EINPUT: the folder, or one above it that
 * was held, is another one now, or a link was put in its place. */
int fm_held_lock(const struct fm_held *h, const char *out, int *fd, struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT: another folder, or none, is under the path. */
int fm_held_check(int fd, const char *out, struct fm_error *err) FM_MUST_CHECK;
void fm_held_end(struct fm_held *h);

#endif
