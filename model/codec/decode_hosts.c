/* decode_hosts.c - who sends a flow that is decoded, and to whom. */
#include "model/codec/decode_parts.h"

#include <string.h>

void fm_decoder_remember(struct fm_decoder *d, uint32_t host)
{
	if (host < (uint32_t)d->c->roles.nhosts)
		return;
	if (fm_recency_touch(&d->recent[fm_assignment_side(d->assignment, host)], host) < 0 &&
	    d->nwindow < 2 * FM_WINDOW_MOST)
		d->window[d->nwindow++] = host;
}

/* The host of a side that a token names; UINT32_MAX: a new host of class *cl. */
static uint32_t name(const struct fm_decoder *d, int token, int side, int *cl)
{
	int W = d->c->window, n = d->c->roles.nhosts;
	*cl = d->fallback[side];
	if (token < W)
		return fm_recency_at(&d->recent[side], token);
	/* The family of the flow counts, whatever the token says. */
	if (token < W + n && ((d->c->roles.side[token - W] ^ side) & FM_SIDE_IPV6) == 0)
		return (uint32_t)(token - W);
	if (token >= W + n && ((fm_role_side(d->c->roles.class_of[token - W - n]) ^ side) & FM_SIDE_IPV6) == 0)
		*cl = token - W - n;
	return UINT32_MAX;
}

/* A host of the tail as source (role 0) or destination (role 1) of a service. */
static int call(struct fm_decoder *d, int cl, uint32_t service, int role, uint32_t peer, uint32_t *host,
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

static bool among(const struct fm_decoder *d, uint32_t host)
{
	for (int i = 0; i < d->nwindow; i++)
		if (d->window[i] == host)
			return true;
	return false;
}

static bool has_trade(const struct fm_decoder *d, uint32_t host, uint32_t trade)
{
	for (int i = 0; i < d->ntrades; i++)
		if (d->trade[i] == ((uint64_t)host << 32 | trade))
			return true;
	return false;
}

static void take_trade(struct fm_decoder *d, uint32_t host, uint32_t trade)
{
	if (host >= (uint32_t)d->c->roles.nhosts && d->ntrades < 2 * FM_WINDOW_MOST && !has_trade(d, host, trade))
		d->trade[d->ntrades++] = (uint64_t)host << 32 | trade;
}

/* Keep `host`, a host of the tail that this window has seen; or the last one of its side with that trade; or UINT32_MAX
 * for a new one of its class *cl.  Hosts take up new trades as often as was learned. */
static uint32_t keep_trade(struct fm_decoder *d, uint32_t host, uint32_t trade, int *cl)
{
	const struct fm_recency *recent;
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
	recent = &d->recent[fm_assignment_side(d->assignment, host)];
	for (int i = 0; i < recent->n; i++)
		if (has_trade(d, recent->host[i], trade))
			return recent->host[i];
	*cl = fm_assignment_class(d->assignment, host);
	return UINT32_MAX;
}

static bool alive(void *ctx, uint32_t host)
{
	struct fm_decoder *d = ctx;
	return among(d, host) || fm_assignment_alive(d->assignment, host);
}

/* Another popular host than `host` as destination of a popular source, or UINT32_MAX for one of the tail. */
static uint32_t fresh_peer(struct fm_decoder *d, uint32_t service, uint32_t from, uint32_t host)
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
static uint32_t reassign_peer(struct fm_decoder *d, uint32_t service, uint32_t from, uint32_t to, int side, int *cl)
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
static uint32_t keep_reach(struct fm_decoder *d, uint32_t service, uint32_t from, uint32_t to, int side, int *cl)
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
static int direction(const struct fm_decoder *d, const uint16_t *tok, int pr, uint32_t known)
{
	int dir = d->c->vocab[FM_T_DIR] > 1 ? tok[FM_T_DIR] : 0, goes;
	if (!d->c->roles.any_ipv6)
		return dir;
	goes = fm_families(d->c, pr);
	if (known != UINT32_MAX)
		return (dir & 3) | (fm_assignment_side(d->assignment, known) & FM_SIDE_IPV6 ? FM_DIR_IPV6 : 0);
	return goes & (dir & FM_DIR_IPV6 ? FM_FAMILY_IPV6 : FM_FAMILY_IPV4) ? dir : dir ^ FM_DIR_IPV6;
}

struct fm_return_flow fm_decoder_memory_flow(const struct fm_decoder *d, size_t row, uint32_t from, uint32_t to, int ss,
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

/* Would row r, between these hosts, have the 5-tuple of one of the `flows` flows before it, or its reverse? */
static bool repeats_among(const struct fm_decoder *d, size_t r, uint32_t from, uint32_t to, size_t flows)
{
	const struct fm_table *t = d->t;
	for (size_t q = flows < r ? r - flows : 0; q < r; q++) {
		bool again = t->sa[q] == from && t->da[q] == to && t->sp[q] == t->sp[r] && t->dp[q] == t->dp[r],
		     back = t->sa[q] == to && t->da[q] == from && t->sp[q] == t->dp[r] && t->dp[q] == t->sp[r];
		if ((again || back) && t->pr[q] == t->pr[r])
			return true;
	}
	return false;
}

bool fm_decoder_repeats(const struct fm_decoder *d, size_t r, uint32_t from, uint32_t to)
{
	return repeats_among(d, r, from, to, (size_t)d->row_in_window);
}

/* The destination of row r: `to`, or another one where the 5-tuple would come again in this window, or in the one
 * before where flows of the service never do.  UINT32_MAX: a new host of class *cl. */
static uint32_t keep_apart(struct fm_decoder *d, size_t r, uint32_t service, uint32_t from, uint32_t to, int *cl)
{
	enum { TRIES = 8 };
	uint32_t n = (uint32_t)d->c->roles.nhosts, plain = fm_plain_service(&d->c->num[FM_R_DP], service);
	size_t flows = (size_t)d->row_in_window + (fm_repeat_plan_never(d->repeats, plain) ? (size_t)d->c->window : 0);
	if (!repeats_among(d, r, from, to, flows))
		return to;
	for (int i = 0; i < TRIES && from < n && to < n; i++) {
		uint32_t h = fm_reassign_peer(d->reassign, service, from);
		if (h != UINT32_MAX && h != from && !repeats_among(d, r, from, h, flows))
			return h;
	}
	if (!fm_decoder_repeats(d, r, from, to))
		return to;
	if (to < n && d->reach) {
		uint32_t h = fresh_peer(d, service, from, to);
		if (h != UINT32_MAX && h != to && !repeats_among(d, r, from, h, flows))
			return h;
	}
	*cl = to < n ? d->fallback[d->c->roles.side[to]] : fm_assignment_class(d->assignment, to);
	return UINT32_MAX;
}

/* Does the row that is made go on with a conversation of earlier windows?  Then its ports and hosts are set to
 * those. */
static bool recall(struct fm_decoder *d, uint32_t *s, uint32_t *e, int ss, int es)
{
	size_t r = d->t->rows;
	struct fm_return_flow f = fm_decoder_memory_flow(d, r, *s, *e, ss, es);
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
static uint32_t scanner(struct fm_decoder *d, uint32_t service, uint32_t from, int side)
{
	const struct fm_scan *scan = fm_scan_plan_under_way(d->scans, service);
	if (scan && d->c->roles.side[scan->from] == side)
		return scan->from;
	return from < (uint32_t)d->c->roles.nhosts ? fm_reach_scanner(d->reach, service, from) : from;
}

int fm_decoder_endpoints(struct fm_decoder *d, const uint16_t *tok, size_t r, bool known, uint32_t service,
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
			if (!among(d, s))
				fm_assignment_came(d->assignment, s, d->now_ms);
			if (!among(d, e))
				fm_assignment_came(d->assignment, e, d->now_ms);
			fm_decoder_remember(d, s);
			fm_decoder_remember(d, e);
			take_trade(d, s, fm_trade_of(&d->c->num[FM_R_DP], service, 0));
			take_trade(d, e, fm_trade_of(&d->c->num[FM_R_DP], service, 1));
			*sa = s;
			*da = e;
			return FM_OK;
		}
	}
	bool newcomer = s == UINT32_MAX;
	if (!newcomer)
		fm_decoder_remember(d, s);
	/* A newcomer on the same side takes place 0, and the others move on by one. */
	bool shifted = newcomer && ss == es && token < d->c->window;
	e = shifted && token == 0 ? UINT32_MAX : name(d, token - shifted, es, &dc);
	if (shifted && token == 0)
		dc = d->fallback[es];
	if (d->reassign)
		e = reassign_peer(d, service, s, e, es, &dc);
	if (d->reach && s < (uint32_t)d->c->roles.nhosts)
		e = keep_reach(d, service, s, e, es, &dc);
	if (d->repeats && !newcomer && e != UINT32_MAX)
		e = keep_apart(d, r, service, s, e, &dc);
	if (newcomer) {
		if ((rc = call(d, sc, service, 0, e, &s, err)) < 0)
			return rc;
		fm_decoder_remember(d, s);
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
	fm_decoder_remember(d, e);
	take_trade(d, s, fm_trade_of(&d->c->num[FM_R_DP], service, 0));
	take_trade(d, e, fm_trade_of(&d->c->num[FM_R_DP], service, 1));
	*sa = s;
	*da = e;
	return FM_OK;
}

int fm_decoder_reach_event(struct fm_decoder *d, size_t r, struct fm_error *err)
{
	const struct fm_table *t = d->t;
	uint32_t service = fm_service_of(&d->c->num[FM_R_DP], t->pr[r], t->sp[r], t->dp[r], false);
	return t->sa[r] < (uint32_t)d->c->roles.nhosts ? fm_reach_add(d->reach, service, t->sa[r], t->da[r], err)
						       : FM_OK;
}
