/* Promise: a detector finds what is odd, one that learned from good synthetic flows agrees with one that learned from
 * real ones, and without labels or attacks the rest is still there. */
#include "simulated.h"

#include "base/log.h"
#include "base/stats.h"
#include "judge/anomaly.h"
#include "judge/downstream.h"
#include "judge/forest.h"

static void test_forest_finds_outliers(void **state)
{
	enum { N = 3000 };
	static float x[N * 3], score[N];
	static int odd[N];
	struct fm_forest *forest = NULL, *again = NULL;
	struct fm_error err = {0};
	struct fm_auc a;
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 1, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < N; i++) {
		odd[i] = i % 50 == 0;
		for (int k = 0; k < 3; k++)
			x[3 * i + k] = fm_rng_uniform(&r) + fm_rng_uniform(&r) + (odd[i] && k == i % 3 ? 3.0f : 0.0f);
		x[3 * i + 2] = 7; /* a constant column is no help and no harm */
	}
	OK(fm_forest_grow(&forest, x, N, 3, 5, &err));
	fm_forest_score(forest, x, N, score);
	OK(fm_auc(&a, score, odd, N, &err));
	assert_true(a.value > 0.8);
	for (int i = 0; i < N; i++)
		assert_true(score[i] > 0 && score[i] < 1);
	OK(fm_forest_grow(&again, x, N, 3, 5, &err));
	for (int i = 0; i < N; i++) {
		float s;
		fm_forest_score(again, x + 3 * i, 1, &s);
		assert_true(s == score[i]);
	}
	fm_forest_free(forest);
	fm_forest_free(again);
	for (size_t n = 0; n < 3; n++) { /* nothing, one row, two equal rows: every row is the same to it */
		const float same[6] = {1, 2, 3, 1, 2, 3};
		OK(fm_forest_grow(&forest, same, n, 3, 5, &err));
		fm_forest_score(forest, x, N, score);
		for (int i = 1; i < N; i++)
			assert_true(score[i] == score[0]);
		fm_forest_free(forest);
	}
}

static void test_detectors_agree(void **state)
{
	struct fm_table *t[DEALT];
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	deal(t, 12000, 0.1);
	OK(fm_anomaly(t[0], t[1], t[2], NULL, &m, &err));
	OK(fm_anomaly_floor(t[0], t[2], NULL, "floor.", &m, &err));
	assert_true(metric(&m, "floor.anomaly.score_correlation") > 0.8);
	assert_true(metric(&m, "anomaly.score_correlation") > 0.8);
	assert_true(fabs(metric(&m, "anomaly.auc_drop")) < 0.1);
	const struct fm_metric *auc = fm_metrics_find(&m, "anomaly.auc_real");
	assert_true(auc->ci_lo < auc->value && auc->value < auc->ci_hi);
	double good = metric(&m, "anomaly.score_correlation");
	fm_metrics_free(&m);

	/* synthetic flows that are all the same: nothing was learned */
	for (int c = 0; c < FM_NFLOWCOL; c++)
		for (size_t i = 1; i < t[1]->rows; i++)
			memcpy((char *)t[1]->col[c] + i * fm_cols[c].width, t[1]->col[c], fm_cols[c].width);
	OK(fm_anomaly(t[0], t[1], t[2], NULL, &m, &err));
	assert_true(metric(&m, "anomaly.score_correlation") == 0 && good > 0);
	fm_metrics_free(&m);
	free_dealt(t);
}

static void test_without_attacks_or_labels(void **state)
{
	struct fm_table *t[DEALT];
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	deal(t, 3000, -1);
	OK(fm_anomaly(t[0], t[1], NULL, NULL, &m, &err));
	assert_int_equal(m.n, 1);
	assert_true(metric(&m, "anomaly.score_correlation") > 0.5);
	fm_metrics_free(&m);
	for (int k = 0; k < DEALT; k++)
		t[k]->present &= ~(1u << FM_LABEL | 1u << FM_FLG);
	OK(fm_anomaly(t[0], t[1], t[2], NULL, &m, &err));
	assert_true(m.n == 1 && metric(&m, "anomaly.score_correlation") > 0.5);
	fm_metrics_free(&m);
	for (int k = 0; k < DEALT; k++)
		t[k]->present |= 1u << FM_LABEL | 1u << FM_FLG;
	free_dealt(t);
}

/* Halves of few flows differ by chance: the floors are the worst of many draws, and no two halves of many are. */
static void test_floors_of_few_flows_are_of_many_draws(void **state)
{
	struct fm_table *t[DEALT];
	struct fm_metrics few = {0}, many = {0};
	struct fm_error err = {0};

	(void)state;
	deal(t, 900, 0.1);
	OK(fm_anomaly_floor(t[0], t[2], NULL, "floor.", &few, &err));
	OK(fm_downstream_floor(t[0], t[2], NULL, "floor.", &few, &err));
	free_dealt(t);
	deal(t, 12000, 0.1);
	OK(fm_anomaly_floor(t[0], t[2], NULL, "floor.", &many, &err));
	OK(fm_downstream_floor(t[0], t[2], NULL, "floor.", &many, &err));
	assert_true(t[0]->rows >= 2048);
	assert_true(metric(&few, "floor.anomaly.score_correlation") < metric(&many, "floor.anomaly.score_correlation"));
	assert_true(metric(&few, "floor.downstream.mse_ratio") > 1);
	assert_null(fm_metrics_find(&many, "floor.downstream.mse_ratio"));
	fm_metrics_free(&few);
	fm_metrics_free(&many);
	free_dealt(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forest_finds_outliers),
	    cmocka_unit_test(test_detectors_agree),
	    cmocka_unit_test(test_without_attacks_or_labels),
	    cmocka_unit_test(test_floors_of_few_flows_are_of_many_draws),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("anomaly", tests, scratch_setup, scratch_teardown);
}
