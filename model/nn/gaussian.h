/*
 * gaussian.h - the Gaussian diffusion of numbers (Ho, Jain, Abbeel 2020): x_t = sqrt(ab) x_0 + sqrt(1 - ab) eps, and
 * one reverse step from a time t to an earlier time s.
 *
 * The network's prediction, v, noise or x_0, is turned into one of x_0 and one of eps:
 *
 *     v             x_0 = sqrt(ab) x_t - sqrt(1 - ab) v and eps = sqrt(1 - ab) x_t + sqrt(ab) v (Salimans, Ho 2022,
 *                   app. D)
 *     noise         x_0 = (x_t - sqrt(1 - ab) eps) / sqrt(ab), clamped to the range of data (near pure noise the
 *                   quotient is unreliable), and then eps again from x_0 (Ho, Jain, Abbeel 2020)
 *     x_0           clamped to the range of data, and eps from it (Chen, Zhang, Hinton 2022)
 *
 * and from these x at the time s:
 *
 *     FM_DDIM       x_s = sqrt(ab_s) x_0 + sqrt(1 - ab_s) eps (Song, Meng, Ermon 2021, eq. 12)
 *     FM_ANCESTRAL  the posterior of x_s with its noise z: algorithm 2 of Ho, Jain, Abbeel 2020, in the form of Song et
 *                   al., eq. 16
 *     FM_DPM2       DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): x_0 extrapolated in the half logarithm of
 *                   ab / (1 - ab) from this step and the one before; the first step and the last are of first order
 */
#ifndef FM_MODEL_NN_GAUSSIAN_H
#define FM_MODEL_NN_GAUSSIAN_H

#include <stdbool.h>

/* ab at a time from 0 (data) to 1 (noise), clamped to [1e-5, 1 - 1e-5]: the cosine schedule (Nichol, Dhariwal 2021, eq.
 * 17) or the linear one (Ho et al.; continuous form of Song et al. 2021, eq. 32). */
double fm_alpha_bar(bool cosine, double time);

enum fm_solver { FM_DDIM, FM_ANCESTRAL, FM_DPM2 };
enum fm_solver fm_solver_find(const char *sampler); /* generate.sampler */

enum fm_gauss_what { FM_PREDICTS_V, FM_PREDICTS_NOISE, FM_PREDICTS_X0 };

struct fm_gauss_step {
	enum fm_gauss_what what;
	float s, a;        /* sqrt(1 - ab), sqrt(ab) at t */
	float c_x0, c_eps; /* x_s = c_x0 x_0 + c_eps eps + sigma z; */
	float sigma;
	bool extrapolate; /* FM_DPM2: c_x0 multiplies now x_0 + past (x_0 of the previous step) */
	float now, past;
};
/* ab at t; next: ab at s, 1 where s is the data; before: ab at the start of the previous step, 0 for the first step. */
void fm_gauss_step_init(struct fm_gauss_step *q, enum fm_gauss_what what, enum fm_solver solver, double ab, double next,
			double before);
/* One number: x at s from x at t and the prediction, without sigma z.  *x0 is x_0 of the previous step, and becomes
 * that of this one; but for v it is clamped to [-most, most]. */
float fm_gauss_step(const struct fm_gauss_step *q, float most, float x, float prediction, float *x0);

#endif
