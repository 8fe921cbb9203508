#include "manifests/cidr.h"

#include <string.h>

#include "base/num.h"

static uint64_t mask_of(int bits)
{
	return bits <= 0 ? 0 : bits >= 64 ? UINT64_MAX : UINT64_MAX << (64 - bits);
}

int fm_cidr_parse(struct fm_cidr *c, const char *text, struct fm_error *err)
{
	const char *slash = strchr(text, '/');
	char base[FM_ADDRESS_TEXT_MAX + 1];
	struct fm_address a;
	uint64_t bits;

	if (slash == NULL || strchr(text, '%') || fm_address_parse(text, (size_t)(slash - text), &a) != 0 ||
	    fm_parse_u64(slash + 1, strlen(slash + 1), fm_address_is_ipv6(&a) ? 128 : 32, &bits) != 0)
		return fm_fail(err, FM_EINPUT, "'%s' is no range of addresses such as 10.0.0.0/8 or fd00::/8", text);
	c->ipv6 = fm_address_is_ipv6(&a);
	c->bits = (int)bits;
	for (int k = 0; k < 2; k++) {
		c->mask[k] = mask_of(c->bits + (c->ipv6 ? 0 : 96) - 64 * k);
		c->base[k] = fm_address_half(&a, k) & c->mask[k];
	}
	if (c->base[0] == fm_address_half(&a, 0) && c->base[1] == fm_address_half(&a, 1))
		return FM_OK;
	a = fm_address_of_halves(c->base[0], c->base[1]);
	base[fm_address_format(&a, base)] = 0;
	return fm_fail(err, FM_EINPUT, "'%s' has bits set beyond its /%d: write %s/%d", text, c->bits, base, c->bits);
}

bool fm_cidr_overlap(const struct fm_cidr *a, const struct fm_cidr *b)
{
	for (int k = 0; k < 2; k++)
		if ((a->base[k] ^ b->base[k]) & a->mask[k] & b->mask[k])
			return false;
	return a->ipv6 == b->ipv6;
}

bool fm_cidr_holds(const struct fm_cidr *c, const struct fm_address *a)
{
	return ((fm_address_half(a, 0) ^ c->base[0]) & c->mask[0]) == 0 &&
	       ((fm_address_half(a, 1) ^ c->base[1]) & c->mask[1]) == 0 && fm_address_is_ipv6(a) == c->ipv6;
}
