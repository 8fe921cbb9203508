/*
 * hash.h - SHA-256, HMAC-SHA-256 and hex, over OpenSSL's libcrypto.
 */
#ifndef FM_BASE_HASH_H
#define FM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FM_SHA256_LEN 32
#define FM_SHA256_HEX 65 /* 64 lower-case hex digits and a NUL */

/* Call it once, before anything else of OpenSSL's: where memory is short, it can crash when it starts by itself.
 * FM_ESYSTEM. */
int fm_hash_begin(struct fm_error *err) FM_MUST_CHECK;

struct fm_sha256;
int fm_sha256_new(struct fm_sha256 **h, struct fm_error *err) FM_MUST_CHECK;
int fm_sha256_add(struct fm_sha256 *h, const void *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_sha256_end(struct fm_sha256 *h, uint8_t out[FM_SHA256_LEN], struct fm_error *err) FM_MUST_CHECK; /* frees h */
/* The same as hex digits; *h is NULL afterwards. */
int fm_sha256_end_hex(struct fm_sha256 **h, char hex[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
void fm_sha256_free(struct fm_sha256 *h);

int fm_sha256_bytes(const void *p, size_t n, uint8_t out[FM_SHA256_LEN], struct fm_error *err) FM_MUST_CHECK;
/* The digest of a regular file; anything else is FM_EINPUT. */
int fm_sha256_file(const char *path, uint8_t out[FM_SHA256_LEN], struct fm_error *err) FM_MUST_CHECK;
int fm_sha256_file_hex(const char *path, char out[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
/* Digest of a folder: SHA-256 over "HEX  relative/path\n" of its regular files in byte order of path, recursively. */
int fm_sha256_dir_hex(const char *path, char out[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
int fm_hmac_sha256(const void *key, size_t nkey, const void *p, size_t n, uint8_t out[FM_SHA256_LEN],
		   struct fm_error *err) FM_MUST_CHECK;

void fm_hex(const uint8_t *p, size_t n, char *out);                                        /* 2n digits and a NUL */
int fm_unhex(const char *hex, size_t n, uint8_t *out, struct fm_error *err) FM_MUST_CHECK; /* exactly 2n digits */

#endif
