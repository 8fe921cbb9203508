/*
 * window_memory.h - what a window remembers of earlier ones: conversations that go on.
 *
 * Windows are drawn one by one, so that a reply that falls into a later window, or a client's next request, would be
 * between hosts that have nothing to do with those before.  Of the flows that are related to none in their window
 * (relations.h) and whose source is popular or new in it, the codec learns how many are
 *
 *     reply     the reversed 5-tuple of the last flow of a conversation that had no reply
 *     again     of the 5-tuple that the last flow of their conversation had
 *     pair      of an earlier conversation: the same hosts, service (host_profiles.h) and server's port
 *
 * (the first of these that holds), and how many windows ago that was, in powers of two: by service and style, by
 * service, and for all others.  Counts of fewer than min_count flows join the next power of two, or are left out.  No
 * address and no time.
 *
 * While windows are decoded in order of time, a flow goes on with a conversation as often as was learned, if there was
 * one about as long ago.  Replies do so whoever sends them.  Requests do so where the source is a host of the tail: the
 * peers of a popular host are given by its profile, and a scanner returns to nobody.  Going on is the visit of a host
 * of the tail that is due (host_assignment.h); one that is not due yet lives as long as it would have.
 */
#ifndef FM_MODEL_CODEC_WINDOW_MEMORY_H
#define FM_MODEL_CODEC_WINDOW_MEMORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "model/codec/host_profiles.h"

enum fm_return { FM_RETURN_REPLY, FM_RETURN_AGAIN, FM_RETURN_PAIR, FM_NRETURNS };
enum { FM_AGO = 12 }; /* 2^i to 2^(i+1) - 1 windows ago */
struct fm_return_row {
	uint32_t key;
	int64_t flows; /* all flows */
	int64_t seen[FM_NRETURNS][FM_AGO];
};
struct fm_returns {
	struct fm_return_row *at; /* (n), by rising key */
	size_t n;
};
/* share: the share of the source's windows that the training split has. */
int fm_returns_fit(struct fm_returns *r, const struct fm_profile_data *d, double share,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_returns_free(struct fm_returns *r);
json_t *fm_returns_json(const struct fm_returns *r);
int fm_returns_from_json(struct fm_returns *r, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

/* The style of a flow, 1 to 15, a class of size: by bytes for flows of one packet, by packets for others. */
int fm_flow_style(uint64_t pkt, uint64_t byt);

/* A flow being decoded. */
struct fm_return_flow {
	uint32_t service; /* as if not answered */
	uint32_t turned;  /* the service of its reply */
	int style;
	bool popular;      /* its source is popular */
	uint32_t from, to; /* UINT32_MAX: a new host of the tail */
	int sides;         /* side of from + 16 side of to + 256 label: a conversation has one label */
	uint16_t sp, dp;
	bool reply; /* reply: recalled as one */
};
struct fm_window_memory;
/* Borrows r.  scale: windows to be made for each of the source. */
int fm_window_memory_new(struct fm_window_memory **m, const struct fm_returns *r, uint64_t seed, double scale,
			 struct fm_error *err) FM_MUST_CHECK;
void fm_window_memory_free(struct fm_window_memory *m);
void fm_window_memory_next(struct fm_window_memory *m); /* a new window begins */
/* Does the flow go on with a conversation?  Then f's from, to, sp and dp are set.  alive: may this host still come? */
bool fm_window_memory_recall(struct fm_window_memory *m, struct fm_return_flow *f,
			     bool (*alive)(void *ctx, uint32_t host), void *ctx);
/* Remember a flow of a finished window.  open: it is neither answered nor an answer. */
int fm_window_memory_add(struct fm_window_memory *m, const struct fm_return_flow *f, bool open,
			 struct fm_error *err) FM_MUST_CHECK;

#endif
