/*
 * sampler_parts.h - inside the sampler: what its parts share.  sampler.c runs the steps, sampler_tokens.c draws tokens.
 */
#ifndef FM_MODEL_DIFFUSION_SAMPLER_PARTS_H
#define FM_MODEL_DIFFUSION_SAMPLER_PARTS_H

#include <pthread.h>
#include <stdbool.h>

#include "model/diffusion/sampler.h"

/* One thread's space. */
struct fm_sample_space {
	struct fm_work *work;
	struct fm_work *blind; /* with guidance: work space of the pass without the class */
	float *reveal;         /* (SHARD, W, FM_NTOK): when a token shows (absorbing) */
	float *row;            /* (largest vocabulary): a row of logits */
	float *x0;             /* (SHARD, W, FM_NRES): residuals' x_0 of the step before */
	uint16_t *seen;        /* (SHARD, W, FM_NTOK): what the network saw in this step */
	float *confined;       /* (SHARD, W): u of fm_label_services_apply, in [0, 1) */
	int *rows;             /* (SHARD * W) */
};

struct fm_sampler {
	const struct fm_net *net;
	const struct fm_codec *codec;
	const struct fm_structural_zeros *zeros;
	uint8_t *sides; /* (vocab of sa) fm_address_sides of each address token */
	const struct fm_process *pr;
	const float *p;
	const struct fm_window_schedule *schedule;
	struct fm_window_range range;
	const struct fm_sample_opts *o;
	struct fm_sample_space *space; /* one per thread */
	uint16_t *tok;                 /* tokens of the range */
	float *res;
	pthread_mutex_t lock;
	uint64_t done;
};

/* A step of a shard: B windows from t to next; last: the step ends the process. */
struct fm_sample_step {
	struct fm_sample_space *space;
	size_t first; /* number of the first window */
	int B;
	double t, next;
	bool last;
	struct fm_rng *rng; /* (B) */
	uint16_t *tok;      /* (B,W,FM_NTOK) */
};

/* Draw the tokens of the step, column by column, and copy what relations copy. */
void fm_sample_tokens(const struct fm_sampler *s, const struct fm_sample_step *q, float *res);

#endif
