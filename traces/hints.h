/*
 * hints.h - why a field cannot be read, by its look: what else it may be, and what to set for it. The sentences are
 * fixed texts to follow the name of a column; none has a byte of the field, which is private.
 */
#ifndef FM_TRACES_HINTS_H
#define FM_TRACES_HINTS_H

#include <stdbool.h>
#include <stddef.h>

/* For a time with a name behind it that is not that of one zone alone. */
const char *fm_hint_zone_name(void);
/* For a time with AM or PM behind it; NULL: it is none. */
const char *fm_hint_half_day(const char *s, size_t n);
/* For a text that is not the expected clock time; otherwise: what to say when its look tells nothing. */
const char *fm_hint_clock(const char *s, size_t n, const char *otherwise);
/* For a text that is not a time as a number, or is out of the range of years (out_of_range). */
const char *fm_hint_epoch(const char *s, size_t n, bool out_of_range);
const char *fm_hint_duration(const char *s, size_t n);
const char *fm_hint_address(const char *s, size_t n);
const char *fm_hint_port(const char *s, size_t n);
const char *fm_hint_count(const char *s, size_t n);
/* None, NULL, N/A and the like: what programs write for no value. */
bool fm_hint_is_no_value(const char *s, size_t n);
/* One of the words that only programs write, and nobody means as a name: nan, null, None. */
bool fm_hint_is_nothing(const char *s, size_t n);

#endif
