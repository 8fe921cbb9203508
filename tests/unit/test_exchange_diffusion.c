/* test_exchange_diffusion.c - noisy counts, a start from their sample, DP-SGD and flows, all in one, on simulated
 * flows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/exchange_diffusion.h"
#include "stages/canaries.h"
#include "tests/unit/model_fixture.h"
#include "tests/unit/scratch.h"

static const char *const labels[] = {"background", "anomaly-spam"};
static const struct fm_range in_range = {0x0a800000u, 9}, out_range = {0xc0000000u, 3};
static struct fm_secret key;
static struct fm_error err;

static bool inside(const void *ctx, uint32_t ip)
{
	(void)ctx;
	return ip >> 24 == 42;
}

static const char *const denoisers[] = {"mlp", "transformer", "unet"};
static const char *denoiser; /* of what is fitted */

static struct fm_exchange_opts opts_of(const struct fm_table *t, struct fm_pool *pool)
{
	return (struct fm_exchange_opts){
	    .counts = {.mu = fm_marginals_mu(8, 0.9e-6),
		       .key_delta = 0.05e-6,
		       .key = &key,
		       .first_ms = t->te[0],
		       .last_ms = t->te[t->rows - 1],
		       .step_ms = 1000,
		       .label = labels,
		       .nlabels = 2,
		       .inside = inside,
		       .pool = pool},
	    .shape = {denoiser, 32, 1, 2},
	    .start_records = 2000,
	    .start = {.steps = 60, .batch = 64, .warmup = 5, .rate = 5e-3, .ema = 0.9, .seed = 2},
	    .clip_quantile = 0.9,
	    .steps = 8,
	    .draws = 4,
	    .warmup = 2,
	    .batch = 100,
	    .records = 8000,
	    .noise_multiplier = 0.8,
	    .rate = 1e-3,
	    .ema = 0.9};
}

static void all_of_it_is_charged_and_makes_flows_with(void)
{
	struct fm_table *t = fixture_flows(8000, 5, 8), *made[2][2] = {{NULL}};
	struct fm_marginals_sample_in in = {.rows = 1500,
					    .seed = 7,
					    .inside = &in_range,
					    .outside = &out_range,
					    .ninside = 1,
					    .noutside = 1,
					    .rounds = 2};
	const char *checkpoint = scratch_path("checkpoint");
	float *first = NULL;
	uint64_t records = 0;

	assert_non_null(t);
	for (int i = 0; i < 3; i++) {
		struct fm_exchange_diffusion x;
		struct fm_pool *pool;
		double counts, both;
		assert_int_equal(fm_pool_new(&pool, i ? 7 / i : 1, &err), FM_OK);
		struct fm_exchange_opts o = opts_of(t, pool);
		/* The first one leaves that of step 6 behind, and the third goes on from there. */
		o.checkpoint = i == 1 ? NULL : checkpoint;
		o.checkpoint_every = i == 0 ? 3 : 0;
		if (fm_exchange_fit(&x, t, &o, &err) < 0)
			fail_msg("%s", err.message);
		/* The ledger: that of the counts, and the training, which costs more. */
		assert_int_equal(x.charges.n, x.m.charges.n + 1);
		const struct fm_charge *c = &x.charges.list[x.charges.n - 1];
		assert_string_equal(c->name, "training");
		assert_true(c->count == 8 && fabs(c->rate - 100.0 / 8000) < 1e-9);
		/* A function of the options alone, whatever the grid of the gradients is. */
		assert_true(c->kind == FM_CHARGE_GAUSSIAN && c->sensitivity == 1 && c->scale == o.noise_multiplier);
		assert_int_equal(fm_charges_epsilon(&x.m.charges, 1e-6, 1, FM_ADD_OR_REMOVE, FM_PLD, &counts, &err),
				 FM_OK);
		assert_int_equal(fm_charges_epsilon(&x.charges, 1e-6, 1, FM_ADD_OR_REMOVE, FM_PLD, &both, &err), FM_OK);
		assert_true(both > counts);
		assert_true(x.log.records > 0 && x.log.clipped < x.log.records);
		if (i == 0)
			records = x.log.records;
		assert_true(i == 2 ? x.log.records < records / 2 : x.log.records == records);
		in.pool = pool;
		for (int alone = 0; alone < 2 && i < 2; alone++) {
			assert_int_equal(fm_exchange_sample(&made[i][alone], &x, &in, alone, &err), FM_OK);
			assert_int_equal(made[i][alone]->rows, 1500);
		}
		if (!first) {
			first = calloc(x.net->layout.nfloats, sizeof *first);
			memcpy(first, x.weights, x.net->layout.nfloats * sizeof *first);
		} else {
			assert_memory_equal(first, x.weights, x.net->layout.nfloats * sizeof *first);
		}
		fm_exchange_free(&x);
		fm_pool_free(pool);
	}
	for (int alone = 0; alone < 2; alone++) {
		const struct fm_table *a = made[0][alone], *b = made[1][alone];

		for (int c = 0; c < FM_NCOL; c++)
			if (FM_HAS(a, c))
				assert_memory_equal(a->col[c], b->col[c], a->rows * fm_cols[c].width);
	}
	/* The one is not the other. */
	assert_memory_not_equal(made[0][0]->byt, made[0][1]->byt, 1500 * sizeof *made[0][0]->byt);
	for (int i = 0; i < 4; i++)
		fm_table_free(made[i / 2][i % 2]);
	fm_table_free(t);
	free(first);
}

/* The share of pairs of a canary that is in and one that is not, of which the former has the higher score. */
static double auc(const double *score, const uint8_t *in, size_t n)
{
	double above = 0, pairs = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			if (in[i] && !in[j]) {
				above += score[i] > score[j] ? 1 : score[i] < score[j] ? 0 : 0.5;
				pairs++;
			}
	return above / pairs;
}

/* What the private steps changed tells who was in, where they have next to no noise; with unit flow, which of two. */
static void losses_tell_canaries_of(const char *unit)
{
	enum { N = 200 };
	struct fm_canary_memory memory = {0};
	struct fm_secret fixed;
	struct fm_config *cfg = NULL;
	struct fm_table *known = fixture_flows(400, 5, 8), *canary, *instead, *with;
	double counts[N], losses[N];
	uint8_t in[N];
	struct fm_exchange_diffusion x;
	struct fm_pool *pool;

	assert_non_null(known);
	assert_int_equal(fm_config_preset(&cfg, "ugr16-dp", NULL, 0, &err), FM_OK);
	snprintf(cfg->privacy.unit, sizeof cfg->privacy.unit, "%s", unit);
	assert_int_equal(fm_pool_new(&pool, 2, &err), FM_OK);
	assert_int_equal(fm_secret_new(&fixed, FM_STREAM_KEY, &err), FM_OK); /* of zeros: the same each time */
	assert_int_equal(fm_canaries_make(&canary, &instead, N, known->present, cfg, &fixed, &err), FM_OK);
	assert_int_equal(instead != NULL, fm_config_unit_flow(cfg));
	assert_int_equal(
	    fm_tables_share_addresses((struct fm_table *[]){known, canary, instead}, instead ? 3 : 2, &err), FM_OK);
	assert_int_equal(fm_table_new(&with, known->present, &err), FM_OK);
	assert_int_equal(fm_table_reserve(with, known->rows + canary->rows, &err), FM_OK);
	for (size_t i = 0; i < N; i++)
		in[i] = i % 3 == 0 || i % 7 == 0;
	for (size_t i = 0; i < known->rows; i++)
		assert_int_equal(fm_table_append(with, known, i, &err), FM_OK);
	for (size_t i = 0; i < canary->rows; i++)
		if (in[i / FM_CANARY_FLOWS] || instead)
			assert_int_equal(fm_table_append(with, in[i / FM_CANARY_FLOWS] ? canary : instead, i, &err),
					 FM_OK);
	struct fm_planted planted = {.n = N,
				     .each = FM_CANARY_FLOWS,
				     .canary = canary,
				     .instead = instead,
				     .known = known,
				     .in = in,
				     .memory = &memory};
	struct fm_exchange_opts o = opts_of(known, pool);
	/* The canaries are of the config's period. */
	assert_int_equal(fm_config_public_period(cfg, &o.counts.first_ms, &o.counts.last_ms, &err), FM_OK);
	o.counts.mu = 500;
	o.counts.key = &fixed;
	o.start.steps = 20;
	o.start_records = 400;
	o.steps = strcmp(denoiser, "unet") == 0 ? 165 : strcmp(denoiser, "transformer") == 0 ? 100 : 120;
	o.rate = 6e-3;
	o.batch = 200;
	o.records = 400;
	o.noise_multiplier = 0.01;
	o.planted = &planted;
	o.by_counts = counts;
	o.by_losses = losses;
	if (fm_exchange_fit(&x, with, &o, &err) < 0)
		fail_msg("%s", err.message);
	print_message("losses tell %.3f, counts %.3f\n", auc(losses, in, N), auc(counts, in, N));
	if (!(auc(losses, in, N) > 0.6 && auc(counts, in, N) > 0.9))
		fail_msg("canaries are told by losses in %.3f of pairs, by counts in %.3f", auc(losses, in, N),
			 auc(counts, in, N));
	fm_exchange_free(&x);
	fm_canary_forget(&memory);
	fm_secret_close(&fixed);
	fm_table_free(known);
	fm_table_free(canary);
	fm_table_free(instead);
	fm_table_free(with);
	fm_config_free(cfg);
	fm_pool_free(pool);
}

static void losses_tell_canaries_that_were_in_with(void)
{
	losses_tell_canaries_of("exchange");
}

static int setup(void **state)
{
	(void)state;
	return scratch_make() < 0 ? -1 : fm_secret_random(&key, FM_STREAM_KEY, &err);
}

static int teardown(void **state)
{
	(void)state;
	fm_secret_close(&key);
	return scratch_remove();
}

/* A trace without a flow, under noise of hundreds of times the clip: that is no failure, and all of it is charged. */
static void nothing_is_learned_from_nothing_with(void)
{
	struct fm_table *t = fixture_flows(8000, 5, 8), *none, *made;
	struct fm_marginals_sample_in in = {
	    .rows = 50, .seed = 7, .inside = &in_range, .outside = &out_range, .ninside = 1, .noutside = 1};
	struct fm_exchange_diffusion x;

	assert_non_null(t);
	assert_int_equal(fm_table_new(&none, t->present, &err), FM_OK);
	struct fm_exchange_opts o = opts_of(t, NULL);
	o.counts.mu = fm_marginals_mu(0.05, 0.9e-6);
	o.noise_multiplier = 400;
	o.start_records = 0;
	if (fm_exchange_fit(&x, none, &o, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(x.charges.n, x.m.charges.n + 1);
	assert_true(x.charges.list[x.charges.n - 1].scale == 400 && x.log.records == 0);
	for (size_t i = 0; i < x.net->layout.nfloats; i++)
		assert_true(isfinite(x.weights[i]));
	x.m.flows_per_record = fmin(fmax(x.m.flows_per_record, 1), FM_EXCHANGE_FLOWS);
	for (int alone = 0; alone < 2; alone++) {
		assert_int_equal(fm_exchange_sample(&made, &x, &in, alone, &err), FM_OK);
		assert_int_equal(made->rows, 50);
		fm_table_free(made);
	}
	fm_exchange_free(&x);
	fm_table_free(none);
	fm_table_free(t);
}

static void with_each(void (*test)(void))
{
	for (size_t i = 0; i < sizeof denoisers / sizeof *denoisers; i++) {
		denoiser = denoisers[i];
		print_message("%s\n", denoiser);
		test();
	}
}

static void all_of_it_is_charged_and_makes_flows(void **state)
{
	(void)state;
	with_each(all_of_it_is_charged_and_makes_flows_with);
}

static void losses_tell_canaries_that_were_in(void **state)
{
	(void)state;
	with_each(losses_tell_canaries_that_were_in_with);
	denoiser = "mlp";
	losses_tell_canaries_of("flow");
}

static void nothing_is_learned_from_nothing(void **state)
{
	(void)state;
	with_each(nothing_is_learned_from_nothing_with);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_of_it_is_charged_and_makes_flows),
					   cmocka_unit_test(losses_tell_canaries_that_were_in),
					   cmocka_unit_test(nothing_is_learned_from_nothing)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
