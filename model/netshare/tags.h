/*
 * tags.h - which of the made sessions go on in which later chunks (Yin et al. 2022, 4.2: flow tags).
 *
 * A generator's softmax is no probability: by the likelier of two values, what one session in a hundred does would
 * hardly ever come, and what one in a thousand does comes six times as often when it is drawn.  So as many sessions
 * have a tag as in training, those whose softmax is highest but for noise; and the noise is of the size at which as
 * many have any tag at all as in training.  Without noise they would all be the same sessions.
 */
#ifndef FM_MODEL_NETSHARE_TAGS_H
#define FM_MODEL_NETSHARE_TAGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

struct fm_tags {
	size_t n;            /* sessions */
	int tags;            /* at most 64 */
	const float *soft;   /* (n, tags): the softmax of each */
	const double *share; /* (tags) of the training sessions that have the tag */
	double any;          /* share of those that have any of them */
};

/* has[i]: bit k is set where session i has tag k.  Uses random numbers of r. */
int fm_tags_choose(const struct fm_tags *t, struct fm_rng *r, uint64_t *has, struct fm_error *err) FM_MUST_CHECK;

#endif
