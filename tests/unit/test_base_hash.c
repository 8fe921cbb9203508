/* Digests: published vectors, folders by name and content, hex both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "tests/unit/scratch.h"

/* FIPS 180-4 examples. */
static void test_sha256_equals_the_published_vectors(void **state)
{
	static const struct {
		const char *text, *hex;
	} kat[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	uint8_t d[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];
	struct fm_sha256 *h;
	struct fm_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(kat) / sizeof(kat[0]); i++) {
		size_t n = strlen(kat[i].text);

		assert_int_equal(fm_sha256_bytes(kat[i].text, n, d, &err), FM_OK);
		fm_hex(d, sizeof(d), hex);
		assert_string_equal(hex, kat[i].hex);
		assert_int_equal(fm_sha256_new(&h, &err), FM_OK);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(fm_sha256_add(h, kat[i].text + k, 1, &err), FM_OK);
		assert_int_equal(fm_sha256_end(h, d, &err), FM_OK);
		fm_hex(d, sizeof(d), hex);
		assert_string_equal(hex, kat[i].hex);
	}
	assert_int_equal(fm_sha256_bytes(NULL, 0, d, &err), FM_OK);
	fm_sha256_free(NULL);
}

/* RFC 4231, test cases 2 and 6. */
static void test_hmac_equals_the_published_vectors(void **state)
{
	uint8_t d[FM_SHA256_LEN], key[131];
	char hex[FM_SHA256_HEX];
	struct fm_error err;
	const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";

	(void)state;
	assert_int_equal(fm_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, d, &err), FM_OK);
	fm_hex(d, sizeof(d), hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(fm_hmac_sha256(key, sizeof(key), text, strlen(text), d, &err), FM_OK);
	fm_hex(d, sizeof(d), hex);
	assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_int_equal(fm_hmac_sha256(NULL, 0, NULL, 0, d, &err), FM_OK);
	fm_hex(d, sizeof(d), hex);
	assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_hex_takes_exactly_its_digits(void **state)
{
	static const char *const bad[] = {"", "0", "00f", "00ff0", "00fg", "0 ff", "00ff ", "0x00", "00f\xff"};
	uint8_t out[2], all[256], back[256];
	char text[513];
	struct fm_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fm_unhex(bad[i], 2, out, &err), FM_EINPUT);
	assert_int_equal(fm_unhex("aBcD", 2, out, &err), FM_OK);
	assert_int_equal(out[0] << 8 | out[1], 0xabcd);
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	fm_hex(all, sizeof(all), text);
	assert_int_equal(fm_unhex(text, sizeof(all), back, &err), FM_OK);
	assert_memory_equal(all, back, sizeof(all));
}

static void test_files_and_folders(void **state)
{
	char hex[FM_SHA256_HEX], before[FM_SHA256_HEX];
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_sha256_file_hex(scratch_path("absent"), hex, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "absent"));
	assert_int_equal(fm_sha256_file_hex(scratch, hex, &err), FM_EINPUT);
	assert_int_equal(fm_dir_make(scratch_path("d/a"), 0755, &err), FM_OK);
	assert_int_equal(fm_file_write(scratch_path("d/a/x"), 0644, "abc", 3, &err), FM_OK);
	assert_int_equal(fm_file_write(scratch_path("d/a.b"), 0644, "", 0, &err), FM_OK);
	assert_int_equal(fm_sha256_file_hex(scratch_path("d/a/x"), hex, &err), FM_OK);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	/* "a.b" stands before "a/x" in byte order; the digest is that of sha256sum's lines. */
	assert_int_equal(fm_sha256_dir_hex(scratch_path("d"), before, &err), FM_OK);
	const char *lines = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.b\n"
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a/x\n";
	uint8_t d[FM_SHA256_LEN];
	assert_int_equal(fm_sha256_bytes(lines, strlen(lines), d, &err), FM_OK);
	fm_hex(d, sizeof(d), hex);
	assert_string_equal(before, hex);
	/* Another content, another name: another digest. */
	assert_int_equal(fm_file_write(scratch_path("d/a/x"), 0644, "abd", 3, &err), FM_OK);
	assert_int_equal(fm_sha256_dir_hex(scratch_path("d"), hex, &err), FM_OK);
	assert_string_not_equal(before, hex);
	assert_int_equal(fm_file_write(scratch_path("d/a/x"), 0644, "abc", 3, &err), FM_OK);
	assert_int_equal(rename(scratch_path("d/a/x"), scratch_path("d/a/y")), 0);
	assert_int_equal(fm_sha256_dir_hex(scratch_path("d"), hex, &err), FM_OK);
	assert_string_not_equal(before, hex);
	/* What has no contents of its own is not passed over in silence. */
	assert_int_equal(symlink("y", scratch_path("d/a/link")), 0);
	assert_int_equal(fm_sha256_dir_hex(scratch_path("d"), hex, &err), FM_EINPUT);
	assert_int_equal(unlink(scratch_path("d/a/link")), 0);
	assert_int_equal(fm_file_write(scratch_path("d/a\nb"), 0644, "", 0, &err), FM_OK);
	assert_int_equal(fm_sha256_dir_hex(scratch_path("d"), hex, &err), FM_EINPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sha256_equals_the_published_vectors),
	    cmocka_unit_test(test_hmac_equals_the_published_vectors),
	    cmocka_unit_test(test_hex_takes_exactly_its_digits),
	    cmocka_unit_test(test_files_and_folders),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
