/* A sealed file comes back whole with its key and label, and in no other way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/seal.h"

#define CHUNK 65536
#define HEAD 48
#define TAG 16

static char dir[256], path[300];
static struct fm_secret key, other;
static uint8_t plain[3 * CHUNK + 5], back[3 * CHUNK + 50];
static struct fm_error err;

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof dir, "%s/fm-seal-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir) || fm_secret_random(&key, 32, &err) || fm_secret_random(&other, 32, &err))
		return -1;
	snprintf(path, sizeof path, "%s/sealed", dir);
	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fm_secret_close(&key);
	fm_secret_close(&other);
	return fm_dir_remove(dir, &err);
}

static void seal(size_t n, size_t step)
{
	struct fm_seal *s;

	assert_int_equal(fm_seal_open(&s, path, &key, "test", &err), FM_OK);
	for (size_t at = 0; at < n; at += step)
		assert_int_equal(fm_seal_write(s, plain + at, n - at < step ? n - at : step, &err), FM_OK);
	assert_int_equal(fm_seal_commit(s, &err), FM_OK);
}

/* The bytes that come out before the end, or the failure. */
static int unseal(const struct fm_secret *with, const char *label, size_t *n)
{
	struct fm_unseal *u;
	size_t got;
	int rc;

	*n = 0;
	if ((rc = fm_unseal_open(&u, path, with, label, &err)) < 0)
		return rc;
	do {
		rc = fm_unseal_read(u, back + *n, 1000, &got, &err);
		*n += got;
	} while (rc == FM_OK && got == 1000);
	fm_unseal_close(u);
	return rc;
}

static void whole_and_back(void **state)
{
	static const size_t sizes[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, sizeof plain};
	struct stat st;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t step = 777; step < 200000; step *= 100) {
			seal(sizes[i], step);
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(st.st_mode & 0777, 0600);
			assert_int_equal(st.st_size, HEAD + sizes[i] + TAG * (sizes[i] / CHUNK + 1));
			assert_int_equal(unseal(&key, "test", &n), FM_OK);
			assert_int_equal(n, sizes[i]);
			assert_memory_equal(back, plain, n);
		}
}

static void two_files_of_one_text_differ_everywhere(void **state)
{
	struct fm_buf a = {0}, b = {0};
	size_t same = 0;

	(void)state;
	seal(CHUNK, CHUNK);
	assert_int_equal(fm_file_read(path, 1u << 20, &a, &err), FM_OK);
	seal(CHUNK, CHUNK);
	assert_int_equal(fm_file_read(path, 1u << 20, &b, &err), FM_OK);
	for (size_t i = HEAD; i < a.len; i++)
		same += a.data[i] == b.data[i];
	assert_true(same < a.len / 100); /* 1 in 256 by chance */
	fm_buf_free(&a);
	fm_buf_free(&b);
}

static void another_key_or_label_opens_nothing(void **state)
{
	size_t n;

	(void)state;
	seal(5000, 5000);
	assert_int_equal(unseal(&other, "test", &n), FM_EVERDICT);
	assert_int_equal(n, 0);
	assert_int_equal(unseal(&key, "tests", &n), FM_EVERDICT);
	assert_int_equal(n, 0);
}

static void put(const char *p, size_t n)
{
	assert_int_equal(fm_file_write(path, 0600, p, n, &err), FM_OK);
}

static void any_changed_bit_is_found(void **state)
{
	struct fm_buf b = {0};
	size_t n;

	(void)state;
	seal(sizeof plain, CHUNK);
	assert_int_equal(fm_file_read(path, 1u << 20, &b, &err), FM_OK);
	for (size_t at = 0; at < b.len; at += at < 100 ? 5 : 29973) {
		b.data[at] ^= 1;
		put(b.data, b.len);
		assert_int_equal(unseal(&key, "test", &n), at < 16 ? FM_EINPUT : FM_EVERDICT);
		assert_true(n <= at);
		b.data[at] ^= 1;
	}
	fm_buf_free(&b);
}

static void cut_at_any_place_is_found(void **state)
{
	struct fm_buf b = {0};
	size_t n;

	(void)state;
	seal(sizeof plain, CHUNK);
	assert_int_equal(fm_file_read(path, 1u << 20, &b, &err), FM_OK);
	for (size_t len = 0; len < b.len; len += len < 200 ? 13 : 14099) {
		put(b.data, len);
		assert_int_equal(unseal(&key, "test", &n), len < HEAD + TAG ? FM_EINPUT : FM_EVERDICT);
	}
	/* at the end of a chunk, whose tag holds */
	put(b.data, HEAD + 2 * (CHUNK + TAG));
	assert_int_equal(unseal(&key, "test", &n), FM_EVERDICT);
	/* and longer */
	fm_buf_add(&b, "x", 1);
	put(b.data, b.len);
	assert_int_equal(unseal(&key, "test", &n), FM_EVERDICT);
	fm_buf_free(&b);
}

int __real_fm_fd_read(int fd, const char *name, void *p, size_t n, size_t *got, struct fm_error *e);
int __wrap_fm_fd_read(int fd, const char *name, void *p, size_t n, size_t *got, struct fm_error *e);
static int reads_left = -1; /* until one fails; -1: none does */

int __wrap_fm_fd_read(int fd, const char *name, void *p, size_t n, size_t *got, struct fm_error *e)
{
	if (reads_left < 0 || reads_left-- > 0)
		return __real_fm_fd_read(fd, name, p, n, got, e);
	errno = EIO;
	return fm_fail_errno(e, "%s", name);
}

/* Else a good file would be taken for a damaged one, and made again. */
static void disk_that_cannot_be_read_says_nothing_of_the_file(void **state)
{
	struct fm_unseal *u = NULL;
	size_t got;

	(void)state;
	seal(CHUNK + 7, CHUNK);
	reads_left = 0;
	assert_int_equal(fm_unseal_open(&u, path, &key, "test", &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, strerror(EIO)));
	reads_left = 1;
	assert_int_equal(fm_unseal_open(&u, path, &key, "test", &err), FM_OK);
	assert_int_equal(fm_unseal_read(u, back, sizeof back, &got, &err), FM_ESYSTEM);
	reads_left = -1;
	fm_unseal_close(u);
}

static void chunks_cannot_be_moved(void **state)
{
	char swap[CHUNK + TAG];
	struct fm_buf b = {0};
	size_t n;

	(void)state;
	seal(sizeof plain, CHUNK);
	assert_int_equal(fm_file_read(path, 1u << 20, &b, &err), FM_OK);
	memcpy(swap, b.data + HEAD, sizeof swap);
	memmove(b.data + HEAD, b.data + HEAD + sizeof swap, sizeof swap);
	memcpy(b.data + HEAD + sizeof swap, swap, sizeof swap);
	put(b.data, b.len);
	assert_int_equal(unseal(&key, "test", &n), FM_EVERDICT);
	assert_int_equal(n, 0);
	fm_buf_free(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(whole_and_back),
	    T(two_files_of_one_text_differ_everywhere),
	    T(another_key_or_label_opens_nothing),
	    T(any_changed_bit_is_found),
	    T(cut_at_any_place_is_found),
	    T(chunks_cannot_be_moved),
	    T(disk_that_cannot_be_read_says_nothing_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
