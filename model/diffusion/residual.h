/*
 * residual.h - one step of the residuals on the way back (model/nn/gaussian.h), in the time of the hybrid process.
 */
#ifndef FM_MODEL_DIFFUSION_RESIDUAL_H
#define FM_MODEL_DIFFUSION_RESIDUAL_H

#include "model/diffusion/process.h"
#include "model/nn/gaussian.h"

#define FM_RES_MAX 6.0f /* fm_normal_quantile: no residual lies beyond */

/* before: the time from which the step before came, 0 when this is the first. next: 0 at the end. */
void fm_res_step_init(struct fm_gauss_step *q, const struct fm_process *pr, enum fm_solver solver, double t,
		      double next, double before);

#endif
