#include "manifests/cidr.h"

#include <string.h>

#include "base/num.h"

int fm_cidr_parse(struct fm_cidr *c, const char *text, struct fm_error *err)
{
	const char *slash = strchr(text, '/');
	uint64_t bits;
	uint32_t ip;

	if (slash == NULL || fm_parse_ipv4(text, (size_t)(slash - text), &ip) != 0 ||
	    fm_parse_u64(slash + 1, strlen(slash + 1), 32, &bits) != 0)
		return fm_fail(err, FM_EINPUT, "'%s' is no IPv4 range such as 10.0.0.0/8", text);
	c->bits = (int)bits;
	c->mask = bits == 0 ? 0 : (uint32_t)(0xffffffffu << (32 - bits));
	c->base = ip & c->mask;
	if (ip != c->base)
		return fm_fail(err, FM_EINPUT, "'%s' has bits set beyond its /%d: write %u.%u.%u.%u/%d", text, c->bits,
			       c->base >> 24, c->base >> 16 & 255, c->base >> 8 & 255, c->base & 255, c->bits);
	return FM_OK;
}

bool fm_cidr_overlap(const struct fm_cidr *a, const struct fm_cidr *b)
{
	return ((a->base ^ b->base) & a->mask & b->mask) == 0;
}
