#include <string.h>

#include "model/marginals/domains_internal.h"
#include "model/marginals/grids.h"

const char *const fm_attr_name[FM_NATTRS] = {
    "kind",  "time",  "server", "client",  "port",    "a_size", "b_size", "a_td",  "b_td",   "near",   "a_flg",
    "b_flg", "a_tos", "b_tos",  "a2_size", "b2_size", "a2_td",  "b2_td",  "b_gap", "a2_gap", "b2_gap", "label"};
const uint8_t fm_pattern[FM_PATTERNS][2] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}, {0, 1}, {0, 2}, {0, 3},
					    {0, 4}, {1, 1}, {2, 1}, {1, 2}, {2, 2}, {3, 1}, {1, 3}};

static int pattern_of(int a, int b)
{
	for (int i = 0; i < FM_PATTERNS; i++)
		if (fm_pattern[i][0] == a && fm_pattern[i][1] == b)
			return i;
	return 0;
}

/* The end of the service: domains.h. */
static int server_end(const struct fm_domains *d, const struct fm_exchange *x, const struct fm_domain_opts *o)
{
	uint16_t p = x->port[0], q = x->port[1];
	int in[2];

	if (p != q) {
		if (x->proto == FM_P_ICMP)
			return q > p;
		if (d->popularity[p] > d->popularity[q] || d->popularity[p] < d->popularity[q])
			return d->popularity[q] > d->popularity[p];
		return q < p;
	}
	in[0] = o->inside && o->inside(o->ctx, x->host[0]);
	in[1] = o->inside && o->inside(o->ctx, x->host[1]);
	if (in[0] != in[1])
		return in[1];
	return !x->flow[0].back;
}

void fm_view_set(struct fm_view *v, const struct fm_domains *d, const struct fm_exchange *x,
		 const struct fm_domain_opts *o)
{
	memset(v, 0, sizeof *v);
	v->server = server_end(d, x, o);
	for (int r = 0; r < 2; r++)
		v->inside[r] = o->inside && o->inside(o->ctx, x->host[r ? !v->server : v->server]);
	for (int i = 0; i < x->nflows; i++) {
		/* back = 0 goes from end 0 to end 1: to the server when that is end 1. */
		int way = (x->flow[i].back ? 0 : 1) != v->server;

		v->flow[way][v->n[way]++] = i;
	}
}

uint32_t fm_kind_leaf(const struct fm_domains *d, const struct fm_exchange *x, const struct fm_view *v)
{
	uint32_t service = d->axis[FM_X_SERVICE].token[x->port[v->server]];
	uint32_t side = v->inside[0] | (uint32_t)v->inside[1] << 1;

	return ((x->proto * FM_SERVICE_TOKENS + service) * 4 + side) * FM_PATTERNS +
	       (uint32_t)pattern_of(v->n[0], v->n[1]);
}

struct fm_kind_parts fm_kind_parts(uint32_t leaf)
{
	uint32_t pattern = leaf % FM_PATTERNS, side = leaf / FM_PATTERNS % 4, rest = leaf / FM_PATTERNS / 4;

	return (struct fm_kind_parts){.proto = (int)(rest / FM_SERVICE_TOKENS),
				      .service = (int)(rest % FM_SERVICE_TOKENS),
				      .server_inside = side & 1,
				      .client_inside = side >> 1,
				      .a = fm_pattern[pattern][0],
				      .b = fm_pattern[pattern][1]};
}

bool fm_kind_has(const struct fm_kind_parts *p, enum fm_attr a)
{
	switch (a) {
	case FM_A_SIZE:
	case FM_A_TD:
	case FM_A_FLG:
	case FM_A_TOS:
		return p->a >= 1;
	case FM_B_SIZE:
	case FM_B_TD:
	case FM_B_FLG:
	case FM_B_TOS:
		return p->b >= 1;
	case FM_A2_SIZE:
	case FM_A2_TD:
	case FM_A2_GAP:
		return p->a >= 2;
	case FM_B2_SIZE:
	case FM_B2_TD:
	case FM_B2_GAP:
		return p->b >= 2;
	case FM_NEAR:
	case FM_B_GAP:
		return p->a >= 1 && p->b >= 1;
	default:
		return true;
	}
}

int fm_hosts_place(const struct fm_hosts_above *h, uint32_t ip)
{
	int lo = 0, n = h->ip ? h->n : 0, hi = n; /* a loaded model has no addresses */

	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;

		if (h->ip[h->by_ip[mid]] < ip)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && h->ip[h->by_ip[lo]] == ip ? (int)h->by_ip[lo] : -1;
}

int fm_hosts_token(const struct fm_hosts_above *h, uint32_t ip, int inside)
{
	int place = fm_hosts_place(h, ip);

	return place >= 0 ? h->token[place] : h->ntokens - 2 + inside;
}

static uint32_t gap_token(const struct fm_exchange *x, int from, int to)
{
	return fm_gap_cell((int)x->flow[to].at / 1000 - (int)x->flow[from].at / 1000);
}

static uint32_t near_token(uint32_t a, uint32_t b)
{
	uint32_t apart = a > b ? a - b : b - a;

	return apart == 0 ? FM_NEAR_SAME : apart <= 100 ? FM_NEAR_100MS : apart <= 1000 ? FM_NEAR_SECOND : FM_NEAR_FAR;
}

void fm_domains_encode(const struct fm_domains *d, const struct fm_exchange *x, const struct fm_domain_opts *o,
		       uint32_t *tok, size_t stride)
{
	static const enum fm_attr first[2][4] = {{FM_A_SIZE, FM_A_TD, FM_A_FLG, FM_A_TOS},
						 {FM_B_SIZE, FM_B_TD, FM_B_FLG, FM_B_TOS}};
	static const enum fm_axis_id axis[2][4] = {{FM_X_A_SIZE, FM_X_A_TD, FM_X_A_FLG, FM_X_A_TOS},
						   {FM_X_B_SIZE, FM_X_B_TD, FM_X_B_FLG, FM_X_B_TOS}};
	static const enum fm_attr second[2][3] = {{FM_A2_SIZE, FM_A2_TD, FM_A2_GAP}, {FM_B2_SIZE, FM_B2_TD, FM_B2_GAP}};
	struct fm_view v;
	uint32_t label = 0;
	int64_t slot = (int64_t)x->slot - d->first_slot;
#define TOK(a) tok[(size_t)(a)*stride]

	fm_view_set(&v, d, x, o);
	for (int a = 0; a < FM_NATTRS; a++)
		TOK(a) = (uint32_t)d->size[a] - 1;
	TOK(FM_A_KIND) = d->axis[FM_X_KIND].token[fm_kind_leaf(d, x, &v)];
	slot = slot < 0 ? 0 : slot >= d->nslots ? d->nslots - 1 : slot;
	TOK(FM_A_TIME) = d->axis[FM_X_TIME].token[slot];
	TOK(FM_A_SERVER) = (uint32_t)fm_hosts_token(&d->hosts[0], x->host[v.server], v.inside[0]);
	TOK(FM_A_CLIENT) = (uint32_t)fm_hosts_token(&d->hosts[1], x->host[!v.server], v.inside[1]);
	TOK(FM_A_PORT) = d->axis[FM_X_CLIENT].token[x->port[!v.server]];
	for (int w = 0; w < 2; w++) {
		const struct fm_exchange_flow *f = &x->flow[v.flow[w][0]], *g = &x->flow[v.flow[w][1]];

		if (v.n[w] == 0)
			continue;
		TOK(first[w][0]) = d->axis[axis[w][0]].token[fm_size_leaf(f->pkt, f->byt)];
		TOK(first[w][1]) = d->axis[axis[w][1]].token[fm_duration_leaf(f->td)];
		TOK(first[w][2]) = d->axis[axis[w][2]].token[f->flg];
		TOK(first[w][3]) = d->axis[axis[w][3]].token[f->tos];
		if (v.n[w] < 2)
			continue;
		TOK(second[w][0]) = d->axis[axis[w][0]].token[fm_size_leaf(g->pkt, g->byt)];
		TOK(second[w][1]) = d->axis[axis[w][1]].token[fm_duration_leaf(g->td)];
		TOK(second[w][2]) = gap_token(x, v.flow[w][0], v.flow[w][1]);
	}
	if (v.n[0] && v.n[1]) {
		TOK(FM_NEAR) = near_token(x->flow[v.flow[0][0]].td, x->flow[v.flow[1][0]].td);
		TOK(FM_B_GAP) = gap_token(x, v.flow[0][0], v.flow[1][0]);
	}
	for (int i = 0; i < x->nflows; i++)
		if (x->flow[i].label > label)
			label = x->flow[i].label;
	TOK(FM_A_LABEL) = label < (uint32_t)d->nlabels ? label : 0;
#undef TOK
}
