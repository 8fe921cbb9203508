/*
 * What the values of a table are: the same however its bytes come, by the delimiter, quotes and head that are told only
 * behind it, and refused where a field of the schema cannot have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "release/table_parts.h"
#include "release/table_values.h"
#include "tests/unit/ok.h"

#define TIME "{\"name\":\"te\",\"type\":\"datetime\",\"format\":\"%Y-%m-%d %H:%M:%S\"}"
#define COUNT "{\"name\":\"n\",\"type\":\"integer\",\"constraints\":{\"required\":true,\"minimum\":0,\"maximum\":300}}"
#define RATE "{\"name\":\"r\",\"type\":\"number\"}"
#define COMMA_RATE "{\"name\":\"r\",\"type\":\"number\",\"decimalChar\":\",\"}"
#define WORD "{\"name\":\"w\",\"type\":\"string\"}"
#define HOST                                                                                                           \
	"{\"name\":\"a\",\"type\":\"string\",\"constraints\":{\"required\":true,\"pattern\":"                          \
	"\"([0-9]{1,3}(\\\\.[0-9]{1,3}){3}|[0-9a-f:]{2,39})\"}}"
#define OPTIONAL "{\"name\":\"o\",\"type\":\"integer\"}"
#define SCHEMA(fields) "{\"fields\":[" fields "],\"missingValues\":[\"\",\"-\"]}"

static struct fm_error err;

/* step: bytes that come at once. */
static const char *fault_of(const char *text, size_t step, bool json, struct fm_table_layout layout, const char *schema,
			    char why[256])
{
	struct fm_table_values *v;
	json_t *s = json_loads(schema, 0, NULL);
	size_t n = strlen(text);
	const char *fault;

	assert_non_null(s);
	OK(fm_table_values_new(&v, json, &err));
	for (size_t i = 0; i < n; i += step) {
		uint8_t *part = malloc(step);

		memcpy(part, text + i, n - i < step ? n - i : step);
		OK(fm_table_values_add(v, part, n - i < step ? n - i : step, &err));
		free(part);
	}
	OK(fm_table_values_end(v, &err));
	fault = fm_table_values_fault(v, &layout, s, why);
	if (fault && fault != why) {
		snprintf(why, 256, "%s", fault);
		fault = why;
	}
	fm_table_values_free(v);
	json_decref(s);
	return fault;
}

/* By every step from 1 to 80, and in one; words: of the fault, or NULL. */
static void wants(const char *text, bool json, struct fm_table_layout layout, const char *schema, const char *words)
{
	char why[256];

	for (size_t step = 1; step <= 81; step++) {
		const char *fault = fault_of(text, step == 81 ? strlen(text) + 1 : step, json, layout, schema, why);

		if (words ? !fault || !strstr(fault, words) : fault != NULL)
			fail_msg("by %zu: '%.80s': wanted '%s', got '%s'", step, text, words ? words : "nothing",
				 fault ? fault : "nothing");
	}
}

/* `before`, n copies of row, `last`. */
static char *many(const char *before, const char *row, int n, const char *last)
{
	static char text[100000];

	strcpy(text, before);
	for (int i = 0; i < n; i++)
		strcat(text, row);
	return strcat(text, last);
}

static const struct fm_table_layout plain = {',', true, 0, 0};

static void each_type_has_its_values(void **state)
{
	static const struct {
		const char *fields, *good, *bad[12];
	} of[] = {
	    {TIME,
	     "2016-02-29 23:59:59",
	     {"2015-02-29 00:00:00", "2016-04-31 00:00:00", "2016-00-01 00:00:00", "2016-1-01 00:00:00", "2016-01-01",
	      "2016-01-01 00:00:0x", "2016-01-01 00:00:000", "16-01-01 00:00:00", "x", "1", "10.0.0.1"}},
	    {COUNT, "300", {"301", "", "-1", "-", "1.0", "+1", "01", "1e2", "18446744073709551617", "x", "1 ", "0x1"}},
	    {RATE, "0.25", {".5", "1.", "1.2.3", "inf", "00.5", "1.5.", "--1", "10.0.0.1", "1:2", "x"}},
	    {HOST,
	     "2001:db8::1",
	     {"2001:DB8::1", "2001:db8:0:0:0:0:0:1", "::ffff:1.2.3.4", "1.2.3", "1.2.3.4.5", "1.2.3.400", "01.2.3.4",
	      "fe80::1%eth0", "", "-", "1.2.3.", "g::1"}},
	    {HOST, "10.0.0.255", {"10.0.0.256", "10..0.1", "10.0.0.1 ", "1234", "::1::"}},
	    {OPTIONAL, "-", {"--", "x", "1.5"}},
	    {OPTIONAL, "", {"nan"}},
	    {OPTIONAL, "-12", {"-x"}},
	};
	char schema[512], row[128], last[128];

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		snprintf(schema, sizeof schema, "{\"fields\":[" WORD ",%s," WORD "],\"missingValues\":[\"\",\"-\"]}",
			 of[i].fields);
		snprintf(row, sizeof row, "a,%s,b\n", of[i].good);
		for (int n = 0; n < 40; n += 13)
			wants(many("", row, n + 1, ""), false, plain, schema, NULL);
		for (int k = 0; k < 12 && of[i].bad[k]; k++)
			for (int n = 0; n < 40; n += 19) {
				snprintf(last, sizeof last, "a,%s,b\n", of[i].bad[k]);
				wants(many("", row, n, last), false, plain, schema, " ");
			}
	}
}

static void form_is_told_behind(void **state)
{
	const struct fm_table_layout no_quotes = {',', false, 0, 0}, named = {',', true, 1, 1},
				     tabs = {'\t', true, 2, 2}, semicolons = {';', true, 0, 0};

	(void)state;
	/* Labels with other delimiters, quotes with the delimiter and ends of lines in them. */
	wants(many("", "1;2|,7\n", 30, ""), false, plain, SCHEMA(WORD "," COUNT), NULL);
	wants(many("", "\"a,\"\"b\n\",7\n", 30, ""), false, plain, SCHEMA(WORD "," COUNT), NULL);
	wants(many("", "\"a,\"\"b\n\",7\n", 30, "\"a\",x\n"), false, plain, SCHEMA(WORD "," COUNT), "row 31: its n");
	wants(many("", "7,\"1,5\"\n", 30, ""), false, plain, SCHEMA(COUNT "," COMMA_RATE), NULL);
	wants(many("", "7,\"1,5\"\n", 30, "7,\"1.5\"\n"), false, plain, SCHEMA(COUNT "," COMMA_RATE), "row 31: its r");
	wants(many("", "7;1,5\n", 30, ""), false, semicolons, SCHEMA(COUNT "," COMMA_RATE), NULL);
	wants(many("", "7,\"x\n", 30, ""), false, no_quotes, SCHEMA(COUNT "," WORD), NULL);
	wants(many("", "7,x\n", 30, ""), false, semicolons, SCHEMA(COUNT "," WORD), "more or fewer values");
	wants(many("", "7,8\r\n", 30, ""), false, plain, SCHEMA(COUNT "," COUNT), NULL);
	/* Names, and a comment before them. */
	wants(many("n,w\n", "7,x\n", 30, ""), false, named, SCHEMA(COUNT "," WORD), NULL);
	wants(many("n,w\n", "7,x\n", 3, ""), false, named, SCHEMA(COUNT "," WORD), NULL);
	wants(many("\"n\",w\r\n", "7,x\r\n", 3, ""), false, named, SCHEMA(COUNT "," WORD), NULL);
	wants(many("n,w\n", "7,x\n", 30, ""), false, plain, SCHEMA(COUNT "," WORD), "row 1: its n is not a whole");
	wants(many("n,v\n", "7,x\n", 30, ""), false, named, SCHEMA(COUNT "," WORD), "other names");
	wants(many("n,w,\n", "7,x\n", 30, ""), false, named, SCHEMA(COUNT "," WORD), "other names");
	wants(many("#x\nn\tw\n", "7\tx\n", 30, ""), false, tabs, SCHEMA(COUNT "," WORD), NULL);
	wants(many("#x\nn\tw\n", "7\tx\n", 1, "8\tx\n\tx\n"), false, tabs, SCHEMA(COUNT "," WORD),
	      "row 3: its n is empty");
	/* What only a dialect of one's own has for a delimiter. */
	wants(many("", "7#1,_\n", 30, ""), false, (struct fm_table_layout){'#', true, 0, 0}, SCHEMA(COUNT "," WORD),
	      NULL);
	wants(many("", "7#1,\n", 30, "x#1\n"), false, (struct fm_table_layout){'#', true, 0, 0}, SCHEMA(COUNT "," WORD),
	      "row 31: its n");
	wants(many("", "7#1,\n", 3, "x#1\n"), false, (struct fm_table_layout){'#', true, 0, 0}, SCHEMA(COUNT "," WORD),
	      "row 4: its n");
	wants("7\n", false, plain, SCHEMA(COUNT "," WORD), "more or fewer");
	wants("7\n", false, plain, SCHEMA(COUNT), NULL);
	wants(many("", "7\n", 30, ""), false, plain, SCHEMA(COUNT), NULL);
	wants(many("", "7\n", 30, "x\n"), false, plain, SCHEMA(COUNT), "row 31: its n");
	wants(many("", "7,x\n", 30, ""), false, plain, SCHEMA(COUNT ",{\"name\":\"w\",\"type\":\"any\"}"), "newer");
}

/* Bytes that are in values too, and more often than between them. */
static void delimiter_is_as_told(void **state)
{
	static const char all[] = "\x01\x1f!#$%&*+,/;<=>@^_`|~\t";
	char row[64], bad[64], few[64], more[64];

	(void)state;
	for (const char *d = all; *d; d++) {
		const struct fm_table_layout l = {*d, true, 0, 0};
		char other = *d == '/' ? '~' : '/';

		snprintf(row, sizeof row, "2016%c04%c11%c7%c2017%c4%c1_=__==\n", other, other, *d, *d, other, other);
		snprintf(bad, sizeof bad, "2016%c04%c11%cx%c\n", other, other, *d, *d);
		snprintf(few, sizeof few, "2016%c7\n", *d);
		snprintf(more, sizeof more, "2016%c7%c%c\n", *d, *d, *d);
		if (*d == '_' || *d == '=')
			strcpy(strrchr(row, other) + 2, "\n");
		for (int n = 1; n < 40; n += 13) {
			wants(many("", row, n, ""), false, l, SCHEMA(WORD "," COUNT "," WORD), NULL);
			wants(many("", row, n, bad), false, l, SCHEMA(WORD "," COUNT "," WORD), "its n is not a whole");
			wants(many("", row, n, few), false, l, SCHEMA(WORD "," COUNT "," WORD), "more or fewer");
			wants(many("", row, n, more), false, l, SCHEMA(WORD "," COUNT "," WORD), "more or fewer");
		}
	}
}

#define DAY "{\"name\":\"te\",\"type\":\"date\",\"format\":\"%Y-%m-%d\"}"
#define CLOCK "{\"name\":\"te (time)\",\"type\":\"time\",\"format\":\"%H:%M:%S\"}"
#define CLOCK_PART "{\"name\":\"te (time)\",\"type\":\"time\",\"format\":\"%H:%M:%S.%f\"}"

static void blanks_part_values(void **state)
{
	const struct fm_table_layout l = {' ', false, 0, 0}, headed = {' ', false, 1, 0};
	const char *schema = SCHEMA(DAY "," CLOCK_PART "," COUNT "," WORD), *old = SCHEMA(TIME "," COUNT "," WORD);

	(void)state;
	for (int n = 0; n < 40; n += 13) {
		const char *row = "2016-04-11 00:08:06.5 7 a,b;c,d,e,f,g\n";

		wants(many("", row, n + 1, ""), false, l, schema, NULL);
		wants(many("Date first seen n w\n", row, n + 1, ""), false, headed, schema, NULL);
		wants(many("", row, n, "2016-04-31 00:08:06.5 7 a\n"), false, l, schema, "its te is not a day");
		wants(many("", row, n, "2016-04-11 24:08:06.5 7 a\n"), false, l, schema,
		      "its te (time) is not a time of day");
		wants(many("", row, n, "2016-04-11 00:08:06 7 a\n"), false, l, schema,
		      "its te (time) is not a time of day");
		wants(many("", row, n, "2016-04-11 00:08:06.5 x a\n"), false, l, schema, "its n is not a whole");
		wants(many("", row, n, "2016-04-11 00:08:06.5 301 a\n"), false, l, schema,
		      "more than its schema allows");
		wants(many("", row, n, "2016-04-11 00:08:06.5 7 a b\n"), false, l, schema, "more or fewer");
		wants(many("", row, n, "2016-04-11 00:08:06.5 7\n"), false, l, schema, "more or fewer");
		row = "2016-04-11 00:08:06 7 a\n";
		wants(many("", row, n + 1, ""), false, l, SCHEMA(DAY "," CLOCK "," COUNT "," WORD), NULL);
		/* As versions before have it. */
		wants(many("", row, n + 1, ""), false, l, old, NULL);
		wants(many("", row, n, "2016-04-11 00:08:66 7 a\n"), false, l, old, "its te is not a time of day");
		wants(many("", row, n, "2016-04-11 00:08:06 x a\n"), false, l, old, "its n is not a whole");
	}
	wants(many("", "12:34::1 7\n", 30, ""), false, l, SCHEMA(HOST "," COUNT), NULL);
	wants(many("", "12:34:56 7\n", 30, ""), false, l, SCHEMA(HOST "," COUNT), "not an address");
}

/* Few columns, in whose values another delimiter is. */
static void other_marks_part_no_values(void **state)
{
	const struct fm_table_layout semicolons = {';', true, 0, 0}, blanks = {' ', false, 0, 0};
	char row[64];

	(void)state;
	for (int n = 0; n < 40; n += 13) {
		wants(many("", "1,5\n", n + 1, ""), false, semicolons, SCHEMA(COMMA_RATE), NULL);
		wants(many("", "1,5\n", n, "1,5,6\n"), false, semicolons, SCHEMA(COMMA_RATE), "its r is not a number");
		wants(many("", "\"1,5\"\n", n + 1, ""), false, semicolons, SCHEMA(COMMA_RATE), NULL);
		wants(many("", "\"1,5\"\n", n, "\"1;5\"\n"), false, semicolons, SCHEMA(COMMA_RATE), "its r");
		wants(many("", "a;b\n", n + 1, ""), false, plain, SCHEMA(WORD), NULL);
		wants(many("", "a;b\n", n + 1, ""), false, plain, SCHEMA(HOST), "its a is not an address");
		wants(many("", "7;1\n", n + 1, ""), false, plain, SCHEMA(COUNT), "its n is not a whole");
		/* Text that is longer than what has a type. */
		wants(many("", "a text of more than forty bytes, with commas\n", n + 1, ""), false, semicolons,
		      SCHEMA(WORD), NULL);
		wants(many("", "a text of more than forty bytes, with commas\n", n + 1, ""), false, semicolons,
		      SCHEMA(COUNT), " ");
		wants(many("", "2001:db8:1111:2222:3333:4444:5555:6666\n", n + 1, ""), false, plain, SCHEMA(HOST),
		      NULL);
		wants(many("", "2001:db8:1111:2222:3333:4444:5555:6666\n", n, "1,2\n"), false, semicolons, SCHEMA(HOST),
		      "its a");
		for (const char *d = ",;|\t#/"; *d; d++) {
			snprintf(row, sizeof row, "a%cb\n", *d);
			wants(many("", row, n + 1, ""), false, blanks, SCHEMA(WORD), NULL);
			wants(many("", row, n + 1, ""), false, blanks, SCHEMA(COUNT), "its n is not a whole");
			wants(many("", row, n + 1, ""), false, blanks, SCHEMA(COUNT "," WORD), "more or fewer");
			snprintf(row, sizeof row, "7 a%cb\n", *d);
			wants(many("", row, n + 1, ""), false, blanks, SCHEMA(COUNT "," WORD), NULL);
			wants(many("", row, n + 1, "7 a b\n"), false, blanks, SCHEMA(COUNT "," WORD), "more or fewer");
			wants(many("", row, n, "x 1\n"), false, blanks, SCHEMA(COUNT "," WORD), "its n is not a whole");
			snprintf(row, sizeof row, "2016-04-11 00:08:06 a%cb\n", *d);
			wants(many("", row, n + 1, ""), false, blanks, SCHEMA(TIME "," WORD), NULL);
			wants(many("", row, n + 1, ""), false, blanks, SCHEMA(DAY "," CLOCK "," COUNT), "its n is not");
			wants(many("", row, n, "2016-04-31 00:08:06 1\n"), false, blanks, SCHEMA(TIME "," WORD),
			      "its te is not a day");
		}
	}
}

static void lines_of_json(void **state)
{
	const char *schema = SCHEMA(COUNT "," HOST "," WORD);

	(void)state;
	wants(many("", "{\"n\":7,\"a\":\"::1\",\"w\":\"a\\u0022,{}\"}\n", 30, ""), true, plain, schema, NULL);
	wants(many("", "{\"n\":7,\"a\":\"::1\",\"w\":\"\"}\n", 3, ""), true, plain, schema, NULL);
	wants(many("", "{\"n\":7,\"a\":\"::1\",\"w\":\"x\"}\n", 30, "{\"n\":\"7\",\"a\":\"::1\",\"w\":\"x\"}\n"), true,
	      plain, schema, "row 31: its n is not a whole number");
	wants(many("", "{\"n\":7,\"a\":\"::1\",\"w\":\"x\"}\n", 30, "{\"n\":7,\"a\":\"1\",\"w\":\"x\"}\n"), true, plain,
	      schema, "row 31: its a is not an address");
	wants(many("", "{\"n\":7,\"a\":\"::1\",\"w\":\"x\"}\n", 30, "{\"n\":7,\"w\":\"x\",\"a\":\"::1\"}\n"), true,
	      plain, schema, "other keys");
	wants(many("", "{\"n\":7,\"a\":\"::1\",\"w\":\"x\"}\n", 30, "{\"n\":7,\"a\":\"::1\"}\n"), true, plain, schema,
	      "other keys");
	wants(many("", "{\"n\":7,\"a\":\"::1\",\"w\":\"x\"}\n", 30, "{\"n\":{\"a\":1},\"a\":\"::1\",\"w\":\"x\"}\n"),
	      true, plain, schema, " ");
	wants(many("", "{\"n\":7,\"a\":\"::1\",\"v\":\"x\"}\n", 30, ""), true, plain, schema, "other keys");
	wants(many("", "{\"n\":null,\"a\":\"::1\",\"w\":\"x\"}\n", 30, ""), true, plain, schema, "its n is not");
	wants(many("", "[7]\n", 30, ""), true, plain, schema, "other keys");
	wants("", true, plain, schema, "other keys");
}

/* A whole number's digits as they compare; 0: it has too many of them. */
static uint64_t text_of(const char *s, size_t n)
{
	uint64_t text = 0;

	for (size_t i = 0; i < n && n <= 8; i++)
		text = text << 8 | (uint8_t)s[i];
	return text;
}

/* What is seen in a column of `usual` values with one other among them is what each is, byte by byte. */
static void is_seen_as(const char *usual, const char *other, size_t n)
{
	uint8_t minute[17] = {0};
	enum fm_value_kind of[2] = {fm_value_kind_of(minute, (const uint8_t *)usual, strlen(usual)),
				    fm_value_kind_of(minute, (const uint8_t *)other, n)};
	uint64_t text[2] = {text_of(usual, strlen(usual)), text_of(other, n)}, least = UINT64_MAX, most = 0;
	uint32_t kinds = 1u << of[0] | 1u << of[1];
	const struct fm_column_seen *seen;
	struct fm_table_values *v;
	struct fm_buf rows = {0};
	bool longer = false;

	if (of[1] == FM_VALUE_WORD && n > 8)
		kinds |= 1u << FM_VALUE_WORDS;
	for (int i = 0; i < 2; i++)
		if (of[i] == FM_VALUE_WHOLE) {
			longer |= text[i] == 0;
			least = text[i] && text[i] < least ? text[i] : least;
			most = text[i] > most ? text[i] : most;
		}
	for (int i = 0; i < 40; i++) {
		fm_buf_printf(&rows, "a,");
		if (i == 30)
			fm_buf_add(&rows, other, n);
		else
			fm_buf_printf(&rows, "%s", usual);
		fm_buf_printf(&rows, ",b\n");
	}
	OK(fm_table_values_new(&v, false, &err));
	OK(fm_table_values_add(v, (const uint8_t *)rows.data, rows.len, &err));
	OK(fm_table_values_end(v, &err));
	assert_int_equal(v->reading[0]->delimiter, ',');
	seen = &v->reading[0]->seen[FM_FORM_HEAD][1];
	if (seen->kinds != kinds || seen->longer != longer ||
	    (kinds & 1u << FM_VALUE_WHOLE && (seen->least != least || (!longer && seen->most != most))))
		fail_msg("'%s' and '%.*s': kinds %x, not %x, or other bounds", usual, (int)n, other, seen->kinds,
			 kinds);
	fm_table_values_free(v);
	fm_buf_free(&rows);
}

static size_t draw_value(char value[32])
{
	switch (rand() % 7) {
	case 0:
		return (size_t)sprintf(value, "%d.%d.%d.%d", rand() % 300, rand() % 20, rand() % 260, rand() % 300);
	case 1:
		return (size_t)sprintf(value, "%d", rand() >> rand() % 31);
	case 2:
		return (size_t)sprintf(value, "%d.%0*d", rand() % 100, 1 + rand() % 4, rand() % 1000);
	case 3:
		return (size_t)sprintf(value, "2016-%02d-%02d %02d:%02d:%02d", rand() % 14, rand() % 33, rand() % 25,
				       rand() % 61, rand() % 61);
	case 4: /* of the minute that is usual */
		return (size_t)sprintf(value, "2016-04-11 00:08:%02d", rand() % 100);
	case 5:
		return (size_t)sprintf(value, "2001:db8::%x", rand() % 65536);
	default:
		return (size_t)sprintf(value, "%.*s", rand() % 13, "TCP_reset-by.");
	}
}

/* The quick ways of looking at a value see no other kinds than the slow one, whatever was drawn and changed. */
static void quick_ways_see_the_same(void **state)
{
	static const char *const usual[10] = {"10.0.0.1", "192.168.100.200",     "7",   "5",  "12345678", "123456789",
					      "0.25",     "2016-04-11 00:08:06", "-12", "::1"};
	static const char bytes[] = "0123456789.:-+ /aZ\x7f\x80\xff\x01";

	(void)state;
	srand(11);
	for (int round = 0; round < 30000; round++) {
		const char *other = usual[rand() % 10];
		char value[32];
		size_t n = draw_value(value);

		for (int changes = rand() % 3; n && changes; changes--)
			value[(size_t)rand() % n] = bytes[(size_t)rand() % (sizeof bytes - 1)];
		is_seen_as(other, value, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_type_has_its_values),   cmocka_unit_test(form_is_told_behind),
	    cmocka_unit_test(delimiter_is_as_told),       cmocka_unit_test(blanks_part_values),
	    cmocka_unit_test(other_marks_part_no_values), cmocka_unit_test(lines_of_json),
	    cmocka_unit_test(quick_ways_see_the_same),
	};

	return cmocka_run_group_tests_name("table_values", tests, NULL, NULL);
}
