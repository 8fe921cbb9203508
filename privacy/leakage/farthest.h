/*
 * farthest.h - the real rows whose duration, packets and bytes are unlike those of the others, and their neighbours.
 *
 * Sizes are points: log(1 + x), less the mean of all real rows and over their standard deviation.  A grid finds the
 * rows with hardly any others in their cell; it is the finest grid with at most FM_FAR_MOST such rows. Their nearest
 * real rows are then searched, exactly.  None of this looks at the side that a row is on: any other permutation of the
 * windows over training and holdout would give the same rows.  So the distance of a row to the others of its own side
 * is known for every permutation.
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
#define FM_FAR_MOST 4096 /* most rows, unless the coarsest grid has more */

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
/* Where to search; all borrowed. */
struct fm_far_in {
	const struct fm_table *train, *holdout;
	const struct fm_copies *copies; /* copies to leave out; NULL: none */
	const struct fm_clusters *clusters;
	unsigned columns; /* those of FM_TD, FM_PKT and FM_BYT that both have, at least one */
	struct fm_pool *pool;
};
/* *list (n), in no order, freed by the caller.  Memory is bounded, apart from the tables. */
int fm_far_find(const struct fm_far_in *in, struct fm_far **list, size_t *n, struct fm_error *err) FM_MUST_CHECK;

/* The distance to the nearest row of its own side; of_cluster (clusters->n): the side of each cluster. Where all
 * FM_FAR_NEAR are on the other side: the distance to the last of them, a lower bound. */
static inline float fm_far_distance(const struct fm_far *r, const uint8_t *of_cluster)
{
	int k = 0;

	while (k < FM_FAR_NEAR - 1 && r->cluster[k] != FM_NO_NEIGHBOUR &&
	       of_cluster[r->cluster[k]] != of_cluster[r->own])
		k++;
	return r->near[k];
}

#endif
