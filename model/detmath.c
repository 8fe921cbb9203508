/* detmath.c - deterministic double-precision functions. */
#include "model/detmath.h"

#include <stdint.h>
#include <string.h>

#define LN2_HI 6.93147180369123816490e-01 /* fdlibm's split of ln 2 (Sun Microsystems 1993) */
#define LN2_LO 1.90821492927058770002e-10

static double pow2(int n)
{
	uint64_t bits = (uint64_t)(n + 1023) << 52;
	double d;
	memcpy(&d, &bits, sizeof d);
	return d;
}

double fm_det_exp(double x)
{
	x = x > 700 ? 700 : x < -700 ? -700 : x;
	int n = (int)(x * 1.44269504088896338700 + (x < 0 ? -0.5 : 0.5));
	double r = (x - n * LN2_HI) - n * LN2_LO, t = 1, s = 1;
	for (int k = 1; k <= 14; k++) { /* Taylor on |r| <= 0.35: the 15th term is below 1e-19 */
		t = t * r / k;
		s += t;
	}
	return s * pow2(n);
}

double fm_det_log(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	int e = (int)(bits >> 52) - 1023;
	bits = (bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull;
	double m;
	memcpy(&m, &bits, sizeof m);
	if (m > 1.41421356237309514547) {
		m *= 0.5;
		e++;
	}
	double s = (m - 1) / (m + 1), z = s * s, p = 0; /* log m = 2 atanh(s), |s| <= 0.172 */
	for (int k = 23; k >= 1; k -= 2)
		p = p * z + 1.0 / k;
	return e * LN2_HI + (2 * s * p + e * LN2_LO);
}

double fm_det_log1p(double x)
{
	return fm_det_log(1 + x); /* counts and milliseconds: x is 0 or at least 1e-3 */
}

double fm_det_expm1(double x)
{
	return fm_det_exp(x) - 1;
}

double fm_det_cos(double x)
{
	double q = x * 0.63661977236758134308;
	int n = (int)(q + (q < 0 ? -0.5 : 0.5));
	double r = (x - n * 1.57079632673412561417e+00) - n * 6.07710050650619224932e-11, z = r * r, t = 1, c = 1, v = r, s = r;
	for (int k = 1; k <= 9; k++) {
		t = -t * z / ((2 * k - 1) * (2 * k));
		c += t;
		v = -v * z / ((2 * k) * (2 * k + 1));
		s += v;
	}
	switch (n & 3) {
	case 0: return c;
	case 1: return -s;
	case 2: return -c;
	default: return s;
	}
}

double fm_normal_cdf(double z)
{
	if (z > 6)
		return 1 - 1e-9;
	if (z < -6)
		return 1e-9;
	/* Marsaglia 2004: Phi(z) = 1/2 + phi(z) (z + z^3/3 + z^5/15 + ...) */
	double s = z, t = z;
	for (int k = 3; k < 160 && (t > 1e-17 || t < -1e-17); k += 2) {
		t = t * z * z / k;
		s += t;
	}
	return 0.5 + s * fm_det_exp(-0.5 * z * z - 0.91893853320467274178);
}

double fm_normal_quantile(double u)
{
	double lo = -6, hi = 6;
	if (u <= fm_normal_cdf(lo))
		return lo;
	if (u >= fm_normal_cdf(hi))
		return hi;
	/* Newton from the middle, kept inside a shrinking bracket. */
	double z = 0;
	for (int i = 0; i < 60; i++) {
		double d = fm_normal_cdf(z) - u;
		if (d > 0)
			hi = z;
		else
			lo = z;
		double step = d / fm_det_exp(-0.5 * z * z - 0.91893853320467274178);
		double next = z - step;
		if (!(next > lo && next < hi))
			next = 0.5 * (lo + hi);
		if (next - z < 1e-13 && z - next < 1e-13)
			return next;
		z = next;
	}
	return z;
}
