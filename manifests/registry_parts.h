/*
 * registry_parts.h - what the files of registry.h share.
 */
#ifndef FM_MANIFESTS_REGISTRY_PARTS_H
#define FM_MANIFESTS_REGISTRY_PARTS_H

#include <stdbool.h>

/* Is name one of a pattern's? */
bool fm_metric_fits(const char *pattern, const char *name);
/* Does its row, or registry_values.c, say what its values can be?  Of each metric one of them does. */
bool fm_metric_has_values(const char *name);

#endif
