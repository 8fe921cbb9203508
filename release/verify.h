/*
 * verify.h - is this archive what its signer released?  The check behind `flowmint verify` and `flowmint-verify`.
 *
 * The signature first: it is over the compressed file, so that not one byte is decompressed before a key in the signers
 * file has vouched for it.  Then the contents, in one pass and without extracting anything (archive.h).
 *
 *     struct fm_verify_in in = {.archive = "demo-1.0.tar.zst", .signers = "allowed_signers", .now_s = time(NULL)};
 *     struct fm_verify_report report;
 *     int rc = fm_verify(&in, &report, &err);
 *     FM_OK         good
 *     FM_EVERDICT   refused: report.reason in a word, err.message in a sentence
 *     FM_EINPUT     there is nothing to judge: the archive or the signers file is absent, unreadable, or not an archive
 *     FM_ESYSTEM    reading or memory failed
 *     fm_verify_report_free(&report);      after each of them
 *
 * As text the report is, for people,
 *
 *     good: demo 1.0                            bad: bad-signature: ...
 *     good: demo 1.0, checks waived: assoc.mean
 *       archive     demo-1.0.tar.zst
 *       signer      releases@example.org SHA256:...
 *       ...
 *
 * and as JSON {"verdict":"good"|"bad","reason":"good"|...,"message","archive","sha256","tar_sha256","signer",
 * "fingerprint","name","version","waived","files":[{"path","bytes","sha256"}]}, with null for what was not reached.
 */
#ifndef FM_RELEASE_VERIFY_H
#define FM_RELEASE_VERIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "release/archive.h"
#include "release/reason.h"
#include "release/sign/signers.h"

struct fm_verify_in {
	const char *archive, *signature; /* signature NULL: the archive's name with ".sig" */
	const char *signers;             /* an allowed_signers file */
	const char *signer;              /* the one who must have signed, or NULL: anyone in the file */
	int64_t now_s;                   /* seconds since 1970: for valid-after and valid-before */
};
struct fm_verify_report {
	bool good;
	enum fm_reason reason;
	char message[1024]; /* "" when good */
	char archive[4096];
	char sha256[FM_SHA256_HEX];           /* of the compressed file; "" when it was not read */
	char signer[FM_PRINCIPALS_MAX];       /* its principals in the signers file; "" when not known */
	char fingerprint[FM_FINGERPRINT_MAX]; /* of the key in the signature */
	struct fm_archive_info info;          /* tar digest, name, version, files: filled when the signature is good */
};
int fm_verify(const struct fm_verify_in *in, struct fm_verify_report *report, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_verify_report_json(const struct fm_verify_report *report); /* a new reference, NULL without memory */
void fm_verify_report_text(const struct fm_verify_report *report, struct fm_buf *out);
void fm_verify_report_free(struct fm_verify_report *report);

#endif
