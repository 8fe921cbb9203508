/*
 * decode.h - windows of tokens back to flows.
 */
#ifndef FM_MODEL_CODEC_DECODE_H
#define FM_MODEL_CODEC_DECODE_H

#include "base/table.h"
#include "model/codec/host_addresses.h"
#include "model/codec/window_schedule.h"

struct fm_decode_opts {
	uint64_t rows, seed;
	struct fm_range_list fresh[FM_SIDES];
	bool reassign; /* hosts keep to what hosts like them did (host_profiles.h), whatever the tokens say */
};
/* The first o->rows flows of the schedule's windows as an in-memory table, sorted by te, with fresh addresses.  Every
 * row has pkt >= 1, the ports and flags that flow_rules.h allows, sa != da, both of a family that goes with the
 * protocol, and bytes per packet inside the codec's range. */
int fm_decode(struct fm_table **table, const struct fm_codec *c, const struct fm_window_schedule *schedule,
	      const uint16_t *tok, const float *res, const struct fm_decode_opts *o,
	      struct fm_error *err) FM_MUST_CHECK;

#endif
