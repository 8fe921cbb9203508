#include "release/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "release/version_order.h"

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n > m && strcmp(s + n - m, tail) == 0;
}

/* Did somebody in signers, whose line may have expired since, sign these bytes as a record? */
static int check_signature(const char *path, const struct fm_buf *text, const struct fm_signers *signers,
			   struct fm_error *err)
{
	const struct fm_signer *who;
	struct fm_buf armored = {0};
	uint8_t digest[FM_SHA512_LEN];
	struct fm_sshsig sig;
	char *name = NULL;
	int rc, good;

	if (asprintf(&name, "%s.sig", path) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_file_read(name, FM_SSHSIG_FILE_MAX, &armored, err)) < 0 ||
	    (rc = fm_sshsig_parse(&sig, armored.data ? armored.data : "", armored.len, err)) < 0 ||
	    (rc = fm_sha512_bytes(text->data, text->len, digest, err)) < 0)
		goto out;
	if ((good = fm_sshsig_check(&sig, digest, err)) < 0) {
		rc = good;
		goto out;
	}
	if (!good || strcmp(sig.ns, FM_RECORD_NAMESPACE) != 0 || !fm_signers_name(signers, &sig.key, sig.ns, &who))
		rc = fm_fail(err, FM_EINPUT, "nobody in allowed_signers signed it");
out:
	fm_buf_free(&armored);
	free(name);
	return rc;
}

/* The record in dir/file; r->sequence stays 0 when it is of another name, or of a release that is not all there. */
static int read_record(const char *dir, const char *file, const char *name, const struct fm_signers *signers,
		       struct fm_record *r, struct fm_error *err)
{
	char *path = fm_path_join(dir, file), *archive = NULL, *sig = NULL;
	struct fm_buf text = {0};
	char expected[128];
	int rc;

	memset(r, 0, sizeof *r);
	if (!path || asprintf(&archive, "%.*s.tar.zst", (int)(strlen(path) - strlen(FM_RECORD_SUFFIX)), path) < 0 ||
	    asprintf(&sig, "%s.sig", archive) < 0) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	rc = FM_OK;
	if (!fm_file_exists(archive) || !fm_file_exists(sig))
		goto out;
	if ((rc = fm_file_read(path, FM_RECORD_MAX, &text, err)) < 0 ||
	    (rc = fm_record_parse(r, text.data ? text.data : "", text.len, err)) < 0)
		goto out;
	snprintf(expected, sizeof expected, "%s-%s" FM_RECORD_SUFFIX, r->name, r->version);
	if (strcmp(expected, file) != 0) {
		rc = fm_fail(err, FM_EINPUT, "it is the record of %s %s", r->name, r->version);
		goto out;
	}
	if (strcmp(r->name, name) != 0) {
		r->sequence = 0;
		goto out;
	}
	rc = check_signature(path, &text, signers, err);
out:
	if (rc < 0) {
		r->sequence = 0;
		fm_error_prefix(err, "%s/%s cannot be what the next release follows: ", dir, file);
	}
	fm_buf_free(&text);
	free(path);
	free(archive);
	free(sig);
	return rc;
}

int fm_shelf_newest(const char *dir, const char *name, const struct fm_signers *signers, struct fm_record *newest,
		    struct fm_error *err)
{
	char **names = NULL;
	struct fm_record r;
	size_t n = 0;
	int rc = FM_OK;

	memset(newest, 0, sizeof *newest);
	if (!fm_file_exists(dir))
		return FM_OK;
	if ((rc = fm_dir_list(dir, &names, &n, err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		size_t m = strlen(name);

		if (strncmp(names[i], name, m) != 0 || names[i][m] != '-' || !ends_with(names[i], FM_RECORD_SUFFIX))
			continue;
		if ((rc = read_record(dir, names[i], name, signers, &r, err)) < 0)
			goto out;
		if (r.sequence > newest->sequence)
			*newest = r;
	}
out:
	fm_names_free(names, n);
	return rc;
}

int fm_shelf_find(const char *dir, const char *name, const char *version, const struct fm_signers *signers,
		  struct fm_record *found, struct fm_error *err)
{
	char file[128];
	char *path;
	int rc;

	snprintf(file, sizeof file, "%s-%s" FM_RECORD_SUFFIX, name, version);
	memset(found, 0, sizeof *found);
	if (!(path = fm_path_join(dir, file)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	rc = fm_file_exists(path) ? read_record(dir, file, name, signers, found, err) : FM_OK;
	free(path);
	return rc;
}

/* A release that was made before keeps its number and its predecessor. */
static int again(const struct fm_record *known, struct fm_record *next, struct fm_error *err)
{
	if (next->sequence && next->sequence != known->sequence)
		return fm_fail(err, FM_EINPUT,
			       "publish.sequence: %s %s was released as number %lld: delete the line, or raise "
			       "release.version",
			       known->name, known->version, (long long)known->sequence);
	next->sequence = known->sequence;
	memcpy(next->previous_version, known->previous_version, sizeof next->previous_version);
	memcpy(next->previous_sha256, known->previous_sha256, sizeof next->previous_sha256);
	return FM_OK;
}

int fm_shelf_next(const char *dir, const struct fm_signers *signers, const struct fm_record *known,
		  struct fm_record *next, struct fm_error *err)
{
	struct fm_record last;
	int rc;

	if ((rc = fm_shelf_newest(dir, next->name, signers, &last, err)) < 0)
		return rc;
	next->previous_version[0] = next->previous_sha256[0] = 0;
	if (known && known->sequence > last.sequence && strcmp(known->version, next->version) == 0)
		return again(known, next, err);
	if (known && known->sequence > last.sequence) {
		last = *known;
		dir = "the ledger or the log";
	}
	if (last.sequence == 0) {
		next->sequence = next->sequence ? next->sequence : 1;
		return FM_OK;
	}
	if (fm_version_compare(next->version, last.version) <= 0)
		return fm_fail(
		    err, FM_EINPUT,
		    "release.version: %s is not later than %s, the newest %s in %s, which partners would refuse: "
		    "raise release.version",
		    next->version, last.version, next->name, dir);
	if (next->sequence && next->sequence <= last.sequence)
		return fm_fail(
		    err, FM_EINPUT,
		    "publish.sequence: %lld does not rise: %s %s in %s is number %lld; raise it, or delete the "
		    "line for the next number",
		    (long long)next->sequence, last.name, last.version, dir, (long long)last.sequence);
	next->sequence = next->sequence ? next->sequence : last.sequence + 1;
	snprintf(next->previous_version, sizeof next->previous_version, "%s", last.version);
	snprintf(next->previous_sha256, sizeof next->previous_sha256, "%s", last.sha256);
	return FM_OK;
}
