/*
 * tail.h - the largest values of a column, beyond the last edge of its bins (codec.h).
 *
 * At least min_count training rows are larger than that edge.  They are taken for a Pareto tail: above x they are
 * (x / edge)^-alpha, with alpha by maximum likelihood (Hill, "A simple general approach to inference about the tail of
 * a distribution", Annals of Statistics 3, 1975).  No value of theirs is kept.
 */
#ifndef FM_MODEL_CODEC_TAIL_H
#define FM_MODEL_CODEC_TAIL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

struct fm_tail {
	int64_t edge;        /* the largest value that the bins have */
	int64_t above, from; /* rows above the edge; rows in the last bin, these included; 0: no tail */
	double alpha;
};
/* Fit to n values; bins hold those of [low, edge], and the last bin those from `low` on. */
void fm_tail_fit(struct fm_tail *tail, const int64_t *value, size_t n, int64_t low, int64_t edge, int min_count);
json_t *fm_tail_json(const struct fm_tail *tail);
int fm_tail_from_json(struct fm_tail *tail, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

/* Give the largest of the rows [0,n) of the last bin their packets beyond the edge, and bytes in proportion: as large a
 * share of them as was learned, and evenly spaced quantiles of the tail, so that their sum varies little. */
int fm_tail_lay(const struct fm_tail *tail, struct fm_table *t, int64_t low, struct fm_error *err) FM_MUST_CHECK;

#endif
