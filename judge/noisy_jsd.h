/*
 * noisy_jsd.h - the Jensen-Shannon divergence (nats, 0 .. ln 2; divergence.h) of a histogram that is known with noise
 * alone from one that is known exactly, and what of it is noise.
 *
 * J(h) is the divergence of h, whose negative cells are taken as empty, from the exact histogram q.  Noise alone makes
 * it larger than 0, and what it is there is known, since the noise's deviation is public:
 *
 *     excess = J(noisy) - mean of J(N q + noise)      what is beyond the noise of equal histograms, N: the noisy total
 *     half   = 1.96 deviations of J(noisy + noise)
 *
 * The divergence without noise lies between excess - half and excess + noise + half.  The upper end takes back what was
 * subtracted: where noise is as large as the counts it hides a difference as readily as it feigns one, and the excess
 * of very different histograms falls to 0, while the divergence is convex, so that noise does not make it smaller on
 * average (but for what is lost where negative cells are taken as empty: of divergences that are gross anyway).
 *
 * Both by simulation with a fixed public seed, as a function of noisy, q and sigma alone: it costs no privacy, and has
 * the same bits everywhere (detmath.h).
 */
#ifndef FM_JUDGE_NOISY_JSD_H
#define FM_JUDGE_NOISY_JSD_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fm_noisy_jsd {
	double noise;        /* mean of J where nothing but noise tells the two apart */
	double excess, half; /* excess may be negative */
	int64_t total;       /* the noisy total, 0 where it is negative */
};

/* noisy, exact: (k).  Where noise has left no count above 0, or exact has none, excess is ln 2 and half 0: nothing is
 * known to agree.  FM_EINPUT unless sigma > 0. */
int fm_jsd_noisy(const int64_t *noisy, const uint64_t *exact, size_t k, double sigma, struct fm_noisy_jsd *out,
		 struct fm_error *err) FM_MUST_CHECK;

/* The interval for one field, or for the mean of several, each with noise of its own. */
struct fm_noisy_range {
	double least, most; /* from 0 to ln 2 */
	int64_t total;      /* the smallest */
};
struct fm_noisy_range fm_noisy_range(const struct fm_noisy_jsd *j, size_t n);

#endif
