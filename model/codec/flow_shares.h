/*
 * flow_shares.h - of some flows, how many are of a kind: a list of counts by key, as the codec keeps it.
 */
#ifndef FM_MODEL_CODEC_FLOW_SHARES_H
#define FM_MODEL_CODEC_FLOW_SHARES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fm_flow_share {
	uint32_t key;
	int64_t flows, of; /* all flows of the key, and those of the kind */
};
struct fm_flow_shares {
	struct fm_flow_share *at; /* (n), by rising key */
	size_t n;
};
size_t fm_flow_shares_find(const struct fm_flow_shares *s, uint32_t key); /* its place; n: it is not there */
void fm_flow_shares_free(struct fm_flow_shares *s);
json_t *fm_flow_shares_json(const struct fm_flow_shares *s);
/* A list that j lacks is empty.  FM_EINPUT, which says what they are shares of, when the keys do not rise or a count
 * cannot be. */
int fm_flow_shares_from_json(struct fm_flow_shares *s, const json_t *j, const char *what,
			     struct fm_error *err) FM_MUST_CHECK;

#endif
