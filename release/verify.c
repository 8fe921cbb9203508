#include "release/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/guarded.h"
#include "base/json_memory.h"
#include "base/stop.h"
#include "base/text.h"
#include "release/extract.h"
#include "release/side_digest.h"
#include "release/sign/revoked.h"
#include "release/verify_parts.h"

#define CHUNK (256 * 1024)

void fm_verify_note(struct fm_verify_report *report, const char *fmt, ...)
{
	va_list ap;

	if (report->nnotes == FM_VERIFY_NOTES)
		return;
	va_start(ap, fmt);
	fm_text_show_format(report->note[report->nnotes], sizeof report->note[0], fmt, ap);
	va_end(ap);
	report->nnotes++;
}

/* ---- the signature ---- */

/* What a release has beside its archive, named in its place: nothing is wrong with the release. */
static bool lies_beside(const char *path)
{
	static const char *const suffix[] = {FM_RECORD_SUFFIX, FM_TLOG_PROOF_SUFFIX, ".sig"};
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++)
		if (n > strlen(suffix[i]) && strcmp(path + n - strlen(suffix[i]), suffix[i]) == 0)
			return true;
	return false;
}

static int open_archive(struct fm_verify_job *job)
{
	const char *path = job->in->archive;
	struct stat st;

	/* O_NONBLOCK: a named pipe in its place must not hold us up. */
	job->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (job->fd < 0 || fstat(job->fd, &st) < 0)
		return fm_fail_errno(job->err, "%s", path);
	if (S_ISDIR(st.st_mode))
		return fm_fail(job->err, FM_EINPUT, "%s is a folder: name the archive in it, NAME-VERSION.tar.zst",
			       path);
	if (!S_ISREG(st.st_mode))
		return fm_fail(job->err, FM_EINPUT, "%s is no regular file", path);
	if (lies_beside(path))
		return fm_fail(job->err, FM_EINPUT,
			       "%s lies beside an archive and is none: name the archive itself, NAME-VERSION.tar.zst",
			       path);
	/* A file of holes costs its sender nothing, and would cost hours to read. */
	if ((uint64_t)st.st_size > FM_ARCHIVE_MAX_FILE)
		return fm_fail(job->err, FM_EINPUT, "%s is larger than any archive: %lld bytes, and %lld may be", path,
			       (long long)st.st_size, (long long)FM_ARCHIVE_MAX_FILE);
	return FM_OK;
}

static int read_file(struct fm_verify_job *job, uint8_t *chunk, struct fm_side_digest *d)
{
	static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
	ssize_t n;
	int rc, sig;

	for (;;) {
		if ((sig = fm_stop_signal()))
			return fm_stop_fail(sig, job->err, ": nothing was judged");
		n = pread(job->fd, chunk, CHUNK, (off_t)job->nbytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fm_fail_errno(job->err, "the archive cannot be read");
		if (n == 0)
			return FM_OK;
		if (job->nbytes == 0)
			job->zstd = n >= 4 && memcmp(chunk, magic, 4) == 0;
		job->nbytes += (uint64_t)n;
		if ((rc = fm_side_digest_add(d, chunk, (size_t)n, job->err)) < 0)
			return rc;
	}
}

/* Both digests of the whole file. */
static int digest_file(struct fm_verify_job *job)
{
	struct fm_side_digest *d = NULL;
	uint8_t *chunk = NULL;
	int rc;

	if ((rc = fm_alloc(&chunk, CHUNK, 1, "the archive", job->err)) < 0 ||
	    (rc = fm_side_digest_new(&d, true, NULL, NULL, job->err)) < 0 || (rc = read_file(job, chunk, d)) < 0)
		goto out;
	rc = fm_side_digest_end(d, job->report->sha256, job->sha512, job->err);
	d = NULL;
out:
	fm_side_digest_free(d);
	free(chunk);
	return rc;
}

static int read_signature(struct fm_verify_job *job, const char *path)
{
	struct fm_buf text = {0};
	struct stat st;
	int rc;

	if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		if (!job->zstd)
			return fm_fail(job->err, FM_EINPUT,
				       "%s is no archive of flowmint's: it is not compressed with zstd",
				       job->in->archive);
		return fm_verify_refuse(
		    job, FM_REASON_SIGNATURE_MISSING,
		    "%s is not there: ask the sender for the signature, and do not use the archive without it", path);
	}
	if ((rc = fm_file_read(path, FM_SSHSIG_FILE_MAX, &text, job->err)) == FM_EINPUT)
		rc = fm_verify_refuse(job, FM_REASON_SIGNATURE_MALFORMED, "%s is no signature", path);
	if (rc < 0)
		goto out;
	if (fm_sshsig_parse(&job->sig, text.data ? text.data : "", text.len, job->err) < 0) {
		job->report->reason = FM_REASON_SIGNATURE_MALFORMED;
		job->err->code = rc = FM_EVERDICT;
		fm_error_prefix(job->err, "%s: ", path);
	}
out:
	fm_buf_free(&text);
	return rc;
}

static int refuse_signer(struct fm_verify_job *job, enum fm_signer_state state, const struct fm_signer *who)
{
	const char *file = job->in->signers;

	switch (state) {
	case FM_SIGNER_OK:
		return FM_OK;
	case FM_SIGNER_OTHER_NAMESPACE:
		return fm_verify_refuse(job, FM_REASON_WRONG_NAMESPACE, "%s:%zu: this key may sign for %s, not for %s",
					file, who->line, who->namespaces, job->lacks ? job->lacks : FM_SSH_NAMESPACE);
	case FM_SIGNER_OTHER_NAME:
		if (!job->in->signer)
			return fm_verify_refuse(
			    job, FM_REASON_OTHER_SIGNER,
			    "%s:%zu: %s excludes some: say who must have signed, with --signer NAME", file, who->line,
			    who->principals);
		return fm_verify_refuse(job, FM_REASON_OTHER_SIGNER, "%s:%zu: this key is of %s, not of %s", file,
					who->line, who->principals, job->in->signer);
	case FM_SIGNER_EXPIRED:
		return fm_verify_refuse(job, FM_REASON_KEY_EXPIRED, "%s:%zu: the key of %s has expired (valid-before)",
					file, who->line, who->principals);
	case FM_SIGNER_NOT_YET:
		return fm_verify_refuse(job, FM_REASON_KEY_NOT_YET_VALID,
					"%s:%zu: the key of %s is not valid yet (valid-after)", file, who->line,
					who->principals);
	case FM_SIGNER_UNKNOWN:
		break;
	}
	if (job->revoked)
		return fm_verify_refuse(job, FM_REASON_KEY_REVOKED,
					"the key %s is not in %s, and came after one that was revoked (KEYS.json): %s "
					"lists it; ask the sender for a line with his key",
					job->report->fingerprint, file, job->in->revoked);
	return fm_verify_refuse(job, FM_REASON_UNKNOWN_SIGNER,
				"the key %s is not in %s: was this signed by someone else?", job->report->fingerprint,
				file);
}

/* May the key in the signature sign for us, now?  Whether it did is another matter. */
static int check_signer(struct fm_verify_job *job)
{
	const struct fm_signer *who = NULL;
	enum fm_signer_state state;
	bool revoked = false;
	int rc;

	if ((rc = fm_sshpub_fingerprint(&job->sig.key, job->report->fingerprint, job->err)) < 0 ||
	    (rc = fm_signers_load(&job->signers, job->in->signers, job->err)) < 0)
		return rc;
	if (job->in->revoked &&
	    (rc = fm_revoked_apply(job->in->revoked, &job->signers, &job->sig.key, &revoked, job->err)) < 0)
		return rc;
	if (revoked)
		return fm_verify_refuse(job, FM_REASON_KEY_REVOKED, "the key %s was revoked: %s lists it",
					job->report->fingerprint, job->in->revoked);
	if (strcmp(job->sig.ns, FM_SSH_NAMESPACE) != 0)
		return fm_verify_refuse(job, FM_REASON_WRONG_NAMESPACE,
					"the signature was made for \"%s\", not for \"%s\"", job->sig.ns,
					FM_SSH_NAMESPACE);
	if (fm_sshpub_is_weak(&job->sig.key))
		return fm_verify_refuse(job, FM_REASON_WEAK_KEY,
					"the signature's key is of small order: anybody can sign for it");
	if ((rc = fm_verify_keys(job)) < 0)
		return rc;
	state = fm_verify_signer(job, job->sig.ns, &who);
	if (who)
		snprintf(job->report->signer, sizeof job->report->signer, "%s", who->principals);
	return refuse_signer(job, state, who);
}

static int check_signature(struct fm_verify_job *job)
{
	char *beside = NULL;
	int rc, good;

	if (asprintf(&beside, "%s.sig", job->in->archive) < 0)
		return fm_fail(job->err, FM_ESYSTEM, "out of memory");
	rc = read_signature(job, job->in->signature ? job->in->signature : beside);
	free(beside);
	if (rc < 0 || (rc = check_signer(job)) < 0)
		return rc;
	if ((good = fm_sshsig_check(&job->sig, job->sha512, job->err)) < 0)
		return good;
	return good ? FM_OK
		    : fm_verify_refuse(job, FM_REASON_BAD_SIGNATURE,
				       "%s is not what %s signed: the archive or its signature was changed",
				       job->in->archive, job->report->signer);
}

/* ---- the contents ---- */

/* Else a renamed release would pass for another version of itself. */
static int check_name(struct fm_verify_job *job)
{
	const char *path = job->in->archive, *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path,
		   *folder = job->report->info.folder;
	size_t n = strlen(folder);

	if (strncmp(base, folder, n) != 0 || strcmp(base + n, ".tar.zst") != 0)
		return fm_verify_refuse(job, FM_REASON_NAME_DISAGREES,
					"%s holds %s: its name must be %s.tar.zst, as it was released", path, folder,
					folder);
	return FM_OK;
}

/* Who has the signer's word for it asks whether it was changed on the way, which it was not. */
static void note_signed(struct fm_verify_report *r)
{
	static const enum fm_reason told[] = {FM_REASON_MANIFEST_MALFORMED, FM_REASON_MANIFEST_DISAGREES,
					      FM_REASON_NOT_JUDGED,         FM_REASON_ROWS_DISAGREE,
					      FM_REASON_DATAPACKAGE,        FM_REASON_METADATA_DISAGREES};

	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (r->reason == told[i])
			fm_verify_note(r,
				       "the signature is good: what is refused is what was signed. An earlier program, "
				       "which asked less of a release, may have made it: ask the signer to release it "
				       "anew");
}

static int check_contents(struct fm_verify_job *job, const struct fm_archive_sink *sink)
{
	struct fm_verify_report *report = job->report;
	const struct fm_archive_told told = {.nbytes = report->has_record ? report->record.tar.nbytes : 0,
					     .no_sha512 = job->in->verdict_only && !report->has_record};
	int rc;

	if ((rc = fm_archive_read_into(job->fd, &told, sink, &report->info, &report->reason, job->err)) < 0 ||
	    (rc = fm_archive_check_contents(&report->info, &report->reason, job->err)) < 0) {
		if (rc == FM_EVERDICT)
			note_signed(report);
		return fm_error_prefix(job->err, "%s: ", job->in->archive);
	}
	memcpy(report->info.digests.sha512, job->sha512, sizeof job->sha512);
	if ((rc = check_name(job)) < 0)
		return rc;
	/* Between the two passes the file may have been changed by somebody; only the first one was vouched for. */
	if (strcmp(report->info.digests.sha256, report->sha256) != 0)
		return fm_verify_refuse(job, FM_REASON_BAD_SIGNATURE, "%s changed while it was checked",
					job->in->archive);
	return fm_verify_record_contents(job);
}

/* ---- what was accepted before ---- */

static int64_t now_of(const struct fm_verify_in *in)
{
	return in->now_s ? in->now_s : (int64_t)time(NULL);
}

static struct fm_accepted what_it_is(const struct fm_verify_job *job)
{
	const struct fm_verify_report *r = job->report;
	struct fm_accepted now = {0};
	time_t t = (time_t)now_of(job->in); /* other releases may have been accepted while this one was read */
	struct tm tm;

	fm_text_show(r->signer, strlen(r->signer), now.signer, sizeof now.signer);
	snprintf(now.fingerprint, sizeof now.fingerprint, "%s", r->fingerprint);
	snprintf(now.name, sizeof now.name, "%s", r->info.name);
	snprintf(now.version, sizeof now.version, "%s", r->info.version);
	snprintf(now.tar_sha256, sizeof now.tar_sha256, "%s", r->info.digests.tar_sha256);
	if (r->has_record) {
		now.sequence = r->record.sequence;
		snprintf(now.record_sha256, sizeof now.record_sha256, "%s", r->record.sha256);
		snprintf(now.previous_sha256, sizeof now.previous_sha256, "%s", r->record.previous_sha256);
	}
	if (r->has_log) {
		now.log_size = (int64_t)r->log.size;
		fm_hex(r->log.root.byte, sizeof r->log.root.byte, now.log_root);
	}
	if (!gmtime_r(&t, &tm) || strftime(now.accepted, sizeof now.accepted, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(now.accepted, sizeof now.accepted, "?");
	return now;
}

static int judge(struct fm_verify_job *job, const struct fm_accepted_state *state, const struct fm_accepted *now)
{
	struct fm_verify_report *r = job->report;
	int rc;

	if ((rc = fm_accepted_last(state, now, &r->has_last, &r->last, job->err)) < 0)
		return rc;
	r->memory = FM_MEMORY_FIRST;
	if (!r->has_last)
		return FM_OK;
	if ((rc = fm_accepted_judge(&r->last, now, &r->reason, job->err)) < 0 ||
	    (rc = fm_verify_log_follows(job, &r->last)) < 0)
		return rc;
	r->memory = strcmp(r->last.version, now->version) == 0 ? FM_MEMORY_SAME : FM_MEMORY_LATER;
	if (r->last.sequence && now->sequence > r->last.sequence + 1)
		fm_verify_note(r, "%lld releases between this and %s were not seen here",
			       (long long)(now->sequence - r->last.sequence - 1), r->last.version);
	return FM_OK;
}

/* Time only goes forward: where the clock is behind the time at which something of this signer was accepted here, a
 * release may still have expired. */
static int check_time(struct fm_verify_job *job, const struct fm_accepted_state *state, const struct fm_accepted *now)
{
	struct fm_verify_report *r = job->report;
	const char *latest = fm_accepted_latest(state, now);

	if (now->accepted[0] == '?' || strcmp(latest, now->accepted) <= 0)
		return FM_OK;
	/* Days, and the day at the beginning of a time. */
	if (r->has_record && r->record.expires[0] && strncmp(latest, r->record.expires, 10) > 0)
		return fm_verify_refuse(job, FM_REASON_EXPIRED,
					"%s %s was to be used until %s, and on %.10s something by this signer was "
					"accepted here: the clock was set back since, or was wrong then: %s/%s says "
					"when, and may be put right there",
					now->name, now->version, r->record.expires, latest, job->in->state,
					FM_ACCEPTED_FILE);
	fm_verify_note(r, "the clock says %s, and something by this signer was accepted here at %s: is it right?",
		       now->accepted, latest);
	return FM_OK;
}

/* A publisher who runs without walls says so in the manifest, and the report repeats it. */
static void note_walls(struct fm_verify_report *r)
{
	if (r->info.through)
		fm_verify_note(
		    r,
		    "it was made without walls around its stages, and %zu of the attempts to get out of them "
		    "got through (environment.escapes)",
		    r->info.through);
	else if (r->info.unwalled)
		fm_verify_note(r, "it was made without walls around its stages (environment.confinement)");
}

/* A spreadsheet that opens a table computes what looks like a formula, and some formulas start programs. */
static void note_formulas(struct fm_verify_report *r)
{
	for (size_t i = 0; i < r->info.n; i++) {
		const struct fm_archive_file *f = &r->info.file[i];
		size_t n = strlen(f->path);

		if (n > 4 && strcmp(f->path + n - 4, ".csv") == 0 && f->form.formulas) {
			fm_verify_note(
			    r,
			    "%llu value%s of %s begin%s with =, +, - or @, as formulas do: let no spreadsheet "
			    "open it but as text",
			    (unsigned long long)f->form.formulas, f->form.formulas == 1 ? "" : "s", f->path,
			    f->form.formulas == 1 ? "s" : "");
			return;
		}
	}
}

/* Remembered, then extracted: what cannot be remembered is not given out, and what was refused is neither. */
static int accept_it(struct fm_verify_job *job, struct fm_extract **extract)
{
	struct fm_accepted_state *state = NULL;
	struct fm_accepted now;
	struct fm_verify_report *r = job->report;
	struct fm_extract *x = *extract;
	bool news = false;
	int rc = FM_OK;

	r->memory = FM_MEMORY_OFF;
	if (job->in->state && (rc = fm_accepted_open(&state, job->in->state, &job->signers, job->err)) < 0)
		goto out;
	now = what_it_is(job);
	if (state && ((rc = check_time(job, state, &now)) < 0 || (rc = fm_verify_keys_follow(job, state, &news)) < 0 ||
		      (rc = judge(job, state, &now)) < 0))
		goto out;
	if ((rc = fm_verify_key_age(job, state)) < 0)
		goto out;
	/* The same once more is left as it was: it may be where nothing can be written. */
	if (state &&
	    !(r->memory == FM_MEMORY_SAME && !news && r->last.sequence == now.sequence &&
	      r->last.log_size == now.log_size && strcmp(r->last.signer, now.signer) == 0 &&
	      strcmp(r->last.fingerprint, now.fingerprint) == 0) &&
	    (rc = fm_accepted_remember(state, &now, job->err)) < 0)
		goto out;
	if (x) {
		*extract = NULL;
		if ((rc = fm_extract_commit(x, job->err)) < 0)
			goto out;
		snprintf(r->extracted, sizeof r->extracted, "%s", job->in->extract);
	}
out:
	fm_accepted_close(state);
	return rc;
}

static int verify(struct fm_verify_job *job)
{
	struct fm_extract *x = NULL;
	int rc;

	if ((rc = open_archive(job)) < 0 || (rc = digest_file(job)) < 0 || (rc = check_signature(job)) < 0 ||
	    (rc = fm_verify_record(job)) < 0)
		return rc;
	if (job->in->extract && (rc = fm_extract_begin(&x, job->in->extract, job->err)) < 0)
		return rc;
	if ((rc = check_contents(job, x ? fm_extract_sink(x) : NULL)) < 0)
		goto out;
	note_walls(job->report);
	note_formulas(job->report);
	/* Nothing is given out or remembered that was not read completely. */
	if ((rc = fm_json_memory_check(FM_OK, job->err)) < 0)
		goto out;
	rc = accept_it(job, &x);
out:
	fm_extract_abort(x);
	return rc;
}

void fm_verify_caution(const char *signers, char words[FM_VERIFY_CAUTION])
{
	struct fm_error why = {0};
	struct stat st;

	words[0] = '\0';
	if (stat(signers, &st) == 0 && S_ISREG(st.st_mode) &&
	    fm_file_guarded(signers, "list of signers", true, &why) == FM_EINPUT)
		snprintf(words, FM_VERIFY_CAUTION, "%.*s", (int)fm_utf8_cut(why.message, FM_VERIFY_CAUTION - 1),
			 why.message);
}

int fm_verify(const struct fm_verify_in *in, struct fm_verify_report *report, struct fm_error *err)
{
	struct fm_error own;
	struct fm_verify_job job = {.in = in, .report = report, .err = err ? err : &own, .fd = -1, .now_s = now_of(in)};
	int rc;

	memset(report, 0, sizeof *report);
	snprintf(report->archive, sizeof report->archive, "%s", in->archive);
	snprintf(report->caution, sizeof report->caution, "%s", in->caution ? in->caution : "");
	rc = verify(&job);
	report->good = rc == FM_OK;
	if (report->good)
		report->reason = FM_REASON_GOOD;
	else
		snprintf(report->message, sizeof report->message, "%s", job.err->message);
	if (job.fd >= 0)
		close(job.fd);
	fm_signers_free(&job.signers);
	return rc;
}

void fm_verify_report_free(struct fm_verify_report *report)
{
	if (report)
		fm_archive_info_free(&report->info);
}
