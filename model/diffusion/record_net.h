/*
 * record_net.h - absorbing diffusion over records: rows of tokens, each column with a vocabulary of its own, such as
 * the exchanges of model/marginals.
 *
 *     tokens (B, columns), masked ones = vocab        -> sum of a place's embeddings x (B, W, D)
 *     share of the columns that is masked, t (B)      -> condition                   c (B, D)
 *     the denoiser (nn/backbone.h)                    -> h (B, W, D)
 *     per column: logits = h O_c + b_c                where masked only, from the column's place
 *
 * A record is a sequence of W places, each of which has columns of its own.  With one place there is nothing to mix and
 * the denoiser is a residual MLP; transformer and unet look at all places of one record, never at two records at once.
 *
 * In training a random k of the n columns are masked, k uniform in 1 ... n; the loss is n / k times the cross-entropy
 * of the masked ones.  Its mean is the bound on -log p of the record given by absorbing diffusion in continuous time
 * (Hoogeboom et al., "Autoregressive diffusion models", ICLR 2022, eq. 3 and 6).  When sampling, the columns of a
 * record show one by one, in a random order of its own.
 *
 * A column with a vocabulary of one has one value, and is left out.
 */
#ifndef FM_MODEL_DIFFUSION_RECORD_NET_H
#define FM_MODEL_DIFFUSION_RECORD_NET_H

#include "base/thread.h"
#include "model/diffusion/private_trainer.h"
#include "model/nn/backbone.h"
#include "model/nn/sink.h"

#define FM_RECORD_COLUMNS 64 /* most columns */

/* The network that reads a record: a denoiser of backbone.h over `places` places. */
struct fm_record_shape {
	const char *denoiser;
	int places;           /* 1 for mlp, which does not mix them */
	const uint8_t *place; /* (columns) place of each column; NULL: all in the first */
	int width, depth, heads;
};

struct fm_record_net {
	int columns, used; /* used: those with a vocabulary of more than one */
	int vocab[FM_RECORD_COLUMNS];
	uint8_t place[FM_RECORD_COLUMNS];
	struct fm_arch arch; /* window: places */
	const struct fm_backbone *backbone;
	const struct fm_kernels *k;
	struct fm_layout layout;
	size_t at_tok[FM_RECORD_COLUMNS], at_out[FM_RECORD_COLUMNS], at_outb[FM_RECORD_COLUMNS];
	size_t at_place; /* offset of the embeddings of places, with more than one */
	size_t at_t1, at_t1b, at_t2, at_t2b, at_backbone[FM_MAXTENSORS];
};
/* vocab (columns): 1 to 65535 each, at least one above 1.  FM_EINPUT when out of range, or for a shape that the
 * denoiser cannot have. */
int fm_record_net_new(struct fm_record_net **net, const int *vocab, int columns, const struct fm_record_shape *shape,
		      struct fm_error *err) FM_MUST_CHECK;
void fm_record_net_free(struct fm_record_net *net);

/* Work space for all threads of a pool (NULL: the caller alone).  net and pool are borrowed. */
struct fm_record_space;
int fm_record_space_new(struct fm_record_space **s, const struct fm_record_net *net, struct fm_pool *pool,
			struct fm_error *err) FM_MUST_CHECK;
void fm_record_space_free(struct fm_record_space *s);

struct fm_records {
	size_t n;
	const uint16_t *tok; /* (n, columns) */
};

/* Learn from records that are not private, such as a sample of noisy counts: AdamW starts from the weights p, which
 * receive the average.  The same for any number of threads. */
struct fm_record_learn_opts {
	int steps, batch, warmup;
	double rate, ema, weight_decay;
	uint64_t seed;
};
int fm_record_learn(struct fm_record_space *s, const struct fm_records *r, const struct fm_record_learn_opts *o,
		    float *p, struct fm_error *err) FM_MUST_CHECK;
/* The records for fm_private_train.  The learner refers to its arguments, and takes fewer records per pass for more
 * draws.
 */
struct fm_record_learner {
	struct fm_record_space *space;
	const struct fm_records *records;
	int draws;
};
struct fm_learner fm_learner_of_records(struct fm_record_learner *l);
/* The core of a pass: the lot's records under their draws at weights p, run by the pool's thread of that number.
 * Returns the sum of their mean losses; gradients go to the sink, draw by draw as windows (NULL: none are made). */
double fm_record_draws(const struct fm_record_learner *l, int thread, const float *p, const struct fm_lot *lot,
		       const struct fm_sink *sink);

/* How weights p and weights q differ on column c, for n <= FM_RECORD_ROWS rows of tokens (n, columns), in which masked
 * ones are their vocabulary: ratio (n, vocab[c]) is the probability under p over that under q, up to a factor for each
 * row, and lies between 1 / most and most.  Run by the pool's thread of that number. */
#define FM_RECORD_ROWS 64
void fm_record_ratio(struct fm_record_space *s, int thread, const float *p, const float *q, const uint16_t *tok, int n,
		     int c, float most, float *ratio);

/* Mean bound on -log p, in nats per record, over `passes` masks of each. */
double fm_record_loss(struct fm_record_space *s, const float *p, const struct fm_records *r, int passes, uint64_t seed);
/* n records into tok (n, columns): a function of (p, seed) and of the columns c with given[c], which are in tok already
 * and stay.  given NULL: none. */
void fm_record_sample(struct fm_record_space *s, const float *p, uint64_t seed, size_t n, const bool *given,
		      uint16_t *tok);

#endif
