/* net.c - DoppelGANger's generator. */
#include "model/netshare/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct fm_dg_work {
	const struct fm_dg *n;
	struct fm_dense dense;
	struct fm_lstm_work lstm;
	int most, rows, used;       /* most rows; rows of the last batch; steps of its longest session */
	fm_real *in[FM_DG_LAYERS];  /* (rows, hidden): output of ReLU in a layer, then normed */
	fm_real *pos[FM_DG_LAYERS]; /* (rows, hidden): 1 where ReLU passed a number */
	fm_real *x[FM_DG_LAYERS];   /* (rows, hidden): output of a layer */
	fm_real *rstd[FM_DG_LAYERS];
	fm_real *dx, *dh;        /* (rows, hidden) */
	fm_real *logits, *fixed; /* (rows, attributes) */
	fm_real *said, *dsaid;   /* (rows, each * record) */
	fm_real *dstate;         /* (rows, lstm) */
	uint8_t *alive;          /* (rows, steps * each) */
	fm_real *room;
};

/* ---- shapes ---- */

void fm_dg_init(struct fm_dg *n, const struct fm_dg_shape *shape)
{
	const struct fm_dg_shape *s = &n->shape;
	struct fm_layout *l = &n->generator;
	int in = FM_DG_NOISE;

	memset(n, 0, sizeof *n);
	n->shape = *shape;
	for (int i = 0; i <= FM_DG_LAYERS; i++) {
		int out = i < FM_DG_LAYERS ? s->hidden : s->attributes;
		float std = (float)fm_dense_std(in);

		n->a[i][FM_DG_W] = fm_layout_add(l, in, out, std, "attributes.%d.w", i);
		n->a[i][FM_DG_B] = fm_layout_add(l, 1, out, std, "attributes.%d.b", i);
		in = out;
		if (i == FM_DG_LAYERS)
			break;
		n->a[i][FM_DG_SCALE] = fm_layout_add(l, 1, out, 0, "attributes.%d.scale", i);
		n->a[i][FM_DG_SHIFT] = fm_layout_add(l, 1, out, 0, "attributes.%d.shift", i);
	}
	n->lstm = (struct fm_lstm){.fixed = s->attributes, .each = FM_DG_NOISE, .hidden = s->lstm};
	fm_lstm_declare(&n->lstm, l, "records");
	n->out[FM_DG_W] = fm_layout_add(l, s->lstm, s->each * s->record, (float)fm_dense_std(s->lstm), "records.out.w");
	n->out[FM_DG_B] = fm_layout_add(l, 1, s->each * s->record, (float)fm_dense_std(s->lstm), "records.out.b");
	n->whole = (struct fm_critic){
	    .in = s->attributes + fm_dg_records(s), .hidden = s->hidden, .layers = FM_DG_LAYERS, .leak = 0};
	n->alone = (struct fm_critic){.in = s->attributes, .hidden = s->hidden, .layers = FM_DG_LAYERS, .leak = 0};
	fm_critic_declare(&n->whole, &n->critics, "critic");
	fm_critic_declare(&n->alone, &n->critics, "attribute_critic");
}

/* Numbers that a step makes; records of a session. */
static size_t said_of(const struct fm_dg_shape *s)
{
	return (size_t)s->each * (size_t)s->record;
}

static size_t most_of(const struct fm_dg_shape *s)
{
	return (size_t)s->steps * (size_t)s->each;
}

/* ---- space ---- */

static size_t lay(struct fm_dg_work *w)
{
	const struct fm_dg_shape *s = &w->n->shape;
	size_t R = (size_t)w->most, wide = R * (size_t)s->hidden, used = 0;
	struct {
		fm_real **to;
		size_t n;
	} all[4 * FM_DG_LAYERS + 7] = {{&w->dx, wide},
				       {&w->dh, wide},
				       {&w->logits, R * (size_t)s->attributes},
				       {&w->fixed, R * (size_t)s->attributes},
				       {&w->said, R * said_of(s)},
				       {&w->dsaid, R * said_of(s)},
				       {&w->dstate, R * (size_t)s->lstm}};
	int n = 7;

	for (int l = 0; l < FM_DG_LAYERS; l++) {
		fm_real **const to[] = {&w->in[l], &w->pos[l], &w->x[l]};

		for (int i = 0; i < 3; i++) {
			all[n].to = to[i];
			all[n++].n = wide;
		}
		all[n].to = &w->rstd[l];
		all[n++].n = (size_t)s->hidden;
	}
	for (int i = 0; i < n; i++) {
		*all[i].to = w->room ? w->room + used : NULL;
		used += (all[i].n + 15) & ~(size_t)15;
	}
	return used;
}

int fm_dg_work_new(struct fm_dg_work **out, const struct fm_dg *n, int rows, struct fm_pool *pool, struct fm_error *err)
{
	const struct fm_dg_shape *s = &n->shape;
	struct fm_dg_work *w = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "the networks' space", err)) < 0)
		return rc;
	w->n = n;
	w->most = rows;
	if ((rc = fm_dense_open(&w->dense, pool, err)) < 0 ||
	    (rc = fm_lstm_work_open(&w->lstm, &n->lstm, rows, s->steps, err)) < 0 ||
	    (rc = fm_alloc(&w->alive, (size_t)rows * most_of(s), 1, "the networks' space", err)) < 0 ||
	    (rc = fm_alloc(&w->room, lay(w), sizeof *w->room, "the networks' space", err)) < 0) {
		fm_dg_work_free(w);
		return rc;
	}
	lay(w);
	*out = w;
	return FM_OK;
}

void fm_dg_work_free(struct fm_dg_work *w)
{
	if (!w)
		return;
	fm_dense_close(&w->dense);
	fm_lstm_work_close(&w->lstm);
	free(w->alive);
	free(w->room);
	free(w);
}

struct fm_dense *fm_dg_dense(struct fm_dg_work *w)
{
	return &w->dense;
}

/* ---- attributes ---- */

static struct fm_batch_norm norm_of(const struct fm_dg_work *w, const fm_real *p, int l)
{
	const struct fm_dg *n = w->n;

	return (struct fm_batch_norm){.rows = w->rows,
				      .width = n->shape.hidden,
				      .scale = p + n->a[l][FM_DG_SCALE],
				      .shift = p + n->a[l][FM_DG_SHIFT],
				      .norm = w->in[l],
				      .rstd = w->rstd[l],
				      .out = w->x[l],
				      .stride = n->shape.hidden};
}

void fm_dg_attributes(struct fm_dg_work *w, const fm_real *p, int rows, const fm_real *noise, fm_real *attributes)
{
	const struct fm_dg *n = w->n;
	const struct fm_dg_shape *s = &n->shape;
	const fm_real *x = noise;
	int in = FM_DG_NOISE, H = s->hidden;

	w->rows = rows;
	for (int l = 0; l < FM_DG_LAYERS; l++) {
		struct fm_batch_norm norm = norm_of(w, p, l);

		fm_dense_linear(&w->dense, rows, (struct fm_mat){x, in, in}, H, p + n->a[l][FM_DG_W],
				p + n->a[l][FM_DG_B], w->in[l], 0);
		for (size_t i = 0; i < (size_t)rows * (size_t)H; i++) {
			w->pos[l][i] = w->in[l][i] > 0;
			w->in[l][i] = w->in[l][i] > 0 ? w->in[l][i] : 0;
		}
		fm_batch_norm(&w->dense, &norm);
		x = w->x[l];
		in = H;
	}
	fm_dense_linear(&w->dense, rows, (struct fm_mat){x, in, in}, s->attributes, p + n->a[FM_DG_LAYERS][FM_DG_W],
			p + n->a[FM_DG_LAYERS][FM_DG_B], w->logits, 0);
	for (size_t r = 0; r < (size_t)rows; r++)
		fm_heads(w->dense.k, s->attribute_head, s->nattribute_heads, 1, w->logits + r * (size_t)s->attributes,
			 NULL, attributes + r * (size_t)s->attributes);
}

static void attributes_back(struct fm_dg_work *w, const fm_real *p, const fm_real *noise, const fm_real *attributes,
			    fm_real *d, fm_real *g)
{
	const struct fm_dg *n = w->n;
	const struct fm_dg_shape *s = &n->shape;
	int H = s->hidden, A = s->attributes;

	for (size_t r = 0; r < (size_t)w->rows; r++)
		fm_heads_back(w->dense.k, s->attribute_head, s->nattribute_heads, 1, attributes + r * (size_t)A,
			      d + r * (size_t)A);
	fm_dense_outer(&w->dense, w->rows, (struct fm_mat){w->x[FM_DG_LAYERS - 1], H, H}, A, d,
		       g + n->a[FM_DG_LAYERS][FM_DG_W]);
	fm_dense_bias(&w->dense, w->rows, A, d, g + n->a[FM_DG_LAYERS][FM_DG_B]);
	fm_dense_through(&w->dense, w->rows, H, A, d, p + n->a[FM_DG_LAYERS][FM_DG_W], w->dx, H, 0);
	for (int l = FM_DG_LAYERS - 1; l >= 0; l--) {
		struct fm_batch_norm norm = norm_of(w, p, l);
		const fm_real *x = l > 0 ? w->x[l - 1] : noise;
		int in = l > 0 ? H : FM_DG_NOISE;

		fm_batch_norm_back(
		    &w->dense, &norm,
		    &(struct fm_batch_norm_back){w->dx, w->dh, g + n->a[l][FM_DG_SCALE], g + n->a[l][FM_DG_SHIFT]});
		w->dense.k->mul(w->dh, w->pos[l], (size_t)w->rows * (size_t)H);
		fm_dense_outer(&w->dense, w->rows, (struct fm_mat){x, in, in}, H, w->dh, g + n->a[l][FM_DG_W]);
		fm_dense_bias(&w->dense, w->rows, H, w->dh, g + n->a[l][FM_DG_B]);
		if (l > 0)
			fm_dense_through(&w->dense, w->rows, H, H, w->dh, p + n->a[l][FM_DG_W], w->dx, H, 0);
	}
}

/* ---- records ---- */

void fm_dg_decide(const struct fm_head *h, int n, const fm_real *x, fm_real *y)
{
	for (int i = 0; i < n; i++) {
		int at = h[i].at, best = at;

		if (h[i].kind != FM_HEAD_CHOICE) {
			memcpy(y + at, x + at, sizeof *y * (size_t)h[i].n);
			continue;
		}
		for (int j = at + 1; j < at + h[i].n; j++)
			best = x[j] > x[best] ? j : best;
		for (int j = at; j < at + h[i].n; j++)
			y[j] = j == best;
	}
}

struct saying {
	struct fm_dg_work *w;
	int t;
	fm_real *records;
};

/* The records of step t: each session's alive ones, zeros for the others. */
static void say_job(void *ctx, int from, int to, int thread)
{
	const struct saying *q = ctx;
	struct fm_dg_work *w = q->w;
	const struct fm_dg_shape *s = &w->n->shape;
	size_t said = said_of(s), most = most_of(s);

	(void)thread;
	for (size_t r = (size_t)from; r < (size_t)to; r++) {
		const fm_real *x = w->said + r * said;
		fm_real *y = q->records + (r * (size_t)s->steps + (size_t)q->t) * said;
		uint8_t *alive = w->alive + r * most + (size_t)(q->t * s->each);

		for (int e = 0; e < s->each; e++, x += s->record, y += s->record) {
			bool first = q->t == 0 && e == 0;

			alive[e] = first;
			if (!first) {
				const fm_real *before = y - s->record + s->follows;

				alive[e] = alive[e - 1] && before[0] >= before[1];
			}
			if (alive[e])
				fm_heads(w->dense.k, s->record_head, s->nrecord_heads, 1, x, NULL, y);
			else
				memset(y, 0, sizeof *y * (size_t)s->record);
		}
	}
}

/* Does any session go on after step t? */
static bool any_alive(const struct fm_dg_work *w, int t, const fm_real *records)
{
	const struct fm_dg_shape *s = &w->n->shape;
	size_t most = most_of(s), last = (size_t)(t + 1) * (size_t)s->each - 1;

	for (size_t r = 0; r < (size_t)w->rows; r++) {
		const fm_real *x = records + (r * most + last) * (size_t)s->record + s->follows;

		if (w->alive[r * most + last] && x[0] >= x[1])
			return true;
	}
	return false;
}

void fm_dg_records_of(struct fm_dg_work *w, const fm_real *p, int rows, const struct fm_dg_noise *z,
		      const fm_real *attributes, fm_real *records)
{
	const struct fm_dg *n = w->n;
	const struct fm_dg_shape *s = &n->shape;
	size_t R = (size_t)rows, A = (size_t)s->attributes;
	int t;

	w->rows = rows;
	for (size_t r = 0; r < R; r++)
		fm_dg_decide(s->attribute_head, s->nattribute_heads, attributes + r * A, w->fixed + r * A);
	memcpy(fm_lstm_h(&w->lstm, 0), z->h, sizeof *z->h * R * (size_t)s->lstm);
	memcpy(fm_lstm_c(&w->lstm, 0), z->c, sizeof *z->c * R * (size_t)s->lstm);
	memset(records, 0, sizeof *records * R * (size_t)fm_dg_records(s));
	fm_lstm_begin(&w->lstm, &w->dense, p, rows, w->fixed);
	for (t = 0; t < s->steps; t++) {
		struct saying q = {w, t, records};

		fm_lstm_step(&w->lstm, &w->dense, p, t, z->records + (size_t)t * R * FM_DG_NOISE);
		fm_dense_linear(&w->dense, rows, (struct fm_mat){fm_lstm_h(&w->lstm, t + 1), s->lstm, s->lstm},
				s->each * s->record, p + n->out[FM_DG_W], p + n->out[FM_DG_B], w->said, 0);
		fm_pool_run_rows(w->dense.pool, rows, say_job, &q);
		if (!any_alive(w, t, records)) {
			t++;
			break;
		}
	}
	w->used = t;
}

struct unsaying {
	struct fm_dg_work *w;
	int t;
	const fm_real *records;
	const fm_real *drecords;
};

static void unsay_job(void *ctx, int from, int to, int thread)
{
	const struct unsaying *q = ctx;
	struct fm_dg_work *w = q->w;
	const struct fm_dg_shape *s = &w->n->shape;
	size_t said = said_of(s), most = most_of(s);

	(void)thread;
	for (size_t r = (size_t)from; r < (size_t)to; r++) {
		size_t at = (r * (size_t)s->steps + (size_t)q->t) * said;
		const uint8_t *alive = w->alive + r * most + (size_t)(q->t * s->each);
		fm_real *d = w->dsaid + r * said;

		for (int e = 0; e < s->each; e++, d += s->record, at += (size_t)s->record) {
			if (!alive[e]) {
				memset(d, 0, sizeof *d * (size_t)s->record);
				continue;
			}
			memcpy(d, q->drecords + at, sizeof *d * (size_t)s->record);
			fm_heads_back(w->dense.k, s->record_head, s->nrecord_heads, 1, q->records + at, d);
		}
	}
}

void fm_dg_back(struct fm_dg_work *w, const fm_real *p, const struct fm_dg_noise *z, const fm_real *attributes,
		const fm_real *records, fm_real *dattributes, fm_real *drecords, fm_real *g)
{
	const struct fm_dg *n = w->n;
	const struct fm_dg_shape *s = &n->shape;
	int said = s->each * s->record;

	fm_lstm_back_begin(&w->lstm);
	for (int t = w->used - 1; t >= 0; t--) {
		struct unsaying q = {w, t, records, drecords};

		fm_pool_run_rows(w->dense.pool, w->rows, unsay_job, &q);
		fm_dense_outer(&w->dense, w->rows, (struct fm_mat){fm_lstm_h(&w->lstm, t + 1), s->lstm, s->lstm}, said,
			       w->dsaid, g + n->out[FM_DG_W]);
		fm_dense_bias(&w->dense, w->rows, said, w->dsaid, g + n->out[FM_DG_B]);
		fm_dense_through(&w->dense, w->rows, s->lstm, said, w->dsaid, p + n->out[FM_DG_W], w->dstate, s->lstm,
				 0);
		fm_lstm_step_back(&w->lstm, &w->dense, p, t, z->records + (size_t)t * (size_t)w->rows * FM_DG_NOISE,
				  w->dstate, g);
	}
	fm_lstm_back_end(&w->lstm, &w->dense, g);
	attributes_back(w, p, z->attributes, attributes, dattributes, g);
}
