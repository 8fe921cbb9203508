/* test_hour_trades.c - what a host has done in an hour is known, and how often popular hosts take up another trade. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/codec/hour_trades.h"
#include "tests/unit/model_fixture.h"

enum { W = 32, HOURS = 20, ROWS = HOURS * W * 4, K = 20, CLIENT = 7000, SERVER = 8000 };

static void an_hour_is_forgotten_in_the_next(void **state)
{
	struct fm_hour_trades *h;
	struct fm_error err;
	(void)state;
	assert_int_equal(fm_hour_trades_new(&h, &err), FM_OK);
	for (int64_t hour = -1; hour < 2; hour++) {
		fm_hour_trades_at(h, hour * 3600000);
		for (uint32_t host = 0; host < 5000; host++) { /* more than there is room for at first */
			assert_false(fm_hour_trades_seen(h, host));
			assert_int_equal(fm_hour_trades_add(h, host, host % 7, &err), FM_OK);
		}
		fm_hour_trades_at(h, hour * 3600000 + 3599999);
		for (uint32_t host = 0; host < 5000; host++) {
			assert_true(fm_hour_trades_seen(h, host) && fm_hour_trades_has(h, host, host % 7));
			assert_false(fm_hour_trades_has(h, host, host % 7 + 1));
		}
	}
	fm_hour_trades_free(h);
}

/* Half of the clients ask for port 53, the others in turn for 53 and 445. */
static void other_trades_are_counted(void **state)
{
	static int64_t atoms[] = {53, 445}, edges[] = {0, 1024, 65536};
	struct fm_num ports = {.natoms = 2, .nbins = 2, .atom = atoms, .edge = edges, .step = 1};
	struct fm_profile_data d = {.window = W, .ports = &ports, .min_count = K};
	struct fm_profiles p = {0};
	struct fm_error err;
	struct fm_hosts *hosts;
	struct fm_table *t;
	size_t *first;
	(void)state;
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16 | 1u << FM_WIN, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, ROWS, &err), FM_OK);
	for (uint32_t i = 0; i < ROWS; i++) {
		t->te[i] = (int64_t)i * (3600000 / (W * 4));
		t->win[i] = i / W;
		t->sa[i] = CLIENT + i % 50; /* comes twice or three times in an hour */
		t->da[i] = SERVER + i % 30;
		t->sp[i] = (uint16_t)(20000 + i);
		t->dp[i] = i % 50 < 25 ? 53 : i / 50 % 2 ? 445 : 53;
		t->pkt[i] = 1;
		t->byt[i] = 60;
	}
	t->rows = ROWS;
	assert_int_equal(fm_hosts_fit(&hosts, t, W, K, 200, &err), FM_OK);
	assert_int_equal(fm_windows_find(t, W, &first, &d.windows, &err), FM_OK);
	d.t = t;
	d.hosts = hosts;
	d.first = first;
	assert_int_equal(fm_hour_trades_fit(&p, &d, &err), FM_OK);
	/* Half of the clients change with each flow: of their second and third flows in an hour the second is other. */
	assert_true(p.hourly[0] > 0.2 && p.hourly[0] < 0.5);
	/* A server of an hour is asked for two ports by four or so flows, and at first for one of them. */
	assert_true(p.hourly[1] > 0.1 && p.hourly[1] < 0.35);
	d.min_count = ROWS;
	assert_int_equal(fm_hour_trades_fit(&p, &d, &err), FM_OK);
	assert_true(p.hourly[0] == 1 && p.hourly[1] == 1);
	free(first);
	fm_hosts_free(hosts);
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_hour_is_forgotten_in_the_next),
	    cmocka_unit_test(other_trades_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
