/*
 * nearest.h - exact distance to the closest record.
 *
 * Gower's distance (Gower 1971) over ten fields: |difference of ranks| for time, duration, packets and bytes, where a
 * value's rank is the share of the ranked tables' values not above it; 0 or 1 for addresses, ports, protocol and label.
 * Ranks are kept as whole counts of rows, of FM_GOWER_RANKED chosen ones where there are more, so that a distance is
 * an integer in units of 1 / (10 * those rows): exact, with true ties, the same on every machine and for any number of
 * threads.
 *
 * What is measured against two sides is fair to both only where both are ranked: rows of a side that is not fall
 * between the ranks, and several that are at different times have one rank.
 *
 * Euclidean neighbours, of any number, are base/neighbours.h's, by a bound that only that distance has; what is
 * searched here is integers, and ties are told.
 *
 * A field that a table lacks is the same everywhere and adds nothing.  A protocol or label that no ranked row has
 * equals any other such value.
 */
#ifndef FM_PRIVACY_LEAKAGE_NEAREST_H
#define FM_PRIVACY_LEAKAGE_NEAREST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "privacy/leakage/copies.h"

#define FM_GOWER_RANKS 4
#define FM_GOWER_FIELDS 10
#define FM_GOWER_RANKED ((size_t)1 << 20) /* rows whose values give the ranks, at most; of two tables twice as many */

/* The ranks of training's rows, and of other's where it is not NULL: what rows are coded by. */
struct fm_gower;
/* columns: a set of bits 1 << enum fm_col; a field that is not in it counts nothing.  FM_EINPUT for no rows or 2^32 - 1
 * and more.  Both must outlive it. */
int fm_gower_new(struct fm_gower **g, const struct fm_table *train, const struct fm_table *other, unsigned columns,
		 struct fm_error *err) FM_MUST_CHECK;
void fm_gower_free(struct fm_gower *g);
double fm_gower_unit(const struct fm_gower *g); /* multiply a distance by this: 0 .. 1 */

/* Coded rows, one array a field, padded to whole vectors. */
struct fm_gower_rows {
	size_t n, padded;
	int32_t *field[FM_GOWER_FIELDS]; /* each (padded), in one allocation that begins at field[0] */
};
/* Code these rows.  Released by fm_gower_rows_close. */
int fm_gower_code(const struct fm_gower *g, const struct fm_choice *rows, struct fm_gower_rows *out,
		  struct fm_error *err) FM_MUST_CHECK;
void fm_gower_rows_close(struct fm_gower_rows *r);

/* distance[i] = the smallest distance of row i of `from` to the rows of `to` (at least one), in units of fm_gower_unit.
 */
void fm_gower_nearest(const struct fm_gower *g, const struct fm_gower_rows *from, const struct fm_gower_rows *to,
		      struct fm_pool *pool, int32_t *distance);

/* The same, and row[i]: the number of the row of `to` that is nearest, or FM_GOWER_TIED where several are. */
#define FM_GOWER_TIED UINT32_MAX
void fm_gower_nearest_row(const struct fm_gower *g, const struct fm_gower_rows *from, const struct fm_gower_rows *to,
			  struct fm_pool *pool, int32_t *distance, uint32_t *row);

/* The rows [from, to) of a table that are kept (NULL: all of these). */
struct fm_gower_among {
	const struct fm_table *t;
	const struct fm_kept *kept;
	size_t from, to;
};
/* The same for those, however many, which are coded and searched a part at a time.  Where there is none: INT32_MAX and
 * FM_GOWER_TIED. */
int fm_gower_nearest_of(const struct fm_gower *g, const struct fm_gower_rows *from, const struct fm_gower_among *among,
			struct fm_pool *pool, int32_t *distance, uint32_t *row, struct fm_error *err) FM_MUST_CHECK;
/* What some rows have, distance and row (n), and what others have: together. */
void fm_gower_merge(const int32_t *d, const uint32_t *at, size_t n, int32_t *distance, uint32_t *row);

#endif
