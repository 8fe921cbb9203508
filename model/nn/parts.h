/*
 * parts.h - the parts of a gradient, made by processes and threads and added in one tree.
 *
 * The gradient of a batch is a sum of parts, each of a stretch of the batch.  Their number depends on the batch alone;
 * rank r of N makes a stretch of them.  They are added in the tree (0+1)+(2+3) and so on, whoever made them: a rank
 * adds up its own parts, hands each other rank a slice of the result, finishes the tree for its own slice, and hands
 * that sum on.  So the sum is the same to the bit for any number of ranks and threads, and a rank sends a few times the
 * size of the network per step, not the size of all parts.
 */
#ifndef FM_MODEL_NN_PARTS_H
#define FM_MODEL_NN_PARTS_H

#include "base/kernels.h"
#include "base/ranks.h"
#include "base/thread.h"

#define FM_PARTS_LEAST 8
#define FM_PARTS_MOST 64
#define FM_PARTS_CHUNK 65536 /* parameters that one thread adds up at a time, and that a partial norm covers */

/* Number of parts of a batch of `batch` windows: a power of two, 8 up to 255 windows, then the most that leave each 16
 * windows. */
int fm_parts_of(int batch);
/* Add parts [first, first + span) of n in the tree, elements [at, at + len): the sum is left in part[first].  Spans are
 * powers of two, first is a multiple of span, and what lies beyond n is nothing. */
void fm_parts_add(const struct fm_kernels *k, float *const *part, int n, int first, int span, size_t at, size_t len);

struct fm_parts;
/* n parts of a layout of nfloats.  pool, ranks: borrowed, NULL: the caller's thread, this process alone. */
int fm_parts_new(struct fm_parts **p, size_t nfloats, int n, struct fm_pool *pool, struct fm_ranks *ranks,
		 struct fm_error *err) FM_MUST_CHECK;
void fm_parts_free(struct fm_parts *p);
/* (n) arrays (nfloats); those of other ranks are not to be touched. */
float **fm_parts_array(struct fm_parts *p);
/* The sum of all parts and its norm; the parts are destroyed.  step: the step of all ranks.  *sum is valid until the
 * next call.
 */
int fm_parts_sum(struct fm_parts *p, uint64_t step, const float **sum, double *norm,
		 struct fm_error *err) FM_MUST_CHECK;

#endif
