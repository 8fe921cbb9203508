#include "privacy/pld.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/direct.h"
#include "privacy/loss_grid.h"
#include "privacy/pld_compose.h"
#include "privacy/pld_parts.h"
#include "privacy/pld_read.h"
#include "privacy/special.h"

/* Points of the first grid, over the widest range of losses; and fewer, but at least LEAST_POINTS, where the sum of
 * the uses spreads over more than FIRST_WINDOW of them. */
#define FIRST_POINTS 256
#define LEAST_POINTS 64
#define FIRST_WINDOW 131072
#define ALIKE 0x1p-20      /* least range of losses, as a share of their size */
#define NOTHING 1e-9       /* below this epsilon nothing is refined */
#define SEARCH_POINTS 8192 /* theta is searched again while all grids together have at most this many */
#define MOST_POINTS ((size_t)1 << 21)
#define TAIL_SHARE 1e-6 /* share of delta cut at either end of all uses together, and that may wrap around */
#define STRENGTHS 7     /* strengths of Chernoff's bound that are tried */
#define RARE 20.0       /* -log of the tilted mass that may wrap around where it only adds */
#define BELOW 36.0      /* the same below the window, where each loss counts because a Gaussian is beside them */
/* The tilt used, as a share of the one that minimises the bound by moments: near 1 the mean is at epsilon, but where a
 * rare large loss matters, the window must then hold many of them at once. */
#define LEAN 0.5
/* A composition is tried without a transform (direct.h)
 *  - where a window has so many points, the last halving took so large a share off epsilon and as much of what the one
 *    before it took, or enough that at that rate the last window would be large, so that many more would be needed, and
 *    the mean of the losses is so many of their deviations;
 *  - where so large a share of epsilon is the transforms' rounding, and the mean is so many deviations:
 * points that are close near 0 are close enough there then.  With that share first, then with halves of it, by so many
 * products of masses at most.  The first is taken to be so large a share too high. */
#define DIRECT_WINDOW 16384
#define COARSE 0.01 /* for callers that accept this share of epsilon: DIRECT_COARSE, twice DIRECT_SHARE */
#define DIRECT_COARSE 1024
#define FINE 0.001 /* above it DOUBLE_SHARE may be wider */
#define DIRECT_GAP 0.005
#define DIRECT_SLOW 0.45
#define DIRECT_LARGE 262144.0
#define DIRECT_NEAR 1.0
/* Where a window has so many points and the last halving took off as much as above, uses are added up by twos
 * (fm_parts_double) at such a share. */
#define DOUBLE_WINDOW 1024
#define DOUBLE_SHARE 0.015
#define DIRECT_ROUNDING 0.001
#define DIRECT_FAR 6.0
#define DIRECT_SHARE 0.025
#define DIRECT_PRODUCTS 7e7
#define DIRECT_FIRST 0.004

/* Ends of a window: bottom, with little mass below it; top, with little of delta above it; returns, beyond which little
 * mass wraps around so far that it counts.  by_...: the strength of Chernoff's bound that gave each. */
struct ends {
	double bottom, top, returns;
	int by_bottom, by_top, by_returns;
};

struct fm_pld {
	struct fm_use *uses;   /* (n_all) */
	struct fm_part *parts; /* (n), room for twice n_all: all but the Gaussians beside the grid */
	size_t n, n_all;
	double mu; /* of all Gaussians beside the grid together: sensitivity over deviation; 0: none */
	double uses_total, delta, tail; /* tail: mass cut at either end of one use */
	double h;                       /* of the last pass; 0 before the first */
	double theta;                   /* the tilt; 0 before the first pass */
	double epsilon, gap;            /* the bound, and by how much the last pass lowered it */
	double gap_before;              /* the same for the pass before */
	struct ends ends;               /* of the last window */
	struct ends all;                /* the same with the Gaussians, where the next pass is without a transform */
	size_t window;                  /* its points */
	double deviations;              /* mean of the losses, over their standard deviation */
	double rounding;                /* the most of epsilon that is rounding of the last transform */
	double share;                   /* fm_direct_terms.share of the last pass without a transform; 0 before */
	int doubled;                    /* many uses were added up before (double_uses) */
	int direct_ended;               /* another pass without a transform is of no use */
	int finest;
};

static void add_part(struct fm_pld *d, const struct fm_use *use)
{
	d->parts[d->n++] = (struct fm_part){.loss = use->loss, .count = use->count};
}

/* The Gaussians stand beside the grid, unless there is nothing else: their squares add up (Dong, Roth, Su 2022,
 * Corollary 3.3). */
static void place_uses(struct fm_pld *d, const struct fm_use *uses)
{
	double squares = 0;

	for (size_t i = 0; i < d->n_all; i++)
		d->uses_total += (double)uses[i].count;
	for (size_t i = 0; i < d->n_all; i++) {
		double mu = fm_loss_mu(uses[i].loss);

		d->uses[i] = uses[i];
		squares += (double)uses[i].count * mu * mu;
		if (!(mu > 0))
			add_part(d, &uses[i]);
	}
	if (d->n > 0)
		d->mu = sqrt(squares) * (1 + 1e-15);
	for (size_t i = 0; d->mu <= 0 && d->n < d->n_all && i < d->n_all; i++)
		add_part(d, &uses[i]);
}

int fm_pld_new(struct fm_pld **out, const struct fm_use *uses, size_t n, double delta, struct fm_error *err)
{
	struct fm_pld *d = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&d, 1, sizeof *d, "a privacy loss distribution", err)) < 0 ||
	    (rc = fm_alloc(&d->uses, n + 1, sizeof *d->uses, "a privacy loss distribution", err)) < 0 ||
	    (rc = fm_alloc(&d->parts, 2 * n + 1, sizeof *d->parts, "a privacy loss distribution", err)) < 0) {
		fm_pld_free(d);
		return rc;
	}
	d->n_all = n;
	place_uses(d, uses);
	d->delta = delta;
	d->tail = TAIL_SHARE * delta / fmax(1, d->uses_total);
	d->epsilon = d->gap = (double)INFINITY;
	*out = d;
	return FM_OK;
}

static void drop_parts(struct fm_pld *d)
{
	for (size_t i = 0; i < d->n; i++)
		fm_part_drop(&d->parts[i]);
}

void fm_pld_free(struct fm_pld *d)
{
	if (!d)
		return;
	for (size_t i = 0; d->parts && i < d->n; i++)
		fm_part_free(&d->parts[i]);
	free(d->parts);
	free(d->uses);
	free(d);
}

double fm_pld_epsilon(const struct fm_pld *d)
{
	return d->epsilon;
}

double fm_pld_gap(const struct fm_pld *d)
{
	return d->gap;
}

/* Would so many more halvings be needed that the last window has DIRECT_LARGE points? */
static int ends_large(const struct fm_pld *d, double share)
{
	double gap = d->gap, window = (double)d->window;

	while (gap > share * d->epsilon && window < DIRECT_LARGE) {
		gap *= fmin(1, d->gap / d->gap_before);
		window *= 2;
	}
	return window >= DIRECT_LARGE;
}

/* Is the next pass one without a transform? */
static int goes_direct(const struct fm_pld *d, double share)
{
	size_t window = share >= COARSE ? DIRECT_COARSE : DIRECT_WINDOW;

	if (d->direct_ended || d->deviations > DIRECT_FAR)
		return 0;
	if (d->share > 0 || d->rounding > DIRECT_ROUNDING * d->epsilon)
		return 1;
	return d->window >= window && d->gap < (double)INFINITY && d->gap > DIRECT_GAP * d->epsilon &&
	       d->deviations < DIRECT_NEAR && (d->gap > DIRECT_SLOW * d->gap_before || ends_large(d, share));
}

int fm_pld_settled(const struct fm_pld *d, double share)
{
	return d->finest || d->epsilon <= NOTHING ||
	       (d->gap <= share * d->epsilon && (d->share > 0 || !goes_direct(d, share)));
}

int fm_pld_at_finest(const struct fm_pld *d)
{
	return d->finest;
}

/* ---- one pass: the grid ---- */

static int discretise(struct fm_pld *d, struct fm_error *err)
{
	int rc;

	for (size_t i = 0; i < d->n; i++)
		if ((rc = fm_part_discretise(&d->parts[i], d->h, d->tail, MOST_POINTS, err)) < 0)
			return rc;
	return FM_OK;
}

static double first_step(const struct fm_pld *d)
{
	double widest = 0, fit = FIRST_WINDOW / sqrt(d->uses_total), low, high;

	for (size_t i = 0; i < d->n; i++) {
		fm_loss_ends(d->parts[i].loss, d->tail, &low, &high);
		/* Losses that are all equal still need a step. */
		widest = fmax(widest, fmax(high - low, ALIKE * fmax(fabs(low), fabs(high))));
	}
	return widest / fmin(FIRST_POINTS, fmax(LEAST_POINTS, fit));
}

static size_t points(const struct fm_pld *d)
{
	size_t sum = 0;

	for (size_t i = 0; i < d->n; i++)
		sum += d->parts[i].losses.n;
	return sum;
}

/* ---- one pass: the tilt ---- */

/* Of what is on the grid. */
static struct fm_moments grid_moments(const struct fm_pld *d, double theta)
{
	struct fm_moments sum = {0, 0, 0, 0};

	for (size_t i = 0; i < d->n; i++) {
		struct fm_moments m = fm_part_moments(&d->parts[i], theta);
		double times = (double)d->parts[i].count;

		d->parts[i].last_mass = m.log_mass;
		sum.log_mass += times * m.log_mass;
		sum.mean += times * m.mean;
		sum.variance += times * m.variance;
		sum.rounding += times * m.rounding;
	}
	return sum;
}

/* With the Gaussians, whose losses are N(mu^2 / 2, mu^2). */
static struct fm_moments all_moments(const struct fm_pld *d, double theta)
{
	struct fm_moments m = grid_moments(d, theta);
	double square = d->mu * d->mu;

	m.log_mass += 0.5 * theta * (theta + 1) * square;
	m.mean += (theta + 0.5) * square;
	m.variance += square;
	return m;
}

typedef struct fm_moments moments_of(const struct fm_pld *d, double theta);

/* epsilon by moments: delta <= e^(K - theta epsilon) (theta / (1 + theta))^theta / (1 + theta)
 * (Canonne, Kamath, Steinke 2020, Proposition 12, with alpha = 1 + theta). */
static double moment_bound(const struct fm_pld *d, double log_theta)
{
	double theta = fm_sf_exp(log_theta), k = all_moments(d, theta).log_mass;

	return (k - theta * fm_sf_log1p(1 / theta) - fm_sf_log1p(theta) - fm_sf_log(d->delta)) / theta;
}

/* Golden section over log theta in [low, high]. */
static double best_theta(const struct fm_pld *d, double low, double high, int steps)
{
	const double golden = 0.61803398874989484820;
	double a = high - golden * (high - low), b = low + golden * (high - low);
	double at_a = moment_bound(d, a), at_b = moment_bound(d, b);

	while (steps-- > 0)
		if (at_a < at_b) {
			high = b, b = a, at_b = at_a;
			a = high - golden * (high - low);
			at_a = moment_bound(d, a);
		} else {
			low = a, a = b, at_a = at_b;
			b = low + golden * (high - low);
			at_b = moment_bound(d, b);
		}
	return fm_sf_exp(at_a < at_b ? a : b);
}

/* theta so that the tilted mean lies at epsilon + log(1 + 1 / theta), where the bound by moments is smallest: searched
 * again on small grids, by Newton's steps from the last theta on large ones. */
static double best_tilt(struct fm_pld *d)
{
	if (points(d) <= SEARCH_POINTS || d->theta <= 0)
		d->theta = d->theta <= 0 ? best_theta(d, -14, 25, 26)
					 : best_theta(d, fm_sf_log(d->theta) - 2, fm_sf_log(d->theta) + 2, 16);
	struct fm_moments m = all_moments(d, d->theta);

	for (int i = 0; i < 4 && d->epsilon < (double)INFINITY; i++) {
		double off = d->epsilon + fm_sf_log1p(1 / d->theta) - m.mean, next = d->theta + off / m.variance;

		if (off * off <= 2 * m.variance)
			break;
		d->theta = fmin(2 * d->theta, fmax(0.5 * d->theta, next));
		m = all_moments(d, d->theta);
	}
	return d->theta;
}

/* ---- one pass: the composition ---- */

/* The window of distinct sums: n points from origin + low h on.  Mass above it wraps around to its lower end, mass
 * below it to its upper end; `missing` is the most by which the former may lower delta. */
struct window {
	double origin, origin_error;
	int64_t low;
	size_t n;
	double missing;
};

/* By Chernoff's bound, the tilted mass above x is at most e^(K(theta + t) - K(theta) - t x) for any t > 0, and that
 * mass with the tilt off is at most e^(K(theta + t) - (theta + t) x). */
static void find_ends(const struct fm_pld *d, moments_of *of, double theta, int search, struct ends *e)
{
	struct fm_moments m = of(d, theta);
	const double rare = fm_sf_log(TAIL_SHARE * d->delta), s = sqrt(m.variance) + d->h;
	const double strengths[STRENGTHS] = {6 / s, 3 / s, 1.5 / s, 0.75 / s, theta, 0.5 * theta, 0.25 * theta};
	struct ends before = *e;

	*e = (struct ends){-(double)INFINITY, (double)INFINITY, (double)INFINITY, 0, 0, 0};
	for (int i = 0; i < STRENGTHS; i++) {
		double t = strengths[i], at;

		if (search || i == before.by_bottom) {
			at = (m.log_mass - of(d, theta - t).log_mass - (d->mu > 0 ? BELOW : RARE)) / t;
			if (at > e->bottom)
				e->bottom = at, e->by_bottom = i;
		}
		if (!search && i != before.by_top && i != before.by_returns)
			continue;
		double up = of(d, theta + t).log_mass;

		if ((at = (up - rare) / (theta + t)) < e->top)
			e->top = at, e->by_top = i;
		if ((at = (up - m.log_mass + RARE) / t) < e->returns)
			e->returns = at, e->by_returns = i;
	}
}

static double width(const struct ends *e)
{
	return fmax(e->top, e->returns) - e->bottom;
}

static void find_window(struct fm_pld *d, double theta, struct window *w)
{
	double before = width(&d->ends);

	/* On a large grid use the strengths that were best on the last one, unless they widen the window. */
	find_ends(d, grid_moments, theta, points(d) <= SEARCH_POINTS, &d->ends);
	if (width(&d->ends) > 1.1 * before)
		find_ends(d, grid_moments, theta, 1, &d->ends);
	double origin = 0, sizes = 0;

	for (size_t i = 0; i < d->n; i++) {
		double c = (double)d->parts[i].count * d->parts[i].losses.origin;

		origin += c;
		sizes += fabs(c);
	}
	double low = floor((d->ends.bottom - origin) / d->h),
	       high = ceil((fmax(d->ends.top, d->ends.returns) - origin) / d->h) + 1;

	w->origin = origin;
	w->origin_error = FM_UNIT * (double)d->n * sizes;
	w->n = 64;
	while ((double)w->n < high - low && w->n < MOST_POINTS)
		w->n *= 2;
	w->low = (int64_t)low;
	w->missing = (double)w->n < high - low ? 1 : TAIL_SHARE * d->delta;
}

/* What of delta is left for the sums in the window. */
static double spare_delta(const struct fm_pld *d, struct fm_moments m, const struct window *w)
{
	double spare = d->delta / (1 + m.rounding) - w->missing;

	for (size_t i = 0; i < d->n; i++)
		spare -= (double)d->parts[i].count * d->parts[i].losses.infinite * (1 + 1e-9);
	return spare;
}

static int pass(struct fm_pld *d, double *epsilon, struct fm_error *err)
{
	struct window w;
	struct fm_sums s;
	int rc;

	if ((rc = discretise(d, err)) < 0)
		return rc;
	double theta = LEAN * best_tilt(d), guess = fmin(d->epsilon, moment_bound(d, fm_sf_log(theta)));
	struct fm_moments untilted = all_moments(d, 0), m;

	find_window(d, theta, &w);
	m = grid_moments(d, theta);
	for (size_t i = 0; i < d->n; i++) /* divide each part by the mass that was summed into m */
		d->parts[i].log_mass = d->parts[i].last_mass;
	s = (struct fm_sums){.h = d->h,
			     .origin = w.origin,
			     .origin_error = w.origin_error,
			     .low = w.low,
			     .n = w.n,
			     .theta = theta,
			     .log_mass = m.log_mass,
			     .log_below = -BELOW};
	if ((rc = fm_alloc(&s.tilted, w.n, sizeof *s.tilted, "a composition", err)) < 0)
		return rc;
	d->window = w.n;
	d->finest = w.n >= MOST_POINTS;
	d->deviations = untilted.mean / sqrt(untilted.variance);
	if ((rc = fm_parts_compose(d->parts, d->n, theta, w.n, s.tilted, &s.off, err)) < 0)
		goto out;
	double spare = spare_delta(d, m, &w);

	*epsilon = d->mu > 0 ? fm_sums_epsilon_beside(&s, d->mu, spare, fmax(guess, NOTHING), &d->rounding)
			     : fm_sums_epsilon(&s, spare, &d->rounding);
out:
	free(s.tilted);
	return rc;
}

/* ---- many small losses ---- */

/* Would a grid have to be much finer for one use than for the sum of many? */
static int wants_doubling(const struct fm_pld *d, double share)
{
	int most = 0;

	if (d->doubled || d->h <= 0 || d->window < DOUBLE_WINDOW || d->gap <= fmin(share, DIRECT_GAP) * d->epsilon ||
	    d->gap <= DIRECT_SLOW * d->gap_before)
		return 0;
	for (size_t i = 0; i < d->n; i++)
		most = fm_part_doublings(&d->parts[i]) > most ? fm_part_doublings(&d->parts[i]) : most;
	return most > 0;
}

/* Add up many uses of a mechanism before they go on the grid; on that of the last pass. */
static int double_uses(struct fm_pld *d, double wanted, struct fm_error *err)
{
	double share = DOUBLE_SHARE * (wanted >= COARSE ? 4 : wanted > FINE ? 1.5 : 1);
	struct fm_direct_terms t = {d->delta, d->tail, 0, 0, share};

	d->doubled = 1;
	return fm_parts_double(d->parts, &d->n, d->theta, LEAN * d->theta, &t, err);
}

/* One pass without a transform. The excess falls as the square of the share, so that after a halving a third of what it
 * took off is left.  As a halving costs four times as much, twice the wanted gap will do. */
static int pass_direct(struct fm_pld *d, double wanted, struct fm_error *err)
{
	double share = d->share > 0 ? 0.5 * d->share : wanted >= COARSE ? 2 * DIRECT_SHARE : DIRECT_SHARE;
	double epsilon, before = d->epsilon;
	struct fm_direct_terms t = {d->delta, d->tail, d->all.bottom, fmax(d->all.top, d->epsilon), share};
	int rc;

	if (fm_direct_products(d->uses, d->n_all, &t) > DIRECT_PRODUCTS) {
		d->direct_ended = 1;
		d->gap = d->share > 0 ? 0 : d->gap; /* the present bound has to do */
		return FM_OK;
	}
	if ((rc = fm_direct_epsilon(d->uses, d->n_all, &t, &epsilon, err)) < 0)
		return rc;
	if (epsilon >= before) {
		d->direct_ended = 1; /* the transform did better */
		return FM_OK;
	}
	d->epsilon = epsilon;
	d->gap = d->share > 0 ? (before - epsilon) / 6 : 0.5 * DIRECT_FIRST * epsilon;
	d->share = share;
	return FM_OK;
}

/* Is the grid of the last pass as fine as it gets?  The pass halved the step and took `gap` off the bound; less than
 * half of that is left, and less than 1 % of epsilon is wanted.  The more points there are, the longer the next pass
 * takes, so the more may be left.  No part may outgrow its grid. */
static int is_last(const struct fm_pld *d, double epsilon)
{
	size_t n = points(d);
	double share = n >= 4 * MOST_POINTS ? (double)INFINITY : n >= MOST_POINTS ? 0.015 : 0.004;

	for (size_t i = 0; i < d->n; i++)
		if (d->parts[i].losses.n >= MOST_POINTS / 2)
			return 1;
	return n >= MOST_POINTS / 4 && isfinite(epsilon) && d->gap <= share * epsilon;
}

int fm_pld_refine(struct fm_pld *d, double share, struct fm_error *err)
{
	double epsilon = (double)INFINITY;
	int same = 0, rc; /* same: on the last pass's grid */

	if (d->finest || d->epsilon <= 0)
		return FM_OK;
	if (wants_doubling(d, share)) {
		if ((rc = discretise(d, err)) == FM_OK)
			rc = double_uses(d, share, err);
		drop_parts(d);
		if (rc < 0)
			return rc;
		same = 1;
	} else if (goes_direct(d, share)) {
		return pass_direct(d, share, err);
	} else {
		d->h = d->h > 0 ? 0.5 * d->h : first_step(d);
	}
	if ((rc = pass(d, &epsilon, err)) == FM_OK) {
		d->gap_before = d->gap;
		d->gap = same ? (double)INFINITY : d->epsilon - epsilon;
		d->finest |= is_last(d, epsilon);
		d->epsilon = fmin(d->epsilon, epsilon);
		if (goes_direct(d, share))
			find_ends(d, all_moments, LEAN * d->theta, 1, &d->all);
	}
	drop_parts(d);
	return rc;
}
