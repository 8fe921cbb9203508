/* test_trainer.c - a training that is cut short ends with the bits it would have had; one that diverges says so and
 * comes back or fails; patience keeps the best weights; odd sizes have a defined result; a step allocates nothing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "scratch.h"
#include "trainer_fixture.h"

static struct small S;

static bool same(const float *a, const float *b)
{
	return memcmp(a, b, sizeof *a * S.net->layout.nfloats) == 0;
}

/* Training that must end well; the weights are the caller's. */
static float *trained(const struct fm_train_opts *o, int threads, struct fm_train_result *r)
{
	struct fm_train_result ignored;
	struct fm_error err = {0};
	float *ema;
	if (small_train(&S, o, threads, &ema, r ? r : &ignored, &err) != FM_OK)
		fail_msg("%s", err.message);
	return ema;
}

/* What doit says on standard error, in a buffer of this function. */
static struct {
	struct fm_train_opts o;
	int threads, ret;
	struct fm_train_result r;
	struct fm_error err;
	float *ema;
	char said[20000];
} heard;

static void train_and_hear(const struct fm_train_opts *o, int threads)
{
	const char *path = scratch_path("said");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), saved = dup(STDERR_FILENO);
	ssize_t n;
	heard.err.message[0] = '\0';
	fm_log_quiet(0);
	dup2(fd, STDERR_FILENO);
	heard.ret = small_train(&S, o, threads, &heard.ema, &heard.r, &heard.err);
	dup2(saved, STDERR_FILENO);
	fm_log_quiet(1);
	close(saved);
	n = pread(fd, heard.said, sizeof heard.said - 1, 0);
	heard.said[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* ---- repetition and checkpoints ---- */

static void threads_and_checkpoints_change_no_bit(void **state)
{
	static const int threads[] = {1, 2, 7}, every[] = {0, 1, 7, 20, 1000};
	struct fm_train_opts o = small_opts();
	float *plain = trained(&o, 1, NULL);
	(void)state;
	for (int i = 0; i < 3; i++) {
		float *ema = trained(&o, threads[i], NULL);
		assert_true(same(plain, ema));
		free(ema);
	}
	o.checkpoint = scratch_path("every");
	for (int i = 0; i < 5; i++) {
		unlink(o.checkpoint);
		o.checkpoint_every = every[i];
		float *ema = trained(&o, 2, NULL);
		assert_true(same(plain, ema));
		assert_int_equal(fm_file_exists(o.checkpoint), every[i] > 0 && every[i] < SMALL_STEPS);
		free(ema);
	}
	free(plain);
}

static void going_on_from_a_checkpoint_changes_no_bit(void **state)
{
	static const int threads[] = {1, 2, 7};
	struct fm_train_opts o = small_opts();
	struct fm_train_result whole, rest;
	float *straight = trained(&o, 1, &whole);
	char *first = strdup(scratch_path("first"));
	struct fm_error err;
	(void)state;
	assert_true(whole.flows == SMALL_STEPS * 24 * SMALL_WINDOW);
	o.checkpoint = first;
	free(trained(&o, 7, NULL));
	/* The last that a run of 40 steps writes at every 20th is that of step 20; it is left alone. */
	o.checkpoint_every = 0;
	for (int i = 0; i < 3; i++) {
		char *copy = strdup(scratch_path("copy"));
		assert_int_equal(fm_file_copy(first, copy, 0600, &err), FM_OK);
		o.checkpoint = copy;
		float *ema = trained(&o, threads[i], &rest);
		assert_true(rest.flows == whole.flows / 2);
		assert_int_equal(rest.steps, SMALL_STEPS);
		assert_true(rest.loss == whole.loss && rest.validation == whole.validation);
		assert_true(same(straight, ema));
		free(ema);
		free(copy);
	}
	free(first);
	free(straight);
}

static void patience_and_epochs_survive_a_checkpoint(void **state)
{
	struct fm_train_opts o = small_opts();
	struct fm_train_result a, b;
	(void)state;
	o.batch = 300; /* more than the 200 windows: a step ends in the second or third order from its beginning */
	o.steps = 30;
	o.patience = 100;
	float *straight = trained(&o, 2, &a);
	o.checkpoint = scratch_path("patience");
	o.checkpoint_every = 17;
	free(trained(&o, 2, NULL));
	float *ema = trained(&o, 1, &b);
	assert_true(b.flows == a.flows * 13 / 30 && b.best_step == a.best_step);
	assert_true(same(straight, ema));
	free(straight);
	free(ema);
}

/* By the clock alone: written at good points however soon they come, and never when there is time.  A run that goes on
 * from one that the clock chose ends with the same bits. */
static void the_clock_decides_when_and_nothing_else(void **state)
{
	struct fm_train_opts o = small_opts();
	struct fm_train_result rest;
	float *straight = trained(&o, 2, NULL), *ema;
	(void)state;
	o.checkpoint_every = 0;
	o.checkpoint = scratch_path("seldom");
	o.checkpoint_seconds = 1000;
	ema = trained(&o, 2, NULL);
	assert_true(same(straight, ema));
	assert_false(fm_file_exists(o.checkpoint));
	free(ema);
	o.checkpoint = scratch_path("often");
	o.checkpoint_seconds = 1e-9;
	ema = trained(&o, 2, NULL);
	assert_true(same(straight, ema));
	assert_true(fm_file_exists(o.checkpoint));
	free(ema);
	o.checkpoint_seconds = 0;
	ema = trained(&o, 1, &rest);
	assert_true(same(straight, ema));
	assert_true(rest.flows > 0 && rest.flows < SMALL_STEPS * 24 * SMALL_WINDOW / 4);
	free(ema);
	free(straight);
}

/* Windows of a class that is 24 times as rare come three times an epoch where they may come three times, five times
 * (the root of 24 is 4.9) where they may come nine times: just as if they were there so many times. */
static void rare_classes_come_more_often(void **state)
{
	static const int balance[] = {3, 9}, times[] = {3, 5};
	enum { ALL = 200, RARE = 8, FROM = 50 };
	struct fm_train_opts o = small_opts();
	struct fm_encoded own = S.train;
	uint8_t cls[ALL + RARE * 4] = {0}, slot[ALL + RARE * 4], span[ALL + RARE * 4];
	size_t ntok = (size_t)SMALL_WINDOW * FM_NTOK, nres = (size_t)SMALL_WINDOW * FM_NRES;
	(void)state;
	assert_int_equal(own.windows, ALL);
	memset(own.cls, 0, ALL);
	memset(own.cls + FROM, 1, RARE);
	for (size_t i = 0; i < ALL * SMALL_WINDOW; i++) /* by class alone: labels count by themselves */
		own.tok[i * FM_NTOK + FM_T_LABEL] = 0;
	o.batch = 100; /* some epochs */
	float *plain = trained(&o, 1, NULL);
	for (int k = 0; k < 2; k++) {
		struct fm_encoded more = {.slot = slot, .span = span, .cls = cls};
		more.tok = calloc((ALL + RARE * 4) * ntok, sizeof *more.tok);
		more.res = calloc((ALL + RARE * 4) * nres, sizeof *more.res);
		for (size_t w = 0; w < ALL; w++)
			for (int n = own.cls[w] ? times[k] : 1; n > 0; n--) {
				memcpy(more.tok + more.windows * ntok, own.tok + w * ntok, ntok * sizeof *own.tok);
				memcpy(more.res + more.windows * nres, own.res + w * nres, nres * sizeof *own.res);
				slot[more.windows] = own.slot[w];
				span[more.windows] = own.span[w];
				cls[more.windows++] = own.cls[w];
			}
		o.balance = balance[k];
		S.train = own;
		float *balanced = trained(&o, 1, NULL);
		o.checkpoint = scratch_path("balance");
		free(trained(&o, 2, NULL));
		float *resumed = trained(&o, 2, NULL);
		unlink(o.checkpoint);
		o.checkpoint = NULL;
		o.balance = 1;
		S.train = more;
		float *repeated = trained(&o, 1, NULL);
		assert_true(same(balanced, repeated) && same(balanced, resumed) && !same(balanced, plain));
		free(balanced);
		free(resumed);
		free(repeated);
		free(more.tok);
		free(more.res);
	}
	S.train = own;
	free(plain);
}

static struct fm_train_arrays new_arrays(size_t n, bool best)
{
	return (struct fm_train_arrays){calloc(n, 4), calloc(n, 4), calloc(n, 4), calloc(n, 4),
					best ? calloc(n, 4) : NULL};
}

static void free_arrays(struct fm_train_arrays *a)
{
	free(a->w), free(a->m), free(a->v), free(a->ema), free(a->best);
}

static const struct fm_train_point some_point = {.step = 20,
						 .epoch = 3,
						 .at = 80,
						 .b1 = 0.1,
						 .b2 = 1.0 / 3,
						 .rate_scale = 0.25,
						 .rollbacks = 2,
						 .loss = 12.345678901234567,
						 .guard = 1e-300,
						 .validation = NAN,
						 .best = 11.1,
						 .best_step = 10};

static void a_checkpoint_reads_back_as_it_was(void **state)
{
	const struct fm_layout *l = &S.net->layout;
	struct fm_train_arrays a = new_arrays(l->nfloats, true), b = new_arrays(l->nfloats, true);
	struct fm_train_point p = some_point, q;
	const char *path = scratch_path("roundtrip");
	struct fm_error err;
	(void)state;
	fm_layout_init(l, a.w, 1), fm_layout_init(l, a.m, 2), fm_layout_init(l, a.v, 3), fm_layout_init(l, a.ema, 4),
	    fm_layout_init(l, a.best, 5);
	assert_int_equal(fm_checkpoint_save(&(struct fm_checkpoint){path, SMALL_IDENTITY, l, NULL}, &p, &a, &err),
			 FM_OK);
	memset(&q, 0, sizeof q);
	assert_int_equal(
	    fm_checkpoint_load(&(struct fm_checkpoint){path, SMALL_IDENTITY, l, NULL}, 40, 200, &q, &b, &err), FM_OK);
	assert_true(same(a.w, b.w) && same(a.m, b.m) && same(a.v, b.v) && same(a.ema, b.ema) && same(a.best, b.best));
	assert_true(q.step == p.step && q.epoch == p.epoch && q.at == p.at && q.b1 == p.b1 && q.b2 == p.b2 &&
		    q.rate_scale == p.rate_scale && q.rollbacks == p.rollbacks && q.loss == p.loss &&
		    q.guard == p.guard && isnan(q.validation) && q.best == p.best && q.best_step == p.best_step);
	free_arrays(&a);
	free_arrays(&b);
}

/* Under a key nothing of it can be read without the key, and no change of it goes unseen. */
static void an_encrypted_checkpoint_is_for_its_key_alone(void **state)
{
	const struct fm_layout *l = &S.net->layout;
	struct fm_train_arrays a = new_arrays(l->nfloats, false), b = new_arrays(l->nfloats, false);
	struct fm_secret key, other;
	const char *path = scratch_path("encrypted");
	struct fm_checkpoint c = {path, SMALL_IDENTITY, l, &key};
	struct fm_train_point p = some_point, q;
	struct fm_buf bytes = {0};
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_secret_random(&key, 32, &err), FM_OK);
	assert_int_equal(fm_secret_random(&other, 32, &err), FM_OK);
	fm_layout_init(l, a.w, 1), fm_layout_init(l, a.m, 2), fm_layout_init(l, a.v, 3), fm_layout_init(l, a.ema, 4);
	assert_int_equal(fm_checkpoint_save(&c, &p, &a, &err), FM_OK);
	assert_int_equal(fm_file_read(path, 1 << 24, &bytes, &err), FM_OK);
	assert_null(memmem(bytes.data, bytes.len, "\"F32\"", 5)); /* three bytes come by chance */
	assert_null(memmem(bytes.data, bytes.len, a.w, 64));
	assert_int_equal(fm_checkpoint_load(&c, 40, 200, &q, &b, &err), FM_OK);
	assert_true(same(a.w, b.w) && same(a.m, b.m) && same(a.v, b.v) && same(a.ema, b.ema) && q.step == p.step);
	c.key = &other;
	assert_int_equal(fm_checkpoint_load(&c, 40, 200, &q, &b, &err), FM_EVERDICT);
	c.key = &key;
	for (size_t at = 20; at < bytes.len; at += bytes.len / 7) {
		bytes.data[at] ^= 1;
		assert_int_equal(fm_file_write(path, 0600, bytes.data, bytes.len, &err), FM_OK);
		assert_int_equal(fm_checkpoint_load(&c, 40, 200, &q, &b, &err), FM_EVERDICT);
		bytes.data[at] ^= 1;
	}
	assert_int_equal(fm_file_write(path, 0600, bytes.data, bytes.len - 100, &err), FM_OK);
	assert_int_equal(fm_checkpoint_load(&c, 40, 200, &q, &b, &err), FM_EVERDICT);
	fm_buf_free(&bytes);
	fm_secret_close(&key);
	fm_secret_close(&other);
	free_arrays(&a);
	free_arrays(&b);
}

static void refused(const char *path, const char *identity, const struct fm_layout *l, const char *words)
{
	struct fm_train_arrays a = new_arrays(l->nfloats, false);
	struct fm_train_point at;
	struct fm_error err = {0};
	assert_int_equal(fm_checkpoint_load(&(struct fm_checkpoint){path, identity, l, NULL}, 40, 200, &at, &a, &err),
			 FM_EINPUT);
	if (!strstr(err.message, words) || !strstr(err.message, path))
		fail_msg("'%s' does not say '%s' and the file's name", err.message, words);
	free_arrays(&a);
}

static void other_and_damaged_checkpoints_are_refused(void **state)
{
	const struct fm_layout *l = &S.net->layout;
	struct fm_train_arrays a = new_arrays(l->nfloats, true), plain = a;
	struct fm_train_point p = some_point;
	struct fm_arch deep = {SMALL_WINDOW, 32, 2, 2, 64}, wide = {SMALL_WINDOW, 64, 1, 2, 64};
	char *path = strdup(scratch_path("refused")), *whole = strdup(scratch_path("whole"));
	const char *other = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	struct fm_error err;
	struct fm_buf b = {0};
	struct fm_net *net;
	(void)state;

	plain.best = NULL;
	fm_layout_init(l, a.w, 1);
	assert_int_equal(fm_checkpoint_save(&(struct fm_checkpoint){whole, SMALL_IDENTITY, l, NULL}, &p, &plain, &err),
			 FM_OK);
	refused(whole, other, l, "another config, codec, architecture or version");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    fm_net_new(&net, "transformer", i ? &deep : &wide, S.codec->vocab, S.codec->roles.nhosts, &err),
		    FM_OK);
		refused(whole, SMALL_IDENTITY, &net->layout, "another model");
		fm_net_free(net);
	}
	/* Cut anywhere; a byte more; a bit turned in the length, the seal, the metadata, the header or the tensors. */
	assert_int_equal(fm_file_read(whole, 1 << 26, &b, &err), FM_OK);
	for (size_t cut = 0; cut < b.len; cut += b.len / 11 + 1) {
		assert_int_equal(fm_file_write(path, 0600, b.data, cut, &err), FM_OK);
		refused(path, SMALL_IDENTITY, l, "");
	}
	assert_int_equal(fm_file_write(path, 0600, b.data, b.len + 1, &err), FM_OK); /* data[len] is 0 */
	refused(path, SMALL_IDENTITY, l, "cut or altered");
	const size_t bytes[] = {0, 3, 7, 8, 30, 50, 100, 140, 200, 300, 400, 700, 5000, b.len / 2, b.len - 1};
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		b.data[bytes[i]] ^= 1;
		assert_int_equal(fm_file_write(path, 0600, b.data, b.len, &err), FM_OK);
		refused(path, SMALL_IDENTITY, l, "");
		b.data[bytes[i]] ^= 1;
	}
	/* Well sealed, but of another format, or without what it must say, or not sealed at all. */
	struct fm_tensors set = {"w.", a.w};
	json_t *meta = json_pack("{s:s, s:s}", "format", "flowmint-checkpoint/9", "identity", SMALL_IDENTITY);
	assert_int_equal(fm_tensors_save(l, &set, 1, meta, true, path, &err), FM_OK);
	refused(path, SMALL_IDENTITY, l, "flowmint-checkpoint/9");
	json_object_set_new(meta, "format", json_string("flowmint-checkpoint/1"));
	assert_int_equal(fm_tensors_save(l, &set, 1, meta, true, path, &err), FM_OK);
	refused(path, SMALL_IDENTITY, l, "its step");
	json_decref(meta);
	assert_int_equal(fm_weights_save(l, a.w, path, &err), FM_OK);
	refused(path, SMALL_IDENTITY, l, "not sealed");
	/* Places that this training does not have. */
	const struct fm_train_point impossible[] = {
	    {.step = 40, .epoch = 1, .b1 = 1, .b2 = 1, .rate_scale = 1},
	    {.step = 9, .epoch = 1, .at = 201, .b1 = 1, .b2 = 1, .rate_scale = 1},
	    {.step = 9, .epoch = 0, .at = 1, .b1 = 1, .b2 = 1, .rate_scale = 1},
	    {.step = 9, .epoch = 1, .at = 1, .b1 = 1, .b2 = 1, .rate_scale = 0},
	    {.step = 9, .epoch = 1, .at = 1, .b1 = 1, .b2 = NAN, .rate_scale = 1},
	    {.step = 9, .epoch = 1, .at = 1, .b1 = 1, .b2 = 1, .rate_scale = 1, .best_step = 10},
	};
	for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
		assert_int_equal(fm_checkpoint_save(&(struct fm_checkpoint){path, SMALL_IDENTITY, l, NULL},
						    &impossible[i], &plain, &err),
				 FM_OK);
		refused(path, SMALL_IDENTITY, l, "no such point");
	}
	/* A weight that is none; and one that keeps the best weights where none are asked for. */
	p = some_point;
	a.m[7] = NAN;
	assert_int_equal(fm_checkpoint_save(&(struct fm_checkpoint){path, SMALL_IDENTITY, l, NULL}, &p, &plain, &err),
			 FM_OK);
	refused(path, SMALL_IDENTITY, l, "not a number");
	a.m[7] = 0;
	assert_int_equal(fm_checkpoint_save(&(struct fm_checkpoint){path, SMALL_IDENTITY, l, NULL}, &p, &a, &err),
			 FM_OK);
	refused(path, SMALL_IDENTITY, l, "bytes of tensors");
	fm_buf_free(&b);
	free_arrays(&a);
	free(path);
	free(whole);
}

static void training_begins_anew_where_a_checkpoint_is_of_no_use(void **state)
{
	struct fm_train_opts o = small_opts();
	float *plain = trained(&o, 1, NULL);
	struct fm_error err;
	(void)state;
	o.checkpoint = scratch_path("damaged");
	assert_int_equal(fm_file_write(o.checkpoint, 0600, "rubbish", 7, &err), FM_OK);
	train_and_hear(&o, 1);
	assert_int_equal(heard.ret, FM_OK);
	assert_non_null(strstr(heard.said, "training begins anew"));
	assert_true(same(plain, heard.ema));
	free(heard.ema);
	free(plain);
}

static void a_checkpoint_that_cannot_be_written_is_an_error(void **state)
{
	struct fm_train_opts o = small_opts();
	(void)state;
	o.checkpoint = scratch_path("nowhere/checkpoint");
	train_and_hear(&o, 1);
	assert_true(heard.ret < 0 && strstr(heard.err.message, "nowhere"));
	free(heard.ema);
}

/* ---- divergence ---- */

static int count(const char *text, const char *word)
{
	int n = 0;
	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

static void all_finite(const float *p)
{
	for (size_t i = 0; i < S.net->layout.nfloats; i++)
		assert_true(isfinite(p[i]));
}

static void an_absurd_rate_is_caught(void **state)
{
	struct fm_train_opts o = small_opts();
	(void)state;
	o.rate = 1e30; /* beyond what eight halvings can mend */
	train_and_hear(&o, 1);
	assert_int_equal(heard.ret, FM_EINPUT);
	assert_int_equal(count(heard.said, "at half the rate"), FM_ROLLBACKS);
	assert_non_null(strstr(heard.err.message, "train.rate"));
	free(heard.ema);
	o.rate = 50; /* comes back or fails, but ends with numbers, the same for any threads */
	train_and_hear(&o, 1);
	assert_true(heard.ret == FM_OK || heard.ret == FM_EINPUT);
	int ret = heard.ret, back = count(heard.said, "at half the rate");
	float *first = heard.ema;
	assert_true(back > 0);
	all_finite(first);
	train_and_hear(&o, 7);
	assert_int_equal(heard.ret, ret);
	assert_int_equal(count(heard.said, "at half the rate"), back);
	assert_true(same(first, heard.ema));
	free(heard.ema);
	free(first);
}

static void a_diverging_run_comes_back_at_a_lower_rate(void **state)
{
	struct fm_train_opts o = small_opts();
	struct fm_train_result usual;
	(void)state;
	free(trained(&o, 1, &usual));
	assert_int_equal(usual.rollbacks, 0);
	o.steps = 120;
	o.rate = 2;
	o.checkpoint_every = 30;
	train_and_hear(&o, 2);
	assert_int_equal(heard.ret, FM_OK);
	assert_true(heard.r.rollbacks > 0 && heard.r.rollbacks == count(heard.said, "at half the rate"));
	assert_int_equal(heard.r.steps, 120);
	all_finite(heard.ema);
	assert_true(heard.r.validation < 100);
	float *straight = heard.ema;
	/* And a checkpoint after such a return goes on with the lower rate. */
	o.checkpoint = scratch_path("back");
	free(trained(&o, 1, NULL));
	float *rest = trained(&o, 2, &usual);
	assert_true(same(straight, rest));
	assert_true(usual.flows < 120 * 24 * SMALL_WINDOW);
	free(straight);
	free(rest);
}

/* ---- patience ---- */

/* The lowest of what the log says of the validation split, and at which step. */
static double lowest_validation(const char *said, int *step)
{
	double best = INFINITY;
	for (const char *p = said; (p = strstr(p, "train: step ")); p++) {
		const char *v = strstr(p, "validation ");
		if (v && atof(v + 11) < best) {
			best = atof(v + 11);
			*step = atoi(p + 12);
		}
	}
	return best;
}

static void patience_keeps_the_best(void **state)
{
	struct fm_train_opts o = small_opts();
	double column[FM_NTOK], v, lowest, unheeded;
	size_t windows = S.train.windows;
	struct fm_batcher *b;
	struct fm_error err;
	int step = 0;
	(void)state;
	fm_log_verbose(1);   /* each validation is told */
	S.train.windows = 2; /* learned by heart soon, and then the validation split gets worse */
	o.steps = 400;
	o.rate = 5e-3;
	o.validate_every = 20;
	train_and_hear(&o, 1);
	assert_int_equal(heard.ret, FM_OK);
	assert_true(heard.r.steps == 400 && heard.r.best_step == 400);
	assert_true(lowest_validation(heard.said, &step) < heard.r.validation - 1);
	unheeded = heard.r.validation;
	free(heard.ema);
	o.patience = 60;
	train_and_hear(&o, 1);
	assert_int_equal(heard.ret, FM_OK);
	lowest = lowest_validation(heard.said, &step);
	assert_true(heard.r.best_step == step && heard.r.steps == step + 60 && heard.r.steps < 400);
	assert_non_null(strstr(heard.said, "ends early"));
	assert_true(heard.r.validation < unheeded - 1);
	/* What is kept are the weights that were so good. */
	assert_int_equal(fm_batcher_new(&b, S.net, &S.pr, NULL, &err), FM_OK);
	fm_validate(b, heard.ema, &S.validation, (struct fm_validation){256, 1, o.seed}, column, &v);
	assert_true(fabs(v - lowest) < 0.0006);
	fm_batcher_free(b);
	/* They are in a checkpoint that was written after them. */
	float *straight = heard.ema;
	o.checkpoint = scratch_path("best");
	o.checkpoint_every = 8;
	train_and_hear(&o, 1);
	free(heard.ema);
	train_and_hear(&o, 1);
	assert_non_null(strstr(heard.said, "goes on from step"));
	assert_true(atoi(strstr(heard.said, "goes on from step") + 18) > step && heard.r.best_step == step);
	assert_true(same(straight, heard.ema));
	free(heard.ema);
	free(straight);
	fm_log_verbose(0);
	S.train.windows = windows;
}

/* ---- odd sizes ---- */

static void odd_sizes_have_a_defined_result(void **state)
{
	struct fm_train_opts o = small_opts();
	struct fm_encoded none = S.train, one = S.train;
	struct fm_train_result r;
	struct fm_error err = {0};
	float *ema = calloc(S.net->layout.nfloats, 4);
	struct fm_process two;
	(void)state;
	none.windows = 0;
	assert_int_equal(fm_train(S.net, &S.pr, &(struct fm_train_data){&none, NULL}, &o, ema, &r, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "no whole window"));
	/* A window, a step, a batch of one; no validation; T of 2; a batch of three times the data. */
	one.windows = 1;
	o.steps = 1;
	o.batch = 1;
	assert_int_equal(fm_train(S.net, &S.pr, &(struct fm_train_data){&one, NULL}, &o, ema, &r, &err), FM_OK);
	assert_true(r.steps == 1 && isfinite(r.loss) && isnan(r.validation));
	all_finite(ema);
	o.steps = 5;
	o.patience = 1;
	assert_int_equal(fm_train(S.net, &S.pr, &(struct fm_train_data){&one, &none}, &o, ema, &r, &err), FM_OK);
	assert_int_equal(r.steps, 5);
	o.batch = 2; /* one at each time */
	assert_int_equal(fm_process_init(&two, 2, "linear", &err), FM_OK);
	if (fm_train(S.net, &two, &(struct fm_train_data){&S.train, &S.validation}, &o, ema, &r, &err) < 0)
		fail_msg("%s", err.message);
	all_finite(ema);
	o.patience = 0;
	o.batch = 3 * (int)S.train.windows + 1;
	o.steps = 2;
	assert_int_equal(fm_train(S.net, &S.pr, &(struct fm_train_data){&S.train, &S.validation}, &o, ema, &r, &err),
			 FM_OK);
	assert_true(r.flows == 2.0 * o.batch * SMALL_WINDOW);
	all_finite(ema);
	free(ema);
}

/* Before the first validation, and where there is never one, none is told. */
static void no_validation_is_told_before_there_is_one(void **state)
{
	struct fm_train_opts o = small_opts();
	size_t windows = S.validation.windows;
	(void)state;
	S.validation.windows = 0;
	train_and_hear(&o, 1);
	S.validation.windows = windows;
	assert_int_equal(heard.ret, FM_OK);
	assert_non_null(strstr(heard.said, " nats/flow  step"));
	assert_null(strstr(heard.said, "nan"));
	free(heard.ema);
}

static void no_limit_and_no_average_learn_too(void **state)
{
	struct fm_train_opts o = small_opts();
	struct fm_train_result r;
	(void)state;
	o.clip = 0;
	o.ema = 0;
	o.warmup = 0;
	float *ema = trained(&o, 1, &r);
	o.steps = 1;
	struct fm_train_result start;
	free(trained(&o, 1, &start));
	assert_true(r.validation < start.validation - 1);
	free(ema);
}

/* ---- memory ---- */

#if defined(__SANITIZE_ADDRESS__)
#define COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTS 0
#endif
#endif
#ifndef COUNTS
#define COUNTS 1
#endif

#if COUNTS
/* glibc's own, behind counting ones of this program. */
static long allocations;
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_realloc(p, n);
}
void *aligned_alloc(size_t align, size_t n)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_memalign(align, n);
}
int posix_memalign(void **p, size_t align, size_t n)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return (*p = __libc_memalign(align, n)) ? 0 : 12;
}

static long allocations_of(int steps, int threads)
{
	struct fm_train_opts o = small_opts();
	o.steps = steps;
	o.validate_every = 5; /* a look at the validation split allocates nothing either */
	o.patience = 1000;
	long before = allocations;
	free(trained(&o, threads, NULL));
	return allocations - before;
}

static void a_step_allocates_nothing(void **state)
{
	(void)state;
	free(malloc(1));
	assert_true(allocations > 0); /* it counts */
	for (int threads = 1; threads <= 2; threads++) {
		long few = allocations_of(5, threads), many = allocations_of(35, threads);
		assert_true(few > 10);
		assert_int_equal(few, many);
	}
}
#else
static void a_step_allocates_nothing(void **state)
{
	(void)state;
	skip(); /* the sanitizer has its own malloc */
}
#endif

static int setup(void **state)
{
	struct fm_error err = {0};
	(void)state;
	fm_log_quiet(1);
	if (scratch_make() < 0 || small_make(&S, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	small_free(&S);
	return scratch_remove();
}

/* The norm that a batch yields for a window is that of the gradient in which only this window counts; clipping by these
 * norms bounds the sum; and neither depends on the threads. */
static void a_batch_yields_norms_and_takes_weights(void **state)
{
	enum { N = 24 };
	size_t n = S.net->layout.nfloats;
	float *p = calloc(n, sizeof *p), *grad[FM_PARTS_LEAST], weight[N];
	double norm2[2][N], norm;
	uint32_t window[N];
	struct fm_net_loss loss;
	struct fm_error err = {0};
	(void)state;
	fm_layout_init(&S.net->layout, p, 1);
	for (size_t i = 0; i < n; i++)
		p[i] += (float)(i % 11) / 200;
	for (int i = 0; i < FM_PARTS_LEAST; i++)
		grad[i] = calloc(n, sizeof *grad[i]);
	for (uint32_t b = 0; b < N; b++)
		window[b] = 7 * b;
	for (int threads = 1; threads <= 3; threads += 2) {
		struct fm_pool *pool = NULL;
		struct fm_batcher *batcher = NULL;
		struct fm_optimiser *o = NULL;
		assert_int_equal(fm_pool_new(&pool, threads, &err), FM_OK);
		assert_int_equal(fm_batcher_new(&batcher, S.net, &S.pr, pool, &err), FM_OK);
		assert_int_equal(fm_optimiser_new(&o, n, pool, &err), FM_OK);
		struct fm_batch batch = {.data = &S.train,
					 .p = p,
					 .window = window,
					 .n = N,
					 .stream = FM_RNG_NOISE,
					 .norm2 = norm2[threads > 1]};
		fm_batch_run(batcher, &batch, NULL, &loss);
		batch.norm2 = NULL;
		batch.weight = weight;
		for (int only = 0; only < N; only += 5) {
			for (int b = 0; b < N; b++)
				weight[b] = b == only;
			fm_batch_run(batcher, &batch, grad, &loss);
			norm = fm_optimiser_sum(o, grad, FM_PARTS_LEAST);
			assert_true(norm > 0 && fabs(norm - sqrt(norm2[0][only])) < 1e-5 * norm);
		}
		for (int b = 0; b < N; b++)
			weight[b] = (float)(1e-3 / sqrt(norm2[0][b]));
		fm_batch_run(batcher, &batch, grad, &loss);
		norm = fm_optimiser_sum(o, grad, FM_PARTS_LEAST);
		assert_true(norm > 1e-4 && norm < N * 1e-3);
		fm_optimiser_free(o);
		fm_batcher_free(batcher);
		fm_pool_free(pool);
	}
	assert_memory_equal(norm2[0], norm2[1], sizeof norm2[0]);
	for (int i = 0; i < FM_PARTS_LEAST; i++)
		free(grad[i]);
	free(p);
}

/* So many passes, within bounds; as many as asked for where somebody asks. */
static void steps_are_passes_within_bounds(void **state)
{
	(void)state;
	assert_int_equal(fm_train_steps(0, (struct fm_passes){100, 500}, 640, 64), 1000);
	assert_int_equal(fm_train_steps(0, (struct fm_passes){100, 500}, 641, 64), 1001);
	assert_int_equal(fm_train_steps(0, (struct fm_passes){55, 500}, 2281, 64), 1960);
	assert_int_equal(fm_train_steps(0, (struct fm_passes){100, 500}, 5, 1), 500);
	assert_int_equal(fm_train_steps(0, (struct fm_passes){100, 500}, 5, 64), 500);
	assert_int_equal(fm_train_steps(0, (struct fm_passes){100, 500}, 9599, 64), 14998);
	assert_int_equal(fm_train_steps(0, (struct fm_passes){100, 500}, 9601, 64), 15000);
	assert_int_equal(fm_train_steps(0, (struct fm_passes){100, 500}, (size_t)1 << 32, 1), 15000);
	assert_int_equal(fm_train_steps(0, (struct fm_passes){40, 300}, 450, 64), 300);
	assert_int_equal(fm_train_steps(7, (struct fm_passes){100, 500}, 640, 64), 7);
	assert_int_equal(fm_train_steps(20000, (struct fm_passes){100, 500}, 640, 64), 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steps_are_passes_within_bounds),
	    cmocka_unit_test(a_batch_yields_norms_and_takes_weights),
	    cmocka_unit_test(threads_and_checkpoints_change_no_bit),
	    cmocka_unit_test(going_on_from_a_checkpoint_changes_no_bit),
	    cmocka_unit_test(the_clock_decides_when_and_nothing_else),
	    cmocka_unit_test(patience_and_epochs_survive_a_checkpoint),
	    cmocka_unit_test(rare_classes_come_more_often),
	    cmocka_unit_test(a_checkpoint_reads_back_as_it_was),
	    cmocka_unit_test(an_encrypted_checkpoint_is_for_its_key_alone),
	    cmocka_unit_test(other_and_damaged_checkpoints_are_refused),
	    cmocka_unit_test(training_begins_anew_where_a_checkpoint_is_of_no_use),
	    cmocka_unit_test(a_checkpoint_that_cannot_be_written_is_an_error),
	    cmocka_unit_test(an_absurd_rate_is_caught),
	    cmocka_unit_test(a_diverging_run_comes_back_at_a_lower_rate),
	    cmocka_unit_test(patience_keeps_the_best),
	    cmocka_unit_test(odd_sizes_have_a_defined_result),
	    cmocka_unit_test(no_validation_is_told_before_there_is_one),
	    cmocka_unit_test(no_limit_and_no_average_learn_too),
	    cmocka_unit_test(a_step_allocates_nothing),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
