/*
 * transformer.c - a pre-norm transformer over the window (Vaswani et al. 2017; Xiong et al. 2020), conditioned by
 * adaptive layer norm (Peebles, Xie 2023): `depth` layers of attention and feed-forward.
 */
#include <string.h>

#include "model/nn/layers.h"

enum { ADA, ADA_B, ATT, FF = ATT + FM_NATT, NPER = FF + FM_NFF };
#define AT(l, t) at[(l)*NPER + (t)]
#define NMOD (2 * FM_NMOD) /* shift, scale and gate of attention, then of feed-forward */

static void declare(const struct fm_arch *a, struct fm_layout *l, size_t *at)
{
	int D = a->width;
	float deep = 0.02f / (float)(a->depth > 4 ? 2 : 1);
	for (int i = 0; i < a->depth; i++) {
		AT(i, ADA) = fm_layout_add(l, D, NMOD * D, 0, "body.%d.ada.weight", i);
		AT(i, ADA_B) = fm_layout_add(l, 1, NMOD * D, 0, "body.%d.ada.bias", i);
		fm_att_declare(l, a->window, D, a->heads, deep, "", i, &AT(i, ATT));
		fm_ff_declare(l, D, a->ffn, deep, i, &AT(i, FF));
	}
	fm_final_declare(l, D, &AT(a->depth, ADA));
}

static int max_depth(const struct fm_arch *a)
{
	(void)a;
	return FM_MAXDEPTH;
}

struct layer {
	fm_real *mod; /* (B, NMOD * D) */
	struct fm_att att;
	struct fm_ff ff;
};
struct acts {
	struct layer layer[FM_MAXDEPTH];
	struct fm_final final;
	struct fm_space space;
	fm_real *dmod;
};

static void take(const struct fm_arch *a, const struct fm_pass *q, struct fm_tape *tape, struct acts *s)
{
	int D = a->width;
	for (int i = 0; i < a->depth; i++) {
		s->layer[i].mod = fm_take(tape, (size_t)q->B * NMOD * D);
		fm_att_take(q, a->heads, tape, &s->layer[i].att);
		fm_ff_take(q, a->ffn, tape, &s->layer[i].ff);
	}
	fm_final_take(q, tape, &s->final);
	fm_space_take(q, a->ffn > 3 * D ? a->ffn : 3 * D, tape, &s->space);
	s->dmod = fm_take(tape, (size_t)q->B * NMOD * D);
}

static size_t act_floats(const struct fm_arch *a, int B)
{
	struct fm_pass q = {.B = B, .W = a->window, .D = a->width};
	struct fm_tape tape = {NULL, 0};
	struct acts s;
	take(a, &q, &tape, &s);
	return tape.used;
}

static void forward(const struct fm_arch *a, const size_t *at, const struct fm_pass *q, fm_real *x, const fm_real *c,
		    fm_real *h)
{
	int B = q->B, D = a->width;
	struct fm_tape tape = {q->act, 0};
	struct acts acts;
	take(a, q, &tape, &acts);
	for (int i = 0; i < a->depth; i++) {
		struct layer *l = &acts.layer[i];
		struct fm_mod m1 = {l->mod, NULL, NMOD * D, 0}, m2 = {l->mod, NULL, NMOD * D, FM_NMOD * D};
		fm_linear(q, B, (struct fm_affine){D, NMOD * D, AT(i, ADA), AT(i, ADA_B)}, c, l->mod);
		fm_att_forward(q, a->heads, &AT(i, ATT), &l->att, &m1, x);
		fm_ff_forward(q, a->ffn, &AT(i, FF), &l->ff, &m2, x);
	}
	fm_final_forward(q, &AT(a->depth, ADA), &acts.final, c, x, h);
}

static void backward(const struct fm_arch *a, const size_t *at, const struct fm_pass *q, fm_real *dh, const fm_real *c,
		     fm_real *dx, fm_real *dc)
{
	int B = q->B, D = a->width;
	struct fm_tape tape = {q->act, 0};
	struct acts acts;
	take(a, q, &tape, &acts);
	fm_final_backward(q, &AT(a->depth, ADA), &acts.final, c, dh, dx, dc);
	for (int i = a->depth - 1; i >= 0; i--) {
		struct layer *l = &acts.layer[i];
		struct fm_mod m1 = {l->mod, acts.dmod, NMOD * D, 0}, m2 = {l->mod, acts.dmod, NMOD * D, FM_NMOD * D};
		memset(acts.dmod, 0, sizeof(fm_real) * (size_t)B * NMOD * D);
		fm_ff_backward(q, a->ffn, &AT(i, FF), &l->ff, &m2, &acts.space, dx);
		fm_att_backward(q, a->heads, &AT(i, ATT), &l->att, &m1, &acts.space, dx);
		fm_linear_back(q, B, (struct fm_affine){D, NMOD * D, AT(i, ADA), AT(i, ADA_B)}, c, acts.dmod, dc, 1);
	}
}

const struct fm_backbone fm_transformer = {"transformer", declare, max_depth, act_floats, forward, backward};
