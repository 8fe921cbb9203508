/*
 * json_text.h - parsing JSON whose numbers are real ones, and its members.
 *
 * JSON has one kind of number, and canonical JSON (RFC 8785) writes those below 10^21 without a point or an exponent;
 * jansson takes such numbers for integers, and refuses those beyond 64 bits.
 */
#ifndef FM_BASE_JSON_TEXT_H
#define FM_BASE_JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* json_loadb, but integers that 64 bits do not hold are read as reals.  A new reference, or NULL and *at. */
json_t *fm_json_parse(const char *text, size_t n, size_t flags, json_error_t *at);

/* A member as text ("" when it is no text; borrowed from the object) and as a number (NaN when it is none). */
const char *fm_json_str(const json_t *object, const char *key);
double fm_json_real(const json_t *object, const char *key);
bool fm_json_says(const json_t *object, const char *key, const char *text); /* is it this very text? */
/* The first object of a list whose member "name" is that text, or NULL; borrowed from the list. */
json_t *fm_json_named(const json_t *list, const char *name);

#endif
