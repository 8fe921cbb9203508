/*
 * thread.h - the one parallel-for.  Work is cut into a fixed number of shards by the caller; threads take shards in any
 * order, so the result may depend on the shards but never on the number of threads.
 */
#ifndef FM_BASE_THREAD_H
#define FM_BASE_THREAD_H

#include "base/error.h"

int fm_processors(void); /* that the affinity mask allows this process */

struct fm_pool;
/* nthreads workers including the caller; 0 means as many as the processor affinity mask allows. */
int fm_pool_new(struct fm_pool **pool, int nthreads, struct fm_error *err) FM_MUST_CHECK;
int fm_pool_size(const struct fm_pool *pool);
/* Run fn(ctx, shard, thread) for each shard in [0, nshards); thread is in [0, fm_pool_size).  Returns when all are
 * done. A NULL pool runs them in order in the caller.  fn reports failure through ctx. */
void fm_pool_run(struct fm_pool *pool, int nshards, void (*fn)(void *ctx, int shard, int thread), void *ctx);
/* The same for rows 0 .. n - 1, FM_POOL_ROWS of them per shard: [from, to) is one of these parts. */
void fm_pool_run_rows(struct fm_pool *pool, int n, void (*fn)(void *ctx, int from, int to, int thread), void *ctx);
#define FM_POOL_ROWS 16
void fm_pool_free(struct fm_pool *pool);

#endif
