/*
 * The partner's check: each way to tamper with a release is refused, and for its own reason.  Where the archive itself
 * is changed it is signed again, so that the refusal is the contents' and not the signature's.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"
#include "release/verify_narrow.h"
#include "verify_fixture.h"

static void good_release_is_good(void **state)
{
	json_t *j;

	(void)state;
	assert_int_equal(verify(), FM_OK);
	assert_string_equal(report.signer, "releases@example.org");
	assert_string_equal(report.info.name, "demo");
	assert_string_equal(report.info.version, "1.0");
	assert_int_equal(report.info.n, 5);
	j = fm_verify_report_json(&report);
	assert_string_equal(json_string_value(json_object_get(j, "verdict")), "good");
	assert_string_equal(json_string_value(json_object_get(j, "reason")), "good");
	assert_int_equal(json_array_size(json_object_get(j, "files")), 5);
	json_decref(j);
	fm_verify_report_free(&report);
}

static void each_changed_byte_is_refused(void **state)
{
	char *copy = malloc(good_zst.len);

	(void)state;
	assert_true(good_zst.len > 5000);
	for (size_t i = 0; i < good_zst.len; i += 997) {
		memcpy(copy, good_zst.data, good_zst.len);
		copy[i] = (char)(copy[i] ^ 0x20);
		put_file(ARCHIVE, copy, good_zst.len);
		expect(FM_REASON_BAD_SIGNATURE);
	}
	free(copy);
}

static void each_changed_byte_of_the_tar_is_refused(void **state)
{
	struct fm_buf tar = {0};

	(void)state;
	fm_buf_add(&tar, good_tar.data, good_tar.len);
	for (size_t i = 0; i < tar.len; i += 997) {
		struct fm_buf zst = {0};

		tar.data[i] = (char)(tar.data[i] ^ 0x01);
		zst_of(&tar, &zst);
		put_file(ARCHIVE, zst.data, zst.len);
		sign_bytes(&key, "flowmint", zst.data, zst.len, ARCHIVE ".sig");
		assert_int_equal(verify(), FM_EVERDICT);
		assert_true(report.reason > FM_REASON_BAD_SIGNATURE);
		fm_buf_free(&zst);
		tar.data[i] = (char)(tar.data[i] ^ 0x01);
	}
	fm_buf_free(&tar);
}

static void truncated_archive_is_refused(void **state)
{
	(void)state;
	for (size_t n = 1; n < good_zst.len; n += 1499) {
		put_file(ARCHIVE, good_zst.data, n);
		expect(FM_REASON_BAD_SIGNATURE);
		if (n < 4)
			continue;
		sign_bytes(&key, "flowmint", good_zst.data, n, ARCHIVE ".sig");
		expect(FM_REASON_ARCHIVE_MALFORMED);
		reset(NULL);
	}
}

static void truncated_tar_is_refused(void **state)
{
	struct fm_buf tar = {0};

	(void)state;
	for (size_t n = 512; n < good_tar.len; n += 512 * 61) {
		tar.len = 0;
		fm_buf_add(&tar, good_tar.data, n);
		expect_of_tar(&tar, FM_REASON_ARCHIVE_MALFORMED);
	}
	fm_buf_free(&tar);
}

static void signature_of_other_bytes_is_refused(void **state)
{
	(void)state;
	sign_bytes(&key, "flowmint", "another file", 12, ARCHIVE ".sig");
	expect(FM_REASON_BAD_SIGNATURE);
}

static void missing_signature_is_refused(void **state)
{
	(void)state;
	assert_int_equal(unlink(in_dir(ARCHIVE ".sig")), 0);
	expect(FM_REASON_SIGNATURE_MISSING);
}

static void malformed_signature_is_refused(void **state)
{
	struct fm_buf sig = {0};
	struct fm_error e;

	(void)state;
	assert_int_equal(fm_file_read(in_dir(ARCHIVE ".sig"), 65536, &sig, &e), FM_OK);
	put_file(ARCHIVE ".sig", "", 0);
	expect(FM_REASON_SIGNATURE_MALFORMED);
	put_file(ARCHIVE ".sig", "good, trust me\n", 15);
	expect(FM_REASON_SIGNATURE_MALFORMED);
	put_file(ARCHIVE ".sig", good_zst.data, good_zst.len);
	expect(FM_REASON_SIGNATURE_MALFORMED);
	for (size_t n = 10; n < sig.len - 26; n += 10) {
		put_file(ARCHIVE ".sig", sig.data, n);
		expect(FM_REASON_SIGNATURE_MALFORMED);
	}
	fm_buf_puts(&sig, "and more\n");
	put_file(ARCHIVE ".sig", sig.data, sig.len);
	expect(FM_REASON_SIGNATURE_MALFORMED);
	/* As by way of a mail: ssh-keygen takes none whose first line ends so. */
	*strchr(sig.data, '\n') = '\r';
	put_file(ARCHIVE ".sig", sig.data, sig.len - strlen("and more\n"));
	expect(FM_REASON_SIGNATURE_MALFORMED);
	fm_buf_free(&sig);
}

static void stranger_is_refused(void **state)
{
	(void)state;
	sign_bytes(&stranger, "flowmint", good_zst.data, good_zst.len, ARCHIVE ".sig");
	expect(FM_REASON_UNKNOWN_SIGNER);
	put_file("signers", "# nobody\n", 9);
	reset(NULL);
	put_file("signers", "", 0);
	expect(FM_REASON_UNKNOWN_SIGNER);
}

static void other_namespace_is_refused(void **state)
{
	(void)state;
	sign_bytes(&key, "file", good_zst.data, good_zst.len, ARCHIVE ".sig");
	expect(FM_REASON_WRONG_NAMESPACE);
	reset(NULL);
	put_signers("namespaces=\"git,file\"");
	expect(FM_REASON_WRONG_NAMESPACE);
	put_signers("namespaces=\"*,!flowmint\"");
	expect(FM_REASON_WRONG_NAMESPACE);
	put_signers("namespaces=\"git,flow*\"");
	assert_int_equal(verify(), FM_OK);
}

static void key_out_of_its_time_is_refused(void **state)
{
	(void)state;
	/* NOW is 2023-11-14 22:13:20 UTC. */
	put_signers("namespaces=\"flowmint\",valid-before=\"20231114221319Z\"");
	expect(FM_REASON_KEY_EXPIRED);
	put_signers("valid-before=\"20231114221320Z\"");
	assert_int_equal(verify(), FM_OK);
	put_signers("valid-after=\"20231115Z\"");
	expect(FM_REASON_KEY_NOT_YET_VALID);
	put_signers("valid-after=\"202311142213Z\",valid-before=\"20240101Z\"");
	assert_int_equal(verify(), FM_OK);
}

static void certificate_authority_signs_nothing(void **state)
{
	(void)state;
	put_signers("cert-authority,namespaces=\"flowmint\"");
	expect(FM_REASON_UNKNOWN_SIGNER);
}

static void broken_signers_file_is_bad_input(void **state)
{
	static const char *const options[] = {"frobnicate",
					      "namespaces",
					      "namespaces=flowmint",
					      "valid-before=\"2023\"",
					      "valid-before=\"20231301\"",
					      "valid-after=\"20240101\",valid-before=\"20230101\"",
					      "namespaces=\"flowmint\",",
					      "namespaces=\"flowmint",
					      "ssh-ed25519 AAAA"};

	(void)state;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		put_signers(options[i]);
		assert_int_equal(verify(), FM_EINPUT);
		assert_non_null(strstr(err.message, "signers:3: "));
	}
	assert_int_equal(unlink(in_dir("signers")), 0);
	assert_int_equal(verify(), FM_EINPUT);
}

static void what_is_no_archive_is_bad_input(void **state)
{
	(void)state;
	put_file(ARCHIVE, "hello, world\n", 13);
	sign_bytes(&key, "flowmint", "hello, world\n", 13, ARCHIVE ".sig");
	assert_int_equal(verify(), FM_EINPUT);
	assert_int_equal(unlink(in_dir(ARCHIVE ".sig")), 0);
	assert_int_equal(verify(), FM_EINPUT);
	assert_int_equal(unlink(in_dir(ARCHIVE)), 0);
	assert_int_equal(verify(), FM_EINPUT);
	assert_int_equal(mkdir(in_dir(ARCHIVE), 0700), 0);
	assert_int_equal(verify(), FM_EINPUT);
	assert_int_equal(rmdir(in_dir(ARCHIVE)), 0);
}

static void bytes_behind_the_end_are_refused(void **state)
{
	struct fm_buf b = {0}, tar = {0};

	(void)state;
	fm_buf_add(&b, good_zst.data, good_zst.len);
	fm_buf_puts(&b, "tail");
	put_file(ARCHIVE, b.data, b.len);
	sign_bytes(&key, "flowmint", b.data, b.len, ARCHIVE ".sig");
	expect(FM_REASON_ARCHIVE_MALFORMED);
	fm_buf_free(&b);
	/* A second zstd frame with a second tar; and a tar that goes on behind its own end. */
	fm_buf_add(&tar, good_tar.data, good_tar.len);
	fm_buf_add(&tar, good_tar.data, good_tar.len);
	expect_of_tar(&tar, FM_REASON_ARCHIVE_MALFORMED);
	tar.len = good_tar.len;
	tar.data[tar.len - 1] = 1;
	expect_of_tar(&tar, FM_REASON_ARCHIVE_MALFORMED);
	fm_buf_free(&tar);
}

/* An entry more, put behind the good ones. */
static void expect_of_entry(const char *path, char type, const char *text, enum fm_reason reason)
{
	struct release_files files;
	struct fm_buf tar = {0};

	files_make(&files);
	tar_of(&files, &tar);
	tar_add(&tar, path, type, text, strlen(text));
	tar_end(&tar);
	expect_of_tar(&tar, reason);
	fm_buf_free(&tar);
	files_free(&files);
}

static void entry_that_may_not_be_is_refused(void **state)
{
	(void)state;
	expect_of_entry("demo-1.0/zz", '0', "more", FM_REASON_FILE_EXTRA);
	expect_of_entry("demo-1.0/manifest.json", '0', "{}", FM_REASON_ENTRY_DUPLICATE);
	expect_of_entry("demo-1.0/a", '0', "", FM_REASON_ENTRY_ORDER);
	expect_of_entry("demo-1.0/../../etc/passwd", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("../zz", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("/etc/passwd", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("other-1.0/zz", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("demo-1.0zz", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("demo-1.0/", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("demo-1.0/zz/", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("demo-1.0/zz//y", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("demo-1.0/.hidden", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("demo-1.0/-rf", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("demo-1.0/z\033[2J", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("", '0', "", FM_REASON_ENTRY_PATH);
	expect_of_entry("demo-1.0/zz/", '5', "", FM_REASON_ENTRY_TYPE);
	for (const char *type = "12346xgLKSA7"; *type; type++)
		expect_of_entry("demo-1.0/zz", *type, "", FM_REASON_ENTRY_TYPE);
	expect_of_entry("demo-1.0/zz", 0, "", FM_REASON_ENTRY_TYPE);
}

static void symbolic_link_in_place_of_a_file_is_refused(void **state)
{
	struct fm_buf tar = {0};
	size_t at;

	(void)state;
	tar_add(&tar, "demo-1.0/", '5', "", 0);
	at = tar_add(&tar, "demo-1.0/README.md", '2', "", 0);
	memcpy(tar.data + at + 157, "/etc/passwd", 11);
	tar_checksum((uint8_t *)tar.data + at);
	tar_end(&tar);
	expect_of_tar(&tar, FM_REASON_ENTRY_TYPE);
	fm_buf_free(&tar);
}

/* One field of the first file's header spoilt, with a right checksum. */
static void expect_of_field(size_t at, const char *bytes, size_t n, enum fm_reason reason)
{
	struct fm_buf tar = {0};

	fm_buf_add(&tar, good_tar.data, good_tar.len);
	memcpy(tar.data + 512 + at, bytes, n);
	tar_checksum((uint8_t *)tar.data + 512);
	expect_of_tar(&tar, reason);
	fm_buf_free(&tar);
}

/* One path has one spelling: in two fields only where one has no room for it. */
static void short_path_in_two_fields_is_refused(void **state)
{
	struct fm_buf tar = {0};
	char *h, path[100] = "";

	(void)state;
	fm_buf_add(&tar, good_tar.data, good_tar.len);
	h = tar.data + 512;
	memcpy(path, h + 9, 91); /* behind "demo-1.0/" */
	memcpy(h, path, 100);
	memcpy(h + 345, "demo-1.0", 8);
	tar_checksum((uint8_t *)h);
	expect_of_tar(&tar, FM_REASON_ENTRY_PATH);
	fm_buf_free(&tar);
}

static void header_field_that_flowmint_does_not_write_is_refused(void **state)
{
	(void)state;
	expect_of_field(100, "004755", 6, FM_REASON_ENTRY_HEADER); /* set-user-id */
	expect_of_field(100, "000755", 6, FM_REASON_ENTRY_HEADER);
	expect_of_field(108, "001750", 6, FM_REASON_ENTRY_HEADER);
	expect_of_field(116, "001750", 6, FM_REASON_ENTRY_HEADER);
	expect_of_field(136, "02263523001", 11, FM_REASON_ENTRY_HEADER);
	expect_of_field(157, "x", 1, FM_REASON_ENTRY_HEADER);
	expect_of_field(265, "root", 4, FM_REASON_ENTRY_HEADER);
	expect_of_field(297, "root", 4, FM_REASON_ENTRY_HEADER);
	expect_of_field(329, "0000001", 7, FM_REASON_ENTRY_HEADER);
	expect_of_field(500, "x", 1, FM_REASON_ENTRY_HEADER);
	expect_of_field(60, "hidden", 6, FM_REASON_ENTRY_PATH);
	expect_of_field(257, "ustar  ", 8, FM_REASON_ARCHIVE_MALFORMED); /* GNU tar's own format */
	expect_of_field(345, "elsewhere", 9, FM_REASON_ENTRY_PATH);
	expect_of_field(124, "77777777777", 11, FM_REASON_ARCHIVE_MALFORMED); /* 8 GiB that are not there */
	expect_of_field(124, "\200\0\0\0\377\377\377\377\377\377\377\377", 12, FM_REASON_ENTRY_SIZE);
	expect_of_field(124, "-0000000001", 11, FM_REASON_ENTRY_SIZE);
	expect_of_field(124, "           ", 11, FM_REASON_ENTRY_SIZE);
}

static void huge_document_is_refused_before_it_is_read(void **state)
{
	struct fm_buf tar = {0};
	size_t at;

	(void)state;
	tar_add(&tar, "demo-1.0/", '5', "", 0);
	at = tar_add(&tar, "demo-1.0/SHA256SUMS", '0', "", 0);
	memcpy(tar.data + at + 124, "00100000001", 11);
	tar_checksum((uint8_t *)tar.data + at);
	tar_end(&tar);
	expect_of_tar(&tar, FM_REASON_ENTRY_SIZE);
	fm_buf_free(&tar);
}

static void missing_file_is_refused(void **state)
{
	struct release_files r;

	(void)state;
	for (size_t gone = 0; gone < NFILES; gone++) {
		files_make(&r);
		fm_buf_free(&r.f[gone].text);
		memmove(&r.f[gone], &r.f[gone + 1], (r.n - gone - 1) * sizeof *r.f);
		r.n--;
		expect_of_files(&r, FM_REASON_FILE_MISSING);
	}
}

static void changed_file_is_refused(void **state)
{
	struct release_files r;

	(void)state;
	for (size_t i = 0; i < NFILES; i++) {
		if (i == 1)
			continue;
		files_make(&r);
		r.f[i].text.data[0] = (char)(r.f[i].text.data[0] ^ 1);
		expect_of_files(&r, FM_REASON_FILE_CHANGED);
	}
	files_make(&r);
	fm_buf_puts(&r.f[2].text, "one row more\n");
	expect_of_files(&r, FM_REASON_FILE_CHANGED);
}

static void unreadable_sums_are_refused(void **state)
{
	struct release_files r;

	(void)state;
	files_make(&r);
	r.f[1].text.len--;
	expect_of_files(&r, FM_REASON_SUMS_MALFORMED);
	files_make(&r);
	r.f[1].text.data[64] = '*';
	expect_of_files(&r, FM_REASON_SUMS_MALFORMED);
	files_make(&r);
	fm_buf_add(&r.f[1].text, r.f[1].text.data, strcspn(r.f[1].text.data, "\n") + 1);
	expect_of_files(&r, FM_REASON_SUMS_MALFORMED);
	files_make(&r);
	fm_buf_printf(&r.f[1].text, "%064d  ghost.csv\n", 0);
	expect_of_files(&r, FM_REASON_FILE_MISSING);
}

static void manifest_that_disagrees_is_refused(void **state)
{
	static const struct {
		const char *from, *to;
		enum fm_reason reason;
	} t[] = {
	    {"\"demo\"", "\"demi\"", FM_REASON_MANIFEST_DISAGREES},
	    {"\"1.0\"", "\"2.0\"", FM_REASON_MANIFEST_DISAGREES},
	    {"README.md", "README.mD", FM_REASON_MANIFEST_DISAGREES},
	    {"\"bytes\":8", "\"bytes\":9", FM_REASON_MANIFEST_DISAGREES},
	    {"\"bytes\":8", "\"bytes\":-8", FM_REASON_MANIFEST_DISAGREES},
	    {"\"bytes\":8", "\"bytes\":8.0", FM_REASON_MANIFEST_MALFORMED},
	    {"\"sha256\":\"", "\"sha256\":\"0", FM_REASON_MANIFEST_DISAGREES},
	    {"\"files\"", "\"files_\"", FM_REASON_MANIFEST_MALFORMED},
	    {"\"files\":[", "\"files\":[],\"files\":[", FM_REASON_MANIFEST_MALFORMED}, /* the same key twice */
	    {"{\"release\"", "{\"release\":{},\"rel\"", FM_REASON_MANIFEST_MALFORMED},
	    {"]}", "]", FM_REASON_MANIFEST_MALFORMED},
	    {"]}", "]} {}", FM_REASON_MANIFEST_MALFORMED},
	    {"{\"path\":\"README.md\"", "{\"p\":\"README.md\"", FM_REASON_MANIFEST_MALFORMED},
	    {"\"path\":\"data/flows.csv\"", "\"path\":\"README.md\"", FM_REASON_MANIFEST_DISAGREES},
	};
	struct release_files r;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		files_make(&r);
		replace(&r.f[4].text, t[i].from, t[i].to);
		sum_again(&r);
		expect_of_files(&r, t[i].reason);
	}
	/* A file that is listed in SHA256SUMS, but of which the manifest does not know. */
	files_make(&r);
	r.n = 6;
	snprintf(r.f[5].path, sizeof r.f[5].path, "zz");
	fm_buf_puts(&r.f[5].text, "z");
	fm_buf_puts(&r.f[1].text, "594e519ae499312b29433b7dd8a97ff068defcba9755b6d5d00e84c524d67b06  zz\n");
	expect_of_files(&r, FM_REASON_MANIFEST_DISAGREES);
}

static void tar_of_nothing_is_refused(void **state)
{
	struct fm_buf tar = {0};

	(void)state;
	tar_end(&tar);
	expect_of_tar(&tar, FM_REASON_ARCHIVE_MALFORMED);
	tar.len = 0;
	fm_buf_puts(&tar, "no tar at all");
	expect_of_tar(&tar, FM_REASON_ARCHIVE_MALFORMED);
	tar.len = 0;
	expect_of_tar(&tar, FM_REASON_ARCHIVE_MALFORMED);
	fm_buf_free(&tar);
}

static void compressed_twice_is_refused(void **state)
{
	(void)state;
	expect_of_tar(&good_zst, FM_REASON_ARCHIVE_MALFORMED);
}

#define T(f) cmocka_unit_test_setup(f, reset)
/* ---- what flowmint-verify gives up before it reads a byte ---- */

static bool opens(const char *path, int flags)
{
	return open(path, flags, 0600) >= 0;
}
static bool reads_passwd(void)
{
	return opens("/etc/passwd", O_RDONLY);
}
static bool writes_elsewhere(void)
{
	return opens(in_dir("was-here"), O_WRONLY | O_CREAT);
}
static bool makes_a_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}
static bool starts_a_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}
static bool starts_a_program(void)
{
	char *const argv[] = {"true", NULL};

	execv("/bin/true", argv);
	return false;
}

/* 1 it succeeds, 0 it is refused or killed. */
static int gets(bool (*attempt)(void), bool narrow)
{
	struct fm_verify_in in = {.archive = "/nowhere/a.tar.zst", .signers = "/dev/null"};
	struct fm_error why;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(narrow && fm_verify_narrow(&in, &why) < 0 ? 2 : attempt() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void nothing_but_the_files_is_in_reach(void **state)
{
	static bool (*const attempt[])(void) = {makes_a_socket, starts_a_process, starts_a_program, reads_passwd,
						writes_elsewhere};

	(void)state;
	for (size_t i = 0; i < sizeof attempt / sizeof *attempt; i++) {
		if (i >= 3 && fm_landlock_version() == 0)
			break;
		assert_int_equal(gets(attempt[i], false), 1);
		unlink(in_dir("was-here"));
		assert_int_equal(gets(attempt[i], true), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(good_release_is_good),
	    T(each_changed_byte_is_refused),
	    T(each_changed_byte_of_the_tar_is_refused),
	    T(truncated_archive_is_refused),
	    T(truncated_tar_is_refused),
	    T(signature_of_other_bytes_is_refused),
	    T(missing_signature_is_refused),
	    T(malformed_signature_is_refused),
	    T(stranger_is_refused),
	    T(other_namespace_is_refused),
	    T(key_out_of_its_time_is_refused),
	    T(certificate_authority_signs_nothing),
	    T(broken_signers_file_is_bad_input),
	    T(what_is_no_archive_is_bad_input),
	    T(bytes_behind_the_end_are_refused),
	    T(entry_that_may_not_be_is_refused),
	    T(symbolic_link_in_place_of_a_file_is_refused),
	    T(header_field_that_flowmint_does_not_write_is_refused),
	    T(short_path_in_two_fields_is_refused),
	    T(huge_document_is_refused_before_it_is_read),
	    T(missing_file_is_refused),
	    T(changed_file_is_refused),
	    T(unreadable_sums_are_refused),
	    T(manifest_that_disagrees_is_refused),
	    T(tar_of_nothing_is_refused),
	    T(compressed_twice_is_refused),
	    cmocka_unit_test(nothing_but_the_files_is_in_reach),
	};

	return cmocka_run_group_tests_name("verify", tests, setup, teardown);
}
