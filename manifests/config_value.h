/*
 * config_value.h - one value of release.yaml, from YAML into its field of struct fm_config, checked by the schema. What
 * concerns several keys at once is checked in config_check.c.
 */
#ifndef FM_MANIFESTS_CONFIG_VALUE_H
#define FM_MANIFESTS_CONFIG_VALUE_H

#include "manifests/config.h"
#include "manifests/config_schema.h"
#include "manifests/yaml.h"

int fm_key_read(struct fm_config *cfg, const struct fm_key *k, const struct fm_yaml *v,
		struct fm_error *err) FM_MUST_CHECK;
/* gate.NAME: sets, replaces or (null) drops the check of that name. */
int fm_check_read(struct fm_config *cfg, const char *name, const struct fm_yaml *v, struct fm_cfg_place set,
		  struct fm_error *err) FM_MUST_CHECK;

/* The field of a key. */
static inline void *fm_key_field(struct fm_config *cfg, const struct fm_key *k)
{
	return (char *)cfg + k->offset;
}
static inline const void *fm_key_cfield(const struct fm_config *cfg, const struct fm_key *k)
{
	return (const char *)cfg + k->offset;
}

#endif
