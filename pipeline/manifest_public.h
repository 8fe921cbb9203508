/*
 * manifest_public.h - what the evaluate stage says about the public (synthetic) table, compared with that table.
 *
 * Evaluate has seen private rows, and what it says goes into the manifest.  Names of values, cells and counts of the
 * synthetic flows are made again in a child that sees the synthetic table alone.
 */
#ifndef FM_PIPELINE_MANIFEST_PUBLIC_H
#define FM_PIPELINE_MANIFEST_PUBLIC_H

#include <jansson.h>

#include "pipeline/run.h"

/* histograms: as they would be published (report/report.h), or NULL.  FM_ESYSTEM when they hold anything that does not
 * follow from the synthetic table, except counts of real rows where the config publishes those.  metrics: the published
 * list; metrics of a label that no synthetic flow has are taken out. */
int fm_manifest_compare(const struct fm_config *cfg, const struct fm_run *run, const json_t *histograms,
			json_t *metrics, struct fm_error *err) FM_MUST_CHECK;

#endif
