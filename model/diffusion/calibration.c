/* calibration.c - tallies of real and made flows, and the biases that their ratios give. */
#include "model/diffusion/calibration_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

/* How a flow is related, whether it is answered, what follows it. */
#define FOLLOWED (2 * FM_FOLLOWERS + 1)
#define STATES (FM_NRELATIONS * 2 * FOLLOWED)
/* A flow that is chosen as a source: its role, and whether it goes the way that its follower's source does. */
#define CHOICES (2 * FM_ROLE_TOKENS)
/* Columns with more tokens are not counted. */
#define MOST 4096
/* The bias of a finer context corrects what the bias of the coarser one leaves. */
#define FINE_PACE 0.5

static bool host(int c)
{
	return c == FM_T_SA || c == FM_T_DA;
}

int fm_calibration_new(struct fm_calibration *k, const int *vocab, struct fm_error *err)
{
	int labels = vocab[FM_T_LABEL] > 1 ? vocab[FM_T_LABEL] : 1, rc;

	*k = (struct fm_calibration){0};
	for (int c = 0; c < FM_NTOK; c++)
		k->sharp[c] = 1;
	for (int kind = 0; kind < FM_NRELATIONS; kind++)
		k->joins[kind] = 1;
	if (vocab[FM_T_ROLE] < 2 || labels > FM_MAXCLASSES)
		return FM_OK;
	for (int c = 0; c < FM_NTOK; c++) {
		if (vocab[c] < 2 || c == FM_T_LABEL)
			continue;
		k->width[c] = c == FM_T_REL ? CHOICES : vocab[c];
		k->contexts[c] = c == FM_T_REL    ? FM_NRELATIONS
				 : c == FM_T_ROLE ? labels
				 : host(c)        ? labels * STATES / FOLLOWED
						  : labels * STATES;
		if ((rc = fm_alloc(&k->bias[c], (size_t)k->contexts[c] * (size_t)k->width[c], sizeof **k->bias,
				   "a calibration", err)) < 0) {
			fm_calibration_free(k);
			return rc;
		}
	}
	return FM_OK;
}

void fm_calibration_free(struct fm_calibration *k)
{
	for (int c = 0; c < FM_NTOK; c++) {
		free(k->bias[c]);
		free(k->fine_bias[c]);
	}
	free(k->service);
	free(k->outline);
	free(k->chain);
	*k = (struct fm_calibration){0};
}

int fm_tally_new(struct fm_tally *t, const struct fm_calibration *of, struct fm_error *err)
{
	size_t at = FM_NTOK + FM_NTOK * FM_NRELATIONS * 2;
	int rc;

	*t = (struct fm_tally){.of = of, .len = at};
	for (int c = 0; c < FM_NTOK; c++)
		t->len += (size_t)(of->contexts[c] + of->fine[c]) * (size_t)of->width[c];
	if ((rc = fm_alloc(&t->all, t->len, sizeof *t->all, "a calibration", err)) < 0)
		return rc;
	t->nats = t->all;
	t->same = t->all + FM_NTOK;
	for (int c = 0; c < FM_NTOK; c++) {
		size_t width = (size_t)of->width[c];
		t->n[c] = width > 0 ? t->all + at : NULL;
		at += (size_t)of->contexts[c] * width;
		t->fine[c] = width > 0 && of->fine[c] > 0 ? t->all + at : NULL;
		at += (size_t)of->fine[c] * width;
	}
	return FM_OK;
}

void fm_tally_free(struct fm_tally *t)
{
	free(t->all);
	*t = (struct fm_tally){0};
}

/* ---- contexts ---- */

/* Where column c of row `row` of a window is counted; -1: nowhere, since its label or role is not there yet. */
static int context_of(const struct fm_calibration *k, const uint16_t *tok, int row, int window, int c)
{
	const uint16_t *flow = tok + (size_t)row * FM_NTOK;
	int labels = k->contexts[FM_T_ROLE], label = labels > 1 ? flow[FM_T_LABEL] : 0, follower = 0;

	if (c == FM_T_REL || k->width[c] == 0 || label >= labels)
		return -1;
	if (c == FM_T_ROLE)
		return label;
	if (flow[FM_T_ROLE] >= FM_ROLE_TOKENS)
		return -1;
	int state =
	    (label * FM_NRELATIONS + fm_calibration_kind(tok, row, window)) * 2 + (flow[FM_T_ROLE] & FM_ROLE_ANSWERED);
	if (host(c))
		return state;
	if (flow[FM_T_ROLE] & FM_ROLE_FOLLOWED)
		follower = fm_calibration_followed(tok, row, window);
	return state * FOLLOWED + follower;
}

/* The row of a window whose token of column c shows, and which row `row` is related to by a *kind that does not copy c:
 * its source, else the first flow that it is the source of; -1: none. */
static int related(const struct fm_calibration *k, const uint16_t *tok, int row, int window, int c, int *kind)
{
	int back, V = k->width[c];

	if (c == FM_T_ROLE || c == FM_T_REL || c == FM_T_GAP || host(c) || V == 0)
		return -1;
	*kind = fm_rel_kind(tok[(size_t)row * FM_NTOK + FM_T_REL], window, &back);
	if (*kind > FM_RELATION_NONE && *kind < FM_NRELATIONS && back <= row && fm_relation_source(*kind, c) < 0 &&
	    tok[(size_t)(row - back) * FM_NTOK + (size_t)c] < V)
		return row - back;
	for (int i = row + 1; i < window; i++) {
		*kind = fm_rel_kind(tok[(size_t)i * FM_NTOK + FM_T_REL], window, &back);
		if (*kind > FM_RELATION_NONE && *kind < FM_NRELATIONS && i - back == row &&
		    fm_relation_source(*kind, c) < 0 && tok[(size_t)i * FM_NTOK + (size_t)c] < V)
			return i;
	}
	return -1;
}

void fm_calibration_apply(const struct fm_calibration *k, const uint16_t *tok, int row, int window, int c, float *z)
{
	int at = k ? context_of(k, tok, row, window, c) : -1;

	for (int v = 0; at >= 0 && k->sharp[c] != 1 && v < k->width[c]; v++)
		z[v] *= k->sharp[c];
	for (int v = 0; at >= 0 && v < k->width[c]; v++)
		z[v] += k->bias[c][(size_t)at * (size_t)k->width[c] + (size_t)v];
	int fine = at >= 0 ? fm_calibration_fine_context(k, tok, row, window, c) : -1;
	for (int v = 0; fine >= 0 && v < k->width[c]; v++)
		z[v] += k->fine_bias[c][(size_t)fine * (size_t)k->width[c] + (size_t)v];
	int kind, other = at >= 0 ? related(k, tok, row, window, c, &kind) : -1;
	if (other >= 0)
		z[tok[(size_t)other * FM_NTOK + (size_t)c]] += k->same[c][kind];
}

/* What is chosen when row `row` of a window, which has a relation of that kind, is related to the flow
 * i places before; -1: its role does not show. */
static int choice_of(const uint16_t *tok, const uint8_t *way, int row, int i, int kind)
{
	int role = tok[(size_t)(row - i) * FM_NTOK + FM_T_ROLE], of = way[row - i],
	    wanted = fm_relation_way(kind, (enum fm_way)way[row]);

	if (role >= FM_ROLE_TOKENS)
		return -1;
	return of != FM_WAY_OPEN && wanted != FM_WAY_OPEN && of != wanted ? FM_ROLE_TOKENS + role : role;
}

void fm_calibration_chain(const struct fm_calibration *k, const uint16_t *tok, const uint8_t *way, int row, int kind,
			  float *z)
{
	if (!k || k->width[FM_T_REL] == 0)
		return;
	for (int i = 1; i <= row; i++) {
		int choice = choice_of(tok, way, row, i, kind);
		z[i - 1] *= k->sharp[FM_T_REL];
		if (choice >= 0)
			z[i - 1] += k->bias[FM_T_REL][kind * CHOICES + choice];
	}
}

/* ---- tallies ---- */

/* exp(z - largest) of n logits into p; returns their sum. */
static double weights_of(const float *z, int n, double *p)
{
	float top = z[0];
	double sum = 0;

	for (int v = 1; v < n; v++)
		top = z[v] > top ? z[v] : top;
	for (int v = 0; v < n; v++)
		sum += p[v] = z[v] - top > -40 ? fm_det_exp((double)(z[v] - top)) : 0;
	return sum;
}

static uint64_t parts(double x)
{
	return (uint64_t)(x * FM_TALLY_ONE + 0.5);
}

/* The entropy of what will be drawn from n logits, whose weights are p with that sum. */
static void add_nats(const struct fm_tally *t, int c, const double *p, int n, double sum)
{
	double nats = 0;

	for (int v = 0; v < n; v++)
		if (p[v] > 0)
			nats -= p[v] / sum * fm_det_log(p[v] / sum);
	__atomic_fetch_add(&t->nats[c], parts(nats > 0 ? nats : 0), __ATOMIC_RELAXED);
}

static void add_same(const struct fm_tally *t, int c, int kind, double share)
{
	uint64_t *same = t->same + (c * FM_NRELATIONS + kind) * 2;

	__atomic_fetch_add(&same[0], FM_TALLY_ONE, __ATOMIC_RELAXED);
	__atomic_fetch_add(&same[1], parts(share), __ATOMIC_RELAXED);
}

/* fine: the finer context, or -1. */
static void add(const struct fm_tally *t, int c, int context, int fine, int v, double share)
{
	size_t V = (size_t)t->of->width[c];

	__atomic_fetch_add(&t->n[c][(size_t)context * V + (size_t)v], parts(share), __ATOMIC_RELAXED);
	if (fine >= 0)
		__atomic_fetch_add(&t->fine[c][(size_t)fine * V + (size_t)v], parts(share), __ATOMIC_RELAXED);
}

void fm_tally_add(const struct fm_tally *t, const uint16_t *tok, int row, int window, int c, const float *z)
{
	double p[MOST];
	int at = t ? context_of(t->of, tok, row, window, c) : -1, V = at >= 0 ? t->of->width[c] : 0;

	if (V == 0 || V > MOST)
		return;
	double sum = weights_of(z, V, p);
	add_nats(t, c, p, V, sum);
	int kind, other = related(t->of, tok, row, window, c, &kind);
	if (other >= 0)
		add_same(t, c, kind, p[tok[(size_t)other * FM_NTOK + (size_t)c]] / sum);
	int fine = fm_calibration_fine_context(t->of, tok, row, window, c);
	int flows = fm_calibration_copies(tok, row, window, c);
	for (int v = 0; v < V; v++)
		if (p[v] > 0)
			add(t, c, at, fine, v, flows * p[v] / sum);
}

void fm_tally_add_chain(const struct fm_tally *t, const uint16_t *tok, const uint8_t *way, int row, int kind,
			const float *z)
{
	double p[FM_WINDOW_MOST];

	if (!t || t->of->width[FM_T_REL] == 0 || row == 0)
		return;
	double sum = weights_of(z, row, p);
	add_nats(t, FM_T_REL, p, row, sum);
	for (int i = 1; i <= row; i++) {
		int choice = choice_of(tok, way, row, i, kind);
		if (choice >= 0 && p[i - 1] > 0)
			add(t, FM_T_REL, kind, -1, choice, p[i - 1] / sum);
	}
}

void fm_tally_real(const struct fm_tally *t, const struct fm_encoded *e, int window)
{
	for (size_t w = 0; w < e->windows; w++) {
		const uint16_t *tok = e->tok + w * (size_t)window * FM_NTOK;
		uint8_t way[FM_WINDOW_MOST];
		for (int i = 0; i < window; i++) {
			const uint16_t *flow = tok + (size_t)i * FM_NTOK;
			int back, kind = fm_rel_kind(flow[FM_T_REL], window, &back);
			for (int c = 0; c < FM_NTOK; c++) {
				int at = context_of(t->of, tok, i, window, c);
				if (at < 0 || fm_relation_source(kind, c) >= 0)
					continue;
				add(t, c, at, fm_calibration_fine_context(t->of, tok, i, window, c), flow[c],
				    fm_calibration_copies(tok, i, window, c));
				if (kind != FM_RELATION_NONE && c != FM_T_ROLE && c != FM_T_GAP && !host(c))
					add_same(t, c, kind, flow[c] == (flow - (size_t)back * FM_NTOK)[c]);
			}
			if (kind == FM_RELATION_NONE || t->of->width[FM_T_REL] == 0)
				continue;
			/* As if relations were drawn in the order of the flows. */
			fm_relations_ways(tok, window, i, way);
			add(t, FM_T_REL, kind, -1, choice_of(tok, way, i, back, kind), 1);
		}
	}
}

/* ---- ratios ---- */

/* The logarithm of a ratio of two shares, of a and b flows of A and B: shrunk to 0 where the flows are few, and bounded
 * by 2, so that later rounds can undo it. */
static float ratio(double a, double A, double b, double B)
{
	double few = 2 / (A < B ? A : B), x = fm_det_log((a / A + few) / (b / B + few));

	return (float)(x > 2 ? 2 : x < -2 ? -2 : x);
}

/* How a token of a context gets its ratio: its own, one shared by tokens that are rare everywhere, or one shared by
 * tokens that are rare here but would be frequent if the context did not matter. */
enum group { OWN, RARE, ELSEWHERE, NGROUPS };

/* Counts in flows of one context of a column. */
struct context {
	const uint64_t *real, *made; /* (V), in parts of FM_TALLY_ONE */
	const double *share;         /* (V) of the column's training flows in all contexts */
	int V;
};

static enum group group_of(const struct context *x, int v, double flows, double min_count)
{
	if ((double)x->real[v] / FM_TALLY_ONE >= min_count)
		return OWN;
	return x->share[v] * flows >= min_count ? ELSEWHERE : RARE;
}

static void learn(float *bias, const struct context *x, double min_count, float pace)
{
	double A = 0, B = 0, a[NGROUPS] = {0}, b[NGROUPS] = {0};

	for (int v = 0; v < x->V; v++) {
		A += (double)x->real[v] / FM_TALLY_ONE;
		B += (double)x->made[v] / FM_TALLY_ONE;
	}
	if (A < min_count || B < min_count)
		return;
	for (int v = 0; v < x->V; v++) {
		enum group g = group_of(x, v, A, min_count);
		a[g] += (double)x->real[v] / FM_TALLY_ONE;
		b[g] += (double)x->made[v] / FM_TALLY_ONE;
	}
	if (a[ELSEWHERE] < min_count)
		a[ELSEWHERE] = 0;
	for (int v = 0; v < x->V; v++) {
		enum group g = group_of(x, v, A, min_count);
		bias[v] +=
		    pace * (g == OWN ? ratio((double)x->real[v] / FM_TALLY_ONE, A, (double)x->made[v] / FM_TALLY_ONE, B)
				     : ratio(a[g], A, b[g], B));
	}
}

/* Ratios of the odds, real to made, that related flows have the same token; none where fewer than k flows have, or
 * fewer than k have not. */
static void learn_same(struct fm_calibration *k, const struct fm_tally *real, const struct fm_tally *made,
		       double min_count, float pace)
{
	for (int c = 0; c < FM_NTOK; c++)
		for (int kind = 0; kind < FM_NRELATIONS; kind++) {
			const uint64_t *x = real->same + (c * FM_NRELATIONS + kind) * 2,
				       *y = made->same + (c * FM_NRELATIONS + kind) * 2;
			double a = (double)x[1] / FM_TALLY_ONE, A = (double)x[0] / FM_TALLY_ONE - a,
			       b = (double)y[1] / FM_TALLY_ONE, B = (double)y[0] / FM_TALLY_ONE - b;
			if (a < min_count || A < min_count || b + B < min_count)
				continue;
			float bias = k->same[c][kind] + pace * (ratio(a, a + A, b, b + B) - ratio(A, a + A, B, b + B));
			k->same[c][kind] = bias > FM_MOST_ALIKE    ? FM_MOST_ALIKE
					   : bias < -FM_MOST_ALIKE ? -FM_MOST_ALIKE
								   : bias;
		}
}

/* The share (V) of each token in all contexts of column c. */
static void shares_of(const struct fm_tally *real, int c, double *share)
{
	int V = real->of->width[c];
	double all = 0;

	for (int v = 0; v < V; v++)
		share[v] = 0;
	for (int i = 0; i < real->of->contexts[c]; i++)
		for (int v = 0; v < V; v++)
			share[v] += (double)real->n[c][(size_t)i * (size_t)V + (size_t)v] / FM_TALLY_ONE;
	for (int v = 0; v < V; v++)
		all += share[v];
	for (int v = 0; v < V; v++)
		share[v] /= all > 0 ? all : 1;
}

/* Of a kind's relations, how many join two ways; none where fewer than k flows do. */
static void learn_joins(struct fm_calibration *k, const struct fm_tally *real, double min_count)
{
	for (int kind = 1; kind < FM_NRELATIONS && k->width[FM_T_REL] > 0; kind++) {
		const uint64_t *n = real->n[FM_T_REL] + (size_t)kind * CHOICES;
		double along = 0, joins = 0;
		for (int role = 0; role < FM_ROLE_TOKENS; role++) {
			along += (double)n[role] / FM_TALLY_ONE;
			joins += (double)n[FM_ROLE_TOKENS + role] / FM_TALLY_ONE;
		}
		k->joins[kind] = joins < min_count ? 0 : along < min_count ? 1 : (float)(joins / (joins + along));
	}
}

void fm_calibration_learn(struct fm_calibration *k, const struct fm_tally *real, const struct fm_tally *made,
			  int min_count, double pace)
{
	double share[MOST];

	learn_same(k, real, made, min_count > 1 ? min_count : 1, (float)pace);
	learn_joins(k, real, min_count > 1 ? min_count : 1);
	for (int c = 0; c < FM_NTOK; c++) {
		if (k->width[c] == 0 || k->width[c] > MOST)
			continue;
		shares_of(real, c, share);
		for (int i = 0; i < k->contexts[c]; i++) {
			size_t at = (size_t)i * (size_t)k->width[c];
			struct context x = {real->n[c] + at, made->n[c] + at, share, k->width[c]};
			learn(k->bias[c] + at, &x, min_count > 1 ? min_count : 1, (float)pace);
		}
		for (int i = 0; i < k->fine[c]; i++) {
			size_t at = (size_t)i * (size_t)k->width[c];
			struct context x = {real->fine[c] + at, made->fine[c] + at, share, k->width[c]};
			learn(k->fine_bias[c] + at, &x, min_count > 1 ? min_count : 1, (float)(pace * FINE_PACE));
		}
	}
}

void fm_calibration_sharpen(struct fm_calibration *k, const struct fm_tally *made, double flows,
			    const double nats[FM_NTOK])
{
	for (int c = 0; c < FM_NTOK; c++) {
		double drawn = flows > 0 ? (double)made->nats[c] / FM_TALLY_ONE / flows : 0, sharp;
		if (k->width[c] == 0 || host(c) || !(nats[c] > 0) || !(drawn > 0))
			continue;
		sharp = (double)k->sharp[c] * drawn / nats[c];
		k->sharp[c] = (float)(sharp > FM_SHARPEST ? FM_SHARPEST : sharp > 1 ? sharp : 1);
	}
}
