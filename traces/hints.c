#include "traces/hints.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool has(const char *s, size_t n, char c)
{
	return n && memchr(s, c, n);
}

static bool is_negative_number(const char *s, size_t n)
{
	double v;

	return n > 1 && *s == '-' && !fm_parse_double(s, n, &v);
}

const char *fm_hint_zone_name(void)
{
	return "has the name of a time zone behind it, and several zones have that name, or none: set timezone in the "
	       "dialect to the zone that is meant, such as America/New_York, whose names are read then";
}

const char *fm_hint_half_day(const char *s, size_t n)
{
	const char *end = s + n;

	if (n < 4 || (end[-1] | 0x20) != 'm' || ((end[-2] | 0x20) != 'a' && (end[-2] | 0x20) != 'p') ||
	    !fm_is_digit(end[end[-3] == ' ' ? -4 : -3]))
		return NULL;
	return "is of a 12-hour clock, with AM or PM: give its pattern as the format of the column, such as "
	       "\"%Y-%m-%d %I:%M:%S %p\"";
}

const char *fm_hint_clock(const char *s, size_t n, const char *otherwise)
{
	/* For the years 1990 to 2100. */
	static const struct {
		double scale;
		const char *text;
	} units[] = {
	    {1, "is a number and no date, by its size of seconds since 1970: set format: seconds"},
	    {1e3, "is a number and no date, by its size of milliseconds since 1970: set format: milliseconds"},
	    {1e6, "is a number and no date, by its size of microseconds since 1970: set format: microseconds"},
	    {1e9, "is a number and no date, by its size of nanoseconds since 1970: set format: nanoseconds"},
	};
	const char *word = s + n;
	double v;

	if (!fm_parse_double(s, n, &v)) {
		if (v >= 0 && v <= 0)
			return "is 0, a time that was never set";
		if (v >= 32874 && v < 73051) /* 1990 to 2100 */
			return "is a number and no date, by its size of days since 1900, as a spreadsheet counts them: "
			       "set format: days-1900 (days-1904 where it counts from 1904)";
		if (v >= 6.2e17 && v < 6.7e17)
			return "is a number and no date, by its size of ticks of .NET, of 100 ns since the year 1: "
			       "have "
			       "it written as a date, or as seconds since 1970";
		if (v >= 1.2e17 && v < 1.5e17)
			return "is a number and no date, by its size a FILETIME of Windows, of 100 ns since 1601: have "
			       "it "
			       "written as a date, or as seconds since 1970";
		for (size_t i = 0; i < COUNT_OF(units); i++)
			if (v >= 631152000 * units[i].scale && v < 4102444800 * units[i].scale)
				return units[i].text;
		return "is a number and no date: set the unit as its format, and relative_to if it does not count from "
		       "1970";
	}
	if (n > 4 && !memcmp(s, "0000", 4))
		return "is a time that was never set (year 0000)";
	if (n > 4 && (s[1] == ':' || s[2] == ':'))
		return "has no date: where the date has a column of its own, both are parts of one time (sum: true, "
		       "with a pattern each); in a trace of one day relative_to says the date, with a pattern such as "
		       "\"%H:%M:%S.%f\"";
	if (n >= 8 && n <= 10 && !has(s, n, ':') && (has(s, n, '-') || has(s, n, '/')))
		return "has a date and no time of day: where that has a column of its own, both are parts of one time "
		       "(sum: true, with a pattern each)";
	while (word > s && (word[-1] | 0x20) >= 'a' && (word[-1] | 0x20) <= 'z')
		word--;
	if (word > s + 8 && s + n - word >= 3 && s + n - word <= 5 && word[-1] == ' ' && fm_is_digit(word[-2]))
		return "has the name of a time zone behind it: a pattern has %Z in its place";
	return otherwise;
}

const char *fm_hint_epoch(const char *s, size_t n, bool out_of_range)
{
	int64_t ms;

	if (out_of_range)
		return "lies outside the years 1970 to 2261 (is the format of the column its unit?)";
	if (n >= 19 && !fm_parse_time_ms(s, 19, &ms))
		return "is a date and no number: set format: datetime or a pattern";
	return has(s, n, ',') ? "is not a time in numbers: it has a comma, where a point is expected (decimal: \",\" "
				"in the dialect reads it)"
			      : "is not a time in numbers";
}

const char *fm_hint_duration(const char *s, size_t n)
{
	if (has(s, n, ':'))
		return "is not a duration H:MM:SS";
	if (has(s, n, ','))
		return "is not a duration: it has a comma, where a point is expected (decimal: \",\" in the dialect "
		       "reads it)";
	if (n > 1 && (fm_is_digit(*s) || *s == 'P') && (s[n - 1] | 0x20) >= 'a' && (s[n - 1] | 0x20) <= 'z')
		return "is not a duration: it has its unit behind it, but not as 1d2h3m4s, 250 ms or PT5S have theirs";
	return "is not a duration";
}

/* 00:1b:..., 0:c:29:..., 00-1b-... and 001b.2233.4455. */
static bool is_mac(const char *s, size_t n)
{
	size_t groups = 1, most = 0, digits = 0;
	char mark = 0;

	for (size_t i = 0; i < n; i++) {
		if (fm_hex_digit(s[i]) >= 0) {
			digits++;
			most = digits > most ? digits : most;
			continue;
		}
		if (!digits || !strchr(":-.", s[i]) || !s[i] || (mark && s[i] != mark))
			return false;
		mark = s[i];
		digits = 0;
		groups++;
	}
	return digits && ((groups == 6 && most <= 2 && mark != '.') || (groups == 3 && most == 4 && mark == '.'));
}

/* A point and four decimal numbers before it: 10.0.0.1.443 and 10.0.0.1-443. */
static bool has_port_behind(const char *s, size_t n, const char *marks)
{
	size_t points = 0, i;
	uint32_t ip;

	for (i = 0; i < n && (fm_is_digit(s[i]) || (s[i] == '.' && ++points < 4)); i++)
		continue;
	return i > 6 && i + 1 < n && strchr(marks, s[i]) && !fm_parse_ipv4(s, i, &ip);
}

const char *fm_hint_address(const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n), *points = memmem(s, n, "..", 2);
	size_t digits = 0, letters = 0, point = 0, hex = 0;
	bool zero = false;

	if (has_port_behind(s, n, ":."))
		return "is an IPv4 address with a port behind it: format: address-port reads both";
	if (has_port_behind(s, n, "-#"))
		return "is an IPv4 address with a port behind it: each needs a column of its own";
	if (n && *s == '[' && memmem(s, n, "]:", 2))
		return "is an address with a port behind it: format: address-port reads both";
	if (is_mac(s, n))
		return "is a MAC address";
	if (colon && points > colon)
		return "is a shortened IPv6 address: have it written in full (nfdump -6)";
	if (has(s, n, '/'))
		return "is a network with the length of its prefix, not an address of a host";
	for (size_t i = 0; i < n; i++) {
		zero = zero || (s[i] == '0' && i + 1 < n && fm_is_digit(s[i + 1]) && (!i || s[i - 1] == '.'));
		digits += fm_is_digit(s[i]);
		hex += fm_hex_digit(s[i]) >= 0;
		point += s[i] == '.';
		letters += (s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z';
	}
	if ((n > 2 && *s == '0' && (s[1] | 0x20) == 'x') || (n == 8 && digits < n && hex == n))
		return "is a hexadecimal number: have addresses written with points or colons";
	if (n && digits == n)
		return "is a whole number: set format: ipv4-integer if it is an IPv4 address";
	if (n && (point == 2 || point == 3) && digits + point == n)
		return zero ? "is an IPv4 address with zeros before its numbers, which some programs read as octal: "
			      "have it written without them"
			    : "is not an IPv4 address: one of its numbers is over 255 or missing";
	if (n > 2 && point == 3 && (s[n - 1] == '*' || (s[n - 1] | 0x20) == 'x'))
		return "is not an address: a part of it is masked; have each masked as a whole number, such as 0";
	if (!colon && n && (letters > 1 || ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z')))
		return "is a name and no address: give the names addresses with hosts and format: named-address, or "
		       "have numbers written";
	return "is not an address";
}

const char *fm_hint_port(const char *s, size_t n)
{
	const char *mark = n ? memchr(s, '.', n) : NULL;
	uint64_t type, code;

	if (is_negative_number(s, n))
		return n == 2 && s[1] == '1'
			   ? "is negative: where -1 stands for none, missing: [\"-1\"] in the dialect reads it"
			   : "is negative";
	if (n && !mark)
		mark = memchr(s, '/', n);
	if (mark && !fm_parse_u64(s, (size_t)(mark - s), 255, &type) &&
	    !fm_parse_u64(mark + 1, n - (size_t)(mark - s) - 1, 255, &code))
		return *mark == '.' ? "is not a port number: set format: type.code if it is type and code of ICMP"
				    : "is not a port number: have type and code of ICMP written with a point between "
				      "them, and set format: type.code";
	if (n > 2 && fm_is_digit(*s) && (has(s, n, ' ') || has(s, n, '(')))
		return "is not a port number: words stand behind it: have the number alone written";
	return has(s, n, ',') ? "is not a port number: it has a comma (thousands: \",\" in the dialect reads it)"
			      : "is not a port number";
}

/* U+00A0, U+202F or U+2009 */
static bool has_wide_blank(const char *s, size_t n)
{
	return memmem(s, n, "\xc2\xa0", 2) || memmem(s, n, "\xe2\x80\xaf", 3) || memmem(s, n, "\xe2\x80\x89", 3);
}

/* 1.234 and 1.234.567 */
static bool is_grouped(const char *s, size_t n)
{
	size_t at = 0;

	while (at < n && fm_is_digit(s[at]))
		at++;
	if (!at || at > 3 || at == n || (n - at) % 4)
		return false;
	for (; at < n; at += 4)
		if (s[at] != '.' || !fm_is_digit(s[at + 1]) || !fm_is_digit(s[at + 2]) || !fm_is_digit(s[at + 3]))
			return false;
	return true;
}

const char *fm_hint_count(const char *s, size_t n)
{
	uint64_t v;
	double d;

	if (is_negative_number(s, n))
		return n == 2 && s[1] == '1'
			   ? "is negative: where -1 stands for none, missing: [\"-1\"] in the dialect reads it"
			   : "is negative";
	if (has(s, n, ','))
		return "is not a nonnegative integer: it has a comma (thousands: \",\" in the dialect reads it, if it "
		       "stands "
		       "between thousands)";
	if (!fm_parse_u64(s, n, UINT64_MAX, &v) || (!fm_parse_double(s, n, &d) && d >= 9223372036854775808.0))
		return "is over 2^63 - 1";
	if (is_grouped(s, n))
		return "is not a nonnegative integer: it has a fraction of three digits, or a point between thousands "
		       "(decimal: \",\" and thousands: \".\" in the dialect read that)";
	if (!fm_parse_double(s, n, &d))
		return "is not a nonnegative integer: it has a fraction";
	if (n > 1 && fm_is_digit(*s) && ((s[n - 1] | 0x20) >= 'a' && (s[n - 1] | 0x20) <= 'z') && s[1] != 'x' &&
	    s[1] != 'X')
		return "is not a nonnegative integer: it has a unit behind it (suffix in the dialect reads K, M, G and "
		       "T "
		       "alone): have plain numbers written";
	if (has_wide_blank(s, n) && (fm_is_digit(*s) && fm_is_digit(s[n - 1])))
		return "is not a nonnegative integer: a no-break space stands between its digits (thousands: \" \" in "
		       "the "
		       "dialect reads it)";
	if (has(s, n, ' ') || has(s, n, '\'') || has(s, n, '_'))
		return "is not a nonnegative integer: something stands between its digits (the key thousands of a "
		       "dialect "
		       "reads what stands between thousands)";
	if (n >= 3 && n <= 9 && !strncasecmp(s + (*s == '-' || *s == '+'), "inf", 3))
		return "is not a nonnegative integer: it is infinite (as a word of missing in the dialect it is no "
		       "value)";
	if (n > 2 && *s == '0' && (s[1] | 0x20) == 'x')
		return "is not a nonnegative integer: it is hexadecimal";
	return "is not a nonnegative integer";
}

bool fm_hint_is_no_value(const char *s, size_t n)
{
	static const char *const words[] = {"none", "null",    "nil",       "n/a",   "na",      "<na>",   "#n/a", "nat",
					    "\\n",  "(null)",  "(none)",    "nan",   "-",       "--",     "---",  "?",
					    "*",    "unknown", "undefined", "empty", "(empty)", "missing"};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strlen(words[i]) == n && !strncasecmp(words[i], s, n))
			return true;
	return false;
}

bool fm_hint_is_nothing(const char *s, size_t n)
{
	static const char *const words[] = {"none", "null", "nil", "n/a", "na",     "<na>",
					    "#n/a", "nat",  "nan", "\\n", "(null)", "(none)"};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strlen(words[i]) == n && !strncasecmp(words[i], s, n))
			return true;
	return false;
}
