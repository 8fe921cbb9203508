/* links.c - the related flows of a flow, and those of its hosts. */
#include "model/diffusion/links.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/codec/codec.h"
#include "model/codec/hosts.h"
#include "model/codec/recency.h"
#include "model/codec/relations.h"

const char *const fm_link_name[FM_NLINKS] = {
    "source", "reply", "follower", "sa_as_sa", "sa_as_da", "da_as_sa", "da_as_da",
};

bool fm_link_shows(int link, int c)
{
	switch (c) {
	case FM_T_SP:
	case FM_T_DP:
	case FM_T_FLG:
	case FM_T_FWD:
	case FM_T_STOS:
	case FM_T_PKT:
	case FM_T_TD:
	case FM_T_BPP:
		return true;
	case FM_T_PR:
		return link >= FM_LINK_SA_AS_SA;
	case FM_T_ROLE:
	case FM_T_DA:
		return link < FM_LINK_SA_AS_SA;
	default:
		return false;
	}
}

int fm_links_new(struct fm_links **out, const int vocab[FM_NTOK], int window, int popular, int max_windows,
		 struct fm_error *err)
{
	size_t R = (size_t)max_windows * (size_t)window;
	struct fm_links *l = NULL;

	if (fm_alloc(&l, 1, sizeof *l, "links of flows", err) < 0)
		return err->code;
	if (fm_alloc(&l->token, FM_NLINKS * FM_NTOK * R, sizeof *l->token, "links of flows", err) < 0 ||
	    fm_alloc(&l->source, R, sizeof *l->source, "links of flows", err) < 0 ||
	    fm_alloc(&l->host, 2 * R, sizeof *l->host, "links of flows", err) < 0 ||
	    fm_alloc(&l->number, (size_t)popular + 1, sizeof *l->number, "links of flows", err) < 0) {
		fm_links_free(l);
		return err->code;
	}
	l->window = window;
	l->popular = popular;
	l->vocab = vocab;
	l->R = (int)R;
	*out = l;
	return FM_OK;
}

void fm_links_free(struct fm_links *l)
{
	if (!l)
		return;
	free(l->token);
	free(l->source);
	free(l->host);
	free(l->number);
	free(l);
}

static int *tokens_of(const struct fm_links *l, int link, int c)
{
	return l->token + ((size_t)link * FM_NTOK + (size_t)c) * (size_t)l->R;
}

const int *fm_links_tokens(const struct fm_links *l, int link, int c)
{
	return tokens_of(l, link, c);
}

static bool masked(const struct fm_links *l, const uint16_t *flow, int c)
{
	return l->vocab[c] > 0 && flow[c] >= l->vocab[c];
}

/* The relation of the flow at place i, as far as it is visible, and how far back its source is. */
static int relation_of(const struct fm_links *l, const uint16_t *flow, int i, int *back)
{
	int kind = l->vocab[FM_T_REL] > 0 && !masked(l, flow, FM_T_REL) ? fm_rel_kind(flow[FM_T_REL], l->window, back)
									: FM_RELATION_NONE;

	return kind < FM_NRELATIONS && (kind == FM_RELATION_NONE || *back <= i) ? kind : FM_RELATION_NONE;
}

/* ---- relations ---- */

/* One window, whose first row is `first`; tok (window, FM_NTOK). */
static void relations(const struct fm_links *l, const uint16_t *tok, int first)
{
	int W = l->window;

	for (int c = 0; c < FM_NTOK; c++)
		for (int link = FM_LINK_SOURCE; link <= FM_LINK_FOLLOWER; link++)
			for (int i = 0; i < W && fm_link_shows(link, c); i++)
				tokens_of(l, link, c)[first + i] = -1;
	for (int i = W - 1; i >= 0; i--) { /* so that the next follower is the last that is written */
		const uint16_t *flow = tok + (size_t)i * FM_NTOK;
		int back, kind = relation_of(l, flow, i, &back);
		l->source[first + i] = kind == FM_RELATION_NONE ? -1 : first + i - back;
		if (kind == FM_RELATION_NONE)
			continue;
		const uint16_t *source = flow - (size_t)back * FM_NTOK;
		int other = kind == FM_RELATION_REPLY ? FM_LINK_REPLY : FM_LINK_FOLLOWER;
		for (int c = 0; c < FM_NTOK; c++)
			if (fm_link_shows(FM_LINK_SOURCE, c)) {
				tokens_of(l, FM_LINK_SOURCE, c)[first + i] = source[c];
				tokens_of(l, other, c)[first + i - back] = flow[c];
			}
	}
}

/* ---- hosts ---- */

#define POPULAR UINT8_MAX

/* The hosts of a window that have been met so far. */
struct met {
	int n;                              /* numbers given */
	bool all;                           /* all ends so far are known, and so is who is recent */
	uint8_t side[2 * FM_WINDOW_MOST];   /* by number; POPULAR: not of the tail */
	struct fm_recency recent[FM_SIDES]; /* numbers of the tail */
};

static int met(struct met *m, int side)
{
	m->side[m->n] = (uint8_t)side;
	return m->n++;
}

static void touch(struct met *m, int host)
{
	if (m->side[host] != POPULAR)
		(void)fm_recency_touch(&m->recent[m->side[host]], (uint32_t)host);
}

/* The number of the host of a side that a token names; a new one where that cannot be told. */
static int named(const struct fm_links *l, struct met *m, int token, int side)
{
	int W = l->window, host;
	uint32_t seen = UINT32_MAX;

	if (token >= W && token < W + l->popular) {
		uint16_t *number = &l->number[token - W];
		if (*number == UINT16_MAX)
			*number = (uint16_t)met(m, POPULAR);
		return *number;
	}
	if (token < W) {
		if (!m->all)
			return met(m, side);
		seen = fm_recency_at(&m->recent[side], token);
	}
	host = seen == UINT32_MAX ? met(m, side) : (int)seen;
	touch(m, host);
	return host;
}

/* Number the hosts of one window: host (window, 2). */
static void number_hosts(const struct fm_links *l, const uint16_t *tok, int *host)
{
	struct met m = {.all = true};

	memset(l->number, 0xff, sizeof *l->number * (size_t)l->popular);
	for (int i = 0; i < l->window; i++) {
		const uint16_t *flow = tok + (size_t)i * FM_NTOK;
		int back, kind = relation_of(l, flow, i, &back);
		int dir = flow[FM_T_DIR];
		if (masked(l, flow, FM_T_DIR)) {
			m.all = false;
			dir = 0;
		}
		for (int e = 0; e < 2; e++) {
			int c = e ? FM_T_DA : FM_T_SA;
			int from = fm_relation_source(kind, c);
			int side = (dir >> e & FM_SIDE_INSIDE) + (dir & FM_DIR_IPV6 ? FM_SIDE_IPV6 : 0);
			int *mine = &host[2 * i + e];
			if (from >= 0) {
				*mine = host[2 * (i - back) + (from == FM_T_DA)];
				touch(&m, *mine);
			} else if (masked(l, flow, c)) {
				m.all = false;
				*mine = met(&m, side);
			} else
				*mine = named(l, &m, flow[c], side);
		}
	}
}

/* Column c of one window, of the links of end e: (window) for other flows' sources, and for their destinations. */
struct shown {
	int *as_sa, *as_da;
};

/* Go over the flows of a window in one direction; tokens of before stand where a flow has something better. */
static void pass_on(const struct fm_links *l, const uint16_t *tok, const int *host, int c, bool back,
		    const struct shown of[2])
{
	int last[2 * FM_WINDOW_MOST][2]; /* of a host, as source and as destination: the last token, mask or -1 */
	int V = l->vocab[c];

	memset(last, 0xff, sizeof *last * 2 * (size_t)l->window);
	for (int n = 0; n < l->window; n++) {
		int i = back ? l->window - 1 - n : n, token = tok[(size_t)i * FM_NTOK + c];
		for (int e = 0; e < 2; e++) {
			const int *known = last[host[2 * i + e]];
			int *to[2] = {&of[e].as_sa[i], &of[e].as_da[i]};
			for (int as = 0; as < 2; as++)
				if (*to[as] < 0 || (*to[as] == V && known[as] >= 0))
					*to[as] = known[as];
		}
		for (int e = 0; e < 2; e++) {
			int *known = &last[host[2 * i + e]][e];
			if (token < V || *known < 0)
				*known = token < V ? token : V;
		}
	}
}

static void hosts(const struct fm_links *l, const uint16_t *tok, int first)
{
	const int *host = l->host + 2 * (size_t)first;

	number_hosts(l, tok, l->host + 2 * (size_t)first);
	for (int c = 0; c < FM_NTOK; c++) {
		struct shown of[2];
		if (!l->vocab[c] || !fm_link_shows(FM_LINK_SA_AS_SA, c))
			continue;
		for (int e = 0; e < 2; e++) {
			int *as_sa = tokens_of(l, e ? FM_LINK_DA_AS_SA : FM_LINK_SA_AS_SA, c) + first;
			int *as_da = tokens_of(l, e ? FM_LINK_DA_AS_DA : FM_LINK_SA_AS_DA, c) + first;
			of[e] = (struct shown){as_sa, as_da};
			for (int i = 0; i < l->window; i++)
				as_sa[i] = as_da[i] = -1;
		}
		pass_on(l, tok, host, c, false, of);
		pass_on(l, tok, host, c, true, of);
	}
}

void fm_links_find(struct fm_links *l, const uint16_t *tok, int B)
{
	for (int b = 0; b < B; b++) {
		const uint16_t *window = tok + (size_t)b * (size_t)l->window * FM_NTOK;
		relations(l, window, b * l->window);
		hosts(l, window, b * l->window);
	}
}
