/* A fingerprint is the same however its bytes come, that of two texts follows from theirs, and each change shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "release/polyprint.h"

#define N 3000

static uint8_t text[N];

/* Byte by byte, by its definition, with the arithmetic of schools. */
static uint64_t by_definition(uint64_t point, const uint8_t *p, size_t n)
{
	const unsigned __int128 prime = ((unsigned __int128)1 << 61) - 1;
	unsigned __int128 v = 0;

	for (size_t i = 0; i < n; i++)
		v = (v * point + p[i]) % prime;
	return (uint64_t)v;
}

static void two_texts_make_one(void **state)
{
	struct fm_polyprint_point at, other;
	struct fm_error err;

	(void)state;
	srand(4);
	for (size_t i = 0; i < N; i++)
		text[i] = (uint8_t)rand();
	for (int round = 0; round < 50; round++) {
		size_t n = (size_t)rand() % N, cut = (size_t)rand() % (n + 1);
		uint64_t whole, head, tail, some = 0;

		assert_int_equal(fm_polyprint_draw(&at, &err), FM_OK);
		whole = fm_polyprint_add(&at, 0, text, n);
		assert_true(whole == by_definition(at.power[1], text, n));
		assert_true(fm_polyprint_add_plain(&at, 0, text, n) == whole);
		head = fm_polyprint_add(&at, 0, text, cut);
		tail = fm_polyprint_add(&at, 0, text + cut, n - cut);
		assert_true(fm_polyprint_join(&at, head, tail, n - cut) == whole);
		assert_true(fm_polyprint_behind(&at, whole, head, n - cut) == tail);
		for (size_t i = 0, step; i < n; i += step) {
			step = 1 + (size_t)rand() % 100;
			step = step < n - i ? step : n - i;
			some = fm_polyprint_add(&at, some, text + i, step);
		}
		assert_true(some == whole);
		if (n == 0)
			continue;
		text[n / 2] ^= 1;
		assert_false(fm_polyprint_add(&at, 0, text, n) == whole);
		text[n / 2] ^= 1;
		assert_int_equal(fm_polyprint_draw(&other, &err), FM_OK);
		assert_false(n > 1 && fm_polyprint_add(&other, 0, text, n) == whole);
	}
	/* The largest bytes and sums. */
	memset(text, 0xff, N);
	assert_true(fm_polyprint_add(&at, 0, text, N) == by_definition(at.power[1], text, N));
	assert_true(fm_polyprint_add(&at, ((uint64_t)1 << 61) - 2, text, 0) == ((uint64_t)1 << 61) - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(two_texts_make_one)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
