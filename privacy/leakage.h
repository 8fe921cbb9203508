/*
 * leakage.h - do the synthetic rows say more about the training rows than about real rows that the model never saw?
 *
 * Matches (match.h), each with a 95 % Wilson interval.  COLUMNS is nothing (all flow columns), _no_time (all but te) or
 * _no_addr_time (all but te, sa, da: fresh addresses and times would make the others pass for nothing):
 *
 *     leak.rows_equalCOLUMNS       share of synthetic rows equal to a training row
 *     leak.holdout_equalCOLUMNS    share of holdout rows equal to a training row: what fresh real flows would show
 *     leak.unique_trainCOLUMNS     training rows that occur once, are not in the holdout and are among the synthetic rows
 *     leak.unique_holdoutCOLUMNS   the mirror: holdout rows that occur once, are not in training and are emitted
 *     leak.unique_zCOLUMNS         (train - holdout) / sqrt(train + holdout), about standard normal when nothing is copied
 *                                  and rows are independent; 0 when there are none.  Training and holdout at equal
 *                                  numbers of rows, which is their n.
 *
 * Distances (nearest.h), of at most FM_LEAKAGE_ROWS synthetic rows to all rows of the smaller of training and holdout and as
 * many of the larger one; over all ten fields, and with _no_addr_time behind the names without addresses and time:
 *
 *     leak.share_nearer_train      share nearer to a training row than to any holdout row, a tie counting half, with a 95 %
 *                                  Wilson interval: 0.5 where nothing is remembered
 *     leak.dcr_median_train, leak.dcr_median_holdout, leak.dcr_p5_train, leak.dcr_p5_holdout   those distances, 0 .. 1
 *
 * Choices of rows are drawn from a fixed seed.
 */
#ifndef FM_PRIVACY_LEAKAGE_H
#define FM_PRIVACY_LEAKAGE_H

#include <stddef.h>

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

#define FM_LEAKAGE_ROWS 20000    /* synthetic rows whose distances are taken at most */
#define FM_LEAKAGE_RARE 20       /* a value of fewer training records is rare */
#define FM_LEAKAGE_RECORDS 10000 /* training records, and as many of the holdout, that are looked for at most */

/*
 * The family of tests, each at its own level, that leak.family_p sums up: the smallest of p / share, at most 1.  Shares add up
 * to less than 1, so that fresh real rows come below alpha with a chance under alpha (Bonferroni, weighted; Holm 1979).
 * At alpha = FM_LEAKAGE_ALPHA a test of "unique" fails from p = 0.0007 (z = 3.2), one of "attached" from 0.001, which ten
 * records against none reach, one of "lone" or "nearer" from 0.0003.
 */
#define FM_LEAKAGE_ALPHA 0.005
#define FM_LEAK_SHARE_UNIQUE 0.14   /* two tests */
#define FM_LEAK_SHARE_LONE 0.06     /* two */
#define FM_LEAK_SHARE_ATTACHED 0.20 /* two */
#define FM_LEAK_SHARE_NEARER 0.06   /* three: 0.98 in all */
#define FM_LEAK_FAR 0.01            /* see leak.attached */
#define FM_LEAK_NEAR 0.1

/* holdout may be NULL or without rows: then only leak.rows_equal* are added.  FM_EINPUT when train or synthetic has no rows. */
int fm_leakage(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
	       struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

/* Wilson's interval for hits of n at z = 1.96 (Wilson 1927); [0, 1] for n = 0.  hits may end in a half. */
void fm_wilson(double hits, double n, double *lo, double *hi);

#endif
