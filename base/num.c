#include "base/num.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fm_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static unsigned digit(char c)
{
	return (unsigned char)(c - '0');
}

/* Leading zeros are taken, up to 20 digits in all. */
int fm_parse_u64(const char *s, size_t n, uint64_t max, uint64_t *v)
{
	uint64_t x = 0;
	size_t safe = n < 19 ? n : 19, i; /* 19 digits cannot overflow */

	if (n == 0 || n > 20)
		return -1;
	for (i = 0; i < safe; i++) {
		unsigned d = digit(s[i]);

		if (d > 9)
			return -1;
		x = x * 10 + d;
	}
	if (n == 20 &&
	    (!fm_is_digit(s[19]) || __builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, digit(s[19]), &x)))
		return -1;
	if (x > max)
		return -1;
	*v = x;
	return 0;
}

int fm_parse_i64(const char *s, size_t n, int64_t *v)
{
	bool minus = n > 0 && s[0] == '-';
	uint64_t x;

	if (fm_parse_u64(s + minus, n - minus, (uint64_t)INT64_MAX + minus, &x) != 0)
		return -1;
	*v = minus ? (int64_t)(0 - x) : (int64_t)x;
	return 0;
}

/* A decimal number taken apart: [-]DIGITS[.DIGITS][e[+|-]DIGITS], digits on at least one side of the point. */
struct decimal {
	bool minus;
	const char *whole, *part; /* digits before and after the point */
	size_t nwhole, npart;
	int exponent; /* held within +-1,000,000, beyond which every value is zero or out of range */
};

static int decimal_split(const char *s, size_t n, struct decimal *d)
{
	const char *p = s, *end = s + n;
	bool minus = false;
	int e = 0;

	d->minus = p < end && *p == '-';
	p += d->minus;
	d->whole = p;
	while (p < end && fm_is_digit(*p))
		p++;
	d->nwhole = (size_t)(p - d->whole);
	d->part = p;
	if (p < end && *p == '.') {
		d->part = ++p;
		while (p < end && fm_is_digit(*p))
			p++;
	}
	d->npart = (size_t)(p - d->part);
	d->exponent = 0;
	if (d->nwhole + d->npart == 0)
		return -1;
	if (p == end)
		return 0;
	if (*p != 'e' && *p != 'E')
		return -1;
	p++;
	if (p < end && (*p == '+' || *p == '-'))
		minus = *p++ == '-';
	if (p == end)
		return -1;
	for (; p < end; p++) {
		if (!fm_is_digit(*p))
			return -1;
		if (e < 100000)
			e = e * 10 + (int)digit(*p);
	}
	d->exponent = minus ? -e : e;
	return 0;
}

static const double ten_to[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
				1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* strtod of the text, whatever the process's locale. */
static int parse_slow(const char *s, size_t n, double *v)
{
	char text[1024];
	locale_t c;

	if (n >= sizeof(text))
		return -1;
	memcpy(text, s, n);
	text[n] = '\0';
	c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a constant of the C library: nothing is allocated */
	if (c == (locale_t)0)
		return -1;
	*v = strtod_l(text, NULL, c);
	freelocale(c);
	return isfinite(*v) ? 0 : -1;
}

/* A text of 1024 bytes or more is refused. */
int fm_parse_double(const char *s, size_t n, double *v)
{
	struct decimal d;
	uint64_t m = 0;
	long scale;
	double x;

	if (decimal_split(s, n, &d) != 0)
		return -1;
	scale = d.exponent - (long)d.npart;
	if (d.nwhole + d.npart > 19 || scale < -22 || scale > 22)
		return parse_slow(s, n, v);
	for (size_t i = 0; i < d.nwhole; i++)
		m = m * 10 + digit(d.whole[i]);
	for (size_t i = 0; i < d.npart; i++)
		m = m * 10 + digit(d.part[i]);
	if (m > (uint64_t)1 << 53)
		return parse_slow(s, n, v);
	/* Both operands are exact, so the one rounding is right (Clinger 1990, "How to read floating point numbers").
	 */
	x = scale < 0 ? (double)m / ten_to[-scale] : (double)m * ten_to[scale];
	*v = d.minus ? -x : x;
	return 0;
}

int fm_parse_scaled(const char *s, size_t n, int scale, int64_t *v)
{
	struct decimal d;
	uint64_t x = 0;
	long long keep; /* number of digits that belong to the integer */
	unsigned next = 0;
	bool rest = false; /* something but zeros behind `next` */
	size_t ndigits;

	if (decimal_split(s, n, &d) != 0)
		return -1;
	keep = (long long)d.nwhole + d.exponent + scale;
	ndigits = d.nwhole + d.npart;
	for (size_t i = 0; i < ndigits; i++) {
		unsigned c = digit(i < d.nwhole ? d.whole[i] : d.part[i - d.nwhole]);

		if ((long long)i < keep) {
			if (__builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, c, &x))
				return -1;
		} else if ((long long)i == keep) {
			next = c;
		} else {
			rest |= c != 0;
		}
	}
	for (long long i = (long long)ndigits; i < keep && x != 0; i++)
		if (__builtin_mul_overflow(x, 10, &x))
			return -1;
	/* Half goes up, which for a negative number is towards zero. */
	if (next > 5 || (next == 5 && (rest || !d.minus)))
		if (__builtin_add_overflow(x, 1, &x))
			return -1;
	if (x > (uint64_t)INT64_MAX + d.minus)
		return -1;
	*v = d.minus ? (int64_t)(0 - x) : (int64_t)x;
	return 0;
}

/* A part with a leading zero is refused: some readers take it as octal. */
int fm_parse_ipv4(const char *s, size_t n, uint32_t *ip)
{
	const char *end = s + n;
	uint32_t x = 0;

	if (n < 7 || n > 15)
		return -1;
	for (int part = 0; part < 4; part++) {
		unsigned v = s < end ? (unsigned)(unsigned char)*s++ - '0' : 10, next;

		if (v > 9)
			return -1;
		for (int i = 0; i < 2 && s < end && (next = (unsigned)(unsigned char)*s - '0') <= 9; i++, s++) {
			if (!v)
				return -1;
			v = v * 10 + next;
		}
		if (v > 255 || (part < 3 && (s == end || *s++ != '.')))
			return -1;
		x = x << 8 | v;
	}
	if (s != end)
		return -1;
	*ip = x;
	return 0;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back: Hinnant, "chrono-compatible low-level
 * date algorithms", 2014.  A year of the count begins on 1 March; an era is 400 of them. */
static int64_t days_of_date(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void date_of_days(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static unsigned days_in_month(unsigned y, unsigned m)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	return days[m - 1] + (m == 2 && leap);
}

/* Two digits, or a value over 99. */
static unsigned two(const char *s)
{
	unsigned a = digit(s[0]), b = digit(s[1]);

	return a > 9 || b > 9 ? 100 : a * 10 + b;
}

/* The fraction has 1 to 9 digits; those after the third are dropped.  Years 0001 to 9999, no leap second. */
int fm_parse_time_ms(const char *s, size_t n, int64_t *ms)
{
	unsigned century, year, month, day, hour, minute, second, fraction = 0, weight = 100;

	if (n < 19 || n > 29 || n == 20 || s[4] != '-' || s[7] != '-' || (s[10] != ' ' && s[10] != 'T') ||
	    s[13] != ':' || s[16] != ':')
		return -1;
	century = two(s);
	year = two(s + 2);
	month = two(s + 5);
	day = two(s + 8);
	hour = two(s + 11);
	minute = two(s + 14);
	second = two(s + 17);
	if (century > 99 || year > 99 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59)
		return -1;
	year += 100 * century;
	if (year < 1 || day < 1 || day > days_in_month(year, month))
		return -1;
	if (n > 19) {
		if (s[19] != '.')
			return -1;
		for (size_t i = 20; i < n; i++, weight /= 10) {
			if (!fm_is_digit(s[i]))
				return -1;
			fraction += digit(s[i]) * weight;
		}
	}
	*ms = (days_of_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000 + fraction;
	return 0;
}

int fm_parse_date_s(const char *s, int64_t *begin_s)
{
	char text[] = "YYYY-MM-DD 00:00:00";
	int64_t ms;

	if (strlen(s) != 10)
		return -1;
	memcpy(text, s, 10);
	if (fm_parse_time_ms(text, sizeof(text) - 1, &ms) != 0)
		return -1;
	*begin_s = ms / 1000;
	return 0;
}

static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static char *put2(char *p, unsigned v)
{
	memcpy(p, pairs + 2 * v, 2);
	return p + 2;
}

size_t fm_format_u64(uint64_t v, char *out)
{
	char text[20], *p = text + sizeof(text);

	while (v >= 100) {
		p -= 2;
		put2(p, (unsigned)(v % 100));
		v /= 100;
	}
	if (v >= 10) {
		p -= 2;
		put2(p, (unsigned)v);
	} else {
		*--p = (char)('0' + v);
	}
	size_t n = (size_t)(text + sizeof(text) - p);
	memcpy(out, p, n);
	return n;
}

size_t fm_format_ipv4(uint32_t ip, char *out)
{
	char *p = out;

	for (int shift = 24; shift >= 0; shift -= 8) {
		unsigned v = ip >> shift & 255;

		if (v >= 100) {
			*p++ = (char)('0' + v / 100);
			p = put2(p, v % 100);
		} else if (v >= 10) {
			p = put2(p, v);
		} else {
			*p++ = (char)('0' + v);
		}
		if (shift > 0)
			*p++ = '.';
	}
	return (size_t)(p - out);
}

/* Years beyond 9999 take more digits, years before 0 a minus. */
size_t fm_format_time_s(int64_t ms, char *out)
{
	int64_t s = ms / 1000 - (ms % 1000 < 0), days = s / 86400 - (s % 86400 < 0), year;
	unsigned second = (unsigned)(s - days * 86400), month, day;
	uint64_t y;
	char *p = out;

	date_of_days(days, &year, &month, &day);
	if (year < 0)
		*p++ = '-';
	y = (uint64_t)(year < 0 ? -year : year);
	if (y > 9999) {
		p += fm_format_u64(y, p);
	} else {
		p = put2(p, (unsigned)(y / 100));
		p = put2(p, (unsigned)(y % 100));
	}
	*p++ = '-';
	p = put2(p, month);
	*p++ = '-';
	p = put2(p, day);
	*p++ = ' ';
	p = put2(p, second / 3600);
	*p++ = ':';
	p = put2(p, second / 60 % 60);
	*p++ = ':';
	p = put2(p, second % 60);
	return (size_t)(p - out);
}

size_t fm_format_ms_as_s(int64_t ms, char *out)
{
	uint64_t x = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	unsigned part = (unsigned)(x % 1000);
	char *p = out;

	if (ms < 0)
		*p++ = '-';
	p += fm_format_u64(x / 1000, p);
	*p++ = '.';
	*p++ = (char)('0' + part / 100);
	p = put2(p, part % 100);
	return (size_t)(p - out);
}

/* The significant digits of a number and its power of ten: 0.DIGITS * 10^point. */
struct digits {
	char d[20];
	int n, point;
};

static double digits_value(const struct digits *g)
{
	char text[40];
	double v = 0;
	int n = snprintf(text, sizeof(text), "%.*se%d", g->n, g->d, g->point - g->n);

	return fm_parse_double(text, (size_t)n, &v) == 0 ? v : INFINITY;
}

/* v > 0 rounded to n significant digits.  The point that printf writes follows the locale, so it is stepped over. */
static void digits_round(double v, int n, struct digits *g)
{
	char text[48];
	const char *p = text;

	snprintf(text, sizeof(text), "%.*e", n - 1, v);
	for (g->n = 0; *p != '\0' && *p != 'e'; p++)
		if (fm_is_digit(*p) && g->n < n)
			g->d[g->n++] = *p;
	g->point = 1 + (*p == 'e' ? atoi(p + 1) : 0);
}

/* The neighbour of g in its last digit, one up or one down; false when a carry would change more than the digits. */
static bool digits_step(struct digits *g, int by)
{
	for (int i = g->n - 1; i >= 0; i--) {
		int d = g->d[i] - '0' + by;

		if (d >= 0 && d <= 9) {
			g->d[i] = (char)('0' + d);
			return g->d[0] != '0';
		}
		g->d[i] = by > 0 ? '0' : '9';
	}
	return false;
}

/* The fewest digits that read back as v > 0, and of those the nearest.  A decimal of up to 15 digits survives the way
 * through a normal double, so nothing shorter than the 15 digits without their final zeros exists; 17 always suffice.
 */
static void digits_shortest(double v, struct digits *g)
{
	struct digits near;

	for (int n = v < 2.3e-308 ? 1 : 15; n <= 17; n++) {
		digits_round(v, n, g);
		if (digits_value(g) == v)
			break;
		/* Below a power of two doubles lie closer than above it: the nearest decimal may miss where the next
		 * hits. */
		near = *g;
		if (n == 16 && digits_step(&near, +1) && digits_value(&near) == v) {
			*g = near;
			break;
		}
	}
	while (g->n > 1 && g->d[g->n - 1] == '0')
		g->n--;
}

double fm_two_digits(double v, int up)
{
	char text[40];
	double x = v;
	int n, digits, exponent;

	/* 17 digits and an exponent; the decimal point is the locale's, and one byte in every locale in use */
	if (!isfinite(v) || fabs(v) < 1e-300 || (n = snprintf(text, sizeof text, "%.16e", fabs(v))) <= 20)
		return v;
	digits = (text[0] - '0') * 10 + (text[2] - '0');
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10) - 1;
	for (int more = 0; more < 2; more++) {
		n = snprintf(text, sizeof text, "%s%de%d", v < 0 ? "-" : "", digits + more, exponent);
		x = strtod(text, NULL);
		if (n > 0 && (up ? x >= v - fabs(v) * 1e-12 : x <= v + fabs(v) * 1e-12)) /* a sum may be off by that */
			break;
	}
	return x;
}

/* Written as ECMAScript writes numbers (ECMA-262, Number::toString), which RFC 8785 takes over: plain from 1e-6 up to
 * 1e21, with an exponent outside.  But -0 is "-0", and there are "nan", "inf", "-inf".  A NUL follows; -1 when cap is
 * too small. */
int fm_format_double(double v, char *out, size_t cap)
{
	char text[64], *p = text;
	struct digits g;
	size_t n;

	if (signbit(v) && !isnan(v))
		*p++ = '-';
	v = fabs(v);
	if (isnan(v)) {
		p = stpcpy(p, "nan");
	} else if (isinf(v)) {
		p = stpcpy(p, "inf");
	} else if (v < 0x1p53 && v == (double)(uint64_t)v) {
		p += fm_format_u64((uint64_t)v, p);
	} else {
		digits_shortest(v, &g);
		if (g.point > 21 || g.point < -5) {
			*p++ = g.d[0];
			if (g.n > 1) {
				*p++ = '.';
				p = mempcpy(p, g.d + 1, (size_t)g.n - 1);
			}
			p += snprintf(p, 8, "e%+d", g.point - 1);
		} else if (g.point <= 0) {
			p = stpcpy(p, "0.");
			for (int i = g.point; i < 0; i++)
				*p++ = '0';
			p = mempcpy(p, g.d, (size_t)g.n);
		} else {
			for (int i = 0; i < g.n || i < g.point; i++) {
				if (i == g.point)
					*p++ = '.';
				*p++ = i < g.n ? g.d[i] : '0';
			}
		}
	}
	n = (size_t)(p - text);
	if (n >= cap)
		return -1;
	memcpy(out, text, n);
	out[n] = '\0';
	return (int)n;
}
