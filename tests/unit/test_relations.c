/* test_relations.c - which flow of a window answers or repeats which: every kind where it is due, one source a
 * relation, our own order within a time and nowhere else, and copies that are what the flows really had. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/codec/relations.h"
#include "tests/unit/model_fixture.h"

enum { W = 64 };

struct flow {
	int64_t te;
	uint32_t sa, da;
	uint16_t sp, dp, pr;
};

static struct fm_table *table_of(const struct flow *f, size_t n)
{
	struct fm_table *t;
	struct fm_error err;
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, n, &err), FM_OK);
	for (size_t i = 0; i < n; i++) {
		t->te[i] = f[i].te;
		t->sa[i] = f[i].sa;
		t->da[i] = f[i].da;
		t->sp[i] = f[i].sp;
		t->dp[i] = f[i].dp;
		t->pr[i] = f[i].pr;
	}
	t->rows = n;
	return t;
}

static void each_kind_is_found(void **state)
{
	static const struct flow f[] = {
	    {0, 1, 2, 1000, 80, 0}, /* a request */
	    {0, 2, 1, 80, 1000, 0}, /* its reply */
	    {1, 1, 2, 1000, 80, 0}, /* the same again */
	    {1, 2, 1, 80, 1000, 0}, /* which has its own reply */
	    {1, 2, 1, 80, 1000, 0}, /* and one more, that answers nothing open: again */
	    {2, 1, 2, 1001, 80, 0}, /* another connection to the same service: target */
	    {2, 2, 1, 80, 1003, 0}, /* from the same port to another: source */
	    {3, 1, 3, 1001, 80, 0}, /* the same service of another host: sweep */
	    {3, 2, 4, 80, 2000, 0}, /* the same server to another host: serve */
	    {4, 1, 2, 1001, 80, 1}, /* another protocol: nothing */
	    {4, 9, 8, 7, 6, 0},     /* strangers */
	};
	static const int kind[] = {FM_RELATION_NONE,  FM_RELATION_REPLY,  FM_RELATION_AGAIN,  FM_RELATION_REPLY,
				   FM_RELATION_AGAIN, FM_RELATION_TARGET, FM_RELATION_SOURCE, FM_RELATION_SWEEP,
				   FM_RELATION_SERVE, FM_RELATION_NONE,   FM_RELATION_NONE};
	static const int back[] = {0, 1, 2, 1, 1, 3, 2, 2, 2, 0, 0};
	int n = (int)(sizeof f / sizeof *f);
	struct fm_table *t = table_of(f, (size_t)n);
	struct fm_relations l;
	(void)state;
	fm_relations_find(t, 0, n, false, &l);
	for (int i = 0; i < n; i++)
		if (l.kind[i] != kind[i] || l.back[i] != back[i] || l.row[i] != i)
			fail_msg("flow %d: kind %d of the flow %d before, not %d of %d", i, l.kind[i], l.back[i],
				 kind[i], back[i]);
	fm_table_free(t);
}

static void our_own_order_stays_within_a_time(void **state)
{
	/* Sorted by text the reply may stand first, and a pair apart. */
	static const struct flow f[] = {
	    {0, 2, 1, 80, 1000, 0}, {0, 3, 4, 5, 6, 0}, {0, 7, 8, 9, 10, 0},
	    {0, 1, 2, 1000, 80, 0}, {0, 4, 3, 6, 5, 0}, {1, 5, 6, 7, 8, 0},
	    {1, 1, 2, 1001, 80, 0}, {1, 6, 5, 8, 7, 0}, {1, 1, 2, 1002, 80, 0},
	};
	int n = (int)(sizeof f / sizeof *f), replies = 0;
	struct fm_table *t = table_of(f, (size_t)n);
	struct fm_relations l;
	bool seen[16] = {false};
	(void)state;
	fm_relations_find(t, 0, n, true, &l);
	for (int i = 0; i < n; i++) {
		assert_false(seen[l.row[i]]);
		seen[l.row[i]] = true;
		assert_int_equal(f[l.row[i]].te, f[i].te);
		if (l.kind[i] ==
		    FM_RELATION_REPLY) { /* directly behind its request, and who asks is at the higher port */
			assert_int_equal(l.back[i], 1);
			assert_true(f[l.row[i]].sp < f[l.row[i]].dp || f[l.row[i]].sp == 6 || f[l.row[i]].sp == 8);
			replies++;
		}
		if (l.kind[i] == FM_RELATION_TARGET && f[l.row[i - l.back[i]]].te == f[l.row[i]].te)
			assert_int_equal(l.back[i], 1);
	}
	assert_int_equal(replies, 3);
	fm_table_free(t);
}

/* Each order keeps the time of every place and what belongs together, and begins each time with another pair. */
static void orders_differ_within_a_time(void **state)
{
	enum { N = 24, ORDERS = 40 };
	struct flow f[N];
	int first[N] = {0}, begins = 0;
	struct fm_table *t;
	(void)state;
	for (uint32_t i = 0; i < N; i++) /* twelve pairs of one time, the replies all behind the requests */
		f[i] = i < N / 2 ? (struct flow){0, i, 100 + i, (uint16_t)(2000 + i), 80, 0}
				 : (struct flow){0, 100 + i - N / 2, i - N / 2, 80, (uint16_t)(2000 + i - N / 2), 0};
	t = table_of(f, N);
	for (int order = 1; order <= ORDERS; order++) {
		struct fm_relations l, again;
		bool seen[N] = {false};
		fm_relations_find(t, 0, N, order, &l);
		fm_relations_find(t, 0, N, order, &again);
		assert_memory_equal(l.row, again.row, sizeof *l.row * N);
		for (int i = 0; i < N; i++) {
			assert_false(seen[l.row[i]]);
			seen[l.row[i]] = true;
			assert_int_equal(l.kind[i], i % 2 ? FM_RELATION_REPLY : FM_RELATION_NONE);
			assert_int_equal(l.back[i], i % 2);
		}
		begins += first[l.row[0]]++ == 0;
	}
	assert_true(begins >= N / 4);
	fm_table_free(t);
}

static void tokens_say_kind_and_distance(void **state)
{
	(void)state;
	for (int w = 2; w <= FM_WINDOW_MOST; w = w < 70 ? w + 1 : w * 2)
		for (int kind = 0; kind < FM_NRELATIONS; kind++)
			for (int k = kind > 0; k < (kind > 0 ? w : 1); k++) {
				int back, token = fm_rel_token(kind, k, w);
				assert_in_range(token, 0, FM_REL_TOKENS(w) - 1);
				assert_int_equal(fm_rel_kind(token, w, &back), kind);
				assert_int_equal(back, k);
			}
	int back;
	assert_int_equal(fm_rel_kind(FM_REL_TOKENS(W), W, &back), FM_NRELATIONS); /* masked */
	for (int role = 0; role < FM_ROLE_TOKENS; role++)
		assert_in_range(FM_ROLE_RELATION(role), FM_RELATION_NONE, FM_NRELATIONS - 1);
	assert_int_equal(FM_ROLE_RELATION(FM_ROLE_TOKENS), FM_NRELATIONS);
}

static uint32_t value(const struct fm_table *t, int c, size_t i)
{
	switch (c) {
	case FM_T_SA:
		return t->sa[i];
	case FM_T_DA:
		return t->da[i];
	case FM_T_SP:
		return t->sp[i];
	case FM_T_DP:
		return t->dp[i];
	case FM_T_PR:
		return t->pr[i];
	default:
		return 0;
	}
}

/* On simulated traffic: what a relation copies is what the flow has, no flow is the source of two relations of a kind,
 * and most flows are related. */
static void relations_copy_what_flows_share(void **state)
{
	struct fm_table *t = fixture_flows(6400, 31, W);
	size_t related = 0;
	(void)state;
	assert_non_null(t);
	for (int reorder = 0; reorder < 2; reorder++)
		for (size_t first = 0; first + W <= t->rows; first += W) {
			bool taken[FM_NRELATIONS][W] = {{false}};
			struct fm_relations l;
			fm_relations_find(t, first, W, reorder, &l);
			for (int i = 0; i < W; i++) {
				size_t a = first + l.row[i], b = first + l.row[i - l.back[i]];
				assert_int_equal(l.kind[i] != FM_RELATION_NONE, l.back[i] > 0);
				if (l.kind[i] == FM_RELATION_NONE)
					continue;
				related++;
				for (int c = 0; c < FM_NTOK; c++)
					if (fm_relation_source(l.kind[i], c) >= 0)
						assert_int_equal(value(t, c, a),
								 value(t, fm_relation_source(l.kind[i], c), b));
				if (l.kind[i] <= FM_RELATION_AGAIN) {
					assert_false(taken[l.kind[i]][i - l.back[i]]);
					taken[l.kind[i]][i - l.back[i]] = true;
				}
			}
		}
	assert_true(related > t->rows / 2);
	fm_table_free(t);
}

/* Chains are copied to their end, a masked source is copied as masked, and what a kind does not share stays. */
static void copies_follow_chains(void **state)
{
	uint16_t tok[4 * FM_NTOK] = {0};
	float res[4 * FM_NRES];
	(void)state;
	for (int i = 0; i < 4 * FM_NRES; i++)
		res[i] = (float)i;
	for (int i = 0; i < 4; i++)
		for (int c = 0; c < FM_NTOK; c++)
			tok[i * FM_NTOK + c] = (uint16_t)(100 * i + c);
	for (int i = 0; i < 4; i++)
		tok[i * FM_NTOK + FM_T_DIR] = 1;
	tok[FM_T_REL] = 0;
	tok[1 * FM_NTOK + FM_T_REL] = (uint16_t)fm_rel_token(FM_RELATION_REPLY, 1, 4);
	tok[2 * FM_NTOK + FM_T_REL] = (uint16_t)fm_rel_token(FM_RELATION_SERVE, 1, 4);
	tok[3 * FM_NTOK + FM_T_REL] = (uint16_t)FM_REL_TOKENS(4); /* masked */
	fm_relations_copy(tok, res, 4);
	assert_int_equal(tok[1 * FM_NTOK + FM_T_SA], FM_T_DA);
	assert_int_equal(tok[1 * FM_NTOK + FM_T_SP], FM_T_DP);
	assert_int_equal(tok[1 * FM_NTOK + FM_T_DIR], 2);
	assert_int_equal(tok[1 * FM_NTOK + FM_T_TD], 100 + FM_T_TD);
	assert_int_equal(tok[2 * FM_NTOK + FM_T_SA], FM_T_DA);
	assert_int_equal(tok[2 * FM_NTOK + FM_T_SP], FM_T_DP);
	assert_int_equal(tok[2 * FM_NTOK + FM_T_DA], 200 + FM_T_DA);
	assert_int_equal(tok[2 * FM_NTOK + FM_T_DP], 200 + FM_T_DP);
	assert_int_equal(tok[3 * FM_NTOK + FM_T_SA], 300 + FM_T_SA);
	assert_true(res[1 * FM_NRES + FM_R_SP] == (float)FM_R_DP && res[2 * FM_NRES + FM_R_SP] == (float)FM_R_DP);
	assert_true(res[2 * FM_NRES + FM_R_DP] == (float)(2 * FM_NRES + FM_R_DP));
}

static void relate(uint16_t *tok, int row, int kind, int back)
{
	tok[row * FM_NTOK + FM_T_ROLE] = (uint16_t)(4 * kind);
	tok[row * FM_NTOK + FM_T_REL] = (uint16_t)fm_rel_token(kind, back, W);
}

/* A sweep goes to a service: so its request's reply comes from one, and whatever is the same as either or answers it.
 */
static void ways_follow_chains(void **state)
{
	static const uint8_t all[] = {FM_WAY_FROM, FM_WAY_TO,   FM_WAY_TO,   FM_WAY_FROM,
				      FM_WAY_FROM, FM_WAY_OPEN, FM_WAY_OPEN, FM_WAY_FROM};
	uint16_t tok[W * FM_NTOK] = {0};
	uint8_t way[W];
	(void)state;
	relate(tok, 1, FM_RELATION_REPLY, 1);
	relate(tok, 2, FM_RELATION_SWEEP, 1);
	relate(tok, 3, FM_RELATION_REPLY, 1);
	relate(tok, 4, FM_RELATION_AGAIN, 4);
	relate(tok, 6, FM_RELATION_REPLY, 1);                 /* nothing says which way 5 and 6 go */
	tok[7 * FM_NTOK + FM_T_ROLE] = 4 * FM_RELATION_SERVE; /* it only announces its relation */
	tok[7 * FM_NTOK + FM_T_REL] = (uint16_t)FM_REL_TOKENS(W);
	fm_relations_ways(tok, W, W, way);
	assert_memory_equal(way, all, sizeof all);
	for (int i = 8; i < W; i++)
		assert_int_equal(way[i], FM_WAY_OPEN);
	fm_relations_ways(tok, W, 2, way); /* as long as the sweep's source is not known */
	assert_int_equal(way[0], FM_WAY_OPEN);
	assert_int_equal(way[1], FM_WAY_OPEN);
	assert_int_equal(way[2], FM_WAY_TO);
	for (int kind = 0; kind < FM_NRELATIONS; kind++) {
		bool turned = kind == FM_RELATION_REPLY;
		assert_int_equal(fm_relation_way(kind, FM_WAY_OPEN), FM_WAY_OPEN);
		assert_int_equal(fm_relation_way(kind, FM_WAY_TO), turned ? FM_WAY_FROM : FM_WAY_TO);
		assert_int_equal(fm_relation_way(kind, FM_WAY_FROM), turned ? FM_WAY_TO : FM_WAY_FROM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_is_found),
	    cmocka_unit_test(our_own_order_stays_within_a_time),
	    cmocka_unit_test(orders_differ_within_a_time),
	    cmocka_unit_test(tokens_say_kind_and_distance),
	    cmocka_unit_test(relations_copy_what_flows_share),
	    cmocka_unit_test(copies_follow_chains),
	    cmocka_unit_test(ways_follow_chains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
