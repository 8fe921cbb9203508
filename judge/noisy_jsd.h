/*
 * noisy_jsd.h - the Jensen-Shannon divergence (nats, 0 .. ln 2; divergence.h) of a histogram known only with noise from
 * one known exactly, and how much of it is noise.
 *
 * J(h) is the divergence of h, whose negative cells are taken as empty, from the exact histogram q.  Noise alone makes
 * it larger than 0, by a known amount, since the deviation of the noise is public:
 *
 *     excess = J(noisy) - mean of J(N q + noise)      beyond the noise of equal histograms; N is the noisy total
 *     half   = 1.96 deviations of J(noisy + noise)
 *
 * The divergence without noise lies between excess - half and excess + noise + half.  The upper end adds the subtracted
 * noise again: where noise is as large as the counts, it hides a difference as easily as it fakes one, and the excess
 * of very different histograms falls to 0.  But the divergence is convex, so noise does not lower it on average (except
 * where negative cells are taken as empty, which affects only large divergences).
 *
 * Both are found by simulation with a fixed public seed, as a function of noisy, q and sigma alone: this costs no
 * privacy, and gives the same bits everywhere (detmath.h).
 */
#ifndef FM_JUDGE_NOISY_JSD_H
#define FM_JUDGE_NOISY_JSD_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fm_noisy_jsd {
	double noise;        /* mean of J where the two differ by noise alone */
	double excess, half; /* excess may be negative */
	int64_t total;       /* the noisy total, 0 where it is negative */
};

/* noisy, exact: (k).  Where noise has left no count above 0, or exact has none, excess is ln 2 and half 0: there is no
 * evidence that they agree.  FM_EINPUT unless sigma > 0. */
int fm_jsd_noisy(const int64_t *noisy, const uint64_t *exact, size_t k, double sigma, struct fm_noisy_jsd *out,
		 struct fm_error *err) FM_MUST_CHECK;

/* The interval for one field, or for the mean of several fields with independent noise. */
struct fm_noisy_range {
	double least, most; /* from 0 to ln 2 */
	int64_t total;      /* the smallest of the totals */
};
struct fm_noisy_range fm_noisy_range(const struct fm_noisy_jsd *j, size_t n);

#endif
