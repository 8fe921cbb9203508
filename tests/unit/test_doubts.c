/* What is read and probably not meant is said, with a count and a line, or refused. */
#include "tests/unit/trace_fixture.h"

#include "base/log.h"
#include "tests/unit/capture.h"
#include "traces/doubts.h"

#define DAY INT64_C(86400000)
#define Y2016 INT64_C(1460332800000)

static struct fm_error err;

/* n rows, te by the caller's function of the row. */
static struct fm_table *rows_of(size_t n, int64_t (*te)(size_t), const char *const *labels, size_t nlabels)
{
	struct fm_table *t = NULL;

	assert_int_equal(fm_table_new(&t, 1u << FM_TE | 1u << FM_LABEL, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, n, &err), FM_OK);
	for (size_t i = 0; i < nlabels; i++)
		assert_int_equal(fm_dict_index(&t->dict[FM_LABEL], labels[i], strlen(labels[i]), true), i);
	for (size_t i = 0; i < n; i++) {
		t->te[i] = te(i);
		t->label[i] = (uint16_t)(i % nlabels);
	}
	t->rows = n;
	return t;
}

static struct fm_doubts doubts;
static const struct fm_dict *dict;
static int verdict;

static void judge_now(void)
{
	verdict = fm_doubts_judge(&doubts, "trace.csv", dict, &err);
}

/* The verdict, and what was warned of; rows come in batches, and stand on every other line. Frees t. */
static int judge(struct fm_table *t, char said[4096])
{
	uint64_t place[64];
	struct fm_table some = *t;
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	doubts = (struct fm_doubts){0};
	dict = &t->dict[FM_LABEL];
	for (size_t at = 0; at < t->rows; at += some.rows) {
		some.rows = t->rows - at < 64 ? t->rows - at : 64;
		some.te = t->te + at;
		some.label = t->label + at;
		for (size_t i = 0; i < some.rows; i++)
			place[i] = 2 * (at + i) + 1;
		assert_int_equal(fm_doubts_look(&doubts, &some, place, &err), FM_OK);
	}
	with_stderr(fileno(f), judge_now);
	rewind(f);
	n = fread(said, 1, 4095, f);
	said[n] = 0;
	fclose(f);
	fm_doubts_free(&doubts);
	fm_table_free(t);
	return verdict;
}

static const char *const plain[] = {"background", "dos"};
static char said[4096];

static int64_t in_order(size_t i)
{
	return Y2016 + (int64_t)i * 1000;
}

static int64_t by_end(size_t i) /* as nfdump writes: starts that go up and down */
{
	return Y2016 + (int64_t)i * 500 - (int64_t)(i * 7919 % 60) * 1000;
}

static int64_t newest_first(size_t i)
{
	return Y2016 - (int64_t)i / 3 * 1000;
}

static int64_t seconds_as_milliseconds(size_t i)
{
	return (Y2016 + (int64_t)i * 1000) / 1000;
}

static int64_t some_in_1970(size_t i)
{
	return i % 10 == 1 ? 0 : in_order(i);
}

static int64_t one_in_2038(size_t i)
{
	return i == 50 ? INT64_C(2147483647000) : in_order(i);
}

static int64_t over_new_year(size_t i)
{
	return INT64_C(1483142400000) + (int64_t)i * DAY / 10;
}

static void a_sound_trace_is_not_doubted(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(1000, in_order, plain, 2), said), FM_OK);
	assert_string_equal(said, "");
	assert_int_equal(judge(rows_of(1000, by_end, plain, 2), said), FM_OK);
	assert_string_equal(said, "");
	assert_int_equal(judge(rows_of(1000, over_new_year, plain, 2), said), FM_OK);
	assert_string_equal(said, "");
	assert_int_equal(judge(rows_of(1, in_order, plain, 1), said), FM_OK);
	assert_int_equal(judge(rows_of(0, in_order, plain, 1), said), FM_OK);
	assert_string_equal(said, "");
}

static void the_wrong_unit_and_the_wrong_order_are_refused(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(120, seconds_as_milliseconds, plain, 2), said), FM_EINPUT);
	assert_says(err, "all 120 times lie in 1970");
	assert_int_equal(judge(rows_of(1000, newest_first, plain, 2), said), FM_EINPUT);
	assert_says(err, "the newest rows come first (333 of 1000 rows");
}

static void times_far_from_all_others_are_warned_of(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(1000, some_in_1970, plain, 2), said), FM_OK);
	assert_non_null(
	    strstr(said, "100 of 1000 rows have times about 1970, 46 years from the others (first at line 3)"));
	assert_int_equal(judge(rows_of(1000, one_in_2038, plain, 2), said), FM_OK);
	assert_non_null(
	    strstr(said, "1 of 1000 rows have times about 2038, 22 years from the others (first at line 101)"));
}

static void labels_that_look_like_one_are_warned_of_without_their_text(void **state)
{
	static const char *const odd[] = {"Secret Class", "dos", "secret\302\240class", "scan"};

	(void)state;
	assert_int_equal(judge(rows_of(1000, in_order, odd, 4), said), FM_OK);
	assert_non_null(strstr(said, "1 label differs from another in case or blanks alone (lines 1 and 5, for one)"));
	assert_null(strcasestr(said, "secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_trace_is_not_doubted),
	    cmocka_unit_test(the_wrong_unit_and_the_wrong_order_are_refused),
	    cmocka_unit_test(times_far_from_all_others_are_warned_of),
	    cmocka_unit_test(labels_that_look_like_one_are_warned_of_without_their_text),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
