/* train.c - the stage that learns: private store (training and validation split) -> model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/ranks.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "model/generator.h"
#include "privacy/charge_json.h"
#include "stages/public_flows.h"
#include "stages/rehearse.h"
#include "stages/stage.h"

/* What is known of the whole source: from the store; in privacy.mode dp only what the config states publicly. */
static int know_source(struct fm_real_flows *real, const struct fm_train_in *in, struct fm_error *err)
{
	const struct fm_config *cfg = in->cfg;

	if (fm_config_dp(cfg) != (in->secret != NULL))
		return fm_fail(err, FM_EINPUT, "training has %s secret in privacy.mode %s", in->secret ? "a" : "no",
			       cfg->privacy.mode);
	if (!fm_config_dp(cfg))
		return fm_real_flows_source(real, in->store_json, err);
	return fm_config_public_period(cfg, &real->first_ms, &real->last_ms, err);
}

/* The list of what was asked of the private records; it must equal what was planned before any was read. */
static int save_charges(const struct fm_config *cfg, const struct fm_model *model, const char *dir,
			struct fm_error *err)
{
	const struct fm_charges *charges = fm_model_charges(model);
	struct fm_charges plan = {0};
	char *path = fm_path_join(dir, "charges.json");
	json_t *list = NULL;
	int rc;

	if ((rc = fm_generator_plan(cfg, &plan, err)) < 0)
		goto out;
	if (!charges || !fm_charges_equal(charges, &plan)) {
		rc = fm_fail(err, FM_ESYSTEM,
			     "training charged other than what its config says it would: nothing of it may be used");
		goto out;
	}
	if (!path || !(list = fm_charges_json(charges)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: the ledger of charges");
	else
		rc = fm_json_save(list, path, err);
out:
	json_decref(list);
	fm_charges_free(&plan);
	free(path);
	return rc;
}

/* What a release will not say of this trace, before hours are spent on it. Of the trace's own dialect, where that is a
 * file, ingest has said a part. */
static int rehearse(const struct fm_train_in *in, const struct fm_table *train, struct fm_error *err)
{
	const char *published = fm_config_published(in->cfg);
	bool told = fm_dialect_is_file(published) && strcmp(published, in->cfg->source.dialect) == 0;

	if (in->secret || fm_ranks_rank(in->ranks) != 0)
		return FM_OK;
	return fm_rehearse_release(train, in->cfg, told, in->out_dir, err);
}

int fm_stage_rehearse(const struct fm_train_in *in, struct fm_error *err)
{
	struct fm_table *train = NULL;
	int rc;

	if ((rc = fm_table_open(&train, in->train_dir, err)) >= 0)
		rc = rehearse(in, train, err);
	fm_table_free(train);
	return rc;
}

/* Ranks of one machine share its processors. */
static int threads_of(const struct fm_train_in *in)
{
	int threads = in->cfg->train.threads;

	if (threads == 0 && fm_ranks_forked(in->ranks))
		threads = fm_processors() / fm_ranks_size(in->ranks);
	return threads > 0 || !fm_ranks_forked(in->ranks) ? threads : 1;
}

int fm_stage_train(const struct fm_train_in *in, struct fm_train_out *out, struct fm_error *err)
{
	struct fm_generator_ctx ctx = {.cfg = in->cfg,
				       .secret = in->secret,
				       .public_flows = fm_public_flows,
				       .checkpoint_dir = in->checkpoint_dir,
				       .checkpoint_key = in->checkpoint_key,
				       .ranks = in->ranks};
	struct fm_table *train = NULL, *validation = NULL;
	struct fm_real_flows real = {0};
	const struct fm_generator *generator;
	struct fm_fit_result fit;
	struct fm_model *model = NULL;
	struct fm_pool *pool = NULL;
	int rc;

	if ((rc = fm_generator_check(&generator, in->cfg, err)) < 0 || (rc = know_source(&real, in, err)) < 0 ||
	    (rc = fm_table_open(&train, in->train_dir, err)) < 0 ||
	    (rc = fm_table_open(&validation, in->validation_dir, err)) < 0 || (rc = rehearse(in, train, err)) < 0 ||
	    (rc = fm_pool_new(&pool, threads_of(in), err)) < 0)
		goto out;
	real.train = train;
	real.validation = validation;
	ctx.pool = pool;
	if ((rc = fm_generator_fit(&model, &ctx, &real, &fit, err)) < 0 || fm_ranks_rank(in->ranks) != 0)
		goto out;
	if ((rc = fm_model_save(model, &ctx, in->out_dir, err)) < 0 ||
	    (fm_config_dp(in->cfg) && (rc = save_charges(in->cfg, model, in->out_dir, err)) < 0))
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
