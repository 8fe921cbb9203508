/*
 * duplicates.h - rows that repeat an earlier row, as a second exporter on the path of a flow writes them.
 *
 * A row is a copy of an earlier one where both have the same addresses, ports, protocol, packets, bytes and label, and
 * ends and durations that differ by FM_DUPLICATES_APART at most; it is an exact one where nothing differs.  It is
 * compared with the last FM_DUPLICATES_RECENT rows before it that are no copies themselves.  The leakage tests use the
 * same rule (privacy/leakage/copies.h).
 *
 * Two flows can be alike: one ping a second between two hosts, say.  No exporter's row tells such flows from copies.
 */
#ifndef FM_TRACES_DUPLICATES_H
#define FM_TRACES_DUPLICATES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

#define FM_DUPLICATES_APART 1000 /* ms */
#define FM_DUPLICATES_RECENT ((size_t)1 << 17)

/* The columns that identify a copy: without one of them, two similar flows would be taken for one. */
#define FM_DUPLICATES_NEED (1u << FM_TE | 1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_DP)

struct fm_duplicates {
	uint64_t exact, near; /* rows found so far; no row is both */
	struct fm_recent_row *recent;
	uint32_t *last; /* by hash: 1 + the place in `recent` of the last row, or 0 */
	uint64_t n;     /* rows put there so far */
};
int fm_duplicates_open(struct fm_duplicates *d, struct fm_error *err) FM_MUST_CHECK;
/* Look at the rows of t from `first` on, in their order; the categories of t keep their numbers between calls.  copy[i]
 * (copy may be NULL) is 1 where row first + i is a copy.  A table without times has none. */
void fm_duplicates_look(struct fm_duplicates *d, const struct fm_table *t, size_t first, uint8_t *copy);
void fm_duplicates_close(struct fm_duplicates *d);

#endif
