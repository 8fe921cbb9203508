#include "privacy/rdp.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/special.h"

#define RAISE (1 + 1e-9)
#define POINTS 1e6 /* most points of a quadrature, times components */
/* From the order LARGE on one that needs more points has far more divergence than the others, unless only a record
 * that is added is looked at, whose divergence is small at each order: the one that is removed decides there. */
#define LARGE_POINTS 1e5
#define LARGE 11

void fm_rdp_orders(double *orders)
{
	size_t n = 0;

	for (int tenths = 11; tenths < 110; tenths++)
		orders[n++] = tenths / 10.0;
	for (int whole = 11; whole < 64; whole++)
		orders[n++] = whole;
	for (int whole = 128; whole <= 1024; whole *= 2)
		orders[n++] = whole;
}

/* log of e^(a u) - 1 - a (e^u - 1) for a > 1: what (P / Q)^a adds to 1 where the loss is u.  It is positive except at
 * u = 0. */
static double log_excess(double u, double a)
{
	if (fabs(a * u) < 0.02) { /* u^2 (a^2 - a) / 2 + u^3 (a^3 - a) / 6 + ... */
		double term = u, power = 1, sum = 0;

		for (int k = 2; k <= 9; k++) {
			term *= u / k;
			power *= a;
			sum += term * a * (power - 1);
		}
		return fm_sf_log(sum);
	}
	if (a * u > 1)
		return a * u + fm_sf_log1p(-fm_sf_exp(-a * u) - a * (fm_sf_exp((1 - a) * u) - fm_sf_exp(-a * u)));
	return fm_sf_log(fm_sf_expm1(a * u) - a * fm_sf_expm1(u));
}

/* log of what is added to 1, over alpha - 1: log(1 + e^log_sum) / (alpha - 1) */
static double divergence(double log_sum, double a)
{
	return (log_sum < 0 ? fm_sf_log1p(fm_sf_exp(log_sum)) : log_sum + fm_sf_log1p(fm_sf_exp(-log_sum))) / (a - 1);
}

/* One record, P = (1 - q) N(0) + q N(1), whole order a: E_Q[(P / Q)^a] - 1 is the sum over k of the binomial
 * probabilities times e^((k^2 - k) / (2 sigma^2)) - 1 (Mironov, Talwar, Zhang 2019, Section 3.3). */
static double whole_order(double q, double sigma, int a)
{
	double log_choose = fm_sf_log(a), top = -(double)INFINITY, sum = 0;

	for (int k = 2; k <= a; k++) {
		double e = ((double)k * k - k) / (2 * sigma * sigma), t;

		log_choose += fm_sf_log(a - k + 1) - fm_sf_log(k);
		t = log_choose + k * fm_sf_log(q) + (a - k) * fm_sf_log1p(-q);
		t += e > 1 ? e + fm_sf_log1p(-fm_sf_exp(-e)) : fm_sf_log(fm_sf_expm1(e));
		if (t > top) {
			sum *= fm_sf_exp(top - t);
			top = t;
		}
		sum += fm_sf_exp(t - top);
	}
	return divergence(top + fm_sf_log(sum), a);
}

/* Where P^a Q^(1 - a) is: it has bumps from -j (a - 1), where Q is mirrored, to j a, or twice that where both are
 * mixtures. */
struct span {
	double low, high;
};

static struct span span_of(const struct fm_loss *l, double a)
{
	double side = 14 * l->scale, reach = (l->first + l->n - 1) * a;

	return (struct span){-side - (l->below ? reach : 0), side + reach * (l->below && l->above ? 2 : 1)};
}

/* E_Q[(P / Q)^alpha] - 1 = integral of Q (e^(alpha u) - 1 - alpha (e^u - 1)) by the trapezoidal rule.  The integrand is
 * a normal density times a function that is analytic up to pi sigma^2 from the real line, so that with steps of sigma /
 * 4 and sigma^2 / 8 the rule errs by less than e^-79 (Trefethen, Weideman 2014, Theorem 5.1). */
static int mixture_rdp(const struct fm_loss *l, const double *orders, size_t n, double *rdp, struct fm_error *err)
{
	struct span all = {0, 0};
	int farthest = l->first + l->n - 1, rc;
	double step = fmin(l->scale / 4, l->scale * l->scale / 8), points = 0, *u = NULL, *log_q = NULL;

	/* Orders that would take too many points grant nothing: the others will. */
	for (; n > 0; n--) {
		all = span_of(l, orders[n - 1]);
		points = ceil((all.high - all.low) / step);
		if (points * l->n <= POINTS && (points <= LARGE_POINTS || orders[n - 1] < LARGE))
			break;
		rdp[n - 1] = (double)INFINITY;
	}
	for (int i = 0; i < l->n; i++)
		if (l->weight[i] < 1e-300)
			n = 0;
	if (n == 0)
		return fm_fail(err, FM_EINPUT,
			       "Renyi divergences of a group of %d at this rate and noise are out of reach: use pld",
			       farthest);
	if ((rc = fm_alloc(&u, (size_t)points, sizeof *u, "a quadrature", err)) < 0 ||
	    (rc = fm_alloc(&log_q, (size_t)points, sizeof *log_q, "a quadrature", err)) < 0)
		goto out;
	for (size_t k = 0; k < (size_t)points; k++) {
		u[k] = fm_loss_at(l, all.low + step * (double)k);
		log_q[k] = fm_loss_log_q(l, all.low + step * (double)k);
	}
	for (size_t i = 0; i < n; i++) {
		double a = orders[i], most = -(double)INFINITY, top = most, sum = 0;
		struct span own = span_of(l, a);
		size_t from = (size_t)((own.low - all.low) / step),
		       to = (size_t)fmin(points, ceil((own.high - all.low) / step));

		/* log_excess is at most a u: points far below the largest of that are left out. */
		for (size_t k = from; k < to; k++)
			most = fmax(most, log_q[k] + (u[k] > 0 ? a * u[k] : 0));
		for (size_t k = from; k < to; k++) {
			double e;

			if (!(log_q[k] + (u[k] > 0 ? a * u[k] : 0) > most - 100))
				continue;
			e = log_q[k] + log_excess(u[k], a);
			if (e > top) {
				sum *= fm_sf_exp(top - e);
				top = e;
			}
			sum += fm_sf_exp(e - top);
		}
		rdp[i] = divergence(top + fm_sf_log(sum * step), a);
	}
out:
	free(u);
	free(log_q);
	return rc;
}

/* log(a e^((a - 1) c) + (a - 1) e^(-a c)) - log(2 a - 1), over a - 1 (Mironov 2017, Proposition 6) */
static double laplace_rdp(double b, double a)
{
	double c = 1 / b,
	       near = (a * fm_sf_expm1(fmin((a - 1) * c, 700)) + (a - 1) * fm_sf_expm1(-a * c)) / (2 * a - 1);

	if ((a - 1) * c < 30)
		return fm_sf_log1p(near) / (a - 1);
	return c + fm_sf_log1p((a - 1) / a * fm_sf_exp(-(2 * a - 1) * c)) / (a - 1) +
	       fm_sf_log(a / (2 * a - 1)) / (a - 1);
}

int fm_rdp(const struct fm_loss *l, const double *orders, size_t n, double *rdp, struct fm_error *err)
{
	int plain = l->kind == FM_LOSS_MIXTURE && l->n == 1, rc;
	int one = l->kind == FM_LOSS_MIXTURE && l->n == 2 && l->first == 0 && !l->below;
	size_t by_quadrature = n;

	/* Orders rise: the large whole ones would be costly by quadrature, and have a closed sum. */
	while (one && by_quadrature && orders[by_quadrature - 1] == floor(orders[by_quadrature - 1]) &&
	       orders[by_quadrature - 1] <= 4096) {
		by_quadrature--;
		rdp[by_quadrature] = whole_order(l->weight[1], l->scale, (int)orders[by_quadrature]);
	}
	if (l->kind == FM_LOSS_MIXTURE && !plain && by_quadrature &&
	    (rc = mixture_rdp(l, orders, by_quadrature, rdp, err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		/* The discrete Gaussian is never above the Gaussian: Canonne, Kamath, Steinke 2020, Proposition 5. */
		double d = l->kind == FM_LOSS_DISCRETE ? l->shift : l->first * (l->above + l->below);

		if (l->kind == FM_LOSS_LAPLACE)
			rdp[i] = laplace_rdp(l->scale, orders[i]);
		else if (plain || l->kind == FM_LOSS_DISCRETE)
			rdp[i] = orders[i] * d * d / (2 * l->scale * l->scale);
		rdp[i] *= RAISE;
	}
	return FM_OK;
}

double fm_rdp_epsilon(const double *orders, const double *rdp, size_t n, double delta)
{
	double best = (double)INFINITY;

	for (size_t i = 0; i < n; i++) {
		double a = orders[i];
		double e = rdp[i] + fm_sf_log1p(-1 / a) - (fm_sf_log(delta) + fm_sf_log(a)) / (a - 1);

		best = fmin(best, e);
	}
	return fmax(0, best * (1 + 1e-12) + 1e-12);
}
