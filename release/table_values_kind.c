/* table_values_kind.c - what one value is, looked at byte by byte. */
#include <string.h>

#include "base/address.h"
#include "release/table_parts.h"

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool all_digits(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s[i]))
			return false;
	return n > 0;
}

/* A dotted quad without needless zeros. */
static bool is_ipv4(const uint8_t *s, size_t n)
{
	unsigned part = 0, digits = 0, parts = 1;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (!digits || ++parts > 4)
				return false;
			part = digits = 0;
			continue;
		}
		if (!is_digit(s[i]) || (digits && !part))
			return false;
		part = part * 10 + (s[i] - '0');
		digits++;
		if (part > 255)
			return false;
	}
	return parts == 4 && digits;
}

static bool is_ipv6(const uint8_t *s, size_t n)
{
	char text[FM_ADDRESS_TEXT_MAX];
	struct fm_address a;

	return n < sizeof text && memchr(s, ':', n) && fm_address_parse((const char *)s, n, &a) == 0 &&
	       fm_address_format(&a, text) == n && memcmp(text, s, n) == 0;
}

static unsigned two(const uint8_t *s)
{
	return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

/* YYYY-MM-DD HH:MM: of a minute that there is. */
static bool is_minute(const uint8_t *s)
{
	static const uint8_t days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year, month, day;

	if (!all_digits(s, 4) || s[4] != '-' || !all_digits(s + 5, 2) || s[7] != '-' || !all_digits(s + 8, 2) ||
	    s[10] != ' ' || !all_digits(s + 11, 2) || s[13] != ':' || !all_digits(s + 14, 2) || s[16] != ':')
		return false;
	year = two(s) * 100 + two(s + 2);
	month = two(s + 5);
	day = two(s + 8);
	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
	       (month != 2 || day < 29 || (year % 4 == 0 && (year % 100 || year % 400 == 0))) && two(s + 11) < 24 &&
	       two(s + 14) < 60;
}

static enum fm_value_kind time_kind(uint8_t minute[17], const uint8_t *s, size_t n)
{
	if (n < 19 || n > 29)
		return FM_VALUE_WORD;
	if (memcmp(s, minute, 17) != 0) {
		if (!is_minute(s))
			return FM_VALUE_WORD;
		memcpy(minute, s, 17);
	}
	if (!all_digits(s + 17, 2) || s[17] > '5')
		return FM_VALUE_WORD;
	if (n == 19)
		return FM_VALUE_TIME;
	return s[19] == '.' && all_digits(s + 20, n - 20) ? FM_VALUE_TIME_PART : FM_VALUE_WORD;
}

enum fm_value_kind fm_value_kind_of(uint8_t minute[17], const uint8_t *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(s[i]))
		i++;
	if (i == n)
		return n == 0 ? FM_VALUE_EMPTY : n < 20 && (n == 1 || *s != '0') ? FM_VALUE_WHOLE : FM_VALUE_WORD;
	if (s[i] == '-' && i == 4)
		return time_kind(minute, s, n);
	if ((s[i] == '.' || s[i] == ',') && i > 0 && (i == 1 || *s != '0') && all_digits(s + i + 1, n - i - 1))
		return s[i] == '.' ? FM_VALUE_POINT : FM_VALUE_COMMA;
	if (s[i] == '.' && is_ipv4(s, n))
		return FM_VALUE_IPV4;
	if (*s == '-' && n > 1 && all_digits(s + 1, n - 1))
		return FM_VALUE_NEGATIVE;
	return is_ipv6(s, n) ? FM_VALUE_IPV6 : FM_VALUE_WORD;
}
