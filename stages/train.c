/* train.c - the stage that learns: private store (training and validation split) -> model. */
#include <math.h>

#include "model/generator.h"
#include "stages/stage.h"

int fm_stage_train(const struct fm_train_in *in, struct fm_train_out *out, struct fm_error *err)
{
	struct fm_generator_ctx ctx = {.cfg = in->cfg, .checkpoint_dir = in->checkpoint_dir};
	struct fm_table *train = NULL, *validation = NULL;
	struct fm_real_flows real = {0};
	const struct fm_generator *generator;
	struct fm_fit_result fit;
	struct fm_model *model = NULL;
	struct fm_pool *pool = NULL;
	int rc;

	if ((rc = fm_generator_check(&generator, in->cfg, err)) < 0 ||
	    (rc = fm_real_flows_source(&real, in->store_json, err)) < 0 ||
	    (rc = fm_table_open(&train, in->train_dir, err)) < 0 ||
	    (rc = fm_table_open(&validation, in->validation_dir, err)) < 0 ||
	    (rc = fm_pool_new(&pool, in->cfg->train.threads, err)) < 0)
		goto out;
	real.train = train;
	real.validation = validation;
	ctx.pool = pool;
	if ((rc = fm_generator_fit(&model, &ctx, &real, &fit, err)) < 0 ||
	    (rc = fm_model_save(model, &ctx, in->out_dir, err)) < 0)
		goto out;
	*out = (struct fm_train_out){.steps = fit.steps,
				     .parameters = fit.parameters,
				     .loss = fit.loss,
				     .validation_nats_per_flow = fit.validation,
				     .flows_per_second = fit.flows_per_second,
				     .rollbacks = fit.rollbacks};
out:
	fm_model_free(model);
	fm_pool_free(pool);
	fm_table_free(train);
	fm_table_free(validation);
	return rc;
}

static json_t *real_or_null(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

json_t *fm_train_out_json(const struct fm_train_out *out)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:f, s:I}", "steps", (json_int_t)out->steps, "parameters",
			 (json_int_t)out->parameters, "loss", real_or_null(out->loss), "validation_nats_per_flow",
			 real_or_null(out->validation_nats_per_flow), "flows_per_second", out->flows_per_second,
			 "rollbacks", (json_int_t)out->rollbacks);
}
