/* generate.c - the stage that makes flows: model -> synthetic table.  It sees the model and nothing else. */
#include "base/log.h"
#include "model/generator.h"
#include "stages/stage.h"
#include "traces/text_order.h"

int fm_stage_generate(const struct fm_generate_in *in, struct fm_generate_out *out, struct fm_error *err)
{
	struct fm_sample_in wanted = {.rows = in->cfg->generate.rows > 0 ? (uint64_t)in->cfg->generate.rows : 0,
				      .seed = in->cfg->generate.seed};
	struct fm_generator_ctx ctx = {.cfg = in->cfg};
	struct fm_model *model = NULL;
	struct fm_table *table = NULL;
	struct fm_pool *pool = NULL;
	double started = fm_seconds(), s;
	int rc;

	if ((rc = fm_model_load(&model, &ctx, in->model_dir, err)) < 0 ||
	    (rc = fm_pool_new(&pool, in->cfg->train.threads, err)) < 0)
		goto out;
	ctx.pool = pool;
	if ((rc = fm_model_sample(model, &ctx, &wanted, &table, err)) < 0 ||
	    (model->text_order && (rc = fm_text_order_sort(table, err)) < 0) ||
	    (rc = fm_table_save(table, in->out_dir, err)) < 0)
		goto out;
	s = fm_seconds() - started;
	*out = (struct fm_generate_out){table->rows, (double)table->rows / (s > 0 ? s : 1)};
out:
	fm_table_free(table);
	fm_pool_free(pool);
	fm_model_free(model);
	return rc;
}

json_t *fm_generate_out_json(const struct fm_generate_out *out)
{
	return json_pack("{s:I, s:f}", "rows", (json_int_t)out->rows, "flows_per_second", out->flows_per_second);
}
