/*
 * reproduce.h - run a recorded run again, in a workspace of its own, and compare.
 *
 * The config is the one in the ledger, not today's release.yaml.  The work is done in WORKSPACE/reproduce-*, inside the
 * project's own private folder, and removed afterwards; nothing is published.
 */
#ifndef FM_PIPELINE_REPRODUCE_H
#define FM_PIPELINE_REPRODUCE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "pipeline/runner.h"

struct fm_reproduce_in {
	const char *workspace;
	const char *what; /* a run id or an archive */
	bool from_model, unconfined;
	const struct fm_stages *stages; /* NULL: the real ones */
};
/* *report: {"run","from","verdict":"same"|"different","tar_sha256":{"recorded","again"},"stages":[{"name","recorded",
 * "again","same"}]}.  FM_OK when the tars are equal, FM_EVERDICT with the report set when not (also when the gate, run
 * again, refuses, or when no run of the ledger made this archive, then without a report). */
int fm_reproduce(const struct fm_reproduce_in *in, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
