/* test_window_kinds.c - windows are told apart by what they are, and made as often as they were. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/codec/relations.h"
#include "model/codec/window_kinds.h"

enum { W = 32, WINDOWS = 1200, K = 10, SCAN = 10, SEEN_CLASS = 1 };

/* A scan: one source, a new host for each flow.  Otherwise requests of new hosts, each answered. */
static void fill(uint16_t *tok, bool scan, int answers)
{
	memset(tok, 0, sizeof *tok * W * FM_NTOK);
	for (int i = 0; i < W; i++) {
		uint16_t *flow = tok + i * FM_NTOK;
		bool reply = !scan && i % 2 && i / 2 < answers;

		flow[FM_T_SA] = flow[FM_T_DA] = W + 1;
		flow[FM_T_PKT] = (uint16_t)(scan ? 1 : i);
		if (scan && i > 0)
			flow[FM_T_REL] = (uint16_t)fm_rel_token(FM_RELATION_SWEEP, 1, W);
		else if (reply)
			flow[FM_T_REL] = (uint16_t)fm_rel_token(FM_RELATION_REPLY, 1, W);
	}
}

/* One window in SCAN is a scan, and those last longer; of the others some have more answers. */
static struct fm_encoded learned(void)
{
	struct fm_encoded e = {.windows = WINDOWS, .own = WINDOWS};

	e.tok = calloc((size_t)WINDOWS * W * FM_NTOK, sizeof *e.tok);
	e.slot = calloc(WINDOWS, 1);
	e.span = calloc(WINDOWS, 1);
	e.cls = calloc(WINDOWS, 1);
	for (int w = 0; w < WINDOWS; w++) {
		fill(e.tok + (size_t)w * W * FM_NTOK, w % SCAN == 0, 4 + w % 7);
		e.span[w] = w % SCAN == 0 ? 20 : 8;
		e.cls[w] = w % (2 * SCAN) == 0 ? SEEN_CLASS : 0;
	}
	return e;
}

static void traits_are_counted(void **state)
{
	uint16_t tok[W * FM_NTOK], trait[FM_NTRAITS];

	(void)state;
	fill(tok, true, 0);
	fm_window_traits(tok, W, trait);
	assert_int_equal(trait[FM_TRAIT_SWEEP], W);
	assert_int_equal(trait[FM_TRAIT_REPLIES], 0);
	assert_int_equal(trait[FM_TRAIT_HOSTS], W + 1); /* one source */
	assert_int_equal(trait[FM_TRAIT_SERVICES], 1);
	assert_int_equal(trait[FM_TRAIT_SIZES], 1);
	fill(tok, false, 5);
	tok[FM_T_DP] = 7;
	fm_window_traits(tok, W, trait);
	assert_int_equal(trait[FM_TRAIT_SWEEP], 1);
	assert_int_equal(trait[FM_TRAIT_REPLIES], 5);
	assert_int_equal(trait[FM_TRAIT_HOSTS], 2 * (W - 5)); /* replies name no new hosts */
	assert_int_equal(trait[FM_TRAIT_SERVICES], 2);
	assert_int_equal(trait[FM_TRAIT_SIZES], W);
	tok[3 * FM_NTOK + FM_T_DA] = 1; /* the host of the flow before */
	tok[3 * FM_NTOK + FM_T_REL] = 0;
	fm_window_traits(tok, W, trait);
	assert_int_equal(trait[FM_TRAIT_HOSTS], 2 * (W - 4) - 1);
}

static void kinds_tell_scans_apart(void **state)
{
	struct fm_encoded e = learned();
	struct fm_window_kinds kinds;
	struct fm_error err;
	int of_scan[FM_KINDS] = {0}, of_other[FM_KINDS] = {0};

	(void)state;
	assert_int_equal(fm_window_kinds_learn(&kinds, &e, W, K, &err), FM_OK);
	assert_true(kinds.n >= 2 && kinds.n <= WINDOWS / 100 && kinds.nnodes == 2 * kinds.n - 1);
	for (int w = 0; w < WINDOWS; w++)
		(w % SCAN == 0 ? of_scan : of_other)[e.kind[w]]++;
	for (int k = 0; k < FM_KINDS; k++) {
		assert_true(of_scan[k] == 0 || of_other[k] == 0);
		assert_true(of_scan[k] + of_other[k] == 0 || of_scan[k] + of_other[k] >= K);
		assert_int_equal(kinds.windows[k], of_scan[k] + of_other[k]);
	}
	fm_encoded_free(&e);
}

static void rare_kinds_are_not_told(void **state)
{
	struct fm_encoded e = learned();
	struct fm_window_kinds kinds;
	struct fm_error err;

	(void)state;
	for (int w = 0; w < WINDOWS; w++) /* nine scans in all */
		if (w % SCAN == 0 && w >= 9 * SCAN)
			fill(e.tok + (size_t)w * W * FM_NTOK, false, 4 + w % 7);
	e.cls[5] = 3;
	e.span[7] = 30;
	assert_int_equal(fm_window_kinds_learn(&kinds, &e, W, K, &err), FM_OK);
	for (int k = 0; k < FM_KINDS; k++) {
		uint32_t by_class = 0, by_time = 0;
		assert_true(kinds.windows[k] == 0 || kinds.windows[k] >= K);
		assert_int_equal(kinds.of_class[3][k], 0);
		for (int cl = 0; cl < FM_MAXCLASSES; cl++)
			by_class += kinds.of_class[cl][k];
		for (int t = 0; t < FM_KIND_TIMES; t++)
			by_time += kinds.of_time[t][k];
		/* nor by what is left when all that is told is taken off */
		assert_true(by_class == kinds.windows[k] || by_class + K <= kinds.windows[k]);
		assert_true(by_time == kinds.windows[k] || by_time + K <= kinds.windows[k]);
	}
	assert_true(e.kind[0] == e.kind[1] || kinds.windows[e.kind[0]] >= K);
	fm_encoded_free(&e);
	e = learned(); /* too few windows for two kinds */
	e.windows = e.own = 150;
	assert_int_equal(fm_window_kinds_learn(&kinds, &e, W, K, &err), FM_OK);
	assert_int_equal(kinds.n, 1);
	fm_encoded_free(&e);
}

/* Scans are as many as they were among the windows that last as long, and stand at other places with another seed. */
static void kinds_come_as_often(void **state)
{
	enum { MADE = 3000, LONG = 450 };
	struct fm_encoded e = learned();
	struct fm_window_kinds kinds;
	struct fm_error err;
	uint8_t *first = NULL;
	int scans = 0, differ = 0;

	(void)state;
	assert_int_equal(fm_window_kinds_learn(&kinds, &e, W, K, &err), FM_OK);
	for (uint64_t seed = 1; seed <= 2; seed++) {
		struct fm_window_schedule s = {.n = MADE};
		s.span = calloc(MADE, 1);
		s.cls = calloc(MADE, 1);
		for (int i = 0; i < MADE; i++)
			s.span[i] = i < LONG ? 20 : 8;
		assert_int_equal(fm_window_kinds_draw(&kinds, &s, seed, &err), FM_OK);
		for (int i = 0; i < MADE; i++) {
			int scan = 0;
			for (int w = 0; w < WINDOWS; w += SCAN)
				scan |= s.kind[i] == e.kind[w];
			assert_int_equal(scan, i < LONG); /* all that are long are scans, and no other */
		}
		if (!first) {
			first = malloc(MADE);
			memcpy(first, s.kind, MADE);
		} else
			differ = memcmp(first, s.kind, MADE) != 0;
		fm_window_schedule_free(&s);
	}
	assert_true(differ);
	/* where durations say nothing, by their share; a class that only scans have has scans alone */
	struct fm_window_schedule s = {.n = MADE};
	s.span = calloc(MADE, 1);
	s.cls = calloc(MADE, 1);
	for (int i = 0; i < MADE; i++)
		s.cls[i] = i % 10 == 0 ? SEEN_CLASS : 0;
	assert_int_equal(fm_window_kinds_draw(&kinds, &s, 1, &err), FM_OK);
	for (int i = 0; i < MADE; i++) {
		int scan = 0;
		for (int w = 0; w < WINDOWS; w += SCAN)
			scan |= s.kind[i] == e.kind[w];
		assert_true(scan || s.cls[i] != SEEN_CLASS);
		scans += scan && s.cls[i] != SEEN_CLASS;
	}
	assert_true(abs(scans - MADE * 9 / 10 * 60 / (WINDOWS - 60)) <= 2);
	fm_window_schedule_free(&s);
	free(first);
	fm_encoded_free(&e);
}

/* A kind of k windows and more, but of fewer at each duration, comes as often as it was all the same. */
static void a_kind_of_many_durations_comes(void **state)
{
	enum { MADE = 2400 };
	struct fm_encoded e = learned();
	struct fm_window_kinds kinds;
	struct fm_window_schedule s = {.n = MADE};
	struct fm_error err;
	int scans = 0;

	(void)state;
	for (int w = 0; w < WINDOWS; w++)
		e.span[w] = (uint8_t)(w / SCAN % FM_KIND_TIMES * (FM_SPANS / FM_KIND_TIMES));
	for (int w = 0; w < WINDOWS; w++) /* 60 scans, seven or eight of each duration */
		if (w % SCAN == 0 && w >= WINDOWS / 2)
			fill(e.tok + (size_t)w * W * FM_NTOK, false, 4 + w % 7);
	memset(e.cls, 0, WINDOWS);
	assert_int_equal(fm_window_kinds_learn(&kinds, &e, W, K, &err), FM_OK);
	assert_int_equal(kinds.windows[e.kind[0]], WINDOWS / SCAN / 2);
	for (int t = 0; t < FM_KIND_TIMES; t++)
		assert_int_equal(kinds.of_time[t][e.kind[0]], 0);
	s.span = calloc(MADE, 1);
	s.cls = calloc(MADE, 1);
	for (int i = 0; i < MADE; i++)
		s.span[i] = (uint8_t)(i % FM_KIND_TIMES * (FM_SPANS / FM_KIND_TIMES));
	assert_int_equal(fm_window_kinds_draw(&kinds, &s, 1, &err), FM_OK);
	for (int i = 0; i < MADE; i++)
		scans += s.kind[i] == e.kind[0];
	assert_true(abs(scans - MADE / SCAN / 2) <= 2);
	fm_window_schedule_free(&s);
	fm_encoded_free(&e);
}

/* A kind of one class in a hundred windows stays with it, and what is due in one class is not paid in another. */
static void kinds_stay_with_their_class(void **state)
{
	enum { MADE = 12000, RARE = 120, OF_RARE = 60 };
	struct fm_window_kinds kinds = {.n = 2};
	struct fm_window_schedule s = {.n = MADE};
	struct fm_error err;
	int rare = 0, common = 0;

	(void)state;
	kinds.of_class[0][0] = 9880;
	kinds.of_class[0][1] = 20;
	kinds.of_class[1][0] = 40;
	kinds.of_class[1][1] = 60;
	kinds.windows[0] = 9920;
	kinds.windows[1] = 80;
	s.span = calloc(MADE, 1);
	s.cls = calloc(MADE, 1);
	for (int i = 0; i < RARE; i++)
		s.cls[i * 97] = 1;
	assert_int_equal(fm_window_kinds_draw(&kinds, &s, 3, &err), FM_OK);
	for (int i = 0; i < MADE; i++)
		*(s.cls[i] ? &rare : &common) += s.kind[i] == 1;
	assert_true(abs(rare - RARE * OF_RARE / 100) <= 2);
	assert_true(abs(common - (MADE - RARE) * 20 / 9900) <= 2);
	fm_window_schedule_free(&s);
}

static void documents_are_checked(void **state)
{
	struct fm_encoded e = learned();
	struct fm_window_kinds kinds, back;
	struct fm_error err;
	json_t *j;

	(void)state;
	assert_int_equal(fm_window_kinds_learn(&kinds, &e, W, K, &err), FM_OK);
	j = fm_window_kinds_json(&kinds);
	assert_int_equal(fm_window_kinds_from_json(&back, j, &err), FM_OK);
	assert_memory_equal(&kinds, &back, sizeof back);
	static const char *const damage[] = {"[0,1,0,0]",  "[9,1,0,0]",  "[0,1,1,0]", "[0,1,200,0]",
					     "[0,1,0,32]", "[0,-1,0,0]", "[0]",       "7"};
	for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
		json_t *bad = json_deep_copy(j), *tree = json_object_get(bad, "tree");
		json_array_set_new(tree, 1, json_loads(damage[i], JSON_DECODE_ANY, NULL));
		assert_int_equal(fm_window_kinds_from_json(&back, bad, &err), i == 0 ? FM_OK : FM_EINPUT);
		json_decref(bad);
	}
	static const char *const counts[] = {"[[64,0,1]]", "[[0,32,1]]", "[[0,0,-1]]", "[[0,0]]", "{}"};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		json_t *bad = json_deep_copy(j);
		json_object_set_new(bad, "of_class", json_loads(counts[i], JSON_DECODE_ANY, NULL));
		assert_int_equal(fm_window_kinds_from_json(&back, bad, &err), FM_EINPUT);
		json_decref(bad);
	}
	assert_int_equal(fm_window_kinds_from_json(&back, NULL, &err), FM_OK);
	assert_int_equal(back.n, 0);
	json_decref(j);
	fm_encoded_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(traits_are_counted),          cmocka_unit_test(kinds_tell_scans_apart),
	    cmocka_unit_test(rare_kinds_are_not_told),     cmocka_unit_test(kinds_come_as_often),
	    cmocka_unit_test(kinds_stay_with_their_class), cmocka_unit_test(a_kind_of_many_durations_comes),
	    cmocka_unit_test(documents_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
