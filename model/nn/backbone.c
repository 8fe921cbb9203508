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

static int nearest_multiple(int x, int of)
{
	int most = FM_WIDTH_MOST / of, n = (x + of / 2) / of;

	return (n < 1 ? 1 : n > most ? most : n) * of;
}

int fm_backbone_choose(const struct fm_backbone **b, const char *denoiser, const struct fm_arch *a, const char *over,
		       struct fm_error *err)
{
	int D = a->width, heads, of;

	if (!(*b = fm_backbone_find(denoiser)))
		return fm_fail(err, FM_EINPUT,
			       "there is no denoiser '%s': set model.denoiser to transformer, unet or mlp", denoiser);
	heads = *b == &fm_mlp ? 1 : a->heads;
	if (heads < 1 || heads > FM_WIDTH_MOST / 16)
		return fm_fail(err, FM_EINPUT, "model.heads is %d: give 1 to %d", heads, FM_WIDTH_MOST / 16);
	of = 16 * heads;
	if (D < of || D > FM_WIDTH_MOST || D % of != 0)
		return fm_fail(err, FM_EINPUT, "model.width %d is no multiple of %d%s up to %d: the nearest is %d", D,
			       of, *b == &fm_mlp ? "" : " (16 * model.heads)", FM_WIDTH_MOST, nearest_multiple(D, of));
	if (a->depth < 1 || a->depth > (*b)->max_depth(a))
		return fm_fail(err, FM_EINPUT, "model.depth is %d: %s over %d %s takes 1 to %d", a->depth, (*b)->name,
			       a->window, over, (*b)->max_depth(a));
	return FM_OK;
}
