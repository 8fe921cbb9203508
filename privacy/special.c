#include "privacy/special.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define SQRT_HALF 0.70710678118654752440
#define INV_SQRT_2PI 0.39894228040143267794
#define INV_SQRT_PI 0.56418958354775628695

/* (e^r - 1 - r) / r^2 by its series, |r| <= 0.35: the first term left out is below 1e-17. */
static double exp_rest(double r)
{
	static const double c[] = {
	    1 / 2.0,         1 / 6.0,          1 / 24.0,          1 / 120.0,          1 / 720.0,
	    1 / 5040.0,      1 / 40320.0,      1 / 362880.0,      1 / 3628800.0,      1 / 39916800.0,
	    1 / 479001600.0, 1 / 6227020800.0, 1 / 87178291200.0, 1 / 1307674368000.0};
	double r2 = r * r, even = c[12], odd = c[13];

	for (int i = 10; i >= 0; i -= 2) {
		even = even * r2 + c[i];
		odd = odd * r2 + c[i + 1];
	}
	return even + odd * r;
}

/* 2^k, -1022 <= k <= 1023, from its bits. */
static double power_of_two(int k)
{
	uint64_t bits = (uint64_t)(k + 1023) << 52;
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* With x = (32 m + j) log 2 / 32 + r, |r| <= 0.011, it is 2^m 2^(j / 32) e^r; e^r by its series, of which the first
 * term left out is below 4e-18.  Adding and taking away 1.5 * 2^52 rounds to a whole number. */
double fm_sf_exp(double x)
{
	static const double roots[32] = {
	    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
	    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
	    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
	    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
	    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
	    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
	    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
	    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0};

	if (x < -708)
		return 0;
	if (x > 709)
		return (double)INFINITY;
	double k = (x * 46.166241308446828384 + 0x1.8p52) - 0x1.8p52;
	double r = (x - k * (LN2_HIGH / 32)) - k * (LN2_LOW / 32);
	double rest =
	    r + r * r * ((1 / 2.0 + r * (1 / 6.0)) + r * r * ((1 / 24.0 + r * (1 / 120.0)) + r * r * (1 / 720.0)));
	int whole = (int)k, j = whole & 31;

	return (roots[j] + roots[j] * rest) * power_of_two((whole - j) / 32);
}

double fm_sf_expm1(double x)
{
	return fabs(x) <= 0.35 ? x + x * x * exp_rest(x) : fm_sf_exp(x) - 1.0;
}

/* log((1 + s) / (1 - s)), |s| <= 0.18: 2 (s + s^3/3 + s^5/5 + ...) */
static double log_series(double s)
{
	static const double c[] = {1 / 3.0,  1 / 5.0,  1 / 7.0,  1 / 9.0,  1 / 11.0, 1 / 13.0,
				   1 / 15.0, 1 / 17.0, 1 / 19.0, 1 / 21.0, 1 / 23.0};
	double t = s * s, y = 0;

	for (int i = 10; i >= 0; i--)
		y = (y + c[i]) * t;
	return 2 * (s + s * y);
}

double fm_sf_log(double x)
{
	int k;

	if (x <= 0)
		return -(double)INFINITY;
	double m = frexp(x, &k);

	if (m < SQRT_HALF) {
		m *= 2;
		k--;
	}
	return k * LN2_HIGH + (log_series((m - 1) / (m + 1)) + k * LN2_LOW);
}

double fm_sf_log1p(double x)
{
	return x > -0.29 && x < 0.41 ? log_series(x / (2 + x)) : fm_sf_log(1.0 + x);
}

/* ---- the normal tail ---- */

/* W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969). */

static double erf_small(double x) /* erf(x), |x| <= 0.46875 */
{
	static const double a[] = {3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02,
				   3.20937758913846947e03, 1.85777706184603153e-1};
	static const double b[] = {2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03,
				   2.84423683343917062e03};
	double y = x * x, up = a[4] * y, down = y;

	for (int i = 0; i < 3; i++) {
		up = (up + a[i]) * y;
		down = (down + b[i]) * y;
	}
	return x * (up + a[3]) / (down + b[3]);
}

static double erfcx_middle(double x) /* e^(x^2) erfc(x), 0.46875 <= x <= 4 */
{
	static const double c[] = {5.64188496988670089e-1, 8.88314979438837594e0,  6.61191906371416295e01,
				   2.98635138197400131e02, 8.81952221241769090e02, 1.71204761263407058e03,
				   2.05107837782607147e03, 1.23033935479799725e03, 2.15311535474403846e-8};
	static const double d[] = {1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02,
				   1.62138957456669019e03, 3.29079923573345963e03, 4.36261909014324716e03,
				   3.43936767414372164e03, 1.23033935480374942e03};
	double up = c[8] * x, down = x;

	for (int i = 0; i < 7; i++) {
		up = (up + c[i]) * x;
		down = (down + d[i]) * x;
	}
	return (up + c[7]) / (down + d[7]);
}

static double erfcx_large(double x) /* x >= 4 */
{
	static const double p[] = {3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
				   1.60837851487422766e-2, 6.58749161529837803e-4, 1.63153871373020978e-2};
	static const double q[] = {2.56852019228982242e00, 1.87295284992346725e00, 5.27905102951428412e-1,
				   6.05183413124413191e-2, 2.33520497626869185e-3};
	double y = 1 / (x * x), up = p[5] * y, down = y;

	for (int i = 0; i < 4; i++) {
		up = (up + p[i]) * y;
		down = (down + q[i]) * y;
	}
	return (INV_SQRT_PI - y * (up + p[4]) / (down + q[4])) / x;
}

/* e^(-z^2 / 2), with z split so that the square of its head is exact. */
static double bell(double z)
{
	double head = floor(fabs(z) * 16) / 16, rest = (fabs(z) - head) * (fabs(z) + head);

	return head > 38 ? 0 : fm_sf_exp(-head * head / 2) * fm_sf_exp(-rest / 2);
}

double fm_sf_normal_density(double z)
{
	return INV_SQRT_2PI * bell(z);
}

/* P(Z > z) e^(z^2 / 2), z >= 0 */
static double scaled_tail(double z)
{
	double x = z * SQRT_HALF;

	if (x < 0.46875)
		return 0.5 * (1 - erf_small(x)) / bell(z);
	return 0.5 * (x <= 4 ? erfcx_middle(x) : erfcx_large(x));
}

double fm_sf_normal_tail(double z)
{
	if (fabs(z) * SQRT_HALF < 0.46875)
		return 0.5 - 0.5 * erf_small(z * SQRT_HALF);
	return z > 0 ? scaled_tail(z) * bell(z) : 1 - scaled_tail(-z) * bell(z);
}

double fm_sf_normal_mills(double z)
{
	return z > 0 ? scaled_tail(z) / INV_SQRT_2PI : fm_sf_normal_tail(z) / fm_sf_normal_density(z);
}

void fm_sf_cos_sin(double x, double *c, double *s)
{
	static const double even[] = {1 / 2.0, 1 / 12.0, 1 / 30.0, 1 / 56.0, 1 / 90.0, 1 / 132.0, 1 / 182.0, 1 / 240.0};
	static const double odd[] = {1 / 6.0, 1 / 20.0, 1 / 42.0, 1 / 72.0, 1 / 110.0, 1 / 156.0, 1 / 210.0, 1 / 272.0};
	double t = x * x, a = 0, b = 0;

	/* Taylor series; the first terms left out are below 1e-18 at pi / 4. */
	for (int i = 7; i >= 0; i--) {
		a = (1 - a) * t * even[i];
		b = (1 - b) * t * odd[i];
	}
	*c = 1 - a;
	*s = x - x * b;
}
