/*
 * trainer.h - fitting a network to encoded windows: AdamW, warm-up and cosine decay, gradient clipping, EMA weights.
 *
 * A step takes `batch` windows, in the order of one random permutation per epoch; a batch larger than the data goes on
 * into the next permutations.  Windows of a rare class (such as an attack) come more than once in an epoch: sqrt(most /
 * count) times, rounded, where the class has `count` windows and the most frequent one `most`, and at most `balance`
 * times.  The network is told the class, and the schedule draws classes as often as in the data (window_schedule.h), so
 * this changes how well they are learned, not how often they are made.  The gradient is cut into fixed parts that meet
 * in a fixed tree (batch.h): the result depends neither on the number of threads nor on that of ranks, each of which
 * has all windows and takes all steps.
 *
 * Every few steps, and only while the loss behaves, weights, moments and average are kept as the last good point.  A
 * loss or gradient that is not a number, or a loss of over three times its running average (see EXPLODED) for eight
 * steps in a row, sends training back to it with half the rate, at most FM_ROLLBACKS times.  A checkpoint is such a
 * good point on disk.  Which points are good depends on the steps alone and the clock only decides which of them are
 * written, so that neither resuming from one nor how often they are written changes a bit of the result.
 *
 * With patience, training ends when validation did not improve for that many steps, and the result is the averaged
 * weights of the best validation.  Without patience, it is those of the last step.
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
	int balance;                            /* most times that a window comes in an epoch; 0, 1: once */
	int patience;                           /* steps without a better validation before it ends early; 0: never */
	int validate_every;                     /* steps between two validations; 0: only at the end */
	const char *checkpoint;                 /* file to go on from when it is there, and to write; NULL: none */
	const struct fm_secret *checkpoint_key; /* the checkpoint is encrypted under it; NULL: it is not */
	const char *identity;                   /* identity of the run, for the checkpoint (checkpoint.h) */
	int checkpoint_every;                   /* steps between two checkpoints; 0: not by steps */
	double checkpoint_seconds;              /* seconds after which one is written anyway; 0: not by time */
	struct fm_pool *pool;                   /* may be NULL */
	struct fm_ranks *ranks; /* ranks that train together; rank 0 writes checkpoints; NULL: this process alone */
};
/* Windows to learn from, and windows to watch training on (NULL or empty: none). */
struct fm_train_data {
	const struct fm_encoded *train, *validation;
};
struct fm_train_result {
	int steps;              /* steps done; fewer than asked after an early end */
	int rollbacks;          /* returns to an earlier point, each with half the rate */
	int best_step;          /* step whose averaged weights these are */
	double loss;            /* nats per flow, moving average over training */
	double validation;      /* nats per flow on validation, EMA weights; NaN without */
	double column[FM_NTOK]; /* the same by column */
	double clipped;         /* share of this process's windows whose gradient window_clip scaled down */
	double seconds, flows;  /* of this process */
};

/* Train from random weights, or from a checkpoint; if that cannot be used, a warning says so and training begins again.
 * ema (net->layout.nfloats) receives the averaged weights.  FM_EINPUT when there is no window, or when training
 * diverges again and again. */
int fm_train(const struct fm_net *net, const struct fm_process *process, const struct fm_train_data *data,
	     const struct fm_train_opts *o, float *ema, struct fm_train_result *result,
	     struct fm_error *err) FM_MUST_CHECK;
/* The variational bound of each column over a split, in nats per flow, for parameters p: stratified t, `passes` times
 * over at most max_windows, the same noise for the same seed.  NaN when there is no window.  Allocates nothing.  With
 * ranks all of them call it, and fm_batcher_check after it. */
struct fm_validation {
	size_t max_windows;
	int passes;
	uint64_t seed;
};
void fm_validate(struct fm_batcher *b, const float *p, const struct fm_encoded *e, struct fm_validation how,
		 double column[FM_NTOK], double *total);

#endif
