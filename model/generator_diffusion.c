/*
 * generator_diffusion.c - the hybrid diffusion model over windows of flows as a generator: the config's keys in the
 * terms of model/codec and model/diffusion, and the model on disk.
 *
 *     model.json            format, kind, the config's section model, the codec, pairs of tokens that do not go
 *                           together, margins, the result of training
 *     weights.safetensors   the averaged weights (model/nn/safetensors.h)
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "model/diffusion/recalibrate.h"
#include "model/diffusion/window_loss.h"
#include "model/generator_diffusion_parts.h"
#include "model/nn/checkpoint.h"
#include "model/nn/safetensors.h"
#include "model/ranges.h"

#define MODEL_JSON_MAX (256u << 20)
#define PASSES 40          /* unless train.steps says how many steps; more would learn traces by heart */
#define LEAST_STEPS 300    /* what teaches the outline of a window, and no small trace by heart */
#define OFFSETS 8          /* at most this many places in a window where training windows begin */
#define SEEN 5u            /* with several such places, each window is seen this often at least */
#define MOST_FLOWS 6400000 /* of all offsets together, 56 bytes each; a larger trace needs fewer offsets */

/* What the network learns from and is validated on. */
struct lessons {
	struct fm_encoded shifted;    /* windows of training, at all offsets */
	struct fm_encoded train;      /* those of them at offset 0, the split's own windows; borrowed */
	struct fm_encoded validation; /* the split's windows */
};

static void diffusion_free(struct fm_model *m)
{
	struct diffusion *d = (struct diffusion *)m;

	free(d->weights);
	fm_calibration_free(&d->calibration);
	fm_margins_free(&d->margins);
	fm_net_free(d->net);
	fm_structural_zeros_free(&d->zeros);
	fm_codec_free(d->codec);
	free(d);
}

static int diffusion_new(struct diffusion **d, const struct fm_config *cfg, struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(d, 1, sizeof **d, "the model", err)) < 0)
		return rc;
	(*d)->base.generator = &fm_generator_diffusion;
	if ((rc = fm_process_init(&(*d)->process, cfg->model.steps, cfg->model.schedule, err)) < 0)
		return rc;
	return fm_process_choose(&(*d)->process, cfg->model.process, cfg->model.prediction, err);
}

/* The network and room for its weights, for the codec that is there. */
static int diffusion_net(struct diffusion *d, const struct fm_config *cfg, struct fm_error *err)
{
	struct fm_arch a = {d->codec->window, cfg->model.width, cfg->model.depth, cfg->model.heads,
			    4 * cfg->model.width};
	int rc;

	d->base.text_order = d->codec->text_order;
	if ((rc = fm_net_new(&d->net, cfg->model.denoiser, &a, d->codec->vocab, d->codec->roles.nhosts, err)) < 0)
		return rc;
	return fm_alloc(&d->weights, d->net->layout.nfloats, sizeof *d->weights, "weights", err);
}

/* In privacy.mode dp the kind has another form, whose windows and codec look at no private flow without noise. */
static int diffusion_check(const struct fm_config *cfg, struct fm_error *err)
{
	if (fm_config_dp(cfg))
		return fm_fail(err, FM_ESYSTEM, "a diffusion over windows of flows was asked for in privacy.mode dp");
	return fm_generator_check_denoiser(cfg, err);
}

/* ---- fit ---- */

static struct fm_codec_opts codec_opts(const struct fm_config *cfg, const struct fm_real_flows *real)
{
	return (struct fm_codec_opts){.window = cfg->model.window,
				      .min_count = cfg->model.min_count,
				      .k = cfg->privacy.min_count,
				      .max_hosts = cfg->model.max_hosts,
				      .first_ms = real->first_ms,
				      .last_ms = real->last_ms,
				      .source_rows = real->source_rows,
				      .text_order = real->text_order};
}

static void lessons_free(struct lessons *l)
{
	fm_encoded_free(&l->validation);
	fm_encoded_free(&l->shifted);
}

static int steps_of(const struct fm_config *cfg, size_t windows)
{
	return fm_train_steps(cfg->train.steps, (struct fm_passes){PASSES, LEAST_STEPS}, windows, cfg->train.batch);
}

/* Windows are cut by count, so no place to begin is better than another.  A network that makes many passes sees the
 * flows from several beginnings, yet each window often enough to learn it.  In privacy.mode clip a flow is in one
 * window only, as each window is clipped by itself. */
static int offsets_of(const struct fm_config *cfg, size_t rows)
{
	size_t windows = rows / (size_t)cfg->model.window,
	       seen = (size_t)steps_of(cfg, windows) * (size_t)cfg->train.batch, n = seen / (SEEN * windows + 1),
	       most = MOST_FLOWS / (rows + 1);

	n = n < most ? n : most;
	return strcmp(cfg->privacy.mode, "clip") == 0 || n < 1 ? 1 : n < OFFSETS ? (int)n : OFFSETS;
}

/* The codec of the training flows, and both splits as windows of tokens. */
static int encode(struct diffusion *d, const struct fm_config *cfg, const struct fm_real_flows *real, struct lessons *l,
		  struct fm_error *err)
{
	struct fm_codec_opts o = codec_opts(cfg, real);
	struct fm_encoded *train = &l->train, *validation = &l->validation;
	struct fm_hosts *hosts = NULL;
	int rc;

	if ((rc = fm_codec_fit_with_hosts(&d->codec, &hosts, real->train, &o, err)) < 0 ||
	    (rc = fm_codec_encode_offsets(d->codec, hosts, real->train, cfg->train.seed,
					  offsets_of(cfg, real->train->rows), &l->shifted, err)) < 0)
		goto out;
	if ((rc = fm_window_kinds_learn(&d->kinds, &l->shifted, o.window, o.k, err)) < 0)
		goto out;
	*train = l->shifted;
	train->windows = train->own;
	if (real->validation &&
	    ((rc = fm_codec_encode(d->codec, hosts, real->validation, cfg->train.seed, validation, err)) < 0 ||
	     (rc = fm_window_kinds_assign(&d->kinds, validation, o.window, err)) < 0))
		goto out;
	if ((rc = fm_structural_zeros_fit(&d->zeros, d->codec->vocab, train, o.window, o.k, err)) < 0 ||
	    (rc = fm_label_services_fit(&d->zeros.services, d->codec, train, o.k, err)) < 0)
		goto out;
	if ((rc = fm_structural_zeros_forbid(&d->zeros, d->codec, err)) < 0)
		goto out;
	rc = fm_margins_fit(&d->margins, train, o.window, o.k, err);
out:
	fm_hosts_free(hosts); /* from here on addresses are only in the mapped tables */
	return rc;
}

/* A digest of all that the weights after a number of steps depend on. */
static int identity_of(const struct fm_config *cfg, const struct fm_codec *codec, const struct fm_encoded *train,
		       char hex[FM_SHA256_HEX], struct fm_error *err)
{
	json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:I}", "what", "training", "flowmint", FM_VERSION,
			      "model", fm_config_json(cfg, "model", true), "train", fm_config_json(cfg, "train", true),
			      "privacy", fm_config_json(cfg, "privacy", true), "codec", fm_codec_json(codec), "windows",
			      (json_int_t)train->windows);
	int rc =
	    j ? fm_json_digest(j, hex, err) : fm_fail(err, FM_ESYSTEM, "out of memory for the training's identity");

	json_decref(j);
	return rc;
}

static uint64_t diffusion_steps(const struct fm_config *cfg, uint64_t rows)
{
	return (uint64_t)steps_of(cfg, (size_t)rows / (size_t)cfg->model.window);
}

/* watched: there is a validation split.  Then the model with the best validation loss is kept. */
static struct fm_train_opts train_opts(const struct fm_config *cfg, size_t windows, bool watched)
{
	int steps = steps_of(cfg, windows), patience = cfg->train.patience,
	    every = steps / 8; /* eight looks at the validation split, or as many as patience needs */

	if (patience > 0 && every > (patience + 1) / 2)
		every = (patience + 1) / 2;
	return (struct fm_train_opts){.steps = steps,
				      .batch = cfg->train.batch,
				      .warmup = cfg->train.warmup,
				      .rate = cfg->train.rate,
				      .ema = cfg->train.ema,
				      .weight_decay = cfg->train.weight_decay,
				      .clip = cfg->train.clip,
				      .window_clip = strcmp(cfg->privacy.mode, "clip") == 0 ? cfg->privacy.clip : 0,
				      .seed = cfg->train.seed,
				      .balance = cfg->train.balance,
				      .patience = patience > 0 ? patience
						  : watched    ? steps
							       : 0, /* the loss of all steps, and the best */
				      .validate_every = every,
				      .checkpoint_every = cfg->train.checkpoint_every,
				      .checkpoint_seconds = cfg->train.checkpoint_seconds};
}

static int learn(struct diffusion *d, const struct fm_generator_ctx *ctx, const struct lessons *l, struct fm_error *err)
{
	struct fm_train_opts o = train_opts(ctx->cfg, l->train.windows, l->validation.windows > 0);
	char identity[FM_SHA256_HEX], *checkpoint = NULL;
	int rc;

	if ((rc = diffusion_net(d, ctx->cfg, err)) < 0 ||
	    (rc = identity_of(ctx->cfg, d->codec, &l->shifted, identity, err)) < 0)
		return rc;
	if (ctx->checkpoint_dir &&
	    (rc = fm_checkpoint_path(&checkpoint, ctx->checkpoint_dir, ctx->checkpoint_key != NULL, err)) < 0)
		return rc;
	o.checkpoint = checkpoint;
	o.checkpoint_key = ctx->checkpoint_key;
	o.identity = identity;
	o.pool = ctx->pool;
	o.ranks = ctx->ranks;
	if (ctx->ranks)
		fm_log("train: %d ranks", fm_ranks_size(ctx->ranks));
	fm_log("train: %zu windows of %d flows, and %zu between two, %zu parameters, kernels %s, %d threads",
	       l->train.windows, d->codec->window, l->shifted.windows - l->train.windows, d->net->layout.nfloats,
	       d->net->k->name, ctx->pool ? fm_pool_size(ctx->pool) : 1);
	rc = fm_train(d->net, &d->process, &(struct fm_train_data){&l->shifted, &l->validation}, &o, d->weights,
		      &d->trained, err);
	free(checkpoint);
	return rc;
}

/* Measure what the trained network draws, and correct its margins. */
static int calibrate(struct diffusion *d, const struct fm_generator_ctx *ctx, const struct fm_encoded *train,
		     struct fm_error *err)
{
	struct fm_denoiser denoiser = {d->net, &d->process, d->weights};
	struct fm_recalibrate_opts o = {.seed = ctx->cfg->train.seed,
					.trained = (uint64_t)d->trained.steps * (uint64_t)ctx->cfg->train.batch,
					.min_count = ctx->cfg->privacy.min_count,
					.nats = isfinite(d->trained.validation) ? d->trained.column : NULL,
					.pool = ctx->pool,
					.ranks = ctx->ranks};
	int rc;

	if ((rc = fm_calibration_new(&d->calibration, d->codec->vocab, err)) < 0)
		return rc;
	return fm_recalibrate(&d->calibration, &denoiser, d->codec, &d->zeros, train, &o, err);
}

/* Before hours are spent on training: can flows of such labels and hours be made at all, with such addresses? */
static int check_wishes(const struct diffusion *d, const struct fm_config *cfg, struct fm_error *err)
{
	struct fm_range range[FM_SIDES][FM_CFG_MAXRANGES];
	struct fm_range_list fresh[FM_SIDES];
	struct fm_window_schedule schedule = {0};
	struct fm_window_schedule_opts o;
	double rows = (double)d->codec->train_rows,
	       share = cfg->generate.rows > 0 ? (double)cfg->generate.rows / rows : 1;
	int rc;

	for (int side = 0; side < FM_SIDES; side++) {
		if ((rc = fm_ranges(range[side], &fresh[side].n, cfg, side, err)) < 0)
			return rc;
		fresh[side].range = range[side];
	}
	if (cfg->generate.nlabels > 0 || cfg->generate.hours[0] > 0 || cfg->generate.hours[1] < 24)
		share = 0;
	if ((rc = fm_addresses_enough(&d->codec->roles, fresh, share, err)) < 0)
		return rc;
	if ((rc = fm_diffusion_wishes(cfg, d->codec, (uint64_t)d->codec->window, 0, &o, err)) >= 0)
		rc = fm_window_schedule_make(&schedule, d->codec, &o, err);
	fm_window_schedule_free(&schedule);
	return rc;
}

static int diffusion_fit(struct fm_model **m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
			 struct fm_fit_result *result, struct fm_error *err)
{
	struct lessons l = {0};
	struct diffusion *d = NULL;
	int rc;

	if ((rc = diffusion_new(&d, ctx->cfg, err)) < 0 || (rc = encode(d, ctx->cfg, real, &l, err)) < 0 ||
	    (rc = check_wishes(d, ctx->cfg, err)) < 0 || (rc = learn(d, ctx, &l, err)) < 0 ||
	    (rc = calibrate(d, ctx, &l.train, err)) < 0)
		goto out;
	const struct fm_train_result *t = &d->trained;
	*result = (struct fm_fit_result){.steps = (uint64_t)t->steps,
					 .parameters = d->net->layout.nfloats,
					 .rollbacks = (uint64_t)t->rollbacks,
					 .loss = t->loss,
					 .validation = t->validation,
					 .flows_per_second = t->flows / (t->seconds > 0 ? t->seconds : 1)};
out:
	lessons_free(&l);
	if (rc < 0)
		fm_model_free(d ? &d->base : NULL);
	else
		*m = &d->base;
	return rc;
}

/* ---- on disk ---- */

/* Everything that sampling needs but the weights. */
static int save_json(const struct diffusion *d, const struct fm_config *cfg, const char *path, struct fm_error *err)
{
	const struct fm_train_result *r = &d->trained;
	json_t *column = json_object(), *j;
	int rc;

	for (int c = 0; c < FM_NTOK; c++)
		json_object_set_new(column, fm_tok_name[c], json_real(r->column[c]));
	j = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:i, s:i, s:i, s:f, s:o, s:o}}", "format",
		      FM_MODEL_FORMAT, "model", fm_config_json(cfg, "model", true), "codec", fm_codec_json(d->codec),
		      "excluded", fm_structural_zeros_json(&d->zeros), "services",
		      fm_label_services_json(&d->zeros.services), "calibration", fm_calibration_json(&d->calibration),
		      "margins", fm_margins_json(&d->margins), "kinds", fm_window_kinds_json(&d->kinds), "training",
		      "steps", r->steps, "best_step", r->best_step, "rollbacks", r->rollbacks, "loss", r->loss,
		      "validation_nats_per_flow", isfinite(r->validation) ? json_real(r->validation) : json_null(),
		      "validation_by_column", column);
	rc = j ? fm_json_save(j, path, err) : fm_fail(err, FM_ESYSTEM, "out of memory while writing %s", path);
	json_decref(j);
	return rc;
}

static int load_json(struct diffusion *d, const char *path, struct fm_error *err)
{
	json_t *j;
	int rc;

	if ((rc = fm_model_json_load(&j, path, d->base.generator, MODEL_JSON_MAX, err)) < 0)
		return rc;
	if ((rc = fm_codec_from_json(&d->codec, json_object_get(j, "codec"), err)) < 0 ||
	    (rc = fm_structural_zeros_from_json(&d->zeros, d->codec->vocab, json_object_get(j, "excluded"), err)) < 0 ||
	    (rc = fm_label_services_from_json(&d->zeros.services, d->codec, json_object_get(j, "services"), err)) < 0 ||
	    (rc = fm_calibration_new(&d->calibration, d->codec->vocab, err)) < 0 ||
	    (rc = fm_calibration_refine(&d->calibration, d->codec, NULL, 0, err)) < 0 ||
	    (rc = fm_calibration_from_json(&d->calibration, json_object_get(j, "calibration"), err)) < 0 ||
	    (rc = fm_margins_from_json(&d->margins, json_object_get(j, "margins"), err)) < 0 ||
	    (rc = fm_window_kinds_from_json(&d->kinds, json_object_get(j, "kinds"), err)) < 0)
		fm_error_prefix(err, "%s: ", path);
	json_decref(j);
	return rc;
}

static int diffusion_save(const struct fm_model *m, const struct fm_generator_ctx *ctx, const char *dir,
			  struct fm_error *err)
{
	const struct diffusion *d = fm_diffusion_of(m);
	char *json = NULL, *weights = NULL;
	int rc;

	if ((rc = fm_model_paths(dir, &json, &weights, err)) < 0 ||
	    (rc = fm_weights_save(&d->net->layout, d->weights, weights, err)) < 0)
		goto out;
	rc = save_json(d, ctx->cfg, json, err);
out:
	free(json);
	free(weights);
	return rc;
}

static int diffusion_load(struct fm_model **m, const struct fm_generator_ctx *ctx, const char *dir,
			  struct fm_error *err)
{
	char *json = NULL, *weights = NULL;
	struct diffusion *d = NULL;
	int rc;

	if ((rc = fm_model_paths(dir, &json, &weights, err)) < 0 || (rc = diffusion_new(&d, ctx->cfg, err)) < 0 ||
	    (rc = load_json(d, json, err)) < 0 || (rc = diffusion_net(d, ctx->cfg, err)) < 0 ||
	    (rc = fm_weights_load(&d->net->layout, d->weights, weights, err)) < 0)
		goto out;
	*m = &d->base;
	d = NULL;
out:
	free(json);
	free(weights);
	fm_model_free(d ? &d->base : NULL);
	return rc;
}

/* ---- losses ---- */

static int losses_of(const struct diffusion *d, const struct fm_generator_ctx *ctx, const struct fm_hosts *hosts,
		     const struct fm_codec_opts *o, uint64_t seed, struct fm_window_set *set, struct fm_error *err)
{
	struct fm_denoiser denoiser = {d->net, &d->process, d->weights};
	struct fm_encoded e = {0};
	int rc;

	if ((rc = fm_codec_encode(d->codec, hosts, set->table, ctx->cfg->train.seed, &e, err)) < 0 ||
	    (rc = fm_window_kinds_assign(&d->kinds, &e, o->window, err)) < 0)
		goto out;
	if (e.windows != set->n) {
		rc = fm_fail(err, FM_EINPUT, "a set of %zu windows of %d flows has %zu whole ones", set->n, o->window,
			     e.windows);
		goto out;
	}
	rc = fm_window_losses(&denoiser, &e, seed, ctx->pool, set->loss, err);
out:
	fm_encoded_free(&e);
	return rc;
}

/* Windows are encoded as in training, with the training flows' hosts. */
static int diffusion_losses(const struct fm_model *m, const struct fm_generator_ctx *ctx,
			    const struct fm_real_flows *real, uint64_t seed, struct fm_window_set *set, int nsets,
			    struct fm_error *err)
{
	struct fm_codec_opts o = codec_opts(ctx->cfg, real);
	struct fm_hosts *hosts = NULL;
	int rc;

	if ((rc = fm_hosts_fit(&hosts, real->train, o.window, o.min_count, o.max_hosts, err)) < 0)
		return rc;
	for (int i = 0; i < nsets; i++)
		if ((rc = losses_of(fm_diffusion_of(m), ctx, hosts, &o, seed, &set[i], err)) < 0)
			goto out;
out:
	fm_hosts_free(hosts);
	return rc;
}

/* ---- in plain words ---- */

static json_t *diffusion_describe(const struct fm_config *c)
{
	char steps[64];

	if (c->train.steps > 0)
		snprintf(steps, sizeof steps, "at most %d steps", c->train.steps);
	else
		snprintf(steps, sizeof steps, "about %d passes, in steps", PASSES);
	return json_pack(
	    "{s:s, s:o, s:s}", "kind", "diffusion", "model",
	    json_sprintf(
		"a hybrid diffusion model: categorical tokens (%s diffusion) and Gaussian residuals (%s\n"
		"schedule), T = %d steps, a %s as denoiser over windows of %d consecutive flows. Training took\n"
		"%s of %d windows; the %s sampler made the flows.",
		c->model.process, c->model.schedule, c->model.steps, c->model.denoiser, c->model.window, steps,
		c->train.batch, c->generate.sampler),
	    "addresses", "by role (who repeats, who\nanswers whom, how popular a host is)");
}

const struct fm_generator fm_generator_diffusion = {
    .name = "diffusion",
    .private_form = &fm_generator_exchanges,
    .check = diffusion_check,
    .fit = diffusion_fit,
    .save = diffusion_save,
    .load = diffusion_load,
    .sample = fm_diffusion_sample,
    .part = fm_diffusion_part,
    .losses = diffusion_losses,
    .steps = diffusion_steps,
    .divides = true,
    .describe = diffusion_describe,
    .free = diffusion_free,
};
