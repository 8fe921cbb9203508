/*
 * tlog_proof.h - NAME-VERSION.LOG.json: that a release is in its publisher's transparency log (tlog.h), for a partner
 * who does not have the log.
 *
 *     {"consistency":[{"path":[HEX, ...],"size":4}, ...],"format":"flowmint-log-proof/1","head":{"format":
 *      "flowmint-log-head/1","root":HEX,"size":5},"inclusion":{"index":4,"path":[HEX, ...]},"signature":ARMORED}
 *
 * The signature is an SSHSIG of the namespace flowmint-release over the canonical form of head and a newline, by the
 * key of the release.  The leaf is the release's record, byte for byte.  consistency has proofs that the log begins
 * with what it was when earlier releases of this name were made, the latest first.
 *
 * Canonical JSON and a newline, as a record: any other form is refused.
 */
#ifndef FM_RELEASE_TLOG_PROOF_H
#define FM_RELEASE_TLOG_PROOF_H

#include <jansson.h>

#include "base/error.h"
#include "base/mem.h"
#include "release/merkle.h"
#include "release/sign/signers.h"
#include "release/sign/sshsig.h"

#define FM_TLOG_HEAD_FORMAT "flowmint-log-head/1"
#define FM_TLOG_PROOF_FORMAT "flowmint-log-proof/1"
#define FM_TLOG_PROOF_SUFFIX ".LOG.json"
#define FM_TLOG_PROOF_MAX (256u << 10)
#define FM_TLOG_STEPS 64          /* earlier heads that a proof leads from */
#define FM_TLOG_SIGNATURE_MAX 700 /* an armored signature, of a key on a token too */

struct fm_tlog_head {
	uint64_t size; /* entries, from 1 */
	struct fm_merkle_hash root;
};
struct fm_tlog_step {
	uint64_t size; /* of the earlier head */
	struct fm_merkle_path path;
};
struct fm_tlog_proof {
	struct fm_tlog_head head;
	char signature[FM_TLOG_SIGNATURE_MAX];
	uint64_t index; /* of the release's record, from 0 */
	struct fm_merkle_path inclusion;
	struct fm_tlog_step step[FM_TLOG_STEPS]; /* sizes fall */
	int nsteps;
};

/* The bytes that are signed for a head. */
int fm_tlog_head_text(const struct fm_tlog_head *h, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_tlog_head_json(const struct fm_tlog_head *h); /* NULL without memory */
bool fm_tlog_head_from_json(struct fm_tlog_head *h, const json_t *o);
/* 1 sig is by the key in it over h, for records; 0 not; negative: could not be told. */
int fm_tlog_head_signed(const struct fm_tlog_head *h, const struct fm_sshsig *sig, struct fm_error *err) FM_MUST_CHECK;

int fm_tlog_proof_text(const struct fm_tlog_proof *p, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT says what is wrong with the n bytes; that says nothing yet about signature and proofs. */
int fm_tlog_proof_parse(struct fm_tlog_proof *p, const char *text, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* Does the log that p is of begin with this one?  1 proved, 0 the proof does not hold, FM_EINPUT: p has no proof from a
 * head of this size. */
int fm_tlog_proof_extends(const struct fm_tlog_proof *p, const struct fm_tlog_head *old,
			  struct fm_error *err) FM_MUST_CHECK;

json_t *fm_merkle_path_json(const struct fm_merkle_path *path);

#endif
