/*
 * leakage.h - do the synthetic rows say more about the training rows than about real rows that the model never saw?
 *
 * Every check has the holdout as its control.  Real rows are all searched, whatever their number: a subsample of them
 * would hide an exact copy; of synthetic rows, records and attacks a number is chosen, from a fixed seed, which a
 * metric's n tells.  COLUMNS behind a name is nothing (all flow columns), _no_time (all but te), _no_addr_time (all but
 * te, sa, da: with fresh addresses and times the others always pass) or _sizes (td, pkt, byt).  _z is standard normal
 * where nothing is remembered and _p the probability of as much or more for a generator that is as close to
 * training as learning a distribution makes it (a share nearer of FM_LEAK_GRANTED); clusters.h says how both are made
 * valid for neighbouring rows that resemble each other.
 *
 * A flow that two exporters saw stands there twice and counts once (copies.h), on either side:
 *
 *     leak.copies_train, _holdout      share of the rows that are left out for that, of all tests
 *     leak.repeats_train, _holdout     share of the rows that equal an earlier row in every column
 *
 * Matches (matches.c; nothing, _no_time, _no_addr_time):
 *     leak.rows_equal, holdout_equal   share of synthetic (holdout) rows equal to a training row, Wilson interval
 *     leak.unique_train, _holdout      emitted records, that is real rows that training and holdout together have once,
 *                                      by the side that has them; each counted once
 *     leak.unique_z, _p                is the training's number too large?  By windows.
 *     leak.unique_block_most           the largest number in one training window
 *     leak.lone_, solitary_ (the same five)
 *                                      of lone records, which differ from every other real row in two columns at least
 *                                      and which chance hardly meets, and of solitary ones, which do in three: by two
 *                                      votes at a time
 * and of records by duration, packets and bytes (extremes.c; _no_addr_time):
 *     leak.isolated_train, _holdout, _z, _p    the number of lone records whose sizes no other real row has, likewise
 *     leak.extreme_train, _holdout, _z, _p     of the 256 rows of a side that are farthest from its others, the emitted
 *                                      ones; are training's more, and farther out, than in other permutations of the
 *                                      windows?
 *
 * Distances of at most FM_LEAKAGE_ROWS synthetic rows (distances.c; nothing, _no_addr_time, _sizes).  Gower's
 * (nearest.h):
 *     leak.share_nearer_train          share nearer to training than to the holdout, a tie counting half: 0.5 where
 *                                      nothing is remembered.  At unequal numbers of rows only a row with one nearest
 *                                      record counts for a side, by a weight that keeps fresh rows at 0.5.
 *     leak.nearer_z, _p                the synthetic rows vote for the one real record that is nearest: by windows
 *     leak.dcr_median_train, _holdout, leak.dcr_p5_train, _holdout    those distances, 0 .. 1
 * and Euclidean (features.h, neighbours.h):
 *     leak.nndr_p5_train, _holdout, leak.nndr_median_train, _holdout
 *                                      nearest over second nearest distance, quantile with its interval; 1: no one
 *                                      record stands out
 *     leak.attached_train, _holdout, _z, _p
 *                                      records that a synthetic row is on or close to (FM_LEAK_NEAR) though the next
 *                                      real row is far (among the FM_LEAK_FAR farthest): outliers that are copied
 *
 * Records, at most FM_LEAKAGE_RECORDS of either side (records.c; nothing, _no_addr_time, _sizes):
 *     leak.identifiability_train, _holdout
 *                                      share of records with a synthetic row nearer than any training row of another
 *                                      window (Yoon, Drumright and van der Schaar 2020)
 *     leak.mia_auc, mia_tpr_1, mia_tpr_01
 *                                      membership inference by the ratio of those distances (membership.h)
 *
 * Attacks (attacks.h): leak.singling_uni_, singling_multi_, linkability_, inference_byt_ and inference_dp_, each with
 * train, holdout, naive and risk behind.
 *
 * Reuse (reuse.c): leak.echo_addr, echo_prefix24 and echo_prefix16, share of the distinct synthetic addresses and
 * prefixes that training has; leak.rare_sp, _dp, _td, _pkt, _byt and _flg, share of synthetic rows whose value at least
 * one but fewer than k training rows have; each with _holdout behind for the holdout's.
 *
 * The family of tests, each at its own level:
 *     leak.family_p                    the smallest p over its test's share (below), at most 1
 *
 * Shares add up to 1, so that rows made without the training rows come below any alpha with a chance under
 * alpha (Bonferroni, weighted; Holm 1979): one threshold, with a known rate of false alarms.  At FM_LEAKAGE_ALPHA
 * "extreme" fails from p = 0.002, "isolated" from 0.00125, which eleven records of as many windows and none of the
 * holdout reach, "attached" from 0.0003, "solitary" from 0.00025, the others from less.  leak.rows_equal is beside it:
 * no fresh row is met in all columns, one is too many, but in a trace that has rows twice.
 *
 * What a small holdout costs: a test by votes rests on training's share of them.  With a third as many holdout rows as
 * training rows, twenty-five copied isolated records of as many windows and none of the holdout's are just enough for
 * "isolated"; "extreme" told ten copied outliers in 17 of 20 splits of a real day.
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

#define FM_LEAKAGE_ROWS 20000    /* synthetic rows that vote for what is nearest at most */
#define FM_LEAKAGE_CLOSEST 5000  /* of which the distance to the closest record is told at most */
#define FM_LEAKAGE_RARE 20       /* a value of fewer training records is rare, where nothing else is said */
#define FM_LEAKAGE_RECORDS 10000 /* training records, and as many of the holdout, that are looked for at most */

#define FM_LEAKAGE_MEMORY ((size_t)512 << 20) /* enough to go over a few million rows once */
#define FM_LEAKAGE_LEAST ((size_t)1 << 20)

#define FM_LEAKAGE_ALPHA 0.005
#define FM_LEAK_SHARE_EXTREME 0.40  /* one */
#define FM_LEAK_SHARE_ISOLATED 0.25 /* one */
#define FM_LEAK_SHARE_SOLITARY 0.05 /* one */
#define FM_LEAK_SHARE_LONE 0.04     /* and a quarter of it for the test with addresses */
#define FM_LEAK_SHARE_UNIQUE 0.032  /* likewise */
#define FM_LEAK_SHARE_ATTACHED 0.06 /* two */
#define FM_LEAK_SHARE_NEARER 0.03   /* three: 1 in all */
#define FM_LEAK_GRANTED                                                                                                \
	0.52             /* not to solitary, extreme, attached; see clusters.h; trained models show 0.50 to 0.515      \
			  */
#define FM_LEAK_FAR 0.01 /* see leak.attached */
#define FM_LEAK_NEAR 0.1

struct fm_leakage_opts {
	/* Bytes that may be taken for what grows with the number of rows, FM_LEAKAGE_LEAST at least; tables that are
	 * mapped are gone over a part at a time.  More of it saves time; it changes a value only where the attacks
	 * cannot hold all synthetic rows (attacks.h). */
	size_t memory;
	uint32_t rare; /* k: a value of fewer training records is rare */
	/* Searches are done in parts (division.h), or NULL.  Where a part is made, no metric is added. */
	struct fm_division *division;
};
#define FM_LEAKAGE_DEFAULT ((struct fm_leakage_opts){.memory = FM_LEAKAGE_MEMORY, .rare = FM_LEAKAGE_RARE})

/* holdout may be NULL or without rows: then only leak.rows_equal*, echo_* and rare_* are added.  FM_EINPUT when train
 * or synthetic has no rows, or when their windows alone take more memory than half of what is allowed. */
int fm_leakage(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
	       struct fm_pool *pool, struct fm_leakage_opts o, struct fm_metrics *out,
	       struct fm_error *err) FM_MUST_CHECK;
/* The matches, the distances and the family of tests alone, to the same values. */
int fm_leakage_tests(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
		     struct fm_pool *pool, struct fm_leakage_opts o, struct fm_metrics *out,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
