/* Tables that lack columns of a flow: what the registry says that a metric needs is what it is measured by, all that
 * needs a column is left out with it, and nothing else. */
#include "judge_fixture.h"

#include "judge/gate/measure.h"
#include "manifests/registry.h"

static void measure(struct fm_table *const t[3], unsigned absent, struct fm_metrics *m)
{
	struct fm_table view[3] = {*t[0], *t[1], *t[2]};
	struct fm_error err = {0};

	for (int k = 0; k < 3; k++)
		view[k].present &= ~absent;
	if (fm_evaluate_tables(&view[0], &view[1], &view[2], 1, FM_LEAKAGE_DEFAULT, m, &err))
		fail_msg("without %x: %s", absent, err.message);
}

static void what_needs_a_column_goes_with_it(void **state)
{
	static const unsigned absent[] = {
	    1u << FM_TE | 1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_PR, /* MachineLearningCSV */
	    1u << FM_SA | 1u << FM_DA | 1u << FM_SP,                             /* CSE-CIC-IDS2018 */
	    1u << FM_TE | 1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_DP, /* the sets of UNSW-NB15 */
	    1u << FM_TE,
	    1u << FM_TE | 1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_DP | 1u << FM_PKT, /* NSL-KDD */
	    1u << FM_TD | 1u << FM_BYT};
	struct fm_table *t[3] = {random_table(900, 1), random_table(900, 2), random_table(900, 3)};
	struct fm_metrics whole = {0};

	(void)state;
	measure(t, 0, &whole);
	for (size_t k = 0; k < sizeof absent / sizeof *absent; k++) {
		struct fm_metrics some = {0};

		measure(t, absent[k], &some);
		for (size_t i = 0; i < whole.n; i++) {
			const char *name = whole.m[i].name;
			bool lacks = fm_metric_lacks(name, ~absent[k], NULL);

			if (lacks == (fm_metrics_find(&some, name) != NULL))
				fail_msg("without %x: %s is %s", absent[k], name, lacks ? "measured" : "not measured");
		}
		for (size_t i = 0; i < some.n; i++)
			if (!fm_metrics_find(&whole, some.m[i].name))
				fail_msg("without %x: %s, which no whole table has", absent[k], some.m[i].name);
		fm_metrics_free(&some);
	}
	fm_metrics_free(&whole);
	for (int k = 0; k < 3; k++)
		fm_table_free(t[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_needs_a_column_goes_with_it),
	};
	return cmocka_run_group_tests_name("absent", tests, NULL, NULL);
}
