/*
 * config_loader.h - a config while it is being put together, shared by config.c (the layers) and config_check.c (what
 * no single key can tell).
 */
#ifndef FM_MANIFESTS_CONFIG_LOADER_H
#define FM_MANIFESTS_CONFIG_LOADER_H

#include "manifests/config.h"
#include "manifests/config_schema.h"
#include "manifests/yaml.h"

/* Who set a key last: for messages about several keys. */
struct fm_provenance {
	const struct fm_yaml *at; /* NULL: the schema's default */
	int order;
};
struct fm_loader {
	struct fm_config *cfg;
	struct fm_arena *arena;
	struct fm_provenance *origin; /* fm_nkeys of them */
	int order;
	const char *layer, *layer_name; /* what is being applied: "preset" and "ugr16" */
	json_t *notes;                  /* who set each key last, as fm_config_explain gives it; NULL: nobody asks */
	bool resolved;                  /* the text is a config that was written out: it has "file" and "dir" */
	struct fm_error *err;
};

/* When every layer is applied: order what has no order of its own, check sums, overlaps and names, set the date and
 * make paths absolute. */
int fm_loader_finish(struct fm_loader *l) FM_MUST_CHECK;
int fm_loader_memory(struct fm_loader *l); /* FM_ESYSTEM, out of memory */
/* "train.steps" into "train" and "steps"; "preset" into "" and "preset". */
void fm_split_key(const char *key, char section[64], const char **name);

#endif
