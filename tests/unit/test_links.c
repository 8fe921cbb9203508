/* test_links.c - which flows of a window a flow is linked with, and what of them is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/codec/relations.h"
#include "model/diffusion/links.h"
#include "tests/unit/model_fixture.h"

enum { W = 32, ROWS = 9600, WINDOWS = ROWS / W };
static struct fm_table *flows;
static struct fm_codec *codec;
static struct fm_encoded encoded;
static struct fm_links *links;
static size_t row_at[ROWS]; /* place in the windows -> row of the table */

static int setup(void **state)
{
	struct fm_codec_opts o;
	struct fm_hosts *hosts;
	struct fm_error err;
	(void)state;
	if (!(flows = fixture_flows(ROWS, 5, W)))
		return -1;
	o = fixture_opts(flows, W);
	if (fm_codec_fit_with_hosts(&codec, &hosts, flows, &o, &err) < 0 ||
	    fm_codec_encode(codec, hosts, flows, 1, &encoded, &err) < 0)
		return -1;
	fm_hosts_free(hosts);
	for (size_t first = 0; first < ROWS; first += W) {
		struct fm_relations l;
		fm_relations_find(flows, first, W, codec->text_order, &l);
		for (size_t i = 0; i < W; i++)
			row_at[first + i] = first + l.row[i];
	}
	return fm_links_new(&links, codec->vocab, W, codec->roles.nhosts, WINDOWS, &err);
}

static int teardown(void **state)
{
	(void)state;
	fm_links_free(links);
	fm_encoded_free(&encoded);
	fm_codec_free(codec);
	fm_table_free(flows);
	return 0;
}

/* Is the address of an end of the flow at place a that of an end of the flow at place b? */
static bool same(size_t a, int ea, size_t b, int eb)
{
	a = row_at[a];
	b = row_at[b];
	return (ea ? flows->da : flows->sa)[a] == (eb ? flows->da : flows->sa)[b];
}

static int number(size_t row, int e)
{
	return links->host[2 * row + (size_t)e];
}

/* How many pairs of ends of one window have one number, and how many are one host. */
static void pairs(size_t *numbers, size_t *hosts)
{
	*numbers = *hosts = 0;
	for (size_t a = 0; a < ROWS; a++)
		for (size_t b = a - a % W; b < a; b++)
			for (int e = 0; e < 4; e++) {
				bool one = number(a, e & 1) == number(b, e >> 1);
				if (one && !same(a, e & 1, b, e >> 1))
					fail_msg("places %zu and %zu have one number for two hosts", a, b);
				*numbers += one;
				*hosts += same(a, e & 1, b, e >> 1);
			}
}

/* The windows with one of `one` tokens hidden, and what is copied from or by a hidden one; freed by the caller. */
static uint16_t *hide(int one, uint64_t seed)
{
	uint16_t *tok = malloc(sizeof *tok * (size_t)ROWS * FM_NTOK);
	struct fm_rng r;

	memcpy(tok, encoded.tok, sizeof *tok * (size_t)ROWS * FM_NTOK);
	fm_rng_init(&r, seed, FM_RNG_JUDGE, 0, 0);
	for (size_t row = 0; row < ROWS; row++) {
		uint16_t *flow = tok + row * FM_NTOK;
		int back, kind = fm_rel_kind(flow[FM_T_REL], W, &back);
		for (int c = 0; c < FM_NTOK; c++) {
			int from = fm_relation_source(kind, c), V = codec->vocab[c];
			if (V < 2)
				continue;
			if (from < 0 && fm_rng_below(&r, (uint32_t)one) == 0)
				flow[c] = (uint16_t)V;
			if (from >= 0 && (flow[FM_T_REL] >= codec->vocab[FM_T_REL] ||
					  (flow - back * FM_NTOK)[from] >= codec->vocab[from]))
				flow[c] = (uint16_t)V;
		}
	}
	return tok;
}

static void hosts_have_numbers_of_their_own(void **state)
{
	size_t numbers, hosts;
	(void)state;
	fm_links_find(links, encoded.tok, WINDOWS);
	pairs(&numbers, &hosts);
	assert_true(hosts > ROWS);
	assert_int_equal(numbers, hosts);
}

static void what_is_hidden_makes_no_two_hosts_one(void **state)
{
	(void)state;
	for (int one = 2; one <= 32; one *= 4) {
		uint16_t *tok = hide(one, (uint64_t)one);
		size_t numbers, hosts;
		fm_links_find(links, tok, WINDOWS);
		pairs(&numbers, &hosts);
		assert_true(numbers > hosts / 8 && numbers < hosts);
		free(tok);
	}
}

/* The token of the nearest other flow of the host of end e of row r as its end `as` that shows c; the mask; -1. */
static int nearest(const uint16_t *tok, size_t r, int e, int as, int c)
{
	size_t first = r - r % W;
	int found = -1, V = codec->vocab[c];

	for (int way = -1; way <= 1; way += 2)
		for (size_t j = r + (size_t)way; j >= first && j < first + W && j + 1 > 0; j += (size_t)way)
			if (number(j, as) == number(r, e)) {
				if (tok[j * FM_NTOK + (size_t)c] < V)
					return tok[j * FM_NTOK + (size_t)c];
				found = V;
			}
	return found;
}

/* Compare what is shown with its definition; adds how many flows have each link to n. */
static void check_links(const uint16_t *tok, size_t n[FM_NLINKS])
{
	static const enum fm_link of_host[2][2] = {{FM_LINK_SA_AS_SA, FM_LINK_SA_AS_DA},
						   {FM_LINK_DA_AS_SA, FM_LINK_DA_AS_DA}};
	fm_links_find(links, tok, WINDOWS);
	for (int c = 0; c < FM_NTOK; c++) {
		if (codec->vocab[c] < 2)
			continue;
		for (size_t r = 0; r < ROWS && fm_link_shows(FM_LINK_SA_AS_SA, c); r++)
			for (int e = 0; e < 4; e++)
				assert_int_equal(fm_links_tokens(links, of_host[e & 1][e >> 1], c)[r],
						 nearest(tok, r, e & 1, e >> 1, c));
		if (!fm_link_shows(FM_LINK_SOURCE, c))
			continue;
		for (size_t r = 0; r < ROWS; r++) {
			int reply = -1, follower = -1, source = -1, back, kind;
			for (size_t j = r; j < r - r % W + W; j++) {
				if (tok[j * FM_NTOK + FM_T_REL] >= codec->vocab[FM_T_REL])
					continue;
				kind = fm_rel_kind(tok[j * FM_NTOK + FM_T_REL], W, &back);
				if (kind == FM_RELATION_NONE)
					continue;
				if (j == r)
					source = tok[(r - (size_t)back) * FM_NTOK + (size_t)c];
				else if (j == r + (size_t)back && kind == FM_RELATION_REPLY && reply < 0)
					reply = tok[j * FM_NTOK + (size_t)c];
				else if (j == r + (size_t)back && kind != FM_RELATION_REPLY && follower < 0)
					follower = tok[j * FM_NTOK + (size_t)c];
			}
			assert_int_equal(fm_links_tokens(links, FM_LINK_SOURCE, c)[r], source);
			assert_int_equal(fm_links_tokens(links, FM_LINK_REPLY, c)[r], reply);
			assert_int_equal(fm_links_tokens(links, FM_LINK_FOLLOWER, c)[r], follower);
		}
	}
	for (int link = 0; link < FM_NLINKS; link++)
		for (size_t r = 0; r < ROWS; r++)
			n[link] += fm_links_tokens(links, link, FM_T_PKT)[r] >= 0;
}

static void a_flow_sees_its_links(void **state)
{
	size_t n[FM_NLINKS] = {0};
	(void)state;
	check_links(encoded.tok, n);
	for (int link = 0; link < FM_NLINKS; link++)
		assert_true(n[link] > ROWS / 50);
	for (int one = 2; one <= 32; one *= 4) {
		uint16_t *tok = hide(one, 100 + (uint64_t)one);
		check_links(tok, n);
		free(tok);
	}
}

/* A host of the tail that the window has not met, as a sampler may draw it: the one that was met longest ago, or a new
 * one.  What is met later is told apart all the same. */
static void a_host_beyond_what_was_met_is_the_oldest(void **state)
{
	int sa[] = {0, codec->roles.nhosts + W, 7, 0};
	const int want[] = {0, 2, 0, 0}; /* numbers: 0 and its destination 1, 2 and 1, ... */
	uint16_t tok[W * FM_NTOK] = {0};

	(void)state;
	for (size_t i = 0; i < W; i++) {
		tok[i * FM_NTOK + FM_T_SA] = (uint16_t)sa[i < 4 ? i : 3];
		tok[i * FM_NTOK + FM_T_DA] = W; /* the most popular */
	}
	fm_links_find(links, tok, 1);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(number(i, 0), want[i]);
		assert_int_equal(number(i, 1), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_have_numbers_of_their_own),
	    cmocka_unit_test(what_is_hidden_makes_no_two_hosts_one),
	    cmocka_unit_test(a_flow_sees_its_links),
	    cmocka_unit_test(a_host_beyond_what_was_met_is_the_oldest),
	};
	return cmocka_run_group_tests_name("links", tests, setup, teardown);
}
