/* detmath.c - deterministic double-precision functions. */
#include "base/detmath.h"

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
	double r = (x - n * 1.57079632673412561417e+00) - n * 6.07710050650619224932e-11, z = r * r, t = 1, c = 1,
	       v = r, s = r;
	for (int k = 1; k <= 9; k++) {
		t = -t * z / ((2 * k - 1) * (2 * k));
		c += t;
		v = -v * z / ((2 * k) * (2 * k + 1));
		s += v;
	}
	switch (n & 3) {
	case 0:
		return c;
	case 1:
		return -s;
	case 2:
		return -c;
	default:
		return s;
	}
}

double fm_normal_cdf(double z)
{
	if (z != z)
		return z;
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

/* Horner: c[0] + x c[1] + ... */
static double poly(const double *c, int n, double x)
{
	double s = c[n - 1];
	for (int i = n - 2; i >= 0; i--)
		s = s * x + c[i];
	return s;
}

/* Algorithm AS 241, PPND16 (Wichura 1988), without its far tail: beyond |z| = 6 it is clamped. */
double fm_normal_quantile(double u)
{
	static const double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
				   1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
				   3.3430575583588128105e+4, 2.5090809287301226727e+3};
	static const double b[] = {1.0,
				   4.2313330701600911252e+1,
				   6.8718700749205790830e+2,
				   5.3941960214247511077e+3,
				   2.1213794301586595867e+4,
				   3.9307895800092710610e+4,
				   2.8729085735721942674e+4,
				   5.2264952788528545610e+3};
	static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
				   3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
				   2.27238449892691845833e-2, 7.74545014278341407640e-4};
	static const double d[] = {1.0,
				   2.05319162663775882187e0,
				   1.67638483018380384940e0,
				   6.89767334985100004550e-1,
				   1.48103976427480074590e-1,
				   1.51986665636164571966e-2,
				   5.47593808499534494600e-4,
				   1.05075007164441684324e-9};
	double q = u - 0.5, z;
	if (q > -0.425 && q < 0.425) {
		double r = 0.180625 - q * q;
		return q * poly(a, 8, r) / poly(b, 8, r);
	}
	double tail = q < 0 ? u : 1 - u;
	if (!(tail > 1e-9))
		return q < 0 ? -6 : 6;
	double r = __builtin_sqrt(-fm_det_log(tail)) - 1.6;
	z = poly(c, 8, r) / poly(d, 8, r);
	return q < 0 ? -z : z;
}
