/* Promise: rows that two exporters made of one flow are found, and which of them is kept depends on no side. */
#include "judge_fixture.h"

#include "privacy/leakage/copies.h"

static void set_row(struct fm_table *t, size_t i, const struct fm_table *from, size_t j, int64_t later, int longer)
{
	for (int c = 0; c < FM_NFLOWCOL; c++)
		memcpy((char *)t->col[c] + i * fm_cols[c].width, (const char *)from->col[c] + j * fm_cols[c].width,
		       fm_cols[c].width);
	t->te[i] += later;
	t->td[i] += (uint32_t)longer;
}

static struct fm_copies *copies_of(const struct fm_table *t, const struct fm_table *h, size_t memory)
{
	struct fm_copies *c = NULL;
	struct fm_error err = {0};

	OK(fm_copies_find(&c, t, h, memory, &err));
	return c;
}

static void test_a_class_keeps_one_row(void **state)
{
	struct fm_table *t = random_table(400, 1), *h = random_table(400, 2);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		set_row(t, 101 + i, t, 100, 0, 0); /* five times the same */
	set_row(t, 201, t, 200, 1000, 0);
	set_row(t, 211, t, 210, 1001, 0); /* too late */
	set_row(t, 221, t, 220, 0, 1000);
	set_row(t, 231, t, 230, 0, 1001); /* too long */
	set_row(h, 10, t, 300, 1000, 3);
	set_row(t, 241, t, 240, 0, 0);
	t->byt[241]++; /* another flow */
	set_row(t, 251, t, 250, 0, 0);
	t->sa[251]++;
	struct fm_copies *c = copies_of(t, h, 1 << 20);
	size_t kept[2] = {0};
	for (size_t i = 100; i < 105; i++)
		kept[0] += fm_kept_has(&c->side[0], i);
	assert_int_equal(kept[0], 1);
	assert_int_equal(fm_kept_has(&c->side[0], 200) + fm_kept_has(&c->side[0], 201), 1);
	assert_int_equal(fm_kept_has(&c->side[0], 210) + fm_kept_has(&c->side[0], 211), 2);
	assert_int_equal(fm_kept_has(&c->side[0], 220) + fm_kept_has(&c->side[0], 221), 1);
	assert_int_equal(fm_kept_has(&c->side[0], 230) + fm_kept_has(&c->side[0], 231), 2);
	assert_int_equal(fm_kept_has(&c->side[0], 300) + fm_kept_has(&c->side[1], 10), 1);
	assert_int_equal(c->side[0].kept + c->side[1].kept, 800 - 4 - 3);
	assert_int_equal(c->equal[0], 4);
	assert_int_equal(c->equal[1], 0);
	fm_copies_free(c);
	t->present &= ~(1u << FM_TE); /* rows may be equal for many reasons */
	c = copies_of(t, h, 1 << 20);
	assert_int_equal(c->side[0].kept + c->side[1].kept, 800);
	fm_copies_free(c);
	t->present |= 1u << FM_TE;
	fm_table_free(t);
	fm_table_free(h);
}

/* Of a copy on either side each is kept as often, whatever the numbers of rows, and however much memory there is. */
static void test_no_side_is_preferred(void **state)
{
	struct fm_table *t = random_table(70000, 1), *h = random_table(20000, 2);
	size_t kept[2] = {0}, enough[2];

	(void)state;
	for (size_t i = 0; i < 10000; i++)
		set_row(h, 2 * i, t, 7 * i, i % 2 ? 0 : 1000, 0);
	struct fm_copies *c = copies_of(t, h, (size_t)64 << 20), *little = copies_of(t, h, 1);
	for (size_t i = 0; i < 10000; i++) {
		int here = fm_kept_has(&c->side[0], 7 * i), there = fm_kept_has(&c->side[1], 2 * i);
		kept[0] += (size_t)here;
		kept[1] += (size_t)there;
		assert_true(here + there <= 1);
	}
	assert_true(kept[0] > 4800 && kept[1] > 4800); /* four standard errors */
	for (int k = 0; k < 2; k++) {
		enough[k] = 0;
		for (size_t i = 0; i < (k ? h : t)->rows; i++)
			enough[k] += fm_kept_has(&c->side[k], i) == fm_kept_has(&little->side[k], i);
	}
	assert_true(enough[0] == t->rows && enough[1] == h->rows);
	fm_copies_free(c);
	fm_copies_free(little);
	fm_table_free(t);
	fm_table_free(h);
}

static void test_kept_rows_are_numbered(void **state)
{
	struct fm_table *t = random_table(1000, 1);
	uint32_t n = 0;

	(void)state;
	for (size_t i = 0; i + 1 < 1000; i += i % 3 + 2)
		set_row(t, i + 1, t, i, 0, 0);
	struct fm_copies *c = copies_of(t, NULL, 1 << 20);
	assert_true(c->side[0].kept < 800);
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(fm_kept_before(&c->side[0], i), n);
		if (fm_kept_has(&c->side[0], i))
			assert_int_equal(fm_kept_row(&c->side[0], n++), i);
	}
	assert_int_equal(fm_kept_before(&c->side[0], 1000), n);
	assert_int_equal(n, c->side[0].kept);
	fm_copies_free(c);
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_class_keeps_one_row),
	    cmocka_unit_test(test_no_side_is_preferred),
	    cmocka_unit_test(test_kept_rows_are_numbered),
	};

	return cmocka_run_group_tests_name("copies", tests, NULL, NULL);
}
