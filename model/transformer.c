/*
 * transformer.c - a pre-norm transformer over the window (Vaswani et al. 2017; Xiong et al. 2020), conditioned by adaptive
 * layer norm (Peebles, Xie 2023, eq. of their fig. 3): each layer's two branches have a shift, a scale and a gate that are
 * linear in the condition, zero at the start.
 */
#include <string.h>

#include "model/body.h"

enum { ADA, ADA_B, QKV, QKV_B, OUT, OUT_B, FF1, FF1_B, FF2, FF2_B, NPER };
#define AT(l, t) at[(l)*NPER + (t)]
enum { SH1, SC1, G1, SH2, SC2, G2, NMOD }; /* the condition's six vectors in a row of mod (B, 6D) */

static void declare(const struct fm_arch *a, struct fm_layout *l, size_t *at)
{
	int D = a->width, F = a->ffn;
	float s = 0.02f, deep = 0.02f / (float)(a->depth > 4 ? 2 : 1);
	for (int i = 0; i < a->depth; i++) {
		AT(i, ADA) = fm_layout_add(l, D, NMOD * D, 0, "body.%d.ada.weight", i);
		AT(i, ADA_B) = fm_layout_add(l, 1, NMOD * D, 0, "body.%d.ada.bias", i);
		AT(i, QKV) = fm_layout_add(l, D, 3 * D, s * 2, "body.%d.qkv.weight", i);
		AT(i, QKV_B) = fm_layout_add(l, 1, 3 * D, 0, "body.%d.qkv.bias", i);
		AT(i, OUT) = fm_layout_add(l, D, D, deep, "body.%d.out.weight", i);
		AT(i, OUT_B) = fm_layout_add(l, 1, D, 0, "body.%d.out.bias", i);
		AT(i, FF1) = fm_layout_add(l, D, F, s * 2, "body.%d.ff1.weight", i);
		AT(i, FF1_B) = fm_layout_add(l, 1, F, 0, "body.%d.ff1.bias", i);
		AT(i, FF2) = fm_layout_add(l, F, D, deep, "body.%d.ff2.weight", i);
		AT(i, FF2_B) = fm_layout_add(l, 1, D, 0, "body.%d.ff2.bias", i);
	}
	AT(a->depth, ADA) = fm_layout_add(l, D, 2 * D, 0, "body.final.ada.weight");
	AT(a->depth, ADA_B) = fm_layout_add(l, 1, 2 * D, 0, "body.final.ada.bias");
}

/* Activations of one layer for R = B*W rows, as pointers into the arena. */
struct layer {
	fm_real *mod;                /* (B, 6D) */
	fm_real *y1, *h1, *att, *o;  /* (R, D) */
	fm_real *qkv;                /* (R, 3D) */
	fm_real *P;                  /* (B, heads, W, W) */
	fm_real *y2, *h2, *u;        /* (R, D) */
	fm_real *f, *gelu;           /* (R, F) */
	fm_real *rstd1, *rstd2;      /* (R) */
};

static fm_real *take(fm_real **act, size_t n)
{
	fm_real *p = *act;
	*act += (n + 15) & ~(size_t)15;
	return p;
}

static void layer_take(const struct fm_arch *a, int B, fm_real **act, struct layer *l)
{
	size_t D = (size_t)a->width, R = (size_t)B * (size_t)a->window, F = (size_t)a->ffn;
	l->mod = take(act, (size_t)B * NMOD * D);
	l->y1 = take(act, R * D);
	l->h1 = take(act, R * D);
	l->att = take(act, R * D);
	l->o = take(act, R * D);
	l->qkv = take(act, R * 3 * D);
	l->P = take(act, R * (size_t)a->heads * (size_t)a->window);
	l->y2 = take(act, R * D);
	l->h2 = take(act, R * D);
	l->u = take(act, R * D);
	l->f = take(act, R * F);
	l->gelu = take(act, R * F);
	l->rstd1 = take(act, R);
	l->rstd2 = take(act, R);
}

/* After the layers: the final norm's (mod (B,2D), y (R,D), rstd (R)), then scratch of the way back. */
struct final {
	fm_real *mod, *y, *rstd;
	fm_real *d1, *d2, *dqkv, *dF, *dmod, *dP;
};

static void final_take(const struct fm_arch *a, int B, fm_real **act, struct final *f)
{
	size_t D = (size_t)a->width, R = (size_t)B * (size_t)a->window;
	f->mod = take(act, (size_t)B * 2 * D);
	f->y = take(act, R * D);
	f->rstd = take(act, R);
	f->d1 = take(act, R * D);
	f->d2 = take(act, R * D);
	f->dqkv = take(act, R * 3 * D);
	f->dF = take(act, R * (size_t)a->ffn);
	f->dmod = take(act, (size_t)B * NMOD * D);
	f->dP = take(act, (size_t)a->window * (size_t)a->window);
}

static size_t act_floats(const struct fm_arch *a, int B)
{
	fm_real *start = NULL, *p = start;
	struct layer l;
	struct final f;
	for (int i = 0; i < a->depth; i++)
		layer_take(a, B, &p, &l);
	final_take(a, B, &p, &f);
	return (size_t)(p - start);
}

static void attend(const struct fm_arch *a, const struct fm_kernels *k, struct fm_scratch *s, const struct layer *l, int B)
{
	int W = a->window, D = a->width, H = a->heads, dh = D / H;
	fm_real scale = 1 / (fm_real)__builtin_sqrt((double)dh);
	for (int b = 0; b < B; b++)
		for (int h = 0; h < H; h++) {
			const fm_real *q = l->qkv + (size_t)b * W * 3 * D + h * dh;
			fm_real *P = l->P + ((size_t)b * H + h) * W * W;
			k->gemm(s, FM_N, FM_T, W, W, dh, q, 3 * D, q + D, 3 * D, P, W, NULL, 0);
			k->softmax(P, P, W, W, scale);
			k->gemm(s, FM_N, FM_N, W, dh, W, P, W, q + 2 * D, 3 * D, l->att + (size_t)b * W * D + h * dh, D, NULL, 0);
		}
}

/* dqkv (R,3D) from datt (R,D). */
static void attend_back(const struct fm_arch *a, const struct fm_kernels *k, struct fm_scratch *s, const struct layer *l, int B, const fm_real *datt,
			fm_real *dqkv, fm_real *dP)
{
	int W = a->window, D = a->width, H = a->heads, dh = D / H;
	fm_real scale = 1 / (fm_real)__builtin_sqrt((double)dh);
	for (int b = 0; b < B; b++)
		for (int h = 0; h < H; h++) {
			size_t at = (size_t)b * W * 3 * D + h * dh;
			const fm_real *q = l->qkv + at, *d = datt + (size_t)b * W * D + h * dh;
			const fm_real *P = l->P + ((size_t)b * H + h) * W * W;
			fm_real *dq = dqkv + at;
			k->gemm(s, FM_T, FM_N, W, dh, W, P, W, d, D, dq + 2 * D, 3 * D, NULL, 0);
			k->gemm(s, FM_N, FM_T, W, W, dh, d, D, q + 2 * D, 3 * D, dP, W, NULL, 0);
			k->softmax_back(dP, P, dP, W, W, scale);
			k->gemm(s, FM_N, FM_N, W, dh, W, dP, W, q + D, 3 * D, dq, 3 * D, NULL, 0);
			k->gemm(s, FM_T, FM_N, W, dh, W, dP, W, q, 3 * D, dq + D, 3 * D, NULL, 0);
		}
}

static void forward(const struct fm_arch *a, const size_t *at, const struct fm_kernels *k, struct fm_scratch *s, const fm_real *p, fm_real *act,
		    fm_real *x, const fm_real *c, int B, fm_real *h)
{
	int W = a->window, D = a->width, F = a->ffn, R = B * W;
	struct layer l;
	struct final f;
	for (int i = 0; i < a->depth; i++) {
		layer_take(a, B, &act, &l);
		k->gemm(s, FM_N, FM_N, B, NMOD * D, D, c, D, p + AT(i, ADA), NMOD * D, l.mod, NMOD * D, p + AT(i, ADA_B), 0);
		k->norm(l.y1, l.rstd1, x, R, D);
		for (int b = 0; b < B; b++) {
			const fm_real *m = l.mod + (size_t)b * NMOD * D;
			k->modulate(l.h1 + (size_t)b * W * D, l.y1 + (size_t)b * W * D, m + SC1 * D, m + SH1 * D, W, D);
		}
		k->gemm(s, FM_N, FM_N, R, 3 * D, D, l.h1, D, p + AT(i, QKV), 3 * D, l.qkv, 3 * D, p + AT(i, QKV_B), 0);
		attend(a, k, s, &l, B);
		k->gemm(s, FM_N, FM_N, R, D, D, l.att, D, p + AT(i, OUT), D, l.o, D, p + AT(i, OUT_B), 0);
		for (int b = 0; b < B; b++)
			k->gate_add(x + (size_t)b * W * D, l.o + (size_t)b * W * D, l.mod + ((size_t)b * NMOD + G1) * D, W, D);
		k->norm(l.y2, l.rstd2, x, R, D);
		for (int b = 0; b < B; b++) {
			const fm_real *m = l.mod + (size_t)b * NMOD * D;
			k->modulate(l.h2 + (size_t)b * W * D, l.y2 + (size_t)b * W * D, m + SC2 * D, m + SH2 * D, W, D);
		}
		k->gemm(s, FM_N, FM_N, R, F, D, l.h2, D, p + AT(i, FF1), F, l.f, F, p + AT(i, FF1_B), 0);
		k->gelu(l.gelu, l.f, (size_t)R * F);
		k->gemm(s, FM_N, FM_N, R, D, F, l.gelu, F, p + AT(i, FF2), D, l.u, D, p + AT(i, FF2_B), 0);
		for (int b = 0; b < B; b++)
			k->gate_add(x + (size_t)b * W * D, l.u + (size_t)b * W * D, l.mod + ((size_t)b * NMOD + G2) * D, W, D);
	}
	final_take(a, B, &act, &f);
	k->gemm(s, FM_N, FM_N, B, 2 * D, D, c, D, p + AT(a->depth, ADA), 2 * D, f.mod, 2 * D, p + AT(a->depth, ADA_B), 0);
	k->norm(f.y, f.rstd, x, R, D);
	for (int b = 0; b < B; b++) {
		const fm_real *m = f.mod + (size_t)b * 2 * D;
		k->modulate(h + (size_t)b * W * D, f.y + (size_t)b * W * D, m + D, m, W, D);
	}
}

/* A linear layer's way back: g_w += in^T d, g_b += sum d, din = d w^T.  in (R,n), d (R,m), w (n,m). */
static void linear_back(const struct fm_kernels *k, struct fm_scratch *s, int R, int n, int m, const fm_real *in, const fm_real *d, const fm_real *w,
			fm_real *gw, fm_real *gb, fm_real *din, int add)
{
	k->gemm(s, FM_T, FM_N, n, m, R, in, n, d, m, gw, m, NULL, 1);
	k->colsum(gb, d, R, m);
	if (din)
		k->gemm(s, FM_N, FM_T, R, n, m, d, m, w, m, din, n, NULL, add);
}

static void backward(const struct fm_arch *a, const size_t *at, const struct fm_kernels *k, struct fm_scratch *s, const fm_real *p, fm_real *act,
		     fm_real *dh, const fm_real *c, int B, fm_real *dx, fm_real *dc, fm_real *g)
{
	int W = a->window, D = a->width, F = a->ffn, R = B * W;
	size_t WD = (size_t)W * D;
	struct layer layers[FM_MAXDEPTH];
	struct final f;
	for (int i = 0; i < a->depth; i++)
		layer_take(a, B, &act, &layers[i]);
	final_take(a, B, &act, &f);

	memset(f.dmod, 0, sizeof(fm_real) * (size_t)B * 2 * D);
	for (int b = 0; b < B; b++) {
		fm_real *dm = f.dmod + (size_t)b * 2 * D;
		k->modulate_back(dh + b * WD, dm + D, dm, f.y + b * WD, dh + b * WD, f.mod + (size_t)b * 2 * D + D, W, D);
	}
	linear_back(k, s, B, D, 2 * D, c, f.dmod, p + AT(a->depth, ADA), g + AT(a->depth, ADA), g + AT(a->depth, ADA_B), dc, 1);
	memset(dx, 0, sizeof(fm_real) * (size_t)R * D);
	k->norm_back(dx, f.y, f.rstd, dh, R, D);

	for (int i = a->depth - 1; i >= 0; i--) {
		struct layer *l = &layers[i];
		memset(f.dmod, 0, sizeof(fm_real) * (size_t)B * NMOD * D);
		for (int b = 0; b < B; b++)
			k->gate_back(f.d1 + b * WD, f.dmod + ((size_t)b * NMOD + G2) * D, l->u + b * WD, dx + b * WD, l->mod + ((size_t)b * NMOD + G2) * D, W, D);
		linear_back(k, s, R, F, D, l->gelu, f.d1, p + AT(i, FF2), g + AT(i, FF2), g + AT(i, FF2_B), f.dF, 0);
		k->gelu_back(f.dF, l->f, f.dF, (size_t)R * F);
		linear_back(k, s, R, D, F, l->h2, f.dF, p + AT(i, FF1), g + AT(i, FF1), g + AT(i, FF1_B), f.d1, 0);
		for (int b = 0; b < B; b++) {
			fm_real *dm = f.dmod + (size_t)b * NMOD * D;
			k->modulate_back(f.d1 + b * WD, dm + SC2 * D, dm + SH2 * D, l->y2 + b * WD, f.d1 + b * WD, l->mod + ((size_t)b * NMOD + SC2) * D, W, D);
		}
		k->norm_back(dx, l->y2, l->rstd2, f.d1, R, D);

		for (int b = 0; b < B; b++)
			k->gate_back(f.d1 + b * WD, f.dmod + ((size_t)b * NMOD + G1) * D, l->o + b * WD, dx + b * WD, l->mod + ((size_t)b * NMOD + G1) * D, W, D);
		linear_back(k, s, R, D, D, l->att, f.d1, p + AT(i, OUT), g + AT(i, OUT), g + AT(i, OUT_B), f.d2, 0);
		attend_back(a, k, s, l, B, f.d2, f.dqkv, f.dP);
		linear_back(k, s, R, D, 3 * D, l->h1, f.dqkv, p + AT(i, QKV), g + AT(i, QKV), g + AT(i, QKV_B), f.d1, 0);
		for (int b = 0; b < B; b++) {
			fm_real *dm = f.dmod + (size_t)b * NMOD * D;
			k->modulate_back(f.d1 + b * WD, dm + SC1 * D, dm + SH1 * D, l->y1 + b * WD, f.d1 + b * WD, l->mod + ((size_t)b * NMOD + SC1) * D, W, D);
		}
		k->norm_back(dx, l->y1, l->rstd1, f.d1, R, D);
		linear_back(k, s, B, D, NMOD * D, c, f.dmod, p + AT(i, ADA), g + AT(i, ADA), g + AT(i, ADA_B), dc, 1);
	}
}

const struct fm_body fm_transformer = {"transformer", declare, act_floats, forward, backward};

const struct fm_body *fm_body_find(const char *name)
{
	static const struct fm_body *const all[] = {&fm_transformer};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}
