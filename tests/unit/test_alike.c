/* test_alike.c - related flows that share a value go on sharing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "model/codec/alike.h"
#include "model/codec/codec.h"
#include "model/codec/decode.h"
#include "tests/unit/model_fixture.h"

enum { W = 16, SCANS = 400, K = 20, KEPT = 8 }; /* a port of W flows has no token of its own */

/* One scan a window, each of its own source; KEPT of ten scanners keep their source port, and the others never do. */
static struct fm_table *scans(void)
{
	struct fm_table *t;
	struct fm_error err;
	struct fm_rng r;
	fm_rng_init(&r, 4, FM_RNG_SIMULATE, 0, 0);
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16 | 1u << FM_WIN | 1u << FM_GAP, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, SCANS * W, &err), FM_OK);
	assert_int_equal(fm_dict_index(&t->dict[FM_PR], "TCP", 3, true), 0);
	assert_int_equal(fm_dict_index(&t->dict[FM_LABEL], "background", 10, true), 0);
	for (int c = FM_FLG; c <= FM_STOS; c++)
		assert_int_equal(fm_dict_index(&t->dict[c], "0", 1, true), 0);
	for (uint32_t i = 0; i < SCANS * W; i++) {
		uint32_t scan = i / W;
		t->te[i] = (int64_t)i * 100;
		t->win[i] = scan;
		t->gap[i] = 100;
		t->sa[i] = 0x0a000000 + scan;
		t->da[i] = 0x14000000 + i;
		t->sp[i] = (uint16_t)(scan % 10 < KEPT ? 40960 + scan : 40960 + fm_rng_below(&r, 1024));
		t->dp[i] = 445;
		t->pkt[i] = 1;
		t->byt[i] = 60;
	}
	t->rows = SCANS * W;
	return t;
}

/* A codec, the windows of a table in it, and a schedule of as many. */
struct coded {
	struct fm_codec *c;
	struct fm_hosts *hosts;
	struct fm_encoded e;
	struct fm_window_schedule schedule;
};

/* Learn from one table, and encode another one, or the same. */
static void code(struct coded *x, struct fm_table *learned, struct fm_table *drawn)
{
	struct fm_codec_opts o = {.window = W,
				  .min_count = K,
				  .k = K,
				  .max_hosts = 100,
				  .last_ms = SCANS * W * 100,
				  .source_rows = SCANS * W};
	struct fm_window_schedule_opts po = {.rows = SCANS * W, .seed = 1, .hours = {0, 24}};
	struct fm_error err;
	*x = (struct coded){0};
	assert_int_equal(fm_codec_fit_with_hosts(&x->c, &x->hosts, learned, &o, &err), FM_OK);
	assert_int_equal(fm_codec_encode(x->c, x->hosts, drawn, 1, &x->e, &err), FM_OK);
	assert_int_equal(fm_window_schedule_make(&x->schedule, x->c, &po, &err), FM_OK);
	assert_int_equal(x->schedule.n, x->e.windows);
}

static struct fm_table *decoded(const struct coded *x)
{
	struct fm_range fresh = {0x0b000000, 8};
	struct fm_decode_opts d = {.rows = SCANS * W, .seed = 3, .reassign = true};
	struct fm_table *made;
	struct fm_error err;
	for (int side = 0; side < FM_SIDES; side++)
		d.fresh[side] = (struct fm_range_list){&fresh, side < FM_SIDE_IPV6};
	assert_int_equal(fm_decode(&made, x->c, &x->schedule, x->e.tok, x->e.res, &d, &err), FM_OK);
	return made;
}

static void coded_free(struct coded *x)
{
	fm_window_schedule_free(&x->schedule);
	fm_encoded_free(&x->e);
	fm_hosts_free(x->hosts);
	fm_codec_free(x->c);
}

static void ports_that_scanners_keep_are_learned_and_kept(void **state)
{
	struct coded x;
	struct fm_error err;
	struct fm_table *t = scans(), *made;
	size_t alike[2] = {0}, pairs = 0;
	struct fm_rng r;
	(void)state;
	fm_log_quiet(1);
	code(&x, t, t);
	double learned = x.c->alike.share[FM_R_SP][FM_RELATION_SWEEP];
	assert_true(learned > 0.78 && learned < 0.83);
	assert_true(x.c->alike.share[FM_R_SP][FM_RELATION_SERVE] == 0 &&
		    x.c->alike.share[FM_R_DP][FM_RELATION_SWEEP] == 0);
	json_t *j = fm_alike_json(&x.c->alike);
	struct fm_alike back;
	assert_int_equal(fm_alike_from_json(&back, j, &err), FM_OK);
	assert_memory_equal(&back, &x.c->alike, sizeof back);
	json_array_set_new(json_object_get(j, "sp"), 1, json_real(2));
	assert_int_equal(fm_alike_from_json(&back, j, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "related flows"));
	json_decref(j);
	fm_rng_init(&r, 9, FM_RNG_SIMULATE, 0, 0); /* a network's places in the bin say nothing of each other */
	for (size_t i = 0; i < x.e.windows * W * FM_NRES; i++)
		x.e.res[i] = (float)(fm_rng_uniform53(&r) * 2 - 1);
	for (int keeps = 0; keeps < 2; keeps++) {
		if (!keeps)
			memset(&back, 0, sizeof back);
		struct fm_alike own = x.c->alike;
		x.c->alike = keeps ? own : back;
		made = decoded(&x);
		x.c->alike = own;
		pairs = 0;
		for (size_t i = 1; i < made->rows; i++) {
			pairs += made->sa[i] == made->sa[i - 1];
			alike[keeps] += made->sa[i] == made->sa[i - 1] && made->sp[i] == made->sp[i - 1];
		}
		fm_table_free(made);
	}
	assert_true(pairs > SCANS * W / 2);
	assert_true(alike[0] < pairs / 20);
	assert_in_range(alike[1] * 100 / pairs, 74, 88);
	coded_free(&x);
	fm_table_free(t);
}

/* In each window a client asks for the ports of one host, the first one a server's; `high` of ten others are none. */
static struct fm_table *port_scans(uint32_t high)
{
	struct fm_table *t = scans();
	for (uint32_t i = 0; i < t->rows; i++) {
		t->sp[i] = 50000;
		t->da[i] = t->sa[i] + 0x0a000000;
		t->dp[i] = (uint16_t)(i % W == 0 ? 80 : i % 10 < high ? 10000 + i % W : 100 + i % W);
	}
	return t;
}

/* The share that stray of the flows of a made table that follow one with a server. */
static int percent_of_strays(const struct fm_table *t)
{
	int served = 0, strays = 0;
	for (size_t i = 1; i < t->rows; i++) {
		bool follows = t->sa[i] == t->sa[i - 1] && !fm_between_clients(t, i - 1);
		served += follows;
		strays += follows && fm_between_clients(t, i);
	}
	return served ? 100 * strays / served : -1;
}

static void flows_stray_as_often_as_they_did(void **state)
{
	struct coded x;
	struct fm_table *t = port_scans(3), *drawn = port_scans(9), *made;
	(void)state;
	code(&x, t, drawn);
	int learned = percent_of_strays(t);
	assert_in_range(learned, 10, 20);
	assert_in_range(100 * x.c->alike.strays[FM_RELATION_SOURCE], learned - 2, learned + 2);
	assert_true(x.c->alike.strays[FM_RELATION_SWEEP] == 0);
	made = decoded(&x);
	assert_in_range(percent_of_strays(drawn), 60, 100);
	assert_in_range(percent_of_strays(made), learned - 4, learned + 4);
	fm_table_free(made);
	coded_free(&x);
	fm_table_free(t);
	fm_table_free(drawn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ports_that_scanners_keep_are_learned_and_kept),
	    cmocka_unit_test(flows_stray_as_often_as_they_did),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
