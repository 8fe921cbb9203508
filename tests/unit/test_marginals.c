/*
 * test_marginals.c - neighbouring traces differ in one record, and what is counted of them in what is charged; what
 * comes out of the counts is flows that keep their rules.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "model/marginals/domains_internal.h"
#include "model/marginals/marginals.h"
#include "tests/unit/ok.h"
#include "tests/unit/scratch.h"

enum { FLOWS = 240 };
#define DAY 1460332800000 /* 2016-04-11 */
static const char *const labels[] = {"background", "blacklist"};
static const struct fm_record_opts record_opts = {.label = labels, .nlabels = 2};
static struct fm_rng rng;

static bool inside(const void *ctx, uint32_t ip)
{
	(void)ctx;
	return ip >> 16 == 0x2adb;
}

/* ---- random traces ---- */

static uint16_t category(struct fm_table *t, enum fm_col c, const char *s)
{
	int i = fm_dict_index(&t->dict[c], s, strlen(s), true);

	assert_true(i >= 0);
	return (uint16_t)i;
}

static struct fm_table *trace_new(void)
{
	struct fm_error err;
	struct fm_table *t;

	OK(fm_table_new(&t, FM_COLS_UGR16, &err));
	OK(fm_table_reserve(t, 2 * FLOWS, &err));
	return t;
}

/* One more flow: few hosts, ports and minutes, so that exchanges have one to many flows. */
static void flow_add(struct fm_table *t)
{
	static const char *const protocol[] = {"TCP", "UDP", "ICMP", "strange"};
	static const char *const flags[] = {".AP.SF", "....S.", ".A....", "odd"};
	static const uint16_t service[] = {80, 53, 443, 22, 6881};
	size_t i = t->rows++;
	bool back = fm_rng_below(&rng, 2), lone = fm_rng_below(&rng, 4) == 0;
	uint32_t a = 0x0a000000u + fm_rng_below(&rng, lone ? 4000 : 2), b = 0x2adb0000u + fm_rng_below(&rng, 2);
	uint16_t p = (uint16_t)(40000 + fm_rng_below(&rng, lone ? 20000 : 2)),
		 q = service[fm_rng_below(&rng, lone ? 5 : 2)];

	t->te[i] = DAY + (int64_t)fm_rng_below(&rng, 3) * 60000 + (int64_t)fm_rng_below(&rng, 60) * 1000;
	t->td[i] = fm_rng_below(&rng, 3) ? fm_rng_below(&rng, 100000) : 0;
	t->sa[i] = back ? b : a;
	t->da[i] = back ? a : b;
	t->sp[i] = back ? q : p;
	t->dp[i] = back ? p : q;
	t->pr[i] = category(t, FM_PR, protocol[fm_rng_below(&rng, 9) / 3 % 4]);
	t->flg[i] = category(t, FM_FLG, flags[fm_rng_below(&rng, 4)]);
	t->fwd[i] = category(t, FM_FWD, "0");
	t->stos[i] = category(t, FM_STOS, fm_rng_below(&rng, 2) ? "0" : "40");
	t->pkt[i] = 1 + fm_rng_below(&rng, 40);
	t->byt[i] = t->pkt[i] * (40 + fm_rng_below(&rng, 1400));
	t->label[i] = category(t, FM_LABEL, labels[fm_rng_below(&rng, 20) == 0]);
}

static struct fm_table *trace_random(void)
{
	struct fm_table *t = trace_new();

	while (t->rows < FLOWS)
		flow_add(t);
	return t;
}

static struct fm_table *trace_copy(const struct fm_table *from)
{
	struct fm_table *t = trace_new();
	struct fm_error err;

	for (size_t i = 0; i < from->rows; i++)
		OK(fm_table_append(t, from, i, &err));
	return t;
}

/* The same trace with one flow more, anywhere; with an exchange of one to six flows more, of ends that no other has. */
static struct fm_table *with_a_flow(const struct fm_table *t)
{
	struct fm_table *u = trace_copy(t);

	flow_add(u);
	return u;
}

static struct fm_table *with_an_exchange(const struct fm_table *t)
{
	struct fm_table *u = trace_copy(t);
	uint32_t flows = 1 + fm_rng_below(&rng, 6);
	uint16_t port = (uint16_t)(1 + fm_rng_below(&rng, 1023));
	size_t first = u->rows;

	for (uint32_t j = 0; j < flows; j++) {
		size_t i = u->rows;
		bool back;

		flow_add(u);
		u->pr[i] = category(u, FM_PR, "GRE");
		back = u->da[i] >> 24 == 0x0a;
		u->te[i] = u->te[first] / 60000 * 60000 + (int64_t)fm_rng_below(&rng, 60) * 1000;
		u->sa[i] = back ? 0x2adb0001 : 0x0a000001;
		u->da[i] = back ? 0x0a000001 : 0x2adb0001;
		u->sp[i] = back ? port : 50000;
		u->dp[i] = back ? 50000 : port;
	}
	return u;
}

/* ---- records ---- */

static int same_key(const struct fm_exchange *a, const struct fm_exchange *b)
{
	return memcmp(a->host, b->host, sizeof a->host) == 0 && memcmp(a->port, b->port, sizeof a->port) == 0 &&
	       a->proto == b->proto && a->slot == b->slot;
}

/* Records of e that f has not, value for value; *other: the one of f with the key of the last of them, if any. */
static int missing(const struct fm_exchanges *e, const struct fm_exchanges *f, int *keys)
{
	int n = 0;

	*keys = 0;
	for (size_t i = 0; i < e->n; i++) {
		int found = 0, key = 0;

		for (size_t j = 0; j < f->n && !found; j++) {
			key |= same_key(&e->list[i], &f->list[j]);
			found = memcmp(&e->list[i], &f->list[j], sizeof *e->list) == 0;
		}
		n += !found;
		*keys += !found && key;
	}
	return n;
}

static void neighbours_differ_in_one_record(void **state)
{
	int changed = 0, added = 0, nothing = 0;

	(void)state;
	for (int pair = 0; pair < 400; pair++) {
		struct fm_table *t = trace_random(), *u = pair % 2 ? with_a_flow(t) : with_an_exchange(t);
		struct fm_exchanges e, f;
		struct fm_error err;
		int more, less, keys, same;

		OK(fm_exchanges_cut(&e, t, &record_opts, &err));
		OK(fm_exchanges_cut(&f, u, &record_opts, &err));
		more = missing(&f, &e, &same);
		less = missing(&e, &f, &keys);
		if (pair % 2 == 0) {
			assert_int_equal(more, 1);
			assert_int_equal(less, 0);
			assert_int_equal(f.n, e.n + 1);
		} else {
			assert_in_range(more, 0, 1);
			assert_in_range(less, 0, 1);
			assert_true(less == 0 || (more == 1 && keys == 1 && same == 1));
			nothing += more == 0;
			added += more == 1 && less == 0;
			changed += less;
		}
		fm_exchanges_free(&e);
		fm_exchanges_free(&f);
		fm_table_free(t);
		fm_table_free(u);
	}
	/* Each way that there is was met: a flow in a new exchange, in one that has room, in one that is full. */
	assert_true(added > 10 && changed > 10 && nothing > 0);
}

/* Periods that meet on a whole minute part the records; one that begins or ends within a minute has all of it. */
static void a_period_has_the_records_of_its_minutes(void **state)
{
	static const int64_t from[][2] = {{DAY, DAY + 60000}, {DAY + 60000, DAY + 180000}, {DAY + 60999, DAY + 120001}};
	static const int32_t minutes[] = {1, 2, 2};
	struct fm_table *t = trace_random();
	struct fm_record_opts every = record_opts, o = record_opts;
	struct fm_exchanges all, e[3];
	struct fm_error err;
	int keys;

	(void)state;
	OK(fm_exchanges_cut(&all, t, &every, &err));
	for (int i = 0; i < 3; i++) {
		fm_record_period(&o, from[i][0], from[i][1]);
		assert_int_equal(o.nslots, minutes[i]);
		OK(fm_exchanges_cut(&e[i], t, &o, &err));
		assert_int_equal(missing(&e[i], &all, &keys), 0);
		for (size_t k = 0; k < e[i].n; k++)
			assert_in_range(e[i].list[k].slot, from[i][0] / 60000, (from[i][1] - 1) / 60000);
	}
	assert_true(e[0].n > 10 && e[1].n > e[0].n);
	assert_int_equal(e[0].n + e[1].n, all.n);
	assert_int_equal(e[2].n, e[1].n);
	fm_record_period(&o, DAY - 60000, DAY);
	fm_exchanges_free(&e[0]);
	OK(fm_exchanges_cut(&e[0], t, &o, &err));
	assert_int_equal(e[0].n, 0);
	for (int i = 0; i < 3; i++)
		fm_exchanges_free(&e[i]);
	fm_exchanges_free(&all);
	fm_table_free(t);
}

/* The records do not depend on the order of rows, nor on the order in which categories were first seen: each column is
 * met in another one. */
static void rows_in_any_order_make_the_same_records(void **state)
{
	static const enum fm_col column[] = {FM_PR, FM_FLG, FM_STOS, FM_LABEL};
	enum { COLUMNS = sizeof column / sizeof *column };
	bool otherwise[COLUMNS] = {false};

	(void)state;
	for (int trace = 0; trace < 100; trace++) {
		struct fm_table *t = trace_random(), *u = trace_new();
		struct fm_exchanges e, f;
		struct fm_error err;

		for (size_t i = t->rows; i-- > 0;)
			OK(fm_table_append(u, t, i, &err));
		for (int c = 0; c < COLUMNS; c++)
			otherwise[c] |= strcmp(t->dict[column[c]].value[0], u->dict[column[c]].value[0]) != 0;
		OK(fm_exchanges_cut(&e, t, &record_opts, &err));
		OK(fm_exchanges_cut(&f, u, &record_opts, &err));
		assert_int_equal(e.n, f.n);
		assert_memory_equal(e.list, f.list, e.n * sizeof *e.list);
		fm_exchanges_free(&e);
		fm_exchanges_free(&f);
		fm_table_free(t);
		fm_table_free(u);
	}
	for (int c = 0; c < COLUMNS; c++)
		assert_true(otherwise[c]);
}

static void key_make(struct fm_secret *key, int byte)
{
	struct fm_error err;

	OK(fm_secret_new(key, FM_STREAM_KEY, &err));
	memset(key->data, byte, key->len);
}

static void a_split_is_a_function_of_the_record_s_key(void **state)
{
	struct fm_table *t = trace_random();
	struct fm_exchanges e;
	struct fm_secret key, other;
	struct fm_error err;
	double sum = 0;
	int differ = 0;

	(void)state;
	key_make(&key, 1);
	key_make(&other, 2);
	OK(fm_exchanges_cut(&e, t, &record_opts, &err));
	for (size_t i = 0; i < e.n; i++) {
		struct fm_exchange x = e.list[i];
		double p, q, r;

		OK(fm_exchange_split(&key, &x, &p, &err));
		memset(x.flow, 0xff, sizeof x.flow); /* what flows are in it has no say */
		x.nflows = 1;
		OK(fm_exchange_split(&key, &x, &q, &err));
		OK(fm_exchange_split(&other, &x, &r, &err));
		assert_true(p >= 0 && p < 1 && !(p < q) && !(q < p));
		differ += p < r || r < p;
		sum += p;
	}
	assert_int_equal(differ, e.n);
	assert_true(fabs(sum / (double)e.n - 0.5) < 6 / sqrt(12.0 * (double)e.n));
	fm_exchanges_free(&e);
	fm_secret_close(&key);
	fm_secret_close(&other);
	fm_table_free(t);
}

/* ---- domains and counts ---- */

struct answers {
	int n;
	char name[64][FM_CHARGE_NAME];
	int64_t *noisy[64];
	size_t size[64];
};

static void tap(void *ctx, const char *name, const int64_t *noisy, size_t n)
{
	struct answers *a = ctx;

	snprintf(a->name[a->n], sizeof a->name[0], "%s", name);
	a->noisy[a->n] = malloc(n * sizeof *noisy);
	assert_non_null(a->noisy[a->n]);
	memcpy(a->noisy[a->n], noisy, n * sizeof *noisy);
	a->size[a->n++] = n;
}

struct fitted {
	struct fm_exchanges e;
	struct fm_domains *d;
	struct fm_domain_opts o;
	struct answers answers;
	double moves; /* the sensitivity that each count is charged with */
};

static void counts_open(struct fm_counts **c, const struct fm_secret *key, bool replaced)
{
	struct fm_unit unit;
	struct fm_error err;

	OK(fm_unit_set(&unit, FM_EXCHANGE_FLOWS, replaced, &err));
	OK(fm_counts_open(c, key, &unit, NULL, &err));
}

static void fit(struct fitted *f, const struct fm_table *t, const struct fm_secret *key, bool replaced)
{
	struct fm_counts *counts;
	struct fm_error err;

	memset(f, 0, sizeof *f);
	f->o = (struct fm_domain_opts){.first_slot = DAY / FM_SLOT_MS,
				       .nslots = 6,
				       .nlabels = 2,
				       .scale = 2,
				       .pair_scale = 2,
				       .key_delta = 1e-3,
				       .inside = inside,
				       .tap = tap,
				       .tap_ctx = &f->answers};
	f->d = calloc(1, sizeof *f->d);
	assert_non_null(f->d);
	OK(fm_exchanges_cut(&f->e, t, &record_opts, &err));
	counts_open(&counts, key, replaced);
	OK(fm_domains_fit(f->d, &f->e, &f->o, counts, &err));
	f->moves = fm_counts_charges(counts)->list[0].sensitivity;
	for (size_t i = 0; i < fm_counts_charges(counts)->n; i++)
		assert_true(fm_counts_charges(counts)->list[i].sensitivity == f->moves);
	fm_counts_close(counts);
}

static void fitted_free(struct fitted *f)
{
	for (int i = 0; i < f->answers.n; i++)
		free(f->answers.noisy[i]);
	fm_domains_free(f->d);
	free(f->d);
	fm_exchanges_free(&f->e);
}

/* With the same noise, what two traces' answers differ by is what the exact counts differ by, as long as the answers
 * before led to the same domains: in L2 at most what is charged.  Returns the largest square that was met. */
static int64_t moved_at_most(struct fm_table *(*neighbour)(const struct fm_table *), bool replaced, int pairs)
{
	struct fm_secret key;
	int64_t largest = 0;
	int compared = 0;

	key_make(&key, 7);
	for (int pair = 0; pair < pairs; pair++) {
		struct fm_table *t = trace_random(), *u = neighbour(t);
		struct fitted f, g;
		bool alike = true;

		fit(&f, t, &key, replaced);
		fit(&g, u, &key, replaced);
		assert_int_equal(f.answers.n, g.answers.n);
		for (int i = 0; i < f.answers.n && alike; i++) {
			int64_t squares = 0;

			assert_string_equal(f.answers.name[i], g.answers.name[i]);
			/* A domain that came out otherwise ends what can be compared. */
			alike = f.answers.size[i] == g.answers.size[i];
			for (int a = 0; i > 2 && a < FM_NAXES; a++) /* the ends of records hang on the ports */
				if (a == FM_X_SERVICE || (strncmp(f.answers.name[i], "tail", 4) == 0 && a == FM_X_KIND))
					alike &= f.d->axis[a].ntokens == g.d->axis[a].ntokens &&
						 memcmp(f.d->axis[a].token, g.d->axis[a].token,
							f.d->axis[a].nleaves * sizeof(uint16_t)) == 0;
			if (strncmp(f.answers.name[i], "tail", 4) == 0)
				alike &= f.d->hosts[0].n == g.d->hosts[0].n && f.d->hosts[1].n == g.d->hosts[1].n;
			for (size_t k = 0; alike && k < f.answers.size[i]; k++) {
				int64_t d = f.answers.noisy[i][k] - g.answers.noisy[i][k];

				squares += d * d;
			}
			if (alike && !(sqrt((double)squares) <= f.moves))
				fail_msg("%s moved by the root of %lld", f.answers.name[i], (long long)squares);
			compared += alike;
			largest = squares > largest ? squares : largest;
		}
		fitted_free(&f);
		fitted_free(&g);
		fm_table_free(t);
		fm_table_free(u);
	}
	assert_true(compared > 30);
	fm_secret_close(&key);
	return largest;
}

/* One more moves each histogram by one; a flow more makes another exchange of its own, and moves it by sqrt(2), which
 * is what unit flow is charged with. */
static void neighbours_move_each_histogram_by_what_is_charged(void **state)
{
	(void)state;
	assert_int_equal(moved_at_most(with_an_exchange, false, 3), 1);
	assert_int_equal(moved_at_most(with_a_flow, true, 4), 2);
}

/* An encoding looks at its record and at the released domains, and at nothing else of the trace. */
static void encodings_differ_in_one_record(void **state)
{
	struct fm_table *t0 = trace_random();
	struct fm_secret key;
	struct fitted f;

	(void)state;
	key_make(&key, 3);
	fit(&f, t0, &key, false);
	for (int pair = 0; pair < 300; pair++) {
		struct fm_table *t = trace_random(), *u = with_an_exchange(t);
		struct fm_exchanges e, g;
		struct fm_error err;
		size_t j = 0;
		int more = 0;

		OK(fm_exchanges_cut(&e, t, &record_opts, &err));
		OK(fm_exchanges_cut(&g, u, &record_opts, &err));
		for (size_t i = 0; i < g.n; i++) {
			uint32_t x[FM_NATTRS], y[FM_NATTRS];

			fm_domains_encode(f.d, &g.list[i], &f.o, x, 1);
			for (int a = 0; a < FM_NATTRS; a++)
				assert_true(x[a] < (uint32_t)f.d->size[a]);
			if (j < e.n && same_key(&e.list[j], &g.list[i])) {
				fm_domains_encode(f.d, &e.list[j++], &f.o, y, 1);
				assert_memory_equal(x, y, sizeof x);
			} else {
				more++;
			}
		}
		assert_int_equal(more, 1);
		fm_exchanges_free(&e);
		fm_exchanges_free(&g);
		fm_table_free(t);
		fm_table_free(u);
	}
	fitted_free(&f);
	fm_table_free(t0);
	fm_secret_close(&key);
}

static int key_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint32_t cell_of_tenth(uint32_t leaf)
{
	return leaf / 10;
}

/* Where the noise hides every count of a grid of sizes, its public widths speak; where a row stands out, it does. */
static void a_grid_of_noise_falls_back_on_its_widths(void **state)
{
	enum { ROWS = 8, COLUMNS = 5, CELLS = ROWS * COLUMNS, LEAVES = CELLS * 10 };
	int64_t leaf[LEAVES], coarse[CELLS];
	double width[LEAVES];
	struct fm_axis_in in = {.nleaves = LEAVES,
				.ncoarse = CELLS,
				.row = COLUMNS,
				.coarse_of = cell_of_tenth,
				.width = width,
				.leaf = leaf,
				.coarse = coarse,
				.leaf_sigma = 40,
				.coarse_sigma = 40,
				.own = 200,
				.join = 600,
				.most = 10,
				.tail = true};
	struct fm_rng small;
	struct fm_axis a;

	(void)state;
	fm_rng_init(&small, 3, FM_RNG_DECODE, 0, 0);
	for (int i = 0; i < CELLS; i++)
		coarse[i] = (int64_t)(20 * (fm_rng_uniform53(&small) - 0.5));
	for (int i = 0; i < LEAVES; i++) {
		leaf[i] = (int64_t)(20 * (fm_rng_uniform53(&small) - 0.5));
		width[i] = i == 123 ? 1 : 0;
	}
	assert_int_equal(fm_axis_build(&a, &in, NULL), FM_OK);
	assert_true(a.guess);
	assert_int_equal(a.ntokens, 1);
	assert_int_equal(fm_axis_draw(&a, 0, 0.5), 123);
	fm_axis_free(&a);
	coarse[COLUMNS] = 3000;
	leaf[COLUMNS * 10] = 3000;
	assert_int_equal(fm_axis_build(&a, &in, NULL), FM_OK);
	assert_false(a.guess);
	assert_int_equal(fm_axis_draw(&a, a.token[COLUMNS * 10], 0.5), COLUMNS * 10);
	fm_axis_free(&a);
}

static uint32_t cell_itself(uint32_t leaf)
{
	return leaf;
}

static uint32_t cell_of_all(uint32_t leaf)
{
	(void)leaf;
	return 0;
}

/* An axis has no more leaves of their own than it may, however many have the same count, and no more tokens than there
 * can be, however many cells have enough records: whatever the counts are, there is an axis. */
static void an_axis_has_no_more_tokens_than_it_may(void **state)
{
	enum { LEAVES = 5000 };
	static int64_t leaf[LEAVES], coarse[LEAVES];
	struct fm_axis_in in = {.nleaves = LEAVES,
				.ncoarse = 1,
				.coarse_of = cell_of_all,
				.leaf = leaf,
				.coarse = coarse,
				.leaf_sigma = 1,
				.own = 20,
				.most = 310};
	struct fm_axis a;

	(void)state;
	for (int alike = 0; alike < LEAVES; alike += 300) {
		for (int i = 0; i < LEAVES; i++)
			leaf[i] = i < alike ? 50 : i < alike + 7 ? 51 + i - alike : 0;
		coarse[0] = 50 * LEAVES;
		assert_int_equal(fm_axis_build(&a, &in, NULL), FM_OK);
		assert_int_equal(a.ntokens, 1 + 7 + (alike <= 303 ? alike : 0));
		fm_axis_free(&a);
	}
	for (int i = 0; i < LEAVES; i++)
		coarse[i] = 100;
	in.ncoarse = LEAVES;
	in.row = 10;
	in.coarse_of = cell_itself;
	in.join = 30;
	in.own = 1000;
	for (int i = 0; i < 400; i++)
		leaf[i] = 1000 + i;
	assert_int_equal(fm_axis_build(&a, &in, NULL), FM_OK);
	assert_in_range(a.ntokens, 100, FM_AXIS_TOKENS);
	fm_axis_free(&a);
}

/* The population of the tail is no sum over records by themselves: one record more moves it by one all the same. */
static void a_record_moves_the_tail_by_one(void **state)
{
	enum { N = 300, SERVICES = 3, CELLS = SERVICES * FM_TAIL_BOUNDS + 1 };

	(void)state;
	for (int pair = 0; pair < 500; pair++) {
		uint64_t key[N + 1];
		uint32_t value[N + 1];
		int count[2][CELLS] = {{0}}, moved = 0;

		for (int side = 0; side < 2; side++) {
			size_t n = N + (size_t)side;

			if (side == 0)
				for (size_t i = 0; i < N; i++)
					key[i] = (uint64_t)(fm_rng_below(&rng, 8) * fm_rng_below(&rng, 8)) << 16 |
						 fm_rng_below(&rng, SERVICES);
			else
				key[N] = (uint64_t)(fm_rng_below(&rng, 8) * fm_rng_below(&rng, 8)) << 16 |
					 fm_rng_below(&rng, SERVICES);
			qsort(key, n, sizeof *key, key_order);
			fm_tail_mark(key, n, CELLS - 1, value);
			for (size_t i = 0; i < n; i++)
				count[side][value[i]]++;
		}
		for (int c = 0; c < CELLS; c++)
			moved += abs(count[1][c] - count[0][c]);
		assert_int_equal(moved, 1);
	}
}

/* ---- the whole ---- */

static struct fm_table *trace_long(void)
{
	struct fm_error err;
	struct fm_table *t;

	OK(fm_table_new(&t, FM_COLS_UGR16, &err));
	OK(fm_table_reserve(t, 6000, &err));
	while (t->rows < 6000)
		flow_add(t);
	return t;
}

static void model_fit_by(struct fm_marginals *m, const struct fm_table *t, double epsilon, double delta, bool replaced,
			 int byte)
{
	struct fm_secret key;
	struct fm_error err;

	key_make(&key, byte);
	struct fm_marginals_opts o = {.mu = fm_marginals_mu(epsilon, 0.9 * delta),
				      .key_delta = 0.05 * delta,
				      .replaced = replaced,
				      .key = &key,
				      .first_ms = DAY,
				      .last_ms = DAY + 3 * 60000 - 1,
				      .step_ms = 1000,
				      .label = labels,
				      .nlabels = 2,
				      .inside = inside};
	OK(fm_marginals_fit(m, t, &o, &err));
	fm_secret_close(&key);
}

static void model_fit_of(struct fm_marginals *m, const struct fm_table *t, double epsilon, double delta, bool replaced)
{
	model_fit_by(m, t, epsilon, delta, replaced, 11);
}

static void model_fit(struct fm_marginals *m, const struct fm_table *t, double epsilon, double delta)
{
	model_fit_of(m, t, epsilon, delta, false);
}

/* Wants the first time alone, and nothing else. */
struct wish {
	const int *size;
	size_t seen;
};
static void wish_ratio(void *ctx, int thread, const struct fm_synth *s, enum fm_attr a, const bool drawn[FM_NATTRS],
		       size_t from, int n, float *ratio)
{
	struct wish *w = ctx;

	(void)thread;
	assert_true(drawn[FM_A_KIND] && !drawn[a] && n > 0 && n <= FM_GUIDE_ROWS && from + (size_t)n <= s->n);
	for (int i = 0; i < n * w->size[a]; i++)
		ratio[i] = a != FM_A_TIME || i % w->size[a] == 0 ? 1 : 0;
	w->seen += a == FM_A_TIME ? (size_t)n : 0;
}

/* A guide is asked about each record and attribute once, and what it wants comes out. */
static void a_guide_is_followed(void **state)
{
	struct fm_table *t = trace_long();
	struct fm_synth s = {0};
	struct fm_marginals m;
	struct fm_error err;

	(void)state;
	model_fit(&m, t, 20, 1e-6);
	assert_true(m.tables.size[FM_A_TIME] > 1);
	struct wish w = {m.tables.size, 0};
	struct fm_guide guide = {wish_ratio, &w};
	struct fm_synth_opts o = {.n = 1111, .seed = 3, .guide = &guide};
	OK(fm_synth_make(&s, &m.tables, &o, &err));
	assert_int_equal(w.seen, s.n);
	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.tok[FM_A_TIME][i], 0);
	fm_synth_free(&s);
	fm_marginals_free(&m);
	fm_table_free(t);
}

static const struct fm_range in_range = {0x0a800000u, 9}, out_range = {0xc0000000u, 3};
static struct fm_table *model_sample(const struct fm_marginals *m, int rounds, struct fm_pool *pool)
{
	struct fm_marginals_sample_in in = {.rows = 5000,
					    .seed = 5,
					    .inside = &in_range,
					    .outside = &out_range,
					    .ninside = 1,
					    .noutside = 1,
					    .rounds = rounds,
					    .pool = pool};
	struct fm_table *t;
	struct fm_error err;

	OK(fm_marginals_sample(&t, m, &in, &err));
	return t;
}

static bool same_rows(const struct fm_table *a, const struct fm_table *b)
{
	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(a, c) && memcmp(a->col[c], b->col[c], a->rows * fm_cols[c].width) != 0)
			return false;
	return a->rows == b->rows;
}

/* All flows between two hosts of the inside, or the outside: nobody talks to itself however few hosts are made, nor
 * where noise or a large sample asks for more of them than the ranges have addresses. */
static void hosts_fit_into_their_ranges(void **state)
{
	static const struct fm_range one = {0x0a800001u, 32},
				     four[] = {{0xc0000000u, 31}, {0xc0000002u, 32}, {0xc0000000u, 32}};

	(void)state;
	for (int i = 0; i < 24; i++) {
		struct fm_table *t = trace_new(), *made;
		struct fm_marginals m;
		struct fm_error err;
		struct fm_marginals_sample_in in = {.rows = i % 3 == 0 ? 1 : 400,
						    .seed = (uint64_t)i,
						    .inside = &one,
						    .outside = four,
						    .ninside = 1,
						    .noutside = 3};

		while (t->rows < (size_t)(i % 2 ? 1 : FLOWS)) {
			flow_add(t);
			t->sa[t->rows - 1] = i % 4 < 2 ? 0x2adb0001u : 0x0a000001u;
			t->da[t->rows - 1] = t->sa[t->rows - 1] + (uint32_t)(i % 5 == 0 ? t->rows : 1);
		}
		model_fit(&m, t, i % 8 < 4 ? 50 : 0.5, 1e-5);
		m.flows_per_record = fmin(fmax(m.flows_per_record, 1), FM_EXCHANGE_FLOWS);
		if (fm_marginals_sample(&made, &m, &in, &err) < 0)
			fail_msg("%d: %s", i, err.message);
		assert_int_equal(made->rows, in.rows);
		for (size_t r = 0; r < made->rows; r++) {
			assert_int_not_equal(made->sa[r], made->da[r]);
			assert_true(made->sa[r] == one.base || made->sa[r] - 0xc0000000u < 3);
		}
		fm_table_free(made);
		fm_marginals_free(&m);
		fm_table_free(t);
	}
}

/* A large sample of next to no counts asks for more hosts than a number has room for. */
static void a_huge_sample_has_no_more_hosts_than_records(void **state)
{
	enum { RECORDS = 40 };
	struct fm_table *t = trace_random();
	struct fm_secret key;
	struct fm_synth s = {.n = RECORDS};
	uint8_t side[RECORDS] = {0};
	struct fm_people p;
	struct fm_error err;
	struct fitted f;

	(void)state;
	key_make(&key, 5);
	fit(&f, t, &key, false);
	for (int a = 0; a < FM_NATTRS; a++)
		s.tok[a] = calloc(RECORDS, sizeof **s.tok);
	for (int i = 0; i < RECORDS; i++) {
		s.tok[FM_A_SERVER][i] = (uint16_t)(f.d->hosts[0].ntokens - 2);
		s.tok[FM_A_CLIENT][i] = (uint16_t)(f.d->hosts[1].ntokens - 2);
	}
	for (int r = 0; r < 2; r++)
		for (int k = 0; k < f.d->nservices * FM_TAIL_BOUNDS; k++)
			f.d->tail[r][k] = k % FM_TAIL_BOUNDS < 3 ? 2 : 0;
	struct fm_people_in in = {.inside = &in_range,
				  .outside = &out_range,
				  .ninside = 1,
				  .noutside = 1,
				  .side = {side, side},
				  .scale = 0x1p32};
	OK(fm_people_make(&p, f.d, &s, &in, &err));
	assert_in_range(p.n, 2 * RECORDS, 2 * RECORDS + f.d->hosts[0].n + f.d->hosts[1].n);
	fm_people_free(&p);
	fm_synth_free(&s);
	fitted_free(&f);
	fm_secret_close(&key);
	fm_table_free(t);
}

/* The accountant's epsilon of all charges is what was asked for, not above it and not far below. */
static void charges_come_to_the_epsilon_that_was_asked(void **state)
{
	struct fm_table *t = trace_random();
	struct fm_error err;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fm_marginals m;
		double asked = i ? 4 : 1, epsilon;

		model_fit_of(&m, t, asked, 1e-6, i == 2);
		for (size_t k = 0; k < m.charges.n; k++)
			assert_true(i == 2 ? fabs(m.charges.list[k].sensitivity - M_SQRT2) < 1e-15
					   : m.charges.list[k].sensitivity == 1);
		OK(fm_charges_epsilon(&m.charges, 1e-6, 1, i == 2 ? FM_REPLACE_ONE : FM_ADD_OR_REMOVE, FM_PLD, &epsilon,
				      &err));
		assert_true(epsilon <= asked && epsilon > 0.97 * asked);
		fm_marginals_free(&m);
	}
	fm_table_free(t);
}

static void flows_keep_their_rules(void **state)
{
	struct fm_table *t = trace_long();
	struct fm_marginals m;

	(void)state;
	model_fit(&m, t, 200, 1e-5); /* few records: little noise */
	for (int rounds = 0; rounds < 4; rounds += 3) {
		struct fm_table *made = model_sample(&m, rounds, NULL);
		size_t replies = 0, small = 0;

		assert_int_equal(made->rows, 5000);
		for (size_t i = 0; i < made->rows; i++) {
			const char *pr = fm_table_category(made, FM_PR, i);

			assert_true(i == 0 || made->te[i - 1] <= made->te[i]);
			assert_true(made->te[i] >= DAY && made->te[i] < DAY + 3 * 60000 && made->te[i] % 1000 == 0);
			assert_true(made->pkt[i] >= 1);
			small += made->byt[i] < 20 * made->pkt[i];
			assert_int_not_equal(made->sa[i], made->da[i]);
			assert_true(made->sa[i] >> 29 == 6 || made->sa[i] >> 23 == 0x0a800000u >> 23);
			if (strcmp(pr, "ICMP") == 0)
				assert_int_equal(made->sp[i], 0);
			for (size_t j = i; j-- > 0 && i - j <= 64 && replies <= i;)
				if (made->sa[j] == made->da[i] && made->da[j] == made->sa[i] &&
				    made->sp[j] == made->dp[i] && made->dp[j] == made->sp[i]) {
					replies++;
					break;
				}
		}
		if (replies <= 100 || small >= 50)
			fail_msg("%zu replies, %zu with fewer bytes than headers", replies, small);
		fm_table_free(made);
	}
	fm_marginals_free(&m);
	fm_table_free(t);
}

static void threads_change_no_bit(void **state)
{
	struct fm_table *t = trace_long(), *one, *three;
	struct fm_marginals m;
	struct fm_pool *pool;
	struct fm_error err;

	(void)state;
	OK(fm_pool_new(&pool, 3, &err));
	model_fit(&m, t, 8, 1e-5);
	one = model_sample(&m, 2, NULL);
	three = model_sample(&m, 2, pool);
	assert_true(same_rows(one, three));
	fm_table_free(one);
	fm_table_free(three);
	fm_marginals_free(&m);
	fm_pool_free(pool);
	fm_table_free(t);
}

/* A file that was cut anywhere, or in which a byte is another, is refused or makes a model that can be freed. */
static void a_damaged_file_is_refused(void **state)
{
	struct fm_table *t = trace_random();
	const char *path = scratch_path("marginals.bin"), *cut = scratch_path("cut.bin");
	struct fm_marginals m, again;
	struct fm_buf b = {0};
	struct fm_error err;

	(void)state;
	model_fit(&m, t, 8, 1e-5);
	OK(fm_marginals_save(&m, path, &err));
	OK(fm_marginals_load(&again, path, &err));
	fm_marginals_free(&again);
	OK(fm_file_read(path, 256u << 20, &b, &err));
	for (int i = 0; i < 12; i++) {
		size_t n = i < 4 ? (size_t)i * 16 : b.len - 1 - (b.len / 12) * (size_t)(i - 4);

		OK(fm_file_write(cut, 0600, b.data, n, &err));
		assert_int_equal(fm_marginals_load(&again, cut, &err), FM_EINPUT);
	}
	for (size_t at = 21; at < 21 + 4 * 16; at += 4) { /* the numbers in front */
		uint32_t was, huge = 0x7fffffff;

		memcpy(&was, b.data + at, sizeof was);
		memcpy(b.data + at, &huge, sizeof huge);
		OK(fm_file_write(cut, 0600, b.data, b.len, &err));
		if (fm_marginals_load(&again, cut, &err) == FM_OK)
			fm_marginals_free(&again);
		memcpy(b.data + at, &was, sizeof was);
	}
	fm_buf_free(&b);
	fm_marginals_free(&m);
	fm_table_free(t);
}

/* The noise of no run makes a model that is not read back, however few the flows: here lone flows, so that nearly all
 * records have one flow, and sums end a last digit on either side of it. */
static void a_model_of_any_noise_is_read_back(void **state)
{
	const char *path = scratch_path("noisy.bin");
	struct fm_marginals m, again;
	struct fm_error err;

	(void)state;
	/* each size with each noise, and once more in make test-long */
	for (int i = 0; i < (getenv("LONG") ? 96 : 48); i++) {
		struct fm_table *t = trace_new();

		while (t->rows < (size_t)(1 + i % 12 * 40)) {
			flow_add(t);
			t->sa[t->rows - 1] = 0x0a000000u + (uint32_t)t->rows;
			t->da[t->rows - 1] = 0x2adb0000u;
			t->sp[t->rows - 1] = (uint16_t)(40000 + t->rows);
			t->dp[t->rows - 1] = 80;
		}
		model_fit_by(&m, t, (double[]){0.2, 1, 4, 16}[i / 12 % 4], 1e-5, i % 2, i + 1);
		OK(fm_marginals_save(&m, path, &err));
		OK(fm_marginals_load(&again, path, &err));
		assert_true(again.flows_per_record >= 1 && again.flows_per_record <= FM_EXCHANGE_FLOWS);
		fm_marginals_free(&again);
		fm_marginals_free(&m);
		fm_table_free(t);
	}
}

/* What was made is looked at through a model that was read: which end of an exchange is the service's hangs on how
 * popular its port is, and not on which is the lower one. */
static void a_model_that_was_read_finds_the_same_services(void **state)
{
	struct fm_table *t = trace_long();
	const char *path = scratch_path("popular.bin");
	struct fm_marginals m, again;
	struct fm_marginals_opts o = {.label = labels, .nlabels = 2, .inside = inside};
	uint16_t *tok[2];
	struct fm_error err;
	size_t n[2];

	(void)state;
	for (size_t i = 0; i < t->rows; i++) { /* the services have higher ports than their clients */
		t->sp[i] = (uint16_t)(t->sp[i] >= 40000 ? t->sp[i] - 39000 : t->sp[i] % 100 + 60000);
		t->dp[i] = (uint16_t)(t->dp[i] >= 40000 ? t->dp[i] - 39000 : t->dp[i] % 100 + 60000);
	}
	model_fit(&m, t, 50, 1e-5);
	m.flows_per_record = fmin(fmax(m.flows_per_record, 1), FM_EXCHANGE_FLOWS);
	OK(fm_marginals_save(&m, path, &err));
	OK(fm_marginals_load(&again, path, &err));
	assert_true(m.domains.popularity[60053] > 100);
	assert_memory_equal(m.domains.popularity, again.domains.popularity, sizeof m.domains.popularity);
	OK(fm_marginals_encode(&m, t, &o, &tok[0], &n[0], &err));
	OK(fm_marginals_encode(&again, t, &o, &tok[1], &n[1], &err));
	assert_int_equal(n[0], n[1]);
	for (size_t i = 0; i < n[0]; i++)
		assert_int_equal(tok[0][i * FM_NATTRS + FM_A_KIND], tok[1][i * FM_NATTRS + FM_A_KIND]);
	free(tok[0]);
	free(tok[1]);
	fm_marginals_free(&m);
	fm_marginals_free(&again);
	fm_table_free(t);
}

static void norm_sub_is_the_nearest_table_of_its_sum(void **state)
{
	double v[] = {5, -3, 2, 0.5, -1}, w[] = {1, 1};
	struct fm_error err;

	(void)state;
	OK(fm_norm_sub(v, 5, 6, &err));
	assert_true(fabs(v[0] - 4.5) < 1e-12 && fabs(v[2] - 1.5) < 1e-12);
	assert_true(v[1] <= 0 && v[3] <= 0 && v[4] <= 0);
	OK(fm_norm_sub(w, 2, 6, &err)); /* too little is filled up evenly */
	assert_true(fabs(w[0] - 3) < 1e-12 && fabs(w[1] - 3) < 1e-12);
}

static int setup(void **state)
{
	(void)state;
	fm_rng_init(&rng, 20160411, FM_RNG_SIMULATE, 0, 0);
	return scratch_make();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(neighbours_differ_in_one_record),
	    cmocka_unit_test(rows_in_any_order_make_the_same_records),
	    cmocka_unit_test(a_split_is_a_function_of_the_record_s_key),
	    cmocka_unit_test(encodings_differ_in_one_record),
	    cmocka_unit_test(neighbours_move_each_histogram_by_what_is_charged),
	    cmocka_unit_test(a_grid_of_noise_falls_back_on_its_widths),
	    cmocka_unit_test(an_axis_has_no_more_tokens_than_it_may),
	    cmocka_unit_test(a_record_moves_the_tail_by_one),
	    cmocka_unit_test(hosts_fit_into_their_ranges),
	    cmocka_unit_test(a_huge_sample_has_no_more_hosts_than_records),
	    cmocka_unit_test(charges_come_to_the_epsilon_that_was_asked),
	    cmocka_unit_test(flows_keep_their_rules),
	    cmocka_unit_test(threads_change_no_bit),
	    cmocka_unit_test(a_damaged_file_is_refused),
	    cmocka_unit_test(a_model_of_any_noise_is_read_back),
	    cmocka_unit_test(a_model_that_was_read_finds_the_same_services),
	    cmocka_unit_test(norm_sub_is_the_nearest_table_of_its_sum),
	    cmocka_unit_test(a_guide_is_followed),
	    cmocka_unit_test(a_period_has_the_records_of_its_minutes),
	};

	return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
