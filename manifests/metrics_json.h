/*
 * metrics_json.h - how metrics.c and verdict.c write and read their documents.  Readers name `where` in their messages.
 */
#ifndef FM_MANIFESTS_METRICS_JSON_H
#define FM_MANIFESTS_METRICS_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "manifests/metrics.h"

/* No document of ours has more entries; a file with more is refused before it is read further. */
#define FM_DOC_MAXENTRIES 4096

bool fm_metric_name_ok(
    const char *name); /* words of letters, digits, _ and -, joined by single dots; at most 63 bytes */

json_t *fm_real_or_null(double v);
int fm_set_ci(json_t *o, double lo, double hi); /* "ci", when both are numbers */

int fm_doc_keys(const json_t *o, const char *const *keys, size_t n, const char *where,
		struct fm_error *err) FM_MUST_CHECK; /* an object, with these keys at most */
int fm_doc_real(const json_t *o, const char *key, double *out, const char *where,
		struct fm_error *err) FM_MUST_CHECK; /* a number, or null for NaN */
int fm_doc_count(const json_t *o, int64_t *n, const char *where, struct fm_error *err) FM_MUST_CHECK; /* "n" */
int fm_doc_text(const json_t *o, const char *key, char *out, size_t cap, const char *where,
		struct fm_error *err) FM_MUST_CHECK;
int fm_doc_ci(const json_t *o, double *lo, double *hi, const char *where, struct fm_error *err) FM_MUST_CHECK;

#endif
