/* Promise: the nearest neighbours are the true ones, whatever float32 products say, on any processor and any threads.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/neighbours.h"
#include "base/rng.h"
#include "base/thread.h"

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		if ((call) != FM_OK)                                                                                   \
			fail_msg("%s: %s", #call, err.message);                                                        \
	} while (0)

enum { MOST = 1100, QUERIES = 130, DIM_MOST = 17 };

/* The definition: all distances in double, the smaller number first. */
static void by_definition(const float *x, size_t n, int dim, const float *q, int k, struct fm_span skip, uint32_t *row,
			  double *d2)
{
	for (int j = 0; j < k; j++) {
		row[j] = FM_NO_NEIGHBOUR;
		d2[j] = INFINITY;
		for (size_t i = 0; i < n; i++) {
			double d = 0;
			int taken = i >= skip.from && i < skip.to;
			for (int l = 0; l < j; l++)
				taken |= row[l] == i;
			for (int c = 0; c < dim; c++) {
				double t = (double)q[c] - (double)x[i * (size_t)dim + (size_t)c];
				d += t * t;
			}
			if (!taken && d < d2[j]) {
				d2[j] = d;
				row[j] = (uint32_t)i;
			}
		}
	}
}

/* kind 0: spread; 1: many equal points; 2: far from the origin and close together, where |a|^2 + |b|^2 - 2ab loses all
 * digits */
static void fill(float *x, size_t n, int dim, uint64_t seed, int kind)
{
	for (size_t i = 0; i < n; i++) {
		struct fm_rng r;
		fm_rng_init(&r, seed, FM_RNG_JUDGE, i, (uint32_t)kind);
		for (int c = 0; c < dim; c++) {
			float u = fm_rng_uniform(&r);
			x[i * (size_t)dim + (size_t)c] = kind == 0   ? 8 * u - 4
							 : kind == 1 ? (float)fm_rng_below(&r, 3)
								     : 9e5f + 4 * u;
		}
	}
}

static void check(size_t n, size_t m, int dim, int k, int kind, int skipping, struct fm_pool *pool)
{
	static float x[MOST * DIM_MOST], q[QUERIES * DIM_MOST];
	static uint32_t row[QUERIES * FM_NEIGHBOURS_MAX];
	static double d2[QUERIES * FM_NEIGHBOURS_MAX];
	struct fm_span skip[QUERIES];
	struct fm_points *p = NULL;
	struct fm_error err = {0};

	fill(x, n, dim, 1, kind);
	fill(q, m, dim, 2, kind);
	for (size_t i = 0; i < m; i++) {
		skip[i] = (struct fm_span){(uint32_t)(i * 3), (uint32_t)(i * 3 + (skipping ? 40 : 0))};
		if (kind == 0 && i % 4 == 0 && n > i) /* some queries are points */
			memcpy(q + i * (size_t)dim, x + i * (size_t)dim, sizeof *x * (size_t)dim);
	}
	OK(fm_points_new(&p, x, n, dim, &err));
	assert_int_equal(fm_points_count(p), n);
	OK(fm_neighbours(p, &(struct fm_queries){q, m, k, skipping ? skip : NULL, pool}, row, d2, &err));
	for (size_t i = 0; i < m; i++) {
		uint32_t want_row[FM_NEIGHBOURS_MAX];
		double want[FM_NEIGHBOURS_MAX];
		by_definition(x, n, dim, q + i * (size_t)dim, k, skipping ? skip[i] : (struct fm_span){0, 0}, want_row,
			      want);
		assert_memory_equal(row + i * (size_t)k, want_row, sizeof *row * (size_t)k);
		assert_memory_equal(d2 + i * (size_t)k, want, sizeof *d2 * (size_t)k);
	}
	fm_points_free(p);
}

static void check_all(struct fm_pool *pool)
{
	static const size_t sizes[] = {0, 1, 2, 255, 256, 257, 1100};

	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
		for (int kind = 0; kind < 3; kind++) {
			check(sizes[s], QUERIES, 5, 1, kind, 0, pool);
			check(sizes[s], QUERIES, 5, 2, kind, 1, pool);
		}
	check(1100, QUERIES, DIM_MOST, 2, 0, 0, pool);
	check(1100, 97, 1, FM_NEIGHBOURS_MAX, 0, 1, pool);
	check(1100, 1, 3, FM_NEIGHBOURS_MAX, 1, 1, pool);
	check(1100, 0, 3, 1, 1, 0, pool);
}

static void test_equals_the_definition(void **state)
{
	static const char *const kernels[] = {"v1", "v3", "v4"};
	struct fm_pool *pool = NULL;
	struct fm_error err = {0};

	(void)state;
	OK(fm_pool_new(&pool, 3, &err));
	for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
		assert_int_equal(setenv("FM_KERNELS", kernels[k], 1), 0);
		check_all(k == 1 ? NULL : pool);
	}
	unsetenv("FM_KERNELS");
	fm_pool_free(pool);
}

static void test_coordinates_that_are_none_are_refused(void **state)
{
	float x[4] = {0, 1, 2, NAN}, q[2] = {0, 0};
	struct fm_points *p = NULL;
	struct fm_error err = {0};
	uint32_t row[2];
	double d2[2];

	(void)state;
	assert_int_equal(fm_points_new(&p, x, 2, 2, &err), FM_EINPUT);
	assert_null(p);
	x[3] = INFINITY;
	assert_int_equal(fm_points_new(&p, x, 2, 2, &err), FM_EINPUT);
	x[3] = -2e6f;
	assert_int_equal(fm_points_new(&p, x, 2, 2, &err), FM_EINPUT);
	x[3] = 3;
	assert_int_equal(fm_points_new(&p, x, 2, 0, &err), FM_EINPUT);
	assert_int_equal(fm_points_new(&p, x, 2, FM_POINT_DIM_MAX + 1, &err), FM_EINPUT);
	OK(fm_points_new(&p, x, 2, 2, &err));
	assert_int_equal(fm_neighbours(p, &(struct fm_queries){.q = q, .m = 1}, row, d2, &err), FM_EINPUT);
	assert_int_equal(
	    fm_neighbours(p, &(struct fm_queries){.q = q, .m = 1, .k = FM_NEIGHBOURS_MAX + 1}, row, d2, &err),
	    FM_EINPUT);
	q[1] = NAN;
	assert_int_equal(fm_neighbours(p, &(struct fm_queries){.q = q, .m = 1, .k = 1}, row, d2, &err), FM_EINPUT);
	fm_points_free(p);
	fm_points_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equals_the_definition),
	    cmocka_unit_test(test_coordinates_that_are_none_are_refused),
	};

	return cmocka_run_group_tests_name("neighbours", tests, NULL, NULL);
}
