/* Promise: leakage that was searched in parts has the values of one piece to the bit, in any division and with parts
 * that lack; what a stranger put into a part is refused or changes values, and reads nothing that is not there. */
#include "judge_fixture.h"
#include "scratch.h"

#include "base/file.h"
#include "base/thread.h"
#include "privacy/leakage/division.h"
#include "privacy/leakage/leakage.h"

struct tables {
	struct fm_table *train, *holdout, *synthetic;
};

/* Copies among the real rows, so that ranges are of rows that are kept, and planted ones among the synthetic. */
static void tables_make(struct tables *t)
{
	t->train = random_table(3000, 1);
	t->holdout = random_table(1100, 2);
	t->synthetic = random_table(900, 3);
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		size_t width = fm_cols[c].width;
		char *train = t->train->col[c], *synthetic = t->synthetic->col[c];

		for (size_t i = 0; i < 100; i++)
			memcpy(train + (20 * i + 1) * width, train + 20 * i * width, width);
		for (size_t i = 0; i < 450; i++)
			memcpy(synthetic + 2 * i * width, train + 5 * i * width, width);
	}
}

static void tables_free(struct tables *t)
{
	fm_table_free(t->train);
	fm_table_free(t->holdout);
	fm_table_free(t->synthetic);
}

static int judge(const struct tables *t, struct fm_division *d, struct fm_pool *pool, struct fm_metrics *out,
		 struct fm_error *err)
{
	struct fm_leakage_opts o = {.memory = FM_LEAKAGE_LEAST, .rare = FM_LEAKAGE_RARE, .division = d};

	*out = (struct fm_metrics){0};
	return fm_leakage(t->train, t->holdout, t->synthetic, pool, o, out, err);
}

/* Part index of `of` into DIR/index. */
static void make_part(const struct tables *t, const char *dir, uint32_t index, uint32_t of)
{
	struct fm_division *d = NULL;
	struct fm_metrics none;
	struct fm_error err = {0};
	char inner[600];

	snprintf(inner, sizeof inner, "%s/%u", dir, index);
	OK(fm_dir_make(inner, 0700, &err));
	OK(fm_division_make(&d, inner, index, of, &err));
	OK(judge(t, d, NULL, &none, &err));
	assert_int_equal(none.n, 0);
	fm_metrics_free(&none);
	fm_division_free(d);
}

static int join(const struct tables *t, const char *dir, uint32_t of, struct fm_metrics *out, struct fm_error *err)
{
	struct fm_division *d = NULL;
	struct fm_pool *pool = NULL;
	int rc;

	*out = (struct fm_metrics){0};
	assert_int_equal(fm_pool_new(&pool, 3, err), FM_OK);
	if ((rc = fm_division_take(&d, dir, of, err)) >= 0)
		rc = judge(t, d, pool, out, err);
	fm_division_free(d);
	fm_pool_free(pool);
	return rc;
}

static void same(const struct fm_metrics *a, const struct fm_metrics *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_string_equal(a->m[i].name, b->m[i].name);
		assert_int_equal(a->m[i].n, b->m[i].n);
		assert_memory_equal(&a->m[i].value, &b->m[i].value, sizeof(double));
		assert_memory_equal(&a->m[i].ci_lo, &b->m[i].ci_lo, sizeof(double));
		assert_memory_equal(&a->m[i].ci_hi, &b->m[i].ci_hi, sizeof(double));
	}
}

static void test_parts_change_no_value(void **state)
{
	static const struct {
		uint32_t of, without; /* a part that nobody made, 0: none */
	} cases[] = {{1, 0}, {3, 0}, {3, 2}, {7, 7}};
	struct fm_metrics whole, joined;
	struct fm_error err = {0};
	struct tables t;
	char dir[600];

	(void)state;
	tables_make(&t);
	OK(judge(&t, NULL, NULL, &whole, &err));
	assert_true(whole.n > 60);
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		snprintf(dir, sizeof dir, "%s", scratch_path("parts"));
		OK(fm_dir_make(dir, 0700, &err));
		for (uint32_t i = 1; i <= cases[k].of; i++)
			if (i != cases[k].without)
				make_part(&t, dir, i, cases[k].of);
		OK(join(&t, dir, cases[k].of, &joined, &err));
		same(&whole, &joined);
		fm_metrics_free(&joined);
		OK(fm_dir_remove(dir, &err));
	}
	fm_metrics_free(&whole);
	tables_free(&t);
}

/* Each byte of a part could be another; a few hundred of them are, one at a time, and it is cut short. */
static void test_a_strangers_part_is_refused_or_judged(void **state)
{
	struct fm_metrics joined;
	struct fm_error err = {0};
	struct tables t;
	char dir[600], path[700];
	struct fm_buf was = {0};
	size_t refused = 0;
	int rc;

	(void)state;
	tables_make(&t);
	t.train->rows = 300;
	t.holdout->rows = 200;
	t.synthetic->rows = 60;
	snprintf(dir, sizeof dir, "%s", scratch_path("strange"));
	OK(fm_dir_make(dir, 0700, &err));
	make_part(&t, dir, 1, 1);
	snprintf(path, sizeof path, "%s/1/" FM_DIVISION_FILE, dir);
	OK(fm_file_read(path, 1 << 20, &was, &err));
	for (size_t i = 0; i < 60; i++) {
		size_t at = i < 20 ? i * 7 : was.len * i / 60, size = i % 10 == 9 ? at : was.len;
		char byte = was.data[at];

		was.data[at] = (char)(i & 1 ? ~byte : byte ^ 0x40);
		OK(fm_file_write(path, 0600, was.data, size, &err));
		was.data[at] = byte;
		rc = join(&t, dir, 1, &joined, &err);
		assert_true(rc == FM_OK || rc == FM_EVERDICT);
		assert_true(size == was.len || rc == FM_EVERDICT);
		refused += rc == FM_EVERDICT;
		fm_metrics_free(&joined);
	}
	assert_true(refused >= 20);
	fm_buf_free(&was);
	tables_free(&t);
}

static void test_a_part_of_another_division_is_refused(void **state)
{
	struct fm_division *d = NULL;
	struct fm_error err = {0};
	struct tables t;
	char dir[600];

	(void)state;
	tables_make(&t);
	t.train->rows = t.holdout->rows = 100;
	snprintf(dir, sizeof dir, "%s", scratch_path("other"));
	OK(fm_dir_make(dir, 0700, &err));
	make_part(&t, dir, 1, 2);
	assert_int_equal(fm_division_take(&d, dir, 3, &err), FM_EVERDICT);
	assert_non_null(strstr(err.message, "part 1 of 3"));
	assert_null(d);
	assert_int_equal(fm_division_make(&d, dir, 4, 3, &err), FM_EINPUT);
	tables_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts_change_no_value),
	    cmocka_unit_test(test_a_strangers_part_is_refused_or_judged),
	    cmocka_unit_test(test_a_part_of_another_division_is_refused),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
