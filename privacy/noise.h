/*
 * noise.h - noise of integers, drawn exactly: Bernoulli, discrete Laplace, discrete Gaussian, and Poisson sampling.
 *
 * After Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy" (NeurIPS 2020), algorithms 1 to 3.
 * Every decision compares secret bits (stream.h) with a fraction of integers, bit by bit, so that each value has the
 * probability that the formula says, to the last digit; no floating-point number takes part.  Noise on integers has no
 * low bits that could reveal the true value (Mironov 2012).
 *
 *     struct fm_gaussian g;
 *     fm_gaussian_set(&g, 3.7, err);                                 sigma^2 as a fraction, rounded up
 *     struct fm_stream_name of = {&key, "train/noise", step};
 *     fm_gaussian_fill(&of, &g, pool, 0, out, n, err);               out[i]: draw i of the step
 *
 * What an accountant may claim of the discrete Gaussian: see fm_gaussian_equivalent.
 */
#ifndef FM_PRIVACY_NOISE_H
#define FM_PRIVACY_NOISE_H

#include "base/secret.h"
#include "base/thread.h"
#include "privacy/stream.h"

/* 1 with probability p / q, 0 <= p <= q < 2^63. */
unsigned fm_bernoulli(struct fm_stream *s, uint64_t p, uint64_t q);
/* 1 with probability exp(-p / q), p < 2^63, 0 < q < 2^63 (algorithm 1). */
unsigned fm_bernoulli_exp(struct fm_stream *s, uint64_t p, uint64_t q);

/* Integers x with probability in proportion to exp(-|x| s / t), that is of scale b = t / s (algorithm 2).  On a query
 * of L1 sensitivity D it is (D / b, 0)-differentially private, and for D = 1 exactly as bad as randomised response of
 * that epsilon: its divergences at smaller epsilons are NOT below those of the continuous Laplace, whose account
 * therefore does not hold for it. */
struct fm_laplace {
	uint64_t t, s;
};
/* b is taken as a fraction rounded up, by less than one part in 2^20; FM_EINPUT unless 2^-10 <= b <= 2^40. */
int fm_laplace_set(struct fm_laplace *l, double b, struct fm_error *err) FM_MUST_CHECK;
double fm_laplace_scale(const struct fm_laplace *l); /* t / s, rounded down */
int64_t fm_discrete_laplace(struct fm_stream *s, const struct fm_laplace *l);

/* Integers x with probability in proportion to exp(-x^2 / (2 sigma^2)), sigma^2 = num / den (algorithm 3). */
struct fm_gaussian {
	uint64_t num, den;
	uint64_t t;          /* floor(sigma) + 1: the scale of the discrete Laplace that proposes values */
	unsigned __int128 q; /* 2 num den t^2: the denominator of the acceptance probability */
};
#define FM_GAUSSIAN_MIN 0x1p-6
#define FM_GAUSSIAN_MAX 0x1p25
/* sigma^2 as a fraction, rounded up: exactly where it has few binary digits, else by less than one part in 2^24 from
 * sigma = 1/16 up to 2^14 and by less than one part in 2^6 in any case.  FM_EINPUT unless FM_GAUSSIAN_MIN <= sigma <=
 * FM_GAUSSIAN_MAX. */
int fm_gaussian_set(struct fm_gaussian *g, double sigma, struct fm_error *err) FM_MUST_CHECK;
/* sigma^2 = num / den exactly, den > 0.  FM_EINPUT out of the same range, or when (floor(sigma) + 1)^2 den > 2^53.
 */
int fm_gaussian_set_ratio(struct fm_gaussian *g, uint64_t num, uint64_t den, struct fm_error *err) FM_MUST_CHECK;
double fm_gaussian_sigma(const struct fm_gaussian *g); /* rounded down: what may be claimed */
int64_t fm_discrete_gaussian(struct fm_stream *s, const struct fm_gaussian *g);

/*
 * The standard deviation of a continuous Gaussian that is no more private than the discrete one of sigma, for every
 * kind of account (hockey-stick divergence, subsampling and composition included); 0 where sigma^2 <= 3, for which
 * there is none.
 *
 * sqrt(sigma^2 - r^2), r^2 = 3.  Let x come from the continuous Gaussian of variance s^2 = sigma^2 - r^2, added to an
 * integer vector, and draw each coordinate anew from the discrete Gaussian of variance r^2 around it.  This looks at no
 * data, and its result k has probability  integral f_s(x) rho_r(k - x) / rho_r(Z - x) dx  around the integer, where by
 * Poisson summation rho_r(Z - x) = r sqrt(2 pi) (1 + 2 sum_j exp(-2 pi^2 r^2 j^2) cos(2 pi j x)) is constant to a
 * factor 1 +- e, e = 4e-26; without it the integral is the Gaussian density of variance sigma^2 at k (Peikert, CRYPTO
 * 2010, theorem 3.1).  So the discrete Gaussian is a post-processing of the continuous one's result up to a factor of 1
 * +- 8e-26 a coordinate, which adds at most 2e-25 to the epsilon of each coordinate of each step: 2e-13 for 10^12 of
 * them.
 * For RDP and zCDP there is no loss: the discrete Gaussian's is at most rho = sensitivity^2 / (2 sigma^2) with sigma
 * itself (Canonne et al., theorem 4).
 */
double fm_gaussian_equivalent(double sigma);
/* An upper bound on P[X >= x] of the discrete Gaussian: 1 below x = 1, and from there the continuous tail at x - 1
 * (proposition 25) by Sampford's bound of Mills' ratio, with arithmetic that is the same on every machine. */
double fm_gaussian_tail(double sigma, double x);

/* out[i] = draw number from + i, i < n: the same for any pool and any `from`.  A NULL pool works in the caller.  Draws
 * of a sigma from FM_GAUSSIAN_LARGE on are made by cells (gaussian_table.h), the others by fm_discrete_gaussian. */
#define FM_GAUSSIAN_LARGE (1 << 14)
int fm_gaussian_fill(const struct fm_stream_name *of, const struct fm_gaussian *g, struct fm_pool *pool, uint64_t from,
		     int64_t *out, size_t n, struct fm_error *err) FM_MUST_CHECK;

/*
 * Poisson sampling: each record is in the batch independently, with probability  floor(2^64 num / den) / 2^64.  That is
 * at most num / den, and less by at most 2^-64, so an account with num / den holds.
 */
struct fm_rate {
	uint64_t threshold;
	int all; /* num = den: every record */
};
int fm_rate_set(struct fm_rate *r, uint64_t num, uint64_t den,
		struct fm_error *err) FM_MUST_CHECK; /* num <= den, den > 0 */
/* The records of 0 ... n - 1 that are in the batch, rising, into out[n]; *nout is how many.  n < 2^32. */
int fm_poisson_sample(const struct fm_stream_name *of, const struct fm_rate *r, size_t n, uint32_t *out, size_t *nout,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
