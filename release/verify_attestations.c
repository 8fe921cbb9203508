/* The attestations (attestation.h) that a record names: signed by a key that may sign them, and about this release. */
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/json_bounds.h"
#include "release/attestation.h"
#include "release/verify_parts.h"

#define STATEMENT "https://in-toto.io/Statement/v1"

/* The line of the signers file whose key has this fingerprint and may sign attestations; else NULL and the state that
 * came nearest. */
static int find_key(struct fm_verify_job *job, const char *keyid, const struct fm_signer **who,
		    enum fm_signer_state *state)
{
	char hex[FM_FINGERPRINT_MAX];
	int rc;

	*who = NULL;
	*state = FM_SIGNER_UNKNOWN;
	for (size_t i = 0; i < job->signers.n; i++) {
		const struct fm_sshpub *key = &job->signers.s[i].key;

		if ((rc = fm_sshpub_fingerprint(key, hex, job->err)) < 0)
			return rc;
		if (strcmp(hex, keyid) != 0)
			continue;
		*state = fm_signers_find(&job->signers, key, FM_ATTEST_NAMESPACE, job->now_s, who);
		return FM_OK;
	}
	return FM_OK;
}

static bool names_file(const json_t *subjects, const struct fm_record *r, const char *suffix,
		       const struct fm_record_file *f)
{
	char name[128];

	snprintf(name, sizeof name, "%s-%s%s", r->name, r->version, suffix);
	for (size_t i = 0; i < json_array_size(subjects); i++) {
		const json_t *s = json_array_get(subjects, i), *digest = json_object_get(s, "digest");

		if (strcmp(fm_json_str(s, "name"), name) == 0)
			return strcmp(fm_json_str(digest, "sha256"), f->sha256) == 0 &&
			       strcmp(fm_json_str(digest, "sha512"), f->sha512) == 0;
	}
	return false;
}

/* Is the statement about the tar and the archive of this record, and about nothing else? */
static int check_statement(struct fm_verify_job *job, const char *path, const struct fm_dsse *e)
{
	const struct fm_record *r = &job->report->record;
	const char *much = fm_json_too_much(e->payload.data, e->payload.len);
	json_t *doc = much ? NULL : fm_json_parse(e->payload.data, e->payload.len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *subjects = json_object_get(doc, "subject");
	int rc = FM_OK;

	if (strcmp(e->type, FM_ATTESTATION_TYPE) != 0 || !fm_json_says(doc, "_type", STATEMENT))
		rc = fm_verify_refuse(job, FM_REASON_ATTESTATIONS, "%s: a line of it is no in-toto statement", path);
	else if (job->nstatements == FM_VERIFY_STATEMENTS)
		rc = fm_verify_refuse(job, FM_REASON_ATTESTATIONS, "%s: it has more than %d statements", path,
				      FM_VERIFY_STATEMENTS);
	else if (json_array_size(subjects) != 2 || !names_file(subjects, r, ".tar", &r->tar) ||
		 !names_file(subjects, r, ".tar.zst", &r->zst))
		rc = fm_verify_refuse(job, FM_REASON_ATTESTATIONS,
				      "%s: a statement in it is of other files than this release", path);
	else
		rc = fm_sha256_bytes(e->payload.data, e->payload.len, job->statement[job->nstatements++], job->err);
	json_decref(doc);
	return rc;
}

static int check_key(struct fm_verify_job *job, const char *path, const struct fm_dsse *e)
{
	struct fm_verify_report *report = job->report;
	const struct fm_signer *who;
	enum fm_signer_state state;
	int rc, good;

	if ((rc = find_key(job, e->keyid, &who, &state)) < 0)
		return rc;
	if (state != FM_SIGNER_OK) {
		if (!report->nnotes || !strstr(report->note[report->nnotes - 1], FM_ATTEST_NAMESPACE))
			fm_verify_note(report,
				       "the attestations were not checked: no line of %s lets the key %s sign them "
				       "(namespaces=\"" FM_ATTEST_NAMESPACE "\")",
				       job->in->signers, e->keyid);
		return FM_OK;
	}
	if (fm_sshpub_same(&who->key, &job->sig.key))
		return fm_verify_refuse(job, FM_REASON_ATTESTATIONS,
					"%s is by the key that signed the release: attestations are by another", path);
	if ((good = fm_dsse_check(e, &who->key, job->err)) < 0)
		return good;
	if (!good)
		return fm_verify_refuse(job, FM_REASON_ATTESTATIONS,
					"%s is not what %s signed: a line of it was changed", path, who->principals);
	report->attestations++;
	snprintf(report->attester, sizeof report->attester, "%s", who->principals);
	snprintf(report->attester_key, sizeof report->attester_key, "%s", e->keyid);
	return FM_OK;
}

static int check_line(struct fm_verify_job *job, const char *path, const char *line, size_t n)
{
	const char *much = fm_json_too_much(line, n);
	struct fm_dsse e = {0};
	struct fm_error why;
	int rc;

	if (much)
		return fm_verify_refuse(job, FM_REASON_ATTESTATIONS, "%s: a line of it is too much: %s", path, much);
	if ((rc = fm_dsse_read(&e, line, n, &why)) < 0) {
		rc = rc == FM_EINPUT ? fm_verify_refuse(job, FM_REASON_ATTESTATIONS,
							"%s: a line of it is no envelope: %s", path, why.message)
				     : fm_fail(job->err, rc, "%s", why.message);
		goto out;
	}
	if ((rc = check_statement(job, path, &e)) < 0)
		goto out;
	rc = check_key(job, path, &e);
out:
	fm_dsse_free(&e);
	return rc;
}

int fm_verify_attestations(struct fm_verify_job *job, const char *path, const char *text, size_t n)
{
	int rc;

	while (n) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) : n;

		if (!end)
			return fm_verify_refuse(job, FM_REASON_ATTESTATIONS, "%s: it has a line without an end", path);
		if ((rc = check_line(job, path, text, len)) < 0)
			return rc;
		text += len + 1;
		n -= len + 1;
	}
	return job->nstatements ? FM_OK : fm_verify_refuse(job, FM_REASON_ATTESTATIONS, "%s: it is empty", path);
}

/* The statements, each of which has one form in bytes for this archive. */
int fm_verify_attestations_contents(struct fm_verify_job *job)
{
	int (*const make[FM_VERIFY_STATEMENTS])(const struct fm_archive_info *, struct fm_buf *,
						struct fm_error *) = {fm_attestation_provenance, fm_attestation_tests};
	struct fm_buf text = {0};
	uint8_t digest[FM_SHA256_LEN];
	int rc = FM_OK;

	for (int i = 0; job->nstatements && i < FM_VERIFY_STATEMENTS; i++) {
		bool is_there = false;

		text.len = 0;
		if ((rc = make[i](&job->report->info, &text, job->err)) < 0 ||
		    (rc = fm_sha256_bytes(text.data, text.len, digest, job->err)) < 0)
			break;
		for (int k = 0; k < job->nstatements; k++)
			is_there |= memcmp(job->statement[k], digest, sizeof digest) == 0;
		if (!is_there) {
			rc = fm_verify_refuse(job, FM_REASON_ATTESTATIONS,
					      "the attestations lack %s, or it says other than manifest.json",
					      i ? "the test result" : "the provenance");
			break;
		}
	}
	fm_buf_free(&text);
	return rc;
}
