/*
 * The documents that strangers, or the others of a team, hand over are read by one rule: each has the members of its
 * format and no other, none twice, a number where a number is, and text that is UTF-8 without a NUL; deep ones and
 * numbers that nothing holds are refused.  manifest.json, the record, the proof of the log and attestations are changed
 * so inside a whole release by test_verify_signed.c; here are the others, each by the function that reads it.
 */
#include <sys/stat.h>

#include "release/accepted.h"
#include "release/sign/approval.h"
#include "release/sign/dsse.h"
#include "release/sign/rotation.h"
#include "release/sign/waiver.h"
#include "release/tlog.h"
#include "verify_fixture.h"

/* What a document may be all the same. */
enum { CANONICAL, ANY_FORM };

struct doc {
	const char *name;
	int form;
	struct fm_buf text;
	int (*read)(const char *text, size_t n);
	const char *number; /* a member that is one, NULL: there is none */
};

/* ---- changes ---- */

static const char deep[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";

/* The text with `to` in the place of what `from` finds, once; false where that is not in it. */
static bool changed(const struct fm_buf *text, const char *from, const char *to, size_t nto, struct fm_buf *out)
{
	const char *at = strstr(text->data, from);

	out->len = 0;
	if (!at)
		return false;
	fm_buf_add(out, text->data, (size_t)(at - text->data));
	fm_buf_add(out, to, nto);
	fm_buf_add(out, at + strlen(from), text->len - (size_t)(at - text->data) - strlen(from));
	fm_buf_puts(out, "");
	return true;
}

static size_t accepted, tried;

static void look(const struct doc *d, const struct fm_buf *text, const char *how)
{
	int rc = d->read(text->data, text->len);

	tried++;
	if (rc == FM_EINPUT || rc == FM_EVERDICT)
		return;
	accepted++;
	print_error("%s: %s: %d %s\n", d->name, how, rc, rc ? err.message : "accepted");
}

/* The first member of the document becomes these. */
static void put_first(const struct doc *d, const char *members, size_t n, const char *how)
{
	struct fm_buf out = {0}, to = {0};

	fm_buf_puts(&to, "{");
	fm_buf_add(&to, members, n);
	assert_true(changed(&d->text, "{", to.data, to.len, &out));
	look(d, &out, how);
	fm_buf_free(&to);
	fm_buf_free(&out);
}

static void put_number(const struct doc *d, const char *to)
{
	struct fm_buf out = {0};
	char from[64], how[128];
	const char *at, *end;

	snprintf(from, sizeof from, "\"%s\":", d->number);
	assert_non_null(at = strstr(d->text.data, from));
	end = at + strlen(from);
	end += strspn(end, "0123456789 ");
	fm_buf_add(&out, d->text.data, (size_t)(at - d->text.data));
	fm_buf_printf(&out, "%s%s", from, to);
	fm_buf_add(&out, end, d->text.len - (size_t)(end - d->text.data));
	fm_buf_puts(&out, "");
	snprintf(how, sizeof how, "a number as %s", to);
	look(d, &out, how);
	fm_buf_free(&out);
}

static void each_change_is_refused(const struct doc *d)
{
	struct fm_buf out = {0};
	char one[256];

	if (d->read(d->text.data, d->text.len) != FM_OK)
		fail_msg("%s: %s", d->name, err.message);
	put_first(d, "\"zz\":1,", 7, "a member more");
	put_first(d, "\"Format\":\"x\",", 13, "a member more, by another case");
	put_first(d, "\"\":1,", 5, "a member without a name");
	if (changed(&d->text, "\"format\":", "\"format\":\"x\",\"format\":", 22, &out))
		look(d, &out, "a member twice");
	if (changed(&d->text, "\"format\":\"", "\"form\\u0061t\":\"x\",\"format\":\"", 28, &out))
		look(d, &out, "a member twice, once with an escape");
	snprintf(one, sizeof one, "\"zz\":%s,", deep);
	put_first(d, one, strlen(one), "deep nesting");
	put_first(d, "\"zz\":1e400,", 11, "a number beyond a double");
	put_first(d, "\"z\\u0000z\":1,", 13, "a NUL in a name");
	put_first(d, "\"zz\":\"\\u0000\",", 14, "a NUL in a text");
	put_first(d, "\"z\0z\":1,", 8, "a NUL byte");
	put_first(d, "\"zz\":\"\xff\",", 9, "a byte that is not UTF-8");
	put_first(d, "\"zz\":\"\xed\xa0\x80\",", 11, "half a surrogate");
	put_first(d, "\"zz\":\"\xc0\xaf\",", 10, "a long way to write a character");
	put_first(d, "\"zz\":\"\\ud800\",", 14, "half a surrogate as an escape");
	put_first(d, "\"zz\":NaN,", 9, "NaN");
	put_first(d, "/* */", 5, "a comment");
	if (changed(&d->text, "/1\"", "/1\\u0000\"", 9, &out) || changed(&d->text, "/2\"", "/2\\u0000\"", 9, &out))
		look(d, &out, "a format with a NUL behind it");
	out.len = 0;
	fm_buf_puts(&out, "\xef\xbb\xbf");
	fm_buf_add(&out, d->text.data, d->text.len);
	look(d, &out, "a byte-order mark");
	out.len = 0;
	fm_buf_add(&out, d->text.data, d->text.len);
	fm_buf_puts(&out, "{}");
	look(d, &out, "another document behind it");
	out.len = 0;
	fm_buf_add(&out, d->text.data, d->text.len);
	fm_buf_add(&out, "\0", 1);
	look(d, &out, "a NUL behind it");
	if (d->form == CANONICAL && changed(&d->text, "{", "{ ", 2, &out))
		look(d, &out, "a blank more");
	if (d->number) {
		static const char *const to[] = {"\"1\"", "true", "null", "-1",
						 "1e400", "1e0",  "1.5",  "99999999999999999999",
						 "[1]",   "01",   "+1",   "0x1"};

		for (size_t i = 0; i < sizeof to / sizeof *to; i++)
			if (d->form == CANONICAL || strcmp(to[i], "1e0") != 0)
				put_number(d, to[i]);
	}
	fm_buf_free(&out);
}

/* ---- the documents ---- */

static int read_keys(const char *text, size_t n)
{
	static struct fm_keys k;

	return fm_keys_parse(&k, text, n, &err);
}

static void sign_rotation(struct fm_keys *k, const struct fm_sshkey *from, const struct fm_sshkey *to)
{
	struct fm_buf text = {0}, sig = {0};
	uint8_t digest[FM_SHA512_LEN];

	assert_int_equal(fm_rotation_text(k, 0, &text, &err), FM_OK);
	assert_int_equal(fm_sha512_bytes(text.data, text.len, digest, &err), FM_OK);
	assert_int_equal(fm_sshsig_sign(from, FM_RECORD_NAMESPACE, digest, &sig, &err), FM_OK);
	snprintf(k->r[0].by_old, sizeof k->r[0].by_old, "%s", sig.data);
	sig.len = 0;
	assert_int_equal(fm_sshsig_sign(to, FM_RECORD_NAMESPACE, digest, &sig, &err), FM_OK);
	snprintf(k->r[0].by_new, sizeof k->r[0].by_new, "%s", sig.data);
	fm_buf_free(&text);
	fm_buf_free(&sig);
}

static void document_of_keys(void **state)
{
	static struct fm_keys k;
	struct doc d = {.name = "KEYS.json", .form = CANONICAL, .read = read_keys, .number = "number"};

	(void)state;
	k = (struct fm_keys){.n = 1};
	k.r[0].from = key.pub;
	k.r[0].to = stranger.pub;
	snprintf(k.r[0].issued, sizeof k.r[0].issued, "2026-11-29");
	sign_rotation(&k, &key, &stranger);
	assert_int_equal(fm_keys_text(&k, &d.text, &err), FM_OK);
	fm_buf_puts(&d.text, "");
	each_change_is_refused(&d);
	fm_buf_free(&d.text);
}

static int read_log(const char *text, size_t n)
{
	struct fm_tlog log;
	int rc = fm_tlog_parse(&log, text, n, &err);

	fm_tlog_free(&log);
	return rc;
}

static void log_of_releases(void **state)
{
	struct fm_record rec = {.name = "toy", .version = "1.0.0", .sequence = 1, .issued = "2026-11-28"};
	struct fm_buf record = {0}, head = {0}, sig = {0};
	struct fm_tlog log = {0};
	struct fm_tlog_head h;
	uint8_t digest[FM_SHA512_LEN];
	struct doc d = {.name = "LOG.jsonl", .form = CANONICAL, .read = read_log, .number = "size"};

	(void)state;
	memset(rec.tar.sha256, '0', 64);
	memset(rec.tar.sha512, '0', 128);
	rec.zst = rec.tar;
	assert_int_equal(fm_record_text(&rec, &record, &err), FM_OK);
	assert_int_equal(fm_tlog_next(&log, record.data, record.len, &h, &err), FM_OK);
	assert_int_equal(fm_tlog_head_text(&h, &head, &err), FM_OK);
	assert_int_equal(fm_sha512_bytes(head.data, head.len, digest, &err), FM_OK);
	assert_int_equal(fm_sshsig_sign(&key, FM_RECORD_NAMESPACE, digest, &sig, &err), FM_OK);
	assert_int_equal(fm_tlog_add(&log, record.data, record.len, &h, sig.data, &err), FM_OK);
	assert_int_equal(fm_tlog_text(&log, &d.text, &err), FM_OK);
	fm_buf_puts(&d.text, "");
	each_change_is_refused(&d);
	fm_tlog_free(&log);
	fm_buf_free(&record);
	fm_buf_free(&head);
	fm_buf_free(&sig);
	fm_buf_free(&d.text);
}

static int read_envelope(const char *text, size_t n)
{
	struct fm_dsse e;
	int rc = fm_dsse_read(&e, text, n, &err);

	fm_dsse_free(&e);
	return rc;
}

static void envelope(void **state)
{
	struct doc d = {.name = "an envelope", .form = ANY_FORM, .read = read_envelope};

	(void)state;
	assert_int_equal(fm_dsse_sign(&key, "application/vnd.in-toto+json", "{}", 2, &d.text, &err), FM_OK);
	fm_buf_puts(&d.text, "");
	each_change_is_refused(&d);
	fm_buf_free(&d.text);
}

static struct fm_signers team;

/* A line that lets the key sign what these are for. */
static void load_team(void)
{
	put_signers("namespaces=\"flowmint-waiver,flowmint-approval\"");
	assert_int_equal(fm_signers_load(&team, in_dir("signers"), &err), FM_OK);
}

static int read_waiver(const char *text, size_t n)
{
	json_t *record = NULL;
	int rc;

	put_file("a.waiver", text, n);
	sign_bytes(&key, FM_WAIVER_NAMESPACE, text, n, "a.waiver.sig");
	rc = fm_waiver_check(in_dir("a.waiver"), "toy", &team, NOW, &record, &err);
	json_decref(record);
	return rc;
}

static void waiver(void **state)
{
	struct doc d = {.name = "a waiver", .form = ANY_FORM, .read = read_waiver};

	(void)state;
	load_team();
	fm_buf_puts(&d.text,
		    "{\"format\":\"flowmint-waiver/1\",\"release\":\"toy\",\"check\":\"jsd.SP\",\"reason\":\"r\","
		    "\"expires\":\"2099-12-31\"}\n");
	each_change_is_refused(&d);
	fm_buf_free(&d.text);
	fm_signers_free(&team);
}

static const struct fm_approval wanted = {.name = "toy", .version = "1.0.0", .sequence = 7};

static int read_approval(const char *text, size_t n)
{
	json_t *record = NULL;
	int rc;

	put_file("a.approval", text, n);
	sign_bytes(&key, FM_APPROVAL_NAMESPACE, text, n, "a.approval.sig");
	rc = fm_approval_check(in_dir("a.approval"), &wanted, &team, NOW, &record, &err);
	json_decref(record);
	return rc;
}

static void approval(void **state)
{
	struct doc d = {.name = "an approval", .form = CANONICAL, .read = read_approval, .number = "sequence"};

	(void)state;
	load_team();
	assert_int_equal(fm_approval_text(&wanted, &d.text, &err), FM_OK);
	fm_buf_puts(&d.text, "");
	each_change_is_refused(&d);
	fm_buf_free(&d.text);
	fm_signers_free(&team);
}

static int read_accepted(const char *text, size_t n)
{
	static const struct fm_signers none;
	struct fm_accepted_state *s = NULL;
	char path[512];
	int rc;

	snprintf(path, sizeof path, "%s", in_dir("state"));
	(void)mkdir(path, 0700);
	put_file("state/" FM_ACCEPTED_FILE, text, n);
	assert_int_equal(chmod(in_dir("state/" FM_ACCEPTED_FILE), 0600), 0);
	rc = fm_accepted_open(&s, path, &none, &err);
	fm_accepted_close(s);
	return rc;
}

static void memory_of_a_partner(void **state)
{
	struct doc d = {.name = "accepted.json", .form = ANY_FORM, .read = read_accepted, .number = "sequence"};
	char digest[65];

	(void)state;
	memset(digest, 'a', 64);
	digest[64] = '\0';
	fm_buf_printf(
	    &d.text,
	    "{\"format\":\"" FM_ACCEPTED_FORMAT "\",\"releases\":[{\"accepted\":\"2026-11-29T14:40:33Z\","
	    "\"fingerprint\":\"SHA256:x\",\"name\":\"toy\",\"record_sha256\":\"%s\",\"sequence\":7,\"signer\":\"s\","
	    "\"tar_sha256\":\"%s\",\"version\":\"1.0.0\"}]}\n",
	    digest, digest);
	each_change_is_refused(&d);
	fm_buf_free(&d.text);
}

static void none_was_accepted(void **state)
{
	(void)state;
	print_message("%zu changes, %zu accepted\n", tried, accepted);
	assert_true(tried > 150);
	assert_int_equal(accepted, 0);
}

/* ---- what is signed is what is read ---- */

int __real_fm_file_read(const char *path, size_t max, struct fm_buf *b, struct fm_error *e);
int __wrap_fm_file_read(const char *path, size_t max, struct fm_buf *b, struct fm_error *e);
static const char *swap_path, *swap_with;

/* Somebody puts another document in the place of one that was read. */
int __wrap_fm_file_read(const char *path, size_t max, struct fm_buf *b, struct fm_error *e)
{
	int rc = __real_fm_file_read(path, max, b, e);

	if (swap_path && strcmp(path, swap_path) == 0)
		put_file("a.waiver", swap_with, strlen(swap_with));
	return rc;
}

static void waiver_is_the_one_that_was_signed(void **state)
{
#define WAIVER(check)                                                                                                  \
	"{\"format\":\"flowmint-waiver/1\",\"release\":\"toy\",\"check\":\"" check                                     \
	"\",\"reason\":\"r\",\"expires\":\"2099-12-31\"}\n"
	static const char signed_one[] = WAIVER("jsd.SP"), other[] = WAIVER("leak.rows_equal");
	json_t *record = NULL;
	char path[512];

	(void)state;
	load_team();
	put_file("a.waiver", signed_one, strlen(signed_one));
	sign_bytes(&key, FM_WAIVER_NAMESPACE, signed_one, strlen(signed_one), "a.waiver.sig");
	snprintf(path, sizeof path, "%s", in_dir("a.waiver"));
	swap_path = path;
	swap_with = other;
	assert_int_equal(fm_waiver_check(path, "toy", &team, NOW, &record, &err), FM_OK);
	swap_path = NULL;
	assert_string_equal(json_string_value(json_object_get(record, "check")), "jsd.SP");
	json_decref(record);
	fm_signers_free(&team);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(document_of_keys),  cmocka_unit_test(log_of_releases),
	    cmocka_unit_test(envelope),          cmocka_unit_test(waiver),
	    cmocka_unit_test(approval),          cmocka_unit_test(memory_of_a_partner),
	    cmocka_unit_test(none_was_accepted), cmocka_unit_test(waiver_is_the_one_that_was_signed),
	};

	return cmocka_run_group_tests_name("odd_json", tests, setup, teardown);
}
