/* The form of a table is the same however its bytes come, and what it says of rows and lines is what a reader of bytes
 * counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "release/table_form.h"

static void same(const struct fm_form_lines *a, const struct fm_form_lines *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->now, b->now, sizeof a->now);
	assert_memory_equal(a->head, b->head, sizeof a->head);
	assert_memory_equal(a->least, b->least, sizeof a->least);
	assert_memory_equal(a->most, b->most, sizeof a->most);
}

static void however_bytes_come(void **state)
{
	/* mostly text, as in a table; the rest seldom */
	static const char often[] = "0123456789,,,,....::-+=@abc \n",
			  seldom[] = "\n\n\"\r\t;|{}\x01\x7f\xef\xbb\xbf\xc2\x85\xc3\xa9,,,,,";
	uint8_t text[4000];

	(void)state;
	srand(10);
	for (int round = 0; round < 300; round++) {
		struct fm_table_form whole = {0}, cut = {0}, bytes = {0};
		size_t n = (size_t)rand() % sizeof text;
		int rare = 1 + rand() % 400;

		for (size_t i = 0; i < n; i++)
			text[i] = (uint8_t)(rand() % rare == 0 ? seldom[rand() % (sizeof seldom - 1)]
							       : often[rand() % (sizeof often - 1)]);
		fm_table_form_add(&whole, text, n);
		for (size_t i = 0, step; i < n; i += step) {
			step = 1 + (size_t)rand() % 300;
			step = step < n - i ? step : n - i;
			fm_table_form_add(&cut, text + i, step);
		}
		for (size_t i = 0; i < n; i++)
			fm_table_form_add(&bytes, text + i, 1);
		for (int k = 0; k < 2; k++) {
			const struct fm_table_form *f = k ? &cut : &whole;

			same(&f->plain, &bytes.plain);
			same(&f->quoted, &bytes.quoted);
			assert_int_equal(f->cr, bytes.cr);
			assert_int_equal(f->crlf, bytes.crlf);
			assert_int_equal(f->control, bytes.control);
			assert_int_equal(f->wide_control, bytes.wide_control);
			assert_int_equal(f->broken, bytes.broken);
			assert_int_equal(f->nbegun, bytes.nbegun);
			assert_int_equal(f->objects, bytes.objects);
			assert_int_equal(f->formulas, bytes.formulas);
			assert_int_equal(f->has_quotes, bytes.has_quotes);
			assert_int_equal(f->is_open, bytes.is_open);
			assert_int_equal(f->bom, bytes.bom);
		}
	}
}

static struct fm_table_form form_of(const char *text)
{
	struct fm_table_form f = {0};

	fm_table_form_add(&f, (const uint8_t *)text, strlen(text));
	return f;
}

static void rows_have_as_many_values(void **state)
{
	struct fm_table_form f = form_of("# of many, words, here\na,b,c\n1,2,3\n4,\"5,6\",7\n");
	char many[40 * 6 + 1] = "";

	(void)state;
	assert_true(fm_table_form_has(&f, true, ',', 1, 3));
	assert_false(fm_table_form_has(&f, false, ',', 1, 3));
	assert_true(fm_table_form_has(&f, true, ',', 0, 3)); /* the comment has as many */
	assert_false(fm_table_form_has(&f, true, ',', 1, 4));
	assert_false(fm_table_form_has(&f, true, ';', 1, 3));
	assert_true(fm_table_form_has(&f, true, ' ', 1, 3)); /* cannot be told */
	assert_int_equal(f.quoted.n, 4);
	/* Lines far behind the head count as those in it. */
	for (int i = 0; i < 40; i++)
		strcat(many, "1\t2\t3\n");
	f = form_of(many);
	assert_true(fm_table_form_has(&f, true, '\t', 0, 3));
	many[6 * 38 + 1] = ' ';
	f = form_of(many);
	assert_false(fm_table_form_has(&f, true, '\t', 0, 3));
	f = form_of("{\"a\":1}\n{}\n[]\n{\"a\":1\n");
	assert_int_equal(f.objects, 2);
	f = form_of("\xef\xbb\xbf"
		    "1\r\n2\r\n\r3\n");
	assert_true(f.bom);
	assert_int_equal(f.cr, 3);
	assert_int_equal(f.crlf, 2);
}

static void text_is_utf8_without_controls(void **state)
{
	static const char *const good[] = {"a,\xc3\xa9,\xe2\x82\xac,\xf0\x9f\x98\x80\n", "\xc2\xa0\n", "\xe2\x80\xaf\n",
					   "\xf4\x8f\xbf\xbd\n"},
				 *const broken[] = {"\xff,\n",
						    "\x80\n",
						    "\xc0\xaf\n",
						    "\xc1\xbf\n",
						    "\xe0\x80\xaf\n",
						    "\xed\xa0\x80\n",
						    "\xf4\x90\x80\x80\n",
						    "\xf5\x80\x80\x80\n",
						    "\xe2\x82\n",
						    "\xc3,",
						    ("a\xe9"
						     "b,c\n"),
						    "\xc3\xc3\xa9\n"},
				 *const control[] = {("\xc2\x9b"
						      "2J\n"),
						     "\xc2\x80\n",
						     "\xc2\x85\n",
						     "\xc2\x9f\n",
						     "\x1b[2J\n",
						     "\x7f\n"};
	char text[300];

	(void)state;
	/* Alone, and where blocks of printable text come before and behind. */
	for (int far = 0; far < 2; far++) {
		struct fm_table_form f;

#define FORM(of) (snprintf(text, sizeof text, "%s%s%s", far ? MANY : "", of, far ? MANY : ""), f = form_of(text))
#define MANY "0123456789,0123456789,0123456789,0123456789,0123456789,0123456789,0123456789\n"
		for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
			FORM(good[i]);
			assert_int_equal(f.broken + f.nbegun + f.control + f.wide_control, 0);
		}
		for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
			FORM(broken[i]);
			assert_true(f.broken > 0);
			assert_int_equal(f.control + f.wide_control, 0);
		}
		for (size_t i = 0; i < sizeof control / sizeof *control; i++) {
			FORM(control[i]);
			assert_int_equal(f.control, (uint8_t)*control[i] < 0x80);
			assert_int_equal(f.wide_control, (uint8_t)*control[i] >= 0x80);
			assert_int_equal(f.broken, 0);
		}
	}
	assert_int_equal(form_of("a,\xe2\x82").nbegun, 2);
}

static uint64_t formulas(const char *text)
{
	struct fm_table_form f = form_of(text);

	return f.formulas;
}

static void formulas_are_counted(void **state)
{
	static const char *const none[] = {"1,-,-1,+2.5,-.5,a=b,a@b, =1,->,<-,1-a\n", "-\n", "+", "-,-\n-\n",
					   "...AP.,-5\n"},
				 *const one[] = {"=1\n",        "a,=cmd|' /C calc'!A0\n",
						 "a;@SUM(1)\n", "a|+A1\n",
						 "a\t-A1\n",    "\"=1\"\n",
						 "1\n-(1)\n",   "1\n+=1\n",
						 "1,-@x\n",     "1,--2\n"};

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(formulas(none[i]), 0);
	for (size_t i = 0; i < sizeof one / sizeof *one; i++)
		assert_int_equal(formulas(one[i]), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(however_bytes_come),
	    cmocka_unit_test(rows_have_as_many_values),
	    cmocka_unit_test(text_is_utf8_without_controls),
	    cmocka_unit_test(formulas_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
