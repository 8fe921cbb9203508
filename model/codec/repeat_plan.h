/*
 * repeat_plan.h - which flows of what is made may have a 5-tuple again.
 *
 * The network draws the relation before it knows the service, and so gives each service some share of all that come
 * again.  While windows are decoded, a flow comes again only as often as was learned: of all that should, so many are
 * kept, and the others get another port of a client, or another destination (decode.c).
 */
#ifndef FM_MODEL_CODEC_REPEAT_PLAN_H
#define FM_MODEL_CODEC_REPEAT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/codec/scan_windows.h"

struct fm_repeat_plan;
/* Counts the flows of w that come again.  Borrows w->codec. */
int fm_repeat_plan_new(struct fm_repeat_plan **plan, const struct fm_made_windows *w, uint64_t seed,
		       struct fm_error *err) FM_MUST_CHECK;
void fm_repeat_plan_free(struct fm_repeat_plan *plan);
/* May a flow of this service, as if not answered, come again?  Drawn. */
bool fm_repeat_plan_keeps(struct fm_repeat_plan *plan, uint32_t service);
bool fm_repeat_plan_never(const struct fm_repeat_plan *plan, uint32_t service); /* does none, as far as was learned? */

#endif
