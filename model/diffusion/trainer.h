/*
 * trainer.h - fitting a network to encoded windows: AdamW, warm-up and cosine decay, gradient clipping, EMA weights.
 *
 * A step takes `batch` windows, in the order of one random permutation an epoch; a batch larger than the data goes on
 * into the next permutations.  Windows of a rare class (an attack's) are in an epoch more than once: as many times as
 * the square root of how much rarer the class is than the most frequent one, rounded, at most `balance` times.  The
 * network is told the class, and the schedule draws classes as often as they were (window_schedule.h), so that this
 * changes what is learned well, not how often it is made.  The gradient is cut into fixed parts that meet in a fixed
 * tree (batch.h): the result does not depend on the number of threads nor of ranks, each of which has all windows and
 * takes all steps.
 *
 * Every few steps, and only while the loss behaves, weights, moments and average are kept as the last good point.  A
 * loss or gradient that is not a number, or a loss of over three times its running average (see EXPLODED) for eight
 * steps in a row, sends training back there with half the rate, at most FM_ROLLBACKS times.  A checkpoint is such a
 * good point on disk.  Which points are good depends on the steps alone and the clock only decides which of them are
 * written, so that neither resuming from one nor how often they are written changes a bit of the result.
 *
 * With patience, training ends when validation did not improve for that many steps, and the result is the averaged
 * weights of the best validation.  Without, it is those of the last step.
 */
#ifndef FM_MODEL_DIFFUSION_TRAINER_H
#define FM_MODEL_DIFFUSION_TRAINER_H

#include "base/secret.h"
#include "model/diffusion/batch.h"
#include "model/nn/optimiser.h"

#define FM_ROLLBACKS 8

struct fm_train_opts {
	int steps, batch, warmup;
	double rate, ema, weight_decay;
	double clip; /* largest norm of a step's gradient; 0: no limit */
	double
	    window_clip; /* largest norm of each window's gradient; 0: no limit.  Without noise this promises nothing */
	uint64_t seed;
	int balance;                            /* times that a window is in an epoch, at most; 0, 1: once */
	int patience;                           /* steps without a better validation before it ends; 0: never early */
	int validate_every;                     /* steps; 0: only at the end */
	const char *checkpoint;                 /* file to go on from when it is there, and to write; NULL: none */
	const struct fm_secret *checkpoint_key; /* it is encrypted under; NULL: it is not encrypted */
	const char *identity;                   /* of the run, for the checkpoint (checkpoint.h) */
	int checkpoint_every;                   /* steps between two checkpoints; 0: not by steps */
	double checkpoint_seconds;              /* seconds after which one is written anyway; 0: not by time */
	struct fm_pool *pool;                   /* may be NULL */
	struct fm_ranks *ranks; /* that train together; rank 0 writes checkpoints; NULL: this process alone */
};
/* Windows to learn from, and windows to watch training on (NULL or empty: none). */
struct fm_train_data {
	const struct fm_encoded *train, *validation;
};
struct fm_train_result {
	int steps;              /* done; fewer than asked after an early end */
	int rollbacks;          /* returns to an earlier point, each with half the rate */
	int best_step;          /* whose averaged weights these are */
	double loss;            /* nats a flow, moving average over training */
	double validation;      /* nats a flow on validation, EMA weights; NaN without */
	double column[FM_NTOK]; /* the same by column */
	double clipped;         /* share of the windows that window_clip made smaller, of this process */
	double seconds, flows;  /* of this process */
};

/* Train from random weights, or from a checkpoint; if that cannot be used, a warning says so and training begins again.
 * ema (net->layout.nfloats) receives the averaged weights.  FM_EINPUT when there is no window, or when training
 * diverges again and again. */
int fm_train(const struct fm_net *net, const struct fm_process *process, const struct fm_train_data *data,
	     const struct fm_train_opts *o, float *ema, struct fm_train_result *result,
	     struct fm_error *err) FM_MUST_CHECK;
/* The variational bound of each column over a split, nats a flow, by parameters p: stratified t, `passes` times over at
 * most max_windows, the same noise for the same seed.  NaN when there is no window.  Allocates nothing.  With
 * ranks all of them call it, and fm_batcher_check after it. */
struct fm_validation {
	size_t max_windows;
	int passes;
	uint64_t seed;
};
void fm_validate(struct fm_batcher *b, const float *p, const struct fm_encoded *e, struct fm_validation how,
		 double column[FM_NTOK], double *total);

#endif
