/* test_tail.c - the largest flows come out as they were learned. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/codec/tail.h"

/* LARGE rows of 1,000 packets and more, those beyond EDGE of conversations of TALK flows, TALKS of which are of one
 * source, and as many of one packet. */
enum { LARGE = 4000, LOW = 1000, EDGE = 50000, TALK = 4, TALKS = 2 };
static const int64_t lows[] = {LOW};
static struct fm_table *large_flows(double *packets, double *bytes)
{
	struct fm_table *t;
	struct fm_error err;
	struct fm_rng r;
	uint32_t beyond = 0;
	*packets = *bytes = 0;
	fm_rng_init(&r, 9, FM_RNG_SIMULATE, 0, 0);
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, 2 * LARGE, &err), FM_OK);
	for (uint32_t i = 0; i < 2 * LARGE; i++) {
		double x = LOW * pow(1 - fm_rng_uniform53(&r), -1 / 1.3);
		t->pkt[i] = i % 2 ? 1 : (uint64_t)(x < 40 * EDGE ? x : 40 * EDGE);
		beyond += t->pkt[i] > EDGE;
		t->sa[i] = t->pkt[i] > EDGE ? 2 * LARGE + (beyond - 1) / (TALK * TALKS) : i;
		t->da[i] = t->pkt[i] > EDGE ? 4 * LARGE + (beyond - 1) / TALK : 4 * LARGE;
		t->byt[i] = t->pkt[i] * (i % 4 ? 1400 : 50);
		t->td[i] = t->pkt[i] > EDGE ? 300000 : 1000;
		*packets += (double)t->pkt[i];
		*bytes += (double)t->byt[i];
	}
	t->rows = 2 * LARGE;
	return t;
}

/* One host in a hundred is on another side than the others. */
static int side_of_host(const void *ctx, uint32_t host)
{
	(void)ctx;
	return host % 100 == 2;
}

static void the_largest_are_as_large_as_they_were(void **state)
{
	double packets, bytes, made_packets = 0, made_bytes = 0;
	struct fm_table *t = large_flows(&packets, &bytes);
	uint32_t sources[LARGE], peers[LARGE], n = 0, m = 0, beyond = 0;
	struct fm_tail tail;
	struct fm_error err;
	(void)state;
	assert_int_equal(fm_tail_fit(&tail, &(struct fm_tail_source){t, lows, 1, EDGE}, 20, &err), FM_OK);
	assert_true(tail.above >= 20);
	assert_int_equal(tail.from, LARGE);
	assert_int_equal(tail.bins, 1);
	assert_true(fabs(tail.alpha - 1.3) < 0.4);
	assert_true(fabs(tail.largest.talk - TALK) < 0.5);
	assert_true(fabs(tail.largest.source - TALKS) < 0.5);
	assert_true(fabs(tail.bin[0].company.talk - 1) < 1e-9 && fabs(tail.bin[0].company.source - 1) < 1e-9);
	/* What a network drew: too few of the largest, each of its own host, and small packets. */
	for (size_t i = 0; i < t->rows; i++) {
		t->pkt[i] = t->pkt[i] < EDGE ? t->pkt[i] : EDGE;
		t->pkt[i] = i % 10 ? t->pkt[i] : 1;
		t->byt[i] = t->pkt[i] * (t->byt[i] / t->pkt[i] > 1000 ? 700 : 50);
		t->sa[i] = (uint32_t)i;
		t->da[i] = (uint32_t)(8 * LARGE + i);
	}
	struct fm_tail_opts o = {.share = 0.5, .most = 1500, .side = side_of_host};
	assert_int_equal(fm_tail_lay(&tail, t, &o, &err), FM_OK);
	for (size_t i = 0; i < t->rows; i++) {
		bool known = false;
		made_packets += (double)t->pkt[i];
		made_bytes += (double)t->byt[i];
		assert_true(t->pkt[i] >= 1 && t->byt[i] <= 1500 * t->pkt[i]);
		if (t->pkt[i] <= EDGE)
			continue;
		beyond++;
		for (uint32_t k = 0; k < n; k++)
			known |= sources[k] == t->sa[i];
		if (!known)
			sources[n++] = t->sa[i];
		known = false;
		for (uint32_t k = 0; k < m; k++)
			known |= peers[k] == t->da[i];
		if (!known)
			peers[m++] = t->da[i];
	}
	assert_true(fabs(made_packets - packets) < 0.02 * packets);
	assert_true(fabs(made_bytes - bytes) < 0.02 * bytes);
	assert_in_range(beyond, tail.above - 1, tail.above + 1);
	assert_in_range(m, beyond / TALK - 1, beyond / TALK + 1);
	assert_in_range(n, m / TALKS, m / TALKS + 2); /* not of the other side */
	tail.size = tail.bin[0].size = 25;            /* packets cannot become as small, with their headers */
	assert_int_equal(fm_tail_lay(&tail, t, &o, &err), FM_OK);
	for (size_t i = 0; i < t->rows; i++)
		assert_true(t->byt[i] >= 40 * t->pkt[i]);
	fm_table_free(t);
}

/* A tail of fewer than k rows is none, and a mean that one row dominates is not kept. */
static void one_large_flow_is_not_learned(void **state)
{
	double packets, bytes;
	struct fm_table *t = large_flows(&packets, &bytes);
	struct fm_tail tail;
	struct fm_error err;
	(void)state;
	for (size_t i = 0; i < t->rows; i++)
		if (t->pkt[i] > EDGE) {
			t->pkt[i] *= 10000;
			t->byt[i] = t->pkt[i] * 1400;
			break;
		}
	struct fm_tail_source source = {t, lows, 1, EDGE};
	assert_int_equal(fm_tail_fit(&tail, &source, 20, &err), FM_OK);
	assert_true(tail.above >= 20);
	assert_true(tail.mean == 0 && tail.size == 0 && tail.bin[0].mean > 1 && tail.bin[0].size > 1);
	for (uint32_t i = 0; i < t->rows; i++) /* of these bytes it has few, but most of the packets */
		t->byt[i] = t->pkt[i] > 10000 * (uint64_t)EDGE ? 40 : t->byt[i];
	assert_int_equal(fm_tail_fit(&tail, &source, 20, &err), FM_OK);
	assert_true(tail.size == 0);
	assert_int_equal(fm_tail_fit(&tail, &source, (int)tail.above + 2, &err), FM_OK);
	assert_int_equal(tail.above, 0);
	fm_table_free(t);
}

/* Rows of a table whose largest are few: ABOVE beyond EDGE, IN[b] in the bins below, the highest first. */
enum { BINS = 4, ALL = 100000, ABOVE = 30 };
static const int64_t bin_low[BINS] = {100, 1000, 9000, 20000};
static const int in_bin[BINS] = {40, 15, 60, 500};

/* Where in bin b the rows lie: nearer to the upper end than to the lower. */
static uint64_t packets_in(int b, int i)
{
	double low = (double)bin_low[BINS - 1 - b], high = b > 0 ? (double)bin_low[BINS - b] : EDGE + 1;
	return (uint64_t)(low + (high - low) * sqrt((i + 0.5) / in_bin[b]));
}

/* The bins that one row in a thousand takes have their numbers of rows and their means, whatever a network drew; a bin
 * with fewer rows than k is joined with the next one. */
static void bins_of_the_largest_are_as_full_as_they_were(void **state)
{
	struct fm_table *t;
	struct fm_error err;
	struct fm_tail tail;
	double packets[BINS] = {0}, made[BINS] = {0}, bytes[BINS] = {0};
	int count[BINS] = {0}, again[BINS] = {0};
	static bool above[ALL];
	uint32_t row = 0;
	(void)state;
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, ALL, &err), FM_OK);
	for (int i = 0; i < ABOVE; i++)
		t->pkt[row++] = EDGE + 1000 * (1 + (uint64_t)i);
	for (int b = 0; b < BINS; b++)
		for (int i = 0; i < in_bin[b]; i++) {
			t->pkt[row++] = packets_in(b, i);
			packets[b] += (double)t->pkt[row - 1];
		}
	for (; row < ALL; row++)
		t->pkt[row] = 1;
	t->rows = ALL;
	for (uint32_t i = 0; i < ALL; i++) {
		t->sa[i] = i >= ABOVE && i < ABOVE + (uint32_t)in_bin[0] && i % 4 ? i % ABOVE : i;
		t->da[i] = ALL + i;
		t->byt[i] = (t->pkt[i] > EDGE ? 1200 : t->pkt[i] >= 20000 ? 900 : 100) * t->pkt[i];
	}
	assert_int_equal(fm_tail_fit(&tail, &(struct fm_tail_source){t, bin_low, BINS, EDGE}, 20, &err), FM_OK);
	assert_int_equal(tail.bins, 2);
	assert_int_equal(tail.from, ABOVE + in_bin[0] + in_bin[1] + in_bin[2]);
	assert_true(tail.bin[0].low == bin_low[3] && tail.bin[1].low == bin_low[1]);
	assert_int_equal(tail.bin[1].rows, in_bin[1] + in_bin[2]);
	assert_true(fabs(tail.bin[0].again - 0.75) < 0.03 && tail.bin[1].again == 0);
	for (uint32_t i = 0; i < ALL; i++) { /* drawn: half as many, none of the largest, each of its own host */
		t->sa[i] = i;
		t->pkt[i] = t->pkt[i] > 1 && i % 2 ? 1000 : t->pkt[i] > 9000 ? 9000 : t->pkt[i];
		t->byt[i] = (i % 3 ? 500 : 50) * t->pkt[i];
	}
	struct fm_tail_opts o = {.share = (double)tail.from / ALL, .most = 1500};
	assert_int_equal(fm_tail_lay(&tail, t, &o, &err), FM_OK);
	/* Once more: the sources that large flows share already are enough. */
	assert_int_equal(fm_tail_lay(&tail, t, &o, &err), FM_OK);
	for (uint32_t i = 0; i < ALL; i++)
		above[t->sa[i]] |= t->pkt[i] > EDGE;
	for (uint32_t i = 0; i < ALL; i++)
		if (t->pkt[i] >= (uint64_t)bin_low[1]) {
			int b = t->pkt[i] > EDGE ? 2 : t->pkt[i] >= (uint64_t)bin_low[3] ? 0 : 1;
			count[b]++;
			made[b] += (double)t->pkt[i];
			bytes[b] += (double)t->byt[i];
			again[b] += above[t->sa[i]];
		}
	assert_int_equal(count[0], in_bin[0]);
	assert_true(fabs(made[0] / packets[0] - 1) < 0.01);
	assert_true(fabs(bytes[0] / made[0] / 900 - 1) < 0.01);
	assert_true(fabs(again[0] - tail.bin[0].again * count[0]) <= 1);
	assert_int_equal(again[1], 0);
	assert_true(fabs(bytes[2] / made[2] / 1200 - 1) < 0.01);
	assert_in_range(count[1], in_bin[1] + in_bin[2], in_bin[1] + in_bin[2] + 300); /* some of 1,000 are left */
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_largest_are_as_large_as_they_were),
	    cmocka_unit_test(one_large_flow_is_not_learned),
	    cmocka_unit_test(bins_of_the_largest_are_as_full_as_they_were),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
