/* dense.c - matrix multiplies of whole batches, and batch norm. */
#include "model/nn/dense.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TILE_ROWS 256
#define TILE_COLS 64
#define STRIP_ROWS 64
#define STRIP_COLS 256
#define STRIP_STRIDE (FM_GEMM_KC + 16) /* a power of two would put all rows into the same cache sets */

/* A piece of a matrix, turned: a multiply reads rows faster than columns. */
struct fm_dense_strip {
	fm_real turned[STRIP_ROWS * STRIP_STRIDE];
};

int fm_dense_open(struct fm_dense *d, struct fm_pool *pool, struct fm_error *err)
{
	size_t threads = pool ? (size_t)fm_pool_size(pool) : 1;
	int rc;

	*d = (struct fm_dense){.k = fm_kernels(), .pool = pool};
	if ((rc = fm_alloc(&d->scratch, threads, sizeof *d->scratch, "packing space", err)) < 0)
		return rc;
	return fm_alloc(&d->strip, threads, sizeof *d->strip, "packing space", err);
}

void fm_dense_close(struct fm_dense *d)
{
	free(d->scratch);
	free(d->strip);
	d->scratch = NULL;
	d->strip = NULL;
}

fm_real fm_dense_std(int in)
{
	return 1 / FM_SQRT((fm_real)3 * (fm_real)in);
}

/* ---- matrices, a tile at a time ---- */

struct product {
	struct fm_dense *d;
	enum fm_trans ta, tb;
	int M, N, K;
	const fm_real *A, *B, *bias;
	fm_real *C;
	int lda, ldb, ldc, add, across; /* across: tiles per row */
};

static void tile_job(void *ctx, int tile, int thread)
{
	const struct product *p = ctx;
	int i = tile / p->across * TILE_ROWS, j = tile % p->across * TILE_COLS;
	int m = p->M - i < TILE_ROWS ? p->M - i : TILE_ROWS, n = p->N - j < TILE_COLS ? p->N - j : TILE_COLS;

	p->d->k->gemm(&p->d->scratch[thread], p->ta, p->tb, m, n, p->K,
		      p->ta == FM_N ? p->A + (ptrdiff_t)i * p->lda : p->A + i, p->lda,
		      p->tb == FM_N ? p->B + j : p->B + (ptrdiff_t)j * p->ldb, p->ldb, p->C + (ptrdiff_t)i * p->ldc + j,
		      p->ldc, p->bias ? p->bias + j : NULL, p->add);
}

static void multiply(struct product p)
{
	p.across = (p.N + TILE_COLS - 1) / TILE_COLS;
	fm_pool_run(p.d->pool, p.across * ((p.M + TILE_ROWS - 1) / TILE_ROWS), tile_job, &p);
}

void fm_dense_linear(struct fm_dense *d, int rows, struct fm_mat in, int m, const fm_real *W, const fm_real *b,
		     fm_real *out, int add)
{
	multiply((struct product){d, FM_N, FM_N, rows, m, in.cols, in.x, W, b, out, in.stride, m, m, add, 0});
}

/* Each number of dW is one chain over the rows, however these are cut. */
static void strip_job(void *ctx, int tile, int thread)
{
	const struct product *p = ctx;
	int i = tile / p->across * STRIP_ROWS, j = tile % p->across * STRIP_COLS;
	int m = p->M - i < STRIP_ROWS ? p->M - i : STRIP_ROWS, n = p->N - j < STRIP_COLS ? p->N - j : STRIP_COLS;
	fm_real *turned = p->d->strip[thread].turned;

	for (int k = 0; k < p->K; k += FM_GEMM_KC) {
		int kc = p->K - k < FM_GEMM_KC ? p->K - k : FM_GEMM_KC;

		for (int r = 0; r < kc; r++) {
			const fm_real *in = p->A + (ptrdiff_t)(k + r) * p->lda + i;

			for (int c = 0; c < m; c++)
				turned[c * STRIP_STRIDE + r] = in[c];
		}
		p->d->k->gemm(&p->d->scratch[thread], FM_N, FM_N, m, n, kc, turned, STRIP_STRIDE,
			      p->B + (ptrdiff_t)k * p->ldb + j, p->ldb, p->C + (ptrdiff_t)i * p->ldc + j, p->ldc, NULL,
			      1);
	}
}

void fm_dense_outer(struct fm_dense *d, int rows, struct fm_mat in, int m, const fm_real *dout, fm_real *dW)
{
	struct product p = {d, FM_T, FM_N, in.cols, m, rows, in.x, dout, NULL, dW, in.stride, m, m, 1, 0};

	p.across = (m + STRIP_COLS - 1) / STRIP_COLS;
	fm_pool_run(d->pool, p.across * ((in.cols + STRIP_ROWS - 1) / STRIP_ROWS), strip_job, &p);
}

void fm_dense_bias(struct fm_dense *d, int rows, int m, const fm_real *dout, fm_real *db)
{
	d->k->colsum(db, dout, rows, m);
}

void fm_dense_through(struct fm_dense *d, int rows, int n, int m, const fm_real *dout, const fm_real *W, fm_real *din,
		      int stride, int add)
{
	multiply((struct product){d, FM_N, FM_T, rows, n, m, dout, W, NULL, din, m, m, stride, add, 0});
}

/* ---- matrices that are mostly 0 ---- */

enum { SPARSE_ROWS = 16, SPARSE_COLS = 128 };

/* The next number of in[n] from j on that is not 0, or n. */
static int next(const fm_real *in, int j, int n)
{
	enum { STEP = 8 };

	while (j < n) {
		uint64_t x[STEP * sizeof *in / 8], any = 0;

		if (j + STEP <= n) {
			memcpy(x, in + j, sizeof x);
			for (size_t i = 0; i < sizeof x / 8; i++)
				any |= x[i];
			if (any == 0) {
				j += STEP;
				continue;
			}
		}
		for (int last = j + STEP < n ? j + STEP : n; j < last; j++)
			if (in[j] != 0)
				return j;
	}
	return n;
}

/* A shard has some rows. */
static void sparse_linear_job(void *ctx, int shard, int thread)
{
	const struct product *p = ctx;
	int last = (shard + 1) * SPARSE_ROWS < p->M ? (shard + 1) * SPARSE_ROWS : p->M;

	(void)thread;
	for (int r = shard * SPARSE_ROWS; r < last; r++) {
		const fm_real *in = p->A + (ptrdiff_t)r * p->lda;

		for (int j = next(in, 0, p->K); j < p->K; j = next(in, j + 1, p->K))
			p->d->k->axpy(p->C + (ptrdiff_t)r * p->ldc, in[j], p->B + (ptrdiff_t)j * p->ldb, (size_t)p->N);
	}
}

/* A shard has some columns: the chain of a number goes over all rows. */
static void sparse_outer_job(void *ctx, int shard, int thread)
{
	const struct product *p = ctx;
	int from = shard * SPARSE_COLS, n = p->N - from < SPARSE_COLS ? p->N - from : SPARSE_COLS;

	(void)thread;
	for (int r = 0; r < p->K; r++) {
		const fm_real *in = p->A + (ptrdiff_t)r * p->lda;

		for (int j = next(in, 0, p->M); j < p->M; j = next(in, j + 1, p->M))
			p->d->k->axpy(p->C + (ptrdiff_t)j * p->ldc + from, in[j], p->B + (ptrdiff_t)r * p->ldb + from,
				      (size_t)n);
	}
}

void fm_dense_sparse_linear(struct fm_dense *d, int rows, struct fm_mat in, int m, const fm_real *W, fm_real *out)
{
	struct product p = {d, FM_N, FM_N, rows, m, in.cols, in.x, W, NULL, out, in.stride, m, m, 1, 0};

	fm_pool_run(d->pool, (rows + SPARSE_ROWS - 1) / SPARSE_ROWS, sparse_linear_job, &p);
}

void fm_dense_sparse_outer(struct fm_dense *d, int rows, struct fm_mat in, int m, const fm_real *dout, fm_real *dW)
{
	struct product p = {d, FM_T, FM_N, in.cols, m, rows, in.x, dout, NULL, dW, in.stride, m, m, 1, 0};

	fm_pool_run(d->pool, (m + SPARSE_COLS - 1) / SPARSE_COLS, sparse_outer_job, &p);
}

/* ---- batch norm, a slice of columns at a time ---- */

struct slices {
	const struct fm_kernels *k;
	const struct fm_batch_norm *b;
	const struct fm_batch_norm_back *back; /* NULL: forward */
};

static void norm_job(void *ctx, int slice, int thread)
{
	const struct slices *s = ctx;
	int first = slice * FM_NORM_COLUMNS, left = s->b->width - first;
	int n = left < FM_NORM_COLUMNS ? left : FM_NORM_COLUMNS;

	(void)thread;
	if (s->back)
		s->k->batch_norm_back(s->b, s->back, first, n);
	else
		s->k->batch_norm(s->b, first, n);
}

void fm_batch_norm(struct fm_dense *d, const struct fm_batch_norm *b)
{
	fm_batch_norm_back(d, b, NULL);
}

void fm_batch_norm_back(struct fm_dense *d, const struct fm_batch_norm *b, const struct fm_batch_norm_back *back)
{
	struct slices s = {d->k, b, back};

	fm_pool_run(d->pool, (b->width + FM_NORM_COLUMNS - 1) / FM_NORM_COLUMNS, norm_job, &s);
}
