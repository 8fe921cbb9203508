/*
 * canon.h - canonical JSON (RFC 8785 for the values flowmint uses): keys in byte order, no white space, numbers in
 * their shortest form that reads back the same, UTF-8.  What is digested or signed is written by this and nothing else.
 */
#ifndef FM_MANIFESTS_CANON_H
#define FM_MANIFESTS_CANON_H

#include <jansson.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"

int fm_json_canonical(const json_t *v, struct fm_buf *out,
		      struct fm_error *err) FM_MUST_CHECK; /* refuses NaN and infinities */
/* For people: sorted keys, two spaces, a final newline, the same numbers. */
int fm_json_pretty(const json_t *v, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
/* The same for standard output: DEL and U+0080 to U+009F, which control terminals too, are escaped. */
int fm_json_shown(const json_t *v, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
int fm_json_digest(const json_t *v, char hex[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
/* Parse a file of at most max bytes: duplicate keys refused, position of a mistake named. */
int fm_json_load(json_t **v, const char *path, size_t max, struct fm_error *err) FM_MUST_CHECK;
int fm_json_save(const json_t *v, const char *path, struct fm_error *err) FM_MUST_CHECK; /* pretty, atomically */

#endif
