/*
 * loss.h - the privacy loss of one use of a mechanism: a pair (P, Q) of distributions that dominates every two
 * neighbouring inputs, seen in one direction.
 *
 * The loss is L = log(P(z) / Q(z)), z drawn from P.  What a mechanism leaks at epsilon is the hockey stick divergence
 *
 *     delta(epsilon) = P(L > epsilon) - e^epsilon Q(L > epsilon)
 *
 * (Dwork, Rothblum, Vadhan 2010; Sommer, Meiser, Mohammadi 2019).  Pairs, with sigma in units of the sensitivity:
 *
 *     Gaussian            P = N(1, sigma^2), Q = N(0, sigma^2)
 *     sampled Gaussian    M = sum over j of Binomial(k, q)(j) N(j, sigma^2) for k records that change at once:
 *        remove           P = M, Q = N(0, sigma^2) (k = 1: Mironov, Talwar, Zhang 2019; Zhu, Dong, Wang 2022)
 *        add              P = N(0, sigma^2), Q = M mirrored
 *        replace one      P = M, Q = M mirrored (Lebeda, Regehr, Kamath, Steinke 2024)
 *     Laplace             P = Lap(0, b), Q = Lap(1, b)
 *     discrete Gaussian   P = N_Z(0, sigma^2), Q = N_Z(D, sigma^2) on the integers (Canonne, Kamath, Steinke 2020)
 *
 * In each L grows with z.  Everything here errs to the side of more leaking: what rounding or a truncated tail may hide
 * is added.
 */
#ifndef FM_PRIVACY_LOSS_H
#define FM_PRIVACY_LOSS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FM_GROUP_MAX 4096 /* more than is claimed for an hour of windows of 64 exchanges, which is 61 windows */
#define FM_DISCRETE_SCALE_MAX 100000.0

enum fm_loss_kind { FM_LOSS_MIXTURE, FM_LOSS_LAPLACE, FM_LOSS_DISCRETE };

struct fm_loss {
	enum fm_loss_kind kind;
	double scale; /* sigma, or b, over the sensitivity; of the discrete Gaussian: its sigma */
	double shift; /* the discrete Gaussian's D */
	/* The mixture: weight[i] is that of N(first + i, sigma^2); above, below: it stands for P, or mirrored for Q, or
	 * both; missing: the mass of the components left out. */
	int first, n, above, below;
	double missing;
	double weight[FM_GROUP_MAX + 1];
};

enum fm_direction { FM_REMOVE, FM_ADD, FM_REPLACE };

void fm_loss_gaussian(struct fm_loss *l, double sigma);
void fm_loss_laplace(struct fm_loss *l, double b);
void fm_loss_discrete(struct fm_loss *l, double sigma, double shift); /* sigma at most FM_DISCRETE_SCALE_MAX */
/* group: records that change at once, 1 to FM_GROUP_MAX.  Components of less than `least` are left out at either end.
 */
void fm_loss_sampled(struct fm_loss *l, double q, double sigma, int group, enum fm_direction direction, double least);

/* The sensitivity over the deviation where the loss is that of a Gaussian; else 0. */
double fm_loss_mu(const struct fm_loss *l);

/* Log density of Q at z, and the loss there; of a mixture alone. */
double fm_loss_log_q(const struct fm_loss *l, double z);
double fm_loss_at(const struct fm_loss *l, double z);

/* The smallest epsilon of one use at this delta, at least 0: from the curve above, without a grid. */
int fm_loss_epsilon(const struct fm_loss *l, double delta, double *epsilon, struct fm_error *err) FM_MUST_CHECK;

/* Several uses of one mechanism. */
struct fm_use {
	const struct fm_loss *loss; /* borrowed */
	uint64_t count;             /* number of uses, at least 1 */
};

/* A distribution on points: p[i] is the probability of the loss x[i], or of origin + (low + i) h where x is NULL;
 * `infinite` is that of an infinite loss. */
struct fm_losses {
	double h, span; /* span: 1 - e^-h, once there are points of step h */
	double origin;  /* of 26 binary digits, so that the uses' sum is exact */
	int64_t low;
	const double *x; /* borrowed, or NULL */
	size_t n;
	double *p;
	double infinite;
};

/* The smallest and the largest loss, without `tail` of P at either end; and fm_loss_scale: how far the losses at z =
 * -sigma and sigma are from their middle, which is about the deviation of most of the mass. */
void fm_loss_ends(const struct fm_loss *l, double tail, double *low, double *high);
double fm_loss_scale(const struct fm_loss *l);

/* The loss on a grid of step h, never leaking less than l: between two neighbouring points the curve delta(epsilon), as
 * a function of e^epsilon, is replaced by its chord ("connect the dots": Doroshenko, Ghazi, Kamath, Kumar, Manurangsi
 * 2022), which means to send what lies between them to both so that the masses under P and under Q are kept.  At most
 * `tail` of P at either end is moved up.  FM_EINPUT where that takes more than `most` points.  *out is released by
 * fm_losses_free. */
int fm_loss_discretise(const struct fm_loss *l, double h, double tail, size_t most, struct fm_losses *out,
		       struct fm_error *err) FM_MUST_CHECK;
/* The same on n points x that rise, from at most the smallest loss to at least the largest (fm_loss_ends). */
int fm_loss_place(const struct fm_loss *l, const double *x, size_t n, double tail, struct fm_losses *out,
		  struct fm_error *err) FM_MUST_CHECK;
void fm_losses_free(struct fm_losses *d);

#endif
