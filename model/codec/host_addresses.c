/* host_addresses.c - fresh addresses for made hosts. */
#include "model/codec/host_addresses.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

/* Usable addresses of a range: no network or broadcast octet. */
static uint64_t range_size(const struct fm_range *r, bool ipv6)
{
	if (ipv6) /* of a wider range a part */
		return r->bits > 16 ? (1ull << (64 - r->bits)) * 254 : 1ull << 55;
	uint64_t n = 1ull << (32 - r->bits);
	return n >= 256 ? n / 256 * 254 : n > 2 ? n - 2 : 1;
}

static struct fm_address range_at(const struct fm_range *r, bool ipv6, uint64_t i)
{
	if (ipv6)
		return fm_address_of_halves(r->base + i / 254, i % 254 + 1);
	uint64_t in = (1ull << (32 - r->bits)) >= 256 ? i / 254 * 256 + i % 254 + 1 : i + (r->bits < 31);
	return fm_address_of_ipv4((uint32_t)(r->base + in));
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t t = a % b;
		a = b;
		b = t;
	}
	return a;
}

/* i -> (a i + b) mod n with a coprime to n: no address twice. A near network gets a dense block, as real ones have. */
struct spread {
	uint64_t n, a, b;
	struct fm_range site; /* the one range of the inside of IPv6 */
};

/* A network of 48 bits of the first range that has such. */
static struct fm_range site_of(const struct fm_range_list *of, uint64_t seed)
{
	struct fm_rng g;
	fm_rng_init(&g, seed, FM_RNG_DECODE, UINT32_MAX, FM_SIDES);
	uint64_t any = fm_rng_u64(&g);
	for (int i = 0; i < of->n; i++) {
		const struct fm_range *r = &of->range[i];
		if (r->bits <= 48)
			return (struct fm_range){r->base | (any >> r->bits & ~0xffffull), 48};
	}
	return of->range[0];
}

static uint64_t total_of(const struct fm_range_list *of, bool ipv6)
{
	uint64_t total = 0;
	for (int i = 0; i < of->n; i++)
		total += range_size(&of->range[i], ipv6);
	return total;
}

static int too_few(uint64_t need, uint64_t total, uint32_t side, const char *least, struct fm_error *err)
{
	const char *name = side & FM_SIDE_INSIDE ? "inside" : "outside";
	return fm_fail(
	    err, FM_EINPUT, "%s%llu fresh %s addresses%s are needed and the ranges hold %llu: widen generate.%s", least,
	    (unsigned long long)need, name, side & FM_SIDE_IPV6 ? " of IPv6" : "", (unsigned long long)total, name);
}

/* `need` addresses of a side; an inside gets the dense block. */
static int spread_make(struct spread *s, struct fm_range_list *of, uint64_t need, uint64_t seed, uint32_t side,
		       struct fm_error *err)
{
	bool inside = side & FM_SIDE_INSIDE, ipv6 = side & FM_SIDE_IPV6;
	struct fm_rng g;
	uint64_t total;
	if (ipv6 && inside && of->n > 0) {
		s->site = site_of(of, seed);
		if (need <= range_size(&s->site, true))
			*of = (struct fm_range_list){&s->site, 1};
	}
	total = total_of(of, ipv6);
	if (need > total || total == 0)
		return too_few(need, total, side, "", err);
	s->n = inside && need * 4 + 1016 < total ? (need * 4 + 1016) / 254 * 254 : total;
	fm_rng_init(&g, seed, FM_RNG_DECODE, UINT32_MAX, side);
	do
		s->a = fm_rng_u64(&g) % (s->n > 1 ? s->n : 2);
	while (s->n > 2 && (s->a < 2 || gcd(s->a, s->n) != 1));
	s->a = s->n > 2 ? s->a : 1;
	s->b = fm_rng_u64(&g) % s->n;
	return FM_OK;
}

static struct fm_address spread_at(const struct spread *s, const struct fm_range *r, bool ipv6, uint64_t i)
{
	uint64_t k = (uint64_t)(((unsigned __int128)s->a * i + s->b) % s->n);
	while (k >= range_size(r, ipv6))
		k -= range_size(r++, ipv6);
	return range_at(r, ipv6, k);
}

int fm_addresses_enough(const struct fm_roles *roles, const struct fm_range_list of[FM_SIDES], double share,
			struct fm_error *err)
{
	enum { SURELY = 20 }; /* expected calls of a class from which on it is surely called */
	uint64_t need[FM_SIDES] = {0};
	for (int h = 0; h < roles->nhosts; h++)
		need[roles->side[h]]++;
	for (int cl = 0; cl < roles->nclasses; cl++) {
		uint64_t hosts = 0;
		double calls = 0;
		for (int k = 0; k < roles->npool[cl]; k++) {
			hosts += (uint64_t)roles->pool[cl][k].hosts;
			calls += share * (double)roles->pool[cl][k].hosts * roles->pool[cl][k].windows;
		}
		if (calls >= SURELY)
			need[fm_role_side(roles->class_of[cl])] += hosts;
	}
	for (uint32_t side = 0; side < FM_SIDES; side++) {
		uint64_t total = total_of(&of[side], side & FM_SIDE_IPV6);
		if (need[side] > total)
			return too_few(need[side], total, side, "at least ", err);
	}
	return FM_OK;
}

int fm_addresses_make(struct fm_address **a, const struct fm_assignment *assignment,
		      const struct fm_range_list of[FM_SIDES], uint64_t seed, struct fm_error *err)
{
	uint32_t n = fm_assignment_hosts(assignment);
	uint64_t count[FM_SIDES] = {0};
	struct fm_range_list from[FM_SIDES];
	struct spread s[FM_SIDES];
	int rc;
	for (uint32_t h = 0; h < n; h++)
		count[fm_assignment_side(assignment, h)]++;
	for (uint32_t side = 0; side < FM_SIDES; side++) {
		from[side] = of[side];
		if ((count[side] > 0 || side < FM_SIDE_IPV6) &&
		    (rc = spread_make(&s[side], &from[side], count[side], seed, side, err)) < 0)
			return rc;
		count[side] = 0;
	}
	if ((rc = fm_alloc(a, n + 1u, sizeof **a, "addresses", err)) < 0)
		return rc;
	for (uint32_t h = 0; h < n; h++) {
		int side = fm_assignment_side(assignment, h);
		(*a)[h] = spread_at(&s[side], from[side].range, side & FM_SIDE_IPV6, count[side]++);
	}
	return FM_OK;
}
