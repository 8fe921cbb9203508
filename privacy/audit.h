/*
 * audit.h - a lower bound on epsilon from one run: canaries.
 *
 * Steinke, Nasr, Jagielski, "Privacy auditing with one (1) training run" (NeurIPS 2023).  m canaries, records that
 * could exist but do not, go into the training data each by the toss of a coin.  The auditor, who sees what the run
 * releases, gives each a score, higher for those that look as if they were in; the highest k+ are guessed to be in, the
 * lowest k- out, and the others are left open. For a mechanism that is (epsilon, delta)-differentially private no
 * guesser is right much more often than a coin of bias e^epsilon / (1 + e^epsilon), however the guesses depend on each
 * other (theorem 5.2).  v right guesses of r = k+ + k- thus refute every epsilon for which that many have a probability
 * below p, and epsilon is at least the largest of these, with confidence 1 - p.
 *
 *     fm_audit_toss(&key, "audit/canaries", m, in, err);         which are in: from the run's secret stream
 *     ... train on the records and the canaries with in[i] = 1, score[i] from what is released ...
 *     k[] = {{50, 50}, {200, 200}};                              fixed before anyone looks at in and score
 *     fm_audit_bound(&(struct fm_canaries){score, in, m}, k, 2, delta, 0.05, &audit, err);
 *     if (audit.epsilon > stated) ...                            the claim is refuted
 *
 * The bound says nothing where guesses are poor: 0 is no proof of privacy.
 */
#ifndef FM_PRIVACY_AUDIT_H
#define FM_PRIVACY_AUDIT_H

#include "base/secret.h"
#include "privacy/stream.h"

#define FM_AUDIT_MAX 10000000u /* most canaries */

/* in[i]: 1 or 0, each with probability one half. */
int fm_audit_toss(const struct fm_secret *key, const char *label, size_t m, uint8_t *in,
		  struct fm_error *err) FM_MUST_CHECK;

/* guess[i]: +1 for the kplus highest scores, -1 for the kminus lowest, else 0.  Equal scores are ordered by their
 * place, which does not depend on being in or out.  FM_EINPUT when kplus + kminus > m or a score is not a number. */
int fm_audit_guess(const double *score, size_t m, size_t kplus, size_t kminus, int8_t *guess,
		   struct fm_error *err) FM_MUST_CHECK;

/* P[W >= v], W binomial: r tosses, each right with probability e^epsilon / (1 + e^epsilon); exact to 1e-9 for r up to
 * 100,000, epsilon >= 0. */
int fm_audit_binomial(size_t r, size_t v, double epsilon, double *p, struct fm_error *err) FM_MUST_CHECK;

/* An upper bound on the probability that v or more of r guesses on m canaries are right when (epsilon, delta) holds
 * (theorem 5.2): P[W >= v] + 2 m delta max over i = 1 ... v of P[v > W >= v - i] / i. FM_EINPUT unless v <= r <= m <=
 * FM_AUDIT_MAX, epsilon >= 0 is finite, 0 <= delta <= 1. */
int fm_audit_p_value(size_t m, size_t r, size_t v, double epsilon, double delta, double *p,
		     struct fm_error *err) FM_MUST_CHECK;

/* The largest epsilon that v right guesses of r on m canaries refute with confidence 1 - p, to 1e-9 and from below; 0
 * when they refute none.  0 < p < 1. */
int fm_audit_epsilon(size_t m, size_t r, size_t v, double delta, double p, double *epsilon,
		     struct fm_error *err) FM_MUST_CHECK;

struct fm_canaries {
	const double *score; /* (m) */
	const uint8_t *in;   /* (m): 1 for canaries that were trained on */
	size_t m;
};
/* Choices for fm_audit_bound, fixed before anyone looks: nine in ten of the canaries, half of them, a fifth and a
 * tenth, half of the guesses each way; and two in five guessed to be in only, for cases where a canary that is out
 * looks like one that was never used. */
#define FM_AUDIT_CHOICES 5
void fm_audit_choices(size_t m, size_t k[FM_AUDIT_CHOICES][2]);

struct fm_audit {
	size_t m, r, v;  /* of the choice that gave the bound */
	double delta, p; /* p: of all choices, divided evenly among them (Bonferroni) */
	double epsilon;  /* the lower bound */
	size_t kplus, kminus;
};
/* The best bound over nk choices of how many to guess, k[j] = {kplus, kminus}, each at level p / nk, which accounts for
 * trying several. */
int fm_audit_bound(const struct fm_canaries *c, const size_t (*k)[2], size_t nk, double delta, double p,
		   struct fm_audit *audit, struct fm_error *err) FM_MUST_CHECK;

#endif
