/*
 * side_digest.h - SHA-256 and SHA-512 of a stream, and SHA-256 of parts of it, on their own threads, while the caller
 * makes the stream: together they take as long as decompressing a tar.
 *
 *     fm_side_digest_add(d, header, 512, err)        the whole stream, in order
 *     fm_side_digest_part(d, hex, err)               what follows is a part, whose digest goes to hex
 *     fm_side_digest_add(d, file, n, err)
 *     fm_side_digest_part(d, NULL, err)              what follows belongs to no part
 *     fm_side_digest_end(d, sha256, sha512, err)     now all digests are there
 *
 * Bytes are copied into a ring of buffers, from which each thread makes its digest.  Where a thread cannot be made its
 * digest is made in the caller.
 */
#ifndef FM_RELEASE_SIDE_DIGEST_H
#define FM_RELEASE_SIDE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "release/sign/sshsig.h"

struct fm_side_digest;
/* Also looks at the parts, on a thread of its own: gets the next n bytes of the part whose digest goes to hex. */
typedef int fm_side_reader(void *ctx, char *hex, const uint8_t *p, size_t n, struct fm_error *err);
/* sha512: is SHA-512 wanted?  reader may be NULL. */
int fm_side_digest_new(struct fm_side_digest **d, bool sha512, fm_side_reader *reader, void *ctx,
		       struct fm_error *err) FM_MUST_CHECK;
int fm_side_digest_add(struct fm_side_digest *d, const void *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* hex is the caller's, 65 bytes, written until the end or free. */
int fm_side_digest_part(struct fm_side_digest *d, char *hex, struct fm_error *err) FM_MUST_CHECK;
/* sha512: zeros where it was not wanted. */
int fm_side_digest_end(struct fm_side_digest *d, char sha256[FM_SHA256_HEX], uint8_t sha512[FM_SHA512_LEN],
		       struct fm_error *err) FM_MUST_CHECK; /* frees d */
void fm_side_digest_free(struct fm_side_digest *d);

#endif
