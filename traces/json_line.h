/*
 * json_line.h - one line of JSON as keys and values: {"ts":1.5,"id.orig_h":"10.0.0.1","flow":{"pkts":3}}.
 *
 * Keys of inner objects have the outer key and a point in front: flow.pkts. Numbers come as their text, strings without
 * their escapes, true and false as words, null as the empty text. Of a list, one value
 * alone counts as the value; other lists are passed over.
 */
#ifndef FM_TRACES_JSON_LINE_H
#define FM_TRACES_JSON_LINE_H

#include <stddef.h>

#define FM_JSON_KEY_MAX 256
#define FM_JSON_DEPTH 8

/* Calls pair for each value; value stands in s or in scratch (n bytes). NULL, or why s[0..n) is no object. */
const char *fm_json_line(const char *s, size_t n, char *scratch,
			 void (*pair)(void *ctx, const char *key, size_t nkey, const char *value, size_t nvalue),
			 void *ctx);

#endif
