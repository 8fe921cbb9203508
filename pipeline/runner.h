/*
 * runner.h - the stage graph: what depends on what, what need not be done again, each stage in a workspace of its own.
 *
 *     struct fm_run_options o = {.cfg = cfg, .workspace = "workspace"};
 *     struct fm_run run;
 *     if (fm_runner_run(&o, &run, &err) == FM_OK) ...      run.verdict.pass says whether there is a release
 *     fm_run_free(&run);
 *
 *     trace -> ingest -> train -> generate -> evaluate -> gate -> release -> publish (by the runner itself)
 *                 \________________________/^       \___________/^
 *
 * The key of a stage is the digest of {stage, format, version, config sections, input digests}, from evaluate on with
 * the digest of the program.  A finished stage of the same key is taken from the workspace after its digest has been
 * checked; train.threads and paths of the machine are in no key.  Release is made anew each time: it is quick, and its
 * key may have changed.
 */
#ifndef FM_PIPELINE_RUNNER_H
#define FM_PIPELINE_RUNNER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "pipeline/ledger.h"
#include "pipeline/run.h"

/* FM_OK also when the gate failed (verdict.pass is 0, archive "").  On failure run holds what was done so far. */
int fm_runner_run(const struct fm_run_options *o, struct fm_run *run, struct fm_error *err) FM_MUST_CHECK;
/* The workspace that o works in, a new string; NULL without memory. */
char *fm_runner_workspace(const struct fm_run_options *o);
json_t *fm_run_json(const struct fm_run *run); /* what `flowmint run --json` prints; NULL without memory */
void fm_run_free(struct fm_run *run);
/* The config as the ledger keeps it: every value, absolute paths, without where it was read from. */
json_t *fm_run_config(const struct fm_config *cfg);

/* keys.c: the key of stage id, from the config and run->stage[id].inputs. */
int fm_stage_key(const struct fm_config *cfg, enum fm_stage_id id, const json_t *inputs, char key[FM_SHA256_HEX],
		 struct fm_error *err) FM_MUST_CHECK;
/* keys.c: digest of the trace, remembered in the ledger by device, inode, size and times of the file. */
int fm_trace_digest(struct fm_ledger *l, const char *path, bool unconfined, char hex[FM_SHA256_HEX],
		    struct fm_error *err) FM_MUST_CHECK;
/* keys.c: the digest of a folder, taken in a child that sees nothing else; seconds and memory are added to *s. */
int fm_folder_digest(const char *name, const char *dir, bool unconfined, char hex[FM_SHA256_HEX],
		     struct fm_run_stage *s, struct fm_error *err) FM_MUST_CHECK;
/* publish.c: what the manifest says of config, stages, privacy and environment, a new reference; NULL without memory.
 */
json_t *fm_runner_facts(const struct fm_config *cfg, const struct fm_run *run);
/* publish.c: {"method","of":{"source","store","model"}} under the project's secret, a new reference. */
int fm_runner_commitments(const char *project, const struct fm_run *run, json_t **out,
			  struct fm_error *err) FM_MUST_CHECK;
/* publish.c: the runner's part of the manifest, a new reference: facts, commitments, the verdict, and of the metrics
 * and histograms what publish.report lets out. */
int fm_runner_manifest(const struct fm_config *cfg, const char *project, const struct fm_run *run, json_t **manifest,
		       struct fm_error *err) FM_MUST_CHECK;
/* publish.c: verify what the release stage made, then put it into out: archive first, signature last. */
int fm_runner_publish(const struct fm_stages *stages, const char *project, const char *out, struct fm_run *run,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
