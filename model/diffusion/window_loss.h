/*
 * window_loss.h - how well a network knows single windows: the basis of membership inference by the loss.
 *
 * The training loss (batch.h: the bound's weighted cross-entropy of the hidden tokens, and the residuals' squared
 * error), but of one window at a time and at a few fixed times t, not at random ones: there each column has some of its
 * tokens hidden and some shown, and a network that remembers a window fills them in.  Losses at one t tell members
 * better than the bound does, whose noise over t drowns them (Carlini et al., Extracting Training Data from Diffusion
 * Models, 2023, sec. 5.2; Matsumoto, Miura and Yanai, Membership Inference Attacks against Diffusion Models, 2023).
 */
#ifndef FM_MODEL_DIFFUSION_WINDOW_LOSS_H
#define FM_MODEL_DIFFUSION_WINDOW_LOSS_H

#include "base/thread.h"
#include "model/diffusion/process.h"

enum { FM_LOSS_TIMES = 9 };
extern const double fm_loss_time[FM_LOSS_TIMES];

/* loss (e->windows): nats per flow, the mean over the times.  The noise is a function of (seed, place in e, time) and
 * the result does not depend on the number of threads.  pool may be NULL. */
int fm_window_losses(const struct fm_denoiser *d, const struct fm_encoded *e, uint64_t seed, struct fm_pool *pool,
		     double *loss, struct fm_error *err) FM_MUST_CHECK;

#endif
