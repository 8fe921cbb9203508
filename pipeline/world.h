/*
 * world.h - the processes that mpirun started, of which the first runs and the others help it to train.
 *
 *     mpirun -n 4 flowmint run RELEASE.yaml
 *
 * MPI is in the processes that run stages, never in a stage.  Stages of the ranks share no memory: each has its piece
 * (fm_ranks_relayed), and the process that started it carries parcels from there over MPI and back.  So a stage has
 * all of its walls, no door in them, and no connection; what it can do to others is to hand them wrong numbers.  The
 * memory through which MPI itself talks on one machine no child has: a stage inherits no mapped file (sandbox.h).
 *
 * Without MPI at build time, fm_world_open fails where mpirun started several processes.
 */
#ifndef FM_PIPELINE_WORLD_H
#define FM_PIPELINE_WORLD_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/ranks.h"

/* What rank 0 tells the others. */
struct fm_world_order {
	int train;  /* 1: train with me; 0: all is done */
	int secret; /* privacy.mode dp */
	char run[16];
	char ingest[FM_SHA256_HEX], model[FM_SHA256_HEX]; /* keys of the two stages */
};

/* Did mpirun start several processes?  From its environment alone. */
bool fm_world_asked(void);
/* Once, before the first stage. */
int fm_world_open(struct fm_error *err) FM_MUST_CHECK;
/* 0 of 1 where it was not opened. */
int fm_world_rank(void);
int fm_world_size(void);
/* From rank 0 to all.  The others wait for it, and hardly compute meanwhile. */
int fm_world_order(struct fm_world_order *order, struct fm_error *err) FM_MUST_CHECK;
/* Carry what the rank of this process waits for, for some milliseconds: again and again while it works. */
int fm_world_carry(void *ranks, struct fm_error *err) FM_MUST_CHECK;
/* Another rank than 0 tells rank 0 to fail with these words; returns when it has heard them, or after seconds. */
void fm_world_fail(const char *why);
/* When all do.  A process that ends without is one that failed: mpirun then ends the others, and has its exit status.
 */
void fm_world_close(void);

#endif
