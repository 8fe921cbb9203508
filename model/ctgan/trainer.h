/*
 * trainer.h - CTGAN's training loop: a step of the critic and one of the generator in turn, both by Adam (Kingma, Ba
 * 2015), with the loop and checkpoints of model/nn; and flows from what was learned.
 *
 * A step's noise, conditions and rows are a function of (seed, step), so that a run that goes on from a checkpoint ends
 * with the bits it would have had.
 */
#ifndef FM_MODEL_CTGAN_TRAINER_H
#define FM_MODEL_CTGAN_TRAINER_H

#include "model/ctgan/conditions.h"
#include "model/nn/loop.h"

struct fm_gan_train_opts {
	struct fm_loop_opts loop;
	int batch; /* a multiple of FM_GAN_PACK */
	double rate, weight_decay;
	struct fm_pool *pool;
};
struct fm_gan_train_result {
	int steps;
	double critic, generator, penalty; /* moving averages of the losses */
	double flows, seconds;             /* of this process */
};
/* Train both networks; their weights, laid out by fm_gan_layout, go into p.  FM_EINPUT when training diverges. */
int fm_gan_train(const struct fm_gan *n, const struct fm_gan_codec *c, const struct fm_gan_rows *rows,
		 const struct fm_gan_train_opts *o, float *p, struct fm_gan_train_result *result,
		 struct fm_error *err) FM_MUST_CHECK;

/* Has the generator collapsed?  It then makes the same few rows whatever its noise: a batch has less than a tenth of
 * the different rows (fm_gan_distinct) that as many real flows have. */
static inline bool fm_gan_collapsed(int made, int real)
{
	return made >= 0 && real > 0 && made < 0.1 * real;
}

struct fm_gan_sample_opts {
	uint64_t rows, seed;
	int batch;
	bool logs; /* draw conditions by the logs of frequencies */
	struct fm_pool *pool;
};
/* Make rows with raw addresses, in no order. p: the generator's weights. */
int fm_gan_sample(struct fm_table **t, const struct fm_gan *n, const struct fm_gan_codec *c, const float *p,
		  const struct fm_gan_sample_opts *o, struct fm_error *err) FM_MUST_CHECK;

#endif
