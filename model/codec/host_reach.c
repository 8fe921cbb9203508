/* host_reach.c - how many destinations a popular source has. */
#include "model/codec/host_reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/order.h"
#include "model/codec/relations.h"
#include "model/codec/tokens.h"

static uint64_t key_of(uint32_t service, uint32_t from)
{
	return (uint64_t)service << 16 | from;
}

/* ---- learning ---- */

struct contact {
	uint64_t key;
	uint32_t to; /* address code */
	int64_t te;
};

static int compare_contacts(const void *a, const void *b)
{
	const struct contact *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

static uint32_t rank_of(const struct fm_profile_data *d, uint32_t code)
{
	const struct fm_host *h = fm_hosts_find(d->hosts, d->t, code);
	return h && h->rank >= 0 ? (uint32_t)h->rank : UINT32_MAX;
}

/* Flows from and to each popular host. */
struct ways {
	uint32_t from, to;
};

/* The events of popular sources in the window that begins at row `first`; returns how many. */
static size_t see_window(struct contact *at, struct ways *ways, const struct fm_profile_data *d, size_t first)
{
	const struct fm_table *t = d->t;
	struct fm_relations l;
	size_t n = 0;
	fm_relations_find(t, first, d->window, d->text_order, &l);
	for (int i = 0; i < d->window; i++) {
		size_t row = first + l.row[i];
		uint32_t from = rank_of(d, t->sa[row]), to = rank_of(d, t->da[row]), service;
		if (to != UINT32_MAX)
			ways[to].to++;
		if (from == UINT32_MAX)
			continue;
		ways[from].from++;
		service = fm_service_of(d->ports, d->pr ? d->pr[t->pr[row]] : 0, t->sp[row], t->dp[row], false);
		if (fm_relation_source(l.kind[i], FM_T_DA) < 0)
			at[n++] = (struct contact){key_of(service, from), t->da[row], t->te[row]};
	}
	return n;
}

/* Ten times as many flows go to a silent host as come from it. */
static bool is_silent(const struct ways *w, int min_count)
{
	return w->to >= (uint32_t)min_count && w->from <= w->to / 10;
}

/* Heaps' exponent. */
static double exponent_of(double events, double hosts)
{
	return hosts >= events ? 1 : fm_det_log(hosts) / fm_det_log(events);
}

/* Does a source scan with a service?  It reaches many hosts, hardly any of them twice. */
static bool is_scan(uint32_t events, uint32_t hosts)
{
	enum { MANY = 32 };
	return hosts >= MANY && exponent_of(events, hosts) >= 0.97;
}

/* The size of a scan that reaches so many hosts, in half octaves. */
static int size_of(uint32_t hosts)
{
	static const uint32_t from[FM_SCAN_SIZES - 1] = {46, 64, 91, 128, 182, 256, 363};
	int size = 0;
	while (size < FM_SCAN_SIZES - 1 && hosts >= from[size])
		size++;
	return size;
}

/* Scans of a size, and how many of them end within an hour. */
struct scans {
	size_t all, brief;
};

/* The shares of sizes.  Sizes of fewer than k scans are joined with the next smaller ones until there are k, and those
 * that are left with the last ones that were joined. */
static void share_brief(double share[FM_SCAN_SIZES], const struct scans of[FM_SCAN_SIZES], size_t k)
{
	struct scans sum = {0, 0}, last = {0, 0};
	int end = FM_SCAN_SIZES, last_end = end; /* the sizes below it are added up, or were the last to be */
	for (int i = FM_SCAN_SIZES - 1; i >= 0; i--) {
		sum.all += of[i].all;
		sum.brief += of[i].brief;
		if (i == 0 && sum.all < k) {
			sum.all += last.all;
			sum.brief += last.brief;
			end = last_end;
		} else if (sum.all < k) {
			continue;
		}
		last = sum;
		last_end = end;
		while (end > i)
			share[--end] = sum.all >= k && sum.all > 0 ? (double)sum.brief / (double)sum.all : 0;
		sum = (struct scans){0, 0};
	}
}

/* Milliseconds from the first to the last of n events. */
static int64_t length_of(const struct contact *at, size_t n)
{
	int64_t first = at->te, last = first;
	for (size_t i = 1; i < n; i++) {
		first = at[i].te < first ? at[i].te : first;
		last = at[i].te > last ? at[i].te : last;
	}
	return last - first;
}

int fm_reaches_fit(struct fm_profiles *p, const struct fm_profile_data *d, struct fm_error *err)
{
	enum { HOUR = 3600000 };
	struct fm_profile_list *reaches = &p->reaches;
	struct scans scans[FM_SCAN_SIZES] = {{0, 0}};
	struct contact *at = NULL;
	struct ways *ways = NULL;
	size_t n = 0, nhosts = (size_t)d->hosts->npopular;
	int rc;
	if ((rc = fm_alloc(&at, d->windows * (size_t)d->window + 1, sizeof *at, "host profiles", err)) < 0 ||
	    (rc = fm_alloc(&ways, nhosts + 1, sizeof *ways, "host profiles", err)) < 0)
		goto out;
	for (size_t w = 0; w < d->windows; w++)
		n += see_window(at + n, ways, d, d->first[w]);
	qsort(at, n, sizeof *at, compare_contacts);
	if ((rc = fm_alloc(&reaches->at, n / (size_t)d->min_count + nhosts + 1, sizeof *reaches->at, "host profiles",
			   err)) < 0)
		goto out;
	for (size_t i = 0, j; i < n; i = j) {
		uint32_t hosts = 0;
		for (j = i; j < n && at[j].key == at[i].key; j++)
			hosts += j == i || at[j].to != at[j - 1].to;
		if (j - i < (size_t)d->min_count)
			continue;
		reaches->at[reaches->n++] = (struct fm_profile){at[i].key, (uint32_t)(j - i), hosts};
		if (is_scan((uint32_t)(j - i), hosts)) {
			struct scans *of = &scans[size_of(hosts)];
			of->all++;
			of->brief += length_of(at + i, j - i) <= HOUR;
		}
	}
	share_brief(p->brief, scans, (size_t)d->min_count);
	for (uint32_t h = 0; h < nhosts; h++)
		if (is_silent(&ways[h], d->min_count))
			reaches->at[reaches->n++] = (struct fm_profile){fm_silent_key(h), 0, 0};
out:
	free(at);
	free(ways);
	return rc;
}

/* ---- making flows ---- */

struct reached {
	double exponent;
	bool brief;           /* a scan that is soon over */
	bool gathered;        /* such a scan, with windows of its own that follow each other */
	uint32_t left;        /* its events still to come */
	uint32_t hosts;       /* different destinations so far */
	uint32_t n, cap, *to; /* (n) destinations of its events */
};
struct fm_reach {
	const struct fm_profile_list *learned;
	const struct fm_roles *roles;
	bool few[FM_SIDES]; /* most hosts of the side are popular, or nearly all of its events are with popular hosts */
	struct reached *of; /* (learned->n) */
	struct fm_rng rng;
	uint64_t *met; /* (slots) entry << 32 | host, plus 1; 0: empty */
	size_t slots, nmet;
};

/* The mean number of different destinations of n events. */
static double reach_of(double exponent, double n)
{
	return exponent < 1 ? fm_det_exp(exponent * fm_det_log(n)) : n;
}

int fm_reach_new(struct fm_reach **out, const struct fm_profiles *p, const struct fm_roles *roles,
		 const struct fm_reach_opts *o, struct fm_error *err)
{
	enum { NEARLY_ALL = 20 };
	const struct fm_profile_list *reaches = &p->reaches;
	double grow = o->grow > 0 ? o->grow : 1;
	int64_t popular[FM_SIDES] = {0}, tail[FM_SIDES] = {0}; /* hosts */
	int64_t events[FM_SIDES] = {0}, visits[FM_SIDES] = {0};
	struct fm_reach *r = NULL;
	int rc;
	if ((rc = fm_alloc(&r, 1, sizeof *r, "host profiles", err)) < 0)
		return rc;
	r->learned = reaches;
	r->roles = roles;
	fm_rng_init(&r->rng, o->seed, FM_RNG_DECODE, UINT32_MAX - 5, 0);
	if ((rc = fm_alloc(&r->of, reaches->n + 1, sizeof *r->of, "host profiles", err)) < 0) {
		fm_reach_free(r);
		return rc;
	}
	for (size_t i = 0; i < p->uses.n; i++)
		events[roles->side[p->uses.at[i].key & 0xffff]] += p->uses.at[i].events;
	for (int h = 0; h < roles->nhosts; h++)
		popular[roles->side[h]]++;
	for (int cl = 0; cl < roles->nclasses; cl++)
		for (int k = 0; k < roles->npool[cl]; k++) {
			const struct fm_pool_entry *kind = &roles->pool[cl][k];
			int side = fm_role_side(roles->class_of[cl]);
			tail[side] += kind->hosts;
			visits[side] += kind->hosts * kind->windows;
		}
	for (int side = 0; side < FM_SIDES; side++)
		r->few[side] = popular[side] > tail[side] || events[side] > NEARLY_ALL * visits[side];
	for (size_t i = 0; i < reaches->n; i++) {
		const struct fm_profile *e = &reaches->at[i];
		r->of[i].exponent = exponent_of(e->events, e->hosts);
		r->of[i].brief =
		    is_scan(e->events, e->hosts) && fm_rng_uniform53(&r->rng) < p->brief[size_of(e->hosts)];
		r->of[i].left = r->of[i].brief ? (uint32_t)(e->events * grow + 0.5) : 0;
	}
	*out = r;
	return FM_OK;
}

void fm_reach_free(struct fm_reach *r)
{
	if (!r)
		return;
	for (size_t i = 0; r->of && i < r->learned->n; i++)
		free(r->of[i].to);
	free(r->of);
	free(r->met);
	free(r);
}

/* The entry of a source and service, or learned->n. */
static size_t entry_of(const struct fm_reach *r, uint32_t service, uint32_t from)
{
	const struct fm_profile_list *l = r->learned;
	uint64_t key = key_of(service, from);
	size_t i = fm_profile_lower(l, key);
	return i < l->n && l->at[i].key == key ? i : l->n;
}

int fm_reach_scans(struct fm_reach *r, struct fm_scan **scan, size_t *n, struct fm_error *err)
{
	const struct fm_profile_list *l = r->learned;
	uint32_t *order = NULL, brief = 0;
	int rc;
	if ((rc = fm_alloc(&order, l->n + 1, sizeof *order, "scans", err)) < 0 ||
	    (rc = fm_alloc(scan, l->n + 1, sizeof **scan, "scans", err)) < 0)
		goto out;
	for (size_t i = 0; i < l->n; i++)
		if (r->of[i].brief)
			order[brief++] = (uint32_t)i;
	fm_rng_shuffle(&r->rng, order, brief);
	for (*n = 0; *n < brief; ++*n) {
		uint64_t key = l->at[order[*n]].key;
		(*scan)[*n] = (struct fm_scan){(uint32_t)(key >> 16), (uint32_t)(key & 0xffff), r->of[order[*n]].left};
	}
out:
	free(order);
	return rc;
}

void fm_reach_gathered(struct fm_reach *r, const struct fm_scan *scan)
{
	size_t i = entry_of(r, scan->service, scan->from);
	if (i < r->learned->n)
		r->of[i].gathered = true;
}

/* A source of the side of `from`, among the entries of a service: one whose scan is over soon and waits to be made, all
 * equally likely, or (lasting) one that has other events, by their number; `from`: there is none. */
static uint32_t draw_source(struct fm_reach *r, uint32_t service, uint32_t from, bool lasting)
{
	const struct fm_profile_list *l = r->learned;
	size_t begin = fm_profile_lower(l, key_of(service, 0));
	uint64_t total = 0, at = 0;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = begin; i < l->n && l->at[i].key >> 16 == service; i++) {
			const struct reached *e = &r->of[i];
			uint32_t host = (uint32_t)(l->at[i].key & 0xffff), weight = lasting ? l->at[i].events : 1;
			if (e->gathered || e->brief == lasting || (e->brief && e->left == 0) ||
			    r->roles->side[host] != r->roles->side[from])
				continue;
			if (pass == 0)
				total += weight;
			else if (at < weight)
				return host;
			else
				at -= weight;
		}
		if (total == 0)
			return from;
		if (pass == 0)
			at = (uint64_t)(fm_rng_uniform53(&r->rng) * (double)total);
	}
	return from;
}

uint32_t fm_reach_scanner(struct fm_reach *r, uint32_t service, uint32_t from)
{
	const struct fm_profile_list *l = r->learned;
	size_t own = entry_of(r, service, from);
	uint32_t other;
	if (own == l->n || !r->of[own].brief)
		return from;
	for (size_t i = fm_profile_lower(l, key_of(service, 0)); i < l->n && l->at[i].key >> 16 == service; i++) {
		const struct reached *e = &r->of[i];
		if (e->brief && !e->gathered && e->left > 0 && e->n > 0 &&
		    r->roles->side[l->at[i].key & 0xffff] == r->roles->side[from])
			return (uint32_t)(l->at[i].key & 0xffff);
	}
	if (r->of[own].left > 0 && !r->of[own].gathered)
		return from;
	other = draw_source(r, service, from, false);
	return other == from && r->of[own].gathered ? draw_source(r, service, from, true) : other;
}

static size_t slot_of(const uint64_t *met, size_t slots, uint64_t x)
{
	size_t s = (size_t)(x * 0x9e3779b97f4a7c15ull >> 20) & (slots - 1);
	while (met[s] && met[s] != x)
		s = (s + 1) & (slots - 1);
	return s;
}

static uint64_t met_key(size_t entry, uint32_t to)
{
	return ((uint64_t)entry << 32 | to) + 1;
}

enum fm_reach_wish fm_reach_ask(const struct fm_reach *r, uint32_t service, uint32_t from)
{
	size_t i = entry_of(r, service, from);
	if (i == r->learned->n)
		return FM_REACH_ANY;
	return r->of[i].hosts + 0.5 < reach_of(r->of[i].exponent, r->of[i].n + 1.0) ? FM_REACH_NEW : FM_REACH_OLD;
}

bool fm_reach_has(const struct fm_reach *r, uint32_t service, uint32_t from, uint32_t to)
{
	size_t i = entry_of(r, service, from);
	return i < r->learned->n && r->slots > 0 && r->met[slot_of(r->met, r->slots, met_key(i, to))] != 0;
}

uint32_t fm_reach_again(struct fm_reach *r, uint32_t service, uint32_t from)
{
	size_t i = entry_of(r, service, from);
	if (i == r->learned->n || r->of[i].n == 0)
		return UINT32_MAX;
	return r->of[i].to[fm_rng_below(&r->rng, r->of[i].n)];
}

static bool is_fresh(const struct fm_reach *r, const struct fm_reassign *uses, const struct fm_call_for *c, uint32_t h)
{
	return r->roles->side[h] == c->side && h != c->from &&
	       (c->service == c->plain || fm_reassign_speaks(uses, h)) && !fm_reach_has(r, c->plain, c->from, h) &&
	       !fm_reassign_talks(uses, c->service, c->from, h);
}

uint32_t fm_reach_fresh(struct fm_reach *r, struct fm_reassign *uses, const struct fm_call_for *c)
{
	enum { TRIES = 8 };
	uint32_t n = (uint32_t)r->roles->nhosts, h;
	for (int i = 0; i < TRIES; i++) {
		h = fm_reassign_user(uses, 1, c->service, c->host);
		if (h != c->host && is_fresh(r, uses, c, h))
			return h;
	}
	if (!r->few[c->side])
		return UINT32_MAX;
	if (c->service != c->plain) /* answered, and nobody who answers was found */
		return c->host;
	h = fm_rng_below(&r->rng, n);
	for (uint32_t i = 0; i < n; i++, h = h + 1 < n ? h + 1 : 0)
		if (is_fresh(r, uses, c, h))
			return h;
	return c->host;
}

static int grow_met(struct fm_reach *r, struct fm_error *err)
{
	size_t slots = r->slots ? r->slots * 2 : 4096;
	uint64_t *met = NULL;
	int rc;
	if (2 * (r->nmet + 1) <= r->slots)
		return FM_OK;
	if ((rc = fm_alloc(&met, slots, sizeof *met, "host profiles", err)) < 0)
		return rc;
	for (size_t s = 0; s < r->slots; s++)
		if (r->met[s])
			met[slot_of(met, slots, r->met[s])] = r->met[s];
	free(r->met);
	r->met = met;
	r->slots = slots;
	return FM_OK;
}

int fm_reach_add(struct fm_reach *r, uint32_t service, uint32_t from, uint32_t to, struct fm_error *err)
{
	size_t i = entry_of(r, service, from);
	int rc;
	if (i == r->learned->n)
		return FM_OK;
	struct reached *e = &r->of[i];
	if ((rc = grow_met(r, err)) < 0)
		return rc;
	if (e->n == e->cap) {
		uint32_t cap = e->cap ? e->cap * 2 : 16, *grown = realloc(e->to, cap * sizeof *grown);
		if (!grown)
			return fm_fail(err, FM_ESYSTEM, "out of memory: host profiles");
		e->to = grown;
		e->cap = cap;
	}
	e->to[e->n++] = to;
	e->left -= e->left > 0;
	uint64_t *slot = &r->met[slot_of(r->met, r->slots, met_key(i, to))];
	if (*slot == 0) {
		*slot = met_key(i, to);
		r->nmet++;
		e->hosts++;
	}
	return FM_OK;
}
