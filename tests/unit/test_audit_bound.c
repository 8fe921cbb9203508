/* Promises: the bound equals the published construction's on every row of the reference; it refutes what is not private
 * and, for what is, errs no more often than its confidence says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/secret.h"
#include "privacy/audit.h"
#include "tests/unit/noise_fixture.h"

#define OK(call) assert_int_equal((call), FM_OK)

static void every_row_of_the_reference_agrees(void **state)
{
	FILE *f = fopen("tests/golden/dp/audit_one_run.csv", "r");
	char line[256];
	int rows = 0;

	(void)state;
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t m, r, v;
		double delta, p, want, got;

		assert_int_equal(sscanf(line, "%zu,%zu,%zu,%lf,%lf,%lf", &m, &r, &v, &delta, &p, &want), 6);
		OK(fm_audit_epsilon(m, r, v, delta, p, &got, NULL));
		if (fabs(got - want) > 1e-6)
			print_message("# m %zu r %zu v %zu delta %g: %.7f, the reference has %.7f\n", m, r, v, delta,
				      got, want);
		assert_true(fabs(got - want) <= 1e-6);
		rows++;
	}
	fclose(f);
	assert_int_equal(rows, 84);
}

/* The sum of probabilities that are multiplied up from one end, in long doubles: small r only. */
static void the_binomial_is_right(void **state)
{
	(void)state;
	for (size_t r = 1; r <= 300; r += 23)
		for (double epsilon = 0; epsilon < 6; epsilon += 0.7) {
			long double q = 1 / (1 + expl(-epsilon)), pmf = powl(1 - q, (long double)r), below = 0;

			for (size_t v = 0; v <= r; v++) {
				double p;

				OK(fm_audit_binomial(r, v, epsilon, &p, NULL));
				assert_true(fabs(p - (double)(1 - below)) < 1e-11);
				below += pmf;
				pmf *= (long double)(r - v) / (long double)(v + 1) * q / (1 - q);
			}
		}
	double p;
	/* 100,000 tosses: next to the mean a half, by symmetry exactly; 5 standard deviations out the normal's tail
	 * with the continuity correction; all right, q^r. */
	OK(fm_audit_binomial(99999, 50000, 0, &p, NULL));
	assert_true(fabs(p - 0.5) < 1e-9);
	OK(fm_audit_binomial(100000, 50791, 0, &p, NULL));
	assert_true(fabs(p / (erfc(790.5 / sqrt(25000) / M_SQRT2) / 2) - 1) < 2e-3);
	OK(fm_audit_binomial(100000, 100000, 8, &p, NULL));
	assert_true(fabs(log(p) + 100000 * log1p(exp(-8))) < 1e-8);
	assert_int_equal(fm_audit_binomial(5, 6, 0, &p, NULL), FM_EINPUT);
	assert_int_equal(fm_audit_binomial(5, 5, NAN, &p, NULL), FM_EINPUT);
}

/* 100,000 guesses that are all right: the chance of so many is far from underflow only near the answer. */
static void many_canaries_lose_no_digits(void **state)
{
	double epsilon, p;

	(void)state;
	OK(fm_audit_epsilon(100000, 100000, 100000, 0, 0.05, &epsilon, NULL));
	assert_true(fabs(epsilon + log(expm1(-log(0.05) / 100000))) < 1e-8); /* q^r = 0.05 */
	OK(fm_audit_epsilon(100000, 100000, 60000, 1e-9, 0.05, &epsilon, NULL));
	assert_true(epsilon > 0.38 && epsilon < log(1.5));
	/* The delta that is to blame for all: W in the bulk, i = v - W apart, all of which the maximum has to find. */
	OK(fm_audit_p_value(100000, 100000, 90000, 0, 1e-6, &p, NULL));
	assert_true(fabs(p - 2 * 100000 * 1e-6 / 40600) < 1e-7);
	OK(fm_audit_epsilon(100000, 1000, 1000, 1, 0.05, &epsilon, NULL));
	assert_true(epsilon == 0);
	OK(fm_audit_epsilon(10, 0, 0, 0, 0.05, &epsilon, NULL));
	assert_true(epsilon == 0);
}

static void numbers_that_cannot_be_are_refused(void **state)
{
	double x;
	int8_t guess[3];

	(void)state;
	assert_int_equal(fm_audit_epsilon(10, 11, 5, 0, 0.05, &x, NULL), FM_EINPUT);
	assert_int_equal(fm_audit_epsilon(10, 5, 6, 0, 0.05, &x, NULL), FM_EINPUT);
	assert_int_equal(fm_audit_epsilon(10, 5, 5, -1, 0.05, &x, NULL), FM_EINPUT);
	assert_int_equal(fm_audit_epsilon(10, 5, 5, 0, 0, &x, NULL), FM_EINPUT);
	assert_int_equal(fm_audit_epsilon(10, 5, 5, 0, 1, &x, NULL), FM_EINPUT);
	assert_int_equal(fm_audit_p_value(10, 5, 5, -1, 0, &x, NULL), FM_EINPUT);
	assert_int_equal(fm_audit_guess((double[]){1, 2, 3}, 3, 2, 2, guess, NULL), FM_EINPUT);
	assert_int_equal(fm_audit_guess((double[]){1, NAN, 3}, 3, 1, 1, guess, NULL), FM_EINPUT);
}

static void guesses_go_by_rank(void **state)
{
	static const double score[] = {0.5, -1, 7, 0.5, INFINITY, 0.5, -INFINITY};
	static const int8_t none[7] = {0}, some[] = {0, -1, 1, 0, 1, 0, -1}, all[] = {-1, -1, 1, -1, 1, 1, -1};
	int8_t guess[7];

	(void)state;
	OK(fm_audit_guess(score, 7, 0, 0, guess, NULL));
	assert_memory_equal(guess, none, 7);
	OK(fm_audit_guess(score, 7, 2, 2, guess, NULL));
	assert_memory_equal(guess, some, 7);
	OK(fm_audit_guess(score, 7, 3, 4, guess, NULL)); /* of equal scores the later one counts as higher */
	assert_memory_equal(guess, all, 7);
}

/* Scores of a Gaussian mechanism: 1 with the canary and 0 without, plus noise. */
static void scores_of(struct fm_rng *r, const uint8_t *in, size_t m, double sigma, double *score)
{
	for (size_t i = 0; i < m; i++)
		score[i] =
		    in[i] + sigma * sqrt(-2 * log(1 - fm_rng_uniform53(r))) * cos(2 * M_PI * fm_rng_uniform53(r));
}

enum { M = 2000 };

static void the_bound_refutes_what_leaks_and_spares_what_does_not(void **state)
{
	static const size_t k[][2] = {{20, 20}, {100, 100}, {1000, 1000}};
	static uint8_t in[M];
	static double score[M];
	struct fm_secret key;
	struct fm_audit audit;
	struct fm_rng r;
	double last = INFINITY;

	(void)state;
	OK(noise_key(&key, 40));
	OK(fm_audit_toss(&key, "audit", M, in, NULL));
	fm_rng_init(&r, 5, FM_RNG_JUDGE, 0, 0);
	for (double sigma = 0.25; sigma < 9; sigma *= 2) {
		scores_of(&r, in, M, sigma, score);
		OK(fm_audit_bound(&(struct fm_canaries){score, in, M}, k, 3, 1e-5, 0.05, &audit, NULL));
		/* At most the true epsilon of the Gaussian: delta(eps) = P[N > eps sigma - 1 / (2 sigma)] - e^eps P[N >
		 * eps sigma + ...] */
		double e = audit.epsilon, a = e * sigma - 1 / (2 * sigma), b = e * sigma + 1 / (2 * sigma);
		assert_true(erfc(a / M_SQRT2) / 2 - exp(e) * erfc(b / M_SQRT2) / 2 > 1e-5);
		assert_true(e <= last + 0.1);
		last = e;
		assert_true(sigma > 0.3 || e > 3);
		assert_true(audit.m == M && audit.r == audit.kplus + audit.kminus && audit.v <= audit.r);
	}
	assert_true(last < 0.2);
	/* No noise at all */
	for (int i = 0; i < M; i++)
		score[i] = in[i];
	OK(fm_audit_bound(&(struct fm_canaries){score, in, M}, k, 3, 1e-5, 0.05, &audit, NULL));
	assert_true(audit.epsilon > 3.5);
	assert_int_equal(fm_audit_bound(&(struct fm_canaries){score, in, M}, k, 0, 1e-5, 0.05, &audit, NULL),
			 FM_EINPUT);
	fm_secret_close(&key);
}

/* Randomised response of epsilon 1, the worst that is allowed: over many runs the bound is above 1 in at most one of
 * twenty, although the best of three numbers of guesses is taken; and it is no idle bound. */
static void the_bound_errs_no_more_than_its_confidence(void **state)
{
	enum { RUNS = 300, CANARIES = 300 };
	static const size_t k[][2] = {{50, 50}, {100, 100}, {150, 150}};
	uint8_t in[CANARIES];
	double score[CANARIES], sum = 0;
	struct fm_secret key;
	struct fm_audit audit;
	struct fm_rng r;
	int above = 0;

	(void)state;
	OK(noise_key(&key, 41));
	for (uint32_t run = 0; run < RUNS; run++) {
		char label[32];

		snprintf(label, sizeof(label), "audit/%u", run);
		OK(fm_audit_toss(&key, label, CANARIES, in, NULL));
		fm_rng_init(&r, 6, FM_RNG_JUDGE, run, 0);
		for (int i = 0; i < CANARIES; i++)
			score[i] =
			    (fm_rng_uniform53(&r) < 1 / (1 + exp(-1)) ? in[i] : !in[i]) + 1e-6 * fm_rng_uniform53(&r);
		OK(fm_audit_bound(&(struct fm_canaries){score, in, CANARIES}, k, 3, 0, 0.05, &audit, NULL));
		above += audit.epsilon > 1;
		sum += audit.epsilon;
	}
	assert_true(above <= 0.05 * RUNS + 3 * sqrt(0.05 * RUNS));
	assert_true(sum / RUNS > 0.6 && sum / RUNS < 1);
	fm_secret_close(&key);
}

static void the_toss_is_fair_and_secret(void **state)
{
	enum { N = 100000 };
	static uint8_t in[N], again[N];
	struct fm_secret key, other;
	int ones = 0, same = 0;

	(void)state;
	OK(noise_key(&key, 42));
	OK(noise_key(&other, 43));
	OK(fm_audit_toss(&key, "audit", N, in, NULL));
	OK(fm_audit_toss(&key, "audit", N, again, NULL));
	assert_memory_equal(in, again, N);
	OK(fm_audit_toss(&other, "audit", N, again, NULL));
	for (int i = 0; i < N; i++) {
		assert_true(in[i] <= 1);
		ones += in[i];
		same += in[i] == again[i];
	}
	assert_true(abs(ones - N / 2) < 4 * sqrt(N / 4.0) && abs(same - N / 2) < 4 * sqrt(N / 4.0));
	fm_secret_close(&key);
	fm_secret_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_of_the_reference_agrees),
	    cmocka_unit_test(the_binomial_is_right),
	    cmocka_unit_test(many_canaries_lose_no_digits),
	    cmocka_unit_test(numbers_that_cannot_be_are_refused),
	    cmocka_unit_test(guesses_go_by_rank),
	    cmocka_unit_test(the_bound_refutes_what_leaks_and_spares_what_does_not),
	    cmocka_unit_test(the_bound_errs_no_more_than_its_confidence),
	    cmocka_unit_test(the_toss_is_fair_and_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
