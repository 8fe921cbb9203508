#include "manifests/time_pattern.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"

static const char *const month_names[] = {"January", "February", "March",     "April",   "May",      "June",
					  "July",    "August",   "September", "October", "November", "December"};
static const char *const day_names[] = {"Thursday", "Friday",  "Saturday", "Sunday", /* 1970-01-01 was a Thursday */
					"Monday",   "Tuesday", "Wednesday"};

struct clock {
	int year, month, day, weekday, hour, hour12, pm, minute, second, ms; /* -1: not said */
	struct fm_time_said zone;
};

int fm_time_pattern_expand(const char *pattern, char out[FM_TIME_PATTERN_MAX])
{
	static const char *const short_for[] = {"T%H:%M:%S", "R%H:%M", "F%Y-%m-%d", "D%m/%d/%y", "h%b", "e%d"};
	size_t n = 0;

	for (const char *p = pattern; *p; p++) {
		const char *text = p;
		size_t len = 1;

		if (*p == '%' && p[1]) {
			len = 2;
			p++;
			for (size_t i = 0; i < sizeof short_for / sizeof *short_for; i++)
				if (*short_for[i] == *p) {
					text = short_for[i] + 1;
					len = strlen(text);
				}
		}
		if (n + len >= FM_TIME_PATTERN_MAX)
			return -1;
		memcpy(out + n, text, len);
		n += len;
	}
	out[n] = 0;
	return 0;
}

bool fm_time_pattern_has_date(const char *pattern)
{
	return strstr(pattern, "%d") != NULL;
}

bool fm_time_pattern_has_clock(const char *pattern)
{
	return strstr(pattern, "%H") || strstr(pattern, "%I");
}

bool fm_time_pattern_has_zone(const char *pattern)
{
	return strstr(pattern, "%z") || strstr(pattern, "%Z");
}

bool fm_time_pattern_has_zone_name(const char *pattern)
{
	return strstr(pattern, "%Z");
}

const char *fm_time_pattern_fault(const char *pattern, int day_starts, bool part)
{
	bool seen[128] = {0}, date, clock;

	for (const char *p = pattern; *p; p++) {
		if (*p != '%')
			continue;
		p++;
		if (!*p || !strchr("YymbBdaAHIpMSfzZ%", *p))
			return "it takes %Y %y %m %b %B %d %a %A %H %I %p %M %S %f %z %Z %T %R %F %D %e and %% alone";
		if (*p != '%' && seen[(unsigned char)*p])
			return "it has one of them twice";
		seen[(unsigned char)*p] = true;
	}
	if ((seen['b'] && seen['B']) || (seen['a'] && seen['A']) || (seen['z'] && seen['Z']))
		return "it has one of them twice";
	seen['b'] = seen['b'] || seen['B'];
	if ((seen['a'] || seen['A']) && !seen['d'])
		return "a day of the week (%a) is for a date";
	date = seen['Y'] || seen['y'] || seen['m'] || seen['b'] || seen['d'];
	clock = seen['H'] || seen['I'] || seen['M'] || seen['S'] || seen['p'] || seen['f'];
	if ((!part || date || !clock) && (seen['Y'] == seen['y'] || seen['m'] == seen['b'] || !seen['d']))
		return "it needs a year (%Y or %y), a month (%m, %b or %B) and a day (%d)";
	if ((!part || clock) && seen['H'] == seen['I'])
		return "it needs an hour, %H or %I";
	if (seen['p'] && !seen['I'])
		return "%p needs the hour of the 12-hour clock, %I";
	if (seen['I'] && !seen['p'] && day_starts < 0)
		return "%I without %p says an hour of the morning and of the afternoon alike: add %p, or day_starts";
	if (day_starts >= 0 && (!seen['I'] || seen['p']))
		return "day_starts is for %I without %p";
	return NULL;
}

/* One to `most` digits. */
static int number(const char **s, const char *end, int most, int *v)
{
	int n = 0;

	for (*v = 0; *s < end && n < most && **s >= '0' && **s <= '9'; n++)
		*v = *v * 10 + (*(*s)++ - '0');
	return n ? 0 : -1;
}

/* Digits of a second -> milliseconds; those after the third are dropped, as in base/num.h. */
static int fraction(const char **s, const char *end, int *ms)
{
	int n = 0, v = 0;

	for (; *s < end && **s >= '0' && **s <= '9'; n++, (*s)++) {
		if (n < 3)
			v = v * 10 + (**s - '0');
	}
	for (int i = n; i < 3; i++)
		v *= 10;
	*ms = v;
	return n ? 0 : -1;
}

int fm_time_offset_read(const char **s, const char *end, int *minutes)
{
	int sign, h, m = 0;

	if (*s < end && (**s == 'Z' || **s == 'z')) {
		(*s)++;
		*minutes = 0;
		return 0;
	}
	if (*s >= end || (**s != '+' && **s != '-'))
		return -1;
	sign = *(*s)++ == '-' ? -1 : 1;
	if (number(s, end, 2, &h))
		return -1;
	if (*s < end && **s == ':')
		(*s)++;
	else if (*s == end || **s < '0' || **s > '9')
		goto out;
	if (end - *s < 2 || number(s, *s + 2, 2, &m))
		return -1;
out:
	*minutes = sign * (h * 60 + m);
	return h > 14 || m > 59 ? -1 : 0;
}

/* The first three letters of one of n names, or all of it; *which: from 0. */
static int name_of(const char **s, const char *end, const char *const *names, int n, int *which)
{
	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]), left = (size_t)(end - *s);

		if (left >= len && !strncasecmp(*s, names[i], len))
			*s += len;
		else if (left >= 3 && !strncasecmp(*s, names[i], 3))
			*s += 3;
		else
			continue;
		*which = i;
		return 0;
	}
	return -1;
}

static int month_name(const char **s, const char *end, int *month)
{
	if (name_of(s, end, month_names, 12, month))
		return -1;
	++*month;
	return 0;
}

static size_t letters(const char *s, const char *end)
{
	const char *from = s;

	while (s < end && (*s | 0x20) >= 'a' && (*s | 0x20) <= 'z')
		s++;
	return (size_t)(s - from);
}

/* Its difference is found when the rest of the time is known; no zone has a name of 7 letters. */
static int zone_name(const char **s, const char *end, struct clock *c)
{
	size_t n = letters(*s, end);

	memcpy(c->zone.name, *s, n < sizeof c->zone.name ? n : sizeof c->zone.name - 1);
	c->zone.zoned = true;
	*s += n;
	return n ? 0 : -1;
}

/* What programs write behind an offset: Go the name of the zone, and how long it has been running (m=+0.01); Java the
 * zone in brackets, as RFC 9557 has it. */
static bool is_behind_offset(const char *s, const char *end)
{
	if (end - s > 2 && *s == '[' && end[-1] == ']')
		return !memchr(s + 1, '[', (size_t)(end - s - 1)) && !memchr(s, ']', (size_t)(end - s - 1));
	if (s + 1 < end && *s == ' ' && letters(s + 1, end) > 0 && !(end - s > 3 && !memcmp(s, " m=", 3)))
		s += 1 + letters(s + 1, end);
	if (end - s > 4 && !memcmp(s, " m=", 3) && (s[3] == '+' || s[3] == '-'))
		for (s += 4; s < end && ((*s >= '0' && *s <= '9') || *s == '.');)
			s++;
	return s == end;
}

int fm_time_zone_read(const struct fm_zone *zone, const char *s, const char *end, int64_t ms, int *minutes)
{
	size_t n;

	s += s < end && *s == ' ';
	n = letters(s, end);
	if (n == (size_t)(end - s) && n > 0)
		return fm_zone_named(zone, s, n, ms, minutes) ? FM_TIME_ZONE_NAME : 0;
	if (n == 3 && (!strncasecmp(s, "UTC", 3) || !strncasecmp(s, "GMT", 3)))
		s += 3; /* UTC+02:00 */
	return fm_time_offset_read(&s, end, minutes) || !is_behind_offset(s, end) ? -1 : 0;
}

static int half(const char **s, const char *end, int *pm)
{
	if (end - *s < 2 || ((*s)[1] | 0x20) != 'm' || (((*s)[0] | 0x20) != 'a' && ((*s)[0] | 0x20) != 'p'))
		return -1;
	*pm = ((*s)[0] | 0x20) == 'p';
	*s += 2;
	return 0;
}

static int take(char what, const char **s, const char *end, struct clock *c)
{
	switch (what) {
	case 'Y':
		return number(s, end, 4, &c->year);
	case 'y':
		if (number(s, end, 2, &c->year))
			return -1;
		c->year += c->year < 70 ? 2000 : 1900;
		return 0;
	case 'm':
		return number(s, end, 2, &c->month);
	case 'b':
	case 'B':
		return month_name(s, end, &c->month);
	case 'a':
	case 'A':
		return name_of(s, end, day_names, 7, &c->weekday);
	case 'd':
		return number(s, end, 2, &c->day);
	case 'H':
		return number(s, end, 2, &c->hour);
	case 'I':
		return number(s, end, 2, &c->hour12);
	case 'p':
		return half(s, end, &c->pm);
	case 'M':
		return number(s, end, 2, &c->minute);
	case 'S':
		return number(s, end, 2, &c->second);
	case 'f':
		return fraction(s, end, &c->ms);
	case 'z':
		c->zone.zoned = true;
		return fm_time_offset_read(s, end, &c->zone.minutes);
	case 'Z':
		return zone_name(s, end, c);
	default:
		return *s < end && *(*s)++ == '%' ? 0 : -1;
	}
}

/* The day by the careful parser of base/num.h, the rest by hand; its zone is left on. */
static int clock_ms(const struct clock *c, int day_starts, int64_t *ms)
{
	char text[] = "0000-00-00 00:00:00";
	int hour = c->hour, year = c->year < 0 ? 1970 : c->year, month = c->year < 0 ? 1 : c->month,
	    day = c->year < 0 ? 1 : c->day; /* a time of day alone */

	if (c->hour12 >= 0) {
		if (c->hour12 < 1 || c->hour12 > 12)
			return -1;
		hour = c->hour12 % 12 + (c->pm > 0 ? 12 : 0);
		if (c->pm < 0 && hour < day_starts)
			hour += 12;
		if (c->pm < 0 && hour < day_starts)
			hour -= 12;
	}
	/* 24:00:00 is the midnight that ends the day; a leap second is the second after it. */
	if ((hour > 23 && (hour > 24 || c->minute || c->second || c->ms)) || c->minute > 59 ||
	    c->second > 59 + (c->minute % 30 == 29))
		return -1;
	for (int i = 3; i >= 0; i--, year /= 10)
		text[i] = (char)('0' + year % 10);
	text[5] = (char)('0' + month / 10);
	text[6] = (char)('0' + month % 10);
	text[8] = (char)('0' + day / 10);
	text[9] = (char)('0' + day % 10);
	if (fm_parse_time_ms(text, sizeof text - 1, ms))
		return -1;
	if (c->weekday >= 0 && c->year >= 0 && (*ms / 86400000 % 7 + 7) % 7 != c->weekday)
		return -1;
	*ms += (int64_t)((hour * 60 + c->minute) * 60 + c->second) * 1000 + c->ms;
	return 0;
}

int fm_time_take_off(const struct fm_time_said *said, const struct fm_zone *zone, int64_t *ms)
{
	int minutes = said->minutes;

	if (*said->name && fm_zone_named(zone, said->name, strlen(said->name), *ms, &minutes))
		return FM_TIME_ZONE_NAME;
	*ms -= (int64_t)minutes * 60000;
	return 0;
}

int fm_time_pattern_read_part(const char *pattern, int day_starts, const char *s, size_t n, int64_t *ms,
			      struct fm_time_said *said)
{
	struct clock c = {.year = -1, .weekday = -1, .hour12 = -1, .pm = -1};
	const char *end = s + n;

	for (const char *p = pattern; *p; p++) {
		if (*p == ' ') {
			while (s < end && *s == ' ')
				s++;
		} else if (*p == '%') {
			if (take(*++p, &s, end, &c))
				return -1;
		} else if (!strncmp(p, ".%f", 3) && (s == end || *s != '.')) {
			p += 2; /* some programs leave out a fraction that is 0 */
		} else if (!strncmp(p, ":%S", 3) && (s == end || *s != ':')) {
			p += 2; /* or the seconds of a whole minute */
		} else if (s == end || *s++ != *p) {
			return -1;
		}
	}
	*said = c.zone;
	return s == end ? clock_ms(&c, day_starts, ms) : -1;
}

int fm_time_pattern_read(const char *pattern, int day_starts, const struct fm_zone *zone, const char *s, size_t n,
			 int64_t *ms)
{
	struct fm_time_said said;
	int rc = fm_time_pattern_read_part(pattern, day_starts, s, n, ms, &said);

	return rc ? rc : fm_time_take_off(&said, zone, ms);
}

static char *put(char *out, int width, int v)
{
	for (int i = width - 1; i >= 0; i--, v /= 10)
		out[i] = (char)('0' + v % 10);
	return out + width;
}

static char *put_text(char *out, const char *s)
{
	size_t n = strlen(s);

	memcpy(out, s, n);
	return out + n;
}

static char *put_one(char *out, char what, const struct clock *c, int decimals)
{
	int place = 100;

	switch (what) {
	case 'Y':
		return put(out, 4, c->year);
	case 'y':
		return put(out, 2, c->year % 100);
	case 'm':
		return put(out, 2, c->month);
	case 'b':
		memcpy(out, month_names[c->month - 1], 3);
		return out + 3;
	case 'B':
		return put_text(out, month_names[c->month - 1]);
	case 'a':
		memcpy(out, day_names[c->weekday], 3);
		return out + 3;
	case 'A':
		return put_text(out, day_names[c->weekday]);
	case 'd':
		return put(out, 2, c->day);
	case 'H':
		return put(out, 2, c->hour);
	case 'I':
		return put(out, 2, c->hour % 12 ? c->hour % 12 : 12);
	case 'p':
		*out++ = c->hour < 12 ? 'A' : 'P';
		*out++ = 'M';
		return out;
	case 'M':
		return put(out, 2, c->minute);
	case 'S':
		return put(out, 2, c->second);
	case 'f':
		for (int i = 0; i < decimals; i++, place /= 10)
			*out++ = (char)('0' + (place ? c->ms / place % 10 : 0));
		return out;
	case 'z':
		*out++ = 'Z';
		return out;
	case 'Z':
		return put_text(out, "UTC");
	default:
		*out++ = '%';
		return out;
	}
}

static int digits(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

size_t fm_time_pattern_write(const char *pattern, int64_t ms, int decimals, char out[FM_TIME_TEXT_MAX])
{
	char text[FM_TIME_MAX], *to = out;
	struct clock c = {0};

	fm_format_time_s(ms, text);
	c.year = digits(text, 4);
	c.month = digits(text + 5, 2);
	c.day = digits(text + 8, 2);
	c.hour = digits(text + 11, 2);
	c.minute = digits(text + 14, 2);
	c.second = digits(text + 17, 2);
	c.ms = (int)(ms % 1000);
	c.weekday = (int)(ms / 86400000 % 7);
	decimals = decimals < 1 ? 3 : decimals > 9 ? 9 : decimals;
	for (const char *p = pattern; *p; p++)
		if (*p == '%')
			to = put_one(to, *++p, &c, decimals);
		else
			*to++ = *p;
	return (size_t)(to - out);
}
