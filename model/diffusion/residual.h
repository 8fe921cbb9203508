/*
 * residual.h - one reverse step of the residuals (model/nn/gaussian.h), in the time of the hybrid process.
 */
#ifndef FM_MODEL_DIFFUSION_RESIDUAL_H
#define FM_MODEL_DIFFUSION_RESIDUAL_H

#include "model/diffusion/process.h"
#include "model/nn/gaussian.h"

#define FM_RES_MAX 6.0f /* fm_normal_quantile: no residual lies beyond */

/* before: the time from which the previous step came, 0 for the first step. next: 0 at the end. */
void fm_res_step_init(struct fm_gauss_step *q, const struct fm_process *pr, enum fm_solver solver, double t,
		      double next, double before);

#endif
