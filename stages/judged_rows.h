/*
 * judged_rows.h - which real rows are judged, chosen so that no number in a release tells how many rows there are.
 *
 * The number of training windows that are judged is a multiple of privacy.min_count; of the holdout, as many are judged
 * as the split gives to a trace with that many training windows.  The windows that are left out, fewer than
 * privacy.min_count, are spread evenly over the split, or the last ones where a copy of the table would be too large.
 * So whatever is measured on these rows, however exactly, could come from privacy.min_count traces of different sizes.
 *
 * Exact copies are looked for among the training rows left out too: see fm_judged_rows_copies.  Nothing is left out in
 * privacy.mode dp, which publishes nothing of these rows, nor where training has fewer than privacy.min_count windows.
 */
#ifndef FM_STAGES_JUDGED_ROWS_H
#define FM_STAGES_JUDGED_ROWS_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "privacy/leakage/leakage.h"
#include "traces/split.h"

struct fm_judged_rows {
	const struct fm_table *train, *holdout;    /* holdout NULL where there is none; without what the trace lacks */
	const struct fm_table *learned[2];         /* the same two with what ingest filled, as the model learns them */
	struct fm_table view[2], seen[2], *own[2]; /* private */
	struct fm_table *rest;                     /* training rows that are not judged; NULL: none */
};
/* train and holdout stay the caller's and as they are while *j is used; free *j after a failure too. */
int fm_judged_rows_make(struct fm_judged_rows *j, const struct fm_config *cfg, const struct fm_table *train,
			const struct fm_table *holdout, struct fm_error *err) FM_MUST_CHECK;
void fm_judged_rows_free(struct fm_judged_rows *j);

/* In rows: how many rows of training and of the holdout there are; out: how many of them are judged. */
void fm_judged_rows_count(const struct fm_config *cfg, uint64_t rows[2]);
/* split.holdout_least as windows. */
uint64_t fm_holdout_least(const struct fm_config *cfg);
/* count: how many windows are judged when the training split has `train` windows. */
void fm_judged_windows(const struct fm_config *cfg, uint64_t train, uint64_t count[FM_NSPLIT]);

/* leak.rows_equal and leak.echo_addr of j->rest, where they are larger than those in *metrics.  They are shares of the
 * synthetic rows, from which no number of real rows follows. */
int fm_judged_rows_copies(const struct fm_judged_rows *j, const struct fm_table *synthetic, struct fm_pool *pool,
			  struct fm_leakage_opts o, struct fm_metrics *metrics, struct fm_error *err) FM_MUST_CHECK;

#endif
