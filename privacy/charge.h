/*
 * charge.h - the ledger of charges: one entry for each mechanism that looked at private records.
 *
 * Code that draws noise for a statistic of private records appends its entry first; the accountant adds the entries up,
 * the manifest prints them.  An entry is public: it says what was asked, never the answer.
 */
#ifndef FM_PRIVACY_CHARGE_H
#define FM_PRIVACY_CHARGE_H

#include <stddef.h>
#include <stdint.h>

#include "privacy/accountant.h"

enum fm_charge_kind {
	FM_CHARGE_GAUSSIAN, /* sensitivity in L2, scale: standard deviation */
	/* The same on integers.  For an account of hockey-stick divergences (PLD) the scale is
	 * fm_gaussian_equivalent(scale) (noise.h) of a continuous one, whatever number of counts it covers; for RDP it
	 * is the scale itself. */
	FM_CHARGE_DISCRETE_GAUSSIAN,
	FM_CHARGE_LAPLACE, /* sensitivity in L1, scale: b */
	FM_CHARGE_NKINDS
};
const char *fm_charge_kind_name(enum fm_charge_kind kind); /* "discrete_gaussian" */

#define FM_CHARGE_NAME 64
struct fm_charge {
	char name[FM_CHARGE_NAME]; /* what was asked; unique within the run */
	enum fm_charge_kind kind;
	double sensitivity, scale; /* in the same unit; an account depends only on their ratio */
	double rate;               /* of Poisson sampling, 1 without */
	uint64_t count;            /* how many times */
	/* For a stability threshold (fm_counts_keys), else 0: the delta of the threshold itself, and what it depends
	 * on. */
	double delta;
	unsigned most;     /* items that a unit may have on keys of its own */
	int64_t threshold; /* the threshold, in counts */
};

struct fm_charges { /* zero-initialised is empty */
	struct fm_charge *list;
	size_t n, cap;
};
/* FM_EINPUT for an entry without a name or with the name of another, or with a number that is out of range: sensitivity
 * and delta negative, scale not positive, rate outside (0, 1], count 0. */
int fm_charges_add(struct fm_charges *c, const struct fm_charge *charge, struct fm_error *err) FM_MUST_CHECK;
int fm_charges_append(struct fm_charges *c, const struct fm_charges *more, struct fm_error *err) FM_MUST_CHECK;
void fm_charges_free(struct fm_charges *c);

/*
 * *epsilon of all entries together, at delta, for `group` units that change at once, such as all k of a host or a
 * window; 0 and 1: one.  The deltas of thresholds, for `group` times as many items, are subtracted from delta first.
 * The accountant uses the numbers of a Gaussian or a Laplace as they are, sampled where rate < 1, and takes a discrete
 * Gaussian for the continuous one of fm_gaussian_equivalent(scale), except by RDP without sampling, where scale itself
 * holds. Sensitivities must be those of `adjacency`.  FM_EINPUT when thresholds use up delta (as they do for a large
 * group), when a discrete Gaussian has sigma^2 <= 3, or a Laplace is sampled.
 */
int fm_charges_epsilon(const struct fm_charges *c, double delta, unsigned group, enum fm_adjacency adjacency,
		       enum fm_accountant accountant, double *epsilon, struct fm_error *err) FM_MUST_CHECK;
/* The same, at most a share too high (fm_account_within): faster than with FM_ACCOUNT_SHARE, and never below that
 * answer. */
int fm_charges_epsilon_within(const struct fm_charges *c, unsigned group, const struct fm_account_terms *terms,
			      double share, double *epsilon, struct fm_error *err) FM_MUST_CHECK;
/* Set the scale of list[which], a continuous Gaussian, to the smallest one, to six digits, with which all entries
 * together keep to (epsilon, terms->delta) for `group` units that change at once.  FM_EINPUT as above, and where the
 * others alone leak more. */
int fm_charges_calibrate(struct fm_charges *c, size_t which, unsigned group, double epsilon,
			 const struct fm_account_terms *terms, struct fm_error *err) FM_MUST_CHECK;

/* share[i] (c->n): the share of entry i, summing to 1, in the Renyi divergence of all entries for `group` units (at
 * least 1) that change at once.  The order is the whole number from 2 to 64 at which the total divergence grants the
 * smallest epsilon at delta.  For Gaussians without sampling the share is in proportion to (sensitivity / scale)^2
 * count, at any order. (charge_shares.c) */
int fm_charges_shares(const struct fm_charges *c, double delta, unsigned group, double *share,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
