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
			  seldom[] = "\n\n\"\r\t;|{}\x01\x7f\xef\xbb\xbf,,,,,";
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
	    cmocka_unit_test(formulas_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
