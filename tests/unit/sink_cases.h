/*
 * sink_cases.h - norms and weighted sums of a backward pass over several windows are those of passes over one window
 * each: for every layer, backbone and process.  Compiled twice, in double precision (test_gradients.c) and in single
 * (test_sink.c).
 */
#ifndef FM_TESTS_SINK_CASES_H
#define FM_TESTS_SINK_CASES_H

#include "model/nn/layers.h"
#include "model/nn/sink_kept.h"
#include "tests/unit/net_example.h"

/* Relative to the whole: what is left out of a norm, a tensor's part of it too, is larger. */
#define SINK_TOLERANCE (sizeof(fm_real) == 8 ? 1e-11 : 1e-5)

static inline void sink_backward(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct example *x,
				 int from, int n, const struct fm_sink *sink)
{
	struct fm_net_loss loss = {{0}, {0}};
	struct fm_net_in in = example_in(x, net->arch.window, from, n);
	struct fm_net_target target = example_target(x, net->arch.window, from);
	fm_net_forward(net, p, w, &in);
	fm_net_backward(net, p, w, &in, &target, &loss, sink);
}

static inline double sink_norm(const fm_real *g, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)g[i] * (double)g[i];
	return sqrt(sum);
}

/* g against the sum of weight[b] one[b], tensor by tensor. */
static inline void sink_compare(const struct fm_layout *l, const fm_real *g, fm_real *const one[B],
				const fm_real *weight, const char *what)
{
	for (int i = 0; i < l->n; i++) {
		const struct fm_tensor *t = &l->tensor[i];
		double off = 0, size = 0;
		for (size_t k = t->at; k < t->at + (size_t)t->rows * (size_t)t->cols; k++) {
			double want = 0;
			for (int b = 0; b < B; b++)
				want += (double)weight[b] * (double)one[b][k];
			off += ((double)g[k] - want) * ((double)g[k] - want);
			size += want * want;
		}
		if (!(sqrt(off) <= SINK_TOLERANCE * sqrt(size) + 1e-9 * SINK_TOLERANCE))
			fail_msg("%s: %s is off by %g of %g", what, t->name, sqrt(off), sqrt(size));
	}
}

/* Records of `draws` windows whose gradients are kept apart: norms, weighted sums, and steps of a grid. */
static inline void sink_kept(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct example *x,
			     int draws, fm_real *const one[B], const char *what)
{
	const fm_real weight[] = {(fm_real)0.3, (fm_real)1.7, 0};
	size_t n = net->layout.nfloats;
	fm_real *g = calloc(n, sizeof *g), all[B];
	int64_t *sum = calloc(n, sizeof *sum);
	struct fm_kept *k;
	struct fm_error err;

	assert_int_equal(fm_kept_new(&k, &err), FM_OK);
	fm_kept_begin(k, draws);
	sink_backward(net, p, w, x, 0, B / draws * draws, &(struct fm_sink){.kept = k});
	assert_int_equal(fm_kept_check(k, &err), FM_OK);
	for (int b = 0; b < B; b++)
		all[b] = b / draws < B / draws ? weight[b / draws] : 0;
	for (int r = 0; r < B / draws; r++) {
		double want2 = 0, norm = sqrt(fm_kept_norm2(k, r));
		for (size_t i = 0; i < n; i++) {
			double v = 0;
			for (int b = r * draws; b < (r + 1) * draws; b++)
				v += (double)one[b][i];
			want2 += v * v;
		}
		if (!(fabs(norm - sqrt(want2)) <= SINK_TOLERANCE * sqrt(want2)))
			fail_msg("%s, %d draws: the norm of record %d is %.12g, not %.12g", what, draws, r, norm,
				 sqrt(want2));
		fm_kept_add(k, r, weight[r], g);
		/* In steps of a 2^20th of the norm; the squares are those of the sums; and back. */
		uint64_t squares = fm_kept_steps(k, r, (fm_real)(0x1p20 / norm), 1, &(struct fm_kept_sum){sum, NULL}),
			 counted = 0;
		double off = 0;
		for (size_t i = 0; i < n; i++) {
			double v = 0;
			for (int b = r * draws; b < (r + 1) * draws; b++)
				v += (double)one[b][i];
			counted += (uint64_t)(sum[i] * sum[i]);
			off = fmax(off, fabs(v * 0x1p20 / norm - (double)sum[i]));
		}
		assert_true(squares == counted);
		assert_true((double)squares <= 0x1p40 * (1 + 4e-5) && (double)squares > 0x1p40 * 0.99);
		assert_true(off < 1 + 0x1p20 * SINK_TOLERANCE);
		assert_true(fm_kept_steps(k, r, (fm_real)(0x1p20 / norm), -1, &(struct fm_kept_sum){sum, NULL}) ==
			    squares);
		for (size_t i = 0; i < n; i++)
			assert_true(sum[i] == 0);
	}
	sink_compare(&net->layout, g, one, all, what);
	fm_kept_free(k);
	free(g);
	free(sum);
}

static inline void sink_case(const char *denoiser, int W, int depth, const char *tokens)
{
	static const fm_real weight[] = {(fm_real)0.3, (fm_real)1.7, 0}, all[] = {1, 1, 1};
	int vocab[FM_NTOK];
	struct fm_arch a = {W, D, depth, 2, 2 * D};
	struct fm_net *net;
	struct fm_work *w;
	struct fm_error err;
	struct example x;
	fm_real *one[B];
	double norm2[B] = {0};
	char what[128];

	snprintf(what, sizeof what, "%s, %s, window %d", denoiser, tokens, W);
	example_vocab(vocab, W);
	assert_int_equal(fm_net_new(&net, denoiser, &a, vocab, EXAMPLE_POPULAR, &err), FM_OK);
	assert_int_equal(fm_work_new(&w, net, B, &err), FM_OK);
	size_t n = net->layout.nfloats;
	fm_real *p = calloc(n, sizeof *p), *g = calloc(n, sizeof *g);
	example_parameters(&net->layout, p);
	make_example(&x, vocab, W, tokens, "v");
	for (int b = 0; b < B; b++) {
		one[b] = calloc(n, sizeof *one[b]);
		sink_backward(net, p, w, &x, b, 1, &(struct fm_sink){.g = one[b]});
	}
	sink_backward(net, p, w, &x, 0, B, &(struct fm_sink){.norm2 = norm2});
	for (int b = 0; b < B; b++)
		if (!(fabs(sqrt(norm2[b]) - sink_norm(one[b], n)) <= SINK_TOLERANCE * sink_norm(one[b], n)))
			fail_msg("%s: the norm of window %d is %.12g, not %.12g", what, b, sqrt(norm2[b]),
				 sink_norm(one[b], n));
	sink_backward(net, p, w, &x, 0, B, &(struct fm_sink){.g = g});
	sink_compare(&net->layout, g, one, all, what);
	memset(g, 0, n * sizeof *g);
	memset(norm2, 0, sizeof norm2);
	sink_backward(net, p, w, &x, 0, B, &(struct fm_sink){.g = g, .weight = weight, .norm2 = norm2});
	sink_compare(&net->layout, g, one, weight, what);
	for (int b = 0; b < B; b++) /* of whole gradients, whatever their weight */
		assert_true(fabs(sqrt(norm2[b]) - sink_norm(one[b], n)) <= SINK_TOLERANCE * sink_norm(one[b], n));
	for (int draws = sizeof(fm_real) == 8 ? B : 1; draws <= B; draws++)
		sink_kept(net, p, w, &x, draws, one, what);
	for (int b = 0; b < B; b++)
		free(one[b]);
	free(p);
	free(g);
	fm_work_free(w);
	fm_net_free(net);
}

/* Short windows take Gram matrices, long ones the product (sink.c); the kernels in double precision are slow. */
static void sink_agrees_with_single_windows(void **state)
{
	static const char *const tokens[] = {"absorbing", "multinomial"};

	(void)state;
	for (int k = 0; k < 2; k++) {
		sink_case("transformer", 8, 2, tokens[k]);
		sink_case("unet", 13, 3, tokens[k]);
		sink_case("mlp", 5, 2, tokens[k]);
		if (sizeof(fm_real) == 8)
			continue;
		sink_case("transformer", 40, 1, tokens[k]);
		sink_case("unet", 40, 2, tokens[k]);
		sink_case("mlp", 40, 1, tokens[k]);
	}
}

#endif
