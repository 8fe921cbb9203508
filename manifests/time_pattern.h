/*
 * time_pattern.h - times written as a dialect's own pattern says, after strptime, without locale and time zone files.
 *
 *     %Y year   %y year, 1970 to 2069, in two digits   %m month   %b Jan ... Dec, or in full   %B the same, written in
 *     full   %d day   %a Mon ... Sun, or in full   %A the same, written in full   %H hour 0 to 23   %I hour of the
 *     12-hour clock   %p AM or PM   %M minute   %S second   %f digits of a second, any number   %z Z, +02:00, +0200 or
 *     +02   %Z the name of a zone (zone.h), UTC when written   %% a percent sign   a blank: any number of blanks, none
 * too
 *
 * %T is %H:%M:%S, %R is %H:%M, %F is %Y-%m-%d, %D is %m/%d/%y, %h is %b and %e is %d: a dialect has them written out.
 *
 * Numbers may lack leading zeros when read and have them when written. Any other character stands for itself. A leap
 * second is read as the second after it, and 24:00:00 as midnight; a day that no calendar has is refused, and a day of
 * the week that is not the date's. A pattern without %S reads full minutes, and a text may lack ":%S" at a full minute.
 */
#ifndef FM_MANIFESTS_TIME_PATTERN_H
#define FM_MANIFESTS_TIME_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifests/zone.h"

#define FM_TIME_PATTERN_MAX 64 /* bytes of a pattern with its NUL */
#define FM_TIME_TEXT_MAX 256   /* bytes that one can write */

/* The pattern with %T and the like written out; -1: it is too long then. */
int fm_time_pattern_expand(const char *pattern, char out[FM_TIME_PATTERN_MAX]);
/* NULL, or what is wrong with it. day_starts: the first hour of 12 (0 to 23) that %I without %p stands for, or -1.
 * part: one of two columns that make a time: a date alone, or a time of day, which is read as on 1970-01-01. */
const char *fm_time_pattern_fault(const char *pattern, int day_starts, bool part);
bool fm_time_pattern_has_date(const char *pattern);
bool fm_time_pattern_has_clock(const char *pattern);
bool fm_time_pattern_has_zone(const char *pattern);
bool fm_time_pattern_has_zone_name(const char *pattern);
/* Milliseconds since 1970 of s[0..n), digits after the third of a fraction dropped; the offset of %z or %Z is taken
 * off, that of a name by fm_zone_named(zone, ...). -1: it is not such a time; FM_TIME_ZONE_NAME: it is but for the name
 * of its zone. */
#define FM_TIME_ZONE_NAME (-2)
int fm_time_pattern_read(const char *pattern, int day_starts, const struct fm_zone *zone, const char *s, size_t n,
			 int64_t *ms);
/* Writes ms, 0 to the year 9999; %f has `decimals` digits, cut; returns the length. */
size_t fm_time_pattern_write(const char *pattern, int64_t ms, int decimals, char out[FM_TIME_TEXT_MAX]);
/* What a text says of its zone: nothing, an offset in minutes, or a name. */
struct fm_time_said {
	bool zoned;
	int minutes;
	char name[8]; /* "": it has none */
};
/* A part of a time, as fm_time_pattern_read but for the zone: it stays on, as a name can need the date of another
 * part. */
int fm_time_pattern_read_part(const char *pattern, int day_starts, const char *s, size_t n, int64_t *ms,
			      struct fm_time_said *said);
/* Take the zone off the whole time. 0 or FM_TIME_ZONE_NAME. */
int fm_time_take_off(const struct fm_time_said *said, const struct fm_zone *zone, int64_t *ms);
/* What stands behind a clock time: Z, +02:00, +0200, +02, UTC+02:00, +0200 CEST or the name of a zone; minutes as
 * above, ms being the time before it. -1 and FM_TIME_ZONE_NAME as above. */
int fm_time_zone_read(const struct fm_zone *zone, const char *s, const char *end, int64_t ms, int *minutes);
/* Minutes of Z, +02:00, +0200 or +02 at *s, which is moved past it; -1: it is not an offset. */
int fm_time_offset_read(const char **s, const char *end, int *minutes);

#endif
