/*
 * cidr.h - ranges of addresses as text, "10.0.0.0/8" or "fd00::/8".
 */
#ifndef FM_MANIFESTS_CIDR_H
#define FM_MANIFESTS_CIDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

#define FM_CIDR_TEXT_MAX 44 /* bytes with the NUL */
struct fm_cidr {
	uint64_t base[2], mask[2]; /* halves of an address, IPv4 mapped; base & ~mask is 0 */
	int bits;                  /* as written: 0 to 32, or 0 to 128 for IPv6 */
	bool ipv6;
};
/* FM_EINPUT says what is wrong without file or line, which the caller knows. */
int fm_cidr_parse(struct fm_cidr *c, const char *text, struct fm_error *err) FM_MUST_CHECK;
bool fm_cidr_overlap(const struct fm_cidr *a, const struct fm_cidr *b);
/* ::/0 holds no IPv4 address. */
bool fm_cidr_holds(const struct fm_cidr *c, const struct fm_address *a);

#endif
