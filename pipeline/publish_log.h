/*
 * publish_log.h - the transparency log (release/tlog.h) of a release folder, as publishing extends it.
 *
 * All of this happens under the lock of the folder (publish.h).  The log is read, judged, and written again with one
 * entry more before the archive's signature makes the release one; its head is signed with the record.
 *
 * The last entry is taken back when its release was never completed: such an entry is left by a run that was killed
 * between the log and the archive's signature, and by whoever removes an archive that nobody was given.
 */
#ifndef FM_PIPELINE_PUBLISH_LOG_H
#define FM_PIPELINE_PUBLISH_LOG_H

#include "release/tlog.h"

struct fm_publish_log {
	char *path; /* OUT/LOG.jsonl */
	struct fm_tlog log;
	bool taken_back;          /* the file has one entry more, of a release never completed */
	struct fm_tlog_head head; /* of the log with the record to be added */
	struct fm_buf head_text;  /* what is to be signed */
	struct fm_buf text;       /* the file, with the new entry */
	struct fm_buf proof;      /* NAME-VERSION.LOG.json */
};

/* Read the log and see that it is whole: FM_EINPUT where an entry is damaged, where nobody in signers signed an entry
 * of this name, or where releases in this folder are not in the log. */
int fm_publish_log_open(struct fm_publish_log *l, const char *out, const char *name, const char *version,
			const struct fm_signers *signers, struct fm_error *err) FM_MUST_CHECK;
/* The head with this record in the log: head and head_text. */
int fm_publish_log_next(struct fm_publish_log *l, const struct fm_buf *record, struct fm_error *err) FM_MUST_CHECK;
/* Take the signature of head_text: makes text and proof. */
int fm_publish_log_add(struct fm_publish_log *l, const struct fm_buf *record, const char *armored,
		       struct fm_error *err) FM_MUST_CHECK;
/* Write the log without an entry that was taken back; before the record of that release goes. */
int fm_publish_log_settle(const struct fm_publish_log *l, struct fm_error *err) FM_MUST_CHECK;
int fm_publish_log_write(const struct fm_publish_log *l, struct fm_error *err) FM_MUST_CHECK;
/* Write the log as it was before fm_publish_log_add, when publishing failed. */
int fm_publish_log_undo(const struct fm_publish_log *l, struct fm_error *err) FM_MUST_CHECK;
void fm_publish_log_close(struct fm_publish_log *l);

#endif
