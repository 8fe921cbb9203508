/*
 * manifest.h - the runner's part of a release's manifest.
 */
#ifndef FM_PIPELINE_MANIFEST_H
#define FM_PIPELINE_MANIFEST_H

#include <jansson.h>

#include "pipeline/run.h"

/* What the manifest says of config, stages, privacy and environment, a new reference; NULL without memory.
 */
json_t *fm_runner_facts(const struct fm_config *cfg, const struct fm_run *run);
/* {"method","of":{"source","store","model"}} under the project's secret, a new reference. */
int fm_runner_commitments(const char *project, const struct fm_run *run, json_t **out,
			  struct fm_error *err) FM_MUST_CHECK;
/* The runner's part of the manifest, a new reference: facts, commitments, the verdict, and as much of metrics and
 * histograms as publish.report lets out. */
int fm_runner_manifest(const struct fm_config *cfg, const char *project, const struct fm_run *run, json_t **manifest,
		       struct fm_error *err) FM_MUST_CHECK;

#endif
