/* Promise: the gate that every run uses fails what copies or is useless and passes fresh real flows; a gate that could
 * not do so is broken, and its release is blocked. */
#include "judge_fixture.h"

#include "base/log.h"
#include "base/rows.h"
#include "judge/gate/check.h"
#include "judge/gate/complete.h"
#include "judge/gate/controls.h"
#include "tests/unit/scratch.h"
#include "traces/simulate/simulate.h"

#define SEED 7

static struct fm_table *train, *holdout;

/* Simulated flows; every third window of 64 is the holdout. */
static int setup(void **state)
{
	struct fm_dialect *dialect = NULL;
	struct fm_simulate_out out;
	struct fm_trace_stats stats;
	struct fm_error err = {0};
	struct fm_table *all = NULL;
	size_t n[2] = {0, 0};
	uint32_t *row;

	(void)state;
	if (scratch_make())
		return -1;
	const char *path = scratch_path("flows.csv");
	struct fm_simulate_in in = {.rows = 9000, .seed = 11, .out = path, .threads = 1};
	struct fm_trace_opts o = {.path = path};
	OK(fm_simulate(&in, &out, &err));
	OK(fm_dialect_load(&dialect, "ugr16", &err));
	o.dialect = dialect;
	OK(fm_trace_load(&all, &o, 0.0, &stats, &err));
	fm_dialect_free(dialect);
	row = calloc(2 * all->rows, sizeof *row);
	for (size_t i = 0; i < all->rows; i++) {
		size_t side = i / 64 % 3 == 2;
		row[side * all->rows + n[side]++] = (uint32_t)i;
	}
	OK(fm_table_take(&train, all, row, n[0], &err));
	OK(fm_table_take(&holdout, all, row + all->rows, n[1], &err));
	free(row);
	fm_table_free(all);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fm_table_free(train);
	fm_table_free(holdout);
	return scratch_remove();
}

/* ---- the world ---- */

/* A table whose byt tells each row. */
static struct fm_table *numbered(size_t n, uint64_t first)
{
	struct fm_table *t = random_table(n, first);

	for (size_t i = 0; i < n; i++)
		t->byt[i] = first + i;
	return t;
}

static struct fm_control_world world_of(const struct fm_table *t, const struct fm_table *h, size_t max_rows)
{
	struct fm_control_world w;
	struct fm_error err = {0};

	OK(fm_control_world_subsample(&w, t, h, max_rows, SEED, &err));
	return w;
}

static void test_world_is_three_tables_without_a_row_in_common(void **state)
{
	struct fm_table *t = numbered(5000, 1000000), *h = numbered(3000, 2000000);
	struct fm_control_world w = world_of(t, h, 12000);
	unsigned char seen[3000] = {0};

	(void)state;
	assert_true(w.rows > 1300 && w.rows <= 1500);
	assert_true(w.train->rows == w.rows && w.holdout->rows == w.rows && w.fresh->rows == w.rows);
	for (size_t i = 0; i < w.rows; i++) {
		assert_true(w.train->byt[i] >= 1000000 && w.train->byt[i] < 1005000);
		assert_int_equal(seen[w.holdout->byt[i] - 2000000]++, 0);
		assert_int_equal(seen[w.fresh->byt[i] - 2000000]++, 0);
		if (i)
			assert_true(w.train->te[i] >= w.train->te[i - 1] && w.fresh->te[i] >= w.fresh->te[i - 1]);
	}
	fm_control_world_free(&w);
	w = world_of(t, h, 200);
	assert_int_equal(w.rows, 200);
	fm_control_world_free(&w);
	h->rows = 2 * FM_CONTROLS_MIN - 1;
	w = world_of(t, h, 200);
	assert_int_equal(w.rows, 0);
	fm_control_world_free(&w);
	fm_table_free(t);
	fm_table_free(h);
}

static struct fm_table *plant(const struct fm_control_world *w, enum fm_control_make make, double level)
{
	struct fm_control c = {.name = "x", .make = make, .level = level};
	struct fm_error err = {0};
	struct fm_table *t = NULL;

	OK(fm_control_plant(&c, w, SEED, &t, &err));
	assert_int_equal(t->rows, w->rows);
	return t;
}

static size_t count_from(const struct fm_table *t, uint64_t first, uint64_t last)
{
	size_t n = 0;

	for (size_t i = 0; i < t->rows; i++)
		n += t->byt[i] >= first && t->byt[i] < last;
	return n;
}

static void test_plants_are_what_they_say(void **state)
{
	struct fm_table *t = numbered(5000, 1000000), *h = numbered(3000, 2000000), *p;
	struct fm_control_world w = world_of(t, h, 1000);
	uint64_t sum[2] = {0, 0};
	size_t most = 0;

	(void)state;
	p = plant(&w, FM_CONTROL_COPY, 0.005);
	assert_int_equal(count_from(p, 1000000, 1005000), 5);
	fm_table_free(p);
	p = plant(&w, FM_CONTROL_COPY, 0.0001); /* never none */
	assert_int_equal(count_from(p, 1000000, 1005000), 1);
	fm_table_free(p);
	p = plant(&w, FM_CONTROL_COPY, 1);
	assert_int_equal(count_from(p, 1000000, 1005000), w.rows);
	fm_table_free(p);
	p = plant(&w, FM_CONTROL_COPY_FRESH_IDS, 1);
	assert_int_equal(count_from(p, 1000000, 1005000), w.rows);
	assert_memory_equal(p->te, w.fresh->te, w.rows * sizeof *p->te);
	assert_memory_equal(p->sa, w.fresh->sa, w.rows * sizeof *p->sa);
	fm_table_free(p);
	p = plant(&w, FM_CONTROL_OUTLIERS, 10);
	assert_int_equal(count_from(p, 1000000, 1005000), 10);
	fm_table_free(p);
	p = plant(&w, FM_CONTROL_ONE_ROW, 0);
	assert_int_equal(count_from(p, p->byt[0], p->byt[0] + 1), w.rows);
	fm_table_free(p);
	p = plant(&w, FM_CONTROL_SHUFFLED, 0);
	for (size_t i = 0; i < w.rows; i++) {
		sum[0] += p->byt[i];
		sum[1] += w.fresh->byt[i];
		most += p->byt[i] == w.fresh->byt[i];
	}
	assert_true(sum[0] == sum[1] && most < 20);
	fm_table_free(p);
	p = plant(&w, FM_CONTROL_NOISE, 0.01);
	most = 0;
	for (size_t i = 0; i < w.rows; i++) {
		assert_true(p->sa[i] == w.train->sa[i] && p->dp[i] == w.train->dp[i] && p->pkt[i] >= 1);
		assert_true(fabs((double)p->byt[i] - (double)w.train->byt[i]) < 0.08 * (double)w.train->byt[i]);
		most += p->byt[i] != w.train->byt[i];
	}
	assert_true(most > w.rows / 2);
	fm_table_free(p);
	p = plant(&w, FM_CONTROL_CONSTANT, 0);
	assert_int_equal(count_from(p, p->byt[0], p->byt[0] + 1), w.rows);
	fm_table_free(p);
	fm_control_world_free(&w);
	fm_table_free(t);
	fm_table_free(h);
}

/* ---- the trial ---- */

static struct fm_config *gate_of(const char *const *set, int n)
{
	struct fm_config *cfg = NULL;
	struct fm_error err = {0};

	OK(fm_config_preset(&cfg, "demo", set, n, &err));
	return cfg;
}

static json_t *measured(const struct fm_config *cfg)
{
	struct fm_error err = {0};
	json_t *doc = NULL;

	OK(fm_controls_measure(cfg, train, holdout, SEED, NULL, &doc, &err));
	return doc;
}

/* The verdict on a release without a fault, whose gate is tried by doc. */
static struct fm_verdict verdict_of(const struct fm_config *cfg, const json_t *doc, const json_t *waivers)
{
	struct fm_metrics m = {0};
	struct fm_error err = {0};
	struct fm_verdict v;

	for (int i = 0; i < cfg->gate.n; i++) {
		const struct fm_cfg_check *check = &cfg->gate.check[i];
		char floor[96];

		bool learned = strncmp(check->name, "tstr.", 5) == 0; /* its floor is what real flows teach */
		snprintf(floor, sizeof floor, "%s%s", learned ? "trtr." : "floor.", check->name + 5 * learned);
		OK(fm_metrics_add(&m, check->name, check->has_min ? 1 : 0, 1000, &err));
		if (check->relative_to_floor)
			OK(fm_metrics_add(&m, floor, 0, 1000, &err));
	}
	OK(fm_gate_apply(cfg, &m, &v, &err));
	assert_true(v.pass);
	OK(fm_gate_complete(cfg, doc, waivers, &v, &err));
	fm_metrics_free(&m);
	return v;
}

static const json_t *control(const struct fm_verdict *v, const char *name, double level)
{
	for (size_t i = 0; i < json_array_size(v->controls); i++) {
		const json_t *o = json_array_get(v->controls, i);
		if (strcmp(json_string_value(json_object_get(o, "name")), name) == 0 &&
		    json_number_value(json_object_get(o, "level")) == level)
			return o;
	}
	fail_msg("no control %s %g", name, level);
	return NULL;
}

static void got(const struct fm_verdict *v, const char *name, double level, const char *want)
{
	const char *s = json_string_value(json_object_get(control(v, name, level), "got"));

	if (strcmp(s, want) != 0)
		fail_msg("control %s %g: %s, not %s", name, level, s, want);
}

static const struct fm_check_result *line(const struct fm_verdict *v)
{
	assert_true(v->n > 0);
	assert_string_equal(v->check[v->n - 1].name, FM_METRIC_CONTROLS);
	return &v->check[v->n - 1];
}

/* Without the judges that learn: they have a test of their own. */
#define QUICK "gate.downstream.mse_ratio=null", "gate.c2st.flow_blocks_auc=null", "gate.control_rows=1500"
static const char *const checks[] = {QUICK};
enum { NCHECKS = sizeof checks / sizeof *checks };

static void test_the_preset_tells_copies_from_fresh_flows(void **state)
{
	struct fm_config *cfg = gate_of(checks, NCHECKS);
	json_t *doc = measured(cfg), *again = measured(cfg), *written;
	struct fm_verdict v = verdict_of(cfg, doc, NULL), read;
	struct fm_error err = {0};

	(void)state;
	if (!v.pass)
		fail_msg("%s", line(&v)->why);
	assert_true(json_equal(doc, again)); /* the same tables, the same document */
	got(&v, "fresh", 0, "pass");
	got(&v, "copy", 0.005, "fail");
	got(&v, "copy", 1, "fail");
	got(&v, "outliers", 10, "fail");
	got(&v, "noise", 0.001, "fail");
	got(&v, "noise", 0.1, "fail");
	got(&v, "shuffled", 0, "fail");
	got(&v, "copy_fresh_ids", 1, "fail");
	got(&v, "copy_doubled", 1, "fail");
	assert_true(v.smallest_leak_caught > 0 && v.smallest_leak_caught <= 0.005);
	assert_int_equal(line(&v)->n, fm_ncontrols);
	written = fm_verdict_json(&v);
	OK(fm_verdict_from_json(&read, written, &err));
	assert_true(read.pass && json_equal(read.controls, v.controls));
	fm_verdict_free(&read);
	json_decref(written);
	fm_verdict_free(&v);
	json_decref(doc);
	json_decref(again);
	fm_config_free(cfg);
}

static void test_a_gate_that_copies_pass_blocks(void **state)
{
	const char *const loose[] = {QUICK, "gate.leak.rows_equal=1", "gate.leak.share_nearer_train=1",
				     "gate.leak.family_p=null"};
	struct fm_config *cfg = gate_of(loose, NCHECKS + 3);
	json_t *doc = measured(cfg), *waivers;
	struct fm_verdict v = verdict_of(cfg, doc, NULL);

	(void)state;
	assert_false(v.pass);
	got(&v, "copy", 0.005, "pass");
	assert_true(v.smallest_leak_caught == 0);
	assert_non_null(strstr(line(&v)->why, "copy"));
	fm_verdict_free(&v);
	waivers = json_pack("[{s:s,s:s,s:s,s:s,s:s}]", "check", FM_METRIC_CONTROLS, "reason", "r", "expires",
			    "2099-01-01", "signer", "s", "key", "k");
	v = verdict_of(cfg, doc, waivers);
	assert_true(v.pass && line(&v)->waived && !line(&v)->pass);
	fm_verdict_free(&v);
	json_decref(waivers);
	json_decref(doc);
	fm_config_free(cfg);
}

static void test_a_gate_that_real_flows_fail_blocks(void **state)
{
	const char *const strict[] = {QUICK, "gate.rules.broken_share=null",
				      "gate.jsd.TD={max: 0, relative_to_floor: true}"};
	struct fm_config *cfg = gate_of(strict, NCHECKS + 2);
	json_t *doc = measured(cfg);
	struct fm_verdict v = {0};
	struct fm_error err = {0};

	(void)state;
	v.check = calloc(4, sizeof *v.check);
	OK(fm_controls_judge(cfg, doc, &v, &err));
	got(&v, "fresh", 0, "fail");
	assert_false(line(&v)->pass);
	assert_non_null(strstr(line(&v)->why, "real flows fail: jsd.TD"));
	fm_verdict_free(&v);
	json_decref(doc);
	fm_config_free(cfg);
}

static void test_no_trial_is_a_failed_one(void **state)
{
	struct fm_config *cfg = gate_of(checks, NCHECKS);
	struct fm_verdict v = verdict_of(cfg, NULL, NULL);
	struct fm_table *few = random_table(60, 1);
	struct fm_error err = {0};
	json_t *doc = NULL, *other;

	(void)state;
	assert_false(v.pass);
	assert_non_null(strstr(line(&v)->why, "not run"));
	fm_verdict_free(&v);
	OK(fm_controls_measure(cfg, train, few, SEED, NULL, &doc, &err));
	v = verdict_of(cfg, doc, NULL);
	assert_false(v.pass);
	assert_non_null(strstr(line(&v)->why, "too few"));
	fm_verdict_free(&v);
	json_decref(doc);
	OK(fm_controls_measure(cfg, train, NULL, SEED, NULL, &doc, &err));
	json_decref(doc);
	other = json_pack("{s:s, s:[]}", "format", "something/1", "controls");
	memset(&v, 0, sizeof v);
	assert_int_equal(fm_controls_judge(cfg, other, &v, &err), FM_EINPUT);
	fm_verdict_free(&v);
	json_decref(other);
	fm_table_free(few);
	fm_config_free(cfg);
}

/* A useless table has metrics that cannot be computed: that counts as caught only where fresh flows have the metric. */
static void test_what_fresh_flows_lack_catches_nothing(void **state)
{
	const char *text =
	    "{\"format\":\"flowmint-controls/1\",\"rows\":9,\"limit\":0.005,\"floor\":[],\"controls\":["
	    "{\"name\":\"fresh\",\"kind\":\"positive\",\"level\":0,\"expected\":\"pass\",\"metrics\":["
	    "{\"name\":\"jsd.SA\",\"value\":0,\"n\":9},{\"name\":\"time.IAT\",\"value\":null,\"n\":9}]},"
	    "{\"name\":\"copy\",\"kind\":\"negative\",\"level\":1,\"expected\":\"fail\",\"metrics\":["
	    "{\"name\":\"jsd.SA\",\"value\":%s,\"n\":9},{\"name\":\"time.IAT\",\"value\":null,\"n\":9}]}]}";
	struct fm_config *cfg = calloc(1, sizeof *cfg);
	static const char *const value[] = {"0", "null", "5"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		strcpy(cfg->gate.check[i].name, i == 0 ? "jsd.SA" : i == 1 ? "time.IAT" : "leak.echo_addr");
		cfg->gate.check[i].has_max = true;
		cfg->gate.check[i].max = 1;
	}
	cfg->gate.n = 3;
	cfg->gate.control_rows = 9;
	for (int i = 0; i < 3; i++) {
		char doc[1000];
		snprintf(doc, sizeof doc, text, value[i]);
		json_t *j = json_loads(doc, 0, NULL);
		struct fm_verdict v = verdict_of(cfg, j, NULL);
		got(&v, "fresh", 0, "pass");
		got(&v, "copy", 1, i == 0 ? "pass" : "fail");
		assert_int_equal(v.pass, i != 0);
		fm_verdict_free(&v);
		json_decref(j);
	}
	free(cfg);
}

/* A gate of one check, alone and without a preset. */
static struct fm_config *one_check(const char *name, int is_max, double threshold, int64_t rows)
{
	struct fm_config *cfg = calloc(1, sizeof *cfg);
	struct fm_cfg_check *check = &cfg->gate.check[0];

	snprintf(check->name, sizeof check->name, "%s", name);
	check->has_max = is_max;
	check->has_min = !is_max;
	check->max = check->min = threshold;
	cfg->gate.n = 1;
	cfg->gate.control_rows = rows;
	cfg->gate.control_limit = 0.005;
	return cfg;
}

static void test_few_rows_move_a_threshold_by_what_real_flows_are_off_the_ideal(void **state)
{
	const char *text = "{\"format\":\"flowmint-controls/1\",\"rows\":9,\"limit\":0.005,"
			   "\"floor\":[{\"name\":\"floor.%s\",\"value\":%g,\"n\":9}],\"controls\":["
			   "{\"name\":\"fresh\",\"kind\":\"positive\",\"level\":0,\"expected\":\"pass\",\"metrics\":["
			   "{\"name\":\"%s\",\"value\":%g,\"n\":9}]}]}";
	static const struct {
		const char *name;
		double floor, value, max, min; /* of the two thresholds the one that is no NaN */
		const char *want;
	} cases[] = {
	    {"jsd.TD", 0.2, 0.35, 0.1, NAN, "pass"}, /* ideal 0, worst ln 2: 0.1 and 0.3 / ln 2 of the way from there */
	    {"jsd.TD", 0.2, 0.36, 0.1, NAN, "fail"},
	    {"jsd.TD", 0.2, 0.35, NAN, 0.5, "fail"},        /* a minimum of what is best small stays */
	    {"c2st.flow_auc", 0.6, 0.85, 0.8, NAN, "pass"}, /* ideal 0.5, worst 1: 0.8 and 0.15 / 0.5 of 0.2 */
	    {"c2st.flow_auc", 0.6, 0.87, 0.8, NAN, "fail"},
	    {"c2st.flow_auc", 0.4, 0.81, 0.8, NAN, "fail"}, /* a floor better than ideal gives no room */
	    {"anomaly.score_correlation", 0.9, 0.76, NAN, 0.9,
	     "pass"}, /* ideal 1, worst -1: 0.9 less 0.15 / 2 of 1.9 */
	    {"anomaly.score_correlation", 0.9, 0.75, NAN, 0.9, "fail"},
	    {"heavy.DP_rank100", 0.8, 0.37, NAN, 0.6, "pass"},
	    {"heavy.DP_rank100", 0.8, 0.35, NAN, 0.6, "fail"},
	    {"heavy.SP_overlap20", 0.8, 0.43, NAN, 0.6, "pass"}, /* worst 0 */
	    {"heavy.SP_overlap20", 0.8, 0.41, NAN, 0.6, "fail"},
	    {"heavy.DP_rank100", 0.8, 0.9, 0.85, NAN, "fail"},    /* a maximum of what is best large stays */
	    {"rules.broken_share", 0.02, 0.33, 0, NAN, "pass"},   /* real flows break it as often as they do */
	    {"rules.broken_share", 0, 0.29, 0, NAN, "pass"},      /* none in 9 rows: 0.299 */
	    {"time.PAIR_synthetic", 0.3, 0.41, 0.4, NAN, "fail"}, /* what the holdout has is no distance */
	    {"heavy.SA_flows_top10_synthetic", 0.3, 0.41, 0.4, NAN, "fail"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int is_max = !isnan(cases[i].max);
		struct fm_config *cfg = one_check(cases[i].name, is_max, is_max ? cases[i].max : cases[i].min, 9);
		struct fm_error err = {0};
		struct fm_verdict v = {.check = calloc(3, sizeof *v.check)};
		char doc[1000];

		snprintf(doc, sizeof doc, text, cases[i].name, cases[i].floor, cases[i].name, cases[i].value);
		json_t *j = json_loads(doc, 0, NULL);
		OK(fm_controls_judge(cfg, j, &v, &err));
		got(&v, "fresh", 0, cases[i].want);
		fm_verdict_free(&v);
		json_decref(j);
		free(cfg);
	}
}

static int has_metric(const json_t *doc, const char *name, double level, const char *metric)
{
	const json_t *list = json_object_get(doc, "controls");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i), *m = json_object_get(o, "metrics");
		if (strcmp(json_string_value(json_object_get(o, "name")), name) != 0 ||
		    json_number_value(json_object_get(o, "level")) != level)
			continue;
		for (size_t k = 0; k < json_array_size(m); k++)
			if (!strcmp(json_string_value(json_object_get(json_array_get(m, k), "name")), metric))
				return 1;
	}
	return 0;
}

static void test_judges_that_learn_see_fresh_and_useless_flows(void **state)
{
	static const char metric[] = "c2st.flow_blocks_auc";
	struct fm_config *cfg = one_check(metric, 1, 0.8, 400);
	json_t *doc = measured(cfg);
	struct fm_verdict v = verdict_of(cfg, doc, NULL);

	(void)state;
	assert_true(has_metric(doc, "fresh", 0, metric) && has_metric(doc, "shuffled", 0, metric));
	assert_false(has_metric(doc, "copy", 0.005, metric) || has_metric(doc, "noise", 0.1, metric));
	got(&v, "fresh", 0, "pass");
	got(&v, "independent", 0, "fail");
	got(&v, "one_row", 0, "fail");
	got(&v, "copy", 1, "pass"); /* what was not measured is not caught */
	assert_false(v.pass);
	fm_verdict_free(&v);
	json_decref(doc);
	free(cfg);
}

/* Tables have no model: a check that needs one says nothing about fresh flows, and catches nobody. */
static void test_what_needs_the_model_neither_fails_fresh_flows_nor_catches_a_control(void **state)
{
	struct fm_config *cfg = one_check("leak.mia_model_auc", 1, 0.6, 400);
	json_t *doc = measured(cfg);
	struct fm_verdict v = verdict_of(cfg, doc, NULL);

	(void)state;
	assert_false(has_metric(doc, "copy", 1, "leak.rows_equal")); /* nothing is measured in vain */
	got(&v, "fresh", 0, "pass");
	got(&v, "copy", 1, "pass");
	got(&v, "one_row", 0, "pass");
	assert_true(v.smallest_leak_caught == 0);
	assert_false(v.pass);
	fm_verdict_free(&v);
	json_decref(doc);
	free(cfg);
}

static void test_a_doubled_world_has_each_flow_twice(void **state)
{
	struct fm_table *t = numbered(5000, 1000000), *h = numbered(3000, 2000000);
	struct fm_control_world w = world_of(t, h, 1000), twice;
	struct fm_error err = {0};

	(void)state;
	OK(fm_control_world_double(&twice, &w, &err));
	assert_int_equal(twice.rows, w.rows);
	for (size_t i = 0; i + 1 < w.rows; i += 2) {
		assert_int_equal(twice.train->byt[i], w.train->byt[i / 64 * 64 + i % 64 / 2]);
		assert_int_equal(twice.train->byt[i + 1], twice.train->byt[i]);
		assert_int_equal(twice.train->te[i + 1], twice.train->te[i] + 1000);
		assert_int_equal(twice.train->win[i + 1], twice.train->win[i]);
		assert_int_equal(twice.fresh->byt[i + 1], twice.fresh->byt[i]);
	}
	fm_control_world_free(&twice);
	fm_control_world_free(&w);
	fm_table_free(t);
	fm_table_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_world_is_three_tables_without_a_row_in_common),
	    cmocka_unit_test(test_plants_are_what_they_say),
	    cmocka_unit_test(test_a_doubled_world_has_each_flow_twice),
	    cmocka_unit_test(test_the_preset_tells_copies_from_fresh_flows),
	    cmocka_unit_test(test_a_gate_that_copies_pass_blocks),
	    cmocka_unit_test(test_a_gate_that_real_flows_fail_blocks),
	    cmocka_unit_test(test_no_trial_is_a_failed_one),
	    cmocka_unit_test(test_what_fresh_flows_lack_catches_nothing),
	    cmocka_unit_test(test_few_rows_move_a_threshold_by_what_real_flows_are_off_the_ideal),
	    cmocka_unit_test(test_judges_that_learn_see_fresh_and_useless_flows),
	    cmocka_unit_test(test_what_needs_the_model_neither_fails_fresh_flows_nor_catches_a_control),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("controls", tests, setup, teardown);
}
