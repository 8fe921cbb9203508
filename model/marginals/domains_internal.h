/*
 * domains_internal.h - what domains.c and encode.c share.
 */
#ifndef FM_MODEL_MARGINALS_DOMAINS_INTERNAL_H
#define FM_MODEL_MARGINALS_DOMAINS_INTERNAL_H

#include "model/marginals/domains.h"

/* A record seen from its ends: the indices of its flows each way, of which the first two are used. */
struct fm_view {
	int server;        /* end of the server */
	uint8_t inside[2]; /* of server, client */
	int n[2];          /* flows from the client, to it */
	int flow[2][FM_EXCHANGE_FLOWS];
};
void fm_view_set(struct fm_view *v, const struct fm_domains *d, const struct fm_exchange *x,
		 const struct fm_domain_opts *o);
uint32_t fm_kind_leaf(const struct fm_domains *d, const struct fm_exchange *x, const struct fm_view *v);
void fm_domains_sizes(struct fm_domains *d);                     /* d->size, from axes and hosts */
void fm_domains_popularity(struct fm_domains *d);                /* d->popularity, from the axis of services */
int fm_hosts_place(const struct fm_hosts_above *h, uint32_t ip); /* in ip[], or -1 */
int fm_hosts_token(const struct fm_hosts_above *h, uint32_t ip, int inside);
/* key[0..n), sorted: the host and, in the low 16 bits, the service of each record.  The j-th record of a key gets the
 * cell (service, k) where j is bound k of fm_tail_at, else `none`: so cell (service, k) counts the hosts with at least
 * fm_tail_at(k) records of the service.  One more record of a key with c of them adds the (c + 1)-th and otherwise only
 * permutes equal ones: the histogram's sensitivity is 1. */
void fm_tail_mark(const uint64_t *key, size_t n, uint32_t none, uint32_t *value);
#define FM_SERVICE_TOKENS 320 /* most tokens: FM_SERVICE_RANGES and the single ports */
#define FM_KIND_LEAVES (FM_PROTOCOLS * FM_SERVICE_TOKENS * 4 * FM_PATTERNS)

#endif
