/* Promise: copies of the strangest training records are told though they come from few windows, and fresh ones are not
 * taken for copies, whatever the windows are like. */
#include "judge_fixture.h"

#include "base/rng.h"
#include "base/rows.h"
#include "privacy/leakage/farthest.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/leakage_parts.h"

#define SIZES (1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT)

/* ---- farthest.h ---- */

static void coordinates(const struct fm_table *const side[2], double (*x)[3], size_t n)
{
	size_t at = 0;

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < side[k]->rows; i++, at++) {
			x[at][0] = log1p((double)side[k]->td[i]);
			x[at][1] = log1p((double)side[k]->pkt[i]);
			x[at][2] = log1p((double)side[k]->byt[i]);
		}
	for (int c = 0; c < 3; c++) {
		double mean = 0, squares = 0;
		for (size_t i = 0; i < n; i++)
			mean += x[i][c] / (double)n;
		for (size_t i = 0; i < n; i++)
			squares += (x[i][c] - mean) * (x[i][c] - mean);
		for (size_t i = 0; i < n; i++)
			x[i][c] = (x[i][c] - mean) * sqrt((double)n / squares);
	}
}

static void test_neighbours_are_exact(void **state)
{
	enum { T = 700, H = 500 };
	struct fm_table *t = random_table(T, 1), *h = random_table(H, 2);
	const struct fm_table *const side[2] = {t, h};
	static double x[T + H][3];
	struct fm_clusters *b = NULL;
	struct fm_far *far = NULL;
	struct fm_error err = {0};
	uint8_t of_cluster[64];
	size_t n;
	int own_first = 0;

	(void)state;
	coordinates(side, x, T + H);
	OK(fm_clusters_new(&b, t, h, NULL, &err));
	for (size_t i = 0; i < b->n; i++)
		of_cluster[i] = i >= b->train;
	OK(fm_far_find(&(struct fm_far_in){t, h, NULL, b, SIZES, NULL}, &far, &n, &err));
	assert_true(n > 400); /* few enough rows: all that are not in a crowd */
	for (size_t i = 0; i < n; i++) {
		size_t self = far[i].row + (far[i].side ? T : 0), lower = 0, at_most = 0;
		double own = INFINITY;
		for (size_t j = 0; j < T + H; j++) {
			double d2 = 0;
			for (int c = 0; c < 3; c++)
				d2 += (x[self][c] - x[j][c]) * (x[self][c] - x[j][c]);
			if (j == self)
				continue;
			lower += sqrt(d2) < far[i].near[FM_FAR_NEAR - 1] - 1e-4;
			at_most += sqrt(d2) <= far[i].near[FM_FAR_NEAR - 1] + 1e-4;
			own = (j >= T) == far[i].side ? fmin(own, sqrt(d2)) : own;
		}
		assert_true(lower < FM_FAR_NEAR && at_most >= FM_FAR_NEAR);
		for (int k = 1; k < FM_FAR_NEAR; k++)
			assert_true(far[i].near[k] >= far[i].near[k - 1]);
		assert_int_equal(far[i].own, fm_cluster_of(b, far[i].side, far[i].row));
		own_first += fabs(fm_far_distance(&far[i], of_cluster) - own) < 1e-4;
		assert_true(fm_far_distance(&far[i], of_cluster) < own + 1e-4); /* never farther than it is */
	}
	assert_true(own_first > (int)n * 97 / 100);
	free(far);
	fm_clusters_free(b);
	fm_table_free(t);
	fm_table_free(h);
}

static int rising(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* Training and holdout change places: the same rows, as far away, of more than are kept. */
static void test_the_side_is_not_looked_at(void **state)
{
	struct fm_table *t = random_table(9000, 1), *h = random_table(4000, 2);
	struct fm_clusters *b[2] = {NULL, NULL};
	struct fm_far *far[2];
	struct fm_error err = {0};
	static float d[2][FM_FAR_MOST];
	size_t n[2], of[2] = {0, 0};

	(void)state;
	for (size_t i = 0; i < 40; i++)
		(i % 2 ? t : h)->byt[100 * i] <<= i / 2;
	OK(fm_clusters_new(&b[0], t, h, NULL, &err));
	OK(fm_clusters_new(&b[1], h, t, NULL, &err));
	OK(fm_far_find(&(struct fm_far_in){t, h, NULL, b[0], SIZES, NULL}, &far[0], &n[0], &err));
	OK(fm_far_find(&(struct fm_far_in){h, t, NULL, b[1], SIZES, NULL}, &far[1], &n[1], &err));
	assert_true(n[0] > 40 && n[0] <= FM_FAR_MOST);
	assert_true(n[0] == n[1]);
	for (int k = 0; k < FM_FAR_NEAR; k++) {
		for (int j = 0; j < 2; j++) {
			for (size_t i = 0; i < n[j]; i++)
				d[j][i] = far[j][i].near[k];
			qsort(d[j], n[j], sizeof *d[j], rising);
		}
		for (size_t i = 0; i < n[0]; i++)
			assert_true(fabsf(d[0][i] - d[1][i]) < 1e-4f); /* the means are summed in another order */
	}
	for (int j = 0; j < 2; j++)
		for (size_t i = 0; i < n[j]; i++)
			of[j] += far[j][i].side == j;
	assert_true(of[0] == of[1]);
	for (int k = 0; k < 2; k++) {
		free(far[k]);
		fm_clusters_free(b[k]);
	}
	fm_table_free(t);
	fm_table_free(h);
}

/* ---- leak.extreme ---- */

/* A pool of windows, of which one in three has one or two connections, there and back, with a row of strange sizes
 * each. */
enum { WINDOWS = 48, POOL = WINDOWS * FM_CLUSTER_ROWS };

static struct fm_table *strange_pool(uint64_t seed, uint8_t *strange)
{
	struct fm_table *t = random_table(POOL, seed);
	struct fm_rng r;

	memset(strange, 0, POOL);
	fm_rng_init(&r, seed, FM_RNG_JUDGE, 41, 0);
	for (size_t w = 0; w < WINDOWS; w++)
		for (size_t k = fm_rng_below(&r, 3) ? 0 : 2 + 2 * fm_rng_below(&r, 2); k > 0; k--) {
			size_t i = w * FM_CLUSTER_ROWS + 7 * k;
			t->td[i] = (uint32_t)exp(11 + 8 * fm_rng_uniform53(&r));
			t->pkt[i] = (uint64_t)exp(5 + 12 * fm_rng_uniform53(&r));
			t->byt[i] = (uint64_t)exp(11 + 16 * fm_rng_uniform53(&r));
			strange[i] = 1;
		}
	return t;
}

/* Deal the windows out, `train` of them to training; emitted: what the generator emits, by the row of the pool. */
static void extremes(const struct fm_table *pool, const uint32_t *window, size_t train, const uint8_t *emitted,
		     double *p, double *z)
{
	struct fm_table *side[2];
	struct fm_clusters *b = NULL;
	struct fm_metrics m = {0};
	struct fm_error err = {0};
	static struct fm_leak_record list[POOL];
	static uint32_t row[POOL];
	struct fm_extremes *x = NULL;
	size_t n = 0;

	for (int k = 0; k < 2; k++) {
		size_t rows = 0;
		for (size_t w = k ? train : 0; w < (k ? WINDOWS : train); w++)
			for (size_t i = 0; i < FM_CLUSTER_ROWS; i++, rows++) {
				row[rows] = window[w] * FM_CLUSTER_ROWS + (uint32_t)i;
				if (emitted[row[rows]])
					list[n++] = (struct fm_leak_record){
					    .row = (uint32_t)rows, .side = (uint8_t)k, .hamming = 3};
			}
		OK(fm_table_take(&side[k], pool, row, rows, &err));
	}
	OK(fm_clusters_new(&b, side[0], side[1], NULL, &err));
	struct fm_leak l = {
	    .train = side[0], .holdout = side[1], .synthetic = pool, .clusters = b, .out = &m, .family = 1};
	OK(fm_extremes_open(&x, &l, &err));
	OK(fm_extremes_add(x, list, n / 3, &err)); /* in whatever pieces */
	OK(fm_extremes_add(x, list + n / 3, n - n / 3, &err));
	OK(fm_extremes_test(x, "_no_addr_time", &err));
	fm_extremes_free(x);
	*p = metric(&m, "leak.extreme_p_no_addr_time");
	*z = metric(&m, "leak.extreme_z_no_addr_time");
	fm_metrics_free(&m);
	fm_clusters_free(b);
	fm_table_free(side[0]);
	fm_table_free(side[1]);
}

static void deal(uint32_t *window, uint64_t seed)
{
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, 42, 0);
	for (uint32_t w = 0; w < WINDOWS; w++)
		window[w] = w;
	fm_rng_shuffle(&r, window, WINDOWS);
}

/* A generator that emits half of the strange rows whatever side they are on has not learned them from training. */
static void false_alarms(size_t train, int *at_05, int *at_20)
{
	static uint8_t strange[POOL], emitted[POOL];
	uint32_t window[WINDOWS];
	struct fm_table *pool = NULL;
	double p, z;

	*at_05 = *at_20 = 0;
	for (uint64_t k = 0; k < 120; k++) {
		struct fm_rng r;
		if (k % 20 == 0) {
			fm_table_free(pool);
			pool = strange_pool(100 + k, strange);
		}
		fm_rng_init(&r, k, FM_RNG_JUDGE, 43, 0);
		for (size_t i = 0; i < POOL; i++)
			emitted[i] = strange[i] && fm_rng_below(&r, 2);
		deal(window, 1000 + k);
		extremes(pool, window, train, emitted, &p, &z);
		*at_05 += p < 0.05;
		*at_20 += p < 0.2;
	}
	fm_table_free(pool);
}

static void test_false_alarms_are_as_rare_as_promised(void **state)
{
	int at_05, at_20;

	(void)state;
	false_alarms(WINDOWS / 2, &at_05, &at_20); /* 6 and 24 are due */
	assert_true(at_05 <= 13 && at_20 >= 12 && at_20 <= 37);
	false_alarms(WINDOWS * 3 / 4, &at_05, &at_20);
	assert_true(at_05 <= 13 && at_20 >= 12 && at_20 <= 37);
}

/* Of the strange training rows all, ten or so of six windows: too few windows for their number to say it. */
static void test_copies_from_few_windows_are_told(void **state)
{
	static uint8_t strange[POOL], emitted[POOL];
	uint32_t window[WINDOWS];
	struct fm_table *pool = strange_pool(7, strange);
	double p, z;
	int from[2] = {0, 0}, n = 0;

	(void)state;
	/* Six windows with strange rows for training, eight for the holdout, in all others they are plain. */
	uint32_t first = 0, last = WINDOWS, plain = 0;
	for (uint32_t w = 0; w < WINDOWS; w++) {
		int odd = 0;
		for (uint32_t i = 0; i < FM_CLUSTER_ROWS; i++)
			odd += strange[w * FM_CLUSTER_ROWS + i];
		int to = odd && from[0] < 6 ? 0 : odd && from[1] < 8 ? 1 : -1;
		if (to >= 0)
			from[to]++;
		for (uint32_t i = w * FM_CLUSTER_ROWS; i < (w + 1) * FM_CLUSTER_ROWS; i++) {
			emitted[i] = strange[i] && to == 0;
			n += emitted[i];
			if (strange[i] && to < 0) {
				pool->td[i] = 0;
				pool->pkt[i] = 1;
				pool->byt[i] = 40;
				strange[i] = 0;
			}
		}
		if (to == 0 || (to < 0 && plain++ < WINDOWS / 2 - 6))
			window[first++] = w;
		else
			window[--last] = w;
	}
	assert_true(from[0] == 6 && from[1] == 8 && n >= 10 && first == WINDOWS / 2);
	extremes(pool, window, first, emitted, &p, &z);
	assert_true(p < FM_LEAK_SHARE_EXTREME * FM_LEAKAGE_ALPHA && z > 2);
	assert_true(pow(0.5, 6) > 0.01);                /* what their number says at best */
	extremes(pool, window, first, strange, &p, &z); /* the holdout's as well: no matter of training */
	assert_true(p > 0.05);
	for (size_t i = 0; i < POOL; i++)
		emitted[i] = strange[i] && !emitted[i];
	extremes(pool, window, first, emitted, &p, &z); /* the holdout's alone */
	assert_true(p > 0.5 && z < 0);
	memset(emitted, 0, sizeof emitted);
	extremes(pool, window, first, emitted, &p, &z);
	assert_true(p == 1 && z == 0);
	fm_table_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_neighbours_are_exact),
	    cmocka_unit_test(test_the_side_is_not_looked_at),
	    cmocka_unit_test(test_false_alarms_are_as_rare_as_promised),
	    cmocka_unit_test(test_copies_from_few_windows_are_told),
	};

	return cmocka_run_group_tests_name("extremes", tests, NULL, NULL);
}
