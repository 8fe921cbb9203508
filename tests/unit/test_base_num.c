/* Numbers, addresses and times: what is accepted means one value, and nothing else is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/rng.h"

static struct fm_rng rng;

static int seed(void **state)
{
	(void)state;
	fm_rng_init(&rng, 7, FM_RNG_JUDGE, 0, 0);
	return 0;
}

/* A random number of a random length in bits. */
static uint64_t any_u64(void)
{
	unsigned bits = fm_rng_below(&rng, 65);

	return bits == 0 ? 0 : fm_rng_u64(&rng) >> (64 - bits);
}

static void test_integers_survive_the_round_trip(void **state)
{
	char text[32], want[32];
	uint64_t u;
	int64_t i;

	(void)state;
	for (int k = 0; k < 200000; k++) {
		uint64_t v = any_u64();
		size_t n = fm_format_u64(v, text);

		assert_int_equal(n, snprintf(want, sizeof(want), "%" PRIu64, v));
		assert_memory_equal(text, want, n);
		assert_int_equal(fm_parse_u64(text, n, UINT64_MAX, &u), 0);
		assert_true(u == v);
		if (v > 0)
			assert_int_equal(fm_parse_u64(text, n, v - 1, &u), -1);
		n = (size_t)snprintf(text, sizeof(text), "%" PRId64, (int64_t)v);
		assert_int_equal(fm_parse_i64(text, n, &i), 0);
		assert_true(i == (int64_t)v);
	}
}

static void test_integers_refuse_all_else(void **state)
{
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  " 1",
					  "1 ",
					  "1.0",
					  "0x10",
					  "1e3",
					  "1,000",
					  "a",
					  "18446744073709551616",
					  "99999999999999999999",
					  "000000000000000000001",
					  "1844674407370955161a",
					  "\xD9\xA1"};
	static const char *const bad_signed[] = {
	    "", "-", "--1", "+1", "- 1", "9223372036854775808", "-9223372036854775809", "1-", "-1-", "-a"};
	uint64_t u = 42;
	int64_t i = 42;

	(void)state;
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		assert_int_equal(fm_parse_u64(bad[k], strlen(bad[k]), UINT64_MAX, &u), -1);
	for (size_t k = 0; k < sizeof(bad_signed) / sizeof(bad_signed[0]); k++)
		assert_int_equal(fm_parse_i64(bad_signed[k], strlen(bad_signed[k]), &i), -1);
	assert_int_equal(fm_parse_u64("1\0", 2, UINT64_MAX, &u), -1);
	assert_int_equal(fm_parse_u64("65536", 5, 65535, &u), -1);
	assert_true(u == 42 && i == 42);
	assert_int_equal(fm_parse_u64("65536", 4, 65535, &u), 0); /* n bytes and no more */
	assert_true(u == 6553);
	assert_int_equal(fm_parse_u64("007", 3, 7, &u), 0);
	assert_true(u == 7);
	assert_int_equal(fm_parse_i64("-9223372036854775808", 20, &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(fm_parse_i64("-0", 2, &i), 0);
	assert_true(i == 0);
}

static void scaled(const char *s, int scale, int64_t want)
{
	int64_t v = 0;

	if (fm_parse_scaled(s, strlen(s), scale, &v) != 0)
		fail_msg("\"%s\" with scale %d is refused", s, scale);
	if (v != want)
		fail_msg("\"%s\" with scale %d is %" PRId64 ", not %" PRId64, s, scale, v, want);
}

static void test_scaled_rounds_half_up(void **state)
{
	static const char *const bad[] = {"",
					  ".",
					  "-",
					  "-.",
					  "1.2.3",
					  "1e",
					  "1e+",
					  "e5",
					  "nan",
					  "inf",
					  "0x1",
					  " 1",
					  "1 ",
					  "+1",
					  "1,5",
					  "9223372036854775.808",
					  "-9223372036854775.809",
					  "1e16",
					  "1e999999999999",
					  "99999999999999999999999"};
	int64_t v = 42;

	(void)state;
	scaled("7.25", 3, 7250);
	scaled("0", 3, 0);
	scaled("0.000", 3, 0);
	scaled("-0.0", 3, 0);
	scaled("5.", 3, 5000);
	scaled(".5", 3, 500);
	scaled("0.0004999", 3, 0);
	scaled("0.0005", 3, 1);
	scaled("0.00049999999999999999999999999999", 3, 0);
	scaled("-0.0005", 3, 0);
	scaled("-0.00050000000000000000000000001", 3, -1);
	scaled("-0.0015", 3, -1);
	scaled("-0.0016", 3, -2);
	scaled("1.9995", 3, 2000);
	scaled("9.9999", 3, 10000);
	scaled("1.5e3", 0, 1500);
	scaled("1.5E+3", 3, 1500000);
	scaled("15e-4", 3, 2);
	scaled("1e-400", 3, 0);
	scaled("0e999999999", 3, 0);
	scaled("1460333112123456", -3, 1460333112123);
	scaled("1460333112123500", -3, 1460333112124);
	scaled("499", -3, 0);
	scaled("500", -3, 1);
	scaled("49", -3, 0);
	scaled("9223372036854775807", 0, INT64_MAX);
	scaled("-9223372036854775808", 0, INT64_MIN);
	scaled("9223372036854775806.5", 0, INT64_MAX);
	scaled("00000000000000000000000000000001", 0, 1);
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		assert_int_equal(fm_parse_scaled(bad[k], strlen(bad[k]), 3, &v), -1);
	assert_int_equal(fm_parse_scaled("9223372036854775807.5", 21, 0, &v), -1);
	assert_true(v == 42);
}

static void test_scaled_equals_long_division(void **state)
{
	char text[64];

	(void)state;
	for (int k = 0; k < 100000; k++) {
		int decimals = (int)fm_rng_below(&rng, 10), scale = (int)fm_rng_below(&rng, 7) - 3;
		int64_t v = (int64_t)(any_u64() >> 24), want;
		__int128 num = v, den = 1, q;

		v = fm_rng_below(&rng, 2) ? -v : v;
		num = v;
		/* v stands for v / 10^decimals */
		for (int i = 0; i < decimals; i++)
			den *= 10;
		int n = snprintf(text, sizeof(text), "%s%" PRIu64, v < 0 ? "-" : "",
				 (uint64_t)(v < 0 ? -v : v) / (uint64_t)den);
		if (decimals > 0)
			snprintf(text + n, sizeof(text) - (size_t)n, ".%0*" PRIu64, decimals & 15,
				 (uint64_t)(v < 0 ? -v : v) % (uint64_t)den);
		for (int i = 0; i < scale; i++)
			num *= 10;
		for (int i = 0; i > scale; i--)
			den *= 10;
		/* floor(num/den + 1/2) = floor((2 num + den) / (2 den)) */
		q = (2 * num + den) / (2 * den);
		if ((2 * num + den) % (2 * den) < 0)
			q--;
		want = (int64_t)q;
		scaled(text, scale, want);
	}
}

static void test_doubles_survive_and_are_shortest(void **state)
{
	char text[64], other[64];

	(void)state;
	for (int k = 0; k < 60000; k++) {
		uint64_t bits = fm_rng_u64(&rng);
		double v, back;
		int n, digits = 0;

		if (k % 4 == 1) /* few digits */
			v = (double)(bits >> 40) / 1000.0;
		else if (k % 4 == 2) /* powers of two, where neighbours lie unevenly */
			v = ldexp(1.0, (int)(bits % 2098) - 1074);
		else if (k % 4 == 3) /* subnormal */
			v = ldexp((double)(bits >> (12 + bits % 50)), -1074);
		else
			memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		n = fm_format_double(v, text, sizeof(text));
		assert_true(n > 0 && strlen(text) == (size_t)n);
		assert_int_equal(fm_parse_double(text, (size_t)n, &back), 0);
		assert_memory_equal(&back, &v, sizeof(v));
		assert_true(strtod(text, NULL) == v);
		/* One digit fewer must not do. */
		const char *first = strpbrk(text, "123456789"), *last = first;
		if (first == NULL)
			continue;
		for (const char *p = first; *p != '\0' && *p != 'e'; p++)
			if (*p >= '1' && *p <= '9')
				last = p;
		for (const char *p = first; p <= last; p++)
			digits += *p != '.';
		assert_true(digits <= 17);
		if (digits > 1) {
			snprintf(other, sizeof(other), "%.*e", digits - 2, v);
			assert_true(strtod(other, NULL) != v);
		}
	}
}

static void test_doubles_are_written_as_ecmascript_does(void **state)
{
	static const struct {
		double v;
		const char *text;
	} want[] = {
	    {0, "0"},
	    {-0.0, "-0"},
	    {1, "1"},
	    {-1.5, "-1.5"},
	    {0.1, "0.1"},
	    {1e20, "100000000000000000000"},
	    {1e21, "1e+21"},
	    {1e22, "1e+22"},
	    {1e23, "1e+23"},
	    {123456789012345680000.0, "123456789012345680000"},
	    {0.000001, "0.000001"},
	    {1e-7, "1e-7"},
	    {1.5e-7, "1.5e-7"},
	    {5e-324, "5e-324"},
	    {1.7976931348623157e308, "1.7976931348623157e+308"},
	    {2.2250738585072014e-308, "2.2250738585072014e-308"},
	    {0x1p-44, "5.684341886080802e-14"},
	    {9007199254740992.0, "9007199254740992"},
	    {9007199254740994.0, "9007199254740994"},
	    {4.35, "4.35"},
	    {333333333.33333329, "333333333.3333333"},
	    {1e-5, "0.00001"},
	    {0.30000000000000004, "0.30000000000000004"},
	    {NAN, "nan"},
	    {INFINITY, "inf"},
	    {-INFINITY, "-inf"},
	};
	char text[64];

	(void)state;
	for (size_t k = 0; k < sizeof(want) / sizeof(want[0]); k++) {
		assert_int_equal(fm_format_double(want[k].v, text, sizeof(text)), strlen(want[k].text));
		assert_string_equal(text, want[k].text);
	}
	assert_int_equal(fm_format_double(0.125, text, 5), -1);
	assert_int_equal(fm_format_double(0.125, text, 6), 5);
}

static void test_doubles_parse_like_strtod_and_refuse_all_else(void **state)
{
	static const char *const bad[] = {"",      " ",     " 1",     "1 ", "+1",  "inf",      "-inf", "nan",
					  "0x1p3", "1e",    "1e+",    "e1", ".",   "-",        "-.",   "1.2.3",
					  "1,5",   "1e999", "-1e400", "1f", "1d0", "infinity", "1_000"};
	char text[1100];
	double v = 42;

	(void)state;
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		assert_int_equal(fm_parse_double(bad[k], strlen(bad[k]), &v), -1);
	assert_int_equal(fm_parse_double("1\0", 2, &v), -1);
	memset(text, '1', sizeof(text));
	assert_int_equal(fm_parse_double(text, sizeof(text), &v), -1);
	for (int k = 0; k < 100000; k++) {
		int n = 0, whole = (int)fm_rng_below(&rng, 22), part = (int)fm_rng_below(&rng, 22);

		if (fm_rng_below(&rng, 3) == 0)
			text[n++] = '-';
		for (int i = 0; i < whole; i++)
			text[n++] = (char)('0' + fm_rng_below(&rng, 10));
		if (part > 0 || whole == 0)
			text[n++] = '.';
		for (int i = 0; i < part || (i == 0 && whole == 0); i++)
			text[n++] = (char)('0' + fm_rng_below(&rng, 10));
		if (fm_rng_below(&rng, 2))
			n += sprintf(text + n, "e%d", (int)fm_rng_below(&rng, 80) - 40);
		text[n] = '\0';
		assert_int_equal(fm_parse_double(text, (size_t)n, &v), 0);
		double want = strtod(text, NULL);
		assert_memory_equal(&v, &want, sizeof(v));
	}
}

static void test_doubles_do_not_follow_the_locale(void **state)
{
	static const char *const comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "es_ES.UTF-8"};
	const char *got = NULL;
	char text[64];
	double v = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(comma) / sizeof(comma[0]) && got == NULL; k++)
		got = setlocale(LC_NUMERIC, comma[k]);
	if (got == NULL) {
		print_message("no locale with a decimal comma is installed\n");
		skip();
	}
	int parsed = fm_parse_double("0.1234567890123456789", 21, &v), n = fm_format_double(0.3, text, sizeof(text));
	setlocale(LC_NUMERIC, "C");
	assert_int_equal(parsed, 0);
	assert_true(v == 0.1234567890123456789);
	assert_int_equal(n, 3);
	assert_string_equal(text, "0.3");
}

static void test_addresses_survive_and_no_text_is_taken_twice(void **state)
{
	static const char *const bad[] = {"",          "1.2.3",     "1.2.3.4.", ".1.2.3.4",  "1.2.3.4.5",
					  "256.1.1.1", "1.1.1.256", "01.2.3.4", "1.2.3.00",  "1.2.3.4 ",
					  " 1.2.3.4",  "1..3.4",    "1.2.3.-4", "1.2.3.0x4", "1.2.3.1000",
					  "16909060",  "::1",       "a.b.c.d",  "1,2,3,4",   "999999999999999"};
	char text[FM_IPV4_MAX], again[FM_IPV4_MAX];
	uint32_t ip, back;

	(void)state;
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		assert_int_equal(fm_parse_ipv4(bad[k], strlen(bad[k]), &ip), -1);
	for (int k = 0; k < 20000; k++) {
		uint32_t v = k < 256 ? (uint32_t)k * 0x01010101u : fm_rng_u32(&rng);
		size_t n = fm_format_ipv4(v, text);

		assert_true(n <= 15);
		assert_int_equal(fm_parse_ipv4(text, n, &back), 0);
		assert_true(back == v);
		/* A changed byte is refused or is the one text of another address. */
		text[fm_rng_below(&rng, (uint32_t)n)] = "0123456789. -x\0"[fm_rng_below(&rng, 15)];
		if (fm_parse_ipv4(text, n, &back) == 0) {
			assert_int_equal(fm_format_ipv4(back, again), n);
			assert_memory_equal(text, again, n);
		}
		assert_int_equal(fm_parse_ipv4(text, n - n, &back), -1);
	}
}

static void assert_time(const char *s, int64_t want)
{
	int64_t ms = 0;

	if (fm_parse_time_ms(s, strlen(s), &ms) != 0)
		fail_msg("\"%s\" is refused", s);
	if (ms != want)
		fail_msg("\"%s\" is %" PRId64 ", not %" PRId64, s, ms, want);
}

static void test_every_day_of_five_centuries(void **state)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t day = -135140; /* 1600-01-01 */
	char text[64], back[FM_TIME_MAX];

	(void)state;
	for (int y = 1600; y < 2101; y++)
		for (int m = 1; m <= 12; m++)
			for (int d = 1; d <= 32; d++) {
				int leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
				int64_t ms = -1;
				size_t n = (size_t)sprintf(text, "%04d-%02d-%02d 12:34:56", y, m, d);
				int ok = fm_parse_time_ms(text, n, &ms) == 0;

				assert_int_equal(ok, d <= days[m - 1] + (m == 2 && leap));
				if (!ok)
					continue;
				assert_true(ms == (day * 86400 + 45296) * 1000);
				assert_int_equal(fm_format_time_s(ms, back), n);
				assert_memory_equal(back, text, n);
				day++;
			}
}

static void test_times_agree_with_the_c_library(void **state)
{
	char text[FM_TIME_MAX + 1], want[64];

	(void)state;
	for (int k = 0; k < 50000; k++) {
		int64_t s = (int64_t)(fm_rng_u64(&rng) % 315537897600u) - 62135596800; /* years 1 to 9999 */
		int64_t part = fm_rng_below(&rng, 1000), ms;
		time_t t = (time_t)s;
		struct tm tm;

		gmtime_r(&t, &tm);
		sprintf(want, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
			tm.tm_min, tm.tm_sec);
		size_t n = fm_format_time_s(s * 1000 + part, text);
		assert_int_equal(n, 19);
		text[n] = '\0';
		assert_string_equal(text, want);
		sprintf(text + 19, ".%03d", (int)part);
		assert_int_equal(fm_parse_time_ms(text, 23, &ms), 0);
		assert_true(ms == s * 1000 + part);
	}
	/* No time whatever overruns the buffer. */
	assert_true(fm_format_time_s(INT64_MAX, text) < FM_TIME_MAX);
	assert_true(fm_format_time_s(INT64_MIN, text) < FM_TIME_MAX);
	assert_int_equal(fm_format_time_s(-1, text), 19);
	assert_memory_equal(text, "1969-12-31 23:59:59", 19);
}

static void test_times_refuse_all_else(void **state)
{
	static const char *const bad[] = {
	    "",
	    "2016-04-11",
	    "2016-04-11 00:05",
	    "2016-04-11 24:00:00",
	    "2016-04-11 23:60:00",
	    "2016-04-11 23:59:60",
	    "2016-00-11 00:00:00",
	    "2016-13-11 00:00:00",
	    "2016-04-00 00:00:00",
	    "2016-04-31 00:00:00",
	    "2015-02-29 00:00:00",
	    "1900-02-29 00:00:00",
	    "2100-02-29 00:00:00",
	    "0000-01-01 00:00:00",
	    "2016-4-11 00:05:12",
	    "16-04-11 00:05:12  ",
	    "2016-04-11 00:05:12Z",
	    "2016-04-11 00:05:12.",
	    "2016-04-11 00:05:12,5",
	    "2016-04-11 00:05:12.1234567890",
	    "2016-04-11 00:05:12.12x",
	    "2016-04-11 00:05:12+01:00",
	    "2016/04/11 00:05:12",
	    " 2016-04-11 00:05:12",
	    "2016-04-11 00:05:12 ",
	    "+016-04-11 00:05:12",
	    "2016-04-11t00:05:12",
	    "2016-04-11  0:05:12",
	    "1460333112",
	};
	const char *good = "2016-04-11 00:05:12";
	char text[32], back[FM_TIME_MAX];
	int64_t ms = 42;

	(void)state;
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		if (fm_parse_time_ms(bad[k], strlen(bad[k]), &ms) == 0)
			fail_msg("\"%s\" is accepted", bad[k]);
	assert_true(ms == 42);
	assert_time("1970-01-01 00:00:00", 0);
	assert_time("1969-12-31T23:59:59.999", -1);
	assert_time("2016-04-11 00:05:12", 1460333112000);
	assert_time("2016-04-11 00:05:12.5", 1460333112500);
	assert_time("2016-04-11 00:05:12.123456", 1460333112123);
	assert_time("2000-02-29 00:00:00", 951782400000);
	assert_int_equal(fm_parse_date_s("2016-04-11", &ms), 0);
	assert_int_equal(ms, 1460332800);
	assert_int_equal(fm_parse_date_s("1969-12-31", &ms), 0);
	assert_int_equal(ms, -86400);
	for (size_t k = 0; k < 5; k++)
		assert_int_equal(
		    fm_parse_date_s(
			(const char *[]){"", "2016-4-11", "2015-02-29", "2016-04-11 ", "2016-04-11 00:05:12"}[k], &ms),
		    -1);
	/* One byte changed: refused, or the one text of another time. */
	for (size_t at = 0; at < 19; at++)
		for (int c = 0; c < 256; c++) {
			memcpy(text, good, 20);
			text[at] = (char)c;
			if (at == 10 && c == 'T')
				continue;
			if (fm_parse_time_ms(text, 19, &ms) == 0) {
				assert_int_equal(fm_format_time_s(ms, back), 19);
				assert_memory_equal(back, text, 19);
			}
		}
}

static void test_milliseconds_as_seconds_survive(void **state)
{
	char text[FM_TIME_MAX];
	int64_t back;

	(void)state;
	assert_int_equal(fm_format_ms_as_s(7250, text), 5);
	assert_memory_equal(text, "7.250", 5);
	assert_int_equal(fm_format_ms_as_s(-1, text), 6);
	assert_memory_equal(text, "-0.001", 6);
	for (int k = 0; k < 50000; k++) {
		int64_t v = (int64_t)any_u64();
		size_t n;

		v = k == 0 ? INT64_MIN : k == 1 ? INT64_MAX : v;
		n = fm_format_ms_as_s(v, text);
		assert_true(n < FM_TIME_MAX);
		assert_int_equal(fm_parse_scaled(text, n, 3, &back), 0);
		assert_true(back == v);
	}
}

static void two_digits_lie_outside(void **state)
{
	static const struct {
		double v, up, down;
	} t[] = {{0.0321, 0.033, 0.032}, {0.03 + 1.5 * 0.002, 0.033, 0.033}, {0.999, 1.0, 0.99},        {1, 1, 1},
		 {123, 130, 120},        {-0.0321, -0.032, -0.033},          {4.05e-7, 4.1e-7, 4.0e-7}, {0, 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		assert_true(fm_two_digits(t[i].v, 1) == t[i].up);
		assert_true(fm_two_digits(t[i].v, 0) == t[i].down);
	}
	assert_true(isinf(fm_two_digits(INFINITY, 1)) && isnan(fm_two_digits(NAN, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_digits_lie_outside),
	    cmocka_unit_test(test_integers_survive_the_round_trip),
	    cmocka_unit_test(test_integers_refuse_all_else),
	    cmocka_unit_test(test_scaled_rounds_half_up),
	    cmocka_unit_test(test_scaled_equals_long_division),
	    cmocka_unit_test(test_doubles_survive_and_are_shortest),
	    cmocka_unit_test(test_doubles_are_written_as_ecmascript_does),
	    cmocka_unit_test(test_doubles_parse_like_strtod_and_refuse_all_else),
	    cmocka_unit_test(test_doubles_do_not_follow_the_locale),
	    cmocka_unit_test(test_addresses_survive_and_no_text_is_taken_twice),
	    cmocka_unit_test(test_every_day_of_five_centuries),
	    cmocka_unit_test(test_times_agree_with_the_c_library),
	    cmocka_unit_test(test_times_refuse_all_else),
	    cmocka_unit_test(test_milliseconds_as_seconds_survive),
	};

	return cmocka_run_group_tests(tests, seed, NULL);
}
