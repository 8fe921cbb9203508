/* layers.c - the parts of backbones. */
#include "model/nn/layers.h"

#include <string.h>

fm_real *fm_take(struct fm_tape *tape, size_t n)
{
	size_t at = tape->used;
	tape->used += (n + 15) & ~(size_t)15;
	return tape->base ? tape->base + at : NULL;
}

void fm_linear(const struct fm_pass *q, int rows, int n, int m, const fm_real *in, size_t w, size_t b, fm_real *out)
{
	q->k->gemm(q->s, FM_N, FM_N, rows, m, n, in, n, q->p + w, m, out, m, q->p + b, 0);
}

void fm_linear_back(const struct fm_pass *q, int rows, int n, int m, const fm_real *in, const fm_real *d, size_t w,
		    size_t b, fm_real *din, int add)
{
	q->k->gemm(q->s, FM_T, FM_N, n, m, rows, in, n, d, m, q->g + w, m, NULL, 1);
	q->k->colsum(q->g + b, d, rows, m);
	if (din)
		q->k->gemm(q->s, FM_N, FM_T, rows, n, m, d, m, q->p + w, m, din, n, NULL, add);
}

static size_t rows_of(const struct fm_pass *q)
{
	return (size_t)q->B * (size_t)q->W;
}

/* h = x (1 + scale) + shift, window by window. */
static void modulate(const struct fm_pass *q, const struct fm_mod *m, const fm_real *x, fm_real *h)
{
	size_t n = (size_t)q->W * (size_t)q->D;
	for (int b = 0; b < q->B; b++) {
		const fm_real *v = m->mod + (size_t)b * m->stride + m->at;
		q->k->modulate(h + b * n, x + b * n, v + FM_SCALE * q->D, v + FM_SHIFT * q->D, q->W, q->D);
	}
}

/* d (of h) becomes d (of x). */
static void modulate_back(const struct fm_pass *q, const struct fm_mod *m, const fm_real *x, fm_real *d)
{
	size_t n = (size_t)q->W * (size_t)q->D;
	for (int b = 0; b < q->B; b++) {
		const fm_real *v = m->mod + (size_t)b * m->stride + m->at;
		fm_real *dv = m->dmod + (size_t)b * m->stride + m->at;
		q->k->modulate_back(d + b * n, dv + FM_SCALE * q->D, dv + FM_SHIFT * q->D, x + b * n, d + b * n,
				    v + FM_SCALE * q->D, q->W, q->D);
	}
}

/* x += y (1 + gate) */
static void gate_add(const struct fm_pass *q, const struct fm_mod *m, const fm_real *y, fm_real *x)
{
	size_t n = (size_t)q->W * (size_t)q->D;
	for (int b = 0; b < q->B; b++)
		q->k->gate_add(x + b * n, y + b * n, m->mod + (size_t)b * m->stride + m->at + FM_GATE * q->D, q->W,
			       q->D);
}

static void gate_back(const struct fm_pass *q, const struct fm_mod *m, const fm_real *y, const fm_real *dx, fm_real *dy)
{
	size_t n = (size_t)q->W * (size_t)q->D;
	for (int b = 0; b < q->B; b++) {
		size_t at = (size_t)b * m->stride + m->at + FM_GATE * q->D;
		q->k->gate_back(dy + b * n, m->dmod + at, y + b * n, dx + b * n, m->mod + at, q->W, q->D);
	}
}

void fm_space_take(const struct fm_pass *q, int wide, struct fm_tape *tape, struct fm_space *s)
{
	size_t R = rows_of(q);
	s->d1 = fm_take(tape, R * q->D);
	s->d2 = fm_take(tape, R * q->D);
	s->wide = fm_take(tape, R * wide);
	s->P = fm_take(tape, (size_t)q->W * (size_t)q->W);
}

/* ---- attention ---- */

void fm_att_declare(struct fm_layout *l, int W, int D, int heads, float deep, const char *where, int i, size_t *at)
{
	at[FM_DISTANCE] = fm_layout_add(l, heads, 2 * W, FM_STD_NEAR, "body.%s%d.distance", where, i);
	at[FM_QKV] = fm_layout_add(l, D, 3 * D, 0.04f, "body.%s%d.qkv.weight", where, i);
	at[FM_QKV_B] = fm_layout_add(l, 1, 3 * D, 0, "body.%s%d.qkv.bias", where, i);
	at[FM_OUT] = fm_layout_add(l, D, D, deep, "body.%s%d.out.weight", where, i);
	at[FM_OUT_B] = fm_layout_add(l, 1, D, 0, "body.%s%d.out.bias", where, i);
}

void fm_att_take(const struct fm_pass *q, int heads, struct fm_tape *tape, struct fm_att *l)
{
	size_t R = rows_of(q), D = (size_t)q->D;
	l->y = fm_take(tape, R * D);
	l->h = fm_take(tape, R * D);
	l->att = fm_take(tape, R * D);
	l->o = fm_take(tape, R * D);
	l->qkv = fm_take(tape, R * 3 * D);
	l->P = fm_take(tape, R * (size_t)heads * (size_t)q->W);
	l->rstd = fm_take(tape, R);
}

/* Each head has a bias for each distance between two flows of the window (Shaw et al. 2018; as a scalar, Raffel et al.
 * 2020, sec. 2.1): neighbours and requests are found by how far off they are.  distance (H,2W): that of a key j - i
 * flows ahead of the query stands at j - i + W, so that a query's row is contiguous. */
static void attend(const struct fm_pass *q, int H, const struct fm_att *l, const fm_real *distance)
{
	int W = q->W, D = q->D, dh = D / H;
	fm_real root = (fm_real)__builtin_sqrt((double)dh), scale = 1 / root;
	for (int b = 0; b < q->B; b++)
		for (int h = 0; h < H; h++) {
			const fm_real *v = l->qkv + (size_t)b * W * 3 * D + h * dh;
			fm_real *P = l->P + ((size_t)b * H + h) * W * W;
			memset(P, 0, sizeof *P * (size_t)W * W);
			for (int i = 0; i < W; i++)
				q->k->axpy(P + (size_t)i * W, root, distance + (size_t)h * 2 * W + W - i, (size_t)W);
			q->k->gemm(q->s, FM_N, FM_T, W, W, dh, v, 3 * D, v + D, 3 * D, P, W, NULL, 1);
			q->k->softmax(P, P, W, W, scale);
			q->k->gemm(q->s, FM_N, FM_N, W, dh, W, P, W, v + 2 * D, 3 * D,
				   l->att + (size_t)b * W * D + h * dh, D, NULL, 0);
		}
}

/* dqkv (R,3D) and the distances' gradients from datt (R,D). */
static void attend_back(const struct fm_pass *q, int H, const struct fm_att *l, const fm_real *datt, fm_real *dqkv,
			fm_real *dP, fm_real *gdistance)
{
	int W = q->W, D = q->D, dh = D / H;
	fm_real root = (fm_real)__builtin_sqrt((double)dh), scale = 1 / root;
	for (int b = 0; b < q->B; b++)
		for (int h = 0; h < H; h++) {
			size_t at = (size_t)b * W * 3 * D + h * dh;
			const fm_real *v = l->qkv + at, *d = datt + (size_t)b * W * D + h * dh;
			const fm_real *P = l->P + ((size_t)b * H + h) * W * W;
			fm_real *dq = dqkv + at;
			q->k->gemm(q->s, FM_T, FM_N, W, dh, W, P, W, d, D, dq + 2 * D, 3 * D, NULL, 0);
			q->k->gemm(q->s, FM_N, FM_T, W, W, dh, d, D, v + 2 * D, 3 * D, dP, W, NULL, 0);
			q->k->softmax_back(dP, P, dP, W, W, scale);
			for (int i = 0; i < W; i++)
				q->k->axpy(gdistance + (size_t)h * 2 * W + W - i, root, dP + (size_t)i * W, (size_t)W);
			q->k->gemm(q->s, FM_N, FM_N, W, dh, W, dP, W, v + D, 3 * D, dq, 3 * D, NULL, 0);
			q->k->gemm(q->s, FM_T, FM_N, W, dh, W, dP, W, v, 3 * D, dq + D, 3 * D, NULL, 0);
		}
}

void fm_att_forward(const struct fm_pass *q, int heads, const size_t *at, const struct fm_att *l,
		    const struct fm_mod *m, fm_real *x)
{
	int R = q->B * q->W, D = q->D;
	q->k->norm(l->y, l->rstd, x, R, D);
	modulate(q, m, l->y, l->h);
	fm_linear(q, R, D, 3 * D, l->h, at[FM_QKV], at[FM_QKV_B], l->qkv);
	attend(q, heads, l, q->p + at[FM_DISTANCE]);
	fm_linear(q, R, D, D, l->att, at[FM_OUT], at[FM_OUT_B], l->o);
	gate_add(q, m, l->o, x);
}

void fm_att_backward(const struct fm_pass *q, int heads, const size_t *at, const struct fm_att *l,
		     const struct fm_mod *m, const struct fm_space *s, fm_real *dx)
{
	int R = q->B * q->W, D = q->D;
	gate_back(q, m, l->o, dx, s->d1);
	fm_linear_back(q, R, D, D, l->att, s->d1, at[FM_OUT], at[FM_OUT_B], s->d2, 0);
	attend_back(q, heads, l, s->d2, s->wide, s->P, q->g + at[FM_DISTANCE]);
	fm_linear_back(q, R, D, 3 * D, l->h, s->wide, at[FM_QKV], at[FM_QKV_B], s->d1, 0);
	modulate_back(q, m, l->y, s->d1);
	q->k->norm_back(dx, l->y, l->rstd, s->d1, R, D);
}

/* ---- feed-forward ---- */

void fm_ff_declare(struct fm_layout *l, int D, int F, float deep, int i, size_t *at)
{
	at[FM_FF1] = fm_layout_add(l, D, F, 0.04f, "body.%d.ff1.weight", i);
	at[FM_FF1_B] = fm_layout_add(l, 1, F, 0, "body.%d.ff1.bias", i);
	at[FM_FF2] = fm_layout_add(l, F, D, deep, "body.%d.ff2.weight", i);
	at[FM_FF2_B] = fm_layout_add(l, 1, D, 0, "body.%d.ff2.bias", i);
}

void fm_ff_take(const struct fm_pass *q, int F, struct fm_tape *tape, struct fm_ff *l)
{
	size_t R = rows_of(q), D = (size_t)q->D;
	l->y = fm_take(tape, R * D);
	l->h = fm_take(tape, R * D);
	l->u = fm_take(tape, R * D);
	l->f = fm_take(tape, R * (size_t)F);
	l->gelu = fm_take(tape, R * (size_t)F);
	l->rstd = fm_take(tape, R);
}

void fm_ff_forward(const struct fm_pass *q, int F, const size_t *at, const struct fm_ff *l, const struct fm_mod *m,
		   fm_real *x)
{
	int R = q->B * q->W, D = q->D;
	q->k->norm(l->y, l->rstd, x, R, D);
	modulate(q, m, l->y, l->h);
	fm_linear(q, R, D, F, l->h, at[FM_FF1], at[FM_FF1_B], l->f);
	q->k->gelu(l->gelu, l->f, (size_t)R * F);
	fm_linear(q, R, F, D, l->gelu, at[FM_FF2], at[FM_FF2_B], l->u);
	gate_add(q, m, l->u, x);
}

void fm_ff_backward(const struct fm_pass *q, int F, const size_t *at, const struct fm_ff *l, const struct fm_mod *m,
		    const struct fm_space *s, fm_real *dx)
{
	int R = q->B * q->W, D = q->D;
	gate_back(q, m, l->u, dx, s->d1);
	fm_linear_back(q, R, F, D, l->gelu, s->d1, at[FM_FF2], at[FM_FF2_B], s->wide, 0);
	q->k->gelu_back(s->wide, l->f, s->wide, (size_t)R * F);
	fm_linear_back(q, R, D, F, l->h, s->wide, at[FM_FF1], at[FM_FF1_B], s->d1, 0);
	modulate_back(q, m, l->y, s->d1);
	q->k->norm_back(dx, l->y, l->rstd, s->d1, R, D);
}

/* ---- the end ---- */

void fm_final_declare(struct fm_layout *l, int D, size_t at[2])
{
	at[0] = fm_layout_add(l, D, 2 * D, 0, "body.final.ada.weight");
	at[1] = fm_layout_add(l, 1, 2 * D, 0, "body.final.ada.bias");
}

void fm_final_take(const struct fm_pass *q, struct fm_tape *tape, struct fm_final *f)
{
	f->mod = fm_take(tape, (size_t)q->B * 2 * q->D);
	f->dmod = fm_take(tape, (size_t)q->B * 2 * q->D);
	f->y = fm_take(tape, rows_of(q) * q->D);
	f->rstd = fm_take(tape, rows_of(q));
}

void fm_final_forward(const struct fm_pass *q, const size_t at[2], const struct fm_final *f, const fm_real *c,
		      const fm_real *x, fm_real *h)
{
	struct fm_mod m = {f->mod, NULL, 2 * q->D, 0};
	fm_linear(q, q->B, q->D, 2 * q->D, c, at[0], at[1], f->mod);
	q->k->norm(f->y, f->rstd, x, q->B * q->W, q->D);
	modulate(q, &m, f->y, h);
}

void fm_final_backward(const struct fm_pass *q, const size_t at[2], const struct fm_final *f, const fm_real *c,
		       fm_real *dh, fm_real *dx, fm_real *dc)
{
	struct fm_mod m = {f->mod, f->dmod, 2 * q->D, 0};
	memset(f->dmod, 0, sizeof(fm_real) * (size_t)q->B * 2 * q->D);
	modulate_back(q, &m, f->y, dh);
	fm_linear_back(q, q->B, q->D, 2 * q->D, c, f->dmod, at[0], at[1], dc, 1);
	memset(dx, 0, sizeof(fm_real) * rows_of(q) * q->D);
	q->k->norm_back(dx, f->y, f->rstd, dh, q->B * q->W, q->D);
}
