/*
 * private_counts.h - what a config in privacy.mode dp says of the counts of exchanges (model/marginals), for the kinds
 * of model that begin with them.
 *
 *     fm_private_worth    epsilon and delta -> mu: the Gaussian that all of the run may be worth
 *     fm_private_split    mu and privacy.budget -> what the counts have of it
 *     fm_private_plan     what the counts charge, a function of the config alone
 *     fm_private_facts    what is public, in the terms of fm_marginals_fit
 *     fm_private_gate_*   what the gate asks of the holdout (model/marginals/paid.h), charges, and is told in public
 *     fm_private_wishes   what is asked for, in the terms of fm_marginals_sample
 */
#ifndef FM_MODEL_PRIVATE_COUNTS_H
#define FM_MODEL_PRIVATE_COUNTS_H

#include "manifests/config.h"
#include "model/marginals/beside.h"
#include "model/marginals/marginals.h"
#include "model/marginals/paid.h"

/* What both kinds refuse: no label is named; labels or hours are wished for. */
int fm_private_check(const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;

enum fm_accountant fm_private_accountant(const struct fm_config *cfg);

/* What a neighbour is, by privacy.unit.  A flow more or less makes another exchange of the one that it is in, so that
 * unit flow is accounted as an exchange that is replaced by any other; that covers one that is there or not, too: such
 * a one could have been replaced by one that no count sees.  Unit window is accounted as a group: all exchanges that
 * are kept of a window (fm_config_group) are there or not. */
enum fm_adjacency fm_private_adjacency(const struct fm_config *cfg);

/* Shares of delta: what the Gaussians have, and each of the two lists of hosts. */
#define FM_DELTA_GAUSSIANS 0.9
#define FM_DELTA_LIST 0.05

/* The mu of the whole run, of one exchange: with unit window a group of them is worth so many times as much.  A little
 * less than the largest whose Gaussian keeps to the config's epsilon at FM_DELTA_GAUSSIANS of its delta, or that of its
 * noise multiplier. */
double fm_private_worth(const struct fm_config *cfg);

/* "epsilon 4 at delta 1e-06", for the data sheet; or what the noise multiplier says.  Returns text. */
const char *fm_private_aim(const struct fm_config *cfg, char text[96]);

/* mu^2 of several Gaussians adds up, so that shares of a budget are shares of mu^2. */
struct fm_private_split {
	double counts;     /* share of the vocabulary and the pairs together */
	double vocabulary; /* what the vocabulary has of that; 0: by the weights of the counts */
	double training;
};
/* privacy.budget, or where it is {} or has a share for the gate alone the split `usual` of what the gate leaves. */
struct fm_private_split fm_private_split(const struct fm_config *cfg, struct fm_private_split usual);

/* What counts will charge that are worth mu together; charges is empty before. */
int fm_private_plan(const struct fm_config *cfg, double mu, double vocabulary, struct fm_charges *charges,
		    struct fm_error *err) FM_MUST_CHECK;

/* What the evaluate stage charges for the gate is appended to *charges: nothing without a share for the gate. */
int fm_private_gate_plan(const struct fm_config *cfg, struct fm_charges *charges, struct fm_error *err) FM_MUST_CHECK;
/* The same terms for the holdout, whose dictionary says which addresses are inside, and for flows that were made, whose
 * ranges do.  real: the table; NULL: made ones.  *o points to it, or into r. */
struct fm_private_ranges {
	struct fm_range range[FM_CFG_MAXRANGES];
	int n;
};
int fm_private_gate_opts(struct fm_paid_opts *o, const struct fm_config *cfg, const struct fm_table *real,
			 struct fm_private_ranges *r, struct fm_error *err) FM_MUST_CHECK;

struct fm_private_facts {
	char text[FM_CFG_STR]; /* the labels, cut into words */
	const char *label[FM_LABELS_MAX];
	struct fm_marginals_opts counts; /* points into this; without a key and a pool */
};
/* of: the table that will be counted, whose dictionary says which addresses are inside; borrowed. */
int fm_private_facts(struct fm_private_facts *f, const struct fm_config *cfg, double mu, double vocabulary,
		     const struct fm_table *of, struct fm_error *err) FM_MUST_CHECK;

/* Flows that were made by the config, beside the noisy counts (model/marginals/beside.h). */
int fm_private_beside(const struct fm_config *cfg, const struct fm_marginals *m, const struct fm_table *made,
		      struct fm_beside *out, struct fm_error *err) FM_MUST_CHECK;

/* Warns where the noise hid what the counts were taken for. */
void fm_private_doubt(const struct fm_marginals *m);

/* A sample of so many rows (0: as many as the noisy total says, the exact number is private) as the config wishes for
 * it; sample points into this, and is without a pool. */
struct fm_private_wishes {
	struct fm_range inside[FM_CFG_MAXRANGES], outside[FM_CFG_MAXRANGES];
	struct fm_marginals_sample_in sample;
};
int fm_private_wishes(struct fm_private_wishes *w, const struct fm_config *cfg, const struct fm_marginals *m,
		      uint64_t rows, uint64_t seed, struct fm_error *err) FM_MUST_CHECK;

#endif
