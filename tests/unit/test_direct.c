/* Compositions without a Fourier transform: never below the truth, hardly above it, and there at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "privacy/accountant.h"
#include "privacy/direct.h"
#include "privacy/loss.h"
#include "privacy/pld_parts.h"

/* Small rates at which a delta is nearly met at epsilon 0, and one at which a delta is so small that a transform's
 * rounding would be a part of it. The bounds are those of tests/epsilon_rare.py. */
static const struct rare {
	double q, sigma;
	uint64_t steps;
	double delta;
	enum fm_adjacency adjacency;
	double least, most;
} rare[] = {
    {1e-7, 0.5, 100000, 1e-6, FM_ADD_OR_REMOVE, 0.000834456, 0.000837299},
    {3e-7, 0.8, 100000, 1e-9, FM_ADD_OR_REMOVE, 0.000778743, 0.000780813},
    {1e-7, 0.5, 1000, 1e-7, FM_ADD_OR_REMOVE, 0.000198984, 0.000199225},
    {2e-7, 0.4, 3000, 1e-6, FM_REPLACE_ONE, 0.00364652, 0.00364875},
    {3.99e-6, 0.5607, 55740, 1.228e-12, FM_ADD_OR_REMOVE, 1.213588, 1.214238},
};

#ifdef __SANITIZE_ADDRESS__
#define SOON 100.0
#else
#define SOON 5.0 /* seconds of processor time, of which a busy machine of today takes a tenth */
#endif

static void test_rare_losses_are_bounded_closely_and_soon(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rare / sizeof *rare; i++) {
		const struct rare *r = &rare[i];
		struct fm_mechanism m = {
		    .kind = FM_SAMPLED_GAUSSIAN, .sensitivity = 1, .scale = r->sigma, .q = r->q, .count = r->steps};
		clock_t began = clock();
		struct fm_error err;
		double epsilon;

		assert_int_equal(fm_account(&m, 1, r->delta, r->adjacency, FM_PLD, &epsilon, &err), FM_OK);
		assert_true((double)(clock() - began) / CLOCKS_PER_SEC < SOON);
		if (epsilon < r->least || epsilon > 1.005 * r->most)
			fail_msg("q %g, sigma %g, %llu steps: epsilon %.9g, not in %.9g to %.9g", r->q, r->sigma,
				 (unsigned long long)r->steps, epsilon, r->least, r->most);
	}
}

/* Direct alone, from points that fit what is composed. */
static double direct(const struct fm_use *uses, size_t n, double delta, double reach, double share)
{
	struct fm_direct_terms t = {delta, 1e-9 * delta, -reach, reach, share};
	struct fm_error err;
	double epsilon;

	assert_int_equal(fm_direct_epsilon(uses, n, &t, &epsilon, &err), FM_OK);
	return epsilon;
}

static void test_gaussians_compose_to_one(void **state)
{
	(void)state;
	for (double delta = 1e-10; delta < 1e-2; delta *= 30)
		for (uint64_t count = 1; count <= 4000; count = 3 * count + 2) {
			struct fm_loss one, all;
			struct fm_use use = {&one, count};
			struct fm_error err;
			double truth, coarse, fine;

			fm_loss_gaussian(&one, 200);
			fm_loss_gaussian(&all, 200 / sqrt((double)count));
			assert_int_equal(fm_loss_epsilon(&all, delta, &truth, &err), FM_OK);
			coarse = direct(&use, 1, delta, 4, 0.03125);
			fine = direct(&use, 1, delta, 4, 0.015625);
			if (fine < truth || coarse < truth)
				fail_msg("delta %g, %llu times: %.12g and %.12g, not %.12g or more", delta,
					 (unsigned long long)count, coarse, fine, truth);
			if (fine > 1.004 * truth + 1e-9)
				fail_msg("delta %g, %llu times: %.12g, not %.12g", delta, (unsigned long long)count,
					 fine, truth);
		}
}

static void test_what_may_happen_beyond_the_points_counts(void **state)
{
	struct fm_loss one;
	struct fm_use use = {&one, 300};
	double wide, narrow;

	(void)state;
	fm_loss_gaussian(&one, 40);
	wide = direct(&use, 1, 1e-5, 6, 0.03125);
	narrow = direct(&use, 1, 1e-5, 1.4 * wide, 0.03125);
	assert_true(narrow >= wide * (1 - 1e-12));
	assert_true(isinf(direct(&use, 1, 1e-5, 0.5 * wide, 0.03125)));
}

/* Of 16,384 Gaussian steps the sum lies far above these points: then there is no finite loss to go on with. */
static void test_no_part_is_made_of_infinite_losses_alone(void **state)
{
	struct fm_loss one;
	struct fm_part part = {.loss = &one, .count = 3 * 16384 + 5};
	struct fm_direct_terms low = {1e-6, 1e-18, -6, 6, 0.03125}, wide = {1e-6, 1e-18, -6, 40000, 0.03125};
	struct fm_error err;
	uint64_t rest;

	(void)state;
	fm_loss_gaussian(&one, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fm_part_double(&part, 14, i ? &wide : &low, &rest, &err), FM_OK);
		assert_true(part.count == (i ? 3 : 3 * 16384 + 5) && rest == (i ? 5 : 0));
		assert_int_equal(fm_part_discretise(&part, i ? 1 : 0.1, 1e-18, 1 << 20, &err), FM_OK);
		struct fm_moments m = fm_part_moments(&part, i ? 1e-3 : 0.5);

		assert_true(isfinite(m.log_mass) && isfinite(m.mean) && m.variance > 0);
		fm_part_drop(&part);
	}
	fm_part_free(&part);
}

static void test_the_order_of_a_list_does_not_matter(void **state)
{
	struct fm_loss losses[3];
	struct fm_use there[3] = {{&losses[0], 1000}, {&losses[1], 3}, {&losses[2], 1}},
		      back[3] = {there[2], there[1], there[0]};
	double a, b;

	(void)state;
	fm_loss_sampled(&losses[0], 1e-5, 0.7, 1, FM_REMOVE, 0);
	fm_loss_laplace(&losses[1], 2000);
	fm_loss_discrete(&losses[2], 900, 1);
	a = direct(there, 3, 1e-6, 6, 0.03125);
	b = direct(back, 3, 1e-6, 6, 0.03125);
	assert_true(a > 0 && a == b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rare_losses_are_bounded_closely_and_soon),
	    cmocka_unit_test(test_gaussians_compose_to_one),
	    cmocka_unit_test(test_what_may_happen_beyond_the_points_counts),
	    cmocka_unit_test(test_no_part_is_made_of_infinite_losses_alone),
	    cmocka_unit_test(test_the_order_of_a_list_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
