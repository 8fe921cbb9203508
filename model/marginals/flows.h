/*
 * flows.h - encoded records back to flows.
 */
#ifndef FM_MODEL_MARGINALS_FLOWS_H
#define FM_MODEL_MARGINALS_FLOWS_H

#include "base/table.h"
#include "model/marginals/people.h"

struct fm_flows_in {
	uint64_t rows, seed;
	const struct fm_range *inside, *outside;
	int ninside, noutside;
	double total;             /* number of records measured */
	const char *const *label; /* (labels of the domains) */
	unsigned present;         /* columns of the table */
	int64_t step_ms;          /* te is a multiple of it */
};
/* The first in->rows flows of the records in a random order, sorted by te.  A record's flows go between the same two
 * addresses and ports within its slot, those of a reply the other way round.  pkt >= 1; ICMP has source port 0; sa !=
 * da. */
int fm_flows_make(struct fm_table **table, const struct fm_domains *d, const struct fm_synth *s,
		  const struct fm_flows_in *in, struct fm_error *err) FM_MUST_CHECK;

#endif
