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

#define SUM_MOST 4096 /* the largest order that is summed up */
#define USUAL 156     /* orders that an epsilon is found by */
#define AT_ONCE 8     /* orders that are looked at together, as they share the points of a quadrature */

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

/* Whole orders of one record that is removed have that sum, which costs less than a quadrature. */
static int is_sum(const struct fm_loss *l, double a)
{
	int one = l->kind == FM_LOSS_MIXTURE && l->n == 2 && l->first == 0 && !l->below;

	return one && a == floor(a) && a <= SUM_MOST;
}

/* A point of the quadrature: the loss u there, e^u - 1 where u is at most 1, and the density of Q. */
struct point {
	double u, less_one, log_q, q;
};

/* Q (e^(a u) - 1 - a (e^u - 1)) over e^most, for a > 1: what (P / Q)^a adds to Q there.  It is positive except at u =
 * 0; e^most is at least Q and Q e^(a u), and `per` is its inverse. */
static double excess(const struct point *p, double a, double most, double per)
{
	static const double inverse[] = {0, 1, 1. / 2, 1. / 3, 1. / 4, 1. / 5, 1. / 6, 1. / 7, 1. / 8, 1. / 9};
	double u = p->u, au = a * u;

	if (au > 1)
		return fm_sf_exp(p->log_q + au - most) * (1 + (a - 1) * fm_sf_exp(-au) - a * fm_sf_exp((1 - a) * u));
	if (fabs(au) >= 0.02)
		return p->q * per * (fm_sf_expm1(au) - a * p->less_one);
	/* u^2 (a^2 - a) / 2 + u^3 (a^3 - a) / 6 + ... */
	double term = u, power = 1, sum = 0;

	for (int k = 2; k <= 9; k++) {
		term *= u * inverse[k];
		power *= a;
		sum += term * a * (power - 1);
	}
	return p->q * per * sum;
}

/* Where P^a Q^(1 - a) is: it has bumps from -j (a - 1), where Q is mirrored, to j a, or twice that where both are
 * mixtures.  In steps, so that an order has the same points whichever others are asked for with it. */
struct span {
	double first, n;
};

static struct span span_of(const struct fm_loss *l, double a, double step)
{
	double side = 14 * l->scale, reach = (l->first + l->n - 1) * a,
	       first = floor((-side - (l->below ? reach : 0)) / step);

	return (struct span){first, ceil((side + reach * (l->below && l->above ? 2 : 1)) / step) - first};
}

/* The integral at one order, over the n points of its span. */
static double integral_divergence(const struct point *p, size_t n, double step, double a)
{
	double most = -(double)INFINITY, sum = 0, per;

	for (size_t k = 0; k < n; k++)
		most = fmax(most, p[k].log_q + (p[k].u > 0 ? a * p[k].u : 0));
	per = fm_sf_exp(-most);
	/* The excess is at most e^(a u) or a: points far below the largest are left out. */
	for (size_t k = 0; k < n; k++)
		if (p[k].log_q + (p[k].u > 0 ? a * p[k].u : 0) > most - 100)
			sum += excess(&p[k], a, most, per);
	return divergence(most + fm_sf_log(sum * step), a);
}

/* E_Q[(P / Q)^alpha] - 1 = integral of Q (e^(alpha u) - 1 - alpha (e^u - 1)) by the trapezoidal rule.  The integrand is
 * a normal density times a function that is analytic up to pi sigma^2 from the real line, so that with steps of sigma /
 * 4 and sigma^2 / 8 the rule errs by less than e^-79 (Trefethen, Weideman 2014, Theorem 5.1). */
static int mixture_rdp(const struct fm_loss *l, const double *orders, size_t n, double *rdp, struct fm_error *err)
{
	struct span all = {0, 0};
	int lost = 0, rc;
	double step = fmin(l->scale / 4, l->scale * l->scale / 8);
	struct point *points = NULL;

	/* Orders that would take too many points grant nothing: the others will.  Nor does any where a component is
	 * lost. */
	for (int i = 0; i < l->n; i++)
		lost |= l->weight[i] < 1e-300;
	for (; n > 0; n--) {
		all = span_of(l, orders[n - 1], step);
		if (!lost && all.n * l->n <= POINTS && (all.n <= LARGE_POINTS || orders[n - 1] < LARGE))
			break;
		rdp[n - 1] = (double)INFINITY;
	}
	if (n == 0)
		return FM_OK;
	if ((rc = fm_alloc(&points, (size_t)all.n, sizeof *points, "a quadrature", err)) < 0)
		return rc;
	for (size_t k = 0; k < (size_t)all.n; k++) {
		double z = (all.first + (double)k) * step, u = fm_loss_at(l, z), log_q = fm_loss_log_q(l, z);

		points[k] = (struct point){u, u <= 1 ? fm_sf_expm1(u) : 0, log_q, fm_sf_exp(log_q)};
	}
	for (size_t i = 0; i < n; i++) {
		struct span own = span_of(l, orders[i], step);

		if (!is_sum(l, orders[i]))
			rdp[i] = integral_divergence(points + (size_t)(own.first - all.first), (size_t)own.n, step,
						     orders[i]);
	}
	free(points);
	return FM_OK;
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
	size_t by_quadrature = n;

	while (by_quadrature && is_sum(l, orders[by_quadrature - 1]))
		by_quadrature--;
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
		else if (is_sum(l, orders[i]))
			rdp[i] = whole_order(l->weight[1], l->scale, (int)orders[i]);
		rdp[i] *= RAISE;
	}
	return FM_OK;
}

int fm_rdp_beyond(struct fm_error *err)
{
	return fm_fail(err, FM_EINPUT,
		       "Renyi divergences of a group of this size are out of reach at this rate and noise: use pld");
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

/* ---- the best of the usual orders ---- */

/* 1.1 to 10.9 by tenths, 11 to 63, and 128, 256, 512, 1024 */
static void usual_orders(double *orders)
{
	size_t n = 0;

	for (int tenths = 11; tenths < 110; tenths++)
		orders[n++] = tenths / 10.0;
	for (int whole = 11; whole < 64; whole++)
		orders[n++] = whole;
	for (int whole = 128; whole <= 1024; whole *= 2)
		orders[n++] = whole;
}

/* What is known of a composition: its divergences d at the usual orders, where they were computed. */
struct search {
	const struct fm_use *uses;
	size_t n;
	double delta, best;
	double orders[USUAL], d[USUAL];
	int known[USUAL];
};

/* A divergence does not fall as the order rises (van Erven, Harremoes 2014, Theorem 3), so that an order grants no less
 * than with that of the nearest known order below. */
static int may_be_best(const struct search *s, size_t i)
{
	double least = 0;

	for (size_t k = i; k-- > 0;)
		if (s->known[k]) {
			least = s->d[k] * (2 - RAISE * RAISE * RAISE);
			break;
		}
	return fm_rdp_epsilon(&s->orders[i], &least, 1, s->delta) < s->best;
}

/* Compute the divergences at n orders, which are the usual ones of these indices. */
static int look_at(struct search *s, const size_t *which, size_t n, struct fm_error *err)
{
	double orders[AT_ONCE], one[AT_ONCE], sum[AT_ONCE] = {0};
	int rc;

	for (size_t i = 0; i < n; i++)
		orders[i] = s->orders[which[i]];
	for (size_t u = 0; u < s->n; u++) {
		if ((rc = fm_rdp(s->uses[u].loss, orders, n, one, err)) < 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			sum[i] += (double)s->uses[u].count * one[i];
	}
	for (size_t i = 0; i < n; i++) {
		s->d[which[i]] = sum[i];
		s->known[which[i]] = 1;
		s->best = fmin(s->best, fm_rdp_epsilon(&orders[i], &sum[i], 1, s->delta));
	}
	return FM_OK;
}

/* Few orders matter, and each costs a sum over all losses: every 16th first, from the lowest on, then what those
 * between may still grant. */
int fm_rdp_account(const struct fm_use *uses, size_t n, double delta, double *epsilon, struct fm_error *err)
{
	struct search s = {.uses = uses, .n = n, .delta = delta, .best = (double)INFINITY};
	size_t which[AT_ONCE], many = 0;
	int rc;

	usual_orders(s.orders);
	for (size_t stride = 16; stride > 0; stride /= 4)
		for (size_t i = 0; i < USUAL; i += stride) {
			if (!s.known[i] && may_be_best(&s, i))
				which[many++] = i;
			if (many > 0 && (many == AT_ONCE || i + stride >= USUAL)) {
				if ((rc = look_at(&s, which, many, err)) < 0)
					return rc;
				many = 0;
			}
		}
	*epsilon = s.best;
	return s.best < (double)INFINITY ? FM_OK : fm_rdp_beyond(err);
}
