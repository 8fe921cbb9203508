/* host_assignment.c - a population of fresh hosts with the shape of the real one. */
#include "model/codec/host_assignment.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct player {
	uint16_t windows; /* how often it may still come */
	uint8_t cl;
};

/* Players that have met a peer, by (class, peer): open addressing to a stack of relations. */
struct bond {
	uint64_t key;
	uint32_t used, top; /* top: relation + 1, 0 when the stack is empty */
};
struct relation {
	uint32_t player, next; /* next: relation + 1 */
};

struct fm_assignment {
	const struct fm_roles *roles;
	uint64_t seed;
	struct player *player;
	size_t n, cap;
	uint32_t *queue[FM_ROLE_CLASSES]; /* a player once for each peer it may meet, in random order */
	size_t nqueue[FM_ROLE_CLASSES], head[FM_ROLE_CLASSES];
	uint32_t round[FM_ROLE_CLASSES];
	struct bond *bond;
	size_t nbonds, cap_bonds;
	struct relation *relation;
	size_t nlinks, cap_relations;
};

int fm_assignment_new(struct fm_assignment **assignment, const struct fm_roles *roles, uint64_t seed,
		      struct fm_error *err)
{
	struct fm_assignment *c = NULL;
	if (fm_alloc(&c, 1, sizeof *c, "the assignment", err) < 0)
		return err->code;
	c->roles = roles;
	c->seed = seed;
	*assignment = c;
	return FM_OK;
}

static int add_players(struct fm_assignment *c, int cl, size_t *slots, struct fm_error *err)
{
	size_t hosts = 0;
	*slots = 0;
	for (int k = 0; k < c->roles->npool[cl]; k++) {
		hosts += (size_t)c->roles->pool[cl][k].hosts;
		*slots += (size_t)c->roles->pool[cl][k].hosts * (size_t)c->roles->pool[cl][k].peers;
	}
	if (c->n + hosts > c->cap) {
		size_t cap = (c->n + hosts) * 2;
		struct player *p = NULL;
		if (fm_alloc(&p, cap, sizeof *p, "the assignment", err) < 0)
			return err->code;
		if (c->n)
			memcpy(p, c->player, c->n * sizeof *p);
		free(c->player);
		c->player = p;
		c->cap = cap;
	}
	return FM_OK;
}

/* A new population of a class, and its queue: each host once for every peer, shuffled. */
static int refill(struct fm_assignment *c, int cl, struct fm_error *err)
{
	size_t slots, at = 0;
	struct fm_rng r;
	int rc;
	free(c->queue[cl]);
	c->queue[cl] = NULL;
	c->nqueue[cl] = c->head[cl] = 0;
	if ((rc = add_players(c, cl, &slots, err)) < 0 ||
	    (rc = fm_alloc(&c->queue[cl], slots, sizeof **c->queue, "the assignment", err)) < 0)
		return rc;
	for (int k = 0; k < c->roles->npool[cl]; k++) {
		const struct fm_pool_entry *e = &c->roles->pool[cl][k];
		for (int64_t h = 0; h < e->hosts; h++) {
			c->player[c->n] = (struct player){(uint16_t)e->windows, (uint8_t)cl};
			for (int i = 0; i < e->peers; i++)
				c->queue[cl][at++] = (uint32_t)c->n;
			c->n++;
		}
	}
	fm_rng_init(&r, c->seed, FM_RNG_DECODE, (uint64_t)cl, c->round[cl]++);
	fm_rng_shuffle(&r, c->queue[cl], slots);
	c->nqueue[cl] = slots;
	return FM_OK;
}

static struct bond *bond_find(struct fm_assignment *c, uint64_t key)
{
	size_t s = (size_t)((key * 0x9e3779b97f4a7c15ull) >> 20) & (c->cap_bonds - 1);
	while (c->bond[s].used && c->bond[s].key != key)
		s = (s + 1) & (c->cap_bonds - 1);
	return &c->bond[s];
}

static int bonds_grow(struct fm_assignment *c, struct fm_error *err)
{
	struct bond *old = c->bond;
	size_t n = c->cap_bonds;
	c->bond = NULL;
	if (fm_alloc(&c->bond, n ? n * 2 : 4096, sizeof *c->bond, "the assignment", err) < 0) {
		c->bond = old;
		return err->code;
	}
	c->cap_bonds = n ? n * 2 : 4096;
	for (size_t i = 0; i < n; i++)
		if (old[i].used)
			*bond_find(c, old[i].key) = old[i];
	free(old);
	return FM_OK;
}

static uint64_t bond_key(int cl, uint32_t peer)
{
	return (uint64_t)cl << 32 | peer;
}

static bool among(uint32_t host, const uint32_t *taken, int n)
{
	for (int i = 0; i < n; i++)
		if (taken[i] == host)
			return true;
	return false;
}

/* Put the player on top of those who have met this peer. */
static int bind(struct fm_assignment *c, uint32_t player, uint32_t peer, struct fm_error *err)
{
	if (2 * (c->nbonds + 1) > c->cap_bonds && bonds_grow(c, err) < 0)
		return err->code;
	if (c->nlinks == c->cap_relations) {
		size_t cap = c->cap_relations ? c->cap_relations * 2 : 4096;
		struct relation *l = realloc(c->relation, cap * sizeof *l);
		if (!l)
			return fm_fail(err, FM_ESYSTEM, "out of memory: %zu relations of the assignment", cap);
		c->relation = l;
		c->cap_relations = cap;
	}
	struct bond *b = bond_find(c, bond_key(c->player[player].cl, peer));
	c->nbonds += !b->used;
	c->relation[c->nlinks] = (struct relation){player, b->top};
	*b = (struct bond){bond_key(c->player[player].cl, peer), 1, (uint32_t)++c->nlinks};
	return FM_OK;
}

int fm_assignment_draw(struct fm_assignment *c, int cl, uint32_t peer, const uint32_t *taken, int ntaken,
		       uint32_t *host, struct fm_error *err)
{
	uint32_t base = (uint32_t)c->roles->nhosts;
	if (peer != UINT32_MAX && c->cap_bonds) {
		struct bond *b = bond_find(c, bond_key(cl, peer));
		while (b->top && c->player[c->relation[b->top - 1].player].windows == 0) /* those who are done leave */
			b->top = c->relation[b->top - 1].next;
		for (uint32_t l = b->top; l; l = c->relation[l - 1].next) {
			uint32_t h = c->relation[l - 1].player;
			if (c->player[h].windows > 0 && !among(base + h, taken, ntaken)) {
				c->player[h].windows--;
				*host = base + h;
				return FM_OK;
			}
		}
	}
	for (int tries = 0;; tries++) {
		if (c->head[cl] == c->nqueue[cl] && refill(c, cl, err) < 0)
			return err->code;
		uint32_t h = c->queue[cl][c->head[cl]++];
		if (c->player[h].windows == 0 || (tries < 64 && among(base + h, taken, ntaken)))
			continue;
		c->player[h].windows--;
		*host = base + h;
		return peer == UINT32_MAX ? FM_OK : bind(c, h, peer, err);
	}
}

void fm_assignment_meet(struct fm_assignment *c, uint32_t host, uint32_t peer)
{
	struct fm_error err;
	if (host >= (uint32_t)c->roles->nhosts && c->player[host - (uint32_t)c->roles->nhosts].windows > 0 &&
	    bind(c, host - (uint32_t)c->roles->nhosts, peer, &err) < 0)
		return; /* out of memory: the relation is forgotten, the flow is made all the same */
}

uint32_t fm_assignment_hosts(const struct fm_assignment *c)
{
	return (uint32_t)c->roles->nhosts + (uint32_t)c->n;
}

bool fm_assignment_inside(const struct fm_assignment *c, uint32_t host)
{
	uint32_t n = (uint32_t)c->roles->nhosts;
	return host < n ? c->roles->inside[host] : c->roles->class_of[c->player[host - n].cl] / 49 == 1;
}

void fm_assignment_free(struct fm_assignment *c)
{
	if (!c)
		return;
	for (int i = 0; i < FM_ROLE_CLASSES; i++)
		free(c->queue[i]);
	free(c->player);
	free(c->bond);
	free(c->relation);
	free(c);
}

/* ---- addresses ---- */

/* Usable addresses of a range: no network or broadcast octet. */
static uint64_t range_size(const struct fm_range *r)
{
	uint64_t n = 1ull << (32 - r->bits);
	return n >= 256 ? n / 256 * 254 : n > 2 ? n - 2 : 1;
}

static uint32_t range_at(const struct fm_range *r, uint64_t i)
{
	return (1ull << (32 - r->bits)) >= 256 ? r->base + (uint32_t)(i / 254 * 256 + i % 254 + 1)
					       : r->base + (uint32_t)i + (r->bits < 31);
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
};

/* `need` addresses of a side: 0 outside, 1 inside, which gets the dense block. */
static int spread_make(struct spread *s, const struct fm_range_list *of, uint64_t need, uint64_t seed, uint32_t side,
		       struct fm_error *err)
{
	struct fm_rng g;
	uint64_t total = 0;
	for (int i = 0; i < of->n; i++)
		total += range_size(&of->range[i]);
	if (need > total || total == 0)
		return fm_fail(err, FM_EINPUT,
			       "%llu fresh %s addresses are needed and the ranges hold %llu: widen generate.%s",
			       (unsigned long long)need, side ? "inside" : "outside", (unsigned long long)total,
			       side ? "inside" : "outside");
	s->n = side && need * 4 + 1016 < total ? (need * 4 + 1016) / 254 * 254 : total;
	fm_rng_init(&g, seed, FM_RNG_DECODE, UINT32_MAX, side);
	do
		s->a = fm_rng_u64(&g) % (s->n > 1 ? s->n : 2);
	while (s->n > 2 && (s->a < 2 || gcd(s->a, s->n) != 1));
	s->a = s->n > 2 ? s->a : 1;
	s->b = fm_rng_u64(&g) % s->n;
	return FM_OK;
}

static uint32_t spread_at(const struct spread *s, const struct fm_range *r, uint64_t i)
{
	uint64_t k = (uint64_t)(((unsigned __int128)s->a * i + s->b) % s->n);
	while (k >= range_size(r))
		k -= range_size(r++);
	return range_at(r, k);
}

int fm_addresses_make(uint32_t **ip, const struct fm_assignment *assignment, const struct fm_range_list *outside,
		      const struct fm_range_list *inside, uint64_t seed, struct fm_error *err)
{
	uint32_t n = fm_assignment_hosts(assignment);
	uint64_t count[2] = {0, 0};
	struct spread s[2];
	int rc;
	for (uint32_t h = 0; h < n; h++)
		count[fm_assignment_inside(assignment, h)]++;
	if ((rc = spread_make(&s[0], outside, count[0], seed, 0, err)) < 0 ||
	    (rc = spread_make(&s[1], inside, count[1], seed, 1, err)) < 0 ||
	    (rc = fm_alloc(ip, n + 1u, sizeof **ip, "addresses", err)) < 0)
		return rc;
	count[0] = count[1] = 0;
	for (uint32_t h = 0; h < n; h++) {
		int in = fm_assignment_inside(assignment, h);
		(*ip)[h] = spread_at(&s[in], in ? inside->range : outside->range, count[in]++);
	}
	return FM_OK;
}
