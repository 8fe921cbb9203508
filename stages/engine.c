/* engine.c - config to network. */
#include "stages/engine.h"

#include <string.h>

int fm_engine_check(const struct fm_config *cfg, struct fm_error *err)
{
	if (strcmp(cfg->model.process, "absorbing") != 0)
		return fm_fail(err, FM_EINPUT, "model.process '%s' is not in this version: set it to absorbing", cfg->model.process);
	if (strcmp(cfg->privacy.mode, "none") != 0)
		return fm_fail(err, FM_EINPUT, "privacy.mode '%s' is not in this version: it gives no differential privacy; set it to none", cfg->privacy.mode);
	return FM_OK;
}

int fm_engine_net(struct fm_net **net, const struct fm_config *cfg, const struct fm_codec *codec, struct fm_error *err)
{
	struct fm_arch a = {codec->window, cfg->model.width, cfg->model.depth, cfg->model.heads, 4 * cfg->model.width};
	return fm_net_new(net, cfg->model.denoiser, &a, codec->vocab, err);
}
