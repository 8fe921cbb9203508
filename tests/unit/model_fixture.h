/* model_fixture.h - simulated flows as a table with windows, for the tests of the model. */
#ifndef FM_TESTS_MODEL_FIXTURE_H
#define FM_TESTS_MODEL_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/order.h"
#include "manifests/dialect.h"
#include "model/codec/codec.h"
#include "model/codec/decode.h"
#include "traces/simulate/simulate.h"
#include "traces/text_order.h"
#include "traces/trace.h"

/* The first rows flows (0: all) of a UGR'16 trace with win and gap filled in, NULL on failure.  Longer pauses than
 * max_gap milliseconds are cut, and the clock with them. */
static inline struct fm_table *fixture_read(const char *path, uint64_t rows, int window, int64_t max_gap)
{
	struct fm_error err = {0};
	struct fm_table *t = NULL, *u = NULL;
	struct fm_dialect *d = NULL;
	if (fm_dialect_load(&d, "ugr16", &err) < 0 ||
	    fm_cidr_parse(&d->internal[d->ninternal++], "2a01:42:219::/48", &err) < 0)
		return NULL;
	struct fm_trace_opts o = {.path = path, .dialect = d, .rows = rows};
	struct fm_trace_stats stats;
	int ret = fm_trace_load(&t, &o, 0, &stats, &err);
	fm_dialect_free(d);
	if (ret < 0 || fm_table_new(&u, FM_COLS_UGR16 | 1u << FM_WIN | 1u << FM_GAP, &err) < 0 ||
	    fm_table_reserve(u, t->rows, &err) < 0)
		return NULL;
	for (size_t i = 0; i < t->rows; i++) {
		if (fm_table_append(u, t, i, &err) < 0)
			return NULL;
		u->win[i] = (uint32_t)(i / (size_t)window);
		int64_t gap = i > 0 ? t->te[i] - t->te[i - 1] : 0;
		u->gap[i] = (uint32_t)(gap < 0 ? 0 : gap < max_gap ? gap : max_gap);
		u->te[i] = i > 0 ? u->te[i - 1] + u->gap[i] : t->te[0];
	}
	fm_table_free(t);
	return u;
}

/* rows simulated flows, likewise. Pauses are cut to 3 s, so that every gap is frequent and no clipping of rare ones
 * shifts the clock. ipv6: share of the hosts outside. */
static inline struct fm_table *fixture_mixed(uint64_t rows, uint64_t seed, int window, double ipv6)
{
	const char *tmp = getenv("TMPDIR");
	char path[512];
	struct fm_error err = {0};
	struct fm_simulate_out so;
	snprintf(path, sizeof path, "%s/flowmint-fixture-%ld-%lu.csv", tmp ? tmp : "/tmp", (long)getpid(),
		 (unsigned long)seed);
	struct fm_simulate_in si = {.rows = rows, .seed = seed, .out = path, .ipv6 = ipv6, .threads = 1};
	if (fm_simulate(&si, &so, &err) < 0)
		return NULL;
	struct fm_table *t = fixture_read(path, 0, window, 3000);
	unlink(path);
	return t;
}

static inline struct fm_table *fixture_flows(uint64_t rows, uint64_t seed, int window)
{
	return fixture_mixed(rows, seed, window, 0);
}

static inline struct fm_codec_opts fixture_opts(const struct fm_table *t, int window)
{
	struct fm_text_order ties = {0};
	fm_text_order_look(&ties, t, 0);
	return (struct fm_codec_opts){.window = window,
				      .min_count = 20,
				      .k = 20,
				      .max_hosts = 2048,
				      .first_ms = t->te[0],
				      .last_ms = t->te[t->rows - 1],
				      .text_order = fm_text_order_found(&ties),
				      .source_rows = (double)t->rows};
}

/* Windows in order of duration, those of one duration in random order: at (n), each with its number in the last 24
 * bits. */
static inline void fixture_by_span(uint64_t *at, const uint8_t *span, size_t n, struct fm_rng *r)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (uint64_t)span[i] << 48 | (uint64_t)fm_rng_below(r, 1 << 24) << 24 | i;
	qsort(at, n, sizeof *at, fm_compare_u64);
}

/* What a network without a fault would lead to: the split's own windows of e at the times of windows that last as long,
 * with hosts assigned.  NULL on failure. */
static inline struct fm_table *fixture_shuffled(const struct fm_codec *c, const struct fm_encoded *e, uint64_t seed)
{
	static const struct fm_range inside = {0x0a000000, 8}, outside = {0xf0000000, 4};
	struct fm_decode_opts o = {.rows = e->own * (size_t)c->window, .seed = seed, .reassign = true};
	struct fm_window_schedule_opts so = {.rows = o.rows, .seed = seed, .hours = {0, 24}};
	struct fm_window_schedule s = {0};
	struct fm_table *t = NULL;
	struct fm_error err;
	struct fm_rng r;
	size_t n = e->own, W = (size_t)c->window;
	uint64_t *from = calloc(n + 1, sizeof *from), *to = calloc(n + 1, sizeof *to);
	uint16_t *tok = calloc(n * W * FM_NTOK + 1, sizeof *tok);
	float *res = calloc(n * W * FM_NRES + 1, sizeof *res);
	o.fresh[0] = (struct fm_range_list){&outside, 1};
	o.fresh[FM_SIDE_INSIDE] = (struct fm_range_list){&inside, 1};
	if (!from || !to || !tok || !res || n >= 1 << 24 || fm_window_schedule_make(&s, c, &so, &err) < 0)
		goto out;
	fm_rng_init(&r, seed, FM_RNG_SIMULATE, 0, 0);
	fixture_by_span(from, e->span, n, &r);
	fixture_by_span(to, s.span, n, &r);
	for (size_t i = 0; i < n; i++) {
		size_t a = (size_t)(from[i] & 0xffffff) * W, b = (size_t)(to[i] & 0xffffff) * W;
		memcpy(tok + b * FM_NTOK, e->tok + a * FM_NTOK, W * FM_NTOK * sizeof *tok);
		memcpy(res + b * FM_NRES, e->res + a * FM_NRES, W * FM_NRES * sizeof *res);
	}
	if (fm_decode(&t, c, &s, tok, res, &o, &err) < 0 || (c->text_order && fm_text_order_sort(t, &err) < 0)) {
		fm_table_free(t);
		t = NULL;
	}
out:
	fm_window_schedule_free(&s);
	free(from);
	free(to);
	free(tok);
	free(res);
	return t;
}

#endif
