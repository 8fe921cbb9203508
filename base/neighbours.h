/*
 * neighbours.h - exact nearest neighbours under the Euclidean distance, by blocked matrix products.
 *
 * |a-b|^2 = |a|^2 + |b|^2 - 2ab is a matrix product of the queries (-2a, 1) with the points (b, |b|^2) once |a|^2 is
 * taken off.  In float32 it is wrong by at most g (|a|^2 + 2|b|^2), g = (dim+1) u / (1 - (dim+1) u), u = 2^-24, as each
 * output is one chain of dim+1 fused multiply-adds (Higham, Accuracy and Stability of Numerical Algorithms, 2002, 3.1).
 * The points' norms are stored smaller by that much, so that the product is a lower bound of the distance: what it
 * cannot exclude is computed again in double, and the answer is the true one, not an approximation.
 *
 *     struct fm_points *p;
 *     fm_points_new(&p, x, n, dim, &err);
 *     struct fm_queries two = {.q = q, .m = m, .k = 2, .pool = pool};
 *     fm_neighbours(p, &two, row, d2, &err);    the two nearest of the n points to each of m queries
 *     fm_points_free(p);
 *
 * The result depends neither on the number of threads nor on the processor.
 */
#ifndef FM_BASE_NEIGHBOURS_H
#define FM_BASE_NEIGHBOURS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/thread.h"

#define FM_POINT_DIM_MAX 64
#define FM_POINT_LARGEST 1e6f /* of a coordinate's absolute value */
#define FM_NEIGHBOURS_MAX 16
#define FM_NO_NEIGHBOUR UINT32_MAX

/* The points among which neighbours are looked for, copied: 4 (dim + 1) bytes each. */
struct fm_points;
/* x (n, dim).  FM_EINPUT for 2^32 - 1 points or more, a dim that is not in 1..FM_POINT_DIM_MAX, or a coordinate that is
 * not a number or over FM_POINT_LARGEST.  n may be 0. */
int fm_points_new(struct fm_points **p, const float *x, size_t n, int dim, struct fm_error *err) FM_MUST_CHECK;
void fm_points_free(struct fm_points *p);
size_t fm_points_count(const struct fm_points *p);

/* Points [from, to) that a query is not compared with: itself, or its own window. */
struct fm_span {
	uint32_t from, to;
};

/* What is asked.  All borrowed. */
struct fm_queries {
	const float *q; /* (m, dim) */
	size_t m;
	int k;                      /* how many neighbours of each */
	const struct fm_span *skip; /* (m), or NULL */
	struct fm_pool *pool;       /* NULL: the caller's thread alone */
};
/* The k nearest points of each query, in order of distance and, at equal distances, of number: row (m, k) and the
 * squared distance d2 (m, k), summed in double in the order of the coordinates.  Where fewer than k points are left:
 * FM_NO_NEIGHBOUR and INFINITY.  FM_EINPUT for k not in 1..FM_NEIGHBOURS_MAX or a query that could not be a point. */
int fm_neighbours(const struct fm_points *p, const struct fm_queries *asked, uint32_t *row, double *d2,
		  struct fm_error *err) FM_MUST_CHECK;

/* The same for the next part of many points: they are numbered from `first` on, and row and d2 hold the nearest points
 * of the parts before (at first FM_NO_NEIGHBOUR and INFINITY: fm_neighbours_none). */
int fm_neighbours_more(const struct fm_points *p, uint32_t first, const struct fm_queries *asked, uint32_t *row,
		       double *d2, struct fm_error *err) FM_MUST_CHECK;
void fm_neighbours_none(size_t m, int k, uint32_t *row, double *d2);

#endif
