/*
 * divergence.h - how far two samples differ, on plain arrays.
 *
 * JSD is the Jensen-Shannon divergence in nats, 0 .. ln 2 (Lin 1991, eq. 3.6 with equal weights): the square of SciPy's
 * jensenshannon(p, q), as NetShare (Yin et al., SIGCOMM 2022) reports it.  EMD is the Wasserstein-1 distance of two
 * empirical distributions on a line: the integral of |F(x) - G(x)|.
 *
 * Every function returns NaN when one of the samples is empty.
 */
#ifndef FM_JUDGE_DIVERGENCE_H
#define FM_JUDGE_DIVERGENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The Jensen-Shannon divergence of two count vectors of k cells, in nats. */
double fm_jsd_counts(const uint64_t *p, const uint64_t *q, size_t k);

/* The same for two sorted samples, with each distinct value as a cell. */
double fm_jsd_sorted(const uint64_t *x, size_t nx, const uint64_t *y, size_t ny);

/* The same for two sorted samples by rank: how often the most frequent value occurs, the second and so on, whatever the
 * value (NetShare's JSD of addresses). */
int fm_jsd_ranked(const uint64_t *x, size_t nx, const uint64_t *y, size_t ny, double *jsd,
		  struct fm_error *err) FM_MUST_CHECK;

/* The earth mover's distance of two sorted samples, in the unit of the values. */
double fm_emd_sorted(const uint64_t *x, size_t nx, const uint64_t *y, size_t ny);

/* Counts of equal values in a sorted sample, in order of value; returns the number of counts.  count may be NULL. */
size_t fm_run_counts(const uint64_t *x, size_t n, uint64_t *count);

#endif
