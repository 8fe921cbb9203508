/*
 * planted.h - canaries among the records of a fit, scored by its noisy counts, to test its claim of privacy.
 */
#ifndef FM_MODEL_MARGINALS_PLANTED_H
#define FM_MODEL_MARGINALS_PLANTED_H

#include "model/marginals/marginals.h"
#include "privacy/canary.h"

struct fm_marginals_planted {
	/* Number of canaries.  Each is an exchange between two hosts that no other flow has; with
	 * fm_marginals_opts.window it is as many exchanges as are kept of a window. */
	size_t n;
	const struct fm_table *canary; /* their flows; those of canary i are rows i * each ... i * each + each - 1 */
	size_t each;
	/* Canaries likewise, of which the i-th is fitted where canary i is out; NULL: nothing is in its place. */
	const struct fm_table *instead;
	const struct fm_table *known;    /* the private flows without any of these */
	const uint8_t *in;               /* (n): whose flows are among those that are fitted */
	struct fm_canary_memory *memory; /* of the audit's runs before (privacy/canary.h) */
	/* (n), out: the place of canary i's first exchange among those of all (fm_exchanges_cut), behind which its
	 * others stand; and that of what is in its place.  May be NULL. */
	uint32_t *place, *place_instead;
};
/* fm_marginals_fit, and score[n] of the canaries from its noisy answers: all histograms of single values, all one-way
 * tables and pairs; not the lists of hosts, coarse cells and tails.  A canary of several exchanges is scored only by
 * answers that count all of them in one cell.  The tables have one dictionary of addresses. */
int fm_marginals_fit_planted(struct fm_marginals *m, const struct fm_table *t, const struct fm_marginals_opts *o,
			     const struct fm_marginals_planted *p, double *score, struct fm_error *err) FM_MUST_CHECK;

#endif
