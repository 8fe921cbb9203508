/*
 * exchange_diffusion.h - a diffusion over exchanges that is private from the first count to the last step.
 *
 *     1. noisy counts of the exchanges       model/marginals: vocabularies of every column, pairs; charged there
 *     2. a sample of the counts              free: the network learns from it, and the clip is chosen from its norms
 *     3. DP-SGD on the private exchanges     diffusion/private_trainer.h; charged as "training"
 *     4. records, free                       of the noisy counts, guided by what the training changed in the network
 *                                            (synth.h); or of the network alone.  flows.h makes flows of them
 *
 * A record of the network is a row of tokens, one column for each attribute of domains.h with the vocabulary that the
 * noisy counts gave it.  How an exchange is encoded depends on that exchange and on noisy answers alone, so that an
 * exchange added to a trace or taken from it adds or takes one record and changes no other.
 */
#ifndef FM_MODEL_EXCHANGE_DIFFUSION_H
#define FM_MODEL_EXCHANGE_DIFFUSION_H

#include "manifests/config.h"
#include "model/diffusion/record_net.h"
#include "model/marginals/planted.h"

/* The denoiser of a record (backbone.h).  mlp sees its 22 attributes as one row; transformer and unet see
 * FM_EXCHANGE_PLACES of them: the connection, then its flows, the first and the second of each way.  With each of them
 * a record is one exchange. */
#define FM_EXCHANGE_PLACES 5
struct fm_exchange_shape {
	const char *denoiser;
	int width, depth, heads;
};
/* FM_EINPUT for a shape that the denoiser cannot have over these places. */
int fm_exchange_shape_check(const struct fm_exchange_shape *shape, struct fm_error *err) FM_MUST_CHECK;

struct fm_exchange_opts {
	struct fm_marginals_opts counts; /* with the key of all noise, and the pool */
	struct fm_exchange_shape shape;
	/* The start: steps over a sample of start_records records. */
	size_t start_records; /* 0: as many as the noisy total says */
	struct fm_record_learn_opts start;
	double clip_quantile; /* the clip is this quantile of the sample's norms */
	/* DP-SGD: each record is in a batch with probability batch / records; records is a public bound. */
	int steps, draws, warmup;
	uint64_t batch, records;
	double noise_multiplier, rate, ema, weight_decay;
	/* As in private_trainer.h, for the private steps only; what comes before them is computed again, with the same
	 * bits.
	 */
	const char *checkpoint;
	const struct fm_secret *checkpoint_key;
	struct fm_ranks *ranks; /* ranks that share the private steps; NULL: this process alone */
	int checkpoint_every;
	double checkpoint_seconds;
	/* In an audit: canaries among the records, and the scores that they get: by the noisy counts, and by the nats
	 * by which the private steps made each more likely.  Else NULL. */
	const struct fm_planted *planted;
	double *by_counts, *by_losses; /* (planted->n) */
	/* Asked about the noisy counts before anything is trained; what it fails with ends the fit.  NULL: nobody. */
	int (*doubt)(const struct fm_config *cfg, const struct fm_marginals *m, struct fm_error *err);
	const struct fm_config *cfg; /* for doubt */
};
/* What the training will charge, a function of the options alone: a continuous Gaussian of sensitivity 1 (the clip), or
 * 2 where each step sees all records and a record is replaced; with sampling the accountant knows the adjacency.  It is
 * no more private than the discrete Gaussian drawn on the gradients' grid (noise.h), whose step depends on the noisy
 * counts. */
struct fm_charge fm_exchange_charge(const struct fm_exchange_opts *o);

struct fm_exchange_diffusion {
	struct fm_marginals m;
	struct fm_record_net *net;
	float *weights, *start;    /* (net->layout.nfloats) final, and before the private training */
	struct fm_charges charges; /* all: of the counts and of the training */
	struct fm_private_log log; /* private */
	double seconds;            /* of the start and the private steps together */
};
int fm_exchange_fit(struct fm_exchange_diffusion *x, const struct fm_table *t, const struct fm_exchange_opts *o,
		    struct fm_error *err) FM_MUST_CHECK;
/* The network of the noisy counts x->m, and room for its weights; for loading a model from a file. */
int fm_exchange_net(struct fm_exchange_diffusion *x, const struct fm_exchange_shape *shape,
		    struct fm_error *err) FM_MUST_CHECK;
/* Flows of records that are drawn attribute by attribute, as the noisy counts alone would (synth.h), with each weight
 * multiplied by the change from the private training: the network's probability of the value after it over that before
 * it, when the network had learned only from a sample of the same counts.  Pairs that it has not learned well are in
 * both and cancel. alone: the network draws instead, with the kinds in the shares of the noisy counts.  Then come
 * in->rounds gradual updates by the noisy pairs. */
int fm_exchange_sample(struct fm_table **table, const struct fm_exchange_diffusion *x,
		       const struct fm_marginals_sample_in *in, bool alone, struct fm_error *err) FM_MUST_CHECK;
void fm_exchange_free(struct fm_exchange_diffusion *x);

#endif
