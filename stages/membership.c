#include "stages/membership.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "model/codec/windows.h"
#include "model/generator.h"
#include "privacy/leakage/membership.h"

#define SEED 20160411u
enum purpose { MEMBERS = 301, OUTSIDERS };

/* The rows of some windows as a table of their own, and room for their losses. */
static int choose(const struct fm_table *t, int window, enum purpose purpose, struct fm_window_set *set,
		  struct fm_table **chosen, struct fm_error *err)
{
	size_t *first = NULL, all = 0, W = (size_t)window, n;
	uint32_t *pick = NULL, *row = NULL;
	int rc;

	if ((rc = fm_windows_find(t, window, &first, &all, err)) < 0)
		return rc;
	n = all < FM_MEMBERSHIP_WINDOWS ? all : FM_MEMBERSHIP_WINDOWS;
	if ((rc = fm_alloc(&pick, n + 1, sizeof *pick, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&row, n * W + 1, sizeof *row, "a choice of rows", err)) < 0 ||
	    (rc = fm_alloc(&set->loss, n + 1, sizeof *set->loss, "losses", err)) < 0)
		goto out;
	fm_rows_choose(SEED, purpose, all, n, pick);
	for (size_t i = 0; i < n * W; i++)
		row[i] = (uint32_t)(first[pick[i / W]] + i % W);
	rc = fm_table_take(chosen, t, row, n * W, err);
	set->table = *chosen;
	set->n = n;
out:
	free(first);
	free(pick);
	free(row);
	return rc;
}

int fm_model_membership(const struct fm_membership_in *in, struct fm_pool *pool, struct fm_metrics *out,
			struct fm_error *err)
{
	struct fm_generator_ctx ctx = {.cfg = in->cfg, .pool = pool};
	struct fm_real_flows real = {.train = in->train};
	struct fm_table *member = NULL, *outsider = NULL;
	struct fm_window_set set[2] = {{0}, {0}};
	struct fm_model *model = NULL;
	int rc, window = in->cfg->model.window;

	if ((rc = fm_real_flows_source(&real, in->store_json, err)) < 0 ||
	    (rc = fm_model_load(&model, &ctx, in->model_dir, err)) < 0)
		goto out;
	if (fm_model_has_losses(model) && ((rc = choose(in->members, window, MEMBERS, &set[0], &member, err)) < 0 ||
					   (rc = choose(in->holdout, window, OUTSIDERS, &set[1], &outsider, err)) < 0 ||
					   (rc = fm_model_losses(model, &ctx, &real, SEED, set, 2, err)) < 0))
		goto out;
	rc = fm_mia_losses(set[0].loss, set[0].n, set[1].loss, set[1].n, out, err);
out:
	free(set[0].loss);
	free(set[1].loss);
	fm_table_free(member);
	fm_table_free(outsider);
	fm_model_free(model);
	return rc;
}
