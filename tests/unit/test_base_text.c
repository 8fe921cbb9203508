/* Text from outside: no byte of it drives a terminal, by whatever way it is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "tests/unit/capture.h"
#include "tests/unit/scratch.h"

/* What a hostile name may hold: a title change, a clear screen, a carriage return, C1 in both forms, a half character.
 */
#define EVIL                                                                                                           \
	"\033]0;owned\a\r\n\x7f\xC2\x9B"                                                                               \
	"2J\x9B"                                                                                                       \
	"2J\xC3"
#define TAME "\\x1b]0;owned\\x07\\x0d\\x0a\\x7f\\xc2\\x9b2J\\x9b2J\\xc3"

/* Printable UTF-8 all through? */
static int is_tame(const char *s, size_t n)
{
	uint32_t code;

	for (size_t i = 0, len; i < n; i += len)
		if ((len = fm_utf8_next(s + i, n - i, &code)) == 0 || code < 0x20 || (code >= 0x7F && code <= 0x9F))
			return 0;
	return 1;
}

static void test_utf8_is_what_unicode_says(void **state)
{
	static const struct {
		const char *s;
		size_t len;
		uint32_t code;
	} cases[] = {
	    {"A", 1, 'A'},
	    {"\x7f", 1, 0x7F},
	    {"\xC2\x80", 2, 0x80},
	    {"\xDF\xBF", 2, 0x7FF},
	    {"\xE0\xA0\x80", 3, 0x800},
	    {"\xED\x9F\xBF", 3, 0xD7FF},
	    {"\xEE\x80\x80", 3, 0xE000},
	    {"\xEF\xBF\xBF", 3, 0xFFFF},
	    {"\xF0\x90\x80\x80", 4, 0x10000},
	    {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
	    /* overlong, surrogates, beyond the last, alone, cut */
	    {"\xC0\x80", 0, 0},
	    {"\xC1\xBF", 0, 0},
	    {"\xE0\x9F\xBF", 0, 0},
	    {"\xED\xA0\x80", 0, 0},
	    {"\xED\xBF\xBF", 0, 0},
	    {"\xF0\x8F\xBF\xBF", 0, 0},
	    {"\xF4\x90\x80\x80", 0, 0},
	    {"\xF5\x80\x80\x80", 0, 0},
	    {"\xFF", 0, 0},
	    {"\x80", 0, 0},
	    {"\xBF", 0, 0},
	    {"\xC3", 0, 0},
	    {"\xE2\x82", 0, 0},
	    {"\xF0\x9F\x98", 0, 0},
	    {"\xE2"
	     "A\x82",
	     0, 0},
	};
	uint32_t code;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		code = 0;
		assert_int_equal(fm_utf8_next(cases[i].s, strlen(cases[i].s), &code), cases[i].len);
		if (cases[i].len > 0)
			assert_int_equal(code, cases[i].code);
	}
	assert_int_equal(fm_utf8_next("A", 0, &code), 0);
	assert_int_equal(fm_utf8_next("\0", 1, &code), 1);
	assert_int_equal(code, 0);
	assert_int_equal(fm_utf8_next("\xE2\x82\xAC", 3, NULL), 3);
}

static void test_a_text_is_cut_between_characters(void **state)
{
	static const char euro[] = "a\xE2\x82\xAC";
	char out[8];

	(void)state;
	assert_int_equal(fm_utf8_cut(euro, 4), 4);
	assert_int_equal(fm_utf8_cut(euro, 3), 1);
	assert_int_equal(fm_utf8_cut(euro, 2), 1);
	assert_int_equal(fm_utf8_cut(euro, 1), 1);
	assert_int_equal(fm_utf8_cut(euro, 0), 0);
	assert_int_equal(fm_utf8_cut("\xF0\x9F\x98\x80", 3), 0);
	for (size_t cap = 1; cap <= 5; cap++) {
		assert_int_equal(fm_text_show(euro, 4, out, cap), cap < 2 ? 0 : cap < 5 ? 1 : 4);
		assert_memory_equal(out, euro, strlen(out));
	}
	/* An escape is whole or not there. */
	for (size_t cap = 1; cap <= 6; cap++)
		assert_int_equal(fm_text_show("a\033", 2, out, cap), cap < 2 ? 0 : cap < 6 ? 1 : 5);
}

static void test_shown_text_is_tame_and_stays(void **state)
{
	char out[256], again[256];
	size_t n = fm_text_show("caf\xC3\xA9 \xE6\xB5\x81\\ " EVIL, strlen("caf\xC3\xA9 \xE6\xB5\x81\\ " EVIL), out,
				sizeof(out));

	(void)state;
	assert_string_equal(out, "caf\xC3\xA9 \xE6\xB5\x81\\ " TAME);
	assert_int_equal(n, strlen(out));
	assert_int_equal(fm_text_show(out, n, again, sizeof(again)), n);
	assert_string_equal(again, out);
	assert_int_equal(fm_text_show("a\0b", 3, out, sizeof(out)), 6);
	assert_string_equal(out, "a\\x00b");
	for (unsigned a = 0; a < 256; a++) /* every pair of bytes */
		for (unsigned b = 0; b < 256; b++) {
			char pair[2] = {(char)a, (char)b};

			n = fm_text_show(pair, 2, out, sizeof(out));
			assert_true(is_tame(out, n) && n == strlen(out));
		}
}

/* What a shell makes of a command in a message is the text itself, whatever it holds. */
static void test_words_of_commands_are_words_of_a_shell(void **state)
{
	static const char *const of[][2] = {
	    {"week/a-1.csv", "week/a-1.csv"},
	    {"a b.csv", "'a b.csv'"},
	    {"$(touch y)`id`;*", "'$(touch y)`id`;*'"},
	    {"it's", "'it'\\''s'"},
	    {"'", "''\\'''"},
	    {"caf\xC3\xA9", "'caf\xC3\xA9'"},
	    {"", "''"},
	    {"~root", "'~root'"},
	    {"-rf", "FILE"},
	    {"a\nb", "FILE"},
	    {"a\xC2\x9B", "FILE"},
	    {"\xFF", "FILE"},
	    {"12345678901234567890", "FILE"}, /* with its NUL over what there is room for */
	    {"1234567890123456 89", "FILE"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		char word[20];

		assert_string_equal(fm_text_shell(of[i][0], strlen(of[i][0]), "FILE", word, sizeof word), of[i][1]);
	}
}

static void test_errors_are_tame(void **state)
{
	struct fm_error err;
	char big[3000];

	(void)state;
	fm_fail(&err, FM_EINPUT, "cannot read %s", EVIL);
	assert_string_equal(err.message, "cannot read " TAME);
	fm_error_prefix(&err, "%s: ", EVIL);
	assert_string_equal(err.message, TAME ": cannot read " TAME);
	fm_fail(&err, FM_EINPUT, "again: %s", err.message);
	assert_string_equal(err.message, "again: " TAME ": cannot read " TAME);
	errno = ENOENT;
	fm_fail_errno(&err, "cannot read %s", EVIL);
	assert_string_equal(err.message, "cannot read " TAME ": No such file or directory");
	assert_int_equal(fm_file_size(EVIL, &(uint64_t){0}, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, TAME));
	/* A message put there by hand is made tame by the next who adds to it. */
	strcpy(err.message, EVIL);
	fm_error_prefix(&err, "x: ");
	assert_string_equal(err.message, "x: " TAME);
	/* Wherever a long message is cut, no half character is left. */
	for (size_t i = 0; i + 3 < sizeof(big); i += 3)
		memcpy(big + i, "\xE2\x82\xAC", 4);
	for (int i = 0; i < 4; i++) {
		errno = EACCES;
		fm_fail_errno(&err, "%.*s%s", i, "xyz", big);
		assert_true(is_tame(err.message, strlen(err.message)));
		assert_null(strstr(err.message, "\\x"));
		fm_fail(&err, FM_EINPUT, "%.*s%s", i, "xyz", big);
		fm_error_prefix(&err, "%.*s", i, "xyz");
		assert_true(is_tame(err.message, strlen(err.message)));
		assert_null(strstr(err.message, "\\x"));
		assert_true(strlen(err.message) > sizeof(err.message) - 5);
	}
}

static void say(void)
{
	fm_log("reading %s", EVIL);
	fm_warn("mind %s", EVIL);
}

static void test_log_and_warnings_are_tame(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;
	int fd = open(scratch_path("log"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	with_stderr(fd, say);
	close(fd);
	assert_int_equal(fm_file_read(scratch_path("log"), 10000, &b, &err), FM_OK);
	assert_string_equal(b.data, "reading " TAME "\nflowmint: warning: mind " TAME "\n");
	fm_buf_free(&b);
}

static void progress(void)
{
	struct fm_progress p;

	fm_progress_begin(&p, "read", "flows", 2);
	fm_progress_step(&p, 1, EVIL);
	fm_progress_end(&p, EVIL);
}

static void test_the_progress_line_is_tame(void **state)
{
	struct winsize ws = {.ws_row = 24, .ws_col = 200};
	char text[4096];
	int master, terminal;
	size_t len = 0;

	(void)state;
	if (openpty(&master, &terminal, NULL, NULL, &ws) != 0) {
		print_message("no pseudo-terminal to be had\n");
		skip();
	}
	setenv("TERM", "xterm", 1);
	with_stderr(terminal, progress);
	close(terminal);
	for (ssize_t n; len < sizeof(text) - 1 && (n = read(master, text + len, sizeof(text) - 1 - len)) > 0;)
		len += (size_t)n; /* it comes in pieces, and ends with an error */
	text[len] = '\0';
	assert_null(strstr(text, "\033]"));
	assert_null(strchr(text, '\a'));
	assert_null(strstr(text, "\x9B"));
	assert_non_null(strstr(text, TAME));
	close(master);
}

static void test_a_dictionary_takes_utf8_alone(void **state)
{
	struct fm_dict d = {0};

	(void)state;
	assert_int_equal(fm_dict_index(&d, "", 0, true), 0);
	assert_int_equal(fm_dict_index(&d, "caf\xC3\xA9", 5, true), 1);
	assert_int_equal(fm_dict_index(&d, "caf\xC3", 4, true), -1);
	assert_int_equal(fm_dict_index(&d, "a\0b", 3, true), -1);
	assert_int_equal(fm_dict_index(&d, "\0", 1, true), -1);
	assert_int_equal(fm_dict_index(&d, "\xED\xA0\x80", 3, true), -1);
	fm_dict_free(&d);
}

static void test_rows_are_hidden(void **state)
{
	static const char *const cases[][2] = {
	    {"line 3 (2016-03-18 10:00:00,0.1,42.219.1.7,8.8.8.8,80,TCP) is bad",
	     "line 3 (2016-03-18 [private] is bad"},
	    {"from 10.0.0.1 to 2001:db8::7", "from [private] to [private]"},
	    {"'42.219.1.7:80'", "[private]"},
	    {"a;b;c;d;e and a|b|c|d|e", "[private] and [private]"},
	    {"1,234,567,890 rows, ingest, train, at 10:11:12", "1,234,567,890 rows, ingest, train, at 10:11:12"},
	    {"/data/10.0.0.1/trace.csv:12: version 1.2.0 of 3.1", "/data/10.0.0.1/trace.csv:12: version 1.2.0 of 3.1"},
	    {"", ""},
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, "%s", cases[i][0]);
		fm_text_hide_rows(text, sizeof text);
		assert_string_equal(text, cases[i][1]);
	}
	/* What grows is cut at the end of its memory. */
	memcpy(text, "1.2.3.4 1.2.3.4", 16);
	fm_text_hide_rows(text, 16);
	assert_string_equal(text, "[private] [priv");
}

static void what_is_written_is_read_again(void **state)
{
	char text[4];
	uint32_t code;

	(void)state;
	for (uint32_t c = 1; c < 0x110000; c++) {
		size_t n = fm_utf8_put(c, text);

		if (c >= 0xD800 && c < 0xE000) /* halves of pairs are no characters */
			continue;
		assert_int_equal(fm_utf8_next(text, n, &code), n);
		assert_int_equal(code, c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_utf8_is_what_unicode_says),
	    cmocka_unit_test(test_a_text_is_cut_between_characters),
	    cmocka_unit_test(test_shown_text_is_tame_and_stays),
	    cmocka_unit_test(test_words_of_commands_are_words_of_a_shell),
	    cmocka_unit_test(test_errors_are_tame),
	    cmocka_unit_test(test_log_and_warnings_are_tame),
	    cmocka_unit_test(test_the_progress_line_is_tame),
	    cmocka_unit_test(test_a_dictionary_takes_utf8_alone),
	    cmocka_unit_test(test_rows_are_hidden),
	    cmocka_unit_test(what_is_written_is_read_again),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
