#include "privacy/loss_discrete.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/loss_grid.h"
#include "privacy/special.h"

#define WIDE 1024 /* scales from which on cells of many atoms are summed up by a formula */
#define ATOMS 4   /* in a cell, on average */

double fm_discrete_reach(const struct fm_loss *l, double tail)
{
	return ceil(l->scale * sqrt(2 * (10 - fm_sf_log(tail))) + 2);
}

/* The atoms of the discrete Gaussian at 0, 1, ... reach: p (reach + 1), with sum 1 over all integers; and the mass
 * beyond reach at either end. */
static int discrete_atoms(const struct fm_loss *l, double tail, double **p, int64_t *reach, double *beyond,
			  struct fm_error *err)
{
	double per = 1 / (2 * l->scale * l->scale), width = fm_discrete_reach(l, tail), sum = 0;
	int rc = fm_alloc(p, (size_t)width + 1, sizeof **p, "a discrete Gaussian", err);

	if (rc < 0)
		return rc;
	*reach = (int64_t)width;
	for (int64_t y = *reach; y >= 0; y--) {
		(*p)[y] = fm_sf_exp(-(double)y * (double)y * per);
		sum += (*p)[y] * (y ? 2 : 1);
	}
	/* The atoms beyond fall by at least e^(-reach / sigma^2) each. */
	*beyond = (*p)[*reach] / (-fm_sf_expm1(-2 * width * per) * sum);
	for (int64_t y = 0; y <= *reach; y++)
		(*p)[y] = (*p)[y] / sum;
	return FM_OK;
}

/* The loss of the outcome -y, on the side away from Q. */
static double loss_of(const struct fm_loss *l, int64_t y)
{
	return l->shift * (l->shift + 2 * (double)y) / (2 * l->scale * l->scale);
}

/* ---- many atoms in a cell ---- */

struct tails {
	double under, over; /* masses below and above */
	double error;       /* of the smaller one */
};

/* The masses below and above x, halfway between two atoms, of a wide one.  By the Euler-Maclaurin formula of the
 * midpoint rule the sum of f over the atoms above x is the integral from x + f'(x) / 24 - 7 f'''(x) / 5760 and a rest
 * below 4e-5 (x / scale^2)^6 of it: for the scales here and 38 of them less than 1.5e-13.  Everything is a multiple
 * of the density at x, whose exponent is off by two roundings. */
static struct tails tails_at(const struct fm_loss *l, double x)
{
	double s = l->scale, t = fabs(x) / s, power = x * x / (2 * s * s), per = 1 / (s * s),
	       sum = fm_sf_normal_mills(t) - per * t * (1. / 24 - per * (t * t - 3) * (7. / 5760)),
	       outer = 0.39894228040143267794 * fm_sf_exp(-power) * sum, error = FM_UNIT * (32 + 2 * power) * outer;

	return x > 0 ? (struct tails){1 - outer, outer, error} : (struct tails){outer, 1 - outer, error};
}

/* The mass between two points, from the smaller tail. */
static double between(struct tails a, struct tails b)
{
	return a.over < b.under ? a.over - b.over : b.under - a.under;
}

/* The atom y has the mass p(y) under P and p(y + shift) under Q. */
static void by_cells(const struct fm_loss *l, int64_t reach, struct fm_losses *d)
{
	double per = l->scale * l->scale / l->shift, last = (double)reach + 0.5, first = -last;
	size_t i = fm_losses_cell(d, loss_of(l, reach)) + 1, bottom = fm_losses_cell(d, loss_of(l, -reach));
	struct tails p = tails_at(l, last), q = tails_at(l, last + l->shift);

	d->infinite = p.over + p.error;
	while (i-- > bottom) {
		double x = fm_losses_point(d, i), at = fmin(last, ceil(x * per - 0.5 * l->shift) - 0.5);

		if (i == bottom || at < first)
			at = first;
		struct tails p2 = tails_at(l, at), q2 = tails_at(l, at + l->shift);
		double mass = between(p2, p), e = x > FM_LOSS_LARGE ? 0 : fm_sf_exp(x);

		if (at < last && mass > 0)
			fm_losses_put(d, i, mass, mass - between(q2, q) * e,
				      2 * (p.error + p2.error + (q.error + q2.error) * e));
		last = at;
		p = p2;
		q = q2;
	}
	d->p[bottom + 1] += p.under + p.error;
}

int fm_discrete_discretise(const struct fm_loss *l, double tail, size_t most, struct fm_losses *d, struct fm_error *err)
{
	int64_t reach = (int64_t)fm_discrete_reach(l, tail);
	double *p = NULL, beyond;
	int rc = fm_losses_new(d, loss_of(l, -reach), loss_of(l, reach), most, err);

	if (rc < 0)
		return rc;
	if (l->scale >= WIDE && 2 * (double)reach > ATOMS * (double)d->n) {
		by_cells(l, reach, d);
		return FM_OK;
	}
	if ((rc = discrete_atoms(l, tail, &p, &reach, &beyond, err)) < 0)
		return rc;
	for (int64_t y = -reach; y <= reach; y++)
		fm_losses_put_atom(d, p[y < 0 ? -y : y], loss_of(l, y));
	d->infinite = beyond;
	d->p[fm_losses_cell(d, loss_of(l, -reach)) + 1] += beyond;
	free(p);
	return FM_OK;
}

int fm_discrete_epsilon(const struct fm_loss *l, double delta, double *epsilon, struct fm_error *err)
{
	double *p = NULL, beyond, over = 0, under = 0;
	int64_t reach;
	int rc = discrete_atoms(l, 1e-6 * delta, &p, &reach, &beyond, err);

	if (rc < 0)
		return rc;
	/* From the largest loss down: with the atoms y.. on one side, delta(epsilon) = over - e^epsilon under. */
	*epsilon = 0;
	for (int64_t y = reach; y >= -reach; y--) {
		double x = loss_of(l, y), next = loss_of(l, y - 1), mass = p[y < 0 ? -y : y] * (1 + 1e-12);
		double left;

		if (x <= 0)
			break;
		over += mass;
		under = under * fm_sf_exp(next - x) + mass * fm_sf_exp(next - x); /* times e^next */
		left = over - under + beyond;
		if (left > delta) {
			*epsilon =
			    fmax(0, next + fm_sf_log((over + beyond - delta) / under) + FM_LOSS_EDGE_ERROR * (1 + x));
			break;
		}
	}
	free(p);
	return FM_OK;
}
