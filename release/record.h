/*
 * record.h - NAME-VERSION.RELEASE.json: the small signed document beside an archive: which number the release has,
 * which one it follows, until when it may be used, and the digests of its files.
 *
 *     {"expires":"2027-01-31","files":[{"bytes":...,"name":"demo-1.0.0.tar","sha256":...,"sha512":...}, ...],
 *      "format":"flowmint-release/1","issued":"2026-11-27","name":"demo","previous":{"sha256":...,"version":"0.9"},
 *      "sequence":2,"version":"1.0.0"}
 *
 * Canonical JSON (manifests/canon.h) and a newline: a record has one form in bytes, and any other is refused.  The
 * signature, NAME-VERSION.RELEASE.json.sig, is an SSHSIG of the namespace flowmint-release, so that no signature over
 * an archive passes for one over a record.
 *
 * "approvals":[{"key":...,"signer":...}] where some were needed (publish.approvals). "ledger":{"first":...,"head":...}
 * where the publisher keeps a ledger: commitments to its first and last row at the time of this release, which it must
 * still have.
 *
 * previous is the record before it, by the digest of its bytes: one record determines all that went before.
 */
#ifndef FM_RELEASE_RECORD_H
#define FM_RELEASE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "release/sign/approval.h"
#include "release/sign/sshsig.h"

#define FM_RECORD_FORMAT "flowmint-release/1"
#define FM_RECORD_SUFFIX ".RELEASE.json"
#define FM_RECORD_MAX 16384                              /* bytes */
#define FM_RECORD_SEQUENCE_MAX INT64_C(9007199254740991) /* what JSON numbers hold everywhere */
#define FM_RECORD_DATE 11
/* NAME-VERSION.intoto.jsonl, which a record names where there is one (attestation.h) */
#define FM_ATTESTATIONS_SUFFIX ".intoto.jsonl"
#define FM_ATTESTATIONS_MAX (1u << 20)

struct fm_record_file {
	uint64_t nbytes;
	char sha256[FM_SHA256_HEX], sha512[FM_SHA512_HEX];
};
struct fm_record {
	char name[64], version[32];
	int64_t sequence;                                          /* from 1 */
	char previous_version[32], previous_sha256[FM_SHA256_HEX]; /* "": the first, or not known */
	char issued[FM_RECORD_DATE], expires[FM_RECORD_DATE];      /* YYYY-MM-DD; expires may be "" */
	struct fm_record_file tar, zst;                            /* NAME-VERSION.tar and .tar.zst */
	bool has_attestations;
	struct fm_record_file attestations;                           /* NAME-VERSION.intoto.jsonl */
	char ledger_first[FM_SHA256_HEX], ledger_head[FM_SHA256_HEX]; /* commitments (pipeline/ledger.h); "": none */
	struct {
		char signer[FM_PRINCIPALS_MAX], key[FM_FINGERPRINT_MAX];
	} approval[FM_APPROVALS_MAX]; /* who agreed to the release */
	int napprovals;
	char sha256[FM_SHA256_HEX]; /* of the record's own bytes; set by text and parse */
};

/* The bytes of r, appended to out; r->sha256 is set.  FM_EINPUT: r breaks the format. */
int fm_record_text(struct fm_record *r, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
/* The inverse.  FM_EINPUT says what is wrong with the n bytes. */
int fm_record_parse(struct fm_record *r, const char *text, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* The last second of the day of r->expires, INT64_MAX without one. */
int64_t fm_record_last_second(const struct fm_record *r);

#endif
