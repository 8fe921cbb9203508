/* Promise: the judges give the values of the reference scorer, for any number of threads, and a defined one for odd
 * input. */
#include "judge_fixture.h"

#include "base/log.h"
#include "base/rows.h"
#include "base/thread.h"
#include "judge/association.h"
#include "judge/divergence.h"
#include "judge/fidelity.h"
#include "judge/gate/measure.h"
#include "judge/rules.h"
#include "judge/structure.h"
#include "manifests/canon.h"

static void near(const char *pair, const char *name, double got, double want)
{
	double tolerance =
	    1e-6 * fmax(1.0, fabs(want) * 1e-3); /* absolute up to 1000, then a billionth: EMD in microseconds */

	if (!(fabs(got - want) <= tolerance))
		fail_msg("%s %s is %.17g, the reference gives %.17g", pair, name, got, want);
}

static void compare_group(const char *pair, const struct fm_metrics *m, const char *prefix, const json_t *group)
{
	const char *key;
	json_t *value;
	char name[128];

	json_object_foreach((json_t *)group, key, value)
	{
		if (!json_is_real(value) && !json_is_integer(value))
			continue;
		snprintf(name, sizeof name, "%s%s", prefix, key);
		near(pair, name, metric(m, name), json_number_value(value));
	}
}

static void compare_marginals(const char *pair, const struct fm_metrics *m, const char *floor, const json_t *want)
{
	const char *key;
	json_t *value;
	char name[128];

	snprintf(name, sizeof name, "%sjsd.", floor);
	compare_group(pair, m, name, json_object_get(want, "jsd"));
	snprintf(name, sizeof name, "%sjsd_mean8", floor);
	near(pair, name, metric(m, name), json_number_value(json_object_get(want, "jsd_mean8")));
	json_object_foreach(json_object_get(want, "emd"), key, value)
	{
		snprintf(name, sizeof name, "%semd.%s", floor, key);
		near(pair, name, metric(m, name), json_number_value(json_object_get(value, "emd")));
		snprintf(name, sizeof name, "%semdn.%s", floor, key);
		near(pair, name, metric(m, name), json_number_value(json_object_get(value, "emdn")));
	}
	const json_t *assoc = json_object_get(want, "assoc");
	snprintf(name, sizeof name, "%sassoc.max", floor);
	near(pair, name, metric(m, name), json_number_value(json_object_get(assoc, "max")));
	snprintf(name, sizeof name, "%sassoc.mean", floor);
	near(pair, name, metric(m, name), json_number_value(json_object_get(assoc, "mean")));
	snprintf(name, sizeof name, "%spair_jsd", floor);
	near(pair, name, metric(m, name), json_number_value(json_object_get(assoc, "pair_jsd")));
}

static void compare(const char *pair, const struct fm_metrics *m, const json_t *want)
{
	const json_t *dcr = json_object_get(want, "dcr"), *dup = json_object_get(want, "dup"),
		     *floor = json_object_get(want, "floor");
	json_t *time = json_object_get(want, "time");

	compare_marginals(pair, m, "", want);
	if (floor)
		compare_marginals(pair, m, "floor.", floor);
	if (time) {
		json_t *both = json_object_get(time, "PAIR");
		near(pair, "time.PAIR_real", metric(m, "time.PAIR_real"), json_number_value(json_array_get(both, 0)));
		near(pair, "time.PAIR_gap", metric(m, "time.PAIR_gap"),
		     fabs(json_number_value(json_array_get(both, 0)) - json_number_value(json_array_get(both, 1))));
		near(pair, "time.PAIR_synthetic", metric(m, "time.PAIR_synthetic"),
		     json_number_value(json_array_get(both, 1)));
		compare_group(pair, m, "time.", time);
	}
	near(pair, "leak.rows_equal", metric(m, "leak.rows_equal"), json_number_value(json_object_get(dup, "row10")));
	if (pair[0] == 'n') { /* ten columns: the reference's and ours are the same */
		near(pair, "no time", metric(m, "leak.rows_equal_no_time"),
		     json_number_value(json_object_get(dup, "no_ts")));
		near(pair, "no address or time", metric(m, "leak.rows_equal_no_addr_time"),
		     json_number_value(json_object_get(dup, "no_ip_ts")));
	}
	if (dcr) {
		/* Ours ranks by the rows of both sides and counts copies once, so that a few votes fall otherwise. */
		double theirs = json_number_value(json_object_get(dcr, "share_nearer_train")),
		       ours = metric(m, "leak.share_nearer_train");
		if (!(fabs(ours - theirs) <= 0.02))
			fail_msg("%s leak.share_nearer_train is %.4f, the reference gives %.4f", pair, ours, theirs);
		near(pair, "median", metric(m, "leak.dcr_median_train"),
		     json_number_value(json_object_get(dcr, "median_train")));
		near(pair, "median", metric(m, "leak.dcr_median_holdout"),
		     json_number_value(json_object_get(dcr, "median_holdout")));
		near(pair, "p5", metric(m, "leak.dcr_p5_train"), json_number_value(json_object_get(dcr, "p5_train")));
		near(pair, "p5", metric(m, "leak.dcr_p5_holdout"),
		     json_number_value(json_object_get(dcr, "p5_holdout")));
	}
}

static void test_equals_the_reference(void **state)
{
	struct fm_error err = {0};
	json_t *expected = NULL, *want;
	const char *pair;
	int pairs = 0;

	(void)state;
	OK(fm_json_load(&expected, "tests/golden/judge/expected.json", 1 << 20, &err));
	json_object_foreach(expected, pair, want)
	{
		char real[8], synthetic[8];
		assert_int_equal(sscanf(pair, "%7[^-]-%7s", real, synthetic), 2);
		struct fm_table *x = golden_table(real), *y = golden_table(synthetic),
				*h = golden_table(real[0] == 'n' ? "nh" : "h");
		struct fm_metrics m = {0};
		/* The reference has no judge that learns. */
		OK(fm_evaluate_chosen(&(struct fm_judged){x, y, h}, 1, FM_LEAKAGE_DEFAULT,
				      ~fm_evaluate_groups_that_learn(), &m, &err));
		compare(pair, &m, want);
		fm_metrics_free(&m);
		fm_table_free(x);
		fm_table_free(y);
		fm_table_free(h);
		pairs++;
	}
	assert_int_equal(pairs, 10);
	json_decref(expected);
}

static void test_threads_change_nothing(void **state)
{
	static const int threads[] = {1, 2, 7};
	struct fm_table *x = random_table(3000, 1), *y = random_table(2500, 2), *h = random_table(1000, 3);
	struct fm_metrics m[3] = {{0}};
	struct fm_error err = {0};

	(void)state;
	for (int k = 0; k < 3; k++)
		OK(fm_evaluate_tables(x, y, h, threads[k], FM_LEAKAGE_DEFAULT, &m[k], &err));
	for (int k = 1; k < 3; k++) {
		assert_int_equal(m[k].n, m[0].n);
		for (size_t i = 0; i < m[0].n; i++) {
			assert_string_equal(m[k].m[i].name, m[0].m[i].name);
			if (memcmp(&m[k].m[i].value, &m[0].m[i].value, sizeof(double)) != 0)
				fail_msg("%s is %.17g with 1 thread, %.17g with %d", m[0].m[i].name, m[0].m[i].value,
					 m[k].m[i].value, threads[k]);
		}
	}
	for (int k = 0; k < 3; k++)
		fm_metrics_free(&m[k]);
	fm_table_free(x);
	fm_table_free(y);
	fm_table_free(h);
}

static void test_identical_is_zero_and_disjoint_is_ln2(void **state)
{
	struct fm_table *x = random_table(500, 1), *y = random_table(500, 1);
	struct fm_metrics same = {0}, apart = {0};
	struct fm_error err = {0};

	(void)state;
	OK(fm_fidelity(x, x, NULL, "", &same, &err));
	for (size_t i = 0; i < same.n; i++)
		assert_true(same.m[i].value == 0.0);
	for (size_t i = 0; i < y->rows; i++) {
		y->sp[i] = (uint16_t)(x->sp[i] % 1000); /* below every port of x, but for ICMP's */
		y->sa[i] += 0x40000000;
		y->byt[i] = 1u << 30;
	}
	for (size_t i = 0; i < x->rows; i++)
		x->sp[i] = 2000;
	OK(fm_fidelity(x, y, NULL, "", &apart, &err));
	assert_true(fabs(metric(&apart, "jsd.SP") - log(2)) < 1e-12);
	assert_true(fabs(metric(&apart, "jsd.SAid") - log(2)) < 1e-12);
	assert_true(fabs(metric(&apart, "jsd.BYT") - log(2)) < 1e-12);
	assert_true(metric(&apart, "jsd.SA") == 0.0); /* the same popularity, other addresses */
	fm_metrics_free(&same);
	fm_metrics_free(&apart);
	fm_table_free(x);
	fm_table_free(y);
}

static void test_absent_columns_have_no_metrics(void **state)
{
	struct fm_table *x = golden_table("na"), *y = golden_table("a");
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	OK(fm_evaluate_tables(x, y, NULL, 1, FM_LEAKAGE_DEFAULT, &m, &err));
	assert_null(fm_metrics_find(&m, "jsd.FLG"));
	assert_null(fm_metrics_find(&m, "jsd.TOS"));
	assert_null(fm_metrics_find(&m, "leak.share_nearer_train"));
	assert_null(fm_metrics_find(&m, "floor.jsd_mean8"));
	assert_non_null(fm_metrics_find(&m, "jsd_mean8"));
	for (size_t i = 0; i < m.n; i++)
		if (isnan(m.m[i].value) !=
		    (strcmp(m.m[i].name, "c2st.window_auc") == 0 ||
		     strcmp(m.m[i].name, "host.PROFILE") == 0)) /* windows and hosts are too few */
			fail_msg("%s is %g", m.m[i].name, m.m[i].value);
	fm_metrics_free(&m);

	x->present &= ~(1u << FM_DP); /* one of the eight: the mean of seven would be another metric */
	OK(fm_fidelity(x, y, NULL, "", &m, &err));
	assert_null(fm_metrics_find(&m, "jsd.DP"));
	assert_null(fm_metrics_find(&m, "jsd.DPb"));
	assert_null(fm_metrics_find(&m, "jsd_mean8"));
	OK(fm_structure(x, y, NULL, "", &m, &err));
	assert_null(fm_metrics_find(&m, "time.PAIR_real"));
	assert_non_null(fm_metrics_find(&m, "time.RUN"));
	fm_metrics_free(&m);
	x->present |= 1u << FM_DP;
	fm_table_free(x);
	fm_table_free(y);
}

static void test_one_row_and_no_row(void **state)
{
	struct fm_table *one = golden_table("e"), *d = golden_table("d"), *x = random_table(50, 1);
	const struct fm_table *table[] = {one, d, x};
	struct fm_error err = {0};
	struct fm_metrics m = {0};

	(void)state;
	for (int a = 0; a < 3; a++)
		for (int b = 0; b < 3; b++)
			for (int h = 0; h < 4; h++) {
				OK(fm_evaluate_tables(table[a], table[b], h < 3 ? table[h] : NULL, 1,
						      FM_LEAKAGE_DEFAULT, &m, &err));
				assert_true(isfinite(metric(&m, "jsd_mean8")));
				assert_int_equal(isnan(metric(&m, "time.IAT")), a == 0 || b == 0);
				/* Rows that are all alike on both sides count once: one side has none to be near. */
				if (h < 3 && !(a == h && a < 2))
					assert_true(isfinite(metric(&m, "leak.share_nearer_train")));
				fm_metrics_free(&m);
			}
	size_t rows = x->rows;
	x->rows = 0;
	assert_int_equal(fm_evaluate_tables(x, d, NULL, 1, FM_LEAKAGE_DEFAULT, &m, &err), FM_EINPUT);
	assert_int_equal(fm_evaluate_tables(d, x, NULL, 1, FM_LEAKAGE_DEFAULT, &m, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "synthetic table has no rows"));
	OK(fm_evaluate_tables(d, d, x, 1, FM_LEAKAGE_DEFAULT, &m, &err)); /* an empty holdout is none */
	assert_null(fm_metrics_find(&m, "leak.share_nearer_train"));
	x->rows = rows;
	fm_metrics_free(&m);
	fm_table_free(one);
	fm_table_free(d);
	fm_table_free(x);
}

/* IPv6 by hand: its share and its ranks count as IPv4's do; where none is there, there is no jsd.AF. */
static void test_families_are_a_field_where_there_are_two(void **state)
{
	struct fm_table *x = random_table(400, 1), *y = random_table(400, 1), *z = random_table(400, 1);
	struct fm_table *t[] = {x, y};
	struct fm_metrics m = {0};
	struct fm_error err = {0};
	double ranked;

	(void)state;
	OK(fm_tables_share_addresses(t, 2, &err));
	OK(fm_fidelity(x, y, NULL, "", &m, &err));
	assert_null(fm_metrics_find(&m, "jsd.AF"));
	assert_true(metric(&m, "jsd.SAid") < 1e-12);
	ranked = metric(&m, "jsd.SA");
	fm_metrics_free(&m);
	for (size_t i = 0; i < 400; i++) { /* every host of y is now another one, of IPv6 where the row is even */
		struct fm_address a = fm_address_of_halves(i % 2 ? 0 : 0x20010db8ull << 32,
							   i % 2 ? 0xffffull << 32 | z->sa[i] : z->sa[i]);
		OK(fm_address_dict_add(y->addresses, &a, false, &y->sa[i], &err));
		y->sa[i] = i % 2 ? x->sa[i] : y->sa[i];
	}
	OK(fm_fidelity(x, y, NULL, "", &m, &err));
	/* p = (1, 0), q = (1/2, 1/2) */
	assert_true(fabs(metric(&m, "jsd.AF") - (0.5 * log(1 / 0.75) + 0.25 * log(0.5 / 0.75) + 0.25 * log(2))) <
		    1e-12);
	assert_true(metric(&m, "jsd.SAid") > 0.1 && metric(&m, "jsd.SA16") > 0.1 && metric(&m, "jsd.SA") >= ranked);
	fm_metrics_free(&m);
	OK(fm_fidelity(y, y, NULL, "", &m, &err));
	assert_true(metric(&m, "jsd.AF") == 0 && metric(&m, "jsd.SAid") < 1e-12 && metric(&m, "jsd.SA16") < 1e-12);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
	fm_table_free(z);
}

static void test_shuffled_columns_pass_marginals_and_fail_pairs(void **state)
{
	struct fm_table *x = random_table(4000, 1), *y = random_table(4000, 1);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < y->rows; i++) /* the same values, no longer beside each other */
		y->pr[i] = x->pr[(i + 1234) % x->rows];
	OK(fm_fidelity(x, y, NULL, "", &m, &err));
	OK(fm_association(x, y, NULL, "", &m, &err));
	assert_true(metric(&m, "jsd.PR") == 0.0);
	assert_true(metric(&m, "jsd.DP") == 0.0);
	assert_true(metric(&m, "assoc.max") > 0.5);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

static void test_rules_count_what_cannot_be(void **state)
{
	struct fm_table *x = random_table(100, 1), *y = random_table(100, 1);
	struct fm_metrics m = {0};
	struct fm_error err = {0};
	uint16_t icmp = 2;

	(void)state;
	OK(fm_rules(x, y, "", &m, &err));
	assert_true(metric(&m, "rules.broken_share") == 0.0);
	fm_metrics_free(&m);
	free(y->dict[FM_PR].value[1]);
	y->dict[FM_PR].value[1] = strdup("GRE");
	for (size_t i = 0; i < 100; i++) {
		y->pr[i] = 0;
		y->td[i] = 0;
	}
	y->pkt[0] = y->byt[0] = 0;
	y->byt[1] = 20 * y->pkt[1] - 1;
	y->byt[2] = 20 * y->pkt[2]; /* just enough */
	y->byt[3] = 65535 * y->pkt[3] + 1;
	y->byt[4] = 65535 * y->pkt[4]; /* just enough; over 1,500 */
	y->byt[5] = UINT64_MAX;
	y->pkt[5] = UINT64_MAX / 2; /* 20 packets' worth does not fit in 64 bits */
	y->pr[6] = icmp, y->sp[6] = 1;
	y->pr[7] = icmp, y->sp[7] = 0, y->dp[7] = 2048;
	y->sa[8] = y->da[8];
	y->sa[0] = y->da[0]; /* two faults are one broken row */
	y->pr[9] = 1, y->sp[9] = 0, y->dp[9] = 5;
	y->pr[10] = 1, y->sp[10] = y->dp[10] = 0;
	y->flg[9] = y->flg[10] = y->flg[20] =
	    (uint16_t)fm_dict_index(&y->dict[FM_FLG], "....S.", 6, true); /* 20: TCP */
	y->flg[7] = (uint16_t)fm_dict_index(&y->dict[FM_FLG], ".A....", 6, true);
	y->pkt[11] = 1, y->byt[11] = 1500, y->td[11] = 1;
	OK(fm_rules(x, y, "", &m, &err));
	assert_true(metric(&m, "rules.no_packet") == 0.01);
	assert_true(metric(&m, "rules.short_bytes") == 0.02);
	assert_true(metric(&m, "rules.long_bytes") == 0.01);
	assert_true(metric(&m, "rules.icmp_source_port") == 0.01);
	assert_true(metric(&m, "rules.same_address") == 0.02);
	assert_true(metric(&m, "rules.portless_port") == 0.01);
	assert_true(metric(&m, "rules.flags_outside_tcp") == 0.02);
	assert_true(metric(&m, "rules.broken_share") == 0.08);
	assert_true(metric(&m, "rules.over_1500_synthetic") == 0.02);
	assert_true(metric(&m, "rules.td_one_packet_synthetic") == 0.01);
	assert_true(metric(&m, "rules.ports_without_synthetic") == 0.5); /* rows 6 and 9 of 6, 7, 9, 10 */
	assert_int_equal(fm_metrics_find(&m, "rules.ports_without_synthetic")->n, 4);
	fm_metrics_free(&m);
	OK(fm_rules(x, y, "floor.", &m, &err));
	assert_true(metric(&m, "floor.rules.broken_share") == 0.08);
	assert_true(metric(&m, "floor.rules.over_1500_synthetic") == 0.02);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

static void test_sorting_and_choosing(void **state)
{
	uint64_t key[1000];
	uint32_t row[1000], chosen[300], all[5];
	struct fm_error err = {0};
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 9, FM_RNG_JUDGE, 0, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		key[i] = i % 3 ? fm_rng_u64(&r) >> fm_rng_below(&r, 64) : i % 7;
		row[i] = i;
	}
	OK(fm_sort_u64(key, row, 1000, &err));
	for (int i = 1; i < 1000; i++) {
		assert_true(key[i - 1] <= key[i]);
		assert_true(key[i - 1] < key[i] || row[i - 1] < row[i]);
	}
	assert_true(fm_key_i64(INT64_MIN) < fm_key_i64(-1) && fm_key_i64(-1) < fm_key_i64(0) &&
		    fm_key_i64(0) < fm_key_i64(INT64_MAX));
	fm_rows_choose(1, 2, 1000, 300, chosen);
	for (int i = 1; i < 300; i++)
		assert_true(chosen[i - 1] < chosen[i] && chosen[i] < 1000);
	fm_rows_choose(1, 2, 5, 5, all);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(all[i], i);
}

static void test_divergences_by_hand(void **state)
{
	const uint64_t x[] = {1, 1, 2, 5}, y[] = {7, 8, 9, 9}, p[] = {1, 1}, q[] = {1, 0};
	struct fm_error err = {0};
	double v;

	(void)state;
	OK(fm_jsd_ranked(x, 4, y, 4, &v, &err));
	assert_true(v == 0.0);
	assert_true(fabs(fm_jsd_sorted(x, 4, y, 4) - log(2)) < 1e-15);
	/* p = (1/2, 1/2), q = (1, 0), m = (3/4, 1/4) */
	assert_true(fabs(fm_jsd_counts(p, q, 2) - (0.5 * log(2.0 / 3) + 0.5 * log(2) + log(4.0 / 3)) / 2) < 1e-15);
	assert_true(fabs(fm_emd_sorted(x, 4, y, 4) - 6.0) < 1e-15); /* means 2.25 and 8.25, no overlap */
	assert_true(isnan(fm_emd_sorted(x, 0, y, 4)) && isnan(fm_jsd_sorted(x, 4, y, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equals_the_reference),
	    cmocka_unit_test(test_threads_change_nothing),
	    cmocka_unit_test(test_identical_is_zero_and_disjoint_is_ln2),
	    cmocka_unit_test(test_absent_columns_have_no_metrics),
	    cmocka_unit_test(test_one_row_and_no_row),
	    cmocka_unit_test(test_families_are_a_field_where_there_are_two),
	    cmocka_unit_test(test_shuffled_columns_pass_marginals_and_fail_pairs),
	    cmocka_unit_test(test_rules_count_what_cannot_be),
	    cmocka_unit_test(test_sorting_and_choosing),
	    cmocka_unit_test(test_divergences_by_hand),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("fidelity", tests, NULL, NULL);
}
