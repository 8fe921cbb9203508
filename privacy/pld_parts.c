#include "privacy/pld_parts.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/loss_grid.h"
#include "privacy/special.h"

/* Uses are added up by twos until this many sums are left, or up to twice as many, if at least so many times. */
#define DOUBLE_LEAST 64
#define DOUBLE_TIMES 3
/* In a sum of so many one part hardly shows.  In a sum of few, what a rare large loss adds would. */
#define DOUBLE_MANY 100
#define DOUBLE_WIDER 4 /* the most that a small part's share is wider */
/* Where all parts take more products, the share is wider for all, by so much at most. */
#define DOUBLE_PRODUCTS 5e7
#define DOUBLE_SOONER 2

/* Send what lies on the points of several uses to the grid. */
static int made_discretise(const struct fm_losses *made, size_t most, struct fm_losses *out, struct fm_error *err)
{
	size_t first = 0, last = made->n - 1;
	int rc;

	while (first < last && !(made->p[first] > 0))
		first++;
	while (last > first && !(made->p[last] > 0))
		last--;
	if ((rc = fm_losses_new(out, made->x[first], made->x[last], most, err)) < 0)
		return rc;
	out->infinite = made->infinite;
	for (size_t i = first; i <= last; i++)
		if (made->p[i] > 0)
			fm_losses_put_atom(out, made->p[i], made->x[i]);
	return FM_OK;
}

int fm_part_discretise(struct fm_part *p, double h, double tail, size_t most, struct fm_error *err)
{
	int rc;

	p->losses = (struct fm_losses){.h = h};
	if (p->made.p)
		rc = made_discretise(&p->made, most, &p->losses, err);
	else
		rc = fm_loss_discretise(p->loss, h, tail, most, &p->losses, err);
	if (rc < 0 || (rc = fm_alloc(&p->log_p, p->losses.n, sizeof *p->log_p, "privacy losses", err)) < 0)
		return rc;
	for (size_t k = 0; k < p->losses.n; k++)
		p->log_p[k] = fm_sf_log(p->losses.p[k]);
	return FM_OK;
}

void fm_part_drop(struct fm_part *p)
{
	fm_losses_free(&p->losses);
	free(p->log_p);
	p->log_p = NULL;
}

void fm_part_free(struct fm_part *p)
{
	fm_part_drop(p);
	fm_losses_free(&p->made);
	free(p->points);
	p->points = NULL;
}

struct fm_moments fm_part_moments(const struct fm_part *part, double theta)
{
	const struct fm_losses *l = &part->losses;
	double top = -(double)INFINITY, sum = 0, first = 0, second = 0, largest = 0;

	for (size_t k = 0; k < l->n; k++) {
		double e = part->log_p[k] + theta * fm_losses_point(l, k);

		top = e > top ? e : top;
	}
	for (size_t k = 0; k < l->n; k++) {
		double x = fm_losses_point(l, k), e = part->log_p[k] + theta * x - top, w;

		if (e < -45)
			continue;
		w = fm_sf_exp(e);
		sum += w;
		first += w * x;
		second += w * x * x;
		largest = fmax(largest, fabs(part->log_p[k]) + fabs(theta * x));
	}
	struct fm_moments m = {.log_mass = top + fm_sf_log(sum), .mean = first / sum};

	m.variance = fmax(0, second / sum - m.mean * m.mean);
	m.rounding = 8 * FM_UNIT * (4 + largest + fabs(m.log_mass));
	return m;
}

/* ---- many small losses ---- */

int fm_part_doublings(const struct fm_part *part)
{
	int k = 0;

	while (part->count >> k >= 2 * DOUBLE_LEAST)
		k++;
	return k >= DOUBLE_TIMES ? k : 0;
}

/* Where the sum of so many of the part's losses lies, but for the mass `tail` at either end: Chernoff's bound at
 * several tilts, of which theta is one. */
static void reach_of(const struct fm_part *p, double uses, double tail, double theta, double *bottom, double *top)
{
	const double rare = fm_sf_log(tail);
	struct fm_moments m = fm_part_moments(p, 0);
	double s = sqrt(uses * m.variance) + p->losses.h;
	const double strengths[] = {12 / s, 6 / s, 3 / s, 1.5 / s, 2 * theta, theta, 0.5 * theta};

	*bottom = -(double)INFINITY;
	*top = (double)INFINITY;
	for (size_t i = 0; i < sizeof strengths / sizeof *strengths; i++) {
		double t = strengths[i];

		*top = fmin(*top, (uses * fm_part_moments(p, t).log_mass - rare) / t);
		*bottom = fmax(*bottom, (rare - uses * fm_part_moments(p, -t).log_mass) / t);
	}
}

int fm_part_double(struct fm_part *p, int k, const struct fm_direct_terms *terms, uint64_t *rest, struct fm_error *err)
{
	uint64_t sums = p->count >> k;
	int rc;

	*rest = 0;
	if ((rc = fm_direct_double(p->loss, k, terms, &p->made, &p->points, err)) < 0)
		return rc;
	if ((double)sums * p->made.infinite >= terms->delta) {
		fm_losses_free(&p->made);
		free(p->points);
		p->points = NULL;
		return FM_OK;
	}
	*rest = p->count - (sums << k);
	p->count = sums;
	return FM_OK;
}

/* What the parts' shares are found by: tilted variances of all uses, and the sum of the roots of those that double. */
struct spread {
	double lean, all, roots;
	double wider; /* the most that a share may be wider */
};

static double variance_of(const struct fm_part *part, double lean)
{
	return (double)part->count * fm_part_moments(part, lean).variance;
}

static struct spread spread_of(const struct fm_part *parts, size_t n, double lean)
{
	struct spread s = {.lean = lean, .wider = n >= DOUBLE_MANY ? DOUBLE_WIDER : 1};

	for (size_t i = 0; i < n; i++) {
		double variance = variance_of(&parts[i], lean);

		s.all += variance;
		s.roots += fm_part_doublings(&parts[i]) > 0 ? sqrt(variance) : 0;
	}
	return s;
}

/* One part's terms.  A share s adds about s^2 of a part's variance to that of all, for about 1 / s^2 products: these
 * are fewest, for what all parts add, where s^2 is in proportion to variance^-1/2.  No part gets less than the given
 * share, which is for a part that is all of the sum. */
static struct fm_direct_terms terms_of(const struct fm_part *part, const struct spread *s, double theta,
				       const struct fm_direct_terms *given)
{
	double more = s->all / (s->roots * sqrt(variance_of(part, s->lean)));
	struct fm_direct_terms t = *given;

	t.share *= fmin(s->wider, sqrt(fmax(1, more)));
	reach_of(part, ldexp(1, fm_part_doublings(part)), t.tail, theta, &t.bottom, &t.top);
	return t;
}

int fm_parts_double(struct fm_part *parts, size_t *n, double theta, double lean, const struct fm_direct_terms *given,
		    struct fm_error *err)
{
	struct spread s = spread_of(parts, *n, lean);
	struct fm_direct_terms wanted = *given;
	double products = 0;
	size_t many = *n;
	int rc;

	for (size_t i = 0; i < many; i++) {
		int k = fm_part_doublings(&parts[i]);
		struct fm_use sums = {parts[i].loss, (uint64_t)1 << k};

		if (k > 0) {
			struct fm_direct_terms t = terms_of(&parts[i], &s, theta, &wanted);

			products += fm_direct_products(&sums, 1, &t);
		}
	}
	if (many >= DOUBLE_MANY)
		wanted.share *= fmin(DOUBLE_SOONER, sqrt(fmax(1, products / DOUBLE_PRODUCTS)));
	for (size_t i = 0; i < many; i++) {
		struct fm_part *part = &parts[i];
		struct fm_direct_terms t;
		int k = fm_part_doublings(part);
		uint64_t rest = 0;

		if (k == 0)
			continue;
		t = terms_of(part, &s, theta, &wanted);
		if ((rc = fm_part_double(part, k, &t, &rest, err)) < 0)
			return rc;
		if (rest > 0)
			parts[(*n)++] = (struct fm_part){.loss = part->loss, .count = rest};
	}
	return FM_OK;
}
