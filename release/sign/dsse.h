/*
 * dsse.h - Dead Simple Signing Envelope (secure-systems-lab/dsse, version 1.0): bytes and their type, signed together.
 *
 *     {"payload":BASE64,"payloadType":TYPE,"signatures":[{"keyid":"SHA256:...","sig":BASE64}]}
 *
 * The Ed25519 signature is over the pre-authentication encoding, lengths being decimal and SP one blank:
 *
 *     "DSSEv1" SP LEN(TYPE) SP TYPE SP LEN(BODY) SP BODY
 */
#ifndef FM_RELEASE_SIGN_DSSE_H
#define FM_RELEASE_SIGN_DSSE_H

#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"
#include "release/sign/sshkey.h"

void fm_dsse_pae(const char *type, const void *body, size_t n, struct fm_buf *out);
/* The envelope as one line of canonical JSON, with its newline, appended to out. */
int fm_dsse_sign(const struct fm_sshkey *key, const char *type, const void *body, size_t n, struct fm_buf *out,
		 struct fm_error *err) FM_MUST_CHECK;

#endif
