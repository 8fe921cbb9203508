/* test_plain.c - the plain diffusion of rows: what was coded comes back, training learns, is the same bits for any
 * number of threads and from a checkpoint, divergence is said, and the ancestral sampler draws its z. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/plain/sampler.h"
#include "tests/unit/generator_fixture.h"
#include "tests/unit/scratch.h"

struct flows {
	struct fm_table *t;
	struct fm_plain_codec *c;
	struct fm_plain_windows windows;
	struct fm_plain_process process;
	struct fm_plain_net *n;
};

/* A network that predicts rows sees its last prediction, too. */
static void flows_make(struct flows *f, enum fm_plain_how how, enum fm_gauss_what predicts)
{
	struct fm_arch a = {TINY_WINDOW, 32, 2, 1, 64};
	struct fm_error err;

	f->t = fixture_flows(ROWS, 11, TINY_WINDOW);
	OK(fm_plain_codec_fit(&f->c, f->t, how, 5, 5, &err));
	f->windows.c = f->c;
	f->windows.n = ROWS / TINY_WINDOW;
	f->windows.x = calloc((size_t)ROWS * (size_t)f->c->flows.n, sizeof(float));
	OK(fm_plain_encode(f->c, f->t, 0, ROWS, f->windows.x, &err));
	f->process = (struct fm_plain_process){100, false, predicts};
	OK(fm_plain_net_new(&f->n, "unet", &a, f->c->row, predicts == FM_PREDICTS_X0 ? 2 * f->c->row : f->c->row,
			    &err));
}

static void flows_free(struct flows *f)
{
	fm_plain_net_free(f->n);
	fm_plain_codec_free(f->c);
	free(f->windows.x);
	fm_table_free(f->t);
}

/* Beyond what k rows have, a number is cut. */
static bool near(double a, double b, double share)
{
	return fabs(a - b) <= share * fabs(b) + 1;
}

/* The raw number of a host that is ranked is its rank's, and others' are their own. */
static bool host_back(const struct flows *f, const struct fm_table *back, size_t i, enum fm_plain_how how)
{
	struct fm_address a = fm_table_address(f->t, f->t->sa[i]);
	uint32_t raw = fm_address_fold(&a), got = back->sa[i];

	if (how == FM_PLAIN_VALUES && (got >> 24 == 0 || got >> 24 == 255))
		return (got >> 24 == 255) == fm_table_inside(f->t, f->t->sa[i]);
	return how == FM_PLAIN_BITS ? got == raw : near(got, raw, 1e-5);
}

/* How far a number may go is of k rows, whatever a category's values need. */
static void largest_numbers_are_of_k_rows(void **state)
{
	struct fm_table *t = fixture_flows(ROWS, 11, TINY_WINDOW);
	struct fm_error err;

	(void)state;
	for (int k = 3; k <= 300; k *= 10) {
		struct fm_plain_codec *c = NULL;

		OK(fm_plain_codec_fit(&c, t, FM_PLAIN_NUMBERS, 30, k, &err));
		for (int i = 0; i < c->flows.n; i++) {
			const struct fm_plain_column *p = &c->column[i];
			int far = 0;

			if (c->flows.column[i].kind != FM_ROW_NUMBER || p->most <= 1)
				continue;
			for (size_t row = 0; row < ROWS; row++)
				far += fabs(fm_row_number(&c->flows, &c->flows.column[i], t, row) - p->mean) / p->sd >=
				       (double)p->most * (1 - 1e-6);
			assert_true(far >= k);
		}
		fm_plain_codec_free(c);
	}
	fm_table_free(t);
}

static void what_was_coded_comes_back(void **state)
{
	struct fm_error err;

	(void)state;
	for (enum fm_plain_how how = FM_PLAIN_NUMBERS; how <= FM_PLAIN_VALUES; how++) {
		struct fm_table *back = NULL;
		struct fm_plain_codec *again = NULL;
		struct flows f;
		json_t *j;
		size_t same[5] = {0}, ranked = 0;
		double share = 0;

		flows_make(&f, how, FM_PREDICTS_NOISE);
		j = fm_plain_codec_json(f.c);
		OK(fm_plain_codec_from_json(&again, j, &err));
		assert_int_equal(again->row, f.c->row);
		for (int k = 0; k < f.c->row; k++)
			share += (double)again->share[k];
		assert_true(fabs(share - 1) < 1e-5);
		OK(fm_row_table_new(&back, &again->flows, ROWS, &err));
		float *v = calloc((size_t)f.c->row, sizeof *v);
		for (size_t i = 0; i < ROWS; i++) {
			fm_plain_vector(f.c, f.windows.x + i * (size_t)f.c->flows.n, v);
			fm_plain_decode(again, v, back, i);
			same[0] += near((double)(back->te[i] - f.t->te[0]), (double)(f.t->te[i] - f.t->te[0]), 0.001);
			same[1] += near((double)back->byt[i], (double)f.t->byt[i], 0.001);
			same[2] += back->dp[i] == f.t->dp[i];
			same[3] += strcmp(fm_table_category(back, FM_PR, i), fm_table_category(f.t, FM_PR, i)) == 0;
			same[4] += host_back(&f, back, i, how);
			ranked += back->sa[i] >> 24 == 0 || back->sa[i] >> 24 == 255;
		}
		for (int k = 0; k < 5; k++)
			assert_in_range(same[k], ROWS * 97 / 100, ROWS);
		if (how == FM_PLAIN_VALUES) {
			float x[FM_ROW_COLUMNS];
			assert_in_range(ranked, ROWS / 10, ROWS);
			/* A codec that was read knows no host until it sees the flows again. */
			OK(fm_row_columns_know(&again->flows, f.t, &err));
			for (size_t i = 0; i < ROWS; i += 97) {
				OK(fm_plain_encode(again, f.t, i, 1, x, &err));
				assert_memory_equal(x, f.windows.x + i * (size_t)f.c->flows.n,
						    sizeof *x * (size_t)f.c->flows.n);
			}
		}
		free(v);
		json_decref(j);
		fm_plain_codec_free(again);
		fm_table_free(back);
		flows_free(&f);
	}
}

static float *train(const struct flows *f, struct fm_plain_train_opts o, struct fm_plain_train_result *r)
{
	float *p = calloc(f->n->layout.nfloats, sizeof *p);
	struct fm_error err;

	OK(fm_plain_train(f->n, &f->process, &f->windows, &o, p, r, &err));
	return p;
}

static double mean_loss(const struct flows *f, const float *p, struct fm_pool *pool)
{
	double loss[ROWS / TINY_WINDOW], mean = 0;
	struct fm_error err;

	OK(fm_plain_losses(&(struct fm_plain_denoiser){f->n, &f->process, p}, &f->windows, 1, pool, loss, &err));
	for (size_t i = 0; i < f->windows.n; i++)
		mean += loss[i] / (double)f->windows.n;
	return mean;
}

static void learns_and_repeats(enum fm_plain_how how, enum fm_gauss_what predicts)
{
	struct fm_plain_train_opts o = {
	    .loop = {.steps = 30, .seed = 3}, .batch = 16, .rate = 3e-3, .ema = 0.9, .warmup = 3, .clip = 1};
	struct fm_plain_train_result a, b;
	struct fm_error err;
	struct flows f;
	const char *path = scratch_path(predicts == FM_PREDICTS_X0 ? "rows.safetensors" : "noise.safetensors");
	double before;
	size_t n;
	float *one, *three, *cut, *resumed;

	flows_make(&f, how, predicts);
	n = f.n->layout.nfloats * sizeof(float);
	one = train(&f, o, &a);
	OK(fm_pool_new(&o.pool, 3, &err));
	three = train(&f, o, &b);
	assert_memory_equal(one, three, n);
	/* Checkpoints of step 12 and of step 24 are written; the second run goes on from the last. */
	o.loop.path = path;
	o.loop.identity = "test";
	o.loop.every = 12;
	cut = train(&f, o, &b);
	resumed = train(&f, o, &b);
	assert_true(b.flows == 6.0 * 16 * TINY_WINDOW && b.steps == 30);
	assert_memory_equal(one, cut, n);
	assert_memory_equal(one, resumed, n);
	assert_true(a.loss == b.loss);
	memset(cut, 0, n);
	before = mean_loss(&f, cut, o.pool);
	/* A network that says nothing is off by the noise, or by the scaled rows, both of variance 1. */
	assert_true(fabs(before - 1) < 0.02);
	assert_true(mean_loss(&f, one, o.pool) < 0.85 * before);
	fm_pool_free(o.pool);
	free(one);
	free(three);
	free(cut);
	free(resumed);
	flows_free(&f);
}

static void training_learns_and_repeats(void **state)
{
	(void)state;
	learns_and_repeats(FM_PLAIN_NUMBERS, FM_PREDICTS_NOISE);
	learns_and_repeats(FM_PLAIN_BITS, FM_PREDICTS_X0);
}

static void divergence_is_said(void **state)
{
	struct fm_plain_train_opts o = {.loop = {.steps = 400, .seed = 3}, .batch = 8, .rate = 30, .ema = 0.9};
	struct fm_plain_train_result r;
	struct fm_error err;
	struct flows f;

	(void)state;
	flows_make(&f, FM_PLAIN_NUMBERS, FM_PREDICTS_NOISE);
	float *p = calloc(f.n->layout.nfloats, sizeof *p);
	assert_int_equal(fm_plain_train(f.n, &f.process, &f.windows, &o, p, &r, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "training diverges: at step"));
	assert_non_null(strstr(err.message, "train.rate (30)"));
	free(p);
	flows_free(&f);
}

static struct fm_table *sample(const struct flows *f, const float *p, struct fm_plain_sample_opts o)
{
	struct fm_table *t = NULL;
	struct fm_error err;

	OK(fm_plain_sample(&t, f->n, &f->process, f->c, p, &o, &err));
	return t;
}

/* A network that sees its own last prediction has none at a window's first step, whatever was made before it. */
static void made_rows_depend_on_no_threads(void **state)
{
	struct fm_plain_sample_opts s = {.rows = ROWS, .seed = 1, .solver = FM_DDIM, .steps = 2};
	struct fm_error err;
	struct flows f;
	struct fm_rng r;

	(void)state;
	flows_make(&f, FM_PLAIN_BITS, FM_PREDICTS_X0);
	float *p = calloc(f.n->layout.nfloats, sizeof *p);
	fm_rng_init(&r, 3, FM_RNG_INIT, 0, 0);
	for (size_t i = 0; i < f.n->layout.nfloats; i++)
		p[i] = 0.2f * fm_rng_normal(&r);
	struct fm_table *alone = sample(&f, p, s), *many;
	OK(fm_pool_new(&s.pool, 3, &err));
	many = sample(&f, p, s);
	assert_memory_equal(alone->dp, many->dp, ROWS * sizeof *many->dp);
	assert_memory_equal(alone->byt, many->byt, ROWS * sizeof *many->byt);
	fm_pool_free(s.pool);
	fm_table_free(alone);
	fm_table_free(many);
	free(p);
	flows_free(&f);
}

/* From a network that predicts no noise the way back is known: DDIM leaves x_0 as it was at the first step, cut to what
 * data can be; the ancestral sampler adds its z, so that the rows are others. */
static void the_ancestral_sampler_draws_z(void **state)
{
	struct fm_plain_sample_opts o = {.rows = 100, .seed = 1, .solver = FM_DDIM, .steps = 100};
	struct fm_error err;
	struct flows f;

	(void)state;
	flows_make(&f, FM_PLAIN_BITS, FM_PREDICTS_NOISE);
	float *p = calloc(f.n->layout.nfloats, sizeof *p);
	struct fm_table *ddim = sample(&f, p, o), *few, *z, *again;
	o.steps = 7;
	few = sample(&f, p, o);
	/* The first step has the same noise and the same cut in both. */
	assert_memory_equal(ddim->dp, few->dp, 100 * sizeof *few->dp);
	o.steps = 100;
	o.solver = FM_ANCESTRAL;
	z = sample(&f, p, o);
	OK(fm_pool_new(&o.pool, 2, &err));
	again = sample(&f, p, o);
	assert_memory_not_equal(z->dp, ddim->dp, 100 * sizeof *z->dp);
	assert_memory_equal(z->dp, again->dp, 100 * sizeof *z->dp);
	o.steps = 101;
	fm_table_free(few);
	few = NULL;
	assert_int_equal(fm_plain_sample(&few, f.n, &f.process, f.c, p, &o, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "generate.steps is 101"));
	fm_pool_free(o.pool);
	fm_table_free(ddim);
	fm_table_free(z);
	fm_table_free(again);
	free(p);
	flows_free(&f);
}

/* Where rows are predicted, what is said of a number is its velocity, and of a bit the bit: of the right answers the
 * rows come back, seen numbers apart, within the range of data. */
static void right_answers_give_the_rows(void **state)
{
	enum { N = 3 };
	struct flows f;
	struct fm_rng r;
	double ab = 0.3;
	int numbers = 0;

	(void)state;
	flows_make(&f, FM_PLAIN_BITS, FM_PREDICTS_X0);
	int row = f.c->row, seen = f.n->seen;
	float *x = calloc((size_t)(N * seen), sizeof *x), *clean = calloc((size_t)(N * seen), sizeof *clean),
	      *said = calloc((size_t)(N * row), sizeof *said), *back = calloc((size_t)(N * seen), sizeof *back);
	fm_rng_init(&r, 3, FM_RNG_INIT, 0, 0);
	for (int i = 0; i < N; i++) {
		fm_plain_vector(f.c, f.windows.x + i * f.c->flows.n, clean + i * seen);
		for (int j = 0; j < row; j++) {
			float noise = fm_rng_normal(&r), x0 = clean[i * seen + j];

			numbers += f.c->number[j];
			x[i * seen + j] = (float)sqrt(ab) * x0 + (float)sqrt(1 - ab) * noise;
			said[i * row + j] = f.c->number[j] ? (float)sqrt(ab) * noise - (float)sqrt(1 - ab) * x0 : x0;
		}
	}
	assert_int_equal(numbers, 4 * N); /* te, td, pkt, byt */
	fm_plain_clean(f.c, ab, x, seen, said, N, back);
	for (int i = 0; i < N * seen; i++)
		assert_true(fabs(back[i] - clean[i]) < 1e-5);
	for (int i = 0; i < N * row; i++)
		said[i] = -1e6f;
	fm_plain_clean(f.c, ab, x, seen, said, N, back);
	for (int j = 0; j < row; j++)
		assert_true(back[j] == (f.c->number[j] ? f.c->most[j] : -f.c->most[j]));
	free(x);
	free(clean);
	free(said);
	free(back);
	flows_free(&f);
}

/* A network that says 0 knows no bit, and of a number that its velocity is 0: the number then follows from the noise.
 */
static void the_sampler_takes_velocities_for_numbers(void **state)
{
	struct fm_plain_sample_opts o = {.rows = 100, .seed = 1, .solver = FM_DDIM, .steps = 5};
	struct flows f;
	int others = 0;

	(void)state;
	flows_make(&f, FM_PLAIN_BITS, FM_PREDICTS_X0);
	float *p = calloc(f.n->layout.nfloats, sizeof *p);
	struct fm_table *t = sample(&f, p, o);
	for (int i = 1; i < 100; i++) {
		assert_int_equal(t->dp[i], 0);
		others += t->byt[i] != t->byt[0];
	}
	assert_true(others > 80);
	fm_table_free(t);
	free(p);
	flows_free(&f);
}

/* Times are on the grid above 0, and the middle third of them has a third of the examples, or most where rows are
 * predicted. */
static void times_crowd_where_rows_are_predicted(void **state)
{
	static const struct {
		enum fm_gauss_what what;
		int from, to; /* of 1000 in the middle third */
	} kind[] = {{FM_PREDICTS_NOISE, 320, 345}, {FM_PREDICTS_X0, 480, 550}};

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct fm_plain_process p = {100, true, kind[k].what};
		int middle = 0;
		double last = 0;

		for (int i = 0; i < 1000; i++) {
			double t = fm_plain_time(&p, i / 1000.0);

			assert_true(t >= last && t > 0 && t <= 1 && fabs(100 * t - (int)(100 * t + 0.5)) < 1e-9);
			middle += t > 1 / 3.0 && t <= 2 / 3.0;
			last = t;
		}
		assert_true(fm_plain_time(&p, 0) < 0.011 && last > 0.99);
		assert_true(middle > kind[k].from && middle < kind[k].to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(largest_numbers_are_of_k_rows),
	    cmocka_unit_test(what_was_coded_comes_back),
	    cmocka_unit_test(training_learns_and_repeats),
	    cmocka_unit_test(divergence_is_said),
	    cmocka_unit_test(the_ancestral_sampler_draws_z),
	    cmocka_unit_test(made_rows_depend_on_no_threads),
	    cmocka_unit_test(right_answers_give_the_rows),
	    cmocka_unit_test(the_sampler_takes_velocities_for_numbers),
	    cmocka_unit_test(times_crowd_where_rows_are_predicted),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
