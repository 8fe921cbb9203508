/*
 * generator_plain.c - the plain Gaussian diffusion of rows as a generator (docs/peers.md): the config's keys in the
 * terms of model/plain, and the model on disk.
 *
 *     model.json            format, kind, the config's section model, the codec, what training came to
 *     weights.safetensors   the averaged weights
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "model/codec/windows.h"
#include "model/generator.h"
#include "model/nn/safetensors.h"
#include "model/plain/sampler.h"

#define MODEL_JSON_MAX (256u << 20)
#define PASSES 100 /* unless train.steps says how many steps */
#define LEAST_STEPS 500

struct plain {
	struct fm_model base;
	struct fm_plain_codec *codec;
	struct fm_plain_net *net;
	struct fm_plain_process process;
	float *weights;
	struct fm_plain_train_result trained; /* of a fitted model */
};

static void plain_free(struct fm_model *base)
{
	struct plain *m = (struct plain *)base;

	fm_plain_codec_free(m->codec);
	fm_plain_net_free(m->net);
	free(m->weights);
	free(m);
}

static enum fm_plain_how how_of(const struct fm_config *cfg)
{
	return strcmp(cfg->model.encoding, "bits") == 0     ? FM_PLAIN_BITS
	       : strcmp(cfg->model.encoding, "values") == 0 ? FM_PLAIN_VALUES
							    : FM_PLAIN_NUMBERS;
}

static int plain_new(struct plain **m, const struct fm_config *cfg, struct fm_error *err)
{
	int rc;

	if ((rc = fm_model_new(m, sizeof **m, &fm_generator_plain, err)) < 0)
		return rc;
	(*m)->process =
	    (struct fm_plain_process){.T = cfg->model.steps,
				      .cosine = strcmp(cfg->model.schedule, "cosine") == 0,
				      .predicts = how_of(cfg) == FM_PLAIN_BITS ? FM_PREDICTS_X0 : FM_PREDICTS_NOISE};
	return FM_OK;
}

/* The network, and room for its weights, for the codec that is there. */
static int plain_net(struct plain *m, const struct fm_config *cfg, struct fm_error *err)
{
	struct fm_arch a = {cfg->model.window, cfg->model.width, cfg->model.depth, cfg->model.heads,
			    4 * cfg->model.width};
	int row = m->codec->row, rc;

	if ((rc = fm_plain_net_new(&m->net, cfg->model.denoiser, &a, row,
				   m->process.predicts == FM_PREDICTS_X0 ? 2 * row : row, err)) < 0)
		return rc;
	return fm_alloc(&m->weights, m->net->layout.nfloats, sizeof *m->weights, "weights", err);
}

static int plain_check(const struct fm_config *cfg, struct fm_error *err)
{
	int rc;

	if (strcmp(cfg->privacy.mode, "clip") == 0)
		return fm_config_fail_at(
		    cfg, "privacy.mode model.kind", err,
		    "privacy.mode clip is not for model.kind plain: set privacy.mode to none, or model.kind "
		    "to diffusion");
	if ((rc = fm_generator_check_denoiser(cfg, err)) < 0)
		return rc;
	return fm_generator_no_wishes(cfg, err);
}

/* ---- fit ---- */

/* All whole windows of a table. */
static int windows_of(const struct plain *m, const struct fm_table *t, int window, struct fm_plain_windows *w,
		      struct fm_error *err)
{
	size_t *first = NULL, each = (size_t)window * (size_t)m->codec->flows.n;
	int rc;

	*w = (struct fm_plain_windows){m->codec, 0, NULL};
	if ((rc = fm_windows_find(t, window, &first, &w->n, err)) < 0 ||
	    (rc = fm_alloc(&w->x, w->n * each + 1, sizeof *w->x, "windows", err)) < 0)
		goto out;
	for (size_t i = 0; i < w->n; i++)
		if ((rc = fm_plain_encode(m->codec, t, first[i], (size_t)window, w->x + i * each, err)) < 0)
			goto out;
out:
	free(first);
	return rc;
}

static int steps_of(const struct fm_config *cfg, size_t windows)
{
	return fm_train_steps(cfg->train.steps, (struct fm_passes){PASSES, LEAST_STEPS}, windows, cfg->train.batch);
}

static uint64_t plain_steps(const struct fm_config *cfg, uint64_t rows)
{
	return (uint64_t)steps_of(cfg, (size_t)rows / (size_t)cfg->model.window);
}

static struct fm_plain_train_opts train_opts(const struct fm_generator_ctx *ctx, size_t windows)
{
	const struct fm_config *cfg = ctx->cfg;

	return (struct fm_plain_train_opts){.loop = {.steps = steps_of(cfg, windows),
						     .seed = cfg->train.seed,
						     .key = ctx->checkpoint_key,
						     .every = cfg->train.checkpoint_every,
						     .seconds = cfg->train.checkpoint_seconds},
					    .batch = cfg->train.batch,
					    .warmup = cfg->train.warmup,
					    .rate = cfg->train.rate,
					    .ema = cfg->train.ema,
					    .weight_decay = cfg->train.weight_decay,
					    .clip = cfg->train.clip,
					    .pool = ctx->pool};
}

static int learn(struct plain *m, const struct fm_generator_ctx *ctx, const struct fm_plain_windows *train,
		 struct fm_error *err)
{
	struct fm_plain_train_opts o = train_opts(ctx, train->n);
	char identity[FM_SHA256_HEX], *checkpoint = NULL;
	int unit = 16 * (strcmp(ctx->cfg->model.denoiser, "mlp") == 0 ? 1 : ctx->cfg->model.heads), rc;

	if ((rc = plain_net(m, ctx->cfg, err)) < 0 ||
	    (rc = fm_rows_identity(ctx->cfg, fm_plain_codec_json(m->codec), train->n, identity, err)) < 0)
		return rc;
	if (ctx->checkpoint_dir &&
	    (rc = fm_checkpoint_path(&checkpoint, ctx->checkpoint_dir, ctx->checkpoint_key != NULL, err)) < 0)
		return rc;
	o.loop.path = checkpoint;
	o.loop.identity = identity;
	fm_log("train: %zu windows of %d flows of %d numbers, %zu parameters, kernels %s, %d threads", train->n,
	       m->net->arch.window, m->codec->row, m->net->layout.nfloats, m->net->k->name,
	       ctx->pool ? fm_pool_size(ctx->pool) : 1);
	if (m->process.predicts == FM_PREDICTS_NOISE && m->net->arch.width < m->codec->row)
		fm_warn("train: model.width of the %s is %d, and a flow is %d numbers: a network that is narrower than "
			"a flow cannot "
			"tell the noise of each; set model.width to %d or more, or model.min_count higher",
			ctx->cfg->model.denoiser, m->net->arch.width, m->codec->row,
			(m->codec->row + unit - 1) / unit * unit);
	rc = fm_plain_train(m->net, &m->process, train, &o, m->weights, &m->trained, err);
	free(checkpoint);
	return rc;
}

/* The mean loss of a split's windows; NaN without windows. */
static int validate(const struct plain *m, const struct fm_generator_ctx *ctx, const struct fm_table *t, double *mean,
		    struct fm_error *err)
{
	struct fm_plain_windows w = {NULL, 0, NULL};
	double *loss = NULL;
	int rc;

	*mean = NAN;
	if (!t)
		return FM_OK;
	if ((rc = windows_of(m, t, ctx->cfg->model.window, &w, err)) < 0 || w.n == 0 ||
	    (rc = fm_alloc(&loss, w.n, sizeof *loss, "losses", err)) < 0 ||
	    (rc = fm_plain_losses(&(struct fm_plain_denoiser){m->net, &m->process, m->weights}, &w,
				  ctx->cfg->train.seed, ctx->pool, loss, err)) < 0)
		goto out;
	*mean = 0;
	for (size_t i = 0; i < w.n; i++)
		*mean += loss[i] / (double)w.n;
	fm_log("train: loss %.4f on validation", *mean);
out:
	free(w.x);
	free(loss);
	return rc;
}

static int plain_fit(struct fm_model **model, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		     struct fm_fit_result *result, struct fm_error *err)
{
	const struct fm_config *cfg = ctx->cfg;
	struct fm_plain_windows train = {NULL, 0, NULL};
	struct plain *m = NULL;
	double validation;
	int rc;

	if ((rc = plain_new(&m, cfg, err)) < 0 ||
	    (rc = fm_plain_codec_fit(&m->codec, real->train, how_of(cfg), cfg->model.min_count, cfg->privacy.min_count,
				     err)) < 0 ||
	    (rc = windows_of(m, real->train, cfg->model.window, &train, err)) < 0 ||
	    (rc = learn(m, ctx, &train, err)) < 0 || (rc = validate(m, ctx, real->validation, &validation, err)) < 0)
		goto out;
	const struct fm_plain_train_result *t = &m->trained;
	*result = (struct fm_fit_result){.steps = (uint64_t)t->steps,
					 .parameters = m->net->layout.nfloats,
					 .loss = t->loss,
					 .validation = validation,
					 .flows_per_second = t->flows / (t->seconds > 0 ? t->seconds : 1)};
out:
	free(train.x);
	return fm_rows_fitted(model, m ? &m->base : NULL, real, rc);
}

/* ---- on disk ---- */

static int plain_save(const struct fm_model *base, const struct fm_generator_ctx *ctx, const char *dir,
		      struct fm_error *err)
{
	const struct plain *m = (const struct plain *)base;

	return fm_rows_save(
	    base, ctx, dir,
	    &(struct fm_rows_kept){&m->net->layout, m->weights, fm_plain_codec_json(m->codec), m->trained.steps}, err);
}

static int plain_load(struct fm_model **model, const struct fm_generator_ctx *ctx, const char *dir,
		      struct fm_error *err)
{
	char *path = NULL, *weights = NULL;
	struct plain *m = NULL;
	json_t *j = NULL;
	int rc;

	if ((rc = fm_model_paths(dir, &path, &weights, err)) < 0 || (rc = plain_new(&m, ctx->cfg, err)) < 0 ||
	    (rc = fm_model_json_load(&j, path, &fm_generator_plain, MODEL_JSON_MAX, err)) < 0)
		goto out;
	if ((rc = fm_plain_codec_from_json(&m->codec, json_object_get(j, "codec"), err)) < 0) {
		fm_error_prefix(err, "%s: ", path);
		goto out;
	}
	m->base.text_order = json_is_true(json_object_get(j, "text_order"));
	if ((rc = plain_net(m, ctx->cfg, err)) < 0 ||
	    (rc = fm_weights_load(&m->net->layout, m->weights, weights, err)) < 0)
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

static int plain_sample(const struct fm_model *base, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
			struct fm_table **table, struct fm_error *err)
{
	const struct plain *m = (const struct plain *)base;
	const struct fm_config *cfg = ctx->cfg;
	enum fm_solver solver = fm_solver_find(cfg->generate.sampler);
	struct fm_plain_sample_opts o = {.rows = fm_generator_rows(cfg, in->rows, m->codec->flows.rows),
					 .seed = fm_shard_seed(in->seed, in->shard),
					 .solver = solver,
					 .steps = solver == FM_ANCESTRAL ? cfg->model.steps : cfg->generate.steps,
					 .pool = ctx->pool};
	struct fm_table *t = NULL;
	int rc = fm_plain_sample(&t, m->net, &m->process, m->codec, m->weights, &o, err);

	return fm_rows_sampled(table, t, m->codec->flows.inside, cfg, o.seed, rc, err);
}

/* ---- losses ---- */

static int losses_of(const struct plain *m, const struct fm_generator_ctx *ctx, uint64_t seed,
		     struct fm_window_set *set, struct fm_error *err)
{
	struct fm_plain_windows w;
	int rc;

	if ((rc = windows_of(m, set->table, ctx->cfg->model.window, &w, err)) < 0)
		goto out;
	if (w.n != set->n) {
		rc = fm_fail(err, FM_EINPUT, "a set of %zu windows of %d flows has %zu whole ones", set->n,
			     ctx->cfg->model.window, w.n);
		goto out;
	}
	rc = fm_plain_losses(&(struct fm_plain_denoiser){m->net, &m->process, m->weights}, &w, seed, ctx->pool,
			     set->loss, err);
out:
	free(w.x);
	return rc;
}

static int plain_losses(const struct fm_model *base, const struct fm_generator_ctx *ctx,
			const struct fm_real_flows *real, uint64_t seed, struct fm_window_set *set, int nsets,
			struct fm_error *err)
{
	const struct plain *m = (const struct plain *)base;
	int rc;

	if ((rc = fm_row_columns_know(&m->codec->flows, real->train, err)) < 0)
		return rc;
	for (int i = 0; i < nsets; i++)
		if ((rc = losses_of(m, ctx, seed, &set[i], err)) < 0)
			return rc;
	return FM_OK;
}

static json_t *plain_describe(const struct fm_config *c)
{
	bool bits = how_of(c) == FM_PLAIN_BITS;

	return json_pack(
	    "{s:s, s:o, s:s}", "kind", "plain", "model",
	    json_sprintf("a plain diffusion model (Ho, Jain, Abbeel 2020): flows as rows of scaled numbers and\n"
			 "one-hot categories in %s encoding, Gaussian noise on a %s schedule, T = %d steps, a\n"
			 "%s that predicts %s over windows of %d consecutive flows; the %s sampler\n"
			 "made the flows.",
			 c->model.encoding, c->model.schedule, c->model.steps, c->model.denoiser,
			 bits ? "the rows" : "the noise", c->model.window, c->generate.sampler),
	    "addresses", "by the model as numbers, and each number is\nreplaced by a fresh address");
}

const struct fm_generator fm_generator_plain = {
    .name = "plain",
    .check = plain_check,
    .fit = plain_fit,
    .save = plain_save,
    .load = plain_load,
    .sample = plain_sample,
    .losses = plain_losses,
    .steps = plain_steps,
    .describe = plain_describe,
    .free = plain_free,
};
