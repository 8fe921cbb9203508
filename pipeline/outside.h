/*
 * outside.h - signing by a key that this program does not read: one with a passphrase, one in an ssh-agent, one on a
 * FIDO token.  ssh-keygen -Y sign does it, which knows all of these, asks on the terminal, and makes the same
 * signatures as flowmint.
 *
 * This process starts ssh-keygen, a program of the system, outside of all walls, with the message to sign on its
 * standard input; no stage takes part.
 */
#ifndef FM_PIPELINE_OUTSIDE_H
#define FM_PIPELINE_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/secret.h"
#include "release/sign/sshkey.h"

/* Look at a key that is to sign, and at its folder, in which others could replace it.  *outside: ssh-keygen has to
 * sign.  FM_EINPUT: it is no key, others may write to its folder, or nothing that could sign is there. */
int fm_outside_look(const char *key, struct fm_sshpub *pub, bool *outside, struct fm_error *err) FM_MUST_CHECK;

/* Where passphrases come from. */
struct fm_outside {
	int fd; /* its first line is the passphrase; 0: ssh-keygen asks on the terminal, or by SSH_ASKPASS */
	struct fm_secret text; /* the passphrase once it was read; children have zeros in its place */
};
/* What is to be signed: n bytes at p, or the file where p is NULL. */
struct fm_to_sign {
	const char *file;
	const void *p;
	size_t n;
};
/* Its armored signature. */
int fm_outside_sign(struct fm_outside *o, const char *key, const char *ns, const struct fm_to_sign *what,
		    struct fm_buf *armored, struct fm_error *err) FM_MUST_CHECK;
void fm_outside_close(struct fm_outside *o);

/* In main, before all else: is this process started by ssh-keygen to be asked for a passphrase?  Then it has answered,
 * and *status is its exit status. */
bool fm_outside_asked(int *status);

#endif
