/*
 * host_reach.h - how many different hosts a popular host reaches, so that one that scans comes to nobody twice and one
 * that asks its few servers asks no others.
 *
 * Learned is, of each popular source and service (host_profiles.h, whether answered or not) that min_count training
 * flows have, how many events there are and with how many different destinations; an event is a flow whose destination
 * is drawn and not copied from a related flow (relations.h).  And which popular hosts are silent: ten times as many
 * flows go to them, and at least min_count, as come from them, as with addresses that are only scanned.  No address.
 *
 * While windows are decoded, each source keeps to that: n of its events reach n^b destinations, with the b of the
 * learned numbers (Heaps' law: Heaps, Information Retrieval, 1978, 7.5).  b is 1 for one that never came to a host
 * twice.
 *
 * A scan is a source and service of 32 destinations or more with a b of 0.97 or more.  Learned of all of them together
 * is which share ends within an hour, where there are min_count of them.  As many, drawn at random, are made one after
 * the other: a scan that has begun goes on in the windows in which the network scans with that service, until it has
 * its events.
 */
#ifndef FM_MODEL_CODEC_HOST_REACH_H
#define FM_MODEL_CODEC_HOST_REACH_H

#include <stdint.h>

#include "base/error.h"
#include "model/codec/host_profiles.h"

/* The list (fm_profiles.reaches): key service << 16 | source; events; hosts: different destinations.  And
 * fm_profiles.brief. */
int fm_reaches_fit(struct fm_profiles *p, const struct fm_profile_data *d, struct fm_error *err) FM_MUST_CHECK;

/* Which destination the next event of a source and service is to have. */
enum fm_reach_wish { FM_REACH_ANY, FM_REACH_NEW, FM_REACH_OLD };
struct fm_reach;
struct fm_roles;
struct fm_call_for {
	uint32_t service, plain; /* as it is, and as if not answered */
	uint32_t from, host;
	int side; /* that of host */
};
struct fm_reach_opts {
	uint64_t seed;
	double grow; /* flows made for one of the training split */
};
/* Borrows all but o. */
int fm_reach_new(struct fm_reach **r, const struct fm_profiles *p, const struct fm_roles *roles,
		 const struct fm_reach_opts *o, struct fm_error *err) FM_MUST_CHECK;
void fm_reach_free(struct fm_reach *r);
/* The source of an event in the place of `from`: where that scans, the scan of its service and side that is under way;
 * when there is none, `from` begins its own, or if it has done so before another that has not. */
uint32_t fm_reach_scanner(struct fm_reach *r, uint32_t service, uint32_t from);
/* FM_REACH_ANY where nothing was learned. */
enum fm_reach_wish fm_reach_ask(const struct fm_reach *r, uint32_t service, uint32_t from);
/* Has the source reached this host? */
bool fm_reach_has(const struct fm_reach *r, uint32_t service, uint32_t from, uint32_t to);
/* The destination of one of its events, each as likely; UINT32_MAX before the first. */
uint32_t fm_reach_again(struct fm_reach *r, uint32_t service, uint32_t from);
/* A popular host of the side that the source has neither reached nor has talks with: one that has the use, else any.
 * Without one `host`, which is popular, where the side's hosts mostly are; else UINT32_MAX: one of the tail. */
uint32_t fm_reach_fresh(struct fm_reach *r, struct fm_reassign *uses, const struct fm_call_for *call);
/* An event. */
int fm_reach_add(struct fm_reach *r, uint32_t service, uint32_t from, uint32_t to, struct fm_error *err) FM_MUST_CHECK;

#endif
