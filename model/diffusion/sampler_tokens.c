/* sampler_tokens.c - drawing tokens: which show when, and what may be drawn. */
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "model/codec/label_budget.h"
#include "model/codec/relations.h"
#include "model/diffusion/sampler_parts.h"

#define EXCLUDED -1e30f

/* ---- what may be drawn ---- */

/* Exclude the tokens of the other side from a row of address logits. */
static void one_side_only(const struct fm_sampler *s, float *z, int V, int c, int dir)
{
	int side = (c == FM_T_SA ? dir & 1 : dir >> 1 & 1) + (dir & FM_DIR_IPV6 ? FM_SIDE_IPV6 : 0);
	for (int i = 0; i < V; i++)
		if (!(s->sides[i] >> side & 1))
			z[i] = EXCLUDED;
}

/* The address families that a token of a column goes with; both where it does not matter. */
static int families_of(const struct fm_sampler *s, int c, int token)
{
	enum { INSIDE_AND_OUT = 3 };
	if (c == FM_T_DIR)
		return token & FM_DIR_IPV6 ? FM_FAMILY_IPV6 : FM_FAMILY_IPV4;
	if (c == FM_T_PR)
		return fm_families(s->codec, token);
	return (s->sides[token] & INSIDE_AND_OUT ? FM_FAMILY_IPV4 : 0) |
	       (s->sides[token] >> FM_SIDE_IPV6 ? FM_FAMILY_IPV6 : 0);
}

/* A flow has one address family: exclude from z the tokens that fit none of the families left by its visible tokens. */
static void one_family_only(const struct fm_sampler *s, const uint16_t *flow, int c, float *z)
{
	static const int tells[] = {FM_T_DIR, FM_T_PR, FM_T_SA, FM_T_DA};
	enum { TELL = sizeof tells / sizeof *tells };
	int left = FM_FAMILY_IPV4 | FM_FAMILY_IPV6, is = 0;
	for (int k = 0; k < TELL; k++) {
		int b = tells[k], V = s->net->vocab[b];
		is |= b == c;
		if (b != c && V > 0 && flow[b] < V && (left & families_of(s, b, flow[b])))
			left &= families_of(s, b, flow[b]);
	}
	for (int i = 0; is && i < s->net->vocab[c]; i++)
		if (!(families_of(s, c, i) & left))
			z[i] = EXCLUDED;
}

/* Leave only the tokens that go with the visible ones of a flow; confined: its u in fm_sample_space; c is not rel. */
static void what_goes(const struct fm_sampler *s, const uint16_t *flow, float confined, int c, float *z)
{
	int dirs = s->net->vocab[FM_T_DIR];
	if ((c == FM_T_SA || c == FM_T_DA) && dirs && flow[FM_T_DIR] < dirs)
		one_side_only(s, z, s->net->vocab[c], c, flow[FM_T_DIR]);
	if (s->codec->roles.any_ipv6)
		one_family_only(s, flow, c, z);
	fm_structural_zeros_apply(s->zeros, s->net->vocab, flow, c, z);
	fm_label_services_apply(&s->zeros->services, s->codec, flow, confined, c, z);
}

/* Is row `row` excluded as the source of a relation of that kind?  A reply has no reply itself. */
static bool out_of(const uint16_t *tok, int row, int kind, const bool *taken)
{
	return (taken && taken[row]) || (kind == FM_RELATION_REPLY &&
					 FM_ROLE_RELATION(tok[(size_t)row * FM_NTOK + FM_T_ROLE]) == FM_RELATION_REPLY);
}

/* May row `row` of a window have row `other` as its source without joining two ways? */
static bool goes_along(const uint8_t *way, int row, int other, int kind)
{
	enum fm_way wanted = fm_relation_way(kind, (enum fm_way)way[row]);

	return wanted == FM_WAY_OPEN || way[other] == FM_WAY_OPEN || way[other] == (uint8_t)wanted;
}

/* Exclude from z the flows that row `row` of the window tok may not be related to in the way that its role announces;
 * z[k - 1] is the logit of the flow k places before. A flow is the source of one such relation, so those that are taken
 * are out (NULL: none counts as taken yet). Where the role of any of the others asks for a relation, only those that
 * ask are left; one that is followed (NULL: none is yet) asks no more, since nearly all flows are the source of one
 * alone, nor does one that goes another way (NULL: ways are not looked at). Returns how many flows are not taken. */
static int open_sources(const uint16_t *tok, int row, const bool *taken, const bool *followed, const uint8_t *way,
			float *z)
{
	int open = 0, asking = 0, kind = FM_ROLE_RELATION(tok[(size_t)row * FM_NTOK + FM_T_ROLE]);
	bool ask[FM_WINDOW_MOST];
	unsigned asks = kind == FM_RELATION_REPLY ? FM_ROLE_ANSWERED : FM_ROLE_FOLLOWED;
	for (int k = 1; k <= row; k++) {
		bool is = !out_of(tok, row - k, kind, taken);
		open += is;
		ask[row - k] =
		    (tok[(size_t)(row - k) * FM_NTOK + FM_T_ROLE] & asks) && !(followed && followed[row - k]);
		asking += is && ask[row - k] && (!way || goes_along(way, row, row - k, kind));
	}
	for (int k = 1; k <= row; k++)
		if (out_of(tok, row - k, kind, taken) || (asking > 0 && !ask[row - k]))
			z[k - 1] = EXCLUDED;
	return open;
}

/* Is one of the flows that row `row` may be related to one that it goes along with? */
static bool any_goes_along(const uint16_t *tok, int row, const bool *taken, const uint8_t *way)
{
	int kind = FM_ROLE_RELATION(tok[(size_t)row * FM_NTOK + FM_T_ROLE]);

	for (int k = 0; k < row; k++)
		if (!out_of(tok, k, kind, taken) && goes_along(way, row, k, kind))
			return true;
	return false;
}

/* Does a role announce a relation? */
static bool announces(int role)
{
	return FM_ROLE_RELATION(role) > FM_RELATION_NONE && FM_ROLE_RELATION(role) < FM_NRELATIONS;
}

static bool masked(const struct fm_sampler *s, const uint16_t *tok, int c)
{
	return s->net->vocab[c] && tok[c] == s->net->vocab[c];
}

/* Exclude from the logits z of the role of row `row` the relations that it cannot have, since all earlier flows that
 * may have its label are already the source of one.  Masked flows may be anything. */
static void possible_roles(const struct fm_sampler *s, const uint16_t *tok, int row, float *z)
{
	const uint16_t *own = tok + (size_t)row * FM_NTOK;
	int open[FM_NRELATIONS] = {0};
	for (int i = 0; i < row; i++) {
		const uint16_t *x = tok + (size_t)i * FM_NTOK;
		int of = FM_ROLE_RELATION(x[FM_T_ROLE]);
		bool any = masked(s, x, FM_T_ROLE);
		if (x[FM_T_LABEL] != own[FM_T_LABEL] && !masked(s, x, FM_T_LABEL))
			continue;
		for (int kind = 1; kind < FM_NRELATIONS; kind++)
			open[kind] += kind != FM_RELATION_REPLY
					  ? 1
					  : any || (of != FM_RELATION_REPLY && (x[FM_T_ROLE] & FM_ROLE_ANSWERED));
		if (!any && of < FM_NRELATIONS)
			open[of]--;
	}
	for (int v = 0; v < FM_ROLE_TOKENS; v++)
		if (announces(v) && open[FM_ROLE_RELATION(v)] <= 0)
			z[v] = EXCLUDED;
}

/* How many flows of each label the window of row r must have, (nclasses); NULL: any number, or c is not the label. */
static const uint16_t *budget_of(const struct fm_sampler *s, const struct fm_sample_step *q, int c, int r)
{
	size_t w = q->first + (size_t)(r / s->net->arch.window);
	return s->schedule->budget && c == FM_T_LABEL ? s->schedule->budget + w * (size_t)s->net->nclasses : NULL;
}

/* Flows of two labels are not related: mark as taken the flows before row `row` of a window whose label is not that of
 * the row. */
static void other_labels(const uint16_t *tok, int row, bool *taken)
{
	for (int k = 0; k < row; k++)
		if (tok[(size_t)k * FM_NTOK + FM_T_LABEL] != tok[(size_t)row * FM_NTOK + FM_T_LABEL])
			taken[k] = true;
}

/* The relation of row `row` of a window: of the kind that its role announces, or 0, and then the role says so from now
 * on.  Where it can only join two ways, it is as rarely as it was in training. */
static uint16_t draw_relations(const struct fm_sampler *s, uint16_t *tok, int row, float *z, float u)
{
	int W = s->net->arch.window, back;
	uint16_t *own = tok + (size_t)row * FM_NTOK;
	int kind = FM_ROLE_RELATION(own[FM_T_ROLE]), from = fm_rel_token(kind, 1, W);
	bool taken[FM_WINDOW_MOST] = {false}, followed[FM_WINDOW_MOST] = {false};
	uint8_t way[FM_WINDOW_MOST];
	if (!announces(own[FM_T_ROLE]))
		return 0;
	for (int i = 1; i < W; i++) {
		int other = fm_rel_kind(tok[(size_t)i * FM_NTOK + FM_T_REL], W, &back);
		if (other == FM_RELATION_NONE || other >= FM_NRELATIONS || back > i)
			continue;
		taken[i - back] |= other == kind;
		followed[i - back] |= other != FM_RELATION_REPLY;
	}
	other_labels(tok, row, taken);
	fm_relations_ways(tok, W, W, way);
	float usual = s->o->calibration ? s->o->calibration->joins[kind] : 1,
	      joins = usual < 1 && any_goes_along(tok, row, taken, way) ? 1 : usual;
	fm_calibration_chain(s->o->calibration, tok, way, row, kind, z + from);
	if (u < joins && open_sources(tok, row, taken, kind == FM_RELATION_REPLY ? NULL : followed,
				      usual < 1 ? way : NULL, z + from) > 0) {
		fm_tally_add_chain(s->o->tally, tok, way, row, kind, z + from);
		return (uint16_t)(from + s->net->k->draw(z + from, row, u / joins));
	}
	own[FM_T_ROLE] &= FM_ROLE_ANSWERED | FM_ROLE_FOLLOWED;
	return 0;
}

/* The approximate duration of row `row` by its token; 0 when that is masked. */
static int64_t about_td(const struct fm_sampler *s, const uint16_t *tok, int row)
{
	const uint16_t *x = tok + (size_t)row * FM_NTOK;
	int n = fm_num_tokens(&s->codec->num[FM_R_TD]), token = x[FM_T_TD], back;
	if (masked(s, x, FM_T_TD))
		return 0;
	if (token >= n && (fm_rel_kind(x[FM_T_REL], s->net->arch.window, &back) == FM_RELATION_NONE || back > row))
		return 0;
	int64_t td = fm_td_decode(s->codec, token, 0.5, token < n ? 0 : about_td(s, tok, row - back));
	return td > 0 ? td : 0;
}

/* Of the tokens for near durations leave only those that are near the request's duration; without a request none. */
static void near_request_only(const struct fm_sampler *s, const uint16_t *tok, int row, float *z)
{
	int n = fm_num_tokens(&s->codec->num[FM_R_TD]), V = s->net->vocab[FM_T_TD], back;
	int kind = fm_rel_kind(tok[(size_t)row * FM_NTOK + FM_T_REL], s->net->arch.window, &back);
	bool reply = kind == FM_RELATION_REPLY && back <= row;
	int64_t source = reply ? about_td(s, tok, row - back) : 0;
	for (int k = n; k < V; k++)
		if (!reply || !(s->pr->multinomial || fm_td_near(fm_td_decode(s->codec, k, 0.5, source), source)))
			z[k] = EXCLUDED;
}

/* Exclude a token, unless it is the only one that is left. */
static void exclude_unless_last(float *z, int V, int token)
{
	bool any = false;
	for (int i = 0; i < V && !any; i++)
		any = i != token && z[i] > EXCLUDED / 10;
	if (any)
		z[token] = EXCLUDED;
}

/* A flow that shares hosts, protocol and one port with its source differs from it in the other port: else it would have
 * the same 5-tuple (relations.h).  Exclude the port that its source shows, and those of the flows it is the source
 * of. */
static void other_port(const struct fm_sampler *s, const uint16_t *tok, int row, int c, float *z)
{
	const struct fm_num *ports = &s->codec->num[c == FM_T_DP ? FM_R_DP : FM_R_SP];
	int W = s->net->arch.window, differs = c == FM_T_DP ? FM_RELATION_SOURCE : FM_RELATION_TARGET, back;
	for (int i = row; i < W; i++) {
		const uint16_t *x = tok + (size_t)i * FM_NTOK;
		if (fm_rel_kind(x[FM_T_REL], W, &back) != differs || back > i || (i != row && i - back != row))
			continue;
		int token = (i == row ? x - (size_t)back * FM_NTOK : x)[c];
		if (token < ports->natoms)
			exclude_unless_last(z, s->net->vocab[c], token);
	}
}

static bool earlier_masked(const struct fm_sampler *s, const uint16_t *tok, int c)
{
	for (int b = 0; b < c; b++)
		if (fm_relation_source(FM_RELATION_REPLY, b) >= 0 && masked(s, tok, b))
			return true;
	return false;
}

/* Logits of column c at rows[0..n), with guidance. */
static float *logits(const struct fm_sampler *s, const struct fm_sample_step *q, int c, int n)
{
	float *z = fm_net_logits(s->net, s->p, q->space->work, c, q->space->rows, n);
	if (s->o->guidance > 0) {
		const float *u = fm_net_logits(s->net, s->p, q->space->blind, c, q->space->rows, n);
		for (size_t i = 0; i < (size_t)n * (size_t)s->net->vocab[c]; i++)
			z[i] += (float)s->o->guidance * (z[i] - u[i]);
	}
	return z;
}

static void copy_relations(const struct fm_sampler *s, const struct fm_sample_step *q, float *res)
{
	size_t W = (size_t)s->net->arch.window;
	for (size_t b = 0; b < (size_t)q->B; b++) {
		fm_relations_copy(q->tok + b * W * FM_NTOK, res + b * W * FM_NRES, (int)W);
		fm_relations_outline(q->tok + b * W * FM_NTOK, (int)W);
	}
}

/* ---- absorbing ---- */

/* Must column c of this flow, which has a relation `kind`, wait for the other port?  One port says most about the
 * other.  So it waits for a port that is copied, and until the network has seen one that showed in this step. */
static bool waits_for_port(const struct fm_sampler *s, const struct fm_sample_step *q, const uint16_t *tok, int kind,
			   int c)
{
	const uint16_t *seen = q->space->seen + (tok - q->tok);
	int other = c == FM_T_SP ? FM_T_DP : c == FM_T_DP ? FM_T_SP : -1;
	if (other < 0 || q->last)
		return false;
	return masked(s, tok, other) ? fm_relation_source(kind, other) >= 0 : masked(s, seen, other);
}

/* Everything depends on the label: must column c wait until the network has seen this flow's label? */
static bool waits_for_label(const struct fm_sampler *s, const struct fm_sample_step *q, const uint16_t *tok, int c)
{
	return c != FM_T_LABEL && !q->last && masked(s, q->space->seen + (tok - q->tok), FM_T_LABEL);
}

/* May the token of column c of this flow be drawn?  What a relation copies waits for its source, and the duration of a
 * reply for that of its request.  A flow that found no source is treated like any other, and catches up as soon as the
 * earlier columns have shown. */
static bool ready(const struct fm_sampler *s, const struct fm_sample_step *q, const uint16_t *tok, const float *reveal,
		  int c)
{
	int W = s->net->arch.window, back = 0;
	if (!masked(s, tok, c) || waits_for_label(s, q, tok, c))
		return false;
	int kind = masked(s, tok, FM_T_REL) ? FM_ROLE_RELATION(tok[FM_T_ROLE]) : fm_rel_kind(tok[FM_T_REL], W, &back);
	if (c == FM_T_TD && kind == FM_RELATION_REPLY && back > 0 && !q->last &&
	    masked(s, tok - (size_t)back * FM_NTOK, c))
		return false;
	if (fm_relation_source(FM_RELATION_REPLY, c) < 0)
		return true;
	if (fm_relation_source(kind, c) >= 0 || waits_for_port(s, q, tok, kind, c))
		return false;
	return !((double)reveal[c] > q->t && !q->last && earlier_masked(s, tok, c));
}

/* Does a token with that time show in this step? */
static bool due(const struct fm_sample_step *q, float time)
{
	return q->last || (double)time > q->next;
}

/* Draw one token from its logits. */
static void show(const struct fm_sampler *s, const struct fm_sample_step *q, int c, int r, float *z)
{
	int W = s->net->arch.window, row = r % W;
	uint16_t *flow = q->tok + (size_t)r * FM_NTOK;
	float u = fm_rng_uniform(&q->rng[r / W]);
	if (c == FM_T_REL) {
		flow[c] = draw_relations(s, flow - (size_t)row * FM_NTOK, row, z, u);
		return;
	}
	fm_calibration_apply(s->o->calibration, flow - (size_t)row * FM_NTOK, row, W, c, z);
	what_goes(s, flow, q->space->confined[r], c, z);
	if (c == FM_T_ROLE)
		possible_roles(s, flow - (size_t)row * FM_NTOK, row, z);
	if (c == FM_T_TD)
		near_request_only(s, flow - (size_t)row * FM_NTOK, row, z);
	if (c == FM_T_SP || c == FM_T_DP)
		other_port(s, flow - (size_t)row * FM_NTOK, row, c, z);
	fm_tally_add(s->o->tally, flow - (size_t)row * FM_NTOK, row, W, c, z);
	const uint16_t *budget = budget_of(s, q, c, r);
	if (budget)
		fm_label_budget_left(z, s->net->vocab[c], budget, s->net->nclasses, flow - (size_t)row * FM_NTOK, W);
	flow[c] = (uint16_t)s->net->k->draw(z, s->net->vocab[c], u);
}

static void show_in_random_order(const struct fm_sampler *s, const struct fm_sample_step *q, int c)
{
	int W = s->net->arch.window, V = s->net->vocab[c], n = 0, *rows = q->space->rows;
	for (int r = 0; r < q->B * W; r++) {
		const float *reveal = q->space->reveal + (size_t)r * FM_NTOK;
		if (ready(s, q, q->tok + (size_t)r * FM_NTOK, reveal, c) && due(q, reveal[c]))
			rows[n++] = r;
	}
	if (n == 0)
		return;
	float *z = logits(s, q, c, n);
	if (budget_of(s, q, c, 0))
		fm_label_budget_balance(z, V, rows, n, W);
	for (int i = 0; i < n; i++)
		show(s, q, c, rows[i], z + (size_t)i * (size_t)V);
}

/* How sure the network is of column c at row r: the logarithm of the greatest probability, and Gumbel noise. */
static float how_sure(const struct fm_sampler *s, const struct fm_sample_step *q, int c, int r, const float *logit)
{
	int W = s->net->arch.window, V = s->net->vocab[c], row = r % W, best = 0;
	const uint16_t *flow = q->tok + (size_t)r * FM_NTOK;
	float *z = q->space->row;
	bool other[FM_WINDOW_MOST] = {false};
	double noise = -fm_det_log(-fm_det_log(1 - fm_rng_uniform53(&q->rng[r / W]) * 0.999999 - 5e-7));
	memcpy(z, logit, sizeof *z * (size_t)V);
	if (c != FM_T_REL) {
		what_goes(s, flow, q->space->confined[r], c, z);
	} else if (!announces(flow[FM_T_ROLE]) || row == 0) {
		return (float)(FM_ORDER_NOISE * noise);
	} else {
		z += fm_rel_token(FM_ROLE_RELATION(flow[FM_T_ROLE]), 1, W);
		V = row;
		other_labels(flow - (size_t)row * FM_NTOK, row, other);
		open_sources(flow - (size_t)row * FM_NTOK, row, other, NULL, NULL, z);
	}
	if (c == FM_T_TD)
		near_request_only(s, flow - (size_t)row * FM_NTOK, row, z);
	for (int i = 1; i < V; i++)
		best = z[i] > z[best] ? i : best;
	return (float)(FM_ORDER_NOISE * noise) - s->net->k->cross_entropy(z, V, best, 0);
}

struct candidate {
	float sure;
	int row, place; /* place: of its logits */
};

static int surer(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return x->sure > y->sure ? -1 : x->sure < y->sure ? 1 : x->row - y->row;
}

/* Of the ordered candidates of one window the first `wanted` show, and swap times with those that were due. */
static void show_first(const struct fm_sampler *s, const struct fm_sample_step *q, int c, const struct candidate *all,
		       int wanted, float *z)
{
	float *reveal = q->space->reveal + c;
	int spare = wanted;
	for (int i = 0; i < wanted; i++) {
		float *time = reveal + (size_t)all[i].row * FM_NTOK, x = *time;
		for (; !due(q, *time); spare++) {
			float *other = reveal + (size_t)all[spare].row * FM_NTOK;
			if (due(q, *other)) {
				*time = *other;
				*other = x;
			}
		}
		show(s, q, c, all[i].row, z + (size_t)all[i].place * (size_t)s->net->vocab[c]);
	}
}

/* In each window show as many tokens as are due, but the surest ones. */
static void show_the_surest(const struct fm_sampler *s, const struct fm_sample_step *q, int c)
{
	int W = s->net->arch.window, V = s->net->vocab[c], n = 0, total = 0, *rows = q->space->rows;
	const float *reveal = q->space->reveal;
	for (int r = 0; r < q->B * W; r++)
		if (ready(s, q, q->tok + (size_t)r * FM_NTOK, reveal + (size_t)r * FM_NTOK, c)) {
			rows[n++] = r;
			total += due(q, reveal[(size_t)r * FM_NTOK + (size_t)c]);
		}
	if (total == 0)
		return;
	float *z = logits(s, q, c, n);
	if (budget_of(s, q, c, 0))
		fm_label_budget_balance(z, V, rows, n, W);
	for (int from = 0, to; from < n; from = to) {
		struct candidate all[FM_WINDOW_MOST];
		int wanted = 0;
		for (to = from; to < n && rows[to] / W == rows[from] / W; to++)
			wanted += due(q, reveal[(size_t)rows[to] * FM_NTOK + (size_t)c]);
		if (wanted == 0)
			continue;
		for (int i = from; i < to; i++)
			all[i - from] = (struct candidate){
			    wanted < to - from ? how_sure(s, q, c, rows[i], z + (size_t)i * (size_t)V) : 0, rows[i], i};
		qsort(all, (size_t)(to - from), sizeof *all, surer);
		show_first(s, q, c, all, wanted, z);
	}
}

static void show_columns(const struct fm_sampler *s, const struct fm_sample_step *q, float *res)
{
	for (int i = 0; i < FM_NTOK; i++) {
		int c = i == 0 ? FM_T_LABEL : i <= FM_T_LABEL ? i - 1 : i; /* the label first: all else depends on it */
		if (s->net->vocab[c])
			(s->o->confident ? show_the_surest : show_in_random_order)(s, q, c);
		if (s->net->vocab[FM_T_REL] && (c == FM_T_REL || fm_relation_source(FM_RELATION_REPLY, c) >= 0))
			copy_relations(s, q, res);
	}
}

/* ---- multinomial ---- */

/* Is column c clean at t? */
static bool clean(const struct fm_sampler *s, int c, double t)
{
	return !s->net->vocab[c] || !(fm_process_mask(s->pr, c, t) > 0);
}

/* Logits of x_0 without the tokens that do not go with the flow's clean columns; done: which columns are clean. */
static void what_goes_with_clean(const struct fm_sampler *s, const uint16_t *flow, float confined, int row, int c,
				 const bool *done, float *z)
{
	bool other[FM_WINDOW_MOST] = {false};
	uint16_t seen[FM_NTOK];
	int V = s->net->vocab[c];
	if (c == FM_T_REL) {
		bool related = row > 0 && done[FM_T_ROLE] && announces(flow[FM_T_ROLE]);
		int from = related ? fm_rel_token(FM_ROLE_RELATION(flow[FM_T_ROLE]), 1, s->net->arch.window) : 0,
		    to = related ? from + row : 1;
		for (int i = 0; i < V; i++)
			if (i < from || i >= to)
				z[i] = EXCLUDED;
		if (related && done[FM_T_LABEL])
			other_labels(flow - (size_t)row * FM_NTOK, row, other);
		if (related)
			open_sources(flow - (size_t)row * FM_NTOK, row, other, NULL, NULL, z + from);
		return;
	}
	for (int b = 0; b < FM_NTOK; b++)
		seen[b] = done[b] ? flow[b] : (uint16_t)s->net->vocab[b];
	what_goes(s, seen, confined, c, z);
	if (c == FM_T_TD)
		near_request_only(s, flow - (size_t)row * FM_NTOK, row, z);
}

/* The step to the data of a column whose values the rows of a window share: a flow has one reply, and labels have a
 * budget. z (n,V): logits of x_0 at all n rows. */
static void share_out(const struct fm_sampler *s, const struct fm_sample_step *q, int c, const struct fm_keep *keep,
		      int n, float *z)
{
	int V = s->net->vocab[c];
	for (int r = 0; r < n; r++) {
		uint16_t *x = &q->tok[(size_t)r * FM_NTOK + (size_t)c];
		fm_multinomial_own(z + (size_t)r * (size_t)V, V, *x, keep);
		*x = (uint16_t)V;
	}
	if (c == FM_T_LABEL)
		fm_label_budget_balance(z, V, q->space->rows, n, s->net->arch.window);
	for (int r = 0; r < n; r++)
		show(s, q, c, r, z + (size_t)r * (size_t)V);
}

/* Weigh the labels of a window by its budget, before any of them is clean. */
static void as_wanted(const uint16_t *budget, int nclasses, int V, float *z)
{
	for (int l = 0; l < V; l++)
		z[l] = l < nclasses && budget[l] > 0 ? z[l] + (float)fm_det_log(budget[l]) : EXCLUDED;
}

/* Take column c one step nearer to the data, at all rows that do not copy it; late: only at the rows that turned out to
 * copy nothing after the column was done. */
static void mix_column(const struct fm_sampler *s, const struct fm_sample_step *q, int c, const bool *done, bool late)
{
	int W = s->net->arch.window, V = s->net->vocab[c], n = 0, *rows = q->space->rows;
	struct fm_keep keep;
	bool moves = fm_process_keep(s->pr, c, q->t, q->last ? 0 : q->next, &keep);
	if (!V || (late ? !done[c] : !moves))
		return;
	for (int r = 0; r < q->B * W; r++) {
		const uint16_t *flow = q->tok + (size_t)r * FM_NTOK;
		int back,
		    kind = done[FM_T_REL] ? fm_rel_kind(flow[FM_T_REL], W, &back) : FM_ROLE_RELATION(flow[FM_T_ROLE]);
		bool copies = fm_relation_source(kind, c) >= 0;
		if (!copies && (!late || (masked(s, flow, c) && (q->last || !earlier_masked(s, flow, c)))))
			rows[n++] = r;
	}
	if (n == 0)
		return;
	float *z = logits(s, q, c, n);
	if (late)
		keep = (struct fm_keep){0, 1};
	bool wanted = budget_of(s, q, c, 0) != NULL;
	if ((c == FM_T_REL || wanted) && !(keep.before < 1)) {
		share_out(s, q, c, &keep, n, z);
		return;
	}
	if (wanted)
		fm_label_budget_balance(z, V, rows, n, W);
	for (int i = 0; i < n; i++, z += V) {
		uint16_t *flow = q->tok + (size_t)rows[i] * FM_NTOK;
		what_goes_with_clean(s, flow, q->space->confined[rows[i]], rows[i] % W, c, done, z);
		if (wanted)
			as_wanted(budget_of(s, q, c, rows[i]), s->net->nclasses, V, z);
		flow[c] = (uint16_t)fm_multinomial_draw(s->net->k, z, V, flow[c], &keep,
							fm_rng_uniform(&q->rng[rows[i] / W]));
	}
}

/* The columns in the order in which they become clean. */
static const int in_order[FM_NTOK] = {FM_T_LABEL, FM_T_ROLE, FM_T_GAP, FM_T_REL, FM_T_DIR, FM_T_PR,
				      FM_T_SA,    FM_T_DA,   FM_T_SP,  FM_T_DP,  FM_T_FLG, FM_T_FWD,
				      FM_T_STOS,  FM_T_PKT,  FM_T_TD,  FM_T_BPP};

static void mix_columns(const struct fm_sampler *s, const struct fm_sample_step *q, float *res)
{
	bool done[FM_NTOK];
	for (int c = 0; c < FM_NTOK; c++)
		done[c] = clean(s, c, q->t);
	for (int i = 0; i < FM_NTOK; i++) {
		int c = in_order[i];
		mix_column(s, q, c, done, false);
		done[c] = q->last || clean(s, c, q->next);
		if (done[FM_T_REL] && (c == FM_T_REL || fm_relation_source(FM_RELATION_REPLY, c) >= 0))
			copy_relations(s, q, res);
		if (c != FM_T_REL || !done[c])
			continue;
		/* Flows that found no source get one column per step, the first masked one; in the last step all. */
		for (int late = 0; late < FM_NTOK; late++)
			if (fm_relation_source(FM_RELATION_REPLY, q->last ? late : FM_NTOK - 1 - late) >= 0)
				mix_column(s, q, q->last ? late : FM_NTOK - 1 - late, done, true);
		copy_relations(s, q, res);
	}
}

/* ---- a step ---- */

void fm_sample_tokens(const struct fm_sampler *s, const struct fm_sample_step *q, float *res)
{
	size_t R = (size_t)q->B * (size_t)s->net->arch.window;
	memcpy(q->space->seen, q->tok, R * FM_NTOK * sizeof *q->tok);
	(s->pr->multinomial ? mix_columns : show_columns)(s, q, res);
}
