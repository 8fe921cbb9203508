/*
 * plan.h - what a run would do, and about what it would take, from a few measured steps.
 *
 * Which stages are complete is looked up as a run would.  For the rest the first rows of the trace are really ingested,
 * the network of the config really takes a few steps on them and makes a few flows, and the evaluation really judges
 * those; nothing of this is kept.  Two sizes of each give a fixed part and a part that grows:
 *
 *     ingest, evaluate    seconds = fixed + rows * slope
 *     train               the same for encoding, + train.steps * (seconds of a step of this batch and shape)
 *     generate            fixed + flows * slope
 *     memory              likewise, of the peaks
 *     disk                bytes of the products by row, the model as it is, the checkpoint by parameters
 *
 * The machine's load is part of the measurement: an estimate made on a busy machine holds for a busy machine.
 */
#ifndef FM_PIPELINE_PLAN_H
#define FM_PIPELINE_PLAN_H

#include <jansson.h>

#include "pipeline/run.h"

/* What o would run, as {"format","workspace","rows","rows_exact","train_rows","generate_rows","train_steps",
 * "measured":{"rows","steps","flows","judged_rows","seconds"},
 * "stages":[{"name","cached","seconds","peak_rss_bytes","disk_bytes"},...],
 * "total":{"seconds","peak_rss_bytes","disk_bytes"},"disk_free_bytes"}.
 * What was not measured is null.  Fails as the run would before its first stage. */
int fm_plan(const struct fm_run_options *o, json_t **plan, struct fm_error *err) FM_MUST_CHECK;

#endif
