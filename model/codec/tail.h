/*
 * tail.h - the largest flows: one in a thousand, those of the last bins of packets (codec.h), and those beyond their
 * edge.
 *
 * They make up most bytes, and few of them are there to be learned from.  So their number, the distribution of their
 * packets and the size of their packets are as learned, not as the network drew them:
 *
 *     beyond the edge    a Pareto tail: above x they are (x / edge)^-alpha, with alpha by maximum likelihood (Hill, "A
 *                        simple general approach to inference about the tail of a distribution", Annals of Statistics
 *                        3, 1975), cut off where it has the learned mean (Aban, Meerschaert, Panorska, "Parameter
 *                        estimation for the truncated Pareto distribution", JASA 101, 2006: the truncated law)
 *     in each bin        its number of rows; low (next / low)^(u^g), u uniform, with the g that has the learned mean
 *     bytes per packet   beyond the edge and in each bin, as one factor for all its packets
 *     conversations      an exporter cuts a long conversation into flows at its active timeout: the mean number of
 *                        flows per conversation, beyond the edge and in each bin
 *     sources            the mean number of these conversations per source: a few hosts send most bytes
 *     sources again      of the rows of each bin, the share whose source has rows in a higher one or beyond the edge
 *
 * Each is learned from k training rows or more, beyond the edge from k - 1 (it is a value that the k-th largest has); a
 * share of fewer rows is 0.  A mean of which one row is more than half, or a ratio of two sums of either of which it
 * is, is not kept (the dominance rule of disclosure control: Hundepool et al., Statistical Disclosure Control, 4.2.2).
 * No value of a row is kept.
 */
#ifndef FM_MODEL_CODEC_TAIL_H
#define FM_MODEL_CODEC_TAIL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

/* How large flows share conversations and sources; each mean is at least 1. */
struct fm_company {
	double talk, source; /* flows per conversation; conversations per source */
};
enum { FM_TAIL_BINS = 8 };
struct fm_tail_bin {
	int64_t low, rows;
	double mean; /* mean packets of the rows / low; 0: unknown */
	double size; /* bytes per packet of them; 0: unknown */
	struct fm_company company;
	double again; /* share of the rows whose source has a larger row above the bin */
};
struct fm_tail {
	int64_t edge;              /* the upper edge of the bins */
	int64_t above, from;       /* rows above the edge; these and those of the bins; 0: no tail */
	double alpha, mean;        /* mean packets of the rows above / edge; 0: unknown */
	double size;               /* bytes per packet of the rows above; 0: unknown */
	struct fm_company largest; /* rows above */
	struct fm_tail_bin bin[FM_TAIL_BINS];
	size_t bins; /* the highest first */
};
/* Fit to a training split whose packets have bins [low[i], low[i + 1]), i < n, the last one up to edge: to as many of
 * the last ones as one row in a thousand takes, at most FM_TAIL_BINS. */
struct fm_tail_source {
	const struct fm_table *t;
	const int64_t *low;
	size_t n;
	int64_t edge;
};
int fm_tail_fit(struct fm_tail *tail, const struct fm_tail_source *source, int k, struct fm_error *err) FM_MUST_CHECK;
json_t *fm_tail_json(const struct fm_tail *tail);
int fm_tail_from_json(struct fm_tail *tail, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

/* Make the largest rows of t as learned.  share: their share of the training split.  Of those beyond the edge and in
 * the last bin the longest flows get the most packets; the others keep their order.  most: the largest packet, in
 * bytes. */
struct fm_tail_opts {
	double share, most;
	int (*side)(const void *ctx, uint32_t host); /* the side of a host of t (hosts.h); NULL: all are on one side */
	const void *ctx;
};
int fm_tail_lay(const struct fm_tail *tail, struct fm_table *t, const struct fm_tail_opts *o,
		struct fm_error *err) FM_MUST_CHECK;

#endif
