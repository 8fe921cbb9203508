/*
 * approval.h - a signed statement that what a run judged may be released: one of several people who must agree
 * (publish.approvals).
 *
 *     approvals/NAME-VERSION.ID.approval {"attestation_key":FINGERPRINT,"config":HEX,"dialect":HEX,"expires":TEXT,
 *                                               "flows":HEX,"format":"flowmint-approval/2","key":FINGERPRINT,
 *                                               "license":HEX,"name","published_dialect":HEX,"sequence":INT,
 *                                               "verdict":HEX,"version"}, canonical JSON and a newline; ID is of the
 *                                               approver's key
 *     approvals/NAME-VERSION.ID.approval.sig    SSHSIG over that file, namespace flowmint-approval; by hand:
 *                                               ssh-keygen -Y sign -n flowmint-approval -f KEY FILE
 *
 * verdict and flows are the digests of what gate and generate made, config that of the public part of the config,
 * license, dialect and published_dialect those of files that the config names ("" where it names none); expires,
 * sequence (0: the next) and the two keys are those of publish.*.  So what is released is what was approved, with the
 * same words, by the same keys and for as long.  Not in it is what no person chooses: the day of issue, the record
 * before, the log.  The namespace is its own, so that a key which signs releases approves none unless it is named for
 * that as well.
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
#define FM_APPROVAL_FORMAT "flowmint-approval/2"
#define FM_APPROVAL_SUFFIX ".approval"
#define FM_APPROVALS_FOLDER "approvals" /* in the project */
#define FM_APPROVALS_MAX 8

struct fm_approval {
	char name[64], version[32];
	char config[FM_SHA256_HEX], verdict[FM_SHA256_HEX], flows[FM_SHA256_HEX];
	char license[FM_SHA256_HEX], dialect[FM_SHA256_HEX], published_dialect[FM_SHA256_HEX]; /* "": no file */
	char key[FM_FINGERPRINT_MAX], attestation_key[FM_FINGERPRINT_MAX];                     /* "": none */
	char expires[16];
	int64_t sequence; /* 0: the next */
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
