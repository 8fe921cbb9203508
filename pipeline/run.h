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
#include "release/verify.h"
#include "stages/stage.h"

enum fm_stage_id { FM_INGEST, FM_TRAIN, FM_GENERATE, FM_EVALUATE, FM_GATE, FM_RELEASE, FM_NSTAGES };
extern const char *const fm_stage_names[FM_NSTAGES];
int fm_stage_find(const char *name); /* enum fm_stage_id or -1 */

/* What the runner calls; tests put small ones in their place. */
struct fm_stages {
	int (*ingest)(const struct fm_ingest_in *, struct fm_ingest_out *, struct fm_error *);
	int (*train)(const struct fm_train_in *, struct fm_train_out *, struct fm_error *);
	int (*generate)(const struct fm_generate_in *, struct fm_generate_out *, struct fm_error *);
	int (*evaluate)(const struct fm_evaluate_in *, struct fm_evaluate_out *, struct fm_error *);
	int (*gate)(const struct fm_gate_in *, struct fm_gate_out *, struct fm_error *);
	int (*release)(const struct fm_release_in *, struct fm_release_out *, struct fm_error *);
	int (*verify)(const struct fm_verify_in *, struct fm_verify_report *, struct fm_error *);
};
extern const struct fm_stages fm_stages_real; /* stages.c */

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
