/* codec_encode.c - flows to tokens. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "model/codec/codec.h"
#include "model/codec/codec_parts.h"
#include "model/codec/hosts.h"
#include "model/codec/recency.h"
#include "model/codec/relations.h"

static uint16_t address_token(const struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t,
			      struct fm_recency *r, uint32_t code)
{
	const struct fm_host *h = fm_hosts_find(hosts, t, code);
	if (h && h->rank >= 0)
		return (uint16_t)(c->window + h->rank);
	r += fm_host_side(hosts, t, code);
	int at = fm_recency_touch(r, code);
	if (at >= 0 && at < c->window)
		return (uint16_t)at;
	return (uint16_t)(c->window + c->roles.nhosts + c->roles.class_id[fm_host_class(hosts, t, code)]);
}

static int direction(const struct fm_hosts *hosts, const struct fm_table *t, size_t row)
{
	int side = fm_host_side(hosts, t, t->sa[row]);
	return (side & FM_SIDE_INSIDE) + 2 * fm_table_inside(t, t->da[row]) + (side & FM_SIDE_IPV6 ? FM_DIR_IPV6 : 0);
}

/* Drop relations that copy dir between two flows that differ in it. */
static void same_way_only(const struct fm_hosts *hosts, const struct fm_table *t, size_t first, int window,
			  struct fm_relations *l)
{
	for (int i = 0; i < window; i++)
		if ((l->kind[i] == FM_RELATION_SWEEP || l->kind[i] == FM_RELATION_SERVE) &&
		    direction(hosts, t, first + l->row[i]) != direction(hosts, t, first + l->row[i - l->back[i]])) {
			l->kind[i] = FM_RELATION_NONE;
			l->back[i] = 0;
		}
}

/* Drop relations between flows of different labels: a relation copies what a label causes. */
static void same_label_only(const int *label, const struct fm_table *t, size_t first, int window,
			    struct fm_relations *l)
{
	for (int i = 0; label && i < window; i++)
		if (label[t->label[first + l->row[i]]] != label[t->label[first + l->row[i - l->back[i]]]]) {
			l->kind[i] = FM_RELATION_NONE;
			l->back[i] = 0;
		}
}

/* The token of a duration. A reply's is coded as the difference from its request's, `source`, where that loses nothing.
 */
static uint16_t td_token(const struct fm_codec *c, int64_t td, int kind, int64_t source, double jitter, float *res)
{
	int n = fm_num_tokens(&c->num[FM_R_TD]), token;
	double u;
	if (kind == FM_RELATION_REPLY && fm_num_tokens(&c->near) > 0 && fm_td_near(td, source)) {
		token = n + fm_num_encode(&c->near, FM_NEAR_MS + td - source, jitter, &u);
		*res = u < 0 ? NAN : (float)fm_normal_quantile(u);
		if (fm_td_decode(c, token, fm_normal_cdf(*res), source) == td)
			return (uint16_t)token;
	}
	token = fm_num_encode(&c->num[FM_R_TD], td, jitter, &u);
	*res = u < 0 ? NAN : (float)fm_normal_quantile(u);
	return (uint16_t)token;
}

struct encoder {
	const struct fm_codec *c;
	const struct fm_hosts *hosts;
	const struct fm_table *t;
	uint64_t seed;
	int *map[FM_NCATEGORIES]; /* (the column's dictionary): value to token; NULL where the column has one token */
	int *label;               /* (labels of the table): value to token, or NULL */
};

static void encoder_free(struct encoder *e)
{
	for (size_t k = 0; k < FM_NCATEGORIES; k++)
		free(e->map[k]);
	free(e->label);
}

static int encoder_init(struct encoder *e, struct fm_error *err)
{
	int rc;
	if ((rc = fm_label_tokens(e->c, e->t, &e->label, err)) < 0)
		return rc;
	for (size_t k = 0; k < FM_NCATEGORIES; k++)
		if ((rc = fm_category_tokens(e->c, e->t, fm_category_columns[k].tok, &e->map[k], err)) < 0)
			return rc;
	return FM_OK;
}

struct place {
	size_t row, offset; /* where a window begins, and how far within one of the split's */
};

/* tok (window, FM_NTOK), res (window, FM_NRES) of the window at a place. */
static void encode_window(const struct encoder *e, struct place at, uint16_t *tok, float *res)
{
	const struct fm_codec *c = e->c;
	const struct fm_table *t = e->t;
	size_t first = at.row;
	struct fm_recency r[FM_SIDES] = {{.n = 0}};
	int64_t td[FM_WINDOW_MOST] = {0};
	struct fm_relations l;
	fm_relations_find(t, first, c->window, c->text_order ? 1 + (int)at.offset : 0, &l);
	same_way_only(e->hosts, t, first, c->window, &l);
	same_label_only(e->label, t, first, c->window, &l);
	for (int i = 0; i < c->window; i++) {
		size_t row = first + l.row[i];
		uint16_t *x = tok + (size_t)i * FM_NTOK;
		float *rx = res + (size_t)i * FM_NRES;
		struct fm_rng g;
		fm_rng_init(&g, e->seed, FM_RNG_BATCH, row, (uint32_t)at.offset);
		x[FM_T_REL] = (uint16_t)fm_rel_token(l.kind[i], l.back[i], c->window);
		for (size_t k = 0; k < FM_NCATEGORIES; k++)
			x[fm_category_columns[k].tok] =
			    e->map[k] ? (uint16_t)e->map[k][((uint16_t *)t->col[fm_category_columns[k].col])[row]] : 0;
		for (int k = 0; k < FM_NRES; k++) {
			/* A gap belongs to a place in the window: flows of one time may be in another order here. */
			double u, jitter = fm_rng_uniform53(&g);
			int64_t v = fm_flow_number(t, (enum fm_res)k, k == FM_R_GAP ? first + (size_t)i : row);
			if (k == FM_R_TD) {
				x[FM_T_TD] = td_token(c, v, l.kind[i], td[i - l.back[i]], jitter, &rx[k]);
				td[i] = fm_td_decode(c, x[FM_T_TD], fm_normal_cdf(rx[k]), td[i - l.back[i]]);
				continue;
			}
			x[fm_res_tok[k]] = (uint16_t)fm_num_encode(&c->num[k], v, jitter, &u);
			rx[k] = u < 0 ? NAN : (float)fm_normal_quantile(u);
		}
		x[FM_T_DIR] = (uint16_t)direction(e->hosts, t, row);
		x[FM_T_SA] = address_token(c, e->hosts, t, r, t->sa[row]);
		x[FM_T_DA] = address_token(c, e->hosts, t, r, t->da[row]);
		x[FM_T_ROLE] = (uint16_t)(4 * l.kind[i]);
		if (l.kind[i] != FM_RELATION_NONE)
			tok[(size_t)(i - l.back[i]) * FM_NTOK + FM_T_ROLE] |=
			    l.kind[i] == FM_RELATION_REPLY ? FM_ROLE_ANSWERED : FM_ROLE_FOLLOWED;
	}
	fm_relations_copy(tok, res, c->window); /* a related flow repeats the tokens of its source */
}

/* Does the window that begins at row b follow, in the trace, the one that begins at row a? */
static bool goes_on(const struct fm_table *t, size_t a, size_t b, size_t window)
{
	return b == a + window && (!FM_HAS(t, FM_WIN) || t->win[b] == t->win[a] + 1);
}

/* The windows at each offset, the split's own before all others: place (e->windows), freed by the caller. */
static int places_of(const struct fm_table *t, size_t window, size_t offsets, struct place **place,
		     struct fm_encoded *e, struct fm_error *err)
{
	size_t *first = NULL, own, n = 0;
	struct place *at = NULL;
	int rc;

	if ((rc = fm_windows_find(t, (int)window, &first, &own, err)) < 0 ||
	    (rc = fm_alloc(&at, own * offsets + 1, sizeof *at, "places of windows", err)) < 0)
		goto out;
	for (size_t o = 0; o < offsets; o++)
		for (size_t w = 0; w < own; w++)
			if (o == 0 || (w + 1 < own && goes_on(t, first[w], first[w + 1], window)))
				at[n++] = (struct place){first[w] + window * o / offsets, window * o / offsets};
	e->windows = n;
	e->own = own;
	*place = at;
out:
	free(first);
	return rc;
}

int fm_codec_encode(const struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t, uint64_t seed,
		    struct fm_encoded *e, struct fm_error *err)
{
	return fm_codec_encode_offsets(c, hosts, t, seed, 1, e, err);
}

int fm_codec_encode_offsets(const struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t,
			    uint64_t seed, int offsets, struct fm_encoded *e, struct fm_error *err)
{
	struct encoder encoder = {.c = c, .hosts = hosts, .t = t, .seed = seed};
	size_t W = (size_t)c->window;
	struct place *at = NULL;
	int rc, count[FM_MAXCLASSES];

	if ((rc = places_of(t, W, offsets < c->window ? (size_t)offsets : W, &at, e, err)) < 0 ||
	    (rc = fm_alloc(&e->tok, e->windows * W * FM_NTOK + 1, sizeof *e->tok, "tokens", err)) < 0 ||
	    (rc = fm_alloc(&e->res, e->windows * W * FM_NRES + 1, sizeof *e->res, "residuals", err)) < 0 ||
	    (rc = fm_alloc(&e->slot, e->windows + 1, 1, "slots", err)) < 0 ||
	    (rc = fm_alloc(&e->span, e->windows + 1, 1, "spans", err)) < 0 ||
	    (rc = fm_alloc(&e->cls, e->windows + 1, 1, "classes", err)) < 0 || (rc = encoder_init(&encoder, err)) < 0)
		goto out;
	for (size_t w = 0; w < e->windows; w++) {
		encode_window(&encoder, at[w], e->tok + w * W * FM_NTOK, e->res + w * W * FM_NRES);
		e->slot[w] = (uint8_t)fm_window_slot(&c->times, t->te[at[w].row]);
		e->span[w] = (uint8_t)fm_window_span_of(t, at[w].row, c->window);
		e->cls[w] = (uint8_t)fm_window_class_of(t, at[w].row, c->window, encoder.label, count);
	}
out:
	encoder_free(&encoder);
	free(at);
	if (rc < 0)
		fm_encoded_free(e);
	return rc;
}

void fm_encoded_free(struct fm_encoded *e)
{
	if (!e)
		return;
	free(e->tok);
	free(e->res);
	free(e->slot);
	free(e->span);
	free(e->cls);
	free(e->kind);
	memset(e, 0, sizeof *e);
}
