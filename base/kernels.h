/*
 * kernels.h - the arithmetic of model, judge and privacy: matrix multiply and the element-wise functions, the same bits on every x86-64.
 *
 * Each output of a matrix multiply is one chain of fused multiply-adds in the order k = 0..K-1, started from 0 or from the
 * old value; sums over a row run in 16 fixed lanes that meet in a fixed tree; exp, log and the rest are polynomials with
 * explicit fma and no table or libm.  Vector width, unrolling, blocking and threads therefore change no bit.  The same source
 * (kernels_impl.h) is compiled for AVX-512, for AVX2 + FMA and for plain x86-64 (fma in software: slow, equal); the processor
 * chooses at start, FM_KERNELS=v1|v3|v4 forces one for tests.
 *
 * None of these allocate but fm_gemm's packing buffer, which lives in struct fm_scratch: one a thread.
 */
#ifndef FM_BASE_KERNELS_H
#define FM_BASE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Packing space of one thread's matrix multiplies. */
#define FM_GEMM_KC 256
#define FM_GEMM_NR_MAX 64
struct fm_scratch {
	float pack[FM_GEMM_KC * FM_GEMM_NR_MAX] __attribute__((aligned(64)));
};

enum fm_trans { FM_N = 0, FM_T = 1 };

struct fm_kernels {
	const char *name;
	/* C (M,N; row stride ldc) = [C +] op(A) (M,K) op(B) (K,N) [+ bias (N)].  op is as stored (FM_N) or transposed (FM_T); lda and
	 * ldb are the row strides as stored.  accumulate: add to C; else C is overwritten.  bias may be NULL. */
	void (*gemm)(struct fm_scratch *s, enum fm_trans ta, enum fm_trans tb, int M, int N, int K, const float *A, int lda,
		     const float *B, int ldb, float *C, int ldc, const float *bias, int accumulate);
	/* y (rows,n) = softmax of scale * x by row. In place is fine. */
	void (*softmax)(float *y, const float *x, int rows, int n, float scale);
	/* dx = scale * y * (dy - sum(y * dy)) by row; dx may be dy. */
	void (*softmax_back)(float *dx, const float *y, const float *dy, int rows, int n, float scale);
	/* -log softmax(x)[target], and x replaced by (softmax(x) - onehot) * weight.  One row of n logits. */
	float (*cross_entropy)(float *x, int n, int target, float weight);
	/* The index drawn from softmax(x) at u in [0,1): the first whose running sum passes u * total. x is destroyed. */
	int (*draw)(float *x, int n, float u);
	/* Layer norm without affine part: y = (x - mean) / sqrt(var + 1e-5), (rows,n); rstd (rows) kept for the way back. */
	void (*norm)(float *y, float *rstd, const float *x, int rows, int n);
	/* dx += rstd * (dy - mean(dy) - y * mean(dy * y)). */
	void (*norm_back)(float *dx, const float *y, const float *rstd, const float *dy, int rows, int n);
	/* GELU, tanh form (Hendrycks, Gimpel 2016): y = x * sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)). */
	void (*gelu)(float *y, const float *x, size_t n);
	void (*gelu_back)(float *dx, const float *x, const float *dy, size_t n); /* dx = dy * gelu'(x); dx may be dy */
	void (*silu)(float *y, const float *x, size_t n);
	void (*silu_back)(float *dx, const float *x, const float *dy, size_t n);
	/* x (rows,n) under one shift and scale (n), as adaptive layer norm does (Peebles, Xie 2023): y = x (1 + scale) + shift. */
	void (*modulate)(float *y, const float *x, const float *scale, const float *shift, int rows, int n);
	/* dx = dy (1 + scale); dscale += sum dy x, dshift += sum dy over the rows. dx may be dy. */
	void (*modulate_back)(float *dx, float *dscale, float *dshift, const float *x, const float *dy, const float *scale, int rows, int n);
	void (*gate_add)(float *x, const float *y, const float *gate, int rows, int n); /* x += y (1 + gate) */
	void (*gate_back)(float *dy, float *dgate, const float *y, const float *dx, const float *gate, int rows, int n);
	void (*colsum)(float *acc, const float *x, int rows, int n); /* acc (n) += sum of the rows, in order */
	void (*add)(float *y, const float *x, size_t n);            /* y += x */
	void (*axpy)(float *y, float a, const float *x, size_t n);  /* y = fma(a, x, y) */
	double (*sumsq)(const float *x, size_t n);                  /* sum of squares, 16 double lanes */
	/* AdamW (Loshchilov, Hutter 2019) with bias-corrected rates c1 = 1/(1-b1^t), c2 = 1/(1-b2^t), and EMA e += (1-decay)(p-e). */
	void (*adamw)(float *p, float *m, float *v, float *ema, const float *g, size_t n, float gscale, float rate, float b1,
		      float b2, float c1, float c2, float decay, float ema_decay);
	void (*exp)(float *y, const float *x, size_t n);
	void (*log)(float *y, const float *x, size_t n);            /* x > 0 */
	void (*sincos)(float *s, float *c, const float *x, size_t n); /* |x| < 10000 */
};

/* The kernels for this processor. */
const struct fm_kernels *fm_kernels(void);
extern const struct fm_kernels fm_kernels_v1, fm_kernels_v3, fm_kernels_v4;

#endif
