/* The pool: each shard once, no thread number twice at a time, no lost wake-up, any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/thread.h"

#define MAX_SHARDS 1000

struct job {
	struct fm_pool *pool;
	atomic_int ran[MAX_SHARDS];
	atomic_int busy[64];
	atomic_int wrong;
	int size, work;
};

static void shard(void *ctx, int s, int thread)
{
	struct job *j = ctx;

	if (thread < 0 || thread >= j->size || atomic_exchange(&j->busy[thread], 1) != 0)
		atomic_fetch_add(&j->wrong, 1);
	atomic_fetch_add(&j->ran[s], 1);
	for (volatile int i = 0; i < j->work * (s % 5); i++)
		;
	if (thread >= 0 && thread < 64)
		atomic_store(&j->busy[thread], 0);
}

static void check_job(struct job *j, int nshards)
{
	memset(j->ran, 0, sizeof(j->ran));
	fm_pool_run(j->pool, nshards, shard, j);
	for (int i = 0; i < MAX_SHARDS; i++)
		assert_int_equal(atomic_load(&j->ran[i]), i < nshards);
	assert_int_equal(atomic_load(&j->wrong), 0);
}

static void test_each_shard_runs_once(void **state)
{
	static const int sizes[] = {1, 2, 3, 7, 16}, shards[] = {0, 1, 2, 3, 6, 7, 8, 100, MAX_SHARDS};
	static struct job j;
	struct fm_error err;

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		assert_int_equal(fm_pool_new(&j.pool, sizes[k], &err), FM_OK);
		assert_int_equal(fm_pool_size(j.pool), sizes[k]);
		j.size = sizes[k];
		for (size_t i = 0; i < sizeof(shards) / sizeof(shards[0]); i++)
			for (j.work = 0; j.work <= 200; j.work += 200)
				check_job(&j, shards[i]);
		fm_pool_free(j.pool);
	}
	j.pool = NULL;
	j.size = 1;
	check_job(&j, 10);
	assert_int_equal(fm_pool_size(NULL), 1);
}

static void test_no_wake_up_is_lost(void **state)
{
	static struct job j = {.work = 20};
	struct fm_error err;

	(void)state;
	for (int size = 2; size <= 4; size++) {
		assert_int_equal(fm_pool_new(&j.pool, size, &err), FM_OK);
		j.size = size;
		for (int i = 0; i < 2000; i++) {
			fm_pool_run(j.pool, 2 + i % 5, shard, &j);
			if (i % 20 == 0) { /* long enough for the workers to fall asleep */
				struct timespec t = {.tv_nsec = 50000};

				nanosleep(&t, NULL);
			}
		}
		fm_pool_free(j.pool);
	}
	assert_int_equal(atomic_load(&j.wrong), 0);
}

struct nest {
	struct fm_pool *pool;
	atomic_int inner, wrong;
};
static _Thread_local int outer_thread;

static void nested_inner(void *ctx, int s, int thread)
{
	struct nest *n = ctx;

	(void)s;
	atomic_fetch_add(&n->inner, 1);
	atomic_fetch_add(&n->wrong, thread != outer_thread);
}

static void nested_outer(void *ctx, int s, int thread)
{
	struct nest *n = ctx;

	(void)s;
	outer_thread = thread;
	fm_pool_run(n->pool, 5, nested_inner, n);
}

static void test_a_run_inside_a_shard_stays_on_its_thread(void **state)
{
	struct nest n = {0};
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_pool_new(&n.pool, 3, &err), FM_OK);
	fm_pool_run(n.pool, 8, nested_outer, &n);
	assert_int_equal(atomic_load(&n.inner), 40);
	assert_int_equal(atomic_load(&n.wrong), 0);
	fm_pool_free(n.pool);
}

static void test_absurd_sizes_are_refused(void **state)
{
	struct fm_pool *pool;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_pool_new(&pool, -1, &err), FM_EINPUT);
	assert_null(pool);
	assert_int_equal(fm_pool_new(&pool, 100000, &err), FM_EINPUT);
	assert_null(pool);
	assert_int_equal(fm_pool_new(&pool, 0, &err), FM_OK);
	assert_true(fm_pool_size(pool) >= 1);
	fm_pool_free(pool);
	fm_pool_free(NULL);
}

static void masked(void *ctx, int s, int thread)
{
	sigset_t set;

	(void)s;
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	if (thread != 0 && !sigismember(&set, SIGINT))
		atomic_fetch_add((atomic_int *)ctx, 1);
	for (volatile int i = 0; i < 20000; i++)
		;
}

static void test_workers_leave_signals_to_the_caller(void **state)
{
	atomic_int wrong = 0;
	struct fm_pool *pool;
	struct fm_error err;
	sigset_t set;

	(void)state;
	assert_int_equal(fm_pool_new(&pool, 3, &err), FM_OK);
	fm_pool_run(pool, 50, masked, &wrong);
	fm_pool_free(pool);
	assert_int_equal(atomic_load(&wrong), 0);
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	assert_false(sigismember(&set, SIGINT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_shard_runs_once),
	    cmocka_unit_test(test_no_wake_up_is_lost),
	    cmocka_unit_test(test_a_run_inside_a_shard_stays_on_its_thread),
	    cmocka_unit_test(test_absurd_sizes_are_refused),
	    cmocka_unit_test(test_workers_leave_signals_to_the_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
