/* generate.c - the stage that makes flows: model -> synthetic table.  It sees the model and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "manifests/cidr.h"
#include "model/codec/decode.h"
#include "model/diffusion/sampler.h"
#include "stages/engine.h"
#include "stages/stage.h"

struct bar {
	struct fm_progress p;
	int window;
};

static void show(void *ctx, uint64_t windows)
{
	struct bar *b = ctx;
	fm_progress_step(&b->p, windows * (uint64_t)b->window, NULL);
}

static int ranges(const char (*text)[20], int n, struct fm_range *r, struct fm_error *err)
{
	for (int i = 0; i < n; i++) {
		struct fm_cidr c;
		if (fm_cidr_parse(&c, text[i], err) < 0)
			return err->code;
		r[i] = (struct fm_range){c.base, c.bits};
	}
	return FM_OK;
}

/* The config's wishes for time and labels, in the codec's terms. */
static int wishes(const struct fm_config *cfg, const struct fm_codec *codec, uint64_t rows,
		  struct fm_window_schedule_opts *o, struct fm_error *err)
{
	const struct fm_cat *labels = &codec->cat[FM_T_LABEL];
	*o = (struct fm_window_schedule_opts){
	    .rows = rows, .seed = cfg->generate.seed, .hours = {cfg->generate.hours[0], cfg->generate.hours[1]}};
	for (int i = 0; i < cfg->generate.nlabels; i++) {
		int l = 0;
		while (l < labels->n && strcmp(labels->value[l], cfg->generate.labels[i].name) != 0)
			l++;
		if (l >= labels->n || l >= FM_MAXCLASSES)
			return fm_fail(err, FM_EINPUT,
				       "generate.labels: the model knows no label '%s' (too rare, or not in the "
				       "trace); the most frequent it knows is '%s'",
				       cfg->generate.labels[i].name, labels->n ? labels->value[0] : "none");
		o->label[o->nlabels] = l;
		o->share[o->nlabels++] = cfg->generate.labels[i].share;
	}
	return FM_OK;
}

static int sample(const struct fm_config *cfg, const struct fm_codec *codec, const struct fm_structural_zeros *zeros,
		  const struct fm_net *net, const float *weights, uint64_t rows, struct fm_table **table,
		  struct fm_error *err)
{
	struct fm_range inside[FM_CFG_MAXRANGES], outside[FM_CFG_MAXRANGES];
	struct fm_decode_opts d = {rows,    cfg->generate.seed,    inside,
				   outside, cfg->generate.ninside, cfg->generate.noutside};
	struct bar bar = {.window = codec->window};
	enum fm_solver solver = fm_engine_solver(cfg);
	struct fm_sample_opts o = {.steps = solver == FM_ANCESTRAL ? cfg->model.steps : cfg->generate.steps,
				   .solver = solver,
				   .confident = strcmp(cfg->generate.order, "confidence") == 0,
				   .seed = cfg->generate.seed,
				   .guidance = cfg->generate.guidance,
				   .progress = show,
				   .ctx = &bar};
	struct fm_window_schedule_opts po;
	struct fm_process process;
	struct fm_window_schedule schedule = {0};
	struct fm_pool *pool = NULL;
	uint16_t *tok = NULL;
	float *res = NULL;
	int ret = fm_engine_process(&process, cfg, err);
	if (ret == FM_OK)
		ret = ranges(cfg->generate.inside, cfg->generate.ninside, inside, err);
	if (ret == FM_OK)
		ret = ranges(cfg->generate.outside, cfg->generate.noutside, outside, err);
	if (ret == FM_OK)
		ret = fm_pool_new(&pool, cfg->train.threads, err);
	if (ret == FM_OK)
		ret = wishes(cfg, codec, rows, &po, err);
	if (ret == FM_OK)
		ret = fm_window_schedule_make(&schedule, codec, &po, err);
	size_t flows = schedule.n * (size_t)codec->window;
	if (ret == FM_OK)
		ret = fm_alloc(&tok, flows * FM_NTOK, sizeof *tok, "synthetic tokens", err);
	if (ret == FM_OK)
		ret = fm_alloc(&res, flows * FM_NRES, sizeof *res, "synthetic residuals", err);
	if (ret == FM_OK) {
		fm_progress_begin(&bar.p, "generate", "flows", flows);
		ret = fm_sample(net, codec, zeros, &process, weights, &schedule, &o, pool, tok, res, err);
		fm_progress_end(&bar.p, NULL);
	}
	if (ret == FM_OK)
		ret = fm_decode(table, codec, &schedule, tok, res, &d, err);
	free(tok);
	free(res);
	fm_window_schedule_free(&schedule);
	fm_pool_free(pool);
	return ret;
}

int fm_stage_generate(const struct fm_generate_in *in, struct fm_generate_out *out, struct fm_error *err)
{
	struct fm_codec *codec = NULL;
	struct fm_structural_zeros zeros = {.n = {{0}}};
	struct fm_net *net = NULL;
	struct fm_table *table = NULL;
	float *weights = NULL;
	double started = fm_seconds();
	int ret = fm_engine_check(in->cfg, err);

	if (ret == FM_OK)
		ret = fm_engine_model(in->model_dir, &codec, &zeros, err);
	uint64_t rows =
	    ret == FM_OK && in->cfg->generate.rows <= 0 ? codec->train_rows : (uint64_t)in->cfg->generate.rows;
	if (ret == FM_OK)
		ret = fm_engine_net(&net, in->cfg, codec, err);
	if (ret == FM_OK)
		ret = fm_engine_weights(in->model_dir, net, &weights, err);
	if (ret == FM_OK)
		ret = sample(in->cfg, codec, &zeros, net, weights, rows, &table, err);
	if (ret == FM_OK)
		ret = fm_table_save(table, in->out_dir, err);
	if (ret == FM_OK) {
		double s = fm_seconds() - started;
		*out = (struct fm_generate_out){rows, (double)rows / (s > 0 ? s : 1)};
	}
	fm_table_free(table);
	free(weights);
	fm_net_free(net);
	fm_structural_zeros_free(&zeros);
	fm_codec_free(codec);
	return ret;
}

json_t *fm_generate_out_json(const struct fm_generate_out *out)
{
	return json_pack("{s:I, s:f}", "rows", (json_int_t)out->rows, "flows_per_second", out->flows_per_second);
}
