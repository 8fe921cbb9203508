/*
 * ranking.h - how well one number puts things in order: area under the ROC curve, rank correlation.
 */
#ifndef FM_JUDGE_RANKING_H
#define FM_JUDGE_RANKING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The chance that a positive scores above a negative, ties counted half, and its variance over samples of independent
 * rows (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988, by midranks). */
struct fm_auc {
	double value,
	    variance; /* value NaN without a positive or without a negative; variance NaN with fewer than two */
	size_t positives, negatives;
};
int fm_auc(struct fm_auc *a, const float *score, const int *positive, size_t n, struct fm_error *err) FM_MUST_CHECK;

/* Ranks 1 .. n of x, ties at the mean of theirs. */
int fm_midranks(const double *x, size_t n, double *rank, struct fm_error *err) FM_MUST_CHECK;

/* Spearman's rho with ties and Kendall's tau-b (n up to some thousands: every pair is looked at), -1 .. 1.  Where a
 * sample is constant there is no order to keep: 1 when a equals b throughout, else 0; n < 2 is NaN. */
int fm_spearman(const double *a, const double *b, size_t n, double *rho, struct fm_error *err) FM_MUST_CHECK;
double fm_kendall(const double *a, const double *b, size_t n);

#endif
