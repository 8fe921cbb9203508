/*
 * test_one_road.c - a model in privacy.mode dp is made of what went through noise, and of nothing else of the records:
 * a fit over other flows, to which each noisy answer of a first one is given again, ends with that one's bits.
 *
 * The linker puts what is below in the place of the functions that give such answers (-Wl,--wrap), in this program
 * alone.  Each asks the real one first, so that what is asked must be what may be asked of these flows too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "model/exchange_diffusion.h"
#include "privacy/clip.h"
#include "privacy/counts.h"
#include "tests/unit/model_fixture.h"
#include "tests/unit/ok.h"
#include "tests/unit/scratch.h"

static struct fm_error err;
static const char *const labels[] = {"background", "anomaly-spam"};

/* ---- answers ---- */

/* In the order in which they were given. */
static struct answer {
	char of[FM_CHARGE_NAME];
	void *bytes;
	size_t size;
} answers[512];
static size_t given, asked;
static bool again;

/* Keeps an answer, or is the one that was kept. */
static void answer(const char *of, void *bytes, size_t size)
{
	struct answer *a = &answers[again ? asked++ : given++];

	assert_true(given <= sizeof answers / sizeof *answers);
	if (again) {
		if (asked > given || strcmp(a->of, of) != 0 || a->size != size)
			fail_msg("question %zu is %s, with %zu bytes: the other flows' was another", asked, of, size);
		memcpy(bytes, a->bytes, size);
		return;
	}
	snprintf(a->of, sizeof a->of, "%s", of);
	assert_non_null(a->bytes = malloc(size + 1));
	memcpy(a->bytes, bytes, size);
	a->size = size;
}

int __real_fm_counts_histogram(struct fm_counts *c, const struct fm_query *q, struct fm_values v, int64_t *out,
			       struct fm_error *e);
int __wrap_fm_counts_histogram(struct fm_counts *c, const struct fm_query *q, struct fm_values v, int64_t *out,
			       struct fm_error *e);
int __real_fm_counts_pairs(struct fm_counts *c, const struct fm_query *q, struct fm_values a, struct fm_values b,
			   int64_t *out, struct fm_error *e);
int __wrap_fm_counts_pairs(struct fm_counts *c, const struct fm_query *q, struct fm_values a, struct fm_values b,
			   int64_t *out, struct fm_error *e);
int __real_fm_counts_keys(struct fm_counts *c, const struct fm_query *q, const uint64_t *key, double delta,
			  struct fm_keys *out, struct fm_error *e);
int __wrap_fm_counts_keys(struct fm_counts *c, const struct fm_query *q, const uint64_t *key, double delta,
			  struct fm_keys *out, struct fm_error *e);
int __real_fm_grid_noisy_mean(const struct fm_grid *g, const struct fm_grid_noise *noise, const int64_t *sum,
			      float *mean, struct fm_error *e);
int __wrap_fm_grid_noisy_mean(const struct fm_grid *g, const struct fm_grid_noise *noise, const int64_t *sum,
			      float *mean, struct fm_error *e);

int __wrap_fm_counts_histogram(struct fm_counts *c, const struct fm_query *q, struct fm_values v, int64_t *out,
			       struct fm_error *e)
{
	int rc = __real_fm_counts_histogram(c, q, v, out, e);

	if (rc == FM_OK)
		answer(q->name, out, v.n * sizeof *out);
	return rc;
}

int __wrap_fm_counts_pairs(struct fm_counts *c, const struct fm_query *q, struct fm_values a, struct fm_values b,
			   int64_t *out, struct fm_error *e)
{
	int rc = __real_fm_counts_pairs(c, q, a, b, out, e);

	if (rc == FM_OK)
		answer(q->name, out, a.n * b.n * sizeof *out);
	return rc;
}

/* A list of another length: its keys, behind their number. */
int __wrap_fm_counts_keys(struct fm_counts *c, const struct fm_query *q, const uint64_t *key, double delta,
			  struct fm_keys *out, struct fm_error *e)
{
	int rc = __real_fm_counts_keys(c, q, key, delta, out, e);

	if (rc < 0)
		return rc;
	answer(q->name, &out->n, sizeof out->n);
	if (again) {
		free(out->list);
		assert_non_null(out->list = malloc((out->n + 1) * sizeof *out->list));
	}
	answer(q->name, out->list, out->n * sizeof *out->list);
	return FM_OK;
}

/* The clip is no answer, but what the answers made. */
int __wrap_fm_grid_noisy_mean(const struct fm_grid *g, const struct fm_grid_noise *noise, const int64_t *sum,
			      float *mean, struct fm_error *e)
{
	int rc = __real_fm_grid_noisy_mean(g, noise, sum, mean, e);
	double of[2] = {g->clip, noise->divisor}, before[2];

	memcpy(before, of, sizeof of);
	answer("clip and size of a batch", of, sizeof of);
	assert_memory_equal(of, before, sizeof of);
	if (rc == FM_OK)
		answer("gradients", mean, g->dim * sizeof *mean);
	return rc;
}

/* ---- fits ---- */

static bool inside(const void *ctx, uint32_t ip)
{
	(void)ctx;
	return ip >> 24 == 42;
}

/* Nothing of it is of one trace's flows: each has a key of its own. */
static struct fm_exchange_opts opts(const char *denoiser, unsigned window, const struct fm_secret *key,
				    struct fm_pool *pool)
{
	const int64_t day = 1460332800000; /* 2016-04-11 */

	return (struct fm_exchange_opts){.counts = {.mu = fm_marginals_mu(8, 0.9e-6),
						    .key_delta = 0.05e-6,
						    .window = window,
						    .key = key,
						    .first_ms = day,
						    .last_ms = day + 7200000,
						    .step_ms = 1000,
						    .label = labels,
						    .nlabels = 2,
						    .inside = inside,
						    .pool = pool},
					 .shape = {denoiser, 32, 1, 2},
					 .start = {.steps = 20, .batch = 64, .rate = 5e-3, .ema = 0.9, .seed = 2},
					 .clip_quantile = 0.9,
					 .steps = 3,
					 .draws = 2,
					 .batch = 100,
					 .records = 8000,
					 .noise_multiplier = 0.8,
					 .rate = 1e-3,
					 .ema = 0.9};
}

static const struct trace {
	uint64_t rows, seed;
} traces[] = {{4000, 5}, {4000, 5}, {1700, 9}, {1, 3}};

/* The model of a fit over a trace, without a network where denoiser is NULL, as bytes. */
static void model_of(const struct trace *of, const char *denoiser, unsigned window, struct fm_buf *bytes)
{
	struct fm_table *t = fixture_flows(of->rows, of->seed, 8);
	const char *path = scratch_path("model");
	struct fm_exchange_diffusion x = {0};
	struct fm_secret key;
	struct fm_pool *pool;
	struct fm_exchange_opts o;

	assert_non_null(t);
	OK(fm_pool_new(&pool, 1, &err));
	OK(fm_secret_random(&key, FM_STREAM_KEY, &err));
	o = opts(denoiser, window, &key, pool);
	if (denoiser)
		OK(fm_exchange_fit(&x, t, &o, &err));
	else
		OK(fm_marginals_fit(&x.m, t, &o.counts, &err));
	OK(fm_marginals_save(&x.m, path, &err));
	OK(fm_file_read(path, 1 << 28, bytes, &err));
	if (denoiser) {
		fm_buf_add(bytes, x.weights, x.net->layout.nfloats * sizeof *x.weights);
		fm_buf_add(bytes, x.start, x.net->layout.nfloats * sizeof *x.start);
		fm_exchange_free(&x);
	} else {
		fm_marginals_free(&x.m);
	}
	fm_secret_close(&key);
	fm_pool_free(pool);
	fm_table_free(t);
}

static void is_of_answers_alone(const char *denoiser, unsigned window)
{
	struct fm_buf first = {0}, other = {0};

	given = 0;
	again = false;
	model_of(&traces[0], denoiser, window, &first);
	assert_true(given > 80);
	/* (Without them the same flows make another model, under another key.) */
	asked = given;
	given = 0;
	model_of(&traces[1], denoiser, window, &other);
	assert_true(other.len != first.len || memcmp(other.data, first.data, first.len) != 0);
	fm_buf_free(&first);
	first = other;
	again = true;
	for (size_t i = 1; i < sizeof traces / sizeof *traces; i++) {
		other = (struct fm_buf){0};
		asked = 0;
		model_of(&traces[i], denoiser, window, &other);
		assert_int_equal(asked, given);
		if (other.len != first.len || memcmp(other.data, first.data, first.len) != 0)
			fail_msg("of %llu other flows and the same answers comes another model",
				 (unsigned long long)traces[i].rows);
		fm_buf_free(&other);
	}
	fm_buf_free(&first);
}

static void counts_are_of_answers_alone(void **state)
{
	(void)state;
	is_of_answers_alone(NULL, 0);
	is_of_answers_alone(NULL, 4);
}

static void a_network_is_of_answers_alone(void **state)
{
	(void)state;
	is_of_answers_alone("mlp", 0);
	is_of_answers_alone("transformer", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_are_of_answers_alone),
	    cmocka_unit_test(a_network_is_of_answers_alone),
	};

	return cmocka_run_group_tests_name("one_road", tests, scratch_setup, scratch_teardown);
}
