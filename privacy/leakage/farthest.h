/*
 * farthest.h - the real rows whose duration, packets and bytes are unlike those of the others, and their neighbours.
 *
 * Sizes are points: log(1 + x), less the mean of all real rows and over their standard deviation.  A grid finds the
 * rows that have hardly any others in their cell: the finest grid that has no more than FM_FAR_MOST such rows. Their
 * nearest real rows are then searched, exactly.  None of this looks at the side that a row is on: for any other
 * permutation of the windows over training and holdout, the same rows would come out.  So how far a row is from the
 * others of its own side is known for every permutation.
 */
#ifndef FM_PRIVACY_LEAKAGE_FARTHEST_H
#define FM_PRIVACY_LEAKAGE_FARTHEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "privacy/leakage/clusters.h"

#define FM_FAR_NEAR 8    /* neighbours of a row */
#define FM_FAR_MOST 4096 /* rows, or those of the coarsest grid where that has more */

struct fm_far {
	float
	    near[FM_FAR_NEAR]; /* distances of the nearest other real rows of either side, rising; INFINITY: no more */
	uint32_t cluster[FM_FAR_NEAR]; /* and the clusters that they are in */
	uint32_t own;                  /* the row's cluster */
	uint32_t row;
	uint8_t side; /* 0 training, 1 holdout */
	uint8_t mark; /* the caller's, at first 0 */
	float x[3];
};
/* Where they are looked for: all borrowed. */
struct fm_far_in {
	const struct fm_table *train, *holdout;
	const struct fm_copies *copies; /* that are left out; NULL: none */
	const struct fm_clusters *clusters;
	unsigned columns; /* of FM_TD, FM_PKT and FM_BYT those that both have, one at least */
	struct fm_pool *pool;
};
/* Bounded memory beside the tables: *list (n), to be freed, in no order. */
int fm_far_find(const struct fm_far_in *in, struct fm_far **list, size_t *n, struct fm_error *err) FM_MUST_CHECK;

/* The distance to the nearest row of its own side; of_block (clusters->n) says what side a cluster is on. Where all
 * FM_FAR_NEAR are on the other side: the distance to the last of them, which is not more than that. */
static inline float fm_far_distance(const struct fm_far *r, const uint8_t *of_block)
{
	int k = 0;

	while (k < FM_FAR_NEAR - 1 && r->cluster[k] != FM_NO_NEIGHBOUR && of_block[r->cluster[k]] != of_block[r->own])
		k++;
	return r->near[k];
}

#endif
