/* decode.c - tokens to flows. */
#include "model/codec/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/codec/decode_order.h"
#include "model/codec/flow_rules.h"
#include "model/codec/host_reach.h"
#include "model/codec/relations.h"
#include "model/codec/scan_windows.h"

struct decoder {
	const struct fm_codec *c;
	struct fm_assignment *assignment;
	struct fm_table *t; /* sa and da hold host numbers until the end */
	struct fm_flow_rules rules;
	uint32_t recent[FM_SIDES][FM_WINDOW_MOST],
	    window[2 * FM_WINDOW_MOST]; /* tail hosts of this window: by side and recency, and all of them */
	int nrecent[FM_SIDES], nwindow;
	int64_t now_ms;                     /* when this window begins */
	uint64_t trade[2 * FM_WINDOW_MOST]; /* pairs of this window: tail host and trade */
	int ntrades;
	uint64_t seen, mixed;            /* events of hosts seen before in their window, and those of a new trade */
	uint32_t *answer;                /* (rows) the reply of each flow, or UINT32_MAX */
	struct fm_reassign *reassign;    /* or NULL */
	struct fm_reach *reach;          /* or NULL */
	struct fm_scan_plan *scans;      /* or NULL */
	struct fm_window_memory *memory; /* or NULL */
	struct fm_port_memory *ports;    /* or NULL */
	uint32_t nwindows;               /* windows decoded */
	bool recalled;                   /* the flow that is made */
	bool closed[FM_WINDOW_MOST];     /* by flow of this window: it is a reply or has one */
	int row_in_window;
	struct fm_rng alike;    /* with reassign: decides which flows have the value of their source */
	int fallback[FM_SIDES]; /* class of a new host where no token gives one */
};

static int64_t number(const struct decoder *d, enum fm_res r, const uint16_t *tok, const float *res)
{
	return fm_num_decode(&d->c->num[r], tok[fm_res_tok[r]], fm_normal_cdf(res[r]));
}

/* A duration, perhaps coded by that of the source flow; then it is 0 only where that is. */
static uint32_t duration(const struct decoder *d, const uint16_t *tok, const float *res, uint32_t source)
{
	int64_t td = fm_td_decode(d->c, tok[FM_T_TD], fm_normal_cdf(res[FM_R_TD]), source),
		step = d->c->num[FM_R_TD].step;
	if (tok[FM_T_TD] < fm_num_tokens(&d->c->num[FM_R_TD]))
		return (uint32_t)td;
	return (uint32_t)(source == 0 ? 0 : td < step ? step : td);
}

/* Does a flow with relation `kind` have the same number as the flow `back` places before it?  Drawn. */
static bool is_alike(struct decoder *d, enum fm_res r, const uint16_t *tok, int kind, int back)
{
	int c = fm_res_tok[r], token = tok[c];
	if (!d->reassign || !fm_alike_may(r, kind) || token < d->c->num[r].natoms ||
	    token >= fm_num_tokens(&d->c->num[r]) || token != (tok - (size_t)back * FM_NTOK)[c])
		return false;
	return fm_rng_uniform53(&d->alike) < d->c->alike.share[r][kind];
}

/* Packets and bytes of the row that is made. */
static void sizes(struct decoder *d, const uint16_t *tok, const float *res, int kind, int back)
{
	struct fm_table *t = d->t;
	size_t r = t->rows, q = r - (size_t)back;
	bool pkt_alike = is_alike(d, FM_R_PKT, tok, kind, back), bpp_alike = is_alike(d, FM_R_BPP, tok, kind, back);
	int64_t pkt = pkt_alike ? (int64_t)t->pkt[q] : number(d, FM_R_PKT, tok, res);
	t->pkt[r] = pkt > 1 ? (uint64_t)pkt : 1;
	t->byt[r] = bpp_alike && t->pkt[r] == t->pkt[q]
			? t->byt[q]
			: ((uint64_t)number(d, FM_R_BPP, tok, res) * t->pkt[r] + 500) / 1000;
}

static void remember(struct decoder *d, uint32_t host)
{
	int at = 0, side = fm_assignment_side(d->assignment, host);
	uint32_t *recent = d->recent[side];
	if (host < (uint32_t)d->c->roles.nhosts)
		return;
	while (at < d->nrecent[side] && recent[at] != host)
		at++;
	if (at == d->nrecent[side]) {
		if (d->nrecent[side] < FM_WINDOW_MOST)
			d->nrecent[side]++;
		else
			at--;
		if (d->nwindow < 2 * FM_WINDOW_MOST)
			d->window[d->nwindow++] = host;
	}
	memmove(recent + 1, recent, sizeof *recent * (size_t)at);
	recent[0] = host;
}

/* The host of a side that a token names; UINT32_MAX: a new host of class *cl. */
static uint32_t name(const struct decoder *d, int token, int side, int *cl)
{
	int W = d->c->window, n = d->c->roles.nhosts;
	*cl = d->fallback[side];
	if (token < W) /* a recency beyond what is there: the one seen longest ago, or a new host */
		return d->nrecent[side] > 0 ? d->recent[side][token < d->nrecent[side] ? token : d->nrecent[side] - 1]
					    : UINT32_MAX;
	/* The family of the flow counts, whatever the token says. */
	if (token < W + n && ((d->c->roles.side[token - W] ^ side) & FM_SIDE_IPV6) == 0)
		return (uint32_t)(token - W);
	if (token >= W + n && ((fm_role_side(d->c->roles.class_of[token - W - n]) ^ side) & FM_SIDE_IPV6) == 0)
		*cl = token - W - n;
	return UINT32_MAX;
}

/* A host of the tail as source (role 0) or destination (role 1) of a service. */
static int call(struct decoder *d, int cl, uint32_t service, int role, uint32_t peer, uint32_t *host,
		struct fm_error *err)
{
	struct fm_call c = {.cl = cl,
			    .trade = fm_trade_of(&d->c->num[FM_R_DP], service, role),
			    .peer = peer,
			    .now_ms = d->now_ms,
			    .taken = d->window,
			    .ntaken = d->nwindow};
	return fm_assignment_draw(d->assignment, &c, host, err);
}

static bool among(const struct decoder *d, uint32_t host)
{
	for (int i = 0; i < d->nwindow; i++)
		if (d->window[i] == host)
			return true;
	return false;
}

static bool has_trade(const struct decoder *d, uint32_t host, uint32_t trade)
{
	for (int i = 0; i < d->ntrades; i++)
		if (d->trade[i] == ((uint64_t)host << 32 | trade))
			return true;
	return false;
}

static void take_trade(struct decoder *d, uint32_t host, uint32_t trade)
{
	if (host >= (uint32_t)d->c->roles.nhosts && d->ntrades < 2 * FM_WINDOW_MOST && !has_trade(d, host, trade))
		d->trade[d->ntrades++] = (uint64_t)host << 32 | trade;
}

/* Keep `host`, a host of the tail that this window has seen; or the last one of its side with that trade; or UINT32_MAX
 * for a new one of its class *cl.  Hosts take up new trades as often as was learned. */
static uint32_t keep_trade(struct decoder *d, uint32_t host, uint32_t trade, int *cl)
{
	int side;
	if (host < (uint32_t)d->c->roles.nhosts)
		return host;
	d->seen++;
	if (host == UINT32_MAX)
		return host;
	if (has_trade(d, host, trade))
		return host;
	if ((double)d->mixed < d->c->profiles.mixed * (double)d->seen) {
		d->mixed++;
		return host;
	}
	side = fm_assignment_side(d->assignment, host);
	for (int i = 0; i < d->nrecent[side]; i++)
		if (has_trade(d, d->recent[side][i], trade))
			return d->recent[side][i];
	*cl = fm_assignment_class(d->assignment, host);
	return UINT32_MAX;
}

static bool alive(void *ctx, uint32_t host)
{
	struct decoder *d = ctx;
	return among(d, host) || fm_assignment_alive(d->assignment, host);
}

/* Another popular host than `host` as destination of a popular source, or UINT32_MAX for one of the tail. */
static uint32_t fresh_peer(struct decoder *d, uint32_t service, uint32_t from, uint32_t host)
{
	struct fm_call_for c = {.service = service,
				.plain = fm_plain_service(&d->c->num[FM_R_DP], service),
				.from = from,
				.host = host,
				.side = d->c->roles.side[host]};
	return fm_reach_fresh(d->reach, d->reassign, &c);
}

/* The destination that the tokens name, replaced if need be by one that fits the source; UINT32_MAX: a new host of
 * class *cl. */
static uint32_t reassign_peer(struct decoder *d, uint32_t service, uint32_t from, uint32_t to, int side, int *cl)
{
	uint32_t n = (uint32_t)d->c->roles.nhosts, h;
	bool popular = from < n;
	if (popular && (h = fm_reassign_peer(d->reassign, service, from)) != UINT32_MAX)
		return h;
	if (to >= n)
		return keep_trade(d, to, fm_trade_of(&d->c->num[FM_R_DP], service, 1), cl);
	h = fm_reassign_host(d->reassign, 1, service, to);
	if (!popular || !fm_reassign_talks(d->reassign, service, from, h))
		return h;
	*cl = d->fallback[side];
	return fresh_peer(d, service, from, h);
}

/* The destination of a popular source, chosen so that the source has its learned number of different destinations;
 * UINT32_MAX: a host of the tail, of class *cl. */
static uint32_t keep_reach(struct decoder *d, uint32_t service, uint32_t from, uint32_t to, int side, int *cl)
{
	enum { TRIES = 8 };
	uint32_t plain = fm_plain_service(&d->c->num[FM_R_DP], service), h;
	bool met = to != UINT32_MAX && fm_reach_has(d->reach, plain, from, to);
	switch (fm_reach_ask(d->reach, plain, from)) {
	case FM_REACH_NEW:
		if (!met || fm_reassign_talks(d->reassign, service, from, to))
			return to;
		if (to < (uint32_t)d->c->roles.nhosts) {
			*cl = d->fallback[side];
			return fresh_peer(d, service, from, to);
		}
		*cl = fm_assignment_class(d->assignment, to);
		return UINT32_MAX;
	case FM_REACH_OLD:
		for (int i = 0; i < TRIES && !met; i++) {
			h = fm_reach_again(d->reach, plain, from);
			if (h != UINT32_MAX && h != from && fm_assignment_side(d->assignment, h) == side &&
			    alive(d, h) &&
			    (service == plain || h >= (uint32_t)d->c->roles.nhosts ||
			     fm_reassign_speaks(d->reassign, h)))
				return h;
		}
		return to;
	default:
		return to;
	}
}

/* Which ends are inside, and the family: that of the source where the source is known already, else one that goes with
 * the protocol. */
static int direction(const struct decoder *d, const uint16_t *tok, int pr, uint32_t known)
{
	int dir = d->c->vocab[FM_T_DIR] > 1 ? tok[FM_T_DIR] : 0, goes;
	if (!d->c->roles.any_ipv6)
		return dir;
	goes = fm_families(d->c, pr);
	if (known != UINT32_MAX)
		return (dir & 3) | (fm_assignment_side(d->assignment, known) & FM_SIDE_IPV6 ? FM_DIR_IPV6 : 0);
	return goes & (dir & FM_DIR_IPV6 ? FM_FAMILY_IPV6 : FM_FAMILY_IPV4) ? dir : dir ^ FM_DIR_IPV6;
}

/* A flow of the table as the memory of windows has it. */
static struct fm_return_flow memory_flow(const struct decoder *d, size_t row, uint32_t from, uint32_t to, int ss,
					 int es)
{
	const struct fm_table *t = d->t;
	const struct fm_num *ports = &d->c->num[FM_R_DP];
	return (struct fm_return_flow){.service = fm_service_of(ports, t->pr[row], t->sp[row], t->dp[row], false),
				       .turned = fm_service_of(ports, t->pr[row], t->dp[row], t->sp[row], false),
				       .style = fm_flow_style(t->pkt[row], t->byt[row]),
				       .popular = from < (uint32_t)d->c->roles.nhosts,
				       .from = from,
				       .to = to,
				       .sides = ss | es << 4 | (FM_HAS(t, FM_LABEL) ? t->label[row] << 8 : 0),
				       .sp = t->sp[row],
				       .dp = t->dp[row]};
}

/* Does the row that is made go on with a conversation of earlier windows?  Then its ports and hosts are set to
 * those. */
static bool recall(struct decoder *d, uint32_t *s, uint32_t *e, int ss, int es)
{
	size_t r = d->t->rows;
	struct fm_return_flow f = memory_flow(d, r, *s, *e, ss, es);
	if (!fm_window_memory_recall(d->memory, &f, alive, d))
		return false;
	*s = f.from;
	*e = f.to;
	d->recalled = true;
	d->t->sp[r] = f.sp;
	d->t->dp[r] = f.dp;
	d->closed[d->row_in_window] = f.reply;
	return true;
}

/* The source of an event: that of the scan that its window is part of, or the one that scans instead of `from`. */
static uint32_t scanner(struct decoder *d, uint32_t service, uint32_t from, int side)
{
	const struct fm_scan *scan = fm_scan_plan_under_way(d->scans, service);
	if (scan && d->c->roles.side[scan->from] == side)
		return scan->from;
	return from < (uint32_t)d->c->roles.nhosts ? fm_reach_scanner(d->reach, service, from) : from;
}

/* Both ends of the flow in row r; sa is already set when `known`.  Recency of da counts after sa has moved to the
 * front. */
static int endpoints(struct decoder *d, const uint16_t *tok, size_t r, bool known, uint32_t service,
		     struct fm_error *err)
{
	uint32_t *sa = &d->t->sa[r], *da = &d->t->da[r];
	int pr = d->t->pr[r];
	int sc, dc, token = tok[FM_T_DA], dir = direction(d, tok, pr, known ? *sa : UINT32_MAX), rc;
	int family = dir & FM_DIR_IPV6 ? FM_SIDE_IPV6 : 0, ss = (dir & 1) + family, es = (dir >> 1 & 1) + family;
	uint32_t s = known ? *sa : name(d, tok[FM_T_SA], ss, &sc), e;
	if (d->reassign && !known)
		s = s < (uint32_t)d->c->roles.nhosts
			? fm_reassign_host(d->reassign, 0, service, s)
			: keep_trade(d, s, fm_trade_of(&d->c->num[FM_R_DP], service, 0), &sc);
	if (d->reach && !known)
		s = scanner(d, fm_plain_service(&d->c->num[FM_R_DP], service), s, ss);
	if (d->memory && !known && (s < (uint32_t)d->c->roles.nhosts || s == UINT32_MAX)) {
		int unused;
		e = name(d, token, es, &unused);
		if (recall(d, &s, &e, ss, es)) {
			remember(d, s);
			remember(d, e);
			take_trade(d, s, fm_trade_of(&d->c->num[FM_R_DP], service, 0));
			take_trade(d, e, fm_trade_of(&d->c->num[FM_R_DP], service, 1));
			*sa = s;
			*da = e;
			return FM_OK;
		}
	}
	bool newcomer = s == UINT32_MAX;
	if (!newcomer)
		remember(d, s);
	/* A newcomer on the same side takes place 0, and the others move on by one. */
	bool shifted = newcomer && ss == es && token < d->c->window;
	e = shifted && token == 0 ? UINT32_MAX : name(d, token - shifted, es, &dc);
	if (shifted && token == 0)
		dc = d->fallback[es];
	if (d->reassign)
		e = reassign_peer(d, service, s, e, es, &dc);
	if (d->reach && s < (uint32_t)d->c->roles.nhosts)
		e = keep_reach(d, service, s, e, es, &dc);
	if (newcomer) {
		if ((rc = call(d, sc, service, 0, e, &s, err)) < 0)
			return rc;
		remember(d, s);
	}
	if (e == s) {
		e = UINT32_MAX;
		dc = d->fallback[es];
	}
	if (e == UINT32_MAX) {
		if ((rc = call(d, dc, service, 1, s, &e, err)) < 0)
			return rc;
		if (newcomer)
			fm_assignment_meet(d->assignment, s, fm_trade_of(&d->c->num[FM_R_DP], service, 0), e);
	}
	remember(d, e);
	take_trade(d, s, fm_trade_of(&d->c->num[FM_R_DP], service, 0));
	take_trade(d, e, fm_trade_of(&d->c->num[FM_R_DP], service, 1));
	*sa = s;
	*da = e;
	return FM_OK;
}

/* Tell the reach of hosts about row r, whose destination was drawn. */
static int reach_event(struct decoder *d, size_t r, struct fm_error *err)
{
	const struct fm_table *t = d->t;
	uint32_t service = fm_service_of(&d->c->num[FM_R_DP], t->pr[r], t->sp[r], t->dp[r], false);
	return t->sa[r] < (uint32_t)d->c->roles.nhosts ? fm_reach_add(d->reach, service, t->sa[r], t->da[r], err)
						       : FM_OK;
}

/* Remember of a finished window what later windows need. */
static int keep_window(struct decoder *d, size_t first, size_t rows, struct fm_error *err)
{
	int rc;
	for (size_t i = 0; i < rows; i++) {
		uint32_t from = d->t->sa[first + i], to = d->t->da[first + i];
		struct fm_return_flow f = memory_flow(d, first + i, from, to, fm_assignment_side(d->assignment, from),
						      fm_assignment_side(d->assignment, to));
		bool silent = to < (uint32_t)d->c->roles.nhosts && !fm_reassign_speaks(d->reassign, to);
		if ((rc = fm_window_memory_add(d->memory, &f, !d->closed[i] && !silent, err)) < 0)
			return rc;
	}
	fm_window_memory_next(d->memory);
	return FM_OK;
}

/* A client that keeps its source port gets it again in row r, unless the row's own window fixes the port. */
static int keep_port(struct decoder *d, size_t r, bool free_to, struct fm_error *err)
{
	struct fm_table *t = d->t;
	const struct fm_num *ports = &d->c->num[FM_R_DP];
	struct fm_client_flow f = {.from = t->sa[r],
				   .service = fm_service_of(ports, t->pr[r], t->sp[r], t->dp[r], false),
				   .window = d->nwindows,
				   .sp = t->sp[r]};
	if (!fm_client_service(ports, f.service))
		return FM_OK;
	if (free_to)
		t->sp[r] = f.sp = fm_port_memory_ask(d->ports, &f);
	return fm_port_memory_add(d->ports, &f, err);
}

static int decode_window(struct decoder *d, int64_t te, const uint16_t *tok, const float *res, size_t rows,
			 struct fm_error *err)
{
	struct fm_table *t = d->t;
	memset(d->nrecent, 0, sizeof d->nrecent);
	d->nwindow = 0;
	d->now_ms = te;
	d->ntrades = 0;
	d->nwindows++;
	if (d->reassign)
		fm_reassign_window(d->reassign);
	memset(d->closed, 0, sizeof d->closed);
	for (size_t i = 0; i < rows; i++, tok += FM_NTOK, res += FM_NRES) {
		size_t r = t->rows;
		d->row_in_window = (int)i;
		d->recalled = false;
		int back, kind = fm_rel_kind(tok[FM_T_REL], d->c->window, &back);
		if ((size_t)back > i)
			kind = FM_RELATION_NONE;
		size_t q = kind == FM_RELATION_NONE ? r : r - (size_t)back;
		te += number(d, FM_R_GAP, tok, res);
		t->te[r] = te < d->c->times.last_ms ? te : d->c->times.last_ms;
		bool turned = kind == FM_RELATION_REPLY;
		d->answer[r] = UINT32_MAX;
		if (turned) {
			d->answer[q] = (uint32_t)r;
			d->closed[i] = d->closed[i - (size_t)back] = true;
		}
		if (kind != FM_RELATION_NONE)
			t->sa[r] = turned ? t->da[q] : t->sa[q];
		int sp = fm_relation_source(kind, FM_T_SP), dp = fm_relation_source(kind, FM_T_DP);
		if (is_alike(d, FM_R_SP, tok, kind, back))
			sp = FM_T_SP;
		if (is_alike(d, FM_R_DP, tok, kind, back))
			dp = FM_T_DP;
		t->sp[r] = sp < 0 ? (uint16_t)number(d, FM_R_SP, tok, res) : sp == FM_T_SP ? t->sp[q] : t->dp[q];
		t->dp[r] = dp < 0 ? (uint16_t)number(d, FM_R_DP, tok, res) : dp == FM_T_DP ? t->dp[q] : t->sp[q];
		t->pr[r] = kind == FM_RELATION_NONE ? tok[FM_T_PR] : t->pr[q];
		sizes(d, tok, res, kind, back);
		if (FM_HAS(t, FM_LABEL))
			t->label[r] = tok[FM_T_LABEL];
		bool scans = d->scans && fm_scan_plan_port(d->scans, t->pr[r], &t->sp[r], t->dp[r]);
		fm_flow_rules_ports(&d->rules, t->pr[r], &t->sp[r], &t->dp[r]);
		if (fm_relation_source(kind, FM_T_DA) >= 0) {
			t->da[r] = turned ? t->sa[q] : t->da[q];
			remember(d, t->sa[r]);
			remember(d, t->da[r]);
		} else {
			uint32_t service = fm_service_of(&d->c->num[FM_R_DP], t->pr[r], t->sp[r], t->dp[r],
							 tok[FM_T_ROLE] & FM_ROLE_ANSWERED);
			bool known = kind != FM_RELATION_NONE;
			if (endpoints(d, tok, r, known, service, err) < 0 || (d->reach && reach_event(d, r, err) < 0))
				return err->code;
		}
		if (d->ports && keep_port(d, r, kind == FM_RELATION_NONE && !d->recalled && !scans, err) < 0)
			return err->code;
		if (FM_HAS(t, FM_FLG))
			t->flg[r] = fm_flow_rules_flags(&d->rules, t->pr[r], tok[FM_T_FLG]);
		if (FM_HAS(t, FM_FWD))
			t->fwd[r] = tok[FM_T_FWD];
		if (FM_HAS(t, FM_STOS))
			t->stos[r] = tok[FM_T_STOS];
		t->td[r] = is_alike(d, FM_R_TD, tok, kind, back) ? t->td[q] : duration(d, tok, res, t->td[q]);
		t->rows++;
	}
	return d->memory ? keep_window(d, t->rows - rows, rows, err) : FM_OK;
}

static int fill_dictionaries(struct decoder *d, struct fm_error *err)
{
	static const int pair[][2] = {
	    {FM_T_LABEL, FM_LABEL}, {FM_T_PR, FM_PR}, {FM_T_FLG, FM_FLG}, {FM_T_FWD, FM_FWD}, {FM_T_STOS, FM_STOS}};
	for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
		const struct fm_cat *c = &d->c->cat[pair[i][0]];
		for (int k = 0; k < c->n; k++) {
			if (fm_dict_index(&d->t->dict[pair[i][1]], c->value[k], strlen(c->value[k]), true) != k)
				return fm_fail(err, FM_EINPUT, "the model's categories of %s repeat or are too many",
					       fm_tok_name[pair[i][0]]);
		}
	}
	return FM_OK;
}

/* The dictionary of addresses: the code of each is its host's number. */
static int give_addresses(struct decoder *d, const struct fm_decode_opts *o, struct fm_error *err)
{
	struct fm_address *a = NULL;
	uint32_t code;
	int rc;
	if ((rc = fm_addresses_make(&a, d->assignment, o->fresh, o->seed, err)) < 0 ||
	    (rc = fm_address_dict_new(&d->t->addresses, err)) < 0)
		goto out;
	for (uint32_t h = 0; h < fm_assignment_hosts(d->assignment); h++) {
		bool in = fm_assignment_side(d->assignment, h) & FM_SIDE_INSIDE; /* no two are equal */
		if ((rc = fm_address_dict_add(d->t->addresses, &a[h], in, &code, err)) < 0)
			goto out;
	}
out:
	free(a);
	return rc;
}

static int side_of(const void *assignment, uint32_t host)
{
	return fm_assignment_side(assignment, host);
}

static struct fm_tail_opts tail_opts(const struct fm_codec *c, const struct fm_assignment *assignment)
{
	const struct fm_num *pkt = &c->num[FM_R_PKT], *bpp = &c->num[FM_R_BPP];
	int64_t most = bpp->natoms > 0 ? bpp->atom[bpp->natoms - 1] : 0;
	if (bpp->nbins > 0 && bpp->edge[bpp->nbins] - bpp->step > most)
		most = bpp->edge[bpp->nbins] - bpp->step;
	return (struct fm_tail_opts){.low = pkt->nbins > 0 ? pkt->edge[pkt->nbins - 1] : 0,
				     .share = c->train_rows ? (double)c->pkt_tail.from / (double)c->train_rows : 0,
				     .most = (double)most / 1000,
				     .side = side_of,
				     .ctx = assignment};
}

int fm_decode(struct fm_table **table, const struct fm_codec *c, const struct fm_window_schedule *schedule,
	      const uint16_t *tok, const float *res, const struct fm_decode_opts *o, struct fm_error *err)
{
	size_t W = (size_t)c->window;
	uint32_t *order = NULL;
	struct fm_assignment_opts ao = {.seed = o->seed,
					.grow = (double)o->rows / (double)(c->train_rows ? c->train_rows : 1)};
	struct fm_reach_opts ro = {.seed = o->seed, .grow = ao.grow};
	struct decoder d = {.c = c};
	int rc;
	fm_rng_init(&d.alike, o->seed, FM_RNG_DECODE, UINT32_MAX - 6, 0);
	for (int side = 0; side < FM_SIDES; side++)
		d.fallback[side] = fm_roles_common_class(&c->roles, side);
	if ((rc = fm_table_new(&d.t, c->present & FM_COLS_UGR16, err)) < 0 ||
	    (rc = fm_table_reserve(d.t, (size_t)o->rows, err)) < 0 || (rc = fill_dictionaries(&d, err)) < 0 ||
	    (rc = fm_flow_rules_init(&d.rules, c, err)) < 0 || (rc = fm_order_windows(schedule, &order, err)) < 0 ||
	    (rc = fm_assignment_new(&d.assignment, &c->roles, &ao, err)) < 0 ||
	    (rc = fm_alloc(&d.answer, (size_t)o->rows + 1, sizeof *d.answer, "replies", err)) < 0 ||
	    (o->reassign &&
	     (rc = fm_reassign_new(&d.reassign, &c->profiles, &c->num[FM_R_DP], &c->roles, o->seed, err)) < 0) ||
	    (o->reassign && (rc = fm_reach_new(&d.reach, &c->profiles, &c->roles, &ro, err)) < 0) ||
	    (o->reassign && (rc = fm_scan_plan_new(&d.scans, &(struct fm_made_windows){c, schedule, order, tok, res},
						   d.reach, err)) < 0) ||
	    (o->reassign && (rc = fm_window_memory_new(&d.memory, &c->returns, o->seed,
						       (double)schedule->n / c->times.source_windows, err)) < 0) ||
	    (o->reassign && (rc = fm_port_memory_new(&d.ports, &c->kept_ports, o->seed, err)) < 0))
		goto out;
	for (size_t i = 0; i < schedule->n && d.t->rows < o->rows; i++) {
		size_t w = order[i], left = (size_t)o->rows - d.t->rows;
		size_t first = d.t->rows, n = left < W ? left : W;
		size_t made = d.scans ? fm_scan_plan_window(d.scans, i) : w;
		const uint16_t *x = tok + made * W * FM_NTOK;
		if ((rc = decode_window(&d, schedule->start_ms[w], x, res + made * W * FM_NRES, n, err)) < 0)
			goto out;
		if (c->text_order) {
			struct fm_rng rng;
			fm_rng_init(&rng, o->seed, FM_RNG_DECODE, w, UINT32_MAX);
			fm_spread_arrivals(d.t, first, n, x, c->num[FM_R_GAP].step, c->times.last_ms, &rng);
		}
	}
	struct fm_tail_opts tail = tail_opts(c, d.assignment);
	struct fm_beats_opts beats = {o->seed, c->num[FM_R_GAP].step, c->times.last_ms, d.answer};
	if (o->reassign && ((rc = fm_beats_lay(&c->beats, d.t, &beats, err)) < 0 ||
			    (rc = fm_tail_lay(&c->pkt_tail, d.t, &tail, err)) < 0))
		goto out;
	if ((rc = give_addresses(&d, o, err)) < 0 || (rc = fm_table_sort_addresses(d.t, err)) < 0 ||
	    (rc = fm_order_rows(d.t, err)) < 0)
		goto out;
	*table = d.t;
	d.t = NULL;
out:
	free(order);
	free(d.answer);
	fm_assignment_free(d.assignment);
	fm_reassign_free(d.reassign);
	fm_reach_free(d.reach);
	fm_scan_plan_free(d.scans);
	fm_window_memory_free(d.memory);
	fm_port_memory_free(d.ports);
	fm_flow_rules_free(&d.rules);
	fm_table_free(d.t);
	return rc;
}
