/*
 * membership.h - how well does a score tell the training records from records that the model never saw?
 *
 * The area under the ROC curve with DeLong's interval, with components summed by cluster where rows of a cluster depend
 * on each other (DeLong, DeLong and Clarke-Pearson 1988; Obuchowski 1997), and the true-positive rate at 1 % and 0.1 %
 * false positives, where an attacker works (Carlini et al., Membership Inference Attacks From First Principles, 2022),
 * with a Wilson interval for n m / (n + m) records.  Between two scores the ROC curve is straight.
 */
#ifndef FM_PRIVACY_LEAKAGE_MEMBERSHIP_H
#define FM_PRIVACY_LEAKAGE_MEMBERSHIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "manifests/metrics.h"

enum { FM_MIA_RATES = 2 };
extern const double fm_mia_rate[FM_MIA_RATES]; /* 0.01, 0.001 */

struct fm_mia {
	double auc, auc_lo, auc_hi;
	double tpr[FM_MIA_RATES], tpr_lo[FM_MIA_RATES], tpr_hi[FM_MIA_RATES];
};
struct fm_mia_side {
	const double *score;     /* (n); a higher score is more like a member */
	const uint32_t *cluster; /* (n); NULL: each record is its own cluster */
	size_t n;
};
/* All of *out is NaN when a score is NaN or one side is empty. */
int fm_mia_scores(const struct fm_mia_side *members, const struct fm_mia_side *outsiders, struct fm_mia *out,
		  struct fm_error *err) FM_MUST_CHECK;

/* Add leak.PREFIX_auc, _tpr_1 and _tpr_01, each followed by COLUMNS; their n is the number of members. */
int fm_mia_add(const struct fm_mia *mia, const char *prefix, const char *columns, size_t n, struct fm_metrics *out,
	       struct fm_error *err) FM_MUST_CHECK;

/*
 * The loss-threshold attack (Yeom et al. 2018): a record that the model fits well is taken for a member.  Adds
 * leak.mia_model_auc, leak.mia_model_tpr_1 and leak.mia_model_tpr_01.  The losses of n training records and of m
 * records that the model never saw, taken in the same way (same diffusion steps, same noise); a cluster as above is a
 * window, whose loss is one number here.
 */
int fm_mia_losses(const double *member, size_t n, const double *outsider, size_t m, struct fm_metrics *out,
		  struct fm_error *err) FM_MUST_CHECK;

#endif
