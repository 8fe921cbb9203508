#include "privacy/pld_read.h"

#include <float.h>
#include <math.h>

#include "privacy/special.h"

#define TAIL_ERROR (16 * FM_UNIT) /* relative error of a normal tail, its density and its Mills ratio */
#define NO_DENSITY 40.0           /* the normal density is taken to be 0 from 39 deviations on */
#define SEARCHES 80
#define CLOSE 2e-6 /* of epsilon: how far above the smallest one the answer may be */

static double point(const struct fm_sums *s, int64_t i)
{
	return s->origin + (double)i * s->h;
}

/* Without the tilt, the point i weighs so much. */
static double untilt(const struct fm_sums *s, int64_t i)
{
	return fm_sf_exp(fmin(700, s->log_mass - s->theta * point(s, i)));
}

/* From the largest loss of the window down: with the probabilities from i on, raised by `off`, delta(epsilon) = over -
 * e^epsilon under for epsilon between the points i - 1 and i. */
double fm_sums_epsilon(struct fm_sums *s, double spare, double *rounding)
{
	int64_t top = s->low + (int64_t)s->n - 1;
	double over = 0, under = 0, shrink = fm_sf_exp(-s->h), raised = 0, raised_under = 0;

	*rounding = 0;
	if (!(spare > 0))
		return (double)INFINITY;
	for (int64_t i = top; i >= s->low; i--) {
		double at = point(s, i) + s->origin_error, next = at - s->h, by = untilt(s, i),
		       p = fmax(0, s->tilted[(uint64_t)i & (s->n - 1)] + s->off) * by;

		if (at <= 0)
			return 0;
		double from = under + p; /* times e^at */

		over += p;
		under = from * shrink; /* times e^next */
		raised += s->off * by;
		raised_under = (raised_under + s->off * by) * shrink;
		if (over - under > spare) {
			/* Where the step is so wide that e^-h underflows, count from the upper point. */
			double e = shrink > DBL_MIN ? next + fm_sf_log((over - spare) / under)
						    : at + fm_sf_log((over - spare) / from);

			*rounding = (raised - raised_under) / from; /* delta falls by `from` with epsilon */
			return fmax(0, e * (1 + 1e-14) + 1e-13 * s->h);
		}
	}
	return fmax(0, point(s, s->low) + s->origin_error);
}

/* ---- with a Gaussian beside ---- */

/* delta_mu(t), at least, and e^t P(Z > t / mu + mu / 2), by which it falls.  error: of t.  From the density and Mills'
 * ratios where t is so large that e^t might be. */
static double leaked(double mu, double t, double error, double *slope)
{
	double at = t - error, a = at / mu - 0.5 * mu, b = a + mu, tail, rest;

	if (b > 0) {
		double density = fm_sf_normal_density(a);

		tail = a > 0 ? density * fm_sf_normal_mills(a) : fm_sf_normal_tail(a);
		rest = density * fm_sf_normal_mills(b);
	} else { /* t <= 0; so far below it both tails are 1 */
		int far = b < -NO_DENSITY;

		tail = far ? 1 : fm_sf_normal_tail(a);
		rest = fm_sf_exp(at) * (far ? 1 : fm_sf_normal_tail(b));
	}
	*slope = rest;
	return fmin(1, fmax(0, tail * (1 + TAIL_ERROR) - rest * (1 - 8 * TAIL_ERROR)));
}

/* The first point of the window whose loss makes more than 0 of delta(epsilon): below it delta_mu(epsilon - x) is less
 * than any number, and leaked() returns 0. */
static int64_t first_leaking(const struct fm_sums *s, double mu, double epsilon)
{
	double x = epsilon - mu * (NO_DENSITY + 0.5 * mu) - 64 * FM_UNIT * (epsilon + mu * mu),
	       end = (double)(s->low + (int64_t)s->n);

	return (int64_t)fmin(end, fmax((double)s->low, floor((x - s->origin - s->origin_error) / s->h)));
}

/* delta(epsilon), at least, and by how much it falls with epsilon; s->tilted: the probabilities without the tilt. */
static double leak(const struct fm_sums *s, double mu, double epsilon, double *slope)
{
	double theta = s->theta, sum = 0, down = 0, part;

	for (int64_t i = first_leaking(s, mu, epsilon); i < s->low + (int64_t)s->n; i++) {
		double w = s->tilted[(uint64_t)i & (s->n - 1)], x = point(s, i) + s->origin_error;

		sum += w * leaked(mu, epsilon - x, 16 * FM_UNIT * (epsilon + fabs(x) + mu * mu), &part);
		down += w * part;
	}
	/* What lies below the window: delta_mu(t) <= e^(theta (theta + 1) mu^2 / 2 - theta t) (theta / (1 +
	 * theta))^theta / (1 + theta) (Canonne, Kamath, Steinke 2020, Proposition 12). */
	double below = fm_sf_exp(fmin(700, s->log_below + s->log_mass + 0.5 * theta * (theta + 1) * mu * mu -
					       theta * epsilon - theta * fm_sf_log1p(1 / theta) - fm_sf_log1p(theta)));

	*slope = down + theta * below;
	return (sum + below * (1 + 1e-9)) * (1 + 4 * FM_UNIT * ((double)s->n + 16));
}

double fm_sums_epsilon_beside(struct fm_sums *s, double mu, double spare, double guess, double *rounding)
{
	double low = 0, high = (double)INFINITY, slope, at = guess, delta, raised = 0;

	*rounding = 0;
	if (!(spare > 0))
		return (double)INFINITY;
	for (int64_t i = s->low; i < s->low + (int64_t)s->n; i++) {
		double *p = &s->tilted[(uint64_t)i & (s->n - 1)];

		*p = fmin(1, fmax(0, *p + s->off) * untilt(s, i));
	}
	/* By Newton's method for log delta, a little to the safe side, between what leaks too much and what does not.
	 */
	for (int i = 0; i < SEARCHES; i++) {
		delta = leak(s, mu, at, &slope);
		if (delta <= spare)
			high = at;
		else
			low = at;
		if (high < (double)INFINITY && high - low <= CLOSE * high)
			break;
		double next = at + (delta > 0 && slope > 0 ? fm_sf_log(delta / spare) * delta / slope : -at);

		next += 0.25 * CLOSE * fabs(next);
		if (delta <= spare && at - next <= 0.5 * CLOSE * at)
			break;
		if (next <= 0 && leak(s, mu, 0, &slope) <= spare)
			return 0;
		if (!(next > low && next < high))
			next = high < (double)INFINITY ? 0.5 * (low + high) : 2 * low + mu;
		at = next;
	}
	for (int64_t i = first_leaking(s, mu, high); high < (double)INFINITY && i < s->low + (int64_t)s->n; i++) {
		double part, x = point(s, i) + s->origin_error;

		raised += s->off * untilt(s, i) * leaked(mu, high - x, 0, &part);
	}
	*rounding = fmin(high, raised / slope);
	return high * (1 + 1e-14);
}
