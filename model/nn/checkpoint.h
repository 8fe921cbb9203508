/*
 * checkpoint.h - a training run on disk: weights, both moments, moving average, and the position in the run.
 *
 * A sealed safetensors file (safetensors.h).  Its metadata has the format, the identity of the run (a digest that the
 * caller makes of all that the result depends on: config, codec, architecture, version) and the members of
 * fm_train_point.  Numbers read back exactly as written, so a run that goes on from a checkpoint ends with the bits it
 * would have had.  Written under a temporary name and renamed: a checkpoint is there whole or not at all.  With a key
 * it is encrypted instead of sealed.
 */
#ifndef FM_MODEL_NN_CHECKPOINT_H
#define FM_MODEL_NN_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "model/nn/optimiser.h"

/* Where a run stands before its next step. */
struct fm_train_point {
	int step;       /* steps done */
	uint32_t epoch; /* epochs begun */
	uint64_t at;    /* place of the next window in this epoch's order; the number of windows: the epoch is over */
	double b1, b2;  /* beta1^step, beta2^step of AdamW */
	double rate_scale; /* 1, halved with each return to an earlier point */
	int rollbacks;     /* number of returns */
	double loss;       /* moving average, nats per flow; NaN before the first step */
	double guard;      /* the same with residuals and without outliers, to recognise an exploding loss */
	double validation; /* the last one, nats per flow; NaN: none yet */
	double best;       /* the lowest validation; NaN: none yet */
	int best_step;     /* step of the lowest */
};

/* The path of the checkpoint in an existing folder, freed by the caller. Removes files left there by a process that was
 * killed while writing. */
int fm_checkpoint_path(char **path, const char *dir, bool encrypted, struct fm_error *err) FM_MUST_CHECK;
/* Where a checkpoint is and which run it must belong to. All borrowed. */
struct fm_checkpoint {
	const char *path, *identity; /* path NULL: the run keeps none */
	const struct fm_layout *layout;
	const struct fm_secret *key; /* NULL: it is not encrypted */
};
int fm_checkpoint_save(const struct fm_checkpoint *c, const struct fm_train_point *at, const struct fm_train_arrays *a,
		       struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT (or FM_EVERDICT, with a key), with arrays in any state, when the file is cut or altered, has another
 * identity, shape or format, or is impossible for a run of this many steps over this many windows. */
int fm_checkpoint_load(const struct fm_checkpoint *c, int steps, uint64_t windows, struct fm_train_point *at,
		       const struct fm_train_arrays *a, struct fm_error *err) FM_MUST_CHECK;
/* Call it before any step: may files of the size of the weights and of a checkpoint be written? */
int fm_checkpoint_allowed(const struct fm_checkpoint *c, const struct fm_train_arrays *a,
			  struct fm_error *err) FM_MUST_CHECK;
/* The first point of a training: that of the checkpoint, else random weights of the seed and the beginning of an epoch
 * of this many windows.  A warning names a checkpoint that cannot be used.  Without a path there is no checkpoint.
 * Fails as fm_checkpoint_allowed does. */
int fm_checkpoint_begin(const struct fm_checkpoint *c, int steps, uint64_t windows, uint64_t seed,
			struct fm_train_point *at, const struct fm_train_arrays *a, struct fm_error *err) FM_MUST_CHECK;

#endif
