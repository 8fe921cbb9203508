/*
 * How it works.  `left` counts the shards not yet taken, `open` those not yet finished.  A thread takes a shard by
 * lowering `left` with a compare-and-swap; only then does it read the job's fields, which stay as they are until `open`
 * is 0, so a worker that comes late to an old job takes nothing or takes a shard of the new one.  Idle threads look a
 * few microseconds at `left`, then sleep.  A sleeper announces itself before it looks at `left` for the last time and
 * the caller sets `left` before it looks for sleepers (both sequentially consistent), so no wake-up is lost.
 */
#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define MAX_THREADS 1024
#define SPINS 200 /* of a pause instruction each: 2 to 10 microseconds */

struct worker {
	struct fm_pool *pool;
	pthread_t id;
	int index;
};

struct fm_pool {
	/* The job: written by fm_pool_run while nobody holds a shard. */
	void (*fn)(void *ctx, int shard, int thread);
	void *ctx;
	int nshards;

	_Alignas(64) atomic_int left;
	_Alignas(64) atomic_int open;
	_Alignas(64) atomic_int sleepers;
	atomic_int waiting; /* the caller sleeps until open is 0 */
	atomic_bool stop;

	pthread_mutex_t lock;
	pthread_cond_t work, done;
	int size, started; /* threads including the caller; workers running */
	int spins;
	struct worker *worker;
};

/* The pool whose shard this thread is running, for calls of fm_pool_run from inside a shard. */
static _Thread_local struct fm_pool *inside;
static _Thread_local int inside_index;

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/* Take and run shards until none is left. */
static void take_shards(struct fm_pool *p, int index)
{
	int left = atomic_load(&p->left);

	inside = p;
	inside_index = index;
	while (left > 0) {
		if (!atomic_compare_exchange_weak(&p->left, &left, left - 1))
			continue;
		p->fn(p->ctx, p->nshards - left, index);
		if (atomic_fetch_sub(&p->open, 1) == 1 && atomic_load(&p->waiting)) {
			pthread_mutex_lock(&p->lock);
			pthread_cond_signal(&p->done);
			pthread_mutex_unlock(&p->lock);
		}
		left = atomic_load(&p->left);
	}
	inside = NULL;
}

static bool idle(struct fm_pool *p)
{
	return atomic_load(&p->left) <= 0 && !atomic_load(&p->stop);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct fm_pool *p = w->pool;

	while (!atomic_load(&p->stop)) {
		take_shards(p, w->index);
		for (int i = 0; i < p->spins && idle(p); i++)
			pause_cpu();
		if (!idle(p))
			continue;
		pthread_mutex_lock(&p->lock);
		atomic_fetch_add(&p->sleepers, 1);
		while (idle(p))
			pthread_cond_wait(&p->work, &p->lock);
		atomic_fetch_sub(&p->sleepers, 1);
		pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

/* Processors that this process may use. */
int fm_processors(void)
{
	cpu_set_t set;
	long n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return CPU_COUNT(&set);
	n = sysconf(_SC_NPROCESSORS_ONLN); /* more than CPU_SETSIZE processors */
	return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

/* Workers leave signals to the thread that called main. */
static int start_workers(struct fm_pool *p, struct fm_error *err)
{
	sigset_t all, old;
	int rc = FM_OK, e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 1; i < p->size; i++) {
		struct worker *w = &p->worker[i - 1];

		w->pool = p;
		w->index = i;
		e = pthread_create(&w->id, NULL, worker_main, w);
		if (e != 0) {
			rc = fm_fail(err, FM_ESYSTEM, "cannot start thread %d of %d: %s", i + 1, p->size,
				     strerrordesc_np(e));
			break;
		}
		p->started++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int fm_pool_new(struct fm_pool **pool, int nthreads, struct fm_error *err)
{
	int rc, ncpu = fm_processors();
	struct fm_pool *p = NULL;

	*pool = NULL;
	if (nthreads < 0 || nthreads > MAX_THREADS)
		return fm_fail(err, FM_EINPUT, "%d threads: use 1 to %d, or 0 for one per processor", nthreads,
			       MAX_THREADS);
	if ((rc = fm_alloc(&p, 1, sizeof(*p), "a thread pool", err)) < 0)
		return rc;
	p->size = nthreads > 0 ? nthreads : ncpu;
	p->spins = p->size <= ncpu ? SPINS : 0; /* a spinning thread would keep one with work from a processor */
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	if ((rc = fm_alloc(&p->worker, (size_t)p->size, sizeof(*p->worker), "a thread pool", err)) < 0 ||
	    (rc = start_workers(p, err)) < 0)
		goto out;
	*pool = p;
	p = NULL;
out:
	fm_pool_free(p);
	return rc;
}

int fm_pool_size(const struct fm_pool *pool)
{
	return pool == NULL ? 1 : pool->size;
}

static void wake_workers(struct fm_pool *p, int nshards)
{
	int sleepers = atomic_load(&p->sleepers);

	if (sleepers == 0)
		return;
	pthread_mutex_lock(&p->lock);
	if (nshards - 1 >= sleepers)
		pthread_cond_broadcast(&p->work);
	else
		for (int i = 1; i < nshards; i++)
			pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

static void wait_done(struct fm_pool *p)
{
	for (int i = 0; i < p->spins && atomic_load(&p->open) > 0; i++)
		pause_cpu();
	if (atomic_load(&p->open) == 0)
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->waiting, 1);
	while (atomic_load(&p->open) > 0)
		pthread_cond_wait(&p->done, &p->lock);
	atomic_store(&p->waiting, 0);
	pthread_mutex_unlock(&p->lock);
}

void fm_pool_run(struct fm_pool *pool, int nshards, void (*fn)(void *ctx, int shard, int thread), void *ctx)
{
	bool nested = pool != NULL && inside == pool;

	if (nshards <= 0)
		return;
	if (pool == NULL || nested || nshards == 1 || pool->size == 1) {
		for (int i = 0; i < nshards; i++)
			fn(ctx, i, nested ? inside_index : 0);
		return;
	}
	struct fm_pool *outer = inside;
	int outer_index = inside_index;

	pool->fn = fn;
	pool->ctx = ctx;
	pool->nshards = nshards;
	atomic_store(&pool->open, nshards);
	atomic_store(&pool->left, nshards);
	wake_workers(pool, nshards);
	take_shards(pool, 0);
	wait_done(pool);
	inside = outer;
	inside_index = outer_index;
}

struct rows {
	int n;
	void (*fn)(void *ctx, int from, int to, int thread);
	void *ctx;
};

static void run_rows(void *ctx, int shard, int thread)
{
	const struct rows *r = ctx;
	int from = shard * FM_POOL_ROWS, to = r->n - from < FM_POOL_ROWS ? r->n : from + FM_POOL_ROWS;

	r->fn(r->ctx, from, to, thread);
}

void fm_pool_run_rows(struct fm_pool *pool, int n, void (*fn)(void *ctx, int from, int to, int thread), void *ctx)
{
	fm_pool_run(pool, n / FM_POOL_ROWS + (n % FM_POOL_ROWS > 0), run_rows, &(struct rows){n, fn, ctx});
}

void fm_pool_free(struct fm_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->stop, true);
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->started; i++)
		pthread_join(pool->worker[i].id, NULL);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->done);
	pthread_mutex_destroy(&pool->lock);
	free(pool->worker);
	free(pool);
}
