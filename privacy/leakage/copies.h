/*
 * copies.h - which real rows are the same flow, exported twice?
 *
 * When two exporters on a path see a flow, the trace has it twice: the same addresses, ports, protocol, packets, bytes
 * and label, and an end and a duration that differ by at most FM_COPIES_APART.  Such rows tell no more than one of them
 * would: a record that is there twice is as private as one that is there once, and two equal rows do not show whether a
 * generator has copied one of them.  So every test counts one row of each such class, on either side of the split, and
 * leaves out the others.
 *
 * Which row is kept must not depend on the side that it is on, or the tests would not be valid (clusters.h).  A class
 * is found in the rows of both sides together; one of its rows is drawn at random, all with the same probability.  So
 * where rows of a class are on both sides, it counts for training with the probability that any window has of being
 * there.  Copies that are on both sides make a holdout that the generator has partly seen: that costs power, and no
 * more.
 *
 * Without columns of times, addresses, ports and protocol there are no copies: rows may be equal for many reasons.
 */
#ifndef FM_PRIVACY_LEAKAGE_COPIES_H
#define FM_PRIVACY_LEAKAGE_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

#define FM_COPIES_APART 1000 /* ms between the rows of a class and its first */

/* The rows of one table that are kept.  3/16 of a byte per row, and nothing where all are kept. */
struct fm_kept {
	size_t rows, kept;
	uint64_t *left_out; /* bits, or NULL: all rows are kept */
	uint32_t *before;   /* how many kept rows are before each 64 rows */
};
static inline bool fm_kept_has(const struct fm_kept *k, size_t row)
{
	return !k || !k->left_out || !(k->left_out[row >> 6] >> (row & 63) & 1u);
}
/* How many kept rows are before row (at most k->rows), and the inverse: the row of the n-th kept one. */
uint32_t fm_kept_before(const struct fm_kept *k, size_t row);
uint32_t fm_kept_row(const struct fm_kept *k, uint32_t n);

/* n rows of t: those of `row` or, where it is NULL, those from `first` on.  Borrowed. */
struct fm_choice {
	const struct fm_table *t;
	const uint32_t *row;
	size_t first, n;
};

struct fm_copies {
	struct fm_kept side[2]; /* training and holdout */
	size_t equal[2];        /* rows that are equal, in every column and time, to an earlier row of their side */
};
/* holdout may be NULL.  memory: bytes that the search may use; more saves time.  FM_EINPUT for 2^32 - 1 rows or more in
 * all. */
int fm_copies_find(struct fm_copies **out, const struct fm_table *train, const struct fm_table *holdout, size_t memory,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_copies_free(struct fm_copies *c);

#endif
