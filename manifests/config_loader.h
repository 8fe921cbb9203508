/*
 * config_loader.h - a config while it is being put together, shared by config.c (the layers) and config_check.c (what
 * no single key can tell).
 */
#ifndef FM_MANIFESTS_CONFIG_LOADER_H
#define FM_MANIFESTS_CONFIG_LOADER_H

#include "manifests/config.h"
#include "manifests/config_schema.h"
#include "manifests/yaml.h"

struct fm_loader {
	struct fm_config *cfg;
	struct fm_arena *arena;
	const struct fm_yaml **at; /* fm_nkeys: where each key was set last; NULL: the schema's default */
	int order;
	const struct fm_config *preset; /* the config as the preset has it */
	enum fm_cfg_layer layer;        /* what is being applied */
	const char *layer_name;         /* "ugr16", "release.yaml"; or NULL */
	json_t *notes;                  /* what set each key last, as fm_config_explain gives it; NULL: not wanted */
	const char *open;               /* the section just seen, where nothing is indented below it; or NULL */
	bool resolved;                  /* the text is a config that was written out: it has "file" and "dir" */
	struct fm_error *err;
};

/* When every layer is applied: order what has no order of its own, check sums, overlaps and names, set the date and
 * make paths absolute. */
int fm_loader_finish(struct fm_loader *l) FM_MUST_CHECK;
int fm_loader_memory(struct fm_loader *l); /* FM_ESYSTEM, out of memory */
/* fm_config_fail_at, of the config as it is. */
#define fm_loader_fail_at(l, keys, ...) fm_config_fail_at((l)->cfg, (keys), (l)->err, __VA_ARGS__)
/* Refuse, with the reason, what voids a claim of differential privacy (config_dp.c). */
int fm_loader_check_dp(struct fm_loader *l) FM_MUST_CHECK;
/* Names that no config has: refuse them at v and say what was probably meant. */
int fm_loader_unknown_section(struct fm_loader *l, const char *name, const struct fm_yaml *v);
int fm_loader_unknown_key(struct fm_loader *l, const char *section, const char *name, const struct fm_yaml *v);
int fm_loader_unknown_check(struct fm_loader *l, const char *name, const struct fm_yaml *v);
/* Is it a key of earlier versions?  Such a key is refused; in a config that was written out it is skipped: then FM_OK,
 * and *is_gone is set. */
int fm_loader_gone(struct fm_loader *l, const char *section, const char *name, const struct fm_yaml *v,
		   bool *is_gone) FM_MUST_CHECK;
/* "train.steps" into "train" and "steps"; "preset" into "" and "preset". */
void fm_split_key(const char *key, char section[64], const char **name);

#endif
