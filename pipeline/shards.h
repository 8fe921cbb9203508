/*
 * shards.h - a run's flows, or the searches of their judging, made in parts, apart from the run: by a process each, on
 * any machine that has the project.
 *
 *     FOLDER/shard-3-of-7-KEY.sealed     of the flows: run.shards
 *     FOLDER/part-3-of-7-KEY.sealed      of the searches (privacy/leakage/division.h): run.parts
 *
 * KEY is the first 16 digits of a digest: of flows the key of the stage generate, which has the digest of the model,
 * the section generate of the config and the version in it; of searches fm_judging_key (keys.h).  Shards of one KEY are
 * parts of the same.
 *
 * A shard holds flows that no gate has judged, and a part of the searches tells which real rows are near to them, so
 * both are sealed (pack.h) like the products that they are made of.  The key is derived from that of the product in the
 * workspace, the model or the synthetic table, which is wrapped under the project's secret: who can open a shard could
 * make it, and a purge of the product takes the shards with it, wherever they lie.
 *
 *     fm_shard_make   flowmint generate, judge: one, behind the walls of the stage; products are only read
 *     fm_shards_take  flowmint run with run.shards, run.parts: those that are there, opened for that stage
 */
#ifndef FM_PIPELINE_SHARDS_H
#define FM_PIPELINE_SHARDS_H

#include <jansson.h>

#include "pipeline/run.h"
#include "pipeline/vault.h"

#define FM_SHARDS_MOST 4096

enum fm_shard_kind { FM_SHARDS_FLOWS, FM_SHARDS_JUDGING };

/* "3/7"; FM_EUSAGE when text, the value of this option, is no such thing. */
int fm_shard_parse(const char *option, const char *text, struct fm_shard *shard, struct fm_error *err) FM_MUST_CHECK;

struct fm_shard_in {
	enum fm_shard_kind kind;
	const char *workspace;
	/* The run whose flows they are, by its id.  With run NULL: the newest run that trained with this config, whose
	 * section generate then counts; for searches, the newest that generated with it. */
	const char *run;
	const struct fm_config *cfg;
	const char *out; /* FOLDER; made when it does not exist */
	struct fm_shard shard;
	bool unconfined;
};
/* {"run","shard" or "part","of","file","flows","seconds","made"}: "flows" for shards of flows alone; made is false when
 * the shard was there already and could be opened. Takes no lock and writes nothing into the workspace: any number may
 * work at once. */
int fm_shard_make(const struct fm_shard_in *in, json_t **report, struct fm_error *err) FM_MUST_CHECK;

struct fm_shards {
	enum fm_shard_kind kind;
	const char *folder;   /* of the sealed shards */
	const char *key;      /* in their names */
	struct fm_vault from; /* the product that they are made of: the model, the synthetic table */
};
/* Open the shards of the folder into dir/NUMBER, which is made; *of: how many parts the whole has, 0 when there is
 * none.  Each missing part gets a warning.  A shard that is damaged, of other flows or of another division: FM_EVERDICT
 * or FM_EINPUT; the message names it. */
int fm_shards_take(const struct fm_shards *s, const char *dir, uint32_t *of, struct fm_error *err) FM_MUST_CHECK;

#endif
