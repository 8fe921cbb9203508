#include "release/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define CHUNK (256 * 1024)

#define refuse(report, err, why, ...) ((report)->reason = (why), fm_fail((err), FM_EVERDICT, __VA_ARGS__))

static int open_archive(const char *path, int *fd, struct fm_error *err)
{
	struct stat st;

	/* O_NONBLOCK: a named pipe in its place must not hold us up. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return fm_fail_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fm_fail(err, FM_EINPUT, "%s is no regular file", path);
	return FM_OK;
}

/* Both digests of the whole file; *zstd: it begins as a zstd file does. */
static int digest_file(int fd, uint8_t sha512[FM_SHA512_LEN], char sha256[FM_SHA256_HEX], bool *zstd,
		       struct fm_error *err)
{
	static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
	struct fm_sha256 *h = NULL;
	struct fm_sha512 *g = NULL;
	uint8_t digest[FM_SHA256_LEN], *chunk = NULL;
	uint64_t done = 0;
	ssize_t n = 0;
	int rc;

	*zstd = false;
	rc = fm_alloc(&chunk, CHUNK, 1, "the archive", err);
	if (rc == FM_OK)
		rc = fm_sha256_new(&h, err);
	if (rc == FM_OK)
		rc = fm_sha512_new(&g, err);
	while (rc == FM_OK) {
		n = pread(fd, chunk, CHUNK, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = fm_fail_errno(err, "the archive cannot be read");
		if (n <= 0)
			break;
		if (done == 0)
			*zstd = n >= 4 && memcmp(chunk, magic, 4) == 0;
		done += (uint64_t)n;
		rc = fm_sha256_add(h, chunk, (size_t)n, err);
		if (rc == FM_OK)
			rc = fm_sha512_add(g, chunk, (size_t)n, err);
	}
	if (rc == FM_OK) {
		rc = fm_sha256_end(h, digest, err);
		h = NULL;
	}
	if (rc == FM_OK) {
		rc = fm_sha512_end(g, sha512, err);
		g = NULL;
	}
	if (rc == FM_OK)
		fm_hex(digest, sizeof digest, sha256);
	fm_sha256_free(h);
	fm_sha512_free(g);
	free(chunk);
	return rc;
}

static int read_signature(const char *path, bool zstd, struct fm_sshsig *sig, struct fm_verify_report *report,
			  struct fm_error *err)
{
	struct fm_buf text = {0};
	struct stat st;
	int rc;

	if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		if (!zstd)
			return fm_fail(err, FM_EINPUT, "%s is no archive of flowmint's: it is not compressed with zstd",
				       report->archive);
		return refuse(report, err, FM_REASON_SIGNATURE_MISSING,
			      "%s is not there: ask the sender for the signature, and do not use the archive without",
			      path);
	}
	rc = fm_file_read(path, FM_SSHSIG_FILE_MAX, &text, err);
	if (rc == FM_EINPUT)
		rc = refuse(report, err, FM_REASON_SIGNATURE_MALFORMED, "%s is no signature", path);
	if (rc == FM_OK && fm_sshsig_parse(sig, text.data ? text.data : "", text.len, err)) {
		report->reason = FM_REASON_SIGNATURE_MALFORMED;
		if (err)
			err->code = FM_EVERDICT;
		fm_error_prefix(err, "%s: ", path);
		rc = FM_EVERDICT;
	}
	fm_buf_free(&text);
	return rc;
}

/* May the key in sig sign for us, now?  Whether it did is another matter. */
static int check_signer(const struct fm_verify_in *in, const struct fm_sshsig *sig, struct fm_verify_report *report,
			struct fm_error *err)
{
	struct fm_signers list = {0};
	const struct fm_signer *who;
	int rc;

	rc = fm_sshpub_fingerprint(&sig->key, report->fingerprint, err);
	if (rc == FM_OK)
		rc = fm_signers_load(&list, in->signers, err);
	if (rc < 0)
		return rc;
	if (strcmp(sig->ns, FM_SSH_NAMESPACE) != 0) {
		rc = refuse(report, err, FM_REASON_WRONG_NAMESPACE, "the signature was made for \"%s\", not for \"%s\"",
			    sig->ns, FM_SSH_NAMESPACE);
		goto out;
	}
	if (fm_sshpub_is_weak(&sig->key)) {
		rc = refuse(report, err, FM_REASON_WEAK_KEY,
			    "the signature's key is of small order: anybody can sign for it");
		goto out;
	}
	switch (fm_signers_find_name(&list, &sig->key, in->signer, sig->ns, in->now_s, &who)) {
	case FM_SIGNER_OK:
		break;
	case FM_SIGNER_OTHER_NAMESPACE:
		rc = refuse(report, err, FM_REASON_WRONG_NAMESPACE, "%s:%zu: this key may sign for %s, not for %s",
			    in->signers, who->line, who->namespaces, FM_SSH_NAMESPACE);
		break;
	case FM_SIGNER_OTHER_NAME:
		rc = in->signer ? refuse(report, err, FM_REASON_OTHER_SIGNER, "%s:%zu: this key is of %s, not of %s",
					 in->signers, who->line, who->principals, in->signer)
				: refuse(report, err, FM_REASON_OTHER_SIGNER,
					 "%s:%zu: %s excludes some: say who must have signed, with --signer NAME",
					 in->signers, who->line, who->principals);
		break;
	case FM_SIGNER_EXPIRED:
		rc = refuse(report, err, FM_REASON_KEY_EXPIRED, "%s:%zu: the key of %s has expired (valid-before)",
			    in->signers, who->line, who->principals);
		break;
	case FM_SIGNER_NOT_YET:
		rc = refuse(report, err, FM_REASON_KEY_NOT_YET_VALID,
			    "%s:%zu: the key of %s is not valid yet (valid-after)", in->signers, who->line,
			    who->principals);
		break;
	default:
		rc = refuse(report, err, FM_REASON_UNKNOWN_SIGNER,
			    "the key %s is not in %s: was this signed by someone else?", report->fingerprint,
			    in->signers);
	}
	if (who)
		memcpy(report->signer, who->principals, sizeof report->signer);
out:
	fm_signers_free(&list);
	return rc;
}

/* A release that was renamed would pass for another version of itself. */
static int check_name(const char *path, struct fm_verify_report *report, struct fm_error *err)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t n = strlen(report->info.folder);

	if (strncmp(base, report->info.folder, n) != 0 || strcmp(base + n, ".tar.zst") != 0)
		return refuse(report, err, FM_REASON_NAME_DISAGREES,
			      "%s holds %s: its name must be %s.tar.zst, as it was released", path, report->info.folder,
			      report->info.folder);
	return FM_OK;
}

static int check_contents(int fd, const char *path, struct fm_verify_report *report, struct fm_error *err)
{
	int rc = fm_archive_read(fd, &report->info, &report->reason, err);

	if (rc == FM_OK)
		rc = fm_archive_check_contents(&report->info, &report->reason, err);
	if (rc < 0)
		return fm_error_prefix(err, "%s: ", path);
	rc = check_name(path, report, err);
	if (rc < 0)
		return rc;
	/* Between the two passes the file may have been changed by somebody; only the first one was vouched for. */
	if (strcmp(report->info.digests.sha256, report->sha256) != 0)
		return refuse(report, err, FM_REASON_BAD_SIGNATURE, "%s changed while it was checked", path);
	return FM_OK;
}

int fm_verify(const struct fm_verify_in *in, struct fm_verify_report *report, struct fm_error *err)
{
	struct fm_error own;
	struct fm_sshsig sig;
	uint8_t sha512[FM_SHA512_LEN];
	char *beside = NULL;
	bool zstd;
	int fd = -1, rc, good;

	err = err ? err : &own;
	memset(report, 0, sizeof *report);
	snprintf(report->archive, sizeof report->archive, "%s", in->archive);
	if (asprintf(&beside, "%s.sig", in->archive) < 0) {
		beside = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	rc = open_archive(in->archive, &fd, err);
	if (rc == FM_OK)
		rc = digest_file(fd, sha512, report->sha256, &zstd, err);
	if (rc == FM_OK)
		rc = read_signature(in->signature ? in->signature : beside, zstd, &sig, report, err);
	if (rc == FM_OK)
		rc = check_signer(in, &sig, report, err);
	if (rc < 0)
		goto out;
	good = fm_sshsig_check(&sig, sha512, err);
	if (good < 0)
		rc = good;
	else if (!good)
		rc = refuse(report, err, FM_REASON_BAD_SIGNATURE,
			    "%s is not what %s signed: the archive or its signature was changed", in->archive,
			    report->signer);
	else
		rc = check_contents(fd, in->archive, report, err);
out:
	report->good = rc == FM_OK;
	if (rc == FM_OK)
		report->reason = FM_REASON_GOOD;
	else
		snprintf(report->message, sizeof report->message, "%s", err->message);
	if (fd >= 0)
		close(fd);
	free(beside);
	return rc;
}

/* A path may hold what drives a terminal, and need not be UTF-8, which JSON must be. */
static json_t *text_or_null(const char *s)
{
	char shown[4 * 4096];

	fm_text_show(s, strlen(s), shown, sizeof shown);
	return *s ? json_string(shown) : json_null();
}

json_t *fm_verify_report_json(const struct fm_verify_report *r)
{
	json_t *files = json_array(), *j;

	for (size_t i = 0; i < r->info.n; i++) {
		const struct fm_archive_file *f = &r->info.file[i];

		if (json_array_append_new(files, json_pack("{s:s,s:I,s:s}", "path", f->path, "bytes",
							   (json_int_t)f->nbytes, "sha256", f->sha256))) {
			json_decref(files);
			return NULL;
		}
	}
	j = json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "verdict", r->good ? "good" : "bad",
		      "reason", fm_reason_name(r->reason), "message", text_or_null(r->message), "archive",
		      text_or_null(r->archive), "sha256", text_or_null(r->sha256), "tar_sha256",
		      text_or_null(r->info.digests.tar_sha256), "signer", text_or_null(r->signer), "fingerprint",
		      text_or_null(r->fingerprint), "name", text_or_null(r->info.name), "version",
		      text_or_null(r->info.version), "waived", text_or_null(r->info.waived), "files", files);
	return j;
}

void fm_verify_report_text(const struct fm_verify_report *r, struct fm_buf *out)
{
	char archive[4 * 4096], signer[4 * FM_PRINCIPALS_MAX];

	fm_text_show(r->archive, strlen(r->archive), archive, sizeof archive);
	fm_text_show(r->signer, strlen(r->signer), signer, sizeof signer);
	if (r->good)
		fm_buf_printf(out, "good: %s %s%s%s\n", r->info.name, r->info.version,
			      r->info.waived[0] ? ", checks waived: " : "", r->info.waived);
	else
		fm_buf_printf(out, "bad: %s: %s\n", fm_reason_name(r->reason), r->message);
	fm_buf_printf(out, "  archive     %s\n", archive);
	if (r->signer[0] || r->fingerprint[0])
		fm_buf_printf(out, "  %s  %s%s%s\n", r->good ? "signer    " : "key       ", signer,
			      r->signer[0] ? " " : "", r->fingerprint);
	if (r->sha256[0])
		fm_buf_printf(out, "  sha256      %s\n", r->sha256);
	if (r->info.digests.tar_sha256[0])
		fm_buf_printf(out, "  tar sha256  %s\n", r->info.digests.tar_sha256);
	for (size_t i = 0; r->good && i < r->info.n; i++)
		fm_buf_printf(out, "  %s  %12llu  %s\n", r->info.file[i].sha256,
			      (unsigned long long)r->info.file[i].nbytes, r->info.file[i].path);
}

void fm_verify_report_free(struct fm_verify_report *report)
{
	if (report)
		fm_archive_info_free(&report->info);
}
