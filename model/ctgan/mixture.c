/* mixture.c - variational Bayes of a Gaussian mixture in one dimension. */
#include "model/ctgan/mixture.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/rng.h"

#define CONCENTRATION 0.001
#define ROUNDS 100
#define TOLERANCE 1e-3
#define FLOOR 1e-6 /* added to the variance of a component */
#define LN_2PI 1.83787706640934548356
#define LN_2 0.69314718055994530942
#define K FM_MODES_MOST

double fm_det_digamma(double x)
{
	double y = 0, z;

	while (x < 12) {
		y -= 1 / x;
		x += 1;
	}
	z = 1 / (x * x);
	return y + fm_det_log(x) - 0.5 / x -
	       z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132)))));
}

double fm_det_lgamma(double x)
{
	double y = 0, z;

	while (x < 12) {
		y -= fm_det_log(x);
		x += 1;
	}
	z = 1 / (x * x);
	return y + (x - 0.5) * fm_det_log(x) - x + 0.5 * LN_2PI +
	       (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z * (1.0 / 1188))))) / x;
}

/* The variational distribution: stick (a, b), mean of precision `beta`, variance of `dof` degrees. */
struct fit {
	const struct fm_mixture_value *v;
	size_t n;
	double prior_mean, prior_var;
	double rows[K], first[K], second[K]; /* sums weighted by responsibility: 1, x, (x - prior_mean)^2 */
	double a[K], b[K], beta[K], mean[K], dof[K], var[K];
	double bias[K], prec[K]; /* log p(x, k) = bias - prec (x - mean)^2 / 2 */
};

/* ---- the start: k-means ---- */

static void centres_draw(const struct fit *f, uint64_t seed, double centre[K], double *near)
{
	struct fm_rng r;
	double total = 0;

	fm_rng_init(&r, seed, FM_RNG_INIT, 0x6d6978u, 0);
	for (size_t i = 0; i < f->n; i++)
		near[i] = f->v[i].rows;
	for (int k = 0; k < K; k++) { /* k-means++ (Arthur, Vassilvitskii 2007) */
		double goal, run = 0;
		size_t at = 0, last = 0;

		total = 0;
		for (size_t i = 0; i < f->n; i++)
			total += near[i];
		goal = fm_rng_uniform53(&r) * total;
		for (at = 0; at < f->n; at++) {
			if (near[at] > 0)
				last = at;
			run += near[at];
			if (run > goal)
				break;
		}
		centre[k] = f->v[at < f->n ? at : last].x;
		for (size_t i = 0; i < f->n; i++) {
			double d = f->v[i].x - centre[k], w = f->v[i].rows * d * d;

			near[i] = k == 0 || w < near[i] ? w : near[i];
		}
	}
}

static int compare_double(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

/* Values in rising order belong to the nearest of centres in rising order. */
static void nearest(const struct fit *f, const double centre[K], uint8_t *of)
{
	int k = 0;

	for (size_t i = 0; i < f->n; i++) {
		while (k + 1 < K && f->v[i].x - centre[k] > centre[k + 1] - f->v[i].x)
			k++;
		of[i] = (uint8_t)k;
	}
}

static void kmeans(const struct fit *f, uint64_t seed, double *near, uint8_t *of)
{
	double centre[K];

	centres_draw(f, seed, centre, near);
	qsort(centre, K, sizeof *centre, compare_double);
	for (int round = 0; round < 300; round++) {
		double sum[K] = {0}, rows[K] = {0};
		bool moved = false;

		nearest(f, centre, of);
		for (size_t i = 0; i < f->n; i++) {
			sum[of[i]] += f->v[i].rows * f->v[i].x;
			rows[of[i]] += f->v[i].rows;
		}
		for (int k = 0; k < K; k++) {
			double c = rows[k] > 0 ? sum[k] / rows[k] : centre[k];

			moved = moved || c != centre[k];
			centre[k] = c;
		}
		qsort(centre, K, sizeof *centre, compare_double);
		if (!moved)
			break;
	}
	nearest(f, centre, of);
}

/* ---- rounds ---- */

static void sums_clear(struct fit *f)
{
	for (int k = 0; k < K; k++)
		f->rows[k] = f->first[k] = f->second[k] = 0;
}

static void sums_add(struct fit *f, int k, double w, double x)
{
	double d = x - f->prior_mean;

	f->rows[k] += w;
	f->first[k] += w * d;
	f->second[k] += w * d * d;
}

/* Bishop 10.58 to 10.63 in one dimension, and the sticks of Blei, Jordan 2006, 18 and 19. */
static void maximise(struct fit *f)
{
	double behind = 0;

	for (int k = K - 1; k >= 0; k--) {
		double nk = f->rows[k] + 10 * 2.220446049250313e-16, d = f->first[k] / nk,
		       s = f->second[k] / nk - d * d;

		s = (s > 0 ? s : 0) + FLOOR;
		f->a[k] = 1 + nk;
		f->b[k] = CONCENTRATION + behind;
		behind += nk;
		f->beta[k] = 1 + nk;
		f->mean[k] = f->prior_mean + nk * d / f->beta[k];
		f->dof[k] = 1 + nk;
		f->var[k] = (f->prior_var + nk * s + nk / f->beta[k] * d * d) / f->dof[k];
	}
}

static void prepare(struct fit *f)
{
	double sticks = 0;

	for (int k = 0; k < K; k++) {
		double both = fm_det_digamma(f->a[k] + f->b[k]);
		double weight = fm_det_digamma(f->a[k]) - both + sticks;
		double lambda = LN_2 + fm_det_digamma(0.5 * f->dof[k]);

		sticks += fm_det_digamma(f->b[k]) - both;
		f->prec[k] = 1 / f->var[k];
		f->bias[k] = weight - 0.5 * (LN_2PI + fm_det_log(f->var[k])) - 0.5 * fm_det_log(f->dof[k]) +
			     0.5 * (lambda - 1 / f->beta[k]);
	}
}

/* p (n): exp(l) divided by its sum, whose log is returned.  What is NEGLIGIBLE below the largest, 1e-26 of it, counts
 * as 0. */
#define NEGLIGIBLE 60
static double normalise(const double *l, int n, double *p)
{
	double top = l[0], sum = 0;

	for (int k = 1; k < n; k++)
		top = l[k] > top ? l[k] : top;
	for (int k = 0; k < n; k++)
		sum += p[k] = l[k] - top < -NEGLIGIBLE ? 0 : l[k] == top ? 1 : fm_det_exp(l[k] - top);
	for (int k = 0; k < n; k++)
		p[k] /= sum;
	return top + fm_det_log(sum);
}

/* The responsibilities of the components for all values; returns their entropy. */
static double expect(struct fit *f)
{
	double entropy = 0;

	prepare(f);
	sums_clear(f);
	for (size_t i = 0; i < f->n; i++) {
		double l[K], p[K], z;

		for (int k = 0; k < K; k++) {
			double d = f->v[i].x - f->mean[k];

			l[k] = f->bias[k] - 0.5 * f->prec[k] * d * d;
		}
		z = normalise(l, K, p);
		for (int k = 0; k < K; k++) {
			if (!(p[k] > 0))
				continue;
			sums_add(f, k, f->v[i].rows * p[k], f->v[i].x);
			entropy -= f->v[i].rows * p[k] * (l[k] - z);
		}
	}
	return entropy;
}

/* The part of the bound that changes between rounds. */
static double bound(const struct fit *f, double entropy)
{
	double s = entropy;

	for (int k = 0; k < K; k++) {
		double det = -0.5 * fm_det_log(f->var[k]) - 0.5 * fm_det_log(f->dof[k]);

		s += f->dof[k] * det + f->dof[k] * 0.5 * LN_2 + fm_det_lgamma(0.5 * f->dof[k]);
		s += fm_det_lgamma(f->a[k]) + fm_det_lgamma(f->b[k]) - fm_det_lgamma(f->a[k] + f->b[k]);
		s -= 0.5 * fm_det_log(f->beta[k]);
	}
	return s;
}

static void result(const struct fit *f, struct fm_mixture *m)
{
	double left = 1, sum = 0;

	m->n = K;
	for (int k = 0; k < K; k++) {
		double s = f->a[k] + f->b[k];

		m->weight[k] = f->a[k] / s * left;
		left *= f->b[k] / s;
		sum += m->weight[k];
		m->mean[k] = f->mean[k];
		m->sd[k] = __builtin_sqrt(f->var[k]);
		m->bias[k] = f->bias[k];
	}
	for (int k = 0; k < K; k++)
		m->weight[k] /= sum;
}

/* The prior: mean and variance of the column. */
static int prior(struct fit *f, struct fm_error *err)
{
	double rows = 0, sum = 0, squares = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (!isfinite(f->v[i].x) || !(f->v[i].rows > 0) || (i > 0 && !(f->v[i].x > f->v[i - 1].x)))
			return fm_fail(err, FM_ESYSTEM, "the values for a mixture do not rise");
		rows += f->v[i].rows;
		sum += f->v[i].rows * f->v[i].x;
	}
	if (!(rows > 0))
		return fm_fail(err, FM_EINPUT, "there is no value to fit a mixture to");
	f->prior_mean = sum / rows;
	for (size_t i = 0; i < f->n; i++) {
		double d = f->v[i].x - f->prior_mean;

		squares += f->v[i].rows * d * d;
	}
	f->prior_var = rows > 1 ? squares / (rows - 1) : 0;
	f->prior_var = f->prior_var > FLOOR ? f->prior_var : FLOOR; /* a constant column */
	return FM_OK;
}

int fm_mixture_fit(struct fm_mixture *m, const struct fm_mixture_value *v, size_t n, uint64_t seed, uint8_t *start,
		   struct fm_error *err)
{
	struct fit f = {.v = v, .n = n};
	double *near = NULL, last = -INFINITY;
	uint8_t *of = NULL;
	int rc;

	memset(m, 0, sizeof *m);
	if ((rc = prior(&f, err)) < 0 || (rc = fm_alloc(&near, n, sizeof *near, "a mixture", err)) < 0 ||
	    (rc = fm_alloc(&of, n, 1, "a mixture", err)) < 0)
		goto out;
	kmeans(&f, seed, near, of);
	if (start)
		memcpy(start, of, n);
	for (size_t i = 0; i < n; i++)
		sums_add(&f, of[i], v[i].rows, v[i].x);
	maximise(&f);
	for (int round = 1; round <= ROUNDS; round++) {
		double entropy = expect(&f), now;

		maximise(&f);
		now = bound(&f, entropy);
		m->rounds = round;
		if (fabs(now - last) < TOLERANCE)
			break;
		last = now;
	}
	prepare(&f);
	result(&f, m);
out:
	free(near);
	free(of);
	return rc;
}

void fm_mixture_posterior(const struct fm_mixture *m, double x, double *p)
{
	double l[K] = {0};

	for (int k = 0; k < m->n; k++) {
		double d = (x - m->mean[k]) / m->sd[k];

		l[k] = m->bias[k] - 0.5 * d * d;
	}
	normalise(l, m->n, p);
}

void fm_mixture_prune(struct fm_mixture *m)
{
	double sum = 0;
	int n = 0;

	for (int k = 0; k < m->n; k++) {
		if (!(m->weight[k] > FM_MODE_WEIGHT))
			continue;
		m->weight[n] = m->weight[k];
		m->mean[n] = m->mean[k];
		m->sd[n] = m->sd[k];
		m->bias[n] = m->bias[k];
		sum += m->weight[n++];
	}
	m->n = n;
	for (int k = 0; k < n; k++)
		m->weight[k] /= sum;
}
