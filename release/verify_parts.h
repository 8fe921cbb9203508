/*
 * verify_parts.h - what the files of verify.h share.
 */
#ifndef FM_RELEASE_VERIFY_PARTS_H
#define FM_RELEASE_VERIFY_PARTS_H

#include "release/sign/rotation.h"
#include "release/verify.h"

#define FM_VERIFY_STATEMENTS 2 /* statements of attestations: where the release comes from, what was tested */

struct fm_verify_job {
	const struct fm_verify_in *in;
	struct fm_verify_report *report;
	struct fm_error *err;
	int fd;        /* the archive */
	int64_t now_s; /* when it was begun */
	struct fm_signers signers;
	struct fm_sshsig sig; /* of the archive */
	uint8_t sha512[FM_SHA512_LEN];
	uint64_t nbytes;
	bool zstd;                                              /* it begins as a zstd file does */
	struct fm_tlog_proof log;                               /* where report->has_log */
	uint8_t statement[FM_VERIFY_STATEMENTS][FM_SHA256_LEN]; /* digests of what was attested */
	int nstatements;
	struct fm_keys keys; /* n 0: no KEYS.json lies beside the archive */
	const char
	    *lacks;   /* the namespace that the line of a key before the archive's must have and has not, or NULL */
	bool revoked; /* the archive's key has no line, and came after one that was revoked */
};

#define fm_verify_refuse(job, why, ...) ((job)->report->reason = (why), fm_fail((job)->err, FM_EVERDICT, __VA_ARGS__))

void fm_verify_note(struct fm_verify_report *report, const char *fmt, ...) FM_PRINTF(2, 3);

/* verify_record.c: the record beside the archive, against the compressed file, the files beside it and the clock; then
 * against the contents. */
int fm_verify_record(struct fm_verify_job *job) FM_MUST_CHECK;
int fm_verify_record_contents(struct fm_verify_job *job) FM_MUST_CHECK;
/* verify_attestations.c: the n bytes that the record names: checks their envelopes' signatures, where the signers file
 * lists the key for that, and what they are about. */
int fm_verify_attestations(struct fm_verify_job *job, const char *path, const char *text, size_t n) FM_MUST_CHECK;
/* Then, when the archive's contents were accepted: the attestations say what it says, and nothing else. */
int fm_verify_attestations_contents(struct fm_verify_job *job) FM_MUST_CHECK;
/* verify_keys.c: KEYS.json beside the archive, when the archive's signature was read; whose key that is, for ns, by the
 * signers file and by what KEYS.json adds to it; then what was remembered of it.  *news: there is more to remember. */
int fm_verify_keys(struct fm_verify_job *job) FM_MUST_CHECK;
enum fm_signer_state fm_verify_signer(struct fm_verify_job *job, const char *ns, const struct fm_signer **who);
int fm_verify_keys_follow(struct fm_verify_job *job, struct fm_accepted_state *state, bool *news) FM_MUST_CHECK;
/* Refuse a key that was replaced before the release was issued, or after which a later key's release was accepted. */
int fm_verify_key_age(struct fm_verify_job *job, const struct fm_accepted_state *state) FM_MUST_CHECK;
/* verify_log.c: the proof beside the archive that the n bytes of the record are in the log; then whether that log goes
 * on from the one that was seen last. */
int fm_verify_log(struct fm_verify_job *job, const char *record, size_t n) FM_MUST_CHECK;
int fm_verify_log_follows(struct fm_verify_job *job, const struct fm_accepted *last) FM_MUST_CHECK;
/* verify_record.c: the archive's path without ".tar.zst", with suffix; a new string, or NULL without memory. */
char *fm_verify_beside(const char *archive, const char *suffix);

#endif
