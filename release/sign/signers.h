/*
 * signers.h - the allowed_signers file of ssh-keygen(1): whose signatures are accepted, for what, from when to when.
 *
 *     # comment
 *     ops@example.org namespaces="flowmint*",valid-after="20240101Z",valid-before="20270101Z" ssh-ed25519 AAAA... text
 *
 * It is understood as by ssh-keygen: principals (patterns with * ? and !, commas between them, double quotes around
 * them), the options namespaces (patterns too), valid-after and valid-before, each at most once (YYYYMMDD or
 * YYYYMMDDHHMM[SS], UTC with or without Z or UTC behind it; ssh-keygen takes a time without them in the machine's zone,
 * so write the Z).  Lines with cert-authority and keys of other types than ssh-ed25519 and sk-ssh-ed25519@openssh.com
 * are skipped: such keys sign nothing here.  Where ssh-keygen passes over a line that it cannot read, the file is
 * refused: an unknown option may limit the key, and a line that nobody can read should not stay.  Also refused, though
 * ssh-keygen accepts them: a byte-order mark, a NUL, principals with control characters, and a key of small order.
 */
#ifndef FM_RELEASE_SIGN_SIGNERS_H
#define FM_RELEASE_SIGN_SIGNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "release/sign/sshkey.h"

#define FM_SIGNERS_FILE_MAX (1u << 20)
#define FM_SIGNERS_LINE_MAX 8192
#define FM_SIGNERS_MAX 4096    /* keys */
#define FM_PRINCIPALS_MAX 1024 /* of one line, with its NUL; of namespaces too */

struct fm_signer {
	struct fm_sshpub key;
	const char *principals;
	const char *namespaces;                /* "" = any */
	int64_t valid_after_s, valid_before_s; /* seconds since 1970; INT64_MIN, INT64_MAX = no limit */
	size_t line;                           /* of the file, from 1 */
};
struct fm_signers {
	struct fm_signer *s;
	size_t n;
	char *text; /* what they point into */
};

/* FM_EINPUT names file and line.  A file without one usable key is read as an empty list. */
int fm_signers_load(struct fm_signers *list, const char *path, struct fm_error *err) FM_MUST_CHECK;
int fm_signers_parse(struct fm_signers *list, const char *text, size_t n, struct fm_error *err) FM_MUST_CHECK;
void fm_signers_free(struct fm_signers *list);

enum fm_signer_state {
	FM_SIGNER_OK,
	FM_SIGNER_UNKNOWN,
	FM_SIGNER_OTHER_NAME,
	FM_SIGNER_OTHER_NAMESPACE,
	FM_SIGNER_NOT_YET,
	FM_SIGNER_EXPIRED,
};
/* Is or was it good at some time? */
bool fm_signer_ever(enum fm_signer_state state);
/* name: who must have signed, matched by the principals' patterns; NULL: anyone, but not by lines with a ! pattern,
 * which need a name to match. */
enum fm_signer_state fm_signers_find_name(const struct fm_signers *list, const struct fm_sshpub *key, const char *name,
					  const char *ns, int64_t now_s, const struct fm_signer **who);
/* The first line that lets this key sign for ns at now_s; else the state that came nearest, with its line (NULL when
 * the key is on no line). */
enum fm_signer_state fm_signers_find(const struct fm_signers *list, const struct fm_sshpub *key, const char *ns,
				     int64_t now_s, const struct fm_signer **who);
/* Does a line let this key sign for ns at any time?  For what was signed when nobody knows. */
bool fm_signers_name(const struct fm_signers *list, const struct fm_sshpub *key, const char *ns,
		     const struct fm_signer **who);
/* Can two lists of principals be one person's?  They share a name, or a pattern of one matches a name of the other; two
 * patterns may match the same.  name: where the first such name or pattern of a is put, or NULL. */
bool fm_signers_share(const char *a, const char *b, char name[FM_PRINCIPALS_MAX]);

#endif
