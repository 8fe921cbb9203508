/* hour_trades.c - a set of hosts and their trades, for an hour. */
#include "model/codec/hour_trades.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/codec/relations.h"
#include "model/codec/tokens.h"

enum { HOUR = 3600000, SLOTS = 4096 };

struct fm_hour_trades {
	int64_t hour;
	uint64_t *key; /* (slots) host << 32 | trade, plus 1; 0: empty */
	size_t slots, n;
};

static uint64_t key_of(uint32_t host, uint32_t trade)
{
	return ((uint64_t)host << 32 | trade) + 1;
}

int fm_hour_trades_new(struct fm_hour_trades **out, struct fm_error *err)
{
	struct fm_hour_trades *h = NULL;
	int rc;
	if ((rc = fm_alloc(&h, 1, sizeof *h, "trades of an hour", err)) < 0)
		return rc;
	h->slots = SLOTS;
	if ((rc = fm_alloc(&h->key, h->slots, sizeof *h->key, "trades of an hour", err)) < 0) {
		free(h);
		return rc;
	}
	*out = h;
	return FM_OK;
}

void fm_hour_trades_free(struct fm_hour_trades *h)
{
	if (!h)
		return;
	free(h->key);
	free(h);
}

void fm_hour_trades_at(struct fm_hour_trades *h, int64_t ms)
{
	int64_t hour = ms >= 0 ? ms / HOUR : (ms + 1) / HOUR - 1;
	if (hour != h->hour) {
		memset(h->key, 0, h->slots * sizeof *h->key);
		h->n = 0;
	}
	h->hour = hour;
}

static size_t slot_of(const uint64_t *key, size_t slots, uint64_t x)
{
	size_t s = (size_t)(x * 0x9e3779b97f4a7c15ull >> 20) & (slots - 1);
	while (key[s] && key[s] != x)
		s = (s + 1) & (slots - 1);
	return s;
}

bool fm_hour_trades_has(const struct fm_hour_trades *h, uint32_t host, uint32_t trade)
{
	return h->key[slot_of(h->key, h->slots, key_of(host, trade))] != 0;
}

/* No trade has this number: it stands for the host alone. */
enum { ANY = 0xfffffffe };

bool fm_hour_trades_seen(const struct fm_hour_trades *h, uint32_t host)
{
	return fm_hour_trades_has(h, host, ANY);
}

static int add(struct fm_hour_trades *h, uint64_t x, struct fm_error *err)
{
	if (2 * (h->n + 1) > h->slots) {
		uint64_t *key = NULL;
		int rc;
		if ((rc = fm_alloc(&key, h->slots * 2, sizeof *key, "trades of an hour", err)) < 0)
			return rc;
		for (size_t s = 0; s < h->slots; s++)
			if (h->key[s])
				key[slot_of(key, h->slots * 2, h->key[s])] = h->key[s];
		free(h->key);
		h->key = key;
		h->slots *= 2;
	}
	uint64_t *slot = &h->key[slot_of(h->key, h->slots, x)];
	h->n += *slot == 0;
	*slot = x;
	return FM_OK;
}

int fm_hour_trades_add(struct fm_hour_trades *h, uint32_t host, uint32_t trade, struct fm_error *err)
{
	int rc;
	if ((rc = add(h, key_of(host, ANY), err)) < 0)
		return rc;
	return add(h, key_of(host, trade), err);
}

/* ---- learning ---- */

struct count {
	size_t seen[2], mixed[2]; /* by role: events of hosts that the hour has seen, and of a trade that it has not */
};

static int see_window(struct fm_hour_trades *h, struct count *n, const struct fm_profile_data *d, size_t first,
		      struct fm_error *err)
{
	const struct fm_table *t = d->t;
	struct fm_relations l;
	int rc;
	fm_relations_find(t, first, d->window, d->text_order, &l);
	fm_hour_trades_at(h, t->te[first]);
	for (int i = 0; i < d->window; i++) {
		size_t row = first + l.row[i];
		uint32_t service =
		    fm_service_of(d->ports, d->pr ? d->pr[t->pr[row]] : 0, t->sp[row], t->dp[row], false);
		for (int role = 0; role < 2; role++) {
			const struct fm_host *host = fm_hosts_find(d->hosts, t, role ? t->da[row] : t->sa[row]);
			uint32_t trade = fm_trade_of(d->ports, service, role);
			if (!host || host->rank < 0)
				continue;
			bool drawn = fm_relation_source(l.kind[i], role ? FM_T_DA : FM_T_SA) < 0;
			if (drawn && fm_hour_trades_seen(h, (uint32_t)host->rank)) {
				n->seen[role]++;
				n->mixed[role] += !fm_hour_trades_has(h, (uint32_t)host->rank, trade);
			}
			if ((rc = fm_hour_trades_add(h, (uint32_t)host->rank, trade, err)) < 0)
				return rc;
		}
	}
	return FM_OK;
}

int fm_hour_trades_fit(struct fm_profiles *p, const struct fm_profile_data *d, struct fm_error *err)
{
	struct fm_hour_trades *h = NULL;
	struct count n = {{0}, {0}};
	int rc;
	if ((rc = fm_hour_trades_new(&h, err)) < 0)
		return rc;
	for (size_t w = 0; w < d->windows; w++)
		if ((rc = see_window(h, &n, d, d->first[w], err)) < 0)
			goto out;
	for (int role = 0; role < 2; role++)
		p->hourly[role] =
		    n.seen[role] >= (size_t)d->min_count ? (double)n.mixed[role] / (double)n.seen[role] : 1;
out:
	fm_hour_trades_free(h);
	return rc;
}
