/* residual.c - steps of the Gaussian part. */
#include "model/diffusion/residual.h"

#include <math.h>

#include "base/detmath.h"

/* Half the logarithm of the signal-to-noise ratio. */
static double half_log_snr(double ab)
{
	return 0.5 * (fm_det_log(ab) - fm_det_log(1 - ab));
}

void fm_res_step_init(struct fm_res_step *q, const struct fm_process *pr, enum fm_solver solver, double t, double next,
		      double before)
{
	double ab = fm_process_alpha_bar(pr, t), abn = next > 0 ? fm_process_alpha_bar(pr, next) : 1.0;
	double alpha = ab / abn, sigma2 = solver == FM_ANCESTRAL ? (1 - abn) / (1 - ab) * (1 - alpha) : 0;

	*q = (struct fm_res_step){.noise = pr->noise,
				  .s = (float)sqrt(1 - ab),
				  .a = (float)sqrt(ab),
				  .c_x0 = (float)sqrt(abn),
				  .c_eps = (float)sqrt(1 - abn - sigma2 > 0 ? 1 - abn - sigma2 : 0),
				  .sigma = (float)sqrt(sigma2)};
	if (solver != FM_DPM2 || !(before > t) || !(next > 0))
		return;
	double abb = fm_process_alpha_bar(pr, before), h = half_log_snr(abn) - half_log_snr(ab),
	       back = half_log_snr(ab) - half_log_snr(abb);
	if (!(back > 0 && h > 0)) /* still where ab is cut off */
		return;
	/* First order is DDIM: (s_n / s) x + a_n (1 - exp(-h)) x_0.  Second order puts (1 + h / 2 back) x_0 - (h / 2
	 * back) old there. */
	double gain = 1 - sqrt(1 - abn) * sqrt(ab) / (sqrt(abn) * sqrt(1 - ab)), more = h / (2 * back);
	q->extrapolate = true;
	q->now = (float)(1 + gain * more);
	q->past = (float)(-gain * more);
}

float fm_res_step(const struct fm_res_step *q, float x, float prediction, float *x0)
{
	float clean = q->a * x - q->s * prediction, eps = q->s * x + q->a * prediction, old = *x0;

	if (q->noise) {
		clean = (x - q->s * prediction) / q->a;
		clean = clean > FM_RES_MAX ? FM_RES_MAX : clean < -FM_RES_MAX ? -FM_RES_MAX : clean;
		eps = (x - q->a * clean) / q->s;
	}
	*x0 = clean;
	return q->c_x0 * (q->extrapolate ? q->now * clean + q->past * old : clean) + q->c_eps * eps;
}
