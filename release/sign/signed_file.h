/*
 * signed_file.h - a document of the project's own with its signature beside it, FILE and FILE.sig: waivers, approvals.
 */
#ifndef FM_RELEASE_SIGN_SIGNED_FILE_H
#define FM_RELEASE_SIGN_SIGNED_FILE_H

#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "release/sign/signers.h"
#include "release/sign/sshsig.h"

struct fm_signed_by {
	struct fm_sshsig sig;
	const struct fm_signer *who; /* the line of signers that names its key */
};
/* FM_OK: a key that signers name for ns at now_s signed text, the bytes of path; *by is that key and its line.
 * FM_EVERDICT: none did, and err says why.  Other codes: it could not be told. */
int fm_signed_file_check(const char *path, const struct fm_buf *text, const char *ns, const struct fm_signers *signers,
			 int64_t now_s, struct fm_signed_by *by, struct fm_error *err) FM_MUST_CHECK;
/* May this key sign for ns at now_s?  FM_EINPUT says what line is missing; the caller puts the file's name before it.
 */
int fm_signed_file_allowed(const struct fm_sshpub *key, const char *ns, const struct fm_signers *signers, int64_t now_s,
			   struct fm_error *err) FM_MUST_CHECK;

#endif
