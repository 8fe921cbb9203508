/*
 * num.h - numbers, addresses and times as text: strict, locale-free, time-zone-free.
 *
 * Parsers take (s, n): n bytes, no NUL needed, and accept nothing before or after the value.  They return 0, or -1 when
 * the text is not such a value or is out of range; the caller says which field and line.
 */
#ifndef FM_BASE_NUM_H
#define FM_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool fm_is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}
int fm_hex_digit(char c); /* 0 to 15, of either case; -1: none */
int fm_parse_u64(const char *s, size_t n, uint64_t max, uint64_t *v);
int fm_parse_i64(const char *s, size_t n, int64_t *v);
int fm_parse_double(const char *s, size_t n, double *v); /* decimal or exponent form; no inf, nan, hex */
/* A decimal number times 10^scale, rounded half up to an integer: "7.25" with scale 3 is 7250; exponent form is
 * accepted. */
int fm_parse_scaled(const char *s, size_t n, int scale, int64_t *v);
int fm_parse_ipv4(const char *s, size_t n, uint32_t *ip); /* dotted quad, each 0..255 */
/* "YYYY-MM-DD HH:MM:SS[.fff]" (or T between) as UTC milliseconds since 1970; real calendar dates only. */
int fm_parse_time_ms(const char *s, size_t n, int64_t *ms);
/* "YYYY-MM-DD", ended by a NUL, as the seconds since 1970 at which the day begins in UTC; negative before 1970. */
int fm_parse_date_s(const char *s, int64_t *begin_s);

#define FM_IPV4_MAX 16
#define FM_TIME_MAX 32
size_t fm_format_u64(uint64_t v, char *out); /* each returns the length written; no NUL */
size_t fm_format_ipv4(uint32_t ip, char *out);
size_t fm_format_time_s(int64_t ms, char *out);  /* YYYY-MM-DD HH:MM:SS, fraction dropped */
size_t fm_format_ms_as_s(int64_t ms, char *out); /* 7250 -> 7.250 */
/* v rounded to two significant digits, up or down, ignoring rounding errors as of a sum: 0.0321 becomes 0.033, or
 * 0.032. */
double fm_two_digits(double v, int up);
int fm_format_double(double v, char *out, size_t cap); /* shortest text that reads back the same; NaN is "nan" */

#endif
