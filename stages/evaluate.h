/*
 * evaluate.h - all metrics of one synthetic table: what the evaluate stage and `flowmint evaluate` both compute.
 */
#ifndef FM_STAGES_EVALUATE_H
#define FM_STAGES_EVALUATE_H

#include "base/error.h"
#include "base/table.h"
#include "manifests/metrics.h"

/*
 * Judge `synthetic` against `real` (the generator's training rows) and, where there are some, against `holdout` (real rows
 * that the generator never saw; NULL or empty: the metrics that need it are left out).  Metrics are appended to *out; on
 * failure *out holds those that were made and is still the caller's to free.
 *
 *     rows.*        numbers of rows
 *     jsd.* jsd_mean8 emd.* emdn.*    judge/fidelity.h          floor.*   the same of holdout against training at equal
 *     assoc.* pair_jsd                judge/association.h                 numbers of rows: the noise floor
 *     time.*        judge/structure.h
 *     rules.*       judge/rules.h
 *     downstream.*  judge/downstream.h
 *     leak.*        privacy/leakage.h
 *
 * threads: 0 for all allowed; it changes no value.  FM_EINPUT when real or synthetic has no rows.
 */
int fm_evaluate_tables(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		       int threads, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
