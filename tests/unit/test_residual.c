/* test_residual.c - the solvers of the Gaussian part against what is known: data that are normal, whose best prediction
 * and whose way back have a closed form. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/diffusion/residual.h"

/* Data N(MU, SD^2). */
#define MU 0.7
#define SD 0.5

static struct fm_process process(const char *schedule, const char *prediction)
{
	struct fm_process pr;
	struct fm_error err;
	assert_int_equal(fm_process_init(&pr, 1000, schedule, &err), FM_OK);
	assert_int_equal(fm_process_choose(&pr, "absorbing", prediction, &err), FM_OK);
	return pr;
}

/* The best prediction: that of E[x_0 | x_t]. */
static float best(const struct fm_process *pr, double t, float x)
{
	double ab = fm_process_alpha_bar(pr, t), a = sqrt(ab), s = sqrt(1 - ab);
	double x0 = MU + a * SD * SD / (ab * SD * SD + 1 - ab) * ((double)x - a * MU), eps = ((double)x - a * x0) / s;
	return (float)(pr->noise ? eps : a * eps - s * x0);
}

/* From x at FM_RES_SPAN to the data in so many steps. */
static double way_back(const struct fm_process *pr, enum fm_solver solver, int steps, double x, struct fm_rng *r)
{
	float y = (float)x, x0 = 0;
	for (int i = steps; i > 0; i--) {
		double t = FM_RES_SPAN * i / steps;
		struct fm_gauss_step q;
		fm_res_step_init(&q, pr, solver, t, i > 1 ? FM_RES_SPAN * (i - 1) / steps : 0,
				 i < steps ? FM_RES_SPAN * (i + 1) / steps : 0);
		y = fm_gauss_step(&q, FM_RES_MAX, y, best(pr, t, y), &x0);
		if (q.sigma > 0)
			y += q.sigma * fm_rng_normal(r);
	}
	return (double)y;
}

/* Largest error of the deterministic way: it takes quantiles to quantiles. */
static double error_of(const struct fm_process *pr, enum fm_solver solver, int steps)
{
	double ab = fm_process_alpha_bar(pr, FM_RES_SPAN), worst = 0;
	for (double z = -2; z <= 2; z += 0.5) {
		double x = sqrt(ab) * MU + sqrt(ab * SD * SD + 1 - ab) * z,
		       e = fabs(way_back(pr, solver, steps, x, NULL) - (MU + SD * z));
		worst = e > worst ? e : worst;
	}
	return worst;
}

static const char *const schedules[] = {"cosine", "linear"}, *const predictions[] = {"v", "noise"};

static void ddim_is_of_first_order_and_dpm2_of_second(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct fm_process pr = process(schedules[i / 2], predictions[i % 2]);
		double few = error_of(&pr, FM_DDIM, 10), many = error_of(&pr, FM_DDIM, 160),
		       few2 = error_of(&pr, FM_DPM2, 10), many2 = error_of(&pr, FM_DPM2, 160);
		print_message("%s, %s: in 10 and 160 steps DDIM %.3f and %.4f off, DPM2 %.3f and %.4f\n",
			      schedules[i / 2], predictions[i % 2], few, many, few2, many2);
		assert_true(few > 12 * many && few < 18 * many); /* 16 and 256 in the limit */
		assert_true(few2 > 200 * many2 && few2 < few);
	}
}

static void ancestral_steps_have_the_data_s_moments(void **state)
{
	enum { N = 5000, STEPS = 350 };
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct fm_process pr = process(schedules[i / 2], predictions[i % 2]);
		double sum = 0, squares = 0;
		struct fm_rng r;
		fm_rng_init(&r, 7, FM_RNG_JUDGE, (uint64_t)i, 0);
		for (int n = 0; n < N; n++) {
			double y = way_back(&pr, FM_ANCESTRAL, STEPS, (double)fm_rng_normal(&r), &r);
			sum += y;
			squares += y * y;
		}
		double mean = sum / N, sd = sqrt(squares / N - mean * mean);
		print_message("%s, %s: mean %.3f, deviation %.3f\n", schedules[i / 2], predictions[i % 2], mean, sd);
		assert_true(fabs(mean - MU) < 0.02 && fabs(sd - SD) < 0.03);
	}
}

/* A step to the data is the x_0 that is predicted; a prediction of noise that is far off is cut. */
static void one_step_and_far_predictions_are_defined(void **state)
{
	(void)state;
	for (int solver = FM_DDIM; solver <= FM_DPM2; solver++)
		for (int i = 0; i < 4; i++) {
			struct fm_process pr = process(schedules[i / 2], predictions[i % 2]);
			struct fm_gauss_step q;
			float x0 = 99;
			fm_res_step_init(&q, &pr, (enum fm_solver)solver, 1, 0, 0);
			float y = fm_gauss_step(&q, FM_RES_MAX, 0.3f, best(&pr, 1, 0.3f), &x0);
			assert_true(q.sigma == 0 && y == x0 && fabs((double)y - MU) < 0.05);
			for (float wild = -100; wild <= 100; wild += 25) {
				y = fm_gauss_step(&q, FM_RES_MAX, 0.3f, wild, &x0);
				assert_true(isfinite(y) && (!pr.noise || fabsf(y) <= FM_RES_MAX));
			}
			/* The schedule is cut off beyond FM_RES_SPAN: a step there has no length to divide by. */
			fm_res_step_init(&q, &pr, (enum fm_solver)solver, 0.5, 0.34, 0.8);
			assert_true(isfinite(fm_gauss_step(&q, FM_RES_MAX, 0.3f, 0.1f, &x0)) && !q.extrapolate);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ddim_is_of_first_order_and_dpm2_of_second),
	    cmocka_unit_test(ancestral_steps_have_the_data_s_moments),
	    cmocka_unit_test(one_step_and_far_predictions_are_defined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
