/* generate.c - the stage that makes flows: model -> synthetic table.  It sees the model, and shards of its flows that
 * other processes made, and nothing else. */
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "judge/rules.h"
#include "manifests/canon.h"
#include "manifests/registry.h"
#include "model/generator.h"
#include "model/marginals/beside.h"
#include "stages/stage.h"
#include "traces/text_order.h"

/* Compare the made flows with the noisy counts that the model learned. */
static int add_beside(const struct fm_model *model, const struct fm_generator_ctx *ctx, const struct fm_table *table,
		      struct fm_metrics *m, struct fm_error *err)
{
	struct fm_beside b;
	int rc;

	if (!model->generator->beside)
		return FM_OK;
	if ((rc = model->generator->beside(model, ctx, table, &b, err)) < 0 ||
	    (rc = fm_metrics_add(m, "counts.jsd_mean", b.one, (int64_t)b.n, err)) < 0)
		return rc;
	return fm_metrics_add(m, "counts.pair_jsd", b.pair, (int64_t)b.n, err);
}

/* What may decide in privacy.mode dp is measured here, where no private record is in reach. */
static int save_free(const struct fm_model *model, const struct fm_generator_ctx *ctx, const struct fm_table *table,
		     const char *dir, struct fm_error *err)
{
	struct fm_metrics all = {0}, free_ones = {0};
	char *path = fm_path_join(dir, "free.json");
	json_t *list = NULL;
	int rc;

	if ((rc = fm_rules(table, table, "", &all, err)) < 0 ||
	    (rc = add_beside(model, ctx, table, &free_ones, err)) < 0)
		goto out;
	for (size_t i = 0; i < all.n; i++)
		if (fm_metric_is_free(all.m[i].name) &&
		    (rc = fm_metrics_add_ci(&free_ones, all.m[i].name, all.m[i].value, all.m[i].n, all.m[i].ci_lo,
					    all.m[i].ci_hi, err)) < 0)
			goto out;
	if (!path || !(list = fm_metrics_list(&free_ones)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: metrics");
	else
		rc = fm_json_save(list, path, err);
out:
	json_decref(list);
	fm_metrics_free(&all);
	fm_metrics_free(&free_ones);
	free(path);
	return rc;
}

static int make_table(const struct fm_generate_in *in, const struct fm_model *model, const struct fm_generator_ctx *ctx,
		      const struct fm_sample_in *wanted, uint64_t *rows, struct fm_error *err)
{
	struct fm_table *table = NULL;
	int rc;

	if ((rc = fm_model_sample(model, ctx, wanted, &table, err)) < 0 ||
	    (model->text_order && (rc = fm_text_order_sort(table, err)) < 0))
		goto out;
	table->present &= ~in->cfg->absent; /* what ingest filled was never in the trace */
	if ((rc = fm_table_save(table, in->out_dir, err)) < 0 ||
	    (in->secret && (rc = save_free(model, ctx, table, in->out_dir, err)) < 0))
		goto out;
	*rows = table->rows;
out:
	fm_table_free(table);
	return rc;
}

int fm_stage_generate(const struct fm_generate_in *in, struct fm_generate_out *out, struct fm_error *err)
{
	struct fm_sample_in wanted = {.rows = in->cfg->generate.rows > 0 ? (uint64_t)in->cfg->generate.rows : 0,
				      .seed = in->cfg->generate.seed,
				      .parts = in->shards_dir,
				      .nparts = in->nshards};
	struct fm_generator_ctx ctx = {.cfg = in->cfg};
	struct fm_model *model = NULL;
	struct fm_pool *pool = NULL;
	double started = fm_seconds(), s;
	uint64_t rows = 0;
	int rc;

	if (fm_config_dp(in->cfg) != (in->secret != NULL))
		return fm_fail(err, FM_EINPUT, "generation has %s secret in privacy.mode %s", in->secret ? "a" : "no",
			       in->cfg->privacy.mode);
	for (int i = 0; in->secret && i < 8; i++)
		wanted.seed = wanted.seed << 8 | in->secret->data[i];
	if ((rc = fm_model_load(&model, &ctx, in->model_dir, err)) < 0 ||
	    (rc = fm_pool_new(&pool, in->cfg->train.threads, err)) < 0)
		goto out;
	ctx.pool = pool;
	rc = in->shard.of
		 ? fm_model_part(model, &ctx, &wanted,
				 &(struct fm_part_place){in->shard.index, in->shard.of, in->out_dir}, &rows, err)
		 : make_table(in, model, &ctx, &wanted, &rows, err);
	if (rc < 0)
		goto out;
	s = fm_seconds() - started;
	*out = (struct fm_generate_out){rows, (double)rows / (s > 0 ? s : 1)};
out:
	fm_pool_free(pool);
	fm_model_free(model);
	return rc;
}

json_t *fm_generate_out_json(const struct fm_generate_out *out)
{
	return json_pack("{s:I, s:f}", "rows", (json_int_t)out->rows, "flows_per_second", out->flows_per_second);
}
