/*
 * net.h - the denoiser of whole rows: it sees the noisy rows of a window and the time, and predicts their noise, or the
 * rows themselves.
 *
 *     rows (B*W, seen) -> linear + position         x (B*W, D)
 *     time -> sinusoids -> two layers               c (B, D)
 *       -> backbone (model/nn/backbone.h)           h (B*W, D)
 *       -> linear                                   prediction (B*W, row)
 *
 * A network that sees its own last prediction (self-conditioning: Chen, Zhang, Hinton 2022) reads it behind each noisy
 * row: seen is 2 row, and row otherwise.
 */
#ifndef FM_MODEL_PLAIN_NET_H
#define FM_MODEL_PLAIN_NET_H

#include "model/nn/backbone.h"
#include "model/nn/sink.h"

struct fm_plain_net {
	struct fm_arch arch;
	const struct fm_backbone *backbone;
	const struct fm_kernels *k;
	int row, seen; /* numbers of a flow, and those of it that are read */
	struct fm_layout layout;
	size_t at_in, at_inb, at_pos, at_t1, at_t1b, at_t2, at_t2b, at_out, at_outb;
	size_t at_backbone[FM_MAXTENSORS];
};

/* FM_EINPUT for an unknown denoiser or a shape that it cannot have. */
int fm_plain_net_new(struct fm_plain_net **net, const char *denoiser, const struct fm_arch *arch, int row, int seen,
		     struct fm_error *err) FM_MUST_CHECK;
void fm_plain_net_free(struct fm_plain_net *net);

/* One thread's space for at most max_B windows; nothing is allocated after this. */
struct fm_plain_work;
int fm_plain_work_new(struct fm_plain_work **w, const struct fm_plain_net *net, int max_B,
		      struct fm_error *err) FM_MUST_CHECK;
void fm_plain_work_free(struct fm_plain_work *w);

/* What the network predicts from x (B*W, seen) at t (B), from 0 to 1: (B*W, row), in the work space until the next
 * call. */
const fm_real *fm_plain_forward(const struct fm_plain_net *net, const fm_real *p, struct fm_plain_work *w, int B,
				const fm_real *x, const float *t);
/* What the prediction is compared with. */
struct fm_plain_target {
	const fm_real *of; /* (B*W, row): the noise, or the rows */
	double weight;
	const float *share; /* (row) */
};
/* After forward on the same x: weight times the sum of share[i] (predicted - of)^2 over all of them (B*W, row),
 * where i is the place in the row.  With a sink, gradients go there. */
double fm_plain_backward(const struct fm_plain_net *net, const fm_real *p, struct fm_plain_work *w, int B,
			 const fm_real *x, const struct fm_plain_target *target, const struct fm_sink *sink);

#endif
