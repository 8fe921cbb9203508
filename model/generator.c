/* generator.c - the table of generators, and the calls that go through it. */
#include "model/generator.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "manifests/canon.h"
#include "model/nn/backbone.h"

const struct fm_generator *const fm_generators[] = {&fm_generator_diffusion, &fm_generator_marginals,
						    &fm_generator_ctgan,     &fm_generator_plain,
						    &fm_generator_netshare,  NULL};

const struct fm_generator *fm_generator_find(const char *name)
{
	for (size_t i = 0; fm_generators[i]; i++)
		if (strcmp(fm_generators[i]->name, name) == 0)
			return fm_generators[i];
	return NULL;
}

const struct fm_generator *fm_generator_of(const struct fm_config *cfg)
{
	const struct fm_generator *g = fm_generator_find(cfg->model.kind);

	return g && g->private_form && fm_config_dp(cfg) ? g->private_form : g;
}

uint64_t fm_generator_rows(const struct fm_config *cfg, uint64_t asked, uint64_t learned)
{
	uint64_t unit = (uint64_t)cfg->privacy.min_count * (uint64_t)(cfg->model.window > 0 ? cfg->model.window : 1);

	if (asked > 0)
		return asked;
	return unit > 0 && learned >= unit ? learned / unit * unit : learned;
}

int fm_generator_check(const struct fm_generator **g, const struct fm_config *cfg, struct fm_error *err)
{
	*g = fm_generator_of(cfg);
	if (!*g)
		return fm_config_fail_at(cfg, "model.kind", err, "model.kind: this version has no kind of model '%s'",
					 cfg->model.kind);
	if (fm_config_dp(cfg) && !(*g)->plan)
		return fm_config_fail_at(
		    cfg, "privacy.mode model.kind", err,
		    "privacy.mode dp: a model of kind %s has no differentially private form in this "
		    "version; set model.kind to marginals or diffusion",
		    cfg->model.kind);
	return (*g)->check(cfg, err);
}

int fm_generator_no_wishes(const struct fm_config *cfg, struct fm_error *err)
{
	const struct {
		bool asked;
		const char *key, *value;
	} wish[] = {
	    {cfg->generate.hours[0] != 0 || cfg->generate.hours[1] != 24, "generate.hours", ""},
	    {cfg->generate.guidance > 0, "generate.guidance", ""},
	    {strcmp(cfg->generate.order, "confidence") == 0, "generate.order", " confidence"},
	    {cfg->train.patience > 0, "train.patience", ""},
	};

	if (cfg->generate.nlabels > 0)
		return fm_config_fail_at(
		    cfg, "generate.labels model.kind", err,
		    "generate.labels is not for model.kind %s, which makes labels as often as they were: "
		    "leave it out, or set model.kind to diffusion",
		    cfg->model.kind);
	for (size_t i = 0; i < sizeof wish / sizeof *wish; i++) {
		char keys[64];

		snprintf(keys, sizeof keys, "%s model.kind", wish[i].key);
		if (wish[i].asked)
			return fm_config_fail_at(
			    cfg, keys, err,
			    "%s%s is not for model.kind %s: leave it out, or set model.kind to diffusion", wish[i].key,
			    wish[i].value, cfg->model.kind);
	}
	return FM_OK;
}

int fm_generator_check_denoiser(const struct fm_config *cfg, struct fm_error *err)
{
	struct fm_arch arch = {cfg->model.window, cfg->model.width, cfg->model.depth, cfg->model.heads, 0};
	/* What a message begins with, and the keys that it depends on: the one that was set last is named. */
	static const char *const about[][2] = {{"model.heads", "model.denoiser model.heads"},
					       {"model.width", "model.denoiser model.heads model.width"},
					       {"model.depth", "model.denoiser model.window model.depth"}};
	const struct fm_backbone *backbone;
	struct fm_error why = {0};

	if (fm_backbone_choose(&backbone, cfg->model.denoiser, &arch, FM_OVER_WINDOWS, &why) == FM_OK)
		return FM_OK;
	for (size_t i = 0; i < sizeof about / sizeof *about; i++)
		if (strncmp(why.message, about[i][0], strlen(about[i][0])) == 0)
			return fm_config_fail_at(cfg, about[i][1], err, "%s", why.message);
	return fm_config_fail_at(cfg, "model.denoiser", err, "%s", why.message);
}

int fm_generator_check_ranks(const struct fm_config *cfg, struct fm_error *err)
{
	const struct fm_generator *g = fm_generator_of(cfg);

	if (g && g->divides)
		return FM_OK;
	return fm_config_fail_at(
	    cfg, "run.mpi model.kind", err,
	    "model.kind %s trains in one process: run it without mpirun and with run.mpi: 1; train.threads has "
	    "all of its processors",
	    cfg->model.kind);
}

uint64_t fm_generator_steps(const struct fm_config *cfg, uint64_t rows)
{
	const struct fm_generator *g = fm_generator_of(cfg);

	return g && g->steps ? g->steps(cfg, rows) : 0;
}

uint64_t fm_generator_step_flows(const struct fm_config *cfg)
{
	const struct fm_generator *g = fm_generator_of(cfg);

	return g && g->step_flows ? g->step_flows(cfg) : (uint64_t)cfg->train.batch * (uint64_t)cfg->model.window;
}

struct fm_network_size fm_generator_size(const struct fm_config *cfg)
{
	const struct fm_generator *g = fm_generator_of(cfg);
	double window = cfg->model.window < 1 ? 1 : cfg->model.window;
	struct fm_network_size size = {cfg->model.width, window, cfg->train.batch * window};

	if (g && g->size)
		g->size(cfg, &size);
	return size;
}

int fm_generator_fit(struct fm_model **m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		     struct fm_fit_result *result, struct fm_error *err)
{
	const struct fm_generator *g;
	int rc;

	*m = NULL;
	if ((rc = fm_generator_check(&g, ctx->cfg, err)) < 0 ||
	    (ctx->ranks && (rc = fm_generator_check_ranks(ctx->cfg, err)) < 0))
		return rc;
	return g->fit(m, ctx, real, result, err);
}

int fm_generator_scores(const struct fm_config *cfg)
{
	const struct fm_generator *g = fm_generator_of(cfg);

	return g && g->audit ? g->scores : 0;
}

int fm_generator_audit(struct fm_model **m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		       const struct fm_planted *planted, double *const score[FM_NSCORES], struct fm_error *err)
{
	const struct fm_generator *g;
	struct fm_fit_result result;
	int rc;

	*m = NULL;
	if ((rc = fm_generator_check(&g, ctx->cfg, err)) < 0)
		return rc;
	return g->audit ? g->audit(m, ctx, real, planted, score, err) : g->fit(m, ctx, real, &result, err);
}

int fm_model_load(struct fm_model **m, const struct fm_generator_ctx *ctx, const char *dir, struct fm_error *err)
{
	const struct fm_generator *g;
	int rc;

	*m = NULL;
	if ((rc = fm_generator_check(&g, ctx->cfg, err)) < 0)
		return rc;
	return g->load(m, ctx, dir, err);
}

int fm_model_paths(const char *dir, char **json, char **weights, struct fm_error *err)
{
	*json = fm_path_join(dir, "model.json");
	*weights = fm_path_join(dir, "weights.safetensors");
	return *json && *weights ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

int fm_model_json_load(json_t **j, const char *path, const struct fm_generator *of, size_t most, struct fm_error *err)
{
	const char *format, *kind;
	int rc;

	if ((rc = fm_json_load(j, path, most, err)) < 0)
		return rc;
	format = json_string_value(json_object_get(*j, "format"));
	kind = json_string_value(json_object_get(json_object_get(*j, "model"), "kind"));
	if (!format || strcmp(format, FM_MODEL_FORMAT) != 0)
		rc = fm_fail(err, FM_EINPUT, "%s: this is no " FM_MODEL_FORMAT, path);
	else if (!kind || strcmp(kind, of->name) != 0)
		rc = fm_fail(err, FM_EINPUT, "%s: this is a model of kind %s, and the config says model.kind %s", path,
			     kind ? kind : "unknown", of->name);
	if (rc < 0) {
		json_decref(*j);
		*j = NULL;
	}
	return rc;
}

int fm_generator_plan(const struct fm_config *cfg, struct fm_charges *charges, struct fm_error *err)
{
	const struct fm_generator *g;
	int rc;

	if ((rc = fm_generator_check(&g, cfg, err)) < 0)
		return rc;
	return g->plan ? g->plan(cfg, charges, err)
		       : fm_fail(err, FM_EINPUT, "model.kind %s has no form for privacy.mode dp", g->name);
}

const struct fm_charges *fm_model_charges(const struct fm_model *m)
{
	return m->generator->charges ? m->generator->charges(m) : NULL;
}

int fm_model_save(const struct fm_model *m, const struct fm_generator_ctx *ctx, const char *dir, struct fm_error *err)
{
	return m->generator->save(m, ctx, dir, err);
}

int fm_model_sample(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
		    struct fm_table **table, struct fm_error *err)
{
	return m->generator->sample(m, ctx, in, table, err);
}

static int no_parts(const struct fm_config *cfg, const struct fm_generator *g, struct fm_error *err)
{
	return fm_config_fail_at(
	    cfg, "run.shards", err,
	    "a model of kind %s%s makes its flows in one piece: it has no shards; leave out run.shards and "
	    "--shard",
	    g->name, g->plan ? " in privacy.mode dp" : "");
}

int fm_generator_check_parts(const struct fm_config *cfg, struct fm_error *err)
{
	const struct fm_generator *g;
	int rc;

	if ((rc = fm_generator_check(&g, cfg, err)) < 0)
		return rc;
	return g->part ? FM_OK : no_parts(cfg, g, err);
}

int fm_model_part(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
		  const struct fm_part_place *place, uint64_t *flows, struct fm_error *err)
{
	if (!m->generator->part)
		return no_parts(ctx->cfg, m->generator, err);
	return m->generator->part(m, ctx, in, place, flows, err);
}

bool fm_model_has_losses(const struct fm_model *m)
{
	return m->generator->losses != NULL;
}

int fm_model_losses(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		    uint64_t seed, struct fm_window_set *set, int nsets, struct fm_error *err)
{
	if (!fm_model_has_losses(m))
		return fm_fail(err, FM_EINPUT, "a model of kind %s has no loss of single windows", m->generator->name);
	return m->generator->losses(m, ctx, real, seed, set, nsets, err);
}

int fm_model_new(void *out, size_t size, const struct fm_generator *g, struct fm_error *err)
{
	struct fm_model *m = NULL;
	int rc;

	if ((rc = fm_alloc(&m, 1, size, "the model", err)) < 0)
		return rc;
	m->generator = g;
	memcpy(out, &m, sizeof m);
	return FM_OK;
}

void fm_model_free(struct fm_model *m)
{
	if (m)
		m->generator->free(m);
}

uint64_t fm_shard_seed(uint64_t seed, uint32_t shard)
{
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_SHARD, shard, 0);
	return shard == 0 ? seed : fm_rng_u64(&r);
}

json_t *fm_generator_describe(const struct fm_config *cfg)
{
	const struct fm_generator *g = fm_generator_of(cfg);

	return g ? g->describe(cfg) : NULL;
}

int fm_real_flows_source(struct fm_real_flows *real, const char *store_json, struct fm_error *err)
{
	const char *ties;
	json_t *j = NULL;
	int rc;

	if ((rc = fm_json_load(&j, store_json, 1 << 20, err)) < 0)
		return rc;
	real->first_ms = json_integer_value(json_object_get(j, "first_ms"));
	real->last_ms = json_integer_value(json_object_get(j, "last_ms"));
	real->source_rows = json_number_value(json_object_get(j, "rows"));
	ties = json_string_value(json_object_get(j, "ties"));
	real->text_order = ties && strcmp(ties, "text") == 0;
	if (!(real->source_rows > 0) || real->last_ms < real->first_ms)
		rc = fm_fail(err, FM_EINPUT, "%s: rows, first_ms and last_ms do not describe a store: run ingest again",
			     store_json);
	json_decref(j);
	return rc;
}
