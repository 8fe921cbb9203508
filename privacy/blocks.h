/*
 * blocks.h - is the evidence on the training side of the split more than chance put there?
 *
 * Neighbouring flows resemble each other, so that counts over rows are no independent evidence.  What is random, by design, is
 * which windows the split gave to training and which to the holdout (stages/split.h).  A check therefore gives each real
 * row at most one vote a synthetic row, in a way that does not look at the side the real row is on, sums the votes by
 * window, and asks how many are on the training side.  Were the synthetic rows made without the training rows, then each
 * window's sum m would be on the training side with the chance pi = training rows / real rows, whatever the sums are:
 *
 *     z = sum over training windows of m - pi M, over sqrt(pi (1 - pi) sum m^2),   M = sum of all m
 *     p = the chance of so large a sum or a larger one, from the exact distribution, which is a convolution
 *
 * This is Fisher's randomisation test (Fisher, The Design of Experiments, 1935) with windows as units: right for dependent
 * rows, for training and holdout of unequal sizes and for counts as small as they may be.  It cannot see a leak of one
 * window alone: that window may be like the synthetic rows for another reason.  Records that are unlike all others do not
 * depend on their neighbours; those are counted one by one (fm_record_test), and a copied window is seen.  Where the two sides are not windows of one
 * trace dealt out at random (two days, say) fresh rows may fail it.
 */
#ifndef FM_PRIVACY_BLOCKS_H
#define FM_PRIVACY_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "privacy/neighbours.h"

#define FM_BLOCK_ROWS 64 /* rows of a block where the tables do not say what a window is */

/* The windows of both sides: runs of one value of the column win where both tables have it, else of FM_BLOCK_ROWS rows. */
struct fm_blocks {
	size_t n, train;       /* blocks; the first `train` of them are the training table's */
	uint32_t *of_row[2];   /* the block of each row of training, of the holdout */
	struct fm_span *rows;  /* (n) each block's rows, in its own table */
	double pi;             /* share of the real rows that is training */
};
/* holdout may be NULL. */
int fm_blocks_new(struct fm_blocks **b, const struct fm_table *train, const struct fm_table *holdout,
		  struct fm_error *err) FM_MUST_CHECK;
void fm_blocks_free(struct fm_blocks *b);

struct fm_block_test {
	double z, p;      /* 0 and 1 when there are no votes */
	double train, holdout; /* votes */
	double design;    /* sum m^2 / M: how many votes are worth one; 1 when there are none */
	double most;      /* the largest sum of one training block */
};
/* votes (b->n). */
int fm_block_test(const struct fm_blocks *b, const uint32_t *votes, struct fm_block_test *out,
		  struct fm_error *err) FM_MUST_CHECK;
/* The same with every vote a unit of its own: p is a binomial tail. */
void fm_record_test(const struct fm_blocks *b, const uint32_t *votes, struct fm_block_test *out);
/* The chance of at least `least` successes in n trials that succeed with chance p. */
double fm_binomial_tail(size_t n, size_t least, double p);

/* The chance that a standard normal is above z. */
double fm_normal_tail(double z);

#endif
