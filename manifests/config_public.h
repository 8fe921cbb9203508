/*
 * config_public.h - the config that a manifest tells, read as release.yaml is: by the same schema.
 */
#ifndef FM_MANIFESTS_CONFIG_PUBLIC_H
#define FM_MANIFESTS_CONFIG_PUBLIC_H

#include "manifests/config.h"

/* Is each value of told in now, and the same?  What now has besides is a key of a later version, at its default. */
bool fm_config_covers(const json_t *now, const json_t *told);
/* The config of a manifest, whatever version wrote it: keys that this version does not know are left alone, those that
 * it does have values that they can have, in the form in which flowmint writes them.  FM_EINPUT names the key. */
int fm_config_told(struct fm_config **cfg, const json_t *told, struct fm_error *err) FM_MUST_CHECK;

#endif
