/*
 * json_scan.h - a JSON document value by value, so that a long list takes the memory of one of its elements.
 *
 *     struct fm_json_scan s = {.text = text, .n = n};
 *     if (fm_json_scan_is(&s, '['))                   skips blanks, and that character
 *             do rc = fm_json_scan_value(&s, &v, err);
 *             while (rc >= 0 && fm_json_scan_is(&s, ','));
 */
#ifndef FM_RELEASE_JSON_SCAN_H
#define FM_RELEASE_JSON_SCAN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

#define FM_JSON_SCAN_MAX 16384 /* bytes of one value */

struct fm_json_scan {
	const char *text; /* n bytes */
	size_t n, at;
};
bool fm_json_scan_is(struct fm_json_scan *s, char c);
bool fm_json_scan_end(struct fm_json_scan *s); /* only blanks are left */
/* A new reference.  FM_EINPUT: none is there, or a longer one; FM_ESYSTEM: no memory. */
int fm_json_scan_value(struct fm_json_scan *s, json_t **v, struct fm_error *err) FM_MUST_CHECK;

#endif
