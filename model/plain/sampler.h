/*
 * sampler.h - flows from noise: the process run backwards over whole rows, a window at a time.
 */
#ifndef FM_MODEL_PLAIN_SAMPLER_H
#define FM_MODEL_PLAIN_SAMPLER_H

#include "base/thread.h"
#include "model/nn/gaussian.h"
#include "model/plain/encoding.h"
#include "model/plain/trainer.h"

struct fm_plain_sample_opts {
	uint64_t rows, seed;
	enum fm_solver solver;
	int steps; /* 1 to T; FM_ANCESTRAL takes T, and adds noise z in each step */
	struct fm_pool *pool;
};
/* Make rows with raw addresses, in the order of their windows.  The same for any number of threads. */
int fm_plain_sample(struct fm_table **t, const struct fm_plain_net *net, const struct fm_plain_process *process,
		    const struct fm_plain_codec *c, const float *p, const struct fm_plain_sample_opts *o,
		    struct fm_error *err) FM_MUST_CHECK;

#endif
