#include "privacy/fft.h"

#include <stdlib.h>

#include "base/mem.h"
#include "privacy/special.h"

/* Where the processor has them, gcc 12 makes fused multiply-adds of pairs of products even at -ffp-contract=off, once
 * it has put pairs into vectors.  Prevent that here: the bits must not depend on the processor. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC optimize("no-tree-vectorize")
#endif

#define RUN 32 /* terms that are added up before they are added to the others */
#define TWO_PI 6.28318530717958647693

struct complex {
	double re, im;
};

struct fm_fft {
	size_t n;              /* real values */
	int log2n;             /* n = 2^log2n */
	struct complex *w;     /* (n / 2) e^(-2 pi i k / n) */
	struct complex *a, *b; /* (n / 2) scratch */
};

/* e^(-2 pi i k / n), by the symmetries from an angle of at most pi / 4. */
static struct complex root(size_t k, size_t n)
{
	size_t eighth = n / 8, octant = k / eighth, rest = k % eighth;
	double c, s, x;

	if (octant & 1)
		rest = eighth - rest;
	fm_sf_cos_sin(TWO_PI * ((double)rest / (double)n), &c, &s);
	switch (octant) { /* k < n / 2: four octants */
	case 1:
		x = c, c = s, s = x;
		break;
	case 2:
		x = c, c = -s, s = x;
		break;
	case 3:
		c = -c;
		break;
	default:
		break;
	}
	return (struct complex){c, -s};
}

int fm_fft_new(struct fm_fft **out, size_t n, struct fm_error *err)
{
	struct fm_fft *f = NULL;
	int rc;

	*out = NULL;
	if (n < 8 || n > (size_t)1 << 26 || (n & (n - 1)))
		return fm_fail(err, FM_EINPUT,
			       "a Fourier transform of %zu values: must be a power of two from 8 to 2^26", n);
	if ((rc = fm_alloc(&f, 1, sizeof *f, "a Fourier transform", err)) < 0 ||
	    (rc = fm_alloc(&f->w, n / 2, sizeof *f->w, "a Fourier transform", err)) < 0 ||
	    (rc = fm_alloc(&f->a, n / 2, sizeof *f->a, "a Fourier transform", err)) < 0 ||
	    (rc = fm_alloc(&f->b, n / 2, sizeof *f->b, "a Fourier transform", err)) < 0)
		goto out;
	f->n = n;
	while ((size_t)1 << f->log2n < n)
		f->log2n++;
	for (size_t k = 0; k < n / 2; k++)
		f->w[k] = root(k, n);
	*out = f;
	return FM_OK;
out:
	fm_fft_free(f);
	return rc;
}

void fm_fft_free(struct fm_fft *f)
{
	if (!f)
		return;
	free(f->w);
	free(f->a);
	free(f->b);
	free(f);
}

double fm_fft_error(const struct fm_fft *f)
{
	return 6 * FM_UNIT * (f->log2n + 2);
}

static struct complex add(struct complex x, struct complex y)
{
	return (struct complex){x.re + y.re, x.im + y.im};
}

static struct complex sub(struct complex x, struct complex y)
{
	return (struct complex){x.re - y.re, x.im - y.im};
}

static struct complex mul(struct complex x, struct complex y)
{
	return (struct complex){x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
}

static struct complex conjugate(struct complex x)
{
	return (struct complex){x.re, -x.im};
}

/* e^(-2 pi i k / n), k < n */
static struct complex twiddle(const struct fm_fft *f, size_t k)
{
	if (k < f->n / 2)
		return f->w[k];
	return (struct complex){-f->w[k - f->n / 2].re, -f->w[k - f->n / 2].im};
}

/* One pass of radix 4: len values, stride apart, from x to y (Stockham, so that they end in order). */
static void pass4(const struct fm_fft *f, size_t len, size_t stride, const struct complex *x, struct complex *y)
{
	size_t quarter = len / 4, step = f->n / len;

	for (size_t p = 0; p < quarter; p++) {
		struct complex w1 = twiddle(f, p * step), w2 = twiddle(f, 2 * p * step), w3 = twiddle(f, 3 * p * step);
		const struct complex *in = x + stride * p;
		struct complex *to = y + 4 * stride * p;

		for (size_t q = 0; q < stride; q++) {
			struct complex a = in[q], b = in[q + stride * quarter], c = in[q + 2 * stride * quarter],
				       d = in[q + 3 * stride * quarter], ac = add(a, c), a_c = sub(a, c),
				       bd = add(b, d), b_d = sub(b, d), turned = {-b_d.im, b_d.re};

			to[q] = add(ac, bd);
			to[q + stride] = mul(w1, sub(a_c, turned));
			to[q + 2 * stride] = mul(w2, sub(ac, bd));
			to[q + 3 * stride] = mul(w3, add(a_c, turned));
		}
	}
}

/* The transform of the n / 2 complex values in f->a; returns where it is, f->a or f->b. */
static struct complex *transform(struct fm_fft *f)
{
	struct complex *x = f->a, *y = f->b, *z;
	size_t len = f->n / 2, stride = 1;

	for (; len >= 4; len /= 4, stride *= 4) {
		pass4(f, len, stride, x, y);
		z = x, x = y, y = z;
	}
	if (len == 2)
		for (size_t q = 0; q < stride; q++) {
			struct complex a = x[q], b = x[q + stride];

			x[q] = add(a, b);
			x[q + stride] = sub(a, b);
		}
	return x;
}

void fm_fft_forward(struct fm_fft *f, const double *x, double *spectrum)
{
	struct complex *out = (struct complex *)(void *)spectrum, *z;
	size_t half = f->n / 2;

	for (size_t k = 0; k < half; k++)
		f->a[k] = (struct complex){x[2 * k], x[2 * k + 1]};
	z = transform(f);
	out[0] = (struct complex){z[0].re + z[0].im, 0};
	out[half] = (struct complex){z[0].re - z[0].im, 0};
	for (size_t k = 1; k < half; k++) {
		struct complex mirror = conjugate(z[half - k]), even = add(z[k], mirror), odd = sub(z[k], mirror),
			       turned = mul(f->w[k], (struct complex){odd.im, -odd.re});

		out[k] = (struct complex){0.5 * (even.re + turned.re), 0.5 * (even.im + turned.im)};
	}
}

void fm_fft_inverse(struct fm_fft *f, const double *spectrum, double *x)
{
	const struct complex *in = (const struct complex *)(const void *)spectrum;
	size_t half = f->n / 2;
	double scale = 1.0 / (double)f->n;
	struct complex *z;

	/* The forward transform of the conjugate is the conjugate of the inverse. */
	for (size_t k = 0; k < half; k++) {
		struct complex mirror = conjugate(in[half - k]), even = add(in[k], mirror), odd = sub(in[k], mirror),
			       turned = mul(conjugate(f->w[k]), (struct complex){-odd.im, odd.re});

		f->a[k] = conjugate(add(even, turned));
	}
	z = transform(f);
	for (size_t k = 0; k < half; k++) {
		x[2 * k] = scale * z[k].re;
		x[2 * k + 1] = -scale * z[k].im;
	}
}

size_t fm_fft_log2(const struct fm_fft *f)
{
	return (size_t)f->log2n;
}

void fm_fft_value(const struct fm_fft *f, const double *x, size_t count, int64_t low, size_t k, double *value)
{
	size_t half = f->n / 2, at = ((uint64_t)low * k) & (f->n - 1);
	double re = 0, im = 0;

	for (size_t from = 0; from < count; from += RUN) {
		size_t to = from + RUN < count ? from + RUN : count;
		double sum_re = 0, sum_im = 0;

		for (size_t j = from; j < to; j++) {
			struct complex w = f->w[at & (half - 1)];
			double v = at & half ? -x[j] : x[j];

			sum_re += v * w.re;
			sum_im += v * w.im;
			at = (at + k) & (f->n - 1);
		}
		re += sum_re;
		im += sum_im;
	}
	value[0] = re;
	value[1] = im;
}

/* Each of the two sums: a rounded root and product, at most RUN additions within a run and one for each run. */
double fm_fft_value_error(size_t count)
{
	size_t additions = RUN + count / RUN;

	return 1.5 * FM_UNIT * ((double)additions + 4);
}
