/* Digests on threads: the same as those that are made at once, however the bytes come, with threads and without. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "release/side_digest.h"

#define SIZE ((6u << 20) + 12345) /* more than all buffers hold */

/* In place of the C library's: how many threads are still to be had. */
static int allowed;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (allowed-- <= 0)
		return EAGAIN;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attr, fn, arg);
}

/* A stream with parts: where each begins, and how long it is. */
static const struct {
	size_t at, n;
} parts[] = {{0, 0}, {512, 1}, {1024, 131072}, {140000, 0}, {140000, 5u << 20}, {(5u << 20) + 140000, 77}};
#define PARTS (sizeof parts / sizeof *parts)

static void add_in_pieces(struct fm_side_digest *d, const uint8_t *p, size_t n, size_t piece)
{
	struct fm_error err;

	for (size_t some; n; n -= some, p += some) {
		some = n < piece ? n : piece;
		assert_int_equal(fm_side_digest_add(d, p, some, &err), FM_OK);
	}
}

static void check_hex(const uint8_t *p, size_t n, const char *hex)
{
	uint8_t want[FM_SHA256_LEN];
	char text[FM_SHA256_HEX];
	struct fm_error err;

	assert_int_equal(fm_sha256_bytes(p, n, want, &err), FM_OK);
	fm_hex(want, sizeof want, text);
	assert_string_equal(hex, text);
}

static void check_all(const uint8_t *p, size_t piece, int threads)
{
	char hex[PARTS][FM_SHA256_HEX] = {{0}}, all[FM_SHA256_HEX];
	uint8_t all512[FM_SHA512_LEN], want512[FM_SHA512_LEN];
	struct fm_side_digest *d;
	struct fm_sha512 *h;
	struct fm_error err;
	size_t at = 0;

	allowed = threads;
	assert_int_equal(fm_side_digest_new(&d, &err), FM_OK);
	for (size_t i = 0; i < PARTS; i++) {
		add_in_pieces(d, p + at, parts[i].at - at, piece);
		assert_int_equal(fm_side_digest_part(d, hex[i], &err), FM_OK);
		add_in_pieces(d, p + parts[i].at, parts[i].n, piece);
		assert_int_equal(fm_side_digest_part(d, NULL, &err), FM_OK);
		at = parts[i].at + parts[i].n;
	}
	add_in_pieces(d, p + at, SIZE - at, piece);
	assert_int_equal(fm_side_digest_end(d, all, all512, &err), FM_OK);
	check_hex(p, SIZE, all);
	for (size_t i = 0; i < PARTS; i++)
		check_hex(p + parts[i].at, parts[i].n, hex[i]);
	assert_int_equal(fm_sha512_new(&h, &err), FM_OK);
	assert_int_equal(fm_sha512_add(h, p, SIZE, &err), FM_OK);
	assert_int_equal(fm_sha512_end(h, want512, &err), FM_OK);
	assert_memory_equal(all512, want512, sizeof want512);
}

static void test_digests_are_those_of_the_bytes(void **state)
{
	uint8_t *p = malloc(SIZE);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < SIZE; i++)
		p[i] = (uint8_t)(i * i >> 7);
	for (int threads = 0; threads <= 3; threads++) {
		check_all(p, 131072, threads);
		check_all(p, 70001, threads);
	}
	free(p);
}

/* A reader that gives up in the middle leaves nothing behind, whatever the threads are at. */
static void test_given_up_in_the_middle(void **state)
{
	static const uint8_t some[300000] = {1};
	char hex[FM_SHA256_HEX];
	struct fm_side_digest *d;
	struct fm_error err;

	(void)state;
	for (int i = 0; i < 20; i++) {
		allowed = i % 4;
		assert_int_equal(fm_side_digest_new(&d, &err), FM_OK);
		assert_int_equal(fm_side_digest_part(d, hex, &err), FM_OK);
		add_in_pieces(d, some, sizeof some, 100000);
		fm_side_digest_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_digests_are_those_of_the_bytes),
	    cmocka_unit_test(test_given_up_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
