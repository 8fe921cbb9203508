/* test_netshare_words.c - NetShare's vectors of ports and protocols: words that mean the same are near, and rare ports
 * share the word of their range. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "model/netshare/words.h"
#include "tests/unit/ok.h"

static float angle(const float *a, const float *b)
{
	float dot = 0;

	for (int i = 0; i < FM_WORD_NUMBERS; i++)
		dot += a[i] * b[i];
	return dot;
}

/* Two groups of services, each with a protocol of its own: words of a group are nearer than those of another. */
static void words_of_one_use_are_near(void **state)
{
	enum { N = 6000 };
	struct fm_sentence *s = calloc(N, sizeof *s);
	char *const protocol[] = {"tcp", "UDP", "never"};
	struct fm_words w, again;
	struct fm_error err;
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < N; i++) {
		int group = i & 1;

		s[i] = (struct fm_sentence){(uint16_t)(40000 + 1000 * group + (int)fm_rng_below(&r, 20)),
					    (uint16_t)(group ? 53 + fm_rng_below(&r, 2) : 80 + fm_rng_below(&r, 2)),
					    group ? "udp" : "TCP"};
	}
	OK(fm_words_fit(&w, &(struct fm_words_in){s, N, 1, protocol, 3, 1}, &err));
	OK(fm_words_fit(&again, &(struct fm_words_in){s, N, 1, protocol, 3, 1}, &err));
	assert_int_equal(w.nports, 44);
	assert_memory_equal(w.ports, again.ports, sizeof(float) * FM_WORD_NUMBERS * 44);
	fm_words_close(&again);
	const float *web = fm_word_of_port(&w, 80), *dns = fm_word_of_port(&w, 53);
	assert_true(angle(web, fm_word_of_port(&w, 81)) > angle(web, dns) + 0.3f);
	assert_true(angle(dns, fm_word_of_port(&w, 54)) > angle(web, dns) + 0.3f);
	assert_true(angle(fm_word_of_port(&w, 40003), fm_word_of_port(&w, 40004)) >
		    angle(fm_word_of_port(&w, 40003), fm_word_of_port(&w, 41004)) + 0.3f);
	for (int i = 0; i < 3; i++)
		assert_true(fabsf(angle(w.protocols + i * FM_WORD_NUMBERS, w.protocols + i * FM_WORD_NUMBERS) - 1) <
			    1e-5f);
	/* A port that is none: the nearest number on its side of 1024. */
	assert_ptr_equal(fm_word_of_port(&w, 1023), fm_word_of_port(&w, 81));
	assert_ptr_equal(fm_word_of_port(&w, 1024), fm_word_of_port(&w, 40000));
	assert_ptr_equal(fm_word_of_port(&w, 65535), fm_word_of_port(&w, 41019));
	assert_int_equal(fm_words_fit(&again, &(struct fm_words_in){s, 4, 1000, protocol, 3, 1}, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "model.vectors"));
	fm_words_close(&w);
	free(s);
}

/* Ports of a flow each have the word of their range, which comes back as any of its ports; a service has its own. */
static void rare_ports_share_a_word(void **state)
{
	enum { N = 4000, FEW = 20, MADE = 2000 };
	struct fm_sentence *s = calloc(N, sizeof *s);
	char *const protocol[] = {"TCP"};
	uint8_t seen[1024] = {0};
	struct fm_words w;
	struct fm_error err;
	struct fm_rng r;
	int word = 0, kinds = 0;

	(void)state;
	for (int i = 0; i < N; i++) /* ten flows have 9000 on both sides: it has ten of the twenty */
		s[i] = i < 10 ? (struct fm_sentence){9000, 9000, "TCP"}
			      : (struct fm_sentence){(uint16_t)(50000 + i % 2000), (uint16_t)(i & 1 ? 80 : 443), "TCP"};
	OK(fm_words_fit(&w, &(struct fm_words_in){s, N, FEW, protocol, 1, 1}, &err));
	/* 80 and 443, and the ranges from 49152, 50176 and 51200 on. */
	assert_int_equal(w.nports, 5);
	assert_true(w.port[0] == 80 && w.port[1] == 443 && w.port[2] == FM_WORD_RANGE + 48);
	assert_ptr_equal(fm_word_of_port(&w, 50001), fm_word_of_port(&w, 49152));
	assert_ptr_not_equal(fm_word_of_port(&w, 50001), fm_word_of_port(&w, 51201));
	/* A range that has no word: the nearest one that has, on its side of 1024. */
	assert_ptr_equal(fm_word_of_port(&w, 9000), fm_word_of_port(&w, 49152));
	assert_ptr_equal(fm_word_of_port(&w, 65535), fm_word_of_port(&w, 51201));
	assert_ptr_equal(fm_word_of_port(&w, 25), fm_word_of_port(&w, 80));
	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	assert_int_equal(fm_word_port(&w, 1, &r), 443);
	while (w.port[word] != FM_WORD_RANGE + 49)
		word++;
	for (int i = 0; i < MADE; i++) {
		uint16_t port = fm_word_port(&w, word, &r);

		assert_in_range(port, 49 * 1024, 50 * 1024 - 1);
		kinds += !seen[port & 1023]++;
	}
	assert_true(kinds > 800);
	fm_words_close(&w);
	free(s);
}

static int setup(void **state)
{
	(void)state;
	fm_log_quiet(1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_of_one_use_are_near),
	    cmocka_unit_test(rare_ports_share_a_word),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
