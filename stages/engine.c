/* engine.c - config to network. */
#include "stages/engine.h"

#include <string.h>

int fm_engine_check(const struct fm_config *cfg, struct fm_error *err)
{
	if (strcmp(cfg->privacy.mode, "none") != 0)
		return fm_fail(err, FM_EINPUT, "privacy.mode '%s' is not in this version: it gives no differential privacy; set it to none", cfg->privacy.mode);
	return FM_OK;
}

int fm_engine_process(struct fm_process *pr, const struct fm_config *cfg, struct fm_error *err)
{
	int ret = fm_process_init(pr, cfg->model.steps, cfg->model.schedule, err);
	return ret < 0 ? ret : fm_process_choose(pr, cfg->model.process, cfg->model.prediction, err);
}

enum fm_solver fm_engine_solver(const struct fm_config *cfg)
{
	return strcmp(cfg->generate.sampler, "ancestral") == 0 ? FM_ANCESTRAL : strcmp(cfg->generate.sampler, "dpm2") == 0 ? FM_DPM2 : FM_DDIM;
}

int fm_engine_net(struct fm_net **net, const struct fm_config *cfg, const struct fm_codec *codec, struct fm_error *err)
{
	struct fm_arch a = {codec->window, cfg->model.width, cfg->model.depth, cfg->model.heads, 4 * cfg->model.width};
	return fm_net_new(net, cfg->model.denoiser, &a, codec->vocab, err);
}
