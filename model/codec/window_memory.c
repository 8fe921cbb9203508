/* window_memory.c - conversations that go on in later windows. */
#include "model/codec/window_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/codec/relations.h"

int fm_flow_style(uint64_t pkt, uint64_t byt)
{
	if (pkt <= 1)
		return byt <= 64 ? 1 + (byt > 40 ? (int)(byt - 37) / 4 : 0) : byt <= 128 ? 8 : 9;
	return pkt <= 3 ? 10 : pkt <= 6 ? 11 : pkt <= 12 ? 12 : pkt <= 32 ? 13 : 14;
}

/* ---- earlier conversations ---- */

struct talk {
	uint64_t key; /* hash of hosts, service and server's port */
	uint32_t from, to, service, window, taken;
	uint16_t sp, dp;
	int sides;
	uint8_t style;
	bool open;
};
/* The latest flows of a kind: their conversations, the latest last. */
enum { RING = 64 };
struct ring {
	uint64_t key;
	uint32_t talk[RING], n; /* n: ever added */
};
/* Open addressing from keys to places in a growing array. */
struct index {
	uint64_t *key;
	uint32_t *place; /* + 1; 0 empty */
	size_t slots, n;
};
struct memory {
	struct talk *talk;
	struct ring *ring;
	size_t ntalks, cap_talks, nrings, cap_rings;
	struct index talks, rings;
};

static uint64_t mixed(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static uint64_t key_of(uint64_t a, uint64_t b, uint64_t c)
{
	return mixed(mixed(mixed(a + 0x9e3779b97f4a7c15ull) + b) + c);
}

static uint32_t *index_slot(const struct index *x, uint64_t key)
{
	size_t s = (size_t)key & (x->slots - 1);
	while (x->place[s] && x->key[s] != key)
		s = (s + 1) & (x->slots - 1);
	x->key[s] = x->place[s] ? x->key[s] : key;
	return &x->place[s];
}

static int index_room(struct index *x, struct fm_error *err)
{
	struct index y = {.slots = x->slots ? x->slots * 2 : 4096, .n = x->n};
	int rc;
	if (2 * (x->n + 1) <= x->slots)
		return FM_OK;
	if ((rc = fm_alloc(&y.key, y.slots, sizeof *y.key, "conversations", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&y.place, y.slots, sizeof *y.place, "conversations", err)) < 0) {
		free(y.key);
		return rc;
	}
	for (size_t s = 0; s < x->slots; s++)
		if (x->place[s])
			*index_slot(&y, x->key[s]) = x->place[s];
	free(x->key);
	free(x->place);
	*x = y;
	return FM_OK;
}

static void memory_free(struct memory *m)
{
	free(m->talk);
	free(m->ring);
	free(m->talks.key);
	free(m->talks.place);
	free(m->rings.key);
	free(m->rings.place);
}

static struct talk *talk_find(const struct memory *m, uint64_t key)
{
	uint32_t place = m->talks.slots ? *index_slot(&m->talks, key) : 0;
	return place ? &m->talk[place - 1] : NULL;
}

static struct ring *ring_find(const struct memory *m, uint64_t key)
{
	uint32_t place = m->rings.slots ? *index_slot(&m->rings, key) : 0;
	return place ? &m->ring[place - 1] : NULL;
}

/* An array that grows: n elements of `size` bytes with room for cap. */
struct array {
	void **at;
	size_t *n, *cap, size;
};

/* The place of a key in an array, made when it is not there: *made. */
static int place_of(struct index *x, uint64_t key, const struct array *a, bool *made, size_t *at, struct fm_error *err)
{
	int rc;
	if ((rc = index_room(x, err)) < 0)
		return rc;
	uint32_t *place = index_slot(x, key);
	if ((*made = *place == 0)) {
		if (*a->n == *a->cap) {
			size_t more = *a->cap ? *a->cap * 2 : 1024;
			void *grown = realloc(*a->at, more * a->size);
			if (!grown)
				return fm_fail(err, FM_ESYSTEM, "out of memory: conversations");
			*a->at = grown;
			*a->cap = more;
		}
		memset((char *)*a->at + *a->n * a->size, 0, a->size);
		x->n++;
		*place = (uint32_t)++ * a->n;
	}
	*at = *place - 1;
	return FM_OK;
}

static int ring_add(struct memory *m, uint64_t key, size_t talk, struct fm_error *err)
{
	bool made;
	size_t at;
	int rc =
	    place_of(&m->rings, key, &(struct array){(void **)&m->ring, &m->nrings, &m->cap_rings, sizeof *m->ring},
		     &made, &at, err);
	if (rc < 0)
		return rc;
	struct ring *r = &m->ring[at];
	r->key = key;
	if (r->n == 0 || r->talk[(r->n - 1) % RING] != (uint32_t)talk)
		r->talk[r->n++ % RING] = (uint32_t)talk;
	return FM_OK;
}

static uint16_t server_port(const struct fm_return_flow *f)
{
	return f->sp == 0 || f->dp <= f->sp ? f->dp : f->sp;
}

static uint64_t talk_key(const struct fm_return_flow *f)
{
	return key_of((uint64_t)f->from << 32 | f->to, f->service, server_port(f));
}

static uint64_t reply_key(const struct fm_return_flow *f)
{
	return key_of((uint64_t)f->to << 32 | f->from, f->turned, server_port(f));
}

/* Rings: of the tail's sources by service and style; of open requests by service. */
static uint64_t tail_ring(const struct fm_return_flow *f)
{
	return key_of(1, (uint64_t)f->sides, (uint64_t)f->service << 4 | (uint64_t)f->style);
}

static uint64_t open_ring(uint32_t service, int sides)
{
	return key_of(2, (uint64_t)sides, service);
}

static int turned_sides(int sides)
{
	return (sides & ~0xff) | (sides & 15) << 4 | (sides >> 4 & 15);
}

static int memory_add(struct memory *m, const struct fm_return_flow *f, uint32_t window, bool open,
		      struct fm_error *err)
{
	uint64_t key = talk_key(f);
	bool made;
	size_t at;
	int rc =
	    place_of(&m->talks, key, &(struct array){(void **)&m->talk, &m->ntalks, &m->cap_talks, sizeof *m->talk},
		     &made, &at, err);
	if (rc < 0)
		return rc;
	struct talk *t = &m->talk[at];
	*t = (struct talk){.key = key,
			   .from = f->from,
			   .to = f->to,
			   .service = f->service,
			   .window = window,
			   .taken = t->taken,
			   .sp = f->sp,
			   .dp = f->dp,
			   .sides = f->sides,
			   .style = (uint8_t)f->style,
			   .open = open};
	if (!f->popular && (rc = ring_add(m, tail_ring(f), at, err)) < 0)
		return rc;
	return open ? ring_add(m, open_ring(f->service, f->sides), at, err) : FM_OK;
}

static int ago(uint32_t windows)
{
	int b = 0;
	while (b < FM_AGO - 1 && windows >> (b + 1) > 0)
		b++;
	return b;
}

/* ---- learning ---- */

/* The row for a flow, the most special first: by service and style, by service, for all. */
static uint32_t row_key(const struct fm_return_flow *f, int level)
{
	uint32_t popular = f->popular ? 1u << 31 : 0, destination_serves = f->sp == 0 || f->dp <= f->sp;
	return popular | (level == 0   ? f->service << 4 | (uint32_t)f->style
			  : level == 1 ? f->service << 4
				       : 0x7ffffffeu | destination_serves);
}

enum { LEVELS = 3 };

struct rows {
	struct fm_return_row *at;
	size_t n, cap;
	struct index index;
};

static int rows_count(struct rows *r, uint32_t key, int kind, int bin, struct fm_error *err)
{
	bool made;
	size_t at;
	int rc = place_of(&r->index, mixed(key + 1ull), &(struct array){(void **)&r->at, &r->n, &r->cap, sizeof *r->at},
			  &made, &at, err);
	if (rc < 0)
		return rc;
	r->at[at].key = key;
	r->at[at].flows++;
	if (kind < FM_NRETURNS)
		r->at[at].seen[kind][bin]++;
	return FM_OK;
}

/* The kind of a flow, and *window: that of the earlier flow. */
static int kind_of(struct memory *m, const struct fm_return_flow *f, uint32_t *window)
{
	struct talk *t = talk_find(m, reply_key(f));
	if (t && t->open && t->sp == f->dp && t->dp == f->sp) {
		t->open = false;
		*window = t->window;
		return FM_RETURN_REPLY;
	}
	if ((t = talk_find(m, talk_key(f)))) {
		*window = t->window;
		return t->sp == f->sp && t->dp == f->dp ? FM_RETURN_AGAIN : FM_RETURN_PAIR;
	}
	return FM_NRETURNS;
}

static struct fm_return_flow flow_of(const struct fm_profile_data *d, size_t row)
{
	const struct fm_table *t = d->t;
	int pr = d->pr ? d->pr[t->pr[row]] : 0;
	const struct fm_host *h = fm_hosts_find(d->hosts, t, t->sa[row]);
	return (struct fm_return_flow){.service = fm_service_of(d->ports, pr, t->sp[row], t->dp[row], false),
				       .turned = fm_service_of(d->ports, pr, t->dp[row], t->sp[row], false),
				       .style = fm_flow_style(t->pkt[row], t->byt[row]),
				       .popular = h && h->rank >= 0,
				       .from = t->sa[row],
				       .to = t->da[row],
				       .sp = t->sp[row],
				       .dp = t->dp[row]};
}

static int fit_window(struct rows *rows, struct memory *m, const struct fm_profile_data *d, size_t first, uint32_t now,
		      struct fm_error *err)
{
	struct fm_relations l;
	bool related[FM_WINDOW_MOST] = {false};
	int rc;
	fm_relations_find(d->t, first, d->window, d->text_order, &l);
	for (int i = 0; i < d->window; i++) {
		if (l.kind[i] == FM_RELATION_REPLY)
			related[i] = related[i - l.back[i]] = true;
	}
	for (int i = 0; i < d->window; i++) {
		struct fm_return_flow f = flow_of(d, first + l.row[i]);
		uint32_t then = now;
		bool seen = false;
		for (int k = 0; k < i && !seen && !f.popular; k++)
			seen = d->t->sa[first + l.row[k]] == f.from || d->t->da[first + l.row[k]] == f.from;
		if (l.kind[i] != FM_RELATION_NONE || seen)
			continue;
		int kind = kind_of(m, &f, &then);
		related[i] |= kind == FM_RETURN_REPLY;
		for (int level = 0; level < LEVELS; level++)
			if ((rc = rows_count(rows, row_key(&f, level), kind, ago(now - then), err)) < 0)
				return rc;
	}
	for (int i = 0; i < d->window; i++) {
		struct fm_return_flow f = flow_of(d, first + l.row[i]);
		if ((rc = memory_add(m, &f, now, !related[i], err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* Counts of fewer than k flows join the next power of two, and flows left at the end the last count that is kept;
 * without one they are dropped. Replies are scaled up, since they are missing where the request's window is not in the
 * split. */
static void guard(struct fm_return_row *row, double share, int min_count)
{
	for (int kind = 0; kind < FM_NRETURNS; kind++) {
		int64_t rest = 0;
		int last = -1;
		for (int b = 0; b < FM_AGO; b++) {
			rest += row->seen[kind][b];
			row->seen[kind][b] = 0;
			if (rest >= min_count) {
				row->seen[kind][last = b] = rest;
				rest = 0;
			}
		}
		if (last >= 0)
			row->seen[kind][last] += rest;
		for (int b = 0; b < FM_AGO && kind == FM_RETURN_REPLY; b++)
			row->seen[kind][b] = (int64_t)((double)row->seen[kind][b] / share);
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct fm_return_row *x = a, *y = b;
	return (x->key > y->key) - (x->key < y->key);
}

int fm_returns_fit(struct fm_returns *r, const struct fm_profile_data *d, double share, struct fm_error *err)
{
	struct memory m = {0};
	struct rows rows = {0};
	int rc = FM_OK;
	for (size_t w = 0; w < d->windows; w++) {
		uint32_t now = FM_HAS(d->t, FM_WIN) ? d->t->win[d->first[w]] : (uint32_t)w;
		if ((rc = fit_window(&rows, &m, d, d->first[w], now, err)) < 0)
			goto out;
	}
	if ((rc = fm_alloc(&r->at, rows.n + 1, sizeof *r->at, "returning hosts", err)) < 0)
		goto out;
	for (size_t i = 0; i < rows.n; i++)
		if (rows.at[i].flows >= 5 * d->min_count) { /* little would be left of fewer */
			guard(&rows.at[i], share, d->min_count);
			r->at[r->n++] = rows.at[i];
		}
	qsort(r->at, r->n, sizeof *r->at, compare_rows);
out:
	memory_free(&m);
	free(rows.at);
	free(rows.index.key);
	free(rows.index.place);
	return rc;
}

void fm_returns_free(struct fm_returns *r)
{
	free(r->at);
	memset(r, 0, sizeof *r);
}

/* ---- as a document ---- */

json_t *fm_returns_json(const struct fm_returns *r)
{
	json_t *a = json_array();
	for (size_t i = 0; i < r->n; i++) {
		json_t *seen = json_array();
		for (int k = 0; k < FM_NRETURNS * FM_AGO; k++)
			json_array_append_new(seen, json_integer(r->at[i].seen[k / FM_AGO][k % FM_AGO]));
		json_array_append_new(a,
				      json_pack("[I,I,o]", (json_int_t)r->at[i].key, (json_int_t)r->at[i].flows, seen));
	}
	return a;
}

int fm_returns_from_json(struct fm_returns *r, const json_t *j, struct fm_error *err)
{
	size_t n = json_array_size(j);
	int rc;
	if ((rc = fm_alloc(&r->at, n + 1, sizeof *r->at, "returning hosts", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		const json_t *e = json_array_get(j, i), *seen = json_array_get(e, 2);
		struct fm_return_row *row = &r->at[i];
		json_int_t key = json_integer_value(json_array_get(e, 0));
		row->flows = json_integer_value(json_array_get(e, 1));
		bool good = key >= 0 && key <= UINT32_MAX && (i == 0 || key > r->at[i - 1].key) && row->flows > 0 &&
			    row->flows < (int64_t)1 << 40 && json_array_size(seen) == FM_NRETURNS * FM_AGO;
		row->key = (uint32_t)key;
		for (size_t k = 0; good && k < FM_NRETURNS * FM_AGO; k++) {
			int64_t x = json_integer_value(json_array_get(seen, k));
			row->seen[k / FM_AGO][k % FM_AGO] = x;
			good = x >= 0 && x < (int64_t)1 << 40;
		}
		if (!good)
			return fm_fail(err, FM_EINPUT, "the model's codec is damaged: hosts that return");
		r->n++;
	}
	return FM_OK;
}

/* ---- recalling ---- */

struct fm_window_memory {
	const struct fm_returns *r;
	struct memory m;
	struct fm_rng rng;
	uint32_t now;
	double scale; /* windows made for one of the source */
};

int fm_window_memory_new(struct fm_window_memory **out, const struct fm_returns *r, uint64_t seed, double scale,
			 struct fm_error *err)
{
	struct fm_window_memory *m = NULL;
	int rc;
	if ((rc = fm_alloc(&m, 1, sizeof *m, "conversations", err)) < 0)
		return rc;
	m->r = r;
	m->now = 1;
	m->scale = scale;
	fm_rng_init(&m->rng, seed, FM_RNG_DECODE, UINT32_MAX - 4, 0);
	*out = m;
	return FM_OK;
}

void fm_window_memory_free(struct fm_window_memory *m)
{
	if (!m)
		return;
	memory_free(&m->m);
	free(m);
}

void fm_window_memory_next(struct fm_window_memory *m)
{
	m->now++;
}

static const struct fm_return_row *row_of(const struct fm_returns *r, uint32_t key)
{
	size_t lo = 0, hi = r->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->at[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->n && r->at[lo].key == key ? &r->at[lo] : NULL;
}

/* Draw which kind of earlier conversation a flow goes on with, and *bin, how long ago that was. */
static int draw_kind(struct fm_window_memory *m, const struct fm_return_flow *f, int *bin)
{
	const struct fm_return_row *row = NULL;
	for (int level = 0; level < LEVELS && !row; level++)
		row = row_of(m->r, row_key(f, level));
	if (!row)
		return FM_NRETURNS;
	int64_t at = (int64_t)(fm_rng_uniform53(&m->rng) * (double)row->flows);
	for (int k = 0; k < FM_NRETURNS * FM_AGO; k++) {
		if (at < row->seen[k / FM_AGO][k % FM_AGO]) {
			*bin = k % FM_AGO;
			return k / FM_AGO;
		}
		at -= row->seen[k / FM_AGO][k % FM_AGO];
	}
	return FM_NRETURNS;
}

/* How badly a conversation fits the flow; 100 and more: not at all. */
static int misfit(const struct fm_window_memory *m, const struct fm_return_flow *f, const struct talk *t, int kind,
		  int bin)
{
	int apart = ago((uint32_t)((double)(m->now - t->window) / m->scale)) - bin;
	if (t->taken == m->now || apart < -1 || apart > 1)
		return 100;
	apart = apart < 0 ? -apart : apart;
	if (kind == FM_RETURN_REPLY)
		return t->open ? 2 * apart + (f->from != UINT32_MAX && t->to != f->from) : 100;
	return 2 * apart + (f->to != UINT32_MAX && t->to != f->to);
}

bool fm_window_memory_recall(struct fm_window_memory *m, struct fm_return_flow *f,
			     bool (*alive)(void *ctx, uint32_t host), void *ctx)
{
	int bin = 0, kind = draw_kind(m, f, &bin), least = 100;
	struct talk *best = NULL;
	if (kind == FM_NRETURNS || (kind != FM_RETURN_REPLY && f->popular))
		return false;
	const struct ring *r =
	    ring_find(&m->m, kind == FM_RETURN_REPLY ? open_ring(f->turned, turned_sides(f->sides)) : tail_ring(f));
	for (uint32_t i = 0; r && i < r->n && i < RING && least > 0; i++) {
		struct talk *t = &m->m.talk[r->talk[(r->n - 1 - i) % RING]];
		int cost = misfit(m, f, t, kind, bin);
		if (cost < least && alive(ctx, t->from) && alive(ctx, t->to)) {
			least = cost;
			best = t;
		}
	}
	if (!best)
		return false;
	best->taken = m->now;
	f->reply = kind == FM_RETURN_REPLY;
	f->from = f->reply ? best->to : best->from;
	f->to = f->reply ? best->from : best->to;
	bool serves = best->sp != 0 && best->dp > best->sp; /* the server is its source */
	if (f->reply) {
		best->open = false;
		f->sp = best->dp;
		f->dp = best->sp;
		return true;
	}
	if (kind == FM_RETURN_AGAIN || serves)
		f->sp = best->sp;
	if (kind == FM_RETURN_AGAIN || !serves)
		f->dp = best->dp;
	return true;
}

int fm_window_memory_add(struct fm_window_memory *m, const struct fm_return_flow *f, bool open, struct fm_error *err)
{
	return memory_add(&m->m, f, m->now, open, err);
}
