/*
 * trainer.h - fitting a network to encoded windows: AdamW, warm-up and cosine decay, gradient clipping, EMA weights.
 *
 * A step takes `batch` windows, in the order of one random permutation an epoch.  The batch is cut into FM_SLOTS_GRAD parts,
 * each with a gradient of its own, added up in a fixed tree: the result does not depend on the number of threads.
 */
#ifndef FM_MODEL_TRAINER_H
#define FM_MODEL_TRAINER_H

#include "base/thread.h"
#include "model/process.h"

#define FM_GRAD_PARTS 8
#define FM_SHARD_WINDOWS 4

struct fm_train_opts {
	int steps, batch, warmup;
	double rate, ema, weight_decay, clip;
	uint64_t seed;
	int patience;        /* validations without progress before it stops; 0: never */
	int validate_every;  /* steps; 0: only at the end */
};
struct fm_train_result {
	int steps;
	double loss;                       /* nats a flow, moving average over training */
	double validation;                 /* nats a flow on validation, EMA weights; NaN without */
	double column[FM_NTOK];            /* the same by column */
	double seconds, flows;
};

/* Train from random weights; ema (net->layout.nfloats) receives the averaged weights.  FM_EINPUT when loss is not a number. */
int fm_train(const struct fm_net *net, const struct fm_process *pr, const struct fm_encoded *train, const struct fm_encoded *validation,
	     const struct fm_train_opts *o, struct fm_pool *pool, float *ema, struct fm_train_result *result, struct fm_error *err) FM_MUST_CHECK;
/* The variational bound of each column over a split, nats a flow: stratified t, `passes` times over at most `max_windows`. */
int fm_validate(const struct fm_net *net, const struct fm_process *pr, const float *p, const struct fm_encoded *e, size_t max_windows, int passes,
		uint64_t seed, struct fm_pool *pool, double column[FM_NTOK], double *total, struct fm_error *err) FM_MUST_CHECK;

#endif
