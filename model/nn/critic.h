/*
 * critic.h - the critic of a Wasserstein GAN, whose slope is kept near 1 by a penalty (Gulrajani et al. 2017).
 *
 *     x' = m (x W + b), `layers` times, m = leak or 1 by the sign of x W + b, times a mask of dropout;  score = x w + b
 *     penalty  lambda (|d score / d x| - 1)^2, whose gradient is computed by hand: except for the slopes m the critic
 *              is linear, so d score / d x is a chain of matrices
 */
#ifndef FM_MODEL_NN_CRITIC_H
#define FM_MODEL_NN_CRITIC_H

#include "model/nn/dense.h"
#include "model/nn/params.h"

#define FM_CRITIC_LAYERS_MOST 8
#define FM_CRITIC_LAMBDA ((fm_real)10)

struct fm_critic {
	int in, hidden, layers;
	int sparse;                              /* how many of a row's last numbers are mostly 0 */
	fm_real leak;                            /* slope for negative numbers */
	size_t at[FM_CRITIC_LAYERS_MOST + 1][2]; /* weights and biases in the layout */
};
/* Add the tensors NAME.0.w ... to l, with the deviations of fm_dense_std. */
void fm_critic_declare(struct fm_critic *c, struct fm_layout *l, const char *name);

/* Space for batches of at most `rows`. */
struct fm_critic_work {
	const struct fm_critic *c;
	int used; /* numbers of a row, without the sparse ones, that may not be 0; set by the caller, at first all */
	int rows; /* rows of the last score */
	fm_real *in, *din; /* (rows, in): the caller fills in; din: see below */
	fm_real *hid[FM_CRITIC_LAYERS_MOST], *slope[FM_CRITIC_LAYERS_MOST], *dhid[FM_CRITIC_LAYERS_MOST];
	fm_real *score, *dscore; /* (rows) */
	fm_real *room;
};
int fm_critic_work_open(struct fm_critic_work *w, const struct fm_critic *c, int rows,
			struct fm_error *err) FM_MUST_CHECK;
void fm_critic_work_close(struct fm_critic_work *w);

/* The mean score of w->in.  drop[l] (rows, hidden): masks; NULL: no dropout. */
fm_real fm_critic_score(struct fm_critic_work *w, struct fm_dense *d, const fm_real *p, int rows,
			const fm_real *const *drop);
/* The gradient of the last score.  g (or NULL) += weight times that of the mean; where into is set, w->din = weight
 * times that for the rows, in the numbers in use without the sparse ones. */
void fm_critic_back(struct fm_critic_work *w, struct fm_dense *d, const fm_real *p, fm_real weight, fm_real *g,
		    bool into);
/* The penalty at w->in, mean over the rows, lambda included; g (or NULL) += its gradient. */
fm_real fm_critic_penalty(struct fm_critic_work *w, struct fm_dense *d, const fm_real *p, int rows,
			  const fm_real *const *drop, fm_real *g);

#endif
