/*
 * alike.h - related flows that have one value: a scanner's source port, the size of its flows.
 *
 * A flow and the one that it is related to (relations.h) may have tokens of one bin; then they may well have the same
 * value, which the places inside a bin, drawn for each flow by itself, would never be.  Learned is, of each number and
 * relation that does not copy it, the share of such flows of one bin that have one value.
 */
#ifndef FM_MODEL_CODEC_ALIKE_H
#define FM_MODEL_CODEC_ALIKE_H

#include <jansson.h>

#include "base/error.h"
#include "base/table.h"
#include "model/codec/columns.h"
#include "model/codec/relations.h"
#include "model/codec/tokens.h"

/* 0 where fewer than k pairs of flows have one value, or fewer than k have not but share a bin. */
struct fm_alike {
	double share[FM_NRES][FM_NRELATIONS];
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
void fm_alike_fit(struct fm_alike *a, const struct fm_alike_data *d);
/* Is a number of a flow, related in a way `kind`, ever the same because its token is?  The gap is not, what is copied
 * is not, and the duration of a reply has its own way. */
bool fm_alike_may(enum fm_res r, int kind);
json_t *fm_alike_json(const struct fm_alike *a);
/* j NULL: none are alike. */
int fm_alike_from_json(struct fm_alike *a, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

#endif
