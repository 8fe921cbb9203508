#include "privacy/loss.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/loss_discrete.h"
#include "privacy/loss_grid.h"
#include "privacy/special.h"

#define CLUSTER 0.125 /* losses that are so close, relative to their size, are placed on a point of the grid */
#define TAIL_ERROR (16 * FM_UNIT) /* relative error of a normal tail */

/* ---- the pairs ---- */

void fm_loss_gaussian(struct fm_loss *l, double sigma)
{
	*l = (struct fm_loss){.kind = FM_LOSS_MIXTURE, .scale = sigma, .first = 1, .n = 1, .above = 1, .weight = {1}};
}

void fm_loss_laplace(struct fm_loss *l, double b)
{
	*l = (struct fm_loss){.kind = FM_LOSS_LAPLACE, .scale = b};
}

void fm_loss_discrete(struct fm_loss *l, double sigma, double shift)
{
	*l = (struct fm_loss){.kind = FM_LOSS_DISCRETE, .scale = sigma, .shift = shift};
}

/* log of the weights of Binomial(k, q), from log(j!) summed up: w (k + 1) */
static void binomial(double *w, int k, double q)
{
	double *logs = w, choose = 0;

	for (int j = 0; j <= k; j++) {
		logs[j] = choose + (j ? j * fm_sf_log(q) : 0) + (j < k ? (k - j) * fm_sf_log1p(-q) : 0);
		choose += fm_sf_log((double)(k - j)) - fm_sf_log((double)(j + 1));
	}
	for (int j = 0; j <= k; j++)
		w[j] = fm_sf_exp(logs[j]);
	if (k == 1)
		w[0] = 1 - q, w[1] = q;
}

void fm_loss_sampled(struct fm_loss *l, double q, double sigma, int group, enum fm_direction direction, double least)
{
	int first = 0, last = group;

	*l = (struct fm_loss){.kind = FM_LOSS_MIXTURE, .scale = sigma};
	if (q >= 1)
		first = group, l->weight[group] = 1;
	else
		binomial(l->weight, group, q);
	/* Components missing from P count as an infinite loss; missing from Q they let more leak, and much more where
	 * they are the nearest to P, as for a replaced record, so there they stay. */
	for (; first < last && l->weight[first] < (direction == FM_REPLACE ? DBL_MIN : least); first++)
		l->missing += l->weight[first];
	for (; last > first && l->weight[last] < least; last--)
		l->missing += l->weight[last];
	for (int j = first; j <= last; j++)
		l->weight[j - first] = l->weight[j];
	l->first = first;
	l->n = last - first + 1;
	l->above = direction != FM_ADD;
	l->below = direction != FM_REMOVE;
}

double fm_loss_mu(const struct fm_loss *l)
{
	int one = l->kind == FM_LOSS_MIXTURE && l->n == 1 && l->missing <= 0 && l->above != l->below;

	return one ? l->first / l->scale : 0;
}

/* ---- mixtures: the loss at a point and the point of a loss ---- */

/* log of the mixture's density over that of N(0, sigma^2) at z, and its slope.  The exponents (2 j z - j^2) / (2
 * sigma^2) are at most 0 except for a few components; near 0 the differences from 1 are summed. */
static double mixture_ratio(const struct fm_loss *l, double z, double *slope)
{
	double per = 1 / (l->scale * l->scale), top = 0, sum = 0, moment = 0, rest = 0;

	for (int i = 0; i < l->n; i++) {
		int j = l->first + i;
		double e = j * (z - 0.5 * j) * per;

		top = i == 0 || e > top ? e : top;
	}
	int close = l->first == 0 && l->weight[0] >= 0.5 && top <= 1;

	if (close)
		top = 0;
	for (int i = 0; i < l->n; i++) {
		int j = l->first + i;
		double e = j * (z - 0.5 * j) * per - top, x = close ? fm_sf_expm1(e) : fm_sf_exp(e);

		rest += l->weight[i] * x;
		sum += l->weight[i] * (close ? x + 1 : x);
		moment += j * l->weight[i] * (close ? x + 1 : x);
	}
	*slope = moment / sum * per;
	return close ? fm_sf_log1p(rest) : top + fm_sf_log(sum);
}

static double loss_slope(const struct fm_loss *l, double z, double *slope)
{
	double x = 0, s;

	*slope = 0;
	if (l->above) {
		x += mixture_ratio(l, z, &s);
		*slope += s;
	}
	if (l->below) {
		x -= mixture_ratio(l, -z, &s);
		*slope += s;
	}
	return x;
}

double fm_loss_at(const struct fm_loss *l, double z)
{
	double slope;

	return loss_slope(l, z, &slope);
}

double fm_loss_log_q(const struct fm_loss *l, double z)
{
	double slope, t = z / l->scale;

	return (l->below ? mixture_ratio(l, -z, &slope) : 0) - 0.5 * t * t -
	       fm_sf_log(l->scale * 2.50662827463100050242);
}

/* The point where the ratio of a mixture of one component or of {0, 1} is x. */
static double ratio_inverse(const struct fm_loss *l, double x)
{
	double s2 = l->scale * l->scale, q;

	if (l->n == 1 && l->first == 0) /* only the component without loss is left */
		return x > 0 ? (double)INFINITY : -(double)INFINITY;
	if (l->n == 1)
		return s2 * x / l->first + 0.5 * l->first;
	q = l->weight[1];
	if (x > 30)
		return s2 * (x + fm_sf_log1p(-(1 - q) * fm_sf_exp(-x)) - fm_sf_log(q)) + 0.5;
	double over = fm_sf_expm1(x) + q;

	return over <= 0 ? -(double)INFINITY : s2 * fm_sf_log(over / q) + 0.5;
}

/* The point in [low, high] where the loss is x, by Newton's method between brackets from `guess`. */
static double search(const struct fm_loss *l, double x, double low, double high, double guess)
{
	double z = guess;

	for (int i = 0; i < 80 && low < high; i++) {
		double slope, over = loss_slope(l, z, &slope) - x, next;

		if (over > 0)
			high = z;
		else
			low = z;
		if (fabs(over) <= 4 * FM_UNIT * (1 + fabs(x)) * (fabs(x) < 1 ? 0.5 + fabs(x) : 1))
			break;
		next = z - over / slope;
		if (!(next > low && next < high))
			next = 0.5 * (low + high);
		if (next == z)
			break;
		z = next;
	}
	return z;
}

/* Searched from where the loss is x + step at z, unless there is a formula. */
static double edge(const struct fm_loss *l, double x, double low, double high, double z, double step)
{
	int simple = l->above != l->below && (l->n == 1 || (l->n == 2 && l->first == 0));
	double slope = 1;

	if (!simple) {
		if (step > 0)
			loss_slope(l, z, &slope);
		return search(l, x, low, high, z - step / slope);
	}
	z = l->above ? ratio_inverse(l, x) : -ratio_inverse(l, -x);
	return z < low ? low : z > high ? high : z;
}

/* ---- mixtures: masses ---- */

struct tails {
	double under, over; /* masses below z and above it */
};

static struct tails one_tail(const struct fm_loss *l, double centre, double weight, double z)
{
	double t = (z - centre) / l->scale, outer = fm_sf_normal_tail(fabs(t));

	return t > 0 ? (struct tails){weight * (1 - outer), weight * outer}
		     : (struct tails){weight * outer, weight * (1 - outer)};
}

/* sign: 0 for N(0, sigma^2), else the mixture or its mirror image */
static struct tails side_tails(const struct fm_loss *l, int sign, double z)
{
	struct tails sum = {0, 0};

	if (sign == 0)
		return one_tail(l, 0, 1, z);
	for (int i = 0; i < l->n; i++) {
		struct tails t = one_tail(l, sign * (l->first + i), l->weight[i], z);

		sum.under += t.under;
		sum.over += t.over;
	}
	return sum;
}

static struct tails p_tails(const struct fm_loss *l, double z)
{
	return side_tails(l, l->above ? 1 : 0, z);
}

static struct tails q_tails(const struct fm_loss *l, double z)
{
	return side_tails(l, l->below ? -1 : 0, z);
}

/* The mass between two points and a bound on its error, from the smaller tail. */
static double between(struct tails a, struct tails b, double *error)
{
	if (a.over < b.under) {
		*error = TAIL_ERROR * a.over;
		return a.over - b.over;
	}
	*error = TAIL_ERROR * b.under;
	return b.under - a.under;
}

/* The point with `tail` of P above it (sign 1) or below it (-1). */
static double tail_point(const struct fm_loss *l, double tail, int sign)
{
	double reach = 40 * l->scale, low = -reach, high = l->first + l->n + reach;

	for (int i = 0; i < 60; i++) {
		double z = 0.5 * (low + high);
		struct tails t = p_tails(l, z);

		if (sign > 0 ? t.over > tail : t.under >= tail)
			*(sign > 0 ? &low : &high) = z;
		else
			*(sign > 0 ? &high : &low) = z;
	}
	return sign > 0 ? high : low;
}

/* P(Z > z) - e^L(z) Q(Z > z): both from the density at z and Mills' ratios, so that e^L is never computed. */
static double mixture_delta(const struct fm_loss *l, double z)
{
	double p = 0, above = 0, q = 0, mills = 0;

	for (int i = 0; i < (l->above ? l->n : 1); i++) {
		double t = (z - (l->above ? l->first + i : 0)) / l->scale, w = l->above ? l->weight[i] : 1;

		p += w * fm_sf_normal_density(t);
		above += w * fm_sf_normal_tail(t);
	}
	/* Divide densities by that of the component nearest to z from below, so that they do not vanish. */
	for (int i = 0; i < (l->below ? l->n : 1); i++) {
		int j = l->below ? l->first + i : 0, j0 = l->below ? l->first : 0;
		double w = l->below ? l->weight[i] : 1, t = (z + j) / l->scale;
		double r = w * fm_sf_exp(-((double)(j - j0) * (2 * z + j + j0)) / (2 * l->scale * l->scale));

		q += r;
		mills += r * fm_sf_normal_mills(t);
	}
	return above * (1 + TAIL_ERROR) - p * (mills / q) * (1 - 4 * TAIL_ERROR);
}

/* An upper bound on delta(0), the total variation, from the masses on the smaller side of the point where the loss is
 * 0. */
static double mixture_variation(const struct fm_loss *l)
{
	double reach = l->first + l->n + 40 * l->scale, z = edge(l, 0, -reach, reach, 0, 0);
	struct tails p = p_tails(l, z), q = q_tails(l, z);
	double apart = p.over < q.under ? p.over - q.over : q.under - p.under;

	return apart + 2 * TAIL_ERROR * fmin(p.over, q.under) + 2 * fabs(fm_loss_at(l, z)) + l->missing;
}

static double mixture_epsilon(const struct fm_loss *l, double delta)
{
	double low = tail_point(l, 0.25 * delta, -1), high = tail_point(l, 0.25 * delta, 1);
	double missing = l->above ? l->missing : 0;

	if (mixture_variation(l) <= delta)
		return 0;
	for (int i = 0; i < 100; i++) {
		double z = 0.5 * (low + high);

		if (mixture_delta(l, z) + missing > delta)
			low = z;
		else
			high = z;
	}
	double x = fm_loss_at(l, high);

	return fmax(0, x + FM_LOSS_EDGE_ERROR * (1 + fabs(x)));
}

/* ---- connect the dots ---- */

static int mixture_discretise(const struct fm_loss *l, double tail, size_t most, struct fm_losses *d,
			      struct fm_error *err)
{
	double bottom = tail_point(l, tail, -1), top = tail_point(l, tail, 1), z = top;
	double lowest = fm_loss_at(l, bottom), highest = fm_loss_at(l, top);
	struct tails p = p_tails(l, top), q = q_tails(l, top);
	int rc = fm_losses_new(d, lowest, highest, most, err);
	size_t first = 0, last = d->n - 1; /* no mass lies in cells below the first one, or from the last one on */

	if (rc < 0)
		return rc;
	for (; d->x && d->x[first + 1] <= lowest; first++)
		;
	for (; d->x && last > first + 1 && d->x[last - 1] >= highest; last--)
		;
	d->infinite = p.over + (l->above ? l->missing : 0);
	for (size_t i = last; i-- > first;) {
		double x = fm_losses_point(d, i), at, error_p, error_q;

		if (i == first) {
			at = bottom;
		} else {
			at = edge(l, x, bottom, z, z, fm_losses_step(d, i));
		}
		struct tails p2 = p_tails(l, at), q2 = q_tails(l, at);
		double mass = between(p2, p, &error_p), other = between(q2, q, &error_q);
		double e = x > FM_LOSS_LARGE ? 0 : fm_sf_exp(x);

		if (mass > 0)
			fm_losses_put(d, i, mass, mass - other * e, error_p + error_q * e);
		z = at;
		p = p2;
		q = q2;
	}
	d->p[first + 1] += p.under;
	return FM_OK;
}

/* Under P the loss is c = 1/b with probability 1/2, -c with probability e^-c / 2, and at most x, between these, with
 * probability e^(-(c - x) / 2) / 2; under Q it is mirrored. */
static int laplace_discretise(const struct fm_loss *l, size_t most, struct fm_losses *d, struct fm_error *err)
{
	double c = 1 / l->scale;
	int rc = fm_losses_new(d, -c, c, most, err);

	if (rc < 0)
		return rc;
	fm_losses_put_atom(d, 0.5, c);
	fm_losses_put_atom(d, 0.5 * fm_sf_exp(-c), -c);
	for (size_t i = 0; i + 1 < d->n; i++) {
		double x = fm_losses_point(d, i), low = fmax(x, -c), high = fmin(x + fm_losses_step(d, i), c),
		       half = 0.5 * (high - low);

		if (half <= 0)
			continue;
		/* p = e^(-(c - high) / 2) (1 - e^-half) / 2 and q = e^(-(c + low) / 2) (1 - e^-half) / 2 */
		double part = -0.5 * fm_sf_expm1(-half), p = part * fm_sf_exp(-0.5 * (c - high));

		fm_losses_put(d, i, p, -p * fm_sf_expm1(x - 0.5 * (low + high)), 0);
	}
	return FM_OK;
}

int fm_loss_epsilon(const struct fm_loss *l, double delta, double *epsilon, struct fm_error *err)
{
	switch (l->kind) {
	case FM_LOSS_LAPLACE: /* delta = 1 - e^((epsilon - c) / 2) */
		*epsilon = fmax(0, (1 / l->scale + 2 * fm_sf_log1p(-delta)) * (1 + FM_LOSS_EDGE_ERROR));
		return FM_OK;
	case FM_LOSS_DISCRETE:
		return fm_discrete_epsilon(l, delta, epsilon, err);
	case FM_LOSS_MIXTURE:
		break;
	}
	*epsilon = mixture_epsilon(l, delta);
	return FM_OK;
}

void fm_loss_ends(const struct fm_loss *l, double tail, double *low, double *high)
{
	double reach;

	switch (l->kind) {
	case FM_LOSS_LAPLACE:
		*high = 1 / l->scale;
		*low = -*high;
		return;
	case FM_LOSS_DISCRETE:
		reach = fm_discrete_reach(l, tail);
		*low = l->shift * (l->shift - 2 * reach) / (2 * l->scale * l->scale);
		*high = l->shift * (l->shift + 2 * reach) / (2 * l->scale * l->scale);
		return;
	case FM_LOSS_MIXTURE:
		break;
	}
	*low = fm_loss_at(l, tail_point(l, tail, -1));
	*high = fm_loss_at(l, tail_point(l, tail, 1));
}

double fm_loss_scale(const struct fm_loss *l)
{
	switch (l->kind) {
	case FM_LOSS_LAPLACE:
		return 1 / l->scale;
	case FM_LOSS_DISCRETE:
		return l->shift / l->scale;
	case FM_LOSS_MIXTURE:
		break;
	}
	/* With little noise most losses are nearly equal: then the scale is a share of their size, and never 0. */
	double low = fm_loss_at(l, -l->scale), high = fm_loss_at(l, l->scale);

	return fmax(fmax(0.5 * (high - low), 0x1p-10 * fmax(fabs(low), fabs(high))), 0x1p-40);
}

static int discretise(const struct fm_loss *l, double tail, size_t most, struct fm_losses *out, struct fm_error *err)
{
	switch (l->kind) {
	case FM_LOSS_LAPLACE:
		return laplace_discretise(l, most, out, err);
	case FM_LOSS_DISCRETE:
		return fm_discrete_discretise(l, tail, most, out, err);
	case FM_LOSS_MIXTURE:
		break;
	}
	return mixture_discretise(l, tail, most, out, err);
}

/* The loss that most uses have, nearly, and 0 where none is: with little noise, a use that does not see the record
 * loses log(1 - q), which a point of the grid should have. Else such losses are spread, at each use, over a step
 * around. */
static double cluster(const struct fm_loss *l)
{
	int heaviest = 0;

	if (l->kind != FM_LOSS_MIXTURE)
		return 0;
	for (int i = 1; i < l->n; i++)
		heaviest = l->weight[i] > l->weight[heaviest] ? i : heaviest;
	double z = l->above ? l->first + heaviest : 0, near = 1.5 * l->scale, x = fm_loss_at(l, z);

	if (fmax(fm_loss_at(l, z + near) - x, x - fm_loss_at(l, z - near)) > CLUSTER * fabs(x))
		return 0;
	double high = x * 0x8000001p0; /* Veltkamp's splitting: the upper 26 binary digits */

	return high - (high - x);
}

int fm_loss_discretise(const struct fm_loss *l, double h, double tail, size_t most, struct fm_losses *out,
		       struct fm_error *err)
{
	*out = (struct fm_losses){.h = h, .origin = cluster(l)};
	return discretise(l, tail, most, out, err);
}

int fm_loss_place(const struct fm_loss *l, const double *x, size_t n, double tail, struct fm_losses *out,
		  struct fm_error *err)
{
	*out = (struct fm_losses){.x = x, .n = n};
	return discretise(l, tail, n, out, err);
}

void fm_losses_free(struct fm_losses *d)
{
	free(d->p);
	d->p = NULL;
}
