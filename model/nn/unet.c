/*
 * unet.c - a 1-D U-Net along the window (Ronneberger et al. 2015; as a denoiser: Ho, Jain, Abbeel 2020, app. B;
 * Dhariwal, Nichol 2021): `depth` levels, each half as long as the one above.
 *
 *     flow   feed-forward layer, each flow by itself
 *     down   level i: two blocks -> skip i; convolution of stride 2 -> level i + 1
 *     middle lowest level: block, attention, block
 *     up     level i: x beside skip i -> block -> block; each row twice, convolution -> level i - 1
 *     flow   feed-forward layer
 *
 * Block: x + conv(act(norm(conv(act(norm(x)))))), act a shift and scale that are linear in the condition, then SiLU;
 * the block that sees x beside a skip adds to their sum, so that a path of sums leads from the first row to the last.
 *
 * The level below one of W rows has ceil(W/2); a row too many is dropped on the way up, so any window will do.
 *
 * The rows of a level are stored as (B, W + 1) and one more; the first of each is the row of zeros that a convolution
 * sees beyond the ends of a window.  Row r and its two neighbours are 3 C contiguous numbers, so that a convolution of
 * three is one matrix multiply of row stride C and K = 3C, without a copy.  Its output in the rows between windows is
 * set to zero.
 */
#include <string.h>

#include "model/nn/layers.h"

#define NFLOW (2 * FM_NMOD)
#define LEVELS 9 /* windows of at most 512 */
enum { ADA, ADA_B, CONV1, CONV1_B, CONV2, CONV2_B, NBLOCK };
/* Tensors: of the final norm, the flows' layers, the middle, then of each level. */
enum {
	FINAL,
	FLOW_ADA = 2,
	FLOW_ADA_B,
	FF1,
	FF2 = FF1 + FM_NFF,
	MID_ADA = FF2 + FM_NFF,
	MID_ADA_B,
	MID_ATT,
	MID1 = MID_ATT + FM_NATT,
	MID2 = MID1 + NBLOCK,
	LEVEL = MID2 + NBLOCK
};
enum { DOWN1 = 0, DOWN2 = NBLOCK, UP1 = 2 * NBLOCK, UP2 = 3 * NBLOCK, DOWN = 4 * NBLOCK, DOWN_B, UP, UP_B, NLEVEL };
#define AT(i, t) (at + LEVEL + (i)*NLEVEL + (t))

static int max_depth(const struct fm_arch *a)
{
	int n = 1;
	for (int W = a->window; W > 3 && n < LEVELS; W = (W + 1) / 2)
		n++;
	return n;
}

static void block_declare(struct fm_layout *l, int in, int D, size_t *at, const char *name, int i)
{
	float s1 = 0.6f / __builtin_sqrtf(3.0f * (float)in), s2 = 0.3f / __builtin_sqrtf(3.0f * (float)D);
	at[ADA] = fm_layout_add(l, D, 2 * (in + D), 0, "body.%s.%d.ada.weight", name, i);
	at[ADA_B] = fm_layout_add(l, 1, 2 * (in + D), 0, "body.%s.%d.ada.bias", name, i);
	at[CONV1] = fm_layout_add(l, 3 * in, D, s1, "body.%s.%d.conv1.weight", name, i);
	at[CONV1_B] = fm_layout_add(l, 1, D, 0, "body.%s.%d.conv1.bias", name, i);
	at[CONV2] = fm_layout_add(l, 3 * D, D, s2, "body.%s.%d.conv2.weight", name, i);
	at[CONV2_B] = fm_layout_add(l, 1, D, 0, "body.%s.%d.conv2.bias", name, i);
}

static void declare(const struct fm_arch *a, struct fm_layout *l, size_t *at)
{
	int D = a->width;
	float s = 1.0f / __builtin_sqrtf(3.0f * (float)D);
	for (int i = 0; i < a->depth; i++) {
		block_declare(l, D, D, AT(i, DOWN1), "down1", i);
		block_declare(l, D, D, AT(i, DOWN2), "down2", i);
		block_declare(l, 2 * D, D, AT(i, UP1), "up1", i);
		block_declare(l, D, D, AT(i, UP2), "up2", i);
		if (i == a->depth - 1)
			break;
		*AT(i, DOWN) = fm_layout_add(l, 3 * D, D, s, "body.down.%d.weight", i);
		*AT(i, DOWN_B) = fm_layout_add(l, 1, D, 0, "body.down.%d.bias", i);
		*AT(i, UP) = fm_layout_add(l, 3 * D, D, 0.3f * s, "body.up.%d.weight", i);
		*AT(i, UP_B) = fm_layout_add(l, 1, D, 0, "body.up.%d.bias", i);
	}
	block_declare(l, D, D, at + MID1, "middle", 1);
	at[MID_ADA] = fm_layout_add(l, D, FM_NMOD * D, 0, "body.middle.ada.weight");
	at[MID_ADA_B] = fm_layout_add(l, 1, FM_NMOD * D, 0, "body.middle.ada.bias");
	int low = a->window; /* rows of the lowest level */
	for (int i = 1; i < a->depth; i++)
		low = (low + 1) / 2;
	fm_att_declare(l, low, D, a->heads, 0.02f, "middle.", 0, at + MID_ATT);
	block_declare(l, D, D, at + MID2, "middle", 2);
	at[FLOW_ADA] = fm_layout_add(l, D, NFLOW * D, 0, "body.flow.ada.weight");
	at[FLOW_ADA_B] = fm_layout_add(l, 1, NFLOW * D, 0, "body.flow.ada.bias");
	fm_ff_declare(l, D, a->ffn, 0.02f, 1, at + FF1);
	fm_ff_declare(l, D, a->ffn, 0.02f, 2, at + FF2);
	fm_final_declare(l, D, at + FINAL);
}

/* ---- activations ---- */

struct block {
	int W, in;                  /* a window's rows, and their width before the first convolution */
	fm_real *mod;               /* (B, 2 in + 2D): scale and shift of the first norm, of the second */
	fm_real *y1, *h1, *a1, *r1; /* (rows, in), r1 (rows) */
	fm_real *y2, *h2, *a2, *r2; /* (rows, D) */
};
struct level {
	int W, rows; /* rows: B (W + 1) + 1 */
	struct block down[2], up[2];
	fm_real *x, *skip, *cat, *rise; /* (rows, D), cat 2D; rise: the level below, each row twice */
	fm_real *dx, *dskip;
};
struct acts {
	struct level level[LEVELS];
	struct block mid[2];
	struct fm_att att;
	struct fm_ff ff[2];
	struct fm_final final;
	struct fm_space low, top;    /* of attention and of the flows' layers */
	fm_real *attmod;             /* (B, 3D) */
	fm_real *flowmod, *dflowmod; /* (B, 6D) */
	fm_real *flat;               /* (B * W, D) */
	fm_real *dmod, *d1, *d2;     /* (B, 6D), (rows, 2D) */
};

static void block_take(struct fm_tape *t, int B, int W, int in, int D, struct block *b)
{
	size_t r = (size_t)B * (W + 1) + 1;
	b->W = W;
	b->in = in;
	b->mod = fm_take(t, (size_t)B * 2 * (in + D));
	b->y1 = fm_take(t, r * in);
	b->h1 = fm_take(t, r * in);
	b->a1 = fm_take(t, r * in);
	b->r1 = fm_take(t, r);
	b->y2 = fm_take(t, r * D);
	b->h2 = fm_take(t, r * D);
	b->a2 = fm_take(t, r * D);
	b->r2 = fm_take(t, r);
}

static void take(const struct fm_arch *a, int B, struct fm_tape *t, struct acts *s)
{
	int D = a->width, W = a->window;
	struct level *l = s->level;
	for (int i = 0; i < a->depth; i++, l++, W = (W + 1) / 2) {
		l->W = W;
		l->rows = B * (W + 1) + 1;
		size_t n = (size_t)l->rows * D;
		block_take(t, B, W, D, D, &l->down[0]);
		block_take(t, B, W, D, D, &l->down[1]);
		block_take(t, B, W, 2 * D, D, &l->up[0]);
		block_take(t, B, W, D, D, &l->up[1]);
		l->x = fm_take(t, n);
		l->skip = fm_take(t, n);
		l->cat = fm_take(t, 2 * n);
		l->rise = fm_take(t, n);
		l->dx = fm_take(t, n);
		l->dskip = fm_take(t, n);
	}
	l = &s->level[a->depth - 1];
	struct fm_pass low = {.B = B, .W = l->W, .D = D}, top = {.B = B, .W = a->window, .D = D};
	block_take(t, B, l->W, D, D, &s->mid[0]);
	block_take(t, B, l->W, D, D, &s->mid[1]);
	fm_att_take(&low, a->heads, t, &s->att);
	fm_space_take(&low, 3 * D, t, &s->low);
	fm_final_take(&top, t, &s->final);
	fm_ff_take(&top, a->ffn, t, &s->ff[0]);
	fm_ff_take(&top, a->ffn, t, &s->ff[1]);
	fm_space_take(&top, a->ffn, t, &s->top);
	s->flowmod = fm_take(t, (size_t)B * 6 * D);
	s->dflowmod = fm_take(t, (size_t)B * 6 * D);
	s->attmod = fm_take(t, (size_t)B * FM_NMOD * D);
	s->flat = fm_take(t, (size_t)B * a->window * D);
	s->dmod = fm_take(t, (size_t)B * 6 * D);
	s->d1 = fm_take(t, (size_t)s->level[0].rows * 2 * D);
	s->d2 = fm_take(t, (size_t)s->level[0].rows * 2 * D);
}

static size_t act_floats(const struct fm_arch *a, int B)
{
	struct fm_tape tape = {NULL, 0};
	struct acts s;
	take(a, B, &tape, &s);
	return tape.used;
}

/* ---- rows ---- */

static void spread(fm_real *x, const fm_real *flat, int B, int W, int n)
{
	for (int b = 0; b < B; b++)
		memcpy(x + ((size_t)b * (W + 1) + 1) * n, flat + (size_t)b * W * n, sizeof(fm_real) * (size_t)W * n);
	fm_conv_wipe(x, B, W, n);
}

static void gather(fm_real *flat, const fm_real *x, int B, int W, int n)
{
	for (int b = 0; b < B; b++)
		memcpy(flat + (size_t)b * W * n, x + ((size_t)b * (W + 1) + 1) * n, sizeof(fm_real) * (size_t)W * n);
}

/* x beside y: z (rows, 2n). */
static void beside(fm_real *z, const fm_real *x, const fm_real *y, int rows, int n)
{
	for (int r = 0; r < rows; r++, x += n, y += n, z += 2 * (size_t)n) {
		memcpy(z, x, sizeof(fm_real) * (size_t)n);
		memcpy(z + n, y, sizeof(fm_real) * (size_t)n);
	}
}

static void apart(fm_real *x, fm_real *y, const fm_real *z, int rows, int n)
{
	for (int r = 0; r < rows; r++, x += n, y += n, z += 2 * (size_t)n) {
		memcpy(x, z, sizeof(fm_real) * (size_t)n);
		memcpy(y, z + n, sizeof(fm_real) * (size_t)n);
	}
}

/* Row j of the level below becomes rows 2j and 2j + 1, as far as these exist. */
static void twice(fm_real *x, const struct level *l, const fm_real *low, const struct level *below, int B, int n)
{
	for (int b = 0; b < B; b++)
		for (int j = 0; j < l->W; j++)
			memcpy(x + ((size_t)b * (l->W + 1) + 1 + j) * n,
			       low + ((size_t)b * (below->W + 1) + 1 + j / 2) * n, sizeof(fm_real) * (size_t)n);
	fm_conv_wipe(x, B, l->W, n);
}

static void twice_back(const struct fm_kernels *k, fm_real *dlow, const struct level *below, const fm_real *dx,
		       const struct level *l, int B, int n)
{
	memset(dlow, 0, sizeof(fm_real) * (size_t)below->rows * n);
	for (int b = 0; b < B; b++)
		for (int j = 0; j < l->W; j++)
			k->add(dlow + ((size_t)b * (below->W + 1) + 1 + j / 2) * n,
			       dx + ((size_t)b * (l->W + 1) + 1 + j) * n, (size_t)n);
}

/* ---- blocks ---- */

/* h = y (1 + scale) + shift, a = silu(h); mod's row: scale and shift at v, stride s. */
static void act(const struct fm_pass *q, int W, int n, const fm_real *y, const fm_real *v, int s, fm_real *h,
		fm_real *a)
{
	for (int b = 0; b < q->B; b++) {
		size_t at = ((size_t)b * (W + 1) + 1) * n;
		q->k->modulate(h + at, y + at, v + (size_t)b * s, v + (size_t)b * s + n, W, n);
	}
	fm_conv_wipe(h, q->B, W, n);
	q->k->silu(a, h, ((size_t)q->B * (W + 1) + 1) * n);
}

/* d (of a) becomes d (of y). */
static void act_back(const struct fm_pass *q, int W, int n, const fm_real *y, const fm_real *h, const fm_real *v,
		     fm_real *dv, int s, fm_real *d)
{
	q->k->silu_back(d, h, d, ((size_t)q->B * (W + 1) + 1) * n);
	for (int b = 0; b < q->B; b++) {
		size_t at = ((size_t)b * (W + 1) + 1) * n, m = (size_t)b * s;
		q->k->modulate_back(d + at, dv + m, dv + m + n, y + at, d + at, v + m, W, n);
	}
}

/* x (rows, D) += f(in (rows, l->in)). */
static void block_forward(const struct fm_pass *q, const size_t *at, const struct block *l, const fm_real *c,
			  const fm_real *in, fm_real *u, fm_real *x)
{
	int D = q->D, W = l->W, n = l->in, rows = q->B * (W + 1) + 1, stride = 2 * (n + D);
	fm_linear(q, q->B, (struct fm_affine){D, stride, at[ADA], at[ADA_B]}, c, l->mod);
	q->k->norm(l->y1, l->r1, in, rows, n);
	act(q, W, n, l->y1, l->mod, stride, l->h1, l->a1);
	fm_conv(q, W, (struct fm_affine){n, D, at[CONV1], at[CONV1_B]}, l->a1, u);
	q->k->norm(l->y2, l->r2, u, rows, D);
	act(q, W, D, l->y2, l->mod + 2 * n, stride, l->h2, l->a2);
	fm_conv(q, W, (struct fm_affine){D, D, at[CONV2], at[CONV2_B]}, l->a2, u);
	q->k->add(x, u, (size_t)rows * D);
}

/* din (rows, l->in) += the gradient through f from dx (rows, D); they may be the same array. */
static void block_backward(const struct fm_pass *q, const size_t *at, const struct block *l, const fm_real *c,
			   const struct acts *s, const fm_real *dx, fm_real *din, fm_real *dc)
{
	int D = q->D, W = l->W, n = l->in, rows = q->B * (W + 1) + 1, stride = 2 * (n + D);
	memset(s->dmod, 0, sizeof(fm_real) * (size_t)q->B * stride);
	fm_conv_back(q, W, (struct fm_affine){D, D, at[CONV2], at[CONV2_B]}, l->a2, dx, s->d1);
	act_back(q, W, D, l->y2, l->h2, l->mod + 2 * n, s->dmod + 2 * n, stride, s->d1);
	memset(s->d2, 0, sizeof(fm_real) * (size_t)rows * D);
	q->k->norm_back(s->d2, l->y2, l->r2, s->d1, rows, D);
	fm_conv_back(q, W, (struct fm_affine){n, D, at[CONV1], at[CONV1_B]}, l->a1, s->d2, s->d1);
	act_back(q, W, n, l->y1, l->h1, l->mod, s->dmod, stride, s->d1);
	q->k->norm_back(din, l->y1, l->r1, s->d1, rows, n);
	fm_linear_back(q, q->B, (struct fm_affine){D, stride, at[ADA], at[ADA_B]}, c, s->dmod, dc, 1);
}

/* ---- forward and backward ---- */

static void forward(const struct fm_arch *a, const size_t *at, const struct fm_pass *q, fm_real *x, const fm_real *c,
		    fm_real *h)
{
	struct fm_pass low = *q;
	struct fm_tape tape = {q->act, 0};
	int B = q->B, D = a->width, n = a->depth;
	struct acts acts;
	take(a, B, &tape, &acts);
	struct level *l = acts.level;
	struct fm_mod m1 = {acts.flowmod, NULL, NFLOW * D, 0}, m2 = {acts.flowmod, NULL, NFLOW * D, FM_NMOD * D};
	fm_linear(q, B, (struct fm_affine){D, NFLOW * D, at[FLOW_ADA], at[FLOW_ADA_B]}, c, acts.flowmod);
	fm_ff_forward(q, a->ffn, at + FF1, &acts.ff[0], &m1, x);
	spread(l->x, x, B, l->W, D);
	for (int i = 0; i < n; i++) {
		l = &acts.level[i];
		block_forward(q, AT(i, DOWN1), &l->down[0], c, l->x, acts.d1, l->x);
		block_forward(q, AT(i, DOWN2), &l->down[1], c, l->x, acts.d1, l->x);
		memcpy(l->skip, l->x, sizeof(fm_real) * (size_t)l->rows * D);
		if (i < n - 1)
			fm_conv_down(q, l->W, l[1].W, (struct fm_affine){D, D, *AT(i, DOWN), *AT(i, DOWN_B)}, l->skip,
				     l[1].x);
	}
	low.W = l->W;
	struct fm_mod m = {acts.attmod, NULL, FM_NMOD * D, 0};
	block_forward(q, at + MID1, &acts.mid[0], c, l->x, acts.d1, l->x);
	fm_linear(q, B, (struct fm_affine){D, FM_NMOD * D, at[MID_ADA], at[MID_ADA_B]}, c, acts.attmod);
	gather(acts.flat, l->x, B, l->W, D);
	fm_att_forward(&low, a->heads, at + MID_ATT, &acts.att, &m, acts.flat);
	spread(l->x, acts.flat, B, l->W, D);
	block_forward(q, at + MID2, &acts.mid[1], c, l->x, acts.d1, l->x);
	for (int i = n - 1; i >= 0; i--) {
		l = &acts.level[i];
		beside(l->cat, l->x, l->skip, l->rows, D);
		q->k->add(l->x, l->skip, (size_t)l->rows * D);
		block_forward(q, AT(i, UP1), &l->up[0], c, l->cat, acts.d1, l->x);
		block_forward(q, AT(i, UP2), &l->up[1], c, l->x, acts.d1, l->x);
		if (i > 0)
			twice((l - 1)->rise, l - 1, l->x, l, B, D);
		if (i > 0)
			fm_conv(q, (l - 1)->W, (struct fm_affine){D, D, *AT(i - 1, UP), *AT(i - 1, UP_B)},
				(l - 1)->rise, (l - 1)->x);
	}
	gather(acts.flat, l->x, B, l->W, D);
	fm_ff_forward(q, a->ffn, at + FF2, &acts.ff[1], &m2, acts.flat);
	fm_final_forward(q, at + FINAL, &acts.final, c, acts.flat, h);
}

static void backward(const struct fm_arch *a, const size_t *at, const struct fm_pass *q, fm_real *dh, const fm_real *c,
		     fm_real *dx, fm_real *dc)
{
	struct fm_pass low = *q;
	struct fm_tape tape = {q->act, 0};
	int B = q->B, D = a->width, n = a->depth;
	struct acts acts;
	take(a, B, &tape, &acts);
	struct level *l = acts.level;
	fm_final_backward(q, at + FINAL, &acts.final, c, dh, acts.flat, dc);
	struct fm_mod m1 = {acts.flowmod, acts.dflowmod, NFLOW * D, 0},
		      m2 = {acts.flowmod, acts.dflowmod, NFLOW * D, FM_NMOD * D};
	memset(acts.dflowmod, 0, sizeof(fm_real) * (size_t)B * NFLOW * D);
	fm_ff_backward(q, a->ffn, at + FF2, &acts.ff[1], &m2, &acts.top, acts.flat);
	spread(l->dx, acts.flat, B, l->W, D);
	for (int i = 0; i < n; i++) {
		l = &acts.level[i];
		if (i > 0) {
			fm_conv_back(q, (l - 1)->W, (struct fm_affine){D, D, *AT(i - 1, UP), *AT(i - 1, UP_B)},
				     (l - 1)->rise, (l - 1)->dx, acts.d1);
			twice_back(q->k, l->dx, l, acts.d1, l - 1, B, D);
		}
		block_backward(q, AT(i, UP2), &l->up[1], c, &acts, l->dx, l->dx, dc);
		beside(l->cat, l->dx, l->dx, l->rows, D); /* both were summands of x; cat is no longer needed */
		block_backward(q, AT(i, UP1), &l->up[0], c, &acts, l->dx, l->cat, dc);
		apart(l->dx, l->dskip, l->cat, l->rows, D);
	}
	low.W = l->W;
	struct fm_mod m = {acts.attmod, acts.dmod, FM_NMOD * D, 0};
	block_backward(q, at + MID2, &acts.mid[1], c, &acts, l->dx, l->dx, dc);
	gather(acts.flat, l->dx, B, l->W, D);
	memset(acts.dmod, 0, sizeof(fm_real) * (size_t)B * FM_NMOD * D);
	fm_att_backward(&low, a->heads, at + MID_ATT, &acts.att, &m, &acts.low, acts.flat);
	fm_linear_back(q, B, (struct fm_affine){D, FM_NMOD * D, at[MID_ADA], at[MID_ADA_B]}, c, acts.dmod, dc, 1);
	spread(l->dx, acts.flat, B, l->W, D);
	block_backward(q, at + MID1, &acts.mid[0], c, &acts, l->dx, l->dx, dc);
	for (int i = n - 1; i >= 0; i--) {
		l = &acts.level[i];
		if (i < n - 1)
			fm_conv_down_back(q, l->W, l[1].W, (struct fm_affine){D, D, *AT(i, DOWN), *AT(i, DOWN_B)},
					  l->skip, l[1].dx, l->dskip);
		else
			q->k->add(l->dskip, l->dx, (size_t)l->rows * D);
		block_backward(q, AT(i, DOWN2), &l->down[1], c, &acts, l->dskip, l->dskip, dc);
		block_backward(q, AT(i, DOWN1), &l->down[0], c, &acts, l->dskip, l->dskip, dc);
		if (i > 0)
			memcpy(l->dx, l->dskip, sizeof(fm_real) * (size_t)l->rows * D);
	}
	gather(dx, acts.level[0].dskip, B, a->window, D);
	fm_ff_backward(q, a->ffn, at + FF1, &acts.ff[0], &m1, &acts.top, dx);
	fm_linear_back(q, B, (struct fm_affine){D, NFLOW * D, at[FLOW_ADA], at[FLOW_ADA_B]}, c, acts.dflowmod, dc, 1);
}

const struct fm_backbone fm_unet = {"unet", declare, max_depth, act_floats, forward, backward};
