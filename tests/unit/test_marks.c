/* Numbers as spreadsheets of other languages write them are read as what they are, or not at all, and a release in such
 * a dialect is read back as the same flows. */
#include "tests/unit/trace_fixture.h"
#include "traces/marks.h"

static void each_number_is_read_as_it_is_meant(void **state)
{
	static const struct {
		char decimal, thousands;
		const char *text, *plain; /* NULL: it is none */
	} cases[] = {
	    {',', '.', "1.234,5", "1234.5"},
	    {',', '.', "1.234.567", "1234567"},
	    {',', '.', "12", "12"},
	    {',', '.', "-0,048", "-0.048"},
	    {',', '.', "1,2E+06", "1.2E+06"},
	    {',', '.', "402,4 M", "402.4 M"},
	    {',', '.', "00:06:46,600", "00:06:46.600"},
	    {',', '.', "0.048", NULL},
	    {',', '.', "12.5", NULL},
	    {',', '.', "1234.567", NULL},
	    {',', '.', "1.2345", NULL},
	    {',', '.', "1.234.5", NULL},
	    {',', '.', "1,234.567", NULL},
	    {',', 0, "1.234", NULL},
	    {',', 0, "0,5", "0.5"},
	    {'.', ',', "1,234.5", "1234.5"},
	    {'.', ',', "0,048", NULL},
	    {'.', ',', "1,5", NULL},
	    {'.', ',', "1,,234", "1,,234"}, /* no number after all */
	    {'.', '\'', "1'234", "1234"},
	    {'.', '\'',
	     "1\xe2\x80\x99"
	     "234",
	     "1234"},
	    {',', ' ', "12 345 678,5", "12345678.5"},
	    {',', ' ',
	     "12\xc2\xa0"
	     "345",
	     "12345"},
	    {',', ' ',
	     "12\xe2\x80\xaf"
	     "345",
	     "12345"},
	    {',', ' ',
	     "12\xa0"
	     "345",
	     "12345"},
	    {',', ' ', "12 34", NULL},
	    {'.', 0, "1,5", "1,5"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct fm_dialect d = {.decimal = cases[i].decimal, .thousands = cases[i].thousands};
		const char *s = cases[i].text, *why;
		char out[FM_NUMBER_MAX];
		size_t n = strlen(s);

		why = fm_plain_number(&d, &s, &n, out);
		if (!why != !!cases[i].plain ||
		    (!why && (n != strlen(cases[i].plain) || memcmp(s, cases[i].plain, n) != 0)))
			fail_msg("%s: %.*s (%s)", cases[i].text, (int)n, s, why ? why : "read");
	}
}

#define COLUMNS                                                                                                        \
	"columns:\n  - {name: te, column: te, format: seconds}\n  - {name: td, column: td}\n  - {name: sa, column: "   \
	"sa}\n  - {name: da, column: da}\n  - {name: sp, column: sp}\n  - {name: dp, column: dp}\n"                    \
	"  - {name: pr, column: pr}\n  - {name: pkt, column: pkt}\n  - {name: byt, column: byt}\n"

/* yaml: the keys before the columns. */
static void assert_reads(const char *yaml, const char *row)
{
	struct fm_dialect *d = NULL;
	struct fm_buf text = {0};
	struct fm_error err;
	const char *path;

	fm_buf_printf(&text, "name: x\n%s" COLUMNS, yaml);
	assert_int_equal(fm_dialect_load(&d, put_bytes("d.yaml", text.data, text.len), &err), FM_OK);
	path = put("t.csv", row);
	for (int pass = 0; pass < 2; pass++) {
		struct reading *r = read_trace_file(path, d, NULL, 0);

		if (r->rc)
			fail_msg("%s", r->err.message);
		assert_int_equal(r->t->rows, 1);
		assert_int_equal(r->t->te[0], INT64_C(1460332866500));
		assert_int_equal(r->t->td[0], 1234500);
		assert_int_equal(r->t->sp[0], 58472);
		assert_int_equal(r->t->byt[0], 1234567);
		path = at("again.csv");
		assert_int_equal(fm_trace_write(r->t, d, path, &err), FM_OK);
		done(r);
	}
	fm_dialect_free(d);
	fm_buf_free(&text);
}

static void a_trace_is_read_and_written_in_such_numbers(void **state)
{
	(void)state;
	assert_reads("delimiter: \";\"\ndecimal: \",\"\nthousands: \".\"\n",
		     "1.460.332.866,5;1.234,5;1.2.3.4;5.6.7.8;58.472;80;TCP;3;1.234.567\n");
	assert_reads("decimal: \",\"\nthousands: \" \"\n",
		     "\"1460332866,5\",\"1 234,5\",1.2.3.4,5.6.7.8,58472,80,TCP,3,1 234 567\n");
	assert_reads("thousands: \",\"\n",
		     "1460332866.5,\"1,234.5\",1.2.3.4,5.6.7.8,\"58,472\",80,TCP,3,\"1,234,567\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_number_is_read_as_it_is_meant),
	    cmocka_unit_test(a_trace_is_read_and_written_in_such_numbers),
	};
	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
