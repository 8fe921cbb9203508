/* Rows in order and rows chosen: stable, repeatable, with nothing lost and nothing twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/rows.h"

static void test_sorting_is_stable_and_whole(void **state)
{
	enum { N = 5000 };
	uint64_t *key = calloc(N, sizeof(*key)), *was = calloc(N, sizeof(*was));
	uint32_t *row = calloc(N, sizeof(*row));
	struct fm_error err;
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 1, FM_RNG_JUDGE, 0, 0);
	for (uint32_t i = 0; i < N; i++) {
		key[i] = was[i] =
		    i % 3 == 0 ? fm_key_i64(-(int64_t)fm_rng_below(&r, 50)) : fm_rng_u64(&r) >> fm_rng_below(&r, 60);
		row[i] = i;
	}
	assert_int_equal(fm_sort_u64(key, row, N, &err), FM_OK);
	for (size_t i = 0; i < N; i++) {
		assert_true(key[i] == was[row[i]]);
		if (i > 0)
			assert_true(key[i - 1] < key[i] || (key[i - 1] == key[i] && row[i - 1] < row[i]));
	}
	assert_int_equal(fm_sort_u64(key, NULL, 1, &err), FM_OK);
	assert_int_equal(fm_sort_u64(NULL, NULL, 0, &err), FM_OK);
	assert_true(fm_key_i64(INT64_MIN) < fm_key_i64(-1) && fm_key_i64(-1) < fm_key_i64(0) &&
		    fm_key_i64(0) < fm_key_i64(INT64_MAX));
	free(key);
	free(was);
	free(row);
}

static void test_every_choice_is_as_likely(void **state)
{
	uint32_t chosen[20], again[20];
	int hits[10] = {0};

	(void)state;
	for (uint64_t purpose = 0; purpose < 10000; purpose++) {
		fm_rows_choose(7, purpose, 10, 3, chosen);
		assert_true(chosen[0] < chosen[1] && chosen[1] < chosen[2] && chosen[2] < 10);
		for (int i = 0; i < 3; i++)
			hits[chosen[i]]++;
	}
	for (int i = 0; i < 10; i++) /* 3000 each, standard deviation 46 */
		assert_in_range(hits[i], 2770, 3230);
	fm_rows_choose(7, 1, 20, 20, chosen);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(chosen[i], i);
	fm_rows_choose(7, 1, 1000, 20, chosen);
	fm_rows_choose(7, 1, 1000, 20, again);
	assert_memory_equal(chosen, again, sizeof(chosen));
	fm_rows_choose(8, 1, 1000, 20, again);
	assert_memory_not_equal(chosen, again, sizeof(chosen));
}

static struct fm_table *table(size_t rows)
{
	static const char *const pr[] = {"TCP", "UDP", "ICMP"};
	struct fm_table *t;
	struct fm_error err;

	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16 & ~(1u << FM_FLG), &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, rows, &err), FM_OK);
	t->rows = rows;
	for (size_t i = 0; i < rows; i++) {
		t->te[i] = (int64_t)i;
		t->sa[i] = (uint32_t)i + 1;
		t->sp[i] = (uint16_t)(i + 2);
		t->byt[i] = i + 3;
		t->pr[i] = (uint16_t)fm_dict_index(&t->dict[FM_PR], pr[i % 3], strlen(pr[i % 3]), true);
	}
	return t;
}

static void test_taken_rows_are_the_rows(void **state)
{
	static const uint32_t row[] = {9, 0, 9, 4};
	struct fm_table *t = table(10), *s;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_table_take(&s, t, row, 4, &err), FM_OK);
	assert_int_equal(s->rows, 4);
	assert_int_equal(s->present, t->present);
	for (size_t i = 0; i < 4; i++) {
		assert_true(s->te[i] == row[i] && s->sa[i] == row[i] + 1 && s->sp[i] == row[i] + 2 &&
			    s->byt[i] == row[i] + 3);
		assert_string_equal(fm_table_category(s, FM_PR, i), fm_table_category(t, FM_PR, row[i]));
	}
	/* Its dictionary is one of its own: it can be searched, it can grow, and it outlives the other. */
	fm_table_free(t);
	assert_int_equal(s->dict[FM_PR].n, 3);
	assert_int_equal(fm_dict_index(&s->dict[FM_PR], "ICMP", 4, false), 2);
	assert_int_equal(fm_dict_index(&s->dict[FM_PR], "GRE", 3, true), 3);
	fm_table_free(s);

	t = table(10);
	assert_int_equal(fm_table_sample(&s, t, 11, 1, 1, &err), FM_EINPUT);
	assert_null(s);
	assert_int_equal(fm_table_sample(&s, t, 10, 1, 1, &err), FM_OK);
	assert_memory_equal(s->te, t->te, 10 * sizeof(*t->te));
	fm_table_free(s);
	assert_int_equal(fm_table_sample(&s, t, 0, 1, 1, &err), FM_OK);
	assert_int_equal(s->rows, 0);
	fm_table_free(s);
	fm_table_free(t);
}

static void test_dictionaries_are_matched_by_value(void **state)
{
	struct fm_dict a = {0}, b = {0};
	struct fm_error err;
	uint32_t code[3];

	(void)state;
	assert_int_equal(fm_dict_index(&a, "TCP", 3, true), 0);
	assert_int_equal(fm_dict_index(&a, "", 0, true), 1);
	assert_int_equal(fm_dict_index(&b, "", 0, true), 0);
	assert_int_equal(fm_dict_index(&b, "GRE", 3, true), 1);
	assert_int_equal(fm_dict_index(&b, "TCP", 3, true), 2);
	assert_int_equal(fm_dict_match(&a, &b, code, &err), FM_OK);
	assert_true(code[0] == 1 && code[1] == 2 + 1 && code[2] == 0);
	fm_dict_free(&a);
	assert_int_equal(fm_dict_match(&a, &b, code, &err), FM_OK);
	assert_true(code[0] == 0 && code[1] == 1 && code[2] == 2);
	fm_dict_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sorting_is_stable_and_whole),
	    cmocka_unit_test(test_every_choice_is_as_likely),
	    cmocka_unit_test(test_taken_rows_are_the_rows),
	    cmocka_unit_test(test_dictionaries_are_matched_by_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
