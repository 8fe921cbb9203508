/*
 * run.h - a run as it is recorded: its stages, what each took and made, and the verdict.
 */
#ifndef FM_PIPELINE_RUN_H
#define FM_PIPELINE_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "manifests/metrics.h"
#include "pipeline/ledger.h"
#include "stages/table.h"

struct fm_run_stage {
	const char *name;
	char key[FM_SHA256_HEX], output[FM_SHA256_HEX];
	double seconds; /* in this run: for a cached stage, the time of checking it */
	uint64_t peak_rss_bytes;
	bool cached;
	json_t *inputs; /* {"trace": digest, ...} */
	json_t *result; /* fm_x_out_json */
	char *product;  /* its folder */
};
struct fm_run {
	char id[FM_RUN_ID_MAX];
	struct fm_run_stage stage[FM_NSTAGES];
	int nstages; /* that ran or were taken */
	struct fm_metrics metrics;
	struct fm_verdict verdict;
	bool has_metrics, has_verdict;
	char archive[1024]; /* "" when there is none */
	char tar_sha256[FM_SHA256_HEX], archive_sha256[FM_SHA256_HEX];
	bool unconfined;
};

#endif
