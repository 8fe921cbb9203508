/*
 * detmath.h - double-precision functions for the codec that return the same bits everywhere: +, -, *, / only, no libm.
 * Errors are below 1e-13 (fm_normal_cdf: 1.2e-12), far below the resolution of what is coded with them.
 */
#ifndef FM_BASE_DETMATH_H
#define FM_BASE_DETMATH_H

double fm_det_exp(double x);         /* |x| <= 700 */
double fm_det_log(double x);         /* x > 0, normal */
double fm_det_log1p(double x);       /* x >= 0 */
double fm_det_expm1(double x);       /* x >= 0 */
double fm_det_cos(double x);         /* |x| <= 16 */
double fm_normal_cdf(double z);      /* Phi(z), |error| < 1.2e-12 for |z| <= 6; clamped beyond, for the codec */
double fm_normal_quantile(double u); /* Phi^-1(u), u in (0,1); clamped to [-6, 6] */

#endif
