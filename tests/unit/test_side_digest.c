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

/* What the reader was given of each part, and the bytes of a part after which it refuses. */
struct seen {
	const char *hex[PARTS];
	size_t n[PARTS], refuse_at;
	const uint8_t *p;
};

static int see(void *ctx, char *hex, const uint8_t *p, size_t n, struct fm_error *err)
{
	struct seen *s = ctx;

	for (size_t i = 0; i < PARTS; i++)
		if (hex == s->hex[i]) {
			if (memcmp(p, s->p + parts[i].at + s->n[i], n) != 0) /* no assertion: it may run on a thread */
				return fm_fail(err, FM_EINPUT, "other bytes of part %zu", i);
			s->n[i] += n;
			return s->n[i] > s->refuse_at ? fm_fail(err, FM_EINPUT, "part %zu is too long", i) : FM_OK;
		}
	return fm_fail(err, FM_EINPUT, "of no part");
}

static void check_all(const uint8_t *p, size_t piece, int threads, bool sha512)
{
	char hex[PARTS][FM_SHA256_HEX] = {{0}}, all[FM_SHA256_HEX];
	uint8_t all512[FM_SHA512_LEN], want512[FM_SHA512_LEN];
	struct fm_side_digest *d;
	struct seen seen = {.refuse_at = SIZE, .p = p};
	struct fm_sha512 *h;
	struct fm_error err;
	size_t at = 0;

	allowed = threads;
	for (size_t i = 0; i < PARTS; i++)
		seen.hex[i] = hex[i];
	assert_int_equal(fm_side_digest_new(&d, sha512, see, &seen, &err), FM_OK);
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
	for (size_t i = 0; i < PARTS; i++)
		assert_int_equal(seen.n[i], parts[i].n);
	assert_int_equal(fm_sha512_new(&h, &err), FM_OK);
	assert_int_equal(fm_sha512_add(h, p, SIZE, &err), FM_OK);
	assert_int_equal(fm_sha512_end(h, want512, &err), FM_OK);
	if (!sha512)
		memset(want512, 0, sizeof want512);
	assert_memory_equal(all512, want512, sizeof want512);
}

static void test_digests_are_those_of_the_bytes(void **state)
{
	uint8_t *p = malloc(SIZE);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < SIZE; i++)
		p[i] = (uint8_t)(i * i >> 7);
	for (int threads = 0; threads <= 4; threads++) {
		check_all(p, 131072, threads, true);
		check_all(p, 70001, threads, threads % 2);
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
		assert_int_equal(fm_side_digest_new(&d, i % 3 == 0, NULL, NULL, &err), FM_OK);
		assert_int_equal(fm_side_digest_part(d, hex, &err), FM_OK);
		add_in_pieces(d, some, sizeof some, 100000);
		fm_side_digest_free(d);
	}
}

/* What the reader refuses is told at the end at the latest, with its words. */
static void test_reader_refuses(void **state)
{
	static const uint8_t some[3 << 20];
	char hex[FM_SHA256_HEX], all[FM_SHA256_HEX];
	uint8_t all512[FM_SHA512_LEN];

	(void)state;
	for (int threads = 0; threads <= 4; threads++) {
		struct seen seen = {.hex = {hex}, .refuse_at = 1 << 20, .p = some};
		struct fm_side_digest *d;
		struct fm_error err;
		int rc = FM_OK;

		allowed = threads;
		assert_int_equal(fm_side_digest_new(&d, true, see, &seen, &err), FM_OK);
		assert_int_equal(fm_side_digest_part(d, hex, &err), FM_OK);
		for (size_t at = 0; rc >= 0 && at < sizeof some; at += 100000)
			rc = fm_side_digest_add(d, some + at, sizeof some - at < 100000 ? sizeof some - at : 100000,
						&err);
		if (rc >= 0)
			rc = fm_side_digest_end(d, all, all512, &err);
		else
			fm_side_digest_free(d);
		assert_int_equal(rc, FM_EINPUT);
		assert_string_equal(err.message, "part 0 is too long");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_digests_are_those_of_the_bytes),
	    cmocka_unit_test(test_given_up_in_the_middle),
	    cmocka_unit_test(test_reader_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
