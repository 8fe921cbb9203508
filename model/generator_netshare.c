/*
 * generator_netshare.c - NetShare (Yin et al. 2022) as a generator (docs/peers.md): the config's keys in the terms of
 * model/netshare, and the model on disk.
 *
 *     model.json            format, kind, the config's section model, the codec, what training came to
 *     weights.safetensors   the vectors of ports and protocols, the generator of each chunk; no critic is kept
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "model/generator.h"
#include "model/netshare/trainer.h"
#include "model/nn/safetensors.h"

#define MODEL_JSON_MAX (256u << 20)

struct netshare {
	struct fm_model base;
	struct fm_share_codec *codec;
	struct fm_dg net;
	struct fm_layout layout; /* of what is kept */
	float *weights;          /* (chunks, the generator's floats) */
	struct fm_share_train_result trained;
};

static void netshare_free(struct fm_model *base)
{
	struct netshare *m = (struct netshare *)base;

	fm_share_codec_free(m->codec);
	free(m->weights);
	free(m);
}

/* The networks, and room for their weights, for the codec that is there. */
static int netshare_net(struct netshare *m, const struct fm_config *cfg, struct fm_error *err)
{
	const struct fm_share_codec *c = m->codec;
	struct fm_dg_shape s = {.hidden = cfg->model.layer_width,
				.lstm = cfg->model.lstm,
				.attributes = c->attributes,
				.record = c->record,
				.steps = c->steps,
				.each = c->each,
				.follows = c->follows,
				.attribute_head = c->attribute_head,
				.record_head = c->record_head,
				.nattribute_heads = c->nattribute_heads,
				.nrecord_heads = c->nrecord_heads};

	fm_dg_init(&m->net, &s);
	for (int i = 0; i < c->chunks; i++)
		fm_layout_add(&m->layout, 1, (int)m->net.generator.nfloats, 0, "generator.%d", i);
	fm_layout_add(&m->layout, c->words.nports, FM_WORD_NUMBERS, 0, "vectors.ports");
	if (c->words.nprotocols > 0)
		fm_layout_add(&m->layout, c->words.nprotocols, FM_WORD_NUMBERS, 0, "vectors.protocols");
	return fm_alloc(&m->weights, (size_t)c->chunks * m->net.generator.nfloats, sizeof *m->weights, "weights", err);
}

static int netshare_check(const struct fm_config *cfg, struct fm_error *err)
{
	if (strcmp(cfg->privacy.mode, "clip") == 0)
		return fm_config_fail_at(
		    cfg, "privacy.mode model.kind", err,
		    "privacy.mode clip is not for model.kind netshare, which learns no windows: set "
		    "privacy.mode to none, or model.kind to diffusion");
	if (cfg->absent & (1u << FM_TE | 1u << FM_SA | 1u << FM_SP | 1u << FM_DP | 1u << FM_PR))
		return fm_config_fail_at(
		    cfg, "model.kind source.dialect", err,
		    "model.kind netshare learns sessions, which are known by addresses, ports, protocol and time, and "
		    "the trace has not all of them: take another model.kind, such as diffusion");
	if (cfg->model.step_records > cfg->model.session_records)
		return fm_config_fail_at(cfg, "model.step_records model.session_records model.kind", err,
					 "model.step_records is %d, and a session has %d records at most: set it to "
					 "model.session_records or less",
					 cfg->model.step_records, cfg->model.session_records);
	return fm_generator_no_wishes(cfg, err);
}

/* ---- fit ---- */

/* Steps of a chunk: passes over its sessions, where chunks that go on from the first chunk get a quarter as many; or a
 * share of train.steps, by the same rule. */
static int steps_of(const struct fm_config *cfg, double sessions, bool first)
{
	double batches = sessions / cfg->train.session_batch, steps;

	if (cfg->train.steps > 0)
		steps = (double)cfg->train.steps * (first ? 4 : 1) / (cfg->model.chunks + 3);
	else
		steps = (first ? cfg->train.chunk_epochs : cfg->train.chunk_epochs / 4.0) * (batches > 1 ? batches : 1);
	return steps < 1 ? 1 : steps < (1 << 30) ? (int)steps : 1 << 30;
}

/* An estimate, as if the flows were spread evenly over the chunks and each were a session. */
static uint64_t netshare_steps(const struct fm_config *cfg, uint64_t rows)
{
	double each = (double)rows / cfg->model.chunks;

	return (uint64_t)steps_of(cfg, each, true) +
	       (uint64_t)(cfg->model.chunks - 1) * (uint64_t)steps_of(cfg, each, false);
}

static uint64_t netshare_step_flows(const struct fm_config *cfg)
{
	return (uint64_t)cfg->train.session_batch;
}

static void netshare_size(const struct fm_config *cfg, struct fm_network_size *size)
{
	int width = cfg->model.layer_width > cfg->model.lstm ? cfg->model.layer_width : cfg->model.lstm;

	*size = (struct fm_network_size){width, 1, (double)cfg->train.session_batch * cfg->model.session_records};
}

static int learn(struct netshare *m, const struct fm_generator_ctx *ctx, const struct fm_table *t,
		 const struct fm_sessions *s, struct fm_error *err)
{
	const struct fm_config *cfg = ctx->cfg;
	struct fm_share_train_opts o = {.loop = {.seed = cfg->train.seed,
						 .key = ctx->checkpoint_key,
						 .every = cfg->train.checkpoint_every,
						 .seconds = cfg->train.checkpoint_seconds},
					.dir = ctx->checkpoint_dir,
					.batch = cfg->train.session_batch,
					.rounds = cfg->train.critic_rounds,
					.rate = cfg->train.session_rate,
					.pool = ctx->pool};
	char identity[FM_SHA256_HEX], *checkpoint = NULL;
	bool first = true;
	int rc;

	if ((rc = netshare_net(m, cfg, err)) < 0 ||
	    (rc = fm_rows_identity(cfg, fm_share_codec_json(m->codec), 0, identity, err)) < 0)
		return rc;
	if (ctx->checkpoint_dir &&
	    (rc = fm_checkpoint_path(&checkpoint, ctx->checkpoint_dir, ctx->checkpoint_key != NULL, err)) < 0)
		return rc;
	o.loop.path = checkpoint;
	o.loop.identity = identity;
	for (int i = 0; i < m->codec->chunks; i++) {
		o.steps[i] = steps_of(cfg, m->codec->chunk[i].sessions, first);
		first = first && m->codec->chunk[i].sessions == 0;
	}
	fm_log("train: %zu sessions of %d chunks, 5-tuples of %.3f flows, %.2f %% in several chunks; %d attributes, "
	       "%d x %d records of %d numbers, %zu parameters, kernels %s, %d threads",
	       s->n, m->codec->chunks, s->flows_each, 100 * s->crossing, m->codec->attributes, m->codec->steps,
	       m->codec->each, m->codec->record, m->net.generator.nfloats + m->net.critics.nfloats, fm_kernels()->name,
	       ctx->pool ? fm_pool_size(ctx->pool) : 1);
	rc = fm_share_train(&m->net, &(struct fm_share_lesson){m->codec, t, s}, &o, m->weights, &m->trained, err);
	free(checkpoint);
	return rc;
}

/* The public flows that vectors of ports are learned from; without them, the table's own. */
static int publics_of(const struct fm_generator_ctx *ctx, struct fm_share_opts *o, struct fm_sentence **publics,
		      struct fm_error *err)
{
	int rc;

	*publics = NULL;
	if (strcmp(ctx->cfg->model.vectors, "trace") == 0)
		return FM_OK;
	if (!ctx->public_flows)
		return fm_fail(err, FM_EINPUT, "there is no public traffic here: set model.vectors to trace");
	if ((rc = ctx->public_flows(publics, &o->npublics, err)) < 0)
		return rc;
	o->publics = *publics;
	return FM_OK;
}

static int netshare_fit(struct fm_model **model, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
			struct fm_fit_result *result, struct fm_error *err)
{
	const struct fm_config *cfg = ctx->cfg;
	struct fm_share_opts o = {.chunks = cfg->model.chunks,
				  .most = cfg->model.session_records,
				  .each = cfg->model.step_records,
				  .min_count = cfg->model.min_count,
				  .k = cfg->privacy.min_count,
				  .seed = cfg->train.seed};
	struct fm_sentence *publics = NULL;
	struct fm_sessions sessions = {.n = 0};
	struct netshare *m = NULL;
	int rc;

	if ((rc = fm_model_new(&m, sizeof *m, &fm_generator_netshare, err)) < 0 ||
	    (rc = publics_of(ctx, &o, &publics, err)) < 0 ||
	    (rc = fm_share_codec_fit(&m->codec, &sessions, real->train, &o, err)) < 0 ||
	    (rc = learn(m, ctx, real->train, &sessions, err)) < 0)
		goto out;
	const struct fm_share_train_result *t = &m->trained;
	*result = (struct fm_fit_result){.steps = (uint64_t)t->steps,
					 .parameters = m->net.generator.nfloats + m->net.critics.nfloats,
					 .loss = t->critic,
					 .validation = NAN,
					 .flows_per_second = t->flows / (t->seconds > 0 ? t->seconds : 1)};
out:
	fm_sessions_close(&sessions);
	free(publics);
	return fm_rows_fitted(model, m ? &m->base : NULL, real, rc);
}

/* ---- on disk ---- */

/* Copy all that is kept to (into) or from the array `all`, in the order of the layout. */
static void kept(const struct netshare *m, float *all, bool into)
{
	const struct fm_words *w = &m->codec->words;
	const struct fm_layout *l = &m->layout;

	for (int i = 0; i < l->n; i++) {
		size_t n = (size_t)l->tensor[i].rows * (size_t)l->tensor[i].cols;
		float *own = i < m->codec->chunks    ? m->weights + (size_t)i * m->net.generator.nfloats
			     : i == m->codec->chunks ? w->ports
						     : w->protocols;

		memcpy(into ? all + l->tensor[i].at : own, into ? own : all + l->tensor[i].at, n * sizeof *all);
	}
}

static int netshare_save(const struct fm_model *base, const struct fm_generator_ctx *ctx, const char *dir,
			 struct fm_error *err)
{
	const struct netshare *m = (const struct netshare *)base;
	float *all = NULL;
	int rc;

	if ((rc = fm_alloc(&all, m->layout.nfloats, sizeof *all, "weights", err)) < 0)
		return rc;
	kept(m, all, true);
	rc =
	    fm_rows_save(base, ctx, dir,
			 &(struct fm_rows_kept){&m->layout, all, fm_share_codec_json(m->codec), m->trained.steps}, err);
	free(all);
	return rc;
}

static int netshare_load(struct fm_model **model, const struct fm_generator_ctx *ctx, const char *dir,
			 struct fm_error *err)
{
	char *path = NULL, *weights = NULL;
	struct netshare *m = NULL;
	float *all = NULL;
	json_t *j = NULL;
	int rc;

	if ((rc = fm_model_paths(dir, &path, &weights, err)) < 0 ||
	    (rc = fm_model_new(&m, sizeof *m, &fm_generator_netshare, err)) < 0 ||
	    (rc = fm_model_json_load(&j, path, &fm_generator_netshare, MODEL_JSON_MAX, err)) < 0)
		goto out;
	if ((rc = fm_share_codec_from_json(&m->codec, json_object_get(j, "codec"), err)) < 0) {
		fm_error_prefix(err, "%s: ", path);
		goto out;
	}
	m->base.text_order = json_is_true(json_object_get(j, "text_order"));
	if ((rc = netshare_net(m, ctx->cfg, err)) < 0 ||
	    (rc = fm_alloc(&all, m->layout.nfloats, sizeof *all, "weights", err)) < 0 ||
	    (rc = fm_weights_load(&m->layout, all, weights, err)) < 0)
		goto out;
	kept(m, all, false);
	*model = &m->base;
	m = NULL;
out:
	json_decref(j);
	free(all);
	free(path);
	free(weights);
	fm_model_free(m ? &m->base : NULL);
	return rc;
}

/* ---- sample ---- */

static int netshare_sample(const struct fm_model *base, const struct fm_generator_ctx *ctx,
			   const struct fm_sample_in *in, struct fm_table **table, struct fm_error *err)
{
	const struct netshare *m = (const struct netshare *)base;
	const struct fm_config *cfg = ctx->cfg;
	struct fm_share_sample_opts o = {.rows = fm_generator_rows(cfg, in->rows, m->codec->flows.rows),
					 .seed = fm_shard_seed(in->seed, in->shard),
					 .batch = cfg->train.session_batch,
					 .pool = ctx->pool};
	struct fm_table *t = NULL;
	int rc = fm_share_sample(&t, &m->net, m->codec, m->weights, &o, err);

	return fm_rows_sampled(table, t, m->codec->flows.inside, cfg, o.seed, rc, err);
}

static json_t *netshare_describe(const struct fm_config *c)
{
	return json_pack(
	    "{s:s, s:o, s:s}", "kind", "netshare", "model",
	    json_sprintf("NetShare (Yin et al. 2022), a baseline that others compare with: sessions by 5-tuple in %d\n"
			 "chunks of time, ports as vectors learned from %s, a DoppelGANger for each chunk\n"
			 "(Lin et al. 2020) whose recurrent layer of %d makes %d records a step, two critics of four\n"
			 "layers of %d with gradient penalties.",
			 c->model.chunks,
			 strcmp(c->model.vectors, "trace") == 0 ? "the training flows" : "simulated traffic",
			 c->model.lstm, c->model.step_records, c->model.layer_width),
	    "addresses", "by the generator as bits, and each number is\nreplaced by a fresh address");
}

const struct fm_generator fm_generator_netshare = {
    .name = "netshare",
    .check = netshare_check,
    .fit = netshare_fit,
    .save = netshare_save,
    .load = netshare_load,
    .sample = netshare_sample,
    .steps = netshare_steps,
    .step_flows = netshare_step_flows,
    .size = netshare_size,
    .describe = netshare_describe,
    .free = netshare_free,
};
