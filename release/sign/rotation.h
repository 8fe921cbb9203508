/*
 * rotation.h - which key came after which: by this document a partner who trusts an old key gets to the new one.
 *
 *     PROJECT/KEYS.json                made by `flowmint key rotate`
 *     NAME-VERSION.KEYS.json           the same, beside each release that was made since
 *
 *     {"format":"flowmint-keys/1","rotations":[{"by_new":ARMORED,"by_old":ARMORED,"statement":{"format":
 *      "flowmint-key-rotation/1","from":"ssh-ed25519 BASE64","issued":"2026-11-28","number":1,"previous":null,
 *      "to":"ssh-ed25519 BASE64"}}, ...]}
 *
 * Each statement is signed by both of its keys: SSHSIGs of the namespace flowmint-release over its canonical form and a
 * newline.  Statements are numbered from 1; previous is the SHA-256 of the statement signed before; from is the `to` of
 * the statement before; no key comes twice.  Canonical JSON and a newline: any other form is refused.
 */
#ifndef FM_RELEASE_SIGN_ROTATION_H
#define FM_RELEASE_SIGN_ROTATION_H

#include "base/hash.h"
#include "release/sign/signers.h"
#include "release/sign/sshkey.h"
#include "release/sign/sshsig.h"

#define FM_KEYS_FORMAT "flowmint-keys/1"
#define FM_ROTATION_FORMAT "flowmint-key-rotation/1"
#define FM_KEYS_FILE "KEYS.json"
#define FM_KEYS_SUFFIX ".KEYS.json" /* behind NAME-VERSION */
#define FM_KEYS_MAX (64u << 10)     /* bytes */
#define FM_ROTATIONS_MAX 32
#define FM_ROTATION_SIGNATURE_MAX 700
#define FM_ROTATION_DATE 11

struct fm_rotation {
	struct fm_sshpub from, to;
	char issued[FM_ROTATION_DATE]; /* YYYY-MM-DD */
	char previous[FM_SHA256_HEX];  /* "": the first */
	char by_old[FM_ROTATION_SIGNATURE_MAX], by_new[FM_ROTATION_SIGNATURE_MAX];
	char sha256[FM_SHA256_HEX]; /* of what is signed; set by parse and text */
	bool revoked;               /* its old key is: fm_keys_revoke */
};
struct fm_keys {
	struct fm_rotation r[FM_ROTATIONS_MAX];
	int n;
};
enum fm_keys_fault {
	FM_KEYS_GOOD,
	FM_KEYS_UNSIGNED, /* a statement is not signed by both of its keys */
	FM_KEYS_BROKEN,   /* statements do not follow each other */
};

/* The bytes that are signed for statement i. */
int fm_rotation_text(struct fm_keys *k, int i, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
int fm_keys_text(struct fm_keys *k, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
/* Checks the form only.  FM_EINPUT says what is wrong with the n bytes. */
int fm_keys_parse(struct fm_keys *k, const char *text, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* Checks the chain and each signature.  FM_OK with *fault set; the words for a fault are in err. */
int fm_keys_check(const struct fm_keys *k, enum fm_keys_fault *fault, struct fm_error *err) FM_MUST_CHECK;
/* Checks form, chain and signatures of a file; a missing file is an empty list.  FM_EINPUT names it. */
int fm_keys_load(struct fm_keys *k, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* Mark the statements whose old key a list of revoked keys (revoked.h) has: a thief of that key can name one after it,
 * so they bring no trust, nor does what lies before them. */
int fm_keys_revoke(struct fm_keys *k, const char *list, struct fm_error *err) FM_MUST_CHECK;

/* The statement by which this key came, or went; -1: none. */
int fm_keys_to(const struct fm_keys *k, const struct fm_sshpub *key);
int fm_keys_from(const struct fm_keys *k, const struct fm_sshpub *key);

/* Who is trusted: the lines of a signers file, and what documents of keys, which were checked, add to them. */
struct fm_trust {
	const struct fm_signers *signers;
	const struct fm_keys *keys; /* nkeys documents */
	size_t nkeys;
	const char *name; /* who must have signed; NULL: anyone */
	int64_t now_s;
};
struct fm_trusted {
	const struct fm_signer *who; /* the line that came nearest, NULL: none */
	const struct fm_sshpub
	    *before;       /* the key on it, where that is one before the key; NULL: its own line, or none */
	const char *lacks; /* the namespace that its line must have and has not, or NULL */
	bool revoked;      /* it has no line, and came after a key that was revoked */
};
/* May this key sign for ns?  Its own line decides; without one, that of the nearest key before it that has one, which
 * must be valid now, and for records, as a rotation is signed in that namespace; none before a revoked one counts. */
enum fm_signer_state fm_trust_find(const struct fm_trust *t, const struct fm_sshpub *key, const char *ns,
				   struct fm_trusted *found);
/* May it at any time?  For what was signed when nobody knows. */
bool fm_trust_names(const struct fm_trust *t, const struct fm_sshpub *key, const char *ns, struct fm_trusted *found);

#endif
