/* Promise: the evaluate stage's file carries every metric to the gate; the prediction task tells useful rows from
 * useless. */
#include "judge_fixture.h"

#include "base/file.h"
#include "base/log.h"
#include "judge/downstream.h"
#include "judge/gate/check.h"
#include "judge/gate/controls.h"
#include "judge/gate/measure.h"
#include "judge/gate/subsample.h"
#include "manifests/canon.h"
#include "manifests/registry.h"
#include "pipeline/walls/harvest.h"
#include "stages/stage.h"
#include "tests/unit/scratch.h"

static const char *save(const struct fm_table *t, const char *name)
{
	const char *dir = scratch_path(name);
	struct fm_error err = {0};

	OK(fm_table_save(t, dir, &err));
	return dir;
}

static void test_stage_feeds_the_gate(void **state)
{
	struct fm_table *t = random_table(800, 1), *h = random_table(400, 2), *s = random_table(700, 3);
	struct fm_config *cfg = calloc(1, sizeof *cfg);
	struct fm_evaluate_in in = {.cfg = cfg,
				    .train_dir = save(t, "train"),
				    .holdout_dir = save(h, "holdout"),
				    .synthetic_dir = save(s, "synthetic"),
				    .out_dir = scratch};
	struct fm_evaluate_out out;
	struct fm_metrics read = {0};
	struct fm_error err = {0};
	struct fm_gate_out verdict;
	json_t *list = NULL;

	(void)state;
	cfg->train.threads = 1;
	cfg->gate.memory = 1024;
	OK(fm_stage_evaluate(&in, &out, &err));
	OK(fm_json_load(&list, scratch_path("metrics.json"), 1 << 20, &err));
	OK(fm_metrics_from_list(&read, list, &err));
	assert_int_equal(read.n, out.metrics.n);
	for (size_t i = 0; i < read.n; i++) {
		assert_string_equal(read.m[i].name, out.metrics.m[i].name);
		assert_true(read.m[i].value == out.metrics.m[i].value ||
			    (isnan(read.m[i].value) && isnan(out.metrics.m[i].value)));
		assert_int_equal(read.m[i].n, out.metrics.m[i].n);
		if (!fm_check_known(read.m[i].name)) /* a gate that asks for it would be refused */
			fail_msg("manifests/registry.c does not know %s", read.m[i].name);
	}
	assert_true(metric(&read, "rows.real") == 800 && metric(&read, "rows.synthetic") == 700 &&
		    metric(&read, "rows.holdout") == 400);
	assert_int_equal(fm_metrics_find(&read, "jsd.SA")->n, 700);
	assert_int_equal(fm_metrics_find(&read, "floor.jsd.SA")->n, 400);

	/* One threshold for each metric, just met by its value: the whole table passes, inclusive. */
	struct fm_gate_in gate = {.cfg = cfg, .metrics_json = scratch_path("metrics.json"), .out_dir = scratch};
	for (size_t i = 0; i < read.n && i < FM_CFG_MAXCHECKS; i++) {
		struct fm_cfg_check *c = &cfg->gate.check[cfg->gate.n++];
		strcpy(c->name, read.m[i].name);
		c->has_max = c->has_min = true;
		c->max = c->min = fm_metric_published(c->name, read.m[i].value); /* which the gate compares */
	}
	OK(fm_stage_gate(&gate, &verdict, &err));
	assert_int_equal(verdict.verdict.pass, 1);
	fm_verdict_free(&verdict.verdict);
	cfg->gate.check[20].max = nextafter(cfg->gate.check[20].max, -1);
	OK(fm_stage_gate(&gate, &verdict, &err));
	assert_int_equal(verdict.verdict.pass, 0);
	fm_verdict_free(&verdict.verdict);

	json_decref(list);
	fm_metrics_free(&read);
	fm_metrics_free(&out.metrics);
	free(cfg);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* What the stage leaves is what the parent of a run takes, of all rows and of samples: numbers of rows in full, and
 * intervals where there are some. */
static void test_what_the_stage_leaves_is_taken(void **state)
{
	static const int memory[] = {1024, 1};
	struct fm_table *t = random_table(3000, 1), *h = random_table(2500, 2), *s = random_table(2750, 3);
	struct fm_config *cfg = calloc(1, sizeof *cfg);
	struct fm_evaluate_in in = {.cfg = cfg,
				    .train_dir = save(t, "train"),
				    .holdout_dir = save(h, "holdout"),
				    .synthetic_dir = save(s, "synthetic"),
				    .out_dir = scratch};

	(void)state;
	cfg->train.threads = 1;
	for (size_t i = 0; i < 2; i++) {
		double most = (double)fm_subsample_most((size_t)memory[i] << 20);
		struct fm_harvest_rows rows = {3000, 2500, 2750, most, 0};
		struct fm_metrics taken = {0};
		struct fm_evaluate_out out;
		struct fm_error err;
		json_t *list = NULL;

		cfg->gate.memory = memory[i];
		OK(fm_stage_evaluate(&in, &out, &err));
		OK(fm_json_load(&list, scratch_path("metrics.json"), 1 << 20, &err));
		for (size_t k = 0; k < out.metrics.n; k++)
			if (!fm_metric_can_be(out.metrics.m[k].name, out.metrics.m[k].value))
				fail_msg("%s cannot be %g", out.metrics.m[k].name, out.metrics.m[k].value);
		OK(fm_harvest_metrics(list, FM_LIST_EVALUATE, &rows, &taken, &err));
		assert_int_equal(taken.n, out.metrics.n);
		assert_true(metric(&taken, "rows.real") == 3000);
		assert_true(isfinite(fm_metrics_find(&taken, "jsd.SA")->ci_lo) == (most < 3000));
		assert_true((fm_metrics_find(&taken, "rows.judged_real") != NULL) == (most < 3000));
		fm_metrics_free(&taken);
		fm_metrics_free(&out.metrics);
		json_decref(list);
	}
	free(cfg);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* Of few rows too, on fewer than an attack is tried. */
static void test_what_few_rows_give_is_taken(void **state)
{
	static const size_t sizes[][3] = {{240, 60, 60}, {240, 60, 199}, {60, 20, 20}, {20, 5, 12}};
	struct fm_config *cfg = calloc(1, sizeof *cfg);

	(void)state;
	cfg->train.threads = 1;
	cfg->gate.memory = 1024;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct fm_table *t = random_table(sizes[i][0], 1), *h = random_table(sizes[i][1], 2),
				*s = random_table(sizes[i][2], 3);
		struct fm_evaluate_in in = {.cfg = cfg,
					    .train_dir = save(t, "train"),
					    .holdout_dir = save(h, "holdout"),
					    .synthetic_dir = save(s, "synthetic"),
					    .out_dir = scratch};
		struct fm_harvest_rows rows = {(double)t->rows, (double)h->rows, (double)s->rows, 0, 0};
		struct fm_metrics taken = {0};
		struct fm_evaluate_out out;
		struct fm_error err;
		json_t *list = NULL;

		OK(fm_stage_evaluate(&in, &out, &err));
		OK(fm_json_load(&list, scratch_path("metrics.json"), 1 << 20, &err));
		OK(fm_harvest_metrics(list, FM_LIST_EVALUATE, &rows, &taken, &err));
		assert_int_equal(taken.n, out.metrics.n);
		assert_int_equal(fm_metrics_find(&taken, "leak.singling_multi_risk")->n, 1000);
		fm_metrics_free(&taken);
		fm_metrics_free(&out.metrics);
		json_decref(list);
		fm_table_free(t);
		fm_table_free(h);
		fm_table_free(s);
	}
	free(cfg);
}

/* A number of rows has all its digits, which a sum of them and the rows of the flows are held against. */
static void test_rows_are_not_rounded(void **state)
{
	struct fm_metrics m = {0};
	struct fm_error err;

	(void)state;
	OK(fm_metrics_add(&m, "rows.synthetic", 1234567, 1234567, &err));
	OK(fm_metrics_add(&m, "host.bytes_synthetic", 1234567, 1234567, &err));
	fm_metrics_round(&m);
	assert_true(metric(&m, "rows.synthetic") == 1234567);
	assert_true(metric(&m, "host.bytes_synthetic") == 1234600);
	fm_metrics_free(&m);
}

/* A keyed hash may leave the training split of a small trace without a flow: in privacy.mode dp a failure would tell.
 */
static void test_stage_without_a_flow_goes_on_in_dp(void **state)
{
	struct fm_table *t = random_table(50, 1), *none;
	struct fm_config *cfg = calloc(1, sizeof *cfg);
	struct fm_evaluate_out out;
	struct fm_error err = {0};
	struct fm_evaluate_in in = {
	    .cfg = cfg, .holdout_dir = save(t, "holdout"), .synthetic_dir = save(t, "synthetic"), .out_dir = scratch};

	(void)state;
	OK(fm_table_new(&none, t->present, &err));
	in.train_dir = save(none, "train");
	cfg->train.threads = 1;
	cfg->gate.memory = 1024;
	strcpy(cfg->privacy.mode, "none");
	assert_int_equal(fm_stage_evaluate(&in, &out, &err), FM_EINPUT);
	strcpy(cfg->privacy.mode, "dp");
	OK(fm_stage_evaluate(&in, &out, &err));
	assert_true(fm_file_exists(scratch_path("metrics.json")));
	assert_int_equal(out.metrics.n, 0);
	fm_metrics_free(&out.metrics);
	in.shard = (struct fm_shard){1, 2};
	OK(fm_stage_evaluate(&in, &out, &err));
	free(cfg);
	fm_table_free(t);
	fm_table_free(none);
}

static void test_stage_without_a_table_fails(void **state)
{
	struct fm_table *t = random_table(50, 1);
	struct fm_config *cfg = calloc(1, sizeof *cfg);
	struct fm_evaluate_in in = {
	    .cfg = cfg, .train_dir = save(t, "train"), .synthetic_dir = scratch_path("absent"), .out_dir = scratch};
	struct fm_evaluate_out out;
	struct fm_error err = {0};

	(void)state;
	assert_int_equal(fm_stage_evaluate(&in, &out, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "absent"));
	assert_false(fm_file_exists(scratch_path("metrics.json")));
	assert_int_equal(out.metrics.n, 0);
	free(cfg);
	fm_table_free(t);
}

static double ratio(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout)
{
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	OK(fm_downstream(real, synthetic, holdout, NULL, &m, &err));
	assert_true(metric(&m, "downstream.mse_real") > 0 &&
		    metric(&m, "downstream.mse_real") < 0.5); /* bytes follow packets */
	double v = metric(&m, "downstream.mse_ratio");
	assert_true(fabs(v - metric(&m, "downstream.mse_synthetic") / metric(&m, "downstream.mse_real")) < 1e-12);
	fm_metrics_free(&m);
	return v;
}

static void test_prediction_task_tells_good_from_useless(void **state)
{
	struct fm_table *t = random_table(4000, 1), *h = random_table(1000, 2), *s = random_table(4000, 3);

	(void)state;
	double fresh = ratio(t, s, h);
	assert_true(fresh > 0.8 && fresh < 1.25);
	assert_true(ratio(t, s, NULL) < 1.25);
	for (size_t i = 0; i < s->rows; i++) /* bytes that have nothing to do with packets */
		s->byt[i] = 40 + (i * 7919) % 30000;
	assert_true(ratio(t, s, h) > 2);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

static void test_a_cut_is_stretches_of_neighbours(void **state)
{
	struct fm_table *t = random_table(FM_SUBSAMPLE_STRETCHES * 100 + 17, 1), *cut = NULL;
	struct fm_error err = {0};
	size_t stretches = 1;

	(void)state;
	OK(fm_subsample(&cut, t, t->rows, &err));
	assert_null(cut);
	for (size_t i = 0; i < t->rows; i++)
		t->te[i] = (int64_t)i;
	OK(fm_subsample(&cut, t, FM_SUBSAMPLE_STRETCHES * 30 + 5, &err));
	assert_int_equal(cut->rows, FM_SUBSAMPLE_STRETCHES * 30 + 5);
	for (size_t i = 1; i < cut->rows; i++) {
		assert_true(cut->te[i] > cut->te[i - 1]);
		stretches += cut->te[i] != cut->te[i - 1] + 1;
		assert_int_equal(cut->byt[i], t->byt[cut->te[i]]);
	}
	assert_int_equal(stretches, FM_SUBSAMPLE_STRETCHES);
	assert_true(cut->te[0] == 0 && cut->te[cut->rows - 1] > (int64_t)t->rows * 98 / 100);
	fm_table_free(cut);
	fm_table_free(t);
}

/* Of more rows than fit, statistics see some; leakage and the rules of a flow see all, and say the same. */
static void test_large_tables_are_judged_in_bounded_memory(void **state)
{
	struct fm_table *t = random_table(6000, 1), *h = random_table(3000, 2), *s = random_table(5000, 3);
	struct fm_leakage_opts small = {.memory = (size_t)2 << 20, .rare = FM_LEAKAGE_RARE};
	struct fm_metrics all = {0}, cut = {0};
	struct fm_error err = {0};
	size_t leaks = 0;

	(void)state;
	s->pkt[4999] = 0; /* what no flow can be, in a row that the cut does not have */
	for (int c = 0; c < FM_NFLOWCOL; c++)
		memcpy((char *)s->col[c] + 4998 * fm_cols[c].width, (char *)t->col[c] + 5999 * fm_cols[c].width,
		       fm_cols[c].width);
	OK(fm_evaluate_tables(t, s, h, 1, FM_LEAKAGE_DEFAULT, &all, &err));
	OK(fm_evaluate_tables(t, s, h, 1, small, &cut, &err));
	assert_null(fm_metrics_find(&all, "rows.judged_real"));
	assert_true(metric(&cut, "rows.judged_synthetic") == (double)fm_subsample_most((size_t)2 << 20));
	assert_int_equal(fm_metrics_find(&cut, "jsd.SA")->n, fm_subsample_most((size_t)2 << 20));
	assert_true(metric(&cut, "jsd.SA") != metric(&all, "jsd.SA"));
	assert_true(metric(&cut, "rules.broken_share") == 1.0 / 5000);
	assert_true(metric(&cut, "leak.rows_equal") == 1.0 / 5000);
	for (size_t i = 0; i < all.n; i++)
		if (strncmp(all.m[i].name, "leak.", 5) == 0 && ++leaks) {
			double v = metric(&cut, all.m[i].name);
			assert_memory_equal(&v, &all.m[i].value, sizeof v);
		}
	assert_true(leaks > 100);
	/* What is judged of all rows has no sampling error; what is judged of some has one. */
	assert_true(isnan(fm_metrics_find(&cut, "time.DAY")->ci_lo));
	assert_true(metric(&cut, "time.DAY") == metric(&all, "time.DAY"));
	static const char *const some[] = {"jsd.TD", "ks.TD", "pair_jsd", "time.IAT", "burst.lag1_gap", "host.LIFE"};
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		const struct fm_metric *m = fm_metrics_find(&cut, some[i]);
		assert_true(m->ci_lo <= m->value && m->value <= m->ci_hi && m->ci_lo < m->ci_hi);
		assert_true(isnan(fm_metrics_find(&all, some[i])->ci_lo));
		assert_true(m->n <= (int64_t)fm_subsample_most((size_t)2 << 20));
	}
	fm_metrics_free(&all);
	fm_metrics_free(&cut);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* Of 20 pairs of tables, the interval has what all rows say about as often as it promises: 95 %. */
static void test_sampling_errors_are_as_large_as_they_say(void **state)
{
	enum { PAIRS = 20, ROWS = 16000, LARGE = 2 << 20 };
	struct fm_leakage_opts o = {.memory = LARGE, .rare = FM_LEAKAGE_RARE}, all = FM_LEAKAGE_DEFAULT;
	unsigned set = fm_evaluate_group("ks.TD");
	static const char *const name[] = {"ks.TD", "jsd.TD"};
	struct fm_error err = {0};
	int inside[2] = {0};

	(void)state;
	for (uint64_t k = 0; k < PAIRS; k++) {
		struct fm_table *t = random_table(ROWS, 2 * k), *s = random_table(ROWS, 2 * k + 1);
		struct fm_metrics whole = {0}, cut = {0};
		for (size_t i = 0; i < ROWS; i++) /* longer than real ones */
			s->td[i] = s->td[i] * 3 / 2 + (i % 5 ? 0 : 9000);
		OK(fm_evaluate_chosen(&(struct fm_judged){t, s, NULL}, 1, all, set, &whole, &err));
		OK(fm_evaluate_chosen(&(struct fm_judged){t, s, NULL}, 1, o, set, &cut, &err));
		for (int i = 0; i < 2; i++) {
			const struct fm_metric *m = fm_metrics_find(&cut, name[i]);
			assert_true(m->ci_hi - m->ci_lo < 0.5 * m->value);
			inside[i] += m->ci_lo <= metric(&whole, name[i]) && metric(&whole, name[i]) <= m->ci_hi;
		}
		fm_metrics_free(&whole);
		fm_metrics_free(&cut);
		fm_table_free(t);
		fm_table_free(s);
	}
	assert_true(inside[0] >= 16 && inside[1] >= 14);
}

/* Traffic that is as even as chance has it stays so, and a burst stays a burst: no hole between stretches is one. */
static void test_large_tables_keep_their_bursts(void **state)
{
	struct fm_table *t = random_table(30000, 1), *s = random_table(30000, 2);
	struct fm_leakage_opts o = {.memory = (size_t)2 << 20, .rare = FM_LEAKAGE_RARE};
	unsigned set = fm_evaluate_group("burst.lag1_gap") | fm_evaluate_group("host.BURST60_gap");
	struct fm_metrics all = {0}, cut = {0};
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < s->rows; i++) /* of 100 flows half come at once */
		s->te[i] = i % 100 < 50 ? s->te[i - i % 100] : s->te[i];
	OK(fm_evaluate_chosen(&(struct fm_judged){t, s, NULL}, 1, FM_LEAKAGE_DEFAULT, set, &all, &err));
	OK(fm_evaluate_chosen(&(struct fm_judged){t, s, NULL}, 1, o, set, &cut, &err));
	static const char *const name[] = {"burst.dispersion_10s_real", "burst.dispersion_10s_synthetic",
					   "burst.dispersion_60s_synthetic"};
	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		double whole = metric(&all, name[i]), some = metric(&cut, name[i]);
		if (!(some > 0.6 * whole && some < 1.6 * whole))
			fail_msg("%s is %g of all rows and %g of slices", name[i], whole, some);
	}
	assert_true(metric(&all, "burst.dispersion_10s_synthetic") > 5 * metric(&all, "burst.dispersion_10s_real"));
	assert_true(metric(&cut, "host.BURST60_real") < 0.1);
	fm_metrics_free(&all);
	fm_metrics_free(&cut);
	fm_table_free(t);
	fm_table_free(s);
}

/* What is rare is a question of privacy, not of the vocabulary. */
static void test_few_is_what_privacy_says(void **state)
{
	struct fm_config *cfg = NULL;
	struct fm_error err = {0};
	json_t *one, *other;

	(void)state;
	OK(fm_config_preset(&cfg, "demo", NULL, 0, &err));
	assert_int_equal(fm_evaluate_opts(cfg).rare, FM_LEAKAGE_RARE);
	cfg->model.min_count = 5;
	one = fm_controls_key(cfg);
	cfg->privacy.min_count = 7;
	other = fm_controls_key(cfg);
	assert_int_equal(fm_evaluate_opts(cfg).rare, 7);
	assert_false(json_equal(one, other));
	json_decref(one);
	json_decref(other);
	fm_config_free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_stage_feeds_the_gate, scratch_setup, scratch_teardown),
	    cmocka_unit_test_setup_teardown(test_what_the_stage_leaves_is_taken, scratch_setup, scratch_teardown),
	    cmocka_unit_test_setup_teardown(test_what_few_rows_give_is_taken, scratch_setup, scratch_teardown),
	    cmocka_unit_test(test_rows_are_not_rounded),
	    cmocka_unit_test_setup_teardown(test_stage_without_a_flow_goes_on_in_dp, scratch_setup, scratch_teardown),
	    cmocka_unit_test_setup_teardown(test_stage_without_a_table_fails, scratch_setup, scratch_teardown),
	    cmocka_unit_test(test_a_cut_is_stretches_of_neighbours),
	    cmocka_unit_test(test_large_tables_are_judged_in_bounded_memory),
	    cmocka_unit_test(test_sampling_errors_are_as_large_as_they_say),
	    cmocka_unit_test(test_large_tables_keep_their_bursts),
	    cmocka_unit_test(test_prediction_task_tells_good_from_useless),
	    cmocka_unit_test(test_few_is_what_privacy_says),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("evaluate", tests, NULL, NULL);
}
