/*
 * flow_cache.h - packets -> flows, as an exporter of NetFlow makes them, in bounded memory.
 *
 * A flow is the packets of one source, destination, protocol and pair of ports, or of both directions of them. It ends
 * when it was silent for inactive_us, or with the packet that makes it older than active_us (both as in nfpcapd); the
 * end of a TCP connection does not end it. Its ToS is that of its first packet, its flags are those of all. Fragments
 * that follow the first one of their datagram are in its flow; those that come before it, or whose first one was lost,
 * are in a flow of ports 0.
 *
 * Flows come out in the order of their last packets: all flows in the cache, and those that ended by their age, are in
 * one list in that order; its head leaves once no later packet could still belong to it.
 */
#ifndef FM_TRACES_FLOW_CACHE_H
#define FM_TRACES_FLOW_CACHE_H

#include "base/error.h"
#include "traces/packet.h"

#define FM_FLOW_CACHE_MAX ((size_t)1 << 20) /* flows at once; with more, the one that was silent longest is ended */

struct fm_packet_flow {
	struct fm_address src, dst; /* of the first packet */
	int64_t first_us, last_us;
	uint64_t packets, bytes;
	uint64_t place; /* of its last packet */
	uint16_t sp, dp;
	uint8_t protocol, tos, flags;
	bool open;                 /* a packet may still be added */
	uint32_t hash, prev, next; /* private */
};
struct fm_flow_cache_opts {
	int64_t active_us, inactive_us;
	bool both_ways;
	size_t max; /* FM_FLOW_CACHE_MAX; tests take less */
};
struct fm_flow_cache;
int fm_flow_cache_new(struct fm_flow_cache **c, const struct fm_flow_cache_opts *o, struct fm_error *err) FM_MUST_CHECK;
/* A packet at the time us, number `place` in the source; hash: its fm_flow_cache_hash. */
struct fm_timed_packet {
	struct fm_packet p;
	int64_t us;
	uint64_t place;
	uint32_t hash;
};
int fm_flow_cache_add(struct fm_flow_cache *c, const struct fm_timed_packet *t, struct fm_error *err) FM_MUST_CHECK;
/* Most of the time goes into waiting for memory, so a caller announces packets that it has at hand: first it asks for
 * the hash (which prefetches the place in the table) and, a few packets later, for the flow to be prefetched. */
uint32_t fm_flow_cache_hash(const struct fm_flow_cache *c, const struct fm_packet *p);
void fm_flow_cache_fetch(const struct fm_flow_cache *c, uint32_t hash);
/* The next flow that has ended, valid until the next call of any function; NULL: none has. all: no packet follows, so
 * every flow has ended. */
const struct fm_packet_flow *fm_flow_cache_take(struct fm_flow_cache *c, bool all);
uint64_t fm_flow_cache_crowded(const struct fm_flow_cache *c); /* flows that ended for want of room */
uint64_t fm_flow_cache_back(const struct fm_flow_cache *c);    /* packets over a second earlier than the latest */
void fm_flow_cache_free(struct fm_flow_cache *c);

#endif
