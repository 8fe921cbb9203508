/* Metrics and verdicts: what cannot be computed stays visible, and a forged pass is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "manifests/canon.h"
#include "manifests/metrics.h"

static void text_is(json_t *v, const char *want)
{
	struct fm_error err = {0};
	struct fm_buf b = {0};

	assert_non_null(v);
	assert_int_equal(fm_json_canonical(v, &b, &err), FM_OK);
	assert_string_equal(b.data, want);
	fm_buf_free(&b);
	json_decref(v);
}

/* A list of metrics as a file has it: of any names. */
static int read_names(struct fm_metrics *t, const char *const *name, size_t n, struct fm_error *err)
{
	json_t *list = json_array();
	int rc;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "name", name[i], "value", 1, "n", 1));
	rc = fm_metrics_from_list(t, list, err);
	json_decref(list);
	return rc;
}

static void add(struct fm_metrics *t, const char *name, double value, int64_t n)
{
	struct fm_error err = {0};

	assert_int_equal(fm_metrics_add(t, name, value, n, &err), FM_OK);
}

static void test_dots_become_nesting(void **state)
{
	struct fm_metrics t = {0};

	(void)state;
	add(&t, "jsd.SA", 0.004, 10);
	add(&t, "jsd_mean8", 0.02, 10);
	add(&t, "jsd.DA", NAN, 0);
	add(&t, "tstr.auc.trees", 1, 10);
	text_is(fm_metrics_json(&t),
		"{\"jsd\":{\"DA\":null,\"SA\":0.004},\"jsd_mean8\":0.02,\"tstr\":{\"auc\":{\"trees\":1}}}");
	fm_metrics_free(&t);
	text_is(fm_metrics_json(&t), "{}");
}

static void test_intervals_stand_by_name_where_they_are_known(void **state)
{
	struct fm_metrics t = {0};
	struct fm_error err = {0};

	(void)state;
	add(&t, "jsd.SA", 0.004, 10);
	assert_int_equal(fm_metrics_add_ci(&t, "leak.mia_auc", 0.5, 10, 0.25, 0.75, &err), FM_OK);
	assert_int_equal(fm_metrics_add_ci(&t, "leak.family_p", NAN, 0, NAN, 0.75, &err), FM_OK);
	text_is(fm_metrics_intervals(&t), "{\"leak.mia_auc\":[0.25,0.75]}");
	fm_metrics_free(&t);
}

static void test_list_is_complete_and_read_back(void **state)
{
	struct fm_error err = {0};
	struct fm_metrics t = {0}, u;
	json_t *list;

	(void)state;
	for (int i = 0; i < 100; i++) {
		char name[32];
		snprintf(name, sizeof(name), "tstr.f1.trees.m%d", i);
		add(&t, name, i / 7.0, i);
	}
	assert_int_equal(fm_metrics_add_ci(&t, "pair_jsd", 0.1, 5, 0.05, 0.2, &err), FM_OK);
	add(&t, "jsd.SA", NAN, 0);
	add(&t, "jsd.DA", INFINITY, 3);
	list = fm_metrics_list(&t);
	assert_int_equal(fm_metrics_from_list(&u, list, &err), FM_OK);
	assert_int_equal(u.n, t.n);
	for (size_t i = 0; i < t.n; i++) {
		assert_string_equal(u.m[i].name, t.m[i].name);
		assert_true(u.m[i].value == t.m[i].value || (isnan(u.m[i].value) && isnan(t.m[i].value)));
		assert_int_equal(u.m[i].n, t.m[i].n);
	}
	assert_true(fm_metrics_find(&u, "pair_jsd")->ci_lo == 0.05 && fm_metrics_find(&u, "pair_jsd")->ci_hi == 0.2);
	assert_true(isnan(fm_metrics_find(&u, "jsd.SA")->ci_lo));
	assert_true(isnan(fm_metrics_find(&u, "jsd.DA")->value));
	assert_null(fm_metrics_find(&u, "jsd"));
	json_decref(list);
	fm_metrics_free(&t);
	fm_metrics_free(&u);
}

static void test_names_are_unique_and_nest(void **state)
{
	static const char *const bad[] = {"a",
					  "a.b.c",
					  "a.b.c.d",
					  "",
					  ".a",
					  "a.",
					  "x..y",
					  "x y",
					  "x/y",
					  "\xc3\xa4",
					  "a123456789a123456789a123456789a123456789a123456789a123456789a123"};
	static const char *const good[] = {"a.b", "ab", "a.c", "a.bc"};
	struct fm_metrics t = {0};
	struct fm_error err;

	(void)state;
	assert_int_equal(read_names(&t, good, 4, &err), FM_OK);
	assert_int_equal(t.n, 4);
	fm_metrics_free(&t);
	assert_int_equal(read_names(&t, (const char *const[]){"a.b", "a.b"}, 2, &err), FM_EINPUT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (read_names(&t, (const char *const[]){"a.b", bad[i]}, 2, &err) != FM_EINPUT)
			fail_msg("'%s' was taken", bad[i]);
}

static void test_bad_lists_are_refused(void **state)
{
	static const char *const bad[] = {
	    "{}",
	    "[1]",
	    "[{}]",
	    "[{\"name\":\"a\",\"n\":1}]",
	    "[{\"name\":\"a\",\"value\":\"1\",\"n\":1}]",
	    "[{\"name\":\"a\",\"value\":1,\"n\":-1}]",
	    "[{\"name\":\"a\",\"value\":1,\"n\":1.5}]",
	    "[{\"name\":\"a\",\"value\":1,\"n\":1,\"ci\":[1]}]",
	    "[{\"name\":\"a\",\"value\":1,\"n\":1,\"more\":1}]",
	    "[{\"name\":\"a\",\"value\":1,\"n\":1},{\"name\":\"a\",\"value\":1,\"n\":1}]",
	    "[{\"name\":7,\"value\":1,\"n\":1}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fm_error err = {0};
		struct fm_metrics t;
		json_t *j = json_loads(bad[i], 0, NULL);
		assert_non_null(j);
		if (fm_metrics_from_list(&t, j, &err) != FM_EINPUT)
			fail_msg("%s was taken", bad[i]);
		assert_null(t.m);
		json_decref(j);
	}
}

static void test_verdict_goes_there_and_back(void **state)
{
	struct fm_error err = {0};
	struct fm_check_result c[2] = {
	    {.name = "a.b",
	     .direction = "max",
	     .value = 0.1,
	     .threshold = 0.2,
	     .n = 9,
	     .ci_lo = 0.05,
	     .ci_hi = 0.15,
	     .pass = 1},
	    {.name = "c",
	     .direction = "min",
	     .value = NAN,
	     .threshold = 1,
	     .ci_lo = NAN,
	     .ci_hi = NAN,
	     .why = "missing"},
	};
	struct fm_verdict v = {.pass = 0, .check = c, .n = 2}, w;
	json_t *j = fm_verdict_json(&v);

	(void)state;
	assert_int_equal(fm_verdict_from_json(&w, j, &err), FM_OK);
	assert_int_equal(w.n, 2);
	assert_false(w.pass);
	assert_true(w.check[0].pass && !w.check[1].pass && isnan(w.check[1].value));
	assert_string_equal(w.check[1].why, "missing");
	fm_verdict_free(&w);
	text_is(j, "{\"checks\":[{\"ci\":[0.05,0.15],\"direction\":\"max\",\"margin\":0.1,\"n\":9,\"name\":\"a.b\","
		   "\"pass\":true,"
		   "\"threshold\":0.2,"
		   "\"value\":0.1,\"waived\":false,\"why\":\"\"},{\"direction\":\"min\",\"margin\":null,\"n\":0,"
		   "\"name\":\"c\","
		   "\"pass\":false,\"threshold\":1,"
		   "\"value\":null,\"waived\":false,\"why\":\"missing\"}],\"verdict\":\"fail\"}");
}

#define WAIVER(name)                                                                                                   \
	"{\"check\":\"" name "\",\"reason\":\"r\",\"expires\":\"2030-01-01\",\"signer\":\"s\",\"key\":\"k\"}"
#define CONTROL(got)                                                                                                   \
	"{\"name\":\"copy\",\"kind\":\"negative\",\"level\":0.005,\"expected\":\"fail\",\"got\":\"" got                \
	"\",\"ok\":true,\"failed_checks\":[\"leak.rows_equal\"]}"
#define TRIAL(control)                                                                                                 \
	",\"controls\":[" control "],\"control_rows\":9,\"control_limit\":0.005,\"smallest_leak_caught\":0.005"

#define CHECK(value, threshold, direction, pass)                                                                       \
	"{\"name\":\"a\",\"value\":" value ",\"threshold\":" threshold ",\"direction\":\"" direction                   \
	"\",\"n\":1,\"pass\":" pass ",\"why\":\"\"}"

#define WAIVED(name)                                                                                                   \
	"{\"name\":\"" name "\",\"value\":3,\"threshold\":2,\"direction\":\"max\",\"n\":1,\"pass\":false,\"waived\":"  \
	"true,\"why\":\"above\"}"

/* A waived check does not block, and what is said of waivers and controls comes back as it was. */
static void test_waivers_and_controls_go_there_and_back(void **state)
{
	const char *text = "{\"verdict\":\"pass\",\"waivers\":[" WAIVER("a") "],\"checks\":[" WAIVED("a") "]" TRIAL(
	    CONTROL("fail")) "}";
	json_t *j = json_loads(text, 0, NULL), *again;
	struct fm_error err = {0};
	struct fm_verdict v;

	(void)state;
	if (fm_verdict_from_json(&v, j, &err) != FM_OK)
		fail_msg("%s", err.message);
	assert_true(v.pass && v.check[0].waived && !v.check[0].pass);
	assert_true(v.control_rows == 9 && v.smallest_leak_caught == 0.005);
	again = fm_verdict_json(&v);
	assert_true(json_equal(json_object_get(again, "controls"), json_object_get(j, "controls")));
	assert_true(json_equal(json_object_get(again, "waivers"), json_object_get(j, "waivers")));
	assert_true(json_number_value(json_object_get(again, "smallest_leak_caught")) == 0.005);
	fm_verdict_free(&v);
	json_decref(again);
	json_decref(j);
}

static void test_forged_verdicts_are_refused(void **state)
{
	static const char *const bad[] = {
	    "{\"verdict\":\"pass\",\"checks\":[]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "max", "false") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("3", "2", "max", "true") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "min", "true") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("null", "2", "max", "true") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "null", "max", "true") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "up", "true") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "max", "1") "]}",
	    "{\"verdict\":\"PASS\",\"checks\":[" CHECK("1", "2", "max", "true") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "max", "true") "],\"x\":1}",
	    "{\"verdict\":\"pass\",\"checks\":[" WAIVED("a") "]}",
	    "{\"verdict\":\"pass\",\"waivers\":[" WAIVER("b") "],\"checks\":[" WAIVED("a") "]}",
	    "{\"verdict\":\"pass\",\"waivers\":[{\"check\":\"a\"}],\"checks\":[" WAIVED("a") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "max", "true") "]" TRIAL(CONTROL("maybe")) "}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "max", "true") "],\"controls\":[" CONTROL("fail") "]}",
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "max", "true") "," CHECK("1", "3", "max", "true") "]}",
	    "{\"verdict\":\"pass\"}",
	    "{\"checks\":[]}",
	    "[]",
	};
	struct fm_error err = {0};
	struct fm_verdict v;
	json_t *good = json_loads(
	    "{\"verdict\":\"pass\",\"checks\":[" CHECK("1", "2", "max", "true") "," CHECK("1", "0", "min", "true") "]}",
	    0, NULL);

	(void)state;
	assert_int_equal(fm_verdict_from_json(&v, good, &err), FM_OK);
	assert_true(v.pass);
	fm_verdict_free(&v);
	json_decref(good);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *j = json_loads(bad[i], 0, NULL);
		assert_non_null(j);
		if (fm_verdict_from_json(&v, j, &err) != FM_EINPUT)
			fail_msg("%s was taken", bad[i]);
		assert_null(v.check);
		json_decref(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dots_become_nesting),
	    cmocka_unit_test(test_intervals_stand_by_name_where_they_are_known),
	    cmocka_unit_test(test_list_is_complete_and_read_back),
	    cmocka_unit_test(test_names_are_unique_and_nest),
	    cmocka_unit_test(test_bad_lists_are_refused),
	    cmocka_unit_test(test_verdict_goes_there_and_back),
	    cmocka_unit_test(test_forged_verdicts_are_refused),
	    cmocka_unit_test(test_waivers_and_controls_go_there_and_back),
	};
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
