/* test_plain_gradients.c - the way back of the denoiser of whole rows is the derivative of the way forward, tensor by
 * tensor, in double precision (model/double.mk).  The backbones alone: test_gradients. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/plain/net.h"

enum { B = 2, W = 4, D = 16, ROW = 5 };

static double number(struct fm_rng *r)
{
	return 2 * fm_rng_uniform53(r) - 1;
}

static double loss_of(const struct fm_plain_net *net, const double *p, struct fm_plain_work *w, const double *x,
		      const double *noise, double *g)
{
	static const float t[B] = {0.3f, 0.8f}, share[ROW] = {0.1f, 0.2f, 0.4f, 0.2f, 0.1f};

	(void)fm_plain_forward(net, p, w, B, x, t);
	return fm_plain_backward(net, p, w, B, x, &(struct fm_plain_target){noise, 0.7, share},
				 g ? &(struct fm_sink){.g = g} : NULL);
}

/* seen: 2 ROW for a network that sees its last prediction. */
static void check(const char *denoiser, int seen)
{
	struct fm_arch a = {W, D, 1, 1, 2 * D};
	struct fm_plain_net *net;
	struct fm_plain_work *w;
	struct fm_error err;
	struct fm_rng r;
	double x[B * W * 2 * ROW], noise[B * W * ROW];

	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	for (int i = 0; i < B * W * seen; i++)
		x[i] = number(&r);
	for (int i = 0; i < B * W * ROW; i++)
		noise[i] = number(&r);
	assert_int_equal(fm_plain_net_new(&net, denoiser, &a, ROW, seen, &err), FM_OK);
	assert_int_equal(fm_plain_work_new(&w, net, B, &err), FM_OK);
	size_t n = net->layout.nfloats;
	double *p = calloc(n, 8), *g = calloc(n, 8), *q = calloc(n, 8), *v = calloc(n, 8);
	for (int i = 0; i < net->layout.n; i++) /* no tensor is zero, or what lies behind it would have no gradient */
		for (int k = 0; k < net->layout.tensor[i].rows * net->layout.tensor[i].cols; k++)
			p[net->layout.tensor[i].at + (size_t)k] = 0.3 * number(&r);
	(void)loss_of(net, p, w, x, noise, g);
	memcpy(q, p, n * 8);
	for (int i = 0; i < net->layout.n; i++) {
		const struct fm_tensor *t = &net->layout.tensor[i];
		size_t m = (size_t)t->rows * (size_t)t->cols;
		double slope = 0, size = 0, value[2], h = 1e-5;

		for (size_t k = 0; k < m; k++) {
			v[k] = number(&r);
			slope += v[k] * g[t->at + k];
			size += g[t->at + k] * g[t->at + k];
		}
		for (int s = 0; s < 2; s++) {
			for (size_t k = 0; k < m; k++)
				q[t->at + k] = p[t->at + k] + (s ? h : -h) * v[k];
			value[s] = loss_of(net, q, w, x, noise, NULL);
		}
		memcpy(q + t->at, p + t->at, m * 8);
		if (fabs((value[1] - value[0]) / (2 * h) - slope) > 1e-6 * (1 + sqrt(size)))
			fail_msg("%s, %s: the slope is %g by differences and %g by the gradient", denoiser, t->name,
				 (value[1] - value[0]) / (2 * h), slope);
		/* A softmax does not see what all keys share. */
		if (!(size > 0) && !strstr(t->name, "distance"))
			fail_msg("%s, %s has no gradient", denoiser, t->name);
	}
	free(p);
	free(g);
	free(q);
	free(v);
	fm_plain_work_free(w);
	fm_plain_net_free(net);
}

static void transformer(void **state)
{
	(void)state;
	check("transformer", ROW);
}

static void unet(void **state)
{
	(void)state;
	check("unet", ROW);
	check("unet", 2 * ROW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(transformer), cmocka_unit_test(unet)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
