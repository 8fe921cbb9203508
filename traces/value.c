#include "traces/value.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/text.h"
#include "traces/hints.h"
#include "traces/marks.h"
#include "traces/service.h"

#define COUNT_MAX ((uint64_t)INT64_MAX) /* so that every reader's signed integers hold it */
#define PICO INT64_C(1000000000000)

/* Up to 18 digits and nothing else; anything else is for the careful parsers. */
static inline bool short_uint(const char *s, size_t n, uint64_t *v)
{
	uint64_t x = 0;

	if (!n || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned c = (unsigned)(unsigned char)s[i] - '0';

		if (c > 9)
			return false;
		x = x * 10 + c;
	}
	*v = x;
	return true;
}

static int64_t divide_half_up(int64_t v, int64_t by)
{
	return v >= 0 ? v / by + (v % by >= by / 2) : v / by - (v % by < -(by / 2));
}

/* A number of the column's unit -> milliseconds, rounded half up. */
static int scaled_ms(enum fm_format f, const char *s, size_t n, int64_t *ms)
{
	int64_t v, unit = fm_format_long_ms(f);
	uint64_t whole, part;

	if (unit) {
		if (fm_parse_scaled(s, n, 12, &v))
			return -1;
		*ms =
		    v / PICO * unit + divide_half_up(v % PICO * (unit / 1000), PICO / 1000) - fm_format_before_1970(f);
		return 0;
	}
	/* "7.250" */
	if (f == FM_FMT_SECONDS && n > 4 && n < 16 && s[n - 4] == '.' && short_uint(s, n - 4, &whole) &&
	    short_uint(s + n - 3, 3, &part)) {
		*ms = (int64_t)(whole * 1000 + part);
		return 0;
	}
	if (fm_parse_scaled(s, n, f == FM_FMT_SECONDS ? 3 : 0, &v))
		return -1;
	if (f == FM_FMT_MICROSECONDS)
		v = divide_half_up(v, 1000);
	else if (f == FM_FMT_NANOSECONDS)
		v = divide_half_up(v, 1000000);
	*ms = v;
	return 0;
}

/* 24:00:00 is midnight, and a leap second (in a zone of half an hour too) the second after it: text, a time of at least
 * 19 bytes, becomes one that clocks have, and *add is what is then missing. */
static void plain_clock(char *text, size_t len, int64_t *add)
{
	*add = 0;
	if (!memcmp(text + 11, "24:00:00", 8) && strspn(text + 19, ".0") >= len - 19) {
		text[11] = text[12] = '0';
		*add = INT64_C(86400000);
	} else if (!memcmp(text + 17, "60", 2) && text[15] == '9' && (text[14] == '5' || text[14] == '2')) {
		memcpy(text + 17, "59", 2);
		*add = 1000;
	}
}

/* "YYYY-MM-DD HH:MM:SS[.fff]", with / for -, T for the blank and a comma for the point, or without seconds, and
 * possibly an offset or the name of a zone after it. *zoned: it has one. Returns -1, or FM_TIME_ZONE_NAME. */
static int datetime_ms(const struct fm_zone *zone, const char *s, size_t n, int64_t *ms, bool *zoned)
{
	char text[31];
	const char *end = s + n;
	size_t len = 19;
	int minutes = 0, rc;
	int64_t add;

	*zoned = false;
	if (!fm_parse_time_ms(s, n, ms))
		return 0;
	if (n == 16) { /* no seconds */
		memcpy(text, s, 16);
		memcpy(text + 16, ":00", 3);
		n = 19;
		end = s + 16;
	} else if (n < 19) {
		return -1;
	} else {
		if (n > 19 && (s[19] == '.' || s[19] == ','))
			for (len = 20; len < n && len < 30 && s[len] >= '0' && s[len] <= '9'; len++)
				continue;
		if (len == 30 || len == 20)
			return -1;
		memcpy(text, s, len);
	}
	text[len] = 0;
	if (text[4] == '/' && text[7] == '/')
		text[4] = text[7] = '-';
	if (text[10] == 't')
		text[10] = 'T';
	if (len > 19)
		text[19] = '.';
	plain_clock(text, len, &add);
	if (fm_parse_time_ms(text, len, ms))
		return -1;
	*ms += add;
	if (len < n) {
		*zoned = true;
		if ((rc = fm_time_zone_read(zone, s + len, end, *ms, &minutes)))
			return rc;
	}
	*ms -= (int64_t)minutes * 60000;
	return 0;
}

const char *fm_value_by_clock(const struct fm_dialect *d, const struct fm_time_said *said, int64_t *ms)
{
	if (said->zoned)
		return fm_time_take_off(said, d->zone, ms) ? fm_hint_zone_name() : NULL;
	if (d->zone && fm_zone_utc(d->zone, *ms, ms))
		return "is a time that the time zone skips, as summer time begins";
	if (!d->zone)
		*ms -= (int64_t)d->timezone * 60000;
	return NULL;
}

static const char *clock_time(const struct fm_dialect *d, int k, const char *s, size_t n, int64_t *ms,
			      struct fm_time_said *said)
{
	enum fm_format f = d->cols[k].format;
	const char *pattern = d->cols[k].pattern, *why;
	int rc;

	if (f == FM_FMT_PATTERN)
		rc = fm_time_pattern_read_part(pattern, d->cols[k].day_starts, s, n, ms, said);
	else
		rc = datetime_ms(d->zone, s, n, ms, &said->zoned);
	if (rc && (f != FM_FMT_PATTERN || rc == FM_TIME_ZONE_NAME) && (why = fm_hint_half_day(s, n)))
		return why;
	if (rc == FM_TIME_ZONE_NAME)
		return fm_hint_zone_name();
	if (rc && f == FM_FMT_PATTERN)
		return d->cols[k].part ? "is not a date or time of day of the pattern that the dialect gives"
				       : fm_hint_clock(s, n, "is not a time of the pattern that the dialect gives");
	if (rc)
		return fm_hint_clock(s, n,
				     f == FM_FMT_RFC3339
					 ? "is not a time YYYY-MM-DDTHH:MM:SS with Z or an offset such as +02:00"
					 : "is not a time YYYY-MM-DD HH:MM:SS (give its pattern as the format of the "
					   "column, such as \"%d/%m/%Y %H:%M\")");
	if (f == FM_FMT_RFC3339 && !said->zoned)
		return "has neither Z nor an offset such as +02:00";
	if (f == FM_FMT_PATTERN ? d->cols[k].part || (d->relative && !said->zoned) : said->zoned)
		return NULL;
	return fm_value_by_clock(d, said, ms);
}

const char *fm_value_time(const struct fm_dialect *d, int k, const char *s, size_t n, int64_t *ms,
			  struct fm_time_said *said)
{
	enum fm_format f = d->cols[k].format;
	const char *why = NULL;
	char number[FM_NUMBER_MAX];

	*said = (struct fm_time_said){0};
	if (fm_format_has_calendar(f))
		why = clock_time(d, k, s, n, ms, said);
	else if ((why = fm_plain_number(d, &s, &n, number)))
		return why;
	else if (scaled_ms(f, s, n, ms))
		why = fm_hint_epoch(s, n, false);
	else if (fm_format_before_1970(f))
		why = fm_value_by_clock(d, said, ms);
	if (!why)
		*ms += d->relative_ms;
	if (!why && (*ms < 0 || *ms >= FM_TIME_END_MS))
		why = fm_format_has_calendar(f) ? "lies outside the years 1970 to 2261" : fm_hint_epoch(s, n, true);
	return why;
}

static bool has(const char *s, size_t n, char c)
{
	return n && memchr(s, c, n);
}

/* "1d ", "1 day, ", "0 days " as nfdump, Python and pandas have it before H:MM:SS; *s is moved past it. */
static int64_t leading_days(const char **s, const char *end)
{
	const char *blank = memrchr(*s, ' ', (size_t)(end - *s)), *d = blank;
	uint64_t days;

	if (!blank)
		return 0;
	d -= d > *s && d[-1] == ',';
	d -= d - *s > 4 && !memcmp(d - 4, "days", 4) ? 4 : d - *s > 3 && !memcmp(d - 3, "day", 3) ? 3 : 0;
	d -= d > *s && (d[-1] == 'd' || d[-1] == ' ');
	if (d == blank || fm_parse_u64(*s, (size_t)(d - *s), 50, &days))
		return 0;
	*s = blank + 1;
	return (int64_t)days;
}

/* [N days ][H:]MM:SS[.fff] -> milliseconds, as nfdump writes durations over a minute. */
static int hms_ms(const char *s, size_t n, int64_t *ms)
{
	const char *end = s + n, *colon;
	int64_t minutes = 0, part, days = leading_days(&s, end);
	uint64_t v;
	int parts = 0;

	while ((colon = memchr(s, ':', (size_t)(end - s)))) {
		if (++parts > 2 || fm_parse_u64(s, (size_t)(colon - s), parts == 1 ? 100000 : 59, &v))
			return -1;
		minutes = minutes * 60 + (int64_t)v;
		s = colon + 1;
	}
	if (!parts || fm_parse_scaled(s, (size_t)(end - s), 3, &part) || part < 0 || part >= 60000)
		return -1;
	*ms = (days * 1440 + minutes) * 60000 + part;
	return 0;
}

/* Does a number have a minus before a digit other than 0? */
static bool is_below_zero(const char *s, size_t n)
{
	for (size_t i = 1; n && *s == '-' && i < n && s[i] != 'e' && s[i] != 'E'; i++)
		if (s[i] >= '1' && s[i] <= '9')
			return true;
	return false;
}

const char *fm_value_duration(const struct fm_dialect *d, int k, const char *s, size_t n, uint32_t *ms)
{
	enum fm_format f = d->cols[k].format;
	char number[FM_NUMBER_MAX];
	const char *why;
	int64_t v;

	if ((why = fm_plain_number(d, &s, &n, number)))
		return why;
	if ((f == FM_FMT_HMS || f == FM_FMT_SECONDS) && has(s, n, ':')) {
		if (hms_ms(s, n, &v))
			return fm_hint_duration(s, n);
	} else if (scaled_ms(f == FM_FMT_HMS ? FM_FMT_SECONDS : f, s, n, &v) && !fm_value_units(s, n, &v)) {
		return fm_hint_duration(s, n);
	}
	if (v < 0 || is_below_zero(s, n)) /* -13 microseconds are no milliseconds */
		return "is negative";
	if (v > UINT32_MAX)
		return "is over 49 days";
	*ms = (uint32_t)v;
	return NULL;
}

static int hex_u64(const char *s, size_t n, uint64_t *v)
{
	if (n < 3 || n > 10 || s[0] != '0' || (s[1] != 'x' && s[1] != 'X'))
		return -1;
	*v = 0;
	for (size_t i = 2; i < n; i++) {
		int digit = fm_hex_digit(s[i]);

		if (digit < 0)
			return -1;
		*v = *v * 16 + (uint64_t)digit;
	}
	return 0;
}

/* How long the number of 443/tcp is; n where it is no such thing. */
static size_t before_protocol(const char *s, size_t n)
{
	const char *slash = n ? memchr(s, '/', n) : NULL;

	if (!slash || slash == s || slash + 1 == s + n)
		return n;
	for (const char *c = slash + 1; c < s + n; c++)
		if ((*c | 0x20) < 'a' || (*c | 0x20) > 'z')
			return n;
	return (size_t)(slash - s);
}

static int type_code(const char *s, size_t n, uint64_t *v)
{
	const char *point = memchr(s, '.', n);
	uint64_t type, code;

	if (!point || fm_parse_u64(s, (size_t)(point - s), 255, &type) ||
	    fm_parse_u64(point + 1, n - (size_t)(point - s) - 1, 255, &code))
		return -1;
	*v = type * 256 + code;
	return 0;
}

const char *fm_value_port(const struct fm_dialect *d, int k, const char *s, size_t n, uint16_t *port, bool *dotted)
{
	char number[FM_NUMBER_MAX];
	const char *why;
	uint64_t v;
	int64_t micro;

	*dotted = false;
	if (d->cols[k].format != FM_FMT_TYPE_CODE && (why = fm_plain_number(d, &s, &n, number)))
		return why;
	if (!short_uint(s, n, &v) && !short_uint(s, before_protocol(s, n), &v) && hex_u64(s, n, &v)) {
		if (d->cols[k].format == FM_FMT_TYPE_CODE && has(s, n, '.') && !type_code(s, n, &v)) {
			*dotted = true;
		} else if (!fm_parse_scaled(s, n, 6, &micro) && micro >= 0 && micro % 1000000 == 0) {
			v = (uint64_t)micro / 1000000;
			*dotted = v > 0 && v < 256;
		} else if (!fm_service_port(s, n, &v)) {
			return fm_hint_port(s, n);
		}
	}
	if (v > 65535)
		return "is over 65535";
	*port = (uint16_t)v;
	return NULL;
}

/* What stands between an address and its port, or NULL: the colon or the fourth point behind IPv4, the colon behind
 * "[...]", in other IPv6 the first point after its last colon (the fourth where IPv4 is mapped). */
static const char *port_mark(const char *s, size_t n)
{
	const char *colon = memrchr(s, ':', n), *point;
	int points = n > 7 && strncasecmp(s, "::ffff:", 7) == 0 && memchr(s + 7, '.', n - 7) ? 4 : 1;

	if (colon && (memchr(s, ':', n) == colon || (colon > s && colon[-1] == ']')))
		return colon;
	points = colon ? points : 4;
	point = colon;
	for (size_t at = colon ? (size_t)(colon + 1 - s) : 0; points > 0; points--) {
		if (!(point = memchr(s + at, '.', n - at)))
			return NULL;
		at = (size_t)(point + 1 - s);
	}
	return point;
}

const char *fm_value_split_port(const char **s, size_t *n, uint16_t *port, bool *dotted)
{
	const char *mark = port_mark(*s, *n), *digits = mark ? mark + 1 : *s;
	size_t len = *n - (size_t)(digits - *s);
	uint64_t v;

	*dotted = false;
	if (!mark)
		return "has no port behind it";
	if (!short_uint(digits, len, &v)) {
		if (type_code(digits, len, &v))
			return "has no port number behind it";
		*dotted = true;
	}
	if (v > 65535)
		return "has a port over 65535 behind it";
	*port = (uint16_t)v;
	*n = (size_t)(mark - *s);
	if (*n > 2 && **s == '[' && mark[-1] == ']') {
		++*s;
		*n -= 2;
	}
	return NULL;
}

/* "402.4 M" with suffix 1000: the result has at most 18 digits. */
static const char *suffixed(int suffix, const char *s, size_t n, uint64_t *v)
{
	static const char letters[] = "KMGT";
	const char *letter = n ? memchr(letters, s[n - 1] & ~0x20, sizeof letters - 1) : NULL;
	int64_t micro, scale = 1;

	if (!letter)
		return NULL;
	for (n--; n && s[n - 1] == ' '; n--)
		continue;
	if (fm_parse_scaled(s, n, 6, &micro) || micro < 0)
		return NULL;
	if (!suffix)
		return "is a scaled number such as 4.2 M: say what a K is with suffix: 1000 in the column, or have "
		       "plain "
		       "numbers written (nfdump -N)";
	for (const char *l = letters; l <= letter; l++)
		scale *= suffix;
	if (micro > INT64_MAX / scale)
		return "is over 2^63 millionths";
	*v = (uint64_t)divide_half_up(micro * scale, 1000000);
	return "";
}

const char *fm_value_count(const struct fm_dialect *d, int k, const char *s, size_t n, uint64_t *v)
{
	char text[FM_NUMBER_MAX];
	const char *why;
	int64_t micro;
	double number;

	if (short_uint(s, n, v))
		return NULL;
	if ((why = fm_plain_number(d, &s, &n, text)))
		return why;
	if (short_uint(s, n, v) || !fm_parse_u64(s, n, COUNT_MAX, v))
		return NULL;
	if (!fm_parse_double(s, n, &number) && number >= 0 && number < 0x1p53 && number > (double)(uint64_t)number)
		return fm_hint_count(s, n);
	/* Programs that store missing values write counts as 80.0 or 1.2e+06, up to 2^53, the limit of their
	 * numbers. */
	if (!fm_parse_scaled(s, n, 6, &micro)) {
		if (micro >= 0 && micro % 1000000 == 0) {
			*v = (uint64_t)micro / 1000000;
			return NULL;
		}
	} else if (!fm_parse_scaled(s, n, 2, &micro) && micro >= 0 && micro % 100 == 0) {
		*v = (uint64_t)micro / 100;
		return NULL;
	}
	if ((why = suffixed(d->cols[k].suffix, s, n, v)))
		return *why ? why : NULL;
	return fm_hint_count(s, n);
}

/* Read an address without what surrounds it: brackets, and the prefix length of a single host; or with three digits for
 * each number of IPv4, as SiLK pads them. */
static bool bare_address(const char *s, size_t n, struct fm_address *a)
{
	char text[16];
	size_t len = 0;

	if (n > 2 && *s == '[' && s[n - 1] == ']')
		return !fm_address_parse(s + 1, n - 2, a);
	if (n > 3 && !memcmp(s + n - 3, "/32", 3) && !memchr(s, ':', n))
		return !fm_address_parse(s, n - 3, a);
	if (n > 4 && !memcmp(s + n - 4, "/128", 4) && memchr(s, ':', n))
		return !fm_address_parse(s, n - 4, a);
	if (n != 15 || s[3] != '.' || s[7] != '.' || s[11] != '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] != '0' || i % 4 == 2 || (i % 4 == 1 && s[i - 1] != '0'))
			text[len++] = s[i];
	return !fm_address_parse(text, len, a);
}

/* A name of `hosts`, or NUMBER_HOST as CIDDS-001 writes anonymised public addresses: number below 2^20 and host in
 * 240.0.0.0/4, which no real address is in. */
static int named_address(const struct fm_dialect *d, const char *s, size_t n, struct fm_address *a)
{
	const char *bar = memchr(s, '_', n);
	uint64_t number, host;

	for (int i = 0; i < d->nhosts; i++)
		if (strlen(d->hosts[i].name) == n && !memcmp(d->hosts[i].name, s, n)) {
			*a = d->hosts[i].address;
			return 0;
		}
	if (!bar || fm_parse_u64(s, (size_t)(bar - s), (1u << 20) - 1, &number) ||
	    fm_parse_u64(bar + 1, n - (size_t)(bar - s) - 1, 255, &host))
		return -1;
	*a = fm_address_of_ipv4(0xf0000000u | (uint32_t)number << 8 | (uint32_t)host);
	return 0;
}

/* How long the whole number is that pandas writes as 167772161.0. */
static size_t without_zeros(const char *s, size_t n)
{
	const char *point = memchr(s, '.', n);

	for (const char *c = point; point && ++c < s + n;)
		if (*c != '0')
			return n;
	return point ? (size_t)(point - s) : n;
}

const char *fm_value_address(const struct fm_dialect *d, int k, const char *s, size_t n, struct fm_address *a)
{
	enum fm_format f = d->cols[k].format;
	uint64_t v;

	if (f == FM_FMT_IPV4_INTEGER) {
		if (fm_parse_u64(s, without_zeros(s, n), UINT32_MAX, &v))
			return n && *s == '-' ? "is not an IPv4 address as an integer: it is negative, as a signed "
						"number of 32 bits is: have it written as an unsigned one"
					      : "is not an IPv4 address as an integer";
		*a = fm_address_of_ipv4((uint32_t)v);
		return NULL;
	}
	if (!fm_address_parse(s, n, a) || (f == FM_FMT_NAMED_ADDRESS && !named_address(d, s, n, a)))
		return NULL;
	return bare_address(s, n, a) ? NULL : fm_hint_address(s, n);
}

bool fm_value_is_coarse(const char *s, size_t n)
{
	const char *point = memchr(s, '.', n);
	size_t digits;

	point = point ? point : memchr(s, ',', n);
	digits = point ? (size_t)(s + n - point) - 1 : 0;
	return digits > 0 && digits < 5;
}

bool fm_value_has_few_digits(const char *s, size_t n)
{
	const char *e = memchr(s, 'e', n), *point;
	uint64_t exponent;
	size_t from;

	if (!e && !(e = memchr(s, 'E', n)))
		return false;
	from = (size_t)(e - s) + 1;
	from += from < n && s[from] == '+';
	point = memchr(s, '.', (size_t)(e - s));
	point = point ? point : memchr(s, ',', (size_t)(e - s));
	return !fm_parse_u64(s + from, n - from, 18, &exponent) && exponent > (uint64_t)(point ? e - point - 1 : 0);
}

/* ---- windows-1252 ---- */

/* The characters of the bytes 0x80 to 0x9f; 0: none. The others are those of Latin-1. */
static const uint16_t c1[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

/* Does it have characters other than ASCII, all of them well-formed UTF-8? */
static bool is_utf8(const char *s, size_t n)
{
	bool wide = false;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		if (!(len = fm_utf8_next(s + i, n - i, NULL)))
			return false;
		wide = wide || len > 1;
	}
	return wide;
}

size_t fm_value_from_windows_1252(const char *s, size_t n, char *out)
{
	size_t len = 0;

	if (is_utf8(s, n)) {
		memcpy(out, s, n);
		return n;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned c = (unsigned char)s[i];

		if (c >= 0x80 && c < 0xa0 && !(c = c1[c - 0x80]))
			return 0;
		len += fm_utf8_put(c, out + len);
	}
	return len;
}

size_t fm_value_to_windows_1252(const char *s, size_t n, char *out)
{
	size_t len = 0, bytes;
	uint32_t code;

	for (size_t i = 0; i < n; i += bytes) {
		int at = -1;

		if (!(bytes = fm_utf8_next(s + i, n - i, &code)))
			return 0;
		for (int k = 0; k < 32; k++)
			at = c1[k] == code ? k : at;
		if (at < 0 && (code > 0xff || (code >= 0x80 && code < 0xa0)))
			return 0;
		out[len++] = (char)(at >= 0 ? 0x80 + at : (int)code);
	}
	return is_utf8(out, len) ? 0 : len;
}
