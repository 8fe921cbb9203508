/*
 * verify.h - is this archive what its signer released?  The check behind `flowmint verify` and `flowmint-verify`.
 *
 * The signature first: it is over the compressed file, so that not one byte is decompressed before a key in the signers
 * file has vouched for it.  Then the record (record.h), where one lies beside the archive, and the attestations that it
 * names, and the proof that it is in the log (tlog_proof.h); then the contents, in one
 * pass (archive.h); last, what was accepted before (accepted.h).
 *
 *     struct fm_verify_in in = {.archive = "demo-1.0.tar.zst", .signers = "allowed_signers"};
 *     struct fm_verify_report report;
 *     int rc = fm_verify(&in, &report, &err);
 *     FM_OK         good
 *     FM_EVERDICT   refused: report.reason in a word, err.message in a sentence
 *     FM_EINPUT     there is nothing to judge: the archive, the signers file or the memory of what was accepted is
 *                   absent or unreadable, or this is no archive at all
 *     FM_ESYSTEM    reading, writing or memory failed
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
 * "fingerprint","trusted","name","version","waived","record":{"sequence","previous","issued","expires","sha256"},
 * "attestations":{"checked":2,"signer","fingerprint"},"log":{"size","index","root"},"memory":"off"|"first"|"same"|
 * "later","last":{"version","sequence","accepted"},"notes":[text],"extracted","files":[{"path","bytes","sha256"}]},
 * with null for what was not come to.
 */
#ifndef FM_RELEASE_VERIFY_H
#define FM_RELEASE_VERIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "release/accepted.h"
#include "release/archive.h"
#include "release/reason.h"
#include "release/record.h"
#include "release/sign/signers.h"
#include "release/tlog_proof.h"

struct fm_verify_in {
	const char *archive, *signature; /* signature NULL: the archive's name with ".sig" */
	const char *signers;             /* an allowed_signers file */
	const char *signer;              /* the one who must have signed, or NULL: anyone in the file */
	const char *revoked; /* keys that are not accepted, whatever signers says (sign/revoked.h), or NULL */
	int64_t now_s;       /* seconds since 1970: for valid-after, valid-before and expires; 0: the clock's */
	const char *record;  /* NULL: NAME-VERSION.RELEASE.json beside the archive, if it is there */
	const char *state;   /* a folder (accepted.h); NULL: nothing is looked up or remembered */
	const char *extract; /* a folder to be made of the files (extract.h), or NULL */
	const char *caution; /* of fm_verify_caution, to be one of the notes of the JSON report; NULL or "": none */
	bool verdict_only;   /* the report need not have the SHA-512 of the tar where no record tells it */
};
enum fm_memory {
	FM_MEMORY_UNKNOWN, /* verification did not get so far */
	FM_MEMORY_OFF,     /* nothing was to be remembered */
	FM_MEMORY_FIRST,   /* the first of this name by this signer */
	FM_MEMORY_SAME,    /* what was accepted last, once more */
	FM_MEMORY_LATER,   /* later than what was accepted last */
};
#define FM_VERIFY_NOTES 6
struct fm_verify_report {
	bool good;
	enum fm_reason reason;
	char message[1024]; /* "" when good */
	char archive[4096];
	char sha256[FM_SHA256_HEX];           /* of the compressed file; "" when it was not read */
	char signer[FM_PRINCIPALS_MAX];       /* its principals in the signers file; "" when not known */
	char fingerprint[FM_FINGERPRINT_MAX]; /* of the key in the signature */
	char trusted[FM_FINGERPRINT_MAX]; /* the key in the signers file that KEYS.json led from; "": the signature's
					     own */
	struct fm_archive_info info;      /* tar digest, name, version, files: filled when the signature is good */
	bool has_record;                  /* its signature is good too */
	struct fm_record record;
	bool has_log; /* its signature and the proof that the record is in the log are good */
	struct fm_tlog_head log;
	uint64_t log_index;               /* of the record, from 0 */
	int attestations;                 /* envelopes whose signatures were checked and are good */
	char attester[FM_PRINCIPALS_MAX]; /* whose: the principals of his line */
	char attester_key[FM_FINGERPRINT_MAX];
	enum fm_memory memory;
	bool has_last;
	struct fm_accepted last; /* what was accepted last before this */
	char caution[512];
	char note[FM_VERIFY_NOTES][512]; /* what a reader should know of a good one too */
	int nnotes;
	char extracted[4096]; /* where the files are now, or "" */
};
/* The files that it may read, each a new string, NULL where there is none; they need not be there. */
#define FM_VERIFY_FILES 9
int fm_verify_files(const struct fm_verify_in *in, char *file[FM_VERIFY_FILES], struct fm_error *err) FM_MUST_CHECK;
/* "", or what a reader should be warned of, whatever the verdict: that others may write to the signers file, which is
 * looked at before the process gives up what it does not need. */
#define FM_VERIFY_CAUTION 512
void fm_verify_caution(const char *signers, char words[FM_VERIFY_CAUTION]);
int fm_verify(const struct fm_verify_in *in, struct fm_verify_report *report, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_verify_report_json(const struct fm_verify_report *report); /* a new reference, NULL without memory */
void fm_verify_report_text(const struct fm_verify_report *report, struct fm_buf *out);
void fm_verify_report_free(struct fm_verify_report *report);

#endif
