/* Promise: shares of heavy hitters and shapes of bursts are what can be counted by hand, and odd tables have them too.
 */
#include "judge_fixture.h"

#include "base/log.h"
#include "judge/burst.h"
#include "judge/heavy.h"

static void at(double got, double want)
{
	if (!(fabs(got - want) < 1e-12))
		fail_msg("%.17g is not %.17g", got, want);
}

static void test_heavy_hitters_by_hand(void **state)
{
	struct fm_table *x = random_table(100, 1), *y = random_table(100, 1);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < 100; i++) { /* host 5 has 81 flows, 19 others one each */
		x->sa[i] = i < 81 ? 5 : (uint32_t)(1000 + i);
		x->da[i] = (uint32_t)i;
		x->byt[i] = i < 10 ? 1000 : 10;
		x->dp[i] = (uint16_t)(i < 50 ? 80 : i < 80 ? 53 : i < 95 ? 443 : 22);
		y->sa[i] = (uint32_t)(7000 + i);
		y->da[i] = (uint32_t)i;
		y->byt[i] = 10;
		y->dp[i] = (uint16_t)(i < 10 ? 80 : i < 30 ? 53 : i < 60 ? 443 : 8080);
	}
	OK(fm_heavy(x, y, NULL, "", &m, &err));
	at(metric(&m, "heavy.SA_flows_top10_real"), 0.90);
	at(metric(&m, "heavy.SA_flows_top10_synthetic"), 0.10);
	at(metric(&m, "heavy.SA_flows_top100_real"), 1);
	at(metric(&m, "heavy.DA_bytes_top10_real"), 10000.0 / 10900);
	at(metric(&m, "heavy.DA_bytes_top10_synthetic"), 0.1);
	at(metric(&m, "heavy.DP_overlap20"), 0.75); /* 80, 53, 443 of real's four */
	at(metric(&m, "heavy.DP_rank100"), 0.2);    /* ranks 4 3 2 1 against 2 3 4 1 */
	fm_metrics_free(&m);
	OK(fm_heavy(x, x, NULL, "floor.", &m, &err));
	at(metric(&m, "floor.heavy.SA_flows_top10_real"), 0.90);
	at(metric(&m, "floor.heavy.SA_flows_top10_synthetic"), 0.90);
	at(metric(&m, "floor.heavy.share_gap"), 0);
	at(metric(&m, "floor.heavy.SP_overlap20"), 1);
	at(metric(&m, "floor.heavy.DP_rank100"), 1);
	fm_metrics_free(&m);
	x->present &= ~(1u << FM_BYT | 1u << FM_SP);
	OK(fm_heavy(x, y, NULL, "", &m, &err));
	assert_null(fm_metrics_find(&m, "heavy.SA_bytes_top10_real"));
	assert_null(fm_metrics_find(&m, "heavy.SP_overlap20"));
	assert_non_null(fm_metrics_find(&m, "heavy.SA_flows_top10_real"));
	fm_metrics_free(&m);
	x->present |= 1u << FM_BYT | 1u << FM_SP;
	fm_table_free(x);
	fm_table_free(y);
}

static void test_many_ports_by_rank(void **state)
{
	struct fm_table *x = random_table(40000, 1), *y = random_table(40000, 2);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0, p = 1; i < 40000; p++) /* port p has p flows */
		for (size_t k = 0; k < p && i < 40000; k++, i++)
			x->dp[i] = y->dp[i] = (uint16_t)p;
	OK(fm_heavy(x, y, NULL, "", &m, &err));
	at(metric(&m, "heavy.DP_overlap20"), 1);
	at(metric(&m, "heavy.DP_rank100"), 1);
	fm_metrics_free(&m);
	for (size_t i = 0; i < 40000; i++)
		y->dp[i] = (uint16_t)(40000 + i % 3); /* other ports altogether */
	OK(fm_heavy(x, y, NULL, "", &m, &err));
	at(metric(&m, "heavy.DP_overlap20"), 0);
	at(metric(&m, "heavy.DP_rank100"), 0);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

/* te by a pattern of flows a second, repeated; the rest of the rows too. */
static void set_times(struct fm_table *t, const int *flows, size_t seconds)
{
	size_t i = 0;

	for (size_t s = 0; i < t->rows; s++)
		for (int k = 0; k < flows[s % seconds] && i < t->rows; k++)
			t->te[i++] = 1460332800000 + (int64_t)s * 1000;
}

static void test_bursts_by_hand(void **state)
{
	static const int even[1] = {3}, bursty[4] = {6, 6, 0, 0};
	struct fm_table *x = random_table(1200, 1), *y = random_table(1200, 1);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	set_times(x, even, 1);
	set_times(y, bursty, 4);
	OK(fm_burst(x, y, NULL, "", &m, &err));
	at(metric(&m, "burst.dispersion_1s_real"), 0);
	at(metric(&m, "burst.lag1_real"), 0);
	/* 398 seconds from the first to the last flow: 200 of 6, 198 empty */
	double mean = 1200.0 / 398;
	at(metric(&m, "burst.dispersion_1s_synthetic"), (200 * 36.0 / 398 - mean * mean) / mean);
	assert_true(fabs(metric(&m, "burst.lag1_synthetic")) < 0.02);
	at(metric(&m, "burst.LENGTH"), log(2)); /* none in real */
	assert_true(metric(&m, "burst.dispersion_gap") > 0.5);
	fm_metrics_free(&m);
	OK(fm_burst(y, y, NULL, "", &m, &err));
	at(metric(&m, "burst.dispersion_gap"), 0);
	at(metric(&m, "burst.LENGTH"), 0);
	at(metric(&m, "burst.FLOWS"), 0);
	at(metric(&m, "burst.VOLUME"), 0);
	fm_metrics_free(&m);
	OK(fm_burst(x, y, NULL, "floor.", &m, &err));
	at(metric(&m, "floor.burst.lag1_gap"), fabs(metric(&m, "floor.burst.lag1_synthetic")));
	assert_non_null(fm_metrics_find(&m, "floor.burst.VOLUME"));
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

/* Of many flows the ends count too: here the last twentieth of them comes in one second. */
static void test_a_burst_at_the_end_is_seen(void **state)
{
	static const int even[1] = {3};
	struct fm_table *x = random_table(6000, 1), *y = random_table(6000, 1);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	set_times(x, even, 1);
	set_times(y, even, 1);
	for (size_t i = y->rows - y->rows / 20; i < y->rows; i++)
		y->te[i] = y->te[y->rows - y->rows / 20];
	OK(fm_burst(x, y, NULL, "", &m, &err));
	assert_true(metric(&m, "burst.dispersion_gap") > 1);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

/* One flow of an hour ends long after all the others: that makes the table's mean second nearly empty, but bursts are
 * as they were.  Flows that come evenly are told from bursts all the same. */
static void test_a_lone_late_flow_is_no_other_shape(void **state)
{
	static const int even[1] = {3}, bursty[4] = {6, 6, 0, 0};
	struct fm_table *x = random_table(160, 1), *y = random_table(160, 1);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	set_times(x, bursty, 4);
	set_times(y, bursty, 4);
	x->te[80] += 3600000;
	OK(fm_burst(x, y, NULL, "", &m, &err));
	assert_true(metric(&m, "burst.dispersion_gap") < 0.1);
	fm_metrics_free(&m);
	set_times(y, even, 1);
	OK(fm_burst(x, y, NULL, "", &m, &err));
	assert_true(metric(&m, "burst.dispersion_gap") > 0.3);
	fm_metrics_free(&m);
	fm_table_free(x);
	fm_table_free(y);
}

static void test_odd_tables_have_a_shape(void **state)
{
	struct fm_table *x = random_table(50, 1), *one = random_table(1, 2), *far = random_table(3, 3),
			*same = random_table(40, 4);
	const struct fm_table *table[] = {x, one, far, same};
	struct fm_error err = {0};

	(void)state;
	far->te[0] = INT64_MIN; /* as far apart as times can be */
	far->te[1] = -1;
	far->te[2] = INT64_MAX;
	far->byt[1] = UINT64_MAX;
	for (size_t i = 0; i < same->rows; i++) {
		same->te[i] = 5;
		same->byt[i] = 0;
		same->sp[i] = same->dp[i] = 65535;
	}
	for (int a = 0; a < 4; a++)
		for (int b = 0; b < 4; b++) {
			struct fm_metrics m = {0};
			OK(fm_burst(table[a], table[b], NULL, "", &m, &err));
			OK(fm_heavy(table[a], table[b], NULL, "", &m, &err));
			assert_true(m.n > 40);
			for (size_t i = 0; i < m.n; i++)
				if (!isfinite(m.m[i].value))
					fail_msg("%s of tables %d and %d is %g", m.m[i].name, a, b, m.m[i].value);
			fm_metrics_free(&m);
		}
	fm_table_free(x);
	fm_table_free(one);
	fm_table_free(far);
	fm_table_free(same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_heavy_hitters_by_hand),
	    cmocka_unit_test(test_many_ports_by_rank),
	    cmocka_unit_test(test_bursts_by_hand),
	    cmocka_unit_test(test_a_lone_late_flow_is_no_other_shape),
	    cmocka_unit_test(test_a_burst_at_the_end_is_seen),
	    cmocka_unit_test(test_odd_tables_have_a_shape),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("traffic_shape", tests, NULL, NULL);
}
