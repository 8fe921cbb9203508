/* host_profiles.c - learning what popular hosts do, and holding them to it. */
#include "model/codec/host_profiles.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/codec/relations.h"
#include "model/codec/tokens.h"

/* Keys: 30 bits of service, 16 of a host. */
static uint64_t use_key(int role, uint32_t service, uint32_t host)
{
	return (uint64_t)role << 62 | (uint64_t)service << 16 | host;
}

static uint64_t talk_key(uint32_t service, uint32_t from, uint32_t to)
{
	return (uint64_t)service << 32 | (uint64_t)from << 16 | to;
}

uint64_t fm_silent_key(uint32_t host)
{
	return (uint64_t)UINT32_MAX << 16 | host;
}

/* A service is (way, port); way is 4 protocols + 2 answered + 1 when the destination is the server. */
static uint32_t ports_of(const struct fm_num *ports)
{
	return (uint32_t)fm_num_tokens(ports) + 1;
}

uint32_t fm_service_of(const struct fm_num *ports, int pr, uint16_t sp, uint16_t dp, bool answered)
{
	bool server_is_destination = sp == 0 || dp <= sp;
	uint16_t port = server_is_destination ? dp : sp;
	double u;
	uint32_t token = (uint32_t)fm_num_encode(ports, port, 0.5, &u);
	if (token >= (uint32_t)ports->natoms && port >= 1024)
		token = ports_of(ports) - 1;
	return ((uint32_t)pr * 4 + 2 * answered + server_is_destination) * ports_of(ports) + token;
}

/* The service whether answered or not. */
static uint32_t plain(uint32_t service, uint32_t ports)
{
	return service - (service / ports & 2) * ports;
}

uint32_t fm_plain_service(const struct fm_num *ports, uint32_t service)
{
	return plain(service, ports_of(ports));
}

static bool is_answered(uint32_t service, uint32_t ports)
{
	return service / ports & 2;
}

static uint32_t answered(uint32_t service, uint32_t ports)
{
	return plain(service, ports) + 2 * ports;
}

uint32_t fm_trade_of(const struct fm_num *ports, uint32_t service, int role)
{
	uint32_t n = ports_of(ports), way = service / n;
	bool serves = (way & 1) == (uint32_t)role;
	return serves ? ((way & ~3u) | 1) * n + service % n : (way & ~1u) * n + service % n;
}

/* ---- learning ---- */

struct sighting {
	uint64_t key;
	bool event; /* its host is drawn, not copied */
	bool first; /* among the rest: the first one of its host */
};
struct sightings {
	struct sighting *at;
	size_t n;
};

static int compare_sightings(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;
	return (x->key > y->key) - (x->key < y->key);
}

/* Keep the keys that have min_count sightings; those of the other keys are added to `rest` by role and service, unless
 * it is NULL. */
static int tally(struct sightings *s, int min_count, struct fm_profile_list *list, struct sightings *rest,
		 struct fm_error *err)
{
	int rc;
	qsort(s->at, s->n, sizeof *s->at, compare_sightings);
	if ((rc = fm_alloc(&list->at, s->n / (size_t)min_count + 1, sizeof *list->at, "host profiles", err)) < 0)
		return rc;
	for (size_t i = 0, j; i < s->n; i = j) {
		uint32_t events = 0, distinct = 0;
		for (j = i; j < s->n && s->at[j].key == s->at[i].key; j++) {
			events += s->at[j].event;
			distinct += s->at[j].first;
		}
		if (j - i >= (size_t)min_count)
			list->at[list->n++] = (struct fm_profile){s->at[i].key, events, distinct};
		for (size_t k = i; rest && j - i < (size_t)min_count && k < j; k++)
			rest->at[rest->n++] = (struct sighting){s->at[k].key >> 16, s->at[k].event, k == i};
	}
	return FM_OK;
}

static uint32_t rank_of(const struct fm_hosts *hosts, const struct fm_table *t, uint32_t code)
{
	const struct fm_host *h = fm_hosts_find(hosts, t, code);
	return h && h->rank >= 0 ? (uint32_t)h->rank : UINT32_MAX;
}

/* What a flow of a window shows of its hosts. kind: how it is related to an earlier one. */
static void see(struct sightings *uses, struct sightings *talks, const struct fm_profile_data *d, size_t row, int kind,
		uint32_t service)
{
	uint32_t from = rank_of(d->hosts, d->t, d->t->sa[row]), to = rank_of(d->hosts, d->t, d->t->da[row]);
	bool drawn = fm_relation_source(kind, FM_T_DA) < 0;
	if (from != UINT32_MAX)
		uses->at[uses->n++] = (struct sighting){use_key(0, service, from), drawn, false};
	if (to != UINT32_MAX)
		uses->at[uses->n++] = (struct sighting){use_key(1, service, to), drawn, false};
	if (from != UINT32_MAX && to != UINT32_MAX)
		talks->at[talks->n++] =
		    (struct sighting){talk_key(plain(service, ports_of(d->ports)), from, to), drawn, false};
}

/* Counts the events of hosts of the tail, and those in which a host takes up another trade in its window. */
struct mixing {
	uint64_t key[2 * FM_WINDOW_MOST]; /* of this window: address code and trade */
	int n;
	size_t seen, mixed;
};

static void mix(struct mixing *m, uint32_t code, uint32_t trade, bool drawn)
{
	uint64_t key = (uint64_t)code << 32 | trade;
	bool met = false, same = false;
	for (int i = 0; i < m->n; i++) {
		met |= m->key[i] >> 32 == code;
		same |= m->key[i] == key;
	}
	if (!same && m->n < 2 * FM_WINDOW_MOST)
		m->key[m->n++] = key;
	m->seen += drawn;
	m->mixed += met && drawn && !same;
}

/* The flows of a window. */
static void see_window(struct sightings *uses, struct sightings *talks, struct mixing *m,
		       const struct fm_profile_data *d, size_t first)
{
	const struct fm_table *t = d->t;
	struct fm_relations l;
	bool answered_here[FM_WINDOW_MOST] = {false};
	fm_relations_find(t, first, d->window, d->text_order, &l);
	for (int i = 0; i < d->window; i++)
		answered_here[i - l.back[i]] |= l.kind[i] == FM_RELATION_REPLY;
	m->n = 0;
	for (int i = 0; i < d->window; i++) {
		size_t row = first + l.row[i];
		uint32_t service =
		    fm_service_of(d->ports, d->pr ? d->pr[t->pr[row]] : 0, t->sp[row], t->dp[row], answered_here[i]);
		see(uses, talks, d, row, l.kind[i], service);
		if (rank_of(d->hosts, t, t->sa[row]) == UINT32_MAX)
			mix(m, t->sa[row], fm_trade_of(d->ports, service, 0), l.kind[i] == FM_RELATION_NONE);
		if (rank_of(d->hosts, t, t->da[row]) == UINT32_MAX)
			mix(m, t->da[row], fm_trade_of(d->ports, service, 1),
			    fm_relation_source(l.kind[i], FM_T_DA) < 0);
	}
}

int fm_profiles_fit(struct fm_profiles *p, const struct fm_profile_data *d, struct fm_error *err)
{
	size_t flows = d->windows * (size_t)d->window;
	struct sightings uses = {0}, talks = {0}, rest = {0};
	struct mixing *m = NULL;
	int rc;
	if ((rc = fm_alloc(&uses.at, 2 * flows + 1, sizeof *uses.at, "host profiles", err)) < 0 ||
	    (rc = fm_alloc(&rest.at, 2 * flows + 1, sizeof *rest.at, "host profiles", err)) < 0 ||
	    (rc = fm_alloc(&talks.at, flows + 1, sizeof *talks.at, "host profiles", err)) < 0 ||
	    (rc = fm_alloc(&m, 1, sizeof *m, "host profiles", err)) < 0)
		goto out;
	for (size_t w = 0; w < d->windows; w++)
		see_window(&uses, &talks, m, d, d->first[w]);
	p->mixed = m->seen >= (size_t)d->min_count ? (double)m->mixed / (double)m->seen : 1;
	if ((rc = tally(&uses, d->min_count, &p->uses, &rest, err)) < 0 ||
	    (rc = tally(&talks, d->min_count, &p->talks, NULL, err)) < 0)
		goto out;
	rc = tally(&rest, d->min_count, &p->rests, NULL, err);
out:
	free(uses.at);
	free(talks.at);
	free(rest.at);
	free(m);
	return rc;
}

void fm_profiles_free(struct fm_profiles *p)
{
	free(p->uses.at);
	free(p->talks.at);
	free(p->rests.at);
	free(p->reaches.at);
	memset(p, 0, sizeof *p);
}

/* ---- as a document ---- */

static json_t *list_json(const struct fm_profile_list *l)
{
	json_t *a = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(a, json_pack("[I,I,I]", (json_int_t)l->at[i].key, (json_int_t)l->at[i].events,
						   (json_int_t)l->at[i].hosts));
	return a;
}

json_t *fm_profiles_json(const struct fm_profiles *p)
{
	json_t *brief = json_array();
	for (int i = 0; i < FM_SCAN_SIZES; i++)
		json_array_append_new(brief, json_real(p->brief[i]));
	return json_pack("{s:f, s:o, s:o, s:o, s:o, s:o}", "mixed", p->mixed, "brief", brief, "uses",
			 list_json(&p->uses), "talks", list_json(&p->talks), "rests", list_json(&p->rests), "reaches",
			 list_json(&p->reaches));
}

static int list_read(struct fm_profile_list *l, const json_t *a, struct fm_error *err)
{
	size_t n = json_array_size(a);
	int rc;
	if ((rc = fm_alloc(&l->at, n + 1, sizeof *l->at, "host profiles", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		const json_t *e = json_array_get(a, i);
		json_int_t key = json_integer_value(json_array_get(e, 0)),
			   events = json_integer_value(json_array_get(e, 1)),
			   hosts = json_integer_value(json_array_get(e, 2));
		if (json_array_size(e) != 3 || hosts < 0 || hosts > UINT32_MAX || key < 0 ||
		    (i > 0 && (uint64_t)key <= l->at[i - 1].key) || events < 0 || events > UINT32_MAX)
			return fm_fail(err, FM_EINPUT, "the model's codec is damaged: a profile of a host");
		l->at[l->n++] = (struct fm_profile){(uint64_t)key, (uint32_t)events, (uint32_t)hosts};
	}
	return FM_OK;
}

int fm_profiles_from_json(struct fm_profiles *p, const json_t *j, int nhosts, struct fm_error *err)
{
	const json_t *brief = json_object_get(j, "brief");
	bool known = json_array_size(brief) == FM_SCAN_SIZES; /* 0 of what is no list */
	int rc;
	p->mixed = json_number_value(json_object_get(j, "mixed"));
	for (size_t i = 0; i < FM_SCAN_SIZES; i++) {
		known &= json_is_number(json_array_get(brief, i));
		p->brief[i] = json_number_value(json_array_get(brief, i));
	}
	if (!known)
		return fm_fail(err, FM_EINPUT, "the model's codec is damaged: its shares of brief scans");
	if ((rc = list_read(&p->uses, json_object_get(j, "uses"), err)) < 0 ||
	    (rc = list_read(&p->talks, json_object_get(j, "talks"), err)) < 0 ||
	    (rc = list_read(&p->rests, json_object_get(j, "rests"), err)) < 0 ||
	    (rc = list_read(&p->reaches, json_object_get(j, "reaches"), err)) < 0)
		return rc;
	for (size_t i = 0; i < p->uses.n; i++)
		known &= (p->uses.at[i].key & 0xffff) < (uint64_t)nhosts;
	for (size_t i = 0; i < p->reaches.n; i++)
		known &= (p->reaches.at[i].key & 0xffff) < (uint64_t)nhosts;
	for (size_t i = 0; i < p->talks.n; i++)
		known &= (p->talks.at[i].key & 0xffff) < (uint64_t)nhosts &&
			 (p->talks.at[i].key >> 16 & 0xffff) < (uint64_t)nhosts;
	if (!known)
		return fm_fail(err, FM_EINPUT,
			       "the model's codec is damaged: a profile names a host that does not exist");
	return FM_OK;
}

/* ---- reassigning ---- */

size_t fm_profile_lower(const struct fm_profile_list *l, uint64_t key)
{
	size_t lo = 0, hi = l->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->at[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool has(const struct fm_profile_list *l, uint64_t key)
{
	size_t i = fm_profile_lower(l, key);
	return i < l->n && l->at[i].key == key;
}

/* A popular host that has joined a rest, and the next one with the same hash. */
struct adopted {
	uint64_t rest;       /* role and service */
	uint32_t host, next; /* next: index + 1 */
};

enum { SEEN = 256, HASHES = 4096 };
struct fm_reassign {
	const struct fm_profiles *p;
	const uint8_t *side;
	uint32_t ports; /* of a way */
	struct fm_rng rng;
	uint64_t *events, *kept; /* (rests): events of popular hosts so far, and those given to the rest */
	struct {
		uint64_t use;
		uint32_t host;
	} seen[SEEN]; /* what the hosts of this window were replaced by */
	int nseen;
	bool *speaks;                /* (hosts) */
	uint32_t *speaker[FM_SIDES]; /* by side */
	size_t nspeakers[FM_SIDES];
	uint32_t *unused[FM_SIDES];                /* by side: hosts without uses, in random order */
	size_t nunused[FM_SIDES], taken[FM_SIDES]; /* how many there are, and how many of them have joined a rest */
	struct adopted *of;
	size_t nof, cap;
	uint32_t top[HASHES]; /* index + 1 */
};

int fm_reassign_new(struct fm_reassign **out, const struct fm_profiles *p, const struct fm_num *ports,
		    const struct fm_roles *roles, uint64_t seed, struct fm_error *err)
{
	struct fm_reassign *r = NULL;
	bool *used = NULL;
	size_t n = (size_t)roles->nhosts;
	int rc;
	if ((rc = fm_alloc(&r, 1, sizeof *r, "host profiles", err)) < 0)
		return rc;
	r->p = p;
	r->side = roles->side;
	r->ports = ports_of(ports);
	fm_rng_init(&r->rng, seed, FM_RNG_DECODE, UINT32_MAX - 1, 0);
	if ((rc = fm_alloc(&r->events, p->rests.n + 1, sizeof *r->events, "host profiles", err)) < 0 ||
	    (rc = fm_alloc(&r->kept, p->rests.n + 1, sizeof *r->kept, "host profiles", err)) < 0 ||
	    (rc = fm_alloc(&r->speaks, n + 1, sizeof *r->speaks, "host profiles", err)) < 0 ||
	    (rc = fm_alloc(&used, n + 1, sizeof *used, "host profiles", err)) < 0)
		goto out;
	for (int side = 0; side < FM_SIDES; side++)
		if ((rc = fm_alloc(&r->unused[side], n + 1, sizeof **r->unused, "host profiles", err)) < 0 ||
		    (rc = fm_alloc(&r->speaker[side], n + 1, sizeof **r->speaker, "host profiles", err)) < 0)
			goto out;
	for (size_t i = 0; i < p->uses.n; i++)
		used[p->uses.at[i].key & 0xffff] = true;
	for (size_t h = 0; h < n; h++) {
		r->speaks[h] = !has(&p->reaches, fm_silent_key((uint32_t)h));
		if (r->speaks[h])
			r->speaker[r->side[h]][r->nspeakers[r->side[h]]++] = (uint32_t)h;
		if (!used[h] && r->speaks[h])
			r->unused[r->side[h]][r->nunused[r->side[h]]++] = (uint32_t)h;
	}
	for (int side = 0; side < FM_SIDES; side++)
		fm_rng_shuffle(&r->rng, r->unused[side], r->nunused[side]);
	*out = r;
	r = NULL;
out:
	free(used);
	fm_reassign_free(r);
	return rc;
}

void fm_reassign_free(struct fm_reassign *r)
{
	if (!r)
		return;
	free(r->events);
	free(r->kept);
	free(r->of);
	free(r->speaks);
	for (int side = 0; side < FM_SIDES; side++) {
		free(r->unused[side]);
		free(r->speaker[side]);
	}
	free(r);
}

void fm_reassign_window(struct fm_reassign *r)
{
	r->nseen = 0;
}

static uint64_t events_of(const struct fm_profile_list *l, size_t from, size_t to)
{
	uint64_t n = 0;
	for (size_t i = from; i < to; i++)
		n += l->at[i].events;
	return n;
}

/* May one more event of the service go to a host of the rest?  Yes while the rest has less than its learned share. */
static bool rest_has_room(struct fm_reassign *r, int role, uint32_t service, bool use)
{
	uint64_t key = use_key(role, service, 0), learned;
	size_t i = fm_profile_lower(&r->p->rests, key >> 16);
	if (i == r->p->rests.n || r->p->rests.at[i].key != key >> 16)
		return false;
	r->events[i]++;
	if (use)
		return false;
	learned =
	    events_of(&r->p->uses, fm_profile_lower(&r->p->uses, key), fm_profile_lower(&r->p->uses, key + 0x10000)) +
	    r->p->rests.at[i].events;
	if (r->kept[i] * learned >= r->events[i] * r->p->rests.at[i].events)
		return false;
	r->kept[i]++;
	return true;
}

uint32_t fm_reassign_user(struct fm_reassign *r, int role, uint32_t service, uint32_t host)
{
	const struct fm_profile_list *l = &r->p->uses;
	size_t from = fm_profile_lower(l, use_key(role, service, 0)),
	       to = fm_profile_lower(l, use_key(role, service, 0) + 0x10000);
	uint64_t total = 0, at;
	for (size_t i = from; i < to; i++)
		total += r->side[l->at[i].key & 0xffff] == r->side[host] ? l->at[i].events : 0;
	if (total == 0)
		return host;
	at = (uint64_t)(fm_rng_uniform53(&r->rng) * (double)total);
	for (size_t i = from; i < to; i++) {
		uint32_t h = (uint32_t)(l->at[i].key & 0xffff);
		if (r->side[h] != r->side[host])
			continue;
		if (at < l->at[i].events)
			return h;
		at -= l->at[i].events;
	}
	return host;
}

/* Add a host to a rest; without memory it is one for this event only. */
static void admit(struct fm_reassign *r, uint64_t rest, uint32_t *top, uint32_t host)
{
	if (r->nof == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 1024;
		struct adopted *of = realloc(r->of, cap * sizeof *of);
		if (!of)
			return;
		r->of = of;
		r->cap = cap;
	}
	r->of[r->nof] = (struct adopted){rest, host, *top};
	*top = (uint32_t)++r->nof;
}

/* A host for the rest of a role and service: one that is in it already, or, as often as was learned, a new one. A new
 * source is a host without uses, if one is left. */
static uint32_t adopt(struct fm_reassign *r, int role, uint32_t service, uint32_t host)
{
	uint64_t rest = use_key(role, service, 0) >> 16;
	int side = r->side[host];
	size_t at = fm_profile_lower(&r->p->rests, rest);
	const struct fm_profile *learned =
	    at < r->p->rests.n && r->p->rests.at[at].key == rest ? &r->p->rests.at[at] : NULL;
	double births = learned && learned->events > 0 ? (double)learned->hosts / learned->events : 1;
	uint32_t *top = &r->top[(rest * 0x9e3779b97f4a7c15ull) >> 52], n = 0, pick;
	for (uint32_t i = *top; i; i = r->of[i - 1].next) {
		if (r->of[i - 1].rest != rest || r->side[r->of[i - 1].host] != side)
			continue;
		if (r->of[i - 1].host == host)
			return host;
		n++;
	}
	if (n == 0 || fm_rng_uniform53(&r->rng) < births) {
		uint32_t h = role == 0 && r->taken[side] < r->nunused[side] ? r->unused[side][r->taken[side]++] : host;
		admit(r, rest, top, h);
		return h;
	}
	pick = fm_rng_below(&r->rng, n);
	for (uint32_t i = *top; i; i = r->of[i - 1].next)
		if (r->of[i - 1].rest == rest && r->side[r->of[i - 1].host] == side && pick-- == 0)
			return r->of[i - 1].host;
	return host;
}

uint32_t fm_reassign_host(struct fm_reassign *r, int role, uint32_t service, uint32_t host)
{
	if ((role == 0 || is_answered(service, r->ports)) && !r->speaks[host] && r->nspeakers[r->side[host]] > 0)
		host = r->speaker[r->side[host]][fm_rng_below(&r->rng, (uint32_t)r->nspeakers[r->side[host]])];
	uint64_t use = use_key(role, service, host);
	uint32_t to = host;
	bool has_use = has(&r->p->uses, use), rest = rest_has_room(r, role, service, has_use);
	if (has_use || r->p->uses.n == 0)
		return host;
	for (int i = 0; i < r->nseen; i++)
		if (r->seen[i].use == use)
			return r->seen[i].host;
	if (!rest)
		to = fm_reassign_user(r, role, service, host);
	if (rest || (to == host && !has_use))
		to = adopt(r, role, service, host);
	if (r->nseen < SEEN) {
		r->seen[r->nseen].use = use;
		r->seen[r->nseen++].host = to;
	}
	return to;
}

static uint64_t uses_of(const struct fm_reassign *r, uint32_t service, uint32_t host)
{
	size_t i = fm_profile_lower(&r->p->uses, use_key(0, service, host));
	return i < r->p->uses.n && r->p->uses.at[i].key == use_key(0, service, host) ? r->p->uses.at[i].events : 0;
}

uint32_t fm_reassign_peer(struct fm_reassign *r, uint32_t service, uint32_t from)
{
	const struct fm_profile_list *l = &r->p->talks;
	uint32_t either = plain(service, r->ports);
	size_t a = fm_profile_lower(l, talk_key(either, from, 0)),
	       b = fm_profile_lower(l, talk_key(either, from, 0) + 0x10000);
	uint64_t n = uses_of(r, either, from) + uses_of(r, answered(service, r->ports), from), at;
	if (a == b || n == 0)
		return UINT32_MAX;
	at = (uint64_t)(fm_rng_uniform53(&r->rng) * (double)n);
	for (size_t i = a; i < b; i++) {
		if (at < l->at[i].events)
			return (uint32_t)(l->at[i].key & 0xffff);
		at -= l->at[i].events;
	}
	return UINT32_MAX;
}

bool fm_reassign_speaks(const struct fm_reassign *r, uint32_t host)
{
	return r->speaks[host];
}

bool fm_reassign_talks(const struct fm_reassign *r, uint32_t service, uint32_t from, uint32_t to)
{
	return has(&r->p->talks, talk_key(plain(service, r->ports), from, to));
}
