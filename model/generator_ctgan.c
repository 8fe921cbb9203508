/*
 * generator_ctgan.c - CTGAN (Xu et al. 2019) as a generator: the config's keys in the terms of model/ctgan, and the
 * model on disk.
 *
 *     model.json            format, kind, the config's section model, the codec, what training came to
 *     weights.safetensors   the generator's weights; the critic is not kept
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "model/ctgan/trainer.h"
#include "model/generator.h"
#include "model/nn/safetensors.h"

#define MODEL_JSON_MAX (256u << 20)

struct ctgan {
	struct fm_model base;
	struct fm_gan_codec *codec;
	struct fm_gan net;
	float *weights; /* of both networks in a fitted model, of the generator in a loaded one */
	struct fm_gan_train_result trained;
};

static void ctgan_free(struct fm_model *base)
{
	struct ctgan *m = (struct ctgan *)base;

	fm_gan_codec_free(m->codec);
	free(m->weights);
	free(m);
}

/* The networks, and room for their weights, for the codec that is there. */
static int ctgan_net(struct ctgan *m, const struct fm_config *cfg, struct fm_error *err)
{
	struct fm_gan_shape s = {.noise = cfg->model.embedding,
				 .hidden = cfg->model.hidden,
				 .row = m->codec->row,
				 .cond = m->codec->cond,
				 .group = m->codec->group,
				 .ngroups = m->codec->ngroups};

	fm_gan_init(&m->net, &s);
	return fm_alloc(&m->weights, m->net.generator.nfloats + m->net.critic.nfloats, sizeof *m->weights, "weights",
			err);
}

static int ctgan_check(const struct fm_config *cfg, struct fm_error *err)
{
	if (strcmp(cfg->privacy.mode, "clip") == 0)
		return fm_config_fail_at(
		    cfg, "privacy.mode model.kind", err,
		    "privacy.mode clip is not for model.kind ctgan, whose critic looks at ten flows at once: "
		    "set privacy.mode to none, or model.kind to diffusion");
	if (cfg->train.gan_batch % FM_GAN_PACK != 0)
		return fm_config_fail_at(cfg, "train.gan_batch model.kind", err,
					 "train.gan_batch is %d, and the critic looks at packs of %d flows: make "
					 "it a multiple of %d",
					 cfg->train.gan_batch, FM_GAN_PACK, FM_GAN_PACK);
	if (strcmp(cfg->model.encoding, "values") == 0)
		return fm_config_fail_at(cfg, "model.encoding model.kind", err,
					 "model.encoding values is not for model.kind ctgan: set it to plain or bits");
	return fm_generator_no_wishes(cfg, err);
}

/* ---- fit ---- */

static uint64_t ctgan_steps(const struct fm_config *cfg, uint64_t rows)
{
	uint64_t each = rows / (uint64_t)cfg->train.gan_batch;

	return cfg->train.steps > 0 ? (uint64_t)cfg->train.steps : (uint64_t)cfg->train.epochs * (each ? each : 1);
}

static uint64_t ctgan_step_flows(const struct fm_config *cfg)
{
	return (uint64_t)cfg->train.gan_batch;
}

/* Real and made rows pass two networks. */
static void ctgan_size(const struct fm_config *cfg, struct fm_network_size *size)
{
	*size = (struct fm_network_size){cfg->model.hidden, 1, 4.0 * cfg->train.gan_batch};
}

static int learn(struct ctgan *m, const struct fm_generator_ctx *ctx, const struct fm_gan_rows *rows,
		 struct fm_error *err)
{
	const struct fm_config *cfg = ctx->cfg;
	uint64_t steps = ctgan_steps(cfg, rows->n);
	struct fm_gan_train_opts o = {.loop = {.steps = (int)(steps < 1u << 30 ? steps : 1u << 30),
					       .seed = cfg->train.seed,
					       .key = ctx->checkpoint_key,
					       .every = cfg->train.checkpoint_every,
					       .seconds = cfg->train.checkpoint_seconds},
				      .batch = cfg->train.gan_batch,
				      .rate = cfg->train.gan_rate,
				      .weight_decay = cfg->train.gan_decay,
				      .pool = ctx->pool};
	char identity[FM_SHA256_HEX], *checkpoint = NULL;
	int rc;

	if ((rc = ctgan_net(m, cfg, err)) < 0 ||
	    (rc = fm_rows_identity(cfg, fm_gan_codec_json(m->codec), 0, identity, err)) < 0)
		return rc;
	if (ctx->checkpoint_dir &&
	    (rc = fm_checkpoint_path(&checkpoint, ctx->checkpoint_dir, ctx->checkpoint_key != NULL, err)) < 0)
		return rc;
	o.loop.path = checkpoint;
	o.loop.identity = identity;
	fm_log("train: %zu flows of %d numbers, conditions of %d, %zu parameters, kernels %s, %d threads", rows->n,
	       m->codec->row, m->codec->cond, m->net.generator.nfloats + m->net.critic.nfloats, fm_kernels()->name,
	       ctx->pool ? fm_pool_size(ctx->pool) : 1);
	rc = fm_gan_train(&m->net, m->codec, rows, &o, m->weights, &m->trained, err);
	free(checkpoint);
	return rc;
}

static int ctgan_fit(struct fm_model **model, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		     struct fm_fit_result *result, struct fm_error *err)
{
	const struct fm_config *cfg = ctx->cfg;
	struct fm_gan_codec_opts o = {.bits = strcmp(cfg->model.encoding, "bits") == 0,
				      .min_count = cfg->model.min_count,
				      .k = cfg->privacy.min_count,
				      .seed = cfg->train.seed,
				      .pool = ctx->pool};
	struct fm_gan_rows rows = {0};
	struct ctgan *m = NULL;
	int rc;

	if ((rc = fm_model_new(&m, sizeof *m, &fm_generator_ctgan, err)) < 0 ||
	    (rc = fm_gan_codec_fit(&m->codec, &rows, real->train, &o, err)) < 0 || (rc = learn(m, ctx, &rows, err)) < 0)
		goto out;
	const struct fm_gan_train_result *t = &m->trained;
	*result = (struct fm_fit_result){.steps = (uint64_t)t->steps,
					 .parameters = m->net.generator.nfloats + m->net.critic.nfloats,
					 .loss = t->critic,
					 .validation = NAN,
					 .flows_per_second = t->flows / (t->seconds > 0 ? t->seconds : 1)};
out:
	fm_gan_rows_free(&rows);
	return fm_rows_fitted(model, m ? &m->base : NULL, real, rc);
}

/* ---- on disk ---- */

static int ctgan_save(const struct fm_model *base, const struct fm_generator_ctx *ctx, const char *dir,
		      struct fm_error *err)
{
	const struct ctgan *m = (const struct ctgan *)base;

	return fm_rows_save(
	    base, ctx, dir,
	    &(struct fm_rows_kept){&m->net.generator, m->weights, fm_gan_codec_json(m->codec), m->trained.steps}, err);
}

static int ctgan_load(struct fm_model **model, const struct fm_generator_ctx *ctx, const char *dir,
		      struct fm_error *err)
{
	char *path = NULL, *weights = NULL;
	struct ctgan *m = NULL;
	json_t *j = NULL;
	int rc;

	if ((rc = fm_model_paths(dir, &path, &weights, err)) < 0 ||
	    (rc = fm_model_new(&m, sizeof *m, &fm_generator_ctgan, err)) < 0 ||
	    (rc = fm_model_json_load(&j, path, &fm_generator_ctgan, MODEL_JSON_MAX, err)) < 0)
		goto out;
	if ((rc = fm_gan_codec_from_json(&m->codec, json_object_get(j, "codec"), err)) < 0) {
		fm_error_prefix(err, "%s: ", path);
		goto out;
	}
	m->base.text_order = json_is_true(json_object_get(j, "text_order"));
	if ((rc = ctgan_net(m, ctx->cfg, err)) < 0 ||
	    (rc = fm_weights_load(&m->net.generator, m->weights, weights, err)) < 0)
		goto out;
	*model = &m->base;
	m = NULL;
out:
	json_decref(j);
	free(path);
	free(weights);
	fm_model_free(m ? &m->base : NULL);
	return rc;
}

/* ---- sample ---- */

static int ctgan_sample(const struct fm_model *base, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
			struct fm_table **table, struct fm_error *err)
{
	const struct ctgan *m = (const struct ctgan *)base;
	const struct fm_config *cfg = ctx->cfg;
	struct fm_gan_sample_opts o = {.rows = fm_generator_rows(cfg, in->rows, m->codec->flows.rows),
				       .seed = fm_shard_seed(in->seed, in->shard),
				       .batch = cfg->train.gan_batch,
				       .logs = strcmp(cfg->model.conditions, "log") == 0,
				       .pool = ctx->pool};
	struct fm_table *t = NULL;
	int rc = fm_gan_sample(&t, &m->net, m->codec, m->weights, &o, err);

	return fm_rows_sampled(table, t, m->codec->flows.inside, cfg, o.seed, rc, err);
}

static json_t *ctgan_describe(const struct fm_config *c)
{
	return json_pack(
	    "{s:s, s:o, s:s}", "kind", "ctgan", "model",
	    json_sprintf(
		"CTGAN (Xu et al. 2019), the baseline that others compare with: a generator and a critic over\n"
		"single flows in %s encoding, two layers of %d, batches of %d flows; conditions of the\n"
		"generated flows are by %s.",
		c->model.encoding, c->model.hidden, c->train.gan_batch,
		strcmp(c->model.conditions, "log") == 0 ? "the logs of frequencies" : "frequency"),
	    "addresses", "by the generator as numbers, and each number is\nreplaced by a fresh address");
}

const struct fm_generator fm_generator_ctgan = {
    .name = "ctgan",
    .check = ctgan_check,
    .fit = ctgan_fit,
    .save = ctgan_save,
    .load = ctgan_load,
    .sample = ctgan_sample,
    .steps = ctgan_steps,
    .step_flows = ctgan_step_flows,
    .size = ctgan_size,
    .describe = ctgan_describe,
    .free = ctgan_free,
};
