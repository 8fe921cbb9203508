/*
 * subsample.h - the rows that judges look at when a table is larger than their memory.
 *
 * Marginals, pairs, structure in time and tasks are statistics that hardly gain from more rows.  From a larger table
 * they get FM_SUBSAMPLE_STRETCHES stretches of neighbouring rows, spread evenly over it, so that gaps, bursts, pairs
 * and the day are kept.  Leakage is searched in all rows, whatever their number (privacy/leakage/leakage.h).
 */
#ifndef FM_JUDGE_GATE_SUBSAMPLE_H
#define FM_JUDGE_GATE_SUBSAMPLE_H

#include <stddef.h>

#include "base/error.h"
#include "base/table.h"

#define FM_SUBSAMPLE_STRETCHES 64

/* The most memory that judging takes for each row of the three tables: the copy made here, the one without a group
 * (sampling_error.h), and what a judge needs for all rows at once. */
#define FM_SUBSAMPLE_BYTES 208

/* Rows of each table that can be judged in this many bytes. */
size_t fm_subsample_most(size_t memory);
/* The first of a subsample's n rows in stretch k, counted from 0; n for k = FM_SUBSAMPLE_STRETCHES. */
size_t fm_subsample_stretch(size_t n, size_t k);
/* *out: at most `most` rows of t as a new table, in the order of t; NULL where t has no more rows than that. */
int fm_subsample(struct fm_table **out, const struct fm_table *t, size_t most, struct fm_error *err) FM_MUST_CHECK;

/* Training, synthetic and holdout as the judges see them.  holdout may be NULL. */
struct fm_subsamples {
	const struct fm_table *real, *synthetic, *holdout; /* the caller's own where they are small enough */
	struct fm_table *own[3];
	double share; /* least share of rows that a table has kept; 1: they are whole */
	size_t most;  /* most rows of a table */
};
int fm_subsamples_make(struct fm_subsamples *c, const struct fm_table *real, const struct fm_table *synthetic,
		       const struct fm_table *holdout, size_t memory, struct fm_error *err) FM_MUST_CHECK;
size_t
fm_subsamples_bytes(const struct fm_subsamples *c); /* bytes of its own tables; less than a third of the memory */
void fm_subsamples_free(struct fm_subsamples *c);

#endif
