/* net.c - the denoiser of whole rows. */
#include "model/plain/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/nn/layers.h"

int fm_plain_net_new(struct fm_plain_net **out, const char *denoiser, const struct fm_arch *arch, int row, int seen,
		     struct fm_error *err)
{
	const struct fm_backbone *backbone;
	struct fm_plain_net *net = NULL;
	int D = arch->width, rc;

	if ((rc = fm_backbone_choose(&backbone, denoiser, arch, FM_OVER_WINDOWS, err)) < 0 ||
	    (rc = fm_alloc(&net, 1, sizeof *net, "the network", err)) < 0)
		return rc;
	struct fm_layout *l = &net->layout;
	net->arch = *arch;
	net->backbone = backbone;
	net->k = fm_kernels();
	net->row = row;
	net->seen = seen;
	net->at_in = fm_layout_add(l, seen, D, 1.0f / __builtin_sqrtf((float)seen), "in.weight");
	net->at_inb = fm_layout_add(l, 1, D, 0, "in.bias");
	net->at_pos = fm_layout_add(l, arch->window, D, 0.05f, "in.position");
	net->at_t1 = fm_layout_add(l, D, D, 0.05f, "condition.time1.weight");
	net->at_t1b = fm_layout_add(l, 1, D, 0, "condition.time1.bias");
	net->at_t2 = fm_layout_add(l, D, D, 0.05f, "condition.time2.weight");
	net->at_t2b = fm_layout_add(l, 1, D, 0, "condition.time2.bias");
	backbone->declare(&net->arch, l, net->at_backbone);
	net->at_out = fm_layout_add(l, D, row, 0, "out.weight");
	net->at_outb = fm_layout_add(l, 1, row, 0, "out.bias");
	*out = net;
	return FM_OK;
}

void fm_plain_net_free(struct fm_plain_net *net)
{
	free(net);
}

struct fm_plain_work {
	struct fm_scratch scratch;
	fm_real *mem;
	fm_real *x, *h, *dh;                        /* (R,D) */
	fm_real *e, *t1, *t1a, *cpre, *c, *dc, *d1; /* (B,D) */
	fm_real *said, *d;                          /* (R,row): predicted, and its gradient */
	fm_real *backbone, *space;
	int *lookup; /* (R) */
};

int fm_plain_work_new(struct fm_plain_work **out, const struct fm_plain_net *net, int max_B, struct fm_error *err)
{
	size_t D = (size_t)net->arch.width, B = (size_t)max_B, R = B * (size_t)net->arch.window, row = (size_t)net->row,
	       backbone = net->backbone->act_floats(&net->arch, max_B);
	struct fm_plain_work *w = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "work space", err)) < 0 ||
	    (rc = fm_alloc(&w->mem, 3 * R * D + 7 * B * D + 2 * R * row + backbone, sizeof(fm_real), "activations",
			   err)) < 0 ||
	    (rc = fm_alloc(&w->space, FM_SINK_SPACE, sizeof(fm_real), "activations", err)) < 0 ||
	    (rc = fm_alloc(&w->lookup, R, sizeof(int), "activations", err)) < 0)
		goto out;
	fm_real *p = w->mem, **const rd[] = {&w->x, &w->h, &w->dh};
	fm_real **const bd[] = {&w->e, &w->t1, &w->t1a, &w->cpre, &w->c, &w->dc, &w->d1};
	for (size_t i = 0; i < sizeof rd / sizeof *rd; i++, p += R * D)
		*rd[i] = p;
	for (size_t i = 0; i < sizeof bd / sizeof *bd; i++, p += B * D)
		*bd[i] = p;
	w->backbone = p;
	w->said = p + backbone;
	w->d = w->said + R * row;
	for (size_t r = 0; r < R; r++)
		w->lookup[r] = (int)(r % (size_t)net->arch.window);
	*out = w;
	w = NULL;
out:
	fm_plain_work_free(w);
	return rc;
}

void fm_plain_work_free(struct fm_plain_work *w)
{
	if (!w)
		return;
	free(w->mem);
	free(w->space);
	free(w->lookup);
	free(w);
}

static struct fm_pass pass_of(const struct fm_plain_net *net, const fm_real *p, struct fm_plain_work *w, int B,
			      const struct fm_sink *sink)
{
	return fm_pass_cpu(&net->arch, p, (struct fm_pass_room){&w->scratch, w->space, w->backbone}, B, sink);
}

static struct fm_affine in_of(const struct fm_plain_net *net)
{
	return (struct fm_affine){net->seen, net->arch.width, net->at_in, net->at_inb};
}

static struct fm_affine out_of(const struct fm_plain_net *net)
{
	return (struct fm_affine){net->arch.width, net->row, net->at_out, net->at_outb};
}

static struct fm_affine time1(const struct fm_plain_net *net)
{
	return (struct fm_affine){net->arch.width, net->arch.width, net->at_t1, net->at_t1b};
}

static struct fm_affine time2(const struct fm_plain_net *net)
{
	return (struct fm_affine){net->arch.width, net->arch.width, net->at_t2, net->at_t2b};
}

const fm_real *fm_plain_forward(const struct fm_plain_net *net, const fm_real *p, struct fm_plain_work *w, int B,
				const fm_real *x, const float *t)
{
	struct fm_pass q = pass_of(net, p, w, B, NULL);
	const struct fm_kernels *k = net->k;
	size_t BD = (size_t)B * (size_t)q.D;
	int R = B * q.W;

	fm_linear(&q, R, in_of(net), x, w->x);
	fm_lookup_add(&q, R, (struct fm_lookup){w->lookup, NULL}, net->at_pos, w->x);
	fm_embed_time(k, q.D, t, B, w->e);
	fm_linear(&q, B, time1(net), w->e, w->t1);
	k->silu(w->t1a, w->t1, BD);
	fm_linear(&q, B, time2(net), w->t1a, w->cpre);
	k->silu(w->c, w->cpre, BD);
	net->backbone->forward(&net->arch, net->at_backbone, &q, w->x, w->c, w->h);
	fm_linear(&q, R, out_of(net), w->h, w->said);
	return w->said;
}

double fm_plain_backward(const struct fm_plain_net *net, const fm_real *p, struct fm_plain_work *w, int B,
			 const fm_real *x, const struct fm_plain_target *target, const struct fm_sink *sink)
{
	struct fm_pass q = pass_of(net, p, w, B, sink);
	size_t BD = (size_t)B * (size_t)q.D, n = (size_t)B * (size_t)q.W * (size_t)net->row;
	struct fm_rows flows = fm_rows_each(&q, q.W);
	int R = B * q.W;
	double loss = 0;

	for (size_t i = 0; i < n;)
		for (int j = 0; j < net->row; j++, i++) {
			fm_real d = w->said[i] - target->of[i];
			fm_real slope = (fm_real)target->weight * (fm_real)target->share[j] * d;

			loss += (double)(slope * d);
			w->d[i] = 2 * slope;
		}
	if (!sink)
		return loss;
	memset(w->dc, 0, sizeof(fm_real) * BD);
	fm_linear_back(&q, R, out_of(net), w->h, w->d, w->dh, 0);
	net->backbone->backward(&net->arch, net->at_backbone, &q, w->dh, w->c, w->x, w->dc);
	fm_linear_back(&q, R, in_of(net), x, w->x, NULL, 0);
	fm_sink_table(&q, &flows, (struct fm_lookup){w->lookup, NULL}, (struct fm_mat){w->x, q.D, q.D}, net->at_pos);
	q.k->silu_back(w->dc, w->cpre, w->dc, BD);
	fm_linear_back(&q, B, time2(net), w->t1a, w->dc, w->d1, 0);
	q.k->silu_back(w->d1, w->t1, w->d1, BD);
	fm_linear_back(&q, B, time1(net), w->e, w->d1, NULL, 0);
	return loss;
}
