/* test_engine.c - what a config may ask of the engine: neither takes what the other refuses; and a model that is not
 * the one the config speaks of, or no model, or damaged, is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "model/codec/relations.h"
#include "model/generator.h"
#include "model/nn/backbone.h"
#include "stages/stage.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tiny_model.h"

/* The smallest vocabularies that a codec has. */
static void small_vocab(int vocab[FM_NTOK], int window)
{
	for (int c = 0; c < FM_NTOK; c++)
		vocab[c] = 3;
	vocab[FM_T_REL] = FM_REL_TOKENS(window);
}

static bool config_takes(const char *denoiser, const struct fm_arch *a)
{
	char text[5][64];
	const char *set[5];
	struct fm_config *cfg;
	const struct fm_generator *g;
	struct fm_error err = {0};
	int ret;
	snprintf(text[0], sizeof text[0], "model.denoiser=%s", denoiser);
	snprintf(text[1], sizeof text[1], "model.window=%d", a->window);
	snprintf(text[2], sizeof text[2], "model.width=%d", a->width);
	snprintf(text[3], sizeof text[3], "model.depth=%d", a->depth);
	snprintf(text[4], sizeof text[4], "model.heads=%d", a->heads);
	for (int i = 0; i < 5; i++)
		set[i] = text[i];
	ret = fm_config_preset(&cfg, "demo", set, strcmp(denoiser, "mlp") == 0 ? 4 : 5, &err); /* it has no heads */
	if (ret == FM_OK)
		ret = fm_generator_check(&g, cfg, &err);
	fm_config_free(cfg);
	return ret == FM_OK;
}

static bool engine_takes(const char *denoiser, const struct fm_arch *a)
{
	int vocab[FM_NTOK];
	struct fm_error err = {0};
	struct fm_net *net = NULL;
	int ret;
	small_vocab(vocab, a->window);
	ret = fm_net_new(&net, denoiser, a, vocab, 3, &err);
	if (ret == FM_OK)
		fm_net_free(net);
	return ret == FM_OK;
}

static void config_and_engine_take_the_same(void **state)
{
	static const char *const denoiser[] = {"transformer", "unet", "mlp"};
	static const int window[] = {1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 511, 512, 513},
			 depth[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 32, 33},
			 width[] = {0, 8, 16, 24, 32, 48, 64, 96, 2048, 2064}, heads[] = {0, 1, 2, 3, 4, 64, 65};
	int taken = 0;
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		for (size_t w = 0; w < sizeof window / sizeof *window; w++)
			for (size_t n = 0; n < sizeof depth / sizeof *depth; n++) {
				struct fm_arch a = {window[w], 32, depth[n], 2, 128};
				bool cfg = config_takes(denoiser[d], &a);
				if (cfg != engine_takes(denoiser[d], &a))
					fail_msg("%s, window %d, depth %d: the config %s it", denoiser[d], a.window,
						 a.depth, cfg ? "takes" : "refuses");
				taken += cfg;
			}
		for (size_t w = 0; w < sizeof width / sizeof *width; w++)
			for (size_t n = 0; n < sizeof heads / sizeof *heads; n++) {
				struct fm_arch a = {8, width[w], 1, heads[n], 4 * width[w]};
				bool cfg = config_takes(denoiser[d], &a);
				if (cfg != engine_takes(denoiser[d], &a))
					fail_msg("%s, width %d, heads %d: the config %s it", denoiser[d], a.width,
						 a.heads, cfg ? "takes" : "refuses");
				taken += cfg;
			}
	}
	assert_true(taken > 100);
}

/* ---- models ---- */

static char model[600], made[600], file[700];

static const char *in_model(const char *name)
{
	snprintf(file, sizeof file, "%s/%s", model, name);
	return file;
}

/* A good model, of preset demo with the overrides. */
static void make_model(const char *const *set, int n)
{
	struct fm_config *cfg;
	struct fm_error err = {0};
	if (tiny_config(&cfg, set, n, &err) != FM_OK || tiny_model(model, cfg, 5, &err) != FM_OK)
		fail_msg("%s", err.message);
	fm_config_free(cfg);
}

/* Generation by a config with one override: refused with these words, or (NULL) good. */
static void generate(const char *set, const char *words)
{
	struct fm_config *cfg;
	struct fm_error err = {0};
	struct fm_generate_out out;
	assert_int_equal(tiny_config(&cfg, &set, set ? 1 : 0, &err), FM_OK);
	struct fm_generate_in in = {.cfg = cfg, .model_dir = model, .out_dir = made};
	int ret = fm_stage_generate(&in, &out, &err);
	fm_config_free(cfg);
	if (!words && ret != FM_OK)
		fail_msg("%s", err.message);
	if (!words)
		return;
	assert_int_equal(ret, FM_EINPUT);
	if (!strstr(err.message, words))
		fail_msg("'%s' does not say '%s'", err.message, words);
	assert_false(fm_file_exists(scratch_path("made/schema.json")));
}

static void a_model_of_another_shape_is_refused(void **state)
{
	(void)state;
	make_model(NULL, 0);
	generate("model.width=64", "these are the weights of another model");
	generate("model.depth=1", "bytes of tensors where");
	generate("model.depth=3", "these are the weights of another model");
	generate("model.denoiser=unet", "these are the weights of another model");
	generate("model.denoiser=mlp", "another model");
	const char *unet = "model.denoiser=unet";
	make_model(&unet, 1);
	generate(NULL, "these are the weights of another model");
	generate(unet, NULL);
}

static void replace(const char *name, const char *from, const char *to)
{
	struct fm_buf b = {0};
	struct fm_error err = {0};
	assert_int_equal(fm_file_read(in_model(name), 1 << 26, &b, &err), FM_OK);
	char *at = strstr(b.data, from);
	assert_true(at && strlen(from) == strlen(to));
	memcpy(at, to, strlen(to));
	assert_int_equal(fm_file_write(in_model(name), 0600, b.data, b.len, &err), FM_OK);
	fm_buf_free(&b);
}

static void a_model_of_another_version_is_refused(void **state)
{
	(void)state;
	make_model(NULL, 0);
	replace("model.json", "flowmint-model/1", "flowmint-model/2");
	generate(NULL, "this is no flowmint-model/1");
	make_model(NULL, 0);
	replace("model.json", "\"window\": 16", "\"window\": 17"); /* the position's embedding has 16 rows */
	generate(NULL, "another model");
	make_model(NULL, 0);
	replace("model.json", "\"numbers\"", "\"Numbers\"");
	generate(NULL, "model.json");
	make_model(NULL, 0);
	assert_int_equal(unlink(in_model("model.json")), 0);
	generate(NULL, "model.json");
	make_model(NULL, 0);
	assert_int_equal(unlink(in_model("weights.safetensors")), 0);
	generate(NULL, "weights.safetensors");
}

static void damaged_weights_are_refused(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err = {0};
	(void)state;
	make_model(NULL, 0);
	assert_int_equal(fm_file_read(in_model("weights.safetensors"), 1 << 26, &b, &err), FM_OK);
	for (size_t cut = 0; cut < b.len; cut += b.len / 7 + 1) {
		assert_int_equal(fm_file_write(in_model("weights.safetensors"), 0600, b.data, cut, &err), FM_OK);
		generate(NULL, "weights.safetensors");
	}
	assert_int_equal(fm_file_write(in_model("weights.safetensors"), 0600, b.data, b.len + 1, &err),
			 FM_OK); /* data[len] is 0 */
	generate(NULL, "bytes of tensors where");
	memset(b.data + b.len - 4, 0xff, 4); /* the last weight: NaN */
	assert_int_equal(fm_file_write(in_model("weights.safetensors"), 0600, b.data, b.len, &err), FM_OK);
	generate(NULL, "not a number");
	fm_buf_free(&b);
}

static void what_a_model_cannot_make_is_refused(void **state)
{
	(void)state;
	make_model(NULL, 0);
	generate("generate.labels={zebra: 1}", "knows no label 'zebra'");
}

static int setup(void **state)
{
	(void)state;
	fm_log_quiet(1);
	if (scratch_make() < 0)
		return -1;
	snprintf(model, sizeof model, "%s/model", scratch);
	snprintf(made, sizeof made, "%s/made", scratch);
	return mkdir(model, 0700) < 0 || mkdir(made, 0700) < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(config_and_engine_take_the_same),
	    cmocka_unit_test_setup_teardown(a_model_of_another_shape_is_refused, setup, scratch_teardown),
	    cmocka_unit_test_setup_teardown(a_model_of_another_version_is_refused, setup, scratch_teardown),
	    cmocka_unit_test_setup_teardown(damaged_weights_are_refused, setup, scratch_teardown),
	    cmocka_unit_test_setup_teardown(what_a_model_cannot_make_is_refused, setup, scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
