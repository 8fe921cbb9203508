/* multinomial.c - posteriors of multinomial diffusion. */
#include "model/diffusion/multinomial.h"

#include <stdbool.h>

#include "base/detmath.h"

#define EXCLUDED -1e29f

static double odds(double keep, int K)
{
	return keep * K / (1 - keep);
}

/* Odds that x_t came from x_s by being kept and not by chance; 0 for a mask, which says nothing. */
static double own_odds(const struct fm_keep *keep, int K, int xt)
{
	return xt < K ? odds(keep->at / keep->before, K) : 0;
}

/* The last step to the data: KL is -log p(x_0 | x_t). */
static double loss_at_data(const struct fm_kernels *k, fm_real *z, int K, int x0, int xt, double D, fm_real weight)
{
	double loss = (double)k->cross_entropy(z, K, x0, 1);
	double h = xt == x0 ? fm_det_exp(-loss) : xt < K ? (double)z[xt] : 0;
	double slope = D * h / (1 + D * h); /* derivative of log(1 + D h) by log h */

	loss += fm_det_log(1 + D * h) - (xt == x0 ? fm_det_log(1 + D) : 0);
	for (int j = 0; j < K; j++)
		z[j] = weight * (z[j] - (fm_real)slope * (z[j] + (j == x0 ? 1 : 0) - (j == xt ? 1 : 0)));
	return loss;
}

double fm_multinomial_loss(const struct fm_kernels *k, fm_real *z, fm_real *y, int K, int x0, int xt,
			   const struct fm_keep *keep, fm_real weight)
{
	bool same = xt == x0;
	double D = xt < K ? odds(keep->at, K) : 0;

	if (!(keep->before < 1))
		return loss_at_data(k, z, K, x0, xt, D, weight);

	/* q_j is q at most places, plus q0 at x_0, plus qt at x_t (both in one where x_0 is x_t). */
	double b = own_odds(keep, K, xt), B = odds(keep->before, K), q = 1 / (K + b + B + (same ? b * B : 0));
	double q0 = q * ((1 + B) * (same ? 1 + b : 1) - 1), qt = same ? 0 : q * b;
	fm_real Bf = (fm_real)B;

	k->softmax(z, z, 1, K, 1);
	double hold = xt < K ? D * (double)z[xt] : 0, slope = hold / (1 + hold), sum = 0;
	for (int j = 0; j < K; j++) {
		y[j] = 1 + Bf * z[j];
		sum += (double)(Bf * z[j] / y[j]);
	}
	/* d_j, the derivative by log h_j at a fixed sum of h: -q_j B h_j / y_j, and the slope at x_t; then through the
	 * softmax. */
	double d0 = -q0 * (double)(Bf * z[x0] / y[x0]), dt = slope - (xt < K ? qt * (double)(Bf * z[xt] / y[xt]) : 0);
	fm_real all = (fm_real)(-q * sum + d0 + dt), qf = (fm_real)q;
	for (int j = 0; j < K; j++)
		z[j] = weight * (-qf * (Bf * z[j] / y[j]) - z[j] * all);
	z[x0] += weight * (fm_real)d0;
	if (xt < K)
		z[xt] += weight * (fm_real)dt;
	k->log(y, y, (size_t)K);
	sum = 0;
	for (int j = 0; j < K; j++)
		sum += (double)y[j];
	double loss = fm_det_log(1 + B) * (q + q0) - q * sum - q0 * (double)y[x0] - (xt < K ? qt * (double)y[xt] : 0);
	return loss + fm_det_log(1 + hold) - (same ? fm_det_log(1 + D) : 0);
}

void fm_multinomial_own(fm_real *z, int K, int xt, const struct fm_keep *keep)
{
	if (xt < K && z[xt] > EXCLUDED)
		z[xt] += (fm_real)fm_det_log(1 + own_odds(keep, K, xt));
}

int fm_multinomial_draw(const struct fm_kernels *k, fm_real *z, int K, int xt, const struct fm_keep *keep, fm_real u)
{
	if (keep->before < 1) {
		fm_real B = (fm_real)odds(keep->before, K);
		k->softmax(z, z, 1, K, 1);
		for (int j = 0; j < K; j++)
			z[j] = 1 + B * z[j];
		k->log(z, z, (size_t)K);
	}
	fm_multinomial_own(z, K, xt, keep);
	return k->draw(z, K, u);
}
