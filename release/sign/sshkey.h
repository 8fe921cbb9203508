/*
 * sshkey.h - Ed25519 keys in OpenSSH's own files, and the public half of those on FIDO tokens.
 *
 * A private key is the file that `ssh-keygen -t ed25519 -N ''` makes (PROTOCOL.key, unencrypted), a public key one line
 * "ssh-ed25519 BASE64 COMMENT" or "sk-ssh-ed25519@openssh.com BASE64 COMMENT", whose key has string application as a
 * third part.  ssh-keygen reads what is written here, and what it writes is read here.
 *
 *     "openssh-key-v1\0"  string cipher ("none")  string kdf ("none")  string ""  u32 1
 *     string { string "ssh-ed25519"  string public[32] }
 *     string { u32 check  u32 check  string "ssh-ed25519"  string public[32]  string { seed[32] public[32] }
 *              string comment  1 2 3 ... up to a multiple of 8 }
 *
 * Making a key, which the command line does with one call:
 *
 *     fm_keygen("keys/release", "releases@example.org", err)     keys/release (0600), keys/release.pub; prints the
 *                                                                line for the partner's allowed_signers file
 */
#ifndef FM_RELEASE_SIGN_SSHKEY_H
#define FM_RELEASE_SIGN_SSHKEY_H

#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "release/sign/wire.h"

#define FM_SSH_NAMESPACE "flowmint"                                /* of signatures over archives */
#define FM_RECORD_NAMESPACE "flowmint-release"                     /* over their records (release/record.h) */
#define FM_ATTEST_NAMESPACE "flowmint-attestation"                 /* what a line lets the key of attestations sign */
#define FM_SSH_NAMESPACES FM_SSH_NAMESPACE "," FM_RECORD_NAMESPACE /* what a line lets a key that releases sign */
#define FM_SSHKEY_FILE_MAX 16384
#define FM_SSHKEY_BLOB 138 /* bytes of a public key: string "ssh-ed25519", string[32]; an sk- key has more */
#define FM_FINGERPRINT_MAX 52

struct fm_sshpub {
	uint8_t point[32];
	char comment[256];    /* printable, cut if longer */
	char application[64]; /* for a key on a FIDO token "ssh:": it signs with flags and a counter; "": for others */
};
/* The private half is the 32-byte seed of RFC 8032. */
struct fm_sshkey {
	struct fm_sshpub pub;
	struct fm_secret seed;
};

int fm_sshkey_generate(struct fm_sshkey *k, const char *comment, struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT: absent, readable by group or others, not such a key, encrypted, of another type, halves that disagree. */
int fm_sshkey_read(struct fm_sshkey *k, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* Write path (0600) and path.pub (0644).  FM_EINPUT, and nothing written, when one of them is there. */
int fm_sshkey_write(const struct fm_sshkey *k, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* The Ed25519 signature of n bytes. */
int fm_sshkey_sign(const struct fm_sshkey *k, const void *p, size_t n, uint8_t sig[64],
		   struct fm_error *err) FM_MUST_CHECK;
void fm_sshkey_close(struct fm_sshkey *k); /* wipes */

/* The public half of a key that is named for signing, without reading its secret: path is a private key file, encrypted
 * or not, or a public key line, whose private half an ssh-agent has.  *here: fm_sshkey_read can read it; else
 * ssh-keygen has to sign (a passphrase, an agent, a token).  FM_EINPUT: absent, no such key, or a private one that
 * others may read. */
int fm_sshkey_look(const char *path, struct fm_sshpub *pub, bool *here, struct fm_error *err) FM_MUST_CHECK;

/* The same key? */
bool fm_sshpub_same(const struct fm_sshpub *a, const struct fm_sshpub *b);
/* 1 signed by this key, 0 not, negative: could not be told. */
int fm_sshpub_check(const struct fm_sshpub *pub, const void *p, size_t n, const uint8_t sig[64],
		    struct fm_error *err) FM_MUST_CHECK;
void fm_sshpub_blob(const struct fm_sshpub *pub, struct fm_wire_out *o);
/* One of the eight points of small order, in any spelling: for such a key anybody can make signatures that hold. */
bool fm_sshpub_is_weak(const struct fm_sshpub *pub);
/* 0, -1 not a public key blob, -2 one of another type than these two (its name, printable, in type if that is not
 * NULL). */
int fm_sshpub_from_blob(struct fm_sshpub *pub, const struct fm_wire *blob, char type[64]) FM_MUST_CHECK;
void fm_sshpub_line(const struct fm_sshpub *pub, struct fm_buf *out); /* "ssh-ed25519 BASE64 COMMENT\n" */
/* The inverse, of its n bytes up to the end of a line.  FM_EINPUT: it is no such line, or of another type. */
int fm_sshpub_parse(struct fm_sshpub *pub, const char *text, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* What `ssh-keygen -l` prints: "SHA256:" and 43 base64 digits. */
int fm_sshpub_fingerprint(const struct fm_sshpub *pub, char out[FM_FINGERPRINT_MAX],
			  struct fm_error *err) FM_MUST_CHECK;
/* 'PRINCIPAL namespaces="flowmint,flowmint-release" ssh-ed25519 BASE64\n': a line of an allowed_signers file. FM_EUSAGE
 * for a principal that such a file cannot hold as one name (empty, white space, quotes, commas, wildcards, a leading
 * '#'). */
int fm_sshpub_signers_line(const struct fm_sshpub *pub, const char *principal, struct fm_buf *out,
			   struct fm_error *err) FM_MUST_CHECK;

/* Make a key pair at out_path and out_path.pub; fm_keygen prints the allowed_signers line on standard output,
 * fm_keygen_line appends it to `line` (which may be NULL).  Refuses to overwrite. */
int fm_keygen(const char *out_path, const char *principal, struct fm_error *err) FM_MUST_CHECK;
int fm_keygen_line(const char *out_path, const char *principal, struct fm_buf *line,
		   struct fm_error *err) FM_MUST_CHECK;

#endif
