/*
 * people.h - who the hosts of synthetic records are: a number for each host, and fresh addresses.
 *
 * A record of a host above the noise names the host, or a group, from which a host is drawn in proportion to its noisy
 * count. The records of the tail are assigned service by service, in the order of time: the noisy population says how
 * many hosts have how many of the records.  Inside, where hosts are few, the same hosts serve all services; outside
 * each service has hosts of its own.
 */
#ifndef FM_MODEL_MARGINALS_PEOPLE_H
#define FM_MODEL_MARGINALS_PEOPLE_H

#include "model/codec/host_addresses.h"
#include "model/marginals/synth.h"

struct fm_people {
	uint32_t *host[2]; /* (records): persons that are server and client */
	uint32_t n;        /* persons */
	uint8_t *inside;   /* (n) */
	uint32_t *address; /* (n) */
};
struct fm_people_in {
	const struct fm_range *inside, *outside;
	int ninside, noutside;
	uint64_t seed;
	const uint8_t *side[2]; /* (records): is the server, the client of a record inside? */
	double scale;           /* records made for each one measured */
};
int fm_people_make(struct fm_people *p, const struct fm_domains *d, const struct fm_synth *s,
		   const struct fm_people_in *in, struct fm_error *err) FM_MUST_CHECK;
void fm_people_free(struct fm_people *p);

#endif
