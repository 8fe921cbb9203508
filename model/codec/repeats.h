/*
 * repeats.h - how often a window has a 5-tuple again.
 *
 * An exporter puts the packets of one 5-tuple into one flow, until it is idle or has lasted too long.  So a client of a
 * web server may have the same 5-tuple twice in a window, but one of a name server hardly ever has, and neither has
 * what goes by no port, such as ICMP.  The codec learns how many flows have the 5-tuple of an earlier one of their
 * window (`again` of relations.h): by service (host_profiles.h) where it has at least 5 k flows, and for all other
 * services together.  Fewer than k such flows count as none.  What is made follows in repeat_plan.h.
 */
#ifndef FM_MODEL_CODEC_REPEATS_H
#define FM_MODEL_CODEC_REPEATS_H

#include <stdint.h>

#include "base/error.h"
#include "model/codec/flow_shares.h"
#include "model/codec/host_profiles.h"

#define FM_REPEATS_OTHERS UINT32_MAX /* the key of all other services */
/* By service, as if not answered, how many flows come again. */
int fm_repeats_fit(struct fm_flow_shares *p, const struct fm_profile_data *d, struct fm_error *err) FM_MUST_CHECK;

#endif
