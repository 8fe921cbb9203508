/* Promise: metrics of hosts in time and of margins are what can be counted by hand: a beacon, a sweep, a burst, lives,
 * totals; odd tables have them too, and profiles are told apart where hosts behave otherwise and not where they are the
 * same. */
#include "judge_fixture.h"

#include "base/log.h"
#include "judge/host.h"
#include "judge/margins.h"
#include "judge/profile.h"

#define START 1460332800000 /* 2016-04-11, a full hour */

static void at(double got, double want)
{
	if (!(fabs(got - want) < 1e-12))
		fail_msg("%.17g is not %.17g", got, want);
}

static void flow(struct fm_table *t, size_t i, double seconds, uint32_t sa, uint32_t da)
{
	t->te[i] = START + (int64_t)(seconds * 1000);
	t->sa[i] = sa;
	t->da[i] = da;
	t->dp[i] = 80;
	t->pr[i] = 0;
	t->byt[i] = 100;
}

static struct fm_metrics judged(const struct fm_table *x, const struct fm_table *y)
{
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	OK(fm_host(x, y, NULL, "", &m, &err));
	return m;
}

/* Conversations of 20 flows: one every minute, two a little and much too late in turn, and one that is too short. */
static void test_beacons(void **state)
{
	static const double late[4] = {0, 14, 31, 0};
	struct fm_table *x = random_table(79, 1), *y = random_table(40, 2);
	size_t n = 0;

	(void)state;
	for (uint32_t k = 0; k < 4; k++)
		for (int i = 0; i < (k < 3 ? 20 : 19); i++)
			flow(x, n++, 60 * i + (i % 2 ? late[k] : 0), k, 100);
	for (size_t i = 0; i < 40; i++)
		flow(y, i, (double)(i * i), 1, 2);
	struct fm_metrics m = judged(x, y);
	/* Gaps of 60 - d and 60 + d in turn have a coefficient of about d / 60. */
	at(metric(&m, "host.BEACON_real"), 2.0 / 3);
	at(metric(&m, "host.BEACON_synthetic"), 0);
	at(metric(&m, "host.BEACON_gap"), 2.0 / 3);
	fm_metrics_free(&m);
	x->dp[5] = 81; /* another conversation: the beacon of source 0 is one flow short */
	x->pr[25] = 1;
	m = judged(y, x);
	at(metric(&m, "host.BEACON_synthetic"), 0);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

/* One source talks to 150 and 250 hosts in two hours; to 100, which is no sweep, in a third, some of them twice. */
static void test_sweeps(void **state)
{
	static const uint32_t targets[3] = {150, 250, 100};
	struct fm_table *x = random_table(550, 1), *y = random_table(100, 2);
	size_t n = 0;

	(void)state;
	for (uint32_t h = 0; h < 3; h++)
		for (uint32_t i = 0; i < targets[h] + (h == 2 ? 50 : 0); i++)
			flow(x, n++, 3600 * h + 10 * i, 7, 1000 + i % targets[h]);
	for (size_t i = 0; i < 100; i++)
		flow(y, i, (double)i, 8, (uint32_t)i);
	struct fm_metrics m = judged(x, y);
	at(metric(&m, "host.SWEEPS_real"), 2e6 / 550);
	at(metric(&m, "host.SWEEPS200_real"), 1e6 / 550);
	at(metric(&m, "host.SWEEPS_synthetic"), 0);
	at(metric(&m, "host.SWEEPS_gap"), 1);
	at(metric(&m, "host.pairs_real"), 250);
	at(metric(&m, "host.hosts_real"), 251);
	at(metric(&m, "host.hosts_gap"), 151.0 / 251); /* 8 talks to itself too: 100 hosts */
	fm_metrics_free(&m);
	m = judged(y, x);
	at(metric(&m, "host.SWEEPS_gap"), 1); /* none is real */
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

/* Two flows a minute, but 20 in each tenth; the last slot is left out. */
static void test_bursts_and_lags(void **state)
{
	struct fm_table *x = random_table(38 * 12 + 1, 1), *y = random_table(200, 2);
	size_t n = 0;

	(void)state;
	for (int minute = 0; minute < 120; minute++)
		for (int i = 0; i < (minute % 10 ? 2 : 20); i++)
			flow(x, n++, 60 * minute + (i % 2 ? 9.999 : 0), 1, 2);
	flow(x, n++, 7200, 1, 2);
	assert_int_equal(n, x->rows);
	for (size_t i = 0; i < 200; i++)
		flow(y, i, 30.0 * (double)i, 1, 2);
	struct fm_metrics m = judged(x, y);
	double mean = 3.8, var = (400 + 9 * 4) / 10.0 - mean * mean;
	at(metric(&m, "host.BURST60_real"), (var - mean) / (mean * mean));
	at(metric(&m, "host.BURST600_real"), (0 - 38.0) / (38 * 38));
	mean /= 6;
	var = (400 + 9 * 4) / 60.0 - mean * mean;
	at(metric(&m, "host.BURST10_real"), (var - mean) / (mean * mean));
	at(metric(&m, "host.BURST60_synthetic"), -0.5); /* two in each */
	at(metric(&m, "host.BURST60_gap"),
	   fabs(-0.5 - metric(&m, "host.BURST60_real")) / metric(&m, "host.BURST60_real"));
	at(metric(&m, "host.LAG1_synthetic"), 0);
	/* 121 minutes, the last with one flow alone. */
	double c[121], sum[2] = {0, 0}, square[2] = {0, 0}, product = 0;
	for (int i = 0; i < 121; i++)
		c[i] = i == 120 ? 1 : i % 10 ? 2 : 20;
	for (int i = 0; i < 120; i++)
		for (int k = 0; k < 2; k++) {
			sum[k] += c[i + k] / 120;
			square[k] += c[i + k] * c[i + k] / 120;
			product += k ? c[i] * c[i + 1] / 120 : 0;
		}
	at(metric(&m, "host.LAG1_real"),
	   (product - sum[0] * sum[1]) / sqrt((square[0] - sum[0] * sum[0]) * (square[1] - sum[1] * sum[1])));
	assert_true(metric(&m, "host.LAG10_real") > 0.9); /* but for the last minute */
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

/* Sources that live 0, 1, 3 and 7 seconds: one a power of two; bytes of which ten flows carry most. */
static void test_lives_and_totals(void **state)
{
	static const double life[4] = {0, 1, 3, 7};
	struct fm_table *x = random_table(16, 1), *y = random_table(16, 1);

	(void)state;
	for (uint32_t k = 0; k < 4; k++)
		for (uint32_t i = 0; i < 4; i++) {
			flow(x, 4 * k + i, i == 3 ? life[k] : 0, k, 50 + i); /* each conversation is one flow */
			flow(y, 4 * k + i, i == 3 ? life[k] : 0, k, 50);
		}
	for (size_t i = 0; i < 16; i++)
		x->byt[i] = i < 12 ? 1000 + i : 1;
	struct fm_metrics m = judged(x, y);
	at(metric(&m, "host.LIFE"), 0);
	/* All of real's in the first cell, a quarter of synthetic's in each of four. */
	double p = 1, q = 0.25, both = (p + q) / 2;
	at(metric(&m, "host.TALK"), (p * log(p / both) + q * log(q / both) + 3 * q * log(2)) / 2);
	at(metric(&m, "host.bytes_real"), 12 * 1000 + 66 + 4);
	at(metric(&m, "host.bytes_gap"), (12070.0 - 1600) / 12070);
	at(metric(&m, "host.largest10_real"), (10 * 1000 + 65) / 12070.0);
	at(metric(&m, "host.largest10_synthetic"), 10.0 / 16);
	fm_metrics_free(&m);
	y->te[3] += 4000; /* one source lives 4 seconds, not 0: floor(log2(5)) is 2 */
	m = judged(x, y);
	at(metric(&m, "host.LIFE"), (0.25 * log(2) + 0.25 * log(0.25 / 0.375) + 0.5 * log(0.5 / 0.375)) / 2);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

static void test_odd_tables(void **state)
{
	struct fm_table *one = random_table(1, 1), *many = random_table(300, 2);

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct fm_metrics m = k ? judged(one, many) : judged(many, one);
		for (size_t i = 0; i < m.n; i++)
			assert_true(isfinite(m.m[i].value));
		fm_metrics_free(&m);
	}
	many->te[0] = INT64_MIN / 2; /* slots are not kept one by one */
	struct fm_metrics m = judged(many, one);
	assert_true(isfinite(metric(&m, "host.BURST10_real")));
	fm_metrics_free(&m);
	fm_table_free(one);
	fm_table_free(many);
}

static void test_largest_differences(void **state)
{
	struct fm_table *x = random_table(10, 1), *y = random_table(5, 1);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		x->td[i] = i;
		x->sp[i] = 7;
		x->dp[i] = i < 5 ? 53 : i < 8 ? 80 : 22;
		x->pr[i] = i == 0; /* one of five is another protocol: a service of its own */
		x->pkt[i] = 1;
		x->byt[i] = i;
	}
	for (uint32_t i = 0; i < 5; i++) {
		y->td[i] = 2 * i + 1;
		y->sp[i] = 8;
		y->dp[i] = i < 4 ? 53 : 9;
		y->pr[i] = 0;
		y->pkt[i] = i < 2 ? 1 : 2;
		y->byt[i] = 3;
	}
	OK(fm_margins(x, y, NULL, "", &m, &err));
	at(metric(&m, "ks.TD"), 0.1);
	at(metric(&m, "ks.SP"), 1);
	at(metric(&m, "ks.PKT"), 0.6);
	at(metric(&m, "ks.BYT"), 0.6); /* below 3: 0.3, up to 3: 0.4 against 1 */
	at(metric(&m, "ks.TOP"), (0.4 + 0.3 + 0.2 + 0.1) / 2);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

/* Of 201 services as frequent as each other the last by name, 99, is left out. */
static void test_ties_of_services_go_by_name(void **state)
{
	struct fm_table *x = random_table(201, 1), *y = random_table(1, 1);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	for (uint32_t i = 0; i < 201; i++) {
		x->dp[i] = (uint16_t)i;
		x->pr[i] = 0;
	}
	y->pr[0] = 0;
	for (int k = 0; k < 2; k++) {
		y->dp[0] = k ? 99 : 200;
		OK(fm_margins(x, y, NULL, "", &m, &err));
		at(metric(&m, "ks.TOP"), (k ? 200.0 / 201 : 199.0 / 201 + 200.0 / 201) / 2);
		fm_metrics_free(&m);
	}
	fm_table_free(x);
	fm_table_free(y);
}

static double profile(const struct fm_table *x, const struct fm_table *y)
{
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	OK(fm_profile(x, y, NULL, "", &m, &err));
	double auc = metric(&m, "host.PROFILE");
	fm_metrics_free(&m);
	return auc;
}

static void test_profiles(void **state)
{
	struct fm_table *x = random_table(4000, 1), *y = random_table(4000, 2), *few = random_table(200, 3);

	(void)state;
	double same = profile(x, y);
	assert_true(same > 0.4 && same < 0.6);
	for (size_t i = 0; i < y->rows; i++) /* each source talks to two hosts */
		y->da[i] = 0x64400000u + y->sa[i] % 2;
	assert_true(profile(x, y) > 0.95);
	assert_true(isnan(profile(x, few)));
	y->present &= ~(1u << FM_SP | 1u << FM_DP | 1u << FM_DA | 1u << FM_BYT | 1u << FM_PKT | 1u << FM_TD);
	same = profile(x, y); /* times alone: the same */
	assert_true(same > 0.4 && same < 0.6);
	y->present = FM_COLS_UGR16;
	fm_table_free(x);
	fm_table_free(y);
	fm_table_free(few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_beacons),
	    cmocka_unit_test(test_sweeps),
	    cmocka_unit_test(test_bursts_and_lags),
	    cmocka_unit_test(test_lives_and_totals),
	    cmocka_unit_test(test_odd_tables),
	    cmocka_unit_test(test_largest_differences),
	    cmocka_unit_test(test_ties_of_services_go_by_name),
	    cmocka_unit_test(test_profiles),
	};

	return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}
