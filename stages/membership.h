/*
 * membership.h - does the model know its training windows better than windows that it never saw?
 *
 * The evaluate stage may read the model and the private store: it takes the losses (fm_model_losses of
 * model/generator.h) of at most FM_MEMBERSHIP_WINDOWS windows of the training split and of the holdout, chosen at
 * random, and hands these numbers to privacy/leakage/membership.h, which adds leak.mia_model_auc, _tpr_1 and _tpr_01.
 */
#ifndef FM_STAGES_MEMBERSHIP_H
#define FM_STAGES_MEMBERSHIP_H

#include <stdbool.h>

#include "base/table.h"
#include "base/thread.h"
#include "manifests/config.h"
#include "manifests/metrics.h"

#define FM_MEMBERSHIP_WINDOWS 512

/* model_dir, store_json: what the train and ingest stages left; train: all rows that the model learned from; members
 * and holdout: the rows that windows are chosen from (judged_rows.h). */
struct fm_membership_in {
	const struct fm_config *cfg;
	const char *model_dir, *store_json;
	const struct fm_table *train, *members, *holdout;
};
/* Where a split has no whole window, or the model no loss of single windows, the metrics are NaN. */
int fm_model_membership(const struct fm_membership_in *in, struct fm_pool *pool, struct fm_metrics *out,
			struct fm_error *err) FM_MUST_CHECK;

#endif
