/* test_generator.c - whatever a kind of model is, the seam keeps its promises: what was fitted, saved and loaded makes
 * the same flows, shards of a seed are other flows, losses are of single windows, and the config's choices are the
 * table. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/rows.h"
#include "manifests/config_schema.h"
#include "privacy/charge_json.h"
#include "tests/unit/generator_fixture.h"
#include "tests/unit/scratch.h"

/* Every kind, and in the last places its private forms, by each denoiser and for windows. */
struct form {
	const char *kind, *name;
	bool dp;
	const char *more[3];
};
static const struct form forms[] = {
    {"ctgan", "ctgan", false, {NULL}},
    {"diffusion", "diffusion", false, {NULL}},
    {"marginals", "marginals", true, {NULL}},
    {"netshare", "netshare", false, {NULL}},
    {"plain", "plain", false, {NULL}},
    {"diffusion", "exchanges", true, {NULL}},
    {"diffusion", "exchanges-transformer", true, {"model.denoiser=transformer", "model.heads=1"}},
    {"marginals", "marginals-window", true, {"privacy.unit=window"}},
    {"diffusion", "exchanges-window", true, {"privacy.unit=window", "privacy.window_exchanges=2"}},
    {"diffusion", "exchanges-unet", true, {"model.denoiser=unet", "model.heads=1"}}};
enum { NFORMS = sizeof forms / sizeof *forms };

static struct fm_table *sample(const struct world *w, const struct fm_model *m, struct fm_sample_in in)
{
	struct fm_table *t = NULL;
	struct fm_error err = {0};

	OK(fm_model_sample(m, &w->ctx, &in, &t, &err));
	return t;
}

static bool same(const struct fm_table *a, const struct fm_table *b)
{
	if (a->rows != b->rows || a->present != b->present)
		return false;
	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(a, c) && memcmp(a->col[c], b->col[c], a->rows * fm_cols[c].width) != 0)
			return false;
	return true;
}

static void every_choice_is_a_kind(void **state)
{
	const struct fm_key *k = fm_key_find("model", "kind");
	char choices[256] = "";

	(void)state;
	for (size_t i = 0; fm_generators[i]; i++) {
		snprintf(choices + strlen(choices), sizeof choices - strlen(choices), "%s%s", i ? "|" : "",
			 fm_generators[i]->name);
		assert_ptr_equal(fm_generator_find(fm_generators[i]->name), fm_generators[i]);
	}
	assert_string_equal(k->choices, choices);
	assert_null(fm_generator_find("oracle"));
}

static void every_kind_says_what_it_is(void **state)
{
	static const char *const key[] = {"kind", "model", "addresses"};
	struct fm_config *cfg;
	struct fm_error err = {0};

	(void)state;
	OK(tiny_config(&cfg, NULL, 0, &err));
	for (size_t i = 0; fm_generators[i]; i++) {
		snprintf(cfg->model.kind, sizeof cfg->model.kind, "%s", fm_generators[i]->name);
		json_t *j = fm_generator_describe(cfg);
		for (size_t k = 0; k < 3; k++)
			assert_true(json_string_length(json_object_get(j, key[k])) > 0);
		assert_string_equal(json_string_value(json_object_get(j, "kind")), fm_generators[i]->name);
		const char *model = json_string_value(json_object_get(j, "model"));
		assert_int_equal(model[strlen(model) - 1], '.');
		json_decref(j);
	}
	fm_config_free(cfg);
}

static void plain_says_what_it_predicts(void **state)
{
	static const char *const said[][2] = {
	    {"plain", "predicts the noise"}, {"values", "predicts the noise"}, {"bits", "predicts the rows"}};
	struct fm_config *cfg;
	struct fm_error err = {0};

	(void)state;
	OK(tiny_config(&cfg, NULL, 0, &err));
	strcpy(cfg->model.kind, "plain");
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		strcpy(cfg->model.encoding, said[i][0]);
		json_t *j = fm_generator_describe(cfg);
		assert_non_null(strstr(json_string_value(json_object_get(j, "model")), said[i][1]));
		json_decref(j);
	}
	fm_config_free(cfg);
}

static void what_was_saved_makes_the_same_flows(void **state)
{
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < NFORMS; i++) {
		struct world w;
		struct fm_model *again = NULL;
		const char *dir = scratch_path(forms[i].name);

		world_make_in(&w, forms[i].kind, forms[i].dp, forms[i].more);
		/* `run --plan` divides by it. */
		assert_int_equal(w.fit.flows_per_second > 0, fm_generator_steps(w.cfg, ROWS) > 0);
		assert_int_equal(mkdir(dir, 0700), 0);
		OK(fm_model_save(w.model, &w.ctx, dir, &err));
		OK(fm_model_load(&again, &w.ctx, dir, &err));
		struct fm_table *a = sample(&w, w.model, (struct fm_sample_in){.rows = 500, .seed = 7, .shard = 0}),
				*b = sample(&w, again, (struct fm_sample_in){.rows = 500, .seed = 7, .shard = 0});
		assert_int_equal(a->rows, 500);
		assert_true(same(a, b));
		fm_table_free(a);
		fm_table_free(b);
		fm_model_free(again);
		world_free(&w);
	}
}

static int falling(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y) - (x > y);
}

/* privacy.min_count, and not model.min_count, is how many flows reach the largest number that a model keeps. */
static void no_flow_lasts_longer_than_k_did(void **state)
{
	static const char *const set[] = {"privacy.min_count=200", "model.min_count=2", NULL};
	static const char *const kinds[] = {"diffusion", "netshare"};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		uint32_t td[ROWS];
		struct world w;

		world_make(&w, kinds[i], set);
		memcpy(td, w.train->td, sizeof td);
		qsort(td, ROWS, sizeof *td, falling);
		struct fm_table *t = sample(&w, w.model, (struct fm_sample_in){.rows = 1000, .seed = 7});
		assert_true(td[0] > 2 * td[199] + 1000);
		for (size_t row = 0; row < t->rows; row++) /* a reply may last a second longer than what it answers */
			assert_in_range(t->td[row], 0, td[199] + td[199] / 100 + 1000);
		fm_table_free(t);
		world_free(&w);
	}
}

/* Put two bytes into a file. */
static void spoil(const char *path, long at, uint16_t value)
{
	FILE *f = fopen(path, "r+b");

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fwrite(&value, sizeof value, 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static void seeds_and_shards_are_other_flows(void **state)
{
	(void)state;
	for (size_t i = 0; i < NFORMS; i++) {
		struct world w;

		world_make_in(&w, forms[i].kind, forms[i].dp, forms[i].more);
		struct fm_table *t[] = {sample(&w, w.model, (struct fm_sample_in){.rows = 300, .seed = 7, .shard = 0}),
					sample(&w, w.model, (struct fm_sample_in){.rows = 300, .seed = 8, .shard = 0}),
					sample(&w, w.model, (struct fm_sample_in){.rows = 300, .seed = 7, .shard = 1}),
					sample(&w, w.model, (struct fm_sample_in){.rows = 300, .seed = 7, .shard = 2}),
					sample(&w, w.model, (struct fm_sample_in){.rows = 300, .seed = 8, .shard = 1})};
		for (int a = 0; a < 5; a++)
			for (int b = 0; b < a; b++)
				assert_false(same(t[a], t[b]));
		struct fm_table *again = sample(&w, w.model, (struct fm_sample_in){.rows = 300, .seed = 7, .shard = 2}),
				*all = sample(&w, w.model, (struct fm_sample_in){.rows = 0, .seed = 7, .shard = 0});
		assert_true(same(again, t[3]));
		/* The number of private flows is told with noise where there is noise, more of it for a group. */
		if (w.cfg->privacy.epsilon > 0)
			assert_in_range(all->rows, ROWS / 2, 2 * ROWS * fm_config_group(w.cfg));
		else
			assert_int_equal(all->rows, ROWS);
		for (int a = 0; a < 5; a++)
			fm_table_free(t[a]);
		fm_table_free(again);
		fm_table_free(all);
		world_free(&w);
	}
}

/* Each window's loss is its own: it does not depend on the windows beside it, but for the noise of its place. */
/* Parts made apart, all or some of them, in any number: the sample is the same.  A part of other flows, a cut one and
 * one with a token that is none are refused. */
static void parts_are_the_same_flows(void **state)
{
	static const uint32_t divisions[] = {1, 3, 7, 200}; /* 200: more than there are to share */
	struct fm_sample_in in = {.rows = 900, .seed = 7};
	struct fm_table *whole, *joined = NULL;
	struct fm_error err = {0};
	struct world w;
	uint64_t flows, sum;
	char name[32];

	(void)state;
	world_make(&w, "diffusion", NULL);
	whole = sample(&w, w.model, in);
	for (size_t d = 0; d < 4; d++) {
		snprintf(name, sizeof name, "parts-%zu", d);
		in.parts = scratch_path(name);
		in.nparts = divisions[d];
		sum = 0;
		for (uint32_t i = 1; i <= in.nparts; i++) {
			const char *dir;

			snprintf(name, sizeof name, "parts-%zu/%u", d, i);
			dir = scratch_path(name);
			OK(fm_dir_make(dir, 0700, &err));
			OK(fm_model_part(w.model, &w.ctx, &in, &(struct fm_part_place){i, in.nparts, dir}, &flows,
					 &err));
			sum += flows;
			if (i % 3 == 2) /* it was lost */
				OK(fm_dir_remove(dir, &err));
		}
		assert_true(sum >= 900 && sum < 900 + TINY_WINDOW);
		joined = sample(&w, w.model, in);
		assert_true(same(joined, whole));
		fm_table_free(joined);
	}
	assert_int_equal(fm_model_sample(w.model, &w.ctx, &(struct fm_sample_in){.rows = 1ull << 32}, &joined, &err),
			 FM_EINPUT);
	in.parts = scratch_path("parts-1");
	in.nparts = 2; /* a third of the flows is not a half */
	assert_int_equal(fm_model_sample(w.model, &w.ctx, &in, &joined, &err), FM_EINPUT);
	in.nparts = 3;
	spoil(scratch_path("parts-1/1/windows.bin"), 2 * FM_T_PR, 0x7fff);
	assert_int_equal(fm_model_sample(w.model, &w.ctx, &in, &joined, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "that no sampler makes"));
	assert_int_equal(truncate(scratch_path("parts-1/1/windows.bin"), 100), 0);
	assert_int_equal(fm_model_sample(w.model, &w.ctx, &in, &joined, &err), FM_EINPUT);
	fm_table_free(whole);
	world_free(&w);
}

/* A kind that makes its flows in one piece says so. */
static void a_kind_without_parts_refuses_them(void **state)
{
	struct fm_sample_in in = {.rows = 100};
	struct fm_error err = {0};
	struct world w;
	uint64_t flows;

	(void)state;
	world_make(&w, "marginals", NULL);
	assert_int_equal(fm_generator_check_parts(w.cfg, &err), FM_EINPUT);
	assert_int_equal(fm_model_part(w.model, &w.ctx, &in, &(struct fm_part_place){1, 2, scratch}, &flows, &err),
			 FM_EINPUT);
	assert_non_null(strstr(err.message, "in one piece"));
	world_free(&w);
}

static void losses_are_of_single_windows(void **state)
{
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < NFORMS; i++) {
		struct world w;

		world_make_in(&w, forms[i].kind, forms[i].dp, forms[i].more);
		if (fm_model_has_losses(w.model)) {
			double all[ROWS / TINY_WINDOW], few[3], holdout[ROWS / 4 / TINY_WINDOW];
			struct fm_table *part = NULL;
			uint32_t row[3 * TINY_WINDOW];
			for (uint32_t k = 0; k < 3 * TINY_WINDOW; k++)
				row[k] = k;
			OK(fm_table_take(&part, w.train, row, 3 * TINY_WINDOW, &err));
			struct fm_window_set set[] = {{w.train, ROWS / TINY_WINDOW, all},
						      {part, 3, few},
						      {w.holdout, ROWS / 4 / TINY_WINDOW, holdout}};
			OK(fm_model_losses(w.model, &w.ctx, &w.real, 5, set, 3, &err));
			assert_memory_equal(all, few, sizeof few);
			for (size_t k = 0; k < set[0].n; k++)
				assert_true(isfinite(all[k]) && (k == 0 || all[k] != all[k - 1]));
			for (size_t k = 0; k < set[2].n; k++)
				assert_true(isfinite(holdout[k]));
			set[1].n = 4;
			assert_int_equal(fm_model_losses(w.model, &w.ctx, &w.real, 5, set + 1, 1, &err), FM_EINPUT);
			fm_table_free(part);
		}
		world_free(&w);
	}
}

/* What a fit charged is what its config planned, entry by entry, whatever the records are; and more of it for the
 * training is less noise there. */
static void a_fit_charges_what_was_planned(void **state)
{
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < NFORMS; i++) {
		struct fm_charges plan = {0};
		struct world w;
		double epsilon;

		if (!forms[i].dp)
			continue;
		world_make_in(&w, forms[i].kind, true, forms[i].more);
		assert_string_equal(w.model->generator->name, forms[i].kind);
		OK(fm_generator_plan(w.cfg, &plan, &err));
		assert_true(fm_charges_equal(fm_model_charges(w.model), &plan));
		OK(fm_charges_epsilon(&plan, w.cfg->privacy.delta, fm_config_group(w.cfg), FM_ADD_OR_REMOVE, FM_PLD,
				      &epsilon, &err));
		assert_true(epsilon <= w.cfg->privacy.epsilon && epsilon > 0.98 * w.cfg->privacy.epsilon);
		fm_charges_free(&plan);
		world_free(&w);
	}
}

/* A model over windows is not taken for one over exchanges, nor the other way round. */
static void forms_are_not_taken_for_one_another(void **state)
{
	const char *dir = scratch_path("form");
	struct fm_error err = {0};
	struct fm_model *m = NULL;
	struct world a, b;

	(void)state;
	world_make_in(&a, "diffusion", false, NULL);
	world_make_in(&b, "diffusion", true, NULL);
	assert_int_equal(mkdir(dir, 0700), 0);
	OK(fm_model_save(a.model, &a.ctx, dir, &err));
	assert_int_equal(fm_model_load(&m, &b.ctx, dir, &err), FM_EINPUT);
	assert_null(m);
	OK(fm_model_save(b.model, &b.ctx, dir, &err));
	assert_int_equal(fm_model_load(&m, &a.ctx, dir, &err), FM_EINPUT);
	assert_null(m);
	world_free(&a);
	/* Nor the weights of one denoiser for those of another. */
	world_make_in(&a, "diffusion", true, forms[NFORMS - 1].more);
	assert_int_equal(fm_model_load(&m, &a.ctx, dir, &err), FM_EINPUT);
	assert_null(m);
	world_free(&a);
	world_free(&b);
}

/* A record has five places, which a U-Net halves once; a window of 16 flows is halved three times. */
static void a_denoiser_fits_what_it_is_over(void **state)
{
	static const struct {
		const char *preset, *set[4], *says;
	} refused[] = {
	    {"ugr16-dp",
	     {"model.kind=diffusion", "model.denoiser=unet", "model.depth=3"},
	     "model.depth is 3: unet over 5 places of a record takes 1 to 2"},
	    {"ugr16-dp",
	     {"model.kind=diffusion", "model.denoiser=unet", "model.process=multinomial"},
	     "takes model.process absorbing, not multinomial"},
	    {"demo",
	     {"model.denoiser=unet", "model.window=16", "model.depth=5"},
	     "--set model.depth: model.depth is 5: unet over 16 flows of a window takes 1 to 4"},
	    {"demo",
	     {"model.kind=plain", "model.denoiser=unet", "model.window=16", "model.depth=5"},
	     "model.depth is 5: unet over 16 flows of a window takes 1 to 4"},
	    {"demo",
	     {"model.heads=7"},
	     "--set model.heads: model.width 64 is no multiple of 112 (16 * model.heads) up to 2048: the nearest is "
	     "112"},
	    {"demo", {"model.width=40", "model.depth=2"}, "--set model.width: model.width 40 is no multiple of "},
	    {"demo", {"model.denoiser=mlp", "model.width=40"}, "no multiple of 16 up to 2048: the nearest is 48"}};
	const struct fm_generator *g;
	struct fm_error err = {0};

	(void)state;
	for (size_t i = 0; i < NFORMS; i++) {
		const char *set[4] = {"model.kind=diffusion", "model.depth=2"};
		struct fm_config *cfg;

		if (!forms[i].dp || strcmp(forms[i].kind, "diffusion") != 0)
			continue;
		set[2] = forms[i].more[0] ? forms[i].more[0] : "model.denoiser=mlp";
		OK(fm_config_preset(&cfg, "ugr16-dp", set, 3, &err));
		OK(fm_generator_check(&g, cfg, &err));
		fm_config_free(cfg);
	}
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct fm_config *cfg;
		int n = 0;

		while (n < 4 && refused[i].set[n])
			n++;
		OK(fm_config_preset(&cfg, refused[i].preset, refused[i].set, n, &err));
		assert_int_equal(fm_generator_check(&g, cfg, &err), FM_EUSAGE); /* of --set */
		if (!strstr(err.message, refused[i].says))
			fail_msg("it says: %s", err.message);
		fm_config_free(cfg);
	}
}

static void a_kind_that_is_not_is_refused(void **state)
{
	struct fm_generator_ctx ctx = {0};
	struct fm_model *m;
	struct fm_config *cfg;
	struct fm_error err = {0};

	(void)state;
	OK(tiny_config(&cfg, NULL, 0, &err));
	ctx.cfg = cfg;
	snprintf(cfg->model.kind, sizeof cfg->model.kind, "oracle");
	assert_int_equal(fm_model_load(&m, &ctx, scratch, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "no kind of model 'oracle'"));
	assert_null(fm_generator_describe(cfg));
	fm_config_free(cfg);
}

/* train.steps 0, through the seam: 40 passes over 100 windows in batches of 4 are 1,000 steps. */
static void no_steps_are_40_passes(void **state)
{
	struct world w;
	const char *set[] = {"train.steps=0", "train.batch=4", "model.denoiser=mlp", "model.depth=1", "model.width=16"};
	struct fm_error err = {0};

	(void)state;
	world_make(&w, "diffusion", NULL);
	assert_int_equal(w.fit.steps, 20);
	fm_model_free(w.model);
	fm_config_free(w.cfg);
	OK(tiny_config(&w.cfg, set, 5, &err));
	w.ctx.cfg = w.cfg;
	OK(fm_generator_fit(&w.model, &w.ctx, &w.real, &w.fit, &err));
	assert_int_equal(w.fit.steps, 1000);
	world_free(&w);
}

static int setup(void **state)
{
	(void)state;
	fm_log_quiet(1);
	return scratch_make();
}

/* Where training goes on for so long that few flows are learned by heart, the model is that of the best validation,
 * though all steps are taken. */
static void the_model_is_that_of_the_best_validation(void **state)
{
	const char *dir = scratch_path("best");
	struct fm_error err = {0};
	struct fm_fit_result fit;
	struct fm_model *m;
	struct world w;
	int step;

	(void)state;
	world_make(&w, "diffusion", NULL);
	w.real.train = w.holdout;
	w.real.validation = w.train;
	w.holdout->rows = 2 * TINY_WINDOW;
	w.cfg->train.steps = 400;
	w.cfg->train.rate = 1e-2;
	OK(fm_generator_fit(&m, &w.ctx, &w.real, &fit, &err));
	assert_int_equal(fit.steps, 400);
	assert_int_equal(mkdir(dir, 0700), 0);
	OK(fm_model_save(m, &w.ctx, dir, &err));
	char *path = fm_path_join(dir, "model.json");
	json_t *j = json_load_file(path, 0, NULL);
	step = (int)json_integer_value(json_object_get(json_object_get(j, "training"), "best_step"));
	assert_in_range(step, 50, 350);
	assert_int_equal(step % 50, 0);
	json_decref(j);
	free(path);
	fm_model_free(m);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_choice_is_a_kind),
	    cmocka_unit_test(every_kind_says_what_it_is),
	    cmocka_unit_test(plain_says_what_it_predicts),
	    cmocka_unit_test(what_was_saved_makes_the_same_flows),
	    cmocka_unit_test(no_flow_lasts_longer_than_k_did),
	    cmocka_unit_test(seeds_and_shards_are_other_flows),
	    cmocka_unit_test(parts_are_the_same_flows),
	    cmocka_unit_test(a_kind_without_parts_refuses_them),
	    cmocka_unit_test(losses_are_of_single_windows),
	    cmocka_unit_test(a_fit_charges_what_was_planned),
	    cmocka_unit_test(forms_are_not_taken_for_one_another),
	    cmocka_unit_test(a_denoiser_fits_what_it_is_over),
	    cmocka_unit_test(a_kind_that_is_not_is_refused),
	    cmocka_unit_test(no_steps_are_40_passes),
	    cmocka_unit_test(the_model_is_that_of_the_best_validation),
	};
	return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
