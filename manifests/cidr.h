/*
 * cidr.h - IPv4 ranges as text, "10.0.0.0/8".
 */
#ifndef FM_MANIFESTS_CIDR_H
#define FM_MANIFESTS_CIDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct fm_cidr {
	uint32_t base, mask; /* host order; base & ~mask is 0 */
	int bits;            /* 0..32 */
};
/* FM_EINPUT says what is wrong without file or line, which the caller knows. */
int fm_cidr_parse(struct fm_cidr *c, const char *text, struct fm_error *err) FM_MUST_CHECK;
bool fm_cidr_overlap(const struct fm_cidr *a, const struct fm_cidr *b);

#endif
