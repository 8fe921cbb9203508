/* What tests/fuzz tries for long, for an instant: the kept seeds, whole and damaged, by the fuzzers' own functions. */
#define LLVMFuzzerTestOneInput fuzz_text
#include "tests/fuzz/fuzz_text.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_source
#define read_all read_source
#include "tests/fuzz/fuzz_source.c"

#include <dirent.h>

#include "tests/unit/trace_fixture.h"

#define TRIES 30

/* A damage by number: a byte changed, a part cut out, a part that stands twice. */
static size_t damage(char *p, size_t n, size_t cap, uint64_t x)
{
	size_t at = n ? x % n : 0, len = n - at < 8 ? n - at : 8;

	switch (x >> 32 & 3) {
	case 0:
	case 1:
		p[at] = (char)(x >> 40);
		return n;
	case 2:
		memmove(p + at, p + at + len, n - at - len);
		return n - len;
	default:
		if (n + len > cap)
			return n;
		memmove(p + at + len, p + at, n - at);
		return n + len;
	}
}

static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static int try_all(int (*one)(const uint8_t *, size_t), const char *p, size_t n, size_t keep, uint64_t seed)
{
	char *bytes = malloc(n + 64);
	int tried = 0;

	assert_non_null(bytes);
	for (uint64_t i = 0; i < TRIES; i++) {
		size_t len = n;

		memcpy(bytes, p, n);
		for (uint64_t k = 0; k < i % 5; k++)
			len = keep + damage(bytes + keep, len - keep, n + 64 - keep, mixed(seed << 20 | i << 4 | k));
		tried += one((const uint8_t *)bytes, len) == 0;
	}
	free(bytes);
	return tried;
}

static void each_seed_of_text_is_read_whole_and_damaged(void **state)
{
	DIR *d = opendir("tests/fuzz/seeds");
	struct dirent *e;
	uint64_t seeds = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[512];
		struct fm_buf b = {0};
		struct fm_error err;

		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof path, "tests/fuzz/seeds/%s", e->d_name);
		assert_int_equal(fm_file_read(path, 1 << 20, &b, &err), FM_OK);
		/* The name of the dialect stays. */
		assert_int_equal(try_all(fuzz_text, b.data, b.len, strcspn(b.data, "\n") + 1, ++seeds), TRIES);
		fm_buf_free(&b);
	}
	closedir(d);
	assert_true(seeds > 40);
}

static void each_compression_is_read_whole_and_damaged(void **state)
{
	static const int filters[] = {ARCHIVE_FILTER_GZIP,    ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ,
				      ARCHIVE_FILTER_LZMA,    ARCHIVE_FILTER_ZSTD,  ARCHIVE_FILTER_LZ4,
				      ARCHIVE_FILTER_COMPRESS};
	static const int formats[] = {ARCHIVE_FORMAT_TAR, ARCHIVE_FORMAT_ZIP, ARCHIVE_FORMAT_7ZIP};
	struct fm_buf text = ugr16_rows(20);
	struct packed m = {"data.csv", text.data, text.len};
	struct fm_error err;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		struct fm_buf b = {0};
		const char *path = i < 7 ? pack_one("seed", filters[i], text.data, text.len)
					 : pack("seed", formats[i - 7], ARCHIVE_FILTER_NONE, &m, 1);

		assert_int_equal(fm_file_read(path, 1 << 20, &b, &err), FM_OK);
		assert_int_equal(try_all(fuzz_source, b.data, b.len, 0, i), TRIES);
		fm_buf_free(&b);
	}
	fm_buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_seed_of_text_is_read_whole_and_damaged),
	    cmocka_unit_test(each_compression_is_read_whole_and_damaged),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
