/*
 * The record of a release: one form in bytes, nothing else is taken; and which of two versions is the later one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "release/record.h"
#include "release/version_order.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct fm_error err;

static struct fm_record second(void)
{
	struct fm_record r = {.name = "demo",
			      .version = "1.0.0",
			      .sequence = 2,
			      .previous_version = "0.9",
			      .previous_sha256 = HEX64,
			      .issued = "2026-11-27",
			      .expires = "2027-01-31",
			      .tar = {10240, HEX64, HEX64 HEX64},
			      .zst = {1234, HEX64, HEX64 HEX64}};

	return r;
}

static void record_and_back_is_the_same(void **state)
{
	struct fm_record r = second(), again;
	struct fm_buf text = {0};

	(void)state;
	for (int i = 0; i < 8; i++) {
		strcpy(r.ledger_first, i & 4 ? HEX64 : "");
		strcpy(r.ledger_head, i & 4 ? HEX64 : "");
		memset(r.approval, 0, sizeof r.approval);
		r.napprovals = i == 7 ? FM_APPROVALS_MAX : i & 1;
		for (int j = 0; j < r.napprovals; j++) {
			snprintf(r.approval[j].signer, sizeof r.approval[j].signer, "%0200d", j);
			snprintf(r.approval[j].key, sizeof r.approval[j].key, "SHA256:%043d", j);
		}
		r.has_attestations = i & 1;
		r.attestations = i & 1 ? r.tar : (struct fm_record_file){0};
		if (i & 2) {
			r.sequence = 1;
			r.previous_version[0] = r.previous_sha256[0] = r.expires[0] = 0;
			memset(r.previous_version, 0, sizeof r.previous_version);
			memset(r.previous_sha256, 0, sizeof r.previous_sha256);
			memset(r.expires, 0, sizeof r.expires);
		}
		if (!(i & 4)) {
			memset(r.ledger_first, 0, sizeof r.ledger_first);
			memset(r.ledger_head, 0, sizeof r.ledger_head);
		}
		text.len = 0;
		assert_int_equal(fm_record_text(&r, &text, &err), FM_OK);
		assert_int_equal(text.data[text.len - 1], '\n');
		assert_null(memchr(text.data, ' ', text.len));
		assert_int_equal(fm_record_parse(&again, text.data, text.len, &err), FM_OK);
		assert_memory_equal(&r, &again, sizeof r);
	}
	assert_int_equal(fm_record_last_second(&r), INT64_MAX);
	r = second();
	snprintf(r.expires, sizeof r.expires, "1970-01-02");
	assert_int_equal(fm_record_last_second(&r), 2 * 86400 - 1);
	fm_buf_free(&text);
}

static void what_breaks_the_format_is_not_written(void **state)
{
	struct fm_buf text = {0};
	struct fm_record r;

	(void)state;
#define REFUSED(...)                                                                                                   \
	do {                                                                                                           \
		r = second();                                                                                          \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(fm_record_text(&r, &text, &err), FM_EINPUT);                                          \
		assert_int_equal(text.len, 0);                                                                         \
	} while (0)
	REFUSED(r.sequence = 0);
	REFUSED(r.sequence = -1);
	REFUSED(r.sequence = FM_RECORD_SEQUENCE_MAX + 1);
	REFUSED(r.sequence = 1); /* and yet it has one before it */
	REFUSED(r.previous_version[0] = 0);
	REFUSED(r.previous_sha256[3] = 'A');
	REFUSED(r.name[0] = 'D');
	REFUSED(r.name[0] = 0);
	REFUSED(r.version[0] = '/');
	REFUSED(r.version[0] = '-');
	REFUSED(r.issued[5] = '2');
	REFUSED(memcpy(r.expires, "2026-11-26", 11)); /* before it was issued */
	REFUSED(memcpy(r.expires, "2027-02-29", 11));
	REFUSED(r.tar.sha256[0] = 0);
	REFUSED(r.zst.sha512[127] = 'g');
	REFUSED(r.has_attestations = true);
	fm_buf_free(&text);
}

/* Replace the first `from` in a good record by `to`. */
static int altered(const char *from, const char *to)
{
	struct fm_record r = second();
	struct fm_buf good = {0}, bad = {0};
	const char *at;
	int rc;

	assert_int_equal(fm_record_text(&r, &good, &err), FM_OK);
	assert_non_null(at = strstr(good.data, from));
	fm_buf_add(&bad, good.data, (size_t)(at - good.data));
	fm_buf_puts(&bad, to);
	fm_buf_puts(&bad, at + strlen(from));
	rc = fm_record_parse(&r, bad.data, bad.len, &err);
	fm_buf_free(&good);
	fm_buf_free(&bad);
	return rc;
}

static void any_other_form_is_refused(void **state)
{
	static const char *const change[][2] = {
	    {"{\"expires\"", " {\"expires\""},
	    {"}\n", "}"},
	    {"}\n", "}\n\n"},
	    {"\"sequence\":2", "\"sequence\": 2"},
	    {"\"sequence\":2", "\"sequence\":2.0"},
	    {"\"sequence\":2", "\"sequence\":\"2\""},
	    {"\"sequence\":2", "\"sequence\":2e0"},
	    {"\"sequence\":2", "\"sequence\":2,\"sequence\":3"},
	    {"\"sequence\":2", "\"sequence\":2,\"signed\":true"},
	    {"\"sequence\":2", "\"sequence\":-2"},
	    {"\"sequence\":2", "\"sequence\":99999999999999999999"},
	    {"\"demo\"", "\"d\\u0065mo\""},
	    {"\"demo\"", "\"demo\\u0000\""},
	    {"\"demo\"", "\"../demo\""},
	    {"\"demo\"", "null"},
	    {"demo-1.0.0.tar\"", "demo-2.0.0.tar\""},
	    {"demo-1.0.0.tar\"", "x.tar\""},
	    {"release/1", "release/2"},
	    {"2026-11-27", "2026-11-31"},
	    {"\"2027-01-31\"", "\"\""},
	    {"\"bytes\":10240", "\"bytes\":-1"},
	    {"\"bytes\":10240", "\"bytes\":10240,\"more\":{}"},
	    {"\"version\":\"0.9\"", "\"version\":\"\\u001b[2J\""},
	    {"\"version\":\"0.9\"", "\"version\":\"0.9\",\"x\":1"},
	    {"\"previous\":", "\"before\":"},
	    {"{\"expires\"", "{\"approvals\":[],\"expires\""},
	    {"{\"expires\"", "{\"approvals\":[{\"key\":\"x\"}],\"expires\""},
	    {"{\"expires\"", "{\"approvals\":{\"key\":\"x\",\"signer\":\"y\"},\"expires\""},
	};

	(void)state;
	assert_int_equal(altered("demo", "demo"), FM_OK);
	for (size_t i = 0; i < sizeof change / sizeof *change; i++)
		if (altered(change[i][0], change[i][1]) != FM_EINPUT)
			fail_msg("taken: %s -> %s", change[i][0], change[i][1]);
}

static void each_cut_is_refused(void **state)
{
	struct fm_record r = second();
	struct fm_buf text = {0};

	(void)state;
	assert_int_equal(fm_record_text(&r, &text, &err), FM_OK);
	for (size_t n = 0; n < text.len; n++)
		assert_int_equal(fm_record_parse(&r, text.data, n, &err), FM_EINPUT);
	fm_buf_free(&text);
}

static void versions_are_ordered_as_people_read_them(void **state)
{
	/* Groups of equal versions, in rising order. */
	static const char *const rising[][4] = {{"0"},
						{"0.1"},
						{"0.9.1"},
						{"1.0-alpha"},
						{"1.0-alpha.1", "1.0.0-alpha.1"},
						{"1.0-alpha.2"},
						{"1.0-alpha.10"},
						{"1.0-beta"},
						{"1.0-rc1"},
						{"1.0-rc2"},
						{"1.0-rc10"},
						{"1", "1.0", "1.0.0", "1.0+build7"},
						{"1.0a"},
						{"1.0b"},
						{"1.2"},
						{"1.9"},
						{"1.10", "1.010"},
						{"2"},
						{"2026-01-31"},
						{"2026-11-27", "2026-11-27+x"},
						{"2026-12-01"},
						{"2026"},
						{"99999999999999999999998"},
						{"99999999999999999999999"},
						{"a"},
						{"b"}};
	const size_t n = sizeof rising / sizeof *rising;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			for (int k = 0; k < 4 && rising[i][k]; k++)
				for (int l = 0; l < 4 && rising[j][l]; l++) {
					int got = fm_version_compare(rising[i][k], rising[j][l]);
					int want = (i > j) - (i < j);

					if ((got > 0) - (got < 0) != want)
						fail_msg("%s against %s: %d", rising[i][k], rising[j][l], got);
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(record_and_back_is_the_same),
	    cmocka_unit_test(what_breaks_the_format_is_not_written),
	    cmocka_unit_test(any_other_form_is_refused),
	    cmocka_unit_test(each_cut_is_refused),
	    cmocka_unit_test(versions_are_ordered_as_people_read_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
