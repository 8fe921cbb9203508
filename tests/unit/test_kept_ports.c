/* test_kept_ports.c - clients keep to a source port from window to window as they did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/codec/kept_ports.h"
#include "tests/unit/model_fixture.h"

enum { W = 32, CLIENTS = 4 * W, WINDOWS = 240, K = 10 };

/* Clients, one flow each every fourth window; of the first `keeping` the source port is always the same. */
static struct fm_table *clients(uint32_t keeping)
{
	struct fm_error err;
	struct fm_table *t;

	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16 | 1u << FM_WIN, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, WINDOWS * W, &err), FM_OK);
	for (uint32_t w = 0; w < WINDOWS; w++)
		for (uint32_t i = 0; i < W; i++) {
			size_t r = t->rows++;
			uint32_t client = w % 4 * W + i;
			t->te[r] = (int64_t)r * 1000;
			t->win[r] = w;
			t->sa[r] = client;
			t->da[r] = CLIENTS + client;
			t->sp[r] = (uint16_t)(20000 + (client < keeping ? client : r % 30000));
			t->dp[r] = 80;
			t->pkt[r] = 5;
			t->byt[r] = 500;
		}
	return t;
}

static void learn(struct fm_flow_shares *p, const struct fm_num *ports, uint32_t keeping, int min_count)
{
	struct fm_table *t = clients(keeping);
	struct fm_profile_data d = {.t = t, .ports = ports, .window = W, .min_count = min_count};
	struct fm_error err;
	size_t *first;

	assert_int_equal(fm_windows_find(t, W, &first, &d.windows, &err), FM_OK);
	d.first = first;
	assert_int_equal(fm_kept_ports_fit(p, &d, &err), FM_OK);
	free(first);
	fm_table_free(t);
}

/* Hosts of 400 that come in each of 20 windows, from any port, and keep to one in the last ten of them; those that have
 * another one each time into *never. */
static int keepers(const struct fm_flow_shares *p, const struct fm_num *ports, int *never)
{
	enum { HOSTS = 400, TIMES = 20 };
	uint32_t service = fm_service_of(ports, 0, 20000, 80, false);
	struct fm_port_memory *m;
	struct fm_error err;
	struct fm_rng r;
	uint16_t last[HOSTS] = {0};
	int same[HOSTS] = {0}, n = 0;

	assert_true(fm_client_service(ports, service));
	assert_false(fm_client_service(ports, fm_service_of(ports, 0, 80, 20000, false)));
	fm_rng_init(&r, 8, FM_RNG_SIMULATE, 0, 0);
	assert_int_equal(fm_port_memory_new(&m, p, 4, &err), FM_OK);
	for (uint32_t w = 0; w < TIMES; w++)
		for (uint32_t h = 0; h < HOSTS; h++) {
			struct fm_client_flow f = {h, service, w, (uint16_t)(20000 + fm_rng_below(&r, 30000))};
			f.sp = fm_port_memory_ask(m, &f);
			same[h] += w >= TIMES / 2 && f.sp == last[h];
			last[h] = f.sp;
			assert_int_equal(fm_port_memory_add(m, &f, &err), FM_OK);
			assert_int_equal(fm_port_memory_ask(m, &(struct fm_client_flow){h, service, w, 7}), 7);
		}
	fm_port_memory_free(m);
	*never = 0;
	for (int h = 0; h < HOSTS; h++) {
		n += same[h] == TIMES / 2;
		*never += same[h] == 0;
	}
	return n;
}

static void clients_keep_as_they_did(void **state)
{
	struct fm_error err = {0};
	struct fm_table *t = fixture_flows(2000, 7, W);
	struct fm_codec_opts o = fixture_opts(t, W);
	struct fm_flow_shares half, none, few, again;
	struct fm_codec *c;
	struct fm_hosts *hosts;
	int never, n;
	json_t *j;

	(void)state;
	assert_int_equal(fm_codec_fit_with_hosts(&c, &hosts, t, &o, &err), FM_OK);
	const struct fm_num *ports = &c->num[FM_R_DP];
	learn(&half, ports, CLIENTS / 2, K);
	learn(&none, ports, 0, K);
	learn(&few, ports, CLIENTS / 2, WINDOWS * W);
	assert_int_equal(few.n, 0);
	n = keepers(&half, ports, &never);
	assert_true(n > 160 && n < 240 && n + never == 400);
	assert_int_equal(keepers(&none, ports, &never), 0);
	assert_int_equal(never, 400);
	assert_int_equal(keepers(&few, ports, &never), 0);

	j = fm_flow_shares_json(&half);
	assert_int_equal(fm_flow_shares_from_json(&again, j, "ports of clients", &err), FM_OK);
	assert_int_equal(again.n, half.n);
	assert_memory_equal(again.at, half.at, half.n * sizeof *half.at);
	fm_flow_shares_free(&again);
	json_array_append_new(j, json_pack("[i,i,i]", 0, 10, 11)); /* out of order, and more than all */
	assert_int_equal(fm_flow_shares_from_json(&again, j, "ports of clients", &err), FM_EINPUT);
	json_decref(j);
	fm_flow_shares_free(&half);
	fm_flow_shares_free(&none);
	fm_flow_shares_free(&few);
	fm_codec_free(c);
	fm_hosts_free(hosts);
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clients_keep_as_they_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
