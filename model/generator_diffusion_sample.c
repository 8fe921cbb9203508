/* generator_diffusion_sample.c - flows of the diffusion generator, all at once or in parts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/codec/decode.h"
#include "model/diffusion/sampled.h"
#include "model/generator_diffusion_parts.h"
#include "model/ranges.h"

int fm_diffusion_wishes(const struct fm_config *cfg, const struct fm_codec *codec, uint64_t rows, uint64_t seed,
			struct fm_window_schedule_opts *o, struct fm_error *err)
{
	const struct fm_cat *labels = &codec->cat[FM_T_LABEL];
	*o = (struct fm_window_schedule_opts){
	    .rows = rows, .seed = seed, .hours = {cfg->generate.hours[0], cfg->generate.hours[1]}};
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

struct bar {
	struct fm_progress p;
	int window;
};

static void show(void *ctx, uint64_t windows)
{
	struct bar *b = ctx;
	fm_progress_step(&b->p, windows * (uint64_t)b->window, NULL);
}

static struct fm_sample_opts sample_opts(const struct diffusion *d, const struct fm_config *cfg, uint64_t seed,
					 struct bar *bar)
{
	enum fm_solver solver = fm_solver_find(cfg->generate.sampler);

	return (struct fm_sample_opts){.steps = solver == FM_ANCESTRAL ? cfg->model.steps : cfg->generate.steps,
				       .solver = solver,
				       .confident = strcmp(cfg->generate.order, "confidence") == 0,
				       .seed = seed,
				       .guidance = cfg->generate.guidance,
				       .calibration = &d->calibration,
				       .progress = show,
				       .ctx = bar};
}

/* A sample while it is made: windows as tokens and residuals, which are decoded into flows. */
struct making {
	const struct diffusion *d;
	const struct fm_generator_ctx *ctx;
	uint64_t rows, seed;
	struct fm_window_schedule schedule, drafts; /* drafts: the windows drawn to choose from (margins.h) */
	size_t first;                               /* the window that tok and res begin with */
	uint16_t *tok;
	float *res;
	struct bar bar;
};

static int making_plan(struct making *k, const struct fm_sample_in *in, struct fm_error *err)
{
	struct fm_window_schedule_opts so;
	int rc;

	k->rows = fm_generator_rows(k->ctx->cfg, in->rows, k->d->codec->train_rows);
	k->seed = fm_shard_seed(in->seed, in->shard);
	if (k->rows >= UINT32_MAX) /* decoding numbers flows in 32 bits */
		return fm_fail(err, FM_EINPUT,
			       "generate.rows: %" PRIu64 " flows are too many for one release: at most %u", k->rows,
			       UINT32_MAX - 1);
	k->bar.window = k->d->codec->window;
	if (k->ctx->cfg->generate.guidance > 0 && k->d->codec->times.nclasses < 2)
		fm_warn(
		    "generate.guidance does nothing: the training flows have one label that counts, so their windows "
		    "are of one class");
	if ((rc = fm_diffusion_wishes(k->ctx->cfg, k->d->codec, k->rows, k->seed, &so, err)) < 0)
		return rc;
	if ((rc = fm_window_schedule_make(&k->schedule, k->d->codec, &so, err)) < 0 ||
	    (rc = fm_window_kinds_draw(&k->d->kinds, &k->schedule, k->seed, err)) < 0)
		return rc;
	return fm_margins_drafts(&k->d->margins, &k->drafts, &k->schedule, k->d->codec->times.nclasses, err);
}

/* How many flows the windows of a range have. */
static size_t flows_of(const struct making *k, struct fm_window_range r)
{
	return (r.end - r.first) * (size_t)k->d->codec->window;
}

static int making_room(struct making *k, struct fm_window_range r, struct fm_error *err)
{
	size_t flows = flows_of(k, r);
	int rc;

	k->first = r.first;
	if ((rc = fm_alloc(&k->tok, flows * FM_NTOK + 1, sizeof *k->tok, "synthetic tokens", err)) < 0)
		return rc;
	return fm_alloc(&k->res, flows * FM_NRES + 1, sizeof *k->res, "synthetic residuals", err);
}

static struct fm_sampled place_of(const struct making *k, struct fm_window_range r)
{
	size_t at = (r.first - k->first) * (size_t)k->d->codec->window;

	return (struct fm_sampled){k->tok + at * FM_NTOK, k->res + at * FM_NRES};
}

static int making_run(struct making *k, struct fm_window_range r, struct fm_error *err)
{
	struct fm_sample_of of = {{k->d->net, &k->d->process, k->d->weights}, k->d->codec, &k->d->zeros, &k->drafts};
	struct fm_sample_opts o = sample_opts(k->d, k->ctx->cfg, k->seed, &k->bar);
	struct fm_sampled place = place_of(k, r);
	int rc;

	if (r.first == r.end)
		return FM_OK;
	o.pool = k->ctx->pool;
	fm_progress_begin(&k->bar.p, "generate", "flows", flows_of(k, r));
	rc = fm_sample(&of, r, &o, &place, err);
	fm_progress_end(&k->bar.p, NULL);
	return rc;
}

static void making_free(struct making *k)
{
	free(k->tok);
	free(k->res);
	fm_window_schedule_free(&k->schedule);
	fm_window_schedule_free(&k->drafts);
}

#define PART_FILE "windows.bin"

/* Read the parts that exist, and make the windows between them. */
static int making_join(struct making *k, const struct fm_sample_in *in, struct fm_error *err)
{
	struct fm_window_range gap = {0, 0};
	int rc;

	for (uint32_t i = 1; i <= in->nparts; i++) {
		struct fm_window_range part = fm_sample_part(k->drafts.n, i, in->nparts);
		struct fm_sampled place = place_of(k, part);
		char *path = NULL;

		if (asprintf(&path, "%s/%" PRIu32 "/" PART_FILE, in->parts, i) < 0)
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		if (!fm_file_exists(path)) {
			free(path);
			gap.end = part.end;
			continue;
		}
		rc = fm_sampled_load(&place, flows_of(k, part), k->d->codec->vocab, path, err);
		free(path);
		if (rc < 0 || (rc = making_run(k, gap, err)) < 0)
			return rc;
		gap = (struct fm_window_range){part.end, part.end};
	}
	gap.end = k->drafts.n;
	return making_run(k, gap, err);
}

/* How many of the flows that are made a range of drafts stands for. */
static uint64_t stands_for(const struct making *k, struct fm_window_range r)
{
	uint64_t n = k->schedule.n, drafts = k->drafts.n > 0 ? k->drafts.n : 1;

	return (r.end * n / drafts - r.first * n / drafts) * (uint64_t)k->d->codec->window;
}

int fm_diffusion_part(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
		      const struct fm_part_place *place, uint64_t *flows, struct fm_error *err)
{
	struct making k = {.d = fm_diffusion_of(m), .ctx = ctx};
	char *path = fm_path_join(place->dir, PART_FILE);
	struct fm_window_range r;
	int rc;

	if (!path) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = making_plan(&k, in, err)) < 0)
		goto out;
	r = fm_sample_part(k.drafts.n, place->index, place->of);
	if ((rc = making_room(&k, r, err)) < 0 || (rc = making_run(&k, r, err)) < 0)
		goto out;
	*flows = stands_for(&k, r);
	rc = fm_sampled_save(&(struct fm_sampled){k.tok, k.res}, flows_of(&k, r), path, err);
out:
	making_free(&k);
	free(path);
	return rc;
}

int fm_diffusion_sample(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
			struct fm_table **table, struct fm_error *err)
{
	struct making k = {.d = fm_diffusion_of(m), .ctx = ctx};
	struct fm_range fresh[FM_SIDES][FM_CFG_MAXRANGES];
	struct fm_decode_opts decode = {.reassign = true};
	int rc;

	for (int side = 0; side < FM_SIDES; side++) {
		decode.fresh[side].range = fresh[side];
		if ((rc = fm_ranges(fresh[side], &decode.fresh[side].n, ctx->cfg, side, err)) < 0)
			goto out;
	}
	if ((rc = making_plan(&k, in, err)) < 0 ||
	    (rc = making_room(&k, (struct fm_window_range){0, k.drafts.n}, err)) < 0 ||
	    (rc = making_join(&k, in, err)) < 0 ||
	    (rc = fm_margins_choose(&k.d->margins,
				    &(struct fm_drafts){&k.drafts, k.schedule.n, k.d->codec->times.nclasses},
				    &(struct fm_sampled){k.tok, k.res}, k.d->codec->window, err)) < 0)
		goto out;
	decode.rows = k.rows;
	decode.seed = k.seed;
	rc = fm_decode(table, k.d->codec, &k.schedule, k.tok, k.res, &decode, err);
out:
	making_free(&k);
	return rc;
}
