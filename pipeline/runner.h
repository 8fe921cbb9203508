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
 * checked; train.threads and paths of the machine are in no key.  Release is made again each time: it is quick, and its
 * key may have changed.
 */
#ifndef FM_PIPELINE_RUNNER_H
#define FM_PIPELINE_RUNNER_H

#include "pipeline/run.h"

/* FM_OK also when the gate failed (verdict.pass is 0, archive "").  On failure run holds what was done so far. */
int fm_runner_run(const struct fm_run_options *o, struct fm_run *run, struct fm_error *err) FM_MUST_CHECK;
/* What the processes that mpirun started (world.h) do, all but rank 0: train with rank 0 when it says so, until it is
 * done. */
int fm_runner_help(const struct fm_run_options *o, struct fm_error *err) FM_MUST_CHECK;
/* The workspace that o works in, a new string; NULL without memory. */
char *fm_runner_workspace(const struct fm_run_options *o);

#endif
