/* Rows of one time in the order of their text: found in a trace, recorded by ingest, and made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/num.h"
#include "base/rows.h"
#include "tests/unit/ipv4_of.h"
#include "tests/unit/model_fixture.h"

static struct fm_table *flows;

static int setup(void **state)
{
	(void)state;
	fm_log_quiet(1);
	return (flows = fixture_flows(20000, 3, 32)) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fm_table_free(flows);
	return 0;
}

static bool found(const struct fm_table *t, size_t step)
{
	struct fm_text_order whole = {0}, parts = {0};
	struct fm_table some = *t;

	fm_text_order_look(&whole, t, 0);
	for (size_t at = 0; at < t->rows; at += step) {
		some.rows = at + step < t->rows ? at + step : t->rows;
		fm_text_order_look(&parts, &some, at);
	}
	assert_true(whole.same == parts.same && whole.wrong == parts.wrong);
	return fm_text_order_found(&whole);
}

/* The text that rows of one time are ordered by, as sort would see it in the file. */
static void text_of(const struct fm_table *t, size_t i, char text[200])
{
	char a[32], b[32], td[32];

	a[fm_format_ipv4(ipv4_of(t, t->sa[i]), a)] = 0;
	b[fm_format_ipv4(ipv4_of(t, t->da[i]), b)] = 0;
	td[fm_format_ms_as_s(t->td[i], td)] = 0;
	snprintf(text, 200, "%s,%s,%s,%u,%u", td, a, b, t->sp[i], t->dp[i]);
}

static void a_sorted_trace_is_found_and_made_again(void **state)
{
	struct fm_error err = {0};
	struct fm_table *t = NULL;
	uint64_t sum = 0, again = 0;
	uint32_t *row = calloc(flows->rows, sizeof *row);

	(void)state;
	assert_true(found(flows, 1) && found(flows, 777));
	for (size_t i = 0; i < flows->rows; i++) {
		row[i] = (uint32_t)(i ^ 1); /* neighbours change places */
		sum += flows->byt[i] * 31 + flows->sa[i];
	}
	assert_int_equal(fm_table_take(&t, flows, row, flows->rows, &err), FM_OK);
	assert_false(found(t, 777));
	assert_int_equal(fm_text_order_sort(t, &err), FM_OK);
	assert_true(found(t, 777));
	for (size_t i = 0; i < t->rows; i++) {
		char last[200], now[200];

		again += t->byt[i] * 31 + t->sa[i];
		if (i == 0)
			continue;
		text_of(t, i - 1, last);
		text_of(t, i, now);
		assert_true(t->te[i] > t->te[i - 1] || (t->te[i] == t->te[i - 1] && strcmp(last, now) <= 0));
	}
	assert_int_equal(sum, again);
	free(row);
	fm_table_free(t);
}

static void one_pair_in_a_hundred_out_of_order_is_no_such_order(void **state)
{
	(void)state;
	for (size_t i = 1; i < flows->rows; i++)
		if (i % 100 == 7) {
			uint32_t td = flows->td[i];

			flows->td[i] = flows->td[i - 1] + 999;
			flows->td[i - 1] = td + 999000;
		}
	assert_false(found(flows, 1000));
}

static void few_pairs_say_nothing(void **state)
{
	struct fm_text_order o = {0};

	(void)state;
	assert_false(fm_text_order_found(&o));
	o.same = 99;
	assert_false(fm_text_order_found(&o));
	o.same = 100;
	assert_true(fm_text_order_found(&o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sorted_trace_is_found_and_made_again),
	    cmocka_unit_test(one_pair_in_a_hundred_out_of_order_is_no_such_order),
	    cmocka_unit_test(few_pairs_say_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
