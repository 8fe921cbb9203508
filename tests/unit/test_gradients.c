/*
 * test_gradients.c - the way back of every denoiser, under every loss, is the derivative of the way forward: in double
 * precision (see model/double.mk), tensor by tensor, to one part in a million; and what the sink of gradients makes of
 * it is what single windows would give (sink_cases.h; in single precision: test_sink.c).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/net_example.h"
#include "tests/unit/sink_cases.h"

static double loss_of(const struct fm_net *net, const double *p, struct fm_work *w, const struct example *x, double *g)
{
	struct fm_net_loss l = {{0}, {0}};
	struct fm_net_in in = example_in(x, net->arch.window, 0, B);
	struct fm_net_target target = example_target(x, net->arch.window, 0);
	double sum = 0;
	fm_net_forward(net, p, w, &in);
	fm_net_backward(net, p, w, &in, &target, &l, g ? &(struct fm_sink){.g = g} : NULL);
	for (int c = 0; c < FM_NTOK; c++)
		sum += l.tok[c];
	for (int k = 0; k < FM_NRES; k++)
		sum += l.res[k];
	return sum;
}

/* Slope along v (n) from p + at, by central differences; q is a copy of p. */
static double slope_by_differences(const struct fm_net *net, const double *p, double *q, struct fm_work *w,
				   const struct example *x, size_t at, size_t n, const double *v)
{
	const double h = 3e-5;
	double value[2];
	for (int s = 0; s < 2; s++) {
		for (size_t k = 0; k < n; k++)
			q[at + k] = p[at + k] + (s ? h : -h) * v[k];
		value[s] = loss_of(net, q, w, x, NULL);
	}
	memcpy(q + at, p + at, sizeof(double) * n);
	return (value[1] - value[0]) / (2 * h);
}

static bool link_counted[FM_NLINKS]; /* in some network that was checked */

static void note_links(const char *tensor)
{
	for (int link = 0; link < FM_NLINKS; link++) {
		char name[64];
		snprintf(name, sizeof name, "in.%s.", fm_link_name[link]);
		link_counted[link] |= strncmp(tensor, name, strlen(name)) == 0;
	}
}

static void check_process(const char *denoiser, int W, int depth, int heads, const char *tokens, const char *prediction)
{
	int vocab[FM_NTOK];
	struct fm_arch a = {W, D, depth, heads, 2 * D};
	struct fm_net *net;
	struct fm_work *w;
	struct fm_error err;
	struct example x;
	struct fm_rng r;
	int alive = 0;

	example_vocab(vocab, W);
	assert_int_equal(fm_net_new(&net, denoiser, &a, vocab, EXAMPLE_POPULAR, &err), FM_OK);
	assert_int_equal(fm_work_new(&w, net, B, &err), FM_OK);
	size_t n = net->layout.nfloats;
	double *p = calloc(n, 8), *g = calloc(n, 8), *q = calloc(n, 8), *v = calloc(n, 8);
	example_parameters(&net->layout, p);
	fm_rng_init(&r, 6, FM_RNG_JUDGE, 0, 0);
	memcpy(q, p, n * 8);
	make_example(&x, vocab, W, tokens, prediction);
	loss_of(net, p, w, &x, g);
	for (int i = 0; i < net->layout.n; i++) {
		const struct fm_tensor *t = &net->layout.tensor[i];
		size_t m = (size_t)t->rows * (size_t)t->cols, most = 0;
		double slope = 0, size = 0, one = 1;
		for (size_t k = 0; k < m; k++) {
			v[k] = (double)fm_rng_normal(&r);
			slope += v[k] * g[t->at + k];
			size += g[t->at + k] * g[t->at + k];
			most = fabs(g[t->at + k]) > fabs(g[t->at + most]) ? k : most;
		}
		size = sqrt(size);
		double num = slope_by_differences(net, p, q, w, &x, t->at, m, v);
		if (!(fabs(num - slope) <= 1e-6 * size + 1e-9))
			fail_msg(
			    "%s, %s, window %d, depth %d: %s: slope %.9g, by differences %.9g (gradient's size %g)",
			    denoiser, tokens, W, depth, t->name, slope, num, size);
		num = slope_by_differences(net, p, q, w, &x, t->at + most, 1, &one);
		if (!(fabs(num - g[t->at + most]) <= 1e-6 * fabs(num) + 1e-9))
			fail_msg("%s, %s, window %d, depth %d: %s[%zu]: slope %.9g, by differences %.9g", denoiser,
				 tokens, W, depth, t->name, most, g[t->at + most], num);
		alive += size > 1e-6;
		if (size > 1e-6)
			note_links(t->name);
		if (strncmp(t->name, "body.", 5) == 0 && !(size > 1e-6))
			fail_msg("%s: %s does not count", denoiser, t->name);
	}
	assert_true(alive > net->layout.n / 2);
	free(p), free(g), free(q), free(v);
	fm_work_free(w);
	fm_net_free(net);
}

static void check(const char *denoiser, int W, int depth, int heads)
{
	check_process(denoiser, W, depth, heads, "absorbing", "v");
	if (W == 5)
		check_process(denoiser, W, depth, heads, "multinomial", "noise");
}

/* KL, where something and where all is kept a step before, with x_t the same as x_0, another, and the mask. */
static void divergence(void **state)
{
	static const struct fm_keep keeps[] = {{0.3, 0.5}, {0.999, 0.9995}, {0.01, 0.02}, {0.9, 1},
					       {0.001, 1}, {0, 0.004},      {0, 1}};
	enum { K = 7 };
	struct fm_rng r;
	(void)state;
	fm_rng_init(&r, 6, FM_RNG_JUDGE, 0, 0);
	for (size_t i = 0; i < sizeof keeps / sizeof *keeps; i++)
		for (int x0 = 0; x0 < K; x0 += 3)
			for (int j = 0; j < K; j++) {
				double z[K], g[K], y[K], value[2];
				int xt = keeps[i].at > 0 ? (x0 + j % 2) % K : K;
				for (int k = 0; k < K; k++)
					z[k] = 2 * (double)fm_rng_normal(&r);
				memcpy(g, z, sizeof g);
				assert_true(fm_multinomial_loss(fm_kernels(), g, y, K, x0, xt, &keeps[i], 3) > 0);
				for (int s = 0; s < 2; s++) {
					double q[K];
					memcpy(q, z, sizeof q);
					q[j] += s ? 1e-5 : -1e-5;
					value[s] = 3 * fm_multinomial_loss(fm_kernels(), q, y, K, x0, xt, &keeps[i], 3);
				}
				double slope = (value[1] - value[0]) / 2e-5;
				if (!(fabs(slope - g[j]) <= 1e-7 + 1e-6 * fabs(slope)))
					fail_msg("kept %g and %g, x0 %d, xt %d, z[%d]: slope %.9g, by differences %.9g",
						 keeps[i].at, keeps[i].before, x0, xt, j, g[j], slope);
			}
}

static void transformer(void **state)
{
	(void)state;
	check("transformer", 8, 2, 2);
	check("transformer", 5, 1, 1);
}

/* Windows that halves divide and windows that they do not, from one level to as many as there can be. */
static void unet(void **state)
{
	(void)state;
	check("unet", 8, 2, 2);
	check("unet", 9, 3, 1);
	check("unet", 5, 2, 2);
	check("unet", 3, 1, 2);
}

static void mlp(void **state)
{
	(void)state;
	check("mlp", 8, 3, 2);
	check("mlp", 5, 1, 1);
}

/* After the networks. */
static void every_link_counts(void **state)
{
	(void)state;
	for (int link = 0; link < FM_NLINKS; link++)
		if (!link_counted[link])
			fail_msg("%s: no gradient of it was checked", fm_link_name[link]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(divergence),
	    cmocka_unit_test(transformer),
	    cmocka_unit_test(unet),
	    cmocka_unit_test(mlp),
	    cmocka_unit_test(every_link_counts),
	    cmocka_unit_test(sink_agrees_with_single_windows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
