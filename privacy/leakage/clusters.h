/*
 * clusters.h - is there more evidence on the training side of the split than chance would put there?
 *
 * Neighbouring flows resemble each other, so rows are not independent evidence.  What is random, by design, is which
 * windows the split gave to training and which to the holdout (traces/split.h).  A check therefore gives each real row
 * at most one vote per synthetic row, without looking at the side that the real row is on, sums the votes by window,
 * and asks how many are on the training side.  If the synthetic rows were made without the training rows, each window's
 * sum m is on the training side with probability pi = training rows / real rows, whatever the sums are:
 *
 *     z = (sum over training windows of m, less its mean) over its standard deviation, when as many windows as there
 *     are, chosen at random, are the training ones: from each window's m its share, by rows, of all votes is subtracted
 *     p = the probability of such a sum or a larger one.  Where votes are few it is exact, a convolution over windows
 *     that are on the training side with probability pi each; where nearly all windows have votes, so that the number
 *     of windows on either side matters, it is the normal tail of z.
 *
 * A model that has learned a distribution from the training rows is a little closer to them even if it remembers none,
 * and with enough rows any test would say so.  p therefore allows that a cluster's votes are on the training side with
 * somewhat better odds: those that turn one half into `granted`.  z does not.
 *
 * This is Fisher's randomisation test (Fisher, The Design of Experiments, 1935) with windows as units: valid for
 * dependent rows, for training and holdout of unequal sizes and for any counts, however small.  It cannot see a leak of
 * a single window: that window may resemble the synthetic rows for another reason.  Records unlike all others hardly
 * depend on their neighbours; they are taken two at a time (`most` below), and a copied window is seen. Where the two
 * sides are not windows of one trace assigned at random (two days, say) fresh rows may fail it.
 */
#ifndef FM_PRIVACY_LEAKAGE_CLUSTERS_H
#define FM_PRIVACY_LEAKAGE_CLUSTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/neighbours.h"
#include "base/table.h"
#include "privacy/leakage/copies.h"

#define FM_CLUSTER_ROWS 64 /* rows of a cluster where the tables do not say what a window is */

/* The windows of both sides: runs of one value of the column win where both tables have it, else of FM_CLUSTER_ROWS
 * rows. */
struct fm_clusters {
	size_t n, train;      /* clusters; the first `train` of them are the training table's */
	struct fm_span *rows; /* (n) the rows of each cluster, in its own table */
	uint32_t *count;      /* (n) the number of rows that count: all but copies */
	double pi;            /* share of training in the real rows, copies left out */
};
/* holdout may be NULL.  copies NULL: all rows count. */
int fm_clusters_new(struct fm_clusters **b, const struct fm_table *train, const struct fm_table *holdout,
		    const struct fm_copies *copies, struct fm_error *err) FM_MUST_CHECK;
void fm_clusters_free(struct fm_clusters *b);
/* The cluster of a row of training (side 0) or of the holdout (side 1). */
uint32_t fm_cluster_of(const struct fm_clusters *b, int side, uint32_t row);

struct fm_cluster_test {
	double z, p;           /* 0 and 1 when there are no votes */
	double train, holdout; /* votes */
	double most;           /* the most votes of one training cluster */
};
/* votes (b->n).  most: the largest unit of votes of one cluster, which are on one side together; 0: all of them.
 * granted: 0.5 to less than 1, as above. */
int fm_cluster_test(const struct fm_clusters *b, const uint32_t *votes, uint32_t most, double granted,
		    struct fm_cluster_test *out, struct fm_error *err) FM_MUST_CHECK;

/* The probability that units (n) of these weights, each on the training side with probability pi, sum to `least` or
 * more there. Exact, by convolution: n times their sum steps. */
int fm_units_tail(const uint32_t *weight, size_t n, double pi, size_t least, double *p,
		  struct fm_error *err) FM_MUST_CHECK;

#endif
