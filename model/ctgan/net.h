/*
 * net.h - the generator and the critic of CTGAN (Xu et al. 2019, 4.4), forward and back.
 *
 *     generator   x0 = [z, condition];  x' = [relu(batch norm(x W + b)), x], twice;  logits = x W + b
 *                 made = tanh of each scalar, softmax((logits + Gumbel noise) / 0.2) of each group
 *     critic      packs of 10 rows, made or real, and behind them their 10 conditions;
 *                 x' = dropout(leaky relu(x W + b)), twice;  score = x w + b
 *     penalty     lambda (|d score / d pack| - 1)^2 (model/nn/critic.h)
 *
 * Batch norm uses the batch's own statistics, in training and when flows are made, as the reference does.
 * A condition is a one-hot, in a mixed pack a sum of two: in a product it only picks a row of the weights, which costs
 * next to nothing.  Everything works on whole batches (model/nn/dense.h); threads change no bit.
 */
#ifndef FM_MODEL_CTGAN_NET_H
#define FM_MODEL_CTGAN_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "model/nn/critic.h"
#include "model/nn/heads.h"
#include "model/nn/params.h"

#define FM_GAN_PACK 10
#define FM_GAN_TAU 0.2f
#define FM_GAN_LAYERS 2

/* The shape of both networks. All borrowed. */
struct fm_gan_shape {
	int noise, hidden; /* numbers of z; width of a layer */
	int row, cond;     /* lengths of a coded row; of a condition */
	const struct fm_head *group;
	int ngroups;
};

enum { FM_GAN_W, FM_GAN_B, FM_GAN_SCALE, FM_GAN_SHIFT, FM_GAN_NTENSORS };
struct fm_gan {
	struct fm_gan_shape shape;
	struct fm_layout generator, critic;
	struct fm_critic judge; /* of packs */
	size_t g[FM_GAN_LAYERS + 1][FM_GAN_NTENSORS];
};
/* Declares the tensors. */
void fm_gan_init(struct fm_gan *n, const struct fm_gan_shape *shape);
/* One layout with the tensors of both networks, the critic's floats behind the generator's, for checkpoints. */
void fm_gan_layout(const struct fm_gan *n, struct fm_layout *both);

/* Space for batches of `rows`, a multiple of FM_GAN_PACK. */
struct fm_gan_work;
int fm_gan_work_new(struct fm_gan_work **w, const struct fm_gan *n, int rows, struct fm_pool *pool,
		    struct fm_error *err) FM_MUST_CHECK;
void fm_gan_work_free(struct fm_gan_work *w);

/* made (rows, row) from z (rows, noise), cond (rows, cond) and gumbel (rows, row), which may be NULL: no noise. */
void fm_gan_generate(struct fm_gan_work *w, const fm_real *p, const fm_real *z, const fm_real *cond,
		     const fm_real *gumbel, fm_real *made);
/* What the generator should make: column group[r] of row r is target[r], an index into the group; group[r] < 0: no
 * condition. */
struct fm_gan_wanted {
	const int *group, *target; /* (rows) */
};
/* The gradient of the last generate: g (the generator's floats) += the gradient for d (rows, row) of made, and that of
 * the mean cross-entropy of what was wanted (unless NULL), which is returned. d is destroyed. */
fm_real fm_gan_generate_back(struct fm_gan_work *w, const fm_real *p, const fm_real *made,
			     const struct fm_gan_wanted *wanted, fm_real *d, fm_real *g);

/* The mean score of row (rows, row) with cond (rows, cond).  drop: two masks (rows / 10, hidden) of 0 and 2. */
fm_real fm_gan_score(struct fm_gan_work *w, const fm_real *p, const fm_real *row, const fm_real *cond,
		     const fm_real *const drop[FM_GAN_LAYERS]);
/* The gradient of the last score: g (the critic's floats; or NULL) += weight times that of the mean; d (rows, row; or
 * NULL) = weight times that for the rows. */
void fm_gan_score_back(struct fm_gan_work *w, const fm_real *p, fm_real weight, fm_real *g, fm_real *d);
/* The penalty at row, cond, mean over the packs, lambda included; g (or NULL) += its gradient. */
fm_real fm_gan_penalty(struct fm_gan_work *w, const fm_real *p, const fm_real *row, const fm_real *cond,
		       const fm_real *const drop[FM_GAN_LAYERS], fm_real *g);

#endif
