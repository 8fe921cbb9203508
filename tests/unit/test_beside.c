/* Made flows beside the noisy counts of their model: what was sampled as it should be lies near them, what was damaged
 * after does not, and a model that was loaded says the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "model/marginals/beside.h"
#include "tests/unit/generator_fixture.h"
#include "tests/unit/scratch.h"

static struct fm_beside beside(const struct world *w, const struct fm_model *m, const struct fm_table *made)
{
	struct fm_error err = {0};
	struct fm_beside b;

	OK(m->generator->beside(m, &w->ctx, made, &b, &err));
	assert_true(b.one >= 0 && b.one < 0.694 && b.pair >= 0 && b.pair < 0.694);
	return b;
}

static void damage_shows_in_the_counts_that_have_it(void **state)
{
	static const char *const much[] = {"privacy.epsilon=200", NULL};
	struct fm_error err = {0};
	struct fm_model *again = NULL;
	struct fm_table *made = NULL;
	const char *dir = scratch_path("beside");
	struct fm_beside honest, loaded, mixed, constant;
	struct world w;

	(void)state;
	world_make(&w, "marginals", much);
	OK(fm_model_sample(w.model, &w.ctx, &(struct fm_sample_in){.rows = 6000, .seed = 7}, &made, &err));
	honest = beside(&w, w.model, made);
	assert_true(honest.n > 2000 && honest.one < 0.01 && honest.pair < 0.05);

	assert_int_equal(mkdir(dir, 0700), 0);
	OK(fm_model_save(w.model, &w.ctx, dir, &err));
	OK(fm_model_load(&again, &w.ctx, dir, &err));
	loaded = beside(&w, again, made);
	assert_true(loaded.n == honest.n && fabs(loaded.one - honest.one) < 0.002 &&
		    fabs(loaded.pair - honest.pair) < 0.01);

	/* Sizes of other flows: each by itself as before, pairs with them not. */
	for (size_t i = 0; i < made->rows / 2; i++) {
		uint64_t byt = made->byt[i], pkt = made->pkt[i];
		size_t j = i + made->rows / 2;

		made->byt[i] = made->byt[j];
		made->byt[j] = byt;
		made->pkt[i] = made->pkt[j];
		made->pkt[j] = pkt;
	}
	mixed = beside(&w, again, made);
	assert_true(mixed.pair > 1.3 * loaded.pair);
	for (size_t i = 0; i < made->rows; i++)
		made->td[i] = 7;
	constant = beside(&w, again, made);
	assert_true(constant.one > 3 * loaded.one);

	fm_table_free(made);
	fm_model_free(again);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(damage_shows_in_the_counts_that_have_it)};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
