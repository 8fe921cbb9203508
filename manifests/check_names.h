/*
 * check_names.h - the names of all metrics that a gate may ask for (docs/metrics.md says what each is).
 *
 * A misspelt check would be found only at the gate, after hours of training; with this it is found when the config is
 * read.  A metric that is known may still be missing at the gate (no holdout, no such label), and fails there.
 */
#ifndef FM_MANIFESTS_CHECK_NAMES_H
#define FM_MANIFESTS_CHECK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

bool fm_check_known(const char *name);
/* The known name most like it, in out, or NULL. */
const char *fm_check_suggest(const char *name, char *out, size_t cap);

#endif
