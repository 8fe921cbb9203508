/* Random numbers: the published vectors, and a value that depends on its address alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "base/rng.h"

/* Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds. */
static void test_philox_equals_the_published_vectors(void **state)
{
	static const struct {
		uint32_t counter[4], key[2], want[4];
	} kat[] = {
	    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
	    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
	     {0xffffffff, 0xffffffff},
	     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
	    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
	     {0xa4093822, 0x299f31d0},
	     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	uint32_t out[4];

	(void)state;
	for (size_t i = 0; i < sizeof(kat) / sizeof(kat[0]); i++) {
		fm_philox(kat[i].counter, kat[i].key, out);
		assert_memory_equal(out, kat[i].want, sizeof(out));
	}
	/* In place is allowed. */
	uint32_t self[4] = {0};
	fm_philox(self, kat[0].key, self);
	assert_memory_equal(self, kat[0].want, sizeof(self));
}

static void test_values_come_from_key_and_counter(void **state)
{
	struct fm_rng r;
	uint32_t out[4];

	(void)state;
	fm_rng_init(&r, 0x299f31d0a4093822, FM_RNG_SAMPLE, 0x0000000213198a2e, 77);
	for (uint32_t block = 0; block < 3; block++) {
		fm_philox((const uint32_t[]){block, 77, 0x13198a2e, FM_RNG_SAMPLE | 2u << 8},
			  (const uint32_t[]){0xa4093822, 0x299f31d0}, out);
		for (int i = 0; i < 4; i++)
			assert_int_equal(fm_rng_u32(&r), out[i]);
	}
}

static void test_no_two_addresses_share_a_first_block(void **state)
{
	struct fm_rng base, r;

	(void)state;
	fm_rng_init(&base, 1, FM_RNG_INIT, 5, 9);
	uint64_t first = fm_rng_u64(&base);
	fm_rng_init(&r, 2, FM_RNG_INIT, 5, 9);
	assert_true(fm_rng_u64(&r) != first);
	fm_rng_init(&r, 1 | 1ull << 32, FM_RNG_INIT, 5, 9);
	assert_true(fm_rng_u64(&r) != first);
	fm_rng_init(&r, 1, FM_RNG_BATCH, 5, 9);
	assert_true(fm_rng_u64(&r) != first);
	fm_rng_init(&r, 1, FM_RNG_INIT, 6, 9);
	assert_true(fm_rng_u64(&r) != first);
	fm_rng_init(&r, 1, FM_RNG_INIT, 5 | 1ull << 32, 9);
	assert_true(fm_rng_u64(&r) != first);
	fm_rng_init(&r, 1, FM_RNG_INIT, 5, 10);
	assert_true(fm_rng_u64(&r) != first);
	fm_rng_init(&r, 1, FM_RNG_INIT, 5, 9);
	assert_true(fm_rng_u64(&r) == first);
}

static void test_uniform_never_reaches_one(void **state)
{
	struct fm_rng r = {.used = 0};

	(void)state;
	memset(r.block, 0xff, sizeof(r.block));
	assert_true(fm_rng_uniform(&r) < 1.0f);
	r.used = 0;
	assert_true(fm_rng_uniform53(&r) < 1.0);
	memset(r.block, 0, sizeof(r.block));
	r.used = 0;
	assert_true(fm_rng_uniform(&r) == 0.0f);
	r.used = 0;
	assert_true(fm_rng_uniform53(&r) == 0.0);
}

/* Chi-square against the uniform with n-1 degrees of freedom; the seeds are fixed, so this passes always or never. */
static void test_below_is_uniform_and_in_range(void **state)
{
	static const uint32_t ns[] = {1, 2, 3, 7, 10, 64, 1000};
	static unsigned count[1000];

	(void)state;
	for (size_t k = 0; k < sizeof(ns) / sizeof(ns[0]); k++) {
		uint32_t n = ns[k];
		double chi = 0, expect = 200000.0 / n;
		struct fm_rng r;

		memset(count, 0, sizeof(count));
		fm_rng_init(&r, 3, FM_RNG_JUDGE, n, 0);
		for (int i = 0; i < 200000; i++) {
			uint32_t v = fm_rng_below(&r, n);

			assert_true(v < n);
			count[v]++;
		}
		for (uint32_t i = 0; i < n; i++)
			chi += (count[i] - expect) * (count[i] - expect) / expect;
		assert_true(n == 1 ? chi == 0 : fabs(chi - (n - 1)) < 4 * sqrt(2.0 * (n - 1)));
	}
}

/* n just over 2^31 has the strongest bias where a multiplication alone is used: half of the values twice as likely. */
static void test_below_rejects_the_bias(void **state)
{
	struct fm_rng r;
	int low = 0;

	(void)state;
	fm_rng_init(&r, 4, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < 90000; i++)
		low += fm_rng_below(&r, 3u << 30) % 3 == 0;
	assert_true(low > 29200 && low < 30800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_philox_equals_the_published_vectors),
	    cmocka_unit_test(test_values_come_from_key_and_counter),
	    cmocka_unit_test(test_no_two_addresses_share_a_first_block),
	    cmocka_unit_test(test_uniform_never_reaches_one),
	    cmocka_unit_test(test_below_is_uniform_and_in_range),
	    cmocka_unit_test(test_below_rejects_the_bias),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
