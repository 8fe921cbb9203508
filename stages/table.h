/*
 * table.h - the six stages as one table: what each is called, makes, reads and depends on.
 *
 *     trace -> ingest -> train -> generate -> evaluate -> gate -> release
 *                 \________________________/^       \___________/^
 *
 * Runner, confinement, keys, ledger, `status`, the plan and docs/architecture.md take what they say about a stage from
 * here.  A stage sees the items of its row and nothing else of the workspace; what it reads is also what its key
 * depends on: the digest of each product that has one of its items, and of each file of the user's, is an input.
 */
#ifndef FM_STAGES_TABLE_H
#define FM_STAGES_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "manifests/stage_list.h"
#include "release/verify.h"
#include "stages/stage.h"

enum fm_stage_id { FM_INGEST, FM_TRAIN, FM_GENERATE, FM_EVALUATE, FM_GATE, FM_RELEASE, FM_NSTAGES };

/* What a stage can be given. */
enum fm_item_id {
	FM_ITEM_TRACE,
	FM_ITEM_DIALECT,
	FM_ITEM_PUBLISHED, /* only where publish.dialect is a file */
	FM_ITEM_TRAIN,
	FM_ITEM_VALIDATION,
	FM_ITEM_HOLDOUT,
	FM_ITEM_STORE,
	FM_ITEM_MODEL,
	FM_ITEM_SHARDS, /* only with run.shards */
	FM_ITEM_SYNTHETIC,
	FM_ITEM_FREE, /* only in privacy.mode dp */
	FM_ITEM_PREVIOUS,
	FM_ITEM_PARTS, /* only with run.parts */
	FM_ITEM_METRICS,
	FM_ITEM_PAID, /* only with privacy.budget.gate */
	FM_ITEM_CONTROLS,
	FM_ITEM_WAIVERS,
	FM_ITEM_AUDITS,
	FM_ITEM_VERDICT,
	FM_ITEM_MANIFEST,
	FM_ITEM_LICENSE,
	FM_ITEM_CHECKPOINT,
	FM_ITEM_QUARANTINE,
	FM_NITEMS,
};
#define FM_ITEM(x) (1u << (x))

/* Where an item is found. */
enum fm_item_from {
	FM_FROM_PRODUCT, /* in the product of another stage */
	FM_FROM_USER,    /* a file that the config names */
	FM_FROM_RUNNER,  /* told by the runner, in memory */
	FM_FROM_SHARDS,  /* made apart and opened by the runner: it changes no byte, and is no input */
	FM_FROM_STAGE,   /* a folder of the stage's own that outlives it: the one kind that may be written to */
};
struct fm_item {
	const char *words; /* for docs and messages */
	enum fm_item_from from;
	enum fm_stage_id stage; /* FM_FROM_PRODUCT: whose */
	const char *name;       /* FM_FROM_PRODUCT: its name in the product folder, NULL for the folder itself */
	const char *key;        /* FM_FROM_USER: the key of the config that names it */
	size_t config;          /* FM_FROM_USER: where in struct fm_config its path is */
	const char *digest;     /* name of its digest among the inputs of a stage; of a product the stage's product */
	bool may_lack;          /* the stage runs without it */
};
extern const struct fm_item fm_items[FM_NITEMS];

/* The file of the user's for an item of FM_FROM_USER, borrowed; NULL where the config names none: a dialect without a
 * slash is built in. */
const char *fm_item_path(const struct fm_config *cfg, enum fm_item_id item);

/* What a stage is called with.  path[item] is NULL for what it does not get. */
struct fm_stage_call {
	const struct fm_config *cfg;
	const char *out_dir, *run; /* run: its id, "r0001" */
	char *path[FM_NITEMS];
	const json_t *manifest, *waivers, *audits;
	const char *archive;            /* release: make this one again, from its own flows, and no other */
	struct fm_shard shard;          /* generate, evaluate: make this part alone */
	uint32_t nshards;               /* of how many parts path[FM_ITEM_SHARDS] or path[FM_ITEM_PARTS] holds some */
	const struct fm_secret *secret; /* its own, in privacy.mode dp, for a stage that draws */
	const struct fm_secret *checkpoint_key;
	struct fm_ranks *ranks; /* train: of this process */
};

/* The functions of the stages, and of verification; tests put small ones in their place. */
struct fm_stages {
	int (*ingest)(const struct fm_ingest_in *, struct fm_ingest_out *, struct fm_error *);
	int (*train)(const struct fm_train_in *, struct fm_train_out *, struct fm_error *);
	int (*generate)(const struct fm_generate_in *, struct fm_generate_out *, struct fm_error *);
	int (*evaluate)(const struct fm_evaluate_in *, struct fm_evaluate_out *, struct fm_error *);
	int (*gate)(const struct fm_gate_in *, struct fm_gate_out *, struct fm_error *);
	int (*release)(const struct fm_release_in *, struct fm_release_out *, struct fm_error *);
	int (*verify)(const struct fm_verify_in *, struct fm_verify_report *, struct fm_error *);
	int (*again)(const struct fm_release_in *, const char *archive, struct fm_release_out *, struct fm_error *);
	int (*rehearse)(const struct fm_train_in *, struct fm_error *);
};
extern const struct fm_stages fm_stages_real;

struct fm_stage {
	const char *name;
	const char *product; /* its folder below stages/NAME/KEY/ */
	const char *makes;   /* the same in words */
	enum fm_stage_shown shown;
	/* The files that it may hold, and no others: names, "@" for those of a table, "#" for the archive of the
	 * release, in folders of one level */
	const char *files;
	int format;       /* raised when products in workspaces must be made again within one version */
	bool by_program;  /* the key depends on the program's own digest, so that what a release claims is measured
			     by the program that releases it */
	bool draws;       /* random numbers: in privacy.mode dp from a secret of its own */
	bool threads;     /* it computes, or unpacks, with several */
	bool sees_rows;   /* private flows: no message of it may hold the text of one (base/text.h) */
	bool sealed;      /* its product is private, and encrypted in the workspace (pipeline/vault.h) */
	bool always;      /* made again each time, never taken from the workspace */
	unsigned items;   /* FM_ITEM(...) | ...: all that it may read, and of FM_FROM_STAGE write */
	unsigned unkeyed; /* those of them that change no byte of the product, and so are not in its key */
	const char *section[10]; /* of the config, that the key depends on; ends with NULL */
	/* Call s's function of this stage; *result is what it found out, as JSON, for the ledger. */
	int (*call)(const struct fm_stages *s, const struct fm_stage_call *c, json_t **result, struct fm_error *err);
};
extern const struct fm_stage fm_stage_table[FM_NSTAGES];

int fm_stage_find(const char *name); /* enum fm_stage_id or -1 */
static inline const char *fm_stage_name(int id)
{
	return fm_stage_table[id].name;
}
/* May partners see the digest of its product?  False for a name of no stage. */
bool fm_stage_shows_output(const char *name, bool dp);

#endif
