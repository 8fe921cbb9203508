/* What is written must be what was read, in the dialect's own bytes. */
#include "tests/unit/trace_fixture.h"
#include "traces/value.h"

#define REAL_TRACE "../shared/data/ugr16/april11.csv.xz"

static void assert_file_is(const char *path, const char *text, size_t n)
{
	struct fm_buf b = {0};
	struct fm_error err;

	assert_int_equal(fm_file_read(path, (size_t)1 << 30, &b, &err), FM_OK);
	assert_int_equal(b.len, n);
	assert_memory_equal(b.data, text, n);
	fm_buf_free(&b);
}

static void assert_round_trip(const struct fm_dialect *d, const char *text, size_t n)
{
	struct reading *r = read_trace_file(put_bytes("in.csv", text, n), d, NULL, 0);
	struct fm_error err;

	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(fm_trace_write(r->t, d, at("out.csv"), &err), FM_OK);
	assert_file_is(at("out.csv"), text, n);
	done(r);
}

static void ugr16_rows_come_back_byte_for_byte(void **state)
{
	struct fm_buf b = ugr16_rows(70000);

	(void)state;
	fm_buf_puts(
	    &b, "2016-12-31 "
		"23:59:59,4294967.295,0.0.0.0,255.255.255.255,0,65535,ICMP,......,0,255,9223372036854775807,0,dos\n");
	fm_buf_puts(&b, "1970-01-01 00:00:00,0.000,1.2.3.4,1.2.3.4,1,2,GRE,.AP.SF,1,0,0,0,scan11\n");
	fm_buf_puts(&b, "2261-12-31 23:59:59,0.010,1.2.3.4,1.2.3.4,1,2,GRE,.AP.SF,1,0,0,0,scan11\n");
	fm_buf_puts(&b, "2000-02-29 12:00:00,10.100,1.2.3.4,1.2.3.4,1,2,GRE,.AP.SF,1,0,0,0,scan11\n");
	assert_round_trip(&ugr16, b.data, b.len);
	fm_buf_free(&b);
}

static void netshare_rows_come_back_byte_for_byte(void **state)
{
	const char *text = "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n"
			   "1730436467,719036359,0,0,ICMP,1458298072364000.0,305.636,62,1736,benign\n"
			   "4294967295,0,65535,1,TCP,1458298072365000.0,0.000,1,40,dos\n";

	(void)state;
	assert_round_trip(&netshare, text, strlen(text));
}

static void values_that_need_quotes_get_them(void **state)
{
	const char *text =
	    "2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,\"a,b\",\" x\",\"\"\"\",4,240,a b\n";

	(void)state;
	assert_round_trip(&ugr16, text, strlen(text));
}

static void delimiter_and_newline_are_the_dialects(void **state)
{
	struct fm_dialect d = ugr16;
	const char *text =
	    "2016-04-11 "
	    "00:01:38\t7.000\t60.150.71.237\t42.219.159.200\t32864\t80\tTCP\ta,b\t0\t\"x\ty\"\t4\t240\tz\r\n";
	const char *wrong = "2016-04-11 00:01:38\t7.000\n";

	(void)state;
	d.delimiter = '\t';
	strcpy(d.newline, "\r\n");
	/* A tab inside a value cannot be read (it is a control character), so the row is one bad row. */
	struct reading *r = read_trace_file(put("t.csv", text), &d, NULL, 1);
	assert_int_equal(r->rc, FM_EINPUT);
	done(r);
	assert_refused(put("w.csv", wrong), &d, "2 columns");
	text = "2016-04-11 00:01:38\t7.000\t60.150.71.237\t42.219.159.200\t32864\t80\tTCP\ta,b\t0\tx y\t4\t240\tz\r\n";
	assert_round_trip(&d, text, strlen(text));
}

static void decimals_are_the_dialects(void **state)
{
	static const struct {
		enum fm_format format;
		int decimals;
		uint32_t ms;
		const char *text;
	} cases[] = {
	    {FM_FMT_SECONDS, 3, 1234567, "1234.567"},
	    {FM_FMT_SECONDS, 6, 7, "0.007000"},
	    {FM_FMT_SECONDS, 2, 1995, "2.00"},
	    {FM_FMT_SECONDS, 1, 1949, "1.9"},
	    {FM_FMT_SECONDS, 0, 1500, "2"},
	    {FM_FMT_SECONDS, -1, 1499, "1"},
	    {FM_FMT_MILLISECONDS, -1, 1499, "1499"},
	    {FM_FMT_MILLISECONDS, 1, 0, "0.0"},
	    {FM_FMT_MICROSECONDS, -1, UINT32_MAX, "4294967295000"},
	    {FM_FMT_MICROSECONDS, 1, 5, "5000.0"},
	};
	struct fm_dialect d = {.name = "td", .delimiter = ',', .newline = "\n", .ncols = 1, .present = 1u << FM_TD};
	struct fm_table *t = NULL;
	struct fm_error err;

	(void)state;
	d.cols[0].col = FM_TD;
	assert_int_equal(fm_table_new(&t, d.present, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, 1, &err), FM_OK);
	t->rows = 1;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[64];

		d.cols[0].format = cases[i].format;
		d.cols[0].decimals = cases[i].decimals;
		t->td[0] = cases[i].ms;
		assert_int_equal(fm_trace_write(t, &d, at("td.csv"), &err), FM_OK);
		snprintf(text, sizeof text, "%s\n", cases[i].text);
		assert_file_is(at("td.csv"), text, strlen(text));
	}
	fm_table_free(t);
}

static void a_time_keeps_its_fraction_when_the_dialect_has_one(void **state)
{
	struct fm_dialect d = ugr16;
	const char *text = "2016-04-11 00:01:38.999,7.000,1.2.3.4,1.2.3.4,1,80,TCP,x,0,0,4,240,y\n"
			   "2016-04-11 00:01:39.000,7.000,1.2.3.4,1.2.3.4,1,80,TCP,x,0,0,4,240,y\n";

	(void)state;
	d.cols[0].decimals = 3;
	assert_round_trip(&d, text, strlen(text));
	struct reading *r = read_trace_file(put("f.csv", text), &d, NULL, 0);
	struct fm_error err;
	d.cols[0].decimals = 1; /* cut, not rounded into the next second */
	assert_int_equal(fm_trace_write(r->t, &d, at("f1.csv"), &err), FM_OK);
	text = "2016-04-11 00:01:38.9,7.000,1.2.3.4,1.2.3.4,1,80,TCP,x,0,0,4,240,y\n"
	       "2016-04-11 00:01:39.0,7.000,1.2.3.4,1.2.3.4,1,80,TCP,x,0,0,4,240,y\n";
	assert_file_is(at("f1.csv"), text, strlen(text));
	done(r);
}

static void columns_that_are_not_there_are_written_as_zero(void **state)
{
	struct reading *r = read_trace_file(put("n.csv", "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n"
							 "1,2,3,4,TCP,1458298072364000.0,1,1,40,dos\n"),
					    &netshare, NULL, 0);
	const char *text = "2016-03-18 10:47:52,1.000,0.0.0.1,0.0.0.2,3,4,TCP,0,0,0,1,40,dos\n";
	struct fm_error err;

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(fm_trace_write(r->t, &ugr16, at("o.csv"), &err), FM_OK);
	assert_file_is(at("o.csv"), text, strlen(text));
	done(r);
}

static void a_table_without_rows_is_a_header_or_nothing(void **state)
{
	struct fm_table *t = NULL;
	struct fm_error err;
	const char *header = "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n";

	(void)state;
	assert_int_equal(fm_table_new(&t, netshare.present, &err), FM_OK);
	assert_int_equal(fm_trace_write(t, &netshare, at("e.csv"), &err), FM_OK);
	assert_file_is(at("e.csv"), header, strlen(header));
	assert_int_equal(fm_trace_write(t, &ugr16, at("e2.csv"), &err), FM_OK);
	assert_file_is(at("e2.csv"), "", 0);
	fm_table_free(t);
}

static void a_failed_write_leaves_the_old_file(void **state)
{
	struct reading *r = read_trace_file(put("a.csv", ROW ROW), &ugr16, NULL, 0);
	const char *path = put("old.csv", "old\n");
	struct fm_error err;

	(void)state;
	r->t->label[1] = 7; /* no such value */
	assert_int_equal(fm_trace_write(r->t, &ugr16, path, &err), FM_EINPUT);
	assert_says(err, "row 2: label has value number 7");
	assert_file_is(path, "old\n", 4);
	r->t->label[1] = 0;
	assert_true(fm_trace_write(r->t, &ugr16, at("no/such/folder.csv"), &err) < 0);
	done(r);
}

static void real_rows_come_back_byte_for_byte(void **state)
{
	struct fm_trace_opts o = {.rows = 100000};
	struct fm_error err;
	struct reading *r;
	char command[2048];

	(void)state;
	if (!fm_file_exists(REAL_TRACE)) {
		print_message("skipped: no real trace at %s\n", REAL_TRACE);
		skip();
	}
	r = read_trace_file(REAL_TRACE, &ugr16, &o, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(fm_trace_write(r->t, &ugr16, at("real.csv"), &err), FM_OK);
	snprintf(command, sizeof command, "xz -dc %s 2>/dev/null | head -n 100000 | cmp - %s", REAL_TRACE,
		 at("real.csv"));
	assert_int_equal(system(command), 0);
	done(r);
}

/* A file in windows-1252 that someone wrote anew in UTF-8 is read as it is meant, so that nothing may be written which
 * would be read so and is not. */
static void windows_1252_is_never_written_as_what_reads_as_utf8(void **state)
{
	char out[64];

	(void)state;
	assert_int_equal(fm_value_from_windows_1252("caf\xe9 \x96", 6, out), 9);
	assert_memory_equal(out, "caf\xc3\xa9 \xe2\x80\x93", 9);
	assert_int_equal(fm_value_from_windows_1252("caf\xc3\xa9", 5, out), 5);
	assert_memory_equal(out, "caf\xc3\xa9", 5);
	assert_int_equal(fm_value_to_windows_1252("caf\xc3\xa9", 5, out), 4);
	assert_memory_equal(out, "caf\xe9", 4);
	assert_int_equal(fm_value_to_windows_1252("caf\xc3\x83\xc2\xa9", 7, out), 0);
}

/* Whatever a dialect writes in columns that fill none, it reads. */
static void texts_of_no_column_are_read_again(void **state)
{
	static const char *const cases[] = {
	    "columns:\n  - {name: k, only: ['a\"b']}\n",
	    "columns:\n  - {name: k, only: [' a']}\n",
	    "columns:\n  - {name: k, only: ['a,b ']}\n",
	    "comment: ['-']\nunset: '-'\ncolumns:\n  - {name: k}\n",
	    "comment: ['#']\ncolumns:\n  - {name: k, only: ['#a']}\n",
	    "delimiter: ';'\nunset: ' ;'\ncolumns:\n  - {name: k}\n",
	    "lines: json\ncolumns:\n  - {name: k, only: ['a\"b\\c']}\n",
	};
	static const char *const rest[] = {"te", "td",  "sa",  "da",   "sp",  "dp",
					   "pr", "flg", "fwd", "stos", "pkt", "byt"};
	struct reading *from = read_trace_file(
	    put("in.csv", "2016-04-11 00:01:06,1.5,10.0.0.1,192.0.2.7,5000,80,TCP,.A..S.,0,0,12,402400,a\n"), &ugr16,
	    NULL, 0);
	struct fm_error err;

	(void)state;
	assert_int_equal(from->rc, FM_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fm_buf yaml = {0};
		struct fm_dialect *d;
		struct reading *r;

		fm_buf_printf(&yaml, "name: x\n%s", cases[i]);
		for (size_t k = 0; k < sizeof rest / sizeof *rest; k++)
			fm_buf_printf(&yaml, "  - {name: %s, column: %s}\n", rest[k], rest[k]);
		if (fm_dialect_load(&d, put_bytes("d.yaml", yaml.data, yaml.len), &err))
			fail_msg("%s: %s", cases[i], err.message);
		assert_int_equal(fm_trace_write(from->t, d, at("out.csv"), &err), FM_OK);
		r = read_trace_file(at("out.csv"), d, NULL, 0);
		if (r->rc)
			fail_msg("%s: %s", cases[i], r->err.message);
		assert_int_equal(r->t->rows, 1);
		assert_int_equal(r->st.bad, 0);
		assert_int_equal(r->t->byt[0], 402400);
		done(r);
		fm_dialect_free(d);
		fm_buf_free(&yaml);
	}
	done(from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(windows_1252_is_never_written_as_what_reads_as_utf8),
	    cmocka_unit_test(ugr16_rows_come_back_byte_for_byte),
	    cmocka_unit_test(netshare_rows_come_back_byte_for_byte),
	    cmocka_unit_test(values_that_need_quotes_get_them),
	    cmocka_unit_test(texts_of_no_column_are_read_again),
	    cmocka_unit_test(delimiter_and_newline_are_the_dialects),
	    cmocka_unit_test(decimals_are_the_dialects),
	    cmocka_unit_test(a_time_keeps_its_fraction_when_the_dialect_has_one),
	    cmocka_unit_test(columns_that_are_not_there_are_written_as_zero),
	    cmocka_unit_test(a_table_without_rows_is_a_header_or_nothing),
	    cmocka_unit_test(a_failed_write_leaves_the_old_file),
	    cmocka_unit_test(real_rows_come_back_byte_for_byte),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
