/* Promises: the stream is ChaCha20 and leaves no key behind; a draw is a function of key and address alone; each value
 * comes with the probability that its formula says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/secret.h"
#include "base/thread.h"
#include "privacy/gaussian_table.h"
#include "tests/unit/noise_fixture.h"

#define OK(call) assert_int_equal((call), FM_OK)

/* ---- the stream ---------------------------------------------------------------------------------------------------
 */

/* RFC 8439, section 2.3.2 and appendix A.1 (vectors 1, 2 and 5). */
static void the_cipher_equals_the_published_vectors(void **state)
{
	static const struct {
		uint8_t first, rise; /* byte i of the key */
		uint64_t index, nonce;
		const char *want;
	} kat[] = {
	    {0, 1, 0x0900000000000001, 0x4a000000,
	     "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
	     "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"},
	    {0, 0, 0, 0,
	     "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
	     "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"},
	    {0, 0, 1, 0,
	     "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
	     "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"},
	    {0, 0, 0, 0x0200000000000000,
	     "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
	     "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d"},
	};
	uint8_t key[FM_STREAM_KEY], out[64];
	char hex[129];

	(void)state;
	for (size_t k = 0; k < sizeof(kat) / sizeof(kat[0]); k++) {
		for (size_t i = 0; i < sizeof(key); i++)
			key[i] = (uint8_t)(kat[k].first + kat[k].rise * i);
		OK(fm_chacha20(key, kat[k].index, kat[k].nonce, out, 1, NULL));
		fm_hex(out, sizeof(out), hex);
		assert_string_equal(hex, kat[k].want);
	}
}

/* The bits of a draw are blocks (index, 0), (index, 1), ... under HMAC(key, length | label | step), lowest bit first.
 */
static void bits_come_from_key_and_address(void **state)
{
	struct fm_secret key;
	struct fm_stream *s;
	uint8_t derived[FM_STREAM_KEY], text[] = "\006counts\x07\0\0\0\0\0\0", blocks[128];
	uint64_t index = 0xfffffffff;

	(void)state;
	OK(noise_key(&key, 1));
	OK(fm_stream_open(&s, &key, "counts", 7, NULL));
	OK(fm_hmac_sha256(key.data, key.len, text, 15, derived, NULL));
	OK(fm_chacha20(derived, index, 0, blocks, 1, NULL));
	OK(fm_chacha20(derived, index, 1, blocks + 64, 1, NULL));
	for (unsigned width = 1; width <= 64; width++) {
		fm_stream_at(s, index);
		for (unsigned at = 0; at + width <= 8 * sizeof(blocks); at += width) {
			uint64_t want = 0;

			for (unsigned b = 0; b < width; b++)
				want |= (uint64_t)(blocks[(at + b) / 8] >> (at + b) % 8 & 1) << b;
			assert_true(fm_stream_bits(s, width) == want);
		}
	}
	OK(fm_stream_check(s, NULL));
	fm_stream_close(s);
	fm_secret_close(&key);
}

static uint64_t first_word(const struct fm_secret *key, const char *label, uint64_t step, uint64_t index)
{
	struct fm_stream *s;
	uint64_t v;

	OK(fm_stream_open(&s, key, label, step, NULL));
	fm_stream_at(s, index);
	v = fm_stream_word(s);
	fm_stream_close(s);
	return v;
}

static void no_two_addresses_share_their_bits(void **state)
{
	struct fm_secret key, other;
	uint64_t v;

	(void)state;
	OK(noise_key(&key, 1));
	OK(noise_key(&other, 2));
	v = first_word(&key, "a", 0, 0);
	assert_true(v == first_word(&key, "a", 0, 0));
	assert_true(v != first_word(&other, "a", 0, 0));
	assert_true(v != first_word(&key, "b", 0, 0));
	assert_true(v != first_word(&key, "aa", 0, 0));
	assert_true(v != first_word(&key, "a", 1, 0));
	assert_true(v != first_word(&key, "a", 1ull << 40, 0));
	assert_true(v != first_word(&key, "a", 0, 1));
	assert_true(v != first_word(&key, "a", 0, 1ull << 32)); /* the counter has 64 bits */
	fm_secret_close(&key);
	fm_secret_close(&other);
}

static void a_wrong_key_or_label_is_refused(void **state)
{
	struct fm_secret key, brief;
	struct fm_stream *s;
	struct fm_error err = {0};
	char label[FM_STREAM_LABEL + 1];

	(void)state;
	memset(label, 'x', sizeof(label));
	label[FM_STREAM_LABEL] = '\0';
	OK(noise_key(&key, 1));
	OK(fm_secret_new(&brief, 16, NULL));
	assert_int_equal(fm_stream_open(&s, &brief, "a", 0, &err), FM_EINPUT);
	assert_int_equal(fm_stream_open(&s, &key, "", 0, &err), FM_EINPUT);
	assert_int_equal(fm_stream_open(&s, &key, label, 0, &err), FM_EINPUT);
	OK(fm_stream_open(&s, &key, label + 1, 0, &err));
	fm_stream_close(s);
	fm_stream_close(NULL);
	fm_secret_close(&key);
	fm_secret_close(&brief);
}

/* How often the 32 bytes of which masked is the complement stand in the memory that this process may write. */
static int found_in_memory(const uint8_t masked[FM_STREAM_KEY])
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY), found = 0;
	static uint8_t window[1 << 16];
	unsigned long from, to;
	char line[512];

	assert_non_null(maps);
	assert_true(mem >= 0);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 || strstr(line, " rw") == NULL || to - from > 1ul << 26)
			continue;
		for (unsigned long at = from; at < to; at += sizeof(window) / 2) {
			ssize_t n = pread(mem, window, sizeof(window), (off_t)at);

			for (ssize_t i = 0; i + FM_STREAM_KEY <= n; i++) {
				int k = 0;

				if (at + i >= (unsigned long)window && at + i < (unsigned long)window + sizeof(window))
					break;
				while (k < FM_STREAM_KEY && (window[i + k] ^ masked[k]) == 0xff)
					k++;
				found += k == FM_STREAM_KEY;
			}
		}
	}
	memset(window, 0, sizeof(window));
	close(mem);
	fclose(maps);
	return found;
}

static void no_key_stays_in_memory(void **state)
{
	struct fm_secret key;
	struct fm_stream *s;
	uint8_t key_masked[FM_STREAM_KEY], derived_masked[FM_STREAM_KEY];

	(void)state;
	OK(fm_secret_random(&key, FM_STREAM_KEY, NULL));
	for (int i = 0; i < FM_STREAM_KEY; i++)
		key_masked[i] = (uint8_t)~key.data[i];
	OK(fm_hmac_sha256(key.data, key.len, "\001k\0\0\0\0\0\0\0", 10, derived_masked, NULL));
	for (int i = 0; i < FM_STREAM_KEY; i++)
		derived_masked[i] = (uint8_t)~derived_masked[i];
	OK(fm_stream_open(&s, &key, "k", 0, NULL));
	fm_stream_at(s, 5);
	fm_stream_word(s);
	assert_true(found_in_memory(key_masked) > 0);
	assert_true(found_in_memory(derived_masked) > 0);
	fm_stream_close(s);
	fm_secret_close(&key);
	assert_int_equal(found_in_memory(key_masked), 0);
	assert_int_equal(found_in_memory(derived_masked), 0);
}

/* ---- draws by address ---------------------------------------------------------------------------------------------
 */

static void noise_is_the_same_in_any_order_and_on_any_threads(void **state)
{
	enum { N = 20000 };
	static int64_t one[N], many[N];
	struct fm_secret key;
	struct fm_gaussian g;
	struct fm_pool *pool;
	struct fm_stream *s;

	(void)state;
	OK(noise_key(&key, 3));
	OK(fm_gaussian_set(&g, 12345.678, NULL));
	OK(fm_pool_new(&pool, 3, NULL));
	OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "train", 9}, &g, NULL, 0, one, N, NULL));
	OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "train", 9}, &g, pool, 0, many, N, NULL));
	assert_memory_equal(one, many, sizeof(one));
	/* a prefix, and single draws from the last to the first */
	memset(many, 0, sizeof(many));
	OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "train", 9}, &g, pool, 0, many, 4097, NULL));
	assert_memory_equal(one, many, 4097 * sizeof(one[0]));
	OK(fm_stream_open(&s, &key, "train", 9, NULL));
	for (int i = N - 1; i >= 0; i -= 7) {
		fm_stream_at(s, (uint64_t)i);
		assert_true(fm_discrete_gaussian(s, &g) == one[i]);
	}
	fm_stream_close(s);
	OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "train", 10}, &g, pool, 0, many, N, NULL));
	assert_true(memcmp(one, many, 64) != 0);
	OK(fm_gaussian_set(&g, 220200.96, NULL)); /* by cells */
	OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "train", 9}, &g, NULL, 0, one, N, NULL));
	OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "train", 9}, &g, pool, 7, many, N - 7, NULL));
	assert_memory_equal(one + 7, many, (N - 7) * sizeof(one[0]));
	fm_pool_free(pool);
	fm_secret_close(&key);
}

/* A release can be made again only if a key gives the same noise in the next version: a change of these digests says
 * so. */
static void noise_of_a_key_is_what_it_was(void **state)
{
	static const struct {
		double sigma;
		const char *want;
	} golden[] = {
	    {0.5, "31b5829a4578d371a7c795f5efbd1af72c2166822e653bbb600b223ce6db9b98"},
	    {3.7, "a1c5887833c52c83c8ba59590927aca087a1282dbf32ce1fb936a1949fb6a8d9"},
	    {220200.96, "c8caba1cccf99834efe62f38d3e490314c8fb3f5e9a55ed1b2cf8cbdaf34d321"},
	};
	static int64_t out[10000];
	struct fm_secret key;
	struct fm_gaussian g;
	uint8_t digest[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];

	(void)state;
	OK(noise_key(&key, 4));
	for (size_t k = 0; k < sizeof(golden) / sizeof(golden[0]); k++) {
		OK(fm_gaussian_set(&g, golden[k].sigma, NULL));
		OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "golden", k}, &g, NULL, 0, out, 10000, NULL));
		OK(fm_sha256_bytes(out, sizeof(out), digest, NULL));
		fm_hex(digest, sizeof(digest), hex);
		assert_string_equal(hex, golden[k].want);
	}
	fm_secret_close(&key);
}

/* ---- probabilities ------------------------------------------------------------------------------------------------
 */

/* The key is fixed, so these pass always or never; 4.5 standard deviations. */
static void rate_is(double got, double n, double p)
{
	assert_true(fabs(got - n * p) <= 4.5 * sqrt(n * p * (1 - p)) + 1e-9);
}

static void bernoulli_has_its_rate(void **state)
{
	static const uint64_t fraction[][2] = {
	    {0, 1}, {1, 1}, {1, 2}, {1, 3}, {5, 7}, {999, 1000}, {1ull << 61, 3ull << 61}};
	static const uint64_t power[][2] = {{0, 5}, {1, 1}, {1, 7}, {1, 2}, {3, 2}, {7, 2}, {1ull << 60, 5ull << 59}};
	enum { N = 40000 };
	struct fm_secret key;
	struct fm_stream *s;

	(void)state;
	OK(noise_key(&key, 5));
	OK(fm_stream_open(&s, &key, "bernoulli", 0, NULL));
	for (size_t k = 0; k < sizeof(fraction) / sizeof(fraction[0]); k++) {
		unsigned got = 0, gone = 0;

		for (int i = 0; i < N; i++) {
			got += fm_bernoulli(s, fraction[k][0], fraction[k][1]);
			gone += fm_bernoulli_exp(s, power[k][0], power[k][1]);
		}
		rate_is(got, N, (double)fraction[k][0] / (double)fraction[k][1]);
		rate_is(gone, N, exp(-(double)power[k][0] / (double)power[k][1]));
	}
	/* below: the worst case of a product without rejection, and both ways of drawing */
	unsigned low = 0, wide = 0;
	for (int i = 0; i < N; i++) {
		low += fm_stream_below(s, 3ull << 30) % 3 == 0;
		wide += fm_stream_below(s, 3ull << 40) < 1ull << 40;
		assert_true(fm_stream_below(s, 1) == 0);
	}
	rate_is(low, N, 1.0 / 3);
	rate_is(wide, N, 1.0 / 3);
	fm_stream_close(s);
	fm_secret_close(&key);
}

enum { DRAWS = 200000 };
static int64_t draws[DRAWS];

static void the_discrete_gaussian_has_its_probabilities(void **state)
{
	static const double sigmas[] = {0.5, 1, 3.7, 100, 1000};
	struct fm_secret key;
	struct fm_gaussian g;

	(void)state;
	OK(noise_key(&key, 6));
	for (size_t k = 0; k < sizeof(sigmas) / sizeof(sigmas[0]); k++) {
		int64_t reach = (int64_t)(8 * sigmas[k]) + 4;
		double wrong = sigmas[k] * 1.05;

		OK(fm_gaussian_set(&g, sigmas[k], NULL));
		OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "chi", k}, &g, NULL, 0, draws, DRAWS, NULL));
		assert_true(fabs(chi_square(draws, DRAWS, reach, gaussian_weight, &sigmas[k], NULL, NULL)) < 3.5);
		/* The same draws are refused as those of a standard deviation 5 % off: the test has teeth. */
		assert_true(chi_square(draws, DRAWS, reach, gaussian_weight, &wrong, NULL, NULL) > 4.5);
	}
	fm_secret_close(&key);
}

/* Shares of cells to 256 digits, from a calculation with 400 decimal ones. */
static void cells_have_their_digits(void **state)
{
	static const struct {
		uint64_t num, den, digits[4];
		unsigned shift, cell, n;
	} known[] = {
	    {400000000,
	     1,
	     {0x14185b62a6276faf, 0x6bd7977a23c68ce4, 0xd1dcadcab29daaef, 0x2c0f13becaf039eb},
	     11,
	     0,
	     189},
	    {400000000,
	     1,
	     {0xfffde5c56f8779c5, 0x7680f2fe60001515, 0xe9b0e6d764e5b40c, 0x585152f182c759c7},
	     11,
	     40,
	     189},
	    {400000000, 1, {UINT64_MAX, UINT64_MAX, 0xfffffffffffedb47, 0x8ce61d41e5866549}, 11, 150, 189},
	    {300000000000000,
	     4,
	     {0x84a147fd25b86be0, 0x6a54cc24a7fca8de, 0x1f975d5aa7594354, 0x982b52244759354},
	     20,
	     5,
	     160},
	    {1ull << 50,
	     1,
	     {0x8827f51e64b3dcbd, 0xf1bc327f18aaae5a, 0x44712448aba3c8fb, 0x2a93eeb54c9ec4bd},
	     22,
	     5,
	     155},
	};
	static struct fm_gaussian_table t;

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		unsigned v = known[i].cell;
		uint64_t word[FM_GAUSSIAN_WORDS];

		fm_gaussian_table_make(&t, known[i].num, known[i].den);
		assert_int_equal(t.shift, known[i].shift);
		assert_int_equal(t.n, known[i].n);
		for (int k = 0; k < FM_GAUSSIAN_WORDS; k++) {
			uint64_t off = t.digits[k][v] - known[i].digits[k];

			assert_true(off == 0 || (k == 3 && off + 1 <= 2)); /* calculations were cut off */
			word[k] = t.digits[k][v];
		}
		/* the digits themselves are beyond the cell, and one less in the last place is in it */
		assert_int_equal(fm_gaussian_cell(&t, t.first[word[0] >> 56], word), v + 1);
		word[3]--;
		assert_int_equal(fm_gaussian_cell(&t, t.first[word[0] >> 56], word), v);
		for (unsigned b = 0; b < 256; b++)
			assert_int_equal(fm_gaussian_cell(&t, 0, (uint64_t[4]){(uint64_t)b << 56}), t.first[b]);
	}
	/* Whatever the fraction, there is room for its cells. */
	for (double sigma = FM_GAUSSIAN_LARGE; sigma <= FM_GAUSSIAN_MAX; sigma *= 1.0123) {
		struct fm_gaussian g;

		OK(fm_gaussian_set(&g, sigma, NULL));
		fm_gaussian_table_make(&t, g.num, g.den);
		assert_in_range(t.n, 150, FM_GAUSSIAN_CELLS - 1);
		assert_true(sigma >= 8 * ldexp(1, (int)t.shift) && sigma < 16.001 * ldexp(1, (int)t.shift));
	}
}

static void a_large_sigma_has_its_probabilities(void **state)
{
	static const double sigmas[] = {FM_GAUSSIAN_LARGE, 20000.3, 220200.96, 1.9e7};
	struct fm_secret key;
	struct fm_gaussian g;

	(void)state;
	OK(noise_key(&key, 8));
	for (size_t k = 0; k < sizeof(sigmas) / sizeof(sigmas[0]); k++) {
		struct gaussian_bins right = {sigmas[k], (int64_t)(sigmas[k] / 50)},
				     wrong = {sigmas[k] * 1.05, right.width};
		int last[16] = {0};
		double chi = 0;

		OK(fm_gaussian_set(&g, sigmas[k], NULL));
		OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "chi", k}, &g, NULL, 0, draws, DRAWS, NULL));
		for (size_t i = 0; i < DRAWS; i++)
			last[draws[i] & 15]++;
		for (int i = 0; i < 16; i++)
			chi += (last[i] - DRAWS / 16.0) * (last[i] - DRAWS / 16.0) / (DRAWS / 16.0);
		assert_true(fabs(chi_square_z(chi, 15)) < 3.5);
		gaussian_bins_of(draws, DRAWS, right.width);
		assert_true(fabs(chi_square(draws, DRAWS, 400, gaussian_bin_weight, &right, NULL, NULL)) < 3.5);
		assert_true(chi_square(draws, DRAWS, 400, gaussian_bin_weight, &wrong, NULL, NULL) > 4.5);
	}
	fm_secret_close(&key);
}

static void the_discrete_laplace_has_its_probabilities(void **state)
{
	static const double scales[] = {0.25, 1.5, 7, 300.3};
	struct fm_secret key;
	struct fm_laplace l;
	struct fm_stream *s;

	(void)state;
	OK(noise_key(&key, 7));
	OK(fm_stream_open(&s, &key, "laplace", 0, NULL));
	for (size_t k = 0; k < sizeof(scales) / sizeof(scales[0]); k++) {
		OK(fm_laplace_set(&l, scales[k], NULL));
		assert_true(fm_laplace_scale(&l) >= scales[k] && fm_laplace_scale(&l) < scales[k] * (1 + 0x1p-20));
		for (size_t i = 0; i < DRAWS; i++)
			draws[i] = fm_discrete_laplace(s, &l);
		assert_true(fabs(chi_square(draws, DRAWS, (int64_t)(30 * scales[k]) + 2, laplace_weight, &scales[k],
					    NULL, NULL)) < 3.5);
	}
	fm_stream_close(s);
	fm_secret_close(&key);
}

/* ---- what is claimed of it ----------------------------------------------------------------------------------------
 */

static void no_less_noise_than_asked_for_and_no_more_claimed(void **state)
{
	struct fm_gaussian g;
	struct fm_error err = {0};

	(void)state;
	for (double sigma = FM_GAUSSIAN_MIN; sigma <= FM_GAUSSIAN_MAX; sigma *= 1.0371) {
		OK(fm_gaussian_set(&g, sigma, &err));
		long double v = (long double)sigma * sigma, got = (long double)g.num / g.den;
		assert_true(got >= v);
		assert_true((got - v) / v < (sigma < 0.0625 || sigma > 16384 ? 0x1p-6L : 0x1p-24L));
		assert_true((unsigned __int128)g.t * g.t * g.den <= (unsigned __int128)1 << 53);
		assert_true((double)(g.t - 1) <= sqrtl(got) && sqrtl(got) < (double)g.t);
		assert_true(fm_gaussian_sigma(&g) <= sqrtl(got) && fm_gaussian_sigma(&g) > sqrtl(got) * (1 - 1e-15L));
	}
	OK(fm_gaussian_set(&g, 3, &err));
	assert_true(g.num == 9 * g.den && g.t == 4);
	OK(fm_gaussian_set_ratio(&g, 9, 1, &err));
	assert_true(g.t == 4 && g.q == 2 * 9 * 16);
	assert_int_equal(fm_gaussian_set(&g, 0, &err), FM_EINPUT);
	assert_int_equal(fm_gaussian_set(&g, NAN, &err), FM_EINPUT);
	assert_int_equal(fm_gaussian_set(&g, 1e9, &err), FM_EINPUT);
	assert_int_equal(fm_gaussian_set_ratio(&g, 1, 0, &err), FM_EINPUT);
	assert_int_equal(fm_gaussian_set_ratio(&g, 0, 1, &err), FM_EINPUT);
	assert_int_equal(fm_gaussian_set_ratio(&g, UINT64_MAX, 1ull << 53, &err), FM_EINPUT);
}

/* fm_gaussian_equivalent: a continuous Gaussian of variance sigma^2 - 3, and discrete noise of variance 3 around it, is
 * the discrete Gaussian of sigma.  The integral by the trapezoidal rule, which is exact to rounding for such functions.
 */
static void the_discrete_gaussian_is_a_treatment_of_a_continuous_one(void **state)
{
	(void)state;
	for (double sigma = 2; sigma < 6; sigma += 0.7) {
		double s = fm_gaussian_equivalent(sigma), h = 1.0 / 16, total = 0;

		assert_true(s > 0 && s * s <= sigma * sigma - 3 && s * s > (sigma * sigma - 3) * (1 - 1e-15));
		for (int k = -200; k <= 200; k++)
			total += exp(-k * k / (2 * sigma * sigma));
		for (int k = 0; k < 5 * sigma; k++) {
			double p = 0;

			for (double x = -12 * s; x <= 12 * s; x += h) {
				double z = 0;

				for (int j = -40; j <= 40; j++)
					z += exp(-(j - x) * (j - x) / 6);
				p += h * exp(-x * x / (2 * s * s)) / (s * sqrt(2 * M_PI)) *
				     exp(-(k - x) * (k - x) / 6) / z;
			}
			double want = exp(-k * k / (2 * sigma * sigma)) / total;
			assert_true(fabs(p / want - 1) < 1e-10);
		}
	}
	assert_true(fm_gaussian_equivalent(1.7) == 0);
	assert_true(fm_gaussian_equivalent(220201) > 220200.9999);
}

static void the_tail_is_never_underestimated(void **state)
{
	(void)state;
	for (double sigma = 0.5; sigma < 400; sigma *= 2.3) {
		double total = 0, tail = 0;
		int far = (int)(12 * sigma) + 3;

		for (int k = -far; k <= far; k++)
			total += exp(-k * k / (2 * sigma * sigma));
		for (int k = far; k >= 1; k--) {
			double bound = fm_gaussian_tail(sigma, k), continuous = erfc((k - 1) / sigma / M_SQRT2) / 2;

			tail += exp(-k * k / (2 * sigma * sigma)) / total;
			assert_true(bound >= tail);
			assert_true(k == 1 || (bound >= continuous * (1 - 1e-12) &&
					       bound <= continuous * (k > 2 * sigma + 1 ? 1.01 : 1.13)));
		}
	}
	assert_true(fm_gaussian_tail(1, 0) == 1 && fm_gaussian_tail(1, -3) == 1);
	assert_true(fm_gaussian_tail(1, 200) >= 0);
}

/* ---- Poisson sampling ---------------------------------------------------------------------------------------------
 */

static void each_record_is_taken_by_itself(void **state)
{
	enum { N = 20000, STEPS = 60 };
	static uint32_t out[N], fewer[N];
	static unsigned taken[N];
	struct fm_secret key;
	struct fm_rate r;
	size_t n, m, total = 0, pairs = 0;

	(void)state;
	OK(noise_key(&key, 8));
	OK(fm_rate_set(&r, 3, 100, NULL));
	assert_true(r.threshold == 553402322211286548ull && !r.all); /* floor(0.03 2^64) */
	for (uint64_t step = 0; step < STEPS; step++) {
		OK(fm_poisson_sample(&(struct fm_stream_name){&key, "batch", step}, &r, N, out, &n, NULL));
		OK(fm_poisson_sample(&(struct fm_stream_name){&key, "batch", step}, &r, N - 5, fewer, &m, NULL));
		assert_true(m <= n &&
			    memcmp(out, fewer, m * sizeof(out[0])) == 0); /* another record changes no other */
		for (size_t i = 0; i < n; i++) {
			assert_true(out[i] < N && (i == 0 || out[i] > out[i - 1]));
			taken[out[i]]++;
			pairs += i > 0 && out[i] == out[i - 1] + 1;
		}
		total += n;
	}
	rate_is((double)total, (double)N * STEPS, 0.03);
	rate_is((double)pairs, (double)N * STEPS, 0.03 * 0.03);
	unsigned most = 0;
	for (size_t i = 0; i < N; i++)
		most = taken[i] > most ? taken[i] : most;
	assert_true(most < 14); /* of 60 steps: more than 13 has probability 1e-9 */
	OK(fm_rate_set(&r, 5, 5, NULL));
	OK(fm_poisson_sample(&(struct fm_stream_name){&key, "batch", 0}, &r, N, out, &n, NULL));
	assert_int_equal(n, N);
	OK(fm_rate_set(&r, 0, 5, NULL));
	OK(fm_poisson_sample(&(struct fm_stream_name){&key, "batch", 0}, &r, N, out, &n, NULL));
	assert_int_equal(n, 0);
	assert_int_equal(fm_rate_set(&r, 6, 5, NULL), FM_EINPUT);
	assert_int_equal(fm_rate_set(&r, 0, 0, NULL), FM_EINPUT);
	fm_secret_close(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_cipher_equals_the_published_vectors),
	    cmocka_unit_test(bits_come_from_key_and_address),
	    cmocka_unit_test(no_two_addresses_share_their_bits),
	    cmocka_unit_test(a_wrong_key_or_label_is_refused),
	    cmocka_unit_test(no_key_stays_in_memory),
	    cmocka_unit_test(noise_is_the_same_in_any_order_and_on_any_threads),
	    cmocka_unit_test(noise_of_a_key_is_what_it_was),
	    cmocka_unit_test(bernoulli_has_its_rate),
	    cmocka_unit_test(the_discrete_gaussian_has_its_probabilities),
	    cmocka_unit_test(cells_have_their_digits),
	    cmocka_unit_test(a_large_sigma_has_its_probabilities),
	    cmocka_unit_test(the_discrete_laplace_has_its_probabilities),
	    cmocka_unit_test(no_less_noise_than_asked_for_and_no_more_claimed),
	    cmocka_unit_test(the_discrete_gaussian_is_a_treatment_of_a_continuous_one),
	    cmocka_unit_test(the_tail_is_never_underestimated),
	    cmocka_unit_test(each_record_is_taken_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
