/*
 * shards.h - a run's flows made in parts, apart from the run: by a process each, on any machine that has the project.
 *
 *     FOLDER/shard-3-of-7-KEY.sealed
 *
 * KEY is the first 16 digits of the key of the stage generate, which has the digest of the model, the section generate
 * of the config and the version in it: shards of one KEY are parts of the same flows.
 *
 * A shard holds flows that no gate has judged, so it is sealed (pack.h) as the synthetic table is.  Its key is derived
 * from that of the model in the workspace, which is wrapped under the project's secret: who can open a shard could make
 * it, and a purge of the model takes the shards with it, wherever they lie.
 *
 *     fm_shard_make   flowmint generate: one shard, behind the walls of the stage generate; the model is only read
 *     fm_shards_take  flowmint run with run.shards: those that are there, opened for that stage
 */
#ifndef FM_PIPELINE_SHARDS_H
#define FM_PIPELINE_SHARDS_H

#include <jansson.h>

#include "pipeline/run.h"
#include "pipeline/vault.h"

#define FM_SHARDS_MOST 4096

/* "3/7"; FM_EUSAGE when text is no such thing. */
int fm_shard_parse(const char *text, struct fm_shard *shard, struct fm_error *err) FM_MUST_CHECK;

struct fm_shard_in {
	const char *workspace;
	/* The run whose flows they are: its id; or, with run NULL, the newest run that trained by this config, whose
	 * section generate then counts. */
	const char *run;
	const struct fm_config *cfg;
	const char *out; /* FOLDER; made when it is not there */
	struct fm_shard shard;
	bool unconfined;
};
/* {"run","shard","of","file","flows","seconds","made"}: made is false when the shard was there already and could be
 * opened. Takes no lock and writes nothing into the workspace: any number may work at once. */
int fm_shard_make(const struct fm_shard_in *in, json_t **report, struct fm_error *err) FM_MUST_CHECK;

struct fm_shards {
	const char *folder;    /* of the sealed shards */
	const char *key;       /* of the stage generate */
	struct fm_vault model; /* the product of train */
};
/* Open those of the folder into dir/NUMBER, which is made; *of: in how many parts they are, 0 when there is none.  Each
 * that is missing gets a warning.  One that is damaged, of other flows or of another division: FM_EVERDICT or
 * FM_EINPUT, by name. */
int fm_shards_take(const struct fm_shards *s, const char *dir, uint32_t *of, struct fm_error *err) FM_MUST_CHECK;

#endif
