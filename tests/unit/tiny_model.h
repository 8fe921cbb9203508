/* tiny_model.h - the model of a training that never was: the codec of simulated flows, and weights made from a seed. */
#ifndef FM_TESTS_TINY_MODEL_H
#define FM_TESTS_TINY_MODEL_H

#include <jansson.h>

#include "base/file.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "model/codec/structural_zeros.h"
#include "model/diffusion/process.h"
#include "model/nn/safetensors.h"
#include "tests/unit/model_fixture.h"

enum { TINY_WINDOW = 16, TINY_ROWS = 4800 };

/* Preset demo with a network of the smallest kind, and so many overrides more. */
static inline int tiny_config(struct fm_config **cfg, const char *const *more, int n, struct fm_error *err)
{
	static const char *const smallest[] = {"model.window=16", "model.width=32",  "model.heads=2",
					       "model.depth=2",   "model.steps=100", "generate.rows=600",
					       "generate.steps=6"};
	const char *set[32], *kind = "diffusion";
	bool mlp = false, ancestral = false;
	int k = 0;
	for (int i = 0; i < n; i++) {
		if (strncmp(more[i], "model.kind=", 11) == 0)
			kind = more[i] + 11;
		mlp |= strcmp(more[i], "model.denoiser=mlp") == 0;
		ancestral |= strcmp(more[i], "generate.sampler=ancestral") == 0;
	}
	for (size_t i = 0; i < sizeof smallest / sizeof *smallest; i++)
		if (fm_config_is_for(smallest[i], kind) && !(mlp && strncmp(smallest[i], "model.heads", 11) == 0) &&
		    !(ancestral && strncmp(smallest[i], "generate.steps", 14) == 0))
			set[k++] = smallest[i];
	for (int i = 0; i < n; i++)
		set[k++] = more[i];
	return fm_config_preset(cfg, "demo", set, k, err);
}

/* Every tensor gets numbers, those too that begin as zeros. */
static inline void tiny_weights(const struct fm_layout *l, float *p, uint64_t seed)
{
	fm_layout_init(l, p, seed);
	for (int i = 0; i < l->n; i++) {
		const struct fm_tensor *t = &l->tensor[i];
		struct fm_rng r;
		fm_rng_init(&r, seed, FM_RNG_JUDGE, (uint64_t)i, 0);
		for (int k = 0; t->std == 0 && k < t->rows * t->cols; k++)
			p[t->at + (size_t)k] = 0.05f * fm_rng_normal(&r);
	}
}

/* model.json and weights.safetensors in dir, which is there. */
static inline int tiny_model(const char *dir, const struct fm_config *cfg, uint64_t seed, struct fm_error *err)
{
	struct fm_table *t = fixture_flows(TINY_ROWS, 31, TINY_WINDOW);
	for (size_t i = 0; i < t->rows; i++) /* over a whole day */
		t->te[i] += (int64_t)(i / TINY_WINDOW * TINY_WINDOW) * 18000;
	struct fm_codec_opts o = fixture_opts(t, TINY_WINDOW);
	struct fm_codec *c = NULL;
	struct fm_hosts *h = NULL;
	struct fm_encoded e = {0};
	struct fm_structural_zeros s = {.n = {{0}}};
	struct fm_arch a = {TINY_WINDOW, cfg->model.width, cfg->model.depth, cfg->model.heads, 4 * cfg->model.width};
	struct fm_net *net = NULL;
	float *p = NULL;
	char *json = fm_path_join(dir, "model.json"), *weights = fm_path_join(dir, "weights.safetensors");
	json_t *j = NULL;
	int ret = fm_codec_fit_with_hosts(&c, &h, t, &o, err);
	if (ret == FM_OK)
		ret = fm_codec_encode(c, h, t, 1, &e, err);
	if (ret == FM_OK)
		ret = fm_structural_zeros_fit(&s, c->vocab, &e, TINY_WINDOW, o.min_count, err);
	if (ret == FM_OK)
		ret = fm_net_new(&net, cfg->model.denoiser, &a, c->vocab, c->roles.nhosts, err);
	if (ret == FM_OK && (p = calloc(net->layout.nfloats, sizeof *p))) {
		tiny_weights(&net->layout, p, seed);
		ret = fm_weights_save(&net->layout, p, weights, err);
	}
	if (ret == FM_OK) {
		j = json_pack("{s:s, s:{s:s}, s:o, s:o}", "format", "flowmint-model/1", "model", "kind", "diffusion",
			      "codec", fm_codec_json(c), "excluded", fm_structural_zeros_json(&s));
		ret = fm_json_save(j, json, err);
	}
	json_decref(j);
	free(p);
	free(json);
	free(weights);
	fm_net_free(net);
	fm_structural_zeros_free(&s);
	fm_encoded_free(&e);
	fm_codec_free(c);
	fm_hosts_free(h);
	fm_table_free(t);
	return ret;
}

#endif
