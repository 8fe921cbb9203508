/* layers.c - the parts of backbones. */
#include "model/nn/layers.h"

#include <string.h>

#include "base/detmath.h"

fm_real *fm_take(struct fm_tape *tape, size_t n)
{
	size_t at = tape->used;
	tape->used += (n + 15) & ~(size_t)15;
	return tape->base ? tape->base + at : NULL;
}

/* ---- calls of the device ---- */

void fm_linear(const struct fm_pass *q, int rows, struct fm_affine a, const fm_real *in, fm_real *out)
{
	q->layers->linear(q, rows, a, in, out);
}

void fm_linear_back(const struct fm_pass *q, int rows, struct fm_affine a, const fm_real *in, const fm_real *d,
		    fm_real *din, int add)
{
	q->layers->linear_back(q, rows, a, in, d, din, add);
}

void fm_modulate(const struct fm_pass *q, const struct fm_mod *m, const fm_real *x, fm_real *h)
{
	q->layers->modulate(q, m, x, h);
}

void fm_modulate_back(const struct fm_pass *q, const struct fm_mod *m, const fm_real *x, fm_real *d)
{
	q->layers->modulate_back(q, m, x, d);
}

void fm_gate_add(const struct fm_pass *q, const struct fm_mod *m, const fm_real *y, fm_real *x)
{
	q->layers->gate_add(q, m, y, x);
}

void fm_gate_back(const struct fm_pass *q, const struct fm_mod *m, const fm_real *y, const fm_real *dx, fm_real *dy)
{
	q->layers->gate_back(q, m, y, dx, dy);
}

void fm_attend(const struct fm_pass *q, int heads, const struct fm_att *l, size_t distance)
{
	q->layers->attend(q, heads, l, distance);
}

void fm_attend_back(const struct fm_pass *q, int heads, const struct fm_att *l, size_t distance, const fm_real *datt,
		    fm_real *dqkv, fm_real *dP)
{
	q->layers->attend_back(q, heads, l, distance, datt, dqkv, dP);
}

void fm_conv(const struct fm_pass *q, int W, struct fm_affine a, const fm_real *x, fm_real *y)
{
	q->layers->conv(q, W, a, x, y);
}

void fm_conv_back(const struct fm_pass *q, int W, struct fm_affine a, const fm_real *x, const fm_real *dy, fm_real *dx)
{
	q->layers->conv_back(q, W, a, x, dy, dx);
}

void fm_conv_down(const struct fm_pass *q, int W, int low, struct fm_affine a, const fm_real *x, fm_real *y)
{
	q->layers->conv_down(q, W, low, a, x, y);
}

void fm_conv_down_back(const struct fm_pass *q, int W, int low, struct fm_affine a, const fm_real *x, const fm_real *dy,
		       fm_real *dx)
{
	q->layers->conv_down_back(q, W, low, a, x, dy, dx);
}

void fm_lookup_add(const struct fm_pass *q, int rows, struct fm_lookup l, size_t at, fm_real *x)
{
	q->layers->lookup_add(q, rows, l, at, x);
}

/* ---- shared by the parts ---- */

static size_t rows_of(const struct fm_pass *q)
{
	return (size_t)q->B * (size_t)q->W;
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

void fm_att_forward(const struct fm_pass *q, int heads, const size_t *at, const struct fm_att *l,
		    const struct fm_mod *m, fm_real *x)
{
	int R = q->B * q->W, D = q->D;
	q->k->norm(l->y, l->rstd, x, R, D);
	fm_modulate(q, m, l->y, l->h);
	fm_linear(q, R, (struct fm_affine){D, 3 * D, at[FM_QKV], at[FM_QKV_B]}, l->h, l->qkv);
	fm_attend(q, heads, l, at[FM_DISTANCE]);
	fm_linear(q, R, (struct fm_affine){D, D, at[FM_OUT], at[FM_OUT_B]}, l->att, l->o);
	fm_gate_add(q, m, l->o, x);
}

void fm_att_backward(const struct fm_pass *q, int heads, const size_t *at, const struct fm_att *l,
		     const struct fm_mod *m, const struct fm_space *s, fm_real *dx)
{
	int R = q->B * q->W, D = q->D;
	fm_gate_back(q, m, l->o, dx, s->d1);
	fm_linear_back(q, R, (struct fm_affine){D, D, at[FM_OUT], at[FM_OUT_B]}, l->att, s->d1, s->d2, 0);
	fm_attend_back(q, heads, l, at[FM_DISTANCE], s->d2, s->wide, s->P);
	fm_linear_back(q, R, (struct fm_affine){D, 3 * D, at[FM_QKV], at[FM_QKV_B]}, l->h, s->wide, s->d1, 0);
	fm_modulate_back(q, m, l->y, s->d1);
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
	fm_modulate(q, m, l->y, l->h);
	fm_linear(q, R, (struct fm_affine){D, F, at[FM_FF1], at[FM_FF1_B]}, l->h, l->f);
	q->k->gelu(l->gelu, l->f, (size_t)R * F);
	fm_linear(q, R, (struct fm_affine){F, D, at[FM_FF2], at[FM_FF2_B]}, l->gelu, l->u);
	fm_gate_add(q, m, l->u, x);
}

void fm_ff_backward(const struct fm_pass *q, int F, const size_t *at, const struct fm_ff *l, const struct fm_mod *m,
		    const struct fm_space *s, fm_real *dx)
{
	int R = q->B * q->W, D = q->D;
	fm_gate_back(q, m, l->u, dx, s->d1);
	fm_linear_back(q, R, (struct fm_affine){F, D, at[FM_FF2], at[FM_FF2_B]}, l->gelu, s->d1, s->wide, 0);
	q->k->gelu_back(s->wide, l->f, s->wide, (size_t)R * F);
	fm_linear_back(q, R, (struct fm_affine){D, F, at[FM_FF1], at[FM_FF1_B]}, l->h, s->wide, s->d1, 0);
	fm_modulate_back(q, m, l->y, s->d1);
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
	fm_linear(q, q->B, (struct fm_affine){q->D, 2 * q->D, at[0], at[1]}, c, f->mod);
	q->k->norm(f->y, f->rstd, x, q->B * q->W, q->D);
	fm_modulate(q, &m, f->y, h);
}

void fm_final_backward(const struct fm_pass *q, const size_t at[2], const struct fm_final *f, const fm_real *c,
		       fm_real *dh, fm_real *dx, fm_real *dc)
{
	struct fm_mod m = {f->mod, f->dmod, 2 * q->D, 0};
	memset(f->dmod, 0, sizeof(fm_real) * (size_t)q->B * 2 * q->D);
	fm_modulate_back(q, &m, f->y, dh);
	fm_linear_back(q, q->B, (struct fm_affine){q->D, 2 * q->D, at[0], at[1]}, c, f->dmod, dc, 1);
	memset(dx, 0, sizeof(fm_real) * rows_of(q) * q->D);
	q->k->norm_back(dx, f->y, f->rstd, dh, q->B * q->W, q->D);
}

/* ---- the time step ---- */

void fm_embed_time(const struct fm_kernels *k, int D, const float *t, int B, fm_real *e)
{
	int half = D / 2;
	fm_real a[FM_WIDTH_MOST / 2], s[FM_WIDTH_MOST / 2], c[FM_WIDTH_MOST / 2];
	for (int b = 0; b < B; b++, e += D) {
		for (int i = 0; i < half; i++)
			a[i] = 1000.0f * (fm_real)t[b] * (fm_real)fm_det_exp(-9.210340371976184 * i / half);
		k->sincos(s, c, a, (size_t)half);
		memcpy(e, s, sizeof(fm_real) * (size_t)half);
		memcpy(e + half, c, sizeof(fm_real) * (size_t)half);
	}
}
