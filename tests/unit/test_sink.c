/* test_sink.c - sink_cases.h in single precision, as training runs; test_gradients.c has them in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/sink_cases.h"

/* Two windows, R rows together; the space is too small to hold their products at once. */
static inline void sink_matrices(int R, int n, int m)
{
	int first[] = {0, R / 3, R};
	size_t size = (size_t)R * (size_t)n + (size_t)R * (size_t)m, g_at = (size_t)n * (size_t)m;
	fm_real *x = calloc(size, sizeof *x), *space = calloc(FM_SINK_SPACE, sizeof *space),
		*g = calloc(2 * g_at + (size_t)m, sizeof *g), *d = x + (size_t)R * (size_t)n;
	int *index = calloc((size_t)R, sizeof *index);
	struct fm_scratch *s = aligned_alloc(64, sizeof *s);
	const fm_real weight[] = {2, (fm_real)0.5};
	double norm2[2] = {0}, want2[2] = {0};
	struct fm_sink sink = {.g = g, .weight = weight, .norm2 = norm2};
	struct fm_pass q = {
	    .layers = &fm_layers_cpu, .k = fm_kernels(), .s = s, .space = space, .sink = &sink, .B = 2, .D = m};
	struct fm_rows rows = {0, 2, first, 0, 0};
	struct fm_rng r;

	fm_rng_init(&r, 8, FM_RNG_JUDGE, 0, 0);
	for (size_t i = 0; i < size; i++)
		x[i] = (fm_real)fm_rng_normal(&r);
	for (int i = 0; i < R; i++)
		index[i] = i % 7 == 0 ? -1 : i % n;
	fm_sink_outer(&q, &rows, (struct fm_mat){x, n, n}, (struct fm_mat){d, m, m}, 0);
	fm_sink_table(&q, &rows, (struct fm_lookup){index, NULL}, (struct fm_mat){d, m, m}, g_at);
	fm_sink_bias(&q, &rows, (struct fm_mat){d, m, m}, 2 * g_at);
	double *want = calloc(2 * g_at + (size_t)m, sizeof *want), *one = calloc(2 * g_at + (size_t)m, sizeof *one);
	for (int b = 0; b < 2; b++) {
		memset(one, 0, (2 * g_at + (size_t)m) * sizeof *one);
		for (int k = first[b]; k < first[b + 1]; k++)
			for (int j = 0; j < m; j++) {
				double dj = (double)d[(size_t)k * (size_t)m + (size_t)j];
				for (int i = 0; i < n; i++)
					one[(size_t)i * (size_t)m + (size_t)j] +=
					    (double)x[(size_t)k * (size_t)n + (size_t)i] * dj;
				if (index[k] >= 0)
					one[g_at + (size_t)index[k] * (size_t)m + (size_t)j] += dj;
				one[2 * g_at + (size_t)j] += dj;
			}
		for (size_t i = 0; i < 2 * g_at + (size_t)m; i++) {
			want[i] += (double)weight[b] * one[i];
			want2[b] += one[i] * one[i];
		}
		assert_true(fabs(norm2[b] - want2[b]) <= 2 * SINK_TOLERANCE * want2[b]);
	}
	double off = 0, all = 0;
	for (size_t i = 0; i < 2 * g_at + (size_t)m; i++) {
		off += ((double)g[i] - want[i]) * ((double)g[i] - want[i]);
		all += want[i] * want[i];
	}
	assert_true(sqrt(off) <= SINK_TOLERANCE * sqrt(all));
	free(x), free(space), free(g), free(index), free(s), free(want), free(one);
}

static void sink_agrees_on_large_matrices(void **state)
{
	(void)state;
	sink_matrices(630, 800, 820); /* 420 rows of a window: Gram matrices in three parts */
	sink_matrices(900, 400, 410); /* 600 rows: the product in two */
	sink_matrices(3, 20, 10);
}

/* With weights of 1 the sums are, but for the heads' distances, the very bits of the plain ones: chains in the same
 * order. */
static void weights_of_one_change_no_bit(void **state)
{
	static const fm_real ones[B] = {1, 1, 1};
	int vocab[FM_NTOK];
	struct fm_arch a = {13, D, 2, 2, 2 * D};
	struct fm_net *net;
	struct fm_work *w;
	struct fm_error err;
	struct example x;

	(void)state;
	example_vocab(vocab, 13);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(fm_net_new(&net, k ? "mlp" : "transformer", &a, vocab, EXAMPLE_POPULAR, &err), FM_OK);
		assert_int_equal(fm_work_new(&w, net, B, &err), FM_OK);
		size_t n = net->layout.nfloats;
		fm_real *p = calloc(n, sizeof *p), *g = calloc(n, sizeof *g), *h = calloc(n, sizeof *h);
		example_parameters(&net->layout, p);
		make_example(&x, vocab, 13, "absorbing", "v");
		sink_backward(net, p, w, &x, 0, B, &(struct fm_sink){.g = g});
		sink_backward(net, p, w, &x, 0, B, &(struct fm_sink){.g = h, .weight = ones});
		for (int i = 0; i < net->layout.n; i++) {
			const struct fm_tensor *t = &net->layout.tensor[i];
			if (!strstr(t->name, "distance"))
				assert_memory_equal(g + t->at, h + t->at,
						    sizeof *g * (size_t)t->rows * (size_t)t->cols);
		}
		free(p), free(g), free(h);
		fm_work_free(w);
		fm_net_free(net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sink_agrees_with_single_windows),
	    cmocka_unit_test(sink_agrees_on_large_matrices),
	    cmocka_unit_test(weights_of_one_change_no_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
