/*
 * verify_fixture.h - the good release as it lies on the partner's disk, and what is expected of it and of its changes.
 */
#ifndef FM_TESTS_VERIFY_FIXTURE_H
#define FM_TESTS_VERIFY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "release/verify.h"
#include "release_fixture.h"

#define NOW 1700000000
#define ARCHIVE "demo-1.0.tar.zst"

static struct fm_sshkey key, stranger;
static struct fm_buf good_tar, good_zst;
static struct fm_verify_report report;
static struct fm_error err;

static inline void put_signers(const char *options)
{
	struct fm_buf line = {0};

	fm_buf_printf(&line, "# the partner's file\n\nreleases@example.org %s ", options);
	fm_sshpub_line(&key.pub, &line);
	put_file("signers", line.data, line.len);
	fm_buf_free(&line);
}

static inline int setup(void **state)
{
	struct release_files files;

	if (fixture_make(state) || fm_sshkey_generate(&key, "key", &err) ||
	    fm_sshkey_generate(&stranger, "stranger", &err))
		return -1;
	files_make(&files);
	tar_of(&files, &good_tar);
	tar_end(&good_tar);
	zst_of(&good_tar, &good_zst);
	files_free(&files);
	return 0;
}

static inline int teardown(void **state)
{
	fm_buf_free(&good_tar);
	fm_buf_free(&good_zst);
	fm_sshkey_close(&key);
	fm_sshkey_close(&stranger);
	return fixture_remove(state);
}

/* The good release as it lies on the partner's disk. */
static inline int reset(void **state)
{
	(void)state;
	put_file(ARCHIVE, good_zst.data, good_zst.len);
	sign_bytes(&key, "flowmint", good_zst.data, good_zst.len, ARCHIVE ".sig");
	put_signers("namespaces=\"flowmint\"");
	return 0;
}

static inline int verify(void)
{
	struct fm_verify_in in = {.archive = in_dir(ARCHIVE), .signers = in_dir("signers"), .now_s = NOW};
	int rc;

	fm_verify_report_free(&report);
	memset(&err, 0, sizeof err);
	rc = fm_verify(&in, &report, &err);
	assert_int_equal(report.good, rc == FM_OK);
	if (rc)
		assert_int_equal(err.code, rc);
	return rc;
}

static inline void expect(enum fm_reason reason)
{
	int rc = verify();

	if (rc != FM_EVERDICT || report.reason != reason)
		fail_msg("wanted %s, got %d %s (%s)", fm_reason_name(reason), rc, fm_reason_name(report.reason),
			 err.message);
	assert_true(err.message[0]);
	assert_string_equal(err.message, report.message);
	fm_verify_report_free(&report);
}

/* Pack and sign a tar, then expect this of it. */
static inline void expect_of_tar(const struct fm_buf *tar, enum fm_reason reason)
{
	struct fm_buf zst = {0};

	zst_of(tar, &zst);
	put_file(ARCHIVE, zst.data, zst.len);
	sign_bytes(&key, "flowmint", zst.data, zst.len, ARCHIVE ".sig");
	expect(reason);
	fm_buf_free(&zst);
}

/* Change the good release's files by hand, pack, sign, expect. */
static inline void expect_of_files(struct release_files *r, enum fm_reason reason)
{
	struct fm_buf tar = {0};

	tar_of(r, &tar);
	tar_end(&tar);
	expect_of_tar(&tar, reason);
	fm_buf_free(&tar);
	files_free(r);
}

static inline void replace(struct fm_buf *b, const char *from, const char *to)
{
	char *at = strstr(b->data, from);
	struct fm_buf out = {0};

	assert_non_null(at);
	fm_buf_add(&out, b->data, (size_t)(at - b->data));
	fm_buf_puts(&out, to);
	fm_buf_puts(&out, at + strlen(from));
	fm_buf_free(b);
	*b = out;
}

/* After a change of manifest.json: the sum that SHA256SUMS gives for it. */
static inline void sum_again(struct release_files *r)
{
	char hex[FM_SHA256_HEX];
	char *line = strstr(r->f[1].text.data, "  manifest.json");

	assert_non_null(line);
	hex_of(&r->f[4].text, hex);
	memcpy(line - 64, hex, 64);
}

#endif
