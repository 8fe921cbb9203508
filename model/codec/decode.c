/* decode.c - tokens to flows. */
#include "model/codec/decode_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "model/codec/decode_order.h"

/* A duration, perhaps coded by that of the source flow; then it is 0 only where that is. */
static uint32_t duration(const struct fm_decoder *d, const uint16_t *tok, const float *res, uint32_t source)
{
	int64_t td = fm_td_decode(d->c, tok[FM_T_TD], fm_normal_cdf(res[FM_R_TD]), source),
		step = d->c->num[FM_R_TD].step;
	if (tok[FM_T_TD] < fm_num_tokens(&d->c->num[FM_R_TD]))
		return (uint32_t)td;
	return (uint32_t)(source == 0 ? 0 : td < step ? step : td);
}

/* Does a flow with relation `kind` have the same number as the flow `back` places before it?  Drawn. */
static bool is_alike(struct fm_decoder *d, enum fm_res r, const uint16_t *tok, int kind, int back)
{
	int c = fm_res_tok[r], token = tok[c];
	if (!d->reassign || !fm_alike_may(r, kind) || token < d->c->num[r].natoms ||
	    token >= fm_num_tokens(&d->c->num[r]) || token != (tok - (size_t)back * FM_NTOK)[c])
		return false;
	return fm_rng_uniform53(&d->alike) < d->c->alike.share[r][kind];
}

/* Packets and bytes of the row that is made. */
static void sizes(struct fm_decoder *d, const uint16_t *tok, const float *res, int kind, int back)
{
	struct fm_table *t = d->t;
	size_t r = t->rows, q = r - (size_t)back;
	bool pkt_alike = is_alike(d, FM_R_PKT, tok, kind, back), bpp_alike = is_alike(d, FM_R_BPP, tok, kind, back);
	int64_t pkt = pkt_alike ? (int64_t)t->pkt[q] : fm_codec_number(d->c, FM_R_PKT, tok, res);
	t->pkt[r] = pkt > 1 ? (uint64_t)pkt : 1;
	t->byt[r] = bpp_alike && t->pkt[r] == t->pkt[q]
			? t->byt[q]
			: ((uint64_t)fm_codec_number(d->c, FM_R_BPP, tok, res) * t->pkt[r] + 500) / 1000;
}

/* Remember of a finished window what later windows need. */
static int keep_window(struct fm_decoder *d, size_t first, size_t rows, struct fm_error *err)
{
	int rc;
	for (size_t i = 0; i < rows; i++) {
		uint32_t from = d->t->sa[first + i], to = d->t->da[first + i];
		struct fm_return_flow f =
		    fm_decoder_memory_flow(d, first + i, from, to, fm_assignment_side(d->assignment, from),
					   fm_assignment_side(d->assignment, to));
		bool silent = to < (uint32_t)d->c->roles.nhosts && !fm_reassign_speaks(d->reassign, to);
		if ((rc = fm_window_memory_add(d->memory, &f, !d->closed[i] && !silent, err)) < 0)
			return rc;
	}
	fm_window_memory_next(d->memory);
	return FM_OK;
}

/* A client that keeps its source port gets it again in row r, unless the row's own window fixes the port. */
static int keep_port(struct fm_decoder *d, size_t r, bool free_to, struct fm_error *err)
{
	struct fm_table *t = d->t;
	const struct fm_num *ports = &d->c->num[FM_R_DP];
	struct fm_client_flow f = {.from = t->sa[r],
				   .service = fm_service_of(ports, t->pr[r], t->sp[r], t->dp[r], false),
				   .window = d->nwindows,
				   .sp = t->sp[r]};
	if (!fm_client_service(ports, f.service))
		return FM_OK;
	if (free_to) {
		t->sp[r] = fm_port_memory_ask(d->ports, &f);
		if (d->repeats && fm_decoder_repeats(d, r, t->sa[r], t->da[r]))
			t->sp[r] = f.sp;
		f.sp = t->sp[r];
	}
	return fm_port_memory_add(d->ports, &f, err);
}

/* The hosts of row r are those of an earlier flow of its window, and so are its ports.  Draw the client's port again,
 * where its token stands for more than one and it is not copied from the flow's source. */
static bool another_port(struct fm_decoder *d, const uint16_t *tok, size_t r, int kind)
{
	enum { TRIES = 8 };
	struct fm_table *t = d->t;
	const struct fm_num *ports = &d->c->num[FM_R_DP];
	bool asks = fm_client_service(ports, fm_service_of(ports, t->pr[r], t->sp[r], t->dp[r], false));
	int c = asks ? FM_T_SP : FM_T_DP;
	uint16_t *port = asks ? &t->sp[r] : &t->dp[r], was = *port;
	if (tok[c] < ports->natoms || (kind != FM_RELATION_AGAIN && fm_relation_source(kind, c) >= 0))
		return false;
	for (int i = 0; i < TRIES; i++) {
		*port = (uint16_t)fm_num_decode(ports, tok[c], fm_rng_uniform53(&d->apart));
		fm_flow_rules_ports(&d->rules, t->pr[r], &t->sp[r], &t->dp[r]); /* not each protocol has one */
		if (!fm_decoder_repeats(d, r, t->sa[r], t->da[r]))
			return true;
	}
	*port = was;
	return false;
}

/* A flow that has the hosts of its source: does it keep them, and its ports, in row r?  A 5-tuple comes again as often
 * as was learned: else the flow gets another port, or false, another destination. */
static bool keep_hosts(struct fm_decoder *d, const uint16_t *tok, size_t r, int kind)
{
	const struct fm_table *t = d->t;
	const struct fm_num *ports = &d->c->num[FM_R_DP];
	if (!d->repeats || kind == FM_RELATION_REPLY || !fm_decoder_repeats(d, r, t->sa[r], t->da[r]))
		return true;
	if (kind != FM_RELATION_AGAIN)
		return another_port(d, tok, r, kind) || true;
	return fm_repeat_plan_keeps(d->repeats, fm_service_of(ports, t->pr[r], t->sp[r], t->dp[r], false)) ||
	       another_port(d, tok, r, kind);
}

/* Row r copies a port from row q, which goes with a server.  It does not, only as often as was learned; else it goes
 * with the same. */
static void keep_server(struct fm_decoder *d, size_t r, size_t q, int kind)
{
	struct fm_table *t = d->t;
	if (!d->reassign || !fm_alike_may_stray(kind) || fm_between_clients(t, q))
		return;
	d->served[kind]++;
	if (!fm_between_clients(t, r))
		return;
	if ((double)d->strays[kind] < d->c->alike.strays[kind] * (double)d->served[kind]) {
		d->strays[kind]++;
		return;
	}
	t->sp[r] = t->sp[q];
	t->dp[r] = t->dp[q];
}

static int decode_window(struct fm_decoder *d, int64_t te, const uint16_t *tok, const float *res, size_t rows,
			 struct fm_error *err)
{
	struct fm_table *t = d->t;
	for (int side = 0; side < FM_SIDES; side++)
		d->recent[side].n = 0;
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
		te += fm_codec_number(d->c, FM_R_GAP, tok, res);
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
		t->sp[r] = sp < 0          ? (uint16_t)fm_codec_number(d->c, FM_R_SP, tok, res)
			   : sp == FM_T_SP ? t->sp[q]
					   : t->dp[q];
		t->dp[r] = dp < 0          ? (uint16_t)fm_codec_number(d->c, FM_R_DP, tok, res)
			   : dp == FM_T_DP ? t->dp[q]
					   : t->sp[q];
		t->pr[r] = kind == FM_RELATION_NONE ? tok[FM_T_PR] : t->pr[q];
		sizes(d, tok, res, kind, back);
		if (FM_HAS(t, FM_LABEL))
			t->label[r] = tok[FM_T_LABEL];
		bool scans = d->scans && fm_scan_plan_port(d->scans, t->pr[r], &t->sp[r], t->dp[r]);
		fm_flow_rules_ports(&d->rules, t->pr[r], &t->sp[r], &t->dp[r]);
		if (!scans)
			keep_server(d, r, q, kind);
		if (fm_relation_source(kind, FM_T_DA) >= 0)
			t->da[r] = turned ? t->sa[q] : t->da[q];
		if (fm_relation_source(kind, FM_T_DA) >= 0 && keep_hosts(d, tok, r, kind)) {
			fm_decoder_remember(d, t->sa[r]);
			fm_decoder_remember(d, t->da[r]);
		} else {
			uint32_t service = fm_service_of(&d->c->num[FM_R_DP], t->pr[r], t->sp[r], t->dp[r],
							 tok[FM_T_ROLE] & FM_ROLE_ANSWERED);
			bool known = kind != FM_RELATION_NONE;
			if (fm_decoder_endpoints(d, tok, r, known, service, err) < 0 ||
			    (d->reach && fm_decoder_reach_event(d, r, err) < 0))
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

static int fill_dictionaries(struct fm_decoder *d, struct fm_error *err)
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
static int give_addresses(struct fm_decoder *d, const struct fm_decode_opts *o, struct fm_error *err)
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
	const struct fm_num *bpp = &c->num[FM_R_BPP];
	int64_t most = bpp->natoms > 0 ? bpp->atom[bpp->natoms - 1] : 0;
	if (bpp->nbins > 0 && bpp->edge[bpp->nbins] - bpp->step > most)
		most = bpp->edge[bpp->nbins] - bpp->step;
	return (struct fm_tail_opts){.share = c->train_rows ? (double)c->pkt_tail.from / (double)c->train_rows : 0,
				     .most = (double)most / 1000,
				     .side = side_of,
				     .ctx = assignment};
}

int fm_decode(struct fm_table **table, const struct fm_codec *c, const struct fm_window_schedule *schedule,
	      const uint16_t *tok, const float *res, const struct fm_decode_opts *o, struct fm_error *err)
{
	size_t W = (size_t)c->window;
	int64_t step = c->num[FM_R_GAP].step;
	uint32_t *order = NULL;
	struct fm_assignment_opts ao = {.seed = o->seed,
					.grow = (double)o->rows / (double)(c->train_rows ? c->train_rows : 1)};
	struct fm_reach_opts ro = {.seed = o->seed, .grow = ao.grow};
	struct fm_decoder d = {.c = c};
	int rc;
	fm_rng_init(&d.alike, o->seed, FM_RNG_DECODE, UINT32_MAX - 6, 0);
	fm_rng_init(&d.apart, o->seed, FM_RNG_DECODE, UINT32_MAX - 9, 0);
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
	    (o->reassign && (rc = fm_port_memory_new(&d.ports, &c->kept_ports, o->seed, err)) < 0) ||
	    (o->reassign &&
	     (rc = fm_repeat_plan_new(&d.repeats, &(struct fm_made_windows){c, schedule, order, tok, res}, o->seed,
				      err)) < 0))
		goto out;
	for (size_t i = 0; i < schedule->n && d.t->rows < o->rows; i++) {
		size_t w = order[i], left = (size_t)o->rows - d.t->rows;
		size_t first = d.t->rows, n = left < W ? left : W;
		size_t made = d.scans ? fm_scan_plan_window(d.scans, i) : w;
		const uint16_t *x = tok + made * W * FM_NTOK;
		int64_t start = schedule->start_ms[w];
		if ((rc = decode_window(&d, start - (start - c->times.first_ms) % step, x, res + made * W * FM_NRES, n,
					err)) < 0)
			goto out;
		if (c->text_order) {
			struct fm_rng rng;
			fm_rng_init(&rng, o->seed, FM_RNG_DECODE, w, UINT32_MAX);
			struct fm_arrivals a = {.start_ms = start,
						.end_ms =
						    start + (schedule->end_ms[w] - start) * (int64_t)n / (int64_t)W,
						.step = step,
						.first_ms = c->times.first_ms,
						.last_ms = c->times.last_ms};
			fm_spread_arrivals(d.t, first, n, x, &a, &rng);
		}
	}
	struct fm_tail_opts tail = tail_opts(c, d.assignment);
	struct fm_beats_opts beats = {o->seed, step, c->times.first_ms, c->times.last_ms, d.answer};
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
	fm_repeat_plan_free(d.repeats);
	fm_flow_rules_free(&d.rules);
	fm_table_free(d.t);
	return rc;
}
