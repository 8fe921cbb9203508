/* generator_fixture.h - real flows and a config for a training of a second, through the seam (model/generator.h). */
#ifndef FM_TESTS_GENERATOR_FIXTURE_H
#define FM_TESTS_GENERATOR_FIXTURE_H

#include "model/generator.h"
#include "tests/unit/ok.h"
#include "tests/unit/tiny_model.h"

enum { ROWS = 1600 };

struct world {
	struct fm_config *cfg;
	struct fm_secret secret; /* privacy.mode dp */
	struct fm_table *train, *holdout;
	struct fm_real_flows real;
	struct fm_generator_ctx ctx;
	struct fm_pool *pool;
	struct fm_model *model;
	struct fm_fit_result fit;
};

/* Fitted, with overrides of the config, up to NULL; dp: in privacy.mode dp, whose config has no seeds. */
static inline void world_make_in(struct world *w, const char *kind, bool dp, const char *const *more)
{
	static const char *const of_dp[] = {"privacy.records=100000", "privacy.draws=2", "train.batch=2000",
					    "train.steps=4",          "model.width=16",  "model.depth=1",
					    "train.warmup=1"},
				 *const of_none[] = {"train.steps=20",        "train.batch=8",  "model.layer_width=16",
						     "model.lstm=8",          "model.chunks=3", "model.vectors=trace",
						     "train.session_batch=20"};
	char set_kind[64];
	const char *set[24] = {set_kind};
	struct fm_error err = {0};
	int n = 1;

	memset(w, 0, sizeof *w);
	snprintf(set_kind, sizeof set_kind, "model.kind=%s", kind);
	for (size_t i = 0; i < (dp ? sizeof of_dp / sizeof *of_dp : sizeof of_none / sizeof *of_none); i++)
		if (fm_config_is_for(dp ? of_dp[i] : of_none[i], kind))
			set[n++] = dp ? of_dp[i] : of_none[i];
	for (int i = 0; more && more[i]; i++)
		set[n++] = more[i];
	if (dp) {
		OK(fm_config_preset(&w->cfg, "ugr16-dp", set, n, &err));
		OK(fm_secret_new(&w->secret, 32, &err));
		memset(w->secret.data, 5, w->secret.len);
	} else {
		OK(tiny_config(&w->cfg, set, n, &err));
	}
	w->train = fixture_flows(ROWS, 11, TINY_WINDOW);
	w->holdout = fixture_flows(ROWS / 4, 12, TINY_WINDOW);
	assert_non_null(w->train);
	assert_non_null(w->holdout);
	w->real = (struct fm_real_flows){.train = w->train,
					 .first_ms = w->train->te[0],
					 .last_ms = w->train->te[w->train->rows - 1],
					 .text_order = fixture_opts(w->train, TINY_WINDOW).text_order,
					 .source_rows = ROWS};
	OK(fm_pool_new(&w->pool, w->cfg->train.threads, &err));
	w->ctx = (struct fm_generator_ctx){.cfg = w->cfg, .secret = dp ? &w->secret : NULL, .pool = w->pool};
	OK(fm_generator_fit(&w->model, &w->ctx, &w->real, &w->fit, &err));
}

static inline void world_make(struct world *w, const char *kind, const char *const *more)
{
	world_make_in(w, kind, strcmp(kind, "marginals") == 0, more);
}

static inline void world_free(struct world *w)
{
	fm_model_free(w->model);
	fm_pool_free(w->pool);
	fm_secret_close(&w->secret);
	fm_table_free(w->train);
	fm_table_free(w->holdout);
	fm_config_free(w->cfg);
}

#endif
