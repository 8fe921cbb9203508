/*
 * rdp.h - Renyi differential privacy of one use of a mechanism, and the epsilon of a composition.
 *
 * The divergence of order alpha is D = log(E_Q[(P / Q)^alpha]) / (alpha - 1) (Mironov 2017); those of a composition add
 * up. It is a check on the tighter pld.h by other mathematics: closed forms where there are any, else quadrature.
 * Values are raised by 1e-9 of themselves, which is more than their error.
 */
#ifndef FM_PRIVACY_RDP_H
#define FM_PRIVACY_RDP_H

#include <stddef.h>

#include "base/error.h"
#include "privacy/loss.h"

/* The divergences D of P from Q at n orders, each above 1, rising; infinite where one is out of reach, as it may be for
 * a large group.  fm_rdp_beyond tells a caller to whom none of them is of use. */
int fm_rdp(const struct fm_loss *l, const double *orders, size_t n, double *rdp, struct fm_error *err) FM_MUST_CHECK;
int fm_rdp_beyond(struct fm_error *err);

/* The smallest epsilon, at least 0, that the divergences of a composition grant at delta: Canonne, Kamath, Steinke
 * 2020, Proposition 12: D + log((alpha - 1) / alpha) - (log delta + log alpha) / (alpha - 1). */
double fm_rdp_epsilon(const double *orders, const double *rdp, size_t n, double delta);

/* The smallest epsilon of n uses together by the usual orders: 1.1 to 10.9 by tenths, 11 to 63, and 128, 256, 512,
 * 1024. */
int fm_rdp_account(const struct fm_use *uses, size_t n, double delta, double *epsilon,
		   struct fm_error *err) FM_MUST_CHECK;

#endif
