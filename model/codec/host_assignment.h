/*
 * host_assignment.h - which fresh hosts take the roles of the hosts of the tail when flows are made.
 *
 * The codec's histogram says how many hosts of each class are in how many windows with how many peers, and how long
 * they live.  The assignment is such a population of fresh hosts.  A host is born when it is first called, keeps to the
 * trade it was called for, and is due again at uniform times in its lifetime.  Each time a class is needed, a host that
 * has met this peer and is due comes again; or one of that trade that is due meets a new peer; or one is born; or, when
 * all are born, one comes before it is due.  When there is none, a new population of the same kind takes over. So the
 * numbers of distinct hosts, flows per host and peers per host come out as learned.  Lifetimes do so because they are
 * drawn among those that have not come out as often as they should: a host for which no call comes in time lives longer
 * than it was to, and counts with that.
 */
#ifndef FM_MODEL_CODEC_HOST_ASSIGNMENT_H
#define FM_MODEL_CODEC_HOST_ASSIGNMENT_H

#include "base/rng.h"
#include "model/codec/codec.h"

struct fm_assignment;
struct fm_assignment_opts {
	uint64_t seed;
	double grow; /* windows to be made for each of the training split, in the same time */
};
int fm_assignment_new(struct fm_assignment **assignment, const struct fm_roles *roles,
		      const struct fm_assignment_opts *o, struct fm_error *err) FM_MUST_CHECK;
/* A call for a host. */
struct fm_call {
	int cl;         /* class index */
	uint32_t trade; /* what the host does: any number */
	uint32_t peer;  /* a host number, or UINT32_MAX: not known yet */
	int64_t now_ms;
	const uint32_t *taken; /* (ntaken) hosts that may not be drawn */
	int ntaken;
};
/* Draw the host that answers a call.  Host numbers of the tail begin at roles->nhosts. */
int fm_assignment_draw(struct fm_assignment *assignment, const struct fm_call *call, uint32_t *host,
		       struct fm_error *err) FM_MUST_CHECK;
/* Tell the assignment that a tail host met a peer it was called without. */
void fm_assignment_meet(struct fm_assignment *assignment, uint32_t host, uint32_t trade, uint32_t peer);
/* A host came in a window without a call.  If it was due, this is the visit. */
void fm_assignment_came(struct fm_assignment *assignment, uint32_t host, int64_t now_ms);
/* May a host come again?  A popular one always; one of the tail while it has visits left. */
bool fm_assignment_alive(const struct fm_assignment *assignment, uint32_t host);
uint32_t fm_assignment_hosts(const struct fm_assignment *assignment);           /* all host numbers are below this */
int fm_assignment_class(const struct fm_assignment *assignment, uint32_t host); /* class index of a host of the tail */
int fm_assignment_side(const struct fm_assignment *assignment, uint32_t host);
void fm_assignment_free(struct fm_assignment *assignment);

#endif
