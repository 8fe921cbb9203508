/* table_values_kind.c - what one value is, looked at byte by byte. */
#include <string.h>

#include "base/address.h"
#include "base/num.h"
#include "release/table_parts.h"

static bool all_digits(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!fm_is_digit((char)s[i]))
			return false;
	return n > 0;
}

/* An address in its one form. */
static enum fm_value_kind address_kind(const uint8_t *s, size_t n)
{
	char text[FM_ADDRESS_TEXT_MAX];
	struct fm_address a;

	if (n >= sizeof text || fm_address_parse((const char *)s, n, &a) || fm_address_format(&a, text) != n ||
	    memcmp(text, s, n) != 0)
		return FM_VALUE_WORD;
	return memchr(s, ':', n) ? FM_VALUE_IPV6 : FM_VALUE_IPV4;
}

/* The parts of a time as values of their own, between blanks. */
static enum fm_value_kind part_kind(const uint8_t *s, size_t n, bool clock)
{
	static const char day[] = "2000-01-01 ", midnight[] = " 00:00:00";
	char text[64];
	int64_t ms;

	if (n + sizeof day > sizeof text)
		return FM_VALUE_WORD;
	memcpy(text, day, sizeof day);
	memcpy(text + (clock ? sizeof day - 1 : 0), s, n);
	if (!clock)
		memcpy(text + n, midnight, sizeof midnight);
	if (fm_parse_time_ms(text, n + (clock ? sizeof day : sizeof midnight) - 1, &ms))
		return FM_VALUE_WORD;
	return !clock ? FM_VALUE_DATE : n == 8 ? FM_VALUE_CLOCK : FM_VALUE_CLOCK_PART;
}

static enum fm_value_kind time_kind(uint8_t minute[17], const uint8_t *s, size_t n)
{
	int64_t ms;

	if (n == 10)
		return part_kind(s, n, false);
	if (fm_parse_time_ms((const char *)s, n, &ms) || s[10] != ' ')
		return FM_VALUE_WORD;
	memcpy(minute, s, 17);
	return n == 19 ? FM_VALUE_TIME : FM_VALUE_TIME_PART;
}

enum fm_value_kind fm_value_kind_of(uint8_t minute[17], const uint8_t *s, size_t n)
{
	enum fm_value_kind kind;
	size_t i = 0;

	while (i < n && fm_is_digit((char)s[i]))
		i++;
	if (i == n)
		return n == 0 ? FM_VALUE_EMPTY : n < 20 && (n == 1 || *s != '0') ? FM_VALUE_WHOLE : FM_VALUE_WORD;
	if (s[i] == '-' && i == 4)
		return time_kind(minute, s, n);
	if (s[i] == ':' && i == 2 && n >= 8 && (kind = part_kind(s, n, true)) != FM_VALUE_WORD)
		return kind;
	if ((s[i] == '.' || s[i] == ',') && i > 0 && (i == 1 || *s != '0') && all_digits(s + i + 1, n - i - 1))
		return s[i] == '.' ? FM_VALUE_POINT : FM_VALUE_COMMA;
	if (*s == '-' && n > 1 && all_digits(s + 1, n - 1))
		return FM_VALUE_NEGATIVE;
	return address_kind(s, n);
}
