/*
 * checkpoint.h - a training run on disk: weights, both moments, moving average, and where it stands.
 *
 * A sealed safetensors file (safetensors.h).  Its metadata has the format, the identity of the run (a digest that the
 * caller makes of all that the result depends on: config, codec, architecture, version) and the members of
 * fm_train_point.  Numbers are written so that they read back the same, so that a run that goes on from a checkpoint
 * ends with the bits it would have had.  Written under a temporary name and renamed: a checkpoint is there whole or not
 * at all.  With a key it is encrypted instead of sealed.
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
	uint32_t epoch; /* orders of windows begun */
	uint64_t at;    /* the next window's place in the order of this epoch; the number of windows: it is through */
	double b1, b2;  /* beta1^step, beta2^step of AdamW */
	double rate_scale; /* 1, halved with each return to an earlier point */
	int rollbacks;     /* how often that was */
	double loss;       /* moving average, nats a flow; NaN before the first step */
	double guard;      /* the same with residuals and without outliers: what an exploding loss is measured by */
	double validation; /* the last, nats a flow; NaN: none yet */
	double best;       /* the lowest validation; NaN: none yet */
	int best_step;     /* when that was */
};

/* The path of the checkpoint in a folder that exists; to be freed. Removes what a process left there that was killed
 * while it wrote one. */
int fm_checkpoint_path(char **path, const char *dir, bool encrypted, struct fm_error *err) FM_MUST_CHECK;
/* Where a checkpoint is and whose it must be. All borrowed. */
struct fm_checkpoint {
	const char *path, *identity; /* path NULL: the run keeps none */
	const struct fm_layout *layout;
	const struct fm_secret *key; /* NULL: it is not encrypted */
};
int fm_checkpoint_save(const struct fm_checkpoint *c, const struct fm_train_point *at, const struct fm_train_arrays *a,
		       struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT (or FM_EVERDICT, with a key), with arrays in any state, when it is cut or altered, of another identity,
 * shape or format, or says what cannot be for a run of this many steps over this many windows. */
int fm_checkpoint_load(const struct fm_checkpoint *c, int steps, uint64_t windows, struct fm_train_point *at,
		       const struct fm_train_arrays *a, struct fm_error *err) FM_MUST_CHECK;
/* Before any step: may its files be written, of the weights and of what a checkpoint has? */
int fm_checkpoint_allowed(const struct fm_checkpoint *c, const struct fm_train_arrays *a,
			  struct fm_error *err) FM_MUST_CHECK;
/* The first point of a training: that of the checkpoint, else random weights of the seed and the beginning of an epoch
 * of this many windows.  A checkpoint that cannot be used is named in a warning.  Without a path there is none.
 * Fails as fm_checkpoint_allowed does. */
int fm_checkpoint_begin(const struct fm_checkpoint *c, int steps, uint64_t windows, uint64_t seed,
			struct fm_train_point *at, const struct fm_train_arrays *a, struct fm_error *err) FM_MUST_CHECK;

#endif
