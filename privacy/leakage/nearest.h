/*
 * nearest.h - exact distance to the closest record.
 *
 * Gower's distance (Gower 1971) over ten fields: |difference of ranks| for time, duration, packets and bytes, where the
 * rank of a value is the share of the ranked values that are at most it; 0 or 1 for addresses, ports, protocol and
 * label. Ranks are kept as whole counts of rows, of FM_GOWER_RANKED chosen ones where there are more, so that a
 * distance is an integer in units of 1 / (10 * those rows): exact, with true ties, the same on every machine and for
 * any number of threads.
 *
 * Distances to two sides are fair to both only where both are ranked: rows of an unranked side fall between the ranks,
 * and several of different times have the same rank.
 *
 * Any number of Euclidean neighbours are found by base/neighbours.h, with a bound that holds only for that distance;
 * here distances are integers, and ties are reported.
 *
 * A field that a table lacks is constant and adds nothing.  A protocol or label that no ranked row has equals any other
 * such value.
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
#define FM_GOWER_RANKED ((size_t)1 << 20) /* most rows whose values give the ranks; with two tables twice as many */

/* The ranks by which rows are coded: those among training's rows, and the other table's where it is not NULL. */
struct fm_gower;
/* columns: a set of bits 1 << enum fm_col; a field that is not in the set does not count.  FM_EINPUT for no rows or
 * 2^32 - 1 and more.  Both tables must outlive g. */
int fm_gower_new(struct fm_gower **g, const struct fm_table *train, const struct fm_table *other, unsigned columns,
		 struct fm_error *err) FM_MUST_CHECK;
void fm_gower_free(struct fm_gower *g);
double fm_gower_unit(const struct fm_gower *g); /* multiply a distance by this: 0 .. 1 */

/* Coded rows, one array per field, padded to whole vectors. */
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

/* The same, and row[i]: the nearest row of `to`, or FM_GOWER_TIED where there are several. */
#define FM_GOWER_TIED UINT32_MAX
void fm_gower_nearest_row(const struct fm_gower *g, const struct fm_gower_rows *from, const struct fm_gower_rows *to,
			  struct fm_pool *pool, int32_t *distance, uint32_t *row);

/* The rows [from, to) of a table that are kept (NULL: all of these). */
struct fm_gower_among {
	const struct fm_table *t;
	const struct fm_kept *kept;
	size_t from, to;
};
/* The same for any number of those rows, which are coded and searched part by part.  Where there is none: INT32_MAX and
 * FM_GOWER_TIED. */
int fm_gower_nearest_of(const struct fm_gower *g, const struct fm_gower_rows *from, const struct fm_gower_among *among,
			struct fm_pool *pool, int32_t *distance, uint32_t *row, struct fm_error *err) FM_MUST_CHECK;
/* Merge into distance and row (n) the results d and at of a search among other rows. */
void fm_gower_merge(const int32_t *d, const uint32_t *at, size_t n, int32_t *distance, uint32_t *row);

#endif
