/*
 * shelf.h - the release folder as a sequence: which release of a name is the newest, and what the next one's record
 * says.
 *
 * A release counts when all of it is there: the archive, its signature (written last), and a record that a key in
 * signers signed.  Archives from versions of flowmint that made no records do not count.
 */
#ifndef FM_RELEASE_SHELF_H
#define FM_RELEASE_SHELF_H

#include "base/error.h"
#include "release/record.h"
#include "release/sign/signers.h"

/* The release of this name with the greatest number; newest->sequence is 0 when there is none, or no such folder.
 * FM_EINPUT: a record there is damaged, or by nobody in signers. */
int fm_shelf_newest(const char *dir, const char *name, const struct fm_signers *signers, struct fm_record *newest,
		    struct fm_error *err) FM_MUST_CHECK;
/* The record of NAME VERSION in dir, whatever its number; sequence 0 when there is none. */
int fm_shelf_find(const char *dir, const char *name, const char *version, const struct fm_signers *signers,
		  struct fm_record *found, struct fm_error *err) FM_MUST_CHECK;
/* next has a name, a version, and a sequence or 0: it gets its number and what comes before it.  known: the record
 * known from elsewhere: that of the same version if it was released, else of the newest; NULL: none.  FM_EINPUT: the
 * version or the number does not rise; the message names the key of the config. */
int fm_shelf_next(const char *dir, const struct fm_signers *signers, const struct fm_record *known,
		  struct fm_record *next, struct fm_error *err) FM_MUST_CHECK;

#endif
