/*
 * test_canary.c - scores of canaries from noisy counts: as good as a direct solution says, exact where there is no
 * noise, and not fooled by a noise that comes again.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "privacy/canary.h"
#include "tests/unit/ok.h"

enum { M = 60, CELLS = 40, ANSWERS = 30 };
static struct fm_error err;
static struct fm_rng rng;

static double normal(void)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += fm_rng_uniform53(&rng);
	return sum;
}

/* Answers about the same canaries: cells at random, those from CELLS on hold none.  Every other canary leaves another
 * record where it is out, now and then in the same cell. */
struct answers {
	uint8_t in[M];
	uint32_t cell[ANSWERS][M], other[ANSWERS][M];
	double noisy[ANSWERS][2 * CELLS], known[2 * CELLS];
};

static void toss(struct answers *a)
{
	for (int i = 0; i < M; i++)
		a->in[i] = (uint8_t)fm_rng_below(&rng, 2);
}

static void ask(struct answers *a, double sigma, const double (*noise)[2 * CELLS])
{
	for (int k = 0; k < ANSWERS; k++) {
		for (int c = 0; c < 2 * CELLS; c++) {
			a->known[c] = c;
			a->noisy[k][c] = c + (noise ? noise[k][c] : sigma * normal());
		}
		for (int i = 0; i < M; i++) {
			a->cell[k][i] = fm_rng_below(&rng, 10) ? fm_rng_below(&rng, CELLS) : FM_NO_CELL;
			a->other[k][i] = i % 2 == 0              ? FM_NO_CELL
					 : fm_rng_below(&rng, 5) ? fm_rng_below(&rng, CELLS)
								 : a->cell[k][i];
			uint32_t at = a->in[i] ? a->cell[k][i] : a->other[k][i];
			if (at != FM_NO_CELL)
				a->noisy[k][at]++;
		}
	}
}

static void score(const struct answers *a, double sigma, struct fm_canary_memory *memory, double *out)
{
	struct fm_canary_scorer *c;

	OK(fm_canary_open(&c, M, memory, &err));
	for (int k = 0; k < ANSWERS; k++) {
		char name[16];

		snprintf(name, sizeof name, "answer %d", k);
		struct fm_canary_answer one = {.name = name,
					       .ncells = 2 * CELLS,
					       .sigma = sigma,
					       .noisy = a->noisy[k],
					       .known = a->known,
					       .cell = a->cell[k],
					       .other = a->other[k]};
		OK(fm_canary_add(c, &one, a->in, &err));
	}
	OK(fm_canary_scores(c, out, &err));
	fm_canary_close(c);
}

static int right(const struct answers *a, const double *x)
{
	int n = 0;

	for (int i = 0; i < M; i++)
		n += (x[i] > 0) == a->in[i];
	return n;
}

/* Gauss's elimination of (H + 4 I) x = b. */
static void solve(double (*h)[M + 1])
{
	for (int i = 0; i < M; i++)
		for (int r = 0; r < M; r++) {
			double f = r == i ? 0 : h[r][i] / h[i][i];

			for (int c = i; c <= M && f != 0; c++)
				h[r][c] -= f * h[i][c];
		}
}

/* How much canary i adds to a cell where it is in rather than out. */
static double adds(const struct answers *a, int k, int i, uint32_t cell)
{
	return (a->cell[k][i] == cell) - (a->other[k][i] == cell);
}

static void scores_are_the_solution_of_the_header(void **state)
{
	static double h[M][M + 1];
	struct fm_canary_memory memory = {0};
	struct answers a;
	double x[M], sigma = 0.3;

	(void)state;
	memset(h, 0, sizeof h);
	toss(&a);
	ask(&a, 3, NULL); /* noise above what is said, so that the variance is the one that is said */
	score(&a, sigma, &memory, x);
	for (int i = 0; i < M; i++)
		h[i][i] = 4;
	for (int k = 0; k < ANSWERS; k++)
		for (uint32_t c = 0; c < CELLS; c++) {
			double left = a.noisy[k][c] - a.known[c];

			for (int j = 0; j < M; j++)
				left -= 0.5 * ((a.cell[k][j] == c) + (a.other[k][j] == c));
			for (int i = 0; i < M; i++) {
				for (int j = 0; j < M; j++)
					h[i][j] += adds(&a, k, i, c) * adds(&a, k, j, c) / (sigma * sigma);
				h[i][M] += adds(&a, k, i, c) * left / (sigma * sigma);
			}
		}
	solve(h);
	for (int i = 0; i < M; i++)
		assert_true(fabs(x[i] - h[i][M] / h[i][i]) < 1e-6);
	fm_canary_forget(&memory);
}

static void without_noise_each_is_told(void **state)
{
	struct fm_canary_memory memory = {0};
	struct answers a;
	double x[M];

	(void)state;
	toss(&a);
	ask(&a, 0, NULL);
	score(&a, 10, &memory, x); /* whatever is said of the noise */
	assert_int_equal(right(&a, x), M);
	fm_canary_forget(&memory);
}

static void noise_that_comes_again_is_taken_off(void **state)
{
	static double noise[ANSWERS][2 * CELLS];
	struct fm_canary_memory memory = {0};
	struct answers first, second;
	double x[M];

	(void)state;
	for (int k = 0; k < ANSWERS; k++)
		for (int c = 0; c < 2 * CELLS; c++)
			noise[k][c] = 100 * normal();
	toss(&first);
	toss(&second);
	ask(&first, 0, noise);
	ask(&second, 0, noise);
	score(&first, 100, &memory, x);
	assert_true(right(&first, x) < M * 9 / 10); /* nothing shows in one run */
	score(&second, 100, &memory, x);
	assert_int_equal(right(&second, x), M);
	/* Noise that is drawn anew is left as it is. */
	toss(&first);
	ask(&first, 100, NULL);
	score(&first, 100, &memory, x);
	assert_true(right(&first, x) < M * 9 / 10);
	fm_canary_forget(&memory);
}

static void too_many_answers_are_refused(void **state)
{
	double noisy[1] = {0}, known[1] = {0};
	uint32_t cell[1] = {0};
	uint8_t in[1] = {1};
	struct fm_canary_memory memory = {0};
	struct fm_canary_scorer *c;
	int rc = FM_OK, n = 0;

	(void)state;
	OK(fm_canary_open(&c, 1, &memory, &err));
	for (; rc == FM_OK && n <= FM_CANARY_ANSWERS; n++) {
		char name[16];

		snprintf(name, sizeof name, "answer %d", n);
		struct fm_canary_answer a = {name, 1, 1, noisy, known, cell, NULL};
		rc = fm_canary_add(c, &a, in, &err);
	}
	assert_int_equal(rc, FM_EINPUT);
	assert_int_equal(n, FM_CANARY_ANSWERS + 1);
	fm_canary_close(c);
	fm_canary_forget(&memory);
}

static int setup(void **state)
{
	(void)state;
	fm_rng_init(&rng, 7, FM_RNG_SIMULATE, 0, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scores_are_the_solution_of_the_header),
	    cmocka_unit_test(without_noise_each_is_told),
	    cmocka_unit_test(noise_that_comes_again_is_taken_off),
	    cmocka_unit_test(too_many_answers_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
