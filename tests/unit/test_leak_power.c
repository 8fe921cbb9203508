/*
 * Promise: on flows, a generator that copies is refused, disguised or not, and fresh flows pass.  Small and simulated
 * here; tests/long_leak_power.sh does it on real ones.
 */
#include "judge_fixture.h"
#include "scratch.h"

#include "leak_planted.h"
#include "traces/simulate/simulate.h"

enum { ROWS = 2048 };
static struct fm_table *trace;

/* The trace as two exporters saw it. */
static const struct shape {
	const char *name;
	double share;
	int64_t delay;
} once = {"each flow once", 0, 0},
  shapes[] = {{"doubled", 1, 0}, {"half of them", 0.5, 0}, {"a second apart", 1, 1000}};
enum { NSHAPES = sizeof shapes / sizeof *shapes };

static int make_trace(void **state)
{
	struct fm_error err = {0};
	struct fm_dialect *dialect = NULL;
	struct fm_trace_stats stats;
	struct fm_simulate_out made;

	(void)state;
	assert_int_equal(scratch_make(), 0);
	const char *path = scratch_path("trace.csv");
	struct fm_simulate_in in = {.rows = 12000, .seed = 5, .out = path};
	struct fm_trace_opts o = {.path = path};
	OK(fm_simulate(&in, &made, &err));
	OK(fm_dialect_load(&dialect, "ugr16", &err));
	o.dialect = dialect;
	OK(fm_trace_load(&trace, &o, 0.0, &stats, &err));
	fm_dialect_free(dialect);
	return scratch_remove();
}

static int drop_trace(void **state)
{
	(void)state;
	fm_table_free(trace);
	return 0;
}

/* How many of `repeats` splits refuse the generator: by the family alone, and with leak.rows_equal. */
static void refusals_in(const struct shape *shape, size_t rows, const char *generator, int disguise, int repeats,
			int *family, int *any)
{
	struct fm_error err = {0};
	struct fm_table *twice = NULL;
	uint32_t *flow = NULL;

	OK(planted_double(&twice, &flow, trace, shape->share, shape->delay, 3, &err));
	*family = *any = 0;
	for (uint64_t k = 0; k < (uint64_t)repeats; k++) {
		struct planted p;
		struct fm_table *s = NULL;
		struct fm_metrics m = {0};
		OK(planted_split_flows(&p, twice, flow, rows, rows, 10 + k, &err));
		OK(planted_generate(&s, &p, generator, disguise, rows, 20 + k, &err));
		OK(fm_leakage_tests(p.train, p.holdout, s, NULL, FM_LEAKAGE_DEFAULT, &m, &err));
		int low = !(metric(&m, "leak.family_p") >= FM_LEAKAGE_ALPHA);
		*family += low;
		*any += low || metric(&m, "leak.rows_equal") > 0;
		fm_metrics_free(&m);
		fm_table_free(s);
		planted_close(&p);
	}
	fm_table_free(twice);
	free(flow);
}

static void refusals(const char *generator, int disguise, int repeats, int *family, int *any)
{
	refusals_in(&once, ROWS, generator, disguise, repeats, family, any);
}

static void test_fresh_flows_pass(void **state)
{
	int family, any;

	(void)state;
	refusals("fresh", 0, 6, &family, &any);
	assert_int_equal(any, 0);
	refusals("windows", 0, 4, &family, &any);
	assert_int_equal(any, 0);
}

static void test_copies_are_refused(void **state)
{
	int family, any;

	(void)state;
	refusals("copy0.005", 0, 3, &family, &any);
	assert_int_equal(any, 3);
	refusals("outliers10", 0, 3, &family, &any);
	assert_int_equal(any, 3);
	refusals("copy0.05", 2, 3, &family, &any); /* with fresh times and addresses */
	assert_int_equal(family, 3);
	refusals("outliers10", 2, 3, &family, &any);
	assert_int_equal(family, 3);
}

static void test_noise_is_no_disguise(void **state)
{
	int family, any;

	(void)state;
	refusals("noise0.001", 1, 2, &family, &any);
	assert_int_equal(family, 2);
	refusals("noise0.1", 1, 2, &family, &any);
	assert_int_equal(family, 2);
}

/* A flow that two exporters saw is one flow: copies of it are found, and fresh flows are none. */
static void test_flows_that_were_exported_twice(void **state)
{
	int family, any;

	(void)state;
	for (int k = 0; k < NSHAPES; k++) {
		refusals_in(&shapes[k], 2 * ROWS, "copy0.05", 2, 3, &family, &any);
		if (family != 3)
			fail_msg("%s: copies are refused in %d of 3 splits", shapes[k].name, family);
		refusals_in(&shapes[k], 2 * ROWS, "fresh", 0, 5, &family, &any);
		if (family != 0)
			fail_msg("%s: fresh flows are refused in %d of 5 splits", shapes[k].name, family);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fresh_flows_pass),
	    cmocka_unit_test(test_copies_are_refused),
	    cmocka_unit_test(test_noise_is_no_disguise),
	    cmocka_unit_test(test_flows_that_were_exported_twice),
	};

	return cmocka_run_group_tests_name("leak_power", tests, make_trace, drop_trace);
}
