/* Promises: no record, whatever its gradient, moves the sum on the grid by more than the stated sensitivity; the sum
 * does not depend on the order; the noise is the stated multiple of the sensitivity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/secret.h"
#include "privacy/clip.h"
#include "tests/unit/noise_fixture.h"

#define OK(call) assert_int_equal((call), FM_OK)

enum { DIM = 1000 };

static void the_clip_is_a_quantile_of_norms(void **state)
{
	double norm[] = {5, 1, 4, 2, 3, 9, 7, 6, 8, 10}, zero[] = {0, 0, 1}, bad[] = {1, NAN}, negative[] = {-1}, clip;
	struct fm_error err = {0};

	(void)state;
	OK(fm_clip_choose(norm, 10, 0.9, &clip, &err));
	assert_true(clip == 9);
	OK(fm_clip_choose(norm, 10, 0.901, &clip, &err));
	assert_true(clip == 10);
	OK(fm_clip_choose(norm, 10, 1, &clip, &err));
	assert_true(clip == 10);
	OK(fm_clip_choose(norm, 10, 1e-9, &clip, &err));
	assert_true(clip == 1);
	assert_int_equal(fm_clip_choose(zero, 3, 0.5, &clip, &err), FM_EINPUT);
	assert_int_equal(fm_clip_choose(bad, 2, 0.5, &clip, &err), FM_EINPUT);
	assert_int_equal(fm_clip_choose(negative, 1, 0.5, &clip, &err), FM_EINPUT);
	assert_int_equal(fm_clip_choose(norm, 0, 0.5, &clip, &err), FM_EINPUT);
	assert_int_equal(fm_clip_choose(norm, 10, 0, &clip, &err), FM_EINPUT);
	assert_int_equal(fm_clip_choose(norm, 10, 1.1, &clip, &err), FM_EINPUT);
}

static void a_weight_never_leaves_more_than_the_clip(void **state)
{
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 1, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < 10000; i++) {
		double norm = 3 * fm_rng_uniform53(&r), w = fm_clip_weight(norm, 1.3);

		assert_true(w <= 1 && (norm > 1.3 || w == 1));
		assert_true((long double)w * norm <= 1.3L && (norm <= 1.3 || w * norm > 1.3 * (1 - 1e-15)));
	}
	assert_true(fm_clip_weight(NAN, 1) == 0 && fm_clip_weight(INFINITY, 1) == 0 && fm_clip_weight(0, 1) == 1);
}

static double norm_of(const float *g, size_t n)
{
	double v = 0;

	for (size_t i = 0; i < n; i++)
		v += (double)g[i] * g[i];
	return sqrt(v);
}

/* A random direction, with few or many coordinates, of a norm. */
static void gradient_random(struct fm_rng *r, float *g, size_t n, double norm)
{
	unsigned sparse = 1u << fm_rng_below(r, 10);
	double have;

	for (size_t i = 0; i < n; i++)
		g[i] = fm_rng_below(r, sparse) == 0 ? fm_rng_uniform(r) - 0.5f : 0;
	g[fm_rng_below(r, (uint32_t)n)] += 1e-3f;
	have = norm_of(g, n);
	for (size_t i = 0; i < n; i++)
		g[i] = (float)(g[i] * (norm / have));
}

/* The L2 distance, in integers. */
static long double distance(const int64_t *a, const int64_t *b, size_t n)
{
	__int128 v = 0;

	for (size_t i = 0; i < n; i++)
		v += (__int128)(a[i] - b[i]) * (a[i] - b[i]);
	return sqrtl((long double)v);
}

static void no_record_moves_the_sum_by_more_than_the_clip(void **state)
{
	static const double over[] = {0.01, 0.5, 0.999, 1, 1.0000001, 1.5, 100, 1e12};
	static int64_t sum[DIM], before[DIM];
	static float g[DIM];
	struct fm_grid grid;
	struct fm_rng r;
	long double most = 0;

	(void)state;
	for (uint32_t trial = 0; trial < 400; trial++) {
		size_t dim = trial % 4 == 0 ? 1 : trial % 4 == 1 ? 7 : DIM;
		double clip = 0.037 * (1 + trial % 13), c, times = over[trial % 8];
		enum fm_grid_added added;
		long double moved;

		fm_rng_init(&r, 2, FM_RNG_JUDGE, trial, 0);
		OK(fm_grid_set(&grid, clip, dim, 0, 0, NULL));
		c = clip / grid.step;
		assert_true(c >= 1024 * sqrt((double)dim) && c < 2048 * sqrt((double)dim) &&
			    fm_grid_sensitivity(&grid) == c);
		gradient_random(&r, g, dim, clip * times);
		memcpy(before, sum, sizeof(sum));
		added = fm_grid_add_unit(&grid, g, sum);
		moved = distance(sum, before, dim);
		assert_true(moved <= c);
		/* and what is within the clip stays what it is, what is beyond keeps its size */
		assert_true(times > 0.9999 || added == FM_GRID_AS_IT_IS);
		assert_true(times < 1.01 || added == FM_GRID_SHRUNK);
		assert_true(moved >= 0.99 * c * (times < 1 ? times : 1) - sqrt((double)dim));
		for (size_t i = 0; i < dim && added == FM_GRID_AS_IT_IS; i++)
			assert_true(sum[i] - before[i] == (int64_t)trunc(g[i] / grid.step));
		most = moved / c > most ? moved / c : most;
	}
	assert_true(most > 0.9999); /* the bound is reached */
}

/* Noise of hundreds of times the clip is drawn on a coarser grid, of the same clip. */
static void a_grid_is_as_coarse_as_its_noise_needs(void **state)
{
	static const double multiplier[] = {0.5, 8, 40, 380, 9000, 8e6};

	(void)state;
	for (size_t i = 0; i < sizeof multiplier / sizeof *multiplier; i++) {
		struct fm_grid grid, was;
		double c;

		OK(fm_grid_set(&grid, 0.037, 500000, 0, 0, NULL));
		was = grid;
		assert_true(fm_grid_coarsen(&grid, multiplier[i]));
		c = grid.clip / grid.step;
		assert_true(grid.clip == was.clip && fm_grid_sensitivity(&grid) == c);
		assert_true((double)grid.norm2 <= c * c && (double)grid.norm2 >= c * c - 2);
		assert_true(fm_grid_scale(&grid, multiplier[i]) >= multiplier[i] * c * (1 - 0x1p-40));
		/* no coarser than it needs to be */
		assert_true(grid.step == was.step || multiplier[i] * 2 * c > FM_GAUSSIAN_MAX);
		assert_true(i < 2 ? grid.step == was.step : grid.step > was.step);
	}
}

/* A clip that was not applied, and numbers that are none, do no harm either. */
static void a_broken_gradient_is_held_or_dropped(void **state)
{
	static const float bad[] = {NAN, INFINITY, -INFINITY};
	static int64_t sum[DIM], zero[DIM];
	static float g[DIM];
	struct fm_grid grid;

	(void)state;
	OK(fm_grid_set(&grid, 1, DIM, 0, 0, NULL));
	for (int k = 0; k < 3; k++) {
		for (int i = 0; i < DIM; i++)
			g[i] = 1e-3f;
		g[17] = bad[k];
		assert_int_equal(fm_grid_add_unit(&grid, g, sum), FM_GRID_DROPPED);
		assert_memory_equal(sum, zero, sizeof(sum));
		assert_int_equal(fm_grid_add_sum(&grid, g, sum, NULL), FM_EINPUT);
		assert_memory_equal(sum, zero, sizeof(sum));
	}
	for (int i = 0; i < DIM; i++)
		g[i] = 3e38f;
	assert_int_equal(fm_grid_add_unit(&grid, g, sum), FM_GRID_SHRUNK);
	assert_true(distance(sum, zero, DIM) <= fm_grid_sensitivity(&grid) && sum[0] > 0);
	assert_int_equal(fm_grid_set(&grid, 0, DIM, 0, 0, NULL), FM_EINPUT);
	assert_int_equal(fm_grid_set(&grid, INFINITY, DIM, 0, 0, NULL), FM_EINPUT);
	assert_int_equal(fm_grid_set(&grid, 1, 0, 0, 0, NULL), FM_EINPUT);
	assert_int_equal(fm_grid_set(&grid, 1, 1, 1, NAN, NULL), FM_EINPUT);
}

static void sums_on_the_grid_do_not_depend_on_the_order(void **state)
{
	enum { RECORDS = 64 };
	static float g[RECORDS][DIM], up[DIM], down[DIM];
	static int64_t forward[DIM], backward[DIM];
	struct fm_grid grid;
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	OK(fm_grid_set(&grid, 1, DIM, 0, 0, NULL));
	for (int k = 0; k < RECORDS; k++)
		gradient_random(&r, g[k], DIM, 1);
	for (int k = 0; k < RECORDS; k++) {
		fm_grid_add_unit(&grid, g[k], forward);
		fm_grid_add_unit(&grid, g[RECORDS - 1 - k], backward);
		for (int i = 0; i < DIM; i++) {
			up[i] += g[k][i];
			down[i] += g[RECORDS - 1 - k][i];
		}
	}
	assert_memory_equal(forward, backward, sizeof(forward));
	assert_true(memcmp(up, down, sizeof(up)) != 0); /* as floating-point sums do */
}

/* Records in sums of EACH, filled in turn, so that one record more changes every sum behind it. */
enum { EACH = 8, SUMS = 5 };
static void sums_of(const struct fm_grid *grid, float g[][DIM], size_t n, int64_t *total)
{
	static float sum[DIM];

	memset(total, 0, DIM * sizeof(*total));
	for (size_t k = 0; k < n; k += EACH) {
		memset(sum, 0, sizeof(sum));
		for (size_t j = k; j < k + EACH && j < n; j++)
			for (int i = 0; i < DIM; i++)
				sum[i] += g[j][i];
		OK(fm_grid_add_sum(grid, sum, total, NULL));
	}
}

static void floating_point_sums_move_by_no_more_than_their_bound(void **state)
{
	static float g[EACH * SUMS][DIM], fewer[EACH * SUMS][DIM];
	static int64_t a[DIM], b[DIM];
	struct fm_grid grid;
	struct fm_rng r;

	(void)state;
	/* EACH additions of vectors of norm 1, each rounded by 2^-24 of a partial sum of norm EACH at most */
	OK(fm_grid_set(&grid, 1, DIM, SUMS, EACH * EACH * 0x1p-24, NULL));
	for (uint32_t trial = 0; trial < 60; trial++) {
		size_t n = EACH * SUMS, gone;

		fm_rng_init(&r, 4, FM_RNG_JUDGE, trial, 0);
		for (size_t k = 0; k < n; k++)
			gradient_random(&r, g[k], DIM, 1 - 1e-6);
		gone = fm_rng_below(&r, (uint32_t)n);
		for (size_t k = 0, j = 0; k < n; k++)
			if (k != gone)
				memcpy(fewer[j++], g[k], sizeof(g[k]));
		sums_of(&grid, g, n, a);
		sums_of(&grid, fewer, n - 1, b);
		assert_true(distance(a, b, DIM) <= fm_grid_sensitivity(&grid));
	}
	/* The worst case of rounding: half a step below, and all coordinates move by one though the gradient is next to
	 * nothing. */
	memset(g, 0, sizeof(g));
	for (int i = 0; i < DIM; i++) {
		g[0][i] = (float)(0.49999 * grid.step);
		g[1][i] = (float)(0.00002 * grid.step);
	}
	sums_of(&grid, g, 2, a);
	sums_of(&grid, g, 1, b);
	assert_true(distance(a, b, DIM) == sqrtl(DIM));
	/* A step of c = 2^10 T sqrt(dim) makes the part of rounding a thousandth. */
	assert_true(fm_grid_sensitivity(&grid) >= grid.clip / grid.step + SUMS * sqrt(DIM));
	assert_true(fm_grid_sensitivity(&grid) < grid.clip / grid.step * 1.0011);
}

static void sums_are_rounded_to_the_nearest(void **state)
{
	static float sum[DIM];
	static int64_t total[DIM];
	struct fm_grid grid;
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 7, FM_RNG_JUDGE, 0, 0);
	OK(fm_grid_set(&grid, 1, DIM, 1, 0, NULL));
	for (int i = 0; i < DIM; i++) /* halves, whole numbers, and all sizes of both signs */
		sum[i] = i < 40 ? (float)((i - 20) * 0.5 * grid.step)
				: (float)(ldexp(fm_rng_uniform(&r) - 0.5, (int)fm_rng_below(&r, 70) - 40) * grid.step);
	OK(fm_grid_add_sum(&grid, sum, total, NULL));
	for (int i = 0; i < DIM; i++)
		assert_true((double)total[i] == floor(sum[i] / grid.step + 0.5));
}

static void the_noise_is_the_multiple_of_the_sensitivity(void **state)
{
	enum { N = 50000 };
	static int64_t sum[N], draws[N];
	static float mean[N], again[N];
	struct fm_secret key;
	struct fm_grid grid;
	struct fm_gaussian g;
	struct fm_pool *pool;
	double scale;

	(void)state;
	OK(noise_key(&key, 30));
	OK(fm_pool_new(&pool, 2, NULL));
	for (unsigned touched = 0; touched < 3; touched++) {
		OK(fm_grid_set(&grid, 0.7, N, touched, 1e-6, NULL));
		for (int i = 0; i < N; i++)
			sum[i] = 1000000 * (i % 5 - 2);
		scale = fm_grid_scale(&grid, 1.17);
		assert_true(scale >= 1.17 * fm_grid_sensitivity(&grid) * (1 - 1e-15));
		assert_true(scale <= 1.17 * fm_grid_sensitivity(&grid) * (1 + 1e-9));
		OK(fm_grid_noisy_mean(&grid, &(struct fm_grid_noise){{&key, "train", touched}, 1.17, 4096, NULL}, sum,
				      mean, NULL));
		OK(fm_grid_noisy_mean(&grid, &(struct fm_grid_noise){{&key, "train", touched}, 1.17, 4096, pool}, sum,
				      again, NULL));
		assert_memory_equal(mean, again, sizeof(mean));
		OK(fm_gaussian_set(&g, scale, NULL));
		double v = 0;
		for (int i = 0; i < N; i++) {
			draws[i] = (int64_t)llrint((double)mean[i] * 4096 / grid.step) - sum[i];
			v += (double)draws[i] * (double)draws[i];
		}
		assert_true(fabs(sqrt(v / N) / scale - 1) < 4.5 / sqrt(2.0 * N));
	}
	struct fm_error err = {0};
	assert_int_equal(
	    fm_grid_noisy_mean(&grid, &(struct fm_grid_noise){{&key, "train", 9}, 0, 4096, NULL}, sum, mean, &err),
	    FM_EINPUT);
	assert_int_equal(
	    fm_grid_noisy_mean(&grid, &(struct fm_grid_noise){{&key, "train", 9}, NAN, 4096, NULL}, sum, mean, &err),
	    FM_EINPUT);
	assert_int_equal(
	    fm_grid_noisy_mean(&grid, &(struct fm_grid_noise){{&key, "train", 9}, 1, 0, NULL}, sum, mean, &err),
	    FM_EINPUT);
	assert_true(fm_grid_scale(&grid, 1e9) == 0 && !fm_grid_coarsen(&grid, 1e9));
	fm_pool_free(pool);
	fm_secret_close(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_clip_is_a_quantile_of_norms),
	    cmocka_unit_test(a_weight_never_leaves_more_than_the_clip),
	    cmocka_unit_test(no_record_moves_the_sum_by_more_than_the_clip),
	    cmocka_unit_test(a_grid_is_as_coarse_as_its_noise_needs),
	    cmocka_unit_test(a_broken_gradient_is_held_or_dropped),
	    cmocka_unit_test(sums_on_the_grid_do_not_depend_on_the_order),
	    cmocka_unit_test(floating_point_sums_move_by_no_more_than_their_bound),
	    cmocka_unit_test(sums_are_rounded_to_the_nearest),
	    cmocka_unit_test(the_noise_is_the_multiple_of_the_sensitivity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
