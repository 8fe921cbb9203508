/* test_backbones.c - every denoiser learns and makes flows through the same code, the same bits however it is run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/codec/decode.h"
#include "model/codec/relations.h"
#include "model/diffusion/sampler.h"
#include "model/diffusion/trainer.h"
#include "tests/unit/model_fixture.h"

enum { W = 15, ROWS = 6000, D = 32 }; /* a window that no halving divides */
static struct fm_table *flows;
static struct fm_codec *codec;
static struct fm_hosts *hosts;
static struct fm_encoded data, heldout;
static struct fm_process process;

static int setup(void **state)
{
	struct fm_error err = {0};
	(void)state;
	flows = fixture_flows(ROWS, 5, W);
	if (!flows)
		return -1;
	struct fm_codec_opts o = fixture_opts(flows, W);
	if (fm_codec_fit_with_hosts(&codec, &hosts, flows, &o, &err) < 0 ||
	    fm_codec_encode(codec, hosts, flows, 1, &data, &err) < 0)
		return -1;
	heldout = data;
	heldout.windows = 64;
	data.windows -= 64;
	data.tok += 64 * W * FM_NTOK;
	data.res += 64 * W * FM_NRES;
	data.slot += 64;
	data.span += 64;
	return fm_process_init(&process, 100, "cosine", &err);
}

static int teardown(void **state)
{
	(void)state;
	fm_encoded_free(&heldout);
	fm_hosts_free(hosts);
	fm_codec_free(codec);
	fm_table_free(flows);
	return 0;
}

static struct fm_net *new_net(const char *denoiser)
{
	struct fm_arch a = {W, D, 2, 2, 4 * D};
	struct fm_net *net;
	struct fm_error err = {0};
	if (fm_net_new(&net, denoiser, &a, codec->vocab, codec->roles.nhosts, &err) < 0)
		fail_msg("%s", err.message);
	return net;
}

struct result {
	float *p;
	struct fm_window_schedule schedule;
	uint16_t *tok;
	float *res;
	double validation; /* nats a flow */
};

static void train_and_sample(const struct fm_net *net, int steps, double rate, uint64_t rows, int threads,
			     struct result *r)
{
	struct fm_train_opts o = {.steps = steps,
				  .batch = 16,
				  .warmup = 5,
				  .rate = rate,
				  .ema = 0.9,
				  .weight_decay = 0.01,
				  .clip = 1,
				  .seed = 3};
	struct fm_sample_opts so = {.steps = 10, .seed = 2};
	struct fm_window_schedule_opts po = {.rows = rows, .seed = 4, .hours = {0, 24}};
	struct fm_structural_zeros zeros;
	struct fm_train_result tr;
	struct fm_pool *pool;
	struct fm_error err = {0};
	r->p = calloc(net->layout.nfloats, 4);
	assert_int_equal(fm_pool_new(&pool, threads, &err), FM_OK);
	o.pool = so.pool = pool;
	assert_int_equal(fm_train(net, &process, &(struct fm_train_data){&data, &heldout}, &o, r->p, &tr, &err), FM_OK);
	assert_int_equal(fm_window_schedule_make(&r->schedule, codec, &po, &err), FM_OK);
	assert_int_equal(fm_structural_zeros_fit(&zeros, codec->vocab, &data, W, 20, &err), FM_OK);
	r->tok = calloc(r->schedule.n * W * FM_NTOK, sizeof *r->tok);
	r->res = calloc(r->schedule.n * W * FM_NRES, sizeof *r->res);
	assert_int_equal(fm_sample(&(struct fm_sample_of){{net, &process, r->p}, codec, &zeros, &r->schedule},
				   (struct fm_window_range){0, r->schedule.n}, &so,
				   &(struct fm_sampled){r->tok, r->res}, &err),
			 FM_OK);
	r->validation = tr.validation;
	fm_structural_zeros_free(&zeros);
	fm_pool_free(pool);
}

static void result_free(struct result *r)
{
	fm_window_schedule_free(&r->schedule);
	free(r->p);
	free(r->tok);
	free(r->res);
}

static void check_rows(const struct result *r)
{
	static const struct fm_range in = {10u << 24, 8}, out = {240u << 24, 4};
	struct fm_decode_opts o = {.rows = 300, .seed = 1, .fresh = {{&out, 1}, {&in, 1}}};
	struct fm_table *t;
	struct fm_error err = {0};
	for (size_t i = 0; i < r->schedule.n * W; i++) {
		const uint16_t *x = r->tok + i * FM_NTOK;
		for (int c = 0; c < FM_NTOK; c++)
			if (codec->vocab[c] > 1 ? x[c] >= codec->vocab[c] : x[c] != 0)
				fail_msg("row %zu: %s is %d of %d", i, fm_tok_name[c], x[c], codec->vocab[c]);
		int back, kind = fm_rel_kind(x[FM_T_REL], W, &back);
		assert_true(kind < FM_NRELATIONS && (size_t)back <= i % W && FM_ROLE_RELATION(x[FM_T_ROLE]) == kind);
		for (int k = 0; k < FM_NRES; k++)
			assert_true(isfinite(r->res[i * FM_NRES + (size_t)k]));
	}
	if (fm_decode(&t, codec, &r->schedule, r->tok, r->res, &o, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(t->rows, 300);
	for (size_t i = 0; i < t->rows; i++)
		assert_true(t->pkt[i] >= 1 && t->byt[i] >= t->pkt[i] && t->sa[i] != t->da[i]);
	fm_table_free(t);
}

static void learns_and_makes_valid_flows(const char *denoiser, double share)
{
	struct fm_net *net = new_net(denoiser);
	struct result before, after;
	train_and_sample(net, 1, 1e-12, 300, 2, &before);
	train_and_sample(net, 300, 4e-3, 300, 2, &after);
	print_message("%s: %zu parameters, %.2f nats a flow before, %.2f after\n", denoiser, net->layout.nfloats,
		      before.validation, after.validation);
	assert_true(after.validation < share * before.validation);
	check_rows(&after);
	result_free(&before);
	result_free(&after);
	fm_net_free(net);
}

static void transformer_learns(void **state)
{
	(void)state;
	learns_and_makes_valid_flows("transformer", 0.7);
}

static void unet_learns(void **state)
{
	(void)state;
	learns_and_makes_valid_flows("unet", 0.7);
}

static void mlp_learns(void **state)
{
	(void)state;
	learns_and_makes_valid_flows("mlp", 0.7);
}

/* Weights and windows with 1, 2 and 7 threads, and with the kernels of every processor class that this one runs. */
static void bits_depend_on_neither_threads_nor_processor(void **state)
{
	static const char *const names[] = {"transformer", "unet", "mlp"};
	const struct fm_kernels *best = fm_kernels(), *sets[] = {best, best, best, &fm_kernels_v3, &fm_kernels_v1};
	static const int threads[] = {1, 2, 7, 2, 2};
	(void)state;
	for (int d = 0; d < 3; d++) {
		struct fm_net *net = new_net(names[d]);
		struct result first, r;
		for (int i = 0; i < 5; i++) {
			if (sets[i] == &fm_kernels_v3 && best == &fm_kernels_v1)
				continue;
			net->k = sets[i];
			train_and_sample(net, 2, 4e-3, 20 * W, threads[i], i ? &r : &first);
			if (i == 0)
				continue;
			assert_memory_equal(first.p, r.p, net->layout.nfloats * 4);
			assert_memory_equal(first.tok, r.tok, first.schedule.n * W * FM_NTOK * 2);
			assert_memory_equal(first.res, r.res, first.schedule.n * W * FM_NRES * 4);
			result_free(&r);
		}
		result_free(&first);
		fm_net_free(net);
	}
}

static void too_deep_for_the_window_is_refused(void **state)
{
	struct fm_arch a = {4, D, 2, 2, D}, deep = {4, D, 3, 2, D}, wide = {4, 4096, 2, 2, D};
	struct fm_net *net;
	struct fm_error err;
	(void)state;
	assert_int_equal(fm_net_new(&net, "unet", &a, codec->vocab, codec->roles.nhosts, &err), FM_OK);
	fm_net_free(net);
	assert_int_equal(fm_net_new(&net, "unet", &deep, codec->vocab, codec->roles.nhosts, &err), FM_EINPUT);
	assert_string_equal(err.message, "model.depth is 3: unet over 4 flows of a window takes 1 to 2");
	assert_int_equal(fm_net_new(&net, "mlp", &wide, codec->vocab, codec->roles.nhosts, &err), FM_EINPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(transformer_learns),
	    cmocka_unit_test(unet_learns),
	    cmocka_unit_test(mlp_learns),
	    cmocka_unit_test(bits_depend_on_neither_threads_nor_processor),
	    cmocka_unit_test(too_deep_for_the_window_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
