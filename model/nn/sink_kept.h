/*
 * sink_kept.h - the gradients of single records, kept until the weight of each is known.
 *
 * A record is `draws` consecutive windows of a pass, such as one window under several draws of noise and time; its
 * gradient is the sum over all of them.  With {.kept = k} the sink (sink.h) adds nothing up, but keeps what the
 * gradient of each record is made of:
 *
 *     of a linear map   its inputs and the gradients of its outputs, where these are smaller than their product (few
 *                       rows); else the product
 *     of a table        the rows of the table that the record uses
 *     of all else       the gradient
 *
 * The norm is then that of the whole gradient over all parameters, by Gram matrices where the product is not kept
 * ("ghost norms", sink.h), and the gradient is made piece by piece when it is added to a sum.  So a clipped step is one
 * forward and one backward pass, and no pass depends on which other records are in it: what is kept of a record, and
 * its norm, are the same bits whatever its place.
 *
 *     fm_kept_begin(k, draws);
 *     fm_net_backward(..., &(struct fm_sink){.kept = k});
 *     if ((rc = fm_kept_check(k, err)) < 0) ...
 *     for each record: norm2 = fm_kept_norm2(k, record);   fm_kept_add(k, record, weight, g);
 */
#ifndef FM_MODEL_NN_SINK_KEPT_H
#define FM_MODEL_NN_SINK_KEPT_H

#include <pthread.h>

#include "base/error.h"
#include "model/nn/sink.h"

struct fm_kept;
int fm_kept_new(struct fm_kept **k, struct fm_error *err) FM_MUST_CHECK; /* one per thread */
void fm_kept_free(struct fm_kept *k);
/* Forget what is kept.  Its memory stays allocated, and grows when a pass needs more than any before. */
void fm_kept_begin(struct fm_kept *k, int draws);
/* FM_ESYSTEM when memory ran out since fm_kept_begin: then nothing that is kept may be used. */
int fm_kept_check(const struct fm_kept *k, struct fm_error *err) FM_MUST_CHECK;

/* The square of the norm of a record's gradient, to 1e-5 of the norm. */
double fm_kept_norm2(struct fm_kept *k, int record);
/* g += weight gradient. */
void fm_kept_add(struct fm_kept *k, int record, fm_real weight, fm_real *g);

/* A sum of gradients in steps.  Threads may add to one sum at once where it has locks, which stretches of it share;
 * integers are the same in any order. */
#define FM_KEPT_LOCKS 64
struct fm_kept_sum {
	int64_t *sum;          /* (nfloats) */
	pthread_mutex_t *lock; /* (FM_KEPT_LOCKS), or NULL */
};
/* sum += sign t, t = factor gradient truncated toward zero, each within FM_STEPS_MOST (kernels.h).  Returns the sum of
 * t^2, exact up to 2^62, which stands for anything larger. */
uint64_t fm_kept_steps(struct fm_kept *k, int record, fm_real factor, int sign, const struct fm_kept_sum *sum);
/* The same for all records with sign 1, which costs less: factor[record]; squares[record], which must be 0 before. */
void fm_kept_steps_all(struct fm_kept *k, const fm_real *factor, const struct fm_kept_sum *sum, uint64_t *squares);

/* For the sink: what fm_sink_outer, bias, table and begin receive. */
void fm_kept_outer(struct fm_kept *k, const struct fm_rows *rows, struct fm_mat in, struct fm_mat d, size_t w);
void fm_kept_bias(struct fm_kept *k, const struct fm_rows *rows, struct fm_mat d, size_t b);
void fm_kept_table(struct fm_kept *k, const struct fm_rows *rows, struct fm_lookup l, struct fm_mat d, size_t at);
fm_real *fm_kept_numbers(struct fm_kept *k, int window, size_t at, int n);

#endif
