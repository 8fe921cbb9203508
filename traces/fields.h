/*
 * fields.h - the fields of one line without quotes: between delimiters, between blanks, of an object of JSON. Each is
 * given to field(s, n, ctx), in order; s stands in the line, or in memory that is valid until it returns.
 */
#ifndef FM_TRACES_FIELDS_H
#define FM_TRACES_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "manifests/dialect.h"

typedef void (*fm_field_fn)(void *s, size_t n, void *ctx); /* libcsv's */

/* Between delimiters, blanks around them dropped. */
void fm_fields_plain(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx);
/* The same, and tabs dropped too, as libcsv does, for a line without a quote or a carriage return; false: it has one,
 * and no field was given. The fields are found in one pass over the line. */
bool fm_fields_unquoted(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx);
/* Between any number of blanks. A field of several words includes what stands between them; the K, M, G or T of a
 * number is part of it. */
void fm_fields_blanks(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx);

/* Zero-initialised; scratch is freed by its owner. */
struct fm_json_fields {
	const struct fm_dialect *d;
	struct {
		const char *s;
		size_t n;
	} value[FM_DIALECT_MAXCOLS];
	bool twice;            /* a key stands twice */
	struct fm_buf scratch; /* strings without escapes */
};
/* The values of an object in the order of the dialect's columns, one that is not there as an empty field. *why: NULL,
 * or why there are none. */
int fm_fields_json(struct fm_json_fields *j, const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field,
		   void *ctx, const char **why, struct fm_error *err) FM_MUST_CHECK;

#endif
