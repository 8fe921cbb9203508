/*
 * planted.h - canaries among the records of a fit, scored by its noisy counts, to test its claim of privacy.
 */
#ifndef FM_MODEL_MARGINALS_PLANTED_H
#define FM_MODEL_MARGINALS_PLANTED_H

#include "model/marginals/marginals.h"
#include "privacy/canary.h"

/* fm_marginals_fit, and score[n] of the canaries from its noisy answers: all histograms of single values, all one-way
 * tables and pairs; not the lists of hosts, coarse cells and tails.  A canary is one exchange; with
 * fm_marginals_opts.window it is as many as are kept of a window, and is scored only by answers that count all of them
 * in one cell.
 * place: NULL, or two arrays (n) that are filled: with the place of canary i's first exchange among those of all
 * canaries (fm_exchanges_cut), behind which its others stand; and with that of what is in its place, where p->instead
 * is set. */
int fm_marginals_fit_planted(struct fm_marginals *m, const struct fm_table *t, const struct fm_marginals_opts *o,
			     const struct fm_planted *p, uint32_t *const place[2], double *score,
			     struct fm_error *err) FM_MUST_CHECK;

#endif
