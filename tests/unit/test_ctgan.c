/* test_ctgan.c - CTGAN's codec, conditions, training and sampling: what was coded comes back, training is the same bits
 * for any number of threads and from a checkpoint, divergence is said, and addresses are fresh. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/ctgan/trainer.h"
#include "model/rows/addresses.h"
#include "tests/unit/generator_fixture.h"
#include "tests/unit/scratch.h"

struct flows {
	struct fm_table *t;
	struct fm_gan_codec *c;
	struct fm_gan_rows rows;
	struct fm_gan n;
};

static void flows_make(struct flows *f, bool bits)
{
	struct fm_gan_codec_opts o = {.bits = bits, .min_count = 5, .k = 5, .seed = 1};
	struct fm_error err;

	f->t = fixture_flows(ROWS, 11, TINY_WINDOW);
	OK(fm_gan_codec_fit(&f->c, &f->rows, f->t, &o, &err));
	struct fm_gan_shape s = {16, 24, f->c->row, f->c->cond, f->c->group, f->c->ngroups};
	fm_gan_init(&f->n, &s);
}

static void flows_free(struct flows *f)
{
	fm_gan_rows_free(&f->rows);
	fm_gan_codec_free(f->c);
	fm_table_free(f->t);
}

static void what_was_coded_comes_back(void **state)
{
	struct fm_error err;

	(void)state;
	for (int bits = 0; bits < 2; bits++) {
		struct fm_table *back = NULL;
		struct fm_gan_codec *again = NULL;
		struct flows f;
		json_t *j;
		size_t near = 0, rare = 0;

		flows_make(&f, bits);
		j = fm_gan_codec_json(f.c);
		OK(fm_gan_codec_from_json(&again, j, &err));
		assert_int_equal(again->row, f.c->row);
		assert_int_equal(again->cond, f.c->cond);
		OK(fm_row_table_new(&back, &again->flows, ROWS, &err));
		float *x = calloc((size_t)f.c->row, sizeof *x);
		for (size_t i = 0; i < ROWS; i++) {
			fm_gan_vector(f.c, &f.rows, i, x);
			fm_gan_decode(again, x, back, i);
			near += llabs((long long)(back->te[i] - f.t->te[i])) <= 1000;
			if (bits) {
				struct fm_address a = fm_table_address(f.t, f.t->sa[i]);

				assert_int_equal(back->sa[i], fm_address_fold(&a));
				assert_true(fabs((double)back->pkt[i] - (double)f.t->pkt[i]) <=
					    0.01 * (double)f.t->pkt[i]);
			}
		}
		assert_true(near > ROWS * 95 / 100);
		for (size_t i = 0; i < ROWS; i++) {
			const char *pr = fm_table_category(f.t, FM_PR, i);

			/* One that fewer than min_count rows have is taken for the most frequent. */
			if (fm_dict_index(&back->dict[FM_PR], pr, strlen(pr), false) >= 0)
				assert_string_equal(fm_table_category(back, FM_PR, i), pr);
			else
				rare++;
		}
		assert_true(rare < ROWS / 100);
		free(x);
		json_decref(j);
		fm_gan_codec_free(again);
		fm_table_free(back);
		flows_free(&f);
	}
}

/* A row drawn for a condition has its value; logs make rare values more frequent. */
static void conditions_have_their_rows(void **state)
{
	struct fm_gan_conditions *t = NULL;
	struct fm_error err;
	struct flows f;
	size_t drawn[2][2] = {{0}};

	(void)state;
	flows_make(&f, false);
	OK(fm_gan_conditions_new(&t, f.c, &f.rows, &err));
	for (int logs = 0; logs < 2; logs++) {
		struct fm_rng r;

		fm_rng_init(&r, 1, FM_RNG_JUDGE, 0, 0);
		for (int i = 0; i < 4000; i++) {
			struct fm_gan_condition k = fm_gan_condition_draw(t, logs, &r);
			size_t row = fm_gan_condition_row(t, k, &r);
			const struct fm_gan_column *c = &f.c->column[k.column];

			assert_int_equal(f.rows.code[(size_t)k.column * f.rows.n + row], k.value);
			drawn[logs][c->of->count[k.value] < ROWS / 10]++;
		}
	}
	assert_true(drawn[1][1] > drawn[0][1] + 100);
	fm_gan_conditions_free(t);
	flows_free(&f);
}

static float *train(const struct flows *f, struct fm_gan_train_opts o, struct fm_gan_train_result *r)
{
	float *p = calloc(f->n.generator.nfloats + f->n.critic.nfloats, sizeof *p);
	struct fm_error err;

	OK(fm_gan_train(&f->n, f->c, &f->rows, &o, p, r, &err));
	return p;
}

static void training_repeats(void **state)
{
	struct fm_gan_train_opts o = {
	    .loop = {.steps = 12, .seed = 3}, .batch = 100, .rate = 2e-4, .weight_decay = 1e-6};
	struct fm_gan_train_result a, b;
	struct fm_error err;
	struct flows f;
	const char *path = scratch_path("checkpoint.safetensors");
	size_t n;
	float *one, *three, *cut, *resumed;

	(void)state;
	flows_make(&f, true);
	n = (f.n.generator.nfloats + f.n.critic.nfloats) * sizeof(float);
	one = train(&f, o, &a);
	OK(fm_pool_new(&o.pool, 3, &err));
	three = train(&f, o, &b);
	assert_memory_equal(one, three, n);
	/* A checkpoint of step 5 and of step 10 is written; the second run goes on from the last. */
	o.loop.path = path;
	o.loop.identity = "test";
	o.loop.every = 5;
	cut = train(&f, o, &b);
	assert_true(b.flows == 12 * 100);
	resumed = train(&f, o, &b);
	assert_true(b.flows == 2 * 100 && b.steps == 12);
	assert_memory_equal(one, cut, n);
	assert_memory_equal(one, resumed, n);
	assert_true(a.critic == b.critic && a.generator == b.generator);
	fm_pool_free(o.pool);
	free(one);
	free(three);
	free(cut);
	free(resumed);
	flows_free(&f);
}

static void divergence_is_said(void **state)
{
	struct fm_gan_train_opts o = {.loop = {.steps = 200, .seed = 3}, .batch = 20, .rate = 1};
	struct fm_gan_train_result r;
	struct fm_error err;
	struct flows f;

	(void)state;
	flows_make(&f, false);
	float *p = calloc(f.n.generator.nfloats + f.n.critic.nfloats, sizeof *p);
	assert_int_equal(fm_gan_train(&f.n, f.c, &f.rows, &o, p, &r, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "training diverges: at step"));
	assert_non_null(strstr(err.message, "train.gan_rate (1)"));
	free(p);
	flows_free(&f);
}

/* Equal numbers get equal addresses, others others, all of the ranges. */
static void addresses_are_fresh(void **state)
{
	static const struct fm_range range = {0x0a000000, 20};
	struct fm_range_list list = {&range, 1};
	struct fm_table *t = NULL;
	struct fm_error err;
	struct flows f;
	uint32_t was[300][2];

	(void)state;
	flows_make(&f, false);
	memset(f.c->flows.inside, 0, sizeof f.c->flows.inside);
	OK(fm_row_table_new(&t, &f.c->flows, 300, &err));
	for (uint32_t i = 0; i < 300; i++) {
		was[i][0] = t->sa[i] = 7 * (i % 40);
		was[i][1] = t->da[i] = 0xc0000000u + i;
	}
	OK(fm_row_addresses(f.c->flows.inside, t, &list, &list, 1, &err));
	for (int i = 0; i < 300; i++) {
		assert_int_equal(t->sa[i] >> 12, 0x0a000000 >> 12);
		for (int k = 0; k < i; k++) {
			assert_int_equal(t->sa[i] == t->sa[k], was[i][0] == was[k][0]);
			assert_true(t->da[i] != t->da[k] && t->da[i] != t->sa[k]);
		}
	}
	static const struct fm_range few = {0x0a000000, 28};
	struct fm_range_list short_list = {&few, 1};
	assert_int_equal(fm_row_addresses(f.c->flows.inside, t, &short_list, &short_list, 1, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "generate.outside has 16 addresses"));
	fm_table_free(t);
	flows_free(&f);
}

/* Rows are counted by what their one-hots say, and few of them where real flows have many are a collapse. */
static void collapse_is_seen(void **state)
{
	struct flows f;
	size_t row;
	float *x;
	int real;

	(void)state;
	flows_make(&f, false);
	row = (size_t)f.c->row;
	x = calloc(100 * row, sizeof *x);
	for (size_t i = 0; i < 100; i++)
		fm_gan_vector(f.c, &f.rows, i, x + i * row);
	real = fm_gan_distinct(f.c, x, 100);
	assert_in_range(real, 50, 100);
	for (size_t i = 0; i < 100; i++) /* the same again, a little less sure */
		for (int j = 0; j < f.c->row; j++)
			x[i * row + (size_t)j] *= 0.9F;
	assert_int_equal(fm_gan_distinct(f.c, x, 100), real);
	assert_false(fm_gan_collapsed(real, real));
	for (size_t i = 0; i < 100; i++)
		fm_gan_vector(f.c, &f.rows, i % 4, x + i * row);
	assert_in_range(fm_gan_distinct(f.c, x, 100), 1, 4);
	assert_true(fm_gan_collapsed(fm_gan_distinct(f.c, x, 100), real));
	assert_false(fm_gan_collapsed(4, 4)); /* a trace of few different flows */
	free(x);
	flows_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_coded_comes_back), cmocka_unit_test(conditions_have_their_rows),
	    cmocka_unit_test(training_repeats),          cmocka_unit_test(divergence_is_said),
	    cmocka_unit_test(addresses_are_fresh),       cmocka_unit_test(collapse_is_seen),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
