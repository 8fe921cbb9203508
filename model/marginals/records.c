#include "model/marginals/records.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

const char *const fm_protocol_names[FM_PROTOCOLS] = {"TCP",  "UDP",  "ICMP", "GRE", "ESP",   "IPIP", "IPv6", "AH",
						     "IGMP", "SCTP", "OSPF", "PIM", "EIGRP", "VRRP", "L2TP", "other"};

/* A flow with the key of its exchange. */
struct keyed {
	uint32_t host[2];
	uint16_t port[2];
	uint8_t proto;
	int32_t slot;
	struct fm_exchange_flow flow;
};

static int protocol_code(const char *s)
{
	for (int i = 0; i < FM_PROTOCOLS - 1; i++)
		if (strcmp(s, fm_protocol_names[i]) == 0)
			return i;
	return FM_PROTOCOLS - 1;
}

static int flags_code(const char *s)
{
	static const char letter[] = "UAPRSF";
	int code = 0;

	if (strlen(s) != 6)
		return FM_FLAGS - 1;
	for (int i = 0; i < 6; i++) {
		if (s[i] == letter[i])
			code |= 1 << i;
		else if (s[i] != '.')
			return FM_FLAGS - 1;
	}
	return code;
}

static int byte_code(const char *s)
{
	char *end;
	long v = strtol(s, &end, 10);

	return end != s && *end == '\0' && v >= 0 && v < FM_BYTES ? (int)v : 0;
}

static int label_code(const char *s, const struct fm_record_opts *o)
{
	for (int i = 0; i < o->nlabels; i++)
		if (strcmp(s, o->label[i]) == 0)
			return i;
	return 0;
}

/* The codes of a column's categories, by index. */
static int column_codes(uint8_t **code, const struct fm_table *t, enum fm_col c, const struct fm_record_opts *o,
			struct fm_error *err)
{
	const struct fm_dict *d = &t->dict[c];
	int rc;

	if ((rc = fm_alloc(code, d->n + 1, 1, "codes of categories", err)) < 0)
		return rc;
	for (size_t i = 0; i < d->n; i++) {
		const char *s = d->value[i];

		(*code)[i] = (uint8_t)(c == FM_PR      ? protocol_code(s)
				       : c == FM_FLG   ? flags_code(s)
				       : c == FM_LABEL ? label_code(s, o)
						       : byte_code(s));
	}
	return FM_OK;
}

#define ORDER(a, b)                                                                                                    \
	if ((a) != (b))                                                                                                \
	return (a) < (b) ? -1 : 1

static int key_order(const struct keyed *a, const struct keyed *b)
{
	ORDER(a->slot, b->slot);
	ORDER(a->host[0], b->host[0]);
	ORDER(a->host[1], b->host[1]);
	ORDER(a->port[0], b->port[0]);
	ORDER(a->port[1], b->port[1]);
	ORDER(a->proto, b->proto);
	return 0;
}

static int flow_order(const void *pa, const void *pb)
{
	const struct keyed *a = pa, *b = pb;
	const struct fm_exchange_flow *f = &a->flow, *g = &b->flow;
	int d = key_order(a, b);

	if (d)
		return d;
	ORDER(f->at, g->at);
	ORDER(f->back, g->back);
	ORDER(f->td, g->td);
	ORDER(f->byt, g->byt);
	ORDER(f->pkt, g->pkt);
	ORDER(f->flg, g->flg);
	ORDER(f->tos, g->tos);
	ORDER(f->fwd, g->fwd);
	ORDER(f->label, g->label);
	return 0;
}

static void flow_keyed(struct keyed *k, const struct fm_table *t, size_t i, uint8_t *const code[FM_NCOL])
{
	const struct fm_address end[2] = {fm_table_address(t, t->sa[i]), fm_table_address(t, t->da[i])};
	uint32_t host[2] = {fm_address_fold(&end[0]), fm_address_fold(&end[1])};
	uint16_t port[2] = {FM_HAS(t, FM_SP) ? t->sp[i] : 0, FM_HAS(t, FM_DP) ? t->dp[i] : 0};
	int back = host[0] > host[1] || (host[0] == host[1] && port[0] > port[1]);
	int64_t slot = t->te[i] / FM_SLOT_MS, at = t->te[i] % FM_SLOT_MS;
#define CODE(c, column) (uint8_t)(FM_HAS(t, c) ? code[c][column[i]] : 0)

	if (at < 0) {
		at += FM_SLOT_MS;
		slot--;
	}
	memset(k, 0, sizeof *k);
	for (int e = 0; e < 2; e++) {
		k->host[e] = host[e ^ back];
		k->port[e] = port[e ^ back];
	}
	k->proto = CODE(FM_PR, t->pr);
	k->slot = (int32_t)slot;
	k->flow = (struct fm_exchange_flow){
	    .byt = FM_HAS(t, FM_BYT) ? t->byt[i] : 0,
	    .td = FM_HAS(t, FM_TD) ? t->td[i] : 0,
	    .pkt = !FM_HAS(t, FM_PKT)       ? 1
		   : t->pkt[i] < UINT32_MAX ? (uint32_t)t->pkt[i]
					    : UINT32_MAX,
	    .at = (uint16_t)at,
	    .back = (uint8_t)back,
	    .flg = CODE(FM_FLG, t->flg),
	    .tos = CODE(FM_STOS, t->stos),
	    .fwd = CODE(FM_FWD, t->fwd),
	    .label = CODE(FM_LABEL, t->label),
	};
#undef CODE
}

/* An exchange of a window, ordered by a public hash of its key. */
struct placed {
	uint64_t place;
	size_t at;
};

static struct placed placed(const struct fm_exchange *x, size_t at)
{
	struct fm_rng r;
	uint64_t hosts = (uint64_t)x->host[0] << 32 | x->host[1],
		 rest = (uint64_t)x->port[0] << 32 | (uint64_t)x->port[1] << 16 | x->proto;

	fm_rng_init(&r, hosts, FM_RNG_SPLIT, rest, (uint32_t)x->slot);
	return (struct placed){fm_rng_u64(&r), at};
}

static int place_order(const void *pa, const void *pb)
{
	const struct placed *a = pa, *b = pb;

	ORDER(a->place, b->place);
	ORDER(a->at, b->at);
	return 0;
}

static bool same_window(const struct fm_exchange *a, const struct fm_exchange *b)
{
	return a->slot == b->slot && memcmp(a->host, b->host, sizeof a->host) == 0;
}

/* The exchanges of a window are adjacent, by rising keys, and so are those that stay. */
static int keep_of_windows(struct fm_exchanges *e, unsigned most, struct fm_error *err)
{
	struct placed *p;
	size_t kept = 0, end;
	int rc;

	if ((rc = fm_alloc(&p, e->n + 1, sizeof *p, "exchanges of a window", err)) < 0)
		return rc;
	for (size_t i = 0; i < e->n; i = end) {
		for (end = i; end < e->n && same_window(&e->list[end], &e->list[i]); end++)
			p[end - i] = placed(&e->list[end], end);
		if (end - i <= most)
			continue;
		qsort(p, end - i, sizeof *p, place_order);
		for (size_t k = most; k < end - i; k++) {
			struct fm_exchange *x = &e->list[p[k].at];

			e->dropped += x->nflows;
			x->nflows = 0;
		}
	}
	for (size_t i = 0; i < e->n; i++)
		if (e->list[i].nflows > 0)
			e->list[kept++] = e->list[i];
	e->n = kept;
	free(p);
	return FM_OK;
}

static int32_t slot_down(int64_t ms)
{
	return (int32_t)(ms / FM_SLOT_MS - (ms % FM_SLOT_MS < 0));
}

void fm_record_period(struct fm_record_opts *o, int64_t first_ms, int64_t last_ms)
{
	o->first_slot = slot_down(first_ms);
	o->nslots = slot_down(last_ms - 1) - o->first_slot + 1;
}

static bool is_left_out(const struct fm_record_opts *o, int32_t slot)
{
	int64_t at = (int64_t)slot - o->first_slot;

	return o->nslots > 0 && (at < 0 || at >= o->nslots);
}

int fm_exchanges_cut(struct fm_exchanges *e, const struct fm_table *t, const struct fm_record_opts *o,
		     struct fm_error *err)
{
	static const enum fm_col columns[] = {FM_PR, FM_FLG, FM_STOS, FM_FWD, FM_LABEL};
	uint8_t *code[FM_NCOL] = {0};
	struct keyed *k = NULL;
	size_t n = 0, rows = 0;
	int rc;

	*e = (struct fm_exchanges){.flows = t->rows};
	if (!FM_HAS(t, FM_TE) || !FM_HAS(t, FM_SA) || !FM_HAS(t, FM_DA))
		return fm_fail(err, FM_EINPUT, "a table without times or addresses has no exchanges");
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		if (FM_HAS(t, columns[i]) && (rc = column_codes(&code[columns[i]], t, columns[i], o, err)) < 0)
			goto out;
	if ((rc = fm_alloc(&k, t->rows + 1, sizeof *k, "flows by exchange", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++) {
		flow_keyed(&k[rows], t, i, code);
		rows += !is_left_out(o, k[rows].slot);
	}
	e->dropped = t->rows - rows;
	qsort(k, rows, sizeof *k, flow_order);
	for (size_t i = 0; i < rows; i++)
		n += i == 0 || key_order(&k[i - 1], &k[i]) != 0;
	if ((rc = fm_alloc(&e->list, n + 1, sizeof *e->list, "exchanges", err)) < 0)
		goto out;
	for (size_t i = 0; i < rows; i++) {
		struct fm_exchange *x;

		if (i == 0 || key_order(&k[i - 1], &k[i]) != 0) {
			x = &e->list[e->n++];
			memcpy(x->host, k[i].host, sizeof x->host);
			memcpy(x->port, k[i].port, sizeof x->port);
			x->proto = k[i].proto;
			x->slot = k[i].slot;
		} else {
			x = &e->list[e->n - 1];
		}
		if (x->nflows < FM_EXCHANGE_FLOWS)
			x->flow[x->nflows++] = k[i].flow;
		else
			e->dropped++;
	}
	if (o->window > 0)
		rc = keep_of_windows(e, o->window, err);
out:
	for (int c = 0; c < FM_NCOL; c++)
		free(code[c]);
	free(k);
	if (rc < 0)
		fm_exchanges_free(e);
	return rc;
}

void fm_exchanges_free(struct fm_exchanges *e)
{
	free(e->list);
	*e = (struct fm_exchanges){0};
}

int fm_exchange_split(const struct fm_secret *key, const struct fm_exchange *x, double *place, struct fm_error *err)
{
	/* Little-endian whatever the machine: host 0, host 1, port 0, port 1, protocol, slot. */
	uint32_t v[6] = {x->host[0], x->host[1], x->port[0], x->port[1], x->proto, (uint32_t)x->slot};
	uint8_t text[sizeof v], mac[FM_SHA256_LEN];
	uint64_t bits = 0;
	int rc;

	for (size_t i = 0; i < sizeof v; i++)
		text[i] = (uint8_t)(v[i / 4] >> 8 * (i % 4));
	if ((rc = fm_hmac_sha256(key->data, key->len, text, sizeof text, mac, err)) < 0)
		return rc;
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | mac[i];
	*place = (double)(bits >> 11) * 0x1p-53;
	return FM_OK;
}
