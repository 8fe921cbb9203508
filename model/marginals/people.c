#include "model/marginals/people.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"

/* The persons of a side: no more than its ranges have addresses.  Noise may ask for more hosts than that: then several
 * share a person, in turn. */
struct side {
	uint64_t room;
	uint32_t *person; /* (n) */
	uint32_t n, cap, turn;
};

struct making {
	struct fm_people *p;
	const struct fm_domains *d;
	const struct fm_synth *s;
	const struct fm_people_in *in;
	struct side side[2]; /* outside, inside */
	uint32_t cap;        /* capacity of p->inside */
	uint32_t *person[2]; /* the persons of the hosts above the noise, in each role */
	uint32_t *pool;      /* inside persons of the tail, npool of them */
	uint32_t npool, pool_cap;
	double pooled[FM_TAIL_BOUNDS]; /* sums over services, for services of which nothing is known */
};

static bool is_within(const struct fm_range *a, const struct fm_range *b)
{
	return b->bits <= a->bits && (b->bits == 0 || (uint32_t)(a->base ^ b->base) >> (32 - b->bits) == 0);
}

/* The number of distinct addresses in the ranges: two ranges are disjoint, or one is in the other. */
static uint64_t room_of(const struct fm_range *r, int n)
{
	uint64_t room = 0;

	for (int i = 0; i < n; i++) {
		bool known = false;

		/* Of several equal ranges the first counts. */
		for (int k = 0; k < n && !known; k++)
			known = k != i && is_within(&r[i], &r[k]) && (k < i || r[k].bits < r[i].bits);
		room += known ? 0 : (uint64_t)1 << (32 - r[i].bits);
	}
	return room;
}

static int side_add(struct side *s, uint32_t person, struct fm_error *err)
{
	if (s->n == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 1024;
		uint32_t *more = reallocarray(s->person, cap, sizeof *more);

		if (more == NULL)
			return fm_fail(err, FM_ESYSTEM, "out of memory: %u hosts", cap);
		s->person = more;
		s->cap = cap;
	}
	s->person[s->n++] = person;
	return FM_OK;
}

/* A new person of a side, or one that it has where it is full. */
static int person_new(struct making *m, int inside, uint32_t *person, struct fm_error *err)
{
	struct side *s = &m->side[inside];
	int rc;

	if (s->n > 0 && s->n >= s->room) {
		*person = s->person[s->turn++ % s->n];
		return FM_OK;
	}
	if ((rc = side_add(s, m->p->n, err)) < 0)
		return rc;
	if (m->p->n == m->cap) {
		uint32_t cap = m->cap ? 2 * m->cap : 4096;
		uint8_t *more = realloc(m->p->inside, cap);

		if (more == NULL)
			return fm_fail(err, FM_ESYSTEM, "out of memory: %u hosts", cap);
		m->p->inside = more;
		m->cap = cap;
	}
	m->p->inside[m->p->n] = (uint8_t)inside;
	*person = m->p->n++;
	return FM_OK;
}

/* Hosts above the noise: one person where an address is in both lists. */
static int above_make(struct making *m, struct fm_error *err)
{
	const struct fm_hosts_above *a = &m->d->hosts[0], *b = &m->d->hosts[1];
	int rc = FM_OK;

	for (int r = 0; r < 2; r++)
		if ((rc = fm_alloc(&m->person[r], (size_t)m->d->hosts[r].n + 1, sizeof **m->person, "hosts", err)) < 0)
			return rc;
	for (int i = 0; i < a->n; i++)
		if ((rc = person_new(m, a->inside[i], &m->person[0][i], err)) < 0)
			return rc;
	for (int i = 0; i < b->n; i++) {
		if (b->same[i] >= 0)
			m->person[1][i] = m->person[0][b->same[i]];
		else if ((rc = person_new(m, b->inside[i], &m->person[1][i], err)) < 0)
			return rc;
	}
	return rc;
}

/* Assign the records of hosts above the noise. */
static int above_deal(struct making *m, int role, struct fm_error *err)
{
	const struct fm_hosts_above *h = &m->d->hosts[role];
	const uint16_t *tok = m->s->tok[role ? FM_A_CLIENT : FM_A_SERVER];
	double *cum = NULL;
	uint32_t *first = NULL, *member = NULL;
	int rc;

	if ((rc = fm_alloc(&cum, (size_t)h->n + 1, sizeof *cum, "hosts", err)) < 0 ||
	    (rc = fm_alloc(&first, (size_t)h->ntokens + 2, sizeof *first, "hosts", err)) < 0 ||
	    (rc = fm_alloc(&member, (size_t)h->n + 1, sizeof *member, "hosts", err)) < 0)
		goto out;
	for (int i = 0; i < h->n; i++)
		first[h->token[i] + 1]++;
	for (int k = 0; k < h->ntokens; k++)
		first[k + 1] += first[k];
	for (int i = h->n; i-- > 0;)
		member[--first[h->token[i] + 1]] = (uint32_t)i;
	memmove(first, first + 1, (size_t)h->ntokens * sizeof *first);
	first[h->ntokens] = (uint32_t)h->n;
	for (int k = 0; k < h->ntokens; k++)
		for (uint32_t j = first[k]; j < first[k + 1]; j++)
			cum[j] = (j > first[k] ? cum[j - 1] : 0) + h->count[member[j]];
	for (size_t i = 0; i < m->s->n; i++) {
		uint32_t lo = first[tok[i]], hi = first[tok[i] + 1];
		struct fm_rng rng;
		double want;

		m->p->host[role][i] = UINT32_MAX;
		if (lo == hi)
			continue; /* the tail */
		fm_rng_init(&rng, m->in->seed, FM_RNG_DECODE, i, 1000u + (uint32_t)role);
		want = fm_rng_uniform53(&rng) * cum[hi - 1];
		while (lo + 1 < hi && cum[lo] <= want)
			lo++;
		m->p->host[role][i] = m->person[role][member[lo]];
	}
out:
	free(cum);
	free(first);
	free(member);
	return rc;
}

/* The number of records of the h-th host of a service, by its tail. */
static double tail_size(const double *tail, double scale, double h, struct fm_rng *rng)
{
	int k = 0;
	double lo, hi;

	while (k + 1 < FM_TAIL_BOUNDS && h < tail[k + 1] * scale)
		k++;
	lo = fm_tail_at[k];
	hi = k + 1 < FM_TAIL_BOUNDS ? fm_tail_at[k + 1] : 1.3 * lo;
	return (double)(int64_t)(lo + fm_rng_uniform53(rng) * (hi - lo));
}

/* Assign the records list[0..n) of one service and side, in order of time. */
static int tail_deal(struct making *m, int role, uint16_t service, int inside, const uint64_t *list, size_t n,
		     struct fm_error *err)
{
	const double *tail = &m->d->tail[role][(size_t)service * FM_TAIL_BOUNDS];
	double scale = m->in->scale, *size = NULL, sum = 0;
	double want;
	uint32_t *order = NULL, hosts, chance = 0;
	struct fm_rng rng;
	size_t at = 0;
	int rc;

	if (tail[0] < 1) { /* nothing stands above the noise: use the sum over services */
		double records = 0;

		tail = m->pooled;
		for (int k = 0; k < FM_TAIL_BOUNDS; k++)
			records += tail[k] * (fm_tail_at[k] - (k ? fm_tail_at[k - 1] : 0));
		scale = records > 0 ? (double)n / records : 1;
	}
	want = tail[0] * scale + 0.5; /* huge where a large table is made from next to no counts */
	hosts = want < 1.5 ? 1 : want < (double)n ? (uint32_t)want : (uint32_t)n;
	fm_rng_init(&rng, m->in->seed, FM_RNG_DECODE, service, 2000u + (uint32_t)(role * 2 + inside));
	if ((rc = fm_alloc(&size, hosts, sizeof *size, "the tail", err)) < 0 ||
	    (rc = fm_alloc(&order, hosts, sizeof *order, "the tail", err)) < 0)
		goto out;
	for (uint32_t h = 0; h < hosts; h++) {
		size[h] = tail_size(tail, scale, h, &rng);
		sum += size[h];
		order[h] = h;
	}
	/* Scale what hosts have beyond one record, so that the total is the number of records. */
	for (uint32_t h = 0; h < hosts; h++) {
		double more = sum > hosts ? (size[h] - 1) * ((double)n - hosts) / (sum - hosts) : 0;

		size[h] = 1 + (double)(int64_t)(more + fm_rng_uniform53(&rng));
	}
	fm_rng_shuffle(&rng, order, hosts);
	while (inside && m->npool < hosts) {
		if (m->npool == m->pool_cap) {
			uint32_t cap = m->pool_cap ? 2 * m->pool_cap : 1024;
			uint32_t *more = realloc(m->pool, cap * sizeof *more);

			if (more == NULL) {
				rc = fm_fail(err, FM_ESYSTEM, "out of memory: %u hosts", cap);
				goto out;
			}
			m->pool = more;
			m->pool_cap = cap;
		}
		if ((rc = person_new(m, 1, &m->pool[m->npool], err)) < 0)
			goto out;
		m->npool++;
	}
	for (uint32_t j = 0; at < n; j++) {
		uint32_t person, h = order[j < hosts ? j : (chance = fm_rng_below(&rng, hosts))];
		size_t end = j < hosts ? at + (size_t)size[h] : at + 1;

		if (inside)
			person = m->pool[h];
		else if (j < hosts) {
			if ((rc = person_new(m, 0, &person, err)) < 0)
				goto out;
			order[j] = person; /* from here on order[] names persons */
		} else {
			person = order[chance];
		}
		for (; at < end && at < n; at++)
			m->p->host[role][(uint32_t)list[at]] = person;
	}
out:
	free(size);
	free(order);
	return rc;
}

static int tails_deal(struct making *m, int role, struct fm_error *err)
{
	const struct fm_synth *s = m->s;
	uint64_t *list = NULL;
	size_t n = 0;
	int rc;

	memset(m->pooled, 0, sizeof m->pooled);
	for (size_t k = 0; k < (size_t)m->d->nservices * FM_TAIL_BOUNDS; k++)
		m->pooled[k % FM_TAIL_BOUNDS] += m->d->tail[role][k];
	if ((rc = fm_alloc(&list, s->n + 1, sizeof *list, "the tail", err)) < 0)
		return rc;
	/* service, side, time, record */
	for (size_t i = 0; i < s->n; i++)
		if (m->p->host[role][i] == UINT32_MAX)
			list[n++] = (uint64_t)m->d->service[s->tok[FM_A_KIND][i]] << 48 |
				    (uint64_t)m->in->side[role][i] << 47 | (uint64_t)s->tok[FM_A_TIME][i] << 32 | i;
	qsort(list, n, sizeof *list, fm_compare_u64);
	for (size_t i = 0, j; i < n; i = j) {
		int side = (int)(list[i] >> 47 & 1);

		for (j = i + 1; j < n && list[j] >> 47 == list[i] >> 47;)
			j++;
		if ((rc = tail_deal(m, role, (uint16_t)(list[i] >> 48), side, list + i, j - i, err)) < 0)
			goto out;
	}
out:
	free(list);
	return rc;
}

/* A side without ranges shares those of the other side; each then has half of the addresses. */
static void sides_make(struct making *m)
{
	const struct fm_people_in *in = m->in;
	uint64_t outside = room_of(in->outside, in->noutside), inside = room_of(in->inside, in->ninside);

	m->side[0].room = in->noutside > 0 && in->ninside > 0 ? outside : (outside + inside) / 2;
	m->side[1].room = in->noutside > 0 && in->ninside > 0 ? inside : (outside + inside) / 2;
}

/* Distinct addresses in the ranges, drawn until one is free. */
static int addresses_make(struct making *m, struct fm_error *err)
{
	struct fm_people *p = m->p;
	size_t nslots = 1024;
	uint64_t *slot = NULL;
	int rc;

	while (nslots < 4 * (size_t)p->n)
		nslots *= 2;
	if ((rc = fm_alloc(&p->address, p->n + 1, sizeof *p->address, "addresses", err)) < 0 ||
	    (rc = fm_alloc(&slot, nslots, sizeof *slot, "addresses", err)) < 0)
		goto out;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct fm_range *range = p->inside[i] ? m->in->inside : m->in->outside;
		int n = p->inside[i] ? m->in->ninside : m->in->noutside;
		uint64_t tries = 0, most;
		struct fm_rng rng;
		size_t at;

		if (n == 0) { /* a side without ranges: all of them */
			range = p->inside[i] ? m->in->outside : m->in->inside;
			n = p->inside[i] ? m->in->noutside : m->in->ninside;
		}
		/* Where only one address is left, in the largest of n ranges, it is drawn about 40 times in this many
		 * tries. */
		most = 100000 + 40 * (uint64_t)n * m->side[p->inside[i]].room;
		fm_rng_init(&rng, m->in->seed, FM_RNG_DECODE, i, 3000);
		do {
			uint32_t k = fm_rng_below(&rng, (uint32_t)n), bits = (uint32_t)range[k].bits;
			uint32_t mask = bits == 0 ? UINT32_MAX : bits >= 32 ? 0 : UINT32_MAX >> bits;

			p->address[i] = ((uint32_t)range[k].base & ~mask) | (fm_rng_u32(&rng) & mask);
			at = ((uint64_t)p->address[i] * 0x9e3779b97f4a7c15u >> 32) & (nslots - 1);
			while (slot[at] && slot[at] != (uint64_t)p->address[i] + 1)
				at = (at + 1) & (nslots - 1);
			if (++tries > most) {
				rc = fm_fail(err, FM_EINPUT,
					     "the ranges of addresses are too small for the hosts: widen them");
				goto out;
			}
		} while (slot[at]);
		slot[at] = (uint64_t)p->address[i] + 1;
	}
out:
	free(slot);
	return rc;
}

int fm_people_make(struct fm_people *p, const struct fm_domains *d, const struct fm_synth *s,
		   const struct fm_people_in *in, struct fm_error *err)
{
	struct making m = {.p = p, .d = d, .s = s, .in = in};
	uint32_t other;
	int rc = FM_OK;

	memset(p, 0, sizeof *p);
	for (int r = 0; r < 2; r++)
		if ((rc = fm_alloc(&p->host[r], s->n + 1, sizeof **p->host, "hosts of records", err)) < 0)
			goto out;
	sides_make(&m);
	if ((rc = above_make(&m, err)) < 0)
		goto out;
	for (int r = 0; r < 2; r++)
		if ((rc = above_deal(&m, r, err)) < 0 || (rc = tails_deal(&m, r, err)) < 0)
			goto out;
	/* No host talks to itself: where there is only one host, add another. */
	if (p->n == 1 && (rc = person_new(&m, !p->inside[0], &other, err)) < 0)
		goto out;
	rc = addresses_make(&m, err);
out:
	for (int i = 0; i < 2; i++)
		free(m.side[i].person);
	free(m.person[0]);
	free(m.person[1]);
	free(m.pool);
	if (rc < 0)
		fm_people_free(p);
	return rc;
}

void fm_people_free(struct fm_people *p)
{
	free(p->host[0]);
	free(p->host[1]);
	free(p->inside);
	free(p->address);
	memset(p, 0, sizeof *p);
}
