/* The record (record.h) beside an archive: who signed it, what it is about, until when it may be used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/num.h"
#include "release/verify_parts.h"

char *fm_verify_beside(const char *archive, const char *suffix)
{
	size_t n = strlen(archive), tail = strlen(".tar.zst");
	char *path;

	if (n > tail && strcmp(archive + n - tail, ".tar.zst") == 0)
		n -= tail;
	return asprintf(&path, "%.*s%s", (int)n, archive, suffix) < 0 ? NULL : path;
}

static int read_signature(struct fm_verify_job *job, const char *record, struct fm_sshsig *sig)
{
	struct fm_buf text = {0};
	char *path = NULL;
	int rc;

	if (asprintf(&path, "%s.sig", record) < 0)
		return fm_fail(job->err, FM_ESYSTEM, "out of memory");
	if (!fm_file_exists(path)) {
		rc = fm_verify_refuse(job, FM_REASON_RECORD_UNSIGNED,
				      "%s is not there: ask the sender for the record's signature", path);
		goto out;
	}
	if ((rc = fm_file_read(path, FM_SSHSIG_FILE_MAX, &text, job->err)) == FM_EINPUT) {
		rc = fm_verify_refuse(job, FM_REASON_RECORD_UNSIGNED, "%s is no signature", path);
		goto out;
	}
	if (rc < 0)
		goto out;
	if (fm_sshsig_parse(sig, text.data ? text.data : "", text.len, job->err) < 0) {
		job->report->reason = FM_REASON_RECORD_UNSIGNED;
		job->err->code = rc = FM_EVERDICT;
		fm_error_prefix(job->err, "%s: ", path);
	}
out:
	fm_buf_free(&text);
	free(path);
	return rc;
}

int fm_verify_files(const struct fm_verify_in *in, char *file[FM_VERIFY_FILES], struct fm_error *err)
{
	bool full = true;

	file[0] = strdup(in->archive);
	file[1] = strdup(in->signers);
	if (in->signature)
		file[2] = strdup(in->signature);
	else if (asprintf(&file[2], "%s.sig", in->archive) < 0)
		file[2] = NULL;
	file[3] = in->record ? strdup(in->record) : fm_verify_beside(in->archive, FM_RECORD_SUFFIX);
	if (!file[3] || asprintf(&file[4], "%s.sig", file[3]) < 0)
		file[4] = NULL;
	file[5] = fm_verify_beside(in->archive, FM_ATTESTATIONS_SUFFIX);
	file[6] = fm_verify_beside(in->archive, FM_TLOG_PROOF_SUFFIX);
	file[7] = fm_verify_beside(in->archive, FM_KEYS_SUFFIX);
	file[8] = strdup(in->revoked ? in->revoked : in->signers);
	for (int i = 0; i < FM_VERIFY_FILES; i++)
		full = full && file[i];
	if (full)
		return FM_OK;
	for (int i = 0; i < FM_VERIFY_FILES; i++) {
		free(file[i]);
		file[i] = NULL;
	}
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* It must be signed by the key that signed the archive, which must be allowed to sign records too. */
static int check_signer(struct fm_verify_job *job, const char *path, const struct fm_sshsig *sig)
{
	const struct fm_signer *who = NULL;

	if (strcmp(sig->ns, FM_RECORD_NAMESPACE) != 0)
		return fm_verify_refuse(job, FM_REASON_RECORD_UNSIGNED,
					"the signature of %s was made for \"%s\", not for \"" FM_RECORD_NAMESPACE "\"",
					path, sig->ns);
	if (!fm_sshpub_same(&sig->key, &job->sig.key))
		return fm_verify_refuse(job, FM_REASON_RECORD_UNSIGNED,
					"%s was signed by another key than the archive: they do not belong together",
					path);
	if (fm_verify_signer(job, FM_RECORD_NAMESPACE, &who) != FM_SIGNER_OK)
		return fm_verify_refuse(job, FM_REASON_RECORD_UNSIGNED,
					"%s:%zu: this key may not sign records of releases: if it should, the line "
					"says namespaces=\"" FM_SSH_NAMESPACES "\"",
					job->in->signers, who ? who->line : 0);
	return FM_OK;
}

static int check_signature(struct fm_verify_job *job, const char *path, const struct fm_buf *text)
{
	uint8_t digest[FM_SHA512_LEN];
	struct fm_sshsig sig;
	int rc, good;

	if ((rc = read_signature(job, path, &sig)) < 0 || (rc = check_signer(job, path, &sig)) < 0 ||
	    (rc = fm_sha512_bytes(text->data, text->len, digest, job->err)) < 0)
		return rc;
	if ((good = fm_sshsig_check(&sig, digest, job->err)) < 0)
		return good;
	return good ? FM_OK
		    : fm_verify_refuse(job, FM_REASON_RECORD_UNSIGNED,
				       "%s is not what %s signed: it or its signature was changed", path,
				       job->report->signer);
}

static int check_file(struct fm_verify_job *job, const struct fm_record_file *f, const char *what, uint64_t nbytes,
		      const char *sha256, const uint8_t sha512[FM_SHA512_LEN])
{
	char hex[FM_SHA512_HEX];

	fm_hex(sha512, FM_SHA512_LEN, hex);
	if (f->nbytes != nbytes || strcmp(f->sha256, sha256) != 0 || strcmp(f->sha512, hex) != 0)
		return fm_verify_refuse(job, FM_REASON_RECORD_DISAGREES,
					"the record (RELEASE.json) gives another size or digest for %s", what);
	return FM_OK;
}

/* Attestations that are there must be those that the record names. */
static int check_attestations(struct fm_verify_job *job)
{
	const struct fm_record *r = &job->report->record;
	char *path = fm_verify_beside(job->in->archive, FM_ATTESTATIONS_SUFFIX), hex[FM_SHA256_HEX];
	uint8_t digest[FM_SHA256_LEN], sha512[FM_SHA512_LEN];
	struct fm_buf text = {0};
	int rc = FM_OK;

	if (!path)
		return fm_fail(job->err, FM_ESYSTEM, "out of memory");
	if (!fm_file_exists(path)) {
		if (r->has_attestations)
			fm_verify_note(job->report, "the record names attestations, but %s is not there", path);
		goto out;
	}
	if (!r->has_attestations) {
		fm_verify_note(job->report, "%s is there, but the record names no attestations: do not trust them",
			       path);
		goto out;
	}
	if ((rc = fm_file_read(path, FM_ATTESTATIONS_MAX, &text, job->err)) == FM_EINPUT)
		rc = fm_verify_refuse(job, FM_REASON_RECORD_DISAGREES, "%s is not what the record names", path);
	if (rc < 0 || (rc = fm_sha256_bytes(text.data, text.len, digest, job->err)) < 0 ||
	    (rc = fm_sha512_bytes(text.data, text.len, sha512, job->err)) < 0)
		goto out;
	fm_hex(digest, sizeof digest, hex);
	if ((rc = check_file(job, &r->attestations, path, text.len, hex, sha512)) < 0)
		goto out;
	rc = fm_verify_attestations(job, path, text.data, text.len);
out:
	fm_buf_free(&text);
	free(path);
	return rc;
}

static int check_clock(struct fm_verify_job *job)
{
	const struct fm_record *r = &job->report->record;
	int64_t issued_s;

	if (job->now_s > fm_record_last_second(r))
		return fm_verify_refuse(job, FM_REASON_EXPIRED,
					"%s %s was to be used until %s: is there a later one that somebody keeps from "
					"you? Ask the sender",
					r->name, r->version, r->expires);
	if (fm_parse_date_s(r->issued, &issued_s) == 0 && issued_s > job->now_s)
		fm_verify_note(job->report, "it was issued on %s, which is to come: is the clock right?", r->issued);
	return FM_OK;
}

static int check_record(struct fm_verify_job *job, const char *path)
{
	struct fm_verify_report *report = job->report;
	struct fm_buf text = {0};
	int rc;

	if ((rc = fm_file_read(path, FM_RECORD_MAX, &text, job->err)) == FM_EINPUT)
		rc = fm_verify_refuse(job, FM_REASON_RECORD_MALFORMED, "%s is no record of a release", path);
	if (rc < 0 || (rc = check_signature(job, path, &text)) < 0)
		goto out;
	if ((rc = fm_record_parse(&report->record, text.data, text.len, job->err)) < 0) {
		if (rc == FM_EINPUT) {
			report->reason = FM_REASON_RECORD_MALFORMED;
			job->err->code = rc = FM_EVERDICT;
			fm_error_prefix(job->err, "%s: ", path);
		}
		goto out;
	}
	report->has_record = true;
	for (int i = 0; report->record.napprovals > 1 && i < report->record.napprovals; i++)
		if (strcmp(report->record.approval[i].key, report->fingerprint) == 0) {
			rc = fm_verify_refuse(job, FM_REASON_RECORD_DISAGREES,
					      "%s: the key that signed the release approved it too, beside others",
					      path);
			goto out;
		}
	if ((rc = check_file(job, &report->record.zst, job->in->archive, job->nbytes, report->sha256, job->sha512)) <
		0 ||
	    (rc = check_attestations(job)) < 0 || (rc = check_clock(job)) < 0)
		goto out;
	rc = fm_verify_log(job, text.data, text.len);
out:
	fm_buf_free(&text);
	return rc;
}

int fm_verify_record(struct fm_verify_job *job)
{
	char *own = job->in->record ? NULL : fm_verify_beside(job->in->archive, FM_RECORD_SUFFIX);
	const char *path = job->in->record ? job->in->record : own;
	int rc = FM_OK;

	if (!path)
		return fm_fail(job->err, FM_ESYSTEM, "out of memory");
	if (fm_file_exists(path))
		rc = check_record(job, path);
	else if (job->in->record)
		rc = fm_verify_refuse(job, FM_REASON_RECORD_MISSING, "%s is not there", path);
	else
		fm_verify_note(
		    job->report,
		    "no record (RELEASE.json) lies beside the archive: its place in the sequence of releases, "
		    "the one before it and until when it is to be used are not known");
	free(own);
	return rc;
}

int fm_verify_record_contents(struct fm_verify_job *job)
{
	const struct fm_archive_info *info = &job->report->info;
	const struct fm_record *r = &job->report->record;
	int rc;

	if (!job->report->has_record)
		return FM_OK;
	if (strcmp(r->name, info->name) != 0 || strcmp(r->version, info->version) != 0)
		return fm_verify_refuse(job, FM_REASON_RECORD_DISAGREES,
					"the record (RELEASE.json) is of %s %s, the archive of %s %s", r->name,
					r->version, info->name, info->version);
	if (info->date[0] && strcmp(info->date, r->issued) != 0)
		return fm_verify_refuse(job, FM_REASON_RECORD_DISAGREES,
					"the record (RELEASE.json) was issued on %s, the archive says %s", r->issued,
					info->date);
	if ((rc = check_file(job, &r->tar, "the tar in the archive", info->digests.tar_nbytes, info->digests.tar_sha256,
			     info->digests.tar_sha512)) < 0)
		return rc;
	return fm_verify_attestations_contents(job);
}
