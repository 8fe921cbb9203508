/*
 * controls.h - planted generators of known quality, which a gate must tell apart to be trusted.
 *
 * A small world is taken from the training split and the holdout: three tables with equal numbers of rows, one as the
 * training rows, one as the holdout, and one of fresh real flows that neither has.  From it each control makes a
 * synthetic table:
 *
 *     copy            fresh rows, of which a share `level` is replaced by training rows; at 1 all of them
 *     copy_fresh_ids  the same, but time and addresses stay those of the fresh rows
 *     copy_doubled    the same, but each flow is there twice, the copy a second later: in all three tables, of which
 *                     only the first half of each window is kept.  Only leakage is judged
 *     noise           all training rows, time shifted and duration, packets and bytes changed by about `level` of
 *                     their size
 *     outliers        fresh rows, ten of which are replaced by the ten most extreme training rows; level is 10
 *     one_row         one training row again and again
 *     independent     each column drawn by itself from that of the training rows
 *     shuffled        each column of the fresh rows shuffled by itself: its marginals are those of real flows
 *     constant        the most frequent value of each column
 *     fresh           the fresh rows: the only control that must pass
 *
 * fm_controls_measure (control_run.c) plants and scores all of them for the evaluate stage; fm_controls_judge
 * (control_judge.c) applies the gate's checks to the scores.  docs/gate.md says what is expected of each, and why.
 *
 *     {"format":"flowmint-controls/1","rows":12000,"limit":0.005,"floor":[METRICS of "floor." names],
 *      "controls":[{"name":"copy","kind":"negative","level":0.005,"expected":"fail","metrics":[METRICS]},...]}
 *
 * METRICS as fm_metrics_list.  With too few rows for a world, rows is 0 and the list is empty.
 */
#ifndef FM_JUDGE_GATE_CONTROLS_H
#define FM_JUDGE_GATE_CONTROLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "manifests/planted.h"

#define FM_CONTROLS_FORMAT "flowmint-controls/1"
#define FM_CONTROLS_SEED 20160411u /* of every run: the same tables give the same controls */
#define FM_CONTROLS_MIN 50         /* rows: a smaller world shows nothing */

/* Three tables of `rows` rows each, with the dictionaries of train (those of the others may have further entries),
 * ordered by time where their sources are.  train and holdout have the column win, fresh does not. */
struct fm_control_world {
	struct fm_table *train, *holdout, *fresh;
	size_t rows;
};
/* Are so many rows enough for one? */
bool fm_controls_enough(uint64_t train, uint64_t holdout);
/* Make a world of at most max_rows rows: of windows (column win, else runs of 64 rows) that are spread evenly over both
 * sources, each window going to one table whole or in part, drawn by seed.  rows is 0 when there are too few. */
int fm_control_world_subsample(struct fm_control_world *w, const struct fm_table *train, const struct fm_table *holdout,
			       size_t max_rows, uint64_t seed, struct fm_error *err) FM_MUST_CHECK;
/* The world as two exporters would have seen it: the first 32 of each 64 rows of a table, twice, each copy next to its
 * flow and a second later. */
int fm_control_world_double(struct fm_control_world *twice, const struct fm_control_world *w,
			    struct fm_error *err) FM_MUST_CHECK;
void fm_control_world_free(struct fm_control_world *w);
/* Make w->rows rows by the control's generator from this world. */
int fm_control_plant(const struct fm_control *c, const struct fm_control_world *w, uint64_t seed, struct fm_table **out,
		     struct fm_error *err) FM_MUST_CHECK;

/* The whole document above, a new reference.  Only what the checks of cfg->gate need is scored. */
int fm_controls_measure(const struct fm_config *cfg, const struct fm_table *train, const struct fm_table *holdout,
			uint64_t seed, struct fm_pool *pool, json_t **doc, struct fm_error *err) FM_MUST_CHECK;
/* The same for n controls in a given world. */
struct fm_controls_in {
	const struct fm_config *cfg;
	const struct fm_control_world *world;
	const struct fm_control *control; /* (n) */
	size_t n;
	uint64_t seed;
	struct fm_pool *pool;
};
int fm_controls_score(const struct fm_controls_in *in, json_t **doc, struct fm_error *err) FM_MUST_CHECK;

/* The part of cfg that the document depends on: other thresholds on the same metrics need no new document.  A new
 * reference, or NULL. */
json_t *fm_controls_key(const struct fm_config *cfg);

/* Apply the checks of cfg->gate to the controls of doc (NULL: they were not run) and write into v: the controls, the
 * smallest leak caught, and a line FM_METRIC_CONTROLS, for which v->check must have room. */
int fm_controls_judge(const struct fm_config *cfg, const json_t *doc, struct fm_verdict *v,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
