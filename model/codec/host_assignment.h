/*
 * host_assignment.h - which fresh hosts take the roles of the hosts of the tail when flows are made.
 *
 * The codec's histogram says how many hosts of each class are in how many windows with how many peers.  The assignment
 * is such a population of fresh hosts.  Each time a class is needed in a window with a given peer, either a host that
 * has met this peer before comes again, or one that may still meet a new peer; when all are used up, a new population
 * of the same kind takes over.  So the numbers of distinct hosts, of flows per host and of peers per host come out as
 * they were.
 */
#ifndef FM_MODEL_CODEC_HOST_ASSIGNMENT_H
#define FM_MODEL_CODEC_HOST_ASSIGNMENT_H

#include "base/rng.h"
#include "model/codec/codec.h"

struct fm_assignment;
int fm_assignment_new(struct fm_assignment **assignment, const struct fm_roles *roles, uint64_t seed,
		      struct fm_error *err) FM_MUST_CHECK;
/* A host of class index `cl` for a window, talking to `peer` (a host number or UINT32_MAX: not known yet), other than
 * the hosts in taken[0..ntaken).  Host numbers of the tail begin at roles->nhosts. */
int fm_assignment_draw(struct fm_assignment *assignment, int cl, uint32_t peer, const uint32_t *taken, int ntaken,
		       uint32_t *host, struct fm_error *err) FM_MUST_CHECK;
/* Tell the assignment that a tail host met a peer it was called without. */
void fm_assignment_meet(struct fm_assignment *assignment, uint32_t host, uint32_t peer);
uint32_t fm_assignment_hosts(const struct fm_assignment *assignment); /* all host numbers are below this */
bool fm_assignment_inside(const struct fm_assignment *assignment, uint32_t host);
void fm_assignment_free(struct fm_assignment *assignment);

/* Fresh addresses: host numbers to addresses, from CIDR ranges for the inside and the outside, without repetition. */
struct fm_range {
	uint32_t base;
	int bits; /* prefix length */
};
struct fm_range_list {
	const struct fm_range *range;
	int n;
};
int fm_addresses_make(uint32_t **ip, const struct fm_assignment *assignment, const struct fm_range_list *outside,
		      const struct fm_range_list *inside, uint64_t seed,
		      struct fm_error *err) FM_MUST_CHECK; /* (fm_assignment_hosts), free() */

#endif
