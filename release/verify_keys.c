/* KEYS.json (sign/rotation.h) beside an archive: from a key that the signers file names to the one that came after it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "release/verify_parts.h"

static int refuse_file(struct fm_verify_job *job, enum fm_reason why, const char *path)
{
	job->report->reason = why;
	job->err->code = FM_EVERDICT;
	return fm_error_prefix(job->err, "%s: ", path);
}

static int check_keys(struct fm_verify_job *job, const char *path)
{
	enum fm_keys_fault fault;
	struct fm_buf text = {0};
	int rc;

	if ((rc = fm_file_read(path, FM_KEYS_MAX, &text, job->err)) == FM_EINPUT ||
	    (rc >= 0 && (rc = fm_keys_parse(&job->keys, text.data ? text.data : "", text.len, job->err)) == FM_EINPUT))
		rc = refuse_file(job, FM_REASON_KEYS_MALFORMED, path);
	if (rc < 0 || (rc = fm_keys_check(&job->keys, &fault, job->err)) < 0)
		goto out;
	if (fault != FM_KEYS_GOOD)
		rc =
		    refuse_file(job, fault == FM_KEYS_UNSIGNED ? FM_REASON_KEYS_UNSIGNED : FM_REASON_KEYS_BROKEN, path);
	else if (fm_keys_to(&job->keys, &job->sig.key) < 0 && fm_keys_from(&job->keys, &job->sig.key) < 0)
		rc = fm_verify_refuse(job, FM_REASON_KEYS_BROKEN, "%s is of other keys than the archive's, %s", path,
				      job->report->fingerprint);
out:
	fm_buf_free(&text);
	return rc;
}

int fm_verify_keys(struct fm_verify_job *job)
{
	char *path = fm_verify_beside(job->in->archive, FM_KEYS_SUFFIX);
	int rc;

	if (!path)
		return fm_fail(job->err, FM_ESYSTEM, "out of memory");
	rc = fm_file_exists(path) ? check_keys(job, path) : FM_OK;
	free(path);
	return rc < 0 || !job->in->revoked ? rc : fm_keys_revoke(&job->keys, job->in->revoked, job->err);
}

enum fm_signer_state fm_verify_signer(struct fm_verify_job *job, const char *ns, const struct fm_signer **who)
{
	const struct fm_trust trust = {
	    .signers = &job->signers, .keys = &job->keys, .nkeys = 1, .name = job->in->signer, .now_s = job->now_s};
	struct fm_trusted found;
	struct fm_error ignored;
	enum fm_signer_state state = fm_trust_find(&trust, &job->sig.key, ns, &found);

	*who = found.who;
	job->revoked = found.revoked;
	if (found.lacks)
		job->lacks = found.lacks;
	if (state == FM_SIGNER_OK && found.before &&
	    fm_sshpub_fingerprint(found.before, job->report->trusted, &ignored) < 0)
		job->report->trusted[0] = 0;
	return state;
}

/* ---- what was seen before ---- */

static int describe(const struct fm_rotation *r, struct fm_accepted_rotation *out, struct fm_error *err)
{
	int rc;

	memset(out, 0, sizeof *out);
	memcpy(out->issued, r->issued, sizeof r->issued);
	memcpy(out->sha256, r->sha256, sizeof out->sha256);
	if ((rc = fm_sshpub_fingerprint(&r->from, out->from, err)) < 0)
		return rc;
	return fm_sshpub_fingerprint(&r->to, out->to, err);
}

/* Compare a remembered rotation with those of the document; touched: its first key is the document's last. */
static int compare(struct fm_verify_job *job, const struct fm_accepted_rotation *seen, bool *touched)
{
	struct fm_accepted_rotation r;
	int rc;

	*touched = false;
	for (int i = 0; i < job->keys.n; i++) {
		if ((rc = describe(&job->keys.r[i], &r, job->err)) < 0)
			return rc;
		*touched = strcmp(r.to, seen->from) == 0;
		if (strcmp(r.from, seen->from) != 0)
			continue;
		if (strcmp(r.sha256, seen->sha256) != 0)
			return fm_verify_refuse(
			    job, FM_REASON_KEYS_FORK,
			    "KEYS.json says that %s came after the key %s, and %s was said to "
			    "before: somebody who has that key hands out another. Ask the sender by "
			    "a way that you trust: when he gave %s up as stolen, list it in a file "
			    "for --revoked FILE, and have a line with his key now in %s",
			    r.to, r.from, seen->to, r.from, job->in->signers);
	}
	return FM_OK;
}

static bool is_seen(const struct fm_accepted_state *state, const struct fm_accepted_rotation *r)
{
	const struct fm_accepted_rotation *seen;

	for (size_t i = 0; (seen = fm_accepted_rotation(state, i)); i++)
		if (strcmp(seen->sha256, r->sha256) == 0)
			return true;
	return false;
}

/* What a revoked key said of the keys after it does not count: a thief of it may have said that.  So where the document
 * has such a key, what was remembered of it is forgotten, unless the document says the same. */
static int forget_revoked(struct fm_verify_job *job, struct fm_accepted_state *state, bool *news)
{
	const struct fm_accepted_rotation *seen;
	struct fm_accepted_rotation r;
	int rc;

	for (int i = 0; i < job->keys.n; i++) {
		if ((rc = describe(&job->keys.r[i], &r, job->err)) < 0)
			return rc;
		for (size_t j = 0; job->keys.r[i].revoked && (seen = fm_accepted_rotation(state, j));) {
			if (strcmp(seen->from, r.from) != 0 || strcmp(seen->sha256, r.sha256) == 0) {
				j++;
				continue;
			}
			fm_verify_note(job->report,
				       "the key %s was revoked: what it said here before, that %s came after it, no "
				       "longer counts",
				       seen->from, seen->to);
			if ((rc = fm_accepted_forget(state, j, job->err)) < 0)
				return rc;
			*news = true;
		}
	}
	return FM_OK;
}

int fm_verify_keys_follow(struct fm_verify_job *job, struct fm_accepted_state *state, bool *news)
{
	const struct fm_accepted_rotation *seen;
	struct fm_accepted_rotation r;
	bool touched;
	int rc;

	if ((rc = forget_revoked(job, state, news)) < 0)
		return rc;
	for (size_t i = 0; (seen = fm_accepted_rotation(state, i)); i++) {
		if ((rc = compare(job, seen, &touched)) < 0)
			return rc;
		if (touched)
			return fm_verify_refuse(job, FM_REASON_KEYS_ROLLBACK,
						"KEYS.json ends with the key %s, which %s came after on %s: it is an "
						"older copy",
						seen->from, seen->to, seen->issued);
	}
	for (int i = 0; i < job->keys.n; i++) {
		if ((rc = describe(&job->keys.r[i], &r, job->err)) < 0)
			return rc;
		if (is_seen(state, &r))
			continue;
		if ((rc = fm_accepted_follow(state, &r, job->err)) < 0)
			return rc;
		*news = true;
	}
	return FM_OK;
}

/* When was the archive's key replaced, by the document or by what is remembered?  NULL: it was not. */
static const char *replaced_on(const struct fm_verify_job *job, const struct fm_accepted_state *state)
{
	const struct fm_accepted_rotation *seen;
	int i = fm_keys_from(&job->keys, &job->sig.key);

	if (i >= 0)
		return job->keys.r[i].issued;
	for (size_t j = 0; state && (seen = fm_accepted_rotation(state, j)); j++)
		if (strcmp(seen->from, job->report->fingerprint) == 0)
			return seen->issued;
	return NULL;
}

int fm_verify_key_age(struct fm_verify_job *job, const struct fm_accepted_state *state)
{
	const struct fm_verify_report *r = job->report;
	const char *when = replaced_on(job, state);

	if (!when)
		return FM_OK;
	if (r->has_last && fm_accepted_is_after(state, r->fingerprint, r->last.fingerprint))
		return fm_verify_refuse(
		    job, FM_REASON_KEY_ROTATED,
		    "%s %s is by the key %s, which was replaced on %s; %s, accepted on %.10s, is by "
		    "another after it",
		    r->info.name, r->info.version, r->fingerprint, when, r->last.version, r->last.accepted);
	if (!r->has_record || strcmp(r->record.issued, when) > 0)
		return fm_verify_refuse(job, FM_REASON_KEY_ROTATED,
					"%s %s is by the key %s, which was replaced on %s, and was not issued before: "
					"who has the old key?",
					r->info.name, r->info.version, r->fingerprint, when);
	return FM_OK;
}
