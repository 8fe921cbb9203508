/* Promise: areas under the curve and rank correlations are what their definitions say, with ties and at the edges. */
#include "judge_fixture.h"

#include "base/stats.h"

/* By the definition, every pair looked at; variance by DeLong's sums. */
static void brute_force(const float *s, const int *y, size_t n, double *auc, double *variance)
{
	double sum = 0, v10 = 0, v01 = 0, np = 0, nn = 0;

	for (size_t i = 0; i < n; i++) {
		np += y[i] != 0;
		nn += y[i] == 0;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			if (y[i] && !y[j])
				sum += s[i] > s[j] ? 1.0 : s[i] == s[j] ? 0.5 : 0.0;
	*auc = sum / np / nn;
	for (size_t i = 0; i < n; i++) {
		double right = 0;
		for (size_t j = 0; j < n; j++)
			if (!y[i] != !y[j]) {
				double win = s[i] > s[j] ? 1.0 : s[i] == s[j] ? 0.5 : 0.0;
				right += y[i] ? win / nn : (1.0 - win) / np;
			}
		if (y[i])
			v10 += (right - *auc) * (right - *auc);
		else
			v01 += (right - *auc) * (right - *auc);
	}
	*variance = v10 / (np - 1) / np + v01 / (nn - 1) / nn;
}

static void test_auc_is_the_share_of_pairs(void **state)
{
	struct fm_error err = {0};
	float s[200];
	int y[200];

	(void)state;
	for (int levels = 2; levels < 500; levels *= 4) { /* few levels: many ties */
		struct fm_rng r;
		struct fm_auc a;
		double auc, variance;
		fm_rng_init(&r, 5, FM_RNG_JUDGE, (uint64_t)levels, 0);
		for (int i = 0; i < 200; i++) {
			y[i] = fm_rng_below(&r, 3) == 0;
			s[i] = (float)fm_rng_below(&r, (uint32_t)levels) - 5 + (float)y[i];
		}
		brute_force(s, y, 200, &auc, &variance);
		OK(fm_auc(&a, s, y, 200, &err));
		assert_true(fabs(a.value - auc) < 1e-12);
		assert_true(fabs(a.variance - variance) < 1e-12);
		assert_int_equal(a.positives + a.negatives, 200);
	}
}

static void test_auc_at_the_edges(void **state)
{
	const float s[4] = {1, 2, 3, 4};
	const int none[4] = {0}, all[4] = {1, 1, 1, 1}, high[4] = {0, 0, 7, -1}, one[4] = {0, 0, 0, 1};
	struct fm_error err = {0};
	struct fm_auc a;

	(void)state;
	OK(fm_auc(&a, s, none, 4, &err));
	assert_true(isnan(a.value) && isnan(a.variance));
	OK(fm_auc(&a, s, all, 4, &err));
	assert_true(isnan(a.value));
	OK(fm_auc(&a, s, high, 0, &err));
	assert_true(isnan(a.value));
	OK(fm_auc(&a, s, high, 4, &err));
	assert_true(a.value == 1.0 && a.variance == 0.0);
	OK(fm_auc(&a, s, one, 4, &err));
	assert_true(a.value == 1.0 && isnan(a.variance));
}

static void test_rank_correlations(void **state)
{
	const double up[5] = {-1, 0, 2.5, 1e9, INFINITY}, down[5] = {5, 4, 3, 2, 1}, same[5] = {3, 3, 3, 3, 3};
	const double a[6] = {1, 2, 2, 3, 5, 4}, b[6] = {2, 1, 3, 3, 6, 5};
	struct fm_error err = {0};
	double rho;

	(void)state;
	OK(fm_spearman(up, down, 5, &rho, &err));
	assert_true(fabs(rho + 1) < 1e-12);
	assert_true(fabs(fm_kendall(up, down, 5) + 1) < 1e-12);
	OK(fm_spearman(up, up, 5, &rho, &err));
	assert_true(fabs(rho - 1) < 1e-12);
	/* SciPy's spearmanr and kendalltau */
	OK(fm_spearman(a, b, 6, &rho, &err));
	assert_true(fabs(rho - 0.8676470588235294) < 1e-12);
	assert_true(fabs(fm_kendall(a, b, 6) - 0.7857142857142858) < 1e-12);
	/* constants: nothing to keep */
	OK(fm_spearman(same, up, 5, &rho, &err));
	assert_true(rho == 0);
	OK(fm_spearman(same, same, 5, &rho, &err));
	assert_true(rho == 1);
	assert_true(fm_kendall(same, same, 5) == 1 && fm_kendall(same, up, 5) == 0);
	OK(fm_spearman(up, up, 1, &rho, &err));
	assert_true(isnan(rho) && isnan(fm_kendall(up, up, 1)));
}

/* One area under a curve: with every row a cluster of its own the variance is DeLong's but for n - 1 in the place of n,
 * and rows that are doubled within their clusters tell no more than once. */
static void test_clusters_of_one_are_rows(void **state)
{
	enum { N = 60 };
	double score[2 * N], twice[4 * N];
	float plain[2 * N];
	int positive[2 * N];
	uint32_t pair[2 * N];
	struct fm_error err = {0};
	struct fm_auc a, b, c;
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < 2 * N; i++) {
		plain[i] = (float)fm_rng_below(&r, 20) + (i < N ? 3 : 0); /* with ties */
		score[i] = (double)plain[i];
		twice[2 * i] = twice[2 * i + 1] = score[i];
		positive[i] = i < N;
		pair[i] = (uint32_t)i / 2;
	}
	OK(fm_auc(&a, plain, positive, 2 * N, &err));
	OK(fm_auc_clustered(&b, score, N, N, (const uint32_t *const[]){NULL, NULL}, &err));
	OK(fm_auc_clustered(&c, twice, 2 * N, 2 * N, (const uint32_t *const[]){pair, pair}, &err));
	assert_true(a.value == b.value && fabs(b.value - c.value) < 1e-14 && a.value > 0.5);
	assert_true(fabs(b.variance - a.variance * (N - 1) / N) < 1e-15);
	assert_true(fabs(c.variance - b.variance) < 1e-14);
}

static void test_intervals_keep_to_shares(void **state)
{
	double lo, hi;

	(void)state;
	fm_wilson(0, 10, &lo, &hi); /* Brown, Cai, DasGupta 2001: 0.2775 */
	assert_true(lo == 0 && fabs(hi - 0.27753) < 1e-5);
	fm_wilson(5, 10, &lo, &hi);
	assert_true(fabs(lo - 0.236593) < 1e-6 && fabs(hi - 0.763407) < 1e-6);
	fm_wilson(0, 0, &lo, &hi);
	assert_true(lo == 0 && hi == 1);
	fm_interval(0.9, 0.2, &lo, &hi);
	assert_true(lo == 0.9 - 0.2 && hi == 1);
	fm_interval(NAN, 0.2, &lo, &hi);
	assert_true(isnan(lo) && isnan(hi));
	fm_interval(0.2, NAN, &lo, &hi);
	assert_true(isnan(lo) && isnan(hi));
	assert_true(fm_rule_of_three(300) == 0.01 && fm_rule_of_three(2) == 1);
}

static void test_quantiles(void **state)
{
	double v[] = {5, 1, 4, 2, 3}, lo, hi;

	(void)state;
	fm_sort_double(v, 5);
	assert_true(fm_quantile(v, 5, 0) == 1 && fm_quantile(v, 5, 0.5) == 3 && fm_quantile(v, 5, 1) == 5 &&
		    fm_quantile(v, 5, 0.375) == 2.5);
	fm_quantile_interval(v, 5, 0.5, &lo, &hi);
	assert_true(lo >= 1 && lo < 3 && hi > 3 && hi <= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_auc_is_the_share_of_pairs), cmocka_unit_test(test_auc_at_the_edges),
	    cmocka_unit_test(test_rank_correlations),         cmocka_unit_test(test_clusters_of_one_are_rows),
	    cmocka_unit_test(test_intervals_keep_to_shares),  cmocka_unit_test(test_quantiles),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
