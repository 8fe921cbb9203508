/* Promise: classifiers that learned from good synthetic flows are as good as from real ones, from shuffled labels they
 * are useless, and labels of any kind have a defined outcome. */
#include "simulated.h"

#include "base/log.h"
#include "base/thread.h"
#include "judge/classification.h"
#include "judge/linear.h"
#include "judge/network.h"
#include "judge/task.h"
#include "judge/trees.h"

static struct fm_table *dealt[DEALT];

static int setup(void **state)
{
	(void)state;
	if (scratch_make())
		return -1;
	deal(dealt, 15000, 0.4);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free_dealt(dealt);
	return scratch_remove();
}

static struct fm_metrics judge(const struct fm_table *real, const struct fm_table *synthetic,
			       const struct fm_table *holdout)
{
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	OK(fm_classification(real, synthetic, holdout, NULL, &m, &err));
	for (size_t i = 0; i < m.n; i++)
		if (!isfinite(m.m[i].value))
			fail_msg("%s is %g", m.m[i].name, m.m[i].value);
	return m;
}

static struct fm_table *copy(const struct fm_table *t)
{
	struct fm_table *c = NULL;
	struct fm_error err = {0};

	OK(fm_table_sample(&c, t, t->rows, 1, 1, &err));
	return c;
}

static void test_fresh_flows_teach_as_well(void **state)
{
	struct fm_metrics m = judge(dealt[0], dealt[1], dealt[2]);

	(void)state;
	assert_true(metric(&m, "downstream.label_classes") == 9);
	assert_true(metric(&m, "trtr.macro_f1.trees") > 0.6 && metric(&m, "trtr.auc.trees") > 0.9);
	assert_true(fabs(metric(&m, "tstr.macro_f1_drop.mean")) < 0.06);
	assert_true(metric(&m, "tstr.rank_correlation") > 0.85 && metric(&m, "tstr.rank_kendall") > 0.7);
	static const char *const learner[] = {"trees", "logistic", "network"};
	for (int l = 0; l < 3; l++) {
		char name[64];
		snprintf(name, sizeof name, "trtr.macro_f1.%s", learner[l]);
		double real = metric(&m, name), mean = 0;
		snprintf(name, sizeof name, "tstr.macro_f1.%s", learner[l]);
		double synthetic = metric(&m, name);
		snprintf(name, sizeof name, "tstr.macro_f1_drop.%s", learner[l]);
		const struct fm_metric *drop = fm_metrics_find(&m, name);
		assert_true(fabs(drop->value - (real - synthetic)) < 1e-12);
		assert_true(drop->ci_lo < drop->value + 0.02 && drop->ci_hi > drop->value - 0.02 &&
			    drop->ci_lo < drop->ci_hi);
		for (size_t i = 0; i < m.n; i++) { /* the macro is the mean of the classes */
			snprintf(name, sizeof name, "tstr.f1.%s.", learner[l]);
			if (strncmp(m.m[i].name, name, strlen(name)) == 0) {
				mean += m.m[i].value / 9;
				assert_true(m.m[i].n >= FM_CLASS_ROWS);
			}
		}
		assert_true(fabs(mean - synthetic) < 1e-12);
	}
	fm_metrics_free(&m);
}

static void test_shuffled_labels_teach_nothing(void **state)
{
	struct fm_table *t = copy(dealt[1]);

	(void)state;
	shuffle_column(t, FM_LABEL, 1);
	struct fm_metrics m = judge(dealt[0], t, dealt[2]);
	assert_true(metric(&m, "tstr.macro_f1.trees") < 0.2 && metric(&m, "trtr.macro_f1.trees") > 0.6);
	assert_true(metric(&m, "tstr.macro_f1_drop.mean") > 0.3);
	assert_true(metric(&m, "tstr.auc.trees") < 0.65);
	fm_metrics_free(&m);
	fm_table_free(t);
}

static void test_a_table_beside_itself_loses_nothing(void **state)
{
	struct fm_metrics m = judge(dealt[0], dealt[0], dealt[2]);

	(void)state;
	assert_true(metric(&m, "tstr.macro_f1_drop.mean") == 0.0);
	assert_true(metric(&m, "tstr.rank_correlation") == 1.0);
	assert_true(fm_metrics_find(&m, "tstr.macro_f1_drop.trees")->ci_lo == 0.0);
	fm_metrics_free(&m);
}

static void test_threads_change_nothing(void **state)
{
	struct fm_metrics m[2] = {{0}};
	struct fm_error err = {0};
	struct fm_pool *pool = NULL;

	(void)state;
	OK(fm_pool_new(&pool, 3, &err));
	OK(fm_classification(dealt[0], dealt[1], NULL, NULL, &m[0], &err));
	OK(fm_classification(dealt[0], dealt[1], NULL, pool, &m[1], &err));
	assert_int_equal(m[0].n, m[1].n);
	assert_true(m[0].n > 60);
	for (size_t i = 0; i < m[0].n; i++)
		assert_true(m[0].m[i].value == m[1].m[i].value);
	fm_pool_free(pool);
	fm_metrics_free(&m[0]);
	fm_metrics_free(&m[1]);
}

/* Labels of t by row number: value[which(i)]. */
static void relabel(struct fm_table *t, const char *const *value, int (*which)(size_t))
{
	fm_dict_free(&t->dict[FM_LABEL]);
	t->dict[FM_LABEL] = (struct fm_dict){0};
	for (size_t i = 0; i < t->rows; i++) {
		const char *v = value[which(i)];
		t->label[i] = (uint16_t)fm_dict_index(&t->dict[FM_LABEL], v, strlen(v), true);
	}
}

static int first(size_t i)
{
	(void)i;
	return 0;
}

static int handful(size_t i)
{
	return i % 20 == 0 && i < 300;
}

static int thirds(size_t i)
{
	return (int)(i % 3);
}

static int halves(size_t i)
{
	return (int)(i % 2);
}

static void test_one_class_says_so(void **state)
{
	static const char *const value[] = {"background", "dos"};
	struct fm_table *t = copy(dealt[0]), *s = copy(dealt[1]), *h = copy(dealt[2]);

	(void)state;
	relabel(t, value, first);
	struct fm_metrics m = judge(t, s, h);
	assert_int_equal(m.n, 1);
	assert_true(metric(&m, "downstream.label_classes") == 1);
	fm_metrics_free(&m);
	relabel(t, value, handful); /* 15 rows of another are too few to learn from */
	relabel(h, value, handful);
	m = judge(t, s, h);
	assert_true(m.n == 1 && metric(&m, "downstream.label_classes") == 1);
	fm_metrics_free(&m);
	t->present &= ~(1u << FM_LABEL); /* no labels at all */
	m = judge(t, s, h);
	assert_true(m.n == 1 && metric(&m, "downstream.label_classes") == 0);
	fm_metrics_free(&m);
	t->present |= 1u << FM_LABEL;
	relabel(t, value, halves);
	relabel(h, value, halves);
	s->present &= ~(1u << FM_LABEL); /* what was learned has none: the real flows have, and it shows */
	m = judge(t, s, h);
	assert_true(m.n == 1 && metric(&m, "downstream.label_classes") == 2);
	fm_metrics_free(&m);
	s->present |= 1u << FM_LABEL;
	fm_table_free(t);
	fm_table_free(s);
	fm_table_free(h);
}

static void test_synthetic_of_one_or_no_class(void **state)
{
	static const char *const dos[] = {"dos"}, *const unknown[] = {"never seen"};
	struct fm_table *s = copy(dealt[1]);

	(void)state;
	relabel(s, dos, first); /* everything is an attack */
	struct fm_metrics m = judge(dealt[0], s, dealt[2]);
	assert_true(metric(&m, "tstr.f1.trees.dos") > 0 && metric(&m, "tstr.f1.logistic.dos") > 0);
	assert_true(metric(&m, "tstr.f1.network.background") == 0);
	assert_true(metric(&m, "tstr.auc.logistic") == 0.5);
	fm_metrics_free(&m);
	relabel(s, unknown, first); /* not one row to learn from */
	m = judge(dealt[0], s, dealt[2]);
	assert_true(metric(&m, "tstr.macro_f1.trees") == 0 && metric(&m, "tstr.auc.trees") == 0.5);
	assert_true(metric(&m, "tstr.macro_f1_drop.network") == metric(&m, "trtr.macro_f1.network"));
	fm_metrics_free(&m);
	fm_table_free(s);
}

static void test_labels_that_look_alike(void **state)
{
	static const char *const value[] = {"port scan of the kind number one", "port_scan_of_the_kind_number_two", ""};
	struct fm_table *t = copy(dealt[0]);

	(void)state;
	relabel(t, value, thirds);
	struct fm_metrics m = judge(t, t, NULL);
	assert_non_null(fm_metrics_find(&m, "tstr.f1.trees.port_scan_of_the_kind_nu"));
	assert_non_null(fm_metrics_find(&m, "tstr.f1.trees.port_scan_of_the_kind_nu-2"));
	assert_non_null(fm_metrics_find(&m, "tstr.f1.trees.none"));
	fm_metrics_free(&m);
	fm_table_free(t);
}

/* Three classes, one in each corner: what any of the classifiers must learn. */
static void test_each_classifier_learns(void **state)
{
	enum { N = 600, K = 3 };
	static float x[N * 2], p[N * K];
	static int y[N];
	struct fm_trees_opts opts = {.classes = K, .rounds = 10, .leaves = 8, .rate = 0.3, .lambda = 1, .least = 1};
	struct fm_error err = {0};
	struct fm_trees *trees = NULL;
	struct fm_linear *linear = NULL;
	struct fm_network *network = NULL;
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < N; i++) {
		y[i] = i % K;
		x[2 * i] = fm_rng_uniform(&r) - 0.5f + (y[i] == 1 ? 2.0f : 0.0f);
		x[2 * i + 1] = fm_rng_uniform(&r) - 0.5f + (y[i] == 2 ? 2.0f : 0.0f);
	}
	OK(fm_trees_train(&trees, &opts, x, y, N, 2, &err));
	OK(fm_linear_train(&linear, x, y, K, N, 2, &err));
	OK(fm_network_classify(&network, &(struct fm_network_in){x, N, 2, 200, 1}, y, K, &err));
	for (int l = 0; l < 3; l++) {
		if (l == 0)
			OK(fm_trees_predict(trees, x, N, p, &err));
		else if (l == 1)
			fm_linear_predict(linear, x, N, p);
		else
			fm_network_predict(network, x, N, p);
		for (int i = 0; i < N; i++) {
			const float *q = p + i * K;
			assert_true(q[y[i]] > q[(y[i] + 1) % K] && q[y[i]] > q[(y[i] + 2) % K]);
			assert_true(fabsf(q[0] + q[1] + q[2] - 1.0f) < 1e-5f);
		}
	}
	fm_trees_free(trees);
	fm_linear_free(linear);
	fm_network_free(network);
	/* two classes of three */
	for (int i = 0; i < N; i++)
		y[i] = y[i] == 1 ? 0 : y[i];
	OK(fm_linear_train(&linear, x, y, K, N, 2, &err));
	fm_linear_predict(linear, x, N, p);
	for (int i = 0; i < N; i++)
		assert_true(p[i * K + 1] == 0 && p[i * K + y[i]] > 0.5f);
	fm_linear_free(linear);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fresh_flows_teach_as_well),
	    cmocka_unit_test(test_shuffled_labels_teach_nothing),
	    cmocka_unit_test(test_a_table_beside_itself_loses_nothing),
	    cmocka_unit_test(test_threads_change_nothing),
	    cmocka_unit_test(test_one_class_says_so),
	    cmocka_unit_test(test_synthetic_of_one_or_no_class),
	    cmocka_unit_test(test_labels_that_look_alike),
	    cmocka_unit_test(test_each_classifier_learns),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("tstr", tests, setup, teardown);
}
