/*
 * seal.h - a file that only the holder of a key can read or change: AES-256-GCM in chunks, so that neither side needs
 * the whole of it in memory.
 *
 *     offset  bytes
 *          0     16  "flowmint-seal/1\n"
 *         16     32  salt, random
 *         48         chunks: 65,536 bytes of cipher text (the last one has fewer, and may have none) and a tag of 16
 *
 * The key of a file is HMAC-SHA-256 of its label and salt under the caller's key (fm_secret_derive), so no two files
 * share one.  The nonce of a chunk is 3 bytes of 0, its number from 0 (8 bytes, big-endian) and 1 for the last chunk,
 * else 0: chunks cannot be moved, and a file that was cut has no last one (Hoang et al., 2015, "Online authenticated
 * encryption and its nonce-reuse misuse-resistance": STREAM).  The first 48 bytes are authenticated with each chunk.
 *
 *     fm_seal_open(&s, path, &key, "bundle", err)
 *     fm_seal_write(s, p, n, err)
 *     fm_seal_commit(s, err)  or  fm_seal_abort(s)     both free s; the file is there after a commit, of mode 0600
 *
 *     fm_unseal_open(&u, path, &key, "bundle", err)
 *     fm_unseal_read(u, p, n, &got, err)               what comes out was authenticated; got < n at the end only
 *     fm_unseal_close(u)
 */
#ifndef FM_BASE_SEAL_H
#define FM_BASE_SEAL_H

#include <stddef.h>

#include "base/error.h"
#include "base/file.h"
#include "base/secret.h"

struct fm_seal;
int fm_seal_open(struct fm_seal **s, const char *path, const struct fm_secret *key, const char *label,
		 struct fm_error *err) FM_MUST_CHECK;
int fm_seal_write(struct fm_seal *s, const void *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_seal_commit(struct fm_seal *s, struct fm_error *err) FM_MUST_CHECK;
void fm_seal_abort(struct fm_seal *s); /* NULL is fine */

struct fm_unseal;
/* FM_EINPUT: this is no sealed file.  Whether key and label are right is known with the first read. */
int fm_unseal_open(struct fm_unseal **u, const char *path, const struct fm_secret *key, const char *label,
		   struct fm_error *err) FM_MUST_CHECK;
/* FM_EVERDICT: altered, cut short, of another label or sealed with another key. */
int fm_unseal_read(struct fm_unseal *u, void *p, size_t n, size_t *got, struct fm_error *err) FM_MUST_CHECK;
void fm_unseal_close(struct fm_unseal *u); /* NULL is fine */
/* The whole of it in memory, for fm_map_close.  Fails as the two above. */
int fm_unseal_map(struct fm_map *m, const char *path, const struct fm_secret *key, const char *label,
		  struct fm_error *err) FM_MUST_CHECK;

#endif
