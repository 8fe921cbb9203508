/*
 * submit.h - a run as jobs of a cluster: batch files, each of which calls flowmint, and their submission.
 *
 *     WORKSPACE/slurm/NAME-VERSION/train.sbatch         ingest, train
 *                                  shards.sbatch        an array: flowmint generate --shard I/N
 *                                  generate.sbatch      generate: takes the shards, makes what is missing
 *                                  parts.sbatch         an array: flowmint judge --part I/N
 *                                  evaluate.sbatch      evaluate: takes the parts, searches what is missing
 *                                  release.sbatch       gate, release
 *                                  shards/, parts/      removed by release.sbatch when it is done
 *                                  JOB.log              what each said
 *
 * Nothing is done here that flowmint run would not do by itself: a job that failed can be submitted again, and goes on.
 */
#ifndef FM_PIPELINE_SUBMIT_H
#define FM_PIPELINE_SUBMIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "manifests/config.h"

#define FM_SUBMIT_WAIT 200

struct fm_submit_in {
	const struct fm_config *cfg;
	const char *file;       /* RELEASE.yaml */
	const char *workspace;  /* NULL: beside it */
	const char *const *set; /* the options --set that cfg was read with */
	int nset;
	const char *const *option; /* of sbatch, for each file: "--partition=long" */
	int noption;
	uint32_t shards; /* of the array; 0: none */
	uint32_t parts;  /* of the array of parts; 0: evaluate.sbatch generates too */
	uint32_t ranks;  /* that train, by mpirun; 0, 1: one process without it */
	bool unconfined;
};
enum {
	FM_SUBMIT_TRAIN,
	FM_SUBMIT_SHARDS,
	FM_SUBMIT_GENERATE,
	FM_SUBMIT_PARTS,
	FM_SUBMIT_EVALUATE,
	FM_SUBMIT_RELEASE,
	FM_NSUBMITS
};
struct fm_submit {
	char name[32];           /* of all jobs but the arrays: one for each workspace */
	char *folder;            /* WORKSPACE/slurm/NAME-VERSION */
	char *file[FM_NSUBMITS]; /* their paths; NULL: there is no such job */
	struct fm_buf text[FM_NSUBMITS];
};
/* The texts; nothing is written.  FM_EINPUT: a trace or a path that a batch job cannot have. */
int fm_submit_make(struct fm_submit *s, const struct fm_submit_in *in, struct fm_error *err) FM_MUST_CHECK;
/* What job i is submitted with to wait for those before it, for ids by enum: "afterok:12,singleton". The text is put
 * into out. */
void fm_submit_wait(const struct fm_submit *s, int i, const char *const *ids, char out[FM_SUBMIT_WAIT]);
/* Write the files and call sbatch: *jobs is {"train": "12", ...}.  FM_ESYSTEM: no sbatch, or it refused one; what was
 * submitted before is named. */
int fm_submit_send(const struct fm_submit *s, json_t **jobs, struct fm_error *err) FM_MUST_CHECK;
void fm_submit_free(struct fm_submit *s);

extern const char *const fm_submit_name[FM_NSUBMITS];

#endif
