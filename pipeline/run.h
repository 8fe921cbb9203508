/*
 * run.h - a run: what is asked for, and what is recorded of it: its stages, what each took and made, the verdict.
 */
#ifndef FM_PIPELINE_RUN_H
#define FM_PIPELINE_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "pipeline/held.h"
#include "pipeline/ledger.h"
#include "pipeline/outside.h"
#include "stages/table.h"

struct fm_run_stage {
	const char *name;
	char key[FM_SHA256_HEX], output[FM_SHA256_HEX];
	double seconds; /* in this run: for a cached stage, the time of checking it */
	uint64_t peak_rss_bytes;
	bool cached;
	json_t *inputs; /* {"trace": digest, ...} */
	json_t *result; /* fm_x_out_json */
	char *entry;    /* its folder in the workspace, stages/NAME/KEY */
	char *product;  /* the folder of what it made: below entry, or decrypted (clear.h) until the run is over */
};
/* Adds what a child of the stage took. s may be NULL. */
struct fm_sandbox_report;
void fm_run_stage_took(struct fm_run_stage *s, const struct fm_sandbox_report *report);
struct fm_released;
struct fm_run {
	char id[FM_RUN_ID_MAX];
	struct fm_run_stage stage[FM_NSTAGES];
	int nstages; /* that ran or were taken */
	struct fm_metrics metrics;
	struct fm_verdict verdict;
	json_t *audits; /* privacy.mode dp: the audit of its claim that counts, a list of one or none (claim_audit.h) */
	json_t *escapes; /* attempts to get out of each stage, and what came of them (probes.h); NULL: none were made */
	json_t *approvals; /* those that hold (approvals.h); NULL: none were asked for, or the run did not get so far */
	bool waits;        /* for more approvals: the run was not released */
	bool has_metrics, has_verdict;
	char archive[1024]; /* "" when there is none */
	char tar_sha256[FM_SHA256_HEX], archive_sha256[FM_SHA256_HEX];
	char ledger_first[FM_SHA256_HEX], ledger_head[FM_SHA256_HEX]; /* for the record (fm_ledger_witness) */
	uint64_t log_size; /* entries of the log of releases with this one (publish_log.h); 0: none was written */
	char log_root[FM_SHA256_HEX];
	char *record; /* the record as published; NULL: none was, or it was there before */
	const struct fm_released
	    *released; /* what the ledger knows (released.h), while it is published; NULL: nothing */
	bool unconfined;
	struct fm_held held;       /* the release folder that was checked; given back by fm_run_free */
	struct fm_outside outside; /* who signs by publish.key, with its passphrase; closed by fm_run_free */
};

/* What a run takes as it was recorded instead of making it: all but generate and release.  Borrowed. */
struct fm_replay {
	const char *model, *model_sha256; /* the product of train */
	const char *verdict;              /* that of gate: a folder with verdict.json */
	const json_t *manifest;           /* as fm_runner_manifest made it */
};

struct fm_run_options {
	const struct fm_config *cfg;
	const char *project;   /* folder of keys/ and allowed_signers; NULL: cfg->dir */
	const char *workspace; /* NULL: PROJECT/workspace */
	const char *out;       /* NULL: cfg->publish.out */
	int until;             /* the last stage to run: an enum fm_stage_id */
	bool force, unconfined;
	bool moved;                     /* the workspace was copied or moved here, and this one alone goes on */
	bool replace;                   /* this version was released otherwise, and nobody was given it */
	int passphrase_fd;              /* where the passphrase of publish.key comes from (outside.h); 0: nowhere */
	int events;                     /* where rows of the ledger are told (fm_ledger_tell); 0: nowhere */
	const struct fm_stages *stages; /* NULL: the real ones */
	/* For the plan: take what is complete as a run would, and make and record nothing. */
	bool probe;
	/* For `reproduce`: the archive stays in the workspace, looked at as one that is published, and nothing is. */
	bool dry;
	/* For the plan and `reproduce`, whose own workspace is removed when they are done: the workspace that keeps the
	 * rows that ingest refuses.  NULL: the run's own. */
	const char *lasting;
	/* For `reproduce --from model`: ingest and train are taken from this workspace, for this digest of the trace.
	 */
	const char *reuse, *trace_sha256;
	bool reuse_unconfined; /* they were made without walls */
	/* For `reproduce --model`; NULL: all stages are made. */
	const struct fm_replay *replay;
	/* For `reproduce` of a run in privacy.mode dp: the workspace and the run that its sealed half is of; nothing is
	 * charged.  NULL: a run of its own. */
	const char *sealed_workspace, *sealed_run;
	/* For `reproduce`: the audits that the recorded run had; NULL: the one of the ledger that counts. */
	const json_t *audits;
	const json_t
	    *waivers; /* for `reproduce`: those that the recorded run had; NULL: those of the project that hold now */
};

json_t *fm_run_json(const struct fm_run *run); /* what `flowmint run --json` prints; NULL without memory */
void fm_run_free(struct fm_run *run);
/* The config as the ledger keeps it: every value, absolute paths, not the folder that it was read from. */
json_t *fm_run_config(const struct fm_config *cfg);

#endif
