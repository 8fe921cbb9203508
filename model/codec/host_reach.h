/*
 * host_reach.h - how many different hosts a popular host reaches, so that a scanner reaches no host twice and a client
 * of a few servers asks no others.
 *
 * For each popular source and service (host_profiles.h, whether answered or not) with min_count training flows, the
 * number of events and of their different destinations is learned; an event is a flow whose destination is drawn and
 * not copied from a related flow (relations.h).  So is which popular hosts are silent: at least min_count flows, and
 * ten times as many as come from them, go to them, as with addresses that are only scanned.  No address.
 *
 * While windows are decoded, each source keeps to that: n of its events reach n^b destinations, with the b of the
 * learned numbers (Heaps' law: Heaps, Information Retrieval, 1978, 7.5).  b is 1 for a source that never reached a host
 * twice.
 *
 * A scan is a source and service of 32 destinations or more with a b of 0.97 or more.  The share of scans that end
 * within an hour is learned by their number of destinations in half octaves, each over min_count scans, else joined
 * with the next.  That share of them, drawn at random, are brief: made in windows that follow each other
 * (scan_windows.h), or, where there are no such windows, one after the other: a scan that has begun goes on, in the
 * windows in which the network scans with that service, until it has all its events.
 */
#ifndef FM_MODEL_CODEC_HOST_REACH_H
#define FM_MODEL_CODEC_HOST_REACH_H

#include <stdint.h>

#include "base/error.h"
#include "model/codec/host_profiles.h"

/* The list (fm_profiles.reaches): key service << 16 | source; events; hosts: different destinations.  And
 * fm_profiles.brief. */
int fm_reaches_fit(struct fm_profiles *p, const struct fm_profile_data *d, struct fm_error *err) FM_MUST_CHECK;

/* What kind of destination the next event of a source and service should have. */
enum fm_reach_wish { FM_REACH_ANY, FM_REACH_NEW, FM_REACH_OLD };
struct fm_reach;
struct fm_roles;
struct fm_call_for {
	uint32_t service, plain; /* the service, and the same as if not answered */
	uint32_t from, host;
	int side; /* side of host */
};
struct fm_reach_opts {
	uint64_t seed;
	double grow; /* flows made for each of the training split */
};
/* Borrows all but o. */
int fm_reach_new(struct fm_reach **r, const struct fm_profiles *p, const struct fm_roles *roles,
		 const struct fm_reach_opts *o, struct fm_error *err) FM_MUST_CHECK;
void fm_reach_free(struct fm_reach *r);
/* A brief scan: its source, a popular host, its service as if not answered, and its events. */
struct fm_scan {
	uint32_t service, from, events;
};
/* The brief scans in random order: *scan (*n), freed by the caller. */
int fm_reach_scans(struct fm_reach *r, struct fm_scan **scan, size_t *n, struct fm_error *err) FM_MUST_CHECK;
/* The windows of this scan follow each other (scan_windows.h): outside of them it has no events. */
void fm_reach_gathered(struct fm_reach *r, const struct fm_scan *scan);
/* The source that an event gets instead of `from`, where `from` scans briefly: the source of the scan of that service
 * and side that is under way.  If there is none, `from` begins its own scan, or, where that is over or gathered,
 * another source begins one.  Where `from`'s scan is gathered and no other is left, it is a source that does not scan
 * briefly, if there is one. */
uint32_t fm_reach_scanner(struct fm_reach *r, uint32_t service, uint32_t from);
/* What the source's next destination should be; FM_REACH_ANY where nothing was learned. */
enum fm_reach_wish fm_reach_ask(const struct fm_reach *r, uint32_t service, uint32_t from);
/* Has the source reached this host? */
bool fm_reach_has(const struct fm_reach *r, uint32_t service, uint32_t from, uint32_t to);
/* The destination of one of its events so far, all equally likely; UINT32_MAX before the first. */
uint32_t fm_reach_again(struct fm_reach *r, uint32_t service, uint32_t from);
/* A popular host of the side that the source has neither reached nor has talks with: one that has the use, else any.
 * An answered flow goes to none that lacks the use: hardly any host answers a scan.  Without such a host: `host`, where
 * most hosts of the side are popular or nearly all of its events are with those, else UINT32_MAX, a host of the tail.
 */
uint32_t fm_reach_fresh(struct fm_reach *r, struct fm_reassign *uses, const struct fm_call_for *call);
/* Count an event. */
int fm_reach_add(struct fm_reach *r, uint32_t service, uint32_t from, uint32_t to, struct fm_error *err) FM_MUST_CHECK;

#endif
