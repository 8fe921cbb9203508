/* gaussian.c - schedules and steps of the Gaussian diffusion. */
#include "model/nn/gaussian.h"

#include <math.h>
#include <string.h>

#include "base/detmath.h"

double fm_alpha_bar(bool cosine, double time)
{
	double s = time < 0 ? 0 : time > 1 ? 1 : time;
	double ab = cosine ? fm_det_cos((s + 0.008) / 1.008 * 1.57079632679489661923) /
				 fm_det_cos(0.008 / 1.008 * 1.57079632679489661923)
			   : 0;
	ab = cosine ? ab * ab : fm_det_exp(-0.1 * s - 9.95 * s * s);
	return ab < 1e-5 ? 1e-5 : ab > 1 - 1e-5 ? 1 - 1e-5 : ab;
}

enum fm_solver fm_solver_find(const char *sampler)
{
	return strcmp(sampler, "ancestral") == 0 ? FM_ANCESTRAL : strcmp(sampler, "dpm2") == 0 ? FM_DPM2 : FM_DDIM;
}

/* Half the logarithm of the signal-to-noise ratio. */
static double half_log_snr(double ab)
{
	return 0.5 * (fm_det_log(ab) - fm_det_log(1 - ab));
}

void fm_gauss_step_init(struct fm_gauss_step *q, enum fm_gauss_what what, enum fm_solver solver, double ab, double next,
			double before)
{
	double alpha = ab / next, sigma2 = solver == FM_ANCESTRAL ? (1 - next) / (1 - ab) * (1 - alpha) : 0;

	*q = (struct fm_gauss_step){.what = what,
				    .s = (float)sqrt(1 - ab),
				    .a = (float)sqrt(ab),
				    .c_x0 = (float)sqrt(next),
				    .c_eps = (float)sqrt(1 - next - sigma2 > 0 ? 1 - next - sigma2 : 0),
				    .sigma = (float)sqrt(sigma2)};
	if (solver != FM_DPM2 || !(before > 0) || !(next < 1))
		return;
	double h = half_log_snr(next) - half_log_snr(ab), back = half_log_snr(ab) - half_log_snr(before);
	if (!(back > 0 && h > 0)) /* no change of time where ab is clamped */
		return;
	/* First order is DDIM: (s_n / s) x + a_n (1 - exp(-h)) x_0.  Second order replaces x_0 by (1 + h / (2 back))
	 * x_0 - h / (2 back) old. */
	double gain = 1 - sqrt(1 - next) * sqrt(ab) / (sqrt(next) * sqrt(1 - ab)), more = h / (2 * back);
	q->extrapolate = true;
	q->now = (float)(1 + gain * more);
	q->past = (float)(-gain * more);
}

float fm_gauss_step(const struct fm_gauss_step *q, float most, float x, float prediction, float *x0)
{
	float clean = q->a * x - q->s * prediction, eps = q->s * x + q->a * prediction, old = *x0;

	if (q->what != FM_PREDICTS_V) {
		clean = q->what == FM_PREDICTS_X0 ? prediction : (x - q->s * prediction) / q->a;
		clean = clean > most ? most : clean < -most ? -most : clean;
		eps = (x - q->a * clean) / q->s;
	}
	*x0 = clean;
	return q->c_x0 * (q->extrapolate ? q->now * clean + q->past * old : clean) + q->c_eps * eps;
}
