/* test_margins.c - of the windows that were drawn those are taken that bring all of them nearer to what was learned. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/diffusion/margins.h"

enum { W = 16, TRAIN = 400, MADE = 900, SPARE = MADE / FM_SPARE_EVERY, K = 20, OFTEN = 1, SELDOM = 2, ODD = 3 };
enum { SLOTS = 30, MARKS = 2 }; /* marks: of a window, in its first residuals: its port, its slot */

static uint32_t noise = 1;

static uint32_t chance(uint32_t below)
{
	noise = noise * 1664525u + 1013904223u;
	return (noise >> 8) % below;
}

/* A window of flows to one port. */
static void fill(uint16_t *tok, uint16_t port)
{
	memset(tok, 0, sizeof *tok * W * FM_NTOK);
	for (int i = 0; i < W; i++)
		tok[i * FM_NTOK + FM_T_DP] = port;
}

/* Windows in three of ten of which flows go to OFTEN, one of whose flows goes to ODD. */
static struct fm_encoded learned(void)
{
	struct fm_encoded e = {.windows = TRAIN, .tok = calloc((size_t)TRAIN * W * FM_NTOK, sizeof *e.tok)};

	for (int w = 0; w < TRAIN; w++)
		fill(e.tok + w * W * FM_NTOK, w % 10 < 3 ? OFTEN : SELDOM);
	e.tok[FM_T_DP] = ODD;
	return e;
}

static double share(const uint16_t *tok)
{
	double n = 0;

	for (size_t r = 0; r < (size_t)MADE * W; r++)
		n += tok[r * FM_NTOK + FM_T_DP] == OFTEN;
	return n / (MADE * W);
}

static void the_nearer_ones_are_taken(void **state)
{
	struct fm_encoded e = learned();
	size_t rows = (size_t)(MADE + SPARE) * W;
	uint16_t *tok = calloc(rows * FM_NTOK, sizeof *tok), *again = calloc(rows * FM_NTOK, sizeof *again);
	float *res = calloc(rows * FM_NRES, sizeof *res);
	uint8_t slot[MADE], *none = calloc(MADE, 1);
	int64_t start[MADE] = {0};
	struct fm_window_schedule s = {.n = MADE, .slot = slot, .span = none, .cls = none, .start_ms = start}, all;
	struct fm_margins m, read;
	struct fm_error err = {0};
	(void)state;

	for (int w = 0; w < MADE; w++)
		slot[w] = (uint8_t)(w * SLOTS / MADE);
	assert_int_equal(fm_margins_fit(&m, &e, W, K, &err), FM_OK);
	for (size_t i = 0; i < m.n; i++)
		assert_true(m.at[i].count >= K); /* nothing of the flow to ODD */
	assert_int_equal(fm_margins_drafts(&m, &all, &s, 1, &err), FM_OK);
	assert_int_equal(all.n, MADE + SPARE);
	for (int w = 0; w < MADE + SPARE; w++) {
		fill(tok + w * W * FM_NTOK, chance(2) ? OFTEN : SELDOM);
		for (int i = 0; i < W * FM_NRES; i += MARKS) {
			res[w * W * FM_NRES + i] = tok[w * W * FM_NTOK + FM_T_DP];
			res[w * W * FM_NRES + i + 1] = all.slot[w];
		}
	}
	double before = share(tok);
	memcpy(again, tok, sizeof *tok * rows * FM_NTOK);
	json_t *j = fm_margins_json(&m);
	assert_int_equal(fm_margins_from_json(&read, j, &err), FM_OK);
	assert_int_equal(read.n, m.n);
	assert_memory_equal(read.at, m.at, m.n * sizeof *m.at);
	struct fm_drafts drafts = {&all, MADE, 1};
	assert_int_equal(fm_margins_choose(&m, &drafts, &(struct fm_sampled){tok, res}, W, &err), FM_OK);
	/* A quarter of all that were drawn is left over, so a half could become a third; if each were exchanged with
	 * the window that it was drawn beside, five twelfths. */
	assert_true(before > 0.45 && share(tok) < 0.38 && share(tok) >= 0.3);
	for (int w = 0; w < MADE; w++)
		for (int i = 0; i < W * FM_NRES; i += MARKS) {
			assert_true(res[w * W * FM_NRES + i] == (float)tok[w * W * FM_NTOK + FM_T_DP]);
			assert_true(res[w * W * FM_NRES + i + 1] == (float)slot[w]); /* drawn for such conditions */
		}
	assert_int_equal(fm_margins_choose(&read, &drafts, &(struct fm_sampled){again, res}, W, &err), FM_OK);
	assert_memory_equal(tok, again, sizeof *tok * MADE * W * FM_NTOK);

	json_object_set_new(j, "windows", json_integer(0));
	fm_margins_free(&read);
	assert_int_equal(fm_margins_from_json(&read, j, &err), FM_EINPUT);
	json_object_set_new(j, "windows", json_integer(TRAIN));
	json_array_append_new(json_object_get(j, "counts"), json_pack("[i,i]", 0, K));
	assert_int_equal(fm_margins_from_json(&read, j, &err), FM_EINPUT); /* not in order */
	json_decref(j);
	fm_margins_free(&m);
	fm_window_schedule_free(&all);
	free(e.tok);
	free(tok);
	free(again);
	free(res);
	free(none);
}

static void drafts_are_of_the_same_conditions(void **state)
{
	uint8_t slot[MADE], span[MADE], cls[MADE], kind[MADE];
	int64_t start[MADE], end[MADE];
	uint16_t budget[2 * MADE];
	struct fm_window_schedule s = {MADE, slot, span, cls, kind, start, end, budget}, d;
	struct fm_margin one = {1, K};
	struct fm_error err = {0};
	(void)state;

	for (int w = 0; w < MADE; w++) {
		slot[w] = (uint8_t)w;
		span[w] = (uint8_t)(w / 7);
		cls[w] = (uint8_t)(w % 5);
		kind[w] = (uint8_t)(w % 3);
		start[w] = w;
		end[w] = w + 1;
		budget[2 * w] = (uint16_t)w;
		budget[2 * w + 1] = 1;
	}
	assert_int_equal(fm_margins_drafts(&(struct fm_margins){&one, 1, 1}, &d, &s, 2, &err), FM_OK);
	assert_int_equal(d.n, MADE + SPARE);
	for (size_t i = 0; i < d.n; i++) {
		size_t w = i < MADE ? i : (i - MADE) * FM_SPARE_EVERY;
		assert_true(d.slot[i] == slot[w] && d.span[i] == span[w] && d.cls[i] == cls[w] &&
			    d.kind[i] == kind[w] && d.start_ms[i] == start[w] && d.end_ms[i] == end[w]);
		assert_memory_equal(d.budget + 2 * i, budget + 2 * w, 2 * sizeof *budget);
	}
	fm_window_schedule_free(&d);
	assert_int_equal(fm_margins_drafts(&(struct fm_margins){0}, &d, &s, 2, &err), FM_OK);
	assert_int_equal(d.n, MADE);
	fm_window_schedule_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_nearer_ones_are_taken),
	    cmocka_unit_test(drafts_are_of_the_same_conditions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
