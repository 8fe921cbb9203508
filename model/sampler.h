/*
 * sampler.h - making windows: the process run backwards.
 *
 * Tokens: the time at which a masked token shows its value is drawn first, once a token, from its column's interval - which is
 * the ancestral process of absorbing diffusion, exactly.  The few-step sampler draws the times of a column stratified over the
 * rows, so that each step shows as few tokens at once as can be, and never two columns of one flow that it could part.
 * Residuals: ancestral steps with the z term (Ho, Jain, Abbeel 2020, algorithm 2), or DDIM (Song, Meng, Ermon 2021, eq. 12).
 */
#ifndef FM_MODEL_SAMPLER_H
#define FM_MODEL_SAMPLER_H

#include "base/thread.h"
#include "model/plan.h"
#include "model/process.h"
#include "model/support.h"

struct fm_sample_opts {
	int steps;        /* 1..T; ancestral takes T */
	bool ancestral;
	uint64_t seed;
	double guidance;  /* 0: none; w: logits are (1 + w) told - w not told the class of window (Ho, Salimans 2022, eq. 6) */
	void (*progress)(void *ctx, uint64_t windows); /* called by one thread at a time; may be NULL */
	void *ctx;
};
/* No excluded pair of tokens is drawn; sa and da are drawn among the tokens that the flow's dir allows.  tok (n,W,FM_NTOK) and res (n,W,FM_NRES) for the plan's n windows.  The same for any number of threads. */
int fm_sample(const struct fm_net *net, const struct fm_codec *codec, const struct fm_support *support, const struct fm_process *pr, const float *p, const struct fm_plan *plan, const struct fm_sample_opts *o,
	      struct fm_pool *pool, uint16_t *tok, float *res, struct fm_error *err) FM_MUST_CHECK;

#endif
