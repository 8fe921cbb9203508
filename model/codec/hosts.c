/* hosts.c - popularity, peers and roles of the real addresses. */
#include "model/codec/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "model/codec/windows.h"

static size_t hash_of(uint64_t x)
{
	uint64_t h = (x + 0x9e3779b9u) * 0x9e3779b97f4a7c15ull;
	return (size_t)(h >> 32) ^ (size_t)h;
}

static uint64_t key_of(const struct fm_table *t, uint32_t code)
{
	struct fm_address a = fm_table_address(t, code);
	return fm_address_key(&a);
}

static int grow(struct fm_hosts *h, struct fm_error *err)
{
	size_t ns = h->nslots ? h->nslots * 2 : 1024;
	uint32_t *slot = NULL;
	struct fm_host *host = NULL;
	if (fm_alloc(&slot, ns, sizeof *slot, "the host table", err) < 0)
		return err->code;
	if (fm_alloc(&host, ns / 2, sizeof *host, "the host table", err) < 0) {
		free(slot);
		return err->code;
	}
	if (h->n)
		memcpy(host, h->host, h->n * sizeof *host);
	for (size_t i = 0; i < h->n; i++) {
		size_t s = hash_of(host[i].key) & (ns - 1);
		while (slot[s])
			s = (s + 1) & (ns - 1);
		slot[s] = (uint32_t)i + 1;
	}
	free(h->host);
	free(h->slot);
	*h = (struct fm_hosts){host, h->n, ns / 2, slot, ns, h->npopular, h->ipv6};
	return FM_OK;
}

const struct fm_host *fm_hosts_find(const struct fm_hosts *h, const struct fm_table *t, uint32_t code)
{
	uint64_t key = key_of(t, code);
	if (!h->nslots)
		return NULL;
	for (size_t s = hash_of(key) & (h->nslots - 1); h->slot[s]; s = (s + 1) & (h->nslots - 1))
		if (h->host[h->slot[s] - 1].key == key)
			return &h->host[h->slot[s] - 1];
	return NULL;
}

int fm_host_side(const struct fm_hosts *h, const struct fm_table *t, uint32_t code)
{
	struct fm_address a = fm_table_address(t, code);
	return fm_table_inside(t, code) * FM_SIDE_INSIDE + (h->ipv6 && fm_address_is_ipv6(&a)) * FM_SIDE_IPV6;
}

/* Do min_count rows have IPv6? */
static bool has_ipv6(const struct fm_table *t, int min_count)
{
	size_t n = 0;
	for (size_t i = 0; t->addresses && i < t->rows && n < (size_t)min_count; i++)
		n += fm_address_is_ipv6(&t->addresses->at[t->sa[i]]);
	return n >= (size_t)min_count;
}

static int touch(struct fm_hosts *h, const struct fm_table *t, uint32_t code, size_t row, uint32_t window,
		 struct fm_error *err)
{
	struct fm_host *x = (struct fm_host *)fm_hosts_find(h, t, code);
	if (!x) {
		if (h->n == h->cap && grow(h, err) < 0)
			return err->code;
		uint64_t key = key_of(t, code);
		size_t s = hash_of(key) & (h->nslots - 1);
		while (h->slot[s])
			s = (s + 1) & (h->nslots - 1);
		x = &h->host[h->n];
		*x = (struct fm_host){.key = key,
				      .last_window = UINT32_MAX,
				      .rank = -1,
				      .side = (uint8_t)fm_host_side(h, t, code),
				      .first_ms = t->te[row],
				      .last_ms = t->te[row]};
		h->slot[s] = (uint32_t)++h->n;
	}
	x->flows++;
	x->first_ms = t->te[row] < x->first_ms ? t->te[row] : x->first_ms;
	x->last_ms = t->te[row] > x->last_ms ? t->te[row] : x->last_ms;
	if (x->last_window != window)
		x->windows++;
	x->last_window = window;
	return FM_OK;
}

/* ---- peers: distinct unordered pairs, each counted for both of its ends ---- */

#define MOST_PAIRS ((size_t)1 << 22) /* pairs held at once, 32 MiB; more are counted in several passes */

static uint64_t pair_of(const struct fm_table *t, size_t i)
{
	uint32_t a = t->sa[i], b = t->da[i];
	return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

static size_t sort_distinct(uint64_t *pair, size_t n)
{
	size_t k = 0;
	qsort(pair, n, sizeof *pair, fm_compare_u64);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || pair[i] != pair[i - 1])
			pair[k++] = pair[i];
	return k;
}

/* Collect the distinct pairs of one of `parts` shares of all; *n: their number, or more than half of cap when they are
 * too many. */
static void collect_pairs(const struct fm_table *t, uint64_t part, uint64_t parts, uint64_t *pair, size_t cap,
			  size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < t->rows; i++) {
		uint64_t p = pair_of(t, i);
		if (parts > 1 &&
		    (uint64_t)(uint32_t)hash_of((uint32_t)(p >> 32) * 31 + (uint32_t)p) * parts >> 32 != part)
			continue;
		if (*n == cap && (*n = sort_distinct(pair, *n)) > cap / 2)
			return;
		pair[(*n)++] = p;
	}
	*n = sort_distinct(pair, *n);
}

static int count_peers(struct fm_hosts *h, const struct fm_table *t, struct fm_error *err)
{
	size_t cap = t->rows < MOST_PAIRS ? t->rows : MOST_PAIRS, n;
	uint64_t *pair = NULL;
	if (fm_alloc(&pair, cap, sizeof *pair, "host pairs", err) < 0)
		return err->code;
	for (uint64_t part = 0, parts = 1; part < parts; part++) {
		collect_pairs(t, part, parts, pair, cap, &n);
		if (n > cap / 2 && cap < t->rows) { /* too many for a pass: smaller shares, from the beginning */
			for (size_t i = 0; i < h->n; i++)
				h->host[i].peers = 0;
			parts *= 2;
			part = (uint64_t)-1;
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			((struct fm_host *)fm_hosts_find(h, t, (uint32_t)(pair[i] >> 32)))->peers++;
			if ((uint32_t)pair[i] != (uint32_t)(pair[i] >> 32))
				((struct fm_host *)fm_hosts_find(h, t, (uint32_t)pair[i]))->peers++;
		}
	}
	free(pair);
	return FM_OK;
}

static int cmp_popular(const void *a, const void *b)
{
	const struct fm_host *x = *(struct fm_host *const *)a, *y = *(struct fm_host *const *)b;
	if (x->flows != y->flows)
		return x->flows < y->flows ? 1 : -1;
	return (x > y) - (x < y); /* then by first occurrence, never by address */
}

/* Both ends of a row, which lies in window w. */
static int touch_ends(struct fm_hosts *h, const struct fm_table *t, size_t row, uint32_t w, struct fm_error *err)
{
	int rc;
	if ((rc = touch(h, t, t->sa[row], row, w, err)) < 0)
		return rc;
	return touch(h, t, t->da[row], row, w, err);
}

int fm_hosts_fit(struct fm_hosts **out, const struct fm_table *t, int window, int min_count, int max_hosts,
		 struct fm_error *err)
{
	struct fm_hosts *h = NULL;
	struct fm_host **order = NULL;
	size_t *first = NULL, nw = 0, np = 0;
	int rc;
	if ((rc = fm_alloc(&h, 1, sizeof *h, "the host table", err)) < 0 ||
	    (rc = fm_windows_find(t, window, &first, &nw, err)) < 0)
		goto out;
	h->ipv6 = has_ipv6(t, min_count);
	for (size_t w = 0; w < nw; w++)
		for (size_t i = first[w]; i < first[w] + (size_t)window; i++)
			if ((rc = touch_ends(h, t, i, (uint32_t)w, err)) < 0)
				goto out;
	/* Rows outside whole windows still have peers to be counted. */
	for (size_t i = 0; i < t->rows; i++) {
		if (fm_hosts_find(h, t, t->sa[i]) && fm_hosts_find(h, t, t->da[i]))
			continue;
		if ((rc = touch_ends(h, t, i, UINT32_MAX - 1, err)) < 0)
			goto out;
	}
	if ((rc = count_peers(h, t, err)) < 0 ||
	    (rc = fm_alloc(&order, h->n + 1, sizeof *order, "host ranks", err)) < 0)
		goto out;
	for (size_t i = 0; i < h->n; i++)
		if (h->host[i].flows >= (uint32_t)min_count)
			order[np++] = &h->host[i];
	qsort(order, np, sizeof *order, cmp_popular);
	if (np > (size_t)max_hosts)
		np = (size_t)max_hosts;
	for (size_t i = 0; i < np; i++)
		order[i]->rank = (int)i;
	h->npopular = (int)np;
	*out = h;
	h = NULL;
out:
	free(order);
	free(first);
	fm_hosts_free(h);
	return rc;
}

void fm_hosts_free(struct fm_hosts *h)
{
	if (!h)
		return;
	free(h->host);
	free(h->slot);
	free(h);
}

static int log2_bucket(uint32_t x)
{
	int b = 0;
	while (x > 1 && b < 6) {
		x >>= 1;
		b++;
	}
	return b;
}

int fm_role_class(int side, uint32_t windows, uint32_t peers)
{
	return side * 49 + log2_bucket(windows) * 7 + log2_bucket(peers);
}

int fm_role_side(int packed)
{
	return packed / 49;
}

int fm_host_class(const struct fm_hosts *hosts, const struct fm_table *t, uint32_t code)
{
	const struct fm_host *h = fm_hosts_find(hosts, t, code);
	int side = fm_host_side(hosts, t, code);
	return h ? fm_role_class(side, h->windows, h->peers) : fm_role_class(side, 1, 1);
}

/* The kinds of host of each class: windows, peers, and how many hosts. A kind of fewer than k hosts is counted with the
 * next one, and hosts left at the end with the last one. */
static int fit_pools(struct fm_roles *r, const struct fm_hosts *hosts, int min_count, struct fm_error *err)
{
	enum { MAXW = 64 };
	size_t nk = (size_t)r->nclasses * MAXW * MAXW;
	int64_t *kind = NULL; /* (nclasses, MAXW windows, MAXW peers) */
	int rc;
	if ((rc = fm_alloc(&kind, nk, sizeof *kind, "host kinds", err)) < 0)
		return rc;
	for (size_t i = 0; i < hosts->n; i++) {
		const struct fm_host *h = &hosts->host[i];
		if (h->rank >= 0)
			continue;
		int cl = r->class_id[fm_role_class(h->side, h->windows, h->peers)];
		uint32_t w = h->windows < MAXW ? h->windows : MAXW - 1, n = h->peers < w ? h->peers : w;
		kind[((size_t)cl * MAXW + w) * MAXW + (n ? n : 1)]++;
	}
	for (int cl = 0; cl < r->nclasses; cl++) {
		if ((rc = fm_alloc(&r->pool[cl], MAXW * MAXW, sizeof **r->pool, "host kinds", err)) < 0)
			goto out;
		struct fm_pool_entry *e = r->pool[cl];
		int64_t rest = 0;
		for (int w = 1; w < MAXW; w++)
			for (int n = 1; n <= w; n++) {
				rest += kind[((size_t)cl * MAXW + (size_t)w) * MAXW + (size_t)n];
				if (rest >= min_count) {
					e[r->npool[cl]++] = (struct fm_pool_entry){w, n, rest};
					rest = 0;
				}
			}
		if (r->npool[cl] == 0)
			e[r->npool[cl]++] = (struct fm_pool_entry){1, 1, rest > 0 ? rest : 1};
		else
			e[r->npool[cl] - 1].hosts += rest;
	}
out:
	free(kind);
	return rc;
}

int fm_life_bin(int64_t ms)
{
	int64_t seconds = 1 + ms / 1000;
	int b = 0;
	while (b < FM_LIVES - 1 && seconds >> (b + 1) > 0)
		b++;
	return b;
}

/* Lifetimes of each class. Fewer than k hosts are counted with the next longer ones, and hosts left at the end with the
 * last. */
static void fit_lives(struct fm_roles *r, const struct fm_hosts *hosts, int min_count)
{
	for (size_t i = 0; i < hosts->n; i++) {
		const struct fm_host *h = &hosts->host[i];
		if (h->rank < 0)
			r->life[r->class_id[fm_role_class(h->side, h->windows, h->peers)]]
			       [fm_life_bin(h->last_ms - h->first_ms)]++;
	}
	for (int cl = 0; cl < r->nclasses; cl++) {
		int64_t rest = 0;
		int last = 0;
		for (int b = 0; b < FM_LIVES; b++) {
			rest += r->life[cl][b];
			r->life[cl][b] = 0;
			if (rest >= min_count) {
				r->life[cl][last = b] = rest;
				rest = 0;
			}
		}
		r->life[cl][last] += rest;
	}
}

void fm_roles_index(struct fm_roles *r, const int64_t *members)
{
	for (int p = 0; p < FM_ROLE_CLASSES; p++) {
		int best = -1;
		for (int k = 0; k < r->nclasses; k++)
			if (fm_role_side(r->class_of[k]) == fm_role_side(p) && (best < 0 || members[k] > members[best]))
				best = k;
		/* no host has this side: an address of it would be new, and gets a class of another side */
		r->class_id[p] = best < 0 ? 0 : best;
	}
	for (int k = 0; k < r->nclasses; k++)
		r->class_id[r->class_of[k]] = k;
}

/* Histogram of the tail. A class of fewer than k hosts joins the largest class of its side. */
int fm_roles_fit(struct fm_roles *r, const struct fm_hosts *hosts, const struct fm_codec_opts *o, struct fm_error *err)
{
	int64_t members[FM_ROLE_CLASSES] = {0}, common[FM_ROLE_CLASSES]; /* by packed class, by class index */

	if (fm_alloc(&r->side, (size_t)hosts->npopular + 1, 1, "host roles", err) < 0)
		return err->code;
	r->any_ipv6 = hosts->ipv6;
	r->nhosts = hosts->npopular;
	for (size_t i = 0; i < hosts->n; i++) {
		const struct fm_host *h = &hosts->host[i];
		r->any_inside |= h->side & FM_SIDE_INSIDE;
		if (h->rank >= 0)
			r->side[h->rank] = h->side;
		else
			members[fm_role_class(h->side, h->windows, h->peers)]++;
	}
	for (int p = 0; p < FM_ROLE_CLASSES; p++)
		r->class_id[p] = -1;
	for (int p = 0; p < FM_ROLE_CLASSES; p++)
		if (members[p] >= o->k) {
			r->class_of[r->nclasses] = p;
			r->class_id[p] = r->nclasses++;
		}
	for (int side = 0; side < FM_SIDES; side++) { /* each side has a class, however few its hosts: the outside of
							 each family always, the inside when it has any */
		bool any = false, some = side == 0 || (side == FM_SIDE_IPV6 && r->any_ipv6);
		for (int p = side * 49; p < (side + 1) * 49; p++) {
			any |= r->class_id[p] >= 0;
			some |= members[p] > 0;
		}
		if (!any && some) {
			r->class_of[r->nclasses] = fm_role_class(side, 1, 1);
			r->class_id[r->class_of[r->nclasses]] = r->nclasses;
			r->nclasses++;
		}
	}
	for (int k = 0; k < r->nclasses; k++)
		common[k] = members[r->class_of[k]];
	fm_roles_index(r, common);
	fit_lives(r, hosts, o->k);
	return fit_pools(r, hosts, o->k, err);
}

int fm_roles_common_class(const struct fm_roles *r, int side)
{
	int best = 0;
	int64_t most = -1;
	for (int c = 0; c < r->nclasses && side & FM_SIDE_IPV6; c++)
		if (fm_role_side(r->class_of[c]) & FM_SIDE_IPV6)
			best = c;
	for (int c = 0; c < r->nclasses; c++) {
		int64_t n = 0;
		if (fm_role_side(r->class_of[c]) != side)
			continue;
		for (int k = 0; k < r->npool[c]; k++)
			n += r->pool[c][k].hosts;
		if (n > most) {
			most = n;
			best = c;
		}
	}
	return best;
}
