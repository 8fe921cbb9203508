/*
 * backbone.h - the interface that every denoiser fills: a map from embedded flows of a window to hidden states,
 * conditioned on one vector per window.  Embedding, condition, heads and losses are the same for all (net.h).
 *
 *     x (B*W, D) --backbone(c (B, D))--> h (B*W, D)
 */
#ifndef FM_MODEL_NN_BACKBONE_H
#define FM_MODEL_NN_BACKBONE_H

#include <stddef.h>

#include "base/error.h"
#include "base/kernels.h"
#include "model/nn/params.h"
#include "model/nn/pass.h"

#define FM_MAXDEPTH 32
#define FM_WIDTH_MOST 2048
/* The width is a multiple of 16 * heads; for mlp, which has no heads, of 16. */
struct fm_arch {
	int window, width, depth, heads; /* W, D, layers (mlp: blocks, unet: levels), attention heads */
	int ffn;                         /* width inside the feed-forward layers */
};

struct fm_backbone {
	const char *name;
	/* Declare the tensors; `at` receives their offsets (as many as the backbone wants, at most FM_MAXTENSORS). */
	void (*declare)(const struct fm_arch *a, struct fm_layout *l, size_t *at);
	/* The greatest depth that is allowed for the window. */
	int (*max_depth)(const struct fm_arch *a);
	/* Numbers of activations for B windows: what forward leaves for backward. */
	size_t (*act_floats)(const struct fm_arch *a, int B);
	/* h (B*W,D) from x (B*W,D), which is destroyed; c (B,D). */
	void (*forward)(const struct fm_arch *a, const size_t *at, const struct fm_pass *q, fm_real *x,
			const fm_real *c, fm_real *h);
	/* dx (B*W,D) from dh (B*W,D), which is destroyed; dc (B,D) is added to, parameters' gradients go to the sink.
	 */
	void (*backward)(const struct fm_arch *a, const size_t *at, const struct fm_pass *q, fm_real *dh,
			 const fm_real *c, fm_real *dx, fm_real *dc);
};
extern const struct fm_backbone fm_transformer, fm_unet, fm_mlp;
const struct fm_backbone *fm_backbone_find(const char *name); /* NULL when there is none of that name */
/* The same; FM_EINPUT where there is none, or for a shape that it cannot have.  over: what W counts, in words. */
int fm_backbone_choose(const struct fm_backbone **b, const char *denoiser, const struct fm_arch *a, const char *over,
		       struct fm_error *err) FM_MUST_CHECK;
#define FM_OVER_WINDOWS "flows of a window"

#endif
