/*
 * stage_run.h - one stage of a run: taken from the workspace when it is complete there, else made in a child.
 */
#ifndef FM_PIPELINE_STAGE_RUN_H
#define FM_PIPELINE_STAGE_RUN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/hash.h"
#include "base/secret.h"
#include "pipeline/ledger.h"
#include "pipeline/run.h"
#include "pipeline/state.h"
#include "pipeline/workspace.h"

/* A run while it lasts. */
struct fm_runner {
	const struct fm_run_options *o;
	const struct fm_config *cfg;
	const struct fm_stages *stages;
	struct fm_run *run;
	struct fm_workspace ws;
	char *clear; /* where decrypted products lie while the run works (clear.h) */
	struct fm_ledger *ledger;
	const char *project;
	json_t *waivers; /* that hold, a list */
	struct fm_state state;
	char secret_id[FM_SHA256_HEX]; /* privacy.mode dp: the name of the run's secret (fm_secret_id), else "" */
	json_t *place;                 /* where the workspace is, as this run tells it (ledger_place.h) */
	json_t *files;                 /* and the files that secret is made from (fm_runner_files) */
	bool unconfined;
};

/* Take or make stage `id`, whose inputs are complete, and write its row of the ledger.  With o->probe nothing is made,
 * and run->nstages stays as it is when the stage is not complete. */
int fm_stage_run(struct fm_runner *r, enum fm_stage_id id, struct fm_error *err) FM_MUST_CHECK;
/* To be called with the rc of a look at what stage id left: a product that was refused (harvest.h) is not kept, and the
 * next run makes it again.  Returns rc. */
int fm_stage_distrust(const struct fm_runner *r, enum fm_stage_id id, int rc, const struct fm_error *err);
struct fm_world_order;
/* A rank of another process: train with rank 0, which keeps the model. */
int fm_stage_help(struct fm_runner *r, const struct fm_world_order *order, struct fm_error *err) FM_MUST_CHECK;
/* Before what the stage release made is signed: is the archive in made->out_dir the only one that its flows, config and
 * manifest can give, and is said what that archive is?  work: a folder to make it again in, which is made and removed.
 * Another archive is refused (harvest.h).  (stage_run_again.c) */
int fm_stage_again(struct fm_runner *r, const struct fm_stage_call *made, const char *work, const json_t *said,
		   struct fm_error *err) FM_MUST_CHECK;
/* Say what a release in publish.dialect will not say of the flows that were learned from, where training, taken from
 * entry, said it of another one; FM_EINPUT where such a release would be refused. Notes there what was said.
 * (stage_run_rehearse.c) */
int fm_stage_tell_losses(struct fm_runner *r, const char *entry, bool cached, struct fm_error *err) FM_MUST_CHECK;
/* Put the digests of all that the stage's row of the table lets it read into inputs, of which its key is made. */
int fm_runner_inputs(struct fm_runner *r, enum fm_stage_id id, const json_t *manifest, json_t *inputs,
		     struct fm_error *err) FM_MUST_CHECK;
/* The digest of a file of the user's. */
int fm_runner_digest(struct fm_runner *r, enum fm_item_id id, char hex[FM_SHA256_HEX],
		     struct fm_error *err) FM_MUST_CHECK;
/* {"trace": hex, "dialect": hex, "dialect_zone": hex}: the digest of each file of the user's that ingest or train is
 * given, under its name among their inputs, and of the clock of the dialect's zone: all that the records are made
 * of. */
int fm_runner_files(struct fm_runner *r, json_t **files, struct fm_error *err) FM_MUST_CHECK;
/* In privacy.mode dp: know, seal and charge what the run will ask, before a record is read.  (runner_private.c) */
int fm_runner_open_private(struct fm_runner *r, struct fm_error *err) FM_MUST_CHECK;
/* In privacy.mode dp: the audit of the claim that counts, into run->audits.  (runner_private.c) */
int fm_runner_read_audits(struct fm_runner *r, struct fm_error *err) FM_MUST_CHECK;
/* The workspace that has the sealed half. */
const char *fm_runner_sealed(const struct fm_runner *r);
/* The run's secret, from its sealed half.  Close it soon: children have what their parent has in memory. */
int fm_runner_secret(const struct fm_runner *r, struct fm_secret *run, struct fm_error *err) FM_MUST_CHECK;

#endif
