/* test_repeats.c - a 5-tuple comes again in a window as often as it did, service by service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/codec/repeats.h"
#include "tests/unit/model_fixture.h"

enum { W = 32, WINDOWS = 240, HOSTS = 64, CLOCK = 123, WEB = 80 };

/* Windows half of clocks that ask each other, no pair twice, and half of clients of the web, each twice from one port.
 */
static struct fm_table *trace_of_clocks(void)
{
	char file[] = "/tmp/flowmint-repeats-XXXXXX";
	struct fm_table *t;
	int fd = mkstemp(file);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	assert_non_null(f);
	for (int i = 0; i < WINDOWS * W; i++) {
		int at = i / 4, w = i / W, k = i % W / 4;

		fprintf(f, "2016-04-11 %02d:%02d:%02d,0.000,", at / 3600, at / 60 % 60, at % 60);
		if (i % 2)
			fprintf(f, "42.219.150.%d,60.1.1.%d,%d,%d,UDP,.A....,0,0,1,76,background\n",
				(k + w) % HOSTS + 1, (5 * k + 11 * w + i % 4) % HOSTS + 1, CLOCK, CLOCK);
		else
			fprintf(f, "70.1.1.%d,42.219.151.%d,%d,%d,TCP,.AP.S.,0,0,5,600,background\n",
				(k + w) % HOSTS + 1, w % 20 + 1, 20000 + (37 * w + k) % 30000, WEB);
	}
	assert_int_equal(fclose(f), 0);
	t = fixture_read(file, 0, W, 3000);
	unlink(file);
	assert_non_null(t);
	assert_int_equal(t->rows, WINDOWS * W);
	return t;
}

/* Flows to a port whose 5-tuple another flow among the W before has. */
static size_t repeats(const struct fm_table *t, uint16_t port)
{
	size_t n = 0;

	for (size_t i = 0; i < t->rows; i++) {
		bool seen = false;

		for (size_t q = i > W ? i - W : 0; q < i && !seen && t->dp[i] == port; q++)
			seen = t->sa[q] == t->sa[i] && t->da[q] == t->da[i] && t->sp[q] == t->sp[i] &&
			       t->dp[q] == t->dp[i] && t->pr[q] == t->pr[i];
		n += seen;
	}
	return n;
}

/* What a network does that draws a relation without regard to the service: some clocks ask the same clock again. */
static size_t confuse(const struct fm_codec *c, struct fm_encoded *e)
{
	size_t n = 0;

	for (size_t w = 0; w < e->windows; w++) {
		uint16_t *tok = e->tok + w * W * FM_NTOK;
		int last = -1;

		for (int i = 0; i < W; i++) {
			uint16_t *x = tok + i * FM_NTOK;

			if (fm_num_decode(&c->num[FM_R_DP], x[FM_T_DP], 0.5) != CLOCK)
				continue;
			if (last >= 0 && x[FM_T_REL] == 0 && i % 3 == 0) {
				x[FM_T_REL] = (uint16_t)fm_rel_token(FM_RELATION_AGAIN, i - last, W);
				n++;
			}
			last = i;
		}
		fm_relations_copy(tok, e->res + w * W * FM_NRES, W);
	}
	return n;
}

static void services_repeat_as_they_did(void **state)
{
	struct fm_error err = {0};
	struct fm_table *t = trace_of_clocks(), *plain, *made, *loose;
	struct fm_codec_opts o = fixture_opts(t, W);
	struct fm_encoded e = {0};
	struct fm_flow_shares again;
	struct fm_codec *c;
	struct fm_hosts *hosts;
	size_t confused, all;
	json_t *j;

	(void)state;
	assert_int_equal(fm_codec_fit_with_hosts(&c, &hosts, t, &o, &err), FM_OK);
	assert_int_equal(fm_codec_encode(c, hosts, t, 3, &e, &err), FM_OK);
	assert_int_equal(repeats(t, CLOCK), 0);
	all = repeats(t, WEB);
	assert_non_null(plain = fixture_shuffled(c, &e, 1));
	confused = confuse(c, &e);
	print_message("%zu flows of the web come again, and %zu of clocks are made to\n", all, confused);
	assert_true(all > WINDOWS * W / 8 && confused > WINDOWS);
	assert_non_null(made = fixture_shuffled(c, &e, 1));
	struct fm_flow_shares learned = c->repeats;
	c->repeats.n = 0; /* a codec that knows nothing of it */
	assert_non_null(loose = fixture_shuffled(c, &e, 1));
	c->repeats = learned;
	print_message(
	    "of clocks %zu do, without what was learned %zu, and of windows as they were %zu; of the web %zu\n",
	    repeats(made, CLOCK), repeats(loose, CLOCK), repeats(plain, CLOCK), repeats(made, WEB));
	assert_true(repeats(loose, CLOCK) > repeats(plain, CLOCK) + confused * 3 / 4);
	assert_true(repeats(made, CLOCK) < repeats(plain, CLOCK) + confused / 20);
	assert_true(repeats(made, WEB) > all * 9 / 10 && repeats(made, WEB) < all * 11 / 10);

	j = fm_flow_shares_json(&c->repeats);
	assert_int_equal(fm_flow_shares_from_json(&again, j, "flows that come again", &err), FM_OK);
	assert_int_equal(again.n, c->repeats.n);
	assert_memory_equal(again.at, c->repeats.at, again.n * sizeof *again.at);
	fm_flow_shares_free(&again);
	json_array_append_new(j, json_pack("[i,i,i]", 0, 10, 11)); /* out of order, and more than all */
	assert_int_equal(fm_flow_shares_from_json(&again, j, "flows that come again", &err), FM_EINPUT);
	json_decref(j);
	fm_table_free(plain);
	fm_table_free(made);
	fm_table_free(loose);
	fm_encoded_free(&e);
	fm_codec_free(c);
	fm_hosts_free(hosts);
	fm_table_free(t);
}

/* Fewer than k flows that come again count as none, and services of few flows count together. */
static void few_flows_are_not_told(void **state)
{
	struct fm_error err = {0};
	struct fm_table *t = trace_of_clocks();
	struct fm_codec_opts o = fixture_opts(t, W);
	struct fm_codec *c;
	struct fm_hosts *hosts;
	struct fm_flow_shares p;
	size_t *first;

	(void)state;
	assert_int_equal(fm_codec_fit_with_hosts(&c, &hosts, t, &o, &err), FM_OK);
	struct fm_profile_data d = {
	    .t = t, .ports = &c->num[FM_R_DP], .window = W, .min_count = 10, .text_order = c->text_order};
	assert_int_equal(fm_windows_find(t, W, &first, &d.windows, &err), FM_OK);
	d.first = first;
	assert_int_equal(fm_repeats_fit(&p, &d, &err), FM_OK);
	int64_t flows = 0, again = 0;
	for (size_t i = 0; i < p.n; i++) {
		flows += p.at[i].flows;
		again += p.at[i].of;
	}
	assert_int_equal(flows, WINDOWS * W);
	assert_true(again > WINDOWS * W / 8);
	fm_flow_shares_free(&p);
	d.min_count = (int)again + 1;
	assert_int_equal(fm_repeats_fit(&p, &d, &err), FM_OK);
	for (size_t i = 0; i < p.n; i++)
		assert_int_equal(p.at[i].of, 0);
	fm_flow_shares_free(&p);
	free(first);
	fm_codec_free(c);
	fm_hosts_free(hosts);
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(services_repeat_as_they_did),
	    cmocka_unit_test(few_flows_are_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
