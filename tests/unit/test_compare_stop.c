/* test_compare_stop.c - a signal that comes when a run is at its end, after its last look for one, is not lost: a
 * comparison stops before the next model learns, and a plan before its next measurement.
 *
 * Linked with --wrap=fm_state_remove, which is the last that a run does. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "pipeline/cli/cli.h"
#include "pipeline/state.h"
#include "tests/unit/ok.h"
#include "tests/unit/scratch.h"
#include "tests/unit/walls_once.h"

static int ends, stop_at; /* of runs; the one at whose end the signal comes */

void __real_fm_state_remove(const char *workspace);
void __wrap_fm_state_remove(const char *workspace);
void __wrap_fm_state_remove(const char *workspace)
{
	__real_fm_state_remove(workspace);
	if (++ends == stop_at)
		raise(SIGTERM);
}

static int flowmint(int at, char **words, struct fm_error *err)
{
	int n = 0;

	while (words[n])
		n++;
	ends = 0;
	stop_at = at;
	return fm_cli(n, words, err);
}

#define SMALL                                                                                                          \
	"--unconfined", "--quiet", "--set", "model.window=16", "--set", "model.width=32", "--set", "model.depth=2",    \
	    "--set", "model.heads=1", "--set", "model.min_count=5", "--set", "train.steps=3", "--set",                 \
	    "train.batch=8", "--set", "generate.sampler=fewstep", "--set", "generate.steps=2"

static int make(void **state)
{
	char *words[] = {"flowmint", "simulate", "--rows", "1500", "--seed", "5", "--out", "trace.csv", NULL};
	struct fm_error err;

	if (scratch_setup(state) != 0 || chdir(scratch) != 0)
		return -1;
	OK(flowmint(0, words, &err));
	return 0;
}

static void between_a_budget_and_its_model(void **state)
{
	char *words[] = {"flowmint", "compare", "trace.csv", "--preset", "demo", "--models", "plain",
			 "--budget", "1",       "--out",     "budget",   SMALL,  NULL};
	struct fm_error err;

	(void)state;
	assert_int_equal(flowmint(3, words, &err), FM_STOPPED(SIGTERM)); /* that of the plan's last run */
	assert_int_equal(ends, 3);
	assert_false(fm_file_exists("budget/compare.json"));
}

static void between_two_models(void **state)
{
	char *words[] = {"flowmint",           "compare", "trace.csv", "--preset", "demo", "--models",
			 "plain,plain-values", "--out",   "models",    SMALL,      NULL};
	struct fm_error err;

	(void)state;
	assert_int_equal(flowmint(1, words, &err), FM_STOPPED(SIGTERM));
	assert_true(ends <= 2); /* a second run looks for a signal before its first stage */
	assert_false(fm_file_exists("models/compare.json"));
}

static void in_a_plan(void **state)
{
	char *init[] = {"flowmint", "init", "--preset", "demo", "p", NULL};
	char *words[] = {"flowmint", "run", "p", "--plan", "--set", "source.path=../trace.csv", SMALL, NULL};
	struct fm_error err;

	(void)state;
	OK(flowmint(0, init, &err));
	assert_int_equal(flowmint(1, words, &err), FM_STOPPED(SIGTERM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(between_a_budget_and_its_model),
	    cmocka_unit_test(between_two_models),
	    cmocka_unit_test(in_a_plan),
	};

	return cmocka_run_group_tests(tests, make, scratch_teardown);
}
