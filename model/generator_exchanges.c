/*
 * generator_exchanges.c - model.kind diffusion in privacy.mode dp: a diffusion over exchanges (exchange_diffusion.h),
 * which begins with noisy counts and goes on with DP-SGD.
 *
 *     model.json            format, kind, what it is over, the config's section model, epsilon and delta
 *     marginals.bin         the noisy counts (model/marginals)
 *     weights.safetensors   the averaged weights, and those before the private training
 *
 * privacy.epsilon is split by privacy.budget: the counts get Gaussians of their share, and the training gets the least
 * noise with which, by the config's accountant, everything together keeps to epsilon.  All of it is planned from the
 * config before any record is read.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "model/exchange_diffusion.h"
#include "model/generator.h"
#include "model/nn/checkpoint.h"
#include "model/nn/safetensors.h"
#include "model/private_counts.h"

#define OVER "exchanges"
#define MODEL_JSON_MAX (1u << 20)

#define STEPS 500 /* where train.steps is 0 */
/* The start, from which nothing private is learned: its sample has as many records as the noisy total says. */
#define START_STEPS 4 /* for each private one */
#define START_BATCH 256
#define START_RATE 2e-3
#define CLIP_QUANTILE 0.9

struct exchanges {
	struct fm_model base;
	struct fm_exchange_diffusion x;
};

static void exchanges_free(struct fm_model *base)
{
	struct exchanges *e = (struct exchanges *)base;

	fm_exchange_free(&e->x);
	free(e);
}

static struct fm_private_split split_of(const struct fm_config *cfg)
{
	return fm_private_split(cfg, (struct fm_private_split){.counts = 0.8, .training = 0.2});
}

static struct fm_exchange_shape shape_of(const struct fm_config *cfg)
{
	return (struct fm_exchange_shape){cfg->model.denoiser, cfg->model.width, cfg->model.depth, cfg->model.heads};
}

static int exchanges_check(const struct fm_config *cfg, struct fm_error *err)
{
	struct fm_private_split split = split_of(cfg);
	struct fm_exchange_shape shape = shape_of(cfg);
	const double *share = cfg->privacy.budget;
	struct fm_error why = {0};
	int rc;

	if (strcmp(cfg->model.process, "absorbing") != 0)
		return fm_config_fail_at(
		    cfg, "model.process model.kind privacy.mode", err,
		    "model.kind diffusion in privacy.mode dp is over single exchanges, whose tokens are "
		    "absorbed: it takes model.process absorbing, not %s",
		    cfg->model.process);
	if ((rc = fm_exchange_shape_check(&shape, &why)) == FM_EINPUT)
		return fm_config_fail_at(cfg, "model.denoiser model.depth model.width model.heads model.kind", err,
					 "%s", why.message);
	if (rc < 0)
		return fm_fail(err, rc, "%s", why.message);
	if (!(split.training > 0) || (split.vocabulary > 0 ? split.vocabulary >= 1 : share[FM_SHARE_PAIRS] > 0) ||
	    !(split.counts > 0))
		return fm_config_fail_at(
		    cfg, "privacy.budget model.kind", err,
		    "privacy.budget: model.kind diffusion counts a vocabulary and pairs, and trains: give each "
		    "of vocabulary, pairs and training a share, or leave privacy.budget out");
	if ((uint64_t)cfg->train.batch > (uint64_t)cfg->privacy.records)
		return fm_config_fail_at(cfg, "train.batch privacy.records", err,
					 "train.batch %d is more than privacy.records %lld", cfg->train.batch,
					 (long long)cfg->privacy.records);
	if (cfg->generate.guidance > 0)
		return fm_config_fail_at(
		    cfg, "generate.guidance privacy.mode", err,
		    "generate.guidance: exchanges have no classes of windows to be pushed to; leave it out");
	return fm_private_check(cfg, err);
}

/* ---- the plan ---- */

static int steps_of(const struct fm_config *cfg)
{
	return cfg->train.steps > 0 ? cfg->train.steps : STEPS;
}

static uint64_t exchanges_steps(const struct fm_config *cfg, uint64_t rows)
{
	(void)rows;
	return (uint64_t)steps_of(cfg);
}

/* Exchanges that a step looks at, out of privacy.records. */
static uint64_t exchanges_step_flows(const struct fm_config *cfg)
{
	return (uint64_t)cfg->train.batch;
}

/* It learns single exchanges, and none is more than eight flows are. */
static void exchanges_size(const struct fm_config *cfg, struct fm_network_size *size)
{
	size->window = 8;
	size->batch = cfg->train.batch * size->window;
}

/* The options of the training, without those of the counts; the plan sets the noise. */
static struct fm_exchange_opts options(const struct fm_config *cfg, double noise_multiplier)
{
	int steps = steps_of(cfg);

	return (struct fm_exchange_opts){.shape = shape_of(cfg),
					 .start = {.steps = START_STEPS * steps,
						   .batch = START_BATCH,
						   .warmup = START_STEPS * steps / 20,
						   .rate = START_RATE,
						   .ema = 0.99,
						   .weight_decay = cfg->train.weight_decay,
						   .seed = 1},
					 .counts.replaced = fm_config_unit_flow(cfg),
					 .clip_quantile = CLIP_QUANTILE,
					 .steps = steps,
					 .draws = cfg->privacy.draws,
					 .warmup = cfg->train.warmup,
					 .batch = (uint64_t)cfg->train.batch,
					 .records = (uint64_t)cfg->privacy.records,
					 .noise_multiplier = noise_multiplier,
					 .rate = cfg->train.rate,
					 .ema = cfg->train.ema,
					 .weight_decay = cfg->train.weight_decay};
}

/* The epsilon that everything together keeps to: that of one Gaussian with the shares that are spent, and never more
 * than the config's.
 */
static int target_of(const struct fm_config *cfg, const struct fm_private_split *split, double *target,
		     struct fm_error *err)
{
	double spent = split->counts + split->training + cfg->privacy.budget[FM_SHARE_GATE],
	       most = cfg->privacy.epsilon;
	struct fm_mechanism all = {.kind = FM_GAUSSIAN,
				   .sensitivity = fm_config_group(cfg),
				   .scale = 1 / (fm_private_worth(cfg) * sqrt(spent < 1 ? spent : 1)),
				   .count = 1};
	int rc;

	if ((rc = fm_account(&all, 1, FM_DELTA_GAUSSIANS * cfg->privacy.delta, FM_ADD_OR_REMOVE, FM_PLD, target, err)) <
	    0)
		return rc;
	if (most > 0 && *target > 0.9999 * most)
		*target = 0.9999 * most;
	return FM_OK;
}

struct plan {
	double mu, vocabulary, noise_multiplier;
	struct fm_charges charges;
};

/* The least noise of the training with which all queries of the run, those of the gate too, keep to the target. */
static int calibrate(struct fm_charge *training, const struct fm_config *cfg, const struct fm_charges *counts,
		     double target, struct fm_error *err)
{
	struct fm_account_terms terms = {cfg->privacy.delta, fm_private_adjacency(cfg), fm_private_accountant(cfg)};
	struct fm_charges all = {0};
	int rc;

	if ((rc = fm_charges_append(&all, counts, err)) < 0 || (rc = fm_private_gate_plan(cfg, &all, err)) < 0 ||
	    (rc = fm_charges_add(&all, training, err)) < 0 ||
	    (rc = fm_charges_calibrate(&all, all.n - 1, fm_config_group(cfg), target, &terms, err)) < 0)
		goto out;
	*training = all.list[all.n - 1];
out:
	fm_charges_free(&all);
	return rc;
}

static int plan_make(struct plan *p, const struct fm_config *cfg, struct fm_error *err)
{
	struct fm_private_split split = split_of(cfg);
	struct fm_exchange_opts o = options(cfg, 1);
	struct fm_charge training = fm_exchange_charge(&o);
	double target;
	int rc;

	*p = (struct plan){.mu = fm_private_worth(cfg) * sqrt(split.counts), .vocabulary = split.vocabulary};
	if ((rc = target_of(cfg, &split, &target, err)) < 0 ||
	    (rc = fm_private_plan(cfg, p->mu, p->vocabulary, &p->charges, err)) < 0 ||
	    (rc = calibrate(&training, cfg, &p->charges, target, err)) < 0 ||
	    (rc = fm_charges_add(&p->charges, &training, err)) < 0)
		return rc;
	p->noise_multiplier = training.scale;
	return FM_OK;
}

static int exchanges_plan(const struct fm_config *cfg, struct fm_charges *charges, struct fm_error *err)
{
	struct plan p;
	int rc;

	if ((rc = plan_make(&p, cfg, err)) < 0)
		fm_charges_free(&p.charges);
	else
		*charges = p.charges;
	return rc;
}

static const struct fm_charges *exchanges_charges(const struct fm_model *m)
{
	return &((const struct exchanges *)m)->x.charges;
}

/* ---- fit ---- */

/* planted: set in an audit only, which also gets its scores; else NULL. */
static int fit_to(struct fm_model **model, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		  const struct fm_planted *planted, double *const score[FM_NSCORES], struct fm_fit_result *result,
		  struct fm_error *err)
{
	struct fm_private_facts f;
	struct fm_exchange_opts o;
	struct exchanges *e = NULL;
	struct plan p = {0};
	char *checkpoint = NULL;
	int rc;

	if (!ctx->secret)
		return fm_fail(err, FM_ESYSTEM, "a private training without a key for its noise");
	if ((rc = plan_make(&p, ctx->cfg, err)) < 0 ||
	    (rc = fm_private_facts(&f, ctx->cfg, p.mu, p.vocabulary, real->train, err)) < 0 ||
	    (rc = fm_model_new(&e, sizeof *e, &fm_generator_exchanges, err)) < 0 ||
	    (ctx->checkpoint_dir &&
	     (rc = fm_checkpoint_path(&checkpoint, ctx->checkpoint_dir, ctx->checkpoint_key != NULL, err)) < 0))
		goto out;
	f.counts.pool = ctx->pool;
	f.counts.key = ctx->secret;
	o = options(ctx->cfg, p.noise_multiplier);
	o.counts = f.counts;
	o.checkpoint = checkpoint;
	o.checkpoint_key = ctx->checkpoint_key;
	o.ranks = ctx->ranks;
	o.checkpoint_every = ctx->cfg->train.checkpoint_every;
	o.checkpoint_seconds = ctx->cfg->train.checkpoint_seconds;
	if (planted) {
		o.planted = planted;
		o.by_counts = score[FM_SCORE_COUNTS];
		o.by_losses = score[FM_SCORE_LOSSES];
	} else { /* canaries are not of the trace */
		o.doubt = fm_private_doubt;
		o.cfg = ctx->cfg;
	}
	if ((rc = fm_exchange_fit(&e->x, real->train, &o, err)) < 0)
		goto out;
	fm_log("train: %zu private counts of exchanges, and %d private steps with noise of %g times the clip; %zu "
	       "parameters",
	       e->x.m.charges.n, o.steps, o.noise_multiplier, e->x.net->layout.nfloats);
	*result = (struct fm_fit_result){.steps = (uint64_t)o.steps,
					 .parameters = e->x.net->layout.nfloats,
					 .loss = NAN,
					 .validation = NAN,
					 .flows_per_second = (double)o.batch * o.steps / fmax(e->x.seconds, 1e-9)};
	*model = &e->base;
	e = NULL;
out:
	free(checkpoint);
	fm_charges_free(&p.charges);
	fm_model_free(e ? &e->base : NULL);
	return rc;
}

static int exchanges_fit(struct fm_model **model, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
			 struct fm_fit_result *result, struct fm_error *err)
{
	return fit_to(model, ctx, real, NULL, NULL, result, err);
}

static int exchanges_audit(struct fm_model **model, const struct fm_generator_ctx *ctx,
			   const struct fm_real_flows *real, const struct fm_planted *p,
			   double *const score[FM_NSCORES], struct fm_error *err)
{
	struct fm_fit_result result;

	return fit_to(model, ctx, real, p, score, &result, err);
}

/* ---- on disk ---- */

struct paths {
	char *json, *counts, *weights;
};

static int paths_of(struct paths *p, const char *dir, struct fm_error *err)
{
	p->json = fm_path_join(dir, "model.json");
	p->counts = fm_path_join(dir, "marginals.bin");
	p->weights = fm_path_join(dir, "weights.safetensors");
	return p->json && p->counts && p->weights ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory: paths of a model");
}

static void paths_free(struct paths *p)
{
	free(p->json);
	free(p->counts);
	free(p->weights);
}

static int exchanges_save(const struct fm_model *base, const struct fm_generator_ctx *ctx, const char *dir,
			  struct fm_error *err)
{
	const struct fm_exchange_diffusion *x = &((const struct exchanges *)base)->x;
	const struct fm_tensors both[2] = {{"", x->weights}, {"start.", x->start}};
	struct paths p;
	json_t *meta = json_pack("{s:s}", "format", "flowmint-weights/1"), *j = NULL;
	int rc;

	if ((rc = paths_of(&p, dir, err)) < 0)
		goto out;
	j = json_pack("{s:s, s:s, s:o, s:{s:f, s:f}}", "format", FM_MODEL_FORMAT, "over", OVER, "model",
		      fm_config_json(ctx->cfg, "model", true), "privacy", "epsilon", ctx->cfg->privacy.epsilon, "delta",
		      ctx->cfg->privacy.delta);
	if (!meta || !j) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory while writing %s", p.json);
		goto out;
	}
	if ((rc = fm_marginals_save(&x->m, p.counts, err)) < 0 ||
	    (rc = fm_tensors_save(&x->net->layout, both, 2, meta, false, p.weights, err)) < 0)
		goto out;
	rc = fm_json_save(j, p.json, err);
out:
	json_decref(meta);
	json_decref(j);
	paths_free(&p);
	return rc;
}

static int json_check(const char *path, struct fm_error *err)
{
	const char *over;
	json_t *j;
	int rc;

	if ((rc = fm_model_json_load(&j, path, &fm_generator_exchanges, MODEL_JSON_MAX, err)) < 0)
		return rc;
	over = json_string_value(json_object_get(j, "over"));
	if (!over || strcmp(over, OVER) != 0)
		rc = fm_fail(err, FM_EINPUT,
			     "%s: this is no diffusion over exchanges, which the config asks for: train again", path);
	json_decref(j);
	return rc;
}

static int weights_load(struct fm_exchange_diffusion *x, const char *path, struct fm_error *err)
{
	const struct fm_tensors both[2] = {{"", x->weights}, {"start.", x->start}};
	struct fm_tensors_file f;
	int rc;

	if ((rc = fm_tensors_open(&f, path, false, err)) < 0)
		return rc;
	rc = fm_tensors_read(&f, &x->net->layout, both, 2, err);
	fm_tensors_close(&f);
	return rc;
}

static int exchanges_load(struct fm_model **model, const struct fm_generator_ctx *ctx, const char *dir,
			  struct fm_error *err)
{
	struct fm_exchange_shape shape = shape_of(ctx->cfg);
	struct exchanges *e = NULL;
	struct paths p;
	int rc;

	if ((rc = paths_of(&p, dir, err)) < 0 || (rc = json_check(p.json, err)) < 0 ||
	    (rc = fm_model_new(&e, sizeof *e, &fm_generator_exchanges, err)) < 0 ||
	    (rc = fm_marginals_load(&e->x.m, p.counts, err)) < 0 || (rc = fm_exchange_net(&e->x, &shape, err)) < 0 ||
	    (rc = weights_load(&e->x, p.weights, err)) < 0)
		goto out;
	*model = &e->base;
	e = NULL;
out:
	paths_free(&p);
	fm_model_free(e ? &e->base : NULL);
	return rc;
}

/* ---- sample ---- */

static int exchanges_sample(const struct fm_model *base, const struct fm_generator_ctx *ctx,
			    const struct fm_sample_in *in, struct fm_table **table, struct fm_error *err)
{
	const struct fm_exchange_diffusion *x = &((const struct exchanges *)base)->x;
	struct fm_private_wishes w;
	int rc;

	if ((rc = fm_private_wishes(&w, ctx->cfg, &x->m, in->rows, fm_shard_seed(in->seed, in->shard), err)) < 0)
		return rc;
	w.sample.pool = ctx->pool;
	return fm_exchange_sample(table, x, &w.sample, strcmp(ctx->cfg->generate.by, "network") == 0, err);
}

/* What drew the records, and what was done to them after. */
static void draws_of(const struct fm_config *c, char text[200])
{
	int n = snprintf(text, 200, "%s",
			 strcmp(c->generate.by, "network") == 0
			     ? "Records that the network drew"
			     : "Records drawn by the noisy pairs, guided by what\nthese steps changed in the network");

	if (c->generate.correction > 0)
		snprintf(text + n, 200 - (size_t)n, " and corrected by the\nnoisy pairs in %d rounds",
			 c->generate.correction);
}

/* The network in words. */
static void network_of(const struct fm_config *c, char text[120])
{
	if (strcmp(c->model.denoiser, "mlp") == 0)
		snprintf(text, 120, "an MLP of width %d and depth %d", c->model.width, c->model.depth);
	else
		snprintf(text, 120, "a %s of width %d and depth %d over the flows of an exchange",
			 strcmp(c->model.denoiser, "unet") == 0 ? "1-D U-Net" : c->model.denoiser, c->model.width,
			 c->model.depth);
}

static json_t *exchanges_describe(const struct fm_config *c)
{
	char aim[96], drawn[200], network[120];

	draws_of(c, drawn);
	network_of(c, network);
	return json_pack(
	    "{s:s, s:o, s:s}", "kind", "diffusion", "model",
	    json_sprintf("a diffusion model over exchanges (flows of one connection in a minute), whose tokens are\n"
			 "absorbed, with %s. Noisy counts of single attributes and pairs\n"
			 "made its vocabularies and its start; %d steps of DP-SGD followed, with noise for %s\n"
			 "over counts and training together. %s\nmade the flows.",
			 network, steps_of(c), fm_private_aim(c, aim), drawn),
	    "addresses", "by role (hosts above the noise by rank,\nothers by how many records such hosts have)");
}

static int exchanges_beside(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_table *made,
			    struct fm_beside *out, struct fm_error *err)
{
	return fm_private_beside(ctx->cfg, &((const struct exchanges *)m)->x.m, made, out, err);
}

const struct fm_generator fm_generator_exchanges = {
    .name = "diffusion",
    .check = exchanges_check,
    .fit = exchanges_fit,
    .audit = exchanges_audit,
    .scores = FM_SCORE_LOSSES + 1,
    .save = exchanges_save,
    .load = exchanges_load,
    .sample = exchanges_sample,
    .plan = exchanges_plan,
    .charges = exchanges_charges,
    .beside = exchanges_beside,
    .steps = exchanges_steps,
    .step_flows = exchanges_step_flows,
    .size = exchanges_size,
    .divides = true,
    .describe = exchanges_describe,
    .free = exchanges_free,
};
