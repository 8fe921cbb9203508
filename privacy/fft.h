/*
 * fft.h - the discrete Fourier transform of real sequences, in double precision, with the same bits on every machine.
 *
 *     struct fm_fft *f = NULL;
 *     if ((rc = fm_fft_new(&f, n, err)) < 0)
 *         goto out;
 *     fm_fft_forward(f, x, spectrum);       x (n), spectrum (n / 2 + 1) pairs of real and imaginary part
 *     fm_fft_inverse(f, spectrum, x);       gives x back, divided by nothing further
 *
 * A struct fm_fft holds its own scratch: one thread at a time.
 */
#ifndef FM_PRIVACY_FFT_H
#define FM_PRIVACY_FFT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fm_fft;

/* n: a power of two from 8 to 2^26. */
int fm_fft_new(struct fm_fft **f, size_t n, struct fm_error *err) FM_MUST_CHECK;
void fm_fft_free(struct fm_fft *f);

/* spectrum[k] = sum over i of x[i] e^(-2 pi i k / n).  Leaves x as it is. */
void fm_fft_forward(struct fm_fft *f, const double *x, double *spectrum);
/* The inverse, the factor 1 / n included.  Overwrites nothing but x. */
void fm_fft_inverse(struct fm_fft *f, const double *spectrum, double *x);

/* Bound on the rounding error of each value of a transform, as a multiple of the sum of the absolute values of the
 * input (for the inverse: that sum over n).  Each output is a tree of log2 n butterflies over the inputs, whose factors
 * have absolute value 1; one butterfly errs by at most six roundings. */
double fm_fft_error(const struct fm_fft *f);
size_t fm_fft_log2(const struct fm_fft *f); /* of n */

/* One value of a spectrum, without the transform: value[0] + i value[1] = sum over j of x[j] e^(-2 pi i (low + j) k /
 * n), j < count, k < n.  fm_fft_value_error: a bound on its rounding error, as a multiple of the sum of the absolute
 * values of x. */
void fm_fft_value(const struct fm_fft *f, const double *x, size_t count, int64_t low, size_t k, double *value);
double fm_fft_value_error(size_t count);

#endif
