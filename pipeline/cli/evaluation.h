/*
 * evaluation.h - two files of flows, and more beside them, read and measured behind the walls of a stage: what
 * flowmint evaluate prints.
 *
 *     struct fm_evaluation e = {.real = "a.csv", .synthetic = "b.csv", .dialect = "ugr16", .groups = ~0u};
 *     fm_evaluation_gate(&e, &err);            the config whose gate is applied
 *     fm_evaluation_measure(&e, call, &err);   e.metrics, e.histograms, ...
 *     fm_evaluation_close(&e);
 */
#ifndef FM_PIPELINE_CLI_EVALUATION_H
#define FM_PIPELINE_CLI_EVALUATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "judge/gate/check.h"
#include "judge/gate/files.h"
#include "judge/gate/holdout.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "pipeline/cli/place.h"
#include "privacy/leakage/leakage.h"

struct fm_evaluation {
	const char *real, *synthetic, *holdout, *previous, *dialect, *gate_file, *preset, *report, *workspace;
	bool gate, no_controls, unconfined, json;
	char *spill;                    /* a folder for what does not fit in memory */
	uint64_t rows, threads, memory; /* memory: MiB, 0: the config's or the default */
	unsigned groups;                /* groups of metrics to measure */
	struct fm_config *cfg;          /* whose gate is applied, or NULL */
	unsigned absent;                /* columns of a flow that the real flows do not have, by enum fm_col */
	struct fm_metrics metrics;
	/* With a gate and no holdout: which rules the real flows break, under the names of floors, for a failed check
	 * of all rules. */
	struct fm_metrics broken;
	uint64_t bad_real, bad_synthetic; /* rows that cannot be read */
	json_t *histograms;               /* for the report */
	json_t *controls;
	struct fm_unasked left_out; /* the checks that the files cannot answer */
	struct fm_holdout apart;    /* leakage beside a holdout, when both are given */
	struct fm_verdict verdict;
};

/* With e->gate: e->cfg, of e->gate_file or of e->preset, what its checks need into e->groups, and e->memory. */
int fm_evaluation_gate(struct fm_evaluation *e, struct fm_error *err) FM_MUST_CHECK;
/* Read and measure.  The files are strangers': a child does it that sees them alone, and what it says is looked at. */
int fm_evaluation_measure(struct fm_evaluation *e, const struct fm_call *call, struct fm_error *err) FM_MUST_CHECK;
/* The options of what is measured of leakage. */
struct fm_leakage_opts fm_evaluation_limits(const struct fm_evaluation *e);
void fm_evaluation_close(struct fm_evaluation *e);

#endif
