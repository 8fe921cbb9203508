/* Lines of JSON and text in UTF-16: what is right is read, what is not says why, wherever blocks are cut. */
#include "tests/unit/trace_fixture.h"

#include <csv.h>

#include "traces/fields.h"
#include "traces/json_line.h"
#include "traces/utf16.h"

static void note(void *ctx, const char *key, size_t nkey, const char *value, size_t nvalue)
{
	fm_buf_printf(ctx, "%.*s=%.*s;", (int)nkey, key, (int)nvalue, value);
}

/* "key=value;" for each pair, or why there are none. */
static const char *pairs(const char *json, struct fm_buf *out)
{
	char room[512];
	const char *why;

	out->len = 0;
	why = fm_json_line(json, strlen(json), room, note, out);
	fm_buf_add(out, "", 1);
	return why ? why : out->data;
}

static void objects_give_their_pairs(void **state)
{
	static const struct {
		const char *json, *want;
	} cases[] = {
	    {"{}", ""},
	    {"{\"a\":1,\"b\":\"x\",\"c\":null,\"d\":true}", "a=1;b=x;c=;d=true;"},
	    {" { \"a\" : -1.5e3 , \"b\" : \"\" } ", "a=-1.5e3;b=;"},
	    {"{\"flow\":{\"pkts\":3,\"in\":{\"x\":4}},\"y\":5}", "flow.pkts=3;flow.in.x=4;y=5;"},
	    {"{\"l\":[1,{\"a\":[\"]\"]},2],\"b\":1}", "b=1;"},
	    {"{\"s\":\"a\\\"b\\\\c\\/\\n\"}", "s=a\"b\\c/\n;"},
	    {"{\"s\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\",\"t\":\"\\u0042\"}",
	     "s=A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80;t=B;"},
	    {"", "no object of JSON"},
	    {"[1]", "no object of JSON"},
	    {"{\"a\":1", "an object of JSON is not closed on its line"},
	    {"{\"a\":1}x", "text behind the object of JSON"},
	    {"{\"a\":1}{\"a\":2}", "several objects of JSON on one line (jq -c . writes a line for each)"},
	    {"{\"a\"}", "a key of JSON without a colon"},
	    {"{\"a\":}", "a key of JSON without a value"},
	    {"{\"a\":", "JSON ends within a pair"},
	    {"{a:1}", "JSON without a key where one should be"},
	    {"{\"a\":\"x}", "a string of JSON is not closed on its line"},
	    {"{\"a\":\"\\", "a string of JSON is not closed on its line"},
	    {"{\"a\":\"\\q\"}", "a wrong escape in JSON"},
	    {"{\"a\":\"\\ud83d\"}", "a wrong \\u in JSON"},
	    {"{\"a\":\"\\udc00\"}", "a wrong \\u in JSON"},
	    {"{\"a\":[1,2}", "a list of JSON is not closed on its line"},
	    {"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}", "JSON of over 8 levels"},
	};
	struct fm_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(pairs(cases[i].json, &b), cases[i].want);
	fm_buf_free(&b);
}

/* Whatever is cut off or changed: an answer, and no byte beyond the line is looked at. */
static void damaged_lines_are_answered(void **state)
{
	static const char whole[] = "{\"a\":\"x\\u20ac\",\"b\":{\"c\":[1,\"]\"]},\"d\":1.5}";
	struct fm_buf b = {0};

	(void)state;
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		char *exact = malloc(n + 1), *room = malloc(n + 1);

		assert_true(exact && room);
		memcpy(exact, whole, n);
		b.len = 0;
		assert_non_null(fm_json_line(exact, n, room, note, &b));
		free(exact);
		free(room);
	}
	fm_buf_free(&b);
}

static const char rows[] =
    "name: x\nmissing: [\"\", \"-\"]\nlines: json\ncolumns:\n  - {name: t, column: start, format: "
    "seconds}\n  - {name: d, column: td}\n  - {name: a, column: sa}\n  - {name: b, column: da}\n"
    "  - {name: p, column: sp}\n  - {name: q, column: dp}\n  - {name: pr, column: pr}\n"
    "  - {name: f.n, column: pkt}\n  - {name: f.b, column: byt}\n";

static struct fm_dialect *dialect_of(const char *text)
{
	struct fm_dialect *d;
	struct fm_error err;

	if (fm_dialect_load(&d, put("d.yaml", text), &err))
		fail_msg("%s", err.message);
	return d;
}

static void what_is_wrong_with_a_row_of_json_is_said(void **state)
{
	struct fm_dialect *d = dialect_of(rows), *csv;
	struct fm_error err;
	struct reading *r = read_trace_file(
	    put("r.json",
		"{\"t\":1460332866,\"d\":1,\"a\":\"1.2.3.4\",\"b\":\"1.2.3.5\",\"p\":1,\"q\":2,\"pr\":\"tcp\","
		"\"f\":{\"n\":3,\"b\":120}}\n"
		"{\"t\":1460332866,\"t\":1460332867}\n"
		"{\"t\":1460332866,\n"
		"no json\n"
		"{\"d\":1,\"a\":\"1.2.3.4\"}\n"),
	    d, NULL, 1);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 1);
	assert_int_equal(r->t->pkt[0], 3);
	assert_int_equal(r->t->te[0], INT64_C(1460332867000));
	assert_int_equal(r->st.bad, 4);
	assert_string_equal(r->bad[0].reason, "a key of JSON stands twice");
	assert_string_equal(r->bad[1].reason, "JSON without a key where one should be");
	assert_string_equal(r->bad[2].reason, "no object of JSON");
	assert_string_equal(r->bad[3].reason, "te is missing (column t)");
	done(r);
	fm_dialect_free(d);
	assert_int_equal(fm_dialect_load(&csv, "ugr16", &err), FM_OK);
	assert_refused(at("r.json"), csv, "line 1 is JSON: a dialect with lines: json is needed, such as zeek-json");
	fm_dialect_free(csv);
}

static void utf16_is_read_however_its_blocks_are_cut(void **state)
{
	static const char le[] = "\xff\xfe"
				 "a\0\xe9\0\xac\x20\x3d\xd8\x00\xde\n\0",
			  be[] = "\xfe\xff\0a\0\xe9\x20\xac\xd8\x3d\xde\x00\0\n",
			  bare[] = "a\0\xe9\0\xac\x20\x3d\xd8\x00\xde\n\0";
	static const struct {
		const char *s;
		size_t n;
	} texts[] = {{le, sizeof le - 1}, {be, sizeof be - 1}, {bare, sizeof bare - 1}};

	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (size_t cut = 2; cut < texts[k].n; cut++) {
			struct fm_utf16 u = {0};
			struct fm_buf b = {0};

			fm_utf16_add(&u, texts[k].s, cut, &b);
			fm_utf16_add(&u, texts[k].s + cut, texts[k].n - cut, &b);
			fm_buf_add(&b, "", 1);
			assert_string_equal(b.data, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n");
			fm_buf_free(&b);
		}
}

/* The same rows as from UTF-8, and UTF-8 itself is read too: a release is written in it. */
static void a_trace_in_utf16_is_a_trace(void **state)
{
	static const char yaml[] =
	    "name: x\nencoding: utf-16\ncolumns:\n  - {name: t, column: te}\n  - {name: d, column: td}\n"
	    "  - {name: a, column: sa}\n  - {name: b, column: da}\n  - {name: p, column: sp}\n"
	    "  - {name: q, column: dp}\n  - {name: pr, column: pr}\n  - {name: n, column: pkt}\n"
	    "  - {name: by, column: byt}\n  - {name: l, column: label}\n";
	static const char row[] = "2016-04-11 00:01:06,0,1.2.3.4,1.2.3.5,1,2,TCP,3,120,caf\xc3\xa9\r\n";
	struct fm_dialect *d = dialect_of(yaml);
	struct fm_buf b = {0};
	struct reading *r;

	(void)state;
	fm_buf_add(&b, "\xff\xfe", 2);
	for (int i = 0; i < 3; i++)
		for (const char *s = row; *s; s++) {
			char unit[2] = {*s, 0};

			if ((unsigned char)*s == 0xc3) {
				unit[0] = (char)0xe9;
				s++;
			}
			fm_buf_add(&b, unit, 2);
		}
	r = read_trace_file(put_bytes("u.csv", b.data, b.len), d, NULL, 0);
	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(r->t->rows, 3);
	assert_string_equal(fm_table_category(r->t, FM_LABEL, 2), "caf\xc3\xa9");
	done(r);
	r = read_trace_file(put("v.csv", row), d, NULL, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 1);
	done(r);
	fm_buf_free(&b);
	fm_dialect_free(d);
}

/* "[field]" for each field. */
static void show(void *s, size_t n, void *ctx)
{
	fm_buf_printf(ctx, "[%.*s]", (int)n, s ? (const char *)s : "");
}

static void show_end(int end, void *ctx)
{
	(void)end;
	(void)ctx;
}

static void lines_without_quotes_are_cut_as_libcsv_cuts_them(void **state)
{
	static const char bytes[] = "ab1 \t,;|\"\r\xc3.", delimiters[] = ",;|\t";
	struct fm_dialect d = ugr16;
	struct fm_buf ours = {0}, theirs = {0};
	unsigned long long x = 88172645463325252u;
	size_t fast = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char line[24];
		size_t n = 0, most = sizeof bytes - 1 - (i % 2 ? 4 : 0); /* mostly without quotes */
		struct csv_parser p;

		for (x ^= x << 13, x ^= x >> 7, x ^= x << 17; n < x % sizeof line; n++)
			line[n] = bytes[(x >> n) * 31 % most];
		d.delimiter = delimiters[i / 2 % 4];
		if (!n || strspn(line, " \t") >= n)
			continue; /* the reader passes over blank lines */
		ours.len = theirs.len = 0;
		if (!fm_fields_unquoted(&d, line, n, show, &ours)) {
			assert_int_equal(ours.len, 0);
			assert_true(memchr(line, '"', n) || memchr(line, '\r', n));
			continue;
		}
		fast++;
		assert_int_equal(csv_init(&p, CSV_STRICT), 0);
		csv_set_delim(&p, (unsigned char)d.delimiter);
		assert_int_equal(csv_parse(&p, line, n, show, show_end, &theirs), n);
		assert_int_equal(csv_parse(&p, "\n", 1, show, show_end, &theirs), 1);
		assert_int_equal(ours.len, theirs.len);
		assert_memory_equal(ours.data, theirs.data, ours.len);
		csv_free(&p);
	}
	assert_true(fast > 5000);
	fm_buf_free(&ours);
	fm_buf_free(&theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_without_quotes_are_cut_as_libcsv_cuts_them),
	    cmocka_unit_test(objects_give_their_pairs),
	    cmocka_unit_test(damaged_lines_are_answered),
	    cmocka_unit_test(what_is_wrong_with_a_row_of_json_is_said),
	    cmocka_unit_test(utf16_is_read_however_its_blocks_are_cut),
	    cmocka_unit_test(a_trace_in_utf16_is_a_trace),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
