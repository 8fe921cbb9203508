/*
 * wrap.h - a secret encrypted under the project's, as members of a JSON document.
 *
 *     {"cipher": "AES-256-GCM", "nonce": hex, "tag": hex, "data": hex, ...}
 *
 * The key is derived from PROJECT/keys/commitment.key by a label (fm_secret_derive); `bound` is authenticated with the
 * secret and stored by the caller, so that a wrapped secret cannot take another's place.
 */
#ifndef FM_PIPELINE_WRAP_H
#define FM_PIPELINE_WRAP_H

#include <jansson.h>

#include "base/secret.h"

/* Put the four members into doc.  secret: 32 bytes.  FM_EINPUT when the project has no secret of its own. */
int fm_wrap(json_t *doc, const char *project, const char *label, const char *bound, const struct fm_secret *secret,
	    struct fm_error *err) FM_MUST_CHECK;
/* Decrypt the secret in doc, which was read from path.  FM_EVERDICT when it was altered or is of another project, label
 * or bound. */
int fm_unwrap(struct fm_secret *secret, const json_t *doc, const char *path, const char *project, const char *label,
	      const char *bound, struct fm_error *err) FM_MUST_CHECK;

#endif
