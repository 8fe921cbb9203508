/* test_record_net.c - diffusion over rows of tokens, by every denoiser: gradients, records by themselves, learning,
 * DP-SGD, samples. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/diffusion/record_net.h"

enum { N = 4000, COLUMNS = 6 };
static const int vocab[COLUMNS] = {7, 5, 1, 11, 3, 40};
static uint16_t tok[N * COLUMNS];
static const struct fm_records records = {N, tok};
/* What goes together stands in places of its own; one place has no column, one none with two values. */
static const uint8_t place[COLUMNS] = {0, 1, 3, 4, 0, 1};
static const struct fm_record_shape shapes[] = {
    {"mlp", 1, NULL, 32, 2, 1}, {"transformer", 5, place, 32, 1, 2}, {"unet", 5, place, 32, 2, 2}};
static const struct fm_record_shape *shape; /* of the tests that are run */
static struct fm_record_net *net;
static float *learned; /* by it_learns_and_samples */
static struct fm_secret key;
static struct fm_error err;

/* Column 1 follows 0 but for one in ten; 3 is 0 and 4 together; 5 is by itself and skewed. */
static int setup(void **state)
{
	struct fm_rng r;

	(void)state;
	fm_rng_init(&r, 1, FM_RNG_JUDGE, 0, 0);
	for (size_t i = 0; i < N; i++) {
		uint16_t *x = tok + i * COLUMNS;
		x[0] = (uint16_t)(fm_rng_below(&r, 3) + fm_rng_below(&r, 5));
		x[1] = (uint16_t)(fm_rng_below(&r, 10) == 0 ? fm_rng_below(&r, 5) : x[0] * 2u % 5);
		x[2] = 0;
		x[4] = (uint16_t)fm_rng_below(&r, 3);
		x[3] = (uint16_t)((x[0] + 3u * x[4]) % 11);
		x[5] = (uint16_t)(fm_rng_below(&r, 40) * fm_rng_below(&r, 40) / 40);
	}
	return fm_record_net_new(&net, vocab, COLUMNS, shape, &err) < 0 ||
		       fm_secret_random(&key, FM_STREAM_KEY, &err) < 0
		   ? -1
		   : 0;
}

static int teardown(void **state)
{
	(void)state;
	fm_record_net_free(net);
	free(learned);
	learned = NULL;
	fm_secret_close(&key);
	return 0;
}

static float *weights(bool random)
{
	float *p = calloc(net->layout.nfloats, sizeof *p);

	fm_layout_init(&net->layout, p, 2);
	for (size_t i = 0; random && i < net->layout.nfloats; i++)
		p[i] += 0.02f * (float)((i * 2654435761u >> 7) % 101) / 50 - 0.02f;
	return p;
}

/* A record's kept gradient, along a direction, is the slope of its loss; of all tensors at once. */
static void gradients_are_the_slope_of_the_loss(void **state)
{
	struct fm_record_space *s;
	struct fm_record_learner rl;
	struct fm_kept *kept;
	size_t n = net->layout.nfloats;
	float *p = weights(true), *g = calloc(n, sizeof *g), *q = calloc(n, sizeof *q);

	(void)state;
	assert_int_equal(fm_record_space_new(&s, net, NULL, &err), FM_OK);
	assert_int_equal(fm_kept_new(&kept, &err), FM_OK);
	rl = (struct fm_record_learner){s, &records, 8};
	/* The learner's loss is that of fm_record_loss for the mean over many masks. */
	struct fm_learner l = fm_learner_of_records(&rl);
	uint32_t some[8] = {5, 77, 301, 1000, 1001, 2000, 3000, 3999};
	double loss[2] = {0, 0}, slope = 0, along = 0;
	for (int seed = 0; seed < 400; seed++) {
		l.pass(l.ctx, 0, p, &(struct fm_lot){(uint64_t)seed, 0, some, 8}, kept);
		assert_int_equal(fm_kept_check(kept, &err), FM_OK);
		for (int i = 0; i < 8; i++)
			fm_kept_add(kept, i, 1.0f / 8 / 400, g);
	}
	uint16_t own[8 * COLUMNS];
	for (int i = 0; i < 8; i++)
		memcpy(own + i * COLUMNS, tok + some[i] * COLUMNS, sizeof *own * COLUMNS);
	struct fm_records few = {8, own};
	double size = 0;
	for (size_t i = 0; i < n; i++)
		size += (double)g[i] * (double)g[i];
	for (int side = 0; side < 2; side++) {
		for (size_t i = 0; i < n; i++)
			q[i] = p[i] + (side ? 0.01f : -0.01f) * g[i] / (float)sqrt(size);
		loss[side] = fm_record_loss(s, q, &few, 3000, 7);
	}
	slope = (loss[1] - loss[0]) / 0.02;
	along = sqrt(size);
	if (!(fabs(slope - along) < 0.05 * along))
		fail_msg("the slope is %g, the gradient says %g", slope, along);
	fm_kept_free(kept);
	fm_record_space_free(s);
	free(p), free(g), free(q);
}

static double norm_of(const float *g, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)g[i] * (double)g[i];
	return sqrt(sum);
}

/* Tensor by tensor: of a lot's loss, under its own masks. */
static void every_tensor_has_its_slope(void **state)
{
	uint32_t some[8] = {5, 77, 301, 1000, 1001, 2000, 3000, 3999};
	struct fm_record_learner rl = {NULL, &records, 8};
	struct fm_lot lot = {3, 1, some, 8};
	size_t n = net->layout.nfloats;
	float *p = weights(true), *g = calloc(n, sizeof *g), *q = calloc(n, sizeof *q);

	(void)state;
	assert_int_equal(fm_record_space_new(&rl.space, net, NULL, &err), FM_OK);
	double whole = fm_record_draws(&rl, 0, p, &lot, &(struct fm_sink){.g = g});
	assert_true(whole == fm_record_draws(&rl, 0, p, &lot, NULL));
	for (int i = 0; i < net->layout.n; i++) {
		const struct fm_tensor *t = &net->layout.tensor[i];
		size_t m = (size_t)t->rows * (size_t)t->cols;
		double size = norm_of(g + t->at, m), h = fmin(0.05 / size, 0.02), loss[2];

		if (!(size > 1e-3))
			continue; /* such as the embedding of a token that no record has */
		for (int side = 0; side < 2; side++) {
			memcpy(q, p, sizeof *q * n);
			for (size_t k = 0; k < m; k++)
				q[t->at + k] += (float)((side ? h : -h) * (double)g[t->at + k] / size);
			loss[side] = fm_record_draws(&rl, 0, q, &lot, NULL);
		}
		double slope = (loss[1] - loss[0]) / (2 * h);
		if (!(fabs(slope - size) <= 0.02 * size + 1e-3))
			fail_msg("%s, %s: the slope is %g, by the gradient %g", shape->denoiser, t->name, slope, size);
	}
	fm_record_space_free(rl.space);
	free(p), free(g), free(q);
}

/* A record's kept gradient and norm, among others, are those of the plain sum of its draws alone. */
static void a_record_is_the_mean_of_its_draws(void **state)
{
	static const int draws[] = {1, 3, 8};
	uint32_t some[8] = {5, 77, 301, 1000, 1001, 2000, 3000, 3999};
	struct fm_record_learner rl = {NULL, &records, 1};
	size_t n = net->layout.nfloats;
	float *p = weights(true), *want = calloc(n, sizeof *want), *got = calloc(n, sizeof *got);
	struct fm_kept *kept;

	(void)state;
	assert_int_equal(fm_record_space_new(&rl.space, net, NULL, &err), FM_OK);
	assert_int_equal(fm_kept_new(&kept, &err), FM_OK);
	for (size_t d = 0; d < sizeof draws / sizeof *draws; d++) {
		rl.draws = draws[d];
		struct fm_learner l = fm_learner_of_records(&rl);
		struct fm_lot lot = {99, 4, some, 8};

		l.pass(l.ctx, 0, p, &lot, kept);
		assert_int_equal(fm_kept_check(kept, &err), FM_OK);
		for (int i = 0; i < 8; i++) {
			struct fm_lot alone = {99, 4, some + i, 1};
			double norm, of_kept = sqrt(fm_kept_norm2(kept, i));

			memset(want, 0, sizeof *want * n);
			memset(got, 0, sizeof *got * n);
			fm_record_draws(&rl, 0, p, &alone, &(struct fm_sink){.g = want});
			norm = norm_of(want, n);
			fm_kept_add(kept, i, 1, got);
			for (size_t k = 0; k < n; k++)
				got[k] -= want[k];
			if (!(norm > 0 && fabs(of_kept - norm) <= 1e-5 * norm && norm_of(got, n) <= 1e-5 * norm))
				fail_msg("%s, %d draws: the norm is %.9g, not %.9g, the gradient off by %g of it",
					 shape->denoiser, draws[d], of_kept, norm, norm_of(got, n) / norm);
		}
	}
	fm_kept_free(kept);
	fm_record_space_free(rl.space);
	free(p), free(want), free(got);
}

static double norm_of_steps(const int64_t *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sqrt(sum);
}

/* The sum of a batch is that of its records one by one, in every integer, whatever the passes are; each is within the
 * clip.  So an exchange more or less moves it by its own part. */
static void sums_are_of_single_records(void **state)
{
	enum { SOME = 23 };
	uint32_t some[SOME];
	struct fm_record_learner rl = {NULL, &records, 4};
	size_t n = net->layout.nfloats;
	int64_t *one = calloc(n, sizeof *one), *all = calloc(n, sizeof *all);
	float *p = weights(true);

	(void)state;
	for (uint32_t i = 0; i < SOME; i++)
		some[i] = i * 5 + 2;
	for (int tight = 0; tight < 2; tight++) {
		struct fm_private_opts o = {.name = "records",
					    .steps = 12,
					    .rate_num = 1,
					    .rate_den = 8,
					    .expected = N / 8,
					    .clip = tight ? 1e-3 : 1e4,
					    .noise_multiplier = 1.5,
					    .key = &key};
		struct fm_private *t;
		const int64_t *sum;
		int clipped = 0;

		assert_int_equal(fm_pool_new(&o.pool, 2, &err), FM_OK);
		assert_int_equal(fm_record_space_new(&rl.space, net, o.pool, &err), FM_OK);
		struct fm_learner l = fm_learner_of_records(&rl);
		assert_int_equal(fm_private_new(&t, &l, &o, &err), FM_OK);
		double most = fm_grid_sensitivity(fm_private_grid(t));
		assert_int_equal(fm_private_sum(t, p, 3, some, SOME, &sum, &err), FM_OK);
		memcpy(all, sum, sizeof *all * n);
		memset(one, 0, sizeof *one * n);
		for (int i = 0; i < SOME; i++) {
			assert_int_equal(fm_private_sum(t, p, 3, some + i, 1, &sum, &err), FM_OK);
			double norm = norm_of_steps(sum, n);
			assert_true(norm > 0 && norm <= most);
			clipped += norm > 0.99 * most;
			for (size_t k = 0; k < n; k++)
				one[k] += sum[k];
		}
		assert_memory_equal(one, all, sizeof *one * n);
		assert_int_equal(clipped, tight ? SOME : 0);
		/* Without the last of them the sum moves by what that one adds. */
		assert_int_equal(fm_private_sum(t, p, 3, some, SOME - 1, &sum, &err), FM_OK);
		for (size_t k = 0; k < n; k++)
			one[k] -= sum[k];
		assert_true(norm_of_steps(one, n) <= most);
		fm_private_free(t);
		fm_record_space_free(rl.space);
		fm_pool_free(o.pool);
	}
	free(p), free(one), free(all);
}

/* Shares of the pairs of columns a and b: half the summed difference. */
static double pair_error(const uint16_t *made, size_t n, int a, int b)
{
	double diff[64 * 64] = {0}, sum = 0;

	for (size_t i = 0; i < N; i++)
		diff[tok[i * COLUMNS + a] * 64 + tok[i * COLUMNS + b]] += 1.0 / N;
	for (size_t i = 0; i < n; i++)
		diff[made[i * COLUMNS + a] * 64 + made[i * COLUMNS + b]] -= 1.0 / (double)n;
	for (size_t i = 0; i < sizeof diff / sizeof *diff; i++)
		sum += fabs(diff[i]) / 2;
	return sum;
}

/* A sequence is learned more slowly than a row, and what is in several places last. */
static int steps_to_learn(void)
{
	return shape->places == 1 ? 200 : 600;
}

/* fm_record_learn of all steps or of a few; a sample with it, if asked for. */
static void learn(int threads, int steps, float *p, uint16_t *made)
{
	struct fm_record_learn_opts o = {
	    .steps = steps, .batch = 128, .warmup = 20, .rate = 5e-3, .ema = 0.95, .seed = 4};
	struct fm_record_space *s;
	struct fm_pool *pool;

	assert_int_equal(fm_pool_new(&pool, threads, &err), FM_OK);
	assert_int_equal(fm_record_space_new(&s, net, pool, &err), FM_OK);
	double before = fm_record_loss(s, p, &records, 1, 3);
	assert_int_equal(fm_record_learn(s, &records, &o, p, &err), FM_OK);
	double after = fm_record_loss(s, p, &records, 1, 3);
	if (!(after < (steps < steps_to_learn() ? 1 : 0.8) * before))
		fail_msg("%d steps: the loss went from %g to %g", steps, before, after);
	if (made)
		fm_record_sample(s, p, 9, N, NULL, made);
	fm_record_space_free(s);
	fm_pool_free(pool);
}

/* Learn, sample; what was learned is in the sample. */
static void it_learns_and_samples(void **state)
{
	uint16_t *made = calloc(N * COLUMNS, sizeof *made);

	(void)state;
	learned = weights(false);
	learn(2, steps_to_learn(), learned, made);
	for (size_t i = 0; i < N * COLUMNS; i++)
		assert_true(made[i] < vocab[i % COLUMNS]);
	if (!(pair_error(made, N, 0, 1) < 0.1 && pair_error(made, N, 3, 4) < 0.1))
		fail_msg("pairs are off by %g and %g", pair_error(made, N, 0, 1), pair_error(made, N, 3, 4));
	free(made);
}

/* Weights and flows are the same for any number of threads. */
static void threads_change_no_bit(void **state)
{
	uint16_t *made[2];
	float *p[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		made[i] = calloc(N * COLUMNS, sizeof *made[i]);
		p[i] = weights(false);
		learn(i ? 3 : 1, 25, p[i], made[i]);
	}
	assert_memory_equal(p[0], p[1], sizeof(float) * net->layout.nfloats);
	assert_memory_equal(made[0], made[1], sizeof *made[0] * N * COLUMNS);
	for (int i = 0; i < 2; i++)
		free(p[i]), free(made[i]);
}

/* Columns that are given stay, and the others follow them: y is in the sample what it is in the records beside that x.
 */
static void what_is_given_stays(void **state)
{
	bool given[COLUMNS] = {true};
	uint16_t *made = calloc(N * COLUMNS, sizeof *made);
	struct fm_record_space *s;

	(void)state;
	assert_non_null(learned);
	assert_int_equal(fm_record_space_new(&s, net, NULL, &err), FM_OK);
	for (size_t i = 0; i < N; i++)
		made[i * COLUMNS] = tok[i * COLUMNS];
	fm_record_sample(s, learned, 9, N, given, made);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(made[i * COLUMNS], tok[i * COLUMNS]);
	if (!(pair_error(made, N, 0, 1) < 0.1))
		fail_msg("the pair of a given column is off by %g", pair_error(made, N, 0, 1));
	fm_record_space_free(s);
	free(made);
}

/* p over q and q over p are each other's inverse, within `most`; of the same weights they are 1. */
static void a_ratio_is_one_over_the_other(void **state)
{
	enum { ROWS = 50 };
	uint16_t masked[ROWS * COLUMNS];
	float *p = weights(true), *q = weights(false), there[ROWS * 64], back[ROWS * 64];
	struct fm_record_space *s;
	double far = 0;

	(void)state;
	for (size_t i = 0; i < ROWS * COLUMNS; i++)
		masked[i] = i % COLUMNS == 0 ? tok[i] : (uint16_t)vocab[i % COLUMNS];
	assert_int_equal(fm_record_space_new(&s, net, NULL, &err), FM_OK);
	for (int c = 1; c < COLUMNS; c++) {
		if (vocab[c] == 1)
			continue;
		fm_record_ratio(s, 0, p, q, masked, ROWS, c, 1e6f, there);
		fm_record_ratio(s, 0, q, p, masked, ROWS, c, 1e6f, back);
		for (int i = 0; i < ROWS * vocab[c]; i++) {
			assert_true(fabs((double)there[i] * (double)back[i] - 1) < 1e-5);
			far = fmax(far, (double)there[i]);
		}
		fm_record_ratio(s, 0, p, q, masked, ROWS, c, 1.01f, there);
		fm_record_ratio(s, 0, p, p, masked, ROWS, c, 1e6f, back);
		for (int i = 0; i < ROWS * vocab[c]; i++)
			assert_true(there[i] <= 1.01f && there[i] >= 1 / 1.01f && back[i] == 1);
	}
	assert_true(far > 1.01);
	fm_record_space_free(s);
	free(p), free(q);
}

/* DP-SGD over records: each by itself, the same bits however it is cut, and it learns where noise is small. */
static void records_are_trained_privately(void **state)
{
	struct fm_private_opts o = {.name = "records",
				    .rate_num = 1,
				    .rate_den = 20,
				    .expected = N / 20,
				    .noise_multiplier = 0.3,
				    .warmup = 5,
				    .rate = 5e-3,
				    .ema = 0.9,
				    .key = &key};
	struct fm_record_learner rl = {NULL, &records, shape->places == 1 ? 8 : 2};
	size_t n = net->layout.nfloats;
	float *first = calloc(n, sizeof *first), *ema = calloc(n, sizeof *ema);
	uint32_t some[100];
	double norm[100];

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		some[i] = i * 31;
	/* Long enough to learn, and then a few steps each of two numbers of threads. */
	for (int i = 0; i < 3; i++) {
		struct fm_charges charges = {0};
		struct fm_private_log log;
		float *p = weights(false);
		double before, after;
		o.steps = i == 0 ? 60 : 8;
		assert_int_equal(fm_pool_new(&o.pool, i == 2 ? 7 : 1 + !i, &err), FM_OK);
		assert_int_equal(fm_record_space_new(&rl.space, net, o.pool, &err), FM_OK);
		struct fm_learner l = fm_learner_of_records(&rl);
		if (i == 2)
			l.most = 3; /* other passes */
		assert_int_equal(fm_private_norms(&l, p, &(struct fm_lot){1, 0, some, 100}, norm, &err), FM_OK);
		assert_int_equal(fm_clip_choose(norm, 100, 0.9, &o.clip, &err), FM_OK);
		before = fm_record_loss(rl.space, p, &records, 1, 3);
		assert_int_equal(fm_private_train(&l, &o, p, ema, &charges, &log, &err), FM_OK);
		after = fm_record_loss(rl.space, ema, &records, 1, 3);
		assert_true(log.clipped > 0 && log.clipped < log.records);
		if (i == 0 && !(after < 0.95 * before))
			fail_msg("the loss went from %g to %g", before, after);
		assert_int_equal(charges.n, 1);
		if (i == 1)
			memcpy(first, ema, sizeof *ema * n);
		if (i == 2)
			assert_memory_equal(first, ema, sizeof *ema * n);
		fm_charges_free(&charges);
		fm_record_space_free(rl.space);
		fm_pool_free(o.pool);
		free(p);
	}
	free(first), free(ema);
}

static void what_is_out_of_range_is_refused(void **state)
{
	struct fm_record_net *none;
	const int ones[2] = {1, 1}, zero[2] = {3, 0};
	struct fm_record_shape other = *shape;

	(void)state;
	assert_int_equal(fm_record_net_new(&none, ones, 2, shape, &err), FM_EINPUT);
	assert_int_equal(fm_record_net_new(&none, zero, 2, shape, &err), FM_EINPUT);
	assert_int_equal(fm_record_net_new(&none, vocab, 65, shape, &err), FM_EINPUT);
	other.width = 24;
	assert_int_equal(fm_record_net_new(&none, vocab, COLUMNS, &other, &err), FM_EINPUT);
	other = *shape;
	other.depth = 0;
	assert_int_equal(fm_record_net_new(&none, vocab, COLUMNS, &other, &err), FM_EINPUT);
	other = *shape;
	other.places = shape->places == 1 ? 2 : 4; /* an MLP sees one; the fifth is taken */
	assert_int_equal(fm_record_net_new(&none, vocab, COLUMNS, &other, &err), FM_EINPUT);
	other = *shape;
	other.denoiser = "oracle";
	assert_int_equal(fm_record_net_new(&none, vocab, COLUMNS, &other, &err), FM_EINPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gradients_are_the_slope_of_the_loss),
	    cmocka_unit_test(every_tensor_has_its_slope),
	    cmocka_unit_test(a_record_is_the_mean_of_its_draws),
	    cmocka_unit_test(sums_are_of_single_records),
	    cmocka_unit_test(it_learns_and_samples),
	    cmocka_unit_test(threads_change_no_bit),
	    cmocka_unit_test(what_is_given_stays),
	    cmocka_unit_test(a_ratio_is_one_over_the_other),
	    cmocka_unit_test(records_are_trained_privately),
	    cmocka_unit_test(what_is_out_of_range_is_refused),
	};
	int failed = 0;

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		shape = &shapes[i];
		print_message("%s\n", shape->denoiser);
		failed += cmocka_run_group_tests(tests, setup, teardown);
	}
	return failed;
}
