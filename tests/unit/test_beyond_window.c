/* test_beyond_window.c - what outlasts a window: lifetimes, what hosts do, beats and bursts come out as they were
 * learned. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/detmath.h"
#include "base/rng.h"
#include "model/codec/beats.h"
#include "model/codec/host_assignment.h"
#include "model/codec/window_follow.h"
#include "model/codec/window_memory.h"
#include "tests/unit/model_fixture.h"

enum { LONG = 200, FLOWS = 100, W = 32 };

/* ---- beats ---- */

/* LONG conversations of FLOWS flows; the first `beating` have a gap of a minute, give or take 6 s, the others come as
 * they like. Of each flow `kept` of 100 are there, drawn by windows of a second. */
static struct fm_table *conversations(int beating, int kept)
{
	struct fm_table *t;
	struct fm_error err;
	struct fm_rng r, gone;
	fm_rng_init(&r, 5, FM_RNG_SIMULATE, 0, 0);
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, LONG * FLOWS, &err), FM_OK);
	for (uint32_t c = 0; c < LONG; c++)
		for (uint32_t i = 0; i < FLOWS; i++) {
			int64_t te = (int)c < beating ? i * 60000 + (int64_t)fm_rng_below(&r, 12000)
						      : fm_rng_below(&r, FLOWS * 60000);
			fm_rng_init(&gone, 6, FM_RNG_SIMULATE, (uint64_t)te / 1000, 0);
			if ((int)fm_rng_below(&gone, 100) >= kept)
				continue;
			t->te[t->rows] = te;
			t->sa[t->rows] = c;
			t->da[t->rows] = LONG + c;
			t->dp[t->rows] = 80;
			t->rows++;
		}
	return t;
}

static int64_t regular(const struct fm_beats *b)
{
	int64_t n = 0;
	for (int k = 0; k < FM_BEATS; k++)
		n += b->regular[k];
	return n;
}

static void beats_are_found_with_windows_missing(void **state)
{
	static const int kept[] = {100, 73};
	struct fm_error err;
	struct fm_beats b;
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fm_table *t = conversations(60, kept[i]);
		assert_int_equal(fm_beats_fit(&b, t, kept[i] / 100.0, 20, &err), FM_OK);
		assert_int_equal(b.conversations, LONG);
		assert_in_range(regular(&b), 57, 66);
		fm_table_free(t);
	}
	/* Fewer than k that beat point at somebody. */
	struct fm_table *t = conversations(15, 100);
	assert_int_equal(fm_beats_fit(&b, t, 1, 20, &err), FM_OK);
	assert_true(regular(&b) == 0 || regular(&b) >= 20);
	fm_table_free(t);
}

static void beats_come_back(void **state)
{
	struct fm_error err;
	struct fm_beats learned, made;
	struct fm_table *real = conversations(60, 73), *t = conversations(0, 100);
	uint32_t *answer = malloc(t->rows * sizeof *answer);
	int64_t *apart = malloc(t->rows * sizeof *apart);
	(void)state;
	assert_int_equal(fm_beats_fit(&learned, real, 0.73, 20, &err), FM_OK);
	/* Each second flow is the reply to the one before, by way of another conversation. */
	for (size_t i = 0; i < t->rows; i++) {
		answer[i] = i % 2 == 0 && i + 1 < t->rows ? (uint32_t)i + 1 : UINT32_MAX;
		if (i % 2 == 1) {
			t->dp[i] = (uint16_t)(1024 + i);
			t->te[i] = t->te[i - 1] + 250;
		}
		if (i % 100 == 1) /* a row of a scan may come before the row that it answers */
			t->te[i] = 0;
	}
	for (size_t i = 0; i + 1 < t->rows; i += 2)
		apart[i] = t->te[i + 1] - t->te[i];
	struct fm_beats_opts o = {1, 1, 0, FLOWS * 60000, answer};
	assert_int_equal(fm_beats_lay(&learned, t, &o, &err), FM_OK);
	assert_int_equal(fm_beats_fit(&made, t, 1, 20, &err), FM_OK);
	assert_int_equal(made.conversations, LONG);
	assert_in_range(regular(&made), regular(&learned) - 4, regular(&learned) + 4);
	for (size_t i = 0; i < t->rows; i++) {
		assert_in_range(t->te[i], 0, FLOWS * 60000);
		if (answer[i] != UINT32_MAX && t->te[i + 1] < FLOWS * 60000 && t->te[i + 1] > 0)
			assert_int_equal(t->te[i + 1] - t->te[i], apart[i]);
	}
	free(answer);
	free(apart);
	fm_table_free(real);
	fm_table_free(t);
}

/* ---- lifetimes ---- */

/* How many hosts live seconds, and over ten minutes.  rare: two in seven are to live a minute or two, and half of the
 * calls are for one of 16 trades, so that of those who are to live seconds half live a minute or two as well. */
static void live(bool rare, int *short_lived, int *long_lived)
{
	enum { HOSTS = 2000 };
	const int visits = rare ? 2 : 4;
	struct fm_pool_entry kind = {visits, 1, HOSTS};
	uint8_t inside = 0;
	struct fm_roles roles = {.side = &inside, .nclasses = 1, .pool = {&kind}, .npool = {1}};
	struct fm_assignment_opts o = {.seed = 3, .grow = 1};
	struct fm_assignment *a;
	struct fm_error err;
	int64_t first[2 * HOSTS], last[2 * HOSTS];
	uint32_t host, n = 0, born = 0;
	roles.life[0][3] = rare ? 2 * HOSTS : HOSTS / 2; /* 7 to 15 s */
	roles.life[0][11] = HOSTS / 2;                   /* 34 to 68 minutes */
	roles.life[0][6] = rare ? HOSTS : 0;             /* 63 to 127 s */
	assert_int_equal(fm_assignment_new(&a, &roles, &o, &err), FM_OK);
	for (int i = 0; i < HOSTS * visits; i++) { /* over six hours, all with one peer */
		struct fm_call call = {
		    .trade = rare && i % 2 ? 1 + i / 2 % 16 : 0, .peer = 7000000, .now_ms = (int64_t)i * 2700};
		assert_int_equal(fm_assignment_draw(a, &call, &host, &err), FM_OK);
		assert_in_range(host, 0, 2 * HOSTS - 1);
		for (; n <= host; n++)
			first[n] = -1;
		first[host] = first[host] < 0 ? call.now_ms : first[host];
		last[host] = call.now_ms;
	}
	for (uint32_t h = 0; h < n; h++) {
		born += first[h] >= 0;
		if (first[h] < 0 || first[h] > (int64_t)HOSTS * visits * 2000)
			continue;
		*short_lived += last[h] - first[h] < (rare ? 20000 : 60000);
		*long_lived += last[h] - first[h] > 600000;
	}
	assert_in_range(born, HOSTS * 9 / 10, HOSTS * 21 / 20);
	fm_assignment_free(a);
}

static void hosts_live_as_long_as_they_did(void **state)
{
	int short_lived = 0, long_lived = 0;
	(void)state;
	live(false, &short_lived, &long_lived); /* half and half, but for those whose visits fall to others */
	assert_true(short_lived > 400 && long_lived > 400);
	short_lived = long_lived = 0;
	live(true, &short_lived, &long_lived); /* there are enough of a minute or two, so that more live seconds */
	assert_true(short_lived > 530 && long_lived > 200);
}

static void hosts_keep_to_their_trade(void **state)
{
	struct fm_pool_entry kind = {4, 3, 500};
	uint8_t inside = 0;
	struct fm_roles roles = {.side = &inside, .nclasses = 1, .pool = {&kind}, .npool = {1}};
	struct fm_assignment_opts o = {.seed = 4, .grow = 1};
	struct fm_assignment *a;
	struct fm_error err;
	uint32_t trade[4000], host, n = 0, born = 0;
	(void)state;
	roles.life[0][10] = 500;
	assert_int_equal(fm_assignment_new(&a, &roles, &o, &err), FM_OK);
	for (uint32_t i = 0; i < 2000; i++) {
		struct fm_call call = {.cl = 0, .trade = i % 3, .peer = 5000000 + i % 40, .now_ms = (int64_t)i * 1000};
		assert_int_equal(fm_assignment_draw(a, &call, &host, &err), FM_OK);
		assert_true(host < 4000);
		for (; n <= host; n++)
			trade[n] = UINT32_MAX;
		born += trade[host] == UINT32_MAX;
		if (trade[host] == UINT32_MAX)
			trade[host] = call.trade;
		assert_int_equal(trade[host], call.trade);
	}
	assert_in_range(born, 450, 600);
	fm_assignment_free(a);
}

/* Half as many windows again show more hosts, but not half as many again, when most hosts are seen often. */
static void more_windows_show_hosts_again(void **state)
{
	struct fm_pool_entry kind[] = {{1, 1, 300}, {2, 1, 300}, {3, 1, 600}};
	uint8_t inside = 0;
	struct fm_roles roles = {.side = &inside, .nclasses = 1, .pool = {kind}, .npool = {3}};
	struct fm_assignment_opts o = {.seed = 5, .grow = 1.5};
	struct fm_assignment *a;
	struct fm_error err;
	bool seen[4000] = {false};
	uint32_t host, born = 0;
	(void)state;
	roles.life[0][12] = 1200;
	assert_int_equal(fm_assignment_new(&a, &roles, &o, &err), FM_OK);
	for (uint32_t i = 0; i < 2700 * 3 / 2; i++) {
		struct fm_call call = {.cl = 0, .peer = 5000000, .now_ms = (int64_t)i * 1000};
		assert_int_equal(fm_assignment_draw(a, &call, &host, &err), FM_OK);
		assert_true(host < 4000);
		born += !seen[host];
		seen[host] = true;
	}
	/* Good and Toulmin: 0.5 * 300 - 0.25 * 300 + 0.125 * 600 = 150 more. */
	assert_in_range(born, 1250, 1450);
	fm_assignment_free(a);
}

/* ---- what popular hosts do ---- */

/* Of the events of popular hosts in a role of a service, those that are none of the uses. */
static double rest_share(const struct fm_profiles *p, int role, uint32_t service)
{
	uint64_t key = (uint64_t)role << 46 | service;
	double uses = 0, rest = 0;
	for (size_t i = 0; i < p->uses.n; i++)
		uses += p->uses.at[i].key >> 16 == key ? p->uses.at[i].events : 0;
	for (size_t i = 0; i < p->rests.n; i++)
		rest += p->rests.at[i].key == key ? p->rests.at[i].events : 0;
	return rest > 0 ? rest / (uses + rest) : 0;
}

static void popular_hosts_do_what_they_did(void **state)
{
	struct fm_error err = {0};
	struct fm_table *t = fixture_flows(20000, 7, W);
	struct fm_codec_opts o = fixture_opts(t, W);
	struct fm_codec *c;
	struct fm_hosts *hosts;
	struct fm_reassign *r;
	size_t asked = 0, kept = 0, strange = 0;
	double expected = 0;
	(void)state;
	assert_int_equal(fm_codec_fit_with_hosts(&c, &hosts, t, &o, &err), FM_OK);
	const struct fm_profiles *p = &c->profiles;
	assert_true(p->uses.n > 20 && p->talks.n > 0);
	assert_int_equal(fm_reassign_new(&r, p, &c->num[FM_R_DP], &c->roles, 1, &err), FM_OK);
	for (size_t i = 0; i < p->uses.n; i++) {
		uint32_t host = (uint32_t)(p->uses.at[i].key & 0xffff),
			 service = (uint32_t)(p->uses.at[i].key >> 16 & 0x3fffffff);
		int role = (int)(p->uses.at[i].key >> 62);
		fm_reassign_window(r);
		assert_int_equal(fm_reassign_host(r, role, service, host), host);
		/* A host that has no such use becomes one that has, on the same side, but for the rest. */
		for (uint32_t other = 0; other < (uint32_t)c->roles.nhosts && other < 40; other++) {
			fm_reassign_window(r);
			if (c->roles.side[other] != c->roles.side[host])
				continue;
			uint32_t to = fm_reassign_host(r, role, service, other);
			bool has = false;
			assert_int_equal(c->roles.side[to], c->roles.side[other]);
			for (size_t k = 0; k < p->uses.n; k++)
				has |= p->uses.at[k].key == ((p->uses.at[i].key & ~0xffffull) | to);
			asked++;
			kept += to == other;
			strange += !has;
			expected += rest_share(p, role, service);
		}
	}
	assert_true(asked > 200);
	assert_true(kept < asked); /* the network's choice does not just stay */
	assert_true((double)strange < 1.1 * expected + 0.05 * (double)asked);
	/* A talk is with somebody the source talks to. */
	for (size_t i = 0; i < p->talks.n; i++) {
		uint32_t service = (uint32_t)(p->talks.at[i].key >> 32),
			 from = (uint32_t)(p->talks.at[i].key >> 16 & 0xffff);
		uint32_t to = fm_reassign_peer(r, service, from);
		assert_true(to == UINT32_MAX || fm_reassign_talks(r, service, from, to));
	}
	fm_reassign_free(r);
	fm_codec_free(c);
	fm_hosts_free(hosts);
	fm_table_free(t);
}

/* ---- what a window remembers ---- */

enum { ASKED = W / 2, SERVER = 100000 };

/* Windows in which ASKED new clients ask a server, and it answers those of the window before. Of each four windows
 * `kept` are there. */
static struct fm_table *answers_a_window_later(uint32_t windows, uint32_t kept)
{
	struct fm_table *t;
	struct fm_error err;
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16 | 1u << FM_WIN, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, (size_t)windows * W, &err), FM_OK);
	for (uint32_t w = 0; w < windows; w++)
		for (uint32_t i = 0; i < W && w % 4 < kept; i++) {
			bool reply = i >= ASKED;
			size_t r = t->rows++;
			uint32_t client = w * ASKED + i - (reply ? 2 * ASKED : 0);
			client = reply && w == 0 ? SERVER - 1 - i : client;
			t->te[r] = (int64_t)(w * W + i) * 1000;
			t->win[r] = w;
			t->sa[r] = reply ? SERVER : client;
			t->da[r] = reply ? client : SERVER;
			t->sp[r] = reply ? 80 : (uint16_t)(20000 + client);
			t->dp[r] = reply ? (uint16_t)(20000 + client) : 80;
			t->pkt[r] = 5;
			t->byt[r] = 500;
		}
	return t;
}

static void learn_returns(struct fm_returns *r, const struct fm_num *ports, uint32_t windows, uint32_t kept,
			  int min_count)
{
	struct fm_table *t = answers_a_window_later(windows, kept);
	struct fm_profile_data d = {.t = t, .ports = ports, .window = W, .min_count = min_count};
	struct fm_hosts *hosts;
	struct fm_error err;
	size_t *first;
	assert_int_equal(fm_windows_find(t, W, &first, &d.windows, &err), FM_OK);
	d.first = first;
	assert_int_equal(fm_hosts_fit(&hosts, t, W, min_count, 100, &err), FM_OK);
	d.hosts = hosts;
	assert_int_equal(fm_returns_fit(r, &d, kept / 4.0, &err), FM_OK);
	free(first);
	fm_hosts_free(hosts);
	fm_table_free(t);
}

/* Of a popular source's flows of 16 styles, the share that is the reply to one of the window before. */
static double replies_of(const struct fm_returns *r)
{
	int64_t flows = 0, replies = 0;
	for (size_t i = 0; i < r->n; i++)
		if (r->at[i].key == (1u << 31 | 0x7ffffffe)) {
			flows += r->at[i].flows;
			replies += r->at[i].seen[FM_RETURN_REPLY][0];
		}
	assert_true(flows > 0);
	return (double)replies / (double)flows;
}

static bool everyone(void *ctx, uint32_t host)
{
	return host != *(uint32_t *)ctx;
}

/* Recalled replies of 1000 that a server sends a window after 1000 clients asked it. */
static int recalled(const struct fm_returns *r, const struct fm_num *ports, uint32_t dead)
{
	struct fm_return_flow ask = {.service = fm_service_of(ports, 0, 20000, 80, false),
				     .turned = fm_service_of(ports, 0, 80, 20000, false),
				     .style = fm_flow_style(5, 500),
				     .to = SERVER,
				     .sides = 1 << 4,
				     .dp = 80};
	struct fm_return_flow answer = {
	    .service = ask.turned, .turned = ask.service, .style = ask.style, .popular = true, .sides = 1, .sp = 80};
	struct fm_window_memory *m;
	struct fm_error err;
	bool met[1000] = {false};
	int n = 0;
	assert_int_equal(fm_window_memory_new(&m, r, 1, 1, &err), FM_OK);
	for (uint32_t from = 0; from < 1000; from += 50) {
		for (uint32_t i = from; i < from + 50; i++) {
			ask.from = i;
			ask.sp = (uint16_t)(20000 + i);
			assert_int_equal(fm_window_memory_add(m, &ask, true, &err), FM_OK);
		}
		fm_window_memory_next(m);
		for (int i = 0; i < 50; i++) {
			struct fm_return_flow f = answer;
			f.from = SERVER;
			f.to = UINT32_MAX;
			f.dp = 1;
			if (!fm_window_memory_recall(m, &f, everyone, &dead))
				continue;
			n++;
			assert_true(f.reply && f.from == SERVER && f.to < 1000 && !met[f.to]);
			assert_int_equal(f.sp, 80);
			assert_int_equal(f.dp, 20000 + f.to);
			met[f.to] = true; /* a request has one reply */
		}
	}
	fm_window_memory_free(m);
	return n;
}

static void replies_come_a_window_later(void **state)
{
	struct fm_error err = {0};
	struct fm_table *t = fixture_flows(2000, 7, W);
	struct fm_codec_opts o = fixture_opts(t, W);
	struct fm_returns whole = {0}, part = {0}, few = {0}, none = {0}, again = {0};
	struct fm_codec *c;
	struct fm_hosts *hosts;
	json_t *j, *k;
	(void)state;
	assert_int_equal(fm_codec_fit_with_hosts(&c, &hosts, t, &o, &err), FM_OK);
	const struct fm_num *ports = &c->num[FM_R_DP];
	learn_returns(&whole, ports, 100, 4, 20);
	learn_returns(&part, ports, 400, 3, 20);
	learn_returns(&few, ports, 100, 4, 100 * W);
	assert_true(replies_of(&whole) > 0.97);
	assert_true(fabs(replies_of(&part) - 8.0 / 9) < 0.03); /* of 3 windows in a row the first lacks its requests */
	assert_int_equal(few.n, 0);                            /* fewer than k flows say nothing */
	assert_true(recalled(&whole, ports, UINT32_MAX) > 900);
	assert_int_equal(recalled(&whole, ports, SERVER), 0); /* who may not come does not */
	assert_int_equal(recalled(&none, ports, UINT32_MAX), 0);
	assert_non_null(j = fm_returns_json(&whole));
	assert_int_equal(fm_returns_from_json(&again, j, &err), FM_OK);
	assert_non_null(k = fm_returns_json(&again));
	assert_true(whole.n > 2 && json_equal(j, k));
	json_array_append(j, json_array_get(j, 0)); /* not in order */
	fm_returns_free(&again);
	assert_int_equal(fm_returns_from_json(&again, j, &err), FM_EINPUT);
	json_decref(j);
	json_decref(k);
	fm_returns_free(&again);
	fm_returns_free(&whole);
	fm_returns_free(&part);
	fm_returns_free(&few);
	fm_codec_free(c);
	fm_hosts_free(hosts);
	fm_table_free(t);
}

/* ---- bursts ---- */

static void durations_follow_each_other(void **state)
{
	enum { N = 4800 };
	static uint8_t slot[N];
	static int64_t length[N];
	static uint32_t number[N], rank[N];
	struct fm_times learned = {.first_ms = 0}, made = {.first_ms = 0};
	struct fm_window_lengths w = {N, slot, length, number};
	struct fm_window_follow f;
	struct fm_error err;
	struct fm_rng r;
	double x = 0;
	(void)state;
	fm_rng_init(&r, 8, FM_RNG_SIMULATE, 0, 0);
	for (uint32_t i = 0; i < N;
	     i++) { /* an autoregressive sequence of 0.7, and of each four windows one is not there */
		for (int k = 0; k < (i % 3 == 0 ? 2 : 1); k++)
			x = 0.7 * x + sqrt(1 - 0.49) * fm_normal_quantile(fm_rng_uniform53(&r) + 0x1p-54);
		slot[i] = (uint8_t)(i / 100);
		number[i] = i + i / 3 + 1;
		length[i] = (int64_t)(1000 * exp(x));
	}
	assert_int_equal(fm_window_follow_fit(&learned, &w, 20, &err), FM_OK);
	assert_true(fabs(learned.follow[0] - 0.7) < 0.06);
	assert_true(fabs(learned.follow[2] - 0.343) < 0.08);
	fm_window_follow_begin(&f, &learned, 1);
	for (int s = 0; s < N / 100; s++) {
		assert_int_equal(fm_window_follow_ranks(&f, rank + s * 100, 100, &err), FM_OK);
		for (int i = s * 100; i < s * 100 + 100; i++) {
			assert_in_range(rank[i], 0, 99);
			length[i] = rank[i];
			number[i] = (uint32_t)i;
		}
	}
	assert_int_equal(fm_window_follow_fit(&made, &w, 20, &err), FM_OK);
	for (int l = 0; l < 4; l++)
		assert_true(fabs(made.follow[l] - learned.follow[l]) < 0.08);
	/* Fewer pairs than k say nothing. */
	assert_int_equal(fm_window_follow_fit(&made, &w, N, &err), FM_OK);
	for (int l = 0; l < FM_LAGS; l++)
		assert_true(made.follow[l] == 0);
}

/* A host that comes without a call when it is due makes its visit; when it is not, it comes again all the same. */
static void who_comes_without_a_call_need_not_be_called(void **state)
{
	struct fm_pool_entry kind = {2, 1, 100};
	uint8_t inside = 0;
	struct fm_roles roles = {.side = &inside, .nclasses = 1, .pool = {&kind}, .npool = {1}};
	struct fm_assignment_opts o = {.seed = 3, .grow = 1};
	struct fm_assignment *a;
	struct fm_error err;
	uint32_t host, later;
	(void)state;
	roles.life[0][6] = 100; /* 63 to 127 s */
	assert_int_equal(fm_assignment_new(&a, &roles, &o, &err), FM_OK);
	struct fm_call call = {.peer = 7000000, .now_ms = 1000};
	assert_int_equal(fm_assignment_draw(a, &call, &host, &err), FM_OK);
	fm_assignment_came(a, host, 1000);
	assert_true(fm_assignment_alive(a, host));
	fm_assignment_came(a, host, 129000);
	assert_false(fm_assignment_alive(a, host));
	fm_assignment_came(a, host, 130000); /* says nothing of a host that is gone */
	call.now_ms = 130000;
	assert_int_equal(fm_assignment_draw(a, &call, &later, &err), FM_OK);
	assert_int_not_equal(later, host);
	fm_assignment_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_comes_without_a_call_need_not_be_called),
	    cmocka_unit_test(beats_are_found_with_windows_missing),
	    cmocka_unit_test(beats_come_back),
	    cmocka_unit_test(hosts_live_as_long_as_they_did),
	    cmocka_unit_test(hosts_keep_to_their_trade),
	    cmocka_unit_test(more_windows_show_hosts_again),
	    cmocka_unit_test(popular_hosts_do_what_they_did),
	    cmocka_unit_test(replies_come_a_window_later),
	    cmocka_unit_test(durations_follow_each_other),

	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
