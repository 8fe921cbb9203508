/* Dialects: the built-in ones say what the data sets are, and a wrong one is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/num.h"
#include "manifests/dialect.h"

static char dir[256];

static int make_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/fm-dialect-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	return fm_dir_remove(dir, NULL);
}

static int load_text(struct fm_dialect **d, const char *text, struct fm_error *err)
{
	char path[300];
	struct fm_error e;

	snprintf(path, sizeof(path), "%s/d.yaml", dir);
	assert_int_equal(fm_file_write(path, 0600, text, strlen(text), &e), FM_OK);
	return fm_dialect_load(d, path, err);
}

static void refused(const char *text, const char *says)
{
	struct fm_error err = {0};
	struct fm_dialect *d;

	if (load_text(&d, text, &err) != FM_EINPUT)
		fail_msg("taken: %s", text);
	assert_null(d);
	if (strstr(err.message, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.message, says);
}

static int find_col(const struct fm_dialect *d, const char *name)
{
	for (int i = 0; i < d->ncols; i++)
		if (strcmp(d->cols[i].name, name) == 0)
			return i;
	fail_msg("no column %s", name);
	return -1;
}

static void test_ugr16_is_as_published(void **state)
{
	static const enum fm_format formats[] = {FM_FMT_DATETIME, FM_FMT_SECONDS, FM_FMT_ADDRESS, FM_FMT_ADDRESS,
						 FM_FMT_INTEGER,  FM_FMT_INTEGER, FM_FMT_TEXT,    FM_FMT_TEXT,
						 FM_FMT_TEXT,     FM_FMT_TEXT,    FM_FMT_INTEGER, FM_FMT_INTEGER,
						 FM_FMT_TEXT};
	struct fm_error err = {0};
	struct fm_dialect *d;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "ugr16", &err), FM_OK);
	assert_string_equal(d->name, "ugr16");
	assert_false(d->header);
	assert_int_equal(d->delimiter, ',');
	assert_string_equal(d->newline, "\n");
	assert_int_equal(d->ncols, FM_NFLOWCOL);
	assert_int_equal(d->present, FM_COLS_UGR16);
	for (int i = 0; i < d->ncols; i++) {
		assert_int_equal(d->cols[i].col, i);
		assert_int_equal(d->cols[i].format, formats[i]);
		assert_string_equal(d->cols[i].name, fm_cols[i].name);
		assert_int_equal(d->cols[i].decimals, i == FM_TD ? 3 : -1);
	}
	assert_int_equal(d->nmissing, 3);
	assert_string_equal(d->missing[0], "");
	fm_dialect_free(d);
}

static void test_netshare_is_as_prepared(void **state)
{
	struct fm_error err = {0};
	struct fm_dialect *d;
	int ts, td;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "netshare", &err), FM_OK);
	assert_true(d->header);
	assert_int_equal(d->ncols, 10);
	ts = find_col(d, "ts");
	td = find_col(d, "td");
	assert_int_equal(d->cols[ts].col, FM_TE);
	assert_int_equal(d->cols[ts].format, FM_FMT_MICROSECONDS);
	assert_int_equal(d->cols[ts].decimals, 1);
	assert_int_equal(d->cols[td].format, FM_FMT_SECONDS);
	assert_int_equal(d->cols[td].decimals, 3);
	assert_int_equal(d->cols[find_col(d, "srcip")].format, FM_FMT_IPV4_INTEGER);
	assert_int_equal(d->cols[find_col(d, "type")].col, FM_LABEL);
	assert_false(d->present >> FM_FLG & 1u);
	fm_dialect_free(d);
}

static void test_the_inside_is_the_inside(void **state)
{
	struct fm_error err = {0};
	struct fm_dialect *d;
	struct fm_address in, out, v6;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "ugr16", &err), FM_OK);
	assert_int_equal(fm_address_parse("42.219.255.255", 14, &in), 0);
	assert_int_equal(fm_address_parse("42.220.0.0", 10, &out), 0);
	assert_int_equal(fm_address_parse("::2adb:1", 8, &v6), 0);
	assert_true(fm_dialect_is_internal(d, &in));
	assert_false(fm_dialect_is_internal(d, &out));
	assert_false(fm_dialect_is_internal(d, &v6));
	fm_dialect_free(d);
}

#define COLS                                                                                                           \
	"  - {name: t, column: te, format: milliseconds, decimals: 0}\n  - {name: d, column: td}\n  - {name: s, "      \
	"column: sa}\n"                                                                                                \
	"  - {name: e, column: da}\n  - {name: p, column: sp}\n  - {name: q, column: dp}\n  - {name: r, column: pr}\n" \
	"  - {name: k, column: pkt}\n  - {name: b, column: byt}\n"
#define SOME                                                                                                           \
	"  - {name: d, column: td}\n  - {name: q, column: dp}\n  - {name: k, column: pkt}\n"                           \
	"  - {name: b, column: byt}\n"
#define GOOD "name: mine\ncolumns:\n" COLS
#define ZONED(zone, format)                                                                                            \
	"name: mine\ntimezone: " zone "\ncolumns:\n  - {name: t, column: te, format: " format                          \
	"}\n  - {name: d, column: td}\n  - {name: s, column: sa}\n  - {name: e, column: da}\n  - {name: p, column: "   \
	"sp}\n  - {name: q, column: dp}\n  - {name: r, column: pr}\n  - {name: k, column: pkt}\n  - {name: b, "        \
	"column: "                                                                                                     \
	"byt}\n"

/* The dialect's clock, unless an offset stands behind it, and whichever of the keys comes first. */
static void test_what_times_are_relative_to(void **state)
{
	static const struct {
		const char *keys;
		int64_t ms;
	} cases[] = {{"relative_to: \"2016-04-11 02:00:00\"\n", 1460340000000},
		     {"relative_to: 2016-04-11\n", 1460332800000},
		     {"relative_to: \"2016-04-11 02:00:00\"\ntimezone: \"+02:00\"\n", 1460332800000},
		     {"timezone: Europe/Madrid\nrelative_to: \"2016-04-11 02:00:00.5\"\n", 1460332800500},
		     {"timezone: Europe/Madrid\nrelative_to: 2016-04-11T02:00:00.25+04:00\n", 1460325600250},
		     {"relative_to: 2016-04-11T02:00:00Z\ntimezone: \"+02:00\"\n", 1460340000000}};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fm_error err = {0};
		struct fm_dialect *d;

		snprintf(
		    text, sizeof text,
		    "name: mine\n%scolumns: [{name: a, column: te, format: seconds}, {name: b, column: td},\n"
		    " {name: c, column: sa}, {name: d, column: da}, {name: e, column: sp}, {name: f, column: dp},\n"
		    " {name: g, column: pr}, {name: h, column: pkt}, {name: i, column: byt}]\n",
		    cases[i].keys);
		if (load_text(&d, text, &err))
			fail_msg("%s", err.message);
		assert_int_equal(d->relative_ms, cases[i].ms);
		fm_dialect_free(d);
	}
}

static void test_ones_own_dialect(void **state)
{
	struct fm_error err = {0};
	struct fm_dialect *d;

	(void)state;
	assert_int_equal(load_text(&d,
				   GOOD
				   "  - {name: ignored}\n  - {name: l, column: label}\n"
				   "labels: {benign: background, Malicious: blacklist}\n"
				   "header: true\ndelimiter: \"\\t\"\nnewline: \"\\r\\n\"\nmissing: [null, ~, '-']\n"
				   "internal: [10.0.0.0/8, 192.168.0.0/16]\n",
				   &err),
			 FM_OK);
	assert_string_equal(d->name, "mine");
	assert_int_equal(d->ncols, 11);
	assert_int_equal(d->cols[0].decimals, -1);
	assert_int_equal(d->cols[1].format, FM_FMT_SECONDS);
	assert_int_equal(d->cols[1].decimals, 3);
	assert_int_equal(d->cols[9].col, -1);
	assert_int_equal(d->delimiter, '\t');
	assert_string_equal(d->newline, "\r\n");
	assert_int_equal(d->nmissing, 3);
	assert_string_equal(d->missing[0], "null");
	assert_string_equal(d->missing[1], "~");
	assert_int_equal(d->nlabels, 2);
	assert_string_equal(d->labels[1].from, "Malicious");
	assert_string_equal(d->labels[1].to, "blacklist");
	assert_int_equal(d->ninternal, 2);
	fm_dialect_free(d);
	assert_int_equal(load_text(&d, GOOD, &err), FM_OK);
	assert_int_equal(d->nmissing, 1);
	assert_string_equal(d->missing[0], "");
	assert_false(d->present >> FM_LABEL & 1u);
	fm_dialect_free(d);
}

static void test_wrong_dialects_are_refused(void **state)
{
	/* What is true of numbers and offsets too. */
	static const char *const utc[] = {ZONED("UTC", "seconds"), ZONED("Z", "rfc3339"),
					  ZONED("\"+00:00\"", "milliseconds")};
	struct fm_error err = {0};
	struct fm_dialect *d;

	(void)state;
	refused("", "d.yaml:1: a dialect takes a map");
	refused("name: x\n", "d.yaml:1: a dialect needs columns");
	refused("columns:\n" COLS, "a dialect needs a name");
	refused("name: x\ncolumns: []\n", "d.yaml:2: columns takes 1 to 64");
	refused("name: X Y\ncolumns:\n" COLS, "d.yaml:1: name takes small letters");
	refused(GOOD "haeder: true\n", "d.yaml:12: unknown key 'haeder', did you mean 'header'?");
	refused(GOOD "header: 1\n", "d.yaml:12: header takes true or false");
	refused(GOOD "header: true\nheader: true\n", "d.yaml:13: key 'header' is already there in line 12");
	refused(GOOD "delimiter: \",,\"\n", "d.yaml:12: delimiter takes one character");
	refused(GOOD "delimiter: a\n", "delimiter takes one character");
	refused(GOOD "delimiter: \".\"\n", "delimiter takes one character");
	refused(GOOD "delimiter:\n", "delimiter takes one character");
	refused(GOOD "newline: x\n", "d.yaml:12: newline takes");
	refused(GOOD "missing: nan\n", "d.yaml:12: missing takes a list");
	refused(GOOD "missing: [abcdefghijklmnopqrstuvwxyzabcdefghijklmnop]\n", "missing is longer than 31");
	refused(GOOD "missing: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]\n", "missing takes at most 16");
	refused(GOOD "internal: [10.0.0.0/8, 10.0.0.0.0/8]\n",
		"d.yaml:12: internal: '10.0.0.0.0/8' is no range of addresses");
	refused(GOOD "labels: {a: b}\n", "labels maps a column that no column fills");
	refused(GOOD "  - {name: x, column: win}\n", "d.yaml:12: unknown column 'win'");
	refused(GOOD "  - {name: x, column: lable}\n", "unknown column 'lable', did you mean 'label'?");
	refused(GOOD "  - {name: x, column: pkt}\n", "columns 'k' and 'x' both fill 'pkt'");
	refused(GOOD "  - {name: x, only: ['a,b']}\nquote: none\n",
		"column 'x' is written as 'a,b' (only), which has the delimiter in it, and the dialect has no quotes");
	refused(GOOD "  - {name: x, only: [' a']}\nquote: none\n", "which has a blank around it");
	refused("name: x\nquote: none\ncomment: ['-']\nunset: '-'\ncolumns:\n  - {name: x}\n" COLS,
		"column 'x' is written as '-' (unset), which begins a line as a comment");
	refused(GOOD "  - {name: k}\n", "two columns are named 'k'");
	refused(GOOD "  - {column: label}\n", "column 10 has no name");
	refused(GOOD "  - {name: x, column: label, format: texts}\n", "unknown format 'texts', did you mean 'text'?");
	refused(GOOD "  - {name: x, column: label, format: integer}\n",
		"column 'x': 'label' cannot be read as integer");
	refused(GOOD "  - {name: x, column: label, decimals: 2}\n", "decimals are for times");
	refused(GOOD "  - {name: x, format: text}\n", "has a format but no column");
	refused(GOOD "  - {name: x, colunm: label}\n", "unknown key of a column 'colunm', did you mean 'column'?");
	refused(GOOD "  - text\n", "d.yaml:12: a column takes a map");
	refused("name: x\ncolumns:\n  - {name: d, column: td, format: datetime}\n", "'td' cannot be read as datetime");
	refused("name: x\ncolumns:\n  - {name: d, column: te, format: seconds, decimals: 12}\n", "decimals is 12");
	refused("name: x\ncolumns:\n  - {name: d, column: te}\n", "no column fills 'td'");
	refused(GOOD "missing: &a [b]\n", "anchors");
	refused(ZONED("Europe/Madrid", "seconds"),
		"d.yaml:2: timezone is for times without an offset that a clock tells");
	refused(ZONED("Europe/Madrid", "rfc3339"), "timezone is for times without an offset");
	refused(ZONED("Europe/Madrid", "\"%F %T %z\""), "timezone is for times without an offset");
	refused(ZONED("\"+01:00\"", "seconds"), "timezone is for times without an offset");
	refused(ZONED("\"+01:00\"", "days"), "timezone is for times without an offset");
	refused(GOOD "  - {name: u, column: start, format: days-1900, decimals: 3}\n", "decimals are for times");
	refused(GOOD "  - {name: u, column: start, format: days-1904, sum: true}\n", "are no part of a sum");
	refused(GOOD "  - {name: u, column: start, format: days-1900}\nrelative_to: \"2016-04-11\"\n",
		"has dates, and relative_to is for times that count from");
	for (size_t i = 0; i < sizeof(utc) / sizeof(*utc); i++) {
		if (load_text(&d, utc[i], &err))
			fail_msg("%s\n%s", err.message, utc[i]);
		fm_dialect_free(d);
	}
	refused(GOOD "decimal: \";\"\n", "d.yaml:12: decimal takes one mark between quotes, of these: .,");
	refused(GOOD "thousands: \"\"\n", "d.yaml:12: thousands takes one mark");
	refused(GOOD "thousands: \".\"\n", "d.yaml:12: decimal and thousands are the same mark, '.': where points "
					   "stand between thousands, decimal is \",\"");
	refused(GOOD "decimal: \",\"\nthousands: \",\"\n", "d.yaml:13: decimal and thousands are the same mark");
	refused(GOOD "decimal: \",\"\nquote: none\n", "d.yaml:12: decimal is the delimiter too, and no quotes");
	refused(GOOD "thousands: \" \"\ndelimiter: blanks\n",
		"d.yaml:12: thousands is the delimiter too, and no quotes");
	refused(GOOD "thousands: \" \"\ndecimal: \",\"\nquote: none\n", "d.yaml:13: decimal is the delimiter too");
	refused(GOOD "decimal: \",\"\nlines: json\n", "d.yaml:12: decimal and thousands are for lines: delimited");
	refused(GOOD "timezone: Europe/Nowhere\n", "d.yaml:12: timezone: the system has no time zone 'Europe/Nowhere'");
	refused(GOOD "timezone: ../../etc/passwd\n", "timezone: the system has no time zone");
	refused(GOOD "timezone: \"+25:00\"\n", "timezone takes UTC, a difference");
	refused(GOOD "encoding: latin-9\n", "encoding takes utf-8, utf-16 or windows-1252");
	refused(GOOD "quote: single\n", "quote takes double or none");
	refused(GOOD "comment: ['']\n", "comment: the empty word");
	refused(GOOD "header_mark: '#fields'\n", "header_mark is for header: true");
	refused(GOOD "header: true\nextra_columns: true\n", "extra_columns is for header: false");
	refused(GOOD "hosts: {a: b}\n", "hosts: 'b' is not an address");
	refused(GOOD "  - {name: u, column: start}\nrelative_to: \"2016-04-11 00:00:00\"\n",
		"has dates, and relative_to is for times that count from");
	refused(GOOD "relative_to: \"2016-04-11 00:00\"\n", "relative_to takes a time YYYY-MM-DD HH:MM:SS");
	refused(GOOD "relative_to: \"2016-04-11 00:00:00 +02:99\"\n", "relative_to takes a time YYYY-MM-DD HH:MM:SS");
	refused(GOOD "relative_to: \"2016-03-27 02:30:00\"\ntimezone: Europe/Madrid\n",
		"the time zone skips that time");
	refused(GOOD "  - {name: x, column: flg, sum: true}\n",
		"sum is for pkt, byt, te, start and label, not for flg");
	refused(GOOD "  - {name: x, column: label, sum: true}\n  - {name: y, column: label}\n",
		"has sum: true on each of them");
	refused(GOOD "  - {name: x, column: label, suffix: 1000}\n", "suffix is for pkt and byt, not for label");
	refused(GOOD "  - {name: x, column: label, only: [a]}\n", "only is for a column that fills none");
	refused(GOOD "  - {name: x, only: []}\n", "only takes 1 to 8 words");
	refused(GOOD "  - {name: x, words: 2}\n", "words is for delimiter: blanks");
	refused(GOOD "  - {name: x, column: label, reversed: [a]}\n", "reversed is for a column that fills none");
	refused(GOOD "  - {name: x, column: label, flows: true}\n", "flows is for a column that fills none");
	refused(GOOD "  - {name: x, reversed: [a], flows: true}\n",
		"of only, reversed, flows and sampling a column has one");
	refused(GOOD "  - {name: x, reversed: []}\n", "reversed takes 1 to 8 words");
	refused(GOOD "  - {name: x, others: skip}\n", "others is for a column with only");
	refused(GOOD "  - {name: x, only: [a], others: drop}\n", "others takes skip or bad, not 'drop'");
	refused(GOOD "  - {name: x, also: []}\n", "also takes 1 to 3 names, not 0");
	refused(GOOD "  - {name: x, column: label, reply: true}\n", "reply is for pkt and byt, not for label");
	refused(GOOD "  - {name: x, reply: true}\n", "has a format but no column to fill");
	refused(GOOD "  - {name: x, column: byt, reply: true, sum: true}\n",
		"reply is for pkt and byt, and not beside sum");
	refused(GOOD "  - {name: x, column: byt, reply: true}\n",
		"reply takes two columns, one for pkt and one for byt");
	refused(GOOD "  - {name: x, column: sp, format: icmp-type}\n", "type and code of ICMP are dp");
	refused(GOOD "relative_to: yesterday\n", "relative_to takes a time YYYY-MM-DD HH:MM:SS");
	refused(GOOD "header: true\ndelimiter: blanks\n", "delimiter: blanks is for header: false");
	refused(GOOD "  - {name: x, column: label, format: lower}\n", "'label' cannot be read as lower");
	refused(GOOD "  - {name: x, column: byt, suffix: 1001}\n", "suffix takes 1000 or 1024");
	refused(GOOD "  - {name: x, column: start, format: pattern}\n", "format takes the pattern itself");
	refused(GOOD "  - {name: x, column: start, format: '%Q'}\n", "it takes %Y");
	refused(GOOD "  - {name: x, column: start, format: '%Y-%m %H'}\n", "it needs a year");
	refused(GOOD "  - {name: x, column: start, format: '%Y-%m-%d'}\n", "it needs an hour");
	refused(GOOD "  - {name: x, column: start, format: '%Y-%m-%d %I:%M'}\n", "add %p, or day_starts");
	refused(GOOD "  - {name: x, column: start, format: '%Y-%m-%d %H', day_starts: 8}\n", "day_starts is for %I");
	refused(GOOD "  - {name: x, column: start, day_starts: 8}\n", "day_starts is for a pattern");
	refused(GOOD "absent: [sa, da]\n", "absent names what a column fills: sa da");
	refused("name: x\nabsent: [sa]\ncolumns:\n" COLS, "absent names what a column fills: sa");
	refused("name: x\nabsent: [te, sa, sp, pr]\ncolumns:\n" SOME, "no column fills 'da'");
	refused("name: x\nabsent: [te, sa, da, sp, pr]\ninternal: [10.0.0.0/8]\ncolumns:\n" SOME,
		"internal is for addresses, and absent names them");
	refused("name: x\nabsent: [te, sa, da, sp, pr]\nicmp: zeek\ncolumns:\n" SOME, "icmp is for sources with sp");
	refused("name: x\nabsent: [label]\ncolumns:\n" SOME, "unknown column of a flow 'label'");
	refused("name: x\nabsent: [te, sa, da, sp, pr, td, pkt, byt]\ncolumns:\n  - {name: b, column: dp}\n",
		"of td, pkt and byt a source needs one");
	refused("name: x\nabsent: [te, sa, da, sp, pr]\ncolumns:\n" SOME "  - {name: x, column: pkt, reply: true}\n"
		"  - {name: y, column: byt, reply: true}\n",
		"column 'x': reply needs what absent names");
	refused("name: x\nabsent: [te, sa, da, sp, pr]\ncolumns:\n" SOME "  - {name: dir, reversed: [\"<-\"]}\n",
		"column 'dir': reversed needs what absent names: te sa da sp pr");
	refused("name: x\nlines: packets\nabsent: [te, sa, da, sp, pr]\ncolumns:\n" SOME, "absent is for tables");
	assert_int_equal(load_text(&d, "name: x\ncolumns:\n" SOME "absent: [te, sa, da, sp, pr]\n", &err), FM_OK);
	assert_int_equal(d->absent, FM_COLS_FLOW & ~d->present);
	fm_dialect_free(d);
	assert_int_equal(fm_dialect_load(&d, "urg16", &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "did you mean 'ugr16'?"));
	assert_int_equal(fm_dialect_load(&d, "./absent.yaml", &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "absent.yaml"));
	assert_null(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ugr16_is_as_published),    cmocka_unit_test(test_netshare_is_as_prepared),
	    cmocka_unit_test(test_the_inside_is_the_inside), cmocka_unit_test(test_what_times_are_relative_to),
	    cmocka_unit_test(test_ones_own_dialect),         cmocka_unit_test(test_wrong_dialects_are_refused),
	};
	return cmocka_run_group_tests_name("dialect", tests, make_dir, drop_dir);
}
