/*
 * synth.h - encoded records from estimated tables.
 *
 * A first sample attribute by attribute: x with weight p(x | kind) prod r(x, y) over the pairs (x, y) whose y is drawn
 * already, where r is the pair's estimate over its prior from the kinds alone.  Then gradual updates (Zhang et al.,
 * "PrivSyn", USENIX Security 2021, section 5; Sun et al., "NetDPSyn", IMC 2024): pair by pair, a share of the records
 * in cells that have too many goes to cells that have too few, by a new value of one attribute or as a copy of a record
 * already there.
 *
 * The same bits on every machine: sums in fixed order, random numbers by counter, no libm.
 */
#ifndef FM_MODEL_MARGINALS_SYNTH_H
#define FM_MODEL_MARGINALS_SYNTH_H

#include "base/thread.h"
#include "model/marginals/tables.h"

struct fm_synth {
	size_t n;
	uint16_t *tok[FM_NATTRS]; /* (n) each */
};
/* Guidance from outside while records are drawn: ratio (n, size of a) are the factors of the weights of attribute a,
 * for n <= FM_GUIDE_ROWS records from `from` on whose attributes in `drawn` are set already.  Threads of the pool call
 * it at once, each with its own number. */
#define FM_GUIDE_ROWS 64
struct fm_guide {
	void (*ratio)(void *ctx, int thread, const struct fm_synth *s, enum fm_attr a, const bool drawn[FM_NATTRS],
		      size_t from, int n, float *ratio);
	void *ctx;
};
struct fm_synth_opts {
	size_t n; /* records */
	uint64_t seed;
	int rounds;
	const struct fm_guide *guide; /* may be NULL */
	struct fm_pool *pool;
};
int fm_synth_make(struct fm_synth *s, const struct fm_tables *t, const struct fm_synth_opts *o,
		  struct fm_error *err) FM_MUST_CHECK;
/* Draw the kinds only, into s->tok[FM_A_KIND] (s->n), by equal steps: record i has the kind in which (i + 1/2) / n of
 * the running sum lies. */
void fm_synth_kinds(struct fm_synth *s, const struct fm_tables *t);
/* The gradual updates only, o->rounds of them. */
int fm_synth_update(struct fm_synth *s, const struct fm_tables *t, const struct fm_synth_opts *o,
		    struct fm_error *err) FM_MUST_CHECK;
void fm_synth_free(struct fm_synth *s);

#endif
