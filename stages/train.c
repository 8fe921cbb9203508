/* train.c - the stage that learns: private store (training and validation split) -> model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "model/codec/structural_zeros.h"
#include "model/diffusion/trainer.h"
#include "model/nn/safetensors.h"
#include "stages/engine.h"
#include "stages/stage.h"

/* Everything the generate stage needs but the weights. */
static int save_model_json(const struct fm_config *cfg, const struct fm_codec *codec,
			   const struct fm_structural_zeros *zeros, const struct fm_train_result *r, const char *path,
			   struct fm_error *err)
{
	json_t *column = json_object();
	for (int c = 0; c < FM_NTOK; c++)
		json_object_set_new(column, fm_tok_name[c], json_real(r->column[c]));
	json_t *j =
	    json_pack("{s:s, s:o, s:o, s:o, s:{s:i, s:i, s:i, s:f, s:o, s:o}}", "format", "flowmint-model/1", "model",
		      fm_config_json(cfg, "model", true), "codec", fm_codec_json(codec), "excluded",
		      fm_structural_zeros_json(zeros), "training", "steps", r->steps, "best_step", r->best_step,
		      "rollbacks", r->rollbacks, "loss", r->loss, "validation_nats_per_flow",
		      isfinite(r->validation) ? json_real(r->validation) : json_null(), "validation_by_column", column);
	int ret = j ? fm_json_save(j, path, err) : fm_fail(err, FM_ESYSTEM, "out of memory while writing %s", path);
	json_decref(j);
	return ret;
}

/* ---- checkpoints ---- */

/* What the weights after a number of steps are a function of, as a digest. */
static int identity_of(const struct fm_config *cfg, const struct fm_codec *codec, const struct fm_encoded *train,
		       char hex[FM_SHA256_HEX], struct fm_error *err)
{
	json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:I}", "what", "training", "flowmint", FM_VERSION,
			      "model", fm_config_json(cfg, "model", true), "train", fm_config_json(cfg, "train", true),
			      "privacy", fm_config_json(cfg, "privacy", true), "codec", fm_codec_json(codec), "windows",
			      (json_int_t)train->windows);
	int ret =
	    j ? fm_json_digest(j, hex, err) : fm_fail(err, FM_ESYSTEM, "out of memory for the training's identity");
	json_decref(j);
	return ret;
}

/* A process that is killed while it writes leaves a temporary file behind. */
static int remove_leftovers(const char *dir, struct fm_error *err)
{
	char **names = NULL;
	size_t n = 0;
	int ret = fm_dir_list(dir, &names, &n, err);

	for (size_t i = 0; ret == FM_OK && i < n; i++) {
		size_t len = strlen(names[i]);
		char *path = names[i][0] == '.' && len > 4 && strcmp(names[i] + len - 4, ".tmp") == 0
				 ? fm_path_join(dir, names[i])
				 : NULL;
		if (path && unlink(path) < 0)
			ret = fm_fail_errno(err, "%s", path);
		free(path);
	}
	fm_names_free(names, n);
	return ret;
}

/* ---- the stage ---- */

struct work {
	struct fm_table *train, *validation;
	struct fm_dialect *dialect;
	struct fm_codec *codec;
	struct fm_structural_zeros zeros;
	struct fm_encoded et, ev;
	struct fm_net *net;
	struct fm_pool *pool;
	float *ema;
	char *checkpoint;
	char identity[FM_SHA256_HEX];
};

/* From the store to encoded windows. */
static int encode(const struct fm_train_in *in, struct work *w, struct fm_error *err)
{
	const struct fm_config *cfg = in->cfg;
	struct fm_codec_opts co;
	struct fm_hosts *hosts = NULL;
	int ret = fm_dialect_load(&w->dialect, cfg->source.dialect, err);

	if (ret == FM_OK)
		ret = fm_engine_codec_opts(&co, cfg, in->store_json, w->dialect, err);
	if (ret == FM_OK)
		ret = fm_table_open(&w->train, in->train_dir, err);
	if (ret == FM_OK)
		ret = fm_table_open(&w->validation, in->validation_dir, err);
	if (ret == FM_OK)
		ret = fm_codec_fit_with_hosts(&w->codec, &hosts, w->train, &co, err);
	if (ret == FM_OK)
		ret = fm_codec_encode(w->codec, hosts, w->train, &co, cfg->train.seed, &w->et, err);
	if (ret == FM_OK)
		ret = fm_codec_encode(w->codec, hosts, w->validation, &co, cfg->train.seed, &w->ev, err);
	if (ret == FM_OK)
		ret = fm_structural_zeros_fit(&w->zeros, w->codec->vocab, &w->et, cfg->model.window,
					      cfg->model.min_count, err);
	fm_hosts_free(hosts); /* from here on no address is in memory but in the mapped tables */
	return ret;
}

/* As many steps as the config says, or a hundred passes: more, and small traces would be learned by heart; fewer than a
 * few hundred teach nothing, and with over 15,000 little more is learned. */
int fm_stage_train_steps(const struct fm_config *cfg, size_t windows)
{
	size_t passes = 100 * windows / (size_t)cfg->train.batch;

	return cfg->train.steps > 0 ? cfg->train.steps : passes < 500 ? 500 : passes > 15000 ? 15000 : (int)passes;
}

static int learn(const struct fm_train_in *in, struct work *w, struct fm_train_result *result, struct fm_error *err)
{
	const struct fm_config *cfg = in->cfg;
	/* Eight looks at the validation split, or as many as patience needs. */
	int steps = fm_stage_train_steps(cfg, w->et.windows), every = steps / 8, patience = cfg->train.patience;
	struct fm_process process;
	int ret = fm_engine_net(&w->net, cfg, w->codec, err);

	if (patience > 0 && every > (patience + 1) / 2)
		every = (patience + 1) / 2;
	if (ret == FM_OK)
		ret = fm_engine_process(&process, cfg, err);
	if (ret == FM_OK)
		ret = fm_pool_new(&w->pool, cfg->train.threads, err);
	if (ret == FM_OK)
		ret = fm_alloc(&w->ema, w->net->layout.nfloats, sizeof *w->ema, "weights", err);
	if (ret == FM_OK)
		ret = identity_of(cfg, w->codec, &w->et, w->identity, err);
	if (ret == FM_OK && in->checkpoint_dir) {
		w->checkpoint = fm_path_join(in->checkpoint_dir, "checkpoint.safetensors");
		ret = w->checkpoint ? remove_leftovers(in->checkpoint_dir, err)
				    : fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if (ret < 0)
		return ret;
	struct fm_train_opts to = {.steps = steps,
				   .batch = cfg->train.batch,
				   .warmup = cfg->train.warmup,
				   .rate = cfg->train.rate,
				   .ema = cfg->train.ema,
				   .weight_decay = cfg->train.weight_decay,
				   .clip = cfg->train.clip,
				   .seed = cfg->train.seed,
				   .balance = cfg->train.balance,
				   .patience = patience,
				   .validate_every = every,
				   .checkpoint = w->checkpoint,
				   .identity = w->identity,
				   .checkpoint_every = cfg->train.checkpoint_every};
	fm_log("train: %zu windows of %d flows, %zu parameters, kernels %s, %d threads", w->et.windows,
	       w->codec->window, w->net->layout.nfloats, w->net->k->name, fm_pool_size(w->pool));
	return fm_train(w->net, &process, &w->et, &w->ev, &to, w->pool, w->ema, result, err);
}

int fm_stage_train(const struct fm_train_in *in, struct fm_train_out *out, struct fm_error *err)
{
	struct fm_train_result result;
	struct work w = {0};
	char *model_json = fm_path_join(in->out_dir, "model.json"),
	     *weights = fm_path_join(in->out_dir, "weights.safetensors");
	int ret = model_json && weights ? fm_engine_check(in->cfg, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	if (ret == FM_OK)
		ret = encode(in, &w, err);
	if (ret == FM_OK)
		ret = learn(in, &w, &result, err);
	if (ret < 0)
		goto out;
	ret = fm_weights_save(&w.net->layout, w.ema, weights, err);
	if (ret == FM_OK)
		ret = save_model_json(in->cfg, w.codec, &w.zeros, &result, model_json, err);
	*out = (struct fm_train_out){(uint64_t)result.steps,
				     w.net->layout.nfloats,
				     result.loss,
				     result.validation,
				     result.flows / (result.seconds > 0 ? result.seconds : 1),
				     (uint64_t)result.rollbacks};
out:
	free(w.ema);
	free(w.checkpoint);
	fm_pool_free(w.pool);
	fm_net_free(w.net);
	fm_encoded_free(&w.et);
	fm_encoded_free(&w.ev);
	fm_structural_zeros_free(&w.zeros);
	fm_codec_free(w.codec);
	fm_dialect_free(w.dialect);
	fm_table_free(w.train);
	fm_table_free(w.validation);
	free(model_json);
	free(weights);
	return ret;
}

json_t *fm_train_out_json(const struct fm_train_out *out)
{
	return json_pack("{s:I, s:I, s:f, s:o, s:f, s:I}", "steps", (json_int_t)out->steps, "parameters",
			 (json_int_t)out->parameters, "loss", out->loss, "validation_nats_per_flow",
			 isfinite(out->validation_nats_per_flow) ? json_real(out->validation_nats_per_flow)
								 : json_null(),
			 "flows_per_second", out->flows_per_second, "rollbacks", (json_int_t)out->rollbacks);
}
