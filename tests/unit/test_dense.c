/* test_dense.c - products of whole batches are one chain of fused multiply-adds a number, however they are cut into
 * pieces and whatever of a matrix is 0. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/nn/dense.h"

/* More than a piece of each: rows of FM_GEMM_KC, columns of 64 and 256. */
enum { ROWS = 300, N = 70, M = 261, STRIDE = 77 };

struct world {
	struct fm_dense d;
	struct fm_pool *pool;
	float in[ROWS * STRIDE], W[N * M], out[ROWS * M], wanted[ROWS * M];
};

static void fill(float *x, size_t n, uint64_t seed, uint32_t one_in)
{
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, 0, 0);
	for (size_t i = 0; i < n; i++)
		x[i] = fm_rng_below(&r, one_in) ? 0 : fm_rng_uniform(&r) - 0.5f;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct fm_error err;

	assert_int_equal(fm_pool_new(&w->pool, 3, &err), FM_OK);
	assert_int_equal(fm_dense_open(&w->d, w->pool, &err), FM_OK);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	fm_dense_close(&w->d);
	fm_pool_free(w->pool);
	free(w);
	return 0;
}

/* dW += in^T dout, dW in w->W and wanted. */
static void outer_wanted(struct world *w)
{
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < M; j++)
				w->wanted[i * M + j] =
				    fmaf(w->in[r * STRIDE + i], w->out[r * M + j], w->wanted[i * M + j]);
}

static void an_outer_product_is_one_chain_a_number(void **state)
{
	struct world *w = *state;

	for (uint32_t one_in = 1; one_in < 20; one_in += 18) {
		fill(w->in, ROWS * STRIDE, 1, one_in);
		fill(w->out, ROWS * M, 2, 1);
		fill(w->W, N * M, 3, 1);
		fill(w->wanted, N * M, 3, 1);
		outer_wanted(w);
		if (one_in == 1)
			fm_dense_outer(&w->d, ROWS, (struct fm_mat){w->in, N, STRIDE}, M, w->out, w->W);
		else
			fm_dense_sparse_outer(&w->d, ROWS, (struct fm_mat){w->in, N, STRIDE}, M, w->out, w->W);
		assert_memory_equal(w->W, w->wanted, sizeof w->W);
	}
}

static void a_sparse_product_is_one_chain_a_number(void **state)
{
	struct world *w = *state;

	fill(w->in, ROWS * STRIDE, 1, 19);
	fill(w->W, N * M, 3, 1);
	fill(w->out, ROWS * M, 2, 1);
	fill(w->wanted, ROWS * M, 2, 1);
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < M; j++)
				w->wanted[r * M + j] =
				    fmaf(w->in[r * STRIDE + i], w->W[i * M + j], w->wanted[r * M + j]);
	fm_dense_sparse_linear(&w->d, ROWS, (struct fm_mat){w->in, N, STRIDE}, M, w->W, w->out);
	assert_memory_equal(w->out, w->wanted, sizeof w->out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_outer_product_is_one_chain_a_number, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_sparse_product_is_one_chain_a_number, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
