/* simulate_world.c - who exists in a simulated network, and how a number is drawn. */
#include "traces/simulate/simulate_world.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

const char *const fm_sim_proto[SIM_NPROTO] = {"TCP", "UDP", "ICMP", "GRE", "ESP", "IPIP"};
const char *const fm_sim_flags[SIM_NFLAG] = {
    [SIM_A] = ".A....",  [SIM_S] = "....S.",  [SIM_APSF] = ".AP.SF", [SIM_APS] = ".AP.S.",  [SIM_APF] = ".AP..F",
    [SIM_AP] = ".AP...", [SIM_AF] = ".A...F", [SIM_ASF] = ".A..SF",  [SIM_APRS] = ".APRS.", [SIM_APRSF] = ".APRSF",
    [SIM_AS] = ".A..S.", [SIM_AR] = ".A.R..", [SIM_R] = "...R..",
};

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that scatters. */
static uint64_t scatter(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

int fm_sim_alias_new(struct fm_sim_alias *a, const uint64_t *weight, uint32_t n, struct fm_error *err)
{
	uint64_t sum = 0, *scaled = NULL;
	uint32_t *stack = NULL, small = 0, large = n;
	int rc;

	a->n = n;
	if ((rc = fm_alloc(&a->cut, n, sizeof *a->cut, "an alias table", err)) < 0 ||
	    (rc = fm_alloc(&a->other, n, sizeof *a->other, "an alias table", err)) < 0 ||
	    (rc = fm_alloc(&scaled, n, sizeof *scaled, "an alias table", err)) < 0 ||
	    (rc = fm_alloc(&stack, n, sizeof *stack, "an alias table", err)) < 0)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		sum += weight[i];
	/* scaled: weights whose mean is 2^32.  The stack holds the small ones from below, the large ones from above. */
	for (uint32_t i = 0; i < n; i++) {
		scaled[i] = (uint64_t)(((unsigned __int128)weight[i] * n << 32) / sum);
		if (scaled[i] < UINT64_C(1) << 32)
			stack[small++] = i;
		else
			stack[--large] = i;
	}
	while (small > 0 && large < n) {
		uint32_t i = stack[--small], j = stack[large];
		a->cut[i] = (uint32_t)scaled[i];
		a->other[i] = j;
		scaled[j] -= (UINT64_C(1) << 32) - scaled[i];
		if (scaled[j] < UINT64_C(1) << 32) {
			large++;
			stack[small++] = j;
		}
	}
	/* What is left is full up to rounding: its other index is itself, so the cut does not matter. */
	while (small > 0) {
		uint32_t i = stack[--small];
		a->cut[i] = UINT32_MAX;
		a->other[i] = i;
	}
	for (; large < n; large++) {
		a->cut[stack[large]] = UINT32_MAX;
		a->other[stack[large]] = stack[large];
	}
out:
	free(scaled);
	free(stack);
	return rc;
}

void fm_sim_alias_free(struct fm_sim_alias *a)
{
	free(a->cut);
	free(a->other);
	*a = (struct fm_sim_alias){0};
}

uint32_t fm_sim_alias_draw(struct fm_sim_slot *s, const struct fm_sim_alias *a)
{
	uint32_t i = sim_below(s, a->n);
	return sim_u32(s) < a->cut[i] ? i : a->other[i];
}

uint64_t fm_sim_dist_draw(struct fm_sim_slot *s, const struct fm_sim_dist *d)
{
	uint32_t u = sim_u32(s), i = u >> 28, part = (u >> 12) & 0xffff;
	uint64_t lo = d->knot[i], hi = d->knot[i + 1], v = lo + ((hi - lo) * part >> 16);

	if (i == 15 && d->tail) {
		/* Each doubling takes 8 bits of a word, and fresh bits below keep the tail from being a comb. */
		for (uint32_t w = sim_u32(s); (w & 255) < d->tail && v < d->max; w = w >> 8 ? w >> 8 : sim_u32(s))
			v += v / 2 + sim_below(s, (uint32_t)(v > UINT32_MAX ? UINT32_MAX : v));
		if (v > d->max)
			v = d->max;
	}
	return v;
}

bool fm_sim_is_inside(uint32_t ip)
{
	return ip >> 16 == (42u << 8 | 219u);
}

bool fm_sim_is_ipv6(const struct fm_sim_world *w, uint32_t sa, uint32_t da)
{
	uint32_t outside = fm_sim_is_inside(sa) ? da : sa;

	return w->ipv6 > 0 && !fm_sim_is_inside(outside) && scatter(w->salt ^ scatter(outside) ^ 6) % 1000000 < w->ipv6;
}

struct fm_address fm_sim_ipv6(uint32_t ip)
{
	if (fm_sim_is_inside(ip))
		return fm_address_of_halves(UINT64_C(0x2a01004202190000) | (ip >> 8 & 255), ip & 255);
	return fm_address_of_halves(UINT64_C(0x2a02000000000000) | (uint64_t)ip << 16, 1);
}

/* Hosts cluster: low cluster numbers are common (a cube of a uniform number), so that some /16 send much and most
 * little. */
uint32_t fm_sim_outside(const struct fm_sim_world *w, uint64_t id)
{
	uint64_t h = scatter(w->salt ^ scatter(id)), c, r = h & 0xfff;
	uint32_t first, second;

	r = r * r * r >> 24; /* [0, 4096), skewed to 0 */
	c = scatter(w->salt + r * 0x10001u + 7);
	first = 1 + (uint32_t)(c >> 40) % 222;
	while (first == 10 || first == 42 || first == 100 || first == 127 || first == 169 || first == 172 ||
	       first == 192 || first == 198 || first == 203)
		first++;
	second = (uint32_t)(c >> 16) & 255;
	return first << 24 | second << 16 | ((uint32_t)(h >> 20) & 255) << 8 | (1 + (uint32_t)(h >> 32) % 254);
}

uint8_t fm_sim_stos(const struct fm_sim_world *w, uint32_t outside)
{
	static const struct {
		uint8_t stos;
		uint8_t upto;
	} kind[] = {
	    {0, 120}, {40, 190}, {72, 219}, {42, 229}, {64, 239}, {24, 244}, {26, 249}, {2, 252}, {8, 254}, {75, 255},
	};
	uint8_t u = (uint8_t)(scatter(w->salt ^ outside) >> 56);
	for (size_t i = 0; i + 1 < sizeof kind / sizeof *kind; i++)
		if (u < kind[i].upto)
			return kind[i].stos;
	return kind[sizeof kind / sizeof *kind - 1].stos;
}

/* Weights of ranks 1.. falling as (rank + shift)^-e, in 32-bit fixed point; e in quarters, from exact square roots. */
static uint64_t zipf_weight(uint32_t rank, uint32_t shift, int quarters)
{
	double k = (double)rank + (double)shift, root4 = sqrt(sqrt(k)), p = 1.0;
	for (int i = 0; i < quarters; i++)
		p *= root4;
	return (uint64_t)(281474976710656.0 / p) + 1; /* 2^48 */
}

/* Size, first inside host or number of the first outside one, shift and exponent (in quarters) of each pool's
 * popularity. */
static const struct {
	uint32_t n, base, shift;
	int quarters;
} pools[SIM_NPOOL] = {
    [SIM_IN_WEB] = {120, 0, 3, 4},
    [SIM_IN_MAIL] = {24, 120, 3, 4},
    [SIM_IN_POP] = {6, 144, 0, 5},
    [SIM_IN_DNS] = {5, 150, 0, 5},
    [SIM_IN_CLIENT] = {360, 155, 4, 4},
    [SIM_IN_ANY] = {SIM_NINSIDE, 0, 40, 3},
    [SIM_OUT_CLIENT] = {24000, 1000000, 12, 5},
    [SIM_OUT_WEB] = {6000, 2000000, 4, 4},
    [SIM_OUT_MAIL] = {8000, 3000000, 8, 5},
    [SIM_OUT_DNS] = {400, 4000000, 0, 6},
    [SIM_OUT_NTP] = {60, 5000000, 2, 4},
    [SIM_OUT_SCAN] = {1500, 6000000, 4, 4},
    [SIM_OUT_TUNNEL] = {6, 7000000, 0, 4},
    [SIM_OUT_LISTED] = {48, 8000000, 2, 4},
};

static int pool_new(struct fm_sim_world *w, int p, struct fm_error *err)
{
	uint64_t *weight = NULL;
	uint32_t n = pools[p].n;
	int rc;

	if ((rc = fm_alloc(&weight, n, sizeof *weight, "a pool of hosts", err)) < 0 ||
	    (rc = fm_alloc(&w->addr[p], n, sizeof *w->addr[p], "a pool of hosts", err)) < 0)
		goto out;
	for (uint32_t i = 0; i < n; i++) {
		weight[i] = zipf_weight(i + 1, pools[p].shift, pools[p].quarters);
		if (p < SIM_OUT_FIRST)
			w->addr[p][i] = w->inside[pools[p].base + i];
		else
			w->addr[p][i] = fm_sim_outside(w, pools[p].base + i);
	}
	rc = fm_sim_alias_new(&w->popular[p], weight, n, err);
out:
	free(weight);
	return rc;
}

int fm_sim_world_new(struct fm_sim_world **world, uint64_t seed, struct fm_error *err)
{
	struct fm_sim_world *w = NULL;
	uint64_t weight[SIM_NMIX][32];
	uint32_t n;
	int rc = fm_alloc(&w, 1, sizeof *w, "the simulated network", err);

	*world = NULL;
	if (rc < 0)
		return rc;
	w->seed = seed;
	w->salt = scatter(seed ^ 0x666c6f776d696e74u);
	/* 42.219.150-159.x: ten blocks of 56 hosts; 37 is coprime to 200, so that no two coincide. */
	for (uint32_t i = 0; i < SIM_NINSIDE; i++) {
		uint32_t k = (uint32_t)(scatter(w->salt + i % 10) % 200);
		w->inside[i] = 42u << 24 | 219u << 16 | (150 + i % 10) << 8 | (1 + (i / 10 * 37 + k) % 200);
	}
	for (int p = 0; p < SIM_NPOOL; p++)
		if ((rc = pool_new(w, p, err)) < 0)
			goto out;
	fm_sim_mixes(weight, &n);
	for (int m = 0; m < SIM_NMIX; m++)
		if ((rc = fm_sim_alias_new(&w->mix[m], weight[m], n, err)) < 0)
			goto out;
	*world = w;
	w = NULL;
out:
	fm_sim_world_free(w);
	return rc;
}

void fm_sim_world_free(struct fm_sim_world *w)
{
	if (!w)
		return;
	for (int p = 0; p < SIM_NPOOL; p++) {
		free(w->addr[p]);
		fm_sim_alias_free(&w->popular[p]);
	}
	for (int m = 0; m < SIM_NMIX; m++)
		fm_sim_alias_free(&w->mix[m]);
	free(w);
}

uint32_t fm_sim_host(struct fm_sim_slot *s, enum fm_sim_pool pool)
{
	if (s->label == FM_SIM_BLACKLIST && pool >= SIM_OUT_FIRST)
		pool = SIM_OUT_LISTED;
	/* Scanners have a long tail of hosts that are seen once or twice. */
	else if (pool == SIM_OUT_SCAN && sim_chance(s, 230))
		return fm_sim_outside(s->w, 100000000u + sim_below(s, 4000000));
	return s->w->addr[pool][fm_sim_alias_draw(s, &s->w->popular[pool])];
}

uint16_t fm_sim_ephemeral(struct fm_sim_slot *s)
{
	uint32_t u = sim_u32(s);
	if ((u & 7) < 4)
		return (uint16_t)(32768 + ((u >> 8) * UINT64_C(28233) >> 24));
	if ((u & 7) < 6)
		return (uint16_t)(49152 + (u >> 18));
	return (uint16_t)(1024 + ((u >> 8) * UINT64_C(64512) >> 24));
}

void fm_sim_emit(struct fm_sim_slot *s, struct fm_sim_flow f, bool keep_td)
{
	if (s->n >= s->quota)
		return;
	if (!f.stos && !fm_sim_is_inside(f.sa))
		f.stos = fm_sim_stos(s->w, f.sa);
	f.td_ms = f.pkt == 1 && !keep_td ? 0 : f.td_ms & ~3u;
	f.label = s->label;
	s->flow[s->n++] = f;
}
