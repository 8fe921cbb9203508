/* kept_ports.c - source ports of clients, from window to window. */
#include "model/codec/kept_ports.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/codec/relations.h"

enum { STREAKS = 2 * FM_STREAK + 1 };

bool fm_client_service(const struct fm_num *ports, uint32_t service)
{
	return service / ((uint32_t)fm_num_tokens(ports) + 1) & 1;
}

/* ---- the last flow of each source and service ---- */

struct last {
	uint64_t key; /* source and service, + 1; 0: none */
	uint32_t window;
	uint16_t sp;
	int8_t streak; /* > 0: so many flows in a row kept the port; < 0: so many did not */
};
struct hosts {
	struct last *at;
	size_t slots, n;
};

static uint64_t key_of(const struct fm_client_flow *f)
{
	return ((uint64_t)f->from << 32 | f->service) + 1;
}

static struct last *slot_of(const struct hosts *h, uint64_t key)
{
	size_t s = (size_t)(key * 0x9e3779b97f4a7c15ull >> 20) & (h->slots - 1);

	while (h->at[s].key != 0 && h->at[s].key != key)
		s = (s + 1) & (h->slots - 1);
	return &h->at[s];
}

static struct last *find(const struct hosts *h, const struct fm_client_flow *f)
{
	struct last *l = h->slots > 0 ? slot_of(h, key_of(f)) : NULL;

	return l && l->key != 0 ? l : NULL;
}

static int hosts_add(struct hosts *h, const struct fm_client_flow *f, struct fm_error *err)
{
	struct hosts more = {.slots = h->slots ? 2 * h->slots : 4096, .n = h->n};
	int rc;

	if (2 * (h->n + 1) > h->slots) {
		if ((rc = fm_alloc(&more.at, more.slots, sizeof *more.at, "ports of clients", err)) < 0)
			return rc;
		for (size_t s = 0; s < h->slots; s++)
			if (h->at[s].key != 0)
				*slot_of(&more, h->at[s].key) = h->at[s];
		free(h->at);
		*h = more;
	}
	struct last *l = slot_of(h, key_of(f));
	if (l->key == 0) {
		h->n++;
		*l = (struct last){.key = key_of(f)};
	} else if (l->sp == f->sp) {
		l->streak = (int8_t)(l->streak < 0 ? 1 : l->streak < FM_STREAK ? l->streak + 1 : FM_STREAK);
	} else {
		l->streak = (int8_t)(l->streak > 0 ? -1 : l->streak > -FM_STREAK ? l->streak - 1 : -FM_STREAK);
	}
	l->sp = f->sp;
	l->window = f->window;
	return FM_OK;
}

/* The key of the row of a service (ALL: of all services) and a streak. */
static uint32_t row_key(uint32_t service, int streak)
{
	return service * STREAKS + (uint32_t)(streak + FM_STREAK);
}

#define ALL ((uint32_t)1 << 28)

/* ---- learning ---- */

static int compare(const void *a, const void *b)
{
	const struct fm_flow_share *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* Add up the rows of one key, and keep those that say something. */
static void add_up(struct fm_flow_shares *p, int64_t k)
{
	size_t n = 0;

	qsort(p->at, p->n, sizeof *p->at, compare);
	for (size_t i = 0, to; i < p->n; i = to) {
		struct fm_flow_share row = p->at[i];
		for (to = i + 1; to < p->n && p->at[to].key == row.key; to++) {
			row.flows += p->at[to].flows;
			row.of += p->at[to].of;
		}
		int64_t fewer = row.of < row.flows - row.of ? row.of : row.flows - row.of;
		if (fewer < k && row.flows >= 5 * k)
			row.of = row.of == fewer ? 0 : row.flows;
		if (fewer >= k || row.flows >= 5 * k)
			p->at[n++] = row;
	}
	p->n = n;
}

static int fit_window(struct fm_flow_shares *p, struct hosts *h, const struct fm_profile_data *d, size_t w,
		      struct fm_error *err)
{
	const struct fm_table *t = d->t;
	struct fm_relations l;
	int rc;

	fm_relations_find(t, d->first[w], d->window, d->text_order, &l);
	for (int i = 0; i < d->window; i++) {
		size_t r = d->first[w] + l.row[i];
		int pr = d->pr ? d->pr[t->pr[r]] : 0;
		struct fm_client_flow f = {.from = t->sa[r],
					   .service = fm_service_of(d->ports, pr, t->sp[r], t->dp[r], false),
					   .window = (uint32_t)w,
					   .sp = t->sp[r]};
		if (!fm_client_service(d->ports, f.service) || f.sp == 0)
			continue;
		const struct last *last = find(h, &f);
		if (last && last->window != f.window && l.kind[i] == FM_RELATION_NONE) {
			p->at[p->n++] = (struct fm_flow_share){row_key(f.service, last->streak), 1, last->sp == f.sp};
			p->at[p->n++] = (struct fm_flow_share){row_key(ALL, last->streak), 1, last->sp == f.sp};
		}
		if ((rc = hosts_add(h, &f, err)) < 0)
			return rc;
	}
	return FM_OK;
}

int fm_kept_ports_fit(struct fm_flow_shares *p, const struct fm_profile_data *d, struct fm_error *err)
{
	struct hosts h = {0};
	int rc;

	*p = (struct fm_flow_shares){0};
	if ((rc = fm_alloc(&p->at, 2 * d->windows * (size_t)d->window + 1, sizeof *p->at, "ports of clients", err)) < 0)
		goto out;
	for (size_t w = 0; w < d->windows; w++)
		if ((rc = fit_window(p, &h, d, w, err)) < 0)
			goto out;
	add_up(p, d->min_count > 1 ? d->min_count : 1);
out:
	free(h.at);
	return rc;
}

/* ---- keeping ---- */

struct fm_port_memory {
	const struct fm_flow_shares *p;
	struct hosts hosts;
	int64_t *flows, *kept; /* (rows): flows asked for, and those that had the last port already */
	struct fm_rng rng;
};

int fm_port_memory_new(struct fm_port_memory **out, const struct fm_flow_shares *p, uint64_t seed, struct fm_error *err)
{
	struct fm_port_memory *m;
	int rc;

	if ((rc = fm_alloc(&m, 1, sizeof *m, "ports of clients", err)) < 0)
		return rc;
	m->p = p;
	fm_rng_init(&m->rng, seed, FM_RNG_DECODE, UINT32_MAX - 7, 0);
	if ((rc = fm_alloc(&m->flows, p->n + 1, sizeof *m->flows, "ports of clients", err)) < 0 ||
	    (rc = fm_alloc(&m->kept, p->n + 1, sizeof *m->kept, "ports of clients", err)) < 0) {
		fm_port_memory_free(m);
		return rc;
	}
	*out = m;
	return FM_OK;
}

void fm_port_memory_free(struct fm_port_memory *m)
{
	if (!m)
		return;
	free(m->hosts.at);
	free(m->flows);
	free(m->kept);
	free(m);
}

uint16_t fm_port_memory_ask(struct fm_port_memory *m, const struct fm_client_flow *f)
{
	const struct last *last = f->sp == 0 ? NULL : find(&m->hosts, f);
	double u = fm_rng_uniform53(&m->rng), has, wanted;

	if (!last || last->window == f->window)
		return f->sp;
	size_t row = fm_flow_shares_find(m->p, row_key(f->service, last->streak));
	if (row == m->p->n)
		row = fm_flow_shares_find(m->p, row_key(ALL, last->streak));
	if (row == m->p->n)
		return f->sp;
	m->flows[row]++;
	m->kept[row] += last->sp == f->sp;
	has = (double)m->kept[row] / (double)m->flows[row];
	wanted = (double)m->p->at[row].of / (double)m->p->at[row].flows;
	return wanted > has && u * (1 - has) < wanted - has ? last->sp : f->sp;
}

int fm_port_memory_add(struct fm_port_memory *m, const struct fm_client_flow *f, struct fm_error *err)
{
	return f->sp == 0 ? FM_OK : hosts_add(&m->hosts, f, err);
}
