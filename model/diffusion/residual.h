/*
 * residual.h - one step of the Gaussian part on the way back, from time t to next.
 *
 * The network's prediction, v or noise, is turned into one of x_0 and one of eps, where x_t = sqrt(ab) x_0 + sqrt(1 -
 * ab) eps:
 *
 *     v             x_0 = sqrt(ab) x_t - sqrt(1 - ab) v and eps = sqrt(1 - ab) x_t + sqrt(ab) v (Salimans, Ho 2022,
 *                   app. D)
 *     noise         x_0 = (x_t - sqrt(1 - ab) eps) / sqrt(ab), clamped to FM_RES_MAX (no residual lies beyond, and near
 *                   pure noise the quotient cannot be trusted), and then eps again from x_0 (Ho, Jain, Abbeel 2020)
 *
 * and from these x at the next time s:
 *
 *     FM_DDIM       x_s = sqrt(ab_s) x_0 + sqrt(1 - ab_s) eps (Song, Meng, Ermon 2021, eq. 12)
 *     FM_ANCESTRAL  the posterior of x_s with its noise z: algorithm 2 of Ho, Jain, Abbeel 2020, in the form of Song et
 *                   al., eq. 16
 *     FM_DPM2       DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): x_0 extrapolated in the half logarithm of
 *                   ab / (1 - ab) from this step and the one before; the first step and the last are of first order
 */
#ifndef FM_MODEL_DIFFUSION_RESIDUAL_H
#define FM_MODEL_DIFFUSION_RESIDUAL_H

#include "model/diffusion/process.h"

#define FM_RES_MAX 6.0f /* fm_normal_quantile */

enum fm_solver { FM_DDIM, FM_ANCESTRAL, FM_DPM2 };

struct fm_res_step {
	bool noise;        /* what the prediction is */
	float s, a;        /* sqrt(1 - ab), sqrt(ab) at t */
	float c_x0, c_eps; /* x_s = c_x0 x_0 + c_eps eps + sigma z; */
	float sigma;
	bool extrapolate; /* FM_DPM2: c_x0 is of now x_0 + past x_0 of the step before */
	float now, past;
};
/* before: the time from which the step before came, 0 when this is the first. next: 0 at the end. */
void fm_res_step_init(struct fm_res_step *q, const struct fm_process *pr, enum fm_solver solver, double t, double next,
		      double before);
/* One residual: x at next from x at t and the prediction, without sigma z.  *x0 is x_0 of the step before, and becomes
 * that of this one. */
float fm_res_step(const struct fm_res_step *q, float x, float prediction, float *x0);

#endif
