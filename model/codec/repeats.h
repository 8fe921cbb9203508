/*
 * repeats.h - how often a window has a 5-tuple again.
 *
 * An exporter puts the packets of one 5-tuple into one flow, until it is idle or has lasted too long.  So a client of a
 * web server may have the same 5-tuple twice in a window, but one of a name server hardly ever has, and neither has
 * what goes by no port, such as ICMP.  The codec learns how many flows have the 5-tuple of an earlier one of their
 * window (`again` of relations.h): by service (host_profiles.h) where it has at least 5 k flows, and for all other
 * services together.  Fewer than k such flows count as none.
 *
 * The network draws the relation before it knows the service, and so gives each service some share of all that come
 * again.  While windows are decoded, a flow comes again only as often as was learned: of all that should, so many are
 * kept, and the others get another port of a client, or another destination (decode.c).
 */
#ifndef FM_MODEL_CODEC_REPEATS_H
#define FM_MODEL_CODEC_REPEATS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "model/codec/host_profiles.h"

#define FM_REPEATS_OTHERS UINT32_MAX /* the key of all other services */
struct fm_repeat_row {
	uint32_t key; /* fm_service_of, as if not answered */
	int64_t flows, again;
};
struct fm_repeats {
	struct fm_repeat_row *at; /* (n), by rising key */
	size_t n;
};
int fm_repeats_fit(struct fm_repeats *p, const struct fm_profile_data *d, struct fm_error *err) FM_MUST_CHECK;
void fm_repeats_free(struct fm_repeats *p);
json_t *fm_repeats_json(const struct fm_repeats *p);
/* FM_EINPUT when the rows are not in order, or count what cannot be. */
int fm_repeats_from_json(struct fm_repeats *p, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

/* The windows to be decoded. */
struct fm_repeat_windows {
	const struct fm_num *num; /* (FM_NRES) the codec's numbers */
	const uint16_t *tok;      /* (n, window, FM_NTOK) */
	const float *res;         /* (n, window, FM_NRES) */
	size_t n;
	int window;
};
struct fm_repeat_plan;
/* Counts the flows of w that come again.  Borrows p and w->num. */
int fm_repeat_plan_new(struct fm_repeat_plan **plan, const struct fm_repeats *p, const struct fm_repeat_windows *w,
		       uint64_t seed, struct fm_error *err) FM_MUST_CHECK;
void fm_repeat_plan_free(struct fm_repeat_plan *plan);
/* May a flow of this service, as if not answered, come again?  Drawn. */
bool fm_repeat_plan_keeps(struct fm_repeat_plan *plan, uint32_t service);
bool fm_repeat_plan_never(const struct fm_repeat_plan *plan, uint32_t service); /* does none, as far as was learned? */

#endif
