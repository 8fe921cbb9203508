/*
 * planted.h - canaries under noisy counts: a fit that is watched by whoever wants to refute its claim.
 */
#ifndef FM_MODEL_MARGINALS_PLANTED_H
#define FM_MODEL_MARGINALS_PLANTED_H

#include "model/marginals/marginals.h"
#include "privacy/canary.h"

struct fm_marginals_planted {
	size_t n;                      /* canaries, each an exchange between two hosts that no other flow has */
	const struct fm_table *canary; /* their flows; canary i's are rows i * each ... i * each + each - 1 */
	size_t each;
	const struct fm_table *known;    /* the private flows without any canary */
	const uint8_t *in;               /* (n): whose flows are among those that are fitted */
	struct fm_canary_memory *memory; /* of the audit's runs before (privacy/canary.h) */
	uint32_t *place; /* (n), out: canary i's place among the canaries' exchanges (fm_exchanges_cut); may be NULL */
};
/* fm_marginals_fit, and score[n] of the canaries from its noisy answers: all histograms of single values, all one-way
 * tables and pairs; not the lists of hosts, coarse cells and tails.  The tables have one dictionary of addresses. */
int fm_marginals_fit_planted(struct fm_marginals *m, const struct fm_table *t, const struct fm_marginals_opts *o,
			     const struct fm_marginals_planted *p, double *score, struct fm_error *err) FM_MUST_CHECK;

#endif
