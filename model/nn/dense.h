/*
 * dense.h - what the networks of GANs are made of: matrix multiplies of whole batches, cut into tiles for the pool, and
 * batch norm.  Each number is one chain, so that threads change no bit.  The functions of layers.h work window by
 * window on one thread instead.
 *
 * All gradients of parameters are written here (outer, bias, batch norm) and are sums over the batch, not handed to the
 * gradient sink (sink.h): batch norm mixes the rows of a batch and CTGAN's critic reads ten flows as one row, so that a
 * flow has no gradient of its own whose norm could be taken or which could be weighed.  A critic's step also gives each
 * matrix several products, of its scores and of the penalty's second derivatives, where the sink's norms want all of a
 * matrix in one call.  Hence privacy.mode clip is refused for the GANs.
 */
#ifndef FM_MODEL_NN_DENSE_H
#define FM_MODEL_NN_DENSE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/kernels.h"
#include "base/thread.h"
#include "model/nn/pass.h"

#ifdef FM_DOUBLE
#define FM_SQRT __builtin_sqrt
#else
#define FM_SQRT __builtin_sqrtf
#endif

/* What multiplication needs.  pool is borrowed; NULL: the caller's thread alone. */
struct fm_dense {
	const struct fm_kernels *k;
	struct fm_pool *pool;
	struct fm_scratch *scratch;   /* (threads) */
	struct fm_dense_strip *strip; /* (threads) */
};
int fm_dense_open(struct fm_dense *d, struct fm_pool *pool, struct fm_error *err) FM_MUST_CHECK;
void fm_dense_close(struct fm_dense *d);
/* The standard deviation of uniform numbers within 1 / sqrt(in), with which PyTorch initialises linear layers of `in`
 * inputs. */
fm_real fm_dense_std(int in);

/* out (rows, m) = [out +] in (rows, n) W (n, m) + b (m), which may be NULL; n is in.cols. */
void fm_dense_linear(struct fm_dense *d, int rows, struct fm_mat in, int m, const fm_real *W, const fm_real *b,
		     fm_real *out, int add);
/* dW (n, m) += in (rows, n)^T dout (rows, m). */
void fm_dense_outer(struct fm_dense *d, int rows, struct fm_mat in, int m, const fm_real *dout, fm_real *dW);
/* db (m) += the sum of the rows of dout (rows, m). */
void fm_dense_bias(struct fm_dense *d, int rows, int m, const fm_real *dout, fm_real *db);
/* The same for an input that is mostly 0, such as one-hots: out (rows, m; no stride) += in W, and dW += in^T dout. */
void fm_dense_sparse_linear(struct fm_dense *d, int rows, struct fm_mat in, int m, const fm_real *W, fm_real *out);
void fm_dense_sparse_outer(struct fm_dense *d, int rows, struct fm_mat in, int m, const fm_real *dout, fm_real *dW);
/* din (rows, n; stride) = [din +] dout (rows, m) W^T. */
void fm_dense_through(struct fm_dense *d, int rows, int n, int m, const fm_real *dout, const fm_real *W, fm_real *din,
		      int stride, int add);

/* Batch norm (kernels.h) of a layer, forward and backward. */
void fm_batch_norm(struct fm_dense *d, const struct fm_batch_norm *b);
void fm_batch_norm_back(struct fm_dense *d, const struct fm_batch_norm *b, const struct fm_batch_norm_back *back);

#endif
