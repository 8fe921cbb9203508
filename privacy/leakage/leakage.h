/*
 * leakage.h - do the synthetic rows say more about the training rows than about real rows that the model never saw?
 *
 * Every check has the holdout as its control.  All real rows are searched, whatever their number: a subsample would
 * hide an exact copy.  Of synthetic rows, records and attacks a number is chosen, with a fixed seed; it is the metric's
 * n.  COLUMNS after a name is empty (all flow columns), _no_time (all but te), _no_addr_time (all but te, sa, da: with
 * fresh addresses and times the other sets always pass) or _sizes (td, pkt, byt).  _z is standard normal where nothing
 * is remembered, and _p is the probability of as much or more for a generator that is as close to training as learning
 * a distribution makes it (a share nearer of FM_LEAK_GRANTED); clusters.h says why both are valid although neighbouring
 * rows resemble each other.
 *
 * A flow that two exporters saw is there twice and counts once (copies.h), on either side:
 *
 *     leak.copies_train, _holdout      share of the rows that all tests leave out for that
 *     leak.repeats_train, _holdout     share of the rows that equal an earlier row in every column
 *
 * Matches (matches.c; nothing, _no_time, _no_addr_time):
 *     leak.rows_equal, holdout_equal   share of synthetic (holdout) rows equal to a training row, Wilson interval
 *     leak.unique_train, _holdout      emitted records, that is, real rows that training and holdout together have once
 *                                      and the synthetic table has too, by their side; each counted once
 *     leak.unique_z, _p                is training's number too large?  By windows
 *     leak.unique_block_most           the largest number in one training window
 *     leak.lone_, solitary_ (the same five)
 *                                      of lone records, which differ from every other real row in at least two columns
 *                                      and which chance hardly hits, and of solitary ones, which differ in at least
 *                                      three: by two votes at a time
 * and of records by duration, packets and bytes (extremes.c; _no_addr_time):
 *     leak.isolated_train, _holdout, _z, _p    the number of lone records whose sizes no other real row has, tested the
 *                                              same way
 *     leak.extreme_train, _holdout, _z, _p     of the 256 rows of a side that are farthest from its others, the emitted
 *                                      ones; are training's more, and farther out, than in other permutations of the
 *                                      windows?
 *
 * Distances of at most FM_LEAKAGE_ROWS synthetic rows (distances.c; nothing, _no_addr_time, _sizes).  Gower's
 * (nearest.h):
 *     leak.share_nearer_train          share nearer to training than to the holdout, a tie counting half: 0.5 where
 *                                      nothing is remembered.  With unequal numbers of rows only a row with one nearest
 *                                      record counts for a side, with a weight that keeps fresh rows at 0.5
 *     leak.nearer_z, _p                each synthetic row votes for its nearest real record: by windows
 *     leak.dcr_median_train, _holdout, leak.dcr_p5_train, _holdout    those distances, 0 .. 1
 * and Euclidean (features.h, neighbours.h):
 *     leak.nndr_p5_train, _holdout, leak.nndr_median_train, _holdout
 *                                      nearest over second nearest distance, quantile with its interval; 1: no one
 *                                      record stands out
 *     leak.attached_train, _holdout, _z, _p
 *                                      records that a synthetic row equals or is close to (FM_LEAK_NEAR) though the
 *                                      next real row is far (among the FM_LEAK_FAR farthest): copied outliers
 *
 * Records, at most FM_LEAKAGE_RECORDS of either side (records.c; nothing, _no_addr_time, _sizes):
 *     leak.identifiability_train, _holdout
 *                                      share of records with a synthetic row nearer than any training row of another
 *                                      window (Yoon, Drumright and van der Schaar 2020)
 *     leak.mia_auc, mia_tpr_1, mia_tpr_01
 *                                      membership inference by the ratio of those distances (membership.h)
 *
 * Attacks (attacks.h): leak.singling_uni_, singling_multi_, linkability_, inference_byt_ and inference_dp_, each
 * followed by train, holdout, naive and risk.
 *
 * Reuse (reuse.c): leak.echo_addr, echo_prefix24 and echo_prefix16, share of the distinct synthetic addresses and
 * prefixes that training has; leak.rare_sp, _dp, _td, _pkt, _byt and _flg, share of synthetic rows whose value at least
 * one but fewer than k training rows have; each also followed by _holdout for the holdout's.  Archives are verified by
 * the names of metrics, so those with echo and block in them stay.
 *
 * The family of tests, each at its own level:
 *     leak.family_p                    the smallest p over its test's share (below), at most 1
 *
 * Shares add up to 1, so rows made without the training rows have a family_p below alpha with a probability of at most
 * alpha (weighted Bonferroni; Holm 1979): one threshold, with a known rate of false alarms.  At FM_LEAKAGE_ALPHA
 * "extreme" fails from p = 0.002, "isolated" from 0.00125, which eleven records from eleven windows and none of the
 * holdout reach, "attached" from 0.0003, "solitary" from 0.00025, the others from less.  leak.rows_equal stands apart:
 * no fresh row is equal in all columns, so one is too many, except in a trace that has rows twice.
 *
 * A small holdout costs power, as a test by votes depends on training's share of the rows.  With a third as many
 * holdout rows as training rows, twenty-five copied isolated records from as many windows and none of the holdout's are
 * just enough for "isolated"; "extreme" found ten copied outliers in 17 of 20 splits of a real day.
 */
#ifndef FM_PRIVACY_LEAKAGE_LEAKAGE_H
#define FM_PRIVACY_LEAKAGE_LEAKAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

struct fm_division;

#define FM_LEAKAGE_ROWS 20000    /* most synthetic rows that vote for the nearest record */
#define FM_LEAKAGE_CLOSEST 5000  /* most of them whose distance to the closest record is reported */
#define FM_LEAKAGE_RARE 20       /* default: a value of fewer training records is rare */
#define FM_LEAKAGE_RECORDS 10000 /* most training records searched, and as many of the holdout */

#define FM_LEAKAGE_MEMORY ((size_t)512 << 20) /* enough to go over a few million rows once */
#define FM_LEAKAGE_LEAST ((size_t)1 << 20)

#define FM_LEAKAGE_ALPHA 0.005
#define FM_LEAK_SHARE_EXTREME 0.40  /* one test */
#define FM_LEAK_SHARE_ISOLATED 0.25 /* one */
#define FM_LEAK_SHARE_SOLITARY 0.05 /* one */
#define FM_LEAK_SHARE_LONE 0.04     /* and a quarter of that for the test with addresses */
#define FM_LEAK_SHARE_UNIQUE 0.032  /* and a quarter of that for the test with addresses */
#define FM_LEAK_SHARE_ATTACHED 0.06 /* two tests */
#define FM_LEAK_SHARE_NEARER 0.03   /* three tests: 1 in all */
#define FM_LEAK_GRANTED 0.52 /* not to solitary, extreme, attached (clusters.h); trained models have 0.50 to 0.515 */
#define FM_LEAK_FAR 0.01     /* see leak.attached */
#define FM_LEAK_NEAR 0.1

struct fm_leakage_opts {
	/* Bytes that may be used for what grows with the number of rows, at least FM_LEAKAGE_LEAST; mapped tables are
	 * read part by part.  More memory saves time; it changes a value only where the attacks cannot hold all
	 * synthetic rows (attacks.h). */
	size_t memory;
	uint32_t rare; /* k: a value of fewer training records is rare */
	/* For searches in parts (division.h), else NULL.  Where a part is made, no metric is added. */
	struct fm_division *division;
};
#define FM_LEAKAGE_DEFAULT ((struct fm_leakage_opts){.memory = FM_LEAKAGE_MEMORY, .rare = FM_LEAKAGE_RARE})

/* holdout may be NULL or without rows: then only leak.rows_equal*, echo_* and rare_* are added.  FM_EINPUT when train
 * or synthetic has no rows, or when their windows alone take more memory than half of what is allowed. */
int fm_leakage(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
	       struct fm_pool *pool, struct fm_leakage_opts o, struct fm_metrics *out,
	       struct fm_error *err) FM_MUST_CHECK;
/* Only the matches, the distances and the family of tests, with the same values. */
int fm_leakage_tests(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
		     struct fm_pool *pool, struct fm_leakage_opts o, struct fm_metrics *out,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
