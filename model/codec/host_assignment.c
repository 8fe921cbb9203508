/* host_assignment.c - a population of fresh hosts with the shape of the real one. */
#include "model/codec/host_assignment.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

/* A player, a host of the population, is due at one of the uniform times of its visits within its lifetime. */
struct player {
	int64_t born_ms, end_ms; /* of its lifetime */
	int64_t due_ms;          /* of its next visit */
	uint16_t windows, peers; /* how often it may still come, and meet a new peer */
	uint8_t cl, life;        /* class; power of two of its lifetime */
};

/* Players that may come again, by (side, trade, peer) or (side, trade): a heap, the one first due on top. Entries
 * whose player has come since are put right when they reach the top. */
struct visit {
	int64_t due_ms;
	uint32_t player;
};
struct circle {
	uint64_t key;
	struct visit *heap;
	uint32_t n, cap;
	bool used;
};

struct fm_assignment {
	const struct fm_roles *roles;
	uint64_t seed;
	double more, longer; /* hosts, and visits per host, for each of the training split */
	uint32_t most;       /* most populations of a class */
	struct fm_rng rng;
	struct player *player;
	size_t n, cap;
	uint32_t *queue[FM_ROLE_CLASSES]; /* fresh players in random order */
	size_t nqueue[FM_ROLE_CLASSES], head[FM_ROLE_CLASSES];
	uint32_t round[FM_ROLE_CLASSES];
	int64_t lives[FM_ROLE_CLASSES]
		     [FM_LIVES];       /* hosts born: by lifetime drawn, or, once over, by that which it was */
	int64_t lent[FM_ROLE_CLASSES]; /* calls answered by hosts of other classes, less those answered for others */
	struct circle *circle;         /* open addressing */
	size_t ncircles, cap_circles;
};

/* Hosts that more windows of the same time would have shown, for each that was seen: Good, Toulmin, "The number of new
 * species, and the increase in population coverage, when a sample is increased", Biometrika 43, 1956, eq. 17.  t: new
 * windows for one old. */
static double unseen_share(const struct fm_roles *r, double t)
{
	double seen = 0, unseen = 0;
	for (int cl = 0; cl < r->nclasses; cl++)
		for (int k = 0; k < r->npool[cl]; k++) {
			double power = -1;
			for (int i = 0; i < r->pool[cl][k].windows; i++)
				power *= -t;
			seen += (double)r->pool[cl][k].hosts;
			unseen += power * (double)r->pool[cl][k].hosts;
		}
	return seen > 0 && unseen > 0 ? unseen / seen : 0;
}

int fm_assignment_new(struct fm_assignment **assignment, const struct fm_roles *roles,
		      const struct fm_assignment_opts *o, struct fm_error *err)
{
	struct fm_assignment *c = NULL;
	double grow = o->grow < 1 ? 1 : o->grow > 2 ? 2 : o->grow;
	if (fm_alloc(&c, 1, sizeof *c, "the assignment", err) < 0)
		return err->code;
	c->roles = roles;
	c->seed = o->seed;
	c->more = 1 + unseen_share(roles, grow - 1);
	c->longer = grow / c->more;
	c->most = o->grow < 1 ? 1 : o->grow > 1e6 ? 1000000 : (uint32_t)(o->grow + 0.5);
	fm_rng_init(&c->rng, o->seed, FM_RNG_DECODE, UINT32_MAX - 2, 0);
	*assignment = c;
	return FM_OK;
}

static int add_players(struct fm_assignment *c, size_t hosts, struct fm_error *err)
{
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

/* x as a whole number, rounded up or down by chance so that the mean is x; at least 1. */
static int64_t rounded(double x, struct fm_rng *r)
{
	int64_t n = (int64_t)(x + fm_rng_uniform53(r));
	return n < 1 ? 1 : n;
}

/* A new population of a class in random order. */
static int refill(struct fm_assignment *c, int cl, struct fm_error *err)
{
	size_t at = 0, cap = 1;
	struct fm_rng r;
	int rc;
	for (int k = 0; k < c->roles->npool[cl]; k++)
		cap += (size_t)((double)c->roles->pool[cl][k].hosts * c->more) + 1;
	free(c->queue[cl]);
	c->queue[cl] = NULL;
	c->nqueue[cl] = c->head[cl] = 0;
	if ((rc = add_players(c, cap, err)) < 0 ||
	    (rc = fm_alloc(&c->queue[cl], cap, sizeof **c->queue, "the assignment", err)) < 0)
		return rc;
	fm_rng_init(&r, c->seed, FM_RNG_DECODE, (uint64_t)cl, c->round[cl]++);
	for (int k = 0; k < c->roles->npool[cl]; k++) {
		const struct fm_pool_entry *e = &c->roles->pool[cl][k];
		int64_t hosts = rounded((double)e->hosts * c->more, &r);
		for (int64_t h = 0; h < hosts; h++) {
			int64_t windows = rounded(e->windows * c->longer, &r),
				peers = rounded(e->peers * (1 + c->longer) / 2, &r);
			c->player[c->n] = (struct player){.windows = (uint16_t)windows,
							  .peers = (uint16_t)(peers < windows ? peers : windows),
							  .cl = (uint8_t)cl};
			c->queue[cl][at++] = (uint32_t)c->n++;
		}
	}
	fm_rng_shuffle(&r, c->queue[cl], at);
	c->nqueue[cl] = at;
	return FM_OK;
}

/* ---- circles ---- */

static uint64_t mixed(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static int side_of(const struct fm_assignment *c, int cl)
{
	return fm_role_side(c->roles->class_of[cl]);
}

static uint64_t circle_key(int side, uint32_t trade, uint32_t peer)
{
	return mixed(mixed((uint64_t)side << 32 | trade) + peer);
}

static struct circle *circle_find(struct fm_assignment *c, uint64_t key)
{
	size_t s = (size_t)(key >> 20) & (c->cap_circles - 1);
	while (c->circle[s].used && c->circle[s].key != key)
		s = (s + 1) & (c->cap_circles - 1);
	return &c->circle[s];
}

static int circles_grow(struct fm_assignment *c, struct fm_error *err)
{
	struct circle *old = c->circle;
	size_t n = c->cap_circles;
	c->circle = NULL;
	if (fm_alloc(&c->circle, n ? n * 2 : 4096, sizeof *c->circle, "the assignment", err) < 0) {
		c->circle = old;
		return err->code;
	}
	c->cap_circles = n ? n * 2 : 4096;
	for (size_t i = 0; i < n; i++)
		if (old[i].used)
			*circle_find(c, old[i].key) = old[i];
	free(old);
	return FM_OK;
}

static bool sooner(struct visit a, struct visit b)
{
	return a.due_ms != b.due_ms ? a.due_ms < b.due_ms : a.player < b.player;
}

static void sift(struct circle *b, uint32_t i)
{
	for (uint32_t least = i;; i = least) {
		for (uint32_t k = 2 * i + 1; k <= 2 * i + 2 && k < b->n; k++)
			if (sooner(b->heap[k], b->heap[least]))
				least = k;
		if (least == i)
			return;
		struct visit x = b->heap[i];
		b->heap[i] = b->heap[least];
		b->heap[least] = x;
	}
}

static int join(struct fm_assignment *c, uint64_t key, uint32_t player, struct fm_error *err)
{
	if (2 * (c->ncircles + 1) > c->cap_circles && circles_grow(c, err) < 0)
		return err->code;
	struct circle *b = circle_find(c, key);
	c->ncircles += !b->used;
	b->used = true;
	b->key = key;
	if (b->n == b->cap) {
		uint32_t cap = b->cap ? b->cap * 2 : 2;
		struct visit *heap = realloc(b->heap, cap * sizeof *heap);
		if (!heap)
			return fm_fail(err, FM_ESYSTEM, "out of memory: visits of the assignment");
		b->heap = heap;
		b->cap = cap;
	}
	uint32_t i = b->n++;
	struct visit x = {c->player[player].due_ms, player};
	for (; i > 0 && sooner(x, b->heap[(i - 1) / 2]); i = (i - 1) / 2)
		b->heap[i] = b->heap[(i - 1) / 2];
	b->heap[i] = x;
	return FM_OK;
}

static bool among(uint32_t host, const uint32_t *taken, int n)
{
	for (int i = 0; i < n; i++)
		if (taken[i] == host)
			return true;
	return false;
}

/* The player of a circle that is first due, or UINT32_MAX.  Players without visits left are removed, and those that
 * came meanwhile move back.  meeting: the player must have a peer left to meet. */
static uint32_t first_due(struct fm_assignment *c, uint64_t key, bool meeting)
{
	struct circle *b = c->cap_circles ? circle_find(c, key) : NULL;
	while (b && b->n > 0) {
		struct visit *top = &b->heap[0];
		const struct player *p = &c->player[top->player];
		if (p->windows == 0 || (meeting && p->peers == 0))
			*top = b->heap[--b->n];
		else if (top->due_ms < p->due_ms)
			top->due_ms = p->due_ms;
		else
			return top->player;
		sift(b, 0);
	}
	return UINT32_MAX;
}

/* ---- assigning ---- */

/* The power of two of the next lifetime in the class: drawn as learned among those that have not come out as often as
 * they should.  For want of calls many hosts live longer than they were to: such lifetimes need not be drawn. */
static int life_short_of(struct fm_assignment *c, int cl)
{
	const int64_t *life = c->roles->life[cl], *got = c->lives[cl];
	double total = 0, born = 1, room = 0, at, want[FM_LIVES];
	int b = 0, last = 0;
	for (int i = 0; i < FM_LIVES; i++) {
		total += (double)life[i];
		born += (double)got[i];
	}
	for (int i = 0; i < FM_LIVES; i++) {
		want[i] = (double)got[i] * total < (double)life[i] * born ? (double)life[i] : 0;
		room += want[i];
		last = want[i] > 0 ? i : last;
	}
	at = fm_rng_uniform53(&c->rng) * room;
	while (b < last && at >= want[b])
		at -= want[b++];
	return b;
}

/* A host is born: how long it lives is random within a power of two. */
static void be_born(struct fm_assignment *c, struct player *p, int cl, int64_t now_ms)
{
	int b = life_short_of(c, cl);
	c->lives[cl][b]++;
	p->life = (uint8_t)b;
	p->born_ms = now_ms;
	p->end_ms = now_ms + (((int64_t)1 << b) - 1) * 1000 +
		    (int64_t)(fm_rng_uniform53(&c->rng) * 1000 * (double)((int64_t)1 << b));
}

/* The last visit of a host is over.  Of one that came once only its window knows how long it lives. */
static void live_no_more(struct fm_assignment *c, struct player *p, int64_t now_ms)
{
	if (now_ms <= p->born_ms)
		return;
	c->lives[p->cl][p->life]--;
	p->life = (uint8_t)fm_life_bin(now_ms - p->born_ms);
	c->lives[p->cl][p->life]++;
}

/* The player comes now. Its next visit is the first of as many uniform times as it has visits left: the least of n is
 * 1 - (1 - u)^(1/n) of the way. */
static void visit(struct fm_assignment *c, uint32_t player, int64_t now_ms)
{
	struct player *p = &c->player[player];
	if (--p->windows == 0) {
		live_no_more(c, p, now_ms);
		return;
	}
	double way = 1 - fm_det_exp(fm_det_log(1 - fm_rng_uniform53(&c->rng)) / p->windows);
	p->due_ms = now_ms + (p->end_ms > now_ms ? (int64_t)((double)(p->end_ms - now_ms) * way) : 0);
}

static int meet(struct fm_assignment *c, uint32_t player, uint32_t trade, uint32_t peer, struct fm_error *err)
{
	struct player *p = &c->player[player];
	if (p->peers > 0)
		p->peers--;
	if (p->windows == 0 || peer == UINT32_MAX)
		return FM_OK;
	return join(c, circle_key(side_of(c, p->cl), trade, peer), player, err);
}

/* May the player of a circle that is first due come?  It must not be in the window yet, and be due unless `early`. */
static bool comes(struct fm_assignment *c, const struct fm_call *call, uint64_t circle, bool meeting, bool early,
		  uint32_t *player)
{
	*player = first_due(c, circle, meeting);
	return *player != UINT32_MAX && (early || c->player[*player].due_ms <= call->now_ms) &&
	       !among((uint32_t)c->roles->nhosts + *player, call->taken, call->ntaken);
}

/* The class from which a host is born for a call: cl, unless it has answered calls of other classes; then the class of
 * its side whose calls others answered most often. */
static int class_due(struct fm_assignment *c, int cl)
{
	int best = cl;
	if (c->lent[cl] >= 0)
		return cl;
	for (int k = 0; k < c->roles->nclasses; k++)
		if (side_of(c, k) == side_of(c, cl) && c->lent[k] > c->lent[best] && c->lent[k] > 0 &&
		    c->head[k] < c->nqueue[k])
			best = k;
	if (best != cl) {
		c->lent[best]--;
		c->lent[cl]++;
	}
	return best;
}

/* A host of the last population of a small class, all of whose hosts were born, comes once more: of such a class only
 * the number of hosts is known, and not how often they come. */
static bool comes_once_more(struct fm_assignment *c, const struct fm_call *call, uint32_t *player)
{
	enum { TRIES = 8, FEW = 64 };
	size_t n = c->nqueue[call->cl];
	for (int i = 0; i < TRIES && c->round[call->cl] >= c->most && n > 0 && n < FEW; i++) {
		*player = c->queue[call->cl][fm_rng_below(&c->rng, (uint32_t)n)];
		if (!among((uint32_t)c->roles->nhosts + *player, call->taken, call->ntaken)) {
			c->player[*player].windows++;
			return true;
		}
	}
	return false;
}

static bool is_born(struct fm_assignment *c, const struct fm_call *call, uint32_t *player)
{
	int cl = class_due(c, call->cl);
	if (c->head[cl] == c->nqueue[cl])
		return false;
	*player = c->queue[cl][c->head[cl]++];
	be_born(c, &c->player[*player], cl, call->now_ms);
	return true;
}

int fm_assignment_draw(struct fm_assignment *c, const struct fm_call *call, uint32_t *host, struct fm_error *err)
{
	uint64_t trade = circle_key(side_of(c, call->cl), call->trade, UINT32_MAX),
		 pair = call->peer == UINT32_MAX ? trade : circle_key(side_of(c, call->cl), call->trade, call->peer);
	bool knows = call->peer != UINT32_MAX, born = false, again;
	uint32_t h;
	int rc;
	for (int cl = 0; cl < c->roles->nclasses; cl++)
		if (c->round[cl] == 0 && (rc = refill(c, cl, err)) < 0)
			return rc;
	again = knows && comes(c, call, pair, false, false, &h);
	if (!again && !comes(c, call, trade, true, false, &h) && !(born = is_born(c, call, &h)) &&
	    !(again = knows && comes(c, call, pair, false, true, &h)) && !comes(c, call, trade, true, true, &h) &&
	    !comes_once_more(c, call, &h)) {
		if ((rc = refill(c, call->cl, err)) < 0)
			return rc;
		born = is_born(c, call, &h);
	}
	if (!born && c->player[h].cl != call->cl) {
		c->lent[call->cl]++;
		c->lent[c->player[h].cl]--;
	}
	visit(c, h, call->now_ms);
	*host = (uint32_t)c->roles->nhosts + h;
	if (born && c->player[h].windows > 0 && c->player[h].peers > 1 && (rc = join(c, trade, h, err)) < 0)
		return rc;
	return again ? FM_OK : meet(c, h, call->trade, call->peer, err);
}

void fm_assignment_meet(struct fm_assignment *c, uint32_t host, uint32_t trade, uint32_t peer)
{
	struct fm_error err;
	uint32_t base = (uint32_t)c->roles->nhosts;
	if (host < base || c->player[host - base].windows == 0)
		return;
	if (join(c, circle_key(side_of(c, c->player[host - base].cl), trade, peer), host - base, &err) < 0)
		return; /* out of memory: the relation is forgotten, the flow is made all the same */
}

void fm_assignment_came(struct fm_assignment *c, uint32_t host, int64_t now_ms)
{
	uint32_t base = (uint32_t)c->roles->nhosts;
	if (host >= base && c->player[host - base].windows > 0 && c->player[host - base].due_ms <= now_ms)
		visit(c, host - base, now_ms);
}

bool fm_assignment_alive(const struct fm_assignment *c, uint32_t host)
{
	uint32_t base = (uint32_t)c->roles->nhosts;
	return host < base || c->player[host - base].windows > 0;
}

uint32_t fm_assignment_hosts(const struct fm_assignment *c)
{
	return (uint32_t)c->roles->nhosts + (uint32_t)c->n;
}

int fm_assignment_class(const struct fm_assignment *c, uint32_t host)
{
	return c->player[host - (uint32_t)c->roles->nhosts].cl;
}

int fm_assignment_side(const struct fm_assignment *c, uint32_t host)
{
	uint32_t n = (uint32_t)c->roles->nhosts;
	return host < n ? c->roles->side[host] : side_of(c, c->player[host - n].cl);
}

void fm_assignment_free(struct fm_assignment *c)
{
	if (!c)
		return;
	for (int i = 0; i < FM_ROLE_CLASSES; i++)
		free(c->queue[i]);
	for (size_t i = 0; i < c->cap_circles; i++)
		free(c->circle[i].heap);
	free(c->circle);
	free(c->player);
	free(c);
}
