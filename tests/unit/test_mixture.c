/* test_mixture.c - mixtures of one column: their modes, special functions, and columns that hardly have a mode. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/detmath.h"
#include "base/rng.h"
#include "model/ctgan/mixture.h"

enum { N = 4000 };

static int compare(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

static void gamma_functions_are_those_of_the_library(void **state)
{
	(void)state;
	for (double x = 0.001; x < 1e7; x *= 1.7) {
		double h = x * 1e-4, slope = (lgamma(x + h) - lgamma(x - h)) / (2 * h);

		assert_true(fabs(fm_det_lgamma(x) - lgamma(x)) <= 1e-12 * (1 + fabs(lgamma(x))));
		assert_true(fabs(fm_det_digamma(x) - slope) <= 1e-5 * (1 + fabs(slope)));
	}
	assert_true(fabs(fm_det_digamma(1) + 0.57721566490153286) < 1e-13);
}

/* Two normals far apart, 3 to 1. */
static void two_modes_are_found(void **state)
{
	struct fm_mixture_value v[N];
	struct fm_mixture m;
	struct fm_error err;
	struct fm_rng r;
	double x[N], p[FM_MODES_MOST], low = 0, high = 0, sum = 0;

	(void)state;
	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < N; i++)
		x[i] = fm_normal_quantile(fm_rng_uniform53(&r) * 0.999 + 0.0005) + (i % 4 ? 0 : 100);
	qsort(x, N, sizeof *x, compare);
	for (int i = 0; i < N; i++)
		v[i] = (struct fm_mixture_value){x[i], 1};
	assert_int_equal(fm_mixture_fit(&m, v, N, 1, NULL, &err), FM_OK);
	fm_mixture_prune(&m);
	assert_true(m.n >= 2 && m.n < FM_MODES_MOST);
	for (int k = 0; k < m.n; k++) {
		assert_true(m.weight[k] > FM_MODE_WEIGHT);
		*(m.mean[k] < 50 ? &low : &high) += m.weight[k];
	}
	assert_true(fabs(low - 0.75) < 0.01 && fabs(high - 0.25) < 0.01);
	fm_mixture_posterior(&m, 100, p);
	for (int k = 0; k < m.n; k++)
		sum += m.mean[k] > 50 ? p[k] : 0;
	assert_true(sum > 1 - 1e-9);
}

/* Values of many rows count as often as they would one by one. */
static void values_count_by_their_rows(void **state)
{
	struct fm_mixture_value v[3] = {{80, 500}, {443, 300}, {53000, 200}};
	struct fm_mixture m;
	struct fm_error err;
	double near = 0;

	(void)state;
	assert_int_equal(fm_mixture_fit(&m, v, 3, 1, NULL, &err), FM_OK);
	for (int k = 0; k < m.n; k++)
		near += m.mean[k] < 3000 ? m.weight[k] : 0;
	assert_true(fabs(near - 0.8) < 0.02);
}

static void a_constant_column_has_one_value(void **state)
{
	struct fm_mixture_value v = {7, 1000};
	struct fm_mixture m;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_mixture_fit(&m, &v, 1, 1, NULL, &err), FM_OK);
	fm_mixture_prune(&m);
	assert_true(m.n >= 1);
	for (int k = 0; k < m.n; k++)
		assert_true(fabs(m.mean[k] - 7) < 1e-6 && m.sd[k] < 0.1 && isfinite(m.bias[k]));
	assert_int_equal(fm_mixture_fit(&m, &v, 0, 1, NULL, &err), FM_EINPUT);
	v.x = NAN;
	assert_int_not_equal(fm_mixture_fit(&m, &v, 1, 1, NULL, &err), FM_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gamma_functions_are_those_of_the_library),
	    cmocka_unit_test(two_modes_are_found),
	    cmocka_unit_test(values_count_by_their_rows),
	    cmocka_unit_test(a_constant_column_has_one_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
