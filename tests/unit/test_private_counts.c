/* Promises: every private count is charged with what a unit moves it by and no less; nothing comes out without noise; a
 * key of one unit alone comes out with a chance of at most delta.  The same noise key gives neighbouring data the same
 * noise, so that the difference of two answers is that of the exact statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/secret.h"
#include "privacy/charge_json.h"
#include "privacy/counts.h"
#include "privacy/threshold.h"
#include "tests/unit/noise_fixture.h"

#define OK(call) assert_int_equal((call), FM_OK)

enum { UNITS = 40, HOSTS = 12, BINS = 7, OTHER = 5, CELLS = 6, PAIRS = 300, MOST = 8 };

/* Exchanges with their flows: those of unit u are first[u] ... first[u + 1] - 1. */
struct data {
	size_t nunits, nflows;
	uint32_t unit[(UNITS + 1) * MOST], value[(UNITS + 1) * MOST], other[(UNITS + 1) * MOST];
	uint64_t key[(UNITS + 1) * MOST];
	uint32_t host_unit[2 * (UNITS + 1)], host[2 * (UNITS + 1)], cell[HOSTS];
};

struct part {
	unsigned nflows;
	uint32_t value[MOST], other[MOST], host[2];
};

static struct part part_random(struct fm_rng *r, unsigned most)
{
	struct part p = {.nflows = 1 + fm_rng_below(r, most), .host = {fm_rng_below(r, HOSTS), fm_rng_below(r, HOSTS)}};
	int alike = fm_rng_below(r, 2) == 0; /* the worst case: all in one bin */

	if (alike)
		p.nflows = most;
	for (unsigned i = 0; i < p.nflows; i++) {
		p.value[i] = i > 0 && alike ? p.value[0] : fm_rng_below(r, BINS);
		p.other[i] = i > 0 && alike ? p.other[0] : fm_rng_below(r, OTHER);
	}
	return p;
}

static void data_add(struct data *d, const struct part *p)
{
	uint32_t u = (uint32_t)d->nunits++;

	for (unsigned i = 0; i < p->nflows; i++, d->nflows++) {
		d->unit[d->nflows] = u;
		d->value[d->nflows] = p->value[i];
		d->other[d->nflows] = p->other[i];
		d->key[d->nflows] = p->value[i] * 1000000007ull;
	}
	for (int i = 0; i < 2; i++) {
		d->host_unit[2 * u + i] = u;
		d->host[2 * u + i] = p->host[i];
		d->cell[p->host[i]] = d->cell[p->host[i]] < CELLS - 1 ? d->cell[p->host[i]] + 1 : CELLS - 1;
	}
}

/* Every statistic of d, one behind the other, into out; the sensitivity of each that the ledger has, into charged. */
enum { HISTOGRAM, PAIR, TOTAL, TOTAL_UNITS, POPULATION, CELL, KEYS, NSTATISTICS };
static const size_t width[NSTATISTICS] = {BINS, BINS *OTHER, 1, 1, 4, CELLS, BINS};
struct answer {
	int64_t out[NSTATISTICS][BINS * OTHER];
	double charged[NSTATISTICS];
};

static void ask(const struct fm_secret *key, const struct fm_unit *unit, const struct data *d, struct answer *a)
{
	static const uint32_t atleast[] = {1, 3, 6, 10};
	struct fm_items flows = fm_items_parts(unit, d->nflows, d->unit, d->nunits), units = fm_items_units(d->nunits);
	struct fm_items hosts = fm_items_hosts(unit, 2 * d->nunits, d->host_unit, d->nunits);
	struct fm_error err = {0};
	struct fm_counts *c;
	struct fm_keys keys;

	memset(a, 0, sizeof(*a));
	OK(fm_counts_open(&c, key, unit, NULL, &err));
	OK(fm_counts_histogram(c, &(struct fm_query){"histogram", &flows, 5}, (struct fm_values){d->value, BINS},
			       a->out[HISTOGRAM], &err));
	OK(fm_counts_pairs(c, &(struct fm_query){"pairs", &flows, 6}, (struct fm_values){d->value, BINS},
			   (struct fm_values){d->other, OTHER}, a->out[PAIR], &err));
	OK(fm_counts_total(c, &(struct fm_query){"flows", &flows, 7}, a->out[TOTAL], &err));
	OK(fm_counts_total(c, &(struct fm_query){"units", &units, 7}, a->out[TOTAL_UNITS], &err));
	OK(fm_counts_population(c, &(struct fm_query){"population", &hosts, 8}, (struct fm_values){d->host, HOSTS},
				atleast, 4, a->out[POPULATION], &err));
	OK(fm_counts_cells(c, "cells", (struct fm_values){d->cell, CELLS}, HOSTS, 9, a->out[CELL], &err));
	OK(fm_counts_keys(c, &(struct fm_query){"keys", &flows, 0.5}, d->key, 1e-3, &keys, &err));
	for (size_t i = 0; i < keys.n; i++)
		a->out[KEYS][keys.list[i].key / 1000000007ull] = keys.list[i].count;
	fm_keys_free(&keys);
	assert_int_equal(fm_counts_charges(c)->n, NSTATISTICS);
	for (int k = 0; k < NSTATISTICS; k++)
		a->charged[k] = fm_counts_charges(c)->list[k].sensitivity;
	fm_counts_close(c);
}

/* Random neighbours: the largest distance of each statistic is no more than what is charged, and reaches it. */
static void neighbours(const struct fm_unit *unit, const double want[NSTATISTICS], const double reached[NSTATISTICS])
{
	double most[NSTATISTICS] = {0};
	struct fm_secret key;
	struct fm_rng r;

	OK(noise_key(&key, 11));
	for (uint32_t pair = 0; pair < PAIRS; pair++) {
		struct data d = {0}, e = {0};
		struct answer a, b;
		struct part p;
		size_t n, at;

		fm_rng_init(&r, 12, FM_RNG_JUDGE, pair, 0);
		n = 1 + fm_rng_below(&r, UNITS);
		at = fm_rng_below(&r, (uint32_t)n);
		for (size_t u = 0; u < n; u++) {
			p = part_random(&r, unit->flows);
			data_add(&d, &p);
			if (u == at && unit->replaced)
				p = part_random(&r, unit->flows);
			if (u != at || unit->replaced)
				data_add(&e, &p);
		}
		ask(&key, unit, &d, &a);
		ask(&key, unit, &e, &b);
		for (int k = 0; k < NSTATISTICS; k++) {
			double l2 = 0;

			assert_true(fabs(a.charged[k] - want[k]) < 1e-12 && a.charged[k] >= want[k] - 1e-15);
			for (size_t i = 0; i < width[k]; i++) {
				double x = (double)(a.out[k][i] - b.out[k][i]);

				/* A key of which one side says nothing has moved by an unknown number. */
				if (k != KEYS || (a.out[k][i] != 0 && b.out[k][i] != 0))
					l2 += x * x;
			}
			assert_true(sqrt(l2) <= a.charged[k]);
			most[k] = sqrt(l2) > most[k] ? sqrt(l2) : most[k];
		}
	}
	for (int k = 0; k < NSTATISTICS; k++)
		assert_true(most[k] >= reached[k] * (1 - 1e-12));
	fm_secret_close(&key);
}

static void an_exchange_moves_what_is_charged(void **state)
{
	struct fm_unit unit;

	(void)state;
	OK(fm_unit_set(&unit, 4, 0, NULL));
	assert_int_equal(unit.hosts, 2);
	double want[] = {4, 4, 4, 1, 2, 2 * M_SQRT2, 4};
	neighbours(&unit, want, want);
}

static void a_flow_moves_what_is_charged(void **state)
{
	struct fm_unit unit;

	(void)state;
	OK(fm_unit_set(&unit, 1, 0, NULL));
	double want[] = {1, 1, 1, 1, 2, 2 * M_SQRT2, 1};
	neighbours(&unit, want, want);
}

static void a_replaced_exchange_moves_what_is_charged(void **state)
{
	struct fm_unit unit;

	(void)state;
	OK(fm_unit_set(&unit, 4, 1, NULL));
	/* The totals move by 3 and 0 at most; that all four hosts meet the worst case is seldom. */
	double want[] = {4 * M_SQRT2, 4 * M_SQRT2, 4 * M_SQRT2, M_SQRT2, 2 * M_SQRT2, 4 * M_SQRT2, 4 * M_SQRT2};
	double reached[] = {4 * M_SQRT2, 4 * M_SQRT2, 3, 0, 2, 2 * M_SQRT2, 4 * M_SQRT2};
	neighbours(&unit, want, reached);
}

static void a_unit_has_a_flow_at_least(void **state)
{
	struct fm_unit unit;

	(void)state;
	assert_int_equal(fm_unit_set(&unit, 0, 0, NULL), FM_EINPUT);
	assert_int_equal(fm_unit_set(&unit, 5000, 0, NULL), FM_EINPUT);
}

/* ---- what is refused ----------------------------------------------------------------------------------------------
 */

struct opened {
	struct fm_secret key;
	struct fm_unit unit;
	struct fm_counts *c;
	struct fm_error err;
};

static struct opened opened(uint8_t seed, unsigned flows)
{
	struct opened o = {.err = {0}};

	OK(noise_key(&o.key, seed));
	OK(fm_unit_set(&o.unit, flows, 0, NULL));
	return o;
}

static void open_counts(struct opened *o)
{
	OK(fm_counts_open(&o->c, &o->key, &o->unit, NULL, &o->err));
}

static void close_counts(struct opened *o)
{
	fm_counts_close(o->c);
	fm_secret_close(&o->key);
}

static void what_breaks_a_charge_is_refused(void **state)
{
	static const uint32_t unit[] = {0, 0, 1, 1, 1}, far[] = {0, 0, 1, 1, 2}, value[] = {0, 1, 2, 1, 0},
			      falling[] = {3, 1};
	struct opened o = opened(20, 2);
	struct fm_items items = fm_items_parts(&o.unit, 5, unit, 2), one = fm_items_parts(&o.unit, 4, unit, 2);
	int64_t out[9] = {0}, first;
	struct fm_keys keys;
	uint64_t key[5] = {0};
	uint32_t bin[2];

	(void)state;
	open_counts(&o);
	/* a unit with three of two items, a unit that is not there, a value out of its domain */
	assert_int_equal(
	    fm_counts_histogram(o.c, &(struct fm_query){"a", &items, 5}, (struct fm_values){value, 3}, out, &o.err),
	    FM_EINPUT);
	assert_non_null(strstr(o.err.message, "unit 1 has more than the 2 items"));
	items.unit = far;
	assert_int_equal(fm_counts_total(o.c, &(struct fm_query){"a", &items, 5}, out, &o.err), FM_EINPUT);
	assert_int_equal(
	    fm_counts_histogram(o.c, &(struct fm_query){"a", &one, 5}, (struct fm_values){value, 2}, out, &o.err),
	    FM_EINPUT);
	for (int i = 0; i < 9; i++)
		assert_true(out[i] == 0); /* a call that fails tells nothing */
	assert_int_equal(fm_counts_pairs(o.c, &(struct fm_query){"a", &one, 5}, (struct fm_values){value, 3},
					 (struct fm_values){value, 2}, out, &o.err),
			 FM_EINPUT);
	assert_int_equal(fm_counts_population(o.c, &(struct fm_query){"a", &one, 5}, (struct fm_values){value, 2},
					      value, 1, out, &o.err),
			 FM_EINPUT);
	assert_int_equal(fm_counts_population(o.c, &(struct fm_query){"a", &one, 5}, (struct fm_values){value, 3},
					      falling, 2, out, &o.err),
			 FM_EINPUT);
	assert_int_equal(fm_counts_cells(o.c, "a", (struct fm_values){value, 2}, 3, 5, out, &o.err), FM_EINPUT);
	assert_int_equal(fm_counts_quantiles(o.c, &(struct fm_query){"a", &one, 5}, (struct fm_values){value, 3},
					     (double[]){0.9, 0.1}, 2, bin, &o.err),
			 FM_EINPUT);
	assert_int_equal(fm_counts_keys(o.c, &(struct fm_query){"a", &one, 5}, key, 0, &keys, &o.err), FM_EINPUT);
	assert_int_equal(fm_counts_keys(o.c, &(struct fm_query){"a", &one, 5}, key, 1e-310, &keys, &o.err), FM_EINPUT);
	/* no noise, too little, none that is a number */
	assert_int_equal(fm_counts_total(o.c, &(struct fm_query){"a", &one, 0}, out, &o.err), FM_EINPUT);
	assert_int_equal(fm_counts_total(o.c, &(struct fm_query){"a", &one, 1e-9}, out, &o.err), FM_EINPUT);
	assert_int_equal(fm_counts_total(o.c, &(struct fm_query){"a", &one, NAN}, out, &o.err), FM_EINPUT);
	assert_int_equal(fm_counts_total(o.c, &(struct fm_query){"", &one, 5}, out, &o.err), FM_EINPUT);
	assert_true(out[0] == 0);
	assert_int_equal(fm_counts_charges(o.c)->n, 0);
	/* the same name twice, whatever the question */
	OK(fm_counts_total(o.c, &(struct fm_query){"a", &one, 5}, &first, &o.err));
	assert_int_equal(
	    fm_counts_histogram(o.c, &(struct fm_query){"a", &one, 5}, (struct fm_values){value, 3}, out, &o.err),
	    FM_EINPUT);
	assert_true(out[0] == 0 && out[1] == 0);
	assert_int_equal(fm_counts_charges(o.c)->n, 1);
	close_counts(&o);
}

/* Without a key the ledger is what it would be with one, and no item is counted. */
static void without_a_key_nothing_is_counted(void **state)
{
	static const uint32_t value[] = {0, 1, 2}, bounds[] = {1, 2};
	struct opened o = opened(21, 2);
	struct fm_items none = fm_items_units(0), three = fm_items_units(3);
	struct fm_charges with = {0};

	(void)state;
	for (int keyed = 1; keyed >= 0; keyed--) {
		int64_t out[9] = {0};
		struct fm_keys keys = {0};

		OK(fm_counts_open(&o.c, keyed ? &o.key : NULL, &o.unit, NULL, &o.err));
		if (!keyed) {
			struct fm_query q = {"x", &three, 5};
			struct fm_values v = {value, 3};
			uint32_t bin[1];

			assert_int_equal(fm_counts_histogram(o.c, &q, v, out, &o.err), FM_ESYSTEM);
			assert_int_equal(fm_counts_pairs(o.c, &q, v, v, out, &o.err), FM_ESYSTEM);
			assert_int_equal(fm_counts_total(o.c, &q, out, &o.err), FM_ESYSTEM);
			assert_int_equal(fm_counts_quantiles(o.c, &q, v, (double[]){0.5}, 1, bin, &o.err), FM_ESYSTEM);
			assert_int_equal(fm_counts_population(o.c, &q, v, bounds, 2, out, &o.err), FM_ESYSTEM);
			assert_int_equal(fm_counts_cells(o.c, "x", v, 3, 5, out, &o.err), FM_ESYSTEM);
			assert_int_equal(fm_counts_keys(o.c, &q, (uint64_t[]){1, 2, 3}, 1e-6, &keys, &o.err),
					 FM_ESYSTEM);
			for (int i = 0; i < 9; i++)
				assert_true(out[i] == 0);
			assert_int_equal(fm_counts_charges(o.c)->n, 0);
		}
		OK(fm_counts_histogram(o.c, &(struct fm_query){"a", &none, 5}, (struct fm_values){NULL, 9}, out,
				       &o.err));
		OK(fm_counts_cells(o.c, "b", (struct fm_values){NULL, 9}, 0, 6, out, &o.err));
		OK(fm_counts_keys(o.c, &(struct fm_query){"c", &none, 7}, NULL, 1e-6, &keys, &o.err));
		assert_int_equal(keys.n, 0);
		fm_keys_free(&keys);
		if (keyed)
			OK(fm_charges_append(&with, fm_counts_charges(o.c), &o.err));
		else
			assert_true(fm_charges_equal(&with, fm_counts_charges(o.c)));
		fm_counts_close(o.c);
	}
	fm_charges_free(&with);
	fm_secret_close(&o.key);
}

/* ---- what comes out -----------------------------------------------------------------------------------------------
 */

static void answers_are_counts_with_the_charged_noise(void **state)
{
	enum { N = 40000 };
	static uint32_t value[1000];
	static int64_t out[N], again[N], draws[N];
	struct opened o = opened(21, 4), p = opened(22, 4);
	struct fm_items items = fm_items_units(1000);
	const struct fm_charge *charge;
	struct fm_gaussian g;
	struct fm_pool *pool;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		value[i] = i % 10;
	open_counts(&o);
	OK(fm_pool_new(&pool, 2, NULL));
	OK(fm_counts_open(&p.c, &o.key, &o.unit, pool, NULL));
	OK(fm_counts_histogram(o.c, &(struct fm_query){"h", &items, 12.3}, (struct fm_values){value, N}, out, &o.err));
	OK(fm_counts_histogram(p.c, &(struct fm_query){"h", &items, 12.3}, (struct fm_values){value, N}, again,
			       &o.err));
	assert_memory_equal(out, again, sizeof(out)); /* on any number of threads */
	charge = &fm_counts_charges(o.c)->list[0];
	assert_string_equal(charge->name, "h");
	assert_string_equal(fm_charge_kind_name(charge->kind), "discrete_gaussian");
	assert_true(charge->sensitivity == 1 && charge->rate == 1 && charge->count == 1 && charge->delta == 0);
	assert_true(fabs(charge->scale - 12.3) < 1e-6);
	/* The noise is that of the label and the key, and the counts are under it. */
	OK(fm_gaussian_set(&g, 12.3, NULL));
	OK(fm_gaussian_fill(&(struct fm_stream_name){&o.key, "counts/h", 0}, &g, NULL, 0, draws, N, NULL));
	for (int i = 0; i < N; i++)
		assert_true(out[i] - draws[i] == (i < 10 ? 100 : 0));
	assert_true(fabs(chi_square(draws, N, 100, gaussian_weight, &(double){12.3}, NULL, NULL)) < 4);
	/* Another name, other noise. */
	OK(fm_counts_histogram(o.c, &(struct fm_query){"i", &items, 12.3}, (struct fm_values){value, N}, again,
			       &o.err));
	assert_true(memcmp(out, again, sizeof(out)) != 0);
	fm_counts_close(p.c);
	fm_secret_close(&p.key);
	fm_pool_free(pool);
	close_counts(&o);
}

static void quantiles_lie_where_the_items_do(void **state)
{
	enum { N = 100000, FINE = 256 };
	static uint32_t value[N];
	static const double q[] = {0, 0.01, 0.25, 0.5, 0.75, 0.99, 1};
	uint32_t bin[7];
	struct opened o = opened(23, 1);
	struct fm_items items = fm_items_units(N), none = fm_items_units(0);

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		value[i] = 28 + i % 200; /* evenly in bins 28 to 227 */
	open_counts(&o);
	OK(fm_counts_quantiles(o.c, &(struct fm_query){"q", &items, 10}, (struct fm_values){value, FINE}, q, 7, bin,
			       &o.err));
	for (int k = 1; k < 6; k++)
		assert_true(fabs((double)bin[k] - (27.5 + 200 * q[k])) <= 1.5);
	assert_true(bin[0] == 0 && bin[6] >= 226 && bin[6] < FINE);
	OK(fm_counts_quantiles(o.c, &(struct fm_query){"none", &none, 10}, (struct fm_values){value, FINE}, q, 7, bin,
			       &o.err));
	for (int k = 1; k < 7; k++)
		assert_true(bin[k] >= bin[k - 1] && bin[k] < FINE);
	close_counts(&o);
}

static void the_population_counts_hosts(void **state)
{
	static const uint32_t host[] = {0, 1, 0, 2, 0, 3, 1, 0}, unit[] = {0, 0, 1, 1, 2, 2, 3, 3},
			      atleast[] = {1, 2, 3, 4, 5};
	struct opened o = opened(24, 1);
	struct fm_items items = fm_items_hosts(&o.unit, 8, unit, 4);
	struct fm_gaussian g;
	int64_t out[5], draws[5];

	(void)state;
	open_counts(&o);
	OK(fm_counts_population(o.c, &(struct fm_query){"p", &items, 3}, (struct fm_values){host, 6}, atleast, 5, out,
				&o.err));
	OK(fm_gaussian_set(&g, 3, NULL));
	OK(fm_gaussian_fill(&(struct fm_stream_name){&o.key, "counts/p", 0}, &g, NULL, 0, draws, 5, NULL));
	static const int64_t want[] = {4, 2, 1, 1, 0};
	for (int k = 0; k < 5; k++)
		assert_true(out[k] - draws[k] == want[k]);
	close_counts(&o);
}

/* ---- thresholds ---------------------------------------------------------------------------------------------------
 */

/* P[X >= x] of the discrete Gaussian, summed up. */
static double tail_exact(double sigma, int64_t x)
{
	double total = 0, tail = 0;
	int64_t far = (int64_t)(15 * sigma) + 5;

	for (int64_t k = far; k >= -far; k--) {
		total += exp(-(double)(k * k) / (2 * sigma * sigma));
		if (k == x)
			tail = total;
	}
	return x <= -far ? 1 : tail / total;
}

/* The largest chance over all ways to part `left` items among keys of at most `part` items each, in thousands of ways.
 */
static double worst_parting(double sigma, int64_t threshold, unsigned left, unsigned part)
{
	double most = 0;

	for (unsigned k = 1; k <= part && k <= left; k++) {
		double chance = tail_exact(sigma, threshold - k) + worst_parting(sigma, threshold, left - k, k);

		most = chance > most ? chance : most;
	}
	return most;
}

static void no_parting_of_a_unit_beats_the_threshold(void **state)
{
	(void)state;
	for (unsigned m = 1; m <= 6; m++)
		for (double sigma = 0.7; sigma < 20; sigma *= 2.1)
			for (double delta = 0.1; delta > 1e-8; delta *= 0.03) {
				double chance, worst;
				int64_t threshold = fm_threshold_least(sigma, m, delta, &chance);

				assert_true(chance <= delta && threshold >= (int64_t)m + 2);
				worst = worst_parting(sigma, threshold, m, m);
				assert_true(worst <= chance);
				/* At most two lower would do: the price of a bound by the continuous tail. */
				if (threshold > (int64_t)m + 4)
					assert_true(worst_parting(sigma, threshold - 3, m, m) > delta);
			}
}

static void keys_of_one_unit_stay_hidden(void **state)
{
	enum { N = 20000, M = 4 };
	static uint32_t unit[M * N];
	static uint64_t key[M * N];
	struct opened o = opened(25, M);
	struct fm_items items = fm_items_parts(&o.unit, (size_t)M * N, unit, N);
	const struct fm_charges *charges;
	struct fm_keys keys;
	double delta = 0.02;

	(void)state;
	open_counts(&o);
	/* Each unit has all its items on a key that no other has: one chance. */
	for (uint32_t i = 0; i < M * N; i++) {
		unit[i] = i / M;
		key[i] = (uint64_t)unit[i] << 40;
	}
	OK(fm_counts_keys(o.c, &(struct fm_query){"alone", &items, 30}, key, delta, &keys, &o.err));
	charges = fm_counts_charges(o.c);
	assert_true(charges->list[0].delta <= delta && charges->list[0].delta > 0.8 * delta);
	assert_true(charges->list[0].sensitivity == M);
	assert_true((double)keys.n <= delta * N + 4 * sqrt(delta * N) && (double)keys.n > 0.2 * delta * N);
	for (size_t i = 0; i < keys.n; i++) {
		assert_true(keys.list[i].count >= keys.threshold);
		assert_true(i == 0 || keys.list[i].key > keys.list[i - 1].key);
	}
	fm_keys_free(&keys);
	/* Each has a key for each item: four chances, which is worse where sigma is large. */
	for (uint32_t i = 0; i < M * N; i++)
		key[i] = i;
	OK(fm_counts_keys(o.c, &(struct fm_query){"apart", &items, 30}, key, delta, &keys, &o.err));
	size_t units = 0;
	for (size_t i = 0; i < keys.n; i++)
		units += i == 0 || keys.list[i].key / M != keys.list[i - 1].key / M;
	assert_true((double)units <= delta * N + 4 * sqrt(delta * N) && (double)units > 0.7 * delta * N);
	fm_keys_free(&keys);
	/* and what many have comes out, with the count that it has */
	for (uint32_t i = 0; i < M * N; i++)
		key[i] = i % 5 == 4 ? i : i % 5;
	OK(fm_counts_keys(o.c, &(struct fm_query){"many", &items, 30}, key, 1e-9, &keys, &o.err));
	assert_int_equal(keys.n, 4);
	for (uint64_t i = 0; i < 4; i++)
		assert_true(keys.list[i].key == i && llabs(keys.list[i].count - M * N / 5) < 200);
	fm_keys_free(&keys);
	fm_keys_free(NULL);
	close_counts(&o);
}

static void a_ledger_takes_only_whole_entries(void **state)
{
	struct fm_charges c = {0};
	struct fm_charge good = {"train", FM_CHARGE_GAUSSIAN, 1, 1.17, 0.03, 500, 0, 0, 0}, bad;
	struct fm_error err = {0};

	(void)state;
	OK(fm_charges_add(&c, &good, &err));
	assert_int_equal(fm_charges_add(&c, &good, &err), FM_EINPUT);
#define REFUSED(change)                                                                                                \
	bad = good;                                                                                                    \
	strcpy(bad.name, "other");                                                                                     \
	bad.change;                                                                                                    \
	assert_int_equal(fm_charges_add(&c, &bad, &err), FM_EINPUT)
	REFUSED(name[0] = '\0');
	REFUSED(kind = FM_CHARGE_NKINDS);
	REFUSED(sensitivity = -1);
	REFUSED(sensitivity = NAN);
	REFUSED(scale = 0);
	REFUSED(scale = INFINITY);
	REFUSED(rate = 0);
	REFUSED(rate = 1.5);
	REFUSED(delta = 1);
	REFUSED(count = 0);
	for (int i = 0; i < 100; i++) {
		snprintf(good.name, sizeof(good.name), "m%d", i);
		OK(fm_charges_add(&c, &good, &err));
	}
	assert_int_equal(c.n, 101);
	assert_string_equal(c.list[100].name, "m99");
	fm_charges_free(&c);
}

/* A run as it is: counts, keys and training.  The accountant is asked for the same list, written by hand. */
static void a_ledger_has_the_epsilon_of_its_entries(void **state)
{
	static const uint32_t value[] = {0, 1, 2, 1}, unit[] = {0, 0, 1, 1};
	static const uint64_t key[] = {1, 1, 1, 2};
	struct opened o = opened(26, 4);
	struct fm_items items = fm_items_parts(&o.unit, 4, unit, 2);
	struct fm_charges all = {0};
	struct fm_charge train = {"train", FM_CHARGE_DISCRETE_GAUSSIAN, 1e5, 1.17e5, 0.03, 500, 0, 0, 0};
	struct fm_keys keys;
	int64_t out[3];
	double got, want, rdp, alone;

	(void)state;
	open_counts(&o);
	OK(fm_counts_histogram(o.c, &(struct fm_query){"h", &items, 40}, (struct fm_values){value, 3}, out, &o.err));
	OK(fm_counts_keys(o.c, &(struct fm_query){"k", &items, 50}, key, 4e-7, &keys, &o.err));
	fm_keys_free(&keys);
	for (size_t i = 0; i < 2; i++)
		OK(fm_charges_add(&all, &fm_counts_charges(o.c)->list[i], &o.err));
	OK(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, FM_PLD, &alone, &o.err));
	OK(fm_charges_add(&all, &train, &o.err));
	struct fm_mechanism hand[] = {
	    {.kind = FM_GAUSSIAN, .sensitivity = 4, .scale = sqrt(1597), .count = 1},
	    {.kind = FM_GAUSSIAN, .sensitivity = 4, .scale = sqrt(2497), .count = 1},
	    {.kind = FM_SAMPLED_GAUSSIAN, .sensitivity = 1, .scale = 1.17, .q = 0.03, .count = 500},
	};
	double left = 1e-6 - fm_counts_charges(o.c)->list[1].delta;
	OK(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, FM_PLD, &got, &o.err));
	OK(fm_account(hand, 3, left, FM_ADD_OR_REMOVE, FM_PLD, &want, &o.err));
	assert_true(fabs(got / want - 1) < 1e-6 && got > alone);
	OK(fm_account(hand, 3, 1e-6, FM_ADD_OR_REMOVE, FM_PLD, &want, &o.err));
	assert_true(got > want); /* the threshold's chance is paid for */
	hand[0].scale = 40;
	hand[1].scale = 50;
	OK(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, FM_RDP, &rdp, &o.err));
	OK(fm_account(hand, 3, left, FM_ADD_OR_REMOVE, FM_RDP, &want, &o.err));
	assert_true(fabs(rdp / want - 1) < 1e-6 && rdp > got);
	/* a host with two exchanges: twice the sensitivity, and the chance of eight items */
	hand[0].scale = sqrt(1597) / 2;
	hand[1].scale = sqrt(2497) / 2;
	hand[2].group = 2;
	const struct fm_charge *k = &fm_counts_charges(o.c)->list[1];
	assert_true(k->most == 4 && fm_threshold_chance(k->scale, 4, k->threshold) == k->delta);
	OK(fm_charges_epsilon(&all, 2e-6, 2, FM_ADD_OR_REMOVE, FM_PLD, &got, &o.err));
	OK(fm_account(hand, 3, 2e-6 - fm_threshold_chance(k->scale, 8, k->threshold), FM_ADD_OR_REMOVE, FM_PLD, &want,
		      &o.err));
	assert_true(fabs(got / want - 1) < 1e-6);
	assert_int_equal(fm_charges_epsilon(&all, 2e-6, 64, FM_ADD_OR_REMOVE, FM_PLD, &got, &o.err), FM_EINPUT);
	/* what has no account */
	assert_int_equal(fm_charges_epsilon(&all, 3e-7, 1, FM_ADD_OR_REMOVE, FM_PLD, &got, &o.err), FM_EINPUT);
	strcpy(train.name, "small");
	train.scale = 1.7;
	OK(fm_charges_add(&all, &train, &o.err));
	assert_int_equal(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, FM_PLD, &got, &o.err), FM_EINPUT);
	assert_non_null(strstr(o.err.message, "small"));
	fm_charges_free(&all);
	OK(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, FM_PLD, &got, &o.err));
	assert_true(got == 0);
	close_counts(&o);
}

/* A Gaussian of sensitivity 1. */
static void gaussian_add(struct fm_charges *all, const char *name, double scale, double rate, uint64_t count)
{
	struct fm_charge c = {
	    .kind = FM_CHARGE_GAUSSIAN, .sensitivity = 1, .scale = scale, .rate = rate, .count = count};
	struct fm_error err;

	snprintf(c.name, sizeof c.name, "%s", name);
	assert_int_equal(fm_charges_add(all, &c, &err), FM_OK);
}

/* Of three entries with a training in the middle: it gets the least noise that keeps to the target, for what is no
 * Gaussian or where the others leak more there is none. */
static void one_entry_gets_what_the_others_leave(void **state)
{
	struct fm_charges all = {0};
	double epsilon;
	struct fm_error err;

	(void)state;
	gaussian_add(&all, "before", 3, 1, 1);
	gaussian_add(&all, "training", 1, 0.01, 300);
	gaussian_add(&all, "after", 4, 1, 1);
	for (int rdp = 0; rdp < 2; rdp++) {
		struct fm_account_terms terms = {1e-6, FM_ADD_OR_REMOVE, rdp ? FM_RDP : FM_PLD};

		assert_int_equal(fm_charges_calibrate(&all, 1, 1, 4, &terms, &err), FM_OK);
		assert_true(all.list[0].scale == 3 && all.list[2].scale == 4);
		assert_int_equal(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, terms.accountant, &epsilon, &err),
				 FM_OK);
		assert_true(epsilon <= 4);
		for (unsigned k = 1; k <= 4; k++) { /* found sooner, a group's is as safe and not much larger */
			double sooner;

			OK(fm_charges_epsilon(&all, 1e-6, k, FM_ADD_OR_REMOVE, terms.accountant, &epsilon, &err));
			OK(fm_charges_epsilon_within(&all, k, &terms, 4e-3, &sooner, &err));
			assert_true(epsilon <= sooner && sooner <= 1.005 * epsilon);
		}
		all.list[1].scale *= 0.99;
		assert_int_equal(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, terms.accountant, &epsilon, &err),
				 FM_OK);
		assert_true(epsilon > 4);
		assert_int_equal(fm_charges_calibrate(&all, 1, 1, 0.5, &terms, &err), FM_EINPUT);
		assert_int_equal(fm_charges_calibrate(&all, 3, 1, 4, &terms, &err), FM_EINPUT);
	}
	all.list[1].kind = FM_CHARGE_LAPLACE;
	assert_int_equal(
	    fm_charges_calibrate(&all, 1, 1, 4, &(struct fm_account_terms){1e-6, FM_ADD_OR_REMOVE, FM_PLD}, &err),
	    FM_EINPUT);
	fm_charges_free(&all);
}

/* Shares of Gaussians are squares of sensitivity over scale.  One that samples has a share too, more of it for more
 * steps and less for more noise. */
static void shares_are_of_the_whole(void **state)
{
	struct fm_charges all = {0};
	double share[3], last;
	struct fm_error err;

	(void)state;
	gaussian_add(&all, "one", 3, 1, 1);
	gaussian_add(&all, "two", 6, 1, 3);
	assert_int_equal(fm_charges_shares(&all, 1e-6, 1, share, &err), FM_OK);
	assert_true(fabs(share[0] - 4.0 / 7) < 1e-12 && fabs(share[1] - 3.0 / 7) < 1e-12);
	gaussian_add(&all, "training", 1, 0.01, 300);
	assert_int_equal(fm_charges_shares(&all, 1e-6, 1, share, &err), FM_OK);
	assert_true(fabs(share[0] + share[1] + share[2] - 1) < 1e-12 && share[2] > 0);
	assert_true(fabs(share[0] / share[1] - 4.0 / 3) < 1e-12);
	last = share[2];
	all.list[2].count = 600;
	assert_int_equal(fm_charges_shares(&all, 1e-6, 1, share, &err), FM_OK);
	assert_true(share[2] > last);
	all.list[2].count = 300;
	all.list[2].scale = 2;
	assert_int_equal(fm_charges_shares(&all, 1e-6, 1, share, &err), FM_OK);
	assert_true(share[2] < last);
	/* A group of four is as if all were four times as far: for those that do not sample the same, which leaves the
	 * training what it costs such a group. */
	last = share[2];
	assert_int_equal(fm_charges_shares(&all, 1e-6, 4, share, &err), FM_OK);
	assert_true(fabs(share[0] / share[1] - 4.0 / 3) < 1e-12 && fabs(share[0] + share[1] + share[2] - 1) < 1e-12);
	assert_true(share[2] > 0 && share[2] != last);
	fm_charges_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_exchange_moves_what_is_charged),
	    cmocka_unit_test(a_flow_moves_what_is_charged),
	    cmocka_unit_test(a_replaced_exchange_moves_what_is_charged),
	    cmocka_unit_test(a_unit_has_a_flow_at_least),
	    cmocka_unit_test(what_breaks_a_charge_is_refused),
	    cmocka_unit_test(without_a_key_nothing_is_counted),
	    cmocka_unit_test(answers_are_counts_with_the_charged_noise),
	    cmocka_unit_test(quantiles_lie_where_the_items_do),
	    cmocka_unit_test(the_population_counts_hosts),
	    cmocka_unit_test(no_parting_of_a_unit_beats_the_threshold),
	    cmocka_unit_test(keys_of_one_unit_stay_hidden),
	    cmocka_unit_test(a_ledger_takes_only_whole_entries),
	    cmocka_unit_test(a_ledger_has_the_epsilon_of_its_entries),
	    cmocka_unit_test(one_entry_gets_what_the_others_leave),
	    cmocka_unit_test(shares_are_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
