/*
 * membership.h - does the model know its training windows better than windows that it never saw?
 *
 * The evaluate stage may read the model and the private store: it takes the loss (model/diffusion/window_loss.h) of at
 * most FM_MEMBERSHIP_WINDOWS windows of the training split and of the holdout, chosen at random, and hands these
 * numbers to privacy/leakage/membership.h, which adds leak.mia_model_auc, _tpr_1 and _tpr_01.  Windows are encoded as
 * the train stage does, with the training split's hosts.
 */
#ifndef FM_STAGES_MEMBERSHIP_H
#define FM_STAGES_MEMBERSHIP_H

#include <stdbool.h>

#include "base/table.h"
#include "base/thread.h"
#include "manifests/config.h"
#include "manifests/metrics.h"

#define FM_MEMBERSHIP_WINDOWS 512

/* model_dir, store_json: what the train and ingest stages left.  A split without a whole window makes the metrics NaN.
 */
int fm_model_membership(const struct fm_config *cfg, const char *model_dir, const char *store_json,
			const struct fm_table *train, const struct fm_table *holdout, struct fm_pool *pool,
			struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
