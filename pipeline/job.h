/*
 * job.h - one stage as its child process sees it: which paths it gets, and the call.
 *
 *     struct fm_job j = {.stages = stages, .id = FM_TRAIN, .call = {.cfg = cfg, .out_dir = dir}};
 *     fm_job_fill(&j, run, &box, err)          its row of the stage table: into j, and into box
 *     fm_sandbox_run(&box, fm_job_run, &j, ...)
 *     fm_job_free(&j)
 */
#ifndef FM_PIPELINE_JOB_H
#define FM_PIPELINE_JOB_H

#include <jansson.h>

#include "pipeline/run.h"
#include "pipeline/walls/sandbox.h"

/* What one stage is told, in its child.  call.path is owned; FM_FROM_STAGE and FM_FROM_SHARDS paths are set by
 * the caller. */
struct fm_job {
	const struct fm_stages *stages;
	enum fm_stage_id id;
	struct fm_stage_call call;
	unsigned without; /* items of the stage's row that this job does not get (FM_ITEM) */
	char *files;      /* the names of a trace of several files, each with a NUL behind it */
};

/* Resolve the items of the stage's row and open them, and nothing else, in box.  The box forgets the trace when the
 * stage does not read it. */
int fm_job_fill(struct fm_job *j, const struct fm_run *run, struct fm_sandbox *box, struct fm_error *err) FM_MUST_CHECK;
/* Run the stage, in the child (an fm_sandbox_fn); *result is what the stage says of itself (fm_x_out_json). */
int fm_job_run(void *ctx, json_t **result, struct fm_error *err);
void fm_job_free(struct fm_job *j);

#endif
