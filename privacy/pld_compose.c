#include "privacy/pld_compose.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/fft.h"
#include "privacy/loss_grid.h"
#include "privacy/special.h"

#define LOG_NOTHING -70.0 /* log of a product's size below which it is taken to be 0: less than 2^-100 */
#define NOTHING 0x1p-99   /* a bound on what is left out, whatever the other parts are: each is at most 1 + 1e-6 */
#define SINGLY 4          /* a term of a sum takes as long as so many of the n log2 n of a transform */

/* A composition while its parts are multiplied in.  bound: of |all|, errors included; harm: bound of the error. */
struct spectra {
	struct fm_fft *f;
	size_t n;
	double *x;         /* (n) */
	double *one, *all; /* (n / 2 + 1 complex numbers): of a part, of the product */
	double *bound, *harm;
	size_t *alive, n_alive; /* (n / 2 + 1) the frequencies that are not taken to be 0, rising */
};

/* x^count for a complex x, and (|x| + error)^(count - 1) * count * error, which bounds the effect of an error in x.
 */
static void power(double *re, double *im, uint64_t count, double error, double *size, double *harm)
{
	double r = 1, i = 0, a = *re, b = *im, magnitude = sqrt(a * a + b * b) + error, rest = 1, m = magnitude;

	for (uint64_t k = count; k; k >>= 1) {
		if (k & 1) {
			double t = r * a - i * b;

			i = r * b + i * a;
			r = t;
			rest *= m;
		}
		double t = a * a - b * b;

		b = 2 * a * b;
		a = t;
		m *= m;
	}
	*re = r;
	*im = i;
	*size = rest;
	*harm = rest * (double)count * error / magnitude;
}

/* The part's tilted probabilities: x from 0 on.  Few: in the order of its points; else where the transform wants them.
 */
static void tilt(const struct fm_part *part, double theta, int few, const struct spectra *s)
{
	const struct fm_losses *l = &part->losses;

	for (size_t i = 0; i < (few ? l->n : s->n); i++)
		s->x[i] = 0;
	for (size_t k = 0; k < l->n; k++) {
		double e = part->log_p[k] + theta * fm_losses_point(l, k) - part->log_mass;

		if (e > -700)
			s->x[few ? k : (uint64_t)(l->low + (int64_t)k) & (s->n - 1)] += fm_sf_exp(e);
	}
}

/* all *= (transform of one part's tilted losses)^count. */
static void multiply_in(const struct fm_part *part, double theta, struct spectra *s)
{
	const struct fm_losses *l = &part->losses;
	int few = l->n <= s->n && SINGLY * s->n_alive * l->n < s->n * fm_fft_log2(s->f);
	double error = (few ? fm_fft_value_error(l->n) : fm_fft_error(s->f)) * 1.01 + 8 * FM_UNIT,
	       least = part->count > 1 ? fm_sf_exp(LOG_NOTHING / (double)(part->count - 1)) : 0;
	size_t left = 0;

	tilt(part, theta, few, s);
	if (!few)
		fm_fft_forward(s->f, s->x, s->one);
	for (size_t i = 0; i < s->n_alive; i++) {
		size_t k = s->alive[i];
		double *to = s->all + 2 * k, *from = s->one + 2 * k, re, im, size, wrong, t;

		if (few)
			fm_fft_value(s->f, s->x, l->n, l->low, k, from);
		re = from[0];
		im = from[1];
		if (sqrt(re * re + im * im) + error < least) {
			to[0] = to[1] = 0;
			s->bound[k] = s->harm[k] = NOTHING;
			continue;
		}
		power(&re, &im, part->count, error, &size, &wrong);
		s->harm[k] = s->harm[k] * size + s->bound[k] * (wrong + 4 * FM_UNIT * size);
		s->bound[k] *= size;
		t = to[0] * re - to[1] * im;
		to[1] = to[0] * im + to[1] * re;
		to[0] = t;
		if (s->bound[k] < 0.5 * NOTHING) {
			to[0] = to[1] = 0;
			s->bound[k] = s->harm[k] = NOTHING;
			continue;
		}
		s->alive[left++] = k;
	}
	s->n_alive = left;
}

static void spectra_free(struct spectra *s)
{
	fm_fft_free(s->f);
	free(s->one);
	free(s->all);
	free(s->bound);
	free(s->harm);
	free(s->alive);
}

int fm_parts_compose(const struct fm_part *parts, size_t n, double theta, size_t window, double *x, double *off,
		     struct fm_error *err)
{
	struct spectra s = {.n = window, .x = x};
	size_t half = window / 2 + 1;
	double error = 0, total = 0;
	int rc;

	if ((rc = fm_fft_new(&s.f, window, err)) < 0 ||
	    (rc = fm_alloc(&s.one, 2 * half, sizeof *s.one, "a composition", err)) < 0 ||
	    (rc = fm_alloc(&s.all, 2 * half, sizeof *s.all, "a composition", err)) < 0 ||
	    (rc = fm_alloc(&s.bound, half, sizeof *s.bound, "a composition", err)) < 0 ||
	    (rc = fm_alloc(&s.harm, half, sizeof *s.harm, "a composition", err)) < 0 ||
	    (rc = fm_alloc(&s.alive, half, sizeof *s.alive, "a composition", err)) < 0)
		goto out;
	for (size_t k = 0; k < half; k++) {
		s.all[2 * k] = s.bound[k] = 1;
		s.alive[s.n_alive++] = k;
	}
	for (size_t i = 0; i < n; i++)
		multiply_in(&parts[i], theta, &s);
	fm_fft_inverse(s.f, s.all, x);
	for (size_t k = 0; k < half; k++) {
		error += 2 * s.harm[k] / (double)window;
		total += 2 * s.bound[k] / (double)window;
	}
	*off = error + total * fm_fft_error(s.f);
out:
	spectra_free(&s);
	return rc;
}
