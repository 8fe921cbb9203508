/* dialect_loader.h - what the files that read a dialect share. */
#ifndef FM_MANIFESTS_DIALECT_LOADER_H
#define FM_MANIFESTS_DIALECT_LOADER_H

#include <stddef.h>

#include "manifests/dialect.h"
#include "manifests/yaml.h"

/* The key columns. */
int fm_dialect_columns(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err) FM_MUST_CHECK;
/* The key absent, which is read before all others. */
int fm_dialect_absent(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err) FM_MUST_CHECK;
/* The key timezone, and relative_to, which is read behind all others. */
int fm_dialect_timezone(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err) FM_MUST_CHECK;
int fm_dialect_relative_to(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err) FM_MUST_CHECK;
/* What the keys mean together. */
int fm_dialect_check(const struct fm_dialect *d, const struct fm_yaml *root, struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT: the word is none of the candidates; the message has the nearest, or all. */
int fm_dialect_unknown(const struct fm_yaml *v, const char *kind, const char *word, const char *const *candidates,
		       size_t n, struct fm_error *err);

#endif
