/*
 * mlp.c - a residual MLP for each flow by itself, the usual baseline for tables (as in TabDDPM: Kotelnikov et al. 2023,
 * but with residual blocks and adaptive layer norm): `depth` feed-forward blocks.  Nothing is mixed over the window.
 */
#include <string.h>

#include "model/nn/layers.h"

enum { ADA, ADA_B, FF, NPER = FF + FM_NFF };
#define AT(l, t) at[(l)*NPER + (t)]

static void declare(const struct fm_arch *a, struct fm_layout *l, size_t *at)
{
	int D = a->width;
	for (int i = 0; i < a->depth; i++) {
		AT(i, ADA) = fm_layout_add(l, D, FM_NMOD * D, 0, "body.%d.ada.weight", i);
		AT(i, ADA_B) = fm_layout_add(l, 1, FM_NMOD * D, 0, "body.%d.ada.bias", i);
		fm_ff_declare(l, D, a->ffn, 0.02f, i, &AT(i, FF));
	}
	fm_final_declare(l, D, &AT(a->depth, ADA));
}

static int max_depth(const struct fm_arch *a)
{
	(void)a;
	return FM_MAXDEPTH;
}

struct acts {
	fm_real *mod[FM_MAXDEPTH]; /* (B, 3D) */
	struct fm_ff ff[FM_MAXDEPTH];
	struct fm_final final;
	struct fm_space space;
	fm_real *dmod;
};

static void take(const struct fm_arch *a, const struct fm_pass *q, struct fm_tape *tape, struct acts *s)
{
	for (int i = 0; i < a->depth; i++) {
		s->mod[i] = fm_take(tape, (size_t)q->B * FM_NMOD * a->width);
		fm_ff_take(q, a->ffn, tape, &s->ff[i]);
	}
	fm_final_take(q, tape, &s->final);
	fm_space_take(q, a->ffn, tape, &s->space);
	s->dmod = fm_take(tape, (size_t)q->B * FM_NMOD * a->width);
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
		struct fm_mod m = {acts.mod[i], NULL, FM_NMOD * D, 0};
		fm_linear(q, B, (struct fm_affine){D, FM_NMOD * D, AT(i, ADA), AT(i, ADA_B)}, c, acts.mod[i]);
		fm_ff_forward(q, a->ffn, &AT(i, FF), &acts.ff[i], &m, x);
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
		struct fm_mod m = {acts.mod[i], acts.dmod, FM_NMOD * D, 0};
		memset(acts.dmod, 0, sizeof(fm_real) * (size_t)B * FM_NMOD * D);
		fm_ff_backward(q, a->ffn, &AT(i, FF), &acts.ff[i], &m, &acts.space, dx);
		fm_linear_back(q, B, (struct fm_affine){D, FM_NMOD * D, AT(i, ADA), AT(i, ADA_B)}, c, acts.dmod, dc, 1);
	}
}

const struct fm_backbone fm_mlp = {"mlp", declare, max_depth, act_floats, forward, backward};
