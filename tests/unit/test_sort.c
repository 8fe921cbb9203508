/* Rows in order of time, in memory and from runs: the same rows as a stable sort, with the values numbered anew. */
#include "tests/unit/trace_fixture.h"

#include <dirent.h>

#include "base/num.h"

#include "base/rng.h"
#include "traces/sort.h"

static struct fm_error err;

/* n rows with few different times: td is the row's number, the label one of three. */
static struct fm_table *shuffled(size_t n, uint32_t times)
{
	static const char *const labels[] = {"a", "b", "c"};
	struct fm_table *t = NULL;
	struct fm_rng rng;

	fm_rng_init(&rng, 5, FM_RNG_SPLIT, 0, 0);
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, n, &err), FM_OK);
	assert_int_equal(fm_address_dict_new(&t->addresses, &err), FM_OK);
	for (size_t i = 0; i < n; i++) {
		struct fm_address a = fm_address_of_ipv4(fm_rng_below(&rng, 50));

		for (int c = 0; c < FM_NFLOWCOL; c++)
			memset((char *)t->col[c] + i * fm_cols[c].width, 0, fm_cols[c].width);
		assert_int_equal(fm_address_dict_add(t->addresses, &a, false, &t->sa[i], &err), FM_OK);
		t->da[i] = t->sa[i];
		t->te[i] = 1460332800000 + 1000 * (int64_t)fm_rng_below(&rng, times);
		t->td[i] = (uint32_t)i;
		t->byt[i] = i;
		for (int c = 0; c < FM_NFLOWCOL; c++)
			if (fm_cols[c].kind == FM_KIND_CATEGORY) {
				const char *s = labels[fm_rng_below(&rng, 3)];

				((uint16_t *)t->col[c])[i] = (uint16_t)fm_dict_index(&t->dict[c], s, 1, true);
			}
	}
	t->rows = n;
	return t;
}

static int take(void *ctx, struct fm_table *chunk, struct fm_error *e)
{
	return fm_trace_chunk_copy(ctx, chunk, 0, chunk->rows, e);
}

/* The rows of t, given in chunks of 37, sorted with at most `memory` rows in memory. */
static struct fm_table *sorted(const struct fm_table *t, enum fm_sort_ties ties, size_t memory)
{
	struct fm_table *out = NULL, some = *t;
	struct fm_sorter *s = NULL;
	size_t offset[FM_NCOL];

	assert_int_equal(fm_table_new(&out, t->present, &err), FM_OK);
	assert_int_equal(fm_sorter_new(&s, at("."), ties, memory, &err), FM_OK);
	for (size_t first = 0; first < t->rows; first += some.rows) {
		some.rows = t->rows - first < 37 ? t->rows - first : 37;
		for (int c = 0; c < FM_NCOL; c++) {
			offset[c] = first * fm_cols[c].width;
			some.col[c] = FM_HAS(t, c) ? (char *)t->col[c] + offset[c] : NULL;
		}
		assert_int_equal(fm_sorter_add(s, &some, &err), FM_OK);
	}
	if (fm_sorter_finish(s, take, out, &err))
		fail_msg("%s", err.message);
	fm_sorter_free(s);
	return out;
}

static void assert_same_row(const struct fm_table *a, size_t i, const struct fm_table *b, size_t j)
{
	for (int c = 0; c < FM_NFLOWCOL; c++)
		if (fm_cols[c].kind == FM_KIND_CATEGORY)
			assert_string_equal(fm_table_category(a, c, i), fm_table_category(b, c, j));
		else
			assert_int_equal(fm_table_value(a, c, i), fm_table_value(b, c, j));
}

static void each_row_comes_once_in_order_from_memory_and_from_runs(void **state)
{
	static const size_t memory[] = {5000, 1000, 999, 100, 57, 40};
	struct fm_table *t = shuffled(1000, 90);

	(void)state;
	for (size_t m = 0; m < sizeof memory / sizeof *memory; m++)
		for (int ties = FM_SORT_ARRIVAL; ties <= FM_SORT_TEXT; ties++) {
			struct fm_table *out = sorted(t, (enum fm_sort_ties)ties, memory[m]);

			assert_int_equal(out->rows, 1000);
			for (size_t i = 0; i < out->rows; i++) {
				assert_same_row(out, i, t, out->byt[i]);
				if (!i || out->te[i] > out->te[i - 1])
					continue;
				assert_int_equal(out->te[i], out->te[i - 1]);
				if (ties == FM_SORT_ARRIVAL)
					assert_true(out->byt[i] > out->byt[i - 1]);
				else if (ties == FM_SORT_REVERSED)
					assert_true(out->byt[i] < out->byt[i - 1]);
			}
			fm_table_free(out);
		}
	fm_table_free(t);
}

/* td as text: 0.010 before 0.002 before 1.000. */
static void ties_by_text_are_those_of_lines(void **state)
{
	struct fm_table *t = shuffled(500, 7), *out = sorted(t, FM_SORT_TEXT, 100);
	char a[32], b[32];

	(void)state;
	for (size_t i = 1; i < out->rows; i++) {
		if (out->te[i] != out->te[i - 1])
			continue;
		a[fm_format_ms_as_s(out->td[i - 1], a)] = 0;
		b[fm_format_ms_as_s(out->td[i], b)] = 0;
		assert_true(strcmp(a, b) < 0);
	}
	fm_table_free(out);
	fm_table_free(t);
}

static void values_are_numbered_as_they_come(void **state)
{
	struct fm_table *t = shuffled(300, 300), *out = sorted(t, FM_SORT_ARRIVAL, 50);

	(void)state;
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		uint16_t most = 0;

		if (fm_cols[c].kind != FM_KIND_CATEGORY)
			continue;
		for (size_t i = 0; i < out->rows; i++) {
			uint16_t v = ((uint16_t *)out->col[c])[i];

			assert_true(v <= most);
			most = (uint16_t)(v == most ? most + 1 : most);
		}
		assert_int_equal(most, 3);
	}
	fm_table_free(out);
	fm_table_free(t);
}

static void nothing_is_left_in_the_folder(void **state)
{
	struct fm_table *t = shuffled(300, 30), *out = sorted(t, FM_SORT_ARRIVAL, 50);
	DIR *d = opendir(at("."));
	int left = 0;

	(void)state;
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		left += strncmp(e->d_name, ".sort", 5) == 0;
	closedir(d);
	assert_int_equal(left, 0);
	fm_table_free(out);
	fm_table_free(t);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	struct fm_table *t = shuffled(100, 30);
	struct fm_sorter *s = NULL;

	(void)state;
	assert_int_equal(fm_sorter_new(&s, at("absent"), FM_SORT_ARRIVAL, 10, &err), FM_OK);
	assert_true(fm_sorter_add(s, t, &err) < 0);
	assert_says(err, "cannot sort the trace in ");
	fm_sorter_free(s);
	fm_sorter_free(NULL);
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_row_comes_once_in_order_from_memory_and_from_runs),
	    cmocka_unit_test(ties_by_text_are_those_of_lines),
	    cmocka_unit_test(values_are_numbered_as_they_come),
	    cmocka_unit_test(nothing_is_left_in_the_folder),
	    cmocka_unit_test(a_folder_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
