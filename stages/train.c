/* train.c - the stage that learns: private store (training and validation split) -> model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "model/safetensors.h"
#include "model/trainer.h"
#include "stages/engine.h"
#include "stages/stage.h"

static bool is_inside(const void *dialect, uint32_t ip)
{
	return fm_dialect_is_internal(dialect, ip);
}

/* What store.json says of the source as a whole. */
static int read_store(const char *path, struct fm_codec_opts *o, struct fm_error *err)
{
	json_t *j = NULL;
	int ret = fm_json_load(&j, path, 1 << 20, err);
	if (ret < 0)
		return ret;
	o->first_ms = json_integer_value(json_object_get(j, "first_ms"));
	o->last_ms = json_integer_value(json_object_get(j, "last_ms"));
	o->source_rows = json_number_value(json_object_get(j, "rows"));
	if (!(o->source_rows > 0) || o->last_ms < o->first_ms)
		ret = fm_fail(err, FM_EINPUT, "%s: rows, first_ms and last_ms do not describe a store: run ingest again", path);
	json_decref(j);
	return ret;
}

/* Everything the generate stage needs but the weights. */
static int save_model_json(const struct fm_config *cfg, const struct fm_codec *codec, const struct fm_train_result *r, const char *path, struct fm_error *err)
{
	json_t *column = json_object();
	for (int c = 0; c < FM_NTOK; c++)
		json_object_set_new(column, fm_tok_name[c], json_real(r->column[c]));
	json_t *j = json_pack("{s:s, s:o, s:o, s:{s:i, s:f, s:o, s:o}}", "format", "flowmint-model/1", "model", fm_config_json(cfg, "model", true), "codec",
			      fm_codec_json(codec), "training", "steps", r->steps, "loss", r->loss, "validation_nats_per_flow",
			      isfinite(r->validation) ? json_real(r->validation) : json_null(), "validation_by_column", column);
	int ret = j ? fm_json_save(j, path, err) : fm_fail(err, FM_ESYSTEM, "out of memory while writing %s", path);
	json_decref(j);
	return ret;
}

static void log_columns(const struct fm_train_result *r)
{
	char line[512];
	int n = 0;
	for (int c = 0; c < FM_NTOK; c++)
		n += snprintf(line + n, sizeof line - (size_t)n, "  %s %.3f", fm_tok_name[c], r->column[c]);
	fm_log("train: validation nats/flow by column:%s", line);
}

int fm_stage_train(const struct fm_train_in *in, struct fm_train_out *out, struct fm_error *err)
{
	const struct fm_config *cfg = in->cfg;
	struct fm_codec_opts co = {.window = cfg->model.window, .min_count = cfg->model.min_count, .max_hosts = cfg->model.max_hosts, .inside = is_inside};
	struct fm_train_opts to = {.steps = cfg->train.steps, .batch = cfg->train.batch, .warmup = cfg->train.warmup, .rate = cfg->train.rate, .ema = cfg->train.ema,
				   .weight_decay = cfg->train.weight_decay, .clip = cfg->train.clip, .seed = cfg->train.seed, .patience = cfg->train.patience,
				   .validate_every = cfg->train.steps >= 8 ? cfg->train.steps / 8 : 0};
	struct fm_table *train = NULL, *validation = NULL;
	struct fm_dialect *dialect = NULL;
	struct fm_codec *codec = NULL;
	struct fm_hosts *hosts = NULL;
	struct fm_encoded et = {0}, ev = {0};
	struct fm_net *net = NULL;
	struct fm_pool *pool = NULL;
	struct fm_process process;
	struct fm_train_result result;
	float *ema = NULL;
	char *model_json = fm_path_join(in->out_dir, "model.json"), *weights = fm_path_join(in->out_dir, "weights.safetensors");
	int ret = model_json && weights ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");

	if (ret == FM_OK)
		ret = fm_engine_check(cfg, err);
	if (ret == FM_OK)
		ret = read_store(in->store_json, &co, err);
	if (ret == FM_OK)
		ret = fm_dialect_load(&dialect, cfg->source.dialect, err);
	if (ret == FM_OK)
		ret = fm_table_open(&train, in->train_dir, err);
	if (ret == FM_OK)
		ret = fm_table_open(&validation, in->validation_dir, err);
	co.ctx = dialect;
	if (ret == FM_OK)
		ret = fm_codec_fit_with_hosts(&codec, &hosts, train, &co, err);
	if (ret == FM_OK)
		ret = fm_codec_encode(codec, hosts, train, &co, cfg->train.seed, &et, err);
	if (ret == FM_OK)
		ret = fm_codec_encode(codec, hosts, validation, &co, cfg->train.seed, &ev, err);
	fm_hosts_free(hosts); /* from here on no address is in memory but in the mapped tables */
	if (ret == FM_OK)
		ret = fm_engine_net(&net, cfg, codec, err);
	if (ret == FM_OK)
		ret = fm_process_init(&process, cfg->model.steps, cfg->model.schedule, err);
	if (ret == FM_OK)
		ret = fm_pool_new(&pool, cfg->train.threads, err);
	if (ret == FM_OK)
		ret = fm_alloc(&ema, net->layout.nfloats, sizeof *ema, "weights", err);
	if (ret < 0)
		goto out;
	fm_log("train: %zu windows of %d flows, %zu parameters, kernels %s, %d threads", et.windows, codec->window, net->layout.nfloats, net->k->name,
	       fm_pool_size(pool));
	ret = fm_train(net, &process, &et, &ev, &to, pool, ema, &result, err);
	if (ret < 0)
		goto out;
	log_columns(&result);
	ret = fm_weights_save(&net->layout, ema, weights, err);
	if (ret == FM_OK)
		ret = save_model_json(cfg, codec, &result, model_json, err);
	*out = (struct fm_train_out){(uint64_t)result.steps, net->layout.nfloats, result.loss, result.validation, result.flows / (result.seconds > 0 ? result.seconds : 1)};
out:
	free(ema);
	fm_pool_free(pool);
	fm_net_free(net);
	fm_encoded_free(&et);
	fm_encoded_free(&ev);
	fm_codec_free(codec);
	fm_dialect_free(dialect);
	fm_table_free(train);
	fm_table_free(validation);
	free(model_json);
	free(weights);
	return ret;
}

json_t *fm_train_out_json(const struct fm_train_out *out)
{
	return json_pack("{s:I, s:I, s:f, s:o, s:f}", "steps", (json_int_t)out->steps, "parameters", (json_int_t)out->parameters, "loss", out->loss,
			 "validation_nats_per_flow", isfinite(out->validation_nats_per_flow) ? json_real(out->validation_nats_per_flow) : json_null(),
			 "flows_per_second", out->flows_per_second);
}
