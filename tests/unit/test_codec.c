/* test_codec.c - flows to tokens and back: nothing is lost beyond the declared resolution, and nothing private is kept.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/codec/decode.h"
#include "model/codec/decode_order.h"
#include "model/codec/hosts.h"
#include "model/codec/label_services.h"
#include "tests/unit/ipv4_of.h"
#include "tests/unit/model_fixture.h"

enum { W = 32, ROWS = 20000 };
static struct fm_table *flows;

static int setup(void **state)
{
	(void)state;
	flows = fixture_flows(ROWS, 5, W);
	return flows ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fm_table_free(flows);
	return 0;
}

static void fit(struct fm_codec **c, struct fm_hosts **h, struct fm_encoded *e, struct fm_codec_opts *o)
{
	struct fm_error err = {0};
	*o = fixture_opts(flows, W);
	assert_int_equal(fm_codec_fit_with_hosts(c, h, flows, o, &err), FM_OK);
	assert_int_equal(fm_codec_encode(*c, *h, flows, 1, e, &err), FM_OK);
	assert_int_equal(e->windows, ROWS / W);
}

/* The windows decoded, each at the time that it had. */
static struct fm_table *flows_of(const struct fm_codec *c, const struct fm_encoded *e)
{
	struct fm_range in = {0x0a000000, 8}, out = {0xf0000000, 4};
	struct fm_decode_opts o = {.rows = e->windows * W, .seed = 1, .fresh = {{&out, 1}, {&in, 1}}};
	struct fm_window_schedule schedule = {.n = e->windows,
					      .slot = e->slot,
					      .span = e->span,
					      .start_ms = calloc(e->windows, sizeof(int64_t)),
					      .end_ms = calloc(e->windows, sizeof(int64_t))};
	struct fm_table *t;
	struct fm_error err = {0};
	for (size_t w = 0; w < e->windows; w++) {
		schedule.start_ms[w] = flows->te[w * W] - flows->gap[w * W];
		schedule.end_ms[w] = flows->te[w * W + W - 1] + 1;
	}
	assert_int_equal(fm_decode(&t, c, &schedule, e->tok, e->res, &o, &err), FM_OK);
	free(schedule.start_ms);
	free(schedule.end_ms);
	return t;
}

/* A bin's value may come back as another of the same bin only if the residual was lost: with it, the value itself. */
static void numbers_come_back_on_their_lattice(void **state)
{
	struct fm_num c;
	struct fm_error err;
	struct fm_rng r;
	enum { N = 50000 };
	int64_t *v = calloc(N, sizeof *v);
	(void)state;
	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < N; i++) {
		double u = fm_rng_uniform53(&r);
		v[i] = u < 0.3 ? 0 : u < 0.4 ? 3000 : 4 * (int64_t)(exp(12 * fm_rng_uniform53(&r)));
	}
	struct fm_num_opts o = {.min_count = 20, .k = 20, .atom_share = 0.002, .bins = 64, .log = true};
	assert_int_equal(fm_num_fit(&c, v, N, &o, &err), FM_OK);
	assert_int_equal(c.step, 4);
	int clipped = 0;
	for (int i = 0; i < N; i++) {
		double u, jitter = fm_rng_uniform53(&r);
		int t = fm_num_encode(&c, v[i], jitter, &u);
		assert_in_range(t, 0, fm_num_tokens(&c) - 1);
		int64_t back = fm_num_decode(&c, t, u < 0 ? 0.5 : u);
		if (back != v[i]) { /* only beyond the outer edges */
			assert_true(v[i] < c.edge[0] || v[i] >= c.edge[c.nbins]);
			clipped++;
		}
	}
	assert_true(clipped < 2 * 20);
	/* k-anonymity of what is kept: each atom and bin has at least k rows, k lie on or beyond each outer edge. */
	for (int t = 0; t < fm_num_tokens(&c); t++) {
		int n = 0;
		for (int i = 0; i < N; i++) {
			double u;
			n += fm_num_encode(&c, v[i], 0.5, &u) == t;
		}
		assert_true(n >= 20);
	}
	fm_num_free(&c);
	free(v);
}

static void one_value_and_few_values_are_defined(void **state)
{
	struct fm_num c;
	struct fm_error err;
	int64_t same[100], few[3] = {5, 9, 1000000}, zero[100] = {0};
	double u;
	(void)state;
	for (int i = 0; i < 100; i++)
		same[i] = 7;
	struct fm_num_opts o = {.min_count = 20, .k = 20, .atom_share = 0.002, .bins = 64, .log = true};
	assert_int_equal(fm_num_fit(&c, same, 100, &o, &err), FM_OK);
	assert_int_equal(fm_num_tokens(&c), 1);
	assert_int_equal(fm_num_decode(&c, fm_num_encode(&c, 123456, 0.5, &u), 0.5), 7);
	fm_num_free(&c);
	assert_int_equal(fm_num_fit(&c, zero, 100, &o, &err), FM_OK);
	assert_int_equal(fm_num_decode(&c, 0, 0.5), 0);
	fm_num_free(&c);
	/* Twenty gaps of a second among many of none: ticks are a second. */
	int64_t *gaps = calloc(40000, sizeof *gaps);
	for (int i = 0; i < 20; i++)
		gaps[i * 2000] = 1000 * (1 + i % 3);
	assert_int_equal(fm_num_fit(&c, gaps, 40000, &o, &err), FM_OK);
	assert_int_equal(c.step, 1000);
	fm_num_free(&c);
	free(gaps);
	/* Of three rows none may show how far they go: the middle one stands for all. */
	assert_int_equal(fm_num_fit(&c, few, 3, &o, &err), FM_OK);
	assert_int_equal(fm_num_tokens(&c), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fm_num_decode(&c, fm_num_encode(&c, few[i], 0.5, &u), u < 0 ? 0.5 : u), 9);
	fm_num_free(&c);
}

/* The k of privacy guards how far a column goes, and that of the vocabulary how many rows a bin has. */
static void outer_edges_are_of_k_rows(void **state)
{
	enum { N = 20000 };
	struct fm_num c;
	struct fm_error err;
	struct fm_rng r;
	int64_t *v = malloc(N * sizeof *v);
	(void)state;
	fm_rng_init(&r, 4, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < N; i++)
		v[i] = (int64_t)(exp(16 * fm_rng_uniform53(&r)));
	for (int i = 0; i < 250; i++) /* would be an atom */
		v[i] = 20000000;
	for (int k = 5; k <= 500; k *= 10) {
		struct fm_num_opts o = {.min_count = 50, .k = k, .atom_share = 0.01, .bins = 64, .log = true};
		int low = 0, high = 0;
		assert_int_equal(fm_num_fit(&c, v, N, &o, &err), FM_OK);
		for (int i = 0; i < N; i++) {
			low += v[i] <= c.edge[0];
			high += v[i] >= c.edge[c.nbins] - c.step;
		}
		assert_true(low >= k);
		assert_in_range(high, k, k + 350);
		for (int a = 0; a < c.natoms; a++)
			assert_true(k <= 250 || c.atom[a] < 20000000);
		assert_int_equal(k > 250, c.natoms == 0 || c.atom[c.natoms - 1] < 20000000);
		for (int t = c.natoms; t < fm_num_tokens(&c); t++) {
			int n = 0;
			double u;
			for (int i = 0; i < N; i++)
				n += fm_num_encode(&c, v[i], 0.5, &u) == t;
			assert_true(n >= 50);
		}
		fm_num_free(&c);
	}
	free(v);
}

/* The flows from row `from` on, in windows of their own. */
static struct fm_table *flows_from(size_t from)
{
	struct fm_table *t = NULL;
	struct fm_error err = {0};

	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16 | 1u << FM_WIN | 1u << FM_GAP, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, flows->rows - from, &err), FM_OK);
	for (size_t i = 0; i < flows->rows - from; i++) {
		assert_int_equal(fm_table_append(t, flows, from + i, &err), FM_OK);
		t->win[i] = (uint32_t)(i / W);
	}
	return t;
}

/* Windows at other offsets show the flows that stand there, and none that are not neighbours in the trace. */
static void windows_between_windows_are_of_neighbours(void **state)
{
	enum { OFFSETS = 4, N = ROWS / W, LEFT_OUT = 3 };
	struct fm_codec *c;
	struct fm_hosts *h;
	struct fm_encoded own = {0}, all = {0}, late = {0};
	struct fm_codec_opts o;
	struct fm_error err = {0};
	struct fm_table *t;
	size_t at = N;
	(void)state;
	fit(&c, &h, &own, &o);
	c->text_order = false; /* or flows of one time get another order in another table */
	fm_encoded_free(&own);
	assert_int_equal(fm_codec_encode(c, h, flows, 1, &own, &err), FM_OK);
	for (size_t i = LEFT_OUT * W; i < flows->rows; i++)
		flows->win[i]++; /* a window of another split is before window 3 */
	assert_int_equal(fm_codec_encode_offsets(c, h, flows, 1, OFFSETS, &all, &err), FM_OK);
	assert_int_equal(all.windows, N + (OFFSETS - 1) * (N - 2));
	assert_memory_equal(all.tok, own.tok, sizeof *own.tok * N * W * FM_NTOK);
	assert_memory_equal(all.res, own.res, sizeof *own.res * N * W * FM_NRES);
	for (size_t offset = 1; offset < OFFSETS; offset++) {
		t = flows_from(W * offset / OFFSETS);
		assert_int_equal(fm_codec_encode(c, h, t, 1, &late, &err), FM_OK);
		assert_int_equal(late.windows, N - 1);
		for (size_t w = 0; w < N - 1; w++) {
			if (w == LEFT_OUT - 1)
				continue;
			assert_memory_equal(all.tok + at * W * FM_NTOK, late.tok + w * W * FM_NTOK,
					    sizeof *late.tok * W * FM_NTOK);
			assert_int_equal(all.slot[at], late.slot[w]);
			assert_int_equal(all.span[at], late.span[w]);
			assert_int_equal(all.cls[at], late.cls[w]);
			at++;
		}
		fm_encoded_free(&late);
		fm_table_free(t);
	}
	assert_int_equal(at, all.windows);
	for (size_t i = LEFT_OUT * W; i < flows->rows; i++)
		flows->win[i]--;
	fm_encoded_free(&own);
	fm_encoded_free(&all);
	fm_hosts_free(h);
	fm_codec_free(c);
}

static int rising(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The source ports of the places [at, at + n) of a window, as they stand or sorted. */
static void ports_at(const struct fm_encoded *e, size_t window, size_t at, size_t n, bool sorted, uint16_t *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = e->tok[(window * W + at + i) * FM_NTOK + FM_T_SP];
	if (sorted)
		qsort(out, n, sizeof *out, rising);
}

/* Flows of one time have no order, so a window that shows them once more shows them in another one. */
static void flows_of_one_time_come_in_other_orders(void **state)
{
	enum { SHIFT = W / 2 };
	struct fm_codec *c;
	struct fm_hosts *h;
	struct fm_encoded e = {0};
	struct fm_codec_opts o;
	struct fm_error err = {0};
	size_t same = 0, other = 0;
	(void)state;
	fit(&c, &h, &e, &o);
	c->text_order = true;
	fm_encoded_free(&e);
	assert_int_equal(fm_codec_encode_offsets(c, h, flows, 1, 2, &e, &err), FM_OK);
	assert_int_equal(e.windows, 2 * e.own - 1);
	for (size_t w = 0; w + 1 < e.own; w++)
		for (size_t i = SHIFT, j; i < W; i = j) { /* places of the own window, SHIFT fewer in the other */
			uint16_t one[W], two[W];
			size_t row = w * W;
			for (j = i + 1; j < W && flows->te[row + j] == flows->te[row + i]; j++)
				;
			/* whole in both windows */
			if (j == W || flows->te[row + i] == flows->te[row + i - 1])
				continue;
			ports_at(&e, w, i, j - i, false, one);
			ports_at(&e, e.own + w, i - SHIFT, j - i, false, two);
			*(memcmp(one, two, sizeof *one * (j - i)) == 0 ? &same : &other) += j - i > 3;
			ports_at(&e, w, i, j - i, true, one);
			ports_at(&e, e.own + w, i - SHIFT, j - i, true, two);
			assert_memory_equal(one, two, sizeof *one * (j - i));
		}
	assert_true(4 * other > same); /* many such flows have all the same port */
	fm_encoded_free(&e);
	fm_hosts_free(h);
	fm_codec_free(c);
}

/* Encode and decode every flow: what is not an address comes back exactly, and addresses keep who is who in a window.
 */
static void flows_come_back(void **state)
{
	struct fm_codec *c;
	struct fm_hosts *h;
	struct fm_encoded e = {0};
	struct fm_codec_opts o;
	struct fm_error err = {0};
	struct fm_table *t = NULL;
	(void)state;
	fit(&c, &h, &e, &o);
	c->text_order = false; /* or rows would get another order, and the times of random arrivals */
	fm_encoded_free(&e);
	assert_int_equal(fm_codec_encode(c, h, flows, 1, &e, &err), FM_OK);
	t = flows_of(c, &e);
	assert_int_equal(t->rows, e.windows * W);
	size_t td = 0, byt = 0, pkt = 0, ports = 0, cat = 0, te = 0, who = 0;
	for (size_t i = 0; i < t->rows; i++) {
		te += t->te[i] != flows->te[i];
		td += t->td[i] != flows->td[i];
		pkt += t->pkt[i] != flows->pkt[i];
		byt += t->byt[i] != flows->byt[i];
		ports += t->sp[i] != flows->sp[i] || t->dp[i] != flows->dp[i];
		for (int col = FM_PR; col <= FM_STOS; col++)
			cat += strcmp(fm_table_category(t, col, i), fm_table_category(flows, col, i)) != 0;
		size_t from = i / W * W;
		for (size_t j = from; j < i; j++)
			who += (t->sa[j] == t->sa[i]) != (flows->sa[j] == flows->sa[i]) ||
			       (t->da[j] == t->sa[i]) != (flows->da[j] == flows->sa[i]);
		assert_true(fm_table_inside(flows, flows->sa[i]) == (ipv4_of(t, t->sa[i]) >> 24 == 10));
		assert_true(fm_table_inside(t, t->sa[i]) == fm_table_inside(flows, flows->sa[i]));
		assert_true(t->sa[i] != t->da[i]);
	}
	assert_int_equal(te, 0);
	assert_true(ports < t->rows / 1000); /* float residuals may fall one cell beside */
	assert_true(td < t->rows / 100 && pkt < t->rows / 100);
	assert_true(byt < t->rows / 20);  /* declared resolution: a thousandth of a byte a packet */
	assert_true(cat < t->rows / 100); /* values rarer than k go to their like */
	assert_int_equal(who, 0);
	fm_table_free(t);
	fm_encoded_free(&e);
	fm_codec_free(c);
	fm_hosts_free(h);
}

/* Where flows of one time stand in order of their text, each window keeps its own time and its ticks. */
static void order_by_text_is_kept_in_its_ticks(void **state)
{
	struct fm_codec *c;
	struct fm_hosts *h;
	struct fm_encoded e = {0};
	struct fm_codec_opts o;
	struct fm_table *t = NULL;
	(void)state;
	fit(&c, &h, &e, &o);
	assert_true(o.text_order && c->text_order);
	t = flows_of(c, &e);
	size_t seconds[2] = {1, 1};
	for (size_t i = 0; i < t->rows; i++) {
		assert_true(t->te[i] % 1000 == 0 && (i == 0 || t->te[i] >= t->te[i - 1]));
		seconds[0] += i > 0 && flows->te[i] != flows->te[i - 1];
		seconds[1] += i > 0 && t->te[i] != t->te[i - 1];
	}
	assert_in_range(seconds[1], seconds[0] * 8 / 10, seconds[0]); /* the flows are spread over their windows */
	fm_table_free(t);
	fm_encoded_free(&e);
	fm_codec_free(c);
	fm_hosts_free(h);
}

/* Flows of a window whose drawn gaps are too short or too long arrive as long as it lasts, in their order. */
static void flows_arrive_until_the_next_window(void **state)
{
	enum { N = 32, STEP = 1000, WINDOWS = 200, PHASE = 500 }; /* ticks are half seconds past */
	static uint16_t tok[N * FM_NTOK];
	const struct fm_arrivals a = {
	    .start_ms = 5300, .end_ms = 5300 + 8 * STEP, .step = STEP, .first_ms = 3000 + PHASE, .last_ms = INT64_MAX};
	struct fm_table *t;
	struct fm_error err;
	int64_t at[10] = {0};
	(void)state;
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, N, &err), FM_OK);
	for (uint64_t w = 0; w < WINDOWS; w++) {
		struct fm_rng r;
		fm_rng_init(&r, 1, FM_RNG_DECODE, w, UINT32_MAX);
		for (int i = 0; i < N; i++)
			t->te[i] = 5000 + i / 16 * STEP * (int64_t)(w % 20); /* 0 to 19 s */
		fm_spread_arrivals(t, 0, N, tok, &a, &r);
		for (int i = 0; i < N; i++) {
			assert_in_range(t->te[i], 4500, 12500);
			assert_true(t->te[i] % STEP == PHASE && (i == 0 || t->te[i] >= t->te[i - 1]));
			at[t->te[i] / STEP - 4]++;
		}
	}
	/* The first tick has 0.2 s of the window, the last one 0.8. */
	for (int s = 0; s <= 8; s++) {
		double share = s == 0 ? 0.2 : s == 8 ? 0.8 : 1;
		assert_in_range(at[s], share * WINDOWS * N / 8 * 0.8, share * WINDOWS * N / 8 * 1.2);
	}
	fm_table_free(t);
}

/* The codec's document holds no address of the trace, in any spelling. */
static void no_real_address_is_kept(void **state)
{
	struct fm_codec *c;
	struct fm_hosts *h;
	struct fm_encoded e = {0};
	struct fm_codec_opts o;
	(void)state;
	fit(&c, &h, &e, &o);
	json_t *j = fm_codec_json(c);
	char *text = json_dumps(j, JSON_COMPACT), dotted[32], number[32];
	for (size_t i = 0; i < flows->rows; i += 37) {
		uint32_t ip = ipv4_of(flows, flows->sa[i]);
		snprintf(dotted, sizeof dotted, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
		snprintf(number, sizeof number, "%u", ip);
		assert_null(strstr(text, dotted));
		assert_null(strstr(text, number));
	}
	free(text);
	json_decref(j);
	fm_encoded_free(&e);
	fm_codec_free(c);
	fm_hosts_free(h);
}

static void the_document_reads_back(void **state)
{
	struct fm_codec *c, *d = NULL;
	struct fm_hosts *h;
	struct fm_encoded e = {0};
	struct fm_codec_opts o;
	struct fm_error err = {0};
	(void)state;
	fit(&c, &h, &e, &o);
	json_t *j = fm_codec_json(c);
	assert_int_equal(fm_codec_from_json(&d, j, &err), FM_OK);
	assert_memory_equal(c->vocab, d->vocab, sizeof c->vocab);
	json_t *k = fm_codec_json(d);
	assert_true(json_equal(j, k));
	assert_memory_equal(c->roles.class_id, d->roles.class_id, sizeof c->roles.class_id);
	/* It encodes as the codec that was learned does. */
	struct fm_encoded again = {0};
	assert_int_equal(fm_codec_encode(d, h, flows, 1, &again, &err), FM_OK);
	assert_int_equal(again.windows, e.windows);
	assert_memory_equal(again.tok, e.tok, e.windows * W * FM_NTOK * sizeof *e.tok);
	assert_memory_equal(again.cls, e.cls, e.windows);
	fm_encoded_free(&again);
	/* Damage is refused. */
	static const char *const key[] = {"format", "window", "numbers", "roles", "times"};
	for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
		json_t *bad = json_deep_copy(j);
		struct fm_codec *x = NULL;
		json_object_set_new(bad, key[i], json_string("x"));
		assert_int_equal(fm_codec_from_json(&x, bad, &err), FM_EINPUT);
		json_decref(bad);
	}
	json_decref(j);
	json_decref(k);
	fm_encoded_free(&e);
	fm_codec_free(c);
	fm_codec_free(d);
	fm_hosts_free(h);
}

/* Of a rare label whose flows use few services these are known, but nobody's that fewer than k flows use. */
static void services_of_labels_are_learned(void **state)
{
	struct fm_label_services l, again;
	struct fm_codec *c;
	struct fm_hosts *h;
	struct fm_encoded e = {0};
	struct fm_codec_opts o;
	struct fm_error err = {0};
	float z[4096] = {0};
	double u;
	int left = 0;
	(void)state;
	fit(&c, &h, &e, &o);
	assert_int_equal(fm_label_services_fit(&l, c, &e, 20, &err), FM_OK);
	int dos = fm_cat_token(&c->cat[FM_T_LABEL], "dos"), http = fm_num_encode(&c->num[FM_R_DP], 80, 0, &u);
	assert_true(l.share[dos] >= FM_SERVICES_COVER);
	for (size_t i = 0; i < l.n; i++) {
		const struct fm_label_service *s = &l.service[i];
		size_t met = 0;
		for (size_t r = 0; r < e.windows * W; r++) {
			const uint16_t *x = e.tok + r * FM_NTOK;
			int atoms = c->num[FM_R_DP].natoms;
			met += x[FM_T_LABEL] == s->label && x[FM_T_PR] == s->pr &&
			       (x[FM_T_SP] < atoms ? x[FM_T_SP] : atoms) == s->sp &&
			       (x[FM_T_DP] < atoms ? x[FM_T_DP] : atoms) == s->dp;
		}
		assert_true(met >= 20);
		assert_true(s->label != dos || s->sp == http || s->dp == http);
	}
	/* From a port of a client, a flow of the label that is confined goes to port 80 and nowhere else. */
	uint16_t flow[FM_NTOK];
	for (int k = 0; k < FM_NTOK; k++)
		flow[k] = (uint16_t)c->vocab[k];
	flow[FM_T_LABEL] = (uint16_t)dos;
	flow[FM_T_SP] = (uint16_t)(c->vocab[FM_T_SP] - 1);
	fm_label_services_apply(&l, c, flow, 0.99999f, FM_T_DP, z);
	for (int v = 0; v < c->vocab[FM_T_DP]; v++)
		left += z[v] > -1;
	assert_int_equal(left, l.share[dos] < 1 ? c->vocab[FM_T_DP] : 1);
	fm_label_services_apply(&l, c, flow, 0, FM_T_DP, z);
	for (int v = 0; v < c->vocab[FM_T_DP]; v++)
		assert_true((z[v] > -1) == (v == http));
	json_t *j = fm_label_services_json(&l);
	assert_int_equal(fm_label_services_from_json(&again, c, j, &err), FM_OK);
	assert_int_equal(again.n, l.n);
	assert_memory_equal(again.service, l.service, l.n * sizeof *l.service);
	assert_memory_equal(again.share, l.share, sizeof l.share);
	fm_label_services_free(&again);
	json_array_set_new(json_array_get(json_object_get(j, "label_pr_sp_dp"), 0), 1, json_integer(60000));
	assert_int_equal(fm_label_services_from_json(&again, c, j, &err), FM_EINPUT);
	json_decref(j);
	fm_label_services_free(&l);
	fm_encoded_free(&e);
	fm_codec_free(c);
	fm_hosts_free(h);
}

static void a_trace_shorter_than_a_window_is_refused(void **state)
{
	struct fm_codec *c;
	struct fm_hosts *h;
	struct fm_error err = {0};
	struct fm_codec_opts o = fixture_opts(flows, W);
	struct fm_table t = *flows;
	(void)state;
	t.rows = W - 1;
	assert_int_equal(fm_codec_fit_with_hosts(&c, &h, &t, &o, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "window"));
}

/* However few the flows and however low the bar for what is frequent. */
static void what_is_learned_of_few_flows_reads_back(void **state)
{
	static const int bar[] = {1, 2, 5, 20};
	struct fm_error err = {0};
	(void)state;
	for (size_t rows = W; rows <= 40 * W; rows += W)
		for (size_t b = 0; b < sizeof bar / sizeof *bar; b++) {
			struct fm_codec_opts o = fixture_opts(flows, W);
			struct fm_table t = *flows;
			struct fm_codec *c, *d;
			struct fm_hosts *h;
			json_t *j, *k;
			t.rows = rows;
			o.min_count = o.k = bar[b];
			assert_int_equal(fm_codec_fit_with_hosts(&c, &h, &t, &o, &err), FM_OK);
			j = fm_codec_json(c);
			if (fm_codec_from_json(&d, j, &err) != FM_OK)
				fail_msg("%zu rows, min_count %d: %s", rows, bar[b], err.message);
			k = fm_codec_json(d);
			assert_true(json_equal(j, k));
			json_decref(j);
			json_decref(k);
			fm_codec_free(c);
			fm_codec_free(d);
			fm_hosts_free(h);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_come_back_on_their_lattice),
	    cmocka_unit_test(one_value_and_few_values_are_defined),
	    cmocka_unit_test(outer_edges_are_of_k_rows),
	    cmocka_unit_test(windows_between_windows_are_of_neighbours),
	    cmocka_unit_test(flows_of_one_time_come_in_other_orders),
	    cmocka_unit_test(flows_come_back),
	    cmocka_unit_test(no_real_address_is_kept),
	    cmocka_unit_test(the_document_reads_back),
	    cmocka_unit_test(services_of_labels_are_learned),
	    cmocka_unit_test(what_is_learned_of_few_flows_reads_back),
	    cmocka_unit_test(a_trace_shorter_than_a_window_is_refused),
	    cmocka_unit_test(flows_arrive_until_the_next_window),
	    cmocka_unit_test(order_by_text_is_kept_in_its_ticks), /* last: it disturbs the flows */
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
