/*
 * kernels.h - the arithmetic of model, judge and privacy: matrix multiply and the element-wise functions, the same bits
 * on every x86-64.
 *
 * Each output of a matrix multiply is one chain of fused multiply-adds in the order k = 0..K-1, started from 0 or from
 * the old value; sums over a row run in 16 fixed lanes that meet in a fixed tree; exp, log and the rest are polynomials
 * with explicit fma and no table or libm.  Vector width, unrolling, blocking and threads therefore change no bit.  The
 * same source (kernels_impl.h) is compiled for AVX-512, for AVX2 + FMA and for plain x86-64 (fma in software: slow,
 * equal); the processor chooses at start, FM_KERNELS=v1|v3|v4 forces one for tests.
 *
 * None of these allocates memory.  fm_gemm packs into a struct fm_scratch, of which each thread has one.
 */
#ifndef FM_BASE_KERNELS_H
#define FM_BASE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type in which the kernels, the network and its backbones calculate.  With FM_DOUBLE (see model/double.mk) they
 * are compiled again, so that a test can compare their gradients with differences; exp and the like are then libm's. */
#ifdef FM_DOUBLE
typedef double fm_real;
#else
typedef float fm_real;
#endif

/* Packing space of one thread's matrix multiplies. */
#define FM_GEMM_KC 256
#define FM_GEMM_NR_MAX 64
struct fm_scratch {
	fm_real pack[FM_GEMM_KC * FM_GEMM_NR_MAX] __attribute__((aligned(64)));
};

enum fm_trans { FM_N = 0, FM_T = 1 };

/* Batch norm (Ioffe, Szegedy 2015, 3) of a layer, by the batch's own statistics, and ReLU behind it where relu is set:
 * out = [relu](norm (1 + scale) + shift).  All arrays have `width` numbers per row. */
struct fm_batch_norm {
	int rows, width;
	bool relu;
	const fm_real *scale, *shift; /* (width) */
	fm_real *norm;                /* (rows, width): the layer's numbers, which become their norm */
	fm_real *rstd;                /* (width), kept for the backward pass */
	fm_real *out;                 /* (rows, width; stride) */
	int stride;
};
struct fm_batch_norm_back {
	const fm_real *dout;      /* (rows, width; stride of the norm) */
	fm_real *dx;              /* (rows, width): the gradient of what was normed */
	fm_real *dscale, *dshift; /* (width), added to */
};
#define FM_NORM_COLUMNS 32
#define FM_NORM_EPS 1e-5

/* What a step of AdamW (Loshchilov, Hutter 2019) does to each parameter: bias-corrected by c1 = 1/(1-b1^t) and
 * c2 = 1/(1-b2^t). */
struct fm_adamw_rates {
	fm_real scale; /* of the gradient */
	fm_real rate, b1, b2, c1, c2, decay, ema_decay;
};

#define FM_STEPS_MOST (1 << 26)
#define FM_STEPS_N 2048
#define FM_STEPS_TIMES 31

struct fm_kernels {
	const char *name;
	/* C (M,N; row stride ldc) = [C +] op(A) (M,K) op(B) (K,N) [+ bias (N)].  op is as stored (FM_N) or transposed
	 * (FM_T); lda and ldb are the row strides as stored.  accumulate: add to C; else C is overwritten.  bias may be
	 * NULL. */
	void (*gemm)(struct fm_scratch *s, enum fm_trans ta, enum fm_trans tb, int M, int N, int K, const fm_real *A,
		     int lda, const fm_real *B, int ldb, fm_real *C, int ldc, const fm_real *bias, int accumulate);
	/* y (rows,n) = softmax of scale * x by row. In place is fine. */
	void (*softmax)(fm_real *y, const fm_real *x, int rows, int n, fm_real scale);
	/* dx = scale * y * (dy - sum(y * dy)) by row; dx may be dy. */
	void (*softmax_back)(fm_real *dx, const fm_real *y, const fm_real *dy, int rows, int n, fm_real scale);
	/* -log softmax(x)[target], and x replaced by (softmax(x) - onehot) * weight.  One row of n logits. */
	fm_real (*cross_entropy)(fm_real *x, int n, int target, fm_real weight);
	/* The index drawn from softmax(x) at u in [0,1): the first whose running sum passes u * total. x is destroyed.
	 */
	int (*draw)(fm_real *x, int n, fm_real u);
	/* Layer norm without affine part: y = (x - mean) / sqrt(var + 1e-5), (rows,n); rstd (rows) kept for the
	 * backward pass. */
	void (*norm)(fm_real *y, fm_real *rstd, const fm_real *x, int rows, int n);
	/* dx += rstd * (dy - mean(dy) - y * mean(dy * y)). */
	void (*norm_back)(fm_real *dx, const fm_real *y, const fm_real *rstd, const fm_real *dy, int rows, int n);
	/* GELU, tanh form (Hendrycks, Gimpel 2016): y = x * sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)). */
	void (*gelu)(fm_real *y, const fm_real *x, size_t n);
	void (*gelu_back)(fm_real *dx, const fm_real *x, const fm_real *dy,
			  size_t n); /* dx = dy * gelu'(x); dx may be dy */
	void (*silu)(fm_real *y, const fm_real *x, size_t n);
	void (*silu_back)(fm_real *dx, const fm_real *x, const fm_real *dy, size_t n);
	/* x (rows,n) under one shift and scale (n), as adaptive layer norm does (Peebles, Xie 2023): y = x (1 + scale)
	 * + shift. */
	void (*modulate)(fm_real *y, const fm_real *x, const fm_real *scale, const fm_real *shift, int rows, int n);
	/* dx = dy (1 + scale); dscale += sum dy x, dshift += sum dy over the rows. dx may be dy. */
	void (*modulate_back)(fm_real *dx, fm_real *dscale, fm_real *dshift, const fm_real *x, const fm_real *dy,
			      const fm_real *scale, int rows, int n);
	void (*gate_add)(fm_real *x, const fm_real *y, const fm_real *gate, int rows, int n); /* x += y (1 + gate) */
	void (*gate_back)(fm_real *dy, fm_real *dgate, const fm_real *y, const fm_real *dx, const fm_real *gate,
			  int rows, int n);
	void (*colsum)(fm_real *acc, const fm_real *x, int rows, int n); /* acc (n) += sum of the rows, in order */
	void (*add)(fm_real *y, const fm_real *x, size_t n);             /* y += x */
	void (*axpy)(fm_real *y, fm_real a, const fm_real *x, size_t n); /* y = fma(a, x, y) */
	double (*sumsq)(const fm_real *x, size_t n);                     /* sum of squares, 16 double lanes */
	/* sum += sign t, t = f x truncated toward zero and kept within FM_STEPS_MOST (NaN becomes that), sign 1 or -1.
	 * Returns the sum of t^2, exactly; n <= FM_STEPS_N. */
	uint64_t (*steps)(int64_t *sum, const fm_real *x, size_t n, fm_real f, int sign);
	/* The same, added up in 32 bits, which hold FM_STEPS_TIMES of them. */
	uint64_t (*steps32)(int32_t *sum, const fm_real *x, size_t n, fm_real f);
	void (*steps_move)(int64_t *sum, int32_t *from, size_t n); /* sum += from, then from = 0 */
	/* A step of parameters p with moments m and v by gradients g, and ema += (1 - ema_decay) (p - ema). */
	void (*adamw)(fm_real *p, fm_real *m, fm_real *v, fm_real *ema, const fm_real *g, size_t n,
		      const struct fm_adamw_rates *by);
	void (*exp)(fm_real *y, const fm_real *x, size_t n);
	void (*log)(fm_real *y, const fm_real *x, size_t n);                /* x > 0 */
	void (*sincos)(fm_real *s, fm_real *c, const fm_real *x, size_t n); /* |x| < 10000 */
	/* slope = (x > 0 ? 1 : leak) * drop, x *= slope; drop NULL: 1. */
	void (*leaky)(fm_real *x, fm_real *slope, const fm_real *drop, fm_real leak, size_t n);
	void (*mul)(fm_real *y, const fm_real *x, size_t n); /* y *= x */
	/* Columns first to first + n of a batch norm, n <= FM_NORM_COLUMNS: each is one chain of sums over the rows. */
	void (*batch_norm)(const struct fm_batch_norm *b, int first, int n);
	void (*batch_norm_back)(const struct fm_batch_norm *b, const struct fm_batch_norm_back *d, int first, int n);
	/* out (n, 4): Philox4x32-10 (philox.h) of the counters from `counter` on, counter[0] going up by one. */
	void (*philox)(uint32_t *out, const uint32_t counter[4], const uint32_t key[2], size_t n);
};

/* The kernels for this processor. */
const struct fm_kernels *fm_kernels(void);
extern const struct fm_kernels fm_kernels_v1, fm_kernels_v3, fm_kernels_v4;

#endif
