/* What every kind of source promises whoever reads it (traces/reader.h), by the one that there is. */
#include "tests/unit/trace_fixture.h"

#include "traces/reader.h"

static const struct fm_reader_kind *const kind = &fm_reader_csv;

static void each_row_comes_with_its_place(void **state)
{
	struct fm_trace_opts o = {.path = put("p.csv", ROW "broken\n\n" ROW "x,y\n" ROW ROW), .dialect = &ugr16};
	struct fm_reader *r = NULL;
	struct fm_batch b = {0};
	struct fm_error err = {0};

	(void)state;
	assert_string_equal(kind->place, "line");
	assert_int_equal(kind->open(&r, &o, &err), FM_OK);
	assert_int_equal(kind->next(r, 3, &b, &err), FM_OK);
	assert_int_equal(b.rows->rows, 3);
	assert_int_equal(b.place[0], 1);
	assert_int_equal(b.place[1], 4);
	assert_int_equal(b.place[2], 6);
	assert_int_equal(b.nbad, 2);
	assert_int_equal(b.bad[0].line, 2);
	assert_int_equal(b.bad[1].line, 5);
	assert_string_equal(b.bad[1].text, "x,y");
	assert_false(b.end);
	assert_int_equal(kind->next(r, 3, &b, &err), FM_OK);
	assert_int_equal(b.rows->rows, 1);
	assert_int_equal(b.place[0], 7);
	assert_int_equal(b.nbad, 0);
	assert_true(b.end);
	assert_int_equal(kind->at(r).bytes, 4 * strlen(ROW) + strlen("broken\n\nx,y\n"));
	kind->close(r);
	kind->close(NULL);
}

/* A pipe must not be waited on for more than was asked, nor damage behind it be met. */
static void no_more_is_read_than_was_asked_for(void **state)
{
	struct fm_trace_opts o = {.path = put("q.csv", "broken\n" ROW ROW "broken\n" ROW), .dialect = &ugr16};
	struct fm_reader *r = NULL;
	struct fm_batch b = {0};
	struct fm_error err = {0};

	(void)state;
	assert_int_equal(kind->open(&r, &o, &err), FM_OK);
	assert_int_equal(kind->next(r, 2, &b, &err), FM_OK);
	assert_int_equal(b.rows->rows, 2);
	assert_int_equal(b.nbad, 1); /* the other stands behind the last row */
	assert_int_equal(kind->stop(r, &err), FM_OK);
	kind->close(r);
}

static void many_bad_rows_come_in_several_batches_and_none_is_lost(void **state)
{
	struct fm_buf text = {0};
	struct fm_trace_opts o = {.dialect = &ugr16};
	struct fm_reader *r = NULL;
	struct fm_batch b = {0};
	struct fm_error err = {0};
	uint64_t good = 0, line = 0;

	(void)state;
	for (int i = 0; i < 3000; i++)
		fm_buf_puts(&text, i % 3 ? "broken\n" : ROW);
	o.path = put_bytes("m.csv", text.data, text.len);
	assert_int_equal(kind->open(&r, &o, &err), FM_OK);
	while (!b.end) {
		assert_int_equal(kind->next(r, FM_TRACE_CHUNK, &b, &err), FM_OK);
		for (size_t g = 0, n = 0; g < b.rows->rows || n < b.nbad;) {
			bool is_good = g < b.rows->rows && (n == b.nbad || b.place[g] < b.bad[n].line);

			assert_int_equal(is_good ? b.place[g++] : b.bad[n++].line, ++line);
			good += is_good;
		}
	}
	assert_int_equal(line, 3000);
	assert_int_equal(good, 1000);
	kind->close(r);
	fm_buf_free(&text);
}

static void bad_rows_before_a_fault_are_there(void **state)
{
	struct fm_buf text = ugr16_rows(60000), packed = {0};
	const char *path;
	struct fm_trace_opts o = {.dialect = &ugr16};
	struct fm_reader *r = NULL;
	struct fm_batch b = {0};
	struct fm_error err = {0};
	size_t nbad = 0;
	int rc;

	(void)state;
	memcpy(text.data, "x", 1); /* the first row's time */
	path = pack_one("f.csv.gz", ARCHIVE_FILTER_GZIP, text.data, text.len);
	assert_int_equal(fm_file_read(path, 64 << 20, &packed, &err), FM_OK);
	o.path = put_bytes("f.csv.gz", packed.data, packed.len / 2);
	assert_int_equal(kind->open(&r, &o, &err), FM_OK);
	do {
		rc = kind->next(r, FM_TRACE_CHUNK, &b, &err);
		nbad += b.nbad;
	} while (!rc && !b.end);
	assert_int_equal(rc, FM_EINPUT);
	assert_says(err, "truncated");
	assert_int_equal(nbad, 1);
	kind->close(r);
	fm_buf_free(&text);
	fm_buf_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_row_comes_with_its_place),
	    cmocka_unit_test(no_more_is_read_than_was_asked_for),
	    cmocka_unit_test(many_bad_rows_come_in_several_batches_and_none_is_lost),
	    cmocka_unit_test(bad_rows_before_a_fault_are_there),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
