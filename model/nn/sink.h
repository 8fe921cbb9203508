/*
 * sink.h - where the gradients of parameters go.
 *
 * Nothing else writes those of the diffusion models (the GANs' gradients are sums over batches: dense.h): every layer
 * hands the sink what the gradient is made of, and the sink does with it what the caller of the backward pass wants,
 *
 *     {.g = g}                    add the sum over the windows to g
 *     {.norm2 = n}                add the square of each window's own norm to n[window]
 *     {.g = g, .weight = w}       add the sum of w[window] times the window's gradient to g
 *
 * or several of these at once.  Clipping by window takes two passes: norms, then weights min(1, C / norm).  Or
 *
 *     {.kept = k}                 keep the gradients of records, each of one window or several, apart (sink_kept.h)
 *
 * which takes one pass, whose weights may be known later.
 *
 * The norms are of whole gradients over all parameters, as if each window had been alone in the pass, but no window's
 * gradient is ever made whole ("ghost norms"; Goodfellow 2015; Li, Tramer, Liang, Hashimoto 2022, sec. 4).  For a
 * linear map with inputs a_r and gradients d_r of its outputs, r the window's rows,
 *
 *     |sum_r a_r d_r^T|^2 = sum_rs (a_r . a_s) (d_r . d_s)
 *
 * from two Gram matrices where these are cheaper, else from the product itself, some columns at a time.  Convolutions
 * are linear maps of overlapping rows.  A table of embeddings sums only the rows that a window uses.  For all this, a
 * tensor must be handed over in one call per pass, with all rows of a window in it.
 *
 * Float norms are within 1e-5 of the true ones (test_sink.c): a caller that clips for a guarantee lowers the bound by
 * that much. Without weight and norm2 the sums are chains in the order of rows, the same bits as without a sink.
 */
#ifndef FM_MODEL_NN_SINK_H
#define FM_MODEL_NN_SINK_H

#include <stddef.h>

#include "model/nn/pass.h"

/* Size of fm_pass.space, in numbers; each thread allocates its own. */
#define FM_SINK_SPACE (1 << 17)

struct fm_kept;
struct fm_sink {
	fm_real *g;            /* (nfloats) as the parameters are laid out, or NULL */
	const fm_real *weight; /* (B), for g; NULL: all 1 */
	double *norm2;         /* (B), or NULL */
	struct fm_kept *kept;  /* if set, g and norm2 are NULL */
};

/* Which rows belong to which window: those of window + i, i < n, are [first[i], first[i + 1]), or, where first is NULL,
 * [i * stride, i * stride + count).  Rows between windows, where there are some, must have gradients of zero. */
struct fm_rows {
	int window, n;
	const int *first;
	int stride, count;
};
/* All windows of the pass, `count` rows each. */
struct fm_rows fm_rows_each(const struct fm_pass *q, int count);

/* A matrix at w (in.cols, d.cols): its gradient is in^T d. */
void fm_sink_outer(const struct fm_pass *q, const struct fm_rows *rows, struct fm_mat in, struct fm_mat d, size_t w);
/* A vector at b (cols): its gradient is the sum of d's rows, which are without gaps (stride == cols). */
void fm_sink_bias(const struct fm_pass *q, const struct fm_rows *rows, struct fm_mat d, size_t b);
/* A table at `at` (any number of rows, d.cols): its row index[r] gets row source[r] of d, or row r where source is
 * NULL; nothing where index[r] < 0. */
struct fm_lookup {
	const int *index, *source;
};
void fm_sink_table(const struct fm_pass *q, const struct fm_rows *rows, struct fm_lookup l, struct fm_mat d, size_t at);
/* n <= FM_SINK_SPACE numbers at `at`: between begin and end the gradient of one window is added to what begin
 * returns. */
fm_real *fm_sink_begin(const struct fm_pass *q, int window, size_t at, int n);
void fm_sink_end(const struct fm_pass *q, int window, size_t at, int n);

#endif
