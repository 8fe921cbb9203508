/*
 * canaries.h - canaries: units of the claim that could exist but do not, from the public domain of the config.
 *
 * Canary i is an exchange of two flows, there and back, between two fresh addresses (one of generate.inside, one of
 * generate.outside, each used once) and two ports drawn at random, in one minute between privacy.first and
 * privacy.last, of a listed protocol and label; sizes, durations, flags and ToS are drawn each by itself.  So it has
 * pairs of values that hardly any real exchange has, and stands alone in most cells that are counted.  With
 * privacy.unit window it is a window that is full: as many such exchanges as are kept of one, alike but for the port
 * inside, which is the next one each time.  With privacy.unit flow the claim is of a record that is another one,
 * so where a canary is out another exchange is in, made likewise.
 */
#ifndef FM_STAGES_CANARIES_H
#define FM_STAGES_CANARIES_H

#include "base/secret.h"
#include "base/table.h"
#include "manifests/config.h"

#define FM_CANARY_FLOWS 2 /* of an exchange */
static inline size_t fm_canary_rows(const struct fm_config *cfg)
{
	return FM_CANARY_FLOWS * (size_t)fm_config_group(cfg);
}

/* n canaries of fm_canary_rows rows each, a function of the key; columns as in `present`.  *instead: what is in where
 * they are out, likewise; NULL where that is nothing.  FM_EINPUT when the ranges are too small. */
int fm_canaries_make(struct fm_table **t, struct fm_table **instead, size_t n, unsigned present,
		     const struct fm_config *cfg, const struct fm_secret *key, struct fm_error *err) FM_MUST_CHECK;
/* score[i] += sign times how much the flows of t that are most like the first exchange of canary i are like it. */
int fm_canaries_nearest(const struct fm_table *canary, size_t n, const struct fm_table *t, double sign, double *score,
			struct fm_error *err) FM_MUST_CHECK;

#endif
