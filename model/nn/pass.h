/*
 * pass.h - one pass through a network, forward or backward: which device computes, with which parameters, over how many
 * windows, and where gradients go.
 *
 * The device is chosen here, once for each layer and not row by row: each function of layers.h is one call on whole
 * arrays, (B*W, D) or (B, D), and reaches the machine only through the pass.  Today that is the processor: its kernels
 * and one thread's packing space.  Another device comes in here: its own `struct fm_layers` (layers.h) in the pass,
 * arrays of activations, parameters and gradients that lie in its memory, and a stream in place of the packing space.
 * Functions of whole arrays (norm, gelu, softmax, add) are k's and would follow; so would the loops over rows outside
 * of layers.h: net.c gathers the rows of a head and takes the losses, unet.c copies rows between levels.  What a device
 * makes for a release must have the bits that the kernels make; training may differ, and then the manifest must say so.
 */
#ifndef FM_MODEL_NN_PASS_H
#define FM_MODEL_NN_PASS_H

#include "base/kernels.h"

struct fm_layers;
struct fm_sink;

/* B windows of W rows of D numbers; R = B*W. */
struct fm_pass {
	const struct fm_layers *layers; /* the device: fm_layers_cpu */
	const struct fm_kernels *k;
	struct fm_scratch *s;
	fm_real *space;             /* FM_SINK_SPACE numbers for the sink; NULL where the sink only accumulates */
	const fm_real *p;           /* parameters */
	const struct fm_sink *sink; /* takes their gradients; NULL in a forward pass */
	fm_real *act;               /* activations, which forward leaves for backward */
	int B, W, D;
};

/* A matrix: rows of cols numbers, stride apart. */
struct fm_mat {
	const fm_real *x;
	int cols, stride;
};

#endif
