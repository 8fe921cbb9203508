/* test_private_trainer.c - a private step is what its header says: clipped by record, the same however it is cut,
 * noisy. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "model/diffusion/private_trainer.h"
#include "tests/unit/scratch.h"
#include "tests/unit/trainer_fixture.h"

static struct small S;
static struct fm_secret key;
static struct fm_error err;

/* A learner of S.train by another network than S.net. */
struct other {
	struct fm_net *net;
	struct fm_process pr;
	struct fm_pool *pool;
	struct fm_batcher *batcher;
	struct fm_window_records w;
	struct fm_learner l;
	float *p;
};

static void other_open(struct other *o, const char *denoiser, const char *tokens, int draws, int most, int threads)
{
	struct fm_arch a = {SMALL_WINDOW, 32, 2, 2, 64};

	memset(o, 0, sizeof *o);
	assert_int_equal(fm_net_new(&o->net, denoiser, &a, S.codec->vocab, S.codec->roles.nhosts, &err), FM_OK);
	assert_int_equal(fm_process_init(&o->pr, 1000, "cosine", &err), FM_OK);
	assert_int_equal(fm_process_choose(&o->pr, tokens, "v", &err), FM_OK);
	if (threads > 0)
		assert_int_equal(fm_pool_new(&o->pool, threads, &err), FM_OK);
	assert_int_equal(fm_batcher_new_of(&o->batcher, o->net, &o->pr, o->pool, most, &err), FM_OK);
	o->w = (struct fm_window_records){o->batcher, &S.train, &o->net->layout, draws, most};
	o->l = fm_learner_of_windows(&o->w);
	o->p = calloc(o->net->layout.nfloats, sizeof *o->p);
	fm_layout_init(&o->net->layout, o->p, 5);
	for (size_t i = 0; i < o->net->layout.nfloats; i++) /* what begins as zero would leave gradients of zero */
		o->p[i] += 0.02f * (float)((i * 2654435761u >> 7) % 101) / 50 - 0.02f;
}

static void other_close(struct other *o)
{
	fm_batcher_free(o->batcher);
	fm_pool_free(o->pool);
	fm_net_free(o->net);
	free(o->p);
}

static struct fm_private_opts opts_of(const struct other *o)
{
	return (struct fm_private_opts){.name = "training",
					.steps = 12,
					.rate_num = 1,
					.rate_den = 8,
					.expected = (double)S.train.windows / 8,
					.clip = 1,
					.noise_multiplier = 1.5,
					.warmup = 2,
					.rate = 1e-3,
					.ema = 0.9,
					.key = &key,
					.pool = o->pool};
}

static double norm_of(const float *g, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)g[i] * (double)g[i];
	return sqrt(sum);
}

/* The gradient of a window's mean loss over its draws by the plain batch, which places of a batch give noise: it is the
 * window's own where the window is the data's first. */
static void plain_gradient(const struct other *o, const struct fm_encoded *e, int draws, uint64_t seed, uint32_t step,
			   float *g)
{
	size_t n = o->net->layout.nfloats;
	uint32_t window[16] = {0};
	float *part[FM_PARTS_LEAST];
	struct fm_net_loss loss;
	struct fm_batch batch = {
	    .data = e, .p = o->p, .window = window, .n = draws, .stream = FM_RNG_NOISE, .seed = seed, .step = step};

	for (int i = 0; i < FM_PARTS_LEAST; i++)
		part[i] = calloc(n, sizeof **part);
	fm_batch_run(o->batcher, &batch, part, &loss);
	memset(g, 0, sizeof *g * n);
	for (int i = 0; i < FM_PARTS_LEAST; i++) {
		for (size_t k = 0; k < n; k++)
			g[k] += part[i][k];
		free(part[i]);
	}
}

static struct fm_encoded from_window(size_t w)
{
	struct fm_encoded e = S.train;

	e.windows -= w;
	e.tok += w * SMALL_WINDOW * FM_NTOK;
	e.res += w * SMALL_WINDOW * FM_NRES;
	e.slot += w;
	e.span += w;
	e.cls += w;
	return e;
}

/* ---- norms and sums ---- */

static void record_is_the_mean_of_its_draws_with(const char *denoiser, const char *tokens, int draws)
{
	struct other o;
	struct fm_kept *kept;
	struct fm_grid grid;
	uint32_t first = 0;

	other_open(&o, denoiser, tokens, draws, draws > 4 ? draws : 4, 0);
	size_t n = o.net->layout.nfloats;
	float *want = calloc(n, sizeof *want), *got = calloc(n, sizeof *got);
	int64_t *steps = calloc(n, sizeof *steps), *unit = calloc(n, sizeof *unit);
	assert_int_equal(fm_kept_new(&kept, &err), FM_OK);
	for (size_t w = 0; w < 6; w++) {
		struct fm_encoded e = from_window(w * 7);
		struct fm_draws d = {&e, o.p, draws, 99, 4};
		double norm, got_norm, off = 0;

		plain_gradient(&o, &e, draws, 99, 4, want);
		norm = norm_of(want, n);
		fm_batch_draws(o.batcher, 0, &d, &first, 1, kept);
		assert_int_equal(fm_kept_check(kept, &err), FM_OK);
		got_norm = sqrt(fm_kept_norm2(kept, 0));
		assert_true(norm > 0);
		if (!(fabs(got_norm - norm) <= 1e-5 * norm))
			fail_msg("%s, %s, %d draws: the norm is %.9g, not %.9g", denoiser, tokens, draws, got_norm,
				 norm);
		memset(got, 0, sizeof *got * n);
		fm_kept_add(kept, 0, (float)fm_clip_weight(got_norm, norm / 2), got);
		for (size_t i = 0; i < n; i++)
			off += ((double)got[i] - 0.5 * (double)want[i]) * ((double)got[i] - 0.5 * (double)want[i]);
		if (!(sqrt(off) <= 1e-5 * norm / 2))
			fail_msg("%s, %s, %d draws: the clipped gradient is off by %g of its norm", denoiser, tokens,
				 draws, sqrt(off) / norm * 2);
		/* On the grid: the integers that clip.h makes of the gradient, but for one that stands at the border
		 * of a step here and there. */
		assert_int_equal(fm_grid_set(&grid, 2 * norm, n, 0, 0, &err), FM_OK);
		memset(steps, 0, sizeof *steps * n);
		memset(unit, 0, sizeof *unit * n);
		fm_kept_steps(kept, 0, (float)(1 / grid.step), 1, &(struct fm_kept_sum){steps, NULL});
		assert_int_equal(fm_grid_add_unit(&grid, want, unit), FM_GRID_AS_IT_IS);
		for (size_t i = 0; i < n; i++)
			assert_true(labs((long)(steps[i] - unit[i])) <= 1 + labs((long)unit[i]) / 100000);
	}
	fm_kept_free(kept);
	free(want), free(got), free(steps), free(unit);
	other_close(&o);
}

static void record_is_the_mean_of_its_draws(void **state)
{
	static const char *const denoiser[] = {"transformer", "unet", "mlp"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		record_is_the_mean_of_its_draws_with(denoiser[i], "absorbing", 1);
		record_is_the_mean_of_its_draws_with(denoiser[i], "absorbing", 8);
		record_is_the_mean_of_its_draws_with(denoiser[i], "multinomial", 3);
	}
}

static double norm_of_steps(const int64_t *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sqrt(sum);
}

/* The sum over a batch is that of the records one by one, to the last bit: no record's part depends on which others
 * are there.  So a record more or less moves it by that record's part, which is within the clip. */
static void sums_are_of_single_records_with(const char *denoiser, double clip)
{
	uint32_t record[23];
	struct other o;
	struct fm_private *t;
	const int64_t *sum;

	other_open(&o, denoiser, "absorbing", 4, 16, 2);
	struct fm_private_opts po = opts_of(&o);
	size_t n = o.net->layout.nfloats, clipped = 0;
	int64_t *all = calloc(n, sizeof *all), *one = calloc(n, sizeof *one);
	po.clip = clip;
	assert_int_equal(fm_private_new(&t, &o.l, &po, &err), FM_OK);
	double most = fm_grid_sensitivity(fm_private_grid(t));
	for (uint32_t i = 0; i < 23; i++)
		record[i] = i * 5 + 2;
	assert_int_equal(fm_private_sum(t, o.p, 3, record, 23, &sum, &err), FM_OK);
	memcpy(all, sum, sizeof *all * n);
	for (int i = 0; i < 23; i++) {
		assert_int_equal(fm_private_sum(t, o.p, 3, record + i, 1, &sum, &err), FM_OK);
		double norm = norm_of_steps(sum, n);
		assert_true(norm <= most && norm > 0);
		clipped += norm > 0.99 * most;
		for (size_t k = 0; k < n; k++)
			one[k] += sum[k];
	}
	assert_memory_equal(one, all, sizeof *one * n);
	assert_true(clip < 1 ? clipped == 23 : clipped == 0);
	assert_true(fm_private_log(t).clipped == (clip < 1 ? 46 : 0));
	assert_int_equal(fm_private_log(t).again, 0);
	assert_int_equal(fm_private_sum(t, o.p, 3, record, 0, &sum, &err), FM_OK); /* a batch may be empty */
	assert_true(norm_of_steps(sum, n) == 0);
	fm_private_free(t);
	free(all), free(one);
	other_close(&o);
}

static void sums_are_of_single_records(void **state)
{
	static const char *const denoiser[] = {"transformer", "unet", "mlp"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		sums_are_of_single_records_with(denoiser[i], 1e-3);
		sums_are_of_single_records_with(denoiser[i], 1e4);
	}
}

/* ---- clipping without noise ---- */

/* The sum of a batch whose windows are clipped is that of single windows' gradients, each scaled to the clip. */
static void windows_are_clipped_by_themselves_with(const char *denoiser)
{
	enum { N = 19 };
	uint32_t window[N];
	float *part[FM_PARTS_LEAST], weight[N];
	double norm2[N], largest = 0, off = 0, size = 0;
	struct fm_net_loss loss;
	int over = 0;
	struct other o;

	other_open(&o, denoiser, "absorbing", 1, 4, 2);
	size_t n = o.net->layout.nfloats;
	float *want = calloc(n, sizeof *want);
	for (int i = 0; i < FM_PARTS_LEAST; i++)
		part[i] = calloc(n, sizeof **part);
	for (int i = 0; i < N; i++)
		window[i] = (uint32_t)i * 3;
	struct fm_batch batch = {
	    .data = &S.train, .p = o.p, .window = window, .n = N, .stream = FM_RNG_NOISE, .seed = 1, .norm2 = norm2};
	fm_batch_run(o.batcher, &batch, part, &loss);
	for (int i = 0; i < N; i++)
		largest = fmax(largest, N * sqrt(norm2[i]));
	for (int i = 0; i < N; i++) {
		weight[i] = (float)fmin(1, largest / 2 / (N * sqrt(norm2[i])));
		over += weight[i] < 1;
	}
	assert_true(over > 0 && over < N);
	batch.norm2 = NULL;
	batch.weight = weight;
	fm_batch_run(o.batcher, &batch, part, &loss);
	for (int i = 0; i < FM_PARTS_LEAST; i++)
		for (size_t k = 0; k < n; k++)
			want[k] += part[i][k];
	batch.weight = NULL;
	batch.clip = largest / 2;
	assert_int_equal(fm_batcher_clips(o.batcher, &err), FM_OK);
	fm_batch_run(o.batcher, &batch, part, &loss);
	assert_int_equal(fm_batcher_check(o.batcher, &err), FM_OK);
	assert_int_equal(fm_batch_clipped(o.batcher), over);
	for (size_t k = 0; k < n; k++) {
		double got = 0;
		for (int i = 0; i < FM_PARTS_LEAST; i++)
			got += (double)part[i][k];
		off += (got - (double)want[k]) * (got - (double)want[k]);
		size += (double)want[k] * (double)want[k];
	}
	assert_true(sqrt(off) <= 1e-5 * sqrt(size));
	for (int i = 0; i < FM_PARTS_LEAST; i++)
		free(part[i]);
	free(want);
	other_close(&o);
}

static void windows_are_clipped_by_themselves(void **state)
{
	static const char *const denoiser[] = {"transformer", "unet", "mlp"};

	(void)state;
	for (int i = 0; i < 3; i++)
		windows_are_clipped_by_themselves_with(denoiser[i]);
}

static void clipped_training_is_the_same_on_any_threads(void **state)
{
	struct fm_train_opts o = small_opts();
	struct fm_train_result r, plain;
	float *one, *ema;
	size_t n = S.net->layout.nfloats * sizeof *one;

	(void)state;
	o.steps = 10;
	assert_int_equal(small_train(&S, &o, 2, &ema, &plain, &err), FM_OK);
	assert_true(plain.clipped == 0);
	o.window_clip = 0.5;
	assert_int_equal(small_train(&S, &o, 1, &one, &r, &err), FM_OK);
	assert_true(r.clipped > 0);
	assert_memory_not_equal(one, ema, n);
	for (int threads = 2; threads <= 7; threads += 5) {
		free(ema);
		assert_int_equal(small_train(&S, &o, threads, &ema, &r, &err), FM_OK);
		assert_memory_equal(one, ema, n);
	}
	free(one), free(ema);
}

/* ---- what no norm says ---- */

enum { WIDE = 64 };
static struct fm_layout wide;

/* Two rows that cancel but for a hundred thousandth, so that Gram matrices in single precision do not see the rest. */
static void cancelling_pass(void *ctx, int thread, const float *p, const struct fm_lot *lot, struct fm_kept *kept)
{
	float in[2 * WIDE], d[2 * WIDE];
	struct fm_rows rows = {0, lot->n, NULL, 2, 2};

	(void)ctx, (void)thread, (void)p;
	assert_int_equal(lot->n, 1);
	fm_kept_begin(kept, 1);
	for (int i = 0; i < WIDE; i++) {
		in[i] = 1 + (float)((i + (int)*lot->record) % 7);
		in[WIDE + i] = -in[i] * (1 + 1e-5f);
		d[i] = d[WIDE + i] = 1 + (float)(i % 5);
	}
	fm_kept_outer(kept, &rows, (struct fm_mat){in, WIDE, WIDE}, (struct fm_mat){d, WIDE, WIDE}, 0);
}

static void a_norm_that_is_too_small_is_found(void **state)
{
	struct fm_learner l = {&wide, 40, 1, 1, NULL, cancelling_pass};
	struct fm_private_opts o = {.name = "training",
				    .steps = 1,
				    .rate_num = 1,
				    .rate_den = 2,
				    .expected = 20,
				    .clip = 1e-3,
				    .noise_multiplier = 1,
				    .key = &key};
	struct fm_private *t;
	const int64_t *sum;

	(void)state;
	memset(&wide, 0, sizeof wide);
	fm_layout_add(&wide, WIDE, WIDE, 0, "w");
	assert_int_equal(fm_private_new(&t, &l, &o, &err), FM_OK);
	for (uint32_t r = 0; r < 40; r++) {
		assert_int_equal(fm_private_sum(t, NULL, 0, &r, 1, &sum, &err), FM_OK);
		assert_true(norm_of_steps(sum, wide.nfloats) <= fm_grid_sensitivity(fm_private_grid(t)));
	}
	assert_true(fm_private_log(t).again > 0); /* else the case is none */
	fm_private_free(t);
}

static void what_is_no_number_adds_nothing(void **state)
{
	uint32_t record[5] = {0, 1, 2, 3, 4};
	struct other o;
	struct fm_private *t;
	const int64_t *sum;

	(void)state;
	other_open(&o, "mlp", "absorbing", 2, 4, 0);
	struct fm_private_opts po = opts_of(&o);
	assert_int_equal(fm_private_new(&t, &o.l, &po, &err), FM_OK);
	o.p[o.net->at_t1] = NAN;
	assert_int_equal(fm_private_sum(t, o.p, 0, record, 5, &sum, &err), FM_OK);
	assert_true(norm_of_steps(sum, o.net->layout.nfloats) == 0);
	fm_private_free(t);
	other_close(&o);
}

/* ---- noise, sampling, training ---- */

/* The noisy mean less the sum: whole steps, of the standard deviation that is charged.  Without noise, with half of
 * it, or with the same at every step, this fails. */
static void a_step_has_the_noise_that_is_charged(void **state)
{
	struct fm_charge charge;
	struct other o;
	struct fm_private *t;

	(void)state;
	other_open(&o, "mlp", "absorbing", 2, 4, 2);
	struct fm_private_opts po = opts_of(&o);
	size_t n = o.net->layout.nfloats;
	float *mean = calloc(n, sizeof *mean);
	double *noise[2] = {calloc(n, sizeof(double)), calloc(n, sizeof(double))};
	assert_int_equal(fm_private_charge(&o.l, &po, &charge, &err), FM_OK);
	assert_true(fabs(charge.scale / charge.sensitivity / po.noise_multiplier - 1) < 1e-5);
	assert_int_equal(fm_private_new(&t, &o.l, &po, &err), FM_OK);
	/* Each step of the training, and what two that follow each other have in common. */
	for (uint32_t step = 0; step < (uint32_t)po.steps; step++) {
		const uint32_t *record;
		const int64_t *sum;
		size_t in;
		double squares = 0, both = 0;

		assert_int_equal(fm_private_mean(t, o.p, step, mean, &err), FM_OK);
		assert_int_equal(fm_private_batch(t, step, &record, &in, &err), FM_OK);
		assert_int_equal(fm_private_sum(t, o.p, step, record, in, &sum, &err), FM_OK);
		for (size_t i = 0; i < n; i++) {
			double z = (double)mean[i] * po.expected / fm_private_grid(t)->step - (double)sum[i];

			squares += z * z;
			both += z * noise[~step & 1][i];
			noise[step & 1][i] = z;
		}
		/* (n - 1) s^2 / sigma^2 is chi-square: five standard deviations of it. */
		if (!(fabs(squares / (charge.scale * charge.scale) - (double)n) < 5 * sqrt(2.0 * (double)n)))
			fail_msg("the noise of step %u has a standard deviation of %g, and %g is charged", step,
				 sqrt(squares / (double)n), charge.scale);
		assert_true(fabs(both) < 5 * sqrt((double)n) * charge.scale * charge.scale);
	}
	fm_private_free(t);
	free(mean), free(noise[0]), free(noise[1]);
	other_close(&o);
}

static void records_are_drawn_at_the_rate(void **state)
{
	enum { STEPS = 400 };
	double expected = (double)S.train.windows / 8 * STEPS, all = 0, pairs = 0;
	struct other o;
	struct fm_private *t;

	(void)state;
	other_open(&o, "mlp", "absorbing", 2, 4, 0);
	struct fm_private_opts po = opts_of(&o);
	int *times = calloc(S.train.windows, sizeof *times);
	assert_int_equal(fm_private_new(&t, &o.l, &po, &err), FM_OK);
	for (uint32_t step = 0; step < STEPS; step++) {
		const uint32_t *record;
		size_t n;
		assert_int_equal(fm_private_batch(t, step, &record, &n, &err), FM_OK);
		all += (double)n;
		for (size_t i = 0; i < n; i++) {
			assert_true(record[i] < S.train.windows && (i == 0 || record[i] > record[i - 1]));
			times[record[i]]++;
			pairs += i > 0 && record[i] == record[i - 1] + 1;
		}
	}
	assert_true(fabs(all - expected) < 5 * sqrt(expected));
	/* Neighbours come in together as often as by chance. */
	expected = (double)(S.train.windows - 1) / 64 * STEPS;
	assert_true(fabs(pairs - expected) < 5 * sqrt(2 * expected));
	for (size_t i = 0; i < S.train.windows; i++)
		assert_true(abs(times[i] - STEPS / 8) < 6 * 7);
	fm_private_free(t);
	free(times);
	other_close(&o);
}

static void train_with(int threads, int most, const struct fm_secret *secret, float **ema, struct fm_charges *charges)
{
	struct other o;

	other_open(&o, "transformer", "absorbing", 4, most, threads);
	struct fm_private_opts po = opts_of(&o);
	po.key = secret;
	*ema = calloc(o.net->layout.nfloats, sizeof **ema);
	assert_int_equal(fm_private_train(&o.l, &po, o.p, *ema, charges, NULL, &err), FM_OK);
	other_close(&o);
}

/* The same in `size` processes; those that are not rank 0 end here. */
static void ranks_change_no_bit(void **state)
{
	static const struct {
		int size, threads;
	} c[] = {{2, 1}, {3, 2}, {8, 1}};
	(void)state;
	struct fm_charges charges = {0};
	float *one, *many;
	train_with(1, 16, &key, &one, &charges);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct fm_charges again = {0};
		struct fm_ranks *ranks;
		struct other o;
		int status, rc;

		assert_int_equal(fm_ranks_new(&ranks, c[i].size, (uint64_t)64 << 20, &err), FM_OK);
		assert_int_equal(fm_ranks_fork(ranks, &err), FM_OK);
		other_open(&o, "transformer", "absorbing", 4, 16, c[i].threads);
		struct fm_private_opts po = opts_of(&o);
		po.ranks = ranks;
		many = calloc(o.net->layout.nfloats, sizeof *many);
		rc = fm_private_train(&o.l, &po, o.p, many, &again, NULL, &err);
		if (fm_ranks_rank(po.ranks) != 0)
			_exit(rc < 0);
		assert_int_equal(rc, FM_OK);
		for (int k = 1; k < c[i].size; k++) {
			assert_true(waitpid(-1, &status, 0) > 0);
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		}
		assert_memory_equal(one, many, sizeof *one * o.net->layout.nfloats);
		free(many);
		fm_charges_free(&again);
		fm_ranks_free(ranks);
		other_close(&o);
	}
	free(one);
	fm_charges_free(&charges);
}

static void bits_are_of_the_key_alone(void **state)
{
	static const int threads[] = {1, 2, 7};
	struct fm_charges charges = {0}, other = {0};
	size_t n;
	struct other o;
	struct fm_secret another;
	float *first, *ema;
	double epsilon, want;

	(void)state;
	other_open(&o, "transformer", "absorbing", 4, 8, 0);
	n = o.net->layout.nfloats;
	other_close(&o);
	train_with(0, 8, &key, &first, &charges);
	for (int i = 0; i < 3; i++) {
		struct fm_charges c = {0};
		train_with(threads[i], 8 * (i + 1), &key, &ema, &c);
		assert_memory_equal(first, ema, sizeof *ema * n);
		free(ema);
		fm_charges_free(&c);
	}
	assert_int_equal(fm_secret_new(&another, FM_STREAM_KEY, &err), FM_OK);
	train_with(2, 8, &another, &ema, &other);
	assert_memory_not_equal(first, ema, sizeof *ema * n);
	/* What was charged, and what it comes to. */
	assert_int_equal(charges.n, 1);
	assert_string_equal(charges.list[0].name, "training");
	assert_int_equal(charges.list[0].count, 12);
	assert_true(charges.list[0].rate >= 0.125 && charges.list[0].rate < 0.125 * (1 + 1e-15));
	struct fm_mechanism m = {.kind = FM_SAMPLED_GAUSSIAN, .sensitivity = 1, .scale = 1.5, .q = 0.125, .count = 12};
	assert_int_equal(fm_account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD, &want, &err), FM_OK);
	assert_int_equal(fm_charges_epsilon(&charges, 1e-6, 1, FM_ADD_OR_REMOVE, FM_PLD, &epsilon, &err), FM_OK);
	assert_true(fabs(epsilon - want) < 1e-4 * want);
	fm_secret_close(&another);
	fm_charges_free(&charges);
	fm_charges_free(&other);
	free(first), free(ema);
}

/* ---- killed and gone on with ---- */

enum { STEPS = 12 };
/* What the passes of a training saw of each step; in memory that a killed child shares with its parent. */
struct seen {
	_Atomic uint64_t times[STEPS];
	uint64_t seed[STEPS];
	float weight[STEPS]; /* one that every step changes */
	int kill_at;         /* the step in which the process is killed; -1: none */
	const struct fm_learner *inner;
	size_t watched;
};

static void watching_pass(void *ctx, int thread, const float *p, const struct fm_lot *lot, struct fm_kept *kept)
{
	struct seen *s = ctx;

	if ((int)lot->step == s->kill_at)
		kill(getpid(), SIGKILL);
	s->times[lot->step]++;
	s->seed[lot->step] = lot->seed;
	s->weight[lot->step] = p[s->watched];
	s->inner->pass(s->inner->ctx, thread, p, lot, kept);
}

static struct seen *seen_new(void)
{
	struct seen *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(s != MAP_FAILED);
	return s;
}

/* Train once more in this process, watched; change: a number of the options to change, 0 is none. */
static int watched_training(struct seen *seen, const char *checkpoint, int every, int change, int threads, float **ema)
{
	struct fm_secret other_key = {0};
	struct fm_charges charges = {0};
	struct other o;
	int rc;

	other_open(&o, "mlp", "absorbing", 2, 16, threads);
	struct fm_private_opts po = opts_of(&o);
	struct fm_learner l = o.l;
	assert_int_equal(fm_secret_derive(&other_key, &key, "another", &err), FM_OK);
	seen->inner = &o.l;
	seen->watched = o.net->at_t1b;
	l.ctx = seen;
	l.pass = watching_pass;
	po.checkpoint = checkpoint;
	po.identity = change == 1 ? "other records" : "records";
	po.checkpoint_every = every;
	if (change == 2)
		po.key = &other_key;
	else if (change == 3)
		po.clip *= 1.5;
	else if (change == 4)
		po.noise_multiplier *= 1.5;
	else if (change == 5)
		l.records -= 1;
	else if (change == 6)
		o.p[0] += 0.01f;
	*ema = calloc(o.net->layout.nfloats, sizeof **ema);
	rc = fm_private_train(&l, &po, o.p, *ema, &charges, NULL, &err);
	assert_int_equal(charges.n, 1);
	fm_charges_free(&charges);
	fm_secret_close(&other_key);
	other_close(&o);
	return rc;
}

/* A process that is killed in the midst of a step. */
static void killed_training(struct seen *seen, const char *checkpoint, int every, int at)
{
	int status;
	pid_t pid;

	seen->kill_at = at;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		float *ema;

		watched_training(seen, checkpoint, every, 0, 0, &ema);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	seen->kill_at = -1;
}

/* Where it is killed and how often it is kept changes no bit; and every step, calculated once or twice, has one
 * gradient: at one point, with one seed.  Its noise is of the key and the step alone. */
static void a_killed_training_ends_with_the_same_bits(void **state)
{
	static const struct {
		int at, every, from;
	} kill[] = {{1, 1, 1}, {8, 3, 6}, {11, 1, 11}, {5, 100, 0}};
	struct seen *straight = seen_new(), *seen;
	float *want, *ema;
	size_t n;
	struct other o;

	(void)state;
	other_open(&o, "mlp", "absorbing", 2, 16, 0);
	n = o.net->layout.nfloats;
	other_close(&o);
	straight->kill_at = -1;
	assert_int_equal(watched_training(straight, NULL, 0, 0, 2, &want), FM_OK);
	for (size_t i = 0; i < sizeof kill / sizeof *kill; i++) {
		const char *checkpoint = scratch_path("killed");

		unlink(checkpoint);
		seen = seen_new();
		killed_training(seen, checkpoint, kill[i].every, kill[i].at);
		assert_int_equal(fm_file_exists(checkpoint), kill[i].from > 0);
		for (int step = 0; step < STEPS; step++)
			if (seen->times[step] > 0) { /* by the one that was killed */
				assert_true(step < kill[i].at);
				assert_true(seen->seed[step] == straight->seed[step]);
				assert_true(seen->weight[step] == straight->weight[step]);
				seen->times[step] = 0;
			}
		assert_int_equal(watched_training(seen, checkpoint, 0, 0, 2, &ema), FM_OK);
		for (int step = 0; step < STEPS; step++) {
			assert_int_equal(seen->times[step], step < kill[i].from ? 0 : straight->times[step]);
			assert_true(seen->seed[step] == straight->seed[step]);
			assert_true(seen->weight[step] == straight->weight[step]);
		}
		assert_memory_equal(want, ema, sizeof *ema * n);
		munmap(seen, sizeof *seen);
		free(ema);
	}
	munmap(straight, sizeof *straight);
	free(want);
}

/* With other records, another key, clip, noise or start it would put a noise that was used on another sum. */
static void a_checkpoint_is_for_its_own_training_alone(void **state)
{
	struct seen *seen = seen_new();
	const char *checkpoint = scratch_path("own"), *copy = scratch_path("copy");
	float *ema;

	(void)state;
	killed_training(seen, checkpoint, 1, 9);
	for (int change = 0; change <= 6; change++) {
		memset(seen->times, 0, sizeof seen->times);
		assert_int_equal(fm_file_copy(checkpoint, copy, 0600, &err), FM_OK);
		assert_int_equal(watched_training(seen, copy, 0, change, 2, &ema), FM_OK);
		assert_true((seen->times[0] > 0) == (change > 0));
		free(ema);
		unlink(copy);
	}
	/* Nor one that was cut or altered. */
	assert_int_equal(fm_file_copy(checkpoint, copy, 0600, &err), FM_OK);
	assert_int_equal(truncate(copy, 20000), 0);
	memset(seen->times, 0, sizeof seen->times);
	assert_int_equal(watched_training(seen, copy, 0, 0, 2, &ema), FM_OK);
	assert_true(seen->times[0] > 0);
	free(ema);
	munmap(seen, sizeof *seen);
}

/* With next to no noise it learns. */
static void it_learns(void **state)
{
	struct fm_charges charges = {0};
	struct fm_private_log log;
	double column[FM_NTOK], before, after;
	struct other o;
	float *ema;

	(void)state;
	other_open(&o, "mlp", "absorbing", 4, 32, 2);
	struct fm_private_opts po = opts_of(&o);
	po.steps = 60;
	po.rate = 5e-3;
	po.noise_multiplier = 0.01;
	ema = calloc(o.net->layout.nfloats, sizeof *ema);
	fm_validate(o.batcher, o.p, &S.validation, (struct fm_validation){40, 4, 1}, column, &before);
	assert_int_equal(fm_private_train(&o.l, &po, o.p, ema, &charges, &log, &err), FM_OK);
	fm_validate(o.batcher, ema, &S.validation, (struct fm_validation){40, 4, 1}, column, &after);
	assert_true(after < 0.7 * before);
	assert_true(log.records > 0 && log.again == 0);
	/* Labels are drawn from once: the same name again would be the same noise. */
	assert_int_equal(fm_private_train(&o.l, &po, o.p, ema, &charges, &log, &err), FM_EINPUT);
	fm_charges_free(&charges);
	free(ema);
	other_close(&o);
}

static void options_out_of_range_are_refused(void **state)
{
	struct fm_charge charge;
	struct other o;

	(void)state;
	other_open(&o, "mlp", "absorbing", 2, 4, 0);
	for (int i = 0; i < 7; i++) {
		struct fm_private_opts po = opts_of(&o);
		struct fm_learner l = o.l;
		if (i == 0)
			po.name = "";
		if (i == 1)
			po.steps = 0;
		if (i == 2)
			po.noise_multiplier = 0;
		if (i == 3)
			po.expected = 0;
		if (i == 4)
			po.rate_num = 9;
		if (i == 5)
			po.clip = 0;
		if (i == 6)
			po.noise_multiplier = 1e9;
		assert_int_equal(fm_private_charge(&l, &po, &charge, &err), FM_EINPUT);
	}
	other_close(&o);
}

static int setup(void **state)
{
	(void)state;
	return scratch_make() < 0 || small_make(&S, &err) < 0 || fm_secret_random(&key, FM_STREAM_KEY, &err) < 0 ? -1
														 : 0;
}

static int teardown(void **state)
{
	(void)state;
	small_free(&S);
	fm_secret_close(&key);
	return scratch_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(record_is_the_mean_of_its_draws),
	    cmocka_unit_test(sums_are_of_single_records),
	    cmocka_unit_test(windows_are_clipped_by_themselves),
	    cmocka_unit_test(clipped_training_is_the_same_on_any_threads),
	    cmocka_unit_test(a_norm_that_is_too_small_is_found),
	    cmocka_unit_test(what_is_no_number_adds_nothing),
	    cmocka_unit_test(a_step_has_the_noise_that_is_charged),
	    cmocka_unit_test(records_are_drawn_at_the_rate),
	    cmocka_unit_test(ranks_change_no_bit),
	    cmocka_unit_test(bits_are_of_the_key_alone),
	    cmocka_unit_test(a_killed_training_ends_with_the_same_bits),
	    cmocka_unit_test(a_checkpoint_is_for_its_own_training_alone),
	    cmocka_unit_test(it_learns),
	    cmocka_unit_test(options_out_of_range_are_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
