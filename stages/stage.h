/*
 * stage.h - the six stages, all of one shape: a function of its inputs, which opens no file that they do not name.
 *
 *     int fm_stage_x(const struct fm_x_in *in, struct fm_x_out *out, struct fm_error *err)
 *
 * The runner makes an empty folder `out_dir` for each, and puts it in place when the stage has returned FM_OK; a stage
 * writes there, and in the folders for checkpoint and quarantine, and nowhere else.  What a stage found out is in its
 * out struct; fm_x_out_json turns it into JSON for the ledger and the log.  A failed gate is no error of the stage:
 * fm_gate_out.verdict says that it failed.
 *
 * table.h says which stage reads and makes what.  The files in the products:
 *
 *     store/      train/, validation/, holdout/ (tables with win and gap), store.json, quarantine.csv
 *     model/      files of the kind of model (model/generator.h); in privacy.mode dp charges.json (charge_json.h)
 *     synthetic/  table; in privacy.mode dp free.json, the metrics of synthetic flows alone (fm_metrics_list)
 *     metrics/    metrics.json (fm_metrics_list), histograms.json (judge/histogram.h), controls.json (controls.h);
 *                 with privacy.budget.gate paid.json, the metrics that it pays for (paid.h)
 *     verdict/    verdict.json (fm_verdict_json)
 *     a shard     windows.bin, defined by the kind of model: part of what synthetic/ is made of, kept outside of the
 * workspace a part      searches.bin (privacy/leakage/division.h): of what evaluate searches, likewise release/
 * NAME-VERSION.tar.zst; its signature is made later (pipeline/publish.h)
 *
 * secret: in privacy.mode dp the stage's own, of 32 bytes, from which splits, noise and flows are drawn (never from the
 * config's seeds); else NULL.
 */
#ifndef FM_STAGES_STAGE_H
#define FM_STAGES_STAGE_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "base/secret.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "traces/left_out.h"

struct fm_ranks;

/* quarantine: where the bad rows are put when ingest fails, a file that outlives the stage; NULL: into out_dir. */
struct fm_ingest_in {
	const struct fm_config *cfg;
	const char *trace;
	const char *out_dir;
	const char *quarantine;
	const struct fm_secret *secret;
};
struct fm_ingest_out {
	uint64_t rows, bad, missing_values, train_rows, validation_rows, holdout_rows, windows;
	int64_t first_ms, last_ms;
	uint64_t unsorted, tail_rows, passed_over;
	bool sorted; /* the trace was not in order of time, but the store is */
	struct fm_left_out left_out;
	uint64_t duplicates, near_duplicates; /* traces/duplicates.h; 0 in privacy.mode dp */
	uint64_t dropped;
};
int fm_stage_ingest(const struct fm_ingest_in *in, struct fm_ingest_out *out, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_ingest_out_json(const struct fm_ingest_out *out);

/* checkpoint_dir: a folder that outlives a killed stage; training resumes from it and writes to it; NULL: none. */
struct fm_train_in {
	const struct fm_config *cfg;
	const char *train_dir, *validation_dir, *store_json, *out_dir, *checkpoint_dir;
	const struct fm_secret *checkpoint_key; /* the checkpoint is encrypted under it; NULL: it is not */
	const struct fm_secret *secret;
	struct fm_ranks *ranks; /* that train together, rank 0 of which saves the model; NULL: this process alone */
};
struct fm_train_out {
	uint64_t steps, parameters;
	double loss, validation_nats_per_flow, flows_per_second; /* NaN: the kind of model has none */
	uint64_t rollbacks;
};
int fm_stage_train(const struct fm_train_in *in, struct fm_train_out *out, struct fm_error *err) FM_MUST_CHECK;
/* Say what training would say of in->cfg's publish.dialect before it learns, from in->train_dir alone; writes a passing
 * file into in->out_dir. FM_EINPUT: a release would be refused. */
int fm_stage_rehearse(const struct fm_train_in *in, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_train_out_json(const struct fm_train_out *out);

/* Part `index`, 1 to `of`, of a run's flows, or of the searches of its judging; of 0: all of them. */
struct fm_shard {
	uint32_t index, of;
};

/* With a shard the stage makes that part and no table.  shards_dir: the folder of those among `nshards` shards that
 * were made before; NULL: none, and the flows are the same. */
struct fm_generate_in {
	const struct fm_config *cfg;
	const char *model_dir, *shards_dir, *out_dir;
	struct fm_shard shard;
	uint32_t nshards;
	const struct fm_secret *secret;
};
struct fm_generate_out {
	uint64_t rows; /* of a shard: flows that it stands for */
	double flows_per_second;
};
int fm_stage_generate(const struct fm_generate_in *in, struct fm_generate_out *out, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_generate_out_json(const struct fm_generate_out *out);

/* model_dir, store_json: for membership inference by the model's loss; NULL: without.  previous: the release before,
 * likewise.  With a shard the stage makes that part of its searches, from the three tables alone, and no metric.
 * parts_dir: the folder of those among `nparts` parts that were made before; NULL: none, and the metrics are the
 * same. */
struct fm_evaluate_in {
	const struct fm_config *cfg;
	const char *train_dir, *holdout_dir, *synthetic_dir, *out_dir, *model_dir, *store_json, *previous, *parts_dir;
	struct fm_shard shard;
	uint32_t nparts;
	const struct fm_secret *secret; /* for the noise of the paid metrics, and nothing else */
};
struct fm_evaluate_out {
	struct fm_metrics metrics;
};
int fm_stage_evaluate(const struct fm_evaluate_in *in, struct fm_evaluate_out *out, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_evaluate_out_json(const struct fm_evaluate_out *out);

/* controls_json: what evaluate found out about the controls, or NULL; waivers: those that hold, as in a verdict, or
 * NULL. */
struct fm_gate_in {
	const struct fm_config *cfg;
	const char *free_json; /* in privacy.mode dp the only metrics that decide, */
	const char *paid_json; /* and these, where the budget has a share for them; NULL elsewhere */
	const char *metrics_json, *out_dir, *controls_json;
	const json_t *waivers;
	const json_t *audits; /* of the claim: a list (judge/gate/check.h) or NULL */
};
struct fm_gate_out {
	struct fm_verdict verdict;
};
/* Only the verdict, from documents that were read before: the runner compares it with the stage's.  No file is opened;
 * free *v by fm_verdict_free after a failure too. */
int fm_gate_judge(const struct fm_gate_in *in, const struct fm_metrics *metrics, const json_t *controls,
		  struct fm_verdict *v, struct fm_error *err) FM_MUST_CHECK;
int fm_stage_gate(const struct fm_gate_in *in, struct fm_gate_out *out, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_gate_out_json(const struct fm_gate_out *out);

/* manifest: what only the runner knows (stage digests, environment, commitments, metrics, checks); release adds the
 * files.  The archive is signed later, by the process that checks it (pipeline/publish.h): no key is here. */
struct fm_release_in {
	const struct fm_config *cfg;
	const char *synthetic_dir, *verdict_json, *out_dir;
	const json_t *manifest;
	const char *license; /* the text of the licence, a file, or NULL */
	const char *flows;   /* the flows as data/ has them, a file, instead of those of synthetic_dir; or NULL */
};
struct fm_release_out {
	char archive[512];
	char tar_sha256[65], archive_sha256[65];
	uint64_t nbytes;
};
int fm_stage_release(const struct fm_release_in *in, struct fm_release_out *out, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_release_out_json(const struct fm_release_out *out);
/* Make the archive that a release stage left again in in->out_dir, from the flows in it, without seeing
 * in->synthetic_dir.  Flows, config and manifest determine the archive, so if it comes out the same, its maker chose no
 * byte besides the flows, nor how those are written.  FM_EVERDICT: it differs; the message says in what.  FM_EINPUT: it
 * cannot be read.  *out is of the archive made again, which is no longer there. */
int fm_release_again(const struct fm_release_in *in, const char *archive, struct fm_release_out *out,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
