#include "model/marginals/flows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/transport.h"
#include "model/marginals/grids.h"

struct making {
	const struct fm_domains *d;
	const struct fm_synth *s;
	const struct fm_flows_in *in;
	struct fm_people people;
	uint32_t *leaf;   /* (records) of kind */
	uint8_t *side[2]; /* (records) */
	uint32_t *order;  /* (records) */
	struct fm_table *t;
	uint16_t protocol[FM_PROTOCOLS], flags[FM_FLAGS], number[FM_BYTES],
	    label[FM_LABELS_MAX]; /* of the dictionaries */
};

/* A flow before it is a row. */
struct made {
	int64_t te;
	uint64_t pkt, byt;
	uint32_t td;
	uint32_t flg, tos;
	int back;
};

static bool has(const struct making *m, size_t i, enum fm_attr a)
{
	return m->s->tok[a][i] != (uint16_t)(m->d->size[a] - 1);
}

/* The parts of the kind, with the number of flows each way taken from the record's tokens where the two disagree. */
static struct fm_kind_parts parts_of(const struct making *m, size_t i)
{
	struct fm_kind_parts k = fm_kind_parts(m->leaf[i]);
	int a = has(m, i, FM_A_SIZE) ? 1 + has(m, i, FM_A2_SIZE) : 0;
	int b = has(m, i, FM_B_SIZE) ? 1 + has(m, i, FM_B2_SIZE) : 0;

	if (a + b == 0)
		return k;
	if ((a > 1 ? 2 : a) != (k.a > 1 ? 2 : k.a))
		k.a = a;
	if ((b > 1 ? 2 : b) != (k.b > 1 ? 2 : k.b))
		k.b = b;
	return k;
}

/* Draw the leaf of each record's kind: the first of a few tries that agrees with its tokens. */
static void leaves_draw(struct making *m)
{
	const struct fm_axis *kind = &m->d->axis[FM_X_KIND];

	for (size_t i = 0; i < m->s->n; i++) {
		struct fm_rng rng;
		int token = m->s->tok[FM_A_KIND][i];

		fm_rng_init(&rng, m->in->seed, FM_RNG_DECODE, i, 4000);
		for (int tries = 0; tries < 16; tries++) {
			struct fm_kind_parts k, p;

			m->leaf[i] = fm_axis_draw(kind, token, fm_rng_uniform53(&rng));
			k = fm_kind_parts(m->leaf[i]);
			p = parts_of(m, i);
			m->side[0][i] = (uint8_t)k.server_inside;
			m->side[1][i] = (uint8_t)k.client_inside;
			if (p.a == k.a && p.b == k.b)
				break;
		}
	}
}

static uint64_t within(struct fm_rng *rng, uint64_t first, uint64_t width)
{
	uint64_t off = (uint64_t)(fm_rng_uniform53(rng) * (double)width);

	return first + (off < width ? off : width - 1);
}

static void size_draw(const struct fm_axis *axis, int token, struct fm_rng *rng, struct made *f)
{
	uint64_t pkt, npkt, byt, nbyt;

	fm_size_range(fm_axis_draw(axis, token, fm_rng_uniform53(rng)), &pkt, &npkt, &byt, &nbyt);
	f->pkt = within(rng, pkt, npkt);
	f->byt = within(rng, byt, nbyt);
	/* Noise may leave an impossible token: a packet has a header and a length of 16 bits. */
	if (f->byt < 20 * f->pkt)
		f->byt = 20 * f->pkt;
	if (f->byt > 65535 * f->pkt)
		f->byt = 65535 * f->pkt;
}

static uint32_t duration_draw(const struct fm_axis *axis, int token, struct fm_rng *rng)
{
	uint64_t first, width;
	double u = fm_rng_uniform53(rng);

	/* A token without leaves comes from the noise: no duration at all. */
	fm_duration_range(fm_axis_mass(axis, token) > 0 ? fm_axis_draw(axis, token, u) : 0, &first, &width);
	return (uint32_t)within(rng, first, width);
}

/* The token of an attribute that a record should have but lacks: that of a random record which has it; 0: none is
 * found. */
static int token_of(const struct making *m, size_t i, enum fm_attr a, struct fm_rng *rng)
{
	const uint16_t *tok = m->s->tok[a];
	uint16_t absent = (uint16_t)(m->d->size[a] - 1);

	for (size_t tries = 0; tok[i] == absent && tries < 1000; tries++)
		i = fm_rng_below(rng, (uint32_t)m->s->n);
	return tok[i] == absent ? 0 : tok[i];
}

/* The duration of the first reply: drawn near that of the first request, where its token allows that. */
static uint32_t near_draw(const struct making *m, size_t i, uint32_t td, struct fm_rng *rng)
{
	const struct fm_axis *axis = &m->d->axis[FM_X_B_TD];
	int token = token_of(m, i, FM_B_TD, rng), near = m->s->tok[FM_NEAR][i];
	uint32_t most = near == FM_NEAR_100MS ? 100 : 1000, least = near == FM_NEAR_100MS ? 1 : 101;

	if (near == FM_NEAR_SAME && axis->token[fm_duration_leaf(td)] == token)
		return td;
	for (int tries = 0; tries < 12 && (near == FM_NEAR_100MS || near == FM_NEAR_SECOND); tries++) {
		uint32_t v = duration_draw(axis, token, rng), apart = v > td ? v - td : td - v;

		if (apart >= least && apart <= most)
			return v;
	}
	return duration_draw(axis, token, rng);
}

static int gap_draw(uint32_t token, struct fm_rng *rng)
{
	int first, last;

	if (token >= FM_GAPS)
		return 0;
	fm_gap_range(token, &first, &last);
	return first + (int)fm_rng_below(rng, (uint32_t)(last - first + 1));
}

static int record_flows(const struct making *m, size_t i, const struct fm_kind_parts *k, struct fm_rng *rng,
			struct made f[FM_EXCHANGE_FLOWS])
{
	static const enum fm_attr size[2][2] = {{FM_A_SIZE, FM_A2_SIZE}, {FM_B_SIZE, FM_B2_SIZE}};
	static const enum fm_attr td[2][2] = {{FM_A_TD, FM_A2_TD}, {FM_B_TD, FM_B2_TD}};
	static const enum fm_attr code[2][2] = {{FM_A_FLG, FM_A_TOS}, {FM_B_FLG, FM_B_TOS}};
	static const enum fm_axis_id axis[2][4] = {{FM_X_A_SIZE, FM_X_A_TD, FM_X_A_FLG, FM_X_A_TOS},
						   {FM_X_B_SIZE, FM_X_B_TD, FM_X_B_FLG, FM_X_B_TOS}};
	static const enum fm_attr gap[2] = {FM_A2_GAP, FM_B2_GAP};
	const struct fm_domains *d = m->d;
	int count[2] = {k->a, k->b}, at[FM_EXCHANGE_FLOWS], n = 0, least = 0, most = 0, start, sub;
	int64_t slot;

	for (int w = 0; w < 2; w++) {
		uint32_t flg = 0, tos = 0;

		for (int j = 0; j < count[w] && n < FM_EXCHANGE_FLOWS; j++, n++) {
			int later = j > 0;

			if (j == 0) {
				flg = fm_axis_draw(&d->axis[axis[w][2]], token_of(m, i, code[w][0], rng),
						   fm_rng_uniform53(rng));
				tos = fm_axis_draw(&d->axis[axis[w][3]], token_of(m, i, code[w][1], rng),
						   fm_rng_uniform53(rng));
			}
			f[n] = (struct made){.flg = flg, .tos = tos, .back = w};
			size_draw(&d->axis[axis[w][0]], token_of(m, i, size[w][later], rng), rng, &f[n]);
			if (j == 0 && w == 1 && k->a)
				f[n].td = near_draw(m, i, f[0].td, rng);
			else
				f[n].td = duration_draw(&d->axis[axis[w][1]], token_of(m, i, td[w][later], rng), rng);
			if (j > 0)
				at[n] = at[n - 1] + gap_draw(m->s->tok[gap[w]][i], rng);
			else
				at[n] = w == 1 && k->a ? at[0] + gap_draw(m->s->tok[FM_B_GAP][i], rng) : 0;
			least = at[n] < least ? at[n] : least;
			most = at[n] > most ? at[n] : most;
		}
	}
	slot =
	    (int64_t)d->first_slot + fm_axis_draw(&d->axis[FM_X_TIME], m->s->tok[FM_A_TIME][i], fm_rng_uniform53(rng));
	start = most - least < 59 ? (int)fm_rng_below(rng, (uint32_t)(60 - (most - least))) : 0;
	for (int j = 0; j < n; j++) {
		int second = start + at[j] - least;

		sub = m->in->step_ms < 1000 ? (int)fm_rng_below(rng, (uint32_t)(1000 / m->in->step_ms)) : 0;
		f[j].te = slot * FM_SLOT_MS + (second > 59 ? 59 : second) * 1000 + sub * m->in->step_ms;
	}
	return n;
}

static void row_put(struct making *m, size_t i, const struct fm_kind_parts *k, const uint16_t port[2],
		    const uint32_t host[2], const struct made *f)
{
	struct fm_table *t = m->t;
	size_t r = t->rows++;
	enum fm_transport transport = fm_transport_of(fm_protocol_names[k->proto]);
	bool icmp = transport == FM_TRANSPORT_ICMP, none = transport == FM_TRANSPORT_PORTLESS;
	uint32_t flg = f->flg;

	if (fm_transport_flagless(transport))
		flg = flg < FM_FLAGS - 1 ? flg & FM_FLAGS_ACK : 0;

	t->te[r] = f->te;
	t->sa[r] = m->people.address[host[!f->back]];
	t->da[r] = m->people.address[host[f->back]];
	if (FM_HAS(t, FM_SP))
		t->sp[r] = icmp || none ? 0 : port[!f->back];
	if (FM_HAS(t, FM_DP))
		t->dp[r] = none ? 0 : icmp ? (f->back ? 0 : port[0]) : port[f->back];
	if (FM_HAS(t, FM_TD))
		t->td[r] = f->td;
	if (FM_HAS(t, FM_PKT))
		t->pkt[r] = f->pkt;
	if (FM_HAS(t, FM_BYT))
		t->byt[r] = f->byt;
	if (FM_HAS(t, FM_PR))
		t->pr[r] = m->protocol[k->proto];
	if (FM_HAS(t, FM_FLG))
		t->flg[r] = m->flags[flg];
	if (FM_HAS(t, FM_STOS))
		t->stos[r] = m->number[f->tos];
	if (FM_HAS(t, FM_FWD))
		t->fwd[r] = 0;
	if (FM_HAS(t, FM_LABEL))
		t->label[r] = m->label[m->s->tok[FM_A_LABEL][i]];
}

static void record_put(struct making *m, size_t i, uint32_t pass)
{
	const struct fm_domains *d = m->d;
	struct fm_kind_parts k = parts_of(m, i);
	struct made f[FM_EXCHANGE_FLOWS];
	uint32_t host[2] = {m->people.host[0][i], m->people.host[1][i]};
	uint16_t port[2];
	struct fm_rng rng;
	int n;

	fm_rng_init(&rng, m->in->seed, FM_RNG_DECODE, i, 5000 + pass);
	port[0] = (uint16_t)fm_axis_draw(&d->axis[FM_X_SERVICE], k.service, fm_rng_uniform53(&rng));
	port[1] = (uint16_t)fm_axis_draw(&d->axis[FM_X_CLIENT], m->s->tok[FM_A_PORT][i], fm_rng_uniform53(&rng));
	if (k.proto > FM_P_UDP)
		port[1] = 0;
	if (host[0] == host[1]) /* no host talks to itself */
		host[1] = host[1] + 1 < m->people.n ? host[1] + 1 : 0;
	n = record_flows(m, i, &k, &rng, f);
	for (int j = 0; j < n && m->t->rows < m->in->rows; j++)
		row_put(m, i, &k, port, host, &f[j]);
}

static int dict_add(struct fm_table *t, enum fm_col c, const char *s, uint16_t *index, struct fm_error *err)
{
	int i = fm_dict_index(&t->dict[c], s, strlen(s), true);

	if (i < 0)
		return fm_fail(err, FM_ESYSTEM, "no room for the value %s", s);
	*index = (uint16_t)i;
	return FM_OK;
}

static int dicts_make(struct making *m, struct fm_error *err)
{
	static const char letter[] = "UAPRSF";
	char text[8];
	uint16_t zero;
	int rc;

	for (int i = 0; i < FM_PROTOCOLS; i++)
		if ((rc = dict_add(m->t, FM_PR, fm_protocol_names[i], &m->protocol[i], err)) < 0)
			return rc;
	for (int i = 0; i < FM_FLAGS; i++) {
		for (int j = 0; j < 6; j++)
			text[j] = i < FM_FLAGS - 1 && i >> j & 1 ? letter[j] : '.';
		text[6] = '\0';
		if ((rc = dict_add(m->t, FM_FLG, text, &m->flags[i], err)) < 0)
			return rc;
	}
	for (int i = 0; i < FM_BYTES; i++) {
		snprintf(text, sizeof text, "%d", i);
		if ((rc = dict_add(m->t, FM_STOS, text, &m->number[i], err)) < 0)
			return rc;
	}
	for (int i = 0; i < m->d->nlabels; i++)
		if ((rc = dict_add(m->t, FM_LABEL, m->in->label[i], &m->label[i], err)) < 0)
			return rc;
	return dict_add(m->t, FM_FWD, "0", &zero, err);
}

/* Sort rows by te, then by their other values. */
static const struct fm_table *sorting;
static int row_order(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	const struct fm_table *t = sorting;
#define ORDER(c)                                                                                                       \
	if (t->c[a] != t->c[b])                                                                                        \
	return t->c[a] < t->c[b] ? -1 : 1
	ORDER(te);
	if (FM_HAS(t, FM_TD))
		ORDER(td);
	ORDER(sa);
	ORDER(da);
	return a < b ? -1 : a > b;
#undef ORDER
}

static int rows_sort(struct fm_table *t, struct fm_error *err)
{
	uint32_t *order = NULL;
	void *copy = NULL;
	int rc;

	if ((rc = fm_alloc(&order, t->rows + 1, sizeof *order, "rows", err)) < 0 ||
	    (rc = fm_alloc(&copy, t->rows + 1, sizeof(uint64_t), "rows", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		order[i] = (uint32_t)i;
	sorting = t;
	qsort(order, t->rows, sizeof *order, row_order);
	for (int c = 0; c < FM_NCOL; c++) {
		size_t width = fm_cols[c].width;

		if (!FM_HAS(t, c))
			continue;
		for (size_t i = 0; i < t->rows; i++)
			memcpy((char *)copy + i * width, (char *)t->col[c] + order[i] * width, width);
		memcpy(t->col[c], copy, t->rows * width);
	}
out:
	free(order);
	free(copy);
	return rc;
}

int fm_flows_make(struct fm_table **table, const struct fm_domains *d, const struct fm_synth *s,
		  const struct fm_flows_in *in, struct fm_error *err)
{
	struct making m = {.d = d, .s = s, .in = in};
	struct fm_people_in people = {.inside = in->inside,
				      .outside = in->outside,
				      .ninside = in->ninside,
				      .noutside = in->noutside,
				      .seed = in->seed,
				      .scale = (double)s->n / in->total};
	struct fm_rng rng;
	int rc;

	*table = NULL;
	if ((rc = fm_alloc(&m.leaf, s->n + 1, sizeof *m.leaf, "records", err)) < 0 ||
	    (rc = fm_alloc(&m.side[0], s->n + 1, 1, "records", err)) < 0 ||
	    (rc = fm_alloc(&m.side[1], s->n + 1, 1, "records", err)) < 0 ||
	    (rc = fm_alloc(&m.order, s->n + 1, sizeof *m.order, "records", err)) < 0)
		goto out;
	leaves_draw(&m);
	people.side[0] = m.side[0];
	people.side[1] = m.side[1];
	if ((rc = fm_people_make(&m.people, d, s, &people, err)) < 0 ||
	    (rc = fm_table_new(&m.t, in->present & FM_COLS_UGR16, err)) < 0 ||
	    (rc = fm_table_reserve(m.t, in->rows, err)) < 0 || (rc = dicts_make(&m, err)) < 0)
		goto out;
	for (size_t i = 0; i < s->n; i++)
		m.order[i] = (uint32_t)i;
	fm_rng_init(&rng, in->seed, FM_RNG_DECODE, 0, 6000);
	fm_rng_shuffle(&rng, m.order, s->n);
	for (uint32_t pass = 0; m.t->rows < in->rows && pass < 1000; pass++)
		for (size_t i = 0; i < s->n && m.t->rows < in->rows; i++)
			record_put(&m, m.order[i], pass);
	rc = rows_sort(m.t, err);
out:
	free(m.leaf);
	free(m.side[0]);
	free(m.side[1]);
	free(m.order);
	fm_people_free(&m.people);
	if (rc < 0)
		fm_table_free(m.t);
	else
		*table = m.t;
	return rc;
}
