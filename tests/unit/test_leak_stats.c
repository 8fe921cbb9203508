/* Promise: the leakage checks' statistics are what they say: exact tails, intervals that cover, defined at the edges.
 */
#include "judge_fixture.h"

#include "privacy/leakage/attacks.h"
#include "privacy/leakage/clusters.h"
#include "privacy/leakage/difference.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/membership.h"

/* ---- votes ---- */

static struct fm_clusters *blocks_of(size_t train_rows, size_t holdout_rows)
{
	struct fm_table *t = random_table(train_rows, 1), *h = random_table(holdout_rows, 2);
	struct fm_clusters *b = NULL;
	struct fm_error err = {0};

	OK(fm_clusters_new(&b, t, h, NULL, &err));
	fm_table_free(t);
	fm_table_free(h);
	return b;
}

static void test_windows_become_blocks(void **state)
{
	struct fm_table *t = random_table(130, 1), *h = random_table(10, 2);
	struct fm_clusters *b = NULL;
	struct fm_error err = {0};
	uint32_t win_t[130], win_h[10];

	(void)state;
	OK(fm_clusters_new(&b, t, h, NULL, &err));
	assert_int_equal(b->n, 4);
	assert_int_equal(b->train, 3);
	assert_int_equal(fm_cluster_of(b, 0, 127), 1);
	assert_int_equal(fm_cluster_of(b, 0, 128), 2);
	assert_int_equal(fm_cluster_of(b, 1, 0), 3);
	assert_int_equal(b->rows[2].from, 128);
	assert_int_equal(b->rows[2].to, 130);
	fm_clusters_free(b);
	for (uint32_t i = 0; i < 130; i++)
		win_t[i] = i / 13;
	for (uint32_t i = 0; i < 10; i++)
		win_h[i] = 100 + i / 5;
	t->win = win_t;
	t->present |= 1u << FM_WIN;
	OK(fm_clusters_new(&b, t, h, NULL, &err)); /* the holdout does not say: runs of a fixed length for both */
	assert_int_equal(b->n, 4);
	fm_clusters_free(b);
	h->win = win_h;
	h->present |= 1u << FM_WIN;
	OK(fm_clusters_new(&b, t, h, NULL, &err));
	assert_int_equal(b->n, 12);
	assert_int_equal(b->train, 10);
	assert_int_equal(b->rows[11].to - b->rows[11].from, 5);
	for (uint32_t i = 0; i < 130; i++)
		assert_int_equal(fm_cluster_of(b, 0, i), i / 13);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(fm_cluster_of(b, 1, i), 10 + i / 5);
	fm_clusters_free(b);
	t->win = h->win = NULL;
	t->present = h->present = FM_COLS_UGR16;
	fm_table_free(t);
	fm_table_free(h);
}

static void test_tails_are_exact(void **state)
{
	struct fm_clusters *b = blocks_of(100 * FM_CLUSTER_ROWS, 100 * FM_CLUSTER_ROWS);
	struct fm_cluster_test r;
	struct fm_error err = {0};
	uint32_t votes[200] = {0};

	(void)state;
	OK(fm_cluster_test(b, votes, 0, 0.5, &r, &err));
	assert_true(r.z == 0 && r.p == 1);
	for (int i = 0; i < 10; i++)
		votes[i] = 1;
	OK(fm_cluster_test(b, votes, 0, 0.5, &r, &err));
	assert_true(fabs(r.p - pow(0.5, 10)) < 1e-12 && fabs(r.z - sqrt(10)) < 1e-9);
	assert_true(r.train == 10 && r.holdout == 0);
	votes[150] = 1; /* at least 10 of 11 */
	OK(fm_cluster_test(b, votes, 0, 0.5, &r, &err));
	assert_true(fabs(r.p - 12 * pow(0.5, 11)) < 1e-12);

	memset(votes, 0, sizeof votes); /* forty votes of one cluster are one piece of evidence, or twenty */
	votes[7] = 40;
	OK(fm_cluster_test(b, votes, 0, 0.5, &r, &err));
	assert_true(fabs(r.p - 0.5) < 1e-12 && fabs(r.z - 1) < 1e-9 && r.most == 40);
	OK(fm_cluster_test(b, votes, 2, 0.5, &r, &err));
	assert_true(fabs(r.p - pow(0.5, 20)) < 1e-12);
	memset(votes, 0, sizeof votes); /* what is granted changes p, not z */
	for (int i = 0; i < 10; i++)
		votes[i] = 1;
	OK(fm_cluster_test(b, votes, 0, 0.6, &r, &err));
	assert_true(fabs(r.p - pow(0.6, 10)) < 1e-12 && fabs(r.z - sqrt(10)) < 1e-9);
	fm_clusters_free(b);

	b = blocks_of(300 * FM_CLUSTER_ROWS, 100 * FM_CLUSTER_ROWS);
	uint32_t more[400] = {0};
	for (int i = 0; i < 20; i++)
		more[i] = 1;
	OK(fm_cluster_test(b, more, 0, 0.5, &r, &err));
	assert_true(fabs(r.p - pow(0.75, 20)) < 1e-12);
	OK(fm_cluster_test(b, more, 0, 0.6, &r, &err)); /* odds of 3 become 4.5 */
	assert_true(fabs(r.p - pow(4.5 / 5.5, 20)) < 1e-12);
	fm_clusters_free(b);
}

/* Where every cluster has votes, what counts is how much more a training cluster has. */
static void test_dense_votes_are_compared_by_block(void **state)
{
	struct fm_clusters *b = blocks_of(100 * FM_CLUSTER_ROWS, 100 * FM_CLUSTER_ROWS);
	struct fm_cluster_test r;
	struct fm_error err = {0};
	uint32_t votes[200];
	int over = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		votes[i] = 60 + (uint32_t)(i % 2) + (i < 100);
	OK(fm_cluster_test(b, votes, 0, 0.5, &r, &err));
	assert_true(r.z > 9 && r.p < 1e-18); /* one more in 60 each time: no chance does that */
	for (uint64_t k = 0; k < 2000; k++) {
		struct fm_rng rng;
		fm_rng_init(&rng, k, FM_RNG_JUDGE, 5, 5);
		for (int i = 0; i < 200; i++)
			votes[i] = 40 + fm_rng_below(&rng, 40);
		OK(fm_cluster_test(b, votes, 0, 0.5, &r, &err));
		over += r.p < 0.05;
	}
	assert_true(over > 65 && over < 140); /* 100 of 2,000 are due */
	fm_clusters_free(b);
}

/* Correlated rows: whole clusters repeat. */
static void test_false_alarms_are_as_rare_as_promised(void **state)
{
	struct fm_clusters *b = blocks_of(50 * FM_CLUSTER_ROWS, 150 * FM_CLUSTER_ROWS);
	struct fm_cluster_test r;
	struct fm_error err = {0};
	uint32_t votes[200];
	int over = 0, naive = 0;

	(void)state;
	for (uint64_t k = 0; k < 4000; k++) {
		struct fm_rng rng;
		fm_rng_init(&rng, k, FM_RNG_JUDGE, 6, 6);
		for (int i = 0; i < 200; i++)
			votes[i] = fm_rng_below(&rng, 8) == 0 ? 1 + fm_rng_below(&rng, 10) : 0;
		OK(fm_cluster_test(b, votes, 0, 0.5, &r, &err));
		double total = r.train + r.holdout;
		over += r.p < 0.01;
		naive += (r.train - b->pi * total) / sqrt(b->pi * (1 - b->pi) * total) > 2.326;
	}
	assert_true(over <= 60);   /* 40 are due at most */
	assert_true(naive >= 200); /* row by row, a test would cry wolf */
	fm_clusters_free(b);
}

/* ---- membership ---- */

static void test_area_and_rates(void **state)
{
	double a[200], b[200];
	struct fm_mia m;
	struct fm_error err = {0};

	(void)state;
	for (int i = 0; i < 200; i++) {
		a[i] = i + 1000;
		b[i] = i;
	}
	OK(fm_mia_scores(&(struct fm_mia_side){a, NULL, 200}, &(struct fm_mia_side){b, NULL, 200}, &m, &err));
	assert_true(m.auc == 1 && m.tpr[0] == 1 && m.tpr[1] == 1 && m.auc_hi == 1 && m.auc_lo < 1 && m.auc_lo > 0.9);
	OK(fm_mia_scores(&(struct fm_mia_side){b, NULL, 200}, &(struct fm_mia_side){a, NULL, 200}, &m, &err));
	assert_true(m.auc == 0 && m.tpr[0] == 0);
	OK(fm_mia_scores(&(struct fm_mia_side){a, NULL, 200}, &(struct fm_mia_side){a, NULL, 200}, &m, &err));
	assert_true(fabs(m.auc - 0.5) < 1e-12 && fabs(m.tpr[0] - 0.01) < 1e-12 && fabs(m.tpr[1] - 0.001) < 1e-12);
	for (int i = 0; i < 200; i++)
		a[i] = b[i] = 7; /* all the same */
	OK(fm_mia_scores(&(struct fm_mia_side){a, NULL, 200}, &(struct fm_mia_side){b, NULL, 200}, &m, &err));
	assert_true(m.auc == 0.5 && fabs(m.tpr[1] - 0.001) < 1e-12 && m.auc_lo < 0.5 && m.auc_hi > 0.5);
	for (int i = 0; i < 100; i++)
		a[i] = INFINITY; /* half the members beyond all others */
	OK(fm_mia_scores(&(struct fm_mia_side){a, NULL, 200}, &(struct fm_mia_side){b, NULL, 200}, &m, &err));
	assert_true(m.auc == 0.75 && m.tpr[1] >= 0.5 && m.tpr[1] < 0.51);
	a[3] = NAN;
	OK(fm_mia_scores(&(struct fm_mia_side){a, NULL, 200}, &(struct fm_mia_side){b, NULL, 200}, &m, &err));
	assert_true(isnan(m.auc) && isnan(m.tpr[0]) && isnan(m.auc_lo));
	OK(fm_mia_scores(&(struct fm_mia_side){a, NULL, 0}, &(struct fm_mia_side){b, NULL, 200}, &m, &err));
	assert_true(isnan(m.auc));
	OK(fm_mia_scores(&(struct fm_mia_side){b, NULL, 1}, &(struct fm_mia_side){b, NULL, 1}, &m, &err));
	assert_true(m.auc == 0.5 && m.auc_lo == 0 && m.auc_hi == 1);
}

/* Ten copies of each score are no ten times the evidence: the interval must cover all the same. */
static void test_intervals_cover(void **state)
{
	double a[400], b[400];
	uint32_t cluster[400];
	struct fm_mia m;
	struct fm_error err = {0};
	int covered = 0, naive = 0;

	(void)state;
	for (uint64_t k = 0; k < 400; k++) {
		struct fm_rng r;
		fm_rng_init(&r, k, FM_RNG_JUDGE, 8, 8);
		for (int i = 0; i < 400; i++) {
			cluster[i] = (uint32_t)i / 10;
			a[i] = i % 10 ? a[i - 1] : fm_rng_uniform53(&r);
			b[i] = i % 10 ? b[i - 1] : fm_rng_uniform53(&r);
		}
		OK(fm_mia_scores(&(struct fm_mia_side){a, cluster, 400}, &(struct fm_mia_side){b, cluster, 400}, &m,
				 &err));
		covered += m.auc_lo <= 0.5 && m.auc_hi >= 0.5;
		OK(fm_mia_scores(&(struct fm_mia_side){a, NULL, 400}, &(struct fm_mia_side){b, NULL, 400}, &m, &err));
		naive += m.auc_lo <= 0.5 && m.auc_hi >= 0.5;
	}
	assert_true(covered >= 365); /* 380 are due */
	assert_true(naive < 300);
}

static void test_losses(void **state)
{
	double member[50], outsider[60];
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	for (int i = 0; i < 60; i++) {
		outsider[i] = 2 + i * 0.01;
		member[i % 50] = 1 + (i % 50) * 0.01; /* members fit better: their loss is lower */
	}
	OK(fm_mia_losses(member, 50, outsider, 60, &m, &err));
	assert_true(metric(&m, "leak.mia_model_auc") == 1 && metric(&m, "leak.mia_model_tpr_01") == 1);
	assert_int_equal(fm_metrics_find(&m, "leak.mia_model_auc")->n, 50);
	fm_metrics_free(&m);
	m = (struct fm_metrics){0};
	OK(fm_mia_losses(member, 0, outsider, 60, &m, &err)); /* nobody to judge: NaN, which the gate fails */
	assert_true(isnan(metric(&m, "leak.mia_model_auc")));
	fm_metrics_free(&m);
}

static void test_risk(void **state)
{
	double r, lo, hi;

	(void)state;
	fm_attack_risk(500, 1000, 500, 1000, &r, &lo, &hi);
	assert_true(r == 0 && lo < -0.03 && hi > 0.03);
	fm_attack_risk(1000, 1000, 0, 1000, &r, &lo, &hi);
	assert_true(r == 1 && lo > 0.98 && hi == 1);
	fm_attack_risk(1000, 1000, 1000, 1000, &r, &lo,
		       &hi); /* the population gives it all away: nothing is left to risk */
	assert_true(r == 0);
	fm_attack_risk(0, 0, 3, 10, &r, &lo, &hi);
	assert_true(isnan(r) && isnan(lo));
}

/* ---- two releases ---- */

static void test_releases_beside_each_other(void **state)
{
	struct fm_table *a = random_table(1500, 1), *b = random_table(1500, 2);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	OK(fm_leak_difference(a, b, NULL, (size_t)1 << 30, &m, &err)); /* two draws of one truth */
	assert_true(metric(&m, "leak.release_equal") == 0);
	const struct fm_metric *near = fm_metrics_find(&m, "leak.release_share_nearer_no_addr_time");
	assert_true(near->ci_lo < 0.52 && near->ci_hi > 0.48);
	assert_true(metric(&m, "leak.release_dcr_median") > 0 && metric(&m, "leak.release_own_median_sizes") > 0);
	fm_metrics_free(&m);
	m = (struct fm_metrics){0};
	OK(fm_leak_difference(a, a, NULL, (size_t)1 << 30, &m, &err)); /* published again as it was */
	assert_true(metric(&m, "leak.release_equal") == 1 && metric(&m, "leak.release_share_nearer") == 1);
	assert_true(metric(&m, "leak.release_dcr_median") == 0);
	fm_metrics_free(&m);
	m = (struct fm_metrics){0};
	a->rows = b->rows = 1; /* no other row of its own */
	OK(fm_leak_difference(a, b, NULL, (size_t)1 << 30, &m, &err));
	assert_true(isnan(metric(&m, "leak.release_own_median")));
	fm_metrics_free(&m);
	b->rows = 0;
	assert_int_equal(fm_leak_difference(a, b, NULL, (size_t)1 << 30, &m, &err), FM_EINPUT);
	assert_int_equal(fm_leak_difference(b, a, NULL, (size_t)1 << 30, &m, &err), FM_EINPUT);
	fm_table_free(a);
	fm_table_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_windows_become_blocks),
	    cmocka_unit_test(test_tails_are_exact),
	    cmocka_unit_test(test_dense_votes_are_compared_by_block),
	    cmocka_unit_test(test_false_alarms_are_as_rare_as_promised),
	    cmocka_unit_test(test_area_and_rates),
	    cmocka_unit_test(test_intervals_cover),
	    cmocka_unit_test(test_losses),
	    cmocka_unit_test(test_risk),
	    cmocka_unit_test(test_releases_beside_each_other),
	};

	return cmocka_run_group_tests_name("leak_stats", tests, NULL, NULL);
}
