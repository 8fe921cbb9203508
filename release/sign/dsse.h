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

#define FM_DSSE_TYPE_MAX 128

void fm_dsse_pae(const char *type, const void *body, size_t n, struct fm_buf *out);
/* The envelope as one line of canonical JSON, with its newline, appended to out. */
int fm_dsse_sign(const struct fm_sshkey *key, const char *type, const void *body, size_t n, struct fm_buf *out,
		 struct fm_error *err) FM_MUST_CHECK;

/* What an envelope of one signature holds.  The payload is the caller's, to be freed in every case. */
struct fm_dsse {
	char type[FM_DSSE_TYPE_MAX], keyid[FM_FINGERPRINT_MAX];
	struct fm_buf payload;
	uint8_t sig[64];
};
/* Read the n bytes of an envelope, whose size as JSON was bounded before (manifests/json_bounds.h).  FM_EINPUT says
 * what is wrong with it; nothing is said about the signature. */
int fm_dsse_read(struct fm_dsse *e, const char *text, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* 1: key signed it; 0: it did not; negative: failed. */
int fm_dsse_check(const struct fm_dsse *e, const struct fm_sshpub *key, struct fm_error *err) FM_MUST_CHECK;
void fm_dsse_free(struct fm_dsse *e);

#endif
