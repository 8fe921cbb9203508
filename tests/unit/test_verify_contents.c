/*
 * The partner's check beyond form: the release was judged, says what it holds, would unpack on any system, and costs
 * the verifier little memory; its names drive no terminal, and its key is a key.
 */
#include "verify_fixture.h"

/* Sign what lies in b as the archive, then expect this of it. */
static void expect_of_bytes(const struct fm_buf *b, enum fm_reason reason)
{
	put_file(ARCHIVE, b->data, b->len);
	sign_bytes(&key, "flowmint", b->data, b->len, ARCHIVE ".sig");
	expect(reason);
}

/* RFC 8878: a skippable frame of 4 bytes, and a frame of one empty raw block. */
static void frame_beside_the_one_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} frame[] = {{"\x50\x2a\x4d\x18\x04\0\0\0data", 12},
		     {"\x5f\x2a\x4d\x18\0\0\0\0", 8},
		     {"\x28\xb5\x2f\xfd\x20\0\x01\0\0", 9}};

	(void)state;
	for (size_t i = 0; i < sizeof frame / sizeof *frame; i++) {
		struct fm_buf b = {0};

		fm_buf_add(&b, frame[i].bytes, frame[i].n);
		fm_buf_add(&b, good_zst.data, good_zst.len);
		expect_of_bytes(&b, FM_REASON_ARCHIVE_MALFORMED);
		b.len = 0;
		fm_buf_add(&b, good_zst.data, good_zst.len);
		fm_buf_add(&b, frame[i].bytes, frame[i].n);
		expect_of_bytes(&b, FM_REASON_ARCHIVE_MALFORMED);
		b.len = 0;
		fm_buf_add(&b, frame[i].bytes, frame[i].n);
		expect_of_bytes(&b, FM_REASON_ARCHIVE_MALFORMED);
		fm_buf_free(&b);
	}
}

/* A frame that asks for 16 MiB of memory, where all of its blocks would do with less; a dictionary; a reserved bit. */
static void frame_header_that_asks_for_too_much_is_refused(void **state)
{
	struct fm_buf b = {0};
	uint8_t *head;

	(void)state;
	fm_buf_add(&b, good_zst.data, good_zst.len);
	head = (uint8_t *)b.data + 4;
	assert_int_equal(head[0] & 0x20, 0); /* the window stands behind the descriptor */
	head[1] = 13 << 3;
	put_file(ARCHIVE, b.data, b.len);
	sign_bytes(&key, "flowmint", b.data, b.len, ARCHIVE ".sig");
	assert_int_equal(verify(), FM_OK); /* 8 MiB */
	head[1] = 13 << 3 | 1;
	expect_of_bytes(&b, FM_REASON_ARCHIVE_MALFORMED);
	head[1] = 17 << 3;
	expect_of_bytes(&b, FM_REASON_ARCHIVE_MALFORMED);
	head[1] = 13 << 3;
	head[0] |= 1;
	expect_of_bytes(&b, FM_REASON_ARCHIVE_MALFORMED);
	head[0] = (uint8_t)((head[0] & ~1u) | 8);
	expect_of_bytes(&b, FM_REASON_ARCHIVE_MALFORMED);
	fm_buf_free(&b);
}

/* The largest number in the field, which libzstd takes for no size at all, is one as any other. */
static void frame_of_another_size_is_refused(void **state)
{
	static const struct {
		uint8_t size[8];
		bool right;
	} of[] = {{{0}, true},
		  {{1}, false},
		  {{0, 0, 0, 0, 0, 0, 0, 1}, false},
		  {{255, 255, 255, 255, 255, 255, 255, 255}, false}};
	const struct fm_buf *tar = &good_tar;
	struct fm_buf b;

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		uint8_t head[14] = {0x28, 0xb5, 0x2f, 0xfd, 0xc0, 13 << 3};

		for (int k = 0; k < 8; k++)
			head[6 + k] = (uint8_t)((of[i].right ? tar->len >> 8 * k : 0) + of[i].size[k]);
		b = (struct fm_buf){0};
		fm_buf_add(&b, head, sizeof head);
		for (size_t at = 0, n; at < tar->len; at += n) { /* raw blocks (RFC 8878, 3.1.1.2) */
			n = tar->len - at < 100000 ? tar->len - at : 100000;
			fm_buf_add(&b,
				   &(uint8_t[]){(uint8_t)(n << 3 | (at + n == tar->len)), (uint8_t)(n >> 5),
						(uint8_t)(n >> 13)},
				   3);
			fm_buf_add(&b, tar->data + at, n);
		}
		if (!of[i].right) {
			expect_of_bytes(&b, FM_REASON_ARCHIVE_MALFORMED);
		} else {
			put_file(ARCHIVE, b.data, b.len);
			sign_bytes(&key, "flowmint", b.data, b.len, ARCHIVE ".sig");
			assert_int_equal(verify(), FM_OK);
		}
		fm_buf_free(&b);
	}
}

static void archive_that_expands_without_end_is_refused(void **state)
{
	struct fm_buf tar = {0}, zeros = {0};
	static const char chunk[1 << 20];

	(void)state;
	for (int i = 0; i < 40; i++)
		fm_buf_add(&zeros, chunk, sizeof chunk);
	tar_add(&tar, "demo-1.0/", '5', "", 0);
	tar_add(&tar, "demo-1.0/README.md", '0', zeros.data, zeros.len);
	tar_end(&tar);
	expect_of_tar(&tar, FM_REASON_ARCHIVE_EXPANDS);
	fm_buf_free(&tar);
	fm_buf_free(&zeros);
}

/* Names that a partner on another system could not unpack, or not beside each other. */
static void name_that_collides_elsewhere_is_refused(void **state)
{
	static const struct {
		const char *path;
		enum fm_reason reason;
	} t[] = {
	    {"data", FM_REASON_ENTRY_COLLISION},
	    {"data/Flows.csv", FM_REASON_ENTRY_COLLISION},
	    {"data/flows.csv/x", FM_REASON_ENTRY_COLLISION},
	    {"DATA/x", FM_REASON_ENTRY_COLLISION},
	    {"Data", FM_REASON_ENTRY_COLLISION},
	    {"Manifest.json", FM_REASON_ENTRY_COLLISION},
	    {"readme.MD", FM_REASON_ENTRY_COLLISION},
	    {"data/flows.csv.", FM_REASON_ENTRY_PATH},
	    {"x./y", FM_REASON_ENTRY_PATH},
	    {"NUL", FM_REASON_ENTRY_PATH},
	    {"con.txt", FM_REASON_ENTRY_PATH},
	    {"data/Aux", FM_REASON_ENTRY_PATH},
	    {"prn/x", FM_REASON_ENTRY_PATH},
	    {"com1", FM_REASON_ENTRY_PATH},
	    {"LPT9.csv.gz", FM_REASON_ENTRY_PATH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct release_files r;
		struct release_file more = {0};
		size_t at;

		files_make(&r);
		snprintf(more.path, sizeof more.path, "%s", t[i].path);
		fm_buf_puts(&more.text, "x");
		for (at = 0; at < r.n && strcmp(r.f[at].path, more.path) < 0;)
			at++;
		memmove(&r.f[at + 1], &r.f[at], (r.n - at) * sizeof *r.f);
		r.f[at] = more;
		r.n++;
		expect_of_files(&r, t[i].reason);
	}
	assert_true(fm_archive_path_ok("console/common/nul1/com10/null.csv"));
	assert_false(fm_archive_folder_ok("demo-1."));
	assert_false(fm_archive_folder_ok("aux.x-1.0"));
}

static void release_under_another_name_is_refused(void **state)
{
	static const char *const name[] = {"demo-2.0.tar.zst", "Demo-1.0.tar.zst", "demo-1.0", "demo-1.0.tar.zst.old",
					   "demo-1.0-copy.tar.zst"};

	(void)state;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		struct fm_verify_in in = {.archive = in_dir(name[i]), .signers = in_dir("signers"), .now_s = NOW};
		char sig[64];

		snprintf(sig, sizeof sig, "%s.sig", name[i]);
		put_file(name[i], good_zst.data, good_zst.len);
		sign_bytes(&key, "flowmint", good_zst.data, good_zst.len, sig);
		assert_int_equal(fm_verify(&in, &report, &err), FM_EVERDICT);
		assert_int_equal(report.reason, FM_REASON_NAME_DISAGREES);
		fm_verify_report_free(&report);
	}
}

static void release_that_was_not_judged_good_is_refused(void **state)
{
	static const struct {
		const char *from, *to;
		enum fm_reason reason;
	} t[] = {
	    {"flowmint-manifest/1", "flowmint-manifest/2", FM_REASON_FORMAT_UNKNOWN},
	    {"\"format\":\"flowmint-manifest/1\",", "", FM_REASON_FORMAT_UNKNOWN},
	    {"\"flowmint-manifest/1\"", "1", FM_REASON_FORMAT_UNKNOWN},
	    {"\"verdict\":\"pass\"", "\"verdict\":\"fail\"", FM_REASON_VERDICT_FAIL},
	    {"\"verdict\":\"pass\"", "\"verdict\":\"good\"", FM_REASON_NOT_JUDGED},
	    {"\"verdict\":\"pass\",", "", FM_REASON_NOT_JUDGED},
	    {"," FIXTURE_CHECK, "", FM_REASON_NOT_JUDGED},
	    {"\"checks\":[" FACTS_CONTROL_LINE "," FIXTURE_CHECK "],", "", FM_REASON_NOT_JUDGED},
	    {FIXTURE_CHECK, "1", FM_REASON_NOT_JUDGED},
	    {"\"pass\":true", "\"pass\":false", FM_REASON_NOT_JUDGED},
	    {FACTS_CONTROLS ",", "", FM_REASON_NOT_JUDGED},
	    {"\"value\":0.05", "\"value\":0.15", FM_REASON_NOT_JUDGED},
	    {"\"value\":0.05", "\"value\":null", FM_REASON_NOT_JUDGED},
	    {"\"pass\":true,\"waived\":false", "\"pass\":false,\"waived\":true", FM_REASON_NOT_JUDGED},
	    {"\"rows\":4000", "\"rows\":4001", FM_REASON_ROWS_DISAGREE},
	    {"\"rows\":4000", "\"rows\":3999", FM_REASON_ROWS_DISAGREE},
	    {"\"rows\":4000", "\"rows\":-4000", FM_REASON_ROWS_DISAGREE},
	    {"\"rows\":4000", "\"rows\":4000.0", FM_REASON_MANIFEST_MALFORMED},
	    {"\"rows\":4000,", "", FM_REASON_MANIFEST_MALFORMED},
	    {"\"value\":4000}", "\"value\":4001}", FM_REASON_ROWS_DISAGREE},
	    {"\"value\":4000}", "\"value\":4000},{\"name\":\"tstr.f1.trees.dos\",\"value\":2}", FM_REASON_NOT_JUDGED},
	    {"\"evaluate_blas_kernel\":\"unknown\"", "\"evaluate_blas_kernel\":\"10.11.12.13\"",
	     FM_REASON_MANIFEST_MALFORMED},
	    {"],\"name\":\"demo\",", "],\"name\":\"other\",", FM_REASON_MANIFEST_DISAGREES},
	    {"\"version\":\"1.0\",\"schema\"", "\"version\":\"1.0.0\",\"schema\"", FM_REASON_MANIFEST_DISAGREES},
	    {"\"version\":\"1.0\",\"schema\"", "\"version\":1,\"schema\"", FM_REASON_MANIFEST_DISAGREES},
	};
	struct release_files r;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		files_make(&r);
		replace(&r.f[4].text, t[i].from, t[i].to);
		sum_again(&r);
		expect_of_files(&r, t[i].reason);
	}
}

/* The good release with other data and description; rows is what the manifest says. */
static void make_again(struct release_files *r, const char *csv, const char *from, const char *to, int rows)
{
	char hex[FM_SHA256_HEX], old[NFILES][FM_SHA256_HEX], text[64];

	files_make(r);
	replace(&r->f[4].text, "\"privacy\":{\"mode\":\"none\"},\"gate\"",
		"\"source\":{\"dialect\":\"own.yaml\"},\"privacy\":{\"mode\":\"none\"},\"gate\"");
	for (int i = 0; i < NFILES; i++)
		hex_of(&r->f[i].text, old[i]);
	if (csv) {
		snprintf(text, sizeof text, "\"bytes\":%zu", r->f[2].text.len);
		r->f[2].text.len = 0;
		fm_buf_puts(&r->f[2].text, csv);
		hex_of(&r->f[2].text, hex);
		replace(&r->f[3].text, old[2], hex);
		replace(&r->f[4].text, old[2], hex);
		replace(&r->f[1].text, old[2], hex);
		snprintf(hex, sizeof hex, "\"bytes\":%zu", r->f[2].text.len);
		replace(&r->f[3].text, text, hex);
		replace(&r->f[4].text, text, hex);
	}
	if (from)
		replace(&r->f[3].text, from, to);
	hex_of(&r->f[3].text, hex);
	replace(&r->f[1].text, old[3], hex);
	replace(&r->f[4].text, old[3], hex);
	snprintf(hex, sizeof hex, "\"path\":\"datapackage.json\",\"bytes\":%zu,", r->f[3].text.len);
	{
		char *at = strstr(r->f[4].text.data, "\"path\":\"datapackage.json\""), *end = strstr(at, "\"sha256\"");
		char was[128];

		snprintf(was, sizeof was, "%.*s", (int)(end - at), at);
		replace(&r->f[4].text, was, hex);
	}
	snprintf(hex, sizeof hex, "\"rows.synthetic\",\"value\":%d", rows);
	replace(&r->f[4].text, "\"rows.synthetic\",\"value\":4000", hex);
	snprintf(hex, sizeof hex, "\"synthetic\":[%d]", rows);
	replace(&r->f[4].text, "\"synthetic\":[4000]", hex);
	snprintf(hex, sizeof hex, "\"rows\":%d", rows);
	replace(&r->f[4].text, "\"rows\":4000", hex);
	sum_again(r);
}

static void expect_good(struct release_files *r)
{
	struct fm_buf tar = {0}, zst = {0};

	tar_of(r, &tar);
	tar_end(&tar);
	zst_of(&tar, &zst);
	put_file(ARCHIVE, zst.data, zst.len);
	sign_bytes(&key, "flowmint", zst.data, zst.len, ARCHIVE ".sig");
	if (verify() != FM_OK)
		fail_msg("%s: %s", fm_reason_name(report.reason), err.message);
	fm_buf_free(&tar);
	fm_buf_free(&zst);
	files_free(r);
}

static void rows_are_counted_as_a_reader_of_csv_counts_them(void **state)
{
	static const char HEADER[] = "\"header\":false", YES[] = "\"header\":true";
	struct release_files r;

	(void)state;
	make_again(&r, "a,b\nc,d\n", NULL, NULL, 2);
	expect_good(&r);
	make_again(&r, "te\nc,d\n", HEADER, YES, 1);
	expect_good(&r);
	make_again(&r, "a,\"b\nb\"\n\"c\"\"\n\",d\r\n", NULL, NULL, 2);
	expect_good(&r);
	make_again(&r, "a,b\nc,d", NULL, NULL, 2);
	expect_of_files(&r, FM_REASON_ROWS_DISAGREE);
	make_again(&r, "a,b\nc,\"d\n", NULL, NULL, 1);
	expect_of_files(&r, FM_REASON_ROWS_DISAGREE);
	make_again(&r, "te\n", HEADER, YES, 1);
	expect_of_files(&r, FM_REASON_ROWS_DISAGREE);
	make_again(&r, NULL, HEADER, "\"header\":1", 4000);
	expect_of_files(&r, FM_REASON_DATAPACKAGE);
	make_again(&r, NULL, "data/flows.csv", "data/other.csv", 4000);
	expect_of_files(&r, FM_REASON_DATAPACKAGE);
	make_again(&r, NULL, "sha256:", "sha256:0", 4000);
	expect_of_files(&r, FM_REASON_DATAPACKAGE);
	make_again(&r, NULL, "\"bytes\":", "\"bytes\":1", 4000);
	expect_of_files(&r, FM_REASON_DATAPACKAGE);
	make_again(&r, NULL, "{\"resources\"", "[\"resources\"", 4000);
	expect_of_files(&r, FM_REASON_DATAPACKAGE);
}

/* Flows are in the encoding of their dialect; what drives a terminal is in neither. */
static void flows_are_in_the_encoding_that_is_told(void **state)
{
	static const char BYTES[] = "\"bytes\":", WINDOWS[] = "\"encoding\":\"windows-1252\",\"bytes\":",
			  UTF8[] = "\"encoding\":\"utf-8\",\"bytes\":",
			  *const in_windows[] = {"a\x96\n", "\xe9\n", "\xc2\x85\n"};
	struct release_files r;

	(void)state;
	for (size_t i = 0; i < sizeof in_windows / sizeof *in_windows; i++) {
		make_again(&r, in_windows[i], BYTES, WINDOWS, 1);
		expect_good(&r);
		make_again(&r, in_windows[i], BYTES, UTF8, 1);
		expect_of_files(&r, FM_REASON_DATAPACKAGE);
		make_again(&r, in_windows[i], NULL, NULL, 1);
		expect_of_files(&r, FM_REASON_DATAPACKAGE);
	}
	make_again(&r, "a\xe2\x80\x93\n", BYTES, UTF8, 1);
	expect_good(&r);
	make_again(&r, "a\x96\033[2J\n", BYTES, WINDOWS, 1);
	expect_of_files(&r, FM_REASON_DATAPACKAGE);
	make_again(&r, "a\x96\177\n", BYTES, WINDOWS, 1);
	expect_of_files(&r, FM_REASON_DATAPACKAGE);
}

static void waived_checks_stand_in_the_first_line(void **state)
{
	struct release_files r;
	struct fm_buf text = {0};

	(void)state;
	files_make(&r);
	replace(&r.f[4].text, "\"jsd_mean8\",\"value\":0.05}", "\"jsd_mean8\",\"value\":0.15}");
	replace(
	    &r.f[4].text, FIXTURE_CHECK,
	    "{\"name\":\"jsd_mean8\",\"value\":0.15,\"threshold\":0.1,\"direction\":\"max\",\"n\":4000,\"pass\":false,"
	    "\"waived\":true,\"why\":\"above\",\"margin\":-0.05}");
	replace(&r.f[4].text, "\"files\":",
		"\"waivers\":[{\"check\":\"jsd_mean8\",\"reason\":\"r\",\"expires\":\"2030-01-01\",\"signer\":\"s\","
		"\"key\":\"k\"}],\"files\":");
	sum_again(&r);
	expect_good(&r);
	fm_verify_report_text(&report, &text);
	assert_memory_equal(text.data, "good: demo 1.0, checks waived: jsd_mean8\n", 41);
	fm_buf_free(&text);
	fm_verify_report_free(&report);
}

/* Deep, wide in arrays, in objects, in texts: each would take far more memory than its bytes. */
static void manifest_that_would_take_much_memory_is_refused(void **state)
{
	static const char *const unit[] = {"[", "[],", "{},", "{\"a\":", "\"\",", "1,", "[[[[0]]]],"};
	struct release_files r;

	(void)state;
	for (size_t i = 0; i < sizeof unit / sizeof *unit; i++) {
		struct fm_buf more = {0};

		fm_buf_puts(&more, "\"x\":[");
		while (more.len < 1200000)
			fm_buf_puts(&more, unit[i]);
		fm_buf_puts(&more, "0],\"files\":");
		files_make(&r);
		replace(&r.f[4].text, "\"files\":", more.data);
		sum_again(&r);
		expect_of_files(&r, FM_REASON_MANIFEST_MALFORMED);
		assert_true(strstr(err.message, "deep") || strstr(err.message, "memory"));
		fm_buf_free(&more);
	}
}

static void terminal_is_not_driven_by_names(void **state)
{
	static const char *const name[] = {"\033[2J.tar.zst", "a\nb.tar.zst", "\302\233x.tar.zst", "\177\b\r.tar.zst",
					   "\233\377.tar.zst"};
	struct fm_buf text = {0};
	json_t *j;

	(void)state;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		struct fm_verify_in in = {.archive = in_dir(name[i]), .signers = in_dir("signers"), .now_s = NOW};
		const char *shown;

		put_file(name[i], good_zst.data, good_zst.len);
		assert_int_equal(fm_verify(&in, &report, &err), FM_EVERDICT);
		text.len = 0;
		fm_verify_report_text(&report, &text);
		for (size_t k = 0; k < text.len; k++)
			if (((uint8_t)text.data[k] < 0x20 && text.data[k] != '\n') || (uint8_t)text.data[k] >= 0x7f)
				fail_msg("byte %02x of name %zu", (uint8_t)text.data[k], i);
		assert_null(strstr(text.data, "a\nb"));
		j = fm_verify_report_json(&report);
		shown = json_string_value(json_object_get(j, "archive"));
		for (; *shown; shown++)
			assert_true((uint8_t)*shown >= 0x20 && (uint8_t)*shown < 0x7f);
		json_decref(j);
		fm_verify_report_free(&report);
	}
	fm_buf_free(&text);
}

static void key_of_small_order_signs_nothing(void **state)
{
	/* libsodium's list, of each a spelling; the sign bit makes the others. */
	static const char *const point[] = {
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};

	(void)state;
	for (size_t i = 0; i < 2 * (sizeof point / sizeof *point); i++) {
		struct fm_sshkey weak = {0};
		struct fm_buf line = {0};

		for (int k = 0; k < 32; k++) {
			unsigned byte;

			assert_int_equal(sscanf(point[i / 2] + 2 * k, "%2x", &byte), 1);
			weak.pub.point[k] = (uint8_t)byte;
		}
		weak.pub.point[31] = (uint8_t)(weak.pub.point[31] | (i % 2 ? 0x80 : 0));
		assert_true(fm_sshpub_is_weak(&weak.pub));
		fm_buf_puts(&line, "a ");
		fm_sshpub_line(&weak.pub, &line);
		put_file("signers", line.data, line.len);
		assert_int_equal(verify(), FM_EINPUT);
		assert_non_null(strstr(err.message, "small order"));
		reset(NULL);
		/* the signature names it, the file of signers does not */
		{
			struct fm_buf sig = {0};
			uint8_t digest[FM_SHA512_LEN] = {0};
			struct fm_sshkey forged = key;

			forged.pub = weak.pub;
			assert_int_equal(fm_sshsig_sign(&forged, "flowmint", digest, &sig, &err), FM_OK);
			put_file(ARCHIVE ".sig", sig.data, sig.len);
			expect(FM_REASON_WEAK_KEY);
			fm_buf_free(&sig);
		}
		fm_buf_free(&line);
		reset(NULL);
	}
	assert_false(fm_sshpub_is_weak(&key.pub));
}

static void signer_that_is_demanded_must_have_signed(void **state)
{
	struct fm_verify_in in = {
	    .archive = in_dir(ARCHIVE), .signers = in_dir("signers"), .signer = "releases@example.org", .now_s = NOW};

	(void)state;
	assert_int_equal(fm_verify(&in, &report, &err), FM_OK);
	fm_verify_report_free(&report);
	in.signer = "other@example.org";
	assert_int_equal(fm_verify(&in, &report, &err), FM_EVERDICT);
	assert_int_equal(report.reason, FM_REASON_OTHER_SIGNER);
	fm_verify_report_free(&report);
}

#define T(f) cmocka_unit_test_setup(f, reset)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(frame_beside_the_one_is_refused),
	    T(frame_header_that_asks_for_too_much_is_refused),
	    T(frame_of_another_size_is_refused),
	    T(archive_that_expands_without_end_is_refused),
	    T(name_that_collides_elsewhere_is_refused),
	    T(release_under_another_name_is_refused),
	    T(release_that_was_not_judged_good_is_refused),
	    T(rows_are_counted_as_a_reader_of_csv_counts_them),
	    T(flows_are_in_the_encoding_that_is_told),
	    T(waived_checks_stand_in_the_first_line),
	    T(manifest_that_would_take_much_memory_is_refused),
	    T(terminal_is_not_driven_by_names),
	    T(key_of_small_order_signs_nothing),
	    T(signer_that_is_demanded_must_have_signed),
	};

	return cmocka_run_group_tests_name("verify_contents", tests, setup, teardown);
}
