/* Promise: a check that is missing, NaN, unknown or without a threshold is a failure, and so is a gate without checks.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "judge/gate/check.h"
#include "judge/gate/files.h"
#include "judge/gate/holdout.h"
#include "manifests/canon.h"
#include "report/part.h"
#include "stages/stage.h"
#include "tests/unit/scratch.h"

struct fixture {
	struct fm_config *cfg;
	struct fm_metrics m;
	struct fm_verdict v;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct fm_error err = {0};

	f->cfg = calloc(1, sizeof *f->cfg);
	*state = f;
	return fm_metrics_add(&f->m, "jsd.SA", 0.05, 100, &err) ||
	       fm_metrics_add(&f->m, "leak.rows_equal", 0.0, 100, &err) ||
	       fm_metrics_add(&f->m, "downstream.mse_ratio", NAN, 0, &err) ||
	       fm_metrics_add(&f->m, "floor.jsd.SA", 0.02, 100, &err) ||
	       fm_metrics_add_ci(&f->m, "time.PAIR_synthetic", 0.34, 1000, 0.3, 0.4, &err);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fm_verdict_free(&f->v);
	fm_metrics_free(&f->m);
	free(f->cfg);
	free(f);
	return 0;
}

static struct fm_cfg_check *check(struct fixture *f, const char *name)
{
	struct fm_cfg_check *c = &f->cfg->gate.check[f->cfg->gate.n++];

	strcpy(c->name, name);
	return c;
}

static void check_max(struct fixture *f, const char *name, double max)
{
	struct fm_cfg_check *c = check(f, name);

	c->has_max = true;
	c->max = max;
}

static void check_min(struct fixture *f, const char *name, double min)
{
	struct fm_cfg_check *c = check(f, name);

	c->has_min = true;
	c->min = min;
}

static void apply(struct fixture *f)
{
	struct fm_error err = {0};

	fm_verdict_free(&f->v);
	if (fm_gate_apply(f->cfg, &f->m, &f->v, &err) != FM_OK)
		fail_msg("%s", err.message);
}

static void fails_because(struct fixture *f, size_t i, const char *why)
{
	assert_true(i < f->v.n);
	assert_int_equal(f->v.pass, 0);
	assert_int_equal(f->v.check[i].pass, 0);
	if (!strstr(f->v.check[i].why, why))
		fail_msg("'%s' does not say '%s'", f->v.check[i].why, why);
}

static void test_threshold_is_inclusive(void **state)
{
	struct fixture *f = *state;

	check_max(f, "jsd.SA", 0.05);
	check_min(f, "jsd.SA", 0.05);
	check_max(f, "leak.rows_equal", 0.0);
	apply(f);
	assert_int_equal(f->v.n, 3);
	assert_int_equal(f->v.pass, 1);
	assert_int_equal(f->v.check[0].n, 0); /* a verdict is published: 100 real rows would be told */
	assert_string_equal(f->v.check[0].why, "");
	assert_int_equal(fm_metrics_add(&f->m, "rows.synthetic", 100, 100, NULL), FM_OK);
	f->cfg->privacy.min_count = 20;
	apply(f);
	assert_int_equal(f->v.check[0].n, 100);
	f->cfg->gate.check[0].max = nextafter(0.05, 0);
	apply(f);
	fails_because(f, 0, "above");
	assert_int_equal(f->v.check[1].pass, 1);
	f->cfg->gate.check[0].max = 0.05;
	f->cfg->gate.check[1].min = nextafter(0.05, 1);
	apply(f);
	fails_because(f, 1, "below");
	assert_string_equal(f->v.check[1].direction, "min");
}

/* Flows that lie near a few windows are near to the side that the split gave these: no sign of memory. */
static void test_what_chance_explains_is_said(void **state)
{
	struct fixture *f = *state;

	check_max(f, "leak.share_nearer_train", 0.65);
	check_max(f, "leak.share_nearer_train_sizes", 0.65);
	assert_int_equal(fm_metrics_add(&f->m, "leak.share_nearer_train", 0.8, 640, NULL), FM_OK);
	assert_int_equal(fm_metrics_add(&f->m, "leak.share_nearer_train_sizes", 0.8, 640, NULL), FM_OK);
	apply(f);
	fails_because(f, 0, "above the threshold");
	assert_null(strchr(f->v.check[0].why, ';')); /* not measured, nothing said */
	assert_int_equal(fm_metrics_add(&f->m, "leak.nearer_p", 0.08412, 600, NULL), FM_OK);
	assert_int_equal(fm_metrics_add(&f->m, "leak.nearer_p_sizes", 0.049, 600, NULL), FM_OK);
	apply(f);
	fails_because(f, 0, "; a model without memory comes as near with a probability of 0.084 (leak.nearer_p)");
	fails_because(f, 1, "above the threshold");
	assert_null(strchr(f->v.check[1].why, ';')); /* chance seldom does that */
}

static void test_max_and_min_are_two_lines(void **state)
{
	struct fixture *f = *state;

	check_max(f, "time.PAIR_synthetic", 0.4);
	f->cfg->gate.check[0].has_min = true;
	f->cfg->gate.check[0].min = 0.35;
	apply(f);
	assert_int_equal(f->v.n, 2);
	assert_int_equal(f->v.check[0].pass, 1);
	assert_true(f->v.check[0].ci_lo == 0.3 && f->v.check[0].ci_hi == 0.4);
	fails_because(f, 1, "below");
}

static void test_missing_metric_fails(void **state)
{
	struct fixture *f = *state;

	check_max(f, "jsd.SA", 1);
	check_max(f, "jsd.DA", 1);
	check_min(f, "no.such_metric", -1);
	apply(f);
	assert_int_equal(f->v.check[0].pass, 1);
	fails_because(f, 1, "not measured");
	fails_because(f, 2, "not measured");
	assert_true(isnan(f->v.check[1].value));
}

static void test_nan_and_infinity_fail(void **state)
{
	struct fixture *f = *state;

	check_max(f, "downstream.mse_ratio", INFINITY);
	check_min(f, "downstream.mse_ratio", -1);
	apply(f);
	fails_because(f, 0, "not a number");
	fails_because(f, 1, "not a number");
	f->m.m[0].value = INFINITY; /* a table that somebody else filled */
	f->cfg->gate.n = 0;
	check_min(f, "jsd.SA", 0);
	apply(f);
	fails_because(f, 0, "infinite");
	f->m.m[0].value = -INFINITY;
	f->cfg->gate.check[0].has_min = false;
	f->cfg->gate.check[0].has_max = true;
	apply(f);
	fails_because(f, 0, "infinite");
}

/* A check of labels has nothing to say of a trace that has none to tell apart; a release that lost them fails it. */
static void test_labels_are_judged_where_there_are_any(void **state)
{
	struct fixture *f = *state;
	struct fm_error err = {0};

	check_max(f, "jsd.SA", 1);
	check_max(f, "jsd.TY", 0.02);
	check_min(f, "tstr.macro_f1.trees", 0.7);
	f->cfg->gate.check[2].relative_to_floor = true;
	f->cfg->gate.check[2].plus = 0.05;
	apply(f);
	assert_int_equal(f->v.n, 3); /* how many there are is not known */
	fails_because(f, 1, "not measured");
	assert_int_equal(fm_metrics_add(&f->m, "downstream.label_classes", 1, 1000, &err), FM_OK);
	apply(f);
	assert_int_equal(f->v.n, 1);
	assert_int_equal(f->v.pass, 1);
	f->m.m[f->m.n - 1].value = 2;
	apply(f);
	assert_int_equal(f->v.n, 3);
	fails_because(f, 1, "not measured");
	fails_because(f, 2, "not measured");
	/* What real flows teach is the floor; three digits of a score are published, and two of a threshold. */
	assert_int_equal(fm_metrics_add(&f->m, "jsd.TY", 0.001, 1000, &err), FM_OK);
	assert_int_equal(fm_metrics_add(&f->m, "tstr.macro_f1.trees", 0.5123456, 1000, &err), FM_OK);
	apply(f);
	fails_because(f, 2, "noise floor was not measured");
	assert_int_equal(fm_metrics_add(&f->m, "trtr.macro_f1.trees", 0.8012345, 1000, &err), FM_OK);
	apply(f);
	assert_int_equal(f->v.pass, 1);
	assert_true(f->v.check[2].value == 0.512);
	assert_true(f->v.check[2].threshold == 0.51);
	f->m.m[f->m.n - 1].value = 0.95;
	apply(f);
	fails_because(f, 2, "below");
}

/* Where real hosts cannot be told apart, or would all be, profiles of hosts say nothing of the flows made. */
static void test_too_few_hosts_are_asked_nothing(void **state)
{
	struct fixture *f = *state;
	struct fm_error err = {0};

	check_max(f, "jsd.SA", 1);
	check_max(f, "host.PROFILE", 0.97);
	f->cfg->gate.check[1].has_room = true;
	f->cfg->gate.check[1].room = 1.5;
	apply(f);
	fails_because(f, 1, "not measured");
	assert_int_equal(fm_metrics_add(&f->m, "host.PROFILE", (double)NAN, 0, &err), FM_OK);
	apply(f);
	fails_because(f, 1, "not a number"); /* without a floor nobody knows that it is not the generator's fault */
	assert_int_equal(fm_metrics_add(&f->m, "floor.host.PROFILE", 0.51, 400, &err), FM_OK);
	apply(f);
	fails_because(f, 1, "not a number"); /* real hosts have profiles, these have none */
	f->m.m[f->m.n - 2].value = 0.99;
	apply(f);
	fails_because(f, 1, "above");
	f->m.m[f->m.n - 1].value = (double)NAN;
	apply(f);
	assert_int_equal(f->v.n, 1);
	f->m.m[f->m.n - 1].value = 0.6; /* a fifth of the way to 1, 1.5 times: 0.979, outwards to two digits */
	f->m.m[f->m.n - 2].value = 0.975;
	apply(f);
	assert_int_equal(f->v.n, 2);
	assert_int_equal(f->v.pass, 1);
	assert_true(f->v.check[1].threshold == 0.98);
	f->m.m[f->m.n - 2].value = 0.99;
	apply(f);
	fails_because(f, 1, "above");
	f->m.m[f->m.n - 1].value = 0.9; /* real hosts are told apart as well: nothing would fail */
	apply(f);
	assert_int_equal(f->v.n, 1);
	f->cfg->gate.check[1].room = 0;
	apply(f);
	assert_int_equal(f->v.n, 2);
	fails_because(f, 1, "above");
}

/* No threshold ends where nothing is refused: what fresh flows do as badly as can be is not asked. */
static void test_a_threshold_refuses_something(void **state)
{
	static const char *const name[] = {"jsd.TS",    "c2st.flow_blocks_auc", "pair_jsd",
					   "host.LIFE", "assoc.mean",           "ks.BYT"};
	static const double worst[] = {M_LN2, 1, M_LN2, M_LN2, 1, 1}, ideal[] = {0, 0.5, 0, 0, 0, 0};
	struct fixture *f = *state;
	struct fm_error err = {0};
	char floor[80];

	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		f->cfg->gate.n = 0;
		fm_metrics_free(&f->m);
		f->m = (struct fm_metrics){0};
		check_max(f, name[i], ideal[i] + 0.8 * (worst[i] - ideal[i]));
		f->cfg->gate.check[0].has_room = true;
		f->cfg->gate.check[0].room = 1.5;
		snprintf(floor, sizeof floor, "floor.%s", name[i]);
		assert_int_equal(fm_metrics_add(&f->m, name[i], worst[i], 400, &err), FM_OK);
		assert_int_equal(fm_metrics_add(&f->m, floor, ideal[i] + 0.5 * (worst[i] - ideal[i]), 400, &err),
				 FM_OK);
		apply(f); /* three quarters of the way from 0.8 of the way: 0.95 of it */
		assert_int_equal(f->v.n, 1);
		assert_false(f->v.pass);
		assert_true(f->v.check[0].threshold < worst[i] &&
			    f->v.check[0].threshold > ideal[i] + 0.94 * (worst[i] - ideal[i]));
		f->m.m[1].value = ideal[i] + 0.7 * (worst[i] - ideal[i]);
		apply(f);
		assert_int_equal(json_array_size(f->v.unasked), 1);
		f->cfg->gate.check[0].max = worst[i]; /* who sets such a threshold has it */
		apply(f);
		assert_int_equal(json_array_size(f->v.unasked), 0);
		assert_int_equal(f->v.pass, 1);
	}
}

static void test_bad_thresholds_fail(void **state)
{
	struct fixture *f = *state;

	check_max(f, "jsd.SA", NAN);
	check_max(f, "jsd.SA", INFINITY);
	check(f, "jsd.SA");
	apply(f);
	fails_because(f, 0, "threshold");
	fails_because(f, 1, "threshold");
	fails_because(f, 2, "no threshold");
	f->cfg->gate.n = FM_CFG_MAXCHECKS + 1;
	struct fm_verdict v;
	assert_int_equal(fm_gate_apply(f->cfg, &f->m, &v, NULL), FM_EINPUT);
	assert_int_equal(v.pass, 0);
}

static void test_no_check_fails(void **state)
{
	struct fixture *f = *state;

	apply(f);
	assert_int_equal(f->v.n, 1);
	fails_because(f, 0, "no check");
}

static void test_relative_to_the_floor(void **state)
{
	struct fixture *f = *state;

	check_max(f, "jsd.SA", 2.5);
	f->cfg->gate.check[0].relative_to_floor = true;
	apply(f);
	assert_int_equal(f->v.pass, 1);
	assert_true(f->v.check[0].threshold == 2.5 * 0.02);
	f->cfg->gate.check[0].max = 2.4;
	apply(f);
	fails_because(f, 0, "above");
	check_max(f, "leak.rows_equal", 2);
	f->cfg->gate.check[1].relative_to_floor = true;
	apply(f);
	fails_because(f, 1, "noise floor");
}

/* A least value is what it says: the floor is how near two real samples come, which bounds distances from above alone.
 */
static void test_min_stays_beside_a_relative_max(void **state)
{
	struct fixture *f = *state;

	check_max(f, "jsd.SA", 2.5);
	f->cfg->gate.check[0].relative_to_floor = true;
	f->cfg->gate.check[0].has_min = true;
	f->cfg->gate.check[0].min = 0.04;
	apply(f);
	assert_int_equal(f->v.n, 2);
	assert_true(f->v.check[0].threshold == 2.5 * 0.02);
	assert_true(f->v.check[1].threshold == 0.04);
	assert_int_equal(f->v.pass, 1);
	f->cfg->gate.check[0].min = 0.06; /* 0.06 * the floor would pass */
	apply(f);
	fails_because(f, 1, "below");
	/* Where there is no floor, only max is without a threshold. */
	check_max(f, "leak.rows_equal", 2);
	f->cfg->gate.check[1].relative_to_floor = true;
	f->cfg->gate.check[1].has_min = true;
	f->cfg->gate.check[1].min = 1;
	apply(f);
	fails_because(f, 2, "noise floor");
	fails_because(f, 3, "below");
}

static void test_print_says_what_failed(void **state)
{
	struct fixture *f = *state;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	check_max(f, "jsd.SA", 0.01);
	check_max(f, "leak.rows_equal", 0);
	check_max(f, "nothing", 0);
	apply(f);
	f->v.controls = json_pack("[{s:s, s:s, s:b}, {s:s, s:s, s:b}]", "kind", "negative", "got", "fail", "ok", 1,
				  "kind", "positive", "got", "pass", "ok", 1);
	fm_verdict_print(out, &f->v);
	fclose(out);
	assert_non_null(strstr(text, "jsd.SA"));
	assert_non_null(strstr(text, "FAIL: above the threshold"));
	assert_non_null(strstr(text, "FAIL: not measured"));
	assert_non_null(strstr(text, "1 of 1 planted generators caught; 1 of 1 tables of fresh flows passed"));
	assert_non_null(strstr(text, "gate: FAIL (2 of 3 checks failed)"));
	free(text);
}

static char *slurp(const char *path)
{
	struct fm_buf b = {0};
	struct fm_error err = {0};

	if (fm_file_read(path, 1 << 20, &b, &err) != FM_OK)
		fail_msg("%s", err.message);
	return b.data;
}

static void test_stage_writes_the_verdict(void **state)
{
	struct fixture *f = *state;
	struct fm_gate_out out;
	struct fm_error err = {0};
	json_t *list;

	assert_int_equal(scratch_make(), 0);
	const char *metrics = scratch_path("metrics.json"), *verdict = scratch_path("verdict.json");
	struct fm_gate_in in = {.cfg = f->cfg, .metrics_json = metrics, .out_dir = scratch};

	assert_int_equal(fm_stage_gate(&in, &out, &err), FM_EINPUT); /* no metrics at all: an error, and no verdict */
	assert_false(fm_file_exists(verdict));
	check_max(f, "jsd.SA", 0.05);
	check_max(f, "downstream.mse_ratio", 2);
	list = fm_metrics_list(&f->m);
	assert_int_equal(fm_json_save(list, metrics, &err), FM_OK);
	json_decref(list);
	if (fm_stage_gate(&in, &out, &err) != FM_OK) /* a failed gate is no error of the stage */
		fail_msg("%s", err.message);
	assert_int_equal(out.verdict.pass, 0);
	assert_int_equal(out.verdict.check[0].pass, 1);
	assert_int_equal(out.verdict.check[1].pass, 0);
	char *text = slurp(verdict);
	assert_non_null(strstr(text, "\"fail\""));
	free(text);
	fm_verdict_free(&out.verdict);
	assert_int_equal(fm_file_write(metrics, 0600, "{\"jsd\": 1}", 10, &err), FM_OK);
	assert_int_equal(fm_stage_gate(&in, &out, &err), FM_EINPUT); /* not a list of metrics */
	assert_int_equal(scratch_remove(), 0);
}

/* Whoever asks whether a check passes gets the same answer: the gate, the reader of its verdict, and the report. */
static void test_one_rule_says_what_passes(void **state)
{
	static const struct {
		double value, max;
		int met[2]; /* as a max, as a min */
	} cases[] = {{0.1, 0.2, {1, 0}},    {0.2, 0.2, {1, 1}},     {0.3, 0.2, {0, 1}},      {-1, 0, {1, 0}},
		     {NAN, 0.2, {0, 0}},    {0.1, NAN, {0, 0}},     {INFINITY, 1, {0, 0}},   {-INFINITY, 1, {0, 0}},
		     {1, INFINITY, {0, 0}}, {1, -INFINITY, {0, 0}}, {-1e308, 1e308, {1, 0}}, {0.0, -0.0, {1, 1}}};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		double value = cases[i / 2].value, threshold = cases[i / 2].max;
		int is_max = i % 2 == 0, met = cases[i / 2].met[!is_max];
		const char *direction = is_max ? "max" : "min";
		struct fm_cfg_check check = {.name = "jsd.SA", .max = threshold, .min = threshold};
		struct fm_metric m = {.name = "jsd.SA", .value = value, .n = 1, .ci_lo = NAN, .ci_hi = NAN};
		struct fm_metrics list = {&m, 1, 1};
		struct fm_error err = {0};
		struct fm_check_result c;
		struct fm_verdict v = {.check = &c, .n = 1}, read;
		json_t *doc;

		assert_int_equal(fm_threshold_met(direction, value, threshold), met);
		assert_false(fm_threshold_met("", value, threshold));
		fm_gate_line(&c, &check, is_max, &list, NAN, 0);
		assert_int_equal(c.pass, met);
		fm_gate_decide(&v);
		assert_int_equal(v.pass, met);
		/* One that claims a pass is believed by nobody who looks at its numbers. */
		c.pass = v.pass = 1;
		assert_int_equal(fm_verdict_holds(&v), met);
		doc = fm_verdict_json(&v);
		assert_int_equal(fm_verdict_from_json(&read, doc, &err) == FM_OK, met);
		fm_verdict_free(&read);
		assert_int_equal(fm_page_check_state(json_array_get(json_object_get(doc, "checks"), 0)) == FM_HOLDS,
				 met);
		json_decref(doc);
	}
}

static void test_what_failed_is_named(void **state)
{
	struct fm_check_result c[] = {
	    {.name = "jsd.SA", .direction = "max", .value = 0.31, .threshold = 0.05},
	    {.name = "jsd.DA", .direction = "max", .value = 0.01, .threshold = 0.05, .pass = 1},
	    {.name = "leak.family_p", .direction = "min", .value = 0.001, .threshold = 0.005, .waived = 1},
	    {.name = "time.IAT", .direction = "max", .value = NAN, .threshold = 1}};
	struct fm_verdict v = {.check = c, .n = 4};
	char words[80], few[30];

	(void)state;
	assert_int_equal(fm_verdict_failed(&v, words, sizeof words), 2);
	assert_string_equal(words, "jsd.SA 0.31 (max 0.05), time.IAT without a value");
	assert_int_equal(fm_verdict_failed(&v, few, sizeof few), 2);
	strcpy(v.check[0].name, "heavy.share_gap");
	v.check[0].value = 0.086;
	v.check[0].threshold = NAN;
	strcpy(v.check[0].why, "no noise floor");
	fm_verdict_failed(&v, words, sizeof words);
	assert_non_null(strstr(words, "heavy.share_gap 0.086 (no threshold: no noise floor)"));
	assert_string_equal(few, "jsd.SA 0.31 (max 0.05)");
}

/* First what is most times as far from its ideal as fresh real flows are; addresses and units are not ranked. */
static void test_the_worst_come_first(void **state)
{
	static const struct {
		const char *name;
		double value;
	} m[] = {{"jsd.SA", 0.3},
		 {"floor.jsd.SA", 0.1},
		 {"jsd.PR", 0.04},
		 {"floor.jsd.PR", 0.005},
		 {"c2st.window_auc", 0.9},
		 {"floor.c2st.window_auc", 0.6},
		 {"jsd.SAid", 0.69},
		 {"floor.jsd.SAid", 0.01},
		 {"emd.BYT", 1e6},
		 {"floor.emd.BYT", 1},
		 {"heavy.SP_rank100", 0.5},
		 {"floor.heavy.SP_rank100", 0.9},
		 {"rules.broken_share", 0.002},
		 {"floor.rules.broken_share", 0},
		 {"jsd.DA", 0}, /* as good as can be */
		 {"floor.jsd.DA", 0},
		 {"c2st.flow_auc", 0.3}, /* better than guessing the wrong way is no fault */
		 {"leak.nearer_p", 0.001},
		 {"leak.rows_equal", 0.05},
		 {"leak.holdout_equal", 0.02},
		 {"leak.rare_sp", 0.4}, /* ranks beside the holdout's alone */
		 {"downstream.mse_ratio", 1.1}};
	struct fm_metrics all = {0}, bare = {0};
	struct fm_worst w[9], four[9];
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof m / sizeof *m; i++) {
		assert_int_equal(fm_metrics_add(&all, m[i].name, m[i].value, 1000, &err), FM_OK);
		if (strncmp(m[i].name, "floor.", 6) != 0 && !strstr(m[i].name, "holdout"))
			assert_int_equal(fm_metrics_add(&bare, m[i].name, m[i].value, 1000, &err), FM_OK);
	}
	assert_int_equal(fm_metrics_add_ci(&all, "leak.mia_auc", 0.55, 1000, 0.5, 0.6, &err), FM_OK);
	assert_int_equal(fm_metrics_worst(&all, w, 3), 3);
	assert_int_equal(fm_metrics_worst(&all, w, 9), 8);
	assert_string_equal(w[0].metric->name, "jsd.PR");           /* 8 times */
	assert_string_equal(w[1].metric->name, "heavy.SP_rank100"); /* 5 */
	assert_string_equal(w[2].metric->name, "c2st.window_auc");  /* 4 */
	assert_true(fabs(w[0].times - 8) < 1e-12 && fabs(w[2].times - 4) < 1e-12);
	assert_string_equal(w[4].metric->name, "leak.rows_equal"); /* after jsd.SA: 2.5 times the holdout's */
	assert_true(fabs(w[4].times - 2.5) < 1e-12 && strcmp(w[4].floor->name, "leak.holdout_equal") == 0);
	assert_string_equal(w[7].metric->name, "leak.mia_auc"); /* once half of its interval */
	assert_true(!w[7].floor && fabs(w[7].times - 1) < 1e-12);
	assert_int_equal(fm_metrics_worst(&bare, four, 9), 7);
	assert_string_equal(four[0].metric->name, "heavy.SP_rank100");
	assert_string_equal(four[4].metric->name, "leak.rows_equal");
	assert_string_equal(four[6].metric->name, "rules.broken_share");
	fm_count_unreadable(&all, "rules.broken_share", 10);
	assert_true(fabs(fm_metrics_find(&all, "rules.broken_share")->value - 12.0 / 1010) < 1e-12);
	assert_int_equal(fm_metrics_find(&all, "rules.broken_share")->n, 1010);
	fm_metrics_free(&all);
	fm_metrics_free(&bare);
}

/* Where the trace has rows twice, equal rows are allowed as far as the holdout shows them. */
static void test_repeats_of_the_trace_are_allowed(void **state)
{
	struct fm_metrics m = {0};
	struct fm_error err = {0};
	double once, often;

	(void)state;
	assert_int_equal(fm_metrics_add(&m, "leak.holdout_equal", 0.0, 12000, &err), FM_OK);
	assert_int_equal(fm_metrics_add(&m, "leak.repeats_train", 0.0, 36000, &err), FM_OK);
	assert_int_equal(fm_metrics_add(&m, "leak.repeats_holdout", 0.0, 12000, &err), FM_OK);
	assert_true(fm_gate_repeats("leak.rows_equal", &m, 0) == 0);
	m.m[1].value = 0.25;
	once = fm_gate_repeats("leak.rows_equal", &m, 0);
	assert_true(once > 0 && once < 0.0005);
	m.m[0].value = 0.01;
	often = fm_gate_repeats("leak.rows_equal", &m, 0);
	assert_true(often == 0.02);
	assert_true(fm_gate_repeats("leak.rows_equal_no_time", &m, 0) == 0);
	/* Over a tenth, rows of whole flows say that the holdout is none; those of other tables are often equal. */
	m.m[0].value = 0.2;
	assert_true(fm_gate_repeats("leak.rows_equal", &m, 0) == 0);
	assert_true(fm_gate_repeats("leak.rows_equal", &m, 1u << FM_TE) == 0.4);
	m.m[0].value = 0.6; /* more than such a table repeats itself */
	assert_true(fm_gate_repeats("leak.rows_equal", &m, 1u << FM_TE) == 0);
	m.m[1].value = 0.5;
	assert_true(fm_gate_repeats("leak.rows_equal", &m, 1u << FM_TE) == 0.8);
	/* What a holdout may have in common follows the table that repeats itself more, and is a tenth at least. */
	assert_true(fm_gate_in_common(&m, 0) == FM_HOLDOUT_MAX && fm_gate_in_common(&m, 1u << FM_TE) == 0.75);
	m.m[2].value = 0.6;
	assert_true(fm_gate_in_common(&m, 1u << FM_TE) == 0.8);
	m.m[1].value = m.m[2].value = 0.04;
	assert_true(fm_gate_in_common(&m, 1u << FM_TE) == FM_HOLDOUT_MAX);
	fm_metrics_free(&m);
}

/* The gate of a trace that lacks columns asks once more of what its rows say less of. */
static void test_what_a_trace_lacks_adds_a_check(void **state)
{
	struct fm_config *cfg = calloc(1, sizeof *cfg);

	(void)state;
	fm_config_lacks(cfg, 1u << FM_TE);
	assert_int_equal(cfg->gate.n, 0); /* nobody asks for copies */
	strcpy(cfg->gate.check[cfg->gate.n++].name, "leak.rows_equal");
	fm_config_lacks(cfg, 0);
	assert_int_equal(cfg->gate.n, 1);
	for (int k = 0; k < 2; k++)
		fm_config_lacks(cfg, 1u << FM_TE);
	assert_int_equal(cfg->gate.n, 2);
	assert_string_equal(cfg->gate.check[0].name, "leak.isolated_z_no_addr_time"); /* in the order of names */
	assert_true(cfg->gate.check[0].has_max && cfg->gate.check[0].max == FM_CFG_ISOLATED_Z);
	assert_int_equal(cfg->absent, 1u << FM_TE);
	free(cfg);
}

/* An absolute threshold moves with the noise of few rows, a relative one has it, and strict rules stay strict. */
static void test_room_for_the_noise(void **state)
{
	struct fm_cfg_check jsd = {.name = "jsd.TD", .has_max = true, .max = 0.03},
			    relative = {.name = "jsd.TD", .has_max = true, .max = 2, .relative_to_floor = true},
			    rank = {.name = "heavy.DP_rank100", .has_min = true, .min = 0.6},
			    share = {.name = "heavy.DP_rank100",
				     .has_min = true,
				     .min = 0.75,
				     .relative_to_floor = true},
			    rule = {.name = "rules.broken_share", .has_max = true};
	struct fm_check_result line;
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	assert_int_equal(fm_metrics_add(&m, "floor.jsd.TD", 0.02, 1000, &err), FM_OK);
	assert_int_equal(fm_metrics_add(&m, "floor.heavy.DP_rank100", 0.8, 1000, &err), FM_OK);
	assert_int_equal(fm_metrics_add(&m, "heavy.DP_rank100", 0.61, 1000, &err), FM_OK);
	assert_int_equal(fm_metrics_add(&m, "floor.rules.broken_share", 0.0, 1000, &err), FM_OK);
	/* of the way from 0.03 to ln 2 as much as 0.03 is of the way from 0 */
	assert_true(fabs(fm_gate_room(&jsd, 1, &m, 1.5, 0) - 0.03 * (1 - 0.03 / M_LN2)) < 1e-12);
	assert_true(fm_gate_room(&jsd, 1, &m, 0, 0) == 0);
	assert_true(fm_gate_room(&relative, 1, &m, 1.5, 0) == 0);
	assert_true(fabs(fm_gate_room(&rank, 0, &m, 1.5, 0) + 0.3 * 1.6 / 2) < 1e-12);
	m.m[1].value = -0.9; /* never beyond -1 */
	assert_true(fabs(fm_gate_room(&rank, 0, &m, 1.5, 0) + 1.6) < 1e-12);
	m.m[1].value = 0.8;
	fm_gate_line(&line, &share, 0, &m, 0.8, 0);
	assert_true(line.pass && fabs(line.threshold - 0.6) < 1e-12);
	fm_gate_line(&line, &share, 0, &m, 0.9, 0);
	assert_false(line.pass);
	assert_true(fm_gate_room(&rule, 1, &m, 1.5, 0) == 0);
	assert_true(fm_gate_room(&rule, 1, &m, 1.5, 1) > 0);
	m.m[3].value = 0.01;
	assert_true(fm_gate_room(&rule, 1, &m, 1.5, 0) == 0.02);
	fm_metrics_free(&m);
}

/* The bound of the config, or a laxer one where it may move; never a stricter one, nor none. */
static void a_line_is_judged_by_the_bound_that_was_asked_for(void **state)
{
	static const struct {
		double bound, judged;
		bool moved[2]; /* it is laxer, as a max, as a min */
	} cases[] = {{0.2, 0.3, {true, false}}, {0.2, 0.1, {false, true}}, {0.2, NAN, {false, false}}};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		struct fm_check_result c = {.threshold = cases[i / 2].judged};

		snprintf(c.direction, sizeof c.direction, "%s", i % 2 ? "min" : "max");
		assert_false(fm_threshold_asked(&c, cases[i / 2].bound, false, false));
		assert_int_equal(fm_threshold_asked(&c, cases[i / 2].bound, false, true), cases[i / 2].moved[i % 2]);
		assert_true(fm_threshold_asked(&c, cases[i / 2].bound, true, false)); /* the gate alone knows */
		c.threshold = cases[i / 2].bound;
		assert_true(fm_threshold_asked(&c, cases[i / 2].bound, false, false));
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_threshold_is_inclusive),
	    T(test_max_and_min_are_two_lines),
	    T(test_what_chance_explains_is_said),
	    T(test_missing_metric_fails),
	    T(test_nan_and_infinity_fail),
	    T(test_labels_are_judged_where_there_are_any),
	    T(test_too_few_hosts_are_asked_nothing),
	    T(test_a_threshold_refuses_something),
	    T(test_bad_thresholds_fail),
	    T(test_no_check_fails),
	    T(test_relative_to_the_floor),
	    T(test_print_says_what_failed),
	    T(test_stage_writes_the_verdict),
	    T(test_min_stays_beside_a_relative_max),
	    cmocka_unit_test(test_one_rule_says_what_passes),
	    cmocka_unit_test(test_what_failed_is_named),
	    cmocka_unit_test(test_the_worst_come_first),
	    cmocka_unit_test(test_repeats_of_the_trace_are_allowed),
	    cmocka_unit_test(test_what_a_trace_lacks_adds_a_check),
	    cmocka_unit_test(test_room_for_the_noise),
	    cmocka_unit_test(a_line_is_judged_by_the_bound_that_was_asked_for),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
