/*
 * private_counts.h - what a config in privacy.mode dp says of the counts of exchanges (model/marginals), for the kinds
 * of model that begin with them.
 *
 *     fm_private_worth    epsilon and delta -> mu: the Gaussian that the whole run may amount to
 *     fm_private_split    privacy.budget -> shares of mu^2, for counts, vocabulary and training
 *     fm_private_plan     what the counts charge, a function of the config alone
 *     fm_private_facts    what is public, in the terms of fm_marginals_fit
 *     fm_private_gate_*   what the gate asks of the holdout (model/marginals/paid.h), and what it charges
 *     fm_private_wishes   what is asked for, in the terms of fm_marginals_sample
 */
#ifndef FM_MODEL_PRIVATE_COUNTS_H
#define FM_MODEL_PRIVATE_COUNTS_H

#include "manifests/config.h"
#include "model/marginals/beside.h"
#include "model/marginals/marginals.h"
#include "model/marginals/paid.h"

/* Fails for what both kinds refuse: a config that names no label, or wishes for labels or hours. */
int fm_private_check(const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;

enum fm_accountant fm_private_accountant(const struct fm_config *cfg);

/* What a neighbour is, by privacy.unit.  A flow more or less turns the exchange that it is in into another, so unit
 * flow is accounted as an exchange replaced by any other; that also covers an exchange more or less, which is the same
 * as one replaced by one that no count sees.  Unit window is accounted as a group: all exchanges that are kept of a
 * window (fm_config_group) are there or not. */
enum fm_adjacency fm_private_adjacency(const struct fm_config *cfg);

/* Shares of delta: of the Gaussians, and of each of the two lists of hosts. */
#define FM_DELTA_GAUSSIANS 0.9
#define FM_DELTA_LIST 0.05

/* The mu of the whole run for one exchange; with unit window a group of g exchanges has g times as much.  A little less
 * than the largest whose Gaussian keeps to the config's epsilon at FM_DELTA_GAUSSIANS of its delta, or that of its
 * noise multiplier. */
double fm_private_worth(const struct fm_config *cfg);

/* "epsilon 4 at delta 1e-06", for the data sheet; or what the noise multiplier says.  Returns text. */
const char *fm_private_aim(const struct fm_config *cfg, char text[96]);

/* mu^2 of several Gaussians add up, so that shares of a budget are shares of mu^2. */
struct fm_private_split {
	double counts;     /* share of the vocabulary and the pairs together */
	double vocabulary; /* the vocabulary's share of that; 0: by the weights of the counts */
	double training;
};
/* privacy.budget; where it is {} or has only a share for the gate, the split `usual` of what the gate leaves. */
struct fm_private_split fm_private_split(const struct fm_config *cfg, struct fm_private_split usual);

/* What counts that together have this mu will charge; charges is empty before. */
int fm_private_plan(const struct fm_config *cfg, double mu, double vocabulary, struct fm_charges *charges,
		    struct fm_error *err) FM_MUST_CHECK;

/* Append to *charges what the evaluate stage charges for the gate: nothing without a share for the gate. */
int fm_private_gate_plan(const struct fm_config *cfg, struct fm_charges *charges, struct fm_error *err) FM_MUST_CHECK;
/* The options of the gate's counts, in the same terms for the holdout (real), whose dictionary says which addresses are
 * inside, and for made flows (real NULL), where the config's ranges say it.  *o points to real, or into r. */
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
/* of: the table to be counted, whose dictionary says which addresses are inside; borrowed. */
int fm_private_facts(struct fm_private_facts *f, const struct fm_config *cfg, double mu, double vocabulary,
		     const struct fm_table *of, struct fm_error *err) FM_MUST_CHECK;

/* Compare flows made by the config with the noisy counts (model/marginals/beside.h). */
int fm_private_beside(const struct fm_config *cfg, const struct fm_marginals *m, const struct fm_table *made,
		      struct fm_beside *out, struct fm_error *err) FM_MUST_CHECK;

/* What the noisy counts, which are paid for, say against the config.  Warns where the noise hides what they were taken
 * for, as it does where the trace is not of the period that the config says.  FM_EINPUT where the trace certainly has
 * so many exchanges that delta is one in their number or more: then privacy.records, which is not compared with the
 * trace itself, hid that the claim is void. */
int fm_private_doubt(const struct fm_config *cfg, const struct fm_marginals *m, struct fm_error *err) FM_MUST_CHECK;

/* The config's wishes for a sample of `rows` rows (0: as many as the noisy total says, since the exact number is
 * private); sample points into this struct and has no pool. */
struct fm_private_wishes {
	struct fm_range inside[FM_CFG_MAXRANGES], outside[FM_CFG_MAXRANGES];
	struct fm_marginals_sample_in sample;
};
int fm_private_wishes(struct fm_private_wishes *w, const struct fm_config *cfg, const struct fm_marginals *m,
		      uint64_t rows, uint64_t seed, struct fm_error *err) FM_MUST_CHECK;

#endif
