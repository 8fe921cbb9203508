/*
 * c2st.h - the classifier two-sample test: can a learner tell real from synthetic? (Lopez-Paz and Oquab, ICLR 2017)
 *
 *     c2st.flow_auc         on single flows without addresses, with time and label, in folds of single rows: the
 *                           reference scorer's c2st(ip=False)
 *     c2st.flow_blocks_auc  on single flows, also with TCP flags, forwarding and type of service where both tables have
 *                           them, in folds of stretches of time
 *     c2st.window_auc       on runs of 64 flows (windows.h), in folds of stretches of time; c2st.window32_auc on runs
 *                           of 32
 *
 * Each is the area under the ROC curve of boosted trees, three-fold cross-validated: 0.5 when nothing can be told
 * apart, 1 when everything can.  The value is the mean over the folds; the 95 % interval is DeLong's, as if flows were
 * independent: neighbours are not, so it is somewhat too narrow.  At most FM_C2ST_FLOWS flows and FM_C2ST_WINDOWS
 * windows of each table are used, equally many of both, drawn from a fixed seed.  n is the number of rows of both.
 *
 * The stretches of time are the same for both tables, each in one fold: the flows of one scan or session are together,
 * so that having learned which table has them is no help.  With folds of single rows it is a help: fresh real flows of
 * a trace of some thousand rows, split by windows, have a flow_auc of 0.8 and a flow_blocks_auc of 0.5.
 *
 * Rows that are equal in real and synthetic go to the same fold, pair by pair: a copied row neither helps nor confuses
 * the learner, and a table beside itself scores 0.5.  With fewer than six rows (windows) on a side the values are NaN.
 * The values do not depend on threads.
 */
#ifndef FM_JUDGE_C2ST_H
#define FM_JUDGE_C2ST_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "judge/trees.h"
#include "manifests/metrics.h"

#define FM_C2ST_FLOWS 50000
#define FM_C2ST_WINDOWS 4000

/* The trees that tell real from synthetic, as in the reference scorer: scikit-learn's histogram gradient boosting with
 * its default settings, at least 20 rows per leaf, or here a twentieth of the rows where that is fewer. */
struct fm_trees_opts fm_c2st_trees(size_t rows);

/* Names get prefix ("" or "floor.").  A test for which the tables lack the columns is left out. */
int fm_c2st(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	    struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

/* The test itself on x (2 n, f), of which the first n rows are real: AUC and its 95 % interval within 0 .. 1, all NaN
 * when n is too small. */
int fm_c2st_rows(const float *x, size_t n, size_t f, struct fm_pool *pool, double auc[3],
		 struct fm_error *err) FM_MUST_CHECK;

#endif
