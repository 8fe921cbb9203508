/*
 * waiver.h - a signed statement that one failing check of the gate need not stop the releases of one name, for a while.
 *
 *     waivers/CHECK.waiver        JSON: {"format":"flowmint-waiver/1","release":NAME,"check":CHECK,"reason":TEXT,
 *                                 "expires":"YYYY-MM-DD"}
 *     waivers/CHECK.waiver.sig    SSHSIG over that file, namespace flowmint-waiver; by hand:
 *                                 ssh-keygen -Y sign -n flowmint-waiver -f KEY CHECK.waiver
 *
 * A waiver holds when its signature is by a key that allowed_signers names for the namespace flowmint-waiver, until the
 * end of the day (UTC) of its expiry.  The namespace is its own, so that a key which signs releases waives nothing
 * unless it is named for that as well.
 */
#ifndef FM_RELEASE_SIGN_WAIVER_H
#define FM_RELEASE_SIGN_WAIVER_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "release/sign/signers.h"
#include "release/sign/sshkey.h"

#define FM_WAIVER_NAMESPACE "flowmint-waiver"
#define FM_WAIVER_FORMAT "flowmint-waiver/1"
#define FM_WAIVER_SUFFIX ".waiver"

struct fm_waiver {
	char release[64], check[64], reason[1024], expires[16];
};

/* May a waiver have this expiry and reason?  FM_EINPUT for an empty reason or one over several lines, or a date that is
 * none or has passed at now_s. */
int fm_waiver_words(const struct fm_waiver *w, int64_t now_s, struct fm_error *err) FM_MUST_CHECK;
/* Sign w (key NULL: the caller will) and put it into dir (made where absent), replacing an earlier one.  FM_EINPUT for
 * an empty reason or one over several lines, or a date that is none or has passed at now_s; *path (free()) is the
 * file. */
int fm_waiver_write(const char *dir, const struct fm_waiver *w, const struct fm_sshkey *key, int64_t now_s, char **path,
		    struct fm_error *err) FM_MUST_CHECK;
/* Read one file and its signature.  FM_OK: it holds at now_s for this release, and *record is what a verdict and the
 * ledger say of it: {"check","reason","expires","signer","key"}.  FM_EVERDICT: it does not, and err says why.  Other
 * codes: it could not be told. */
int fm_waiver_check(const char *path, const char *release, const struct fm_signers *signers, int64_t now_s,
		    json_t **record, struct fm_error *err) FM_MUST_CHECK;

#endif
