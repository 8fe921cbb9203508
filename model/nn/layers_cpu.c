/* layers_cpu.c - the layers by the processor's kernels. */
#include <string.h>

#include "model/nn/layers.h"

static void linear(const struct fm_pass *q, int rows, struct fm_affine a, const fm_real *in, fm_real *out)
{
	q->k->gemm(q->s, FM_N, FM_N, rows, a.m, a.n, in, a.n, q->p + a.w, a.m, out, a.m, q->p + a.b, 0);
}

static void linear_back(const struct fm_pass *q, int rows, struct fm_affine a, const fm_real *in, const fm_real *d,
			fm_real *din, int add)
{
	struct fm_rows each = fm_rows_each(q, rows / q->B);
	struct fm_mat dm = {d, a.m, a.m};
	fm_sink_outer(q, &each, (struct fm_mat){in, a.n, a.n}, dm, a.w);
	fm_sink_bias(q, &each, dm, a.b);
	if (din)
		q->k->gemm(q->s, FM_N, FM_T, rows, a.n, a.m, d, a.m, q->p + a.w, a.m, din, a.n, NULL, add);
}

static void modulate(const struct fm_pass *q, const struct fm_mod *m, const fm_real *x, fm_real *h)
{
	size_t n = (size_t)q->W * (size_t)q->D;
	for (int b = 0; b < q->B; b++) {
		const fm_real *v = m->mod + (size_t)b * m->stride + m->at;
		q->k->modulate(h + b * n, x + b * n, v + FM_SCALE * q->D, v + FM_SHIFT * q->D, q->W, q->D);
	}
}

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

/* ---- attention ---- */

/* Each head has a bias for each distance between two flows of the window (Shaw et al. 2018; as a scalar, Raffel et al.
 * 2020, sec. 2.1): neighbours and requests are found by their distance.  (H,2W): the bias of a key at distance j - i
 * from the query is at j - i + W, so that a query's row is contiguous. */
static void attend(const struct fm_pass *q, int H, const struct fm_att *l, size_t distance)
{
	const fm_real *bias = q->p + distance;
	int W = q->W, D = q->D, dh = D / H;
	fm_real root = (fm_real)__builtin_sqrt((double)dh), scale = 1 / root;
	for (int b = 0; b < q->B; b++)
		for (int h = 0; h < H; h++) {
			const fm_real *v = l->qkv + (size_t)b * W * 3 * D + h * dh;
			fm_real *P = l->P + ((size_t)b * H + h) * W * W;
			memset(P, 0, sizeof *P * (size_t)W * W);
			for (int i = 0; i < W; i++)
				q->k->axpy(P + (size_t)i * W, root, bias + (size_t)h * 2 * W + W - i, (size_t)W);
			q->k->gemm(q->s, FM_N, FM_T, W, W, dh, v, 3 * D, v + D, 3 * D, P, W, NULL, 1);
			q->k->softmax(P, P, W, W, scale);
			q->k->gemm(q->s, FM_N, FM_N, W, dh, W, P, W, v + 2 * D, 3 * D,
				   l->att + (size_t)b * W * D + h * dh, D, NULL, 0);
		}
}

static void attend_back(const struct fm_pass *q, int H, const struct fm_att *l, size_t distance, const fm_real *datt,
			fm_real *dqkv, fm_real *dP)
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
			size_t bias = distance + (size_t)h * 2 * W;
			fm_real *g = fm_sink_begin(q, b, bias, 2 * W);
			for (int i = 0; i < W; i++)
				q->k->axpy(g + W - i, root, dP + (size_t)i * W, (size_t)W);
			fm_sink_end(q, b, bias, 2 * W);
			q->k->gemm(q->s, FM_N, FM_N, W, dh, W, dP, W, v + D, 3 * D, dq, 3 * D, NULL, 0);
			q->k->gemm(q->s, FM_T, FM_N, W, dh, W, dP, W, v, 3 * D, dq + D, 3 * D, NULL, 0);
		}
}

/* ---- convolutions of three ---- */

void fm_conv_wipe(fm_real *x, int B, int W, int n)
{
	for (int b = 0; b <= B; b++)
		memset(x + (size_t)b * (W + 1) * n, 0, sizeof(fm_real) * (size_t)n);
}

static void conv(const struct fm_pass *q, int W, struct fm_affine a, const fm_real *x, fm_real *y)
{
	q->k->gemm(q->s, FM_N, FM_N, q->B * (W + 1) - 1, a.m, 3 * a.n, x, a.n, q->p + a.w, a.m, y + a.m, a.m,
		   q->p + a.b, 0);
	fm_conv_wipe(y, q->B, W, a.m);
}

static void conv_back(const struct fm_pass *q, int W, struct fm_affine a, const fm_real *x, const fm_real *dy,
		      fm_real *dx)
{
	int rows = q->B * (W + 1) - 1, n = a.n, m = a.m;
	struct fm_rows each = {0, q->B, NULL, W + 1, W};
	struct fm_mat d = {dy + m, m, m};
	fm_sink_outer(q, &each, (struct fm_mat){x, 3 * n, n}, d, a.w);
	fm_sink_bias(q, &each, d, a.b);
	/* Row r is the right neighbour of r - 1 and the left one of r + 1. */
	for (int tap = 0; tap < 3; tap++)
		q->k->gemm(q->s, FM_N, FM_T, rows, n, m, dy + (size_t)(2 - tap) * m, m,
			   q->p + a.w + (size_t)tap * n * m, m, dx + n, n, NULL, tap > 0);
	fm_conv_wipe(dx, q->B, W, n);
}

static void conv_down(const struct fm_pass *q, int W, int low, struct fm_affine a, const fm_real *x, fm_real *y)
{
	for (int b = 0; b < q->B; b++)
		q->k->gemm(q->s, FM_N, FM_N, low, a.m, 3 * a.n, x + (size_t)b * (W + 1) * a.n, 2 * a.n, q->p + a.w, a.m,
			   y + ((size_t)b * (low + 1) + 1) * a.m, a.m, q->p + a.b, 0);
	fm_conv_wipe(y, q->B, low, a.m);
}

static void conv_down_back(const struct fm_pass *q, int W, int low, struct fm_affine a, const fm_real *x,
			   const fm_real *dy, fm_real *dx)
{
	int n = a.n, m = a.m;
	for (int b = 0; b < q->B; b++) {
		size_t from = (size_t)b * (W + 1) * n;
		struct fm_rows one = {b, 1, NULL, low, low};
		struct fm_mat d = {dy + ((size_t)b * (low + 1) + 1) * m, m, m};
		fm_sink_outer(q, &one, (struct fm_mat){x + from, 3 * n, 2 * n}, d, a.w);
		fm_sink_bias(q, &one, d, a.b);
		for (int tap = 0; tap < 3; tap++)
			q->k->gemm(q->s, FM_N, FM_T, low, n, m, d.x, m, q->p + a.w + (size_t)tap * n * m, m,
				   dx + from + (size_t)tap * n, 2 * n, NULL, 1);
	}
	fm_conv_wipe(dx, q->B, W, n);
}

/* ---- embeddings ---- */

static void lookup_add(const struct fm_pass *q, int rows, struct fm_lookup l, size_t at, fm_real *x)
{
	size_t n = (size_t)q->D;
	for (int r = 0; r < rows; r++)
		if (l.index[r] >= 0)
			q->k->add(x + (size_t)(l.source ? l.source[r] : r) * n, q->p + at + (size_t)l.index[r] * n, n);
}

const struct fm_layers fm_layers_cpu = {
    "cpu",  linear,      linear_back, modulate,  modulate_back, gate_add,       gate_back,
    attend, attend_back, conv,        conv_back, conv_down,     conv_down_back, lookup_add,
};

struct fm_pass fm_pass_cpu(const struct fm_arch *a, const fm_real *p, struct fm_pass_room room, int B,
			   const struct fm_sink *sink)
{
	return (struct fm_pass){.layers = &fm_layers_cpu,
				.k = fm_kernels(),
				.s = room.scratch,
				.space = room.space,
				.p = p,
				.sink = sink,
				.act = room.act,
				.B = B,
				.W = a->window,
				.D = a->width};
}
