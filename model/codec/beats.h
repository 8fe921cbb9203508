/*
 * beats.h - periodic conversations, whose flows come one after another with nearly the same gap ("beats").
 *
 * A conversation is source, destination, destination port and protocol.  It is periodic when the gaps between its flows
 * have a coefficient of variation below 1/2.  Windows are drawn one by one, so nothing would be periodic for longer
 * than a window.
 *
 * Learned: of the conversations of min_count training flows or more, how many are periodic, by tenths of the
 * coefficient.  A training split is a share p of the windows.  Where flows are missing at random, the squared
 * coefficient of the gaps is p c^2 + 1 - p if that of the whole trace is c^2 (each gap is a geometric number of
 * independent gaps), which gives c.
 *
 * When flows are made, as large a share of the long conversations, the most regular ones, get the times of a renewal
 * process.  Their first and last time stay, and these and the number of flows give the gap.
 */
#ifndef FM_MODEL_CODEC_BEATS_H
#define FM_MODEL_CODEC_BEATS_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

enum { FM_BEATS = 5 };
struct fm_beats {
	int shortest;              /* fewest flows of a conversation that counts */
	int64_t conversations;     /* number of those */
	int64_t regular[FM_BEATS]; /* of these, coefficient in [i/10, (i+1)/10); none is between 0 and min_count */
};
/* share: the share of the source's windows that t has. */
int fm_beats_fit(struct fm_beats *b, const struct fm_table *t, double share, int min_count,
		 struct fm_error *err) FM_MUST_CHECK;
json_t *fm_beats_json(const struct fm_beats *b);
int fm_beats_from_json(struct fm_beats *b, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

struct fm_beats_opts {
	uint64_t seed;
	int64_t step;              /* the lattice of times */
	int64_t first_ms, last_ms; /* the times allowed */
	const uint32_t *answer;    /* (rows) the reply of a flow, which moves with it, or UINT32_MAX */
};
/* Change the times of t, whose rows need not be sorted. */
int fm_beats_lay(const struct fm_beats *b, struct fm_table *t, const struct fm_beats_opts *o,
		 struct fm_error *err) FM_MUST_CHECK;

#endif
