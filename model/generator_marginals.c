/*
 * generator_marginals.c - flows from noisy counts (model/marginals) as a generator: the config's keys in the room's
 * terms, and the model on disk.
 *
 *     model.json       format, kind, the config's section model, epsilon and delta of the counts
 *     marginals.bin    the model/marginals file
 *
 * It takes privacy.mode dp alone: the noise of the counts is for privacy.epsilon and privacy.delta, under the secret of
 * the training, and what the counts charge is planned from the config before any record is read.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "model/generator.h"
#include "model/marginals/planted.h"
#include "model/private_counts.h"

#define MODEL_JSON_MAX (1u << 20)

struct marginals {
	struct fm_model base;
	struct fm_marginals m;
};

static void marginals_free(struct fm_model *base)
{
	struct marginals *m = (struct marginals *)base;

	fm_marginals_free(&m->m);
	free(m);
}

static int marginals_check(const struct fm_config *cfg, struct fm_error *err)
{
	const double *share = cfg->privacy.budget;

	if (!fm_config_dp(cfg))
		return fm_config_fail_at(
		    cfg, "model.kind privacy.mode", err,
		    "model.kind marginals is for privacy.mode dp, which its noise is made for: set privacy.mode "
		    "to dp (preset ugr16-dp), or model.kind to diffusion");
	if (share[FM_SHARE_TRAINING] > 0)
		return fm_config_fail_at(
		    cfg, "privacy.budget model.kind", err,
		    "privacy.budget.training is %g, and model.kind marginals trains nothing: leave it out, "
		    "or set model.kind to diffusion",
		    share[FM_SHARE_TRAINING]);
	if ((share[FM_SHARE_VOCABULARY] > 0) != (share[FM_SHARE_PAIRS] > 0))
		return fm_config_fail_at(
		    cfg, "privacy.budget model.kind", err,
		    "privacy.budget: model.kind marginals needs both a vocabulary and pairs: give both a "
		    "share, or leave privacy.budget out");
	return fm_private_check(cfg, err);
}

/* ---- the plan ---- */

/* epsilon of the counts and of what the gate will ask. */
static int epsilon_with_gate(const struct fm_config *cfg, const struct fm_charges *counts, double *epsilon,
			     struct fm_error *err)
{
	struct fm_charges all = {0};
	int rc;

	if ((rc = fm_charges_append(&all, counts, err)) < 0 || (rc = fm_private_gate_plan(cfg, &all, err)) < 0)
		goto out;
	rc = fm_charges_epsilon(&all, cfg->privacy.delta, fm_config_group(cfg), fm_private_adjacency(cfg),
				fm_private_accountant(cfg), epsilon, err);
out:
	fm_charges_free(&all);
	return rc;
}

/* mu of the counts: their share of the one that the noise multiplier gives, or else of the largest mu, to a thousandth,
 * with which the config's accountant finds that epsilon is kept.  All scales are in proportion to 1 / mu, except for
 * the rounding to a discrete Gaussian. */
static int plan_at(const struct fm_config *cfg, double *mu, double *vocabulary, struct fm_charges *charges,
		   struct fm_error *err)
{
	struct fm_private_split split = fm_private_split(cfg, (struct fm_private_split){.counts = 1});
	double target = cfg->privacy.epsilon, epsilon;
	int rc;

	*vocabulary = split.vocabulary;
	*mu = fm_private_worth(cfg) * sqrt(split.counts);
	for (int i = 0; i < 8; i++) {
		if ((rc = fm_private_plan(cfg, *mu, *vocabulary, charges, err)) < 0 || !(target > 0) ||
		    (rc = epsilon_with_gate(cfg, charges, &epsilon, err)) < 0 || epsilon <= target)
			return rc;
		fm_charges_free(charges);
		*mu *= 0.999 * target / epsilon;
	}
	return fm_fail(err, FM_EINPUT, "privacy.epsilon %g cannot be kept to by noisy counts", target);
}

static int marginals_plan(const struct fm_config *cfg, struct fm_charges *charges, struct fm_error *err)
{
	double mu, vocabulary;

	return plan_at(cfg, &mu, &vocabulary, charges, err);
}

static const struct fm_charges *marginals_charges(const struct fm_model *m)
{
	return &((const struct marginals *)m)->m.charges;
}

/* planted: set in an audit only, which also gets score; else NULL. */
static int fit_to(struct fm_model **model, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		  const struct fm_planted *planted, double *score, struct fm_fit_result *result, struct fm_error *err)
{
	struct fm_private_facts f;
	struct fm_charges plan = {0};
	struct marginals *m = NULL;
	double mu, vocabulary;
	int rc;

	if (!ctx->secret)
		return fm_fail(err, FM_ESYSTEM, "noisy counts without a key for their noise");
	if ((rc = plan_at(ctx->cfg, &mu, &vocabulary, &plan, err)) < 0 ||
	    (rc = fm_private_facts(&f, ctx->cfg, mu, vocabulary, real->train, err)) < 0 ||
	    (rc = fm_model_new(&m, sizeof *m, &fm_generator_marginals, err)) < 0)
		goto out;
	f.counts.pool = ctx->pool;
	f.counts.key = ctx->secret;
	if ((rc = planted ? fm_marginals_fit_planted(&m->m, real->train, &f.counts, planted, NULL, score, err)
			  : fm_marginals_fit(&m->m, real->train, &f.counts, err)) < 0 ||
	    (!planted && (rc = fm_private_doubt(ctx->cfg, &m->m, err)) < 0)) /* canaries are not of the trace */
		goto out;
	fm_log("train: %zu private counts of exchanges", m->m.charges.n);
	*result = (struct fm_fit_result){.steps = m->m.charges.n, .loss = NAN, .validation = NAN};
out:
	fm_charges_free(&plan);
	if (rc < 0)
		fm_model_free(m ? &m->base : NULL);
	else
		*model = &m->base;
	return rc;
}

static int marginals_fit(struct fm_model **model, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
			 struct fm_fit_result *result, struct fm_error *err)
{
	return fit_to(model, ctx, real, NULL, NULL, result, err);
}

static int marginals_audit(struct fm_model **model, const struct fm_generator_ctx *ctx,
			   const struct fm_real_flows *real, const struct fm_planted *p,
			   double *const score[FM_NSCORES], struct fm_error *err)
{
	struct fm_fit_result result;

	return fit_to(model, ctx, real, p, score[FM_SCORE_COUNTS], &result, err);
}

static int marginals_save(const struct fm_model *base, const struct fm_generator_ctx *ctx, const char *dir,
			  struct fm_error *err)
{
	const struct marginals *m = (const struct marginals *)base;
	char *json = fm_path_join(dir, "model.json"), *bin = fm_path_join(dir, "marginals.bin");
	json_t *j = NULL;
	int rc;

	if (!json || !bin) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	j = json_pack("{s:s, s:o, s:{s:f, s:f}}", "format", FM_MODEL_FORMAT, "model",
		      fm_config_json(ctx->cfg, "model", true), "counts", "epsilon", ctx->cfg->privacy.epsilon, "delta",
		      ctx->cfg->privacy.delta);
	if (!j) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory while writing %s", json);
		goto out;
	}
	if ((rc = fm_marginals_save(&m->m, bin, err)) < 0)
		goto out;
	rc = fm_json_save(j, json, err);
out:
	json_decref(j);
	free(json);
	free(bin);
	return rc;
}

static int json_check(const char *path, struct fm_error *err)
{
	json_t *j;
	int rc;

	if ((rc = fm_model_json_load(&j, path, &fm_generator_marginals, MODEL_JSON_MAX, err)) < 0)
		return rc;
	json_decref(j);
	return FM_OK;
}

static int marginals_load(struct fm_model **model, const struct fm_generator_ctx *ctx, const char *dir,
			  struct fm_error *err)
{
	char *json = fm_path_join(dir, "model.json"), *bin = fm_path_join(dir, "marginals.bin");
	struct marginals *m = NULL;
	int rc;

	(void)ctx;
	if (!json || !bin) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = json_check(json, err)) < 0 || (rc = fm_model_new(&m, sizeof *m, &fm_generator_marginals, err)) < 0 ||
	    (rc = fm_marginals_load(&m->m, bin, err)) < 0)
		goto out;
	*model = &m->base;
	m = NULL;
out:
	free(json);
	free(bin);
	fm_model_free(m ? &m->base : NULL);
	return rc;
}

static int marginals_sample(const struct fm_model *base, const struct fm_generator_ctx *ctx,
			    const struct fm_sample_in *in, struct fm_table **table, struct fm_error *err)
{
	const struct fm_marginals *m = &((const struct marginals *)base)->m;
	struct fm_private_wishes w;
	int rc;

	if ((rc = fm_private_wishes(&w, ctx->cfg, m, in->rows, fm_shard_seed(in->seed, in->shard), err)) < 0)
		return rc;
	w.sample.pool = ctx->pool;
	return fm_marginals_sample(table, m, &w.sample, err);
}

static void marginals_size(const struct fm_config *cfg, struct fm_network_size *size)
{
	(void)cfg;
	size->batch = 0;
}

static json_t *marginals_describe(const struct fm_config *c)
{
	char aim[96];

	return json_pack(
	    "{s:s, s:o, s:s}", "kind", "marginals", "model",
	    json_sprintf("noisy counts of exchanges (flows of one connection in a minute): single attributes and\n"
			 "pairs, with discrete Gaussian noise for %s over all counts. Records\n"
			 "drawn from the counts made the flows.",
			 fm_private_aim(c, aim)),
	    "addresses", "by role (hosts above the noise by rank,\nothers by how many records such hosts have)");
}

static int marginals_beside(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_table *made,
			    struct fm_beside *out, struct fm_error *err)
{
	return fm_private_beside(ctx->cfg, &((const struct marginals *)m)->m, made, out, err);
}

const struct fm_generator fm_generator_marginals = {
    .name = "marginals",
    .check = marginals_check,
    .fit = marginals_fit,
    .audit = marginals_audit,
    .scores = FM_SCORE_COUNTS + 1,
    .save = marginals_save,
    .load = marginals_load,
    .sample = marginals_sample,
    .plan = marginals_plan,
    .charges = marginals_charges,
    .beside = marginals_beside,
    .size = marginals_size,
    .describe = marginals_describe,
    .free = marginals_free,
};
