/* backbone.c - the backbones there are. */
#include "model/nn/backbone.h"

#include <string.h>

const struct fm_backbone *fm_backbone_find(const char *name)
{
	static const struct fm_backbone *const all[] = {&fm_transformer, &fm_unet, &fm_mlp};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

int fm_backbone_choose(const struct fm_backbone **b, const char *denoiser, const struct fm_arch *a,
		       struct fm_error *err)
{
	int D = a->width, heads;

	if (!(*b = fm_backbone_find(denoiser)))
		return fm_fail(err, FM_EINPUT,
			       "there is no denoiser '%s': set model.denoiser to transformer, unet or mlp", denoiser);
	heads = *b == &fm_mlp ? 1 : a->heads;
	if (heads < 1 || D < 16 || D > FM_WIDTH_MOST || D % (16 * heads) != 0)
		return fm_fail(err, FM_EINPUT, "model.width is %d: give a multiple of %d%s, at most %d", D, 16 * heads,
			       *b == &fm_mlp ? "" : " (16 * model.heads)", FM_WIDTH_MOST);
	if (a->depth < 1 || a->depth > (*b)->max_depth(a))
		return fm_fail(err, FM_EINPUT, "model.depth is %d: %s over windows of %d flows takes 1 to %d", a->depth,
			       (*b)->name, a->window, (*b)->max_depth(a));
	return FM_OK;
}
