/*
 * sampler.h - making windows: the process run backwards.
 *
 * Tokens: the time at which a masked token shows is drawn first, once for each token, from its column's interval, which
 * is exactly the ancestral process of absorbing diffusion.  The few-step sampler draws the times of a column stratified
 * over the rows, so that each step shows as few tokens at once as possible, and never two columns of one flow that it
 * could separate.
 *
 * In the order of confidence, a step shows as many tokens of a column and window as in the random order, but those of
 * which the network is surest, by its largest probability.  MaskGIT (Chang et al. 2022) looks at the probability of the
 * drawn value; but then rare values come last and are drawn again and again, which biases them.  Gumbel noise, times
 * FM_ORDER_NOISE, is added to the probability's logarithm, so that similar windows are not filled in the same order.
 *
 * Multinomial: the posterior of multinomial.h from each step's time to the next, whether the steps are all T or a few
 * of them.
 *
 * Residuals: residual.h.
 */
#ifndef FM_MODEL_DIFFUSION_SAMPLER_H
#define FM_MODEL_DIFFUSION_SAMPLER_H

#include "base/thread.h"
#include "model/codec/structural_zeros.h"
#include "model/codec/window_schedule.h"
#include "model/diffusion/calibration.h"
#include "model/diffusion/process.h"
#include "model/diffusion/residual.h"

#define FM_ORDER_NOISE 1.0

struct fm_sample_opts {
	int steps; /* 1..T; FM_ANCESTRAL takes T */
	enum fm_solver solver;
	bool confident; /* order of absorbed tokens; not with FM_ANCESTRAL, not with multinomial */
	uint64_t seed;
	double guidance; /* w: logits are (1 + w) z - w z', z' without the class (Ho, Salimans 2022, eq. 6); 0: none */
	void (*progress)(void *ctx, uint64_t windows); /* called by one thread at a time; may be NULL */
	void *ctx;
	struct fm_pool *pool;                     /* may be NULL */
	const struct fm_calibration *calibration; /* for absorbed tokens; may be NULL */
	const struct fm_tally *tally;             /* counts what is drawn; may be NULL */
};
struct fm_sampled {
	uint16_t *tok; /* (n,W,FM_NTOK) */
	float *res;    /* (n,W,FM_NRES) */
};

/* Windows [first, end) of a schedule.  A window depends on the schedule, the seed and its own number, so that parts
 * made separately are the same as all at once. */
struct fm_window_range {
	size_t first, end;
};
#define FM_SAMPLE_SHARD 8 /* windows per shard: large enough for the matrix multiplies, small enough for the cache */
/* Part `index`, 1 to `of`, of n windows: whole shards, whose number differs by at most one between parts. */
struct fm_window_range fm_sample_part(size_t n, uint32_t index, uint32_t of);

/* What windows are made from: the network, what its tokens mean, which pairs of them are excluded, and the schedule. */
struct fm_sample_of {
	struct fm_denoiser denoiser;
	const struct fm_codec *codec;
	const struct fm_structural_zeros *zeros;
	const struct fm_window_schedule *schedule;
};
/* Fill out for windows [range.first, range.end) of the schedule, the first of them at the beginning of out.  No
 * excluded pair of tokens is drawn; sa and da are drawn among the tokens that the flow's dir allows.  The same for any
 * number of threads.  FM_EINPUT for a number of steps or an order that is not possible. */
int fm_sample(const struct fm_sample_of *of, struct fm_window_range range, const struct fm_sample_opts *o,
	      const struct fm_sampled *out, struct fm_error *err) FM_MUST_CHECK;

#endif
