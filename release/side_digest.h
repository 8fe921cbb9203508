/*
 * side_digest.h - SHA-256 and SHA-512 of a stream on a thread of its own, beside whoever makes the stream: together
 * they take as long as undoing a tar's compression.
 *
 * Bytes are copied into one of two buffers while the other is being digested.  Where no thread can be made it is done
 * in the caller.
 */
#ifndef FM_RELEASE_SIDE_DIGEST_H
#define FM_RELEASE_SIDE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "release/sign/sshsig.h"

struct fm_side_digest;
int fm_side_digest_new(struct fm_side_digest **d, struct fm_error *err) FM_MUST_CHECK;
int fm_side_digest_add(struct fm_side_digest *d, const void *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_side_digest_end(struct fm_side_digest *d, char sha256[FM_SHA256_HEX], uint8_t sha512[FM_SHA512_LEN],
		       struct fm_error *err) FM_MUST_CHECK; /* frees d */
void fm_side_digest_free(struct fm_side_digest *d);

#endif
