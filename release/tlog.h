/*
 * tlog.h - the transparency log of a release folder, LOG.jsonl: each release that was made there, in order, under a
 * Merkle tree (merkle.h) whose heads are signed.
 *
 *     {"head":{"format":"flowmint-log-head/1","root":HEX,"size":1},"record":{...},"signature":ARMORED}
 *
 * One canonical line for each release: its record (record.h), and the head of the log with it, signed by the key that
 * signed the record.  The leaf is the bytes of NAME-VERSION.RELEASE.json: the record in canonical form and a newline.
 * The file says all by itself: who has it can make every root again, and every proof.
 *
 *     fm_tlog_load(&log, "release/LOG.jsonl", err)       absent is an empty log
 *     fm_tlog_check(&log, &trust, NULL, found, ctx, err) tells each thing that is wrong
 *     fm_tlog_next(&log, record, n, &head, err)          the head that the log has with one record more
 *     fm_tlog_add(&log, record, n, &head, armored, err)
 *     fm_tlog_prove(&log, i, &proof, err)                what goes beside the release
 *     fm_tlog_text(&log, &text, err)
 */
#ifndef FM_RELEASE_TLOG_H
#define FM_RELEASE_TLOG_H

#include "release/record.h"
#include "release/sign/rotation.h"
#include "release/tlog_proof.h"

#define FM_TLOG_FILE "LOG.jsonl"
#define FM_TLOG_MAX (64u << 20) /* bytes; 25,000 releases */
#define FM_TLOG_LINE_MAX 24576

struct fm_tlog_entry {
	struct fm_record record;
	struct fm_tlog_head head;
	char signature[FM_TLOG_SIGNATURE_MAX];
};
struct fm_tlog {
	struct fm_tlog_entry *entry;
	struct fm_merkle_hash *leaf;
	size_t n, cap;
};

int fm_tlog_load(struct fm_tlog *log, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT names the line. */
int fm_tlog_parse(struct fm_tlog *log, const char *text, size_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_tlog_text(const struct fm_tlog *log, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
void fm_tlog_free(struct fm_tlog *log);

/* What is wrong with entry i, in words. */
typedef void fm_tlog_found(void *ctx, size_t i, const char *what);
/* Sizes, roots, signatures; that numbers and versions of each name rise and records follow each other.  trust NULL:
 * whoever signed; else entries of `name` (NULL: all) must be by a key that it names, whose line may have expired. */
int fm_tlog_check(const struct fm_tlog *log, const struct fm_trust *trust, const char *name, fm_tlog_found *found,
		  void *ctx, struct fm_error *err) FM_MUST_CHECK;

int fm_tlog_next(const struct fm_tlog *log, const char *record, size_t n, struct fm_tlog_head *head,
		 struct fm_error *err) FM_MUST_CHECK;
int fm_tlog_add(struct fm_tlog *log, const char *record, size_t n, const struct fm_tlog_head *head, const char *armored,
		struct fm_error *err) FM_MUST_CHECK;
/* The proof of entry i, by its own head. */
int fm_tlog_prove(const struct fm_tlog *log, size_t i, struct fm_tlog_proof *proof, struct fm_error *err) FM_MUST_CHECK;
/* Is this the head that the log had with as many entries as it says? */
int fm_tlog_has_head(const struct fm_tlog *log, const struct fm_tlog_head *head, bool *has,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
