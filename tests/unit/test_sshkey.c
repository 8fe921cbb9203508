/* Keys: what is written is read back, what is damaged, encrypted, of another type or open to others is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/secret.h"
#include "release/sign/sshkey.h"

static char dir[256];

static int make_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof dir, "%s/flowmint-test-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(dir, &err);
}

static const char *in_dir(const char *name)
{
	static char path[4][512];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void written_key_is_read_back(void **state)
{
	struct fm_sshkey a, b;
	struct fm_error err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(fm_sshkey_generate(&a, "a comment", &err), FM_OK);
	assert_int_equal(fm_sshkey_write(&a, in_dir("round"), &err), FM_OK);
	assert_int_equal(stat(in_dir("round"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fm_sshkey_read(&b, in_dir("round"), &err), FM_OK);
	assert_memory_equal(a.pub.point, b.pub.point, 32);
	assert_memory_equal(a.seed.data, b.seed.data, 32);
	assert_string_equal(b.pub.comment, "a comment");
	fm_sshkey_close(&a);
	fm_sshkey_close(&b);
	assert_null(b.seed.data);
}

static void existing_key_is_not_overwritten(void **state)
{
	struct fm_error err = {0};
	struct fm_buf line = {0};

	(void)state;
	assert_int_equal(fm_keygen_line(in_dir("once"), "a@example.org", &line, &err), FM_OK);
	assert_memory_equal(
	    line.data, "a@example.org namespaces=\"flowmint,flowmint-release\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
	    73);
	assert_int_equal(fm_keygen_line(in_dir("once"), "a@example.org", NULL, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "overwritten"));
	/* The public half alone is reason enough, and the private one is then not written. */
	assert_int_equal(unlink(in_dir("once")), 0);
	assert_int_equal(fm_keygen_line(in_dir("once"), "a@example.org", NULL, &err), FM_EINPUT);
	assert_false(fm_file_exists(in_dir("once")));
	fm_buf_free(&line);
}

static void principal_that_would_break_the_line_is_refused(void **state)
{
	static const char *const bad[] = {"", "a b", "a,b", "*@example.org", "#a", "a\"b", "a\nb", "!a", "a\\b"};
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(fm_keygen_line(in_dir("principal"), bad[i], NULL, &err), FM_EUSAGE);
		assert_false(fm_file_exists(in_dir("principal")));
		assert_false(fm_file_exists(in_dir("principal.pub")));
	}
}

static void key_open_to_others_is_refused(void **state)
{
	static const mode_t open_modes[] = {0640, 0604, 0644, 0660};
	struct fm_error err = {0};
	struct fm_sshkey k;

	(void)state;
	assert_int_equal(fm_keygen_line(in_dir("open"), "a", NULL, &err), FM_OK);
	for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
		assert_int_equal(chmod(in_dir("open"), open_modes[i]), 0);
		assert_int_equal(fm_sshkey_read(&k, in_dir("open"), &err), FM_EINPUT);
		assert_null(k.seed.data);
	}
	assert_int_equal(chmod(in_dir("open"), 0400), 0);
	assert_int_equal(fm_sshkey_read(&k, in_dir("open"), &err), FM_OK);
	fm_sshkey_close(&k);
}

/* Whatever byte of the file is changed: never a crash, and never another key than the one written. */
static void damaged_key_is_refused_or_the_same(void **state)
{
	struct fm_error err = {0};
	struct fm_sshkey k, original;
	struct fm_buf b = {0};
	int refused = 0;

	(void)state;
	assert_int_equal(fm_sshkey_generate(&original, "c", &err), FM_OK);
	assert_int_equal(fm_sshkey_write(&original, in_dir("damage"), &err), FM_OK);
	assert_int_equal(fm_file_read(in_dir("damage"), 65536, &b, &err), FM_OK);
	for (size_t i = 0; i < b.len; i += 5) {
		char keep = b.data[i];
		FILE *f = fopen(in_dir("damaged"), "w");

		b.data[i] = (char)(keep ^ 0x04);
		assert_non_null(f);
		assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
		fclose(f);
		chmod(in_dir("damaged"), 0600);
		b.data[i] = keep;
		if (fm_sshkey_read(&k, in_dir("damaged"), &err) == FM_OK) {
			assert_memory_equal(k.seed.data, original.seed.data, 32);
			fm_sshkey_close(&k);
		} else {
			assert_int_equal(err.code, FM_EINPUT);
			assert_null(k.seed.data);
			refused++;
		}
	}
	assert_true(refused > 20);
	fm_buf_free(&b);
	fm_sshkey_close(&original);
}

static void what_is_no_key_is_refused_with_advice(void **state)
{
	struct fm_error err = {0};
	struct fm_sshkey k;

	(void)state;
	assert_int_equal(fm_file_write(in_dir("none"), 0600, "hello\n", 6, &err), FM_OK);
	assert_int_equal(fm_sshkey_read(&k, in_dir("none"), &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "flowmint keygen"));
	assert_int_equal(fm_file_write(in_dir("empty"), 0600, "", 0, &err), FM_OK);
	assert_int_equal(fm_sshkey_read(&k, in_dir("empty"), &err), FM_EINPUT);
	assert_int_equal(fm_sshkey_read(&k, in_dir("absent"), &err), FM_EINPUT);
	assert_int_equal(fm_sshkey_read(&k, dir, &err), FM_EINPUT);
}

/* RFC 8032 section 7.1, test 3: the two bytes af 82. */
static void signature_equals_the_published_vector(void **state)
{
	static const char seed[] = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
	static const char want[] = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
				   "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";
	static const char public[] = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
	static const uint8_t message[] = {0xaf, 0x82};
	struct fm_error err = {0};
	struct fm_sshkey k = {0};
	uint8_t sig[64];
	char hex[129];

	(void)state;
	assert_int_equal(fm_secret_new(&k.seed, 32, &err), FM_OK);
	for (int i = 0; i < 32; i++) {
		unsigned v, w;

		sscanf(seed + 2 * i, "%2x", &v);
		sscanf(public + 2 * i, "%2x", &w);
		k.seed.data[i] = (uint8_t)v;
		k.pub.point[i] = (uint8_t)w;
	}
	assert_int_equal(fm_sshkey_sign(&k, message, 2, sig, &err), FM_OK);
	for (int i = 0; i < 64; i++)
		snprintf(hex + 2 * i, 3, "%02x", sig[i]);
	assert_string_equal(hex, want);
	assert_int_equal(fm_sshpub_check(&k.pub, message, 2, sig, &err), 1);
	assert_int_equal(fm_sshpub_check(&k.pub, message, 1, sig, &err), 0);
	sig[3] ^= 1;
	assert_int_equal(fm_sshpub_check(&k.pub, message, 2, sig, &err), 0);
	fm_sshkey_close(&k);
}

static void base64_is_strict(void **state)
{
	static const struct {
		const char *text, *want; /* want NULL: refused */
	} t[] = {{"", ""},        {"TQ==", "M"},  {"TWE=", "Ma"},     {"TWFu", "Man"}, {"TW\r\nFu\n", "Man"},
		 {"TQ=", NULL},   {"TQ", NULL},   {"T", NULL},        {"=", NULL},     {"====", NULL},
		 {"TR==", NULL},  {"TWF=", NULL}, {"TQ==TQ==", NULL}, {"TW-u", NULL},  {"TWFu=", NULL},
		 {"TQ===", NULL}, {"T=Fu", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		uint8_t out[8];
		size_t n = 99;
		int rc = fm_base64_decode(t[i].text, strlen(t[i].text), out, sizeof out, &n);

		assert_int_equal(rc, t[i].want ? 0 : -1);
		if (t[i].want) {
			assert_int_equal(n, strlen(t[i].want));
			assert_memory_equal(out, t[i].want, n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(written_key_is_read_back),
	    cmocka_unit_test(existing_key_is_not_overwritten),
	    cmocka_unit_test(principal_that_would_break_the_line_is_refused),
	    cmocka_unit_test(key_open_to_others_is_refused),
	    cmocka_unit_test(damaged_key_is_refused_or_the_same),
	    cmocka_unit_test(what_is_no_key_is_refused_with_advice),
	    cmocka_unit_test(signature_equals_the_published_vector),
	    cmocka_unit_test(base64_is_strict),
	};

	return cmocka_run_group_tests_name("sshkey", tests, make_dir, remove_dir);
}
