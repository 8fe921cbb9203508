/* residual.c - steps of the residuals. */
#include "model/diffusion/residual.h"

void fm_res_step_init(struct fm_gauss_step *q, const struct fm_process *pr, enum fm_solver solver, double t,
		      double next, double before)
{
	fm_gauss_step_init(q, pr->noise ? FM_PREDICTS_NOISE : FM_PREDICTS_V, solver, fm_process_alpha_bar(pr, t),
			   next > 0 ? fm_process_alpha_bar(pr, next) : 1.0,
			   before > t ? fm_process_alpha_bar(pr, before) : 0);
}
