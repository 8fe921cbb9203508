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
 * the denoiser is a residual MLP; transformer and unet look at all places of one record, and never at two records.
 *
 * In training k of the n columns are masked, k uniform in 1 ... n and which k at random; the loss is n / k times the
 * cross-entropy of the masked ones.  Its mean is a bound on -log p of the record, that of absorbing diffusion in
 * continuous time (Hoogeboom et al., "Autoregressive diffusion models", ICLR 2022, eq. 3 and 6).  On the way back the
 * columns show one by one, in an order of its own for each record.
 *
 * A column with a vocabulary of one has one value, and is left out.
 */
#ifndef FM_MODEL_DIFFUSION_RECORD_NET_H
#define FM_MODEL_DIFFUSION_RECORD_NET_H

#include "base/thread.h"
#include "model/diffusion/private_trainer.h"
#include "model/nn/backbone.h"
#include "model/nn/sink.h"

#define FM_RECORD_COLUMNS 64 /* at most */

/* What looks at a record: a denoiser of backbone.h over `places` places. */
struct fm_record_shape {
	const char *denoiser;
	int places;           /* 1 for mlp, which does not mix them */
	const uint8_t *place; /* (columns) of each column; NULL: all are in the first */
	int width, depth, heads;
};

struct fm_record_net {
	int columns, used; /* used: with a vocabulary of more than one */
	int vocab[FM_RECORD_COLUMNS];
	uint8_t place[FM_RECORD_COLUMNS];
	struct fm_arch arch; /* window: places */
	const struct fm_backbone *backbone;
	const struct fm_kernels *k;
	struct fm_layout layout;
	size_t at_tok[FM_RECORD_COLUMNS], at_out[FM_RECORD_COLUMNS], at_outb[FM_RECORD_COLUMNS];
	size_t at_place; /* with more than one */
	size_t at_t1, at_t1b, at_t2, at_t2b, at_backbone[FM_MAXTENSORS];
};
/* vocab (columns): 1 to 65535 each, at least one above 1.  FM_EINPUT when out of range, or no shape that the denoiser
 * can have. */
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

/* Learn from records that are not private, such as a sample of noisy counts: AdamW from weights p, which receives the
 * average.  The same for any number of threads. */
struct fm_record_learn_opts {
	int steps, batch, warmup;
	double rate, ema, weight_decay;
	uint64_t seed;
};
int fm_record_learn(struct fm_record_space *s, const struct fm_records *r, const struct fm_record_learn_opts *o,
		    float *p, struct fm_error *err) FM_MUST_CHECK;
/* The records for fm_private_train.  The learner refers to what is given, and has fewer records a pass for more draws.
 */
struct fm_record_learner {
	struct fm_record_space *space;
	const struct fm_records *records;
	int draws;
};
struct fm_learner fm_learner_of_records(struct fm_record_learner *l);
/* What a pass is made of: the lot's records under their draws at weights p, by the pool's thread of that number.  The
 * sum of their mean losses; gradients go to the sink, draw by draw as windows (NULL: none are made). */
double fm_record_draws(const struct fm_record_learner *l, int thread, const float *p, const struct fm_lot *lot,
		       const struct fm_sink *sink);

/* What weights p know of column c over what weights q know of it, for n <= FM_RECORD_ROWS rows of tokens (n, columns)
 * of which those that are masked have their vocabulary: ratio (n, vocab[c]) is p's chance over q's but for a factor of
 * each row, at most `most` and at least its inverse.  By the pool's thread of that number. */
#define FM_RECORD_ROWS 64
void fm_record_ratio(struct fm_record_space *s, int thread, const float *p, const float *q, const uint16_t *tok, int n,
		     int c, float most, float *ratio);

/* Mean bound on -log p, nats a record, over `passes` masks of each. */
double fm_record_loss(struct fm_record_space *s, const float *p, const struct fm_records *r, int passes, uint64_t seed);
/* n records into tok (n, columns): a function of (p, seed), and of the columns c with given[c], which stand in tok
 * already and stay.  given NULL: none. */
void fm_record_sample(struct fm_record_space *s, const float *p, uint64_t seed, size_t n, const bool *given,
		      uint16_t *tok);

#endif
