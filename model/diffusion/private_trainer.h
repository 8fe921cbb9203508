/*
 * private_trainer.h - DP-SGD (Abadi et al., CCS 2016): training whose weights are (epsilon, delta)-differentially
 * private for the records.
 *
 * The number of steps is fixed beforehand and public. A step:
 *
 *   1. Each record is in the batch by itself with the rate q, by secret bits (noise.h).
 *   2. A record's loss is the mean over K draws of noise and time, and its gradient is that of the mean: K draws have
 *   one norm and one clip, so they cost no more privacy than one, and the clipped gradient has less variance
 *      ("augmentation multiplicity": De et al. 2022; for diffusion: Dockhorn et al. 2023, "noise multiplicity").
 *   3. Norms are of each record's gradient over all parameters (sink_kept.h); it is scaled to the clip C, truncated
 *   toward zero to the integer grid of clip.h, and added up in 64-bit integers.
 *   4. Discrete Gaussian noise is added once, and the sum is divided by the expected size of a batch, which is public.
 *   5. AdamW and the average of the weights see only the noisy mean: they are post-processing.
 *
 * The sum's sensitivity is C / step, and nothing has to be shown about floating point, for two reasons.  A record adds
 * integers whose squares are summed exactly; where the sum is more than (C / step)^2, because a norm was calculated too
 * small, the same integers are taken off again, and the record is added once more with a smaller weight, or not at all.
 * And what a record adds depends on the weights, the step's secret seed and the record, never on the rest of the batch:
 * every number of a pass is computed from the record's own rows, draws are made by record, and integers add up to the
 * same in any order.  So one record more or less moves the sum by at most C / step in L2, whatever the gradient was,
 * and the result depends neither on the number of threads or ranks nor on the size of the passes.
 *
 * A step's batch, draws and noise are functions of the key and the step's number, and its gradients of the weights too.
 * So a training that goes on from a checkpoint, which has weights, moments and average to the bit, gives the answers
 * that it would have given, no others: a step that is calculated twice has the same noise on the same sum, and reveals
 * nothing new.  The same noise on another sum would reveal the difference of the sums, so a checkpoint is used only for
 * the same key, options, starting weights and records: its identity is an HMAC of all of them under the key.
 *
 * There is no early stop, no return to an earlier point, no loss shown: nothing but the weights comes out, and the
 * charge says what they cost.  Memory holds a batch's records pass by pass, so a batch may be of any size.
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
	int draws; /* K: draws of noise and time for each record */
	int most;  /* records per pass */
	void *ctx;
	/* One pass of one thread, lot->n <= most: the gradient of record[i]'s mean loss over its draws is kept as that
	 * of record i.  The gradient may depend only on p, seed, step and the record itself. */
	void (*pass)(void *ctx, int thread, const float *p, const struct fm_lot *lot, struct fm_kept *kept);
};

struct fm_private_opts {
	const char *name; /* name of the charge, with which labels of secret draws begin; unique within a run */
	int steps;
	uint64_t rate_num, rate_den; /* q, public */
	double expected;             /* expected records of a batch, public: q times a public or noisy number */
	double clip, noise_multiplier;
	int warmup;
	double rate, ema, weight_decay;
	const struct fm_secret *key; /* key of the noise (stream.h) */
	/* A killed training goes on from its checkpoint.  identity: that of the network and the records; the rest is
	 * known here. */
	const char *checkpoint, *identity;      /* the file to go on from and to write; NULL: none */
	const struct fm_secret *checkpoint_key; /* the checkpoint is encrypted under it; NULL: it is not */
	int checkpoint_every;                   /* steps between two checkpoints; 0: not by steps */
	double checkpoint_seconds;              /* seconds after which one is written anyway; 0: not by time */
	struct fm_pool *pool;                   /* may be NULL */
	struct fm_ranks *ranks;                 /* ranks that train together (base/ranks.h); NULL: this process alone */
};

/* Of this rank; for the team only, never published. */
struct fm_private_log {
	uint64_t records, clipped; /* over all steps */
	uint64_t again;            /* records whose norm was calculated too small */
};

/* w (layout->nfloats): the weights to start from, which may depend on private records only through what was charged
 * elsewhere, such as those learned from a sample of noisy counts; it receives the last weights, and ema their average.
 * The charge is entered before the first record is looked at.  FM_EINPUT for options that are out of range. */
int fm_private_train(const struct fm_learner *l, const struct fm_private_opts *o, float *w, float *ema,
		     struct fm_charges *charges, struct fm_private_log *log, struct fm_error *err) FM_MUST_CHECK;
/* What fm_private_train charges. */
int fm_private_charge(const struct fm_learner *l, const struct fm_private_opts *o, struct fm_charge *charge,
		      struct fm_error *err) FM_MUST_CHECK;

/* norm[i]: the norm of the gradient of the lot's record i at weights p, computed in the caller's thread.  For records
 * that are not private, and fm_clip_choose. */
int fm_private_norms(const struct fm_learner *l, const float *p, const struct fm_lot *lot, double *norm,
		     struct fm_error *err) FM_MUST_CHECK;

/* ---- its parts ---- */

struct fm_private;
int fm_private_new(struct fm_private **t, const struct fm_learner *l, const struct fm_private_opts *o,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_private_free(struct fm_private *t);
const struct fm_grid *fm_private_grid(const struct fm_private *t);
/* The records of a step's batch, rising; *n of them, in the work space until the next call. */
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

/* A pass of the batcher takes at most FM_PASS_WINDOWS windows.  All borrowed. */
struct fm_window_records {
	struct fm_batcher *batcher; /* made for `most` windows per pass */
	const struct fm_encoded *data;
	const struct fm_layout *layout;
	int draws, most;
};
/* Windows per pass for this number of draws: the draws of one record, or of several while these are few rows, so that
 * the sum of the gradients, which is larger than a processor's cache, is read and written once for all of them. */
int fm_windows_a_pass(int window, int draws);
struct fm_learner fm_learner_of_windows(struct fm_window_records *w);

#endif
