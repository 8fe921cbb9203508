/* net.c - embeddings, condition, heads and losses around a backbone. */
#include "model/diffusion/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/nn/layers.h"

/* Does the network see column c of the flows that a flow is linked with? */
static bool shows(const struct fm_net *net, int link, int c)
{
	return net->vocab[c] && fm_link_shows(link, c);
}

int fm_net_new(struct fm_net **out, const char *denoiser, const struct fm_arch *arch, const int vocab[FM_NTOK],
	       int popular, struct fm_error *err)
{
	const struct fm_backbone *backbone;
	struct fm_net *net = NULL;
	int D = arch->width, rc;
	float s = 0.05f, loud = 0.5f; /* large for labels: all else depends on them from the first steps on */

	if (arch->window < 2 || arch->window > FM_WINDOW_MOST)
		return fm_fail(err, FM_EINPUT, "model.window is %d: give 2 to %d", arch->window, FM_WINDOW_MOST);
	if ((rc = fm_backbone_choose(&backbone, denoiser, arch, FM_OVER_WINDOWS, err)) < 0)
		return rc;
	if ((rc = fm_alloc(&net, 1, sizeof *net, "the network", err)) < 0)
		return rc;
	net->arch = *arch;
	net->backbone = backbone;
	net->k = fm_kernels();
	struct fm_layout *l = &net->layout;
	for (int c = 0; c < FM_NTOK; c++) {
		net->vocab[c] = vocab[c] > 1 ? vocab[c] : 0;
		if (net->vocab[c])
			net->at_tok[c] =
			    fm_layout_add(l, vocab[c] + 1, D, c == FM_T_LABEL ? loud : s, "in.%s", fm_tok_name[c]);
	}
	for (int link = 0; link < FM_NLINKS; link++)
		for (int c = 0; c < FM_NTOK; c++)
			if (shows(net, link, c))
				net->at_link[link][c] = fm_layout_add(l, vocab[c] + 1, D, s, "in.%s.%s",
								      fm_link_name[link], fm_tok_name[c]);
	net->popular = popular;
	net->at_res = fm_layout_add(l, FM_NRES, D, s, "in.residual");
	net->at_pos = fm_layout_add(l, arch->window, D, s, "in.position");
	net->at_answer = fm_layout_add(l, vocab[FM_T_REL] > 1 ? vocab[FM_T_REL] : 1, D, s, "in.answer");
	net->at_slot = fm_layout_add(l, FM_SLOTS, D, s, "condition.slot");
	net->at_span = fm_layout_add(l, FM_SPANS, D, s, "condition.span");
	net->nclasses = vocab[FM_T_LABEL] < 1               ? 1
			: vocab[FM_T_LABEL] < FM_MAXCLASSES ? vocab[FM_T_LABEL]
							    : FM_MAXCLASSES;
	net->at_class = fm_layout_add(l, net->nclasses + 1, D, net->nclasses > 1 ? loud : s, "condition.class");
	net->at_kind = fm_layout_add(l, FM_KINDS, D, loud, "condition.kind");
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
	struct fm_links *links;
	fm_real *mem;
	fm_real *x, *h, *dh;                             /* (R,D) */
	fm_real *e, *t1, *t1a, *cpre, *c, *dc, *d1, *d2; /* (B,D) */
	fm_real *rows, *mix, *act, *dmix, *drows;        /* (R,D): gathered rows of one head */
	fm_real *logits, *row;                           /* (R, largest vocabulary) and one row more */
	fm_real *velocity, *dvelocity;                   /* (R, FM_RES_PAD) */
	fm_real *backbone;
	fm_real *res;        /* (R, FM_NRES) */
	int *index, *lookup; /* (R) */
	int *first;          /* (B + 1): where a window's rows begin in index */
	fm_real *weight;     /* (R) */
	fm_real *space;      /* the sink's */
};

int fm_work_new(struct fm_work **out, const struct fm_net *net, int max_B, struct fm_error *err)
{
	size_t D = (size_t)net->arch.width, B = (size_t)max_B, R = B * (size_t)net->arch.window, V = 0;
	struct fm_work *w = NULL;
	for (int c = 0; c < FM_NTOK; c++)
		V = (size_t)net->vocab[c] > V ? (size_t)net->vocab[c] : V;
	size_t backbone = net->backbone->act_floats(&net->arch, max_B);
	size_t total = 8 * R * D + 8 * B * D + (R + 1) * V + 2 * R * FM_RES_PAD + R * FM_NRES + backbone + R + 64;
	if (fm_alloc(&w, 1, sizeof *w, "work space", err) < 0)
		return err->code;
	if (fm_links_new(&w->links, net->vocab, net->arch.window, net->popular, max_B, err) < 0 ||
	    fm_alloc(&w->mem, total, sizeof(fm_real), "activations", err) < 0 ||
	    fm_alloc(&w->index, R, sizeof(int), "activations", err) < 0 ||
	    fm_alloc(&w->lookup, R, sizeof(int), "activations", err) < 0 ||
	    fm_alloc(&w->first, B + 1, sizeof(int), "activations", err) < 0 ||
	    fm_alloc(&w->space, FM_SINK_SPACE, sizeof(fm_real), "activations", err) < 0) {
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
	w->res = w->weight + R;
	*out = w;
	return FM_OK;
}

void fm_work_free(struct fm_work *w)
{
	if (!w)
		return;
	fm_links_free(w->links);
	free(w->mem);
	free(w->index);
	free(w->lookup);
	free(w->first);
	free(w->space);
	free(w);
}

static struct fm_pass pass_of(const struct fm_net *net, const fm_real *p, struct fm_work *w, int B,
			      const struct fm_sink *sink)
{
	return fm_pass_cpu(&net->arch, p, (struct fm_pass_room){&w->scratch, w->space, w->backbone}, B, sink);
}

static struct fm_affine time1(const struct fm_net *net)
{
	return (struct fm_affine){net->arch.width, net->arch.width, net->at_t1, net->at_t1b};
}

static struct fm_affine time2(const struct fm_net *net)
{
	return (struct fm_affine){net->arch.width, net->arch.width, net->at_t2, net->at_t2b};
}

static struct fm_affine head_mix(const struct fm_net *net, int c)
{
	return (struct fm_affine){net->arch.width, net->arch.width, net->at_mix[c], net->at_mixb[c]};
}

static struct fm_affine head_out(const struct fm_net *net, int c)
{
	return (struct fm_affine){net->arch.width, net->vocab[c], net->at_out[c], net->at_outb[c]};
}

/* ---- what is looked up in a table: which row for each flow, and in the condition for each window ---- */

static struct fm_lookup positions(const struct fm_work *w, int R, int W)
{
	for (int r = 0; r < R; r++)
		w->lookup[r] = r % W;
	return (struct fm_lookup){w->lookup, NULL};
}

static struct fm_lookup tokens(const struct fm_work *w, const struct fm_net_in *in, int R, int c)
{
	for (int r = 0; r < R; r++)
		w->lookup[r] = in->tok[(size_t)r * FM_NTOK + c];
	return (struct fm_lookup){w->lookup, NULL};
}

/* A row that another row's visible rel points at looks up that rel. */
static struct fm_lookup answers(const struct fm_work *w, const struct fm_net_in *in, int R)
{
	for (int r = 0; r < R; r++)
		w->lookup[r] = w->links->source[r] < 0 ? -1 : in->tok[(size_t)r * FM_NTOK + FM_T_REL];
	return (struct fm_lookup){w->lookup, w->links->source};
}

static struct fm_lookup linked(const struct fm_work *w, int link, int c)
{
	return (struct fm_lookup){fm_links_tokens(w->links, link, c), NULL};
}

static struct fm_lookup windows(const struct fm_work *w, const uint8_t *value, int B)
{
	for (int b = 0; b < B; b++)
		w->lookup[b] = value[b];
	return (struct fm_lookup){w->lookup, NULL};
}

/* ---- forward ---- */

void fm_net_forward(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct fm_net_in *in)
{
	struct fm_pass q = pass_of(net, p, w, in->B, NULL);
	const struct fm_kernels *k = net->k;
	int B = in->B, W = net->arch.window, D = net->arch.width, R = B * W;

	fm_links_find(w->links, in->tok, B);
	memset(w->x, 0, sizeof(fm_real) * (size_t)R * (size_t)D);
	fm_lookup_add(&q, R, positions(w, R, W), net->at_pos, w->x);
	for (int c = 0; c < FM_NTOK; c++)
		if (net->vocab[c])
			fm_lookup_add(&q, R, tokens(w, in, R, c), net->at_tok[c], w->x);
	for (int link = 0; link < FM_NLINKS; link++)
		for (int c = 0; c < FM_NTOK; c++)
			if (shows(net, link, c))
				fm_lookup_add(&q, R, linked(w, link, c), net->at_link[link][c], w->x);
	for (int i = 0; i < R * FM_NRES; i++)
		w->res[i] = in->res[i];
	k->gemm(q.s, FM_N, FM_N, R, D, FM_NRES, w->res, FM_NRES, p + net->at_res, D, w->x, D, NULL, 1);
	fm_lookup_add(&q, R, answers(w, in, R), net->at_answer, w->x);
	fm_embed_time(k, D, in->t, B, w->e);
	fm_linear(&q, B, time1(net), w->e, w->t1);
	k->silu(w->t1a, w->t1, (size_t)B * (size_t)D);
	fm_linear(&q, B, time2(net), w->t1a, w->cpre);
	fm_lookup_add(&q, B, windows(w, in->slot, B), net->at_slot, w->cpre);
	fm_lookup_add(&q, B, windows(w, in->cls, B), net->at_class, w->cpre);
	fm_lookup_add(&q, B, windows(w, in->span, B), net->at_span, w->cpre);
	if (in->kind)
		fm_lookup_add(&q, B, windows(w, in->kind, B), net->at_kind, w->cpre);
	k->silu(w->c, w->cpre, (size_t)B * (size_t)D);
	net->backbone->forward(&net->arch, net->at_backbone, &q, w->x, w->c, w->h);
}

fm_real *fm_net_logits(const struct fm_net *net, const fm_real *p, struct fm_work *w, int c, const int *rows, int n)
{
	struct fm_pass q = pass_of(net, p, w, 1, NULL);
	int D = net->arch.width;

	for (int i = 0; i < n; i++)
		memcpy(w->rows + (size_t)i * D, w->h + (size_t)rows[i] * D, sizeof(fm_real) * (size_t)D);
	fm_linear(&q, n, head_mix(net, c), w->rows, w->mix);
	net->k->gelu(w->act, w->mix, (size_t)n * D);
	fm_linear(&q, n, head_out(net, c), w->act, w->logits);
	return w->logits;
}

static struct fm_affine residual_head(const struct fm_net *net)
{
	return (struct fm_affine){net->arch.width, FM_RES_PAD, net->at_rout, net->at_routb};
}

const fm_real *fm_net_velocity(const struct fm_net *net, const fm_real *p, struct fm_work *w, int B)
{
	struct fm_pass q = pass_of(net, p, w, B, NULL);

	fm_linear(&q, B * net->arch.window, residual_head(net), w->h, w->velocity);
	return w->velocity;
}

/* ---- backward ---- */

/* Collect the rows at which column c is asked, in w->index and w->first, with their weights; returns their number. */
static int asked_rows(const struct fm_net *net, struct fm_work *w, int c, int B, const float *tok_weight)
{
	int W = net->arch.window, n = 0;

	for (int b = 0; b < B; b++) {
		w->first[b] = n;
		for (int r = b * W; r < (b + 1) * W; r++) {
			fm_real x = tok_weight[(size_t)r * FM_NTOK + c];
			if (x > 0) {
				w->index[n] = r;
				w->weight[n++] = x;
			}
		}
	}
	w->first[B] = n;
	return n;
}

/* What backward works on. */
struct back {
	const struct fm_net *net;
	struct fm_work *w;
	const struct fm_net_in *in;
	const struct fm_net_target *target;
	struct fm_net_loss *loss;
};

/* The loss of a column over n rows of logits z, which become its gradient. */
static void column_loss(const struct back *t, int c, fm_real *z, int n)
{
	const struct fm_net_target *target = t->target;
	const struct fm_kernels *k = t->net->k;
	int V = t->net->vocab[c], W = t->net->arch.window;

	for (int i = 0; i < n; i++) {
		size_t at = (size_t)t->w->index[i] * FM_NTOK + (size_t)c;
		fm_real *row = z + (size_t)i * V, weight = t->w->weight[i];
		double loss = target->keep
				  ? fm_multinomial_loss(k, row, t->w->row, V, target->tok[at], t->in->tok[at],
							&target->keep[t->w->index[i] / W * FM_NTOK + c], weight)
				  : (double)k->cross_entropy(row, V, target->tok[at], weight);
		t->loss->tok[c] += (double)weight * loss;
	}
}

/* din = [din +] d w^T of rows that windows share unevenly. */
static void uneven_back(const struct fm_pass *q, const struct fm_rows *rows, struct fm_affine a, const fm_real *in,
			const fm_real *d, fm_real *din)
{
	struct fm_mat dm = {d, a.m, a.m};

	fm_sink_outer(q, rows, (struct fm_mat){in, a.n, a.n}, dm, a.w);
	fm_sink_bias(q, rows, dm, a.b);
	q->k->gemm(q->s, FM_N, FM_T, rows->first[rows->n], a.n, a.m, d, a.m, q->p + a.w, a.m, din, a.n, NULL, 0);
}

/* One token column's loss and, with a sink, its head's gradients and its part of dh. */
static void column_back(const struct fm_pass *q, const struct back *t, int c)
{
	struct fm_work *w = t->w;
	int D = q->D, n = asked_rows(t->net, w, c, q->B, t->target->tok_weight);
	struct fm_rows rows = {0, q->B, w->first, 0, 0};
	fm_real *z;

	if (n == 0)
		return;
	z = fm_net_logits(t->net, q->p, w, c, w->index, n);
	column_loss(t, c, z, n);
	if (!q->sink)
		return;
	uneven_back(q, &rows, head_out(t->net, c), w->act, z, w->dmix);
	q->k->gelu_back(w->dmix, w->mix, w->dmix, (size_t)n * D);
	uneven_back(q, &rows, head_mix(t->net, c), w->rows, w->dmix, w->drows);
	for (int i = 0; i < n; i++)
		q->k->add(w->dh + (size_t)w->index[i] * D, w->drows + (size_t)i * D, (size_t)D);
}

/* The residuals' loss: weight * (predicted - v)^2, where v is a velocity or noise. */
static void velocity_back(const struct fm_pass *q, const struct back *t)
{
	const struct fm_net_target *target = t->target;
	struct fm_work *w = t->w;
	int R = q->B * q->W;

	fm_net_velocity(t->net, q->p, w, q->B);
	memset(w->dvelocity, 0, sizeof(fm_real) * (size_t)R * FM_RES_PAD);
	for (int r = 0; r < R; r++)
		for (int i = 0; i < FM_NRES; i++) {
			fm_real x = target->v_weight[(size_t)r * FM_NRES + i];
			if (!(x > 0))
				continue;
			fm_real d = w->velocity[(size_t)r * FM_RES_PAD + i] - target->v[(size_t)r * FM_NRES + i];
			t->loss->res[i] += (double)(x * d * d);
			w->dvelocity[(size_t)r * FM_RES_PAD + i] = 2.0f * x * d;
		}
	if (q->sink)
		fm_linear_back(q, R, residual_head(t->net), w->h, w->dvelocity, w->dh, 1);
}

/* Carry dx (R,D) and dc (B,D) back to the embeddings and the condition. */
static void embed_back(const struct fm_pass *q, const struct back *t, const fm_real *dx)
{
	const struct fm_net *net = t->net;
	const struct fm_net_in *in = t->in;
	struct fm_work *w = t->w;
	int B = q->B, D = q->D, R = B * q->W;
	struct fm_rows flows = fm_rows_each(q, q->W), conditions = fm_rows_each(q, 1);
	struct fm_mat d = {dx, D, D}, dc = {w->dc, D, D};

	fm_sink_table(q, &flows, positions(w, R, q->W), d, net->at_pos);
	for (int c = 0; c < FM_NTOK; c++)
		if (net->vocab[c])
			fm_sink_table(q, &flows, tokens(w, in, R, c), d, net->at_tok[c]);
	for (int link = 0; link < FM_NLINKS; link++)
		for (int c = 0; c < FM_NTOK; c++)
			if (shows(net, link, c))
				fm_sink_table(q, &flows, linked(w, link, c), d, net->at_link[link][c]);
	fm_sink_table(q, &flows, answers(w, in, R), d, net->at_answer);
	fm_sink_outer(q, &flows, (struct fm_mat){w->res, FM_NRES, FM_NRES}, d, net->at_res);
	q->k->silu_back(w->dc, w->cpre, w->dc, (size_t)B * (size_t)D);
	fm_sink_table(q, &conditions, windows(w, in->slot, B), dc, net->at_slot);
	fm_sink_table(q, &conditions, windows(w, in->cls, B), dc, net->at_class);
	fm_sink_table(q, &conditions, windows(w, in->span, B), dc, net->at_span);
	if (in->kind)
		fm_sink_table(q, &conditions, windows(w, in->kind, B), dc, net->at_kind);
	fm_linear_back(q, B, time2(net), w->t1a, w->dc, w->d1, 0);
	q->k->silu_back(w->d1, w->t1, w->d1, (size_t)B * (size_t)D);
	fm_linear_back(q, B, time1(net), w->e, w->d1, NULL, 0);
}

void fm_net_backward(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct fm_net_in *in,
		     const struct fm_net_target *target, struct fm_net_loss *loss, const struct fm_sink *sink)
{
	struct fm_pass q = pass_of(net, p, w, in->B, sink);
	struct back t = {net, w, in, target, loss};

	memset(w->dh, 0, sizeof(fm_real) * (size_t)q.B * (size_t)q.W * (size_t)q.D);
	for (int c = 0; c < FM_NTOK; c++)
		if (net->vocab[c])
			column_back(&q, &t, c);
	velocity_back(&q, &t);
	if (!sink)
		return;
	memset(w->dc, 0, sizeof(fm_real) * (size_t)q.B * (size_t)q.D);
	net->backbone->backward(&net->arch, net->at_backbone, &q, w->dh, w->c, w->x, w->dc);
	embed_back(&q, &t, w->x);
}
