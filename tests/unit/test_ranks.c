/* test_ranks.c - processes that train together end with the bits of one; one that is missing, or stands elsewhere, is
 * told of by all; who carries parcels is asked for nothing outside of the room. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/ranks.h"
#include "pipeline/walls/sandbox.h"
#include "scratch.h"
#include "trainer_fixture.h"

#define ROOM ((uint64_t)64 << 20)

static struct small S;

static float *trained(const struct fm_train_opts *o, int threads)
{
	struct fm_train_result r;
	struct fm_error err = {0};
	float *ema;
	if (small_train(&S, o, threads, &ema, &r, &err) != FM_OK)
		fail_msg("%s", err.message);
	return ema;
}

static bool same(const float *a, const float *b)
{
	return memcmp(a, b, sizeof *a * S.net->layout.nfloats) == 0;
}

/* Fewer parts than ranks, a batch that is cut into twice as many parts, and a network of several chunks of a sum. */
static struct fm_train_opts few_steps(int batch)
{
	struct fm_train_opts o = small_opts();
	o.steps = 4;
	o.batch = batch;
	o.validate_every = 2;
	return o;
}

/* The weights of `size` processes; those that are not rank 0 end here. */
static float *trained_by(int size, const struct fm_train_opts *o, int threads)
{
	struct fm_train_opts own = *o;
	struct fm_train_result r;
	struct fm_error err = {0};
	float *ema;
	int rc, status;
	assert_int_equal(fm_ranks_new(&own.ranks, size, ROOM, &err), FM_OK);
	assert_int_equal(fm_ranks_fork(own.ranks, &err), FM_OK);
	rc = small_train(&S, &own, threads, &ema, &r, &err);
	if (fm_ranks_rank(own.ranks) != 0)
		_exit(rc < 0);
	if (rc < 0)
		fail_msg("%s", err.message);
	for (int i = 1; i < size; i++) {
		assert_true(waitpid(-1, &status, 0) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	fm_ranks_free(own.ranks);
	return ema;
}

static void ranks_and_threads_change_no_bit(void **state)
{
	static const struct {
		int size, threads, batch;
	} c[] = {{2, 1, 24}, {2, 2, 24}, {3, 2, 24}, {4, 1, 24}, {8, 1, 24}, {11, 1, 24}, {3, 1, 260}};
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct fm_train_opts o = few_steps(c[i].batch);
		float *one = trained(&o, 1), *many = trained_by(c[i].size, &o, c[i].threads);
		assert_true(same(one, many));
		free(one);
		free(many);
	}
}

/* Each look at the validation split is a pass behind a pass, without a step between in which ranks wait for each other:
 * none overwrites what another still adds up.  The model is that of the best look. */
static void looks_at_validation_too(void **state)
{
	struct fm_train_opts o = few_steps(24);
	(void)state;
	o.steps = 60;
	o.patience = o.steps;
	o.validate_every = 1;
	float *one = trained(&o, 1);
	for (int size = 2; size <= 8; size += 3) {
		float *many = trained_by(size, &o, 1);
		assert_true(same(one, many));
		free(many);
	}
	free(one);
}

static void clipped_windows_too(void **state)
{
	struct fm_train_opts o = few_steps(24);
	(void)state;
	o.window_clip = 1e-3;
	float *one = trained(&o, 1), *many = trained_by(3, &o, 1);
	assert_true(same(one, many));
	free(one);
	free(many);
}

/* Written by three, gone on from by one, and the other way round. */
static void a_checkpoint_is_for_any_number(void **state)
{
	struct fm_train_opts o = few_steps(24);
	struct fm_error err;
	(void)state;
	o.steps = 8;
	float *straight = trained(&o, 1);
	for (int size = 1; size <= 3; size += 2) {
		char *first = strdup(scratch_path(size == 1 ? "one" : "three"));
		char *copy = strdup(scratch_path("copy"));
		o.checkpoint = first;
		o.checkpoint_every = 5;
		free(size == 1 ? trained(&o, 1) : trained_by(size, &o, 1));
		o.checkpoint_every = 0;
		assert_int_equal(fm_file_copy(first, copy, 0600, &err), FM_OK);
		o.checkpoint = copy;
		float *ema = size == 1 ? trained_by(3, &o, 1) : trained(&o, 1);
		assert_true(same(straight, ema));
		free(ema);
		free(first);
		free(copy);
	}
	free(straight);
}

/* Closed when rank 0 has come to its end. */
static int over[2];

static void stalls(struct fm_train_opts *o)
{
	char none;
	(void)o;
	close(over[1]);
	while (read(over[0], &none, 1) > 0)
		;
}

/* What two ranks come to where the second does as `wrong` does; its message is rank 0's, whose patience with
 * who stalls is short, and with others longer than a busy machine lets one wait. */
static struct fm_error failing(void (*wrong)(struct fm_train_opts *o))
{
	struct fm_train_opts o = few_steps(24);
	struct fm_train_result r;
	struct fm_error err = {0};
	struct fm_ranks *ranks;
	float *ema;
	int status;
	assert_int_equal(pipe(over), 0);
	assert_int_equal(fm_ranks_new(&ranks, 2, ROOM, &err), FM_OK);
	assert_int_equal(fm_ranks_fork(ranks, &err), FM_OK);
	o.ranks = ranks;
	fm_ranks_set_patience(ranks, wrong == stalls ? 1 : 600);
	if (fm_ranks_rank(ranks) == 1)
		wrong(&o);
	if (small_train(&S, &o, 1, &ema, &r, &err) >= 0)
		err.code = FM_OK;
	if (fm_ranks_rank(ranks) == 1)
		_exit(0);
	close(over[0]);
	close(over[1]);
	waitpid(-1, &status, 0);
	fm_ranks_free(ranks);
	free(ema);
	return err;
}

static void ends(struct fm_train_opts *o)
{
	(void)o;
	_exit(7);
}

static void is_killed(struct fm_train_opts *o)
{
	(void)o;
	raise(SIGKILL);
}

static void says_why(struct fm_train_opts *o)
{
	fm_ranks_fail(o->ranks, "rank 1 has no room");
	_exit(1);
}

/* Rank 1 goes on from a checkpoint that rank 0 has not. */
static void goes_on_alone(struct fm_train_opts *o)
{
	o->checkpoint = scratch_path("alone");
}

static void a_missing_rank_is_told_of(void **state)
{
	static const struct {
		void (*wrong)(struct fm_train_opts *o);
		const char *words;
	} c[] = {{ends, "rank 1 of 2 ended with status 7"},
		 {is_killed, "rank 1 of 2 was killed by signal 9"},
		 {stalls, "rank 1 of 2 stalls: it has kept rank 0 waiting for "},
		 {says_why, "rank 1 has no room"},
		 {goes_on_alone, "goes on from another step than rank 0"}};
	struct fm_train_opts o = few_steps(24);
	(void)state;
	o.checkpoint = scratch_path("alone");
	o.checkpoint_every = 2;
	free(trained(&o, 1));
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct fm_error err = failing(c[i].wrong);
		assert_int_equal(err.code, FM_ESYSTEM);
		if (!strstr(err.message, c[i].words))
			fail_msg("'%s' is not in '%s'", c[i].words, err.message);
	}
}

/* ---- ranks without common memory ---- */

struct far {
	pthread_t thread;
	struct fm_train_opts o;
	float *ema;
	int rc;
	struct fm_error err;
};

static void *train_far(void *ctx)
{
	struct far *f = ctx;
	struct fm_train_result r;
	f->rc = small_train(&S, &f->o, 1, &f->ema, &r, &f->err);
	return NULL;
}

enum { FAR = 3 };
static struct fm_parcel asked[FAR][FM_PARCELS_MOST];

/* What rank `from` made for `to`, in the order in which both have it in their lists. */
static void carry(const size_t *n, int from, int to)
{
	size_t at = 0;
	for (size_t i = 0; i < n[from]; i++) {
		const struct fm_parcel *p = &asked[from][i];
		if (p->from != from || (p->to != to && p->to != FM_RANKS_ALL))
			continue;
		while (at < n[to] && asked[to][at].from != from)
			at++;
		assert_true(at < n[to] && asked[to][at].bytes == p->bytes);
		memcpy(asked[to][at++].at, p->at, p->bytes);
	}
}

static void ranks_may_share_no_memory(void **state)
{
	struct fm_train_opts o = few_steps(24);
	struct far far[FAR] = {0};
	struct fm_error err = {0};
	int shares = 0, rc;
	(void)state;
	float *one = trained(&o, 1);
	for (int i = 0; i < FAR; i++) {
		far[i].o = o;
		assert_int_equal(fm_ranks_relayed(&far[i].o.ranks, i, FAR, ROOM, &err), FM_OK);
		assert_int_equal(pthread_create(&far[i].thread, NULL, train_far, &far[i]), 0);
	}
	for (bool all = true; all;) {
		size_t n[FAR];
		for (int i = 0; i < FAR && all; i++) {
			int tries = 0;
			while ((rc = fm_ranks_asked(far[i].o.ranks, 20, asked[i], &n[i], &err)) == 0)
				if (pthread_tryjoin_np(far[i].thread, NULL) == 0 || ++tries > 3000) {
					all = false;
					break;
				}
			assert_true(rc >= 0);
		}
		if (!all)
			break;
		for (int a = 0; a < FAR; a++)
			for (int b = 0; b < FAR; b++)
				if (a != b)
					carry(n, a, b);
		shares++;
		for (int i = 0; i < FAR; i++)
			fm_ranks_answer(far[i].o.ranks);
	}
	for (int i = 0; i < FAR; i++) {
		if (i > 0)
			pthread_join(far[i].thread, NULL);
		if (far[i].rc < 0)
			fail_msg("%s", far[i].err.message);
		assert_true(same(one, far[i].ema));
		free(far[i].ema);
		fm_ranks_free(far[i].o.ranks);
	}
	/* a step: losses, slices, sums; and the batches of validation */
	assert_true(shares > 3 * o.steps);
	free(one);
}

static void a_parcel_lies_in_the_room(void **state)
{
	static char outside[64];
	struct fm_parcel bad[] = {{outside, 8, 0, 1}, {NULL, 8, 0, 1}, {NULL, 1 << 30, 0, 1}, {NULL, 8, 0, 2}};
	struct fm_error err = {0};
	size_t n;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct fm_ranks *r;
		char *room;
		int status;
		assert_int_equal(fm_ranks_relayed(&r, 0, 2, 4096, &err), FM_OK);
		assert_int_equal(fm_ranks_room(r, &room, 64, 1, "a test", &err), FM_OK);
		if (i == 2 || i == 3)
			bad[i].at = room;
		pid_t pid = fork();
		if (pid == 0) {
			(void)!fm_ranks_share(r, 0, &bad[i], 1, &err);
			_exit(0);
		}
		int rc = 0;
		for (int tries = 0; tries < 3000 && rc == 0; tries++)
			rc = fm_ranks_asked(r, 20, asked[0], &n, &err);
		assert_int_equal(rc, FM_EVERDICT);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		fm_ranks_free(r);
	}
}

static void a_room_can_be_full(void **state)
{
	struct fm_ranks *r;
	struct fm_error err = {0};
	void *at;
	(void)state;
	assert_int_equal(fm_ranks_new(&r, 2, 4096, &err), FM_OK);
	assert_int_equal(fm_ranks_room(r, &at, 4000, 1, "a test", &err), FM_OK);
	assert_int_equal(fm_ranks_room(r, &at, 4000, 1, "a test", &err), FM_ESYSTEM);
	assert_int_equal(fm_ranks_room(r, &at, SIZE_MAX, SIZE_MAX, "a test", &err), FM_ESYSTEM);
	fm_ranks_free(r);
	assert_int_equal(fm_ranks_new(&r, 1, 4096, &err), FM_EINPUT);
	assert_int_equal(fm_ranks_new(&r, 65, 4096, &err), FM_EINPUT);
}

static void parts_follow_the_batch(void **state)
{
	static const struct {
		int batch, parts;
	} c[] = {{1, 8}, {64, 8}, {255, 8}, {256, 16}, {511, 16}, {512, 32}, {1024, 64}, {1 << 20, 64}};
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++)
		assert_int_equal(fm_parts_of(c[i].batch), c[i].parts);
}

/* ---- walls ---- */

struct behind {
	struct fm_ranks *ranks;
	int way;
};

/* Rank 1 tries to get out; rank 0 waits for it. */
static int try_out(void *ctx, json_t **result, struct fm_error *err)
{
	struct behind *b = ctx;
	int rank = fm_ranks_rank(b->ranks), rc;

	if (rank == 1 && b->way == 1)
		socket(AF_UNIX, SOCK_STREAM, 0);
	if (rank == 1 && b->way == 2)
		fork();
	if (rank == 1 && b->way == 3 && access("/etc/passwd", R_OK) == 0)
		return fm_fail(err, FM_EINPUT, "rank 1 sees the machine's files");
	if (rank == 1 && b->way == 4)
		return fm_fail(err, FM_EINPUT, "rank 1 has had enough");
	if ((rc = fm_ranks_share(b->ranks, 0, NULL, 0, err)) < 0)
		return rc;
	*result = json_integer(rank);
	return FM_OK;
}

static void each_rank_has_the_walls(void **state)
{
	static const char *const words[] = {NULL, "rank 1 of 2 was killed by signal 31",
					    "rank 1 of 2 was killed by signal 31", NULL, "rank 1 has had enough"};
	struct fm_error err = {0};
	bool confined = fm_sandbox_probe(&err) == FM_OK;
	(void)state;
	for (int way = 0; way < 5; way++) {
		struct fm_sandbox box = {.name = "train", .unconfined = !confined, .limits.threads = 4};
		struct fm_sandbox_report report;
		struct behind b = {NULL, way};
		if (way == 3 && !confined)
			continue;
		assert_int_equal(fm_ranks_new(&box.ranks, 2, 4096, &err), FM_OK);
		b.ranks = box.ranks;
		int rc = fm_sandbox_run(&box, try_out, &b, &report, &err);
		assert_int_equal(rc, words[way] ? FM_ESYSTEM : FM_OK);
		if (words[way] && !strstr(err.message, words[way]))
			fail_msg("'%s' is not in '%s'", words[way], err.message);
		if (!words[way])
			assert_int_equal(json_integer_value(report.result), 0);
		json_decref(report.result);
		fm_ranks_free(box.ranks);
	}
}

static int setup(void **state)
{
	struct fm_error err = {0};
	(void)state;
	fm_log_quiet(1);
	return scratch_make() == 0 && small_make(&S, &err) == FM_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	small_free(&S);
	return scratch_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_follow_the_batch),
	    cmocka_unit_test(a_room_can_be_full),
	    cmocka_unit_test(ranks_and_threads_change_no_bit),
	    cmocka_unit_test(looks_at_validation_too),
	    cmocka_unit_test(clipped_windows_too),
	    cmocka_unit_test(a_checkpoint_is_for_any_number),
	    cmocka_unit_test(a_missing_rank_is_told_of),
	    cmocka_unit_test(ranks_may_share_no_memory),
	    cmocka_unit_test(a_parcel_lies_in_the_room),
	    cmocka_unit_test(each_rank_has_the_walls),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
