/*
 * host_profiles.h - what popular hosts do, and with whom, so that a host stays itself from window to window.
 *
 * A service is protocol, the server's port and which end is the server: the end with the lower port, the destination
 * when ports are equal or the source port is 0.  Ports of 1024 and more that are no atom of the codec are one service.
 *
 *     use     a popular host is source (role 0) or destination (role 1) of a service
 *     talk    two popular hosts have a conversation of a service, from one to the other
 *     rest    the popular hosts of a role and service that have too few rows to be a use
 *
 * Each is kept when at least min_count training rows have it.  Its events are counted: flows whose host is drawn and
 * not copied from a related flow (relations.h).  No address: hosts are ranks.
 *
 * Trades: what a host is in a flow, client or server of protocol and port.  A host of the tail keeps to the trades it
 * has in its window, except in the learned share `mixed` of its events.
 *
 * Host assignment: the network's popular host of an event stays when it has that use.  Else it is replaced by one that
 * has, or in the learned share of events by one of the rest.  A destination is drawn from the talks of its source in
 * the share that these had of the source's events of the service.
 */
#ifndef FM_MODEL_CODEC_HOST_PROFILES_H
#define FM_MODEL_CODEC_HOST_PROFILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/table.h"
#include "model/codec/columns.h"
#include "model/codec/hosts.h"

struct fm_profile {
	uint64_t key; /* uses: role, service, host; talks: service, from, to; rests: role, service;
			reaches: service, from */
	uint32_t events;
	uint32_t hosts; /* rests: number of hosts; reaches: number of different destinations */
};
struct fm_profile_list {
	struct fm_profile *at; /* (n), by rising key */
	size_t n;
};
/* The first entry whose key is not below `key`; n: there is none. */
size_t fm_profile_lower(const struct fm_profile_list *l, uint64_t key);
#define FM_SCAN_SIZES 8
struct fm_profiles {
	double mixed; /* among events of tail hosts that their window has seen, the share with a trade new to it */
	double brief[FM_SCAN_SIZES]; /* share of the scans of a size that end within an hour (host_reach.h) */
	struct fm_profile_list uses, talks, rests, reaches; /* reaches: host_reach.h */
};

/* The service of a flow. ports: the column of ports; pr: the category of its protocol; answered: by a flow of its
 * window. */
uint32_t fm_service_of(const struct fm_num *ports, int pr, uint16_t sp, uint16_t dp, bool answered);
/* The entry of a silent host among the reaches; these come last. */
uint64_t fm_silent_key(uint32_t host);
/* The same service as if not answered. */
uint32_t fm_plain_service(const struct fm_num *ports, uint32_t service);
/* The trade of the source (role 0) or destination (role 1) of such a flow: client or server of protocol and port. */
uint32_t fm_trade_of(const struct fm_num *ports, uint32_t service, int role);

/* A training split; all borrowed. */
struct fm_profile_data {
	const struct fm_table *t;
	const struct fm_hosts *hosts;
	const struct fm_num *ports;
	const int *pr;       /* category of each protocol of t's dictionary, or NULL */
	const size_t *first; /* (windows) rows */
	size_t windows;
	int window, min_count;
	bool text_order;
};
int fm_profiles_fit(struct fm_profiles *p, const struct fm_profile_data *d, struct fm_error *err) FM_MUST_CHECK;
void fm_profiles_free(struct fm_profiles *p);
json_t *fm_profiles_json(const struct fm_profiles *p);
/* FM_EINPUT when the profiles name a host that the codec does not have, or are not in order, and when `brief` is not a
 * share for each size of a scan.  Other lists that j lacks are empty. */
int fm_profiles_from_json(struct fm_profiles *p, const json_t *j, int nhosts, struct fm_error *err) FM_MUST_CHECK;

struct fm_reassign;
/* Borrows all. */
int fm_reassign_new(struct fm_reassign **r, const struct fm_profiles *p, const struct fm_num *ports,
		    const struct fm_roles *roles, uint64_t seed, struct fm_error *err) FM_MUST_CHECK;
void fm_reassign_free(struct fm_reassign *r);
void fm_reassign_window(struct fm_reassign *r); /* a new window begins */
/* The popular host that takes the place of `host` as source (role 0) or destination (role 1) of a service.  A silent
 * host is never a source, nor the destination of an answered flow. */
uint32_t fm_reassign_host(struct fm_reassign *r, int role, uint32_t service, uint32_t host);
/* A host that the popular host `from` has talks of this service with, drawn in their shares; else UINT32_MAX. */
uint32_t fm_reassign_peer(struct fm_reassign *r, uint32_t service, uint32_t from);
/* A popular host of the side of `host` that has the use, drawn by events; `host` when there is none. */
uint32_t fm_reassign_user(struct fm_reassign *r, int role, uint32_t service, uint32_t host);
bool fm_reassign_speaks(const struct fm_reassign *r, uint32_t host); /* is a popular host not silent? */
bool fm_reassign_talks(const struct fm_reassign *r, uint32_t service, uint32_t from, uint32_t to);

#endif
