/* test_engine.c - what a config may ask of the engine: neither takes what the other refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "manifests/config.h"
#include "model/body.h"
#include "model/net.h"
#include "stages/engine.h"

/* The smallest vocabularies that a codec has. */
static void small_vocab(int vocab[FM_NTOK], int window)
{
	for (int c = 0; c < FM_NTOK; c++)
		vocab[c] = 3;
	vocab[FM_T_REL] = window;
}

static bool config_takes(const char *denoiser, const struct fm_arch *a)
{
	char text[5][64];
	const char *set[5];
	struct fm_config *cfg;
	struct fm_error err = {0};
	int ret;
	snprintf(text[0], sizeof text[0], "model.denoiser=%s", denoiser);
	snprintf(text[1], sizeof text[1], "model.window=%d", a->window);
	snprintf(text[2], sizeof text[2], "model.width=%d", a->width);
	snprintf(text[3], sizeof text[3], "model.depth=%d", a->depth);
	snprintf(text[4], sizeof text[4], "model.heads=%d", a->heads);
	for (int i = 0; i < 5; i++)
		set[i] = text[i];
	ret = fm_config_preset(&cfg, "demo", set, 5, &err);
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
	ret = fm_net_new(&net, denoiser, a, vocab, &err);
	if (ret == FM_OK)
		fm_net_free(net);
	return ret == FM_OK;
}

static void config_and_engine_take_the_same(void **state)
{
	static const char *const denoiser[] = {"transformer", "unet", "mlp"};
	static const int window[] = {1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 511, 512, 513}, depth[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 32, 33},
			 width[] = {0, 8, 16, 24, 32, 48, 64, 96, 2048, 2064}, heads[] = {0, 1, 2, 3, 4, 64, 65};
	int taken = 0;
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		for (size_t w = 0; w < sizeof window / sizeof *window; w++)
			for (size_t n = 0; n < sizeof depth / sizeof *depth; n++) {
				struct fm_arch a = {window[w], 32, depth[n], 2, 128};
				bool cfg = config_takes(denoiser[d], &a);
				if (cfg != engine_takes(denoiser[d], &a))
					fail_msg("%s, window %d, depth %d: the config %s it", denoiser[d], a.window, a.depth, cfg ? "takes" : "refuses");
				taken += cfg;
			}
		for (size_t w = 0; w < sizeof width / sizeof *width; w++)
			for (size_t n = 0; n < sizeof heads / sizeof *heads; n++) {
				struct fm_arch a = {8, width[w], 1, heads[n], 4 * width[w]};
				bool cfg = config_takes(denoiser[d], &a);
				if (cfg != engine_takes(denoiser[d], &a))
					fail_msg("%s, width %d, heads %d: the config %s it", denoiser[d], a.width, a.heads, cfg ? "takes" : "refuses");
				taken += cfg;
			}
	}
	assert_true(taken > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(config_and_engine_take_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
