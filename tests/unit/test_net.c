/* test_net.c - the way back is the derivative of the way forward; the process masks as it says; weights survive the
 * disk. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "model/codec/relations.h"
#include "model/diffusion/process.h"
#include "model/nn/safetensors.h"

enum { W = 8, B = 2, D = 32 };
static const int vocab[FM_NTOK] = {FM_ROLE_TOKENS, FM_REL_TOKENS(W), 5, 1, 4, 3, 20, 20, 12, 12, 4, 0, 3, 9, 11, 13};

struct example {
	uint16_t tok[B * W * FM_NTOK], in[B * W * FM_NTOK];
	float res[B * W * FM_NRES], res_in[B * W * FM_NRES], tw[B * W * FM_NTOK], v[B * W * FM_NRES],
	    vw[B * W * FM_NRES], t[B];
	uint8_t slot[B], span[B], cls[B];
};

static struct fm_net *new_net(void)
{
	struct fm_net *net;
	struct fm_error err;
	struct fm_arch a = {W, D, 2, 2, 2 * D};
	assert_int_equal(fm_net_new(&net, "transformer", &a, vocab, 3, &err), FM_OK);
	return net;
}

static void make_example(struct example *x, double t0, double t1)
{
	struct fm_rng r;
	struct fm_process pr;
	struct fm_error err;
	fm_rng_init(&r, 9, FM_RNG_JUDGE, 0, 0);
	assert_int_equal(fm_process_init(&pr, 1000, "cosine", &err), FM_OK);
	memset(x, 0, sizeof *x);
	for (int i = 0; i < B * W; i++) {
		for (int c = 0; c < FM_NTOK; c++)
			x->tok[i * FM_NTOK + c] = vocab[c] > 1 ? (uint16_t)fm_rng_below(&r, (uint32_t)vocab[c]) : 0;
		x->tok[i * FM_NTOK + FM_T_REL] =
		    (uint16_t)(i % W > 2 && i % 3 == 0 ? fm_rel_token(1 + i / 3 % (FM_NRELATIONS - 1), 2, W) : 0);
		for (int k = 0; k < FM_NRES; k++)
			x->res[i * FM_NRES + k] = k % 2 ? fm_rng_normal(&r) : NAN;
	}
	for (int b = 0; b < B; b++) {
		struct fm_example ex = {x->in + b * W * FM_NTOK, x->res_in + b * W * FM_NRES, x->tw + b * W * FM_NTOK,
					x->v + b * W * FM_NRES,  x->vw + b * W * FM_NRES,     NULL};
		struct fm_clean_window clean = {vocab, W,  x->tok + b * W * FM_NTOK, x->res + b * W * FM_NRES,
						B * W, 0.5};
		x->t[b] = (float)(b ? t1 : t0);
		fm_relations_copy(x->tok + b * W * FM_NTOK, x->res + b * W * FM_NRES, W);
		fm_process_corrupt(&pr, &clean, b ? t1 : t0, &r, &ex);
		x->slot[b] = (uint8_t)(3 * b);
		x->span[b] = (uint8_t)(5 + b);
	}
}

static double loss_of(const struct fm_net *net, const float *p, struct fm_work *w, const struct example *x, float *g)
{
	struct fm_net_loss l = {{0}, {0}};
	struct fm_net_in in = {B, x->in, x->res_in, x->slot, x->span, x->cls, x->t, NULL};
	struct fm_net_target target = {x->tok, x->tw, x->v, x->vw, NULL};
	double sum = 0;
	fm_net_forward(net, p, w, &in);
	fm_net_backward(net, p, w, &in, &target, &l, g ? &(struct fm_sink){.g = g} : NULL);
	for (int c = 0; c < FM_NTOK; c++)
		sum += l.tok[c];
	for (int k = 0; k < FM_NRES; k++)
		sum += l.res[k];
	return sum;
}

/* For each tensor by itself: the slope along a random direction against central differences. */
static void gradients_are_the_slopes_of_the_loss(void **state)
{
	struct fm_net *net = new_net();
	struct fm_work *w;
	struct fm_error err;
	struct example x;
	size_t n = net->layout.nfloats;
	float *p = calloc(n, 4), *g = calloc(n, 4), *q = calloc(n, 4);
	int checked = 0;
	(void)state;
	assert_int_equal(fm_work_new(&w, net, B, &err), FM_OK);
	fm_layout_init(&net->layout, p, 4);
	struct fm_rng r;
	fm_rng_init(&r, 5, FM_RNG_JUDGE, 0, 0);
	for (size_t i = 0; i < n; i++) /* zero tensors too get values, or their neighbours' gradients would be zero */
		p[i] += 0.1f * fm_rng_normal(&r);
	make_example(&x, 0.23, 0.56);
	loss_of(net, p, w, &x, g);
	for (int i = 0; i < net->layout.n; i++) {
		const struct fm_tensor *t = &net->layout.tensor[i];
		size_t m = (size_t)t->rows * (size_t)t->cols;
		double slope = 0, h = 2e-3, size = 0;
		float *v = calloc(m, 4);
		for (size_t k = 0; k < m; k++) {
			v[k] = fm_rng_normal(&r);
			slope += (double)v[k] * g[t->at + k];
			size += (double)g[t->at + k] * g[t->at + k];
		}
		memcpy(q, p, n * 4);
		for (size_t k = 0; k < m; k++)
			q[t->at + k] = p[t->at + k] + (float)h * v[k];
		double up = loss_of(net, q, w, &x, NULL);
		for (size_t k = 0; k < m; k++)
			q[t->at + k] = p[t->at + k] - (float)h * v[k];
		double num = (up - loss_of(net, q, w, &x, NULL)) / (2 * h);
		if (fabs(num - slope) > 0.02 * sqrt(size) + 2e-3)
			fail_msg("%s: slope %g, by differences %g (gradient's size %g)", t->name, slope, num,
				 sqrt(size));
		checked += size > 1e-8;
		free(v);
	}
	assert_true(checked > net->layout.n * 2 / 3); /* at these times most tensors are in play */
	free(p), free(g), free(q);
	fm_work_free(w);
	fm_net_free(net);
}

static void masks_rise_from_none_to_all(void **state)
{
	struct fm_process pr;
	struct fm_error err;
	static struct example x;
	(void)state;
	assert_int_equal(fm_process_init(&pr, 1000, "linear", &err), FM_OK);
	for (int c = 0; c < FM_NTOK; c++) {
		assert_true(fm_process_mask(&pr, c, 0) == 0 && fm_process_mask(&pr, c, 1) == 1);
		for (double t = 0; t < 0.99; t += 0.01)
			assert_true(fm_process_mask(&pr, c, t) <= fm_process_mask(&pr, c, t + 0.01));
	}
	for (double t = 0; t < 0.99; t += 0.01)
		assert_true(fm_process_alpha_bar(&pr, t) >= fm_process_alpha_bar(&pr, t + 0.01));
	make_example(&x, 0.001, 1.0);
	int hidden[2] = {0, 0};
	for (int i = 0; i < B * W; i++)
		for (int c = 0; c < FM_NTOK; c++)
			hidden[i / W] += vocab[c] > 1 && x.in[i * FM_NTOK + c] == vocab[c];
	assert_int_equal(hidden[0], 0);
	assert_true(hidden[1] >= W * 11); /* all but the few that a visible relation copies */
	/* Copied columns of a related flow cost nothing: they are not drawn. */
	for (int i = 0; i < B * W; i++) {
		int back, kind = fm_rel_kind(x.tok[i * FM_NTOK + FM_T_REL], W, &back);
		for (int c = 0; c < FM_NTOK; c++)
			if (fm_relation_source(kind, c) >= 0)
				assert_true(x.tw[i * FM_NTOK + c] == 0);
	}
	assert_int_equal(fm_process_init(&pr, 1, "cosine", &err), FM_EINPUT);
	assert_int_equal(fm_process_init(&pr, 0, "cosine", &err), FM_EINPUT);
	assert_int_equal(fm_process_init(&pr, 1000, "sine", &err), FM_EINPUT);
}

static void impossible_networks_are_refused(void **state)
{
	struct fm_net *net;
	struct fm_error err;
	struct fm_arch a = {W, 40, 2, 2, 64}, deep = {W, 32, 33, 2, 64};
	(void)state;
	assert_int_equal(fm_net_new(&net, "transformer", &a, vocab, 3, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "model.width"));
	assert_int_equal(fm_net_new(&net, "transformer", &deep, vocab, 3, &err), FM_EINPUT);
	assert_int_equal(fm_net_new(&net, "oracle", &deep, vocab, 3, &err), FM_EINPUT);
}

static void the_deepest_network_has_room_for_its_tensors(void **state)
{
	struct fm_net *net;
	struct fm_error err;
	struct fm_arch a = {W, D, 32, 2, 2 * D};
	int all[FM_NTOK];
	(void)state;
	for (int c = 0; c < FM_NTOK; c++)
		all[c] = vocab[c] > 1 ? vocab[c] : 2;
	assert_int_equal(fm_net_new(&net, "transformer", &a, all, 3, &err), FM_OK);
	fm_net_free(net);
}

static void damaged_weights_are_refused(void **state)
{
	char dir[] = "/tmp/flowmint-weights-XXXXXX", path[64];
	struct fm_net *net = new_net();
	struct fm_error err;
	struct fm_buf b = {0};
	size_t n = net->layout.nfloats;
	float *p = calloc(n, 4), *q = calloc(n, 4);
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/w", dir);
	fm_layout_init(&net->layout, p, 1);
	assert_int_equal(fm_weights_save(&net->layout, p, path, &err), FM_OK);
	assert_int_equal(fm_weights_load(&net->layout, q, path, &err), FM_OK);
	assert_memory_equal(p, q, n * 4);
	assert_int_equal(fm_file_read(path, 1 << 26, &b, &err), FM_OK);
	/* Cut anywhere, one byte more, a broken header, another shape, a value that is none. */
	for (size_t cut = 0; cut < b.len; cut += b.len / 7 + 1) {
		assert_int_equal(fm_file_write(path, 0600, b.data, cut, &err), FM_OK);
		assert_int_equal(fm_weights_load(&net->layout, q, path, &err), FM_EINPUT);
	}
	char *copy = malloc(b.len + 1);
	memcpy(copy, b.data, b.len);
	copy[b.len] = 0;
	assert_int_equal(fm_file_write(path, 0600, copy, b.len + 1, &err), FM_OK);
	assert_int_equal(fm_weights_load(&net->layout, q, path, &err), FM_EINPUT);
	copy[0] ^= 0x40;
	assert_int_equal(fm_file_write(path, 0600, copy, b.len, &err), FM_OK);
	assert_int_equal(fm_weights_load(&net->layout, q, path, &err), FM_EINPUT);
	memcpy(copy, b.data, b.len);
	memset(copy + b.len - 4, 0xff, 4);
	assert_int_equal(fm_file_write(path, 0600, copy, b.len, &err), FM_OK);
	assert_int_equal(fm_weights_load(&net->layout, q, path, &err), FM_EINPUT);
	struct fm_net *other;
	struct fm_arch a = {W, D, 3, 2, 2 * D};
	assert_int_equal(fm_net_new(&other, "transformer", &a, vocab, 3, &err), FM_OK);
	float *o = calloc(other->layout.nfloats, 4);
	assert_int_equal(fm_file_write(path, 0600, b.data, b.len, &err), FM_OK);
	assert_int_equal(fm_weights_load(&other->layout, o, path, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "another model"));
	free(p), free(q), free(copy), free(o);
	fm_buf_free(&b);
	fm_net_free(net);
	fm_net_free(other);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gradients_are_the_slopes_of_the_loss),
	    cmocka_unit_test(masks_rise_from_none_to_all),
	    cmocka_unit_test(impossible_networks_are_refused),
	    cmocka_unit_test(the_deepest_network_has_room_for_its_tensors),
	    cmocka_unit_test(damaged_weights_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
