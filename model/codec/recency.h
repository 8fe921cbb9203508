/*
 * recency.h - the hosts of the tail of one side that a window has seen, the latest first: what the recency tokens of
 * addresses count (codec.h).
 */
#ifndef FM_MODEL_CODEC_RECENCY_H
#define FM_MODEL_CODEC_RECENCY_H

#include <stdint.h>
#include <string.h>

#include "model/codec/relations.h"

struct fm_recency {
	uint32_t host[FM_WINDOW_MOST];
	int n;
};

/* The host is the latest now.  Returns the place that it had, or -1: it is new, and where there are FM_WINDOW_MOST, the
 * one seen longest ago is forgotten. */
static inline int fm_recency_touch(struct fm_recency *r, uint32_t host)
{
	int at = 0, had;

	while (at < r->n && r->host[at] != host)
		at++;
	had = at < r->n ? at : -1;
	if (had < 0)
		at = r->n < FM_WINDOW_MOST ? r->n++ : FM_WINDOW_MOST - 1;
	memmove(r->host + 1, r->host, sizeof r->host[0] * (size_t)at);
	r->host[0] = host;
	return had;
}

/* The host that a token names: of one beyond what is there, the one seen longest ago; UINT32_MAX: none was. */
static inline uint32_t fm_recency_at(const struct fm_recency *r, int token)
{
	return r->n == 0 ? UINT32_MAX : r->host[token < r->n ? token : r->n - 1];
}

#endif
