/* net.c - embeddings, condition, heads and losses around a backbone. */
#include "model/diffusion/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "model/codec/relations.h"

enum { MAXWIDTH = 2048 };

int fm_net_new(struct fm_net **out, const char *denoiser, const struct fm_arch *arch, const int vocab[FM_NTOK],
	       struct fm_error *err)
{
	const struct fm_backbone *backbone = fm_backbone_find(denoiser);
	struct fm_net *net = NULL;
	int D = arch->width;
	float s = 0.05f;

	if (!backbone)
		return fm_fail(err, FM_EINPUT,
			       "there is no denoiser '%s': set model.denoiser to transformer, unet or mlp", denoiser);
	if (arch->heads < 1 || D < 16 || D > MAXWIDTH || D % (16 * arch->heads) != 0)
		return fm_fail(err, FM_EINPUT,
			       "model.width is %d: give a multiple of 16 * model.heads (%d), at most %d", D,
			       16 * arch->heads, MAXWIDTH);
	if (arch->window < 2 || arch->window > FM_WINDOW_MOST)
		return fm_fail(err, FM_EINPUT, "model.window is %d: give 2 to %d", arch->window, FM_WINDOW_MOST);
	if (arch->depth < 1 || arch->depth > backbone->max_depth(arch))
		return fm_fail(err, FM_EINPUT, "model.depth is %d: %s over windows of %d flows takes 1 to %d",
			       arch->depth, backbone->name, arch->window, backbone->max_depth(arch));
	if (fm_alloc(&net, 1, sizeof *net, "the network", err) < 0)
		return err->code;
	net->arch = *arch;
	net->backbone = backbone;
	net->k = fm_kernels();
	struct fm_layout *l = &net->layout;
	for (int c = 0; c < FM_NTOK; c++) {
		net->vocab[c] = vocab[c] > 1 ? vocab[c] : 0;
		if (net->vocab[c])
			net->at_tok[c] = fm_layout_add(l, vocab[c] + 1, D, s, "in.%s", fm_tok_name[c]);
	}
	net->at_res = fm_layout_add(l, FM_NRES, D, s, "in.residual");
	net->at_pos = fm_layout_add(l, arch->window, D, s, "in.position");
	net->at_answer = fm_layout_add(l, vocab[FM_T_REL] > 1 ? vocab[FM_T_REL] : 1, D, s, "in.answer");
	net->at_slot = fm_layout_add(l, FM_SLOTS, D, s, "condition.slot");
	net->at_span = fm_layout_add(l, FM_SPANS, D, s, "condition.span");
	net->nclasses = vocab[FM_T_LABEL] < 1               ? 1
			: vocab[FM_T_LABEL] < FM_MAXCLASSES ? vocab[FM_T_LABEL]
							    : FM_MAXCLASSES;
	net->at_class = fm_layout_add(l, net->nclasses + 1, D, s, "condition.class");
	net->at_t1 = fm_layout_add(l, D, D, 0.05f, "condition.time1.weight");
	net->at_t1b = fm_layout_add(l, 1, D, 0, "condition.time1.bias");
	net->at_t2 = fm_layout_add(l, D, D, 0.05f, "condition.time2.weight");
	net->at_t2b = fm_layout_add(l, 1, D, 0, "condition.time2.bias");
	backbone->declare(&net->arch, l, net->at_backbone);
	for (int c = 0; c < FM_NTOK; c++) {
		if (!net->vocab[c])
			continue;
		net->at_mix[c] = fm_layout_add(l, D, D, 0.09f, "head.%s.mix.weight", fm_tok_name[c]);
		net->at_mixb[c] = fm_layout_add(l, 1, D, 0, "head.%s.mix.bias", fm_tok_name[c]);
		net->at_out[c] = fm_layout_add(l, D, net->vocab[c], 0.02f, "head.%s.out.weight", fm_tok_name[c]);
		net->at_outb[c] = fm_layout_add(l, 1, net->vocab[c], 0, "head.%s.out.bias", fm_tok_name[c]);
	}
	net->at_rout = fm_layout_add(l, D, FM_RES_PAD, 0, "head.residual.weight");
	net->at_routb = fm_layout_add(l, 1, FM_RES_PAD, 0, "head.residual.bias");
	*out = net;
	return FM_OK;
}

void fm_net_free(struct fm_net *net)
{
	free(net);
}

struct fm_work {
	struct fm_scratch scratch;
	fm_real *mem;
	fm_real *x, *h, *dh;                             /* (R,D) */
	fm_real *e, *t1, *t1a, *cpre, *c, *dc, *d1, *d2; /* (B,D) */
	fm_real *rows, *mix, *act, *dmix, *drows;        /* (R,D): gathered rows of one head */
	fm_real *logits, *row;                           /* (R, largest vocabulary) and one row more */
	fm_real *velocity, *dvelocity;                   /* (R, FM_RES_PAD) */
	fm_real *backbone;
	int *index, *source; /* (R) */
	fm_real *weight;     /* (R) */
};

int fm_work_new(struct fm_work **out, const struct fm_net *net, int max_B, struct fm_error *err)
{
	size_t D = (size_t)net->arch.width, B = (size_t)max_B, R = B * (size_t)net->arch.window, V = 0;
	struct fm_work *w = NULL;
	for (int c = 0; c < FM_NTOK; c++)
		V = (size_t)net->vocab[c] > V ? (size_t)net->vocab[c] : V;
	size_t backbone = net->backbone->act_floats(&net->arch, max_B);
	size_t total = 8 * R * D + 8 * B * D + (R + 1) * V + 2 * R * FM_RES_PAD + backbone + R + 64;
	if (fm_alloc(&w, 1, sizeof *w, "work space", err) < 0)
		return err->code;
	if (fm_alloc(&w->mem, total, sizeof(fm_real), "activations", err) < 0 ||
	    fm_alloc(&w->index, R, sizeof(int), "activations", err) < 0 ||
	    fm_alloc(&w->source, R, sizeof(int), "activations", err) < 0) {
		fm_work_free(w);
		return err->code;
	}
	fm_real *p = w->mem, **const rd[] = {&w->x, &w->h, &w->dh, &w->rows, &w->mix, &w->act, &w->dmix, &w->drows};
	fm_real **const bd[] = {&w->e, &w->t1, &w->t1a, &w->cpre, &w->c, &w->dc, &w->d1, &w->d2};
	for (size_t i = 0; i < 8; i++, p += R * D)
		*rd[i] = p;
	for (size_t i = 0; i < 8; i++, p += B * D)
		*bd[i] = p;
	w->velocity = p;
	w->dvelocity = p + R * FM_RES_PAD;
	w->backbone = p + 2 * R * FM_RES_PAD;
	w->logits = w->backbone + backbone;
	w->row = w->logits + R * V;
	w->weight = w->row + V;
	*out = w;
	return FM_OK;
}

void fm_work_free(struct fm_work *w)
{
	if (!w)
		return;
	free(w->mem);
	free(w->index);
	free(w->source);
	free(w);
}

/* Sinusoids of the time step at D/2 geometric frequencies (Ho, Jain, Abbeel 2020; Vaswani et al. 2017): e (B,D). */
static void embed_time(const struct fm_net *net, const float *t, int B, fm_real *e)
{
	int D = net->arch.width, half = D / 2;
	fm_real a[MAXWIDTH / 2], s[MAXWIDTH / 2], c[MAXWIDTH / 2];
	for (int b = 0; b < B; b++, e += D) {
		for (int i = 0; i < half; i++)
			a[i] = 1000.0f * (fm_real)t[b] * (fm_real)fm_det_exp(-9.210340371976184 * i / half);
		net->k->sincos(s, c, a, (size_t)half);
		memcpy(e, s, sizeof(fm_real) * (size_t)half);
		memcpy(e + half, c, sizeof(fm_real) * (size_t)half);
	}
}

/* source[r]: the row that row r is related to, as far as that is visible, or -1. */
static void find_sources(const struct fm_net *net, const struct fm_net_in *in, int *source)
{
	int W = net->arch.window;
	for (int r = 0; r < in->B * W; r++) {
		int token = in->tok[(size_t)r * FM_NTOK + FM_T_REL], back, kind = fm_rel_kind(token, W, &back);
		bool visible =
		    token < net->vocab[FM_T_REL] && kind != FM_RELATION_NONE && kind < FM_NRELATIONS && back <= r % W;
		source[r] = visible ? r - back : -1;
	}
}

void fm_net_forward(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct fm_net_in *in)
{
	const struct fm_kernels *k = net->k;
	int B = in->B, W = net->arch.window, D = net->arch.width;
	size_t n = (size_t)D;

	find_sources(net, in, w->source);
	for (int r = 0; r < B * W; r++) {
		fm_real *x = w->x + (size_t)r * n;
		const uint16_t *tok = in->tok + (size_t)r * FM_NTOK;
		const float *res = in->res + (size_t)r * FM_NRES;
		memcpy(x, p + net->at_pos + (size_t)(r % W) * n, sizeof(fm_real) * n);
		for (int c = 0; c < FM_NTOK; c++)
			if (net->vocab[c])
				k->add(x, p + net->at_tok[c] + tok[c] * n, n);
		for (int i = 0; i < FM_NRES; i++)
			k->axpy(x, res[i], p + net->at_res + (size_t)i * n, n);
	}
	for (int r = 0; r < B * W; r++) /* who is related to it */
		if (w->source[r] >= 0)
			k->add(w->x + (size_t)w->source[r] * n,
			       p + net->at_answer + in->tok[(size_t)r * FM_NTOK + FM_T_REL] * n, n);
	embed_time(net, in->t, B, w->e);
	k->gemm(&w->scratch, FM_N, FM_N, B, D, D, w->e, D, p + net->at_t1, D, w->t1, D, p + net->at_t1b, 0);
	k->silu(w->t1a, w->t1, (size_t)B * n);
	k->gemm(&w->scratch, FM_N, FM_N, B, D, D, w->t1a, D, p + net->at_t2, D, w->cpre, D, p + net->at_t2b, 0);
	for (int b = 0; b < B; b++) {
		k->add(w->cpre + (size_t)b * n, p + net->at_slot + in->slot[b] * n, n);
		k->add(w->cpre + (size_t)b * n, p + net->at_class + in->cls[b] * n, n);
		k->add(w->cpre + (size_t)b * n, p + net->at_span + in->span[b] * n, n);
	}
	k->silu(w->c, w->cpre, (size_t)B * n);
	net->backbone->forward(&net->arch, net->at_backbone, k, &w->scratch, p, w->backbone, w->x, w->c, B, w->h);
}

fm_real *fm_net_logits(const struct fm_net *net, const fm_real *p, struct fm_work *w, int c, const int *rows, int n)
{
	const struct fm_kernels *k = net->k;
	int D = net->arch.width, V = net->vocab[c];
	for (int i = 0; i < n; i++)
		memcpy(w->rows + (size_t)i * D, w->h + (size_t)rows[i] * D, sizeof(fm_real) * (size_t)D);
	k->gemm(&w->scratch, FM_N, FM_N, n, D, D, w->rows, D, p + net->at_mix[c], D, w->mix, D, p + net->at_mixb[c], 0);
	k->gelu(w->act, w->mix, (size_t)n * D);
	k->gemm(&w->scratch, FM_N, FM_N, n, V, D, w->act, D, p + net->at_out[c], V, w->logits, V, p + net->at_outb[c],
		0);
	return w->logits;
}

const fm_real *fm_net_velocity(const struct fm_net *net, const fm_real *p, struct fm_work *w, int B)
{
	int D = net->arch.width, R = B * net->arch.window;
	net->k->gemm(&w->scratch, FM_N, FM_N, R, FM_RES_PAD, D, w->h, D, p + net->at_rout, FM_RES_PAD, w->velocity,
		     FM_RES_PAD, p + net->at_routb, 0);
	return w->velocity;
}

/* One token column's loss and, with g, its head's gradients and its part of dh. */
static void column_back(const struct fm_net *net, const fm_real *p, struct fm_work *w, int c,
			const struct fm_net_in *in, const struct fm_net_target *target, struct fm_net_loss *loss,
			fm_real *g)
{
	const struct fm_kernels *k = net->k;
	int D = net->arch.width, V = net->vocab[c], W = net->arch.window, n = 0;
	for (int r = 0; r < in->B * W; r++) {
		fm_real x = target->tok_weight[(size_t)r * FM_NTOK + c];
		if (x > 0) {
			w->index[n] = r;
			w->weight[n++] = x;
		}
	}
	if (n == 0)
		return;
	fm_real *z = fm_net_logits(net, p, w, c, w->index, n);
	for (int i = 0; i < n && !target->keep; i++)
		loss->tok[c] += (double)w->weight[i] * k->cross_entropy(z + (size_t)i * V, V,
									target->tok[(size_t)w->index[i] * FM_NTOK + c],
									w->weight[i]);
	for (int i = 0; i < n && target->keep; i++) {
		size_t at = (size_t)w->index[i] * FM_NTOK + (size_t)c;
		const struct fm_keep *keep = &target->keep[w->index[i] / W * FM_NTOK + c];
		loss->tok[c] +=
		    (double)w->weight[i] * fm_multinomial_loss(k, z + (size_t)i * V, w->row, V, target->tok[at],
							       in->tok[at], keep, w->weight[i]);
	}
	if (!g)
		return;
	struct fm_scratch *s = &w->scratch;
	k->gemm(s, FM_T, FM_N, D, V, n, w->act, D, z, V, g + net->at_out[c], V, NULL, 1);
	k->colsum(g + net->at_outb[c], z, n, V);
	k->gemm(s, FM_N, FM_T, n, D, V, z, V, p + net->at_out[c], V, w->dmix, D, NULL, 0);
	k->gelu_back(w->dmix, w->mix, w->dmix, (size_t)n * D);
	k->gemm(s, FM_T, FM_N, D, D, n, w->rows, D, w->dmix, D, g + net->at_mix[c], D, NULL, 1);
	k->colsum(g + net->at_mixb[c], w->dmix, n, D);
	k->gemm(s, FM_N, FM_T, n, D, D, w->dmix, D, p + net->at_mix[c], D, w->drows, D, NULL, 0);
	for (int i = 0; i < n; i++)
		k->add(w->dh + (size_t)w->index[i] * D, w->drows + (size_t)i * D, (size_t)D);
}

/* The residuals' loss: weight * (predicted - v)^2, where v is a velocity or noise. */
static void velocity_back(const struct fm_net *net, const fm_real *p, struct fm_work *w, int B,
			  const struct fm_net_target *target, struct fm_net_loss *loss, fm_real *g)
{
	const struct fm_kernels *k = net->k;
	int D = net->arch.width, R = B * net->arch.window;
	fm_net_velocity(net, p, w, B);
	memset(w->dvelocity, 0, sizeof(fm_real) * (size_t)R * FM_RES_PAD);
	for (int r = 0; r < R; r++)
		for (int i = 0; i < FM_NRES; i++) {
			fm_real x = target->v_weight[(size_t)r * FM_NRES + i];
			if (!(x > 0))
				continue;
			fm_real d = w->velocity[(size_t)r * FM_RES_PAD + i] - target->v[(size_t)r * FM_NRES + i];
			loss->res[i] += (double)(x * d * d);
			w->dvelocity[(size_t)r * FM_RES_PAD + i] = 2.0f * x * d;
		}
	if (!g)
		return;
	k->gemm(&w->scratch, FM_T, FM_N, D, FM_RES_PAD, R, w->h, D, w->dvelocity, FM_RES_PAD, g + net->at_rout,
		FM_RES_PAD, NULL, 1);
	k->colsum(g + net->at_routb, w->dvelocity, R, FM_RES_PAD);
	k->gemm(&w->scratch, FM_N, FM_T, R, D, FM_RES_PAD, w->dvelocity, FM_RES_PAD, p + net->at_rout, FM_RES_PAD,
		w->dh, D, NULL, 1);
}

/* From dx (R,D) and dc (B,D) to the embeddings and the condition. */
static void embed_back(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct fm_net_in *in,
		       const fm_real *dx, fm_real *g)
{
	const struct fm_kernels *k = net->k;
	int B = in->B, W = net->arch.window, D = net->arch.width;
	size_t n = (size_t)D;
	for (int r = 0; r < B * W; r++) {
		const fm_real *d = dx + (size_t)r * n;
		const uint16_t *tok = in->tok + (size_t)r * FM_NTOK;
		k->add(g + net->at_pos + (size_t)(r % W) * n, d, n);
		for (int c = 0; c < FM_NTOK; c++)
			if (net->vocab[c])
				k->add(g + net->at_tok[c] + tok[c] * n, d, n);
		if (w->source[r] >= 0)
			k->add(g + net->at_answer + tok[FM_T_REL] * n, dx + (size_t)w->source[r] * n, n);
		for (int i = 0; i < FM_NRES; i++)
			k->axpy(g + net->at_res + (size_t)i * n, in->res[(size_t)r * FM_NRES + i], d, n);
	}
	k->silu_back(w->dc, w->cpre, w->dc, (size_t)B * n);
	for (int b = 0; b < B; b++) {
		k->add(g + net->at_slot + in->slot[b] * n, w->dc + (size_t)b * n, n);
		k->add(g + net->at_class + in->cls[b] * n, w->dc + (size_t)b * n, n);
		k->add(g + net->at_span + in->span[b] * n, w->dc + (size_t)b * n, n);
	}
	k->gemm(&w->scratch, FM_T, FM_N, D, D, B, w->t1a, D, w->dc, D, g + net->at_t2, D, NULL, 1);
	k->colsum(g + net->at_t2b, w->dc, B, D);
	k->gemm(&w->scratch, FM_N, FM_T, B, D, D, w->dc, D, p + net->at_t2, D, w->d1, D, NULL, 0);
	k->silu_back(w->d1, w->t1, w->d1, (size_t)B * n);
	k->gemm(&w->scratch, FM_T, FM_N, D, D, B, w->e, D, w->d1, D, g + net->at_t1, D, NULL, 1);
	k->colsum(g + net->at_t1b, w->d1, B, D);
}

void fm_net_backward(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct fm_net_in *in,
		     const struct fm_net_target *target, struct fm_net_loss *loss, fm_real *g)
{
	int B = in->B, D = net->arch.width, R = B * net->arch.window;
	memset(w->dh, 0, sizeof(fm_real) * (size_t)R * D);
	for (int c = 0; c < FM_NTOK; c++)
		if (net->vocab[c])
			column_back(net, p, w, c, in, target, loss, g);
	velocity_back(net, p, w, B, target, loss, g);
	if (!g)
		return;
	memset(w->dc, 0, sizeof(fm_real) * (size_t)B * D);
	net->backbone->backward(&net->arch, net->at_backbone, net->k, &w->scratch, p, w->backbone, w->dh, w->c, B, w->x,
				w->dc, g);
	embed_back(net, p, w, in, w->x, g);
}
