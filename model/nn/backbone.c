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
