/*
 * gemm.c - how fast the fixed-order matrix multiply is beside OpenBLAS, which promises no order, on one core: for each
 * shape the median of 5, in GFLOP/s, and whether the kernels of this processor and the plain ones agree in every bit.
 */
#include <cblas.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kernels.h"
#include "base/log.h"

enum { RUNS = 5 };

struct shape {
	int m, n, k;
};
struct matrices {
	float *a, *b, *c, *kept; /* (m,k), (k,n), (m,n), (m,n) */
};
/* A kernel set, or OpenBLAS where NULL. */
typedef const struct fm_kernels *maker;

static struct fm_scratch scratch;

static void multiply(maker k, const struct shape *s, const struct matrices *x)
{
	if (k)
		k->gemm(&scratch, FM_N, FM_N, s->m, s->n, s->k, x->a, s->k, x->b, s->n, x->c, s->n, NULL, 0);
	else
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->m, s->n, s->k, 1, x->a, s->k, x->b, s->n, 0,
			    x->c, s->n);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double gflops(maker k, const struct shape *s, const struct matrices *x)
{
	double flop = 2.0 * s->m * s->n * s->k, rate[RUNS];
	int repeat = 1 + (int)(4e9 / flop);

	multiply(k, s, x);
	for (int r = 0; r < RUNS; r++) {
		double start = fm_seconds();

		for (int i = 0; i < repeat; i++)
			multiply(k, s, x);
		rate[r] = 1e-9 * flop * repeat / (fm_seconds() - start);
	}
	qsort(rate, RUNS, sizeof *rate, ascending);
	return rate[RUNS / 2];
}

static float *matrix(int rows, int columns)
{
	float *p = malloc((size_t)rows * (size_t)columns * sizeof *p);

	if (!p) {
		fprintf(stderr, "gemm: out of memory\n");
		exit(4);
	}
	for (int i = 0; i < rows * columns; i++)
		p[i] = (float)(rand() % 1000) * 1e-3f - 0.5f;
	return p;
}

/* Does this processor run it?  fm_kernels() gives the best it has; FM_KERNELS is not asked here. */
static bool runs(maker k)
{
	if (k == &fm_kernels_v4)
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static void bench(const struct shape *s)
{
	const maker sets[] = {&fm_kernels_v4, &fm_kernels_v3};
	struct matrices x = {matrix(s->m, s->k), matrix(s->k, s->n), matrix(s->m, s->n), matrix(s->m, s->n)};
	size_t bytes = (size_t)s->m * (size_t)s->n * sizeof(float);
	double theirs = gflops(NULL, s, &x);

	multiply(&fm_kernels_v1, s, &x);
	memcpy(x.kept, x.c, bytes);
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		if (!runs(sets[i]))
			continue;
		double ours = gflops(sets[i], s, &x);

		printf("gemm %4d x %4d x %4d  flowmint %s %7.1f GFLOP/s   OpenBLAS sgemm %7.1f GFLOP/s   %.2f times "
		       "OpenBLAS   bits %s\n",
		       s->m, s->n, s->k, sets[i]->name, ours, theirs, ours / theirs,
		       memcmp(x.c, x.kept, bytes) ? "DIFFER" : "equal");
	}
	free(x.a);
	free(x.b);
	free(x.c);
	free(x.kept);
}

int main(void)
{
	/* OpenBLAS may not know a young processor's wide vectors: a kernel set of its class is its fair peer. */
	printf("OpenBLAS uses its kernels for: %s (flowmint v3: AVX2, v4: AVX-512)\n", openblas_get_corename());
	const struct shape shapes[] = {{512, 512, 512}, {1024, 384, 128}, {1024, 512, 128}, {1024, 128, 512}};

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		bench(&shapes[i]);
	return 0;
}
