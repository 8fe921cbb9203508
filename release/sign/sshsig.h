/*
 * sshsig.h - OpenSSH's signatures over files (PROTOCOL.sshsig), the kind that `ssh-keygen -Y sign -n flowmint` makes
 * and `ssh-keygen -Y verify` accepts.  Only version 1, ssh-ed25519 and sha512 are made and accepted; of keys on FIDO
 * tokens sk-ssh-ed25519@openssh.com is accepted, too.  Ed25519 is deterministic, so the same key and file give the same
 * bytes here and there.
 *
 *     -----BEGIN SSH SIGNATURE-----          base64, 70 digits a line, of
 *     "SSHSIG"  u32 1  string { public key }  string namespace  string ""  string "sha512"
 *                      string { string "ssh-ed25519"  string signature[64] }
 *     -----END SSH SIGNATURE-----
 *
 * With a token the last string is   string type  string signature[64]  u8 flags  u32 counter   and the 64 bytes sign
 * SHA-256(application)  u8 flags  u32 counter  SHA-256(what else they would sign)   (PROTOCOL.u2f); that somebody
 * touched the token (flag 1) is demanded.
 *
 * The 64 bytes sign   "SSHSIG"  string namespace  string ""  string "sha512"  string SHA-512(file)
 */
#ifndef FM_RELEASE_SIGN_SSHSIG_H
#define FM_RELEASE_SIGN_SSHSIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "release/sign/sshkey.h"

#define FM_SHA512_LEN 64
#define FM_SHA512_HEX 129 /* 128 lower-case hex digits and a NUL */
#define FM_SSHSIG_FILE_MAX 16384
#define FM_SSHSIG_NAMESPACE_MAX 64

struct fm_sshsig {
	struct fm_sshpub key;             /* the key that claims to have signed */
	char ns[FM_SSHSIG_NAMESPACE_MAX]; /* printable, not empty */
	uint8_t sig[64];
	uint8_t flags; /* for a key on a FIDO token: 1: somebody touched it */
	uint32_t counter;
};

/* SHA-512 of a stream. */
struct fm_sha512;
int fm_sha512_new(struct fm_sha512 **h, struct fm_error *err) FM_MUST_CHECK;
int fm_sha512_add(struct fm_sha512 *h, const void *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_sha512_end(struct fm_sha512 *h, uint8_t out[FM_SHA512_LEN], struct fm_error *err) FM_MUST_CHECK; /* frees h */
void fm_sha512_free(struct fm_sha512 *h);
int fm_sha512_bytes(const void *p, size_t n, uint8_t out[FM_SHA512_LEN], struct fm_error *err) FM_MUST_CHECK;
int fm_sha512_file(const char *path, uint8_t out[FM_SHA512_LEN], struct fm_error *err) FM_MUST_CHECK;

/* Sign a file by its digest; the armored text is appended to out. */
int fm_sshsig_sign(const struct fm_sshkey *key, const char *ns, const uint8_t digest[FM_SHA512_LEN], struct fm_buf *out,
		   struct fm_error *err) FM_MUST_CHECK;
/* Read an armored signature.  FM_EINPUT says what is wrong with it; that says nothing yet about the file. */
int fm_sshsig_parse(struct fm_sshsig *s, const char *text, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* 1 the key in s signed a file of this digest for the namespace in s, 0 it did not, negative: could not be told. */
int fm_sshsig_check(const struct fm_sshsig *s, const uint8_t digest[FM_SHA512_LEN], struct fm_error *err) FM_MUST_CHECK;

#endif
