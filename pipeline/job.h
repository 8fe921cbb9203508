/*
 * job.h - one stage as its child process sees it: which paths it gets, and the call.
 *
 *     struct fm_job j = {.stages = stages, .cfg = cfg, .id = FM_TRAIN, .out_dir = dir};
 *     fm_job_fill(&j, run, &box, err)          its row of the design's table: into j, and into box
 *     fm_sandbox_run(&box, fm_job_run, &j, ...)
 *     fm_job_free(&j)
 */
#ifndef FM_PIPELINE_JOB_H
#define FM_PIPELINE_JOB_H

#include <jansson.h>
#include <stdbool.h>

#include "pipeline/run.h"
#include "pipeline/sandbox.h"

/* The product folder of each stage, below its KEY folder. */
extern const char *const fm_products[FM_NSTAGES];

/* What one stage is told, in its child. */
struct fm_job {
	const struct fm_stages *stages;
	const struct fm_config *cfg;
	enum fm_stage_id id;
	const char *out_dir;
	char *trace, *train, *validation, *holdout, *store_json, *model, *synthetic, *metrics, *controls, *previous,
	    *verdict, *key, *dialect;
	char *checkpoint; /* train: a folder that it may write, and that outlives it */
	json_t *manifest;
	const json_t *waivers; /* gate: those that hold, the run's; or NULL */
};

int fm_job_fill(struct fm_job *j, const struct fm_run *run, struct fm_sandbox *box, struct fm_error *err) FM_MUST_CHECK;
/* In the child (an fm_sandbox_fn): {"result": the stage's own, "output": digest of what it wrote}. */
int fm_job_run(void *ctx, json_t **result, struct fm_error *err);
/* Is the dialect a file of the user's, and does this stage read it? */
bool fm_job_wants_dialect(const struct fm_config *cfg, enum fm_stage_id id);
void fm_job_free(struct fm_job *j);

#endif
