/*
 * trainer.h - NetShare's training (Yin et al. 2022, 4.2): the first chunk that has sessions is learned from nothing,
 * and every other one goes on from its networks.
 *
 * A step is `rounds` steps of both critics on one batch, and one of the generator on the same noise, all by Adam
 * (Kingma, Ba 2015), with the loop and the checkpoints of model/nn.  What a step draws is a function of (seed, chunk,
 * step).  A chunk that is done is kept in a file of its own beside the checkpoint, so that a training that goes on has
 * the bits it would have had.
 */
#ifndef FM_MODEL_NETSHARE_TRAINER_H
#define FM_MODEL_NETSHARE_TRAINER_H

#include "model/netshare/encoding.h"
#include "model/netshare/net.h"
#include "model/nn/draws.h"
#include "model/nn/loop.h"

struct fm_share_train_opts {
	struct fm_loop_opts loop;  /* steps is of no meaning */
	const char *dir;           /* of the chunks that are done; NULL: they are not kept */
	int steps[FM_CHUNKS_MOST]; /* of each chunk; those of a chunk without sessions are not taken */
	int batch, rounds;
	double rate;
	struct fm_pool *pool;
};
struct fm_share_train_result {
	int steps;
	double critic, generator, penalty; /* moving averages of the losses, of the last chunk */
	double flows, seconds;             /* of this process */
};
/* What is learned: all borrowed. */
struct fm_share_lesson {
	const struct fm_share_codec *codec;
	const struct fm_table *table;
	const struct fm_sessions *sessions; /* of the table, by the codec */
};
/* The generator of each chunk into p (chunks, n->generator.nfloats).  FM_EINPUT when training diverges. */
int fm_share_train(const struct fm_dg *n, const struct fm_share_lesson *of, const struct fm_share_train_opts *o,
		   float *p, struct fm_share_train_result *result, struct fm_error *err) FM_MUST_CHECK;

/* Noise of a batch from `what` on, of which it takes four; z is borrowed from room, of fm_share_noise_floats. */
size_t fm_share_noise_floats(const struct fm_dg *n, int batch);
struct fm_dg_noise fm_share_noise(const struct fm_dg *n, const struct fm_draw_key *k, int what, int batch, float *room);

struct fm_share_sample_opts {
	uint64_t rows, seed;
	int batch;
	struct fm_pool *pool;
};
/* Rows with raw addresses, in no order, exactly as many as asked for. */
int fm_share_sample(struct fm_table **t, const struct fm_dg *n, const struct fm_share_codec *c, const float *p,
		    const struct fm_share_sample_opts *o, struct fm_error *err) FM_MUST_CHECK;

#endif
