/*
 * config_public.h - the config in a manifest, read by the same schema as release.yaml.
 */
#ifndef FM_MANIFESTS_CONFIG_PUBLIC_H
#define FM_MANIFESTS_CONFIG_PUBLIC_H

#include "manifests/config.h"

/* Is each value of told in now, and the same?  Keys that only now has are of a later version, at their defaults. */
bool fm_config_covers(const json_t *now, const json_t *told);
/* The config of a manifest, whatever version wrote it: keys that this version does not know are left alone, those that
 * it knows must have possible values, in the form in which flowmint writes them.  FM_EINPUT names the key. */
int fm_config_told(struct fm_config **cfg, const json_t *told, struct fm_error *err) FM_MUST_CHECK;
/* Has the config of a manifest a section or key that neither this version nor an earlier one has?  out: the first one.
 */
bool fm_config_unknown(const json_t *told, char out[160]);

#endif
