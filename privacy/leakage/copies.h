/*
 * copies.h - which real rows are one flow that was exported twice?
 *
 * Two exporters on a path see one flow, and a trace then has it twice: the same addresses, ports, protocol, packets,
 * bytes and label, and an end and a duration that differ by FM_COPIES_APART at most.  Such rows tell no more than one
 * of them would: a record that stands twice is as much somebody's as one that stands once, and that two rows are equal
 * says nothing about whether one of them was copied by a generator.  So every test counts one row of each such class,
 * on either side of the split, and leaves out the others.
 *
 * Which row is kept must not depend on the side that it is on, or the tests would not be valid (clusters.h).  A class
 * is found in the rows of both sides together; of its rows one is drawn at random, each with the same chance.  So where
 * rows of a class are on both sides, it counts for training with the chance that any window has to be there.  Copies
 * that are on both sides make a holdout that the generator has partly seen: that costs power, and no more.
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

/* The rows of one table that are kept.  3/16 of a byte a row, and nothing where all of them are. */
struct fm_kept {
	size_t rows, kept;
	uint64_t *left_out; /* bits, or NULL: all rows are kept */
	uint32_t *before;   /* how many kept rows are before each 64 rows */
};
static inline bool fm_kept_has(const struct fm_kept *k, size_t row)
{
	return !k || !k->left_out || !(k->left_out[row >> 6] >> (row & 63) & 1u);
}
/* How many kept rows are before row (at most k->rows), and its inverse: the row of the n-th one. */
uint32_t fm_kept_before(const struct fm_kept *k, size_t row);
uint32_t fm_kept_row(const struct fm_kept *k, uint32_t n);

/* n rows of t: those of `row` or, where it is NULL, those from `first` on.  Borrowed. */
struct fm_choice {
	const struct fm_table *t;
	const uint32_t *row;
	size_t first, n;
};

struct fm_copies {
	struct fm_kept side[2]; /* training, the holdout */
	size_t equal[2];        /* rows that an earlier row of their side equals in every column, time too */
};
/* holdout may be NULL.  memory: bytes that may be taken while they are looked for; more of it saves time.  FM_EINPUT
 * for 2^32 - 1 rows or more in all. */
int fm_copies_find(struct fm_copies **out, const struct fm_table *train, const struct fm_table *holdout, size_t memory,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_copies_free(struct fm_copies *c);

#endif
