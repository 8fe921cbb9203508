/* test_windows.c - privacy.unit window: all flows of two hosts that end in a minute are there or not.  Of its exchanges
 * at most so many are kept, so that a window is a group of them; thresholds, plans and noise are those of the group. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/generator.h"
#include "model/marginals/records.h"
#include "model/private_counts.h"
#include "privacy/counts.h"
#include "privacy/noise.h"
#include "privacy/threshold.h"
#include "tests/unit/ok.h"

enum { FLOWS = 400, PAIRS = 200 };
#define DAY 1460332800000 /* 2016-04-11 */
static const char *const labels[] = {"background"};
static struct fm_rng rng;

/* Few hosts and minutes and some ports, so that windows have one exchange to a few dozen. */
static struct fm_table *trace_random(void)
{
	struct fm_error err;
	struct fm_table *t;

	OK(fm_table_new(&t, FM_COLS_UGR16, &err));
	OK(fm_table_reserve(t, FLOWS, &err));
	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(t, c) && fm_cols[c].kind == FM_KIND_CATEGORY)
			assert_int_equal(fm_dict_index(&t->dict[c], c == FM_PR ? "TCP" : "0", c == FM_PR ? 3 : 1, true),
					 0);
	for (size_t i = 0; i < FLOWS; i++) {
		bool back = fm_rng_below(&rng, 2);
		uint32_t a = 0x0a000000u + fm_rng_below(&rng, fm_rng_below(&rng, 2) ? 2 : 8),
			 b = 0x2adb0000u + fm_rng_below(&rng, 3);
		uint16_t p = (uint16_t)(40000 + fm_rng_below(&rng, 12)), q = fm_rng_below(&rng, 3) ? 80 : 443;

		t->te[i] = DAY + (int64_t)fm_rng_below(&rng, 4) * 60000 + (int64_t)fm_rng_below(&rng, 60) * 1000;
		t->sa[i] = back ? b : a;
		t->da[i] = back ? a : b;
		t->sp[i] = back ? q : p;
		t->dp[i] = back ? p : q;
		t->pr[i] = 0;
		t->byt[i] = 40 + fm_rng_below(&rng, 1400);
		t->pkt[i] = 1;
		t->td[i] = 0;
		t->flg[i] = t->fwd[i] = t->stos[i] = t->label[i] = 0;
	}
	t->rows = FLOWS;
	return t;
}

static bool in_window(const struct fm_table *t, size_t i, const struct fm_exchange *w)
{
	uint32_t a = t->sa[i] < t->da[i] ? t->sa[i] : t->da[i], b = t->sa[i] < t->da[i] ? t->da[i] : t->sa[i];

	return a == w->host[0] && b == w->host[1] && t->te[i] / FM_SLOT_MS == w->slot;
}

static bool in_exchange(const struct fm_table *t, size_t i, const struct fm_exchange *x)
{
	bool back = t->sa[i] > t->da[i];

	return in_window(t, i, x) && (back ? t->dp[i] : t->sp[i]) == x->port[0] &&
	       (back ? t->sp[i] : t->dp[i]) == x->port[1];
}

/* The rows for which `in` does not hold, in another order. */
static struct fm_table *without(const struct fm_table *t, const struct fm_exchange *x,
				bool (*in)(const struct fm_table *, size_t, const struct fm_exchange *))
{
	struct fm_error err;
	struct fm_table *u;

	OK(fm_table_new(&u, FM_COLS_UGR16, &err));
	OK(fm_table_reserve(u, FLOWS, &err));
	for (size_t i = t->rows; i-- > 0;)
		if (!in(t, i, x))
			OK(fm_table_append(u, t, i, &err));
	return u;
}

static bool same_window(const struct fm_exchange *a, const struct fm_exchange *b)
{
	return a->slot == b->slot && memcmp(a->host, b->host, sizeof a->host) == 0;
}

static size_t of_window(const struct fm_exchanges *e, const struct fm_exchange *x)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += same_window(&e->list[i], x);
	return n;
}

/* Records of e that are not in f, value for value. */
static size_t missing(const struct fm_exchanges *e, const struct fm_exchanges *f)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++) {
		bool found = false;

		for (size_t j = 0; j < f->n && !found; j++)
			found = memcmp(&e->list[i], &f->list[j], sizeof *e->list) == 0;
		n += !found;
	}
	return n;
}

/* A window more adds its own exchanges, as many as are kept, and changes no other record; an exchange more changes at
 * most two.  Nothing depends on the order of rows. */
static void a_window_more_adds_its_own(void **state)
{
	size_t full = 0, in_the_place_of_one = 0;

	(void)state;
	for (unsigned pair = 0; pair < PAIRS; pair++) {
		struct fm_record_opts all = {.label = labels, .nlabels = 1}, o = all;
		struct fm_table *t = trace_random(), *u, *v;
		struct fm_exchanges every, e, f, g;
		struct fm_error err;

		o.window = 2 + pair % 4;
		OK(fm_exchanges_cut(&every, t, &all, &err));
		OK(fm_exchanges_cut(&e, t, &o, &err));
		const struct fm_exchange *x = &every.list[fm_rng_below(&rng, (uint32_t)every.n)];
		u = without(t, x, in_window);
		v = without(t, x, in_exchange);
		OK(fm_exchanges_cut(&f, u, &o, &err));
		OK(fm_exchanges_cut(&g, v, &o, &err));
		size_t has = of_window(&every, x), kept = has < o.window ? has : o.window;
		assert_int_equal(of_window(&e, x), kept);
		assert_int_equal(of_window(&f, x), 0);
		assert_int_equal(missing(&f, &e), 0);
		assert_int_equal(missing(&e, &f), kept);
		assert_int_equal(e.n, f.n + kept);
		full += has > o.window;
		for (size_t i = 0; i < e.n; i++)
			assert_true(of_window(&e, &e.list[i]) <= o.window);
		assert_true(missing(&e, &g) <= 1 && missing(&g, &e) <= missing(&e, &g));
		in_the_place_of_one += missing(&g, &e);
		assert_true(e.flows == FLOWS && e.dropped > 0);
		fm_exchanges_free(&every);
		fm_exchanges_free(&e);
		fm_exchanges_free(&f);
		fm_exchanges_free(&g);
		fm_table_free(t);
		fm_table_free(u);
		fm_table_free(v);
	}
	assert_true(full > PAIRS / 4 && in_the_place_of_one > PAIRS / 20);
}

/* A threshold that holds for one exchange lets a group's own keys through too often; that of a group does not. */
static void thresholds_hold_for_a_group(void **state)
{
	enum { GROUP = 4 };
	const double delta = 1e-7, sigma = 5;

	(void)state;
	for (unsigned group = 0; group <= GROUP; group += GROUP) {
		struct fm_secret key;
		struct fm_counts *c;
		struct fm_unit unit;
		struct fm_keys keys;
		struct fm_error err;
		uint64_t nobody = 0;
		double epsilon;

		OK(fm_secret_random(&key, 32, &err));
		OK(fm_unit_set(&unit, 4, 0, &err));
		unit.group = group;
		OK(fm_counts_open(&c, &key, &unit, NULL, &err));
		struct fm_items none = fm_items_units(0);
		OK(fm_counts_keys(c, &(struct fm_query){"keys", &none, sigma}, &nobody, delta, &keys, &err));
		const struct fm_charges *charges = fm_counts_charges(c);
		assert_int_equal(charges->list[0].threshold, keys.threshold);
		assert_true(charges->list[0].delta <= delta && charges->list[0].most == 1);
		double chance = fm_threshold_chance(charges->list[0].scale, GROUP, keys.threshold);
		assert_true(group ? chance <= delta : chance > 10 * delta);
		int rc = fm_charges_epsilon(charges, 1.1 * delta, GROUP, FM_ADD_OR_REMOVE, FM_PLD, &epsilon, &err);
		assert_int_equal(rc, group ? FM_OK : FM_EINPUT);
		fm_keys_free(&keys);
		fm_counts_close(c);
		fm_secret_close(&key);
	}
}

static struct fm_config *config(const char *kind, const char *unit, const char *most, const char *budget)
{
	const char *set[5] = {kind, unit, budget};
	struct fm_config *cfg;
	struct fm_error err;

	set[3] = most;
	OK(fm_config_preset(&cfg, "ugr16-dp", set, most ? 4 : 3, &err));
	return cfg;
}

static double training_of(const struct fm_charges *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->list[i].name, "training") == 0)
			return c->list[i].scale;
	return NAN;
}

/* What is planned keeps to epsilon for as many exchanges as a window may have, and does not fall far short of it:
 * counts, training and what the gate asks, of each kind and by each accountant. */
static void a_plan_keeps_to_epsilon_for_a_window(void **state)
{
	static const char *const kinds[] = {"model.kind=marginals", "model.kind=diffusion"};
	static const struct {
		const char *set;
		unsigned n;
	} most[] = {
	    {"privacy.window_exchanges=2", 2}, {"privacy.window_exchanges=4", 4}, {"privacy.window_exchanges=16", 16}};
	const char *gate = "privacy.budget={gate: 0.1}";

	(void)state;
	for (int k = 0; k < 2; k++) {
		double before = 0;
		for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
			struct fm_config *cfg = config(kinds[k], "privacy.unit=window", most[i].set, gate);
			struct fm_charges plan = {0};
			struct fm_error err;
			double window, exchange;

			assert_int_equal(fm_config_group(cfg), most[i].n);
			OK(fm_generator_plan(cfg, &plan, &err));
			for (size_t c = 0; c < plan.n; c++) /* of one exchange */
				assert_true(plan.list[c].sensitivity == 1);
			OK(fm_private_gate_plan(cfg, &plan, &err));
			OK(fm_charges_epsilon(&plan, cfg->privacy.delta, most[i].n, FM_ADD_OR_REMOVE, FM_PLD, &window,
					      &err));
			OK(fm_charges_epsilon(&plan, cfg->privacy.delta, 1, FM_ADD_OR_REMOVE, FM_PLD, &exchange, &err));
			if (!(window <= 4 && window > 3.9 && exchange < window / most[i].n * 1.1))
				fail_msg("%s, %u exchanges: epsilon %g for a window, %g for an exchange", kinds[k],
					 most[i].n, window, exchange);
			if (k == 1) {
				assert_true(training_of(&plan) > before);
				before = training_of(&plan);
			}
			fm_charges_free(&plan);
			fm_config_free(cfg);
		}
	}
}

/* The continuous noise that is claimed is so many times that for an exchange, but for the search's last hundredth. */
static void counts_have_so_many_times_the_noise(void **state)
{
	struct fm_charges of[2] = {{0}};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fm_config *cfg =
		    config("model.kind=marginals", i ? "privacy.unit=window" : "privacy.unit=exchange",
			   i ? "privacy.window_exchanges=8" : NULL, "privacy.budget={}");
		struct fm_error err;

		OK(fm_generator_plan(cfg, &of[i], &err));
		fm_config_free(cfg);
	}
	assert_int_equal(of[0].n, of[1].n);
	for (size_t c = 0; c < of[0].n; c++) {
		double ratio =
		    fm_gaussian_equivalent(of[1].list[c].scale) / fm_gaussian_equivalent(of[0].list[c].scale);

		if (!(ratio > 7.95 && ratio < 8.05))
			fail_msg("%s: %g times the noise", of[0].list[c].name, ratio);
	}
	fm_charges_free(&of[0]);
	fm_charges_free(&of[1]);
}

static int setup(void **state)
{
	(void)state;
	fm_rng_init(&rng, 21, FM_RNG_SPLIT, 0, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_window_more_adds_its_own),
	    cmocka_unit_test(thresholds_hold_for_a_group),
	    cmocka_unit_test(a_plan_keeps_to_epsilon_for_a_window),
	    cmocka_unit_test(counts_have_so_many_times_the_noise),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
