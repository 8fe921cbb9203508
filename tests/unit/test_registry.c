/* One list of metrics: what it says each needs is true, its names are what the judges compute, and none of them is in
 * two rows. */
#include "judge_fixture.h"

#include "base/log.h"
#include "judge/gate/measure.h"
#include "manifests/registry.h"
#include "manifests/registry_parts.h"

static void evaluate(struct fm_metrics *m, unsigned set, const struct fm_table *real, const struct fm_table *synthetic,
		     const struct fm_table *holdout)
{
	struct fm_error err = {0};

	OK(fm_evaluate_some(&(struct fm_judge_in){real, synthetic, holdout, NULL, FM_LEAKAGE_DEFAULT}, set, m, &err));
	if (holdout)
		OK(fm_evaluate_floor(real, holdout, set, NULL, m, &err));
}

/* A second label, so that tasks of labels are there too, also where a fifth of the real rows is what they are tried on;
 * and IPv6. */
static struct fm_table *labelled(size_t rows, uint64_t seed)
{
	struct fm_table *t = random_table(rows, seed);
	struct fm_error err = {0};

	assert_int_equal(fm_dict_index(&t->dict[FM_LABEL], "dos", 3, true), 1);
	for (size_t i = 0; i < rows; i++)
		t->label[i] = t->dp[i] == 53 || t->dp[i] == 22;
	OK(fm_table_sort_addresses(t, &err));
	for (size_t i = 0; i < rows; i += 8) {
		struct fm_address a = fm_address_of_halves(0x20010db8ull << 32, t->sa[i]);
		OK(fm_address_dict_add(t->addresses, &a, false, &t->sa[i], &err));
	}
	OK(fm_table_sort_addresses(t, &err));
	return t;
}

static bool listed(const char *columns, const char *column)
{
	size_t n = strlen(column);

	for (const char *p = columns; (p = strstr(p, column)); p += n)
		if ((p == columns || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

struct seen {
	const struct fm_metrics *m;
	size_t n;
};

static void is_measured(void *ctx, const char *pattern, const struct fm_metric_kind *kind)
{
	struct seen *s = ctx;
	char name[80], floor[96];

	snprintf(name, sizeof name, "%.*s%s", (int)strcspn(pattern, "*"), pattern, strchr(pattern, '*') ? "dos" : "");
	snprintf(floor, sizeof floor, "floor.%s", name);
	s->n++;
	if (fm_metric_kind(name) != kind)
		fail_msg("%s is in two rows", name);
	if (kind->is & FM_BY_GATE ||
	    kind->needs & (FM_NEEDS_MODEL | FM_NEEDS_PREVIOUS | FM_NEEDS_SUBSAMPLE | FM_NEEDS_SHARE))
		assert_null(fm_metrics_find(s->m, name));
	else if (!fm_metrics_find(s->m, name))
		fail_msg("nobody computes %s", name);
	if (!fm_metrics_find(s->m, floor) != (kind->floor == FM_NO_FLOOR))
		fail_msg("%s %s a floor", name, kind->floor == FM_NO_FLOOR ? "has" : "lacks");
	assert_int_equal(fm_check_known(floor), kind->floor != FM_NO_FLOOR);
}

static void test_the_list_is_what_is_measured_and_what_it_needs_is_true(void **state)
{
	static const char *const column[] = {
	    [FM_TE] = "te",     [FM_TD] = "td",   [FM_SA] = "sa",   [FM_DA] = "da",
	    [FM_SP] = "sp",     [FM_DP] = "dp",   [FM_PR] = "pr",   [FM_FLG] = "flg",
	    [FM_STOS] = "stos", [FM_PKT] = "pkt", [FM_BYT] = "byt", [FM_LABEL] = "label"};
	struct fm_table *t = labelled(700, 1), *s = labelled(500, 2), *h = labelled(500, 3);
	struct fm_metrics all = {0}, two = {0};
	struct seen seen = {.m = &all};
	struct fm_error err = {0};

	(void)state;
	evaluate(&all, ~0u, t, s, h);
	fm_metric_each(is_measured, &seen);
	assert_true(seen.n > 300);
	evaluate(&two, ~0u, t, s, NULL);
	for (size_t i = 0; i < all.n; i++) {
		const char *name = all.m[i].name;
		bool floor = strncmp(name, "floor.", 6) == 0;
		bool needs = floor || fm_metric_kind(name)->needs & FM_NEEDS_HOLDOUT;
		if (needs == (fm_metrics_find(&two, name) != NULL))
			fail_msg("%s %s a holdout", name, needs ? "does not need" : "needs");
	}
	for (size_t c = 0; c < sizeof column / sizeof *column; c++) {
		struct fm_metrics less = {0};
		unsigned present = s->present;
		/* Learning takes long: two columns will do. */
		bool learn = c == FM_TE || c == FM_LABEL;
		unsigned set = ~0u & ~(learn ? 0 : fm_evaluate_groups_that_learn());
		if (!column[c])
			continue;
		s->present &= ~(1u << c);
		OK(fm_evaluate_some(&(struct fm_judge_in){t, s, h, NULL, FM_LEAKAGE_DEFAULT}, set, &less, &err));
		s->present = present;
		for (size_t i = 0; i < all.n; i++) {
			char columns[80];
			if (strncmp(all.m[i].name, "floor.", 6) == 0 || !(fm_evaluate_group(all.m[i].name) & set))
				continue;
			fm_metric_columns(all.m[i].name, columns, sizeof columns);
			if (listed(columns, column[c]) == (fm_metrics_find(&less, all.m[i].name) != NULL))
				fail_msg("%s and the column %s: the list has '%s'", all.m[i].name, column[c], columns);
		}
		fm_metrics_free(&less);
	}
	fm_metrics_free(&all);
	fm_metrics_free(&two);
	fm_table_free(t);
	fm_table_free(s);
	fm_table_free(h);
}

static void test_what_nobody_registered_cannot_be_added(void **state)
{
	static const char *const bad[] = {
	    "jsd.XX", "leak.new", "floor.leak.rows_equal", "floor.", "tstr.f1.trees.", "controls.broken", "gate",
	    "jsd",    "jsd.SA ",  "floor.floor.jsd.SA"};
	struct fm_metrics t = {0};
	struct fm_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (fm_metrics_add(&t, bad[i], 1, 1, &err) != FM_EINPUT)
			fail_msg("%s was taken", bad[i]);
		assert_non_null(strstr(err.message, "registered"));
	}
	assert_int_equal(t.n, 0);
	assert_int_equal(fm_metrics_add(&t, "floor.jsd.SA", 1, 1, &err), FM_OK);
	assert_int_equal(fm_metrics_add(&t, "tstr.f1.trees.any-label", 1, 1, &err), FM_OK);
	fm_metrics_free(&t);
}

static void has_words(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	char words[160];

	(void)ctx;
	fm_metric_words(name, words, sizeof words);
	if (strpbrk(words, "{}|") || (!*words && strcmp(name, "gate") != 0))
		fail_msg("%s in words: '%s'", name, words);
	assert_true(strlen(words) < sizeof words - 1);
	assert_true(kind->topic >= 0 && (size_t)kind->topic < fm_metric_ntopics);
	assert_non_null(fm_metric_topics[kind->topic].heading);
	assert_true(*kind->what && !strpbrk(kind->what, "|"));
	assert_int_equal(kind->good == FM_LOW || kind->good == FM_HIGH, !isnan(kind->ideal));
}

static void test_each_has_words(void **state)
{
	(void)state;
	fm_metric_each(has_words, NULL);
}

/* Each task of the report is of metrics that there are: of the synthetic flows, of the real ones, and of what is lost.
 */
static void test_a_task_is_of_metrics(void **state)
{
	(void)state;
	assert_true(fm_metric_ntasks > 0);
	for (size_t i = 0; i < fm_metric_ntasks; i++) {
		const struct fm_metric_task *t = &fm_metric_tasks[i];

		assert_true(fm_metric_kind(t->synthetic)->good == FM_PAIR && fm_metric_kind(t->real)->good == FM_PAIR);
		assert_true(!t->lost || fm_metric_kind(t->lost)->good == FM_LOW);
		assert_true(!t->ratio || fm_metric_kind(t->ratio)->ideal == 1);
	}
	for (const char *const *name = fm_metric_eight; *name; name++)
		assert_non_null(fm_metric_kind(*name));
}

static void has_values(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	(void)ctx;
	(void)kind;
	if (!fm_metric_has_values(name))
		fail_msg("neither its row nor registry_values.c says what %s can be", name);
	if (fm_metric_can_be(name, 1e300))
		fail_msg("%s can be anything", name);
}

static void each_metric_has_its_bounds(void **state)
{
	static const struct {
		const char *name;
		double value;
		bool can;
	} t[] = {
	    {"leak.family_p", 1, true},
	    {"leak.family_p", 1.01, false},
	    {"leak.family_p", -0.01, false},
	    {"leak.unique_p_no_time", 2, false},
	    {"leak.unique_z", -3, true},
	    {"jsd.SP", 0.7, false},
	    {"jsd.SP", 0.6931, true},
	    {"rows.synthetic", 1.5, false},
	    {"rows.real", -1, false},
	    {"floor.jsd.SP", 1e31, false},
	    {"heavy.SP_flows_top10_real", 1.1, false},
	    {"paid.jsd.SP", 0.69, true},
	    {"paid.jsd.SP", 0.8, false},
	    {"controls.broken", 0.5, false},
	    {"host.LAG1_real", -1, true},
	    {"host.LAG1_gap", 2, true},
	    {"emdn.TD", 40, true}, /* made flows may last longer than all real ones */
	    {"burst.VOLUME", 0.7, false},
	    {"heavy.DP_rank100", -0.9, true},
	    {"host.BEACON_real", -0.1, false},
	    {"downstream.label_classes", 2.5, false},
	    {"tstr.f1.trees.dos", 1.1, false},
	};

	(void)state;
	fm_metric_each(has_values, NULL);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (fm_metric_can_be(t[i].name, t[i].value) != t[i].can)
			fail_msg("%s %g", t[i].name, t[i].value);
}

/* What a threshold can be relative to is a metric that there is. */
static void test_what_fresh_flows_have(void **state)
{
	char fresh[FM_METRIC_FLOOR];

	(void)state;
	assert_true(fm_metric_fresh("jsd.SA", fresh));
	assert_string_equal(fresh, "floor.jsd.SA");
	assert_string_equal(fm_metric_of_floor(fresh), "jsd.SA");
	assert_true(fm_metric_fresh("tstr.macro_f1.trees", fresh));
	assert_string_equal(fresh, "trtr.macro_f1.trees");
	assert_null(fm_metric_of_floor(fresh));
	assert_false(fm_metric_fresh("tstr.rank_kendall", fresh)); /* compares the two itself */
	assert_false(fm_metric_fresh("leak.rows_equal", fresh));
	assert_false(fm_metric_fresh("floor.jsd.SA", fresh));
	assert_false(fm_metric_fresh("jsd.SAA", fresh));
	assert_string_equal(fresh, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_metric_has_its_bounds),
	    cmocka_unit_test(test_the_list_is_what_is_measured_and_what_it_needs_is_true),
	    cmocka_unit_test(test_what_nobody_registered_cannot_be_added),
	    cmocka_unit_test(test_each_has_words),
	    cmocka_unit_test(test_a_task_is_of_metrics),
	    cmocka_unit_test(test_what_fresh_flows_have),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
