/*
 * simulate_world.h - private to traces/simulate/: the hosts and tables of a simulated network, the flow, and the slot
 * that flows are emitted into.
 *
 *     simulate.c          plan (how many rows when), threads, sorting, text, file
 *     simulate_world.c    who exists: addresses, popularity; quantile tables
 *     simulate_flows.c    background: what services do
 *     simulate_attacks.c  attack classes
 *
 * Everything here is integer arithmetic (square roots apart), so that a trace repeats on any machine.
 */
#ifndef FM_TRACES_SIMULATE_SIMULATE_WORLD_H
#define FM_TRACES_SIMULATE_SIMULATE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/rng.h"
#include "traces/simulate/simulate.h"

enum { SIM_TCP, SIM_UDP, SIM_ICMP, SIM_GRE, SIM_ESP, SIM_IPIP, SIM_NPROTO };
/* TCP flags as nfdump prints them; a protocol without flags has .A.... */
enum {
	SIM_A,
	SIM_S,
	SIM_APSF,
	SIM_APS,
	SIM_APF,
	SIM_AP,
	SIM_AF,
	SIM_ASF,
	SIM_APRS,
	SIM_APRSF,
	SIM_AS,
	SIM_AR,
	SIM_R,
	SIM_NFLAG
};
extern const char *const fm_sim_proto[SIM_NPROTO];
extern const char *const fm_sim_flags[SIM_NFLAG];

struct fm_sim_flow {
	uint32_t sec;   /* of the flow's end, since the start of the trace */
	uint32_t td_ms; /* a multiple of 4 */
	uint32_t sa, da;
	uint16_t sp, dp;
	uint8_t pr, flg, stos, label;
	uint64_t pkt, byt;
};

/* Walker's alias table (Walker 1977; built as in Vose 1991) in integers: one 64-bit word gives an index. */
struct fm_sim_alias {
	uint32_t n;
	uint32_t *cut, *other; /* [n]: keep index i when the low word is below cut[i], else other[i] */
};
int fm_sim_alias_new(struct fm_sim_alias *a, const uint64_t *weight, uint32_t n, struct fm_error *err) FM_MUST_CHECK;
void fm_sim_alias_free(struct fm_sim_alias *a);

/* A quantile function by 17 knots, linear between them; beyond the last knot values double with chance tail/256 again
 * and again (a Pareto tail) until max. */
struct fm_sim_dist {
	uint32_t knot[17];
	uint32_t tail;
	uint64_t max;
};

/* Pools of hosts: who plays a role, the first of a pool being the most popular. */
enum fm_sim_pool {
	SIM_IN_WEB,
	SIM_IN_MAIL,
	SIM_IN_POP,
	SIM_IN_DNS,
	SIM_IN_CLIENT,
	SIM_IN_ANY, /* 42.219.0.0/16 */
	SIM_OUT_CLIENT,
	SIM_OUT_WEB,
	SIM_OUT_MAIL,
	SIM_OUT_DNS,
	SIM_OUT_NTP,
	SIM_OUT_SCAN,
	SIM_OUT_TUNNEL,
	SIM_OUT_LISTED,
	SIM_NPOOL
};
#define SIM_IN_FIRST SIM_IN_WEB
#define SIM_OUT_FIRST SIM_OUT_CLIENT
#define SIM_NINSIDE 560

enum { SIM_MIX_DAY, SIM_MIX_NIGHT, SIM_NMIX };

struct fm_sim_world {
	uint64_t seed;
	uint64_t salt;                /* the salt for hashing addresses */
	uint32_t ipv6;                /* share of the hosts outside that speak IPv6, in millionths */
	uint32_t inside[SIM_NINSIDE]; /* addresses, last byte 1..200 */
	uint32_t *addr[SIM_NPOOL];    /* [pool size] */
	struct fm_sim_alias popular[SIM_NPOOL];
	struct fm_sim_alias mix[SIM_NMIX]; /* kind of background session, by day and by night */
};
int fm_sim_world_new(struct fm_sim_world **w, uint64_t seed, struct fm_error *err) FM_MUST_CHECK;
void fm_sim_world_free(struct fm_sim_world *w);
/* The address of outside host number id: any id has one, never inside, never in a reserved range. */
uint32_t fm_sim_outside(const struct fm_sim_world *w, uint64_t id);
bool fm_sim_is_inside(uint32_t ip);
/* Is a flow between the two IPv6? The host outside decides; flows within the inside are IPv4. */
bool fm_sim_is_ipv6(const struct fm_sim_world *w, uint32_t sa, uint32_t da);
/* The IPv6 address of a host: 42.219.X.Y is 2a01:42:219:X::Y, others are in 2a02::/16. */
struct fm_address fm_sim_ipv6(uint32_t ip);
/* Type of service of a host outside: fixed by its address. */
uint8_t fm_sim_stos(const struct fm_sim_world *w, uint32_t outside);

/* Where flows are emitted: a slot of time, filled up to its quota. */
struct fm_sim_slot {
	const struct fm_sim_world *w;
	struct fm_rng rng;
	uint32_t first, len;      /* seconds since the start of the trace */
	uint8_t label;            /* of what is emitted now */
	struct fm_sim_flow *flow; /* [cap] */
	size_t n, quota, cap;
};
static inline uint32_t sim_u32(struct fm_sim_slot *s)
{
	return fm_rng_u32(&s->rng);
}
/* [0, n); the bias is below n / 2^32. */
static inline uint32_t sim_below(struct fm_sim_slot *s, uint32_t n)
{
	return (uint32_t)((uint64_t)sim_u32(s) * n >> 32);
}
static inline uint32_t sim_between(struct fm_sim_slot *s, uint32_t lo, uint32_t hi)
{
	return lo + sim_below(s, hi - lo + 1);
}
/* True with chance of/1024. */
static inline bool sim_chance(struct fm_sim_slot *s, uint32_t of)
{
	return sim_u32(s) >> 22 < of;
}
uint32_t fm_sim_alias_draw(struct fm_sim_slot *s, const struct fm_sim_alias *a);
uint64_t fm_sim_dist_draw(struct fm_sim_slot *s, const struct fm_sim_dist *d);
uint32_t fm_sim_host(struct fm_sim_slot *s, enum fm_sim_pool pool);
uint16_t fm_sim_ephemeral(struct fm_sim_slot *s);
/* Add a flow with the slot's label unless the quota is full.  A flow whose type of service is not set has its sender's;
 * a duration is cut to a multiple of 4 ms, and one packet takes no time unless keep_td. */
void fm_sim_emit(struct fm_sim_slot *s, struct fm_sim_flow f, bool keep_td);
/* sec + lag, within the slot. */
static inline uint32_t sim_later(const struct fm_sim_slot *s, uint32_t sec, uint32_t lag)
{
	uint32_t last = s->first + s->len - 1;
	return lag > last - sec ? last : sec + lag;
}

/* simulate_flows.c */
void fm_sim_mixes(uint64_t weight[SIM_NMIX][32], uint32_t *n); /* session weights, for the world */
/* Fill the slot up to its quota with sessions; day: 0..1024, the share of the daytime mix.  With the label
 * FM_SIM_BLACKLIST the outside party of each session is a listed host. */
void fm_sim_background(struct fm_sim_slot *s, uint32_t day);
/* A TCP conversation, as attack classes need it: f[0] has sec, addresses, ports and flags, f[1] its flags; sizes,
 * packets and durations of both halves are filled in for this many bytes of payload. */
void fm_sim_talk(struct fm_sim_slot *s, struct fm_sim_flow f[2], uint32_t td_ms, uint64_t request, uint64_t response);

/* simulate_attacks.c */
struct fm_sim_class {
	uint32_t share;   /* of all attack flows, in 1/1000 */
	uint32_t day_max; /* episodes in the whole span at most */
	uint32_t enough;  /* flows that make an episode worth while */
	uint32_t seconds; /* length of one at a span of a day or more */
	uint32_t burst;   /* flows in one second, at least; pause seconds lie between bursts */
	uint32_t pause;
};
extern const struct fm_sim_class fm_sim_classes[FM_SIM_NLABEL];
/* Flows [from, to) of an episode of the slot's class, all ending in second sec.  Each flow is a function of the seed,
 * the class, the number of the episode in it and its own number in that, so that slots do not matter. */
void fm_sim_attack(struct fm_sim_slot *s, uint32_t sec, uint32_t episode, uint64_t from, uint64_t to);

#endif
