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
static const struct fm_dialect *by; /* NULL: times are those of UTC */
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
	doubts = (struct fm_doubts){.dialect = by, .place = by ? "record" : NULL};
	dict = &t->dict[FM_LABEL];
	for (size_t at = 0; at < t->rows; at += some.rows) {
		some.rows = t->rows - at < 64 ? t->rows - at : 64;
		some.te = t->te + at;
		some.label = t->label + at;
		some.td = t->td ? t->td + at : NULL;
		for (size_t i = 0; i < some.rows; i++)
			place[i] = 2 * (at + i) + 1;
		assert_int_equal(fm_doubts_look(&doubts, &some, place, NULL, &err), FM_OK);
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

static int64_t as_summer_time_ends(size_t i) /* from 2016-10-30 00:30 UTC on, a minute apart */
{
	return INT64_C(1477787400000) + (int64_t)i * 60000;
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

static int64_t half_in_1970(size_t i)
{
	return i % 2 ? 0 : in_order(i);
}

static int64_t most_in_1970(size_t i)
{
	return i != 50 ? (int64_t)i : in_order(i);
}

static int64_t half_a_clock(size_t i) /* from 8 in the morning on, an hour of twelve */
{
	int64_t minute = (int64_t)i * 30 / 60 + 8 * 60;

	return Y2016 + minute % (12 * 60) * 60000 + (minute / 60 % 24 == 12 ? 12 * 3600000 : 0);
}

static int64_t all_of_ntp(size_t i) /* seconds since 1900 as since 1970 */
{
	return in_order(i) + INT64_C(2208988800000);
}

static int64_t one_in_2038(size_t i)
{
	return i == 50 ? INT64_C(2147483647000) : in_order(i);
}

static int64_t one_a_year_off(size_t i) /* the others within 17 minutes */
{
	return in_order(i) - (i == 50 ? 366 * DAY : 0);
}

static int64_t some_at_odd_times(size_t i) /* months and a year from the others, and in no order */
{
	return in_order(i) + (i % 100 == 50 ? 40 * DAY : i % 100 == 70 ? 200 * DAY : i % 100 == 90 ? -400 * DAY : 0);
}

static int64_t two_weeks_a_month_apart(size_t i)
{
	return Y2016 + (int64_t)(i / 500) * 40 * DAY + (int64_t)(i % 500) * DAY / 70;
}

static int64_t every_month(size_t i) /* more pieces than are told apart */
{
	return Y2016 + (int64_t)(i * 7 % 50) * 31 * DAY;
}

static int64_t some_wrapped(size_t i)
{
	return in_order(i) - (i >= 40 && i < 60 ? INT64_C(4294967296) : 0);
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

static void the_wrong_unit_and_many_wrong_times_are_refused(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(120, seconds_as_milliseconds, plain, 2), said), FM_EINPUT);
	assert_says(err, "all 120 times lie in 1970");
	assert_int_equal(judge(rows_of(1000, half_in_1970, plain, 2), said), FM_EINPUT);
	assert_says(err, "500 of 1000 rows have times about 1970, 46 years from the others (first at line 3, then 7 "
			 "and 11)");
	assert_int_equal(judge(rows_of(1000, most_in_1970, plain, 2), said), FM_EINPUT);
	assert_says(err, "999 of 1000 rows have times about 1970");
}

static void times_to_come_are_warned_of(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(120, all_of_ntp, plain, 2), said), FM_OK);
	assert_non_null(strstr(said, "all 120 times lie in the future, in 2086 or later"));
	assert_int_equal(judge(rows_of(120, one_in_2038, plain, 2), said), FM_OK);
	assert_null(strstr(said, "in the future"));
}

static void a_clock_that_nobody_set_is_warned_of(void **state)
{
	static const struct fm_dialect dates = {.ncols = 1, .cols = {{.col = FM_TE, .format = FM_FMT_PATTERN}}};
	(void)state;
	by = &dates;
	assert_int_equal(judge(rows_of(120, seconds_as_milliseconds, plain, 2), said), FM_OK);
	assert_non_null(strstr(said, "all 120 times lie in 1970, where a clock begins that nobody set"));
	by = NULL;
}

static void times_far_from_all_others_are_warned_of(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(1000, some_in_1970, plain, 2), said), FM_OK);
	assert_non_null(strstr(
	    said,
	    "100 of 1000 rows have times about 1970, 46 years from the others (first at line 3, then 23 and 43)"));
	assert_int_equal(judge(rows_of(1000, one_in_2038, plain, 2), said), FM_OK);
	assert_non_null(
	    strstr(said, "1 of 1000 rows have times about 2038, 22 years from the others (first at line 101)"));
}

static void times_a_month_and_more_from_all_others_are_warned_of(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(1000, one_a_year_off, plain, 2), said), FM_OK);
	assert_non_null(strstr(said,
			       "1 of 1000 rows have times 365 days before those of most others (first at line 101), "
			       "which span 1 day: a wrong clock?"));
	assert_int_equal(judge(rows_of(1000, some_at_odd_times, plain, 2), said), FM_OK);
	assert_non_null(strstr(said, "10 of 1000 rows have times 39 days after"));
	assert_non_null(strstr(said,
			       "10 of 1000 rows have times 199 days after those of most others (first at line 141, "
			       "then 341 and 541)"));
	assert_non_null(strstr(said, "10 of 1000 rows have times 399 days before"));
	assert_int_equal(judge(rows_of(1000, two_weeks_a_month_apart, plain, 2), said), FM_OK);
	assert_string_equal(said, "");
	assert_int_equal(judge(rows_of(1000, every_month, plain, 2), said), FM_OK);
	assert_int_equal(judge(rows_of(1000, one_in_2038, plain, 2), said), FM_OK); /* by years alone */
	assert_null(strstr(said, "those of most others"));
}

static void a_clock_that_began_anew_after_49_days_is_warned_of(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(1000, some_wrapped, plain, 2), said), FM_OK);
	assert_non_null(strstr(said,
			       "20 of 1000 rows have times 49 days before those of most others (first at line 81, "
			       "then 83 and 85)"));
	assert_non_null(
	    strstr(said, "2 of 1000 rows lie 49.7 days before or after the row before them, to within a minute of "
			 "2^32 milliseconds (first at line 81, then 121)"));
}

static void labels_that_look_like_one_are_warned_of_without_their_text(void **state)
{
	static const char *const odd[] = {"Secret Class", "dos", "secret\302\240class", "scan"};

	(void)state;
	assert_int_equal(judge(rows_of(1000, in_order, odd, 4), said), FM_OK);
	assert_non_null(strstr(said, "1 label differs from another in case or blanks alone, or in a hyphen or the "
				     "plural, or in how a letter is encoded (lines 1 and 5, for one)"));
	assert_null(strcasestr(said, "secret"));
}

/* One letter or a letter and its accent (NFC, NFD), capital or not, wide or not. */
static void labels_of_other_code_points_that_look_like_one_are_warned_of(void **state)
{
	static const char *const pairs[][2] = {
	    {"d\303\251ni", "de\314\201ni"}, {"D\303\211NI", "d\303\251ni"}, {"\357\274\244oS", "dos"}};
	static const char *const others[] = {"d\303\251ni", "deni", "d\303\250ni", "\303\251"};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		assert_int_equal(judge(rows_of(100, in_order, pairs[i], 2), said), FM_OK);
		assert_non_null(strstr(said, "encoded (lines 1 and 3, for one)"));
	}
	assert_int_equal(judge(rows_of(100, in_order, others, 4), said), FM_OK);
	assert_null(strstr(said, "differ"));
}

static struct fm_dict of_real, of_synthetic;

static void compare_now(void)
{
	verdict = fm_doubts_other_spelling(&of_real, &of_synthetic, "synthetic.csv", &err);
}

/* What is said of two lists of labels. */
static void compare_labels(const char *const *real, const char *const *synthetic, size_t n)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	for (size_t i = 0; i < n; i++) {
		assert_true(fm_dict_index(&of_real, real[i], strlen(real[i]), true) >= 0);
		assert_true(fm_dict_index(&of_synthetic, synthetic[i], strlen(synthetic[i]), true) >= 0);
	}
	with_stderr(fileno(f), compare_now);
	rewind(f);
	said[fread(said, 1, sizeof said - 1, f)] = 0;
	fclose(f);
	fm_dict_free(&of_real);
	fm_dict_free(&of_synthetic);
	assert_int_equal(verdict, FM_OK);
}

static void labels_of_synthetic_flows_in_another_spelling_are_warned_of(void **state)
{
	static const char *const real[] = {"background", "dos", "anomaly-spam"};
	static const char *const spelled[] = {"BACKGROUND", "dos", "anomaly spam"};
	static const char *const others[] = {"background", "scan", "botnet"};

	(void)state;
	compare_labels(real, spelled, 3);
	assert_non_null(strstr(said, "synthetic.csv: 2 labels differ from one of the real flows in case or blanks"));
	assert_null(strcasestr(said, "background"));
	compare_labels(real, others, 3);
	assert_null(strstr(said, "differ"));
}

static struct fm_table *form_real, *form_synthetic;

static void compare_forms_now(void)
{
	fm_doubts_other_form(form_real, form_synthetic, "synthetic.csv");
}

/* Flags and types of service of two tables in two forms are told, in one form they are not. */
static void other_forms_of_flags_are_warned_of(void **state)
{
	static const char *const flags[][2] = {{".AP.SF", "......"}, {"27", "0"}}, *const tos[][2] = {{"184", "0"},
												      {"0xb8", "0x00"}};

	(void)state;
	for (int k = 0; k < 2; k++) {
		FILE *f = tmpfile();

		assert_non_null(f);
		for (int i = 0; i < 2; i++) {
			struct fm_table **t = i ? &form_synthetic : &form_real;

			assert_int_equal(fm_table_new(t, 1u << FM_FLG | 1u << FM_STOS, &err), FM_OK);
			for (int w = 0; w < 2; w++) {
				const char *a = flags[i && k][w], *b = tos[i && k][w];

				assert_true(fm_dict_index(&(*t)->dict[FM_FLG], a, strlen(a), true) >= 0);
				assert_true(fm_dict_index(&(*t)->dict[FM_STOS], b, strlen(b), true) >= 0);
			}
		}
		with_stderr(fileno(f), compare_forms_now);
		rewind(f);
		said[fread(said, 1, sizeof said - 1, f)] = 0;
		fclose(f);
		assert_int_equal(
		    strstr(said,
			   "synthetic.csv: flags are written as numbers, and those of the real flows as letters") !=
			NULL,
		    k);
		assert_int_equal(
		    strstr(said, "types of service are written as 0xb8, and those of the real flows as 184") != NULL,
		    k);
		fm_table_free(form_real);
		fm_table_free(form_synthetic);
	}
}

static void a_label_that_is_no_value_is_warned_of(void **state)
{
	static const char *const odd[] = {"scan", "NaN", "nothing"}, *const database[] = {"scan", "\\N", "nothing"};

	(void)state;
	assert_int_equal(judge(rows_of(100, in_order, odd, 3), said), FM_OK);
	assert_non_null(strstr(said, "a label is a word for no value, as None and nan are (first at line 3)"));
	assert_int_equal(judge(rows_of(100, in_order, database, 3), said), FM_OK);
	assert_non_null(strstr(said, "a label is a word for no value"));
	assert_int_equal(judge(rows_of(100, in_order, plain, 2), said), FM_OK);
	assert_null(strstr(said, "no value"));
}

static void a_label_that_is_a_formula_is_warned_of(void **state)
{
	static const char *const odd[] = {"scan", "=cmd|' /C calc'!A0", "-2+3"}, *const even[] = {"-", "-1", "a=b"};

	(void)state;
	assert_int_equal(judge(rows_of(100, in_order, odd, 3), said), FM_OK);
	assert_non_null(strstr(said, "2 labels begin with =, +, - or @ (first at line 3)"));
	assert_null(strstr(said, "calc")); /* no text of a label is said */
	assert_int_equal(judge(rows_of(100, in_order, even, 3), said), FM_OK);
	assert_null(strstr(said, "spreadsheet"));
}

static void which_rows_come_first_is_seen(void **state)
{
	(void)state;
	(void)!judge(rows_of(1000, newest_first, plain, 2), said);
	assert_true(fm_doubts_newest_first(&doubts));
	(void)!judge(rows_of(1000, in_order, plain, 2), said);
	assert_false(fm_doubts_newest_first(&doubts));
	(void)!judge(rows_of(1000, by_end, plain, 2), said);
	assert_false(fm_doubts_newest_first(&doubts));
}

static void a_clock_of_twelve_hours_is_warned_of(void **state)
{
	(void)state;
	assert_int_equal(judge(rows_of(1000, half_a_clock, plain, 2), said), FM_OK);
	assert_non_null(strstr(said, "the clock falls back by 12 hours (first at line "));
}

/* Flows in all columns: n of them, of which each third has no packets, or each second is the one before. */
static struct fm_table *flows(size_t n, bool empty, bool twice)
{
	struct fm_table *t = NULL;

	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, n, &err), FM_OK);
	assert_int_equal(fm_dict_index(&t->dict[FM_LABEL], "a", 1, true), 0);
	for (size_t i = 0; i < n; i++) {
		size_t k = twice ? i / 2 : i;

		for (int c = 0; c < FM_NFLOWCOL; c++)
			memset((char *)t->col[c] + i * fm_cols[c].width, 0, fm_cols[c].width);
		t->te[i] = in_order(k);
		t->sp[i] = (uint16_t)k;
		t->pkt[i] = empty && i % 3 == 0 ? 0 : 1;
		t->byt[i] = 40 * t->pkt[i];
	}
	t->rows = n;
	return t;
}

static void look_at_all(struct fm_table *t, struct fm_doubts *d)
{
	uint64_t place[64];

	assert_true(t->rows <= 64);
	for (size_t i = 0; i < t->rows; i++)
		place[i] = i + 1;
	*d = (struct fm_doubts){0};
	assert_int_equal(fm_doubts_look(d, t, place, NULL, &err), FM_OK);
}

static void flows_without_packets_and_flows_that_stand_twice_are_counted(void **state)
{
	struct fm_table *t = flows(60, true, false);
	struct fm_doubts *d = calloc(1, sizeof *d);
	char text[FM_EXAMPLES_MAX];

	(void)state;
	assert_non_null(d);
	look_at_all(t, d);
	assert_int_equal(d->no_packets.n, 20);
	assert_string_equal(fm_examples_text(&d->no_packets, NULL, text), "first at line 1, then 4 and 7");
	assert_int_equal(d->twice.n, 0);
	fm_doubts_free(d);
	fm_table_free(t);
	t = flows(60, false, true);
	look_at_all(t, d);
	assert_int_equal(d->no_packets.n, 0);
	assert_int_equal(d->twice.n, 30);
	assert_string_equal(fm_examples_text(&d->twice, "packet", text), "first at packet 2, then 4 and 6");
	fm_doubts_free(d);
	fm_table_free(t);
	free(d);
}

/* An exporter whose end lies before the start, in 32 bits of milliseconds. */
static void durations_that_wrapped_below_zero_are_warned_of(void **state)
{
	char warned[4096];
	struct fm_table *t = rows_of(100, in_order, (const char *const[]){"x"}, 1);

	(void)state;
	t->present |= 1u << FM_TD;
	assert_int_equal(fm_alloc(&t->td, 100, sizeof *t->td, "durations", &err), FM_OK);
	for (size_t i = 0; i < 100; i++)
		t->td[i] = i == 7 ? UINT32_MAX : i == 9 ? UINT32_MAX - 59999 : UINT32_MAX - 60000;
	assert_int_equal(judge(t, warned), FM_OK);
	assert_non_null(strstr(warned,
			       "2 of 100 rows last 49.7 days, to within a minute of 2^32 milliseconds (first at "
			       "line 15, then 19)"));
}

static void a_class_whose_rows_are_all_bad_is_warned_of_without_its_name(void **state)
{
	struct fm_table *t = rows_of(10, in_order, plain, 2);
	const struct fm_trace_bad bad[] = {{.line = 3, .reason = "x", .label = "secret"},
					   {.line = 5, .reason = "x", .label = "dos"},
					   {.line = 8, .reason = "x", .label = "secret"},
					   {.line = 9, .reason = "x", .label = NULL}};
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	look_at_all(t, &doubts);
	for (size_t i = 0; i < 4; i++)
		fm_doubts_bad(&doubts, &bad[i]);
	dict = &t->dict[FM_LABEL];
	with_stderr(fileno(f), judge_now);
	rewind(f);
	said[fread(said, 1, sizeof said - 1, f)] = 0;
	fclose(f);
	assert_int_equal(verdict, FM_OK);
	assert_non_null(strstr(said, "1 class vanishes: all 2 rows of it are bad rows (first at line 3, then 8)"));
	assert_null(strstr(said, "secret"));
	fm_doubts_free(&doubts);
	fm_table_free(t);
}

static void an_hour_that_comes_twice_is_said(void **state)
{
	struct fm_dialect madrid = {.name = "madrid"};

	(void)state;
	assert_int_equal(fm_zone_find(&madrid.zone, "Europe/Madrid", &err), FM_OK);
	by = &madrid;
	assert_int_equal(judge(rows_of(200, as_summer_time_ends, plain, 2), said), FM_OK);
	by = NULL;
	assert_non_null(strstr(said, "30 of 200 rows end in the hour that the clock shows twice as summer time ends "
				     "(first at record 1, then 3 and 5)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_hour_that_comes_twice_is_said),
	    cmocka_unit_test(a_sound_trace_is_not_doubted),
	    cmocka_unit_test(the_wrong_unit_and_many_wrong_times_are_refused),
	    cmocka_unit_test(times_to_come_are_warned_of),
	    cmocka_unit_test(a_clock_that_nobody_set_is_warned_of),
	    cmocka_unit_test(times_far_from_all_others_are_warned_of),
	    cmocka_unit_test(times_a_month_and_more_from_all_others_are_warned_of),
	    cmocka_unit_test(a_clock_that_began_anew_after_49_days_is_warned_of),
	    cmocka_unit_test(labels_of_synthetic_flows_in_another_spelling_are_warned_of),
	    cmocka_unit_test(other_forms_of_flags_are_warned_of),
	    cmocka_unit_test(a_label_that_is_no_value_is_warned_of),
	    cmocka_unit_test(a_label_that_is_a_formula_is_warned_of),
	    cmocka_unit_test(which_rows_come_first_is_seen),
	    cmocka_unit_test(a_clock_of_twelve_hours_is_warned_of),
	    cmocka_unit_test(flows_without_packets_and_flows_that_stand_twice_are_counted),
	    cmocka_unit_test(durations_that_wrapped_below_zero_are_warned_of),
	    cmocka_unit_test(a_class_whose_rows_are_all_bad_is_warned_of_without_its_name),
	    cmocka_unit_test(labels_that_look_like_one_are_warned_of_without_their_text),
	    cmocka_unit_test(labels_of_other_code_points_that_look_like_one_are_warned_of),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
