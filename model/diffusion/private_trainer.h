/*
 * private_trainer.h - DP-SGD (Abadi et al., CCS 2016): training whose weights are (epsilon, delta)-differentially
 * private for the records.
 *
 * A step, of which there is a number that is fixed before and public:
 *
 *   1. Each record is in the batch by itself with the rate q, by secret bits (noise.h).
 *   2. A record's loss is the mean over K draws of noise and time, its gradient that of the mean: K draws have one
 *      norm and one clip, so that they cost no more privacy than one, and the clipped gradient has less variance
 *      ("augmentation multiplicity": De et al. 2022; for diffusion: Dockhorn et al. 2023, "noise multiplicity").
 *   3. Norms are of each record's gradient over all parameters (sink_kept.h); it is scaled to the clip C, cut toward
 * zero on the integer grid of clip.h, and added up in 64-bit integers.
 *   4. Discrete Gaussian noise once, divided by the public size that a batch is expected to have.
 *   5. AdamW and the average of the weights see the noisy mean alone: post-processing.
 *
 * Why the sum's sensitivity is C / step and nothing has to be shown about floating point.  What is added of a record is
 * made of integers whose squares are summed exactly; where that is more than (C / step)^2, because a norm was
 * calculated too small, the same integers are taken off again, and the record is added once more with a smaller
 * weight, or not at all.  And what is added of a record depends on the weights, the step's secret seed and the record,
 * never on the rest of the batch: every number of a pass is a chain over the record's own rows, draws are by record,
 * and integers add up the same in any order.  So one record more or less moves the sum by at most C / step in L2,
 * whatever the gradient was, and the result does not depend on the number of threads, of ranks, nor on the size of the
 * passes.
 *
 * A step's batch, draws and noise are functions of the key and the step's number, and its gradients of the weights too.
 * So a training that goes on from a checkpoint, which has weights, moments and average to the bit, makes the answers
 * that it would have made, no others: a step that is calculated twice has the same noise on the same sum, and tells
 * what it told.  The same noise on another sum would be told apart from it, so a checkpoint is used for the same key,
 * options, starting weights and records alone: its identity is an HMAC of all of them under the key.
 *
 * There is no early stop, no return to an earlier point, no loss: nothing but the weights comes out, and the charge
 * says what they cost.  Memory has a batch's records pass by pass, so a batch may be as large as is wanted.
 */
#ifndef FM_MODEL_DIFFUSION_PRIVATE_TRAINER_H
#define FM_MODEL_DIFFUSION_PRIVATE_TRAINER_H

#include "base/secret.h"
#include "base/thread.h"
#include "model/diffusion/batch.h"
#include "privacy/charge.h"
#include "privacy/clip.h"

/* n records, each under the learner's draws of noise and time, which are a function of (seed, step) and the record. */
struct fm_lot {
	uint64_t seed;
	uint32_t step;
	const uint32_t *record; /* (n) */
	int n;
};

/* A network and the records it learns from. */
struct fm_learner {
	const struct fm_layout *layout;
	size_t records;
	int draws; /* K, of noise and time, a record */
	int most;  /* records a pass */
	void *ctx;
	/* One pass of one thread, lot->n <= most: the gradient of record[i]'s mean loss over its draws is kept as that
	 * of record i.  It may depend on nothing but p, seed, step and the record itself. */
	void (*pass)(void *ctx, int thread, const float *p, const struct fm_lot *lot, struct fm_kept *kept);
};

struct fm_private_opts {
	const char *name; /* of the charge, and what labels of secret draws begin with; once a run */
	int steps;
	uint64_t rate_num, rate_den; /* q, public */
	double expected;             /* records of a batch, public: q times a public or noisy number of records */
	double clip, noise_multiplier;
	int warmup;
	double rate, ema, weight_decay;
	const struct fm_secret *key; /* of the noise (stream.h) */
	/* A killed training goes on from here.  identity: of the network and the records, for all else is known. */
	const char *checkpoint, *identity;      /* the file to go on from and to write; NULL: none */
	const struct fm_secret *checkpoint_key; /* it is encrypted under; NULL: it is not encrypted */
	int checkpoint_every;                   /* steps between two of them; 0: not by steps */
	double checkpoint_seconds;              /* seconds after which one is written anyway; 0: not by time */
	struct fm_pool *pool;                   /* may be NULL */
	struct fm_ranks *ranks;                 /* that train together (base/ranks.h); NULL: this process alone */
};

/* For the team alone, never published, of this rank: */
struct fm_private_log {
	uint64_t records, clipped; /* over all steps */
	uint64_t again;            /* records whose norm was calculated too small */
};

/* w (layout->nfloats): the weights to start from, which may not depend on private records but through what was charged
 * elsewhere, such as those learned from a sample of noisy counts; it receives the last ones, ema their average.  The
 * charge is entered before the first record is looked at.  FM_EINPUT for options that are out of range. */
int fm_private_train(const struct fm_learner *l, const struct fm_private_opts *o, float *w, float *ema,
		     struct fm_charges *charges, struct fm_private_log *log, struct fm_error *err) FM_MUST_CHECK;
/* What fm_private_train charges. */
int fm_private_charge(const struct fm_learner *l, const struct fm_private_opts *o, struct fm_charge *charge,
		      struct fm_error *err) FM_MUST_CHECK;

/* norm[i] of the gradient of the lot's record i at weights p; the caller's thread alone.  For records that are
 * not private, and fm_clip_choose. */
int fm_private_norms(const struct fm_learner *l, const float *p, const struct fm_lot *lot, double *norm,
		     struct fm_error *err) FM_MUST_CHECK;

/* ---- its parts ---- */

struct fm_private;
int fm_private_new(struct fm_private **t, const struct fm_learner *l, const struct fm_private_opts *o,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_private_free(struct fm_private *t);
const struct fm_grid *fm_private_grid(const struct fm_private *t);
/* The records that are in a step's batch, rising; *n of them, in the work space until the next call. */
int fm_private_batch(struct fm_private *t, uint32_t step, const uint32_t **record, size_t *n,
		     struct fm_error *err) FM_MUST_CHECK;
/* The sum of n records' clipped gradients at weights p, in steps of the grid: private.  In the work space until the
 * next call. */
int fm_private_sum(struct fm_private *t, const float *p, uint32_t step, const uint32_t *record, size_t n,
		   const int64_t **sum, struct fm_error *err) FM_MUST_CHECK;
/* The noisy mean of a step: batch, sum and noise. */
int fm_private_mean(struct fm_private *t, const float *p, uint32_t step, float *mean,
		    struct fm_error *err) FM_MUST_CHECK;
struct fm_private_log fm_private_log(const struct fm_private *t);

/* ---- windows of flows as records ---- */

/* The batcher's passes take FM_PASS_WINDOWS at most.  All borrowed. */
struct fm_window_records {
	struct fm_batcher *batcher; /* of `most` windows a pass */
	const struct fm_encoded *data;
	const struct fm_layout *layout;
	int draws, most;
};
/* Windows a pass for so many draws: the draws of one record, or of several while they are few rows, so that the sum of
 * the gradients, which is larger than a processor's memory, is read and written once for all of them. */
int fm_windows_a_pass(int window, int draws);
struct fm_learner fm_learner_of_windows(struct fm_window_records *w);

#endif
