/* test_codec_rows.c - what codec.h declares of each column's resolution, row by row: on simulated flows, on real ones
 * where they are there, on flows of another split, and on values that no training row had. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/detmath.h"
#include "base/file.h"
#include "model/codec/decode.h"
#include "model/codec/hosts.h"
#include "tests/unit/ipv4_of.h"
#include "tests/unit/model_fixture.h"

#define REAL_TRACE "../shared/data/ugr16/april11.csv.xz"
enum { W = 64, ROWS = 25600 };

/* A codec, what it was learned from, and windows made of what it encodes. */
struct trip {
	struct fm_table *from, *back; /* rows of the whole windows, in order */
	struct fm_codec *c;
	struct fm_hosts *h;
	struct fm_codec_opts o;
	struct fm_encoded e;
};

static void learn(struct trip *t, struct fm_table *train)
{
	struct fm_error err = {0};
	t->o = fixture_opts(train, W);
	if (fm_codec_fit_with_hosts(&t->c, &t->h, train, &t->o, &err) != FM_OK)
		fail_msg("%s", err.message);
	t->c->text_order = false; /* or rows would get the times of random arrivals */
	t->c->times.last_ms = INT64_MAX / 4;
}

/* Encoded and decoded; windows begin so far apart that rows keep their order. */
static void go_and_return(struct trip *t, struct fm_table *from)
{
	static const struct fm_range in = {0x0a000000, 8}, out = {0xf0000000, 4}, in6 = {0xfdull << 56, 8},
				     out6 = {0x20010db8ull << 32, 32};
	struct fm_error err = {0};
	t->from = from;
	if (fm_codec_encode(t->c, t->h, from, 1, &t->e, &err) != FM_OK)
		fail_msg("%s", err.message);
	assert_int_equal(t->e.windows, from->rows / W);
	struct fm_window_schedule schedule = {.n = t->e.windows,
					      .start_ms = calloc(t->e.windows, sizeof(int64_t)),
					      .end_ms = calloc(t->e.windows, sizeof(int64_t))};
	for (size_t w = 0; w < t->e.windows; w++)
		schedule.start_ms[w] = schedule.end_ms[w] = (int64_t)w << 40;
	struct fm_decode_opts o = {
	    .rows = t->e.windows * W, .seed = 1, .fresh = {{&out, 1}, {&in, 1}, {&out6, 1}, {&in6, 1}}};
	if (fm_decode(&t->back, t->c, &schedule, t->e.tok, t->e.res, &o, &err) != FM_OK)
		fail_msg("%s", err.message);
	assert_int_equal(t->back->rows, t->e.windows * W);
	free(schedule.start_ms);
	free(schedule.end_ms);
}

static void drop_rows(struct trip *t)
{
	fm_encoded_free(&t->e);
	fm_table_free(t->back);
	t->back = NULL;
}

static void drop(struct trip *t)
{
	drop_rows(t);
	fm_codec_free(t->c);
	fm_hosts_free(t->h);
}

/* ---- what is declared ---- */

/* Where a value that is no atom lands: on the lattice, inside the outer edges; without bins, at the nearest atom. */
static int64_t declared(const struct fm_num *c, int64_t v)
{
	int64_t best = 0, lo, hi;
	v -= v % c->step;
	for (int i = 0; i < c->natoms; i++) {
		if (c->atom[i] == v)
			return v;
		if (i == 0 || llabs(c->atom[i] - v) < llabs(best - v))
			best = c->atom[i];
	}
	if (c->nbins == 0)
		return best;
	lo = c->edge[0], hi = c->edge[c->nbins] - c->step;
	return v < lo ? lo : v > hi ? hi : v;
}

/* Beyond 10,000 steps the residual, a float, may be a step beside and a millionth of the value. */
static int64_t slack(const struct fm_num *c, int64_t v)
{
	return v / c->step < 10000 ? 0 : c->step + v / 1000000;
}

static void check_number(const struct fm_num *c, const char *name, size_t row, int64_t from, int64_t back)
{
	int64_t want = declared(c, from), v = from - from % c->step;
	bool tie = c->nbins == 0 && llabs(back - v) == llabs(want - v); /* between two atoms */
	if (back != from && !tie && llabs(back - want) > slack(c, want))
		fail_msg("%s of row %zu: %lld became %lld, %lld is declared", name, row, (long long)from,
			 (long long)back, (long long)want);
}

/* A reply shows the ports of its request, which are its own by definition; so every row's ports are checked. */
static void check_numbers(const struct trip *t)
{
	const struct fm_table *a = t->from, *b = t->back;
	const struct fm_num *n = t->c->num;
	for (size_t i = 0; i < b->rows; i++) {
		bool icmp = strncmp(fm_table_category(b, FM_PR, i), "ICMP", 4) == 0;
		if (i % W > 0)
			check_number(&n[FM_R_GAP], "gap", i, a->gap[i], b->te[i] - b->te[i - 1]);
		assert_int_equal(b->sp[i], icmp ? 0 : a->sp[i]);
		assert_int_equal(b->dp[i], a->dp[i]);
		check_number(&n[FM_R_PKT], "pkt", i, (int64_t)a->pkt[i], (int64_t)b->pkt[i]);
		check_number(&n[FM_R_TD], "td", i, a->td[i], b->td[i]);
		/* Bytes are so many a packet, to a thousandth. */
		if (a->pkt[i] != b->pkt[i] || a->pkt[i] == 0)
			continue;
		int64_t bpp = (int64_t)((a->byt[i] * 1000 + a->pkt[i] / 2) / a->pkt[i]),
			want = declared(&n[FM_R_BPP], bpp);
		double least = (double)(want - slack(&n[FM_R_BPP], want)),
		       most = (double)(want + slack(&n[FM_R_BPP], want)), p = (double)a->pkt[i];
		if ((double)b->byt[i] < floor(least * p / 1000 - 0.5) ||
		    (double)b->byt[i] > ceil(most * p / 1000 + 0.5))
			fail_msg("byt of row %zu: %llu in %llu packets became %llu", i, (unsigned long long)a->byt[i],
				 (unsigned long long)a->pkt[i], (unsigned long long)b->byt[i]);
	}
}

static bool knows(const struct fm_cat *c, const char *value)
{
	for (int i = 0; i < c->n; i++)
		if (strcmp(c->value[i], value) == 0)
			return true;
	return false;
}

static size_t check_categories(const struct trip *t)
{
	static const int pair[][2] = {
	    {FM_T_LABEL, FM_LABEL}, {FM_T_PR, FM_PR}, {FM_T_FLG, FM_FLG}, {FM_T_FWD, FM_FWD}, {FM_T_STOS, FM_STOS}};
	size_t rare = 0;
	for (size_t k = 0; k < sizeof pair / sizeof *pair; k++)
		for (size_t i = 0; i < t->back->rows; i++) {
			const struct fm_cat *c = &t->c->cat[pair[k][0]];
			const char *from = fm_table_category(t->from, pair[k][1], i),
				   *back = fm_table_category(t->back, pair[k][1], i);
			if (knows(c, from))
				assert_string_equal(from, back);
			else
				assert_true(knows(c, back));
			rare += !knows(c, from);
		}
	return rare;
}

/* From the ranges of its side and family; *ipv6. */
static bool is_fresh(const struct fm_table *t, uint32_t code, bool inside, bool *ipv6)
{
	struct fm_address a = fm_table_address(t, code);
	uint32_t ip;
	*ipv6 = !fm_address_ipv4(&a, &ip);
	if (*ipv6)
		return inside ? a.b[0] == 0xfd : fm_address_half(&a, 0) >> 32 == 0x20010db8;
	return inside ? ip >> 24 == 10 : ip >> 28 == 15;
}

static bool is_ipv6(const struct fm_table *t, uint32_t code)
{
	struct fm_address a = fm_table_address(t, code);
	return fm_address_is_ipv6(&a);
}

/* Does its protocol go with its family, to k rows and more? */
static bool is_usual(const struct trip *t, size_t i)
{
	int pr = fm_cat_token(&t->c->cat[FM_T_PR], fm_table_category(t->from, FM_PR, i));
	return fm_families(t->c, pr) & (is_ipv6(t->from, t->from->sa[i]) ? FM_FAMILY_IPV6 : FM_FAMILY_IPV4);
}

static bool all_usual(const struct trip *t, size_t first)
{
	bool all = true;
	for (size_t i = first; i < first + W; i++)
		all = all && is_usual(t, i);
	return all;
}

/* In a window, who is who: the same addresses are the same again, those of the inside inside, and all of the family
 * that they were where their protocol goes with it; a flow that changes its family confuses its window.  Popular hosts
 * are themselves in all windows. */
static void check_addresses(const struct trip *t)
{
	const struct fm_table *a = t->from, *b = t->back;
	for (size_t i = 0; i < b->rows; i++) {
		bool v6[2];
		assert_true(is_fresh(b, b->sa[i], fm_table_inside(b, b->sa[i]), &v6[0]));
		assert_true(is_fresh(b, b->da[i], fm_table_inside(b, b->da[i]), &v6[1]));
		assert_true(v6[1] == v6[0] && (v6[0] == is_ipv6(a, a->sa[i])) == is_usual(t, i));
		assert_true(fm_table_inside(b, b->sa[i]) || !fm_table_inside(a, a->sa[i]));
		if (a->sa[i] == a->da[i] || !all_usual(t, i / W * W))
			continue; /* no flow is made from a host to itself */
		for (size_t j = i / W * W; j < i; j++)
			if (a->sa[j] != a->da[j] && ((a->sa[j] == a->sa[i]) != (b->sa[j] == b->sa[i]) ||
						     (a->da[j] == a->sa[i]) != (b->da[j] == b->sa[i]) ||
						     (a->sa[j] == a->da[i]) != (b->sa[j] == b->da[i]) ||
						     (a->da[j] == a->da[i]) != (b->da[j] == b->da[i])))
				fail_msg("rows %zu and %zu: who is who was lost", j, i);
	}
}

/* How many rows beyond what k allows are not what they were: hardly any. */
static void check_share(const struct trip *t)
{
	size_t off[5] = {0};
	for (size_t i = 0; i < t->back->rows; i++) {
		off[0] += t->back->td[i] != t->from->td[i];
		off[1] += t->back->pkt[i] != t->from->pkt[i];
		off[2] += t->back->byt[i] != t->from->byt[i];
		off[3] += i % W > 0 && t->back->te[i] - t->back->te[i - 1] != t->from->gap[i];
	}
	print_message("rows not the same: td %zu, pkt %zu, byt %zu, gap %zu of %zu\n", off[0], off[1], off[2], off[3],
		      t->back->rows);
	for (int k = 0; k < 4; k++)
		assert_true(off[k] <= t->back->rows / 100);
}

static void check_all(const struct trip *t)
{
	check_numbers(t);
	check_categories(t);
	check_addresses(t);
}

/* ---- on which rows ---- */

static void simulated_rows_come_back_as_declared(void **state)
{
	struct trip t = {0};
	struct fm_table *flows = fixture_flows(ROWS, 21, W), *others = fixture_flows(6400, 22, W);
	(void)state;
	assert_true(flows && others);
	learn(&t, flows);
	go_and_return(&t, flows);
	check_all(&t);
	check_share(&t);
	drop_rows(&t);
	go_and_return(&t, others); /* another split: its rare values go to their like */
	check_all(&t);
	drop(&t);
	fm_table_free(flows);
	fm_table_free(others);
}

static size_t ipv6_rows(const struct fm_table *t, const char *protocol)
{
	size_t n = 0;
	for (size_t i = 0; i < t->rows; i++)
		n += is_ipv6(t, t->sa[i]) && (!protocol || strcmp(fm_table_category(t, FM_PR, i), protocol) == 0);
	return n;
}

/* Of both families: each flow has the family that it had. The document of the codec says all. */
static void both_families_come_back_as_declared(void **state)
{
	struct trip t = {0};
	struct fm_table *flows = fixture_mixed(ROWS, 21, W, 0.4), *others = fixture_mixed(6400, 22, W, 0.4);
	struct fm_codec *back;
	struct fm_error err = {0};
	json_t *document, *again;
	(void)state;
	assert_true(flows && others && ipv6_rows(flows, NULL) > ROWS / 5 && ipv6_rows(flows, "ICMP6") > 100);
	assert_int_equal(ipv6_rows(flows, "ICMP"), 0);
	learn(&t, flows);
	assert_true(t.c->roles.any_ipv6 && t.c->vocab[FM_T_DIR] == 8);
	for (int k = 0; k < t.c->cat[FM_T_PR].n; k++) {
		const char *pr = t.c->cat[FM_T_PR].value[k];
		assert_int_equal(fm_families(t.c, k), strcmp(pr, "ICMP") == 0    ? FM_FAMILY_IPV4
						      : strcmp(pr, "ICMP6") == 0 ? FM_FAMILY_IPV6
						      : strcmp(pr, "TCP") == 0 || strcmp(pr, "UDP") == 0
							  ? FM_FAMILY_IPV4 | FM_FAMILY_IPV6
							  : fm_families(t.c, k));
	}
	go_and_return(&t, flows);
	check_all(&t);
	check_share(&t);
	drop_rows(&t);
	go_and_return(&t, others);
	check_all(&t);
	drop_rows(&t);
	document = fm_codec_json(t.c);
	assert_int_equal(fm_codec_from_json(&back, document, &err), FM_OK);
	assert_int_equal(back->vocab[FM_T_DIR], 8);
	again = fm_codec_json(back);
	assert_true(json_equal(document, again));
	json_decref(again);
	fm_codec_free(back);
	drop(&t);
	/* Without what its families hang on it is damaged. */
	json_object_del(json_object_get(document, "roles"), "popular_ipv6");
	assert_int_equal(fm_codec_from_json(&back, document, &err), FM_EINPUT);
	json_decref(document);
	fm_table_free(flows);
	fm_table_free(others);
}

/* Fewer than k rows of a family are not told from the other one's. */
static void a_rare_family_is_learned_like_the_other(void **state)
{
	struct trip t = {0};
	struct fm_table *flows = fixture_flows(6400, 23, W);
	struct fm_address a = fm_address_of_halves(0x20010db8ull << 32, 1);
	struct fm_error err;
	(void)state;
	for (size_t i = 0; i < 19; i++) {
		assert_int_equal(fm_address_dict_add(flows->addresses, &a, false, &flows->sa[i], &err), FM_OK);
		flows->da[i] = flows->sa[i];
	}
	learn(&t, flows);
	assert_true(!t.c->roles.any_ipv6 && !t.c->families);
	go_and_return(&t, flows);
	assert_int_equal(ipv6_rows(t.back, NULL), 0);
	drop(&t);
	fm_table_free(flows);
}

static void real_rows_come_back_as_declared(void **state)
{
	struct trip t = {0};
	(void)state;
	if (!fm_file_exists(REAL_TRACE)) {
		print_message("skipped: no real trace at %s\n", REAL_TRACE);
		skip();
	}
	struct fm_table *flows = fixture_read(REAL_TRACE, 2 * ROWS, W, INT32_MAX);
	assert_non_null(flows);
	size_t rows = flows->rows;
	flows->rows = ROWS; /* learned from the first half, the other is another split */
	learn(&t, flows);
	go_and_return(&t, flows);
	check_all(&t);
	check_share(&t);
	drop_rows(&t);
	flows->rows = rows;
	go_and_return(&t, flows);
	check_all(&t);
	drop(&t);
	fm_table_free(flows);
}

/* ---- beyond what was learned ---- */

static void set_extreme(struct fm_table *t, size_t i)
{
	t->td[i] = i % 2 ? UINT32_MAX : 0;
	t->pkt[i] = i % 3 ? UINT64_MAX : 0;
	t->byt[i] = i % 5 ? UINT64_MAX : 0;
	t->gap[i] = UINT32_MAX;
	t->sp[i] = (uint16_t)(i * 257);
	t->dp[i] = (uint16_t)(65535 - i);
	struct fm_error err;
	struct fm_address a = fm_address_of_ipv4((uint32_t)(i * 2654435761u)),
			  b = fm_address_of_ipv4(~(uint32_t)(i * 2654435761u));
	assert_int_equal(fm_address_dict_add(t->addresses, &a, i % 3 == 0, &t->sa[i], &err), FM_OK);
	assert_int_equal(fm_address_dict_add(t->addresses, i % 7 ? &b : &a, i % 5 == 0, &t->da[i], &err), FM_OK);
	static const int col[] = {FM_LABEL, FM_PR, FM_FLG, FM_FWD, FM_STOS};
	for (size_t k = 0; k < 5; k++) {
		int at = fm_dict_index(&t->dict[col[k]], i % 2 ? "nobody ever saw this" : "", i % 2 ? 20 : 0, true);
		assert_true(at >= 0);
		((uint16_t *)t->col[col[k]])[i] = (uint16_t)at;
	}
}

static void values_beyond_training_go_to_the_edge(void **state)
{
	struct trip t = {0};
	struct fm_table *flows = fixture_flows(6400, 23, W), *odd = fixture_flows(640, 24, W);
	(void)state;
	assert_true(flows && odd);
	learn(&t, flows);
	for (size_t i = 0; i < odd->rows; i++)
		set_extreme(odd, i);
	go_and_return(&t, odd);
	for (size_t i = 0; i < t.e.windows * W * FM_NTOK; i++) {
		int c = (int)(i % FM_NTOK);
		assert_true(t.e.tok[i] < (t.c->vocab[c] > 1 ? t.c->vocab[c] : 1) || c == FM_T_DIR);
	}
	int64_t most[FM_NRES];
	for (int k = 0; k < FM_NRES; k++) {
		const struct fm_num *c = &t.c->num[k];
		most[k] = c->nbins ? c->edge[c->nbins] - c->step : 0;
		for (int i = 0; i < c->natoms; i++)
			most[k] = c->atom[i] > most[k] ? c->atom[i] : most[k];
	}
	for (size_t i = 0; i < t.back->rows; i++) {
		assert_true(t.back->td[i] <= most[FM_R_TD] && t.back->pkt[i] >= 1 &&
			    (int64_t)t.back->pkt[i] <= most[FM_R_PKT]);
		assert_true((double)t.back->byt[i] <= (double)most[FM_R_BPP] / 1000 * (double)t.back->pkt[i] + 1);
		assert_true(t.back->sa[i] != t.back->da[i]);
		assert_true(knows(&t.c->cat[FM_T_LABEL], fm_table_category(t.back, FM_LABEL, i)));
	}
	drop(&t);
	fm_table_free(flows);
	fm_table_free(odd);
}

/* A residual that no encoding gives, were a network to draw one. */
static void residuals_beyond_reason_stay_in_their_bin(void **state)
{
	static const float odd[] = {0, 7, -7, 1e30f, -1e30f, INFINITY, -INFINITY, NAN};
	struct trip t = {0};
	struct fm_table *flows = fixture_flows(6400, 25, W);
	(void)state;
	learn(&t, flows);
	for (int k = 0; k < FM_NRES; k++) {
		const struct fm_num *c = &t.c->num[k];
		for (int b = 0; b < c->nbins; b++)
			for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
				int64_t v = fm_num_decode(c, c->natoms + b, fm_normal_cdf(odd[i]));
				assert_true(v >= c->edge[b] && v < c->edge[b + 1] && v % c->step == 0);
			}
	}
	drop(&t);
	fm_table_free(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(simulated_rows_come_back_as_declared),
	    cmocka_unit_test(real_rows_come_back_as_declared),
	    cmocka_unit_test(both_families_come_back_as_declared),
	    cmocka_unit_test(a_rare_family_is_learned_like_the_other),
	    cmocka_unit_test(values_beyond_training_go_to_the_edge),
	    cmocka_unit_test(residuals_beyond_reason_stay_in_their_bin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
