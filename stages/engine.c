/* engine.c - config to network, and the model's files. */
#include "stages/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "model/nn/safetensors.h"

int fm_engine_check(const struct fm_config *cfg, struct fm_error *err)
{
	if (strcmp(cfg->privacy.mode, "none") != 0)
		return fm_fail(
		    err, FM_EINPUT,
		    "privacy.mode '%s' is not in this version: it gives no differential privacy; set it to none",
		    cfg->privacy.mode);
	return FM_OK;
}

int fm_engine_process(struct fm_process *pr, const struct fm_config *cfg, struct fm_error *err)
{
	int ret = fm_process_init(pr, cfg->model.steps, cfg->model.schedule, err);
	return ret < 0 ? ret : fm_process_choose(pr, cfg->model.process, cfg->model.prediction, err);
}

enum fm_solver fm_engine_solver(const struct fm_config *cfg)
{
	return strcmp(cfg->generate.sampler, "ancestral") == 0 ? FM_ANCESTRAL
	       : strcmp(cfg->generate.sampler, "dpm2") == 0    ? FM_DPM2
							       : FM_DDIM;
}

int fm_engine_net(struct fm_net **net, const struct fm_config *cfg, const struct fm_codec *codec, struct fm_error *err)
{
	struct fm_arch a = {codec->window, cfg->model.width, cfg->model.depth, cfg->model.heads, 4 * cfg->model.width};
	return fm_net_new(net, cfg->model.denoiser, &a, codec->vocab, err);
}

static bool is_inside(const void *dialect, uint32_t ip)
{
	return fm_dialect_is_internal(dialect, ip);
}

int fm_engine_codec_opts(struct fm_codec_opts *o, const struct fm_config *cfg, const char *store_json,
			 const struct fm_dialect *dialect, struct fm_error *err)
{
	json_t *j = NULL;
	int ret = fm_json_load(&j, store_json, 1 << 20, err);

	*o = (struct fm_codec_opts){.window = cfg->model.window,
				    .min_count = cfg->model.min_count,
				    .max_hosts = cfg->model.max_hosts,
				    .inside = is_inside,
				    .ctx = dialect};
	if (ret < 0)
		return ret;
	o->first_ms = json_integer_value(json_object_get(j, "first_ms"));
	o->last_ms = json_integer_value(json_object_get(j, "last_ms"));
	o->source_rows = json_number_value(json_object_get(j, "rows"));
	if (!(o->source_rows > 0) || o->last_ms < o->first_ms)
		ret = fm_fail(err, FM_EINPUT,
			      "%s: rows, first_ms and last_ms do not describe a store: run ingest again", store_json);
	json_decref(j);
	return ret;
}

int fm_engine_model(const char *dir, struct fm_codec **codec, struct fm_structural_zeros *zeros, struct fm_error *err)
{
	char *path = fm_path_join(dir, "model.json");
	json_t *j = NULL;
	int ret = path ? fm_json_load(&j, path, 256u << 20, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	const char *format = json_string_value(json_object_get(j, "format"));

	if (ret == FM_OK && (!format || strcmp(format, "flowmint-model/1") != 0))
		ret = fm_fail(err, FM_EINPUT, "%s: this is no flowmint-model/1", path);
	if (ret == FM_OK && fm_codec_from_json(codec, json_object_get(j, "codec"), err) < 0)
		ret = fm_error_prefix(err, "%s: ", path);
	if (ret == FM_OK &&
	    fm_structural_zeros_from_json(zeros, (*codec)->vocab, json_object_get(j, "excluded"), err) < 0)
		ret = fm_error_prefix(err, "%s: ", path);
	json_decref(j);
	free(path);
	return ret;
}

int fm_engine_weights(const char *dir, const struct fm_net *net, float **weights, struct fm_error *err)
{
	char *path = fm_path_join(dir, "weights.safetensors");
	int ret = path ? fm_alloc(weights, net->layout.nfloats, sizeof **weights, "weights", err)
		       : fm_fail(err, FM_ESYSTEM, "out of memory");

	if (ret == FM_OK)
		ret = fm_weights_load(&net->layout, *weights, path, err);
	free(path);
	return ret;
}
