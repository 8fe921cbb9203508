/*
 * accountant.h - what a list of mechanisms leaks together: every epsilon comes from here.
 *
 *     const struct fm_mechanism run[] = {
 *         {.kind = FM_GAUSSIAN, .name = "ports", .sensitivity = 2, .scale = 60, .count = 1},
 *         {.kind = FM_LAPLACE, .name = "hosts", .sensitivity = 2, .scale = 50, .count = 1},
 *         {.kind = FM_SAMPLED_GAUSSIAN, .name = "training", .sensitivity = 1, .scale = 1.17, .q = 0.03, .count = 500},
 *     };
 *     double epsilon;
 *
 *     if ((rc = fm_account(run, 3, 1e-6, FM_ADD_OR_REMOVE, FM_PLD, &epsilon, err)) < 0)
 *         return rc;
 *     printf("The run is (%g, 1e-6)-differentially private.\n", epsilon);
 *
 * The answer is an upper bound: never below the truth, by PLD less than 1 % and mostly less than 0.1 % above it
 * (docs/accounting.md).  It does not depend on the order of the list, on threads or on the processor.
 */
#ifndef FM_PRIVACY_ACCOUNTANT_H
#define FM_PRIVACY_ACCOUNTANT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum fm_mechanism_kind {
	FM_GAUSSIAN,          /* a count or a vector of counts, plus N(0, scale^2) each */
	FM_LAPLACE,           /* a count or a vector of counts, plus Laplace noise of this scale each */
	FM_DISCRETE_GAUSSIAN, /* an integer, plus the discrete Gaussian N_Z(0, scale^2) */
	FM_SAMPLED_GAUSSIAN,  /* a sum over a Poisson sample of records, plus N(0, scale^2): a step of DP-SGD */
};

struct fm_mechanism {
	enum fm_mechanism_kind kind;
	const char *name; /* for messages and tables; may be NULL */
	/* By how much one unit moves it: in L2 (Gaussian), in L1 (Laplace), by a whole number (discrete Gaussian); for
	 * a sampled Gaussian the clip, the largest norm of one record. */
	double sensitivity;
	double scale;   /* sigma, or Laplace's b, in the unit of the sensitivity */
	double q;       /* sampled Gaussian: the probability that a record is in a step */
	uint64_t count; /* number of uses */
	unsigned group; /* units that change at once, such as all k of a host or a window; 0 and 1: one */
};

/* What a neighbour is, for sampled Gaussians: a unit is there or not, or it is replaced by another one of the same
 * clip.  For other mechanisms the caller gives the sensitivity for the neighbour that is claimed. */
enum fm_adjacency { FM_ADD_OR_REMOVE, FM_REPLACE_ONE };
enum fm_accountant { FM_PLD, FM_RDP };

/* What epsilon is stated for, and how it is found. */
struct fm_account_terms {
	double delta;
	enum fm_adjacency adjacency;
	enum fm_accountant accountant;
};

#define FM_DELTA_MIN 1e-30
#define FM_COUNT_MAX 100000000u /* most uses of a mechanism */

/* epsilon of all n together at delta, FM_DELTA_MIN to below 1.  An empty list leaks nothing.  FM_EINPUT, with the
 * mechanism's name or number, for one whose numbers its kind does not allow. */
int fm_account(const struct fm_mechanism *list, size_t n, double delta, enum fm_adjacency adjacency,
	       enum fm_accountant accountant, double *epsilon, struct fm_error *err) FM_MUST_CHECK;

/* The same, only as accurate as the caller needs: the grid is refined until a halving lowers epsilon by less than this
 * share. Never below fm_account's answer, which has the share FM_ACCOUNT_SHARE. */
#define FM_ACCOUNT_SHARE 1e-3
int fm_account_within(const struct fm_mechanism *list, size_t n, const struct fm_account_terms *terms, double share,
		      double *epsilon, struct fm_error *err) FM_MUST_CHECK;

/* The same for a target, or 0: epsilon need only be as accurate as shows on which side of it it is. */
int fm_account_toward(const struct fm_mechanism *list, size_t n, const struct fm_account_terms *terms, double share,
		      double target, double *epsilon, struct fm_error *err) FM_MUST_CHECK;

/* The smallest scale of list[which], to six digits, with which all n together keep to (epsilon, terms->delta); its
 * present scale does not matter.  fm_account with the answer gives epsilon or less.  FM_EINPUT where no scale does: the
 * others alone leak more.  (calibrate.c) */
int fm_calibrate(const struct fm_mechanism *list, size_t n, size_t which, double epsilon,
		 const struct fm_account_terms *terms, double *scale, struct fm_error *err) FM_MUST_CHECK;

/* v > 0 rounded up to `digits` significant digits (1 to 15), as the double nearest to the decimal. */
double fm_round_up(double v, int digits);

#endif
