/*
 * approvals.h - the approvals of a project (release/sign/approval.h): who has agreed to the release of what a run
 * judged.  publish.approvals says how many it takes.
 */
#ifndef FM_PIPELINE_APPROVALS_H
#define FM_PIPELINE_APPROVALS_H

#include <jansson.h>
#include <stdint.h>

#include "manifests/config.h"
#include "release/sign/approval.h"

/* What an approval of a run names: its release, the public part of its config and what else of it is signed, the
 * digests of the files that the config names and of what gate and generate made.  A file or key that cannot be read is
 * an error. */
int fm_approvals_wanted(const struct fm_config *cfg, const char *verdict, const char *flows, struct fm_approval *a,
			struct fm_error *err) FM_MUST_CHECK;
/* Read them all against PROJECT/allowed_signers.  *holding: [{"signer","key"}], one for each person and each key, at
 * most FM_APPROVALS_MAX; *rows: what the ledger keeps of each file, {"file","holds","signer","key"} or {"file","holds",
 * "why"}.  Where more than one approval is asked for, one by publish.key does not count.  Both are new references. */
int fm_approvals_gather(const char *project, const struct fm_config *cfg, const struct fm_approval *wanted,
			int64_t now_s, json_t **holding, json_t **rows, struct fm_error *err) FM_MUST_CHECK;
/* The fingerprint of publish.key, whose public half in KEY.pub is enough where the key is kept from this user, or ""
 * where no key is there, or no more than one person is asked for; one that cannot be read now is an error. */
int fm_approvals_release_key(const struct fm_config *cfg, char fingerprint[FM_FINGERPRINT_MAX],
			     struct fm_error *err) FM_MUST_CHECK;

#endif
