/*
 * alike.h - related flows that have the same value, a scanner's source port, the size of its flows, or go with a
 * server.
 *
 * A flow and the one that it is related to (relations.h) may have the same bin as token; then they often have the same
 * value too, which places inside the bin, drawn for each flow by itself, would never give.  So the codec learns, for
 * each number and each relation that does not copy it, which share of the pairs in the same bin have the same value.
 *
 * A flow that copies a port from one with a server (either port is below 1024) hardly ever goes between two clients'
 * ports, unless it scans ports.  A network that draws the other port by itself makes such strays far too often, so the
 * codec learns how often there are any.
 */
#ifndef FM_MODEL_CODEC_ALIKE_H
#define FM_MODEL_CODEC_ALIKE_H

#include <jansson.h>

#include "base/error.h"
#include "base/table.h"
#include "model/codec/columns.h"
#include "model/codec/relations.h"
#include "model/codec/tokens.h"

/* 0 where fewer than k pairs of flows have the same value, or fewer than k share a bin without it. */
struct fm_alike {
	double share[FM_NRES][FM_NRELATIONS];
	/* Of the flows whose source goes with a server, the share that do not: 0 where fewer than k do not, 1 where
	 * fewer than k do. */
	double strays[FM_NRELATIONS];
};
/* A training split's windows, each of `window` rows from first (n); num (FM_NRES). */
struct fm_alike_data {
	const struct fm_table *t;
	const struct fm_num *num;
	const size_t *first;
	size_t n;
	int window, k;
	bool text_order;
};
/* Is neither port of the row a server's?  May a flow of that kind stray? */
bool fm_between_clients(const struct fm_table *t, size_t row);
bool fm_alike_may_stray(int kind);
void fm_alike_fit(struct fm_alike *a, const struct fm_alike_data *d);
/* May a number of a flow with a relation `kind` have the same value as its source because their tokens are equal?  Not
 * the gap, nor what is copied, nor the duration of a reply, which is coded differently. */
bool fm_alike_may(enum fm_res r, int kind);
json_t *fm_alike_json(const struct fm_alike *a);
/* j NULL: none are alike. */
int fm_alike_from_json(struct fm_alike *a, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

#endif
