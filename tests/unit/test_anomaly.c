/* Promise: a detector finds what is odd, one that learned from good synthetic flows agrees with one that learned from
 * real ones, and without labels or attacks the rest is still there. */
#include "simulated.h"

#include "base/log.h"
#include "base/stats.h"
#include "judge/anomaly.h"
#include "judge/downstream.h"
#include "judge/forest.h"
#include "judge/task.h"

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

/* Both halves have every row once, and as much of each stretch as of each other. */
static void test_halves_interleave(void **state)
{
	enum { N = 75, STRETCH = 32 };
	uint32_t row[2][N];
	size_t differ = 0;

	(void)state;
	for (int draw = 0; draw <= FM_TASK_DRAWS; draw++)
		for (size_t n = 0; n <= N; n++) {
			struct fm_rows half[2] = {{.row = row[0], .n = n}, {.row = row[1], .n = n}};
			int seen[N] = {0}, balance[N / STRETCH + 1] = {0};

			for (unsigned k = 0; k < 2; k++) {
				for (size_t i = 0; i < n; i++)
					row[k][i] = (uint32_t)i;
				fm_rows_halve(&half[k], k, draw);
				for (size_t i = 0; i < half[k].n; i++) {
					seen[row[k][i]]++;
					balance[row[k][i] / STRETCH] += k ? 1 : -1;
					assert_true(i == 0 || row[k][i] > row[k][i - 1]);
				}
			}
			for (size_t i = 0; i < n; i++)
				assert_int_equal(seen[i], 1);
			for (size_t i = 0; i <= N / STRETCH; i++)
				assert_true(abs(balance[i]) <= (int)(n % 2 && i == n / STRETCH));
			differ += draw > 1 && n == N && half[0].row[0] == 0;
		}
	assert_in_range(differ, 1, FM_TASK_DRAWS - 2); /* the first run is not always of one half */
}

/* Whether a floor is that of halves of flows that are alike: some noise, and not so much that its check refuses
 * nothing. */
static void a_floor_of_noise(const struct fm_table *real, const struct fm_table *holdout)
{
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	OK(fm_anomaly_floor(real, holdout, NULL, "floor.", &m, &err));
	OK(fm_downstream_floor(real, holdout, NULL, "floor.", &m, &err));
	double correlation = metric(&m, "floor.anomaly.score_correlation"),
	       ratio = metric(&m, "floor.downstream.mse_ratio");
	if (!(correlation > 0.5 && correlation < 0.99))
		fail_msg("the floor of the correlation is %g", correlation);
	if (!(ratio > 1.001 && ratio < 2.5))
		fail_msg("the floor of the ratio is %g", ratio);
	fm_metrics_free(&m);
}

/* Halves of few flows differ by chance: the floors are of many draws, and no two halves of many are. */
static void test_floors_of_few_flows_are_of_many_draws(void **state)
{
	struct fm_table *t[DEALT];
	struct fm_metrics many = {0};
	struct fm_error err = {0};

	(void)state;
	deal(t, 900, 0.1);
	a_floor_of_noise(t[0], t[2]);
	free_dealt(t);
	deal(t, 12000, 0.1);
	OK(fm_anomaly_floor(t[0], t[2], NULL, "floor.", &many, &err));
	OK(fm_downstream_floor(t[0], t[2], NULL, "floor.", &many, &err));
	assert_true(t[0]->rows >= 2048);
	assert_true(metric(&many, "floor.anomaly.score_correlation") > 0.8);
	assert_null(fm_metrics_find(&many, "floor.downstream.mse_ratio"));
	fm_metrics_free(&many);
	free_dealt(t);
}

/* So few flows are a few windows: their halves, which share them, do not show by how much fresh flows differ. */
static void test_a_floor_of_very_few_flows_says_nothing(void **state)
{
	struct fm_table *t[DEALT];
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	deal(t, 500, 0.1);
	assert_true(t[0]->rows < 256);
	OK(fm_anomaly_floor(t[0], t[2], NULL, "floor.", &m, &err));
	OK(fm_downstream_floor(t[0], t[2], NULL, "floor.", &m, &err));
	assert_true(isnan(metric(&m, "floor.anomaly.score_correlation")));
	assert_true(metric(&m, "floor.downstream.mse_ratio") > 1);
	fm_metrics_free(&m);
	free_dealt(t);
}

/* Make the first five eighths of t one flood: flows of label dos that differ in nothing but time and source port. */
static void flood(struct fm_table *t)
{
	size_t of = 0;

	while (strcmp(t->dict[FM_LABEL].value[t->label[of]], "dos") != 0)
		assert_true(++of < t->rows);
	for (size_t i = 0; i < t->rows * 5 / 8; i++) {
		for (int c = 0; c < FM_NFLOWCOL; c++)
			if (c != FM_TE && c != FM_SP && c != FM_LABEL)
				memmove((char *)t->col[c] + i * fm_cols[c].width,
					(char *)t->col[c] + of * fm_cols[c].width, fm_cols[c].width);
		t->label[i] = t->label[of];
	}
}

/* A trace whose traffic changes is no noisier for that: training and holdout have both phases, and so has each half. */
static void test_a_change_in_time_is_no_noise(void **state)
{
	struct fm_table *t[DEALT];

	(void)state;
	deal(t, 3072, 0.1);
	flood(t[0]);
	flood(t[2]);
	a_floor_of_noise(t[0], t[2]);
	free_dealt(t);
}

/* A half without a flow of the background learns nothing that could be compared. */
static void test_a_half_without_flows_has_no_floor(void **state)
{
	struct fm_table *t[DEALT];
	struct fm_metrics m = {0};
	struct fm_error err = {0};
	uint16_t attack = 0;

	(void)state;
	deal(t, 900, 0.1);
	for (size_t i = 0; i < t[0]->rows; i++)
		if (strcmp(t[0]->dict[FM_LABEL].value[t[0]->label[i]], "background") != 0)
			attack = t[0]->label[i];
	for (size_t i = 0, n = 0; i < t[0]->rows; i++)
		if (t[0]->label[i] != attack && n++ > 0)
			t[0]->label[i] = attack;
	OK(fm_anomaly_floor(t[0], t[2], NULL, "floor.", &m, &err));
	assert_true(isnan(metric(&m, "floor.anomaly.score_correlation")));
	fm_metrics_free(&m);
	free_dealt(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forest_finds_outliers),
	    cmocka_unit_test(test_detectors_agree),
	    cmocka_unit_test(test_without_attacks_or_labels),
	    cmocka_unit_test(test_halves_interleave),
	    cmocka_unit_test(test_floors_of_few_flows_are_of_many_draws),
	    cmocka_unit_test(test_a_floor_of_very_few_flows_says_nothing),
	    cmocka_unit_test(test_a_change_in_time_is_no_noise),
	    cmocka_unit_test(test_a_half_without_flows_has_no_floor),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("anomaly", tests, scratch_setup, scratch_teardown);
}
