/*
 * loop.h - the steps of a training one after the other, with checkpoints (checkpoint.h), progress, and a good end when
 * the process is told to stop.
 *
 *     if ((rc = fm_loop_begin(&l, err)) < 0 || (rc = fm_loop_run(&l, step, ctx, err)) < 0) goto out;
 *
 * If a step is a function of (weights, seed, step number) alone, a run that goes on from a checkpoint ends with the
 * bits it would have had.
 */
#ifndef FM_MODEL_NN_LOOP_H
#define FM_MODEL_NN_LOOP_H

#include "model/nn/checkpoint.h"

/* Options of a training: checkpoints and progress.  All borrowed. */
struct fm_loop_opts {
	int steps;
	uint64_t seed;               /* of the first weights */
	const char *path, *identity; /* of the checkpoint; NULL: there are none */
	const struct fm_secret *key; /* NULL: it is not encrypted */
	int every;                   /* steps between two checkpoints; 0: not by steps */
	double seconds;              /* the same by the clock; 0: not by time */
};
struct fm_loop {
	const struct fm_loop_opts *o;
	const struct fm_layout *layout;
	struct fm_train_arrays *a; /* all but best */
	uint64_t flows;            /* flows per step */
	struct fm_train_point at;
	/* private */
	int first, saved;
	double saved_at;
};
enum { FM_LOOP_NOTE = 160 };
/* Take one step: update the weights in l->a and, in l->at, the moving averages, step, b1 and b2.  note: shown beside
 * the progress. */
typedef int fm_loop_step(void *ctx, struct fm_loop *l, char note[FM_LOOP_NOTE], struct fm_error *err);

/* Load weights and moments from the checkpoint if there is one of this run (a warning names any other); else draw
 * random weights. */
int fm_loop_begin(struct fm_loop *l, struct fm_error *err) FM_MUST_CHECK;
/* FM_ESYSTEM when the process was told to stop: then there is a checkpoint. */
int fm_loop_run(struct fm_loop *l, fm_loop_step *step, void *ctx, struct fm_error *err) FM_MUST_CHECK;
/* Steps that fm_loop_run took: after a checkpoint, only those since it. */
int fm_loop_taken(const struct fm_loop *l);
/* A moving average updated with a step's value; the value itself where there was none. */
double fm_loop_average(double was, double x);

#endif
