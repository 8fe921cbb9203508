/*
 * host_addresses.h - the addresses of made hosts: fresh ones, from ranges that belong to nobody.
 */
#ifndef FM_MODEL_CODEC_HOST_ADDRESSES_H
#define FM_MODEL_CODEC_HOST_ADDRESSES_H

#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "model/codec/host_assignment.h"

/* Fresh addresses: host numbers to addresses, from the CIDR ranges of each side, without repetition. */
struct fm_range {
	uint64_t base; /* of IPv4 the address, of IPv6 its first half */
	int bits;      /* prefix length: of IPv4 0 to 32, of IPv6 0 to 64 */
};
struct fm_range_list {
	const struct fm_range *range;
	int n;
};
/* FM_EINPUT when the ranges of a side hold fewer addresses than are surely needed: one for each popular host and, for
 * kinds of hosts that come often, for each host of one population.  share: flows to be made for each of the training
 * split; 0: not known, as with wishes, and only popular hosts count. */
int fm_addresses_enough(const struct fm_roles *roles, const struct fm_range_list of[FM_SIDES], double share,
			struct fm_error *err) FM_MUST_CHECK;
/* An IPv6 address is one of 1 to 254 in a network of 64 bits. Inside addresses lie in one site of 48 bits, which the
 * seed chooses in its range, as RFC 4193 (3.2) asks for a random choice. */
int fm_addresses_make(struct fm_address **a, const struct fm_assignment *assignment,
		      const struct fm_range_list of[FM_SIDES], uint64_t seed,
		      struct fm_error *err) FM_MUST_CHECK; /* (fm_assignment_hosts), free() */

#endif
