/*
 * value.h - one field of a trace as text -> its value, by the dialect's column. Each returns NULL, or why the text is
 * no such value, as the end of "te ..."; the reason holds nothing of the text, which is private.
 */
#ifndef FM_TRACES_VALUE_H
#define FM_TRACES_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "manifests/dialect.h"

/* Milliseconds since 1970, UTC, of column k; the years 1970 to 2261. said: does the text say its zone? For a pattern
 * that is a part of a time: by the clock that wrote it, which is *said's where that is zoned, else the dialect's. */
const char *fm_value_time(const struct fm_dialect *d, int k, const char *s, size_t n, int64_t *ms,
			  struct fm_time_said *said);
/* What that clock shows, by all parts of a time, becomes UTC. */
const char *fm_value_by_clock(const struct fm_dialect *d, const struct fm_time_said *said, int64_t *ms);
/* Milliseconds, up to 2^32 - 1. */
const char *fm_value_duration(const struct fm_dialect *d, int k, const char *s, size_t n, uint32_t *ms);
/* A length of time that says its units, the longest first: "5s", "1m 2s", "250 ms", "PT1M2.5S" of ISO 8601; in
 * milliseconds, rounded half up. false: it is none, or over 8 weeks. */
bool fm_value_units(const char *s, size_t n, int64_t *ms);
/* *dotted: the text has a point and its meaning depends on the protocol. 8.0 is a number that a program wrote as a
 * decimal, unless the row is ICMP (type and code); with format type.code it is type and code, and the row must be
 * ICMP. */
const char *fm_value_port(const struct fm_dialect *d, int k, const char *s, size_t n, uint16_t *port, bool *dotted);
const char *fm_value_count(const struct fm_dialect *d, int k, const char *s, size_t n, uint64_t *v);
/* "10.0.0.1:443", "2001:db8::1.443" as nfdump has it, or "[2001:db8::1]:443": s and n become those of the address;
 * *dotted: the port was type.code of ICMP. */
const char *fm_value_split_port(const char **s, size_t *n, uint16_t *port, bool *dotted);
const char *fm_value_address(const struct fm_dialect *d, int k, const char *s, size_t n, struct fm_address *a);
/* Windows-1252 as UTF-8, into out of 3 n bytes; returns its length, 0 for a byte that stands for nothing. Text that is
 * well-formed UTF-8 already, as in a file that someone rewrote, stays: no words in windows-1252 look like that. */
size_t fm_value_from_windows_1252(const char *s, size_t n, char *out);
/* The way back, into out of n bytes; 0: a character that windows-1252 lacks, or bytes that would be read as UTF-8. */
size_t fm_value_to_windows_1252(const char *s, size_t n, char *out);

/* Is it a time in days with one to four decimals, as 42471.5417 (steps of 8.64 s)?  Where a program drops zeros at the
 * end, some whole seconds are written so too, such as noon (.5), and midnight without any. */
bool fm_value_is_coarse(const char *s, size_t n);
/* Is it a number with an exponent and fewer digits than it has before its point, as 1.46033e+09 is? */
bool fm_value_has_few_digits(const char *s, size_t n);
/* 1.000 to 999.000: a whole number with three decimals, or thousands by a point? */
static inline bool fm_value_may_be_thousands(const char *s, size_t n)
{
	return n > 4 && n < 8 && s[n - 4] == '.' && s[n - 3] == '0' && s[n - 2] == '0' && s[n - 1] == '0' && *s != '0';
}
static inline bool fm_value_is_rounded(const char *s, size_t n)
{
	return n > 4 && ((s[n - 2] | 0x20) == 'e' || (s[n - 3] | 0x20) == 'e' || (s[n - 4] | 0x20) == 'e') &&
	       fm_value_has_few_digits(s, n);
}

#endif
