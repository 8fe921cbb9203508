/*
 * project_secret.h - PROJECT/keys/commitment.key: the 32 random bytes that a project's commitments, noise and sealed
 * files come from.
 *
 * Children have what their parent has in memory: close the secret before one is started.
 */
#ifndef FM_PIPELINE_PROJECT_SECRET_H
#define FM_PIPELINE_PROJECT_SECRET_H

#include "base/hash.h"
#include "base/secret.h"

/* FM_EINPUT when there is none, when it is too short, or when others may read it. */
int fm_project_secret(struct fm_secret *s, const char *project, struct fm_error *err) FM_MUST_CHECK;
/* The commitment to a digest: HMAC-SHA-256 under the secret of "flowmint commitment\nWHAT\nDIGEST\n".  It is keyed
 * because a bare digest of a private trace would let anyone test a guess at it.  The key is a secret of the project and
 * not a fresh salt, because the same project run twice gives one archive.  what: source | store | model. */
int fm_commitment(const struct fm_secret *s, const char *what, const char *digest, char hex[FM_SHA256_HEX],
		  struct fm_error *err) FM_MUST_CHECK;

#endif
