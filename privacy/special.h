/*
 * special.h - exponential, logarithm and normal tail with the same bits on every machine: only +, -, *, /, no libm, so
 * that an epsilon in a manifest does not depend on the processor.
 *
 * Relative errors stay below 8 times FM_UNIT, near 0 too (expm1, log1p); those of the normal tail, its Mills ratio and
 * its density below 16 times, as far as the values are normal numbers.
 */
#ifndef FM_PRIVACY_SPECIAL_H
#define FM_PRIVACY_SPECIAL_H

#define FM_UNIT 1.1102230246251565e-16 /* 2^-53: relative error of one rounding */

double fm_sf_exp(double x);          /* 0 below -708, infinity above 709 */
double fm_sf_expm1(double x);        /* exp(x) - 1 */
double fm_sf_log(double x);          /* x > 0; -infinity at 0 */
double fm_sf_log1p(double x);        /* log(1 + x), x > -1 */
double fm_sf_normal_tail(double z);  /* P(Z > z) of a standard normal */
double fm_sf_normal_mills(double z); /* the tail over the density at z; z > -38 */
double fm_sf_normal_density(double z);
void fm_sf_cos_sin(double x, double *c, double *s); /* |x| <= pi / 4 */

#endif
