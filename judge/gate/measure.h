/*
 * measure.h - all metrics of one synthetic table: what the evaluate stage and `flowmint evaluate` both compute.
 */
#ifndef FM_JUDGE_GATE_MEASURE_H
#define FM_JUDGE_GATE_MEASURE_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "judge/task.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "privacy/leakage/leakage.h"

/*
 * Judge `synthetic` against `real` (the generator's training rows) and, where there are some, against `holdout` (real
 * rows that the generator never saw; NULL or empty: the metrics that need it are left out).  Metrics are appended to
 * *out; on failure *out has those made so far, still to be freed by the caller.
 *
 *     rows.*        numbers of rows
 *     jsd.* jsd_mean8 emd.* emdn.*    judge/fidelity.h          floor.*   the same of holdout against training at equal
 *     assoc.* pair_jsd                judge/association.h                 numbers of rows: the noise floor
 *     time.* heavy.* burst.*          judge/structure.h, heavy.h, burst.h
 *     ks.* host.*                     judge/margins.h, host.h, profile.h
 *     c2st.*                          judge/c2st.h
 *     anomaly.*                       judge/anomaly.h
 *     rules.*       judge/rules.h
 *     downstream.*  judge/downstream.h; downstream.label_classes, tstr.*, trtr.*: judge/classification.h
 *     leak.*        privacy/leakage/leakage.h
 *
 * threads: 0 for all allowed; it changes no value.  o.memory: bytes that may be used for what grows with the number of
 * rows; for larger tables all metrics but rows.*, rules.* and leak.* are those of a subsample (judge/gate/subsample.h),
 * whose numbers of rows are rows.judged_real, _synthetic and _holdout.  FM_EINPUT when real or synthetic has no rows.
 */
int fm_evaluate_tables(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		       int threads, struct fm_leakage_opts o, struct fm_metrics *out,
		       struct fm_error *err) FM_MUST_CHECK;
/* The same for a set of groups only. */
int fm_evaluate_chosen(const struct fm_judged *of, int threads, struct fm_leakage_opts o, unsigned set,
		       struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

/*
 * The same in parts, for the controls: metrics come in groups that are measured together, and a set of groups is a set
 * of bits.  No row counts are checked here.
 */
unsigned fm_evaluate_group(const char *metric); /* group of a metric or its floor; 0: tables do not give it */
unsigned fm_evaluate_groups_needed(const struct fm_config *cfg); /* groups of the checks of cfg->gate */
/* The groups of comma-separated words: each is a metric or the beginning of some ("leak", "jsd.TD"). FM_EUSAGE names a
 * word that is neither, and the words that exist. */
int fm_evaluate_groups_named(const char *words, unsigned *set, struct fm_error *err) FM_MUST_CHECK;
unsigned fm_evaluate_groups_that_learn(void); /* groups whose judges train a model: two-sample tests and tasks */
struct fm_leakage_opts fm_evaluate_opts(const struct fm_config *cfg); /* gate.memory, privacy.min_count */
struct fm_judge_in {
	const struct fm_table *real, *synthetic, *holdout; /* holdout: NULL when there is none */
	struct fm_pool *pool;
	struct fm_leakage_opts o;
};
int fm_evaluate_some(const struct fm_judge_in *in, unsigned set, struct fm_metrics *out,
		     struct fm_error *err) FM_MUST_CHECK;
/* The floors of a set of groups: what fresh real flows would score, with the holdout as the synthetic table, and the
 * larger side reduced to the rows of the smaller, by whole runs of 64 neighbours in time. */
int fm_evaluate_floor(const struct fm_table *real, const struct fm_table *holdout, unsigned set, struct fm_pool *pool,
		      struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
