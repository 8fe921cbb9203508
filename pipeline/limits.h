/*
 * limits.h - what a stage may take of the machine: the section limits of the config; what is not set there follows from
 * the size of the job and the machine.
 */
#ifndef FM_PIPELINE_LIMITS_H
#define FM_PIPELINE_LIMITS_H

#include "manifests/config.h"
#include "pipeline/walls/sandbox.h"
#include "stages/table.h"

/* dir: where the stage writes, or NULL.  threads: whether the stage has any beside the first. */
void fm_limits_of(const struct fm_config *cfg, const char *dir, bool threads, struct fm_sandbox_limits *l);
/* Likewise for stage id of a run; where the config sets no limit, a job of this size has a bound of its own, which
 * holds when it is less (limits_fit.c).  rows: of the trace, once ingest has told them, else 0; with no trace either,
 * the machine alone decides.  Returns the bytes that all files which the stage leaves may have together. */
uint64_t fm_limits_fit(const struct fm_config *cfg, enum fm_stage_id id, const char *dir, uint64_t rows,
		       struct fm_sandbox_limits *l);
/* Bytes that all files of a stage may have together. */
uint64_t fm_limits_output(const struct fm_config *cfg, const char *dir);
/* The bytes that all products of a run may come to, as far as can be told before: for clear.h. */
uint64_t fm_limits_clear(const struct fm_config *cfg);
/* What the control group that this process is in, or one around it, allows of memory; 0: all there is. */
uint64_t fm_limits_group(void);
/* Memory of this machine, or of the control group that this process is in where that is less; 0 when not known. */
uint64_t fm_limits_memory(void);
/* Is there enough memory to begin at all?  FM_ESYSTEM: ulimit -v, or the control group, leaves too little. */
int fm_limits_check(struct fm_error *err) FM_MUST_CHECK;

/* A stage failed: where a limit of the config may be the reason, or one of l that follows from the size of the job (l
 * may be NULL), say so before the message.  Returns err->code. */
int fm_limits_explain(const struct fm_config *cfg, const struct fm_sandbox_limits *l, struct fm_error *err);

#endif
