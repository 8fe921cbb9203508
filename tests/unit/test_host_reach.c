/* test_host_reach.c - popular sources reach as many hosts as they did, silent hosts stay silent, scans come one after
 * the other, and a class of few hosts stays one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/codec/host_assignment.h"
#include "model/codec/host_reach.h"
#include "tests/unit/model_fixture.h"

enum { W = 32, ROWS = 1600, SCANNER = 5000, CLIENT, SERVER, SERVERS = 5, K = 20 };

/* Every other flow is the scanner's, to one host after another; the others are the client's, to its servers. */
static struct fm_table *scanner_and_client(void)
{
	struct fm_table *t;
	struct fm_error err;
	struct fm_rng r;
	fm_rng_init(&r, 3, FM_RNG_SIMULATE, 0, 0);
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16 | 1u << FM_WIN, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, ROWS, &err), FM_OK);
	for (uint32_t i = 0; i < ROWS; i++) {
		bool scans = i % 2 == 0;
		t->te[i] = (int64_t)i * 1000;
		t->win[i] = i / W;
		t->sa[i] = scans ? SCANNER : CLIENT;
		t->da[i] = scans ? i : SERVER + fm_rng_below(&r, SERVERS);
		t->sp[i] = (uint16_t)(20000 + i);
		t->dp[i] = scans ? 445 : 53;
		t->pkt[i] = 1;
		t->byt[i] = 60;
	}
	t->rows = ROWS;
	return t;
}

struct learned {
	struct fm_table *t;
	struct fm_hosts *hosts;
	struct fm_num ports;
	struct fm_profiles profiles;
	struct fm_roles roles;
	uint8_t side[64];
	size_t *first;
};

static void learn(struct learned *l, int min_count)
{
	static int64_t atoms[] = {53, 445}, edges[] = {0, 1024, 65536};
	struct fm_profile_data d = {.window = W, .min_count = min_count};
	struct fm_error err;
	memset(l, 0, sizeof *l);
	l->t = scanner_and_client();
	l->ports = (struct fm_num){.natoms = 2, .nbins = 2, .atom = atoms, .edge = edges, .step = 1};
	assert_int_equal(fm_hosts_fit(&l->hosts, l->t, W, K, 100, &err), FM_OK);
	assert_int_equal(fm_windows_find(l->t, W, &l->first, &d.windows, &err), FM_OK);
	d.t = l->t;
	d.hosts = l->hosts;
	d.ports = &l->ports;
	d.first = l->first;
	assert_int_equal(fm_reaches_fit(&l->profiles, &d, &err), FM_OK);
	l->roles = (struct fm_roles){.nhosts = l->hosts->npopular, .side = l->side};
}

static void forget(struct learned *l)
{
	free(l->profiles.reaches.at);
	free(l->first);
	fm_hosts_free(l->hosts);
	fm_table_free(l->t);
}

static uint32_t rank_of(const struct learned *l, uint32_t code)
{
	const struct fm_host *h = fm_hosts_find(l->hosts, l->t, code);
	assert_non_null(h);
	assert_true(h->rank >= 0);
	return (uint32_t)h->rank;
}

static const struct fm_profile *entry(const struct learned *l, uint64_t key)
{
	for (size_t i = 0; i < l->profiles.reaches.n; i++)
		if (l->profiles.reaches.at[i].key == key)
			return &l->profiles.reaches.at[i];
	return NULL;
}

static void reaches_and_silent_hosts_are_learned(void **state)
{
	struct learned l;
	(void)state;
	learn(&l, K);
	uint32_t scanner = rank_of(&l, SCANNER), client = rank_of(&l, CLIENT);
	uint64_t scan = fm_service_of(&l.ports, 0, 20000, 445, false),
		 ask = fm_service_of(&l.ports, 0, 20000, 53, false);
	const struct fm_profile *p = entry(&l, scan << 16 | scanner);
	assert_non_null(p);
	assert_int_equal(p->events, ROWS / 2);
	assert_int_equal(p->hosts, ROWS / 2);
	p = entry(&l, ask << 16 | client);
	assert_non_null(p);
	assert_int_equal(p->hosts, SERVERS);
	assert_in_range(p->events, 2 * SERVERS, ROWS / 4); /* one a server and window: the others are related */
	for (uint32_t s = 0; s < SERVERS; s++)
		assert_non_null(entry(&l, fm_silent_key(rank_of(&l, SERVER + s))));
	assert_null(entry(&l, fm_silent_key(scanner)));
	assert_null(entry(&l, fm_silent_key(client)));
	forget(&l);
	/* What fewer than k flows have is not kept. */
	learn(&l, ROWS / 2 + 1);
	assert_int_equal(l.profiles.reaches.n, 0);
	forget(&l);
}

static const struct fm_reach_opts o = {.seed = 1, .grow = 1};

static void sources_reach_as_many_hosts_as_they_did(void **state)
{
	enum { NEW = 1000 };
	struct learned l;
	struct fm_reach *r;
	struct fm_error err;
	uint32_t made = 0;
	(void)state;
	learn(&l, K);
	uint32_t scanner = rank_of(&l, SCANNER), client = rank_of(&l, CLIENT);
	uint32_t scan = fm_service_of(&l.ports, 0, 20000, 445, false),
		 ask = fm_service_of(&l.ports, 0, 20000, 53, false);
	assert_int_equal(fm_reach_new(&r, &l.profiles, &l.roles, &o, &err), FM_OK);
	assert_int_equal(fm_reach_ask(r, scan, client), FM_REACH_ANY);
	uint32_t events = entry(&l, (uint64_t)ask << 16 | client)->events;
	for (uint32_t i = 0; i < events; i++) {
		assert_int_equal(fm_reach_ask(r, scan, scanner), FM_REACH_NEW);
		assert_false(fm_reach_has(r, scan, scanner, NEW + i));
		assert_int_equal(fm_reach_add(r, scan, scanner, NEW + i, &err), FM_OK);
		assert_true(fm_reach_has(r, scan, scanner, NEW + i));
		uint32_t to =
		    fm_reach_ask(r, ask, client) == FM_REACH_NEW ? NEW + made++ : fm_reach_again(r, ask, client);
		assert_in_range(to, NEW, NEW + made - 1);
		assert_int_equal(fm_reach_add(r, ask, client, to, &err), FM_OK);
	}
	assert_int_equal(made, SERVERS);
	fm_reach_free(r);
	forget(&l);
}

/* Where the hosts of a side are popular ones, a scan comes to each of them before it comes to one again. */
static void a_scan_comes_to_nobody_twice(void **state)
{
	struct learned l;
	struct fm_reach *r;
	struct fm_reassign *uses;
	struct fm_error err;
	(void)state;
	learn(&l, K);
	uint32_t scanner = rank_of(&l, SCANNER), n = (uint32_t)l.roles.nhosts;
	uint32_t scan = fm_service_of(&l.ports, 0, 20000, 445, false);
	assert_int_equal(fm_reach_new(&r, &l.profiles, &l.roles, &o, &err), FM_OK);
	assert_int_equal(fm_reassign_new(&uses, &l.profiles, &l.ports, &l.roles, 1, &err), FM_OK);
	struct fm_call_for call = {.service = scan, .plain = scan, .from = scanner, .host = rank_of(&l, SERVER)};
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint32_t to = fm_reach_fresh(r, uses, &call);
		assert_true(to < n && to != scanner && !fm_reach_has(r, scan, scanner, to));
		assert_int_equal(fm_reach_add(r, scan, scanner, to, &err), FM_OK);
	}
	assert_int_equal(fm_reach_fresh(r, uses, &call), call.host);
	for (uint32_t s = 0; s < SERVERS; s++)
		assert_false(fm_reassign_speaks(uses, rank_of(&l, SERVER + s)));
	assert_true(fm_reassign_speaks(uses, scanner));
	/* What answers is no silent host. */
	uint32_t answered = scan + 2 * (uint32_t)(fm_num_tokens(&l.ports) + 1);
	assert_int_equal(fm_plain_service(&l.ports, answered), scan);
	/* Nor does anybody answer who never did, though most of the side were not asked yet. */
	struct fm_call_for answers = {
	    .service = answered, .plain = scan, .from = rank_of(&l, CLIENT), .host = call.host};
	assert_int_equal(fm_reach_fresh(r, uses, &answers), call.host);
	for (uint32_t i = 0; i < 20; i++) {
		fm_reassign_window(uses);
		assert_true(fm_reassign_speaks(uses, fm_reassign_host(uses, 1, answered, call.host)));
	}
	fm_reach_free(r);
	fm_reassign_free(uses);
	forget(&l);
}

/* A network of few hosts is scanned: thousands of its addresses were asked once, but nearly all events are with the
 * few. Then a host that is known by name is not replaced by one that nobody has seen. */
static void addresses_that_were_asked_once_are_no_choice(void **state)
{
	enum { ONCE = 500 };
	struct learned l;
	struct fm_reach *r;
	struct fm_reassign *uses;
	struct fm_error err;
	(void)state;
	learn(&l, K);
	uint32_t scanner = rank_of(&l, SCANNER), server = rank_of(&l, SERVER), n = (uint32_t)l.roles.nhosts;
	uint32_t scan = fm_service_of(&l.ports, 0, 20000, 445, false);
	struct fm_call_for call = {.service = scan, .plain = scan, .from = scanner, .host = server};
	struct fm_pool_entry once = {1, 1, ONCE};
	struct fm_roles many = l.roles;
	struct fm_profiles known = l.profiles;
	struct fm_profile use = {(uint64_t)1 << 62 | (uint64_t)scan << 16 | server, 0, 0};
	many.nclasses = 1;
	many.class_of[0] = fm_role_class(l.roles.side[server], 1, 1);
	many.pool[0] = &once;
	many.npool[0] = 1;
	known.uses = (struct fm_profile_list){&use, 1};
	assert_int_equal(fm_reassign_new(&uses, &l.profiles, &l.ports, &l.roles, 1, &err), FM_OK);
	for (int often = 0; often < 2; often++) {
		use.events = often ? 21 * ONCE : ONCE;
		assert_int_equal(fm_reach_new(&r, &known, &many, &o, &err), FM_OK);
		for (uint32_t i = 0; often && i + 1 < n; i++) {
			uint32_t to = fm_reach_fresh(r, uses, &call);
			assert_true(to < n && to != scanner && !fm_reach_has(r, scan, scanner, to));
			assert_int_equal(fm_reach_add(r, scan, scanner, to, &err), FM_OK);
		}
		for (uint32_t h = 0; !often && h < n; h++)
			assert_int_equal(fm_reach_add(r, scan, scanner, h, &err), FM_OK);
		assert_int_equal(fm_reach_fresh(r, uses, &call), often ? call.host : UINT32_MAX);
		fm_reach_free(r);
	}
	fm_reassign_free(uses);
	forget(&l);
}

/* SCANS sources, one after the other: two of three reach MORE hosts within seconds, the others FEW in hours. */
static void the_share_of_brief_scans_is_learned(void **state)
{
	enum { SCANS = 60, FEW = 40, MORE = 250, MOST = SCANS * MORE };
	static int64_t atoms[] = {53, 445}, edges[] = {0, 1024, 65536};
	static const int k[] = {K, FEW - 1, SCANS + 1};
	struct fm_num ports = {.natoms = 2, .nbins = 2, .atom = atoms, .edge = edges, .step = 1};
	struct fm_profile_data d = {.window = W, .ports = &ports};
	struct fm_error err;
	struct fm_hosts *hosts;
	struct fm_table *t;
	size_t *first;
	(void)state;
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16 | 1u << FM_WIN, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, MOST, &err), FM_OK);
	for (uint32_t scan = 0; scan < SCANS; scan++)
		for (uint32_t i = 0; i < (scan % 3 == 0 ? FEW : MORE); i++) {
			size_t r = t->rows++;
			t->te[r] = scan * 20000000ll + i * (scan % 3 == 0 ? 200000 : 100);
			t->win[r] = (uint32_t)r / W;
			t->sa[r] = scan;
			t->da[r] = 5000 + i;
			t->sp[r] = (uint16_t)(20000 + r);
			t->dp[r] = 445;
			t->pkt[r] = 1;
			t->byt[r] = 60;
		}
	assert_int_equal(fm_hosts_fit(&hosts, t, W, K, 1000, &err), FM_OK);
	assert_int_equal(fm_windows_find(t, W, &first, &d.windows, &err), FM_OK);
	d.t = t;
	d.hosts = hosts;
	d.first = first;
	for (int i = 0; i < 3; i++) {
		struct fm_profiles p = {0}, read = {0};
		d.min_count = k[i];
		assert_int_equal(fm_reaches_fit(&p, &d, &err), FM_OK);
		double few = p.brief[0], more = p.brief[5];
		if (k[i] <= SCANS / 3) { /* each size for itself, and those between with one of them */
			assert_true(few == 0 && more == 1);
		} else if (k[i] < FEW) { /* together */
			assert_true(few == more && few > 0.6 && few < 0.7);
		} else { /* sources of fewer than k flows are not kept, and of fewer than k scans nothing is said */
			assert_true(few == 0 && more == 0);
		}
		json_t *j = fm_profiles_json(&p);
		assert_int_equal(fm_profiles_from_json(&read, j, hosts->npopular, &err), FM_OK);
		assert_memory_equal(read.brief, p.brief, sizeof p.brief);
		json_decref(j);
		fm_profiles_free(&read);
		fm_profiles_free(&p);
	}
	free(first);
	fm_hosts_free(hosts);
	fm_table_free(t);
}

/* A model that has one share of brief scans for all sizes, or another number of sizes, is refused. */
static void shares_of_brief_scans_are_read_whole(void **state)
{
	json_t *bad[] = {NULL, json_real(0.66), json_array(), json_array(), json_array(), json_array()};
	struct fm_profiles p = {.brief = {0.25}}, read = {0};
	struct fm_error err;
	json_t *j = fm_profiles_json(&p);
	(void)state;
	for (int i = 0; i < FM_SCAN_SIZES; i++) {
		if (i > 0)
			json_array_append_new(bad[3], json_real(0.66)); /* one too few */
		json_array_append_new(bad[4], json_real(0.66));
		json_array_append_new(bad[5], i == 2 ? json_string("0.66") : json_real(0.66));
	}
	json_array_append_new(bad[4], json_real(0.66));
	assert_int_equal(fm_profiles_from_json(&read, j, 1, &err), FM_OK);
	assert_true(read.brief[0] == 0.25);
	fm_profiles_free(&read);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (bad[i])
			json_object_set_new(j, "brief", bad[i]);
		else
			json_object_del(j, "brief");
		assert_int_equal(fm_profiles_from_json(&read, j, 1, &err), FM_EINPUT);
		assert_string_equal(err.message, "the model's codec is damaged: its shares of brief scans");
		fm_profiles_free(&read);
	}
	json_decref(j);
}

static void a_brief_scan_ends_before_the_next_begins(void **state)
{
	enum { SCANS = 5, EACH = 50, SCAN = 7 };
	struct fm_profile at[SCANS];
	struct fm_profiles p = {.brief = {1, 1}, .reaches = {at, SCANS}};
	uint8_t side[SCANS] = {0};
	struct fm_roles roles = {.nhosts = SCANS, .side = side};
	struct fm_reach *r;
	struct fm_error err;
	struct fm_rng g;
	uint32_t last = UINT32_MAX, turns = 0;
	(void)state;
	for (uint32_t h = 0; h < SCANS; h++)
		at[h] = (struct fm_profile){(uint64_t)SCAN << 16 | h, EACH, EACH};
	fm_rng_init(&g, 2, FM_RNG_SIMULATE, 0, 0);
	assert_int_equal(fm_reach_new(&r, &p, &roles, &o, &err), FM_OK);
	for (uint32_t i = 0; i < SCANS * EACH; i++) {
		uint32_t from = fm_reach_scanner(r, SCAN, fm_rng_below(&g, SCANS));
		assert_in_range(from, 0, SCANS - 1);
		turns += from != last;
		last = from;
		assert_int_equal(fm_reach_add(r, SCAN, from, 1000 + i, &err), FM_OK);
	}
	assert_int_equal(turns, SCANS);
	assert_int_equal(fm_reach_scanner(r, SCAN, 3), 3); /* all are over */
	fm_reach_free(r);
	memset(p.brief, 0, sizeof p.brief); /* scans that take long are drawn as they come */
	assert_int_equal(fm_reach_new(&r, &p, &roles, &o, &err), FM_OK);
	assert_int_equal(fm_reach_add(r, SCAN, 0, 1000, &err), FM_OK);
	assert_int_equal(fm_reach_scanner(r, SCAN, 1), 1);
	fm_reach_free(r);
}

static void a_class_of_few_hosts_stays_one(void **state)
{
	enum { HOSTS = 3, CALLS = 300 };
	struct fm_pool_entry kind = {1, 1, HOSTS};
	uint8_t inside = 0;
	struct fm_roles roles = {.side = &inside, .nclasses = 1, .pool = {&kind}, .npool = {1}};
	struct fm_assignment *a;
	struct fm_error err;
	uint32_t host;
	(void)state;
	roles.life[0][10] = HOSTS;
	assert_int_equal(fm_assignment_new(&a, &roles, &(struct fm_assignment_opts){.seed = 6, .grow = 1}, &err),
			 FM_OK);
	for (uint32_t i = 0; i < CALLS; i++) {
		struct fm_call call = {.cl = 0, .trade = i, .peer = 5000000 + i, .now_ms = (int64_t)i * 1000};
		assert_int_equal(fm_assignment_draw(a, &call, &host, &err), FM_OK);
	}
	assert_in_range(fm_assignment_hosts(a), HOSTS, 2 * HOSTS);
	fm_assignment_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reaches_and_silent_hosts_are_learned),
	    cmocka_unit_test(sources_reach_as_many_hosts_as_they_did),
	    cmocka_unit_test(a_scan_comes_to_nobody_twice),
	    cmocka_unit_test(addresses_that_were_asked_once_are_no_choice),
	    cmocka_unit_test(the_share_of_brief_scans_is_learned),
	    cmocka_unit_test(shares_of_brief_scans_are_read_whole),
	    cmocka_unit_test(a_brief_scan_ends_before_the_next_begins),
	    cmocka_unit_test(a_class_of_few_hosts_stays_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
