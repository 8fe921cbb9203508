/*
 * trainer.h - fitting the denoiser of whole rows: the squared error of the predicted noise (Ho, Jain, Abbeel 2020, eq.
 * 14) or of the predicted rows, of whose numbers it is the velocity's (Salimans, Ho 2022), AdamW, warm-up and cosine
 * decay, gradient clipping, averaged weights, on the loop and checkpoints of model/nn.
 *
 * A step's windows, times and noise are a function of (seed, step); its gradient is cut into fixed parts that meet in a
 * fixed tree: the result depends neither on the number of threads nor on where a run was interrupted.
 */
#ifndef FM_MODEL_PLAIN_TRAINER_H
#define FM_MODEL_PLAIN_TRAINER_H

#include "base/thread.h"
#include "model/nn/gaussian.h"
#include "model/nn/loop.h"
#include "model/plain/encoding.h"
#include "model/plain/net.h"

/* Windows of rows as fm_plain_encode has them. */
struct fm_plain_windows {
	const struct fm_plain_codec *c;
	size_t n;
	float *x; /* (n, W, c->flows.n) */
};
/* The noising of rows: T steps on the cosine schedule or the linear one, and what the network predicts
 * (model/nn/gaussian.h). */
struct fm_plain_process {
	int T;
	bool cosine;
	enum fm_gauss_what predicts; /* noise; or x_0, and of numbers v = sqrt(ab) noise - sqrt(1 - ab) x_0 */
};
/* Where x_0 is predicted: turn what the network said of n rows x at ab, seen numbers apart, into x_0, within the range
 * of data.  Of a number it says v: the error of x_0 is that of v times sqrt(1 - ab), so that fine structure is learned
 * as well as coarse one. */
void fm_plain_clean(const struct fm_plain_codec *c, double ab, const float *x, int seen, const float *said, int n,
		    float *x0);
/* The time, above 0 and on the grid of T, of an example that has u of [0, 1): evenly spread, and where x_0 is predicted
 * crowded in the middle (Hang, Gu, Bao, Geng, Chen, Guo 2024), as near the rows all bits are known, and near noise
 * none can be. */
double fm_plain_time(const struct fm_plain_process *process, double u);
struct fm_plain_train_opts {
	struct fm_loop_opts loop;
	int batch; /* windows per step */
	int warmup;
	double rate, ema, weight_decay;
	double clip; /* largest norm of a step's gradient; 0: no limit */
	struct fm_pool *pool;
};
struct fm_plain_train_result {
	int steps;
	double loss;           /* moving average of the squared error of a row, weighted by share; 1: untrained */
	double flows, seconds; /* of this process */
};
/* ema (net->layout.nfloats) receives the averaged weights.  FM_EINPUT when there is no window, or training diverges. */
int fm_plain_train(const struct fm_plain_net *net, const struct fm_plain_process *process,
		   const struct fm_plain_windows *windows, const struct fm_plain_train_opts *o, float *ema,
		   struct fm_plain_train_result *result, struct fm_error *err) FM_MUST_CHECK;

struct fm_plain_denoiser {
	const struct fm_plain_net *net;
	const struct fm_plain_process *process;
	const float *p; /* (net->layout.nfloats) */
};
/* The error of each window, the mean over fixed times: loss (windows->n).  Noise is a function of the seed, the time
 * and the place among the windows. */
int fm_plain_losses(const struct fm_plain_denoiser *d, const struct fm_plain_windows *windows, uint64_t seed,
		    struct fm_pool *pool, double *loss, struct fm_error *err) FM_MUST_CHECK;

#endif
