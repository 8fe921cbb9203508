/*
 * revoked.h - keys that are no longer to be trusted, whatever a signers file says: a KRL of ssh-keygen -k (PROTOCOL.krl
 * of OpenSSH), or text with one public key a line; ssh-keygen -Y verify -r takes both, too.
 *
 *     8 "SSHKRL\n\0"   4 format, 1   8 version   8 date   8 flags   string reserved   string comment
 *     then sections: 1 type, string; of explicit keys (2: blobs), SHA-1 (3) and SHA-256 (5) of blobs.  Those of
 *     certificates (1) say nothing of plain keys; others, a signature's too, are refused.
 *
 * A list that is not wholly understood is FM_EINPUT: half a list would let keys through.
 */
#ifndef FM_RELEASE_SIGN_REVOKED_H
#define FM_RELEASE_SIGN_REVOKED_H

#include <stdbool.h>

#include "base/mem.h"
#include "release/sign/signers.h"

#define FM_REVOKED_FILE_MAX (1u << 20)

/* Is key in the n bytes of such a file?  Each call looks at all of them. */
int fm_revoked_has(const void *file, size_t n, const struct fm_sshpub *key, bool *revoked,
		   struct fm_error *err) FM_MUST_CHECK;
/* Is it such a file, to its end?  For who may find no key to ask about. */
int fm_revoked_check(const char *path, struct fm_error *err) FM_MUST_CHECK;
/* Take the lines of revoked keys out of list, and say whether key is one. */
int fm_revoked_apply(const char *path, struct fm_signers *list, const struct fm_sshpub *key, bool *revoked,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
