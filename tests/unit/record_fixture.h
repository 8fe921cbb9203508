/*
 * record_fixture.h - releases as their sender makes them, with archive, signature and record, and what a partner says
 * of each.
 */
#ifndef FM_TESTS_RECORD_FIXTURE_H
#define FM_TESTS_RECORD_FIXTURE_H

#include "release/record.h"
#include "verify_fixture.h"

#define BOTH "namespaces=\"flowmint,flowmint-release\""

/* A release as the sender makes it: its own bytes, archive, signature and record. */
struct release {
	const char *version;
	int64_t sequence;
	const char *previous_version, *previous_sha256; /* NULL: none */
	const char *expires;
	unsigned salt; /* other contents under the same version */
	bool no_record;
};

static char archive_name[128], record_name[128];

static inline void make(const struct release *r, struct fm_record *rec)
{
	struct release_files files;
	struct fm_buf tar = {0}, zst = {0}, text = {0};
	char from[64], folder[96], path[256], sig[256];
	uint8_t digest[64];
	struct fm_error e;

	snprintf(from, sizeof from, "read me\nversion %s, %u\n", r->version, r->salt);
	files_make_of(&files, r->version, from);
	snprintf(folder, sizeof folder, "demo-%s", r->version);
	snprintf(path, sizeof path, "%s/", folder);
	tar_add(&tar, path, '5', "", 0);
	for (size_t i = 0; i < files.n; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files.f[i].path);
		tar_add(&tar, path, '0', files.f[i].text.data, files.f[i].text.len);
	}
	tar_end(&tar);
	zst_of(&tar, &zst);
	snprintf(archive_name, sizeof archive_name, "%s.tar.zst", folder);
	snprintf(record_name, sizeof record_name, "%s.RELEASE.json", folder);
	put_file(archive_name, zst.data, zst.len);
	snprintf(sig, sizeof sig, "%s.sig", archive_name);
	sign_bytes(&key, "flowmint", zst.data, zst.len, sig);

	*rec = (struct fm_record){.name = "demo", .sequence = r->sequence, .issued = "2023-11-14"};
	snprintf(rec->version, sizeof rec->version, "%s", r->version);
	snprintf(rec->expires, sizeof rec->expires, "%s", r->expires ? r->expires : "");
	snprintf(rec->previous_version, sizeof rec->previous_version, "%s",
		 r->previous_version ? r->previous_version : "");
	snprintf(rec->previous_sha256, sizeof rec->previous_sha256, "%s", r->previous_sha256 ? r->previous_sha256 : "");
	rec->tar.nbytes = tar.len;
	hex_of(&tar, rec->tar.sha256);
	assert_int_equal(fm_sha512_bytes(tar.data, tar.len, digest, &e), FM_OK);
	fm_hex(digest, 64, rec->tar.sha512);
	rec->zst.nbytes = zst.len;
	hex_of(&zst, rec->zst.sha256);
	assert_int_equal(fm_sha512_bytes(zst.data, zst.len, digest, &e), FM_OK);
	fm_hex(digest, 64, rec->zst.sha512);
	snprintf(sig, sizeof sig, "%s.sig", record_name);
	unlink(in_dir(record_name));
	unlink(in_dir(sig));
	if (!r->no_record) {
		assert_int_equal(fm_record_text(rec, &text, &e), FM_OK);
		put_file(record_name, text.data, text.len);
		sign_bytes(&key, FM_RECORD_NAMESPACE, text.data, text.len, sig);
	}
	fm_buf_free(&text);
	fm_buf_free(&tar);
	fm_buf_free(&zst);
	files_free(&files);
}

static const char *extract_to, *revoked_in;
static int64_t now = NOW;

static inline int verify_with(const char *state)
{
	struct fm_verify_in in = {.archive = in_dir(archive_name),
				  .signers = in_dir("signers"),
				  .now_s = now,
				  .revoked = revoked_in ? in_dir(revoked_in) : NULL,
				  .state = state ? in_dir(state) : NULL,
				  .extract = extract_to ? in_dir(extract_to) : NULL};

	fm_verify_report_free(&report);
	memset(&err, 0, sizeof err);
	return fm_verify(&in, &report, &err);
}

static inline void wants(const char *state, int rc, enum fm_reason reason)
{
	int got = verify_with(state);

	if (got != rc || report.reason != reason)
		fail_msg("wanted %d %s, got %d %s (%s)", rc, fm_reason_name(reason), got, fm_reason_name(report.reason),
			 err.message);
	fm_verify_report_free(&report);
}
#define GOOD(state) wants(state, FM_OK, FM_REASON_GOOD)
#define BAD(state, why) wants(state, FM_EVERDICT, FM_REASON_##why)

static const struct release first = {.version = "1.0", .sequence = 1};

static inline int fresh(void **state)
{
	struct fm_error e;
	char dir[512];

	(void)state;
	snprintf(dir, sizeof dir, "%s", fixture_dir);
	if (fm_dir_remove(dir, &e) < 0 || fm_dir_make(dir, 0700, &e) < 0)
		return -1;
	put_signers(BOTH);
	extract_to = revoked_in = NULL;
	now = NOW;
	return 0;
}

#endif
