/*
 * multinomial.h - one step of multinomial diffusion (Hoogeboom, Nielsen, Jaini, Forre, Welling 2021, eq. 11-16) for one
 * token.
 *
 * A token of K values is still x_0 at time t with probability `keep`, else uniform.  Given x_0, x_t and how much is
 * kept at t and at s, the step before, the posterior of x_s is, with a = keep_t / keep_s (eq. 13),
 *
 *     q(x_s = j | x_t, x_0) ~ [a (j = x_t) + (1 - a) / K] [keep_s (j = x_0) + (1 - keep_s) / K]
 *
 * The network gives the logits of x_0; its softmax h stands for (j = x_0) in the model's p(x_s | x_t) (eq. 14).  Both
 * factors are divided by their uniform part, which cancels, so that only sums of log(1 + odds) remain: with b = a K /
 * (1 - a), B = keep_s K / (1 - keep_s) and D = keep_t K / (1 - keep_t),
 *
 *     log q_j - log p_j = log(1 + B (j = x_0)) - log(1 + B h_j) + log(1 + D h_[x_t]) - log(1 + D (x_t = x_0))
 *
 * The bound on -log p(x_0) is the sum over the steps of KL(q || p) (eq. 15-16); where keep_s is 1 that is -log p(x_0 |
 * x_t), and where keep_t is 0 at the last step x_T says nothing of x_0 and there is no prior term.
 *
 * A token of which nothing is kept (keep_t = 0) is shown as K, the mask: a uniform one would say just as little.
 */
#ifndef FM_MODEL_DIFFUSION_MULTINOMIAL_H
#define FM_MODEL_DIFFUSION_MULTINOMIAL_H

#include "base/kernels.h"

/* The probability of being kept: at t, below 1, and at the step before, above 0 and at least as large. */
struct fm_keep {
	double at, before;
};
/* KL(q || p) in nats.  z (K) are logits, replaced by weight times the derivative of the loss; y (K) is scratch; xt is K
 * when nothing is kept. */
double fm_multinomial_loss(const struct fm_kernels *k, fm_real *z, fm_real *y, int K, int x0, int xt,
			   const struct fm_keep *keep, fm_real weight);
/* Add to z the log of x_t's own factor: logits of x_s when all is kept at s. */
void fm_multinomial_own(fm_real *z, int K, int xt, const struct fm_keep *keep);
/* x_s drawn from p at u in [0,1); z (K) is destroyed.  A logit of -1e30 excludes its value from x_0, and from x_s when
 * all is kept at s. */
int fm_multinomial_draw(const struct fm_kernels *k, fm_real *z, int K, int xt, const struct fm_keep *keep, fm_real u);

#endif
