/*
 * trainer.h - NetShare's training (Yin et al. 2022, 4.2): the first chunk that has sessions starts from random weights,
 * and every other one from its networks.
 *
 * A step is `rounds` steps of both critics on one batch, and one of the generator on the same noise, all by Adam
 * (Kingma, Ba 2015), with the loop and the checkpoints of model/nn.  What a step draws is a function of (seed, chunk,
 * step).  A finished chunk is kept in a file of its own beside the checkpoint, so that a training that goes on ends
 * with the same bits.
 */
#ifndef FM_MODEL_NETSHARE_TRAINER_H
#define FM_MODEL_NETSHARE_TRAINER_H

#include "model/netshare/encoding.h"
#include "model/netshare/net.h"
#include "model/nn/draws.h"
#include "model/nn/loop.h"

struct fm_share_train_opts {
	struct fm_loop_opts loop;  /* loop.steps is not used */
	const char *dir;           /* folder of finished chunks; NULL: they are not kept */
	int steps[FM_CHUNKS_MOST]; /* steps of each chunk; none are taken in a chunk without sessions */
	int batch, rounds;
	double rate;
	struct fm_pool *pool;
};
struct fm_share_train_result {
	int steps;
	double critic, generator, penalty; /* moving averages of the losses in the last chunk */
	double flows, seconds;             /* of this process */
};
/* What is learned from; all borrowed. */
struct fm_share_lesson {
	const struct fm_share_codec *codec;
	const struct fm_table *table;
	const struct fm_sessions *sessions; /* of the table, by the codec */
};
/* Train; the generator of each chunk goes into p (chunks, n->generator.nfloats).  FM_EINPUT when training diverges. */
int fm_share_train(const struct fm_dg *n, const struct fm_share_lesson *of, const struct fm_share_train_opts *o,
		   float *p, struct fm_share_train_result *result, struct fm_error *err) FM_MUST_CHECK;

/* The noise of a batch, drawn for the four uses from `what` on; z points into room, which has fm_share_noise_floats
 * floats. */
size_t fm_share_noise_floats(const struct fm_dg *n, int batch);
struct fm_dg_noise fm_share_noise(const struct fm_dg *n, const struct fm_draw_key *k, int what, int batch, float *room);

struct fm_share_sample_opts {
	uint64_t rows, seed;
	int batch;
	struct fm_pool *pool;
};
/* Make rows with raw addresses, in no order, exactly as many as asked for. */
int fm_share_sample(struct fm_table **t, const struct fm_dg *n, const struct fm_share_codec *c, const float *p,
		    const struct fm_share_sample_opts *o, struct fm_error *err) FM_MUST_CHECK;

#endif
