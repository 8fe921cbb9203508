/*
 * window_follow.h - short windows come together: bursts outlast a window.
 *
 * The logarithms of the durations of a slot's windows, minus their mean, are treated as a stationary sequence.  Its
 * correlations over FM_LAGS windows and its skewness are learned.  The schedule draws an autoregressive sequence with
 * these correlations (Yule-Walker equations by the recursion of Levinson 1947 and Durbin 1960), and puts the durations
 * drawn for a slot into the order of its ranks.  Bursts begin suddenly and die away: the more the logarithms are skewed
 * to the short side, the more the innovations are skewed too.
 */
#ifndef FM_MODEL_CODEC_WINDOW_FOLLOW_H
#define FM_MODEL_CODEC_WINDOW_FOLLOW_H

#include "base/error.h"
#include "base/rng.h"
#include "model/codec/times.h"

/* Learn times->follow and times->skew. slot (n): the slot of each window; length (n): its duration; number (n): its
 * place among the windows of the source, rising.  A correlation over fewer than min_count pairs is 0. */
struct fm_window_lengths {
	size_t n;
	const uint8_t *slot;
	const int64_t *length;
	const uint32_t *number;
};
int fm_window_follow_fit(struct fm_times *times, const struct fm_window_lengths *w, int min_count,
			 struct fm_error *err) FM_MUST_CHECK;

struct fm_window_follow {
	double weight[FM_LAGS], sigma; /* weights of the values before, the latest first; deviation of the innovation */
	double sudden;                 /* 0: normal innovations; 1: skewed ones */
	double before[FM_LAGS];
	struct fm_rng rng;
};
void fm_window_follow_begin(struct fm_window_follow *f, const struct fm_times *times, uint64_t seed);
/* rank[0..n): a permutation, the ranks of the sequence's next n values. */
int fm_window_follow_ranks(struct fm_window_follow *f, uint32_t *rank, size_t n, struct fm_error *err) FM_MUST_CHECK;

#endif
