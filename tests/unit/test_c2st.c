/* Promise: the two-sample tests pass fresh real flows and catch what is wrong, in single flows and in their order; odd
 * input has a defined value. */
#include "simulated.h"

#include "base/log.h"
#include "judge/c2st.h"

static struct fm_table *dealt[DEALT];

static int setup(void **state)
{
	(void)state;
	if (scratch_make())
		return -1;
	deal(dealt, 18000, 0.2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free_dealt(dealt);
	return scratch_remove();
}

static struct fm_table *copy(const struct fm_table *t)
{
	struct fm_table *c = NULL;
	struct fm_error err = {0};
	uint32_t *row = calloc(t->rows, sizeof *row);

	for (size_t i = 0; i < t->rows; i++)
		row[i] = (uint32_t)i;
	OK(fm_table_take(&c, t, row, t->rows, &err));
	free(row);
	return c;
}

static struct fm_metrics judge(const struct fm_table *real, const struct fm_table *synthetic)
{
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	OK(fm_c2st(real, synthetic, NULL, "", &m, &err));
	for (size_t i = 0; i < m.n; i++)
		assert_true(m.m[i].ci_lo <= m.m[i].value && m.m[i].value <= m.m[i].ci_hi);
	return m;
}

static void test_fresh_flows_cannot_be_told_apart(void **state)
{
	struct fm_metrics m = judge(dealt[0], dealt[1]);

	(void)state;
	assert_int_equal(m.n, 4);
	for (size_t i = 1; i < m.n; i++) /* but flow_auc, which neighbours betray */
		if (fabs(m.m[i].value - 0.5) > (strstr(m.m[i].name, "window") ? 0.12 : 0.04))
			fail_msg("%s of fresh flows is %g", m.m[i].name, m.m[i].value);
	assert_true(fm_metrics_find(&m, "c2st.flow_auc")->n == (int64_t)(dealt[0]->rows + dealt[1]->rows) ||
		    dealt[0]->rows != dealt[1]->rows);
	fm_metrics_free(&m);
}

static void test_few_fresh_flows_neither(void **state)
{
	struct fm_table few[2] = {*dealt[0], *dealt[1]};

	(void)state;
	for (size_t n = 500; n < 5000; n *= 2) {
		few[0].rows = few[1].rows = n;
		struct fm_metrics m = judge(&few[0], &few[1]);
		if (fabs(metric(&m, "c2st.flow_blocks_auc") - 0.5) > 0.1)
			fail_msg("flow_blocks_auc of %zu fresh flows is %g", n, metric(&m, "c2st.flow_blocks_auc"));
		fm_metrics_free(&m);
	}
}

static void test_flows_at_other_times_are_told_apart(void **state)
{
	struct fm_table *t = copy(dealt[1]);

	(void)state;
	for (size_t i = 0; i < t->rows; i++) /* all in the first half */
		t->te[i] -= (t->te[i] - t->te[0]) / 2;
	struct fm_metrics m = judge(dealt[0], t);
	assert_true(metric(&m, "c2st.flow_blocks_auc") > 0.7);
	fm_metrics_free(&m);
	for (size_t i = 0; i < t->rows; i++) /* all another year */
		t->te[i] += 31536000000;
	m = judge(dealt[0], t);
	assert_true(metric(&m, "c2st.flow_blocks_auc") > 0.99);
	fm_metrics_free(&m);
	for (size_t i = 0; i < t->rows; i++) /* all at once */
		t->te[i] = t->te[0];
	m = judge(dealt[0], t);
	assert_true(metric(&m, "c2st.flow_blocks_auc") > 0.99 && metric(&m, "c2st.window_auc") > 0.99);
	fm_metrics_free(&m);
	fm_table_free(t);
}

static void test_shuffled_columns_are_told_apart(void **state)
{
	struct fm_table *t = copy(dealt[1]);

	(void)state;
	for (int c = FM_TD; c < FM_NFLOWCOL; c++)
		shuffle_column(t, (enum fm_col)c, 1);
	struct fm_metrics m = judge(dealt[0], t);
	for (size_t i = 0; i < m.n; i++)
		if (m.m[i].value < 0.9)
			fail_msg("%s of shuffled columns is %g", m.m[i].name, m.m[i].value);
	fm_metrics_free(&m);
	fm_table_free(t);
}

static void test_windows_see_what_single_flows_do_not(void **state)
{
	struct fm_table *t = copy(dealt[1]);

	(void)state;
	shuffle_column(t, FM_TE, 1); /* every flow stays as it is, at another's time */
	struct fm_metrics m = judge(dealt[0], t);
	assert_true(metric(&m, "c2st.flow_blocks_auc") < 0.6);
	assert_true(metric(&m, "c2st.window_auc") > 0.9 && metric(&m, "c2st.window32_auc") > 0.9);
	fm_metrics_free(&m);
	fm_table_free(t);
}

static void test_flags_alone_are_enough(void **state)
{
	struct fm_table *t = copy(dealt[1]);

	(void)state;
	shuffle_column(t, FM_FLG, 1);
	struct fm_metrics fresh = judge(dealt[0], dealt[1]), m = judge(dealt[0], t);
	assert_true(metric(&m, "c2st.flow_auc") == metric(&fresh, "c2st.flow_auc")); /* does not look at them */
	assert_true(metric(&m, "c2st.flow_blocks_auc") > 0.7);
	fm_metrics_free(&fresh);
	fm_metrics_free(&m);
	fm_table_free(t);
}

static void test_a_table_beside_itself_is_one_half(void **state)
{
	struct fm_metrics m = judge(dealt[0], dealt[0]);

	(void)state;
	for (size_t i = 0; i < m.n; i++)
		if (m.m[i].value != 0.5)
			fail_msg("%s of a table beside itself is %.17g", m.m[i].name, m.m[i].value);
	fm_metrics_free(&m);
}

static void test_copies_do_not_hide_garbage(void **state)
{
	struct fm_table *t = copy(dealt[0]);

	(void)state;
	for (size_t i = 0; i < t->rows; i += 2) {
		t->byt[i] = 77777;
		t->sp[i] = 7;
	}
	struct fm_metrics m = judge(dealt[0], t);
	/* half of it is found, the other half cannot be: 0.5 * 1 + 0.5 * 0.5 */
	assert_true(fabs(metric(&m, "c2st.flow_auc") - 0.75) < 0.02);
	assert_true(fabs(metric(&m, "c2st.flow_blocks_auc") - 0.75) < 0.02);
	fm_metrics_free(&m);
	fm_table_free(t);
}

static void test_absent_columns_are_no_features(void **state)
{
	struct fm_table *t = copy(dealt[1]);

	(void)state;
	t->present &= ~(1u << FM_FLG | 1u << FM_FWD | 1u << FM_STOS);
	struct fm_metrics m = judge(dealt[0], t);
	assert_int_equal(m.n, 4);
	fm_metrics_free(&m);
	t->present = 1u << FM_SP | 1u << FM_LABEL; /* nearly nothing, and no time */
	m = judge(dealt[0], t);
	assert_non_null(fm_metrics_find(&m, "c2st.flow_auc"));
	assert_null(fm_metrics_find(&m, "c2st.window_auc"));
	fm_metrics_free(&m);
	t->present = 1u << FM_SA; /* nothing at all to go by */
	m = judge(dealt[0], t);
	assert_int_equal(m.n, 0);
	t->present = FM_COLS_UGR16;
	fm_table_free(t);
}

/* within: what bins of neighbouring values cost at most */
static void rows_auc(const float *x, size_t n, double want, double within)
{
	struct fm_error err = {0};
	double auc[3];

	OK(fm_c2st_rows(x, n, 1, NULL, auc, &err));
	if (isnan(want) ? !isnan(auc[0]) : !(fabs(auc[0] - want) <= within))
		fail_msg("AUC of %zu rows a side is %g, not %g", n, auc[0], want);
}

static void test_odd_rows_have_a_value(void **state)
{
	float x[400];

	(void)state;
	for (int i = 0; i < 400; i++)
		x[i] = 3;
	rows_auc(x, 200, 0.5, 0); /* one value alone */
	rows_auc(x, 6, 0.5, 0);
	rows_auc(x, 5, (double)NAN, 0);
	rows_auc(x, 0, (double)NAN, 0);
	for (int i = 0; i < 200; i++)
		x[i] = 4;
	rows_auc(x, 200, 1.0, 0); /* two that are apart */
	for (int i = 0; i < 400; i++)
		x[i] = (float)i;
	rows_auc(x, 200, 1.0, 0.02);
	for (int i = 0; i < 400; i++)
		x[i] = (float)(i % 200);
	rows_auc(x, 200, 0.5, 0); /* the same ones in the same order */
	for (int i = 0; i < 400; i++)
		x[i] = i < 200 ? (float)i : (float)(399 - i);
	rows_auc(x, 200, 0.5, 0); /* and in another */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fresh_flows_cannot_be_told_apart),
	    cmocka_unit_test(test_few_fresh_flows_neither),
	    cmocka_unit_test(test_flows_at_other_times_are_told_apart),
	    cmocka_unit_test(test_shuffled_columns_are_told_apart),
	    cmocka_unit_test(test_windows_see_what_single_flows_do_not),
	    cmocka_unit_test(test_flags_alone_are_enough),
	    cmocka_unit_test(test_a_table_beside_itself_is_one_half),
	    cmocka_unit_test(test_copies_do_not_hide_garbage),
	    cmocka_unit_test(test_absent_columns_are_no_features),
	    cmocka_unit_test(test_odd_rows_have_a_value),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("c2st", tests, setup, teardown);
}
