/*
 * world.h - the processes that mpirun started, of which the first runs and the others help it to train.
 *
 *     mpirun -n 4 flowmint run RELEASE.yaml
 *
 * MPI is in the processes that run stages, never in a stage.  Stages of the ranks share no memory: each has a piece of
 * its own (fm_ranks_relayed), and the process that started it carries parcels between that piece and the others over
 * MPI.  So a stage keeps all of its walls and has no connection; all it can do to others is hand them wrong numbers.
 * No child has the memory through which MPI itself talks on one machine: a stage inherits no mapped file (sandbox.h).
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
/* Send *order from rank 0 to all.  The others wait for it, and use hardly any processor time meanwhile. */
int fm_world_order(struct fm_world_order *order, struct fm_error *err) FM_MUST_CHECK;
/* Carry what the rank of this process waits for, for some milliseconds: again and again while it works. */
int fm_world_carry(void *ranks, struct fm_error *err) FM_MUST_CHECK;
/* A rank other than 0 tells rank 0 to fail with these words; returns when rank 0 has heard them, or after some
 * seconds. */
void fm_world_fail(const char *why);
/* To be called by all.  A process that ends without it failed: mpirun then ends the others, and exits with its
 * status. */
void fm_world_close(void);

#endif
