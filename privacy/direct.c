#include "privacy/direct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "privacy/special.h"

#define STRIDE 0.03125 /* a single use is placed on every n-th point, so that their share is about this */
#define NEAREST 0.0625 /* distance of the points next to 0 at that share, in smallest scales of one use */
#define SMALL 0.25     /* a distance below which 1 - e^-d is a polynomial */
#define LEAST 1e-150   /* a smaller mass counts as infinite, so that no product vanishes */

/* The points, and precomputed values of the cells between them. */
struct points {
	double *x;       /* (n), rising */
	double *inverse; /* (n) 1 / (1 - e^-d), d the distance of x[i] and x[i + 1] */
	size_t n, stride;
};

/* Masses on the points; none outside of [first, last]. */
struct masses {
	double *p; /* (n) */
	size_t first, last;
	double infinite;
};

/* ---- the points: x = (nearest / share) sinh(share j) ---- */

struct range {
	double nearest, bottom, top;
};

static struct range range_of(const struct fm_use *uses, size_t n, const struct fm_direct_terms *t)
{
	struct range r = {(double)INFINITY, t->bottom, t->top};

	for (size_t i = 0; i < n; i++) {
		double low, high;

		fm_loss_ends(uses[i].loss, t->tail, &low, &high);
		r.bottom = fmin(r.bottom, low);
		r.top = fmax(r.top, high);
		r.nearest = fmin(r.nearest, NEAREST / STRIDE * t->share * fm_loss_scale(uses[i].loss));
	}
	return r;
}

/* The real number j of a point x >= 0. */
static double place(const struct range *r, double share, double x)
{
	double y = x * share / r->nearest;

	return fm_sf_log(y + sqrt(y * y + 1)) / share;
}

double fm_direct_products(const struct fm_use *uses, size_t n, const struct fm_direct_terms *t)
{
	struct range r = range_of(uses, n, t);
	double points = place(&r, t->share, fmax(0, -r.bottom)) + place(&r, t->share, fmax(0, r.top)), sums = 0;

	for (size_t i = 0; i < n; i++)
		for (uint64_t count = uses[i].count; count; count >>= 1)
			sums += (count & 1 ? 1 : 0) + (count > 1 ? 0.5 : 0); /* doubling: each pair comes once */
	return sums * points * points;
}

static void points_free(struct points *g)
{
	free(g->x);
	free(g->inverse);
}

static int points_new(struct points *g, const struct range *r, double share, struct fm_error *err)
{
	double stride = fmax(1, floor(STRIDE / share));
	/* Whole strides on either side of 0, and one more: the ends are rounded. */
	int64_t low = -(int64_t)(stride * (ceil(place(r, share, fmax(0, -r->bottom)) / stride) + 1)),
		high = (int64_t)(stride * (ceil(place(r, share, fmax(0, r->top)) / stride) + 1));
	int rc;

	g->n = (size_t)(high - low) + 1;
	g->stride = (size_t)stride;
	if ((rc = fm_alloc(&g->x, g->n, sizeof *g->x, "privacy losses", err)) < 0 ||
	    (rc = fm_alloc(&g->inverse, g->n, sizeof *g->inverse, "privacy losses", err)) < 0)
		return rc;
	for (size_t i = 0; i < g->n; i++) {
		double y = share * (double)(low + (int64_t)i), e = fm_sf_expm1(fabs(y)), sinh = 0.5 * (e + e / (1 + e));

		g->x[i] = r->nearest / share * (y < 0 ? -sinh : sinh);
	}
	for (size_t i = 0; i + 1 < g->n; i++)
		g->inverse[i] = -1 / fm_sf_expm1(g->x[i] - g->x[i + 1]);
	return FM_OK;
}

/* ---- masses ---- */

static int masses_new(struct masses *m, const struct points *g, struct fm_error *err)
{
	*m = (struct masses){.first = g->n, .last = 0};
	return fm_alloc(&m->p, g->n, sizeof *m->p, "privacy losses", err);
}

/* Find the ends again; masses that are too small count as infinite losses. All are raised by the share `rounding`. */
static void settle(struct masses *m, const struct points *g, double rounding)
{
	m->first = g->n;
	m->last = 0;
	for (size_t i = 0; i < g->n; i++) {
		if (m->p[i] < LEAST) {
			m->infinite += m->p[i];
			m->p[i] = 0;
			continue;
		}
		m->p[i] *= 1 + rounding;
		m->first = m->first < i ? m->first : i;
		m->last = i;
	}
	m->infinite *= 1 + rounding;
}

/* Place one use on every stride-th point: m->p (zeroed). */
static int one_use(const struct fm_loss *l, const struct points *g, double tail, struct masses *m, struct fm_error *err)
{
	size_t n = (g->n - 1) / g->stride + 1;
	struct fm_losses placed = {0};
	double *x = NULL;
	int rc;

	if ((rc = fm_alloc(&x, n, sizeof *x, "privacy losses", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		x[i] = g->x[i * g->stride];
	if ((rc = fm_loss_place(l, x, n, tail, &placed, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		m->p[i * g->stride] = placed.p[i];
	m->infinite = placed.infinite;
	settle(m, g, 4 * FM_UNIT);
out:
	fm_losses_free(&placed);
	free(x);
	return rc;
}

/* At least 1 - e^-d, and less than d^6 / 720 above it. */
static inline double dropped(double d)
{
	return d < SMALL ? d * (1 - d * (1. / 2) * (1 - d * (1. / 3) * (1 - d * (1. / 4) * (1 - d * (1. / 5)))))
			 : -fm_sf_expm1(-d) * (1 + 8 * FM_UNIT);
}

/* Add to p the masses of a from `from` on, moved by the loss y and multiplied by `times`. The sums rise with j, and so
 * do their cells; what goes to one cell is added up before it is stored, so that a point's mass goes through at most 2
 * (b's masses) + (a's masses) additions. Returns the mass above all points. */
static double add_moved(const struct points *g, const struct masses *a, size_t from, double y, double times, double *p)
{
	const double *x = g->x;
	size_t c = 0, top = g->n - 1, j = from, high = g->n - 1;
	double low_sum = 0, high_sum = 0, beyond = 0;

	while (high - c > 1) { /* the cell of the first */
		size_t mid = c + (high - c) / 2;

		*(x[mid] <= x[j] + y ? &c : &high) = mid;
	}
	for (; j <= a->last; j++) {
		double s = x[j] + y, mass = a->p[j] * times, d, up;

		if (s >= x[top])
			break;
		if (s >= x[c + 1]) {
			p[c] += low_sum;
			p[c + 1] += high_sum;
			low_sum = high_sum = 0;
			do
				c++;
			while (s >= x[c + 1]);
		}
		/* s and d are off by two roundings of |s| or less. */
		d = s - x[c];
		up = d > 0 ? dropped(d) : 0;
		up = mass * ((up + 4 * FM_UNIT * fabs(s)) * g->inverse[c] * (1 + 32 * FM_UNIT));
		up = up < mass ? up : mass;
		low_sum += mass - up;
		high_sum += up;
	}
	p[c] += low_sum;
	p[c + 1] += high_sum;
	for (; j <= a->last; j++)
		beyond += a->p[j] * times;
	return beyond;
}

/* to = a + b, as random losses; to->p need not be cleared. */
static void add(const struct points *g, const struct masses *a, const struct masses *b, struct masses *to)
{
	double beyond = 0;

	memset(to->p, 0, g->n * sizeof *to->p);
	for (size_t i = b->first; i <= b->last; i++)
		if (b->p[i] > 0)
			beyond += add_moved(g, a, a->first, g->x[i], b->p[i], to->p);
	to->infinite = a->infinite + b->infinite + beyond;
	settle(to, g, 4 * FM_UNIT * (3 * (double)g->n + 16));
}

/* to = a + a: pairs of different points count twice. */
static void add_twice(const struct points *g, const struct masses *a, struct masses *to)
{
	double beyond = 0;

	memset(to->p, 0, g->n * sizeof *to->p);
	for (size_t i = a->first; i <= a->last; i++) {
		struct masses itself = {a->p, i, i, 0};

		if (!(a->p[i] > 0))
			continue;
		beyond += add_moved(g, &itself, i, g->x[i], a->p[i], to->p);
		if (i < a->last)
			beyond += add_moved(g, a, i + 1, g->x[i], 2 * a->p[i], to->p);
	}
	to->infinite = 2 * a->infinite + beyond;
	settle(to, g, 4 * FM_UNIT * (3 * (double)g->n + 16));
}

static void swap(struct masses *a, struct masses *b)
{
	struct masses t = *a;

	*a = *b;
	*b = t;
}

/* sum += `count` uses; one and spare are scratch. */
static void add_uses(const struct points *g, struct masses *one, uint64_t count, struct masses *sum,
		     struct masses *spare)
{
	for (;; count >>= 1) {
		if (count & 1) {
			add(g, one, sum, spare);
			swap(sum, spare);
		}
		if (count <= 1)
			return;
		add_twice(g, one, spare);
		swap(one, spare);
	}
}

int fm_direct_double(const struct fm_loss *l, int doublings, const struct fm_direct_terms *t, struct fm_losses *out,
		     double **x, struct fm_error *err)
{
	struct fm_use use = {l, 1};
	struct range r = range_of(&use, 1, t);
	struct masses one = {0}, spare = {0};
	struct points g = {0};
	int rc;

	if ((rc = points_new(&g, &r, t->share, err)) < 0 || (rc = masses_new(&one, &g, err)) < 0 ||
	    (rc = masses_new(&spare, &g, err)) < 0)
		goto out;
	g.stride = 1;
	if ((rc = one_use(l, &g, t->tail, &one, err)) < 0)
		goto out;
	for (int i = 0; i < doublings; i++) {
		add_twice(&g, &one, &spare);
		swap(&one, &spare);
	}
	*x = g.x;
	*out = (struct fm_losses){.x = g.x, .n = g.n, .p = one.p, .infinite = one.infinite};
	g.x = one.p = NULL;
out:
	points_free(&g);
	free(one.p);
	free(spare.p);
	return rc;
}

/* The smallest epsilon, at least 0, at which delta is kept: with the masses from the point i on, delta(epsilon) = over
 * + (1 - e^-t) under at epsilon = x[i] - t in the cell below. All terms are above 0, so their rounding is a relative
 * error.
 */
static double read_epsilon(const struct points *g, const struct masses *m, double delta)
{
	double spare = (delta - m->infinite * (1 + 1e-9)) * (1 - 4 * FM_UNIT * (8 * (double)g->n + 16));
	double over = 0, under = 0;

	if (!(spare > 0) || m->first > m->last)
		return (double)INFINITY;
	for (size_t i = m->last; i > m->first; i--) {
		double w = g->x[i] - g->x[i - 1], t, more;

		if (g->x[i] <= 0)
			return 0;
		under += m->p[i];
		more = -fm_sf_expm1(-w) * under;
		if (over + more > spare) {
			t = -fm_sf_log1p(-(spare - over) / under);
			return fmax(0, g->x[i] - t * (1 - 32 * FM_UNIT) + 8 * FM_UNIT * g->x[i]);
		}
		over += more;
		under *= fm_sf_exp(-w);
	}
	return fmax(0, g->x[m->first]);
}

/* Order by size, so that the caller's order does not matter. */
static int by_size(const void *a, const void *b)
{
	const struct fm_use *x = a, *y = b;
	double s = fm_loss_scale(x->loss), t = fm_loss_scale(y->loss);

	return s != t ? (s < t ? -1 : 1) : x->count < y->count ? -1 : x->count > y->count;
}

int fm_direct_epsilon(const struct fm_use *given, size_t n, const struct fm_direct_terms *t, double *epsilon,
		      struct fm_error *err)
{
	struct range r = range_of(given, n, t);
	struct fm_use *uses = NULL;
	struct masses one = {0}, sum = {0}, spare = {0};
	struct points g = {0};
	int rc;

	*epsilon = (double)INFINITY;
	if ((rc = fm_alloc(&uses, n + 1, sizeof *uses, "mechanisms", err)) < 0 ||
	    (rc = points_new(&g, &r, t->share, err)) < 0 || (rc = masses_new(&one, &g, err)) < 0 ||
	    (rc = masses_new(&sum, &g, err)) < 0 || (rc = masses_new(&spare, &g, err)) < 0)
		goto out;
	memcpy(uses, given, n * sizeof *uses);
	qsort(uses, n, sizeof *uses, by_size);
	/* Start from a loss of 0: x is 0 at a whole number of strides from the first point. */
	for (size_t i = 0; i < g.n; i++)
		if (g.x[i] >= 0) {
			sum.p[i] = 1;
			sum.first = sum.last = i;
			break;
		}
	for (size_t i = 0; i < n; i++) {
		memset(one.p, 0, g.n * sizeof *one.p);
		if ((rc = one_use(uses[i].loss, &g, t->tail, &one, err)) < 0)
			goto out;
		add_uses(&g, &one, uses[i].count, &sum, &spare);
	}
	*epsilon = read_epsilon(&g, &sum, t->delta);
out:
	points_free(&g);
	free(uses);
	free(one.p);
	free(sum.p);
	free(spare.p);
	return rc;
}
