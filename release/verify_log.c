/* The proof (tlog_proof.h) beside an archive: its record is in the log of its signer, which only grows. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "release/verify_parts.h"

/* Is the head signed by the key that signed archive and record? */
static int check_head(struct fm_verify_job *job, const char *path)
{
	const struct fm_tlog_proof *p = &job->log;
	struct fm_sshsig sig;
	int good;

	if (fm_sshsig_parse(&sig, p->signature, strlen(p->signature), job->err) < 0) {
		job->report->reason = FM_REASON_LOG_UNSIGNED;
		job->err->code = FM_EVERDICT;
		return fm_error_prefix(job->err, "%s: the signature of its head: ", path);
	}
	if (!fm_sshpub_same(&sig.key, &job->sig.key))
		return fm_verify_refuse(job, FM_REASON_LOG_UNSIGNED,
					"the head of the log in %s was signed by another key than the archive", path);
	if ((good = fm_tlog_head_signed(&p->head, &sig, job->err)) < 0)
		return good;
	return good ? FM_OK
		    : fm_verify_refuse(job, FM_REASON_LOG_UNSIGNED,
				       "the head of the log in %s is not what %s signed: it or its signature was "
				       "changed",
				       path, job->report->signer);
}

static int check_inclusion(struct fm_verify_job *job, const char *path, const char *record, size_t n)
{
	const struct fm_tlog_proof *p = &job->log;
	struct fm_merkle_hash leaf;
	int rc;

	if ((rc = fm_merkle_leaf(record, n, &leaf, job->err)) < 0 ||
	    (rc = fm_merkle_check_inclusion(&leaf, p->index, p->head.size, &p->inclusion, &p->head.root, job->err)) < 0)
		return rc;
	return rc ? FM_OK
		  : fm_verify_refuse(job, FM_REASON_LOG_NOT_INCLUDED,
				     "%s does not show that the record of this release is entry %" PRIu64
				     " of the log whose head it has: was the release kept out of the log?",
				     path, p->index + 1);
}

static int check_proof(struct fm_verify_job *job, const char *path, const char *record, size_t n)
{
	struct fm_verify_report *report = job->report;
	struct fm_buf text = {0};
	int rc;

	if ((rc = fm_file_read(path, FM_TLOG_PROOF_MAX, &text, job->err)) == FM_EINPUT)
		rc = fm_verify_refuse(job, FM_REASON_LOG_MALFORMED, "%s is no proof of a log", path);
	if (rc < 0)
		goto out;
	if ((rc = fm_tlog_proof_parse(&job->log, text.data ? text.data : "", text.len, job->err)) < 0) {
		if (rc == FM_EINPUT) {
			report->reason = FM_REASON_LOG_MALFORMED;
			job->err->code = rc = FM_EVERDICT;
			fm_error_prefix(job->err, "%s: ", path);
		}
		goto out;
	}
	if ((rc = check_head(job, path)) < 0 || (rc = check_inclusion(job, path, record, n)) < 0)
		goto out;
	report->has_log = true;
	report->log = job->log.head;
	report->log_index = job->log.index;
out:
	fm_buf_free(&text);
	return rc;
}

int fm_verify_log(struct fm_verify_job *job, const char *record, size_t n)
{
	char *path = fm_verify_beside(job->in->archive, FM_TLOG_PROOF_SUFFIX);
	int rc;

	if (!path)
		return fm_fail(job->err, FM_ESYSTEM, "out of memory");
	rc = fm_file_exists(path) ? check_proof(job, path, record, n) : FM_OK;
	free(path);
	return rc;
}

int fm_verify_log_follows(struct fm_verify_job *job, const struct fm_accepted *last)
{
	const struct fm_verify_report *r = job->report;
	struct fm_tlog_head old = {.size = (uint64_t)last->log_size};
	int rc;

	if (!last->log_size)
		return FM_OK;
	if (!r->has_log)
		return fm_verify_refuse(job, FM_REASON_LOG_MISSING,
					"no proof (LOG.json) lies beside %s %s that it is in the log of this signer, "
					"but %s, accepted on %.10s, had one; ask for it",
					r->info.name, r->info.version, last->version, last->accepted);
	if (r->log.size < old.size)
		return fm_verify_refuse(job, FM_REASON_LOG_ROLLBACK,
					"the log that %s %s is in has %" PRIu64 " entries, and had %" PRIu64
					" when %s was accepted on %.10s: entries were taken out of it",
					r->info.name, r->info.version, r->log.size, old.size, last->version,
					last->accepted);
	if ((rc = fm_unhex(last->log_root, sizeof old.root.byte, old.root.byte, job->err)) < 0)
		return rc;
	rc = fm_tlog_proof_extends(&job->log, &old, job->err);
	if (rc == FM_EINPUT)
		return fm_verify_refuse(job, FM_REASON_LOG_UNPROVED,
					"the proof (LOG.json) of %s %s does not lead from the log of %" PRIu64
					" entries that came with %s, accepted on %.10s: verify a release between them "
					"first",
					r->info.name, r->info.version, old.size, last->version, last->accepted);
	if (rc < 0)
		return rc;
	return rc ? FM_OK
		  : fm_verify_refuse(job, FM_REASON_LOG_FORK,
				     "the log that %s %s is in does not go on from the one that came with %s, accepted "
				     "on %.10s: it was rewritten, or you are shown another log than others; ask the "
				     "sender",
				     r->info.name, r->info.version, last->version, last->accepted);
}
