/*
 * approval.h - a signed statement that what a run judged may be released: one of several people who must agree
 * (publish.approvals).
 *
 *     approvals/NAME-VERSION.ID.approval {"config":HEX,"flows":HEX,"format":"flowmint-approval/1","name","verdict":HEX,
 *                                               "version"}, canonical JSON and a newline; ID is of the approver's key
 *     approvals/NAME-VERSION.ID.approval.sig    SSHSIG over that file, namespace flowmint-approval; by hand:
 *                                               ssh-keygen -Y sign -n flowmint-approval -f KEY FILE
 *
 * verdict and flows are the digests of what gate and generate made, config that of the public part of the config: so
 * what is released is what was approved, with the same words.  The namespace is its own, so that a key which signs
 * releases approves none unless it is named for that as well.
 */
#ifndef FM_RELEASE_SIGN_APPROVAL_H
#define FM_RELEASE_SIGN_APPROVAL_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "release/sign/signers.h"
#include "release/sign/sshkey.h"

#define FM_APPROVAL_NAMESPACE "flowmint-approval"
#define FM_APPROVAL_FORMAT "flowmint-approval/1"
#define FM_APPROVAL_SUFFIX ".approval"
#define FM_APPROVALS_FOLDER "approvals" /* in the project */
#define FM_APPROVALS_MAX 8

struct fm_approval {
	char name[64], version[32];
	char config[FM_SHA256_HEX], verdict[FM_SHA256_HEX], flows[FM_SHA256_HEX];
};

int fm_approval_text(const struct fm_approval *a, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
/* The name of the file for this key; a new string (free()). */
int fm_approval_path(const char *project, const struct fm_approval *a, const struct fm_sshpub *key, char **path,
		     struct fm_error *err) FM_MUST_CHECK;
/* Read one file and its signature.  FM_OK: it holds at now_s for what is to be released, and *record is {"signer",
 * "key"}.  FM_EVERDICT: it does not, and err says why.  Other codes: it could not be told. */
int fm_approval_check(const char *path, const struct fm_approval *wanted, const struct fm_signers *signers,
		      int64_t now_s, json_t **record, struct fm_error *err) FM_MUST_CHECK;

#endif
