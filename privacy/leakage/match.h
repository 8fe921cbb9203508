/*
 * match.h - rows of one table that another table has too, equal in each column.
 *
 * Rows are found by a 64-bit hash and then compared in full, so that matches are exact.  Categories are compared by
 * their text, addresses by their key (base/address.h).  The real rows are held in a table of hashes, 16 bytes for each
 * different row; where that would be more than `memory`, there are several passes over the rows, each for the hashes of
 * one range.
 */
#ifndef FM_PRIVACY_LEAKAGE_MATCH_H
#define FM_PRIVACY_LEAKAGE_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "privacy/leakage/codes.h"
#include "privacy/leakage/copies.h"
#include "privacy/leakage/division.h"

struct fm_match {
	const struct fm_table *train, *holdout, *synthetic; /* holdout may be NULL */
	unsigned columns;                                   /* a set of bits 1 << enum fm_col that all of them have */
	size_t memory;                                      /* bytes that may be used */
	const struct fm_copies *copies;                     /* rows that are left out of `record`, or NULL */
	/* Called for each real row that training and holdout together have once, apart from copies, and that the
	 * synthetic table has too; side 0 is training, 1 the holdout.  May be NULL. */
	int (*record)(void *ctx, int side, uint32_t row, struct fm_error *err);
	void *ctx;
	struct fm_division *division; /* of the hashes, or NULL; where a part is made, only calls of `record` count */
	const char *name;             /* name of this search */
	size_t synthetic_equal, holdout_equal; /* out: rows that training has too, copies or not */
};
/* FM_EINPUT for 2^32 - 1 rows or more, or where a column is missing. */
int fm_match(struct fm_match *m, struct fm_error *err) FM_MUST_CHECK;

#endif
