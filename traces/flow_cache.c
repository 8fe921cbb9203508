#include "traces/flow_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_FLOWS 4096 /* the cache begins with, and doubles */
#define FRAGMENTS 4096   /* datagrams whose ports are remembered, by hash */
#define FRAGMENT_US INT64_C(30000000)
#define BACK_US INT64_C(1000000)
#define NONE UINT32_MAX

/* A slot of the hash table: linear probing, no tombstones. */
struct slot {
	uint32_t hash, flow; /* flow: 1 + its number; 0: free */
};
struct fragment {
	struct fm_address src, dst;
	uint32_t ident;
	uint16_t sp, dp;
	uint8_t protocol;
	int64_t us;
};
struct fm_flow_cache {
	struct fm_flow_cache_opts o;
	struct fm_packet_flow *flow; /* (cap) */
	struct slot *slot;           /* (nslot) a power of two, at least twice cap */
	struct fragment *fragment;   /* (FRAGMENTS) */
	size_t cap, nslot, n;        /* n: flows in the list */
	uint32_t free;               /* a list by next of flows that are not in use, or NONE */
	uint32_t fresh;              /* flows that never were */
	uint32_t head, tail;         /* by the order of last packets */
	int64_t now_us;
	uint64_t crowded, back;
	struct fm_packet_flow taken;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* The hash is the same for both directions where both are one flow. */
static uint32_t hash_of(const struct fm_flow_cache *c, const struct fm_packet *p)
{
	uint64_t a = mix(mix(fm_address_half(&p->src, 0), fm_address_half(&p->src, 1)), p->sp);
	uint64_t b = mix(mix(fm_address_half(&p->dst, 0), fm_address_half(&p->dst, 1)), p->dp);

	if (c->o.both_ways)
		return (uint32_t)(mix(a + b, p->protocol) >> 16);
	return (uint32_t)(mix(mix(a, b), p->protocol) >> 16);
}

static bool same_address(const struct fm_address *a, const struct fm_address *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static bool is_of(const struct fm_flow_cache *c, const struct fm_packet_flow *f, const struct fm_packet *p)
{
	if (f->protocol != p->protocol)
		return false;
	if (f->sp == p->sp && f->dp == p->dp && same_address(&f->src, &p->src) && same_address(&f->dst, &p->dst))
		return true;
	return c->o.both_ways && f->sp == p->dp && f->dp == p->sp && same_address(&f->src, &p->dst) &&
	       same_address(&f->dst, &p->src);
}

/* ---- the list ---- */

static void unlink_flow(struct fm_flow_cache *c, uint32_t i)
{
	struct fm_packet_flow *f = &c->flow[i];

	*(f->prev == NONE ? &c->head : &c->flow[f->prev].next) = f->next;
	*(f->next == NONE ? &c->tail : &c->flow[f->next].prev) = f->prev;
}

static void append_flow(struct fm_flow_cache *c, uint32_t i)
{
	c->flow[i].prev = c->tail;
	c->flow[i].next = NONE;
	*(c->tail == NONE ? &c->head : &c->flow[c->tail].next) = i;
	c->tail = i;
}

/* ---- the table ---- */

static size_t find_slot(const struct fm_flow_cache *c, const struct fm_packet *p, uint32_t hash)
{
	size_t at = hash & (c->nslot - 1);

	for (; c->slot[at].flow; at = (at + 1) & (c->nslot - 1))
		if (c->slot[at].hash == hash && is_of(c, &c->flow[c->slot[at].flow - 1], p))
			break;
	return at;
}

/* Close a flow: no packet may be added any more. */
static void close_flow(struct fm_flow_cache *c, uint32_t i)
{
	size_t mask = c->nslot - 1, at = c->flow[i].hash & mask;

	while (c->slot[at].flow != i + 1)
		at = (at + 1) & mask;
	c->flow[i].open = false;
	/* Move a slot after the gap into it, where the gap lies between the slot and its own place. */
	for (size_t next = (at + 1) & mask; c->slot[next].flow; next = (next + 1) & mask)
		if (((next - c->slot[next].hash) & mask) >= ((next - at) & mask)) {
			c->slot[at] = c->slot[next];
			at = next;
		}
	c->slot[at].flow = 0;
}

static int grow(struct fm_flow_cache *c, struct fm_error *err)
{
	size_t cap = c->cap ? 2 * c->cap : FIRST_FLOWS;
	struct fm_packet_flow *flow;
	struct slot *slot;
	int rc;

	cap = cap < c->o.max ? cap : c->o.max;
	if ((rc = fm_alloc(&slot, 4 * cap, sizeof *slot, "flows of a capture", err)) < 0)
		return rc;
	if (!(flow = realloc(c->flow, cap * sizeof *flow))) {
		free(slot);
		return fm_fail(err, FM_ESYSTEM, "out of memory: flows of a capture");
	}
	c->flow = flow;
	free(c->slot);
	c->slot = slot;
	c->cap = cap;
	for (c->nslot = 1; c->nslot < 2 * cap;)
		c->nslot *= 2;
	for (uint32_t i = c->head; i != NONE; i = flow[i].next) {
		size_t at = flow[i].hash & (c->nslot - 1);

		if (!flow[i].open)
			continue;
		while (slot[at].flow)
			at = (at + 1) & (c->nslot - 1);
		slot[at] = (struct slot){flow[i].hash, i + 1};
	}
	return FM_OK;
}

int fm_flow_cache_new(struct fm_flow_cache **out, const struct fm_flow_cache_opts *o, struct fm_error *err)
{
	struct fm_flow_cache *c;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&c, 1, sizeof *c, "flows of a capture", err)) < 0)
		return rc;
	c->o = *o;
	c->free = c->head = c->tail = NONE;
	c->now_us = INT64_MIN;
	if ((rc = fm_alloc(&c->fragment, FRAGMENTS, sizeof *c->fragment, "fragments", err)) < 0 ||
	    (rc = grow(c, err)) < 0) {
		fm_flow_cache_free(c);
		return rc;
	}
	*out = c;
	return FM_OK;
}

/* ---- packets ---- */

/* The ports of the datagram that a fragment is of. */
static void join_datagram(struct fm_flow_cache *c, struct fm_packet *p, int64_t us)
{
	uint64_t h = mix(mix(fm_address_half(&p->src, 1), fm_address_half(&p->dst, 1)), p->ident);
	struct fragment *f = &c->fragment[(h >> 20) % FRAGMENTS];
	bool known = f->us && us - f->us < FRAGMENT_US && f->us - us < FRAGMENT_US && f->ident == p->ident &&
		     f->protocol == p->protocol && same_address(&f->src, &p->src) && same_address(&f->dst, &p->dst);

	if (p->first)
		*f = (struct fragment){p->src, p->dst, p->ident, p->sp, p->dp, p->protocol, us};
	else if (known) {
		p->sp = f->sp;
		p->dp = f->dp;
	}
}

/* A flow that is not in use; n < max. */
static int new_flow(struct fm_flow_cache *c, uint32_t *i, bool *grown, struct fm_error *err)
{
	int rc;

	*grown = false;
	if (c->free == NONE && c->fresh == c->cap) {
		if ((rc = grow(c, err)) < 0)
			return rc;
		*grown = true;
	}
	if (c->free == NONE) {
		*i = c->fresh++;
	} else {
		*i = c->free;
		c->free = c->flow[*i].next;
	}
	c->n++;
	return FM_OK;
}

uint32_t fm_flow_cache_hash(const struct fm_flow_cache *c, const struct fm_packet *p)
{
	uint32_t hash = hash_of(c, p);

	__builtin_prefetch(&c->slot[hash & (c->nslot - 1)]);
	return hash;
}

void fm_flow_cache_fetch(const struct fm_flow_cache *c, uint32_t hash)
{
	const struct slot *s = &c->slot[hash & (c->nslot - 1)];

	if (s->flow) {
		__builtin_prefetch(&c->flow[s->flow - 1]);
		__builtin_prefetch((const char *)&c->flow[s->flow - 1] + 64);
	}
}

int fm_flow_cache_add(struct fm_flow_cache *c, const struct fm_timed_packet *t, struct fm_error *err)
{
	struct fm_packet p = t->p;
	struct fm_packet_flow *f;
	uint32_t hash = t->hash, i;
	const int64_t us = t->us;
	bool grown;
	size_t at;
	int rc;

	if (p.fragment) {
		join_datagram(c, &p, us);
		hash = hash_of(c, &p);
	}
	c->back += c->now_us != INT64_MIN && us < c->now_us - BACK_US;
	c->now_us = us > c->now_us ? us : c->now_us;
	at = find_slot(c, &p, hash);
	i = c->slot[at].flow - 1;
	/* Silent for too long, or the clock of the capture went back so far that it means another time. */
	if (c->slot[at].flow &&
	    (us - c->flow[i].last_us >= c->o.inactive_us || c->flow[i].last_us - us > c->o.active_us)) {
		close_flow(c, i);
		at = find_slot(c, &p, hash);
	}
	if (!c->slot[at].flow) {
		if ((rc = new_flow(c, &i, &grown, err)) < 0)
			return rc;
		if (grown)
			at = find_slot(c, &p, hash);
		c->slot[at] = (struct slot){hash, i + 1};
		c->flow[i] = (struct fm_packet_flow){.src = p.src,
						     .dst = p.dst,
						     .first_us = us,
						     .last_us = us,
						     .sp = p.sp,
						     .dp = p.dp,
						     .protocol = p.protocol,
						     .tos = p.tos,
						     .open = true,
						     .hash = hash};
		append_flow(c, i);
	} else if (i != c->tail) {
		unlink_flow(c, i);
		append_flow(c, i);
	}
	f = &c->flow[i];
	f->packets++;
	f->bytes += p.bytes;
	f->flags |= p.flags;
	f->place = t->place;
	f->first_us = us < f->first_us ? us : f->first_us;
	f->last_us = us > f->last_us ? us : f->last_us;
	if (f->last_us - f->first_us > c->o.active_us)
		close_flow(c, i);
	return FM_OK;
}

const struct fm_packet_flow *fm_flow_cache_take(struct fm_flow_cache *c, bool all)
{
	struct fm_packet_flow *f;
	uint32_t i = c->head;
	bool full = c->n >= c->o.max;

	if (i == NONE)
		return NULL;
	f = &c->flow[i];
	if (!all && !full && f->last_us > c->now_us - c->o.inactive_us)
		return NULL;
	c->crowded += full && !all && f->open && f->last_us > c->now_us - c->o.inactive_us;
	if (f->open)
		close_flow(c, i);
	unlink_flow(c, i);
	c->taken = *f;
	f->next = c->free;
	c->free = i;
	c->n--;
	return &c->taken;
}

uint64_t fm_flow_cache_crowded(const struct fm_flow_cache *c)
{
	return c->crowded;
}

uint64_t fm_flow_cache_back(const struct fm_flow_cache *c)
{
	return c->back;
}

void fm_flow_cache_free(struct fm_flow_cache *c)
{
	if (!c)
		return;
	free(c->flow);
	free(c->slot);
	free(c->fragment);
	free(c);
}
