/*
 * batch.h - the loss and the gradient of a batch of windows, the same for any number of threads and ranks.
 *
 * A batch is cut into parts by position, whose number depends on its size alone (fm_parts_of); each has a gradient of
 * its own, and a thread takes a part at a time in shards of FM_SHARD_WINDOWS windows.  All space is made before: a run
 * allocates nothing.
 */
#ifndef FM_MODEL_DIFFUSION_BATCH_H
#define FM_MODEL_DIFFUSION_BATCH_H

#include "base/thread.h"
#include "model/diffusion/process.h"
#include "model/nn/parts.h"
#include "model/nn/sink_kept.h"

#define FM_SHARD_WINDOWS 4
#define FM_PASS_WINDOWS 64 /* the most windows per pass, for fm_batcher_new_of */
#define FM_RES_SHARE 0.2   /* weight of the residuals' squared error beside the tokens' nats */

/* Work space for all threads of a pool (NULL: the caller alone). net, pr and pool are borrowed. */
struct fm_batcher;
int fm_batcher_new(struct fm_batcher **b, const struct fm_net *net, const struct fm_process *pr, struct fm_pool *pool,
		   struct fm_error *err) FM_MUST_CHECK;
/* The same for passes of at most `most` windows, up to FM_PASS_WINDOWS. */
int fm_batcher_new_of(struct fm_batcher **b, const struct fm_net *net, const struct fm_process *pr,
		      struct fm_pool *pool, int most, struct fm_error *err) FM_MUST_CHECK;
void fm_batcher_free(struct fm_batcher *b);
/* From here on this process computes its share of each batch, and gets the losses of all. */
int fm_batcher_share(struct fm_batcher *b, struct fm_ranks *ranks, struct fm_error *err) FM_MUST_CHECK;

struct fm_batch {
	const struct fm_encoded *data;
	const float *p;         /* parameters */
	const uint32_t *window; /* (n) windows of data */
	int n;
	enum fm_rng_stream stream;
	uint64_t seed; /* noise is a function of (seed, stream, place in the batch, step) */
	uint32_t step;
	const float *of_label; /* (labels): weight of the columns of a flow that depend on its label; NULL: all 1 */
	const float *weight;   /* (n) weight of each window's gradient (sink.h); NULL: all 1 */
	double clip;           /* largest norm of the gradient of a window's own loss; 0: none */
	double *norm2;         /* (n) receives the square of the norm of each window's own gradient; NULL: not wanted */
};
int fm_batcher_clips(struct fm_batcher *b, struct fm_error *err) FM_MUST_CHECK; /* make room for batch.clip */
/* FM_ESYSTEM when memory for the gradients of windows ran out, or a rank is missing: then the result of the run is
 * void. */
int fm_batcher_check(const struct fm_batcher *b, struct fm_error *err) FM_MUST_CHECK;
/* t is stratified over the batch.  batch->clip needs grad and fm_batcher_clips, and excludes weight and norm2.  *loss:
 * the bound by column, nats per flow, and the residuals' squared error.  grad: NULL, or fm_parts_of(n) gradients
 * (nfloats); those of this rank's parts i are left in grad[i].  A window's gradient is that of its share of the loss:
 * 1/n of its own. */
void fm_batch_run(struct fm_batcher *b, const struct fm_batch *batch, float **grad, struct fm_net_loss *loss);
/* Windows that are records, each under several draws of noise and time at once: the loss of a record is the mean over
 * its draws and its flows.  Draws are a function of (seed, step, window, draw), t is stratified over those of a window:
 * so no record's gradient depends on which other records there are. */
struct fm_draws {
	const struct fm_encoded *data;
	const float *p;
	int draws;
	uint64_t seed;
	uint32_t step;
};
/* One pass of one thread over n windows of data, where n times draws is at most what a pass takes: the gradient of
 * window[i] is kept as that of record i. */
void fm_batch_draws(struct fm_batcher *b, int thread, const struct fm_draws *d, const uint32_t *window, int n,
		    struct fm_kept *kept);
/* How many windows, over all ranks, the last run with clip scaled down. */
int fm_batch_clipped(const struct fm_batcher *b);
/* The sum of the loss over the token columns. */
double fm_loss_tokens(const struct fm_net_loss *loss);

#endif
